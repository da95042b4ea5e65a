package emul

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/host"
)

// stop serves one report of the kernel about a traced thread.
func (l *Loop) stop(tid int, status uint32) {
	t := l.tasks[tid]
	if t == nil {
		l.stranger(tid, status)
		return
	}
	l.justStopped(t, time.Now())
	ws := unix.WaitStatus(status)
	if !ws.Stopped() {
		l.gone(t, status)
		return
	}
	if event := int(status >> 16); event != 0 {
		l.event(t, event, ws.StopSignal())
		return
	}
	sig := ws.StopSignal()
	if int(sig) == int(unix.SIGTRAP)|0x80 {
		l.syscallStop(t)
		return
	}
	l.signalStop(t, sig)
}

// syscallStop serves a system call seen by PTRACE_SYSEMU.
func (l *Loop) syscallStop(t *Task) {
	if t.trace.GetRegs(&t.Regs) != nil {
		return // killed meanwhile; its end will be reported
	}
	l.syscall(t, t.Regs.Orig_rax)
}

func (l *Loop) syscall(t *Task, nr uint64) {
	t.Regs.Rax, t.Regs.Orig_rax = nr, nr
	l.perform(t, l.maybePatch(t, func() Action {
		if t.SignalWaits() {
			return Again()
		}
		if l.local(t) {
			return Go()
		}
		t.scratchUsed = 0
		return l.pers.Syscall(t)
	}))
}

func (l *Loop) signalStop(t *Task, sig unix.Signal) {
	var regs host.Regs
	if t.trace.GetRegs(&regs) != nil {
		return
	}
	if sig == unix.SIGTRAP && t.state == inHost && regs.Call() == host.CallDone {
		l.hostDone(t, regs.Rax)
		return
	}
	if sig == unix.SIGSYS && t.state != inHost && regs.Dispatched() {
		t.Regs = regs
		l.syscall(t, regs.Rax)
		return
	}
	if (sig == unix.SIGSEGV || sig == unix.SIGBUS) && l.faultInRoutine(t, &regs) {
		return
	}
	s := &Signal{Host: int(sig)}
	if t.trace.GetSiginfo(&s.Info) != nil {
		return
	}
	if (sig == unix.SIGSEGV || sig == unix.SIGBUS) && s.Info.Code > 0 && t.Proc.Space.thunks.InLocal(&regs) {
		// A local routine has found a bad address in the guest's registers. It
		// is undone, and the supervisor makes the call, which answers EFAULT.
		_, _, nr := t.Proc.Space.thunks.Locate(&regs, l.pers.HostErrno, t.slot, t)
		t.Regs = regs
		l.syscall(t, nr)
		return
	}
	if t.forced == int(sig) {
		t.forced = 0
		l.resume(t, &regs, int(sig))
		return
	}
	switch l.classify(t, s) {
	case Native:
		l.resume(t, &regs, s.Host)
	case Drop:
		l.resume(t, &regs, 0)
	case Handle:
		l.handle(t, &regs, s)
	}
}

// resume lets a task go on with what it was doing when a signal or event stop
// interrupted it, repairing calls that Linux would not restart by itself.
func (l *Loop) resume(t *Task, regs *host.Regs, sig int) {
	switch t.state {
	case inGuest:
		if t.Proc.Space.thunks.EINTR(regs) {
			t.Proc.Space.thunks.Retry(regs)
			t.trace.SetRegs(regs)
		}
		t.resumeGuest(sig)
		return
	case inHost:
		if regs.Call() == host.CallInterrupted && regs.EINTR() && !t.act.wakeable {
			regs.Retry()
			t.trace.SetRegs(regs)
		}
	case inTail:
		if st, _ := regs.PeekTail(); st == host.TailInterrupted && regs.EINTR() || t.Proc.Space.thunks.EINTR(regs) {
			t.Proc.Space.thunks.Retry(regs)
			t.trace.SetRegs(regs)
		}
	case stopped:
		return
	}
	t.resumeHost(sig)
}

// handle arranges for the guest's handler of s to run: at once if the guest's
// own code was interrupted, else after the call has been unwound.
func (l *Loop) handle(t *Task, regs *host.Regs, s *Signal) {
	if l.handleInRoutine(t, regs, s) {
		return
	}
	switch t.state {
	case inGuest, inTail:
		l.backToGuest(t, regs, s.Restart)
		l.deliver(t, s)
		l.toGuest(t)
	case inHost:
		t.deferred = append(t.deferred, s)
		cs := regs.Call()
		if t.act.kind == actBatch || t.act.atomic {
			t.resumeHost(0)
			return
		}
		switch cs {
		case host.CallNotStarted:
			t.intr = &interruption{restart: !t.act.noRestart && (!t.chained || s.Restart)}
		case host.CallInterrupted:
			k := host.Restart(regs.Rax)
			t.intr = &interruption{restart: !t.act.noRestart &&
				(k == host.RestartAlways || k == host.RestartIfAsked && s.Restart)}
		case host.CallReturned:
			l.hostDone(t, regs.Rax)
			return
		default:
			t.resumeHost(0) // the stop that ends the call comes next
			return
		}
		t.woken = false
		a := t.act
		t.chained = true
		l.perform(t, a.then(Ret{Val: -int64(unix.EINTR), Interrupted: true}))
	case stopped:
		t.deferred = append(t.deferred, s)
	}
}

// backToGuest sets t.Regs to the guest's registers of a task that was interrupted
// in guest code, in a tail call, or in the thunk of a patched call site: before
// the call, behind it, or at its restart.
func (l *Loop) backToGuest(t *Task, regs *host.Regs, restart bool) {
	nr := t.Regs.Orig_rax
	st, kind := regs.Tail(l.pers.HostErrno)
	if st == host.TailNone {
		st, kind, nr = t.Proc.Space.thunks.Locate(regs, l.pers.HostErrno, t.slot, t)
		t.Regs = *regs
	} else if st == host.TailDone {
		t.Regs = *regs
	}
	switch st {
	case host.TailNotStarted:
		t.Regs.Rewind(nr)
	case host.TailInterrupted:
		restart = restart && !(t.state == inTail && t.act.noRestart)
		if kind == host.RestartAlways || kind == host.RestartIfAsked && restart {
			t.Regs.Rewind(nr)
		} else {
			t.Regs.SetErrno(l.pers.Errno(unix.EINTR))
		}
	}
}

// event serves a PTRACE_EVENT stop.
func (l *Loop) event(t *Task, event int, sig unix.Signal) {
	switch event {
	case unix.PTRACE_EVENT_FORK, unix.PTRACE_EVENT_VFORK, unix.PTRACE_EVENT_CLONE:
		l.cloned(t)
	case unix.PTRACE_EVENT_EXEC:
		l.execed(t)
	case unix.PTRACE_EVENT_STOP:
		l.eventStop(t, sig)
	case unix.PTRACE_EVENT_EXIT:
		l.pers.TaskExiting(t)
		t.trace.Resume(0)
	default:
		t.resumeHost(0)
	}
}

// eventStop is a group stop, the end of one, an Interrupt of ours, or the
// first stop of a new thread.
func (l *Loop) eventStop(t *Task, sig unix.Signal) {
	switch sig {
	case unix.SIGSTOP, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU:
		t.trace.Listen()
		return
	}
	if t.atStart {
		l.firstStop(t)
		return
	}
	var regs host.Regs
	if t.trace.GetRegs(&regs) != nil {
		return
	}
	if t.woken && t.state == inHost {
		switch regs.Call() {
		case host.CallNotStarted, host.CallInterrupted:
			t.woken = false
			a := t.act
			t.chained = true
			l.perform(t, a.then(Ret{Val: -int64(unix.EINTR), Woken: true}))
			return
		case host.CallReturned:
			l.hostDone(t, regs.Rax)
			return
		}
	}
	if t.nudged {
		t.nudged = false
		if s := l.pers.Pending(t); s != nil {
			switch l.classify(t, s) {
			case Native:
				l.sendNative(t, s)
			case Handle:
				l.handle(t, &regs, s)
				return
			}
		}
	}
	if t.kicked {
		t.kicked = false
		if (t.state == inGuest || t.state == inTail) && l.anew(t, &regs) {
			return
		}
	}
	l.resume(t, &regs, 0)
}

// anew makes a task that is in a local routine come to us with its call.
func (l *Loop) anew(t *Task, regs *host.Regs) bool {
	if !t.Proc.Space.thunks.InLocal(regs) {
		return false
	}
	st, _, nr := t.Proc.Space.thunks.Locate(regs, l.pers.HostErrno, t.slot, t)
	t.Regs = *regs
	if st == host.TailNotStarted || st == host.TailInterrupted {
		t.Regs.Rewind(nr)
	}
	l.toGuest(t)
	return true
}

// gone forgets a thread that has ended.
func (l *Loop) gone(t *Task, status uint32) {
	if t.dead {
		return
	}
	t.dead = true
	p := t.Proc
	l.forget(t)
	if len(p.Tasks) > 0 {
		return
	}
	p.dead = true
	delete(l.procs, p.Pid)
	p.Space.refs--
	if l.trace != nil {
		l.trace.Exit(p, status)
	}
	l.pers.ProcessExit(p, status)
}

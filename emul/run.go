package emul

import (
	"errors"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
)

// perform carries out what a handler or continuation asked for, until the task
// runs or is left stopped.
func (l *Loop) perform(t *Task, a Action) {
	for {
		switch a.kind {
		case actReturn:
			l.answer(t, a)
			return
		case actFail:
			l.fail(t, a)
			return
		case actTail:
			if l.unseen() {
				l.startTail(t, a)
				return
			}
			a.kind, a.then = actHost, Finish
			if a.tail == host.TailZero {
				a.then = finishZero
			}
		case actHost:
			if a.wakeable && len(t.deferred) > 0 {
				// A handler is waiting to run: a call that waits ends at once.
				t.intr = &interruption{}
				a = a.then(Ret{Val: -int64(unix.EINTR), Interrupted: true})
				continue
			}
			l.startHost(t, a)
			return
		case actBatch:
			if len(a.calls) == 0 {
				a = a.thenAll(nil)
				continue
			}
			l.startBatch(t, a)
			return
		case actRoutine:
			l.startRoutine(t, a)
			return
		case actGo:
			if l.trace != nil && t.Row != nil {
				l.trace.NoReturn(t)
			}
			l.toGuest(t)
			return
		case actAgain:
			t.Regs.Rewind(t.Regs.Orig_rax)
			l.toGuest(t)
			return
		}
	}
}

// Resume starts the first task, which is stopped as Adopt has left it.
func (t *Task) Resume(a Action) {
	if !t.dead && t.state == stopped {
		t.loop.perform(t, a)
	}
}

func (l *Loop) answer(t *Task, a Action) {
	t.Regs.SetResult(a.vals[0])
	if a.two {
		t.Regs.Rdx = a.vals[1]
	}
	if l.trace != nil {
		l.trace.Call(t, a.vals[0], nil)
	}
	l.toGuest(t)
}

func (l *Loop) fail(t *Task, a Action) {
	// EINTR is what an interrupted call answers; whether the guest sees it or
	// the call starts again was decided when the signal came.
	if t.intr != nil && t.intr.restart && errors.Is(a.err, unix.EINTR) {
		t.Regs.Rewind(t.Regs.Orig_rax)
	} else {
		t.Regs.SetErrno(l.pers.Errno(a.err))
	}
	if l.trace != nil {
		l.trace.Call(t, 0, a.err)
	}
	l.toGuest(t)
}

// toGuest lets the task run guest code with t.Regs, after the signals that
// were kept for it.
func (l *Loop) toGuest(t *Task) {
	t.intr = nil
	t.act = Action{}
	t.chained, t.woken = false, false
	t.Regs.Orig_rax = ^uint64(0)
	for len(t.deferred) > 0 {
		s := t.deferred[0]
		t.deferred = t.deferred[1:]
		// The call, an exec say, may have changed what becomes of it.
		switch l.pers.Signal(t, s) {
		case Native:
			l.sendNative(t, s)
		case Handle:
			l.deliver(t, s)
		}
	}
	for s := l.pers.Pending(t); s != nil; s = l.pers.Pending(t) {
		switch l.classify(t, s) {
		case Native:
			l.sendNative(t, s)
		case Handle:
			l.deliver(t, s)
		}
	}
	t.trace.SetRegs(&t.Regs)
	t.state = inGuest
	t.resumeGuest(0)
}

// deliver points the task at a handler. A frame that cannot be written kills
// the process with SIGILL, as FreeBSD's sendsig does.
func (l *Loop) deliver(t *Task, s *Signal) {
	if err := l.pers.Deliver(t, s); err != nil {
		l.Debugf("pid %d: no room for the frame of signal %d: %v", t.Proc.Pid, s.Num, err)
		l.sendNative(t, &Signal{Host: int(unix.SIGILL)})
	}
}

// classify asks the personality about a signal, and tells the trace.
func (l *Loop) classify(t *Task, s *Signal) Verdict {
	v := l.pers.Signal(t, s)
	if l.trace != nil {
		l.trace.Signal(t, s, v)
	}
	return v
}

// sendNative gives a signal that the personality had queued itself to Linux,
// whose default action then follows.
func (l *Loop) sendNative(t *Task, s *Signal) {
	t.forced = s.Host
	unix.Tgkill(t.Proc.Pid, t.Tid, unix.Signal(s.Host))
}

// finishZero answers as TailZero does.
func finishZero(r Ret) Action {
	if err := r.Err(); err != nil && err != unix.EAGAIN {
		return Fail(err)
	}
	return Return(0)
}

func (l *Loop) startTail(t *Task, a Action) {
	t.act = a
	t.state = inTail
	args := a.call.Args
	for i, r := range [...]uint64{t.Regs.Rdi, t.Regs.Rsi, t.Regs.Rdx} {
		if i >= a.call.n {
			args[i] = r // FreeBSD leaves these registers alone
		}
	}
	t.trace.SetTail(a.tail, &t.Regs, uint64(a.call.NR), &args)
	t.resumeHost(0)
}

func (l *Loop) startHost(t *Task, a Action) {
	t.act = a
	t.state = inHost
	if a.clone != nil {
		l.cloning++
	}
	t.trace.SetCall(&t.Regs, uint64(a.call.NR), &a.call.Args)
	t.resumeHost(0)
}

// batchEntry is a row of the table that the engine page's batch loop reads.
type batchEntry struct {
	nr   uint64
	args [6]uint64
}

func (l *Loop) startBatch(t *Task, a Action) {
	table := make([]batchEntry, len(a.calls))
	for i, c := range a.calls {
		table[i] = batchEntry{uint64(c.NR), c.Args}
	}
	at, ok := t.AllocBytes(len(table) * int(unsafe.Sizeof(table[0])))
	if !ok {
		panic("emul: batch larger than the scratch memory")
	}
	t.act, t.batchAt = a, at
	if err := guest.Ptr[batchEntry](at).StoreN(t, table); err != nil {
		// Only a guest that unmapped LSF's region or died gets here.
		l.Debugf("pid %d: scratch memory is gone: %v", t.Proc.Pid, err)
		unix.Kill(t.Proc.Pid, unix.SIGKILL)
		t.state = stopped
		return
	}
	t.state = inHost
	t.trace.SetBatch(&t.Regs, at, len(table))
	t.resumeHost(0)
}

// hostDone goes on after a host call or batch has returned rax.
func (l *Loop) hostDone(t *Task, rax uint64) {
	a := t.act
	if a.clone != nil {
		l.cloneDone(t)
	}
	t.chained = true
	if a.kind == actBatch {
		table, err := guest.Ptr[batchEntry](t.batchAt).LoadN(t, len(a.calls))
		t.scratchUsed = int(t.batchAt - t.slot.Addr()) // the table is no longer needed
		rets := make([]Ret, len(a.calls))
		for i := range table {
			rets[i].Val = int64(table[i].nr)
		}
		if err != nil || a.thenAll == nil {
			// Only a guest that wrote to LSF's region, or died, gets here: the
			// table is gone, or the batch was to end the thread and has not.
			l.Debugf("pid %d: host calls did not come to their end", t.Proc.Pid)
			unix.Kill(t.Proc.Pid, unix.SIGKILL)
			t.state = stopped
			return
		}
		l.perform(t, a.thenAll(rets))
		return
	}
	woken := t.woken && a.wakeable
	t.woken = false
	l.perform(t, a.then(Ret{Val: int64(rax), Woken: woken}))
}

// Wake ends the task's present host call if that is Wakeable; its continuation
// sees Ret.Woken. Otherwise it does nothing.
func (t *Task) Wake() {
	if t.dead || t.state != inHost || !t.act.wakeable || t.woken {
		return
	}
	t.woken = true
	t.trace.Interrupt()
}

// resumeHost lets the task run host code, or guest code that SUD watches.
func (t *Task) resumeHost(sig int) {
	if t.stoppedAnew() {
		return
	}
	t.place.resumed = time.Now()
	t.trace.Resume(sig)
}

// resumeGuest lets the task run guest code.
func (t *Task) resumeGuest(sig int) {
	if t.stoppedAnew() {
		return
	}
	t.place.resumed = time.Now()
	t.trace.ResumeGuest(sig)
}

// stoppedAnew says that the task has left the stop that was being served, for
// it was killed, and has come to the one at its exit. To resume it now would be
// to resume it from that, unseen.
func (t *Task) stoppedAnew() bool { return t.watched && t.trace.Reports() }

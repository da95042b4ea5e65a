package freebsd

import (
	"encoding/binary"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
)

// queueTo gives a signal that Linux cannot hold to a thread.
func queueTo(o *emul.Task, s abi.Signal, code int32, from *emul.Task, value uint64) {
	postTo(o, softSignal(s, code, from, value))
}

func postTo(o *emul.Task, sig *emul.Signal) {
	kqSignal(procOf(o), abi.Signal(sig.Num))
	th := threadOf(o)
	th.sig.queue = append(th.sig.queue, sig)
	wakeFor(o, abi.Signal(sig.Num))
}

// queueToProcess gives it to a process: to a thread that wants it now, if any.
func queueToProcess(p *emul.Process, s abi.Signal, code int32, from *emul.Task, value uint64) {
	postToProcess(p.OS.(*process), softSignal(s, code, from, value))
}

func postToProcess(pp *process, sig *emul.Signal) {
	s := abi.Signal(sig.Num)
	kqSignal(pp, s)
	if h := pp.sig.acts.of(pp, s).Handler; h == abi.SIG_IGN || h == abi.SIG_DFL && ignoredByDefault(s) {
		return
	}
	pp.sig.queue = append(pp.sig.queue, sig)
	for _, o := range pp.Tasks {
		th := threadOf(o)
		if !th.sig.mask.Has(s) || th.sig.waiting != nil && th.sig.waiting.Has(s) {
			wakeFor(o, s)
			return
		}
	}
}

// postEvent gives it to whom a sigevent names. It reports false if that is a
// thread that is no more.
func (p *process) postEvent(ev *abi.Sigevent, sig *emul.Signal) bool {
	if ev.Notify != abi.SIGEV_THREAD_ID {
		postToProcess(p, sig)
		return true
	}
	to := p.Tasks[int(ev.ThreadID-tidBase)]
	if to == nil || to.Dead() {
		return false
	}
	postTo(to, sig)
	return true
}

func wakeFor(o *emul.Task, s abi.Signal) {
	th := threadOf(o)
	if th.sig.waiting != nil && th.sig.waiting.Has(s) {
		o.Wake()
		return
	}
	o.Nudge()
}

// softSignal makes the Linux siginfo of a signal that another guest sends.
func softSignal(s abi.Signal, code int32, from *emul.Task, value uint64) *emul.Signal {
	sig := &emul.Signal{Num: int(s), Host: int(xlat.HostSignal(s))}
	sig.Info.Signo = int32(sig.Host)
	switch code {
	case abi.SI_QUEUE:
		sig.Info.Code = -1
	case abi.SI_LWP:
		sig.Info.Code = -6
	case abi.SI_TIMER:
		sig.Info.Code = siTimer
	case abi.SI_MESGQ:
		sig.Info.Code = siMesgq
	case abi.SI_ASYNCIO:
		sig.Info.Code = siAsync
	}
	if from != nil {
		binary.LittleEndian.PutUint32(sig.Info.Fields[:], uint32(from.Proc.Pid))
	}
	binary.LittleEndian.PutUint64(sig.Info.Fields[8:], value)
	return sig
}

func kill(t *emul.Task, pid Int, sig Sig) emul.Action {
	s := abi.Signal(sig)
	if sig < 0 || sig != 0 && !s.Valid() {
		return emul.Fail(abi.EINVAL)
	}
	h := xlat.HostSignal(s)
	switch {
	case pid == -1 && s == abi.SIGKILL:
		return killAll(t)
	case pid > 0 && s == abi.SIGKILL && watched(t.Loop().Process(int(pid))):
		return killWatched(t, int(pid))
	case sig == 0 || h != 0:
		return emul.Tail(unix.SYS_KILL, uint64(pid), uint64(h))
	}
	// Only guests of this supervisor can be given a signal that Linux has no
	// number for. Linux says whether there is anybody, and who of them may.
	to := guestsOf(t, int(pid))
	calls := []emul.Call{emul.NewCall(unix.SYS_KILL, uint64(pid), 0)}
	for _, p := range to {
		calls = append(calls, emul.NewCall(unix.SYS_KILL, uint64(p.Pid), 0))
	}
	return emul.Batch(calls...).ThenAll(func(r []emul.Ret) emul.Action {
		if err := r[0].Err(); err != nil {
			return emul.Fail(err)
		}
		if len(to) == 0 {
			t.Loop().Debugf("pid %d: kill(%d, %v): no guest of this supervisor", t.Proc.Pid, pid, s)
			return emul.Fail(abi.EINVAL)
		}
		for i, p := range to {
			if r[1+i].Err() == nil && !p.Dead() {
				queueToProcess(p, s, abi.SI_USER, t, 0)
			}
		}
		return emul.Return(0)
	})
}

// watched says that threads of p hold robust mutexes, which are to be marked
// when they end.
func watched(p *emul.Process) bool {
	if p == nil {
		return false
	}
	for _, o := range p.Tasks {
		if o.ExitWatched() {
			return true
		}
	}
	return false
}

// killWatched asks Linux whether the caller may kill, and then does it from
// here. So it never happens while a stop of the victim is being served: its last
// stop, at its exit, would be taken for that one, and go unseen.
func killWatched(t *emul.Task, pid int) emul.Action {
	return emul.Batch(emul.NewCall(unix.SYS_KILL, uint64(pid), 0)).ThenAll(func(r []emul.Ret) emul.Action {
		if err := r[0].Err(); err != nil {
			return emul.Fail(err)
		}
		return emul.Fail(unix.Kill(pid, unix.SIGKILL))
	})
}

// guestsOf lists the guests that kill(pid) is for, of this supervisor's.
func guestsOf(t *emul.Task, pid int) (ps []*emul.Process) {
	group := -pid
	if pid == 0 {
		group, _ = unix.Getpgid(t.Proc.Pid)
	}
	t.Loop().Processes(func(p *emul.Process) {
		if pg, err := unix.Getpgid(p.Pid); p.Pid == pid || pid == -1 && p != t.Proc || pid != -1 && err == nil && pg == group {
			ps = append(ps, p)
		}
	})
	return ps
}

// killAll kills whoever the caller may kill but itself, as kill(-1, SIGKILL)
// does on FreeBSD (kern_sig.c killpg1), and spares supervisors: all other
// signals these block, and without its own the caller would die, too. Without /proc Linux's
// call must do.
func killAll(t *emul.Task) emul.Action {
	if self, err := os.Readlink("/proc/self"); err != nil || self != strconv.Itoa(os.Getpid()) {
		return emul.Tail(unix.SYS_KILL, ^uint64(0), uint64(unix.SIGKILL))
	}
	dirs, _ := os.ReadDir("/proc")
	var calls []emul.Call
	for _, d := range dirs {
		pid, err := strconv.Atoi(d.Name())
		if err != nil || pid <= 1 || pid == t.Proc.Pid {
			continue
		}
		if comm, _ := procFile("/proc/" + d.Name() + "/comm"); comm != host.SupervisorName {
			calls = append(calls, emul.NewCall(unix.SYS_KILL, uint64(pid), uint64(unix.SIGKILL)))
		}
	}
	return killEach(calls, abi.ESRCH)
}

// killEach makes the calls, some at a time, and answers 0 if one of them has succeeded, else
// err.
func killEach(calls []emul.Call, err error) emul.Action {
	const chunk = 256
	if len(calls) == 0 {
		return emul.Fail(err)
	}
	n := min(len(calls), chunk)
	return emul.Batch(calls[:n]...).ThenAll(func(r []emul.Ret) emul.Action {
		for _, r := range r {
			switch r.Err() {
			case nil:
				err = nil
			case unix.EPERM:
				if err == abi.ESRCH {
					err = abi.EPERM
				}
			}
		}
		return killEach(calls[n:], err)
	})
}

// catches says whether the process has a handler for a signal.
func (p *process) catches(s abi.Signal) bool {
	h := p.sig.acts.of(p, s).Handler
	return h != abi.SIG_DFL && h != abi.SIG_IGN
}

// sigqueue(2).
func sigqueue(t *emul.Task, pid Int, sig Sig, value Long) emul.Action {
	s := abi.Signal(sig)
	if sig < 0 || sig != 0 && !s.Valid() || pid <= 0 {
		return emul.Fail(abi.EINVAL)
	}
	h := xlat.HostSignal(s)
	if int(pid) == t.Proc.Pid && s.Valid() && procOf(t).catches(s) {
		// Linux keeps one instance only of the signals of old.
		queueToProcess(t.Proc, s, abi.SI_QUEUE, t, uint64(value))
		return emul.Return(0)
	}
	if sig != 0 && h == 0 {
		p := t.Loop().Process(int(pid))
		if p == nil {
			return emul.Host(unix.SYS_KILL, uint64(pid), 0).Atomic().Then(func(r emul.Ret) emul.Action {
				if r.Err() != nil {
					return emul.Finish(r)
				}
				return emul.Fail(abi.EINVAL)
			})
		}
		queueToProcess(p, s, abi.SI_QUEUE, t, uint64(value))
		return emul.Return(0)
	}
	si := host.Siginfo{Signo: int32(h), Code: -1}
	binary.LittleEndian.PutUint32(si.Fields[:], uint32(t.Proc.Pid))
	binary.LittleEndian.PutUint32(si.Fields[4:], uint32(unix.Getuid()))
	binary.LittleEndian.PutUint64(si.Fields[8:], uint64(value))
	at, err := emul.AllocStore(t, si)
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Tail(unix.SYS_RT_SIGQUEUEINFO, uint64(pid), uint64(h), uint64(at))
}

// sigwait(2) answers with an error number as its result, not through errno.
func sigwait(t *emul.Task, set guest.Ptr[abi.Sigset], sig guest.Ptr[int32]) emul.Action {
	m, err := set.Load(t)
	if err != nil {
		return emul.Return(uint64(abi.EFAULT))
	}
	return waitSignal(t, m, -1, func(s abi.Signal, info abi.Siginfo, err error) emul.Action {
		if err == nil {
			err = sig.Store(t, int32(s))
		}
		if err == unix.EINTR {
			// sys_sigwait turns EINTR into ERESTART.
			return emul.Fail(unix.EINTR)
		}
		if err != nil {
			return emul.Return(uint64(xlat.ErrnoOf(err)))
		}
		return emul.Return(0)
	})
}

func sigwaitinfo(t *emul.Task, set guest.Ptr[abi.Sigset], info guest.Ptr[abi.Siginfo]) emul.Action {
	return sigtimedwait(t, set, info, 0)
}

func sigtimedwait(t *emul.Task, set guest.Ptr[abi.Sigset], info guest.Ptr[abi.Siginfo], timeout guest.Ptr[unix.Timespec]) emul.Action {
	m, err := set.Load(t)
	if err != nil {
		return emul.Fail(err)
	}
	d, err := loadTimeout(t, timeout)
	if err != nil {
		return emul.Fail(err)
	}
	return waitSignal(t, m, d, func(s abi.Signal, i abi.Siginfo, err error) emul.Action {
		if err == nil && info != 0 {
			err = info.Store(t, i)
		}
		if err != nil {
			return emul.Fail(err)
		}
		return emul.Return(uint64(s))
	})
}

// waitSignal takes the next signal of set (kern_sig.c, kern_sigtimedwait),
// from our own queues or from Linux's.
func waitSignal(t *emul.Task, set abi.Sigset, timeout time.Duration, done func(abi.Signal, abi.Siginfo, error) emul.Action) emul.Action {
	th, p := threadOf(t), procOf(t)
	set.Del(abi.SIGKILL)
	set.Del(abi.SIGSTOP)
	if first := lowest(set.Has, th.sig.queue, p.sig.queue); first != 0 {
		return lowerOfHost(t, set, first, func(s *emul.Signal) emul.Action {
			if s == nil {
				s = takeLowest(set.Has, &th.sig.queue, &p.sig.queue)
			}
			return done(abi.Signal(s.Num), siginfo(t, s), nil)
		})
	}
	var tsAddr uint64
	var deadline time.Time
	if timeout >= 0 {
		deadline = time.Now().Add(timeout)
		at, err := emul.AllocStore(t, unix.NsecToTimespec(int64(timeout)))
		if err != nil {
			return emul.Fail(err)
		}
		tsAddr = uint64(at)
	}
	hset, err := emul.AllocStore(t, xlat.HostSigset(&set)&^kept)
	if err != nil {
		return emul.Fail(err)
	}
	buf := emul.Alloc[host.Siginfo](t)
	th.sig.waiting = &set
	return emul.Host(unix.SYS_RT_SIGTIMEDWAIT, uint64(hset), uint64(buf), tsAddr, 8).Wakeable().Then(func(r emul.Ret) emul.Action {
		th.sig.waiting = nil
		switch {
		case r.Interrupted:
			return done(0, abi.Siginfo{}, unix.EINTR)
		case r.Err() == unix.EINTR: // woken for a signal of ours, or by nothing
			left := time.Duration(-1)
			if timeout >= 0 {
				left = max(0, time.Until(deadline))
			}
			return waitSignal(t, set, left, done)
		case r.Err() != nil:
			return done(0, abi.Siginfo{}, r.Err())
		}
		s, err := hostSignal(t, r, buf)
		if err != nil {
			return emul.Fail(err)
		}
		return done(abi.Signal(s.Num), siginfo(t, s), nil)
	})
}

// lowerOfHost takes a signal of set below first out of Linux's queues and goes
// on with it, nil if there is none: the lowest that waits comes first.
func lowerOfHost(t *emul.Task, set abi.Sigset, first abi.Signal, then func(*emul.Signal) emul.Action) emul.Action {
	for s := first; s <= abi.SIGRTMAX; s++ {
		set.Del(s)
	}
	h := xlat.HostSigset(&set) &^ kept
	if h == 0 {
		return then(nil)
	}
	hset, err := emul.AllocStore(t, h)
	if err != nil {
		return emul.Fail(err)
	}
	now, err := emul.AllocStore(t, unix.Timespec{})
	if err != nil {
		return emul.Fail(err)
	}
	buf := emul.Alloc[host.Siginfo](t)
	return emul.Host(unix.SYS_RT_SIGTIMEDWAIT, uint64(hset), uint64(buf), uint64(now), 8).Atomic().Then(func(r emul.Ret) emul.Action {
		if r.Err() != nil {
			return then(nil)
		}
		s, err := hostSignal(t, r, buf)
		if err != nil {
			return emul.Fail(err)
		}
		return then(s)
	})
}

// hostSignal is the signal that sigtimedwait has taken.
func hostSignal(t *emul.Task, r emul.Ret, buf guest.Ptr[host.Siginfo]) (*emul.Signal, error) {
	si, err := buf.Load(t)
	return &emul.Signal{Host: int(r.Val), Num: int(xlat.GuestSignal(unix.Signal(r.Val))), Info: si}, err
}

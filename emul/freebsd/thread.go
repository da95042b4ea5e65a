package freebsd

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
)

// tidBase lies between Linux's thread IDs and the guest's: FreeBSD numbers
// threads from 100000 (NO_PID + 1), so that no PID is mistaken for one.
const tidBase = 100000

func guestTID(t *emul.Task) int64 { return int64(t.Tid) + tidBase }

// taskByTID finds a live thread by the number that guests use.
func taskByTID(t *emul.Task, id int64) *emul.Task { return t.Loop().Task(int(id - tidBase)) }

func thrSelf(t *emul.Task, id guest.Ptr[int64]) emul.Action {
	return emul.Fail(id.Store(t, guestTID(t)))
}

// thr_new(2): kern_thr.c, kern_thr_new and thread_create.
func thrNew(t *emul.Task, param Addr, size Int) emul.Action {
	var p abi.ThrParam
	if size < 0 || int(size) > abi.ThrParamSize {
		return emul.Fail(abi.EINVAL)
	}
	b := make([]byte, abi.ThrParamSize)
	if err := t.ReadMem(guest.Addr(param), b[:size]); err != nil {
		return emul.Fail(err)
	}
	p.Decode(b)
	for _, at := range []uint64{p.ChildTID, p.ParentTID} {
		if at != 0 {
			if _, err := guest.Ptr[int64](at).Load(t); err != nil {
				return emul.Fail(err)
			}
		}
	}
	create := func(done func(emul.Ret) emul.Action) emul.Action { return thrCreate(t, &p, done) }
	answer := func(r emul.Ret) emul.Action {
		if r.Err() != nil {
			return emul.Fail(abi.EPROCLIM)
		}
		return emul.Return(0)
	}
	if p.RTP == 0 {
		return create(answer)
	}
	rtp, err := guest.Ptr[abi.Rtprio](p.RTP).Load(t)
	if err != nil {
		return emul.Fail(err)
	}
	if rtp.Type == abi.RTP_PRIO_NORMAL {
		rtp.Prio = 0
	} else if rtp.Type != abi.RTP_PRIO_REALTIME && rtp.Type != abi.RTP_PRIO_FIFO {
		return emul.Fail(abi.EINVAL)
	}
	policy, priority, ok := xlat.RtprioToLinux(rtp)
	if !ok {
		return emul.Fail(abi.EINVAL)
	}
	// A thread starts with its maker's priority: we take that of the new one
	// for so long, if we may at all.
	return withSched(t, 0, func(ownPolicy int, own int32) emul.Action {
		if ownPolicy == policy && own == priority {
			return create(answer)
		}
		return setSchedThen(t, policy, priority, func(r emul.Ret) emul.Action {
			if r.Err() != nil {
				return emul.Finish(r)
			}
			return create(func(made emul.Ret) emul.Action {
				return setSchedThen(t, ownPolicy, own, func(emul.Ret) emul.Action { return answer(made) })
			})
		})
	})
}

// setSchedThen sets the caller's own Linux policy and priority.
func setSchedThen(t *emul.Task, policy int, priority int32, then func(emul.Ret) emul.Action) emul.Action {
	at, err := emul.AllocStore(t, schedParam{priority})
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Host(unix.SYS_SCHED_SETSCHEDULER, 0, uint64(policy), uint64(at)).Atomic().Then(then)
}

func thrCreate(t *emul.Task, p *abi.ThrParam, done func(emul.Ret) emul.Action) emul.Action {
	const flags = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD | unix.CLONE_SYSVSEM
	return emul.Clone(t, emul.CloneSpec{
		Flags:  flags,
		Direct: p.RTP == 0,
		Tail:   host.TailZero,
		Setup: func(c *emul.Task) {
			r := &c.Regs
			r.SetResult(0)
			r.Rsp = (p.StackBase+p.StackSize)&^0xf - 8
			r.Rbp, r.Rip, r.Rdi = 0, p.StartFunc, p.Arg
			r.Fs_base = p.TLSBase
			// Both may be the same word; the child must find it filled in.
			id := guestTID(c)
			for _, at := range []uint64{p.ChildTID, p.ParentTID} {
				if at != 0 {
					guest.Ptr[int64](at).Store(t, id)
				}
			}
		},
		Done: done,
	})
}

// thr_exit(2): the state word is set and its waiters are woken before the
// thread goes; the stack may already be somebody else's.
func thrExit(t *emul.Task, state guest.Ptr[int64]) emul.Action {
	return leaveRobust(t, func() emul.Action { return thrLeave(t, state) })
}

func thrLeave(t *emul.Task, state guest.Ptr[int64]) emul.Action {
	threadOf(t).setAwake(false)
	var calls []emul.Call
	if state != 0 && state.Store(t, 1) == nil {
		calls = append(calls, emul.NewCall(unix.SYS_FUTEX, uint64(state), futexWake, maxWake))
	}
	if lastThread(t) {
		// It returns, and the C library then calls exit.
		return emul.Batch(calls...).ThenAll(func([]emul.Ret) emul.Action { return emul.Return(0) })
	}
	threadOf(t).leaving = true
	return emul.Batch(append(calls, emul.NewCall(unix.SYS_EXIT, 0))...)
}

// lastThread says that all other threads of the process are on their way out.
func lastThread(t *emul.Task) bool {
	for _, o := range t.Proc.Tasks {
		if o != t && !threadOf(o).leaving {
			return false
		}
	}
	return true
}

func thrKill(t *emul.Task, id Long, sig Sig) emul.Action {
	return thrKill2(t, Int(t.Proc.Pid), id, sig)
}

func thrKill2(t *emul.Task, pid Int, id Long, sig Sig) emul.Action {
	s := abi.Signal(sig)
	p := t.Proc
	if int(pid) != p.Pid {
		if p = t.Loop().Process(int(pid)); p == nil {
			return emul.Fail(abi.ESRCH)
		}
	}
	o := taskByTID(t, int64(id))
	if id != -1 && (o == nil || o.Proc != p || threadOf(o).leaving) {
		return emul.Fail(abi.ESRCH)
	}
	if sig != 0 && !s.Valid() {
		return emul.Fail(abi.EINVAL)
	}
	if id == -1 { // every thread but the caller
		var calls []emul.Call
		found := false
		for _, o := range p.Tasks {
			if o != t && !threadOf(o).leaving {
				found = true
				if sig != 0 && xlat.HostSignal(s) == 0 {
					queueTo(o, s, abi.SI_LWP, t, 0)
				} else {
					calls = append(calls, emul.NewCall(unix.SYS_TGKILL, uint64(p.Pid), uint64(o.Tid), uint64(xlat.HostSignal(s))))
				}
			}
		}
		if !found {
			return emul.Fail(abi.ESRCH)
		}
		return emul.Batch(calls...).ThenAll(func([]emul.Ret) emul.Action { return emul.Return(0) })
	}
	if sig == 0 {
		return emul.Return(0)
	}
	h := xlat.HostSignal(s)
	if h == 0 {
		queueTo(o, s, abi.SI_LWP, t, 0)
		return emul.Return(0)
	}
	return emul.Tail(unix.SYS_TGKILL, uint64(p.Pid), uint64(o.Tid), uint64(h))
}

func thrSuspend(t *emul.Task, timeout guest.Ptr[unix.Timespec]) emul.Action {
	th := threadOf(t)
	if th.wakeup || th.awake {
		th.wakeup = false
		th.setAwake(false)
		return emul.Return(0)
	}
	d, err := loadTimeout(t, timeout)
	if err != nil {
		return emul.Fail(err)
	}
	th.suspended = true
	sleep := emul.Sleep(t, d)
	if d > 0 {
		sleep = sleep.NoRestart()
	}
	return sleep.Then(func(r emul.Ret) emul.Action {
		th.suspended = false
		switch {
		case th.wakeup:
			th.wakeup = false
			return emul.Return(0)
		case r.Interrupted:
			return emul.Fail(unix.EINTR)
		case r.Val == 0:
			return emul.Fail(abi.ETIMEDOUT)
		}
		return thrSuspend(t, timeout)
	})
}

func thrWake(t *emul.Task, id Long) emul.Action {
	o := taskByTID(t, int64(id))
	if o == nil || o.Proc != t.Proc {
		return emul.Fail(abi.ESRCH)
	}
	th := threadOf(o)
	if o == t {
		th.setAwake(true)
		return emul.Return(0)
	}
	th.wakeup = true
	if th.suspended {
		o.Wake()
	}
	return emul.Return(0)
}

// setAwake sets or takes back that the thread's next sleep ends at once with
// EINTR (TDP_WAKEUP): libthr's way to be cancelled in a call that is about to
// begin. It holds for thr_suspend and _umtx_op; other calls are interrupted by
// the signal only.
func (th *thread) setAwake(on bool) {
	if th.awake == on {
		return
	}
	th.awake = on
	any := false
	for _, o := range th.Proc.Tasks {
		any = any || threadOf(o).awake
	}
	th.Task.Awake(any)
}

func thrSetName(t *emul.Task, id Long, name Str) emul.Action {
	s := ""
	if name != 0 {
		var err error
		if s, err = guest.LoadString(t, guest.Addr(name), 20); err == guest.ErrTooLong {
			b := make([]byte, 19)
			if err = t.ReadMem(guest.Addr(name), b); err == nil {
				s = string(b)
			}
		}
		if err != nil {
			return emul.Fail(err)
		}
	}
	o := taskByTID(t, int64(id))
	if o == nil || o.Proc != t.Proc {
		return emul.Fail(abi.ESRCH)
	}
	threadOf(o).name = s
	return emul.Return(0)
}

package freebsd

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// Scheduling: nice values, POSIX policies, FreeBSD's rtprio.

// getpriority's result may be negative on FreeBSD; Linux's call gives 20 - nice.
func getpriority(_ *emul.Task, which Int, who Uint) emul.Action {
	return emul.Host(unix.SYS_GETPRIORITY, uint64(which), uint64(who)).Then(func(r emul.Ret) emul.Action {
		if err := r.Err(); err != nil {
			return emul.Fail(err)
		}
		return emul.Return(uint64(20 - r.Val))
	})
}

// schedParam is struct sched_param.
type schedParam struct{ priority int32 }

// timesharePriority is what sched_getparam says of an ordinary thread: the
// highest of PRI_MAX_TIMESHARE - PRI_MIN_TIMESHARE + 1 priorities (ksched.c).
const timesharePriority = 103

// withSched goes on with a thread's Linux policy and priority. pid 0 is the caller.
func withSched(t *emul.Task, pid uint64, then func(policy int, priority int32) emul.Action) emul.Action {
	buf := emul.Alloc[schedParam](t)
	return emul.Batch(
		emul.NewCall(unix.SYS_SCHED_GETSCHEDULER, pid),
		emul.NewCall(unix.SYS_SCHED_GETPARAM, pid, uint64(buf)),
	).ThenAll(func(rets []emul.Ret) emul.Action {
		for _, r := range rets {
			if err := r.Err(); err != nil {
				return emul.Fail(err)
			}
		}
		p, err := buf.Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		const resetOnFork = 0x40000000
		return then(int(rets[0].Val&^resetOnFork), p.priority)
	})
}

// setSched sets a Linux policy and priority.
func setSched(t *emul.Task, pid uint64, policy int, priority int32) emul.Action {
	p, err := emul.AllocStore(t, schedParam{priority})
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Host(unix.SYS_SCHED_SETSCHEDULER, pid, uint64(policy), uint64(p)).
		Then(func(r emul.Ret) emul.Action {
			if err := r.Err(); err != nil {
				return emul.Fail(err)
			}
			return emul.Return(0)
		})
}

func schedGetscheduler(t *emul.Task, pid Int) emul.Action {
	return withSched(t, uint64(pid), func(policy int, _ int32) emul.Action {
		return emul.Return(uint64(xlat.SchedPolicy(policy)))
	})
}

func schedGetparam(t *emul.Task, pid Int, param guest.Ptr[schedParam]) emul.Action {
	return withSched(t, uint64(pid), func(policy int, priority int32) emul.Action {
		p := int32(timesharePriority)
		if xlat.SchedPolicy(policy) != abi.SCHED_OTHER {
			p = xlat.SchedPriority(priority)
		}
		return storeOrFail(t, param, schedParam{p})
	})
}

// schedSetscheduler gives the old policy as its result on Linux only.
func schedSetscheduler(t *emul.Task, pid, policy Int, param guest.Ptr[schedParam]) emul.Action {
	p, err := param.Load(t)
	if err != nil {
		return emul.Fail(err)
	}
	return setPolicy(t, uint64(pid), int(policy), p.priority)
}

// setPolicy checks the priority and sets policy, FreeBSD's number.
func setPolicy(t *emul.Task, pid uint64, policy int, priority int32) emul.Action {
	switch policy {
	case abi.SCHED_FIFO, abi.SCHED_RR:
		l, ok := xlat.SchedPriorityToLinux(priority)
		if !ok {
			return emul.Fail(abi.EINVAL)
		}
		if policy == abi.SCHED_FIFO {
			return setSched(t, pid, unix.SCHED_FIFO, l)
		}
		return setSched(t, pid, unix.SCHED_RR, l)
	case abi.SCHED_OTHER:
		if priority < 0 || priority > timesharePriority {
			return emul.Fail(abi.EINVAL)
		}
		return setSched(t, pid, unix.SCHED_NORMAL, 0)
	}
	return emul.Fail(abi.EINVAL)
}

func schedSetparam(t *emul.Task, pid Int, param guest.Ptr[schedParam]) emul.Action {
	p, err := param.Load(t)
	if err != nil {
		return emul.Fail(err)
	}
	return withSched(t, uint64(pid), func(policy int, _ int32) emul.Action {
		return setPolicy(t, uint64(pid), xlat.SchedPolicy(policy), p.priority)
	})
}

func schedGetPriorityMax(_ *emul.Task, policy Int) emul.Action {
	switch policy {
	case abi.SCHED_FIFO, abi.SCHED_RR:
		return emul.Return(xlat.SchedPriorityMax)
	case abi.SCHED_OTHER:
		return emul.Return(timesharePriority)
	}
	return emul.Fail(abi.EINVAL)
}

func schedGetPriorityMin(_ *emul.Task, policy Int) emul.Action {
	if policy < abi.SCHED_FIFO || policy > abi.SCHED_RR {
		return emul.Fail(abi.EINVAL)
	}
	return emul.Return(0)
}

// schedGetcpu: the number comes in memory on Linux.
func schedGetcpu(t *emul.Task) emul.Action {
	cpu := emul.Alloc[uint32](t)
	return emul.Host(unix.SYS_GETCPU, uint64(cpu), 0, 0).Then(func(r emul.Ret) emul.Action {
		n, err := cpu.Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		return emul.Return(uint64(n))
	})
}

const (
	rtpLookup = 0 // RTP_LOOKUP (sys/rtprio.h)
	rtpSet    = 1 // RTP_SET
)

// rtprio names a process, 0 being the calling thread.
func rtprio(t *emul.Task, function, pid Int, rtp guest.Ptr[abi.Rtprio]) emul.Action {
	if pid < 0 {
		return emul.Fail(abi.ESRCH)
	}
	return rtprioOf(t, function, uint64(pid), rtp)
}

// rtprioThread names a thread of the caller's process, 0 being the caller.
func rtprioThread(t *emul.Task, function, tid Int, rtp guest.Ptr[abi.Rtprio]) emul.Action {
	if tid == 0 {
		return rtprioOf(t, function, 0, rtp)
	}
	other := taskByTID(t, int64(tid))
	if other == nil || other.Proc != t.Proc {
		return emul.Fail(abi.ESRCH)
	}
	return rtprioOf(t, function, uint64(other.Tid), rtp)
}

func rtprioOf(t *emul.Task, function Int, tid uint64, rtp guest.Ptr[abi.Rtprio]) emul.Action {
	switch function {
	case rtpLookup:
		return withSched(t, tid, func(policy int, priority int32) emul.Action {
			return storeOrFail(t, rtp, xlat.Rtprio(policy, priority))
		})
	case rtpSet:
		r, err := rtp.Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		policy, priority, ok := xlat.RtprioToLinux(r)
		if !ok {
			return emul.Fail(abi.EINVAL)
		}
		return setSched(t, tid, policy, priority)
	}
	return emul.Fail(abi.EINVAL)
}

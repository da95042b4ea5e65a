package freebsd

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// Waiting for descriptors. None of these calls is restarted after a signal.

// pollMax is how many descriptors fit when they must be converted in scratch
// memory; programs that ask for plain events have no such limit.
const pollMax = (emul.ScratchSize - 1024) / 8

func poll(t *emul.Task, fds guest.Ptr[abi.Pollfd], n Uint, timeout Int) emul.Action {
	if timeout < -1 {
		return emul.Fail(abi.EINVAL)
	}
	if w, run := pollKqueues(t, fds, n, nil); w != nil {
		if timeout >= 0 {
			w.within(int64(timeout)/1000, int64(timeout)%1000*1e6)
		}
		return run()
	}
	return pollOn(t, fds, n, nil, unix.SYS_POLL, 0, uint64(n), uint64(timeout))
}

// pollOn runs a Linux call whose first argument is an array of descriptors: on
// the guest's own array where both systems read it the same way, else on a
// converted copy. args[0] is filled in here. after, if not nil, sees how the
// wait ended.
func pollOn(t *emul.Task, fds guest.Ptr[abi.Pollfd], n Uint, after func(emul.Ret), nr emul.HostNR, args ...uint64) emul.Action {
	if n > 1<<20 {
		return emul.Fail(abi.EINVAL)
	}
	asked, err := fds.LoadN(t, int(n))
	if err != nil {
		return emul.Fail(err)
	}
	var all int16
	for _, p := range asked {
		all |= p.Events
	}
	if all&^xlat.SamePollEvents == 0 {
		args[0] = uint64(fds)
		return waitThen(after, nr, args...)
	}
	if n > pollMax {
		return emul.Fail(abi.EINVAL)
	}
	buf, ok := t.AllocBytes(8 * int(n))
	if !ok {
		return emul.Fail(abi.ENOMEM)
	}
	host := make([]unix.PollFd, n)
	for i, p := range asked {
		host[i] = unix.PollFd{Fd: p.FD, Events: xlat.PollEvents(p.Events)}
	}
	if err := guest.Ptr[unix.PollFd](buf).StoreN(t, host); err != nil {
		return emul.Fail(err)
	}
	args[0] = uint64(buf)
	return emul.Host(nr, args...).NoRestart().Then(func(r emul.Ret) emul.Action {
		if after != nil {
			after(r)
		}
		if err := r.Err(); err != nil {
			return emul.Fail(err)
		}
		host, err := guest.Ptr[unix.PollFd](buf).LoadN(t, int(n))
		if err != nil {
			return emul.Fail(err)
		}
		for i := range asked {
			asked[i].Revents = xlat.PollRevents(host[i].Revents, asked[i].Events)
		}
		if err := fds.StoreN(t, asked); err != nil {
			return emul.Fail(err)
		}
		return emul.Finish(r)
	})
}

// waitThen is a waiting host call as the last step, or one that after sees the
// end of.
func waitThen(after func(emul.Ret), nr emul.HostNR, args ...uint64) emul.Action {
	if after == nil {
		return emul.Tail(nr, args...).NoRestart()
	}
	return emul.Host(nr, args...).NoRestart().Then(func(r emul.Ret) emul.Action {
		after(r)
		return emul.Finish(r)
	})
}

// selectFDs is select(2): descriptor sets are laid out the same, but Linux
// writes the remaining time back into the timeout, FreeBSD never.
func selectFDs(t *emul.Task, n Int, in, out, ex Addr, timeout guest.Ptr[abi.Timeval]) emul.Action {
	if n < 0 {
		return emul.Fail(abi.EINVAL)
	}
	w, run := selectKqueues(t, n, in, out, ex, nil)
	var tv guest.Ptr[abi.Timeval]
	if timeout != 0 {
		v, err := timeout.Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		if v.Sec < 0 || v.Usec < 0 || v.Usec >= 1e6 {
			return emul.Fail(abi.EINVAL)
		}
		if w != nil {
			w.within(v.Sec, v.Usec*1000)
		}
		if tv, err = emul.AllocStore(t, v); err != nil {
			return emul.Fail(err)
		}
	}
	if w != nil {
		return run()
	}
	return emul.Tail(unix.SYS_SELECT, uint64(n), uint64(in), uint64(out), uint64(ex), uint64(tv)).NoRestart()
}

// ppoll and pselect wait under another signal mask if one is given.
func ppoll(t *emul.Task, fds guest.Ptr[abi.Pollfd], n Uint, timeout guest.Ptr[abi.Timespec], mask guest.Ptr[abi.Sigset]) emul.Action {
	ts, err := waitTime(t, timeout)
	if err != nil {
		return emul.Fail(err)
	}
	return underMask(t, mask, func(after func(emul.Ret)) emul.Action {
		if w, run := pollKqueues(t, fds, n, after); w != nil {
			return runFor(t, w, timeout, run)
		}
		return pollOn(t, fds, n, after, unix.SYS_PPOLL, 0, uint64(n), ts, 0, 8)
	})
}

func pselect(t *emul.Task, n Int, in, out, ex Addr, timeout guest.Ptr[abi.Timespec], mask guest.Ptr[abi.Sigset]) emul.Action {
	if n < 0 {
		return emul.Fail(abi.EINVAL)
	}
	ts, err := waitTime(t, timeout)
	if err != nil {
		return emul.Fail(err)
	}
	return underMask(t, mask, func(after func(emul.Ret)) emul.Action {
		if w, run := selectKqueues(t, n, in, out, ex, after); w != nil {
			return runFor(t, w, timeout, run)
		}
		return waitThen(after, unix.SYS_PSELECT6, uint64(n), uint64(in), uint64(out), uint64(ex), ts, 0)
	})
}

// waitTime copies a timeout, because Linux writes the remaining time into it.
// FreeBSD refuses a negative one.
func waitTime(t *emul.Task, p guest.Ptr[abi.Timespec]) (uint64, error) {
	if p == 0 {
		return 0, nil
	}
	ts, err := p.Load(t)
	if err != nil {
		return 0, err
	}
	if ts.Sec < 0 || ts.Nsec < 0 || ts.Nsec >= 1e9 {
		return 0, abi.EINVAL
	}
	c, err := emul.AllocStore(t, ts)
	return uint64(c), err
}

// underMask runs wait under the guest's mask, if there is one. A handler that ends
// the wait returns to the old mask; any other end must see to it (after).
func underMask(t *emul.Task, mask guest.Ptr[abi.Sigset], wait func(after func(emul.Ret)) emul.Action) emul.Action {
	if mask == 0 {
		return wait(nil)
	}
	m, err := mask.Load(t)
	if err != nil {
		return emul.Fail(err)
	}
	return withMask(t, m, wait(func(r emul.Ret) {
		if !r.Interrupted {
			unmask(t)
		}
	}))
}

package freebsd

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// Operations of _umtx_op (sys/umtx.h).
const (
	umtxWait            = 2
	umtxWake            = 3
	umtxWaitUint        = 11
	umtxWaitUintPrivate = 15
	umtxWakePrivate     = 16
	umtxNwakePrivate    = 21
)

const (
	futexWait       = 0
	futexWake       = 1
	futexWaitBitset = 9
	futexRealtime   = 256
	futexAnyBit     = 0xffffffff
	maxWake         = 1<<31 - 1
	umtxAbsTime     = 1
)

// umtxTime is struct _umtx_time (32 bytes).
type umtxTime struct {
	Timeout unix.Timespec
	Flags   uint32
	Clock   uint32
	_       [8]byte
}

func umtxOp(t *emul.Task, obj Addr, op UmtxOp, val Long, uaddr1, uaddr2 Addr) emul.Action {
	switch op {
	case umtxWait, umtxWaitUint, umtxWaitUintPrivate:
		return umtxDoWait(t, obj, op == umtxWait, uint64(val), uaddr1, uaddr2)
	case umtxWake, umtxWakePrivate:
		n := uint64(val)
		if n > maxWake {
			n = maxWake
		}
		return emul.TailZero(unix.SYS_FUTEX, uint64(obj), futexWake, n)
	case umtxNwakePrivate:
		return umtxNwake(t, obj, int(val))
	}
	t.Loop().Debugf("pid %d: _umtx_op: operation %d is not served yet", t.Proc.Pid, op)
	return emul.Fail(abi.EOPNOTSUPP)
}

// umtxDoWait is do_wait() of kern_umtx.c. The futexes are never private in
// Linux's sense: FreeBSD lets UMTX_OP_WAIT be woken by UMTX_OP_WAKE_PRIVATE.
func umtxDoWait(t *emul.Task, obj Addr, long bool, val uint64, size, timeout Addr) emul.Action {
	word := guest.Ptr[uint32](obj)
	if long {
		// Linux compares 32 bits; the other half is compared here, with the
		// thread stopped. Wakers pass through here too.
		v, err := guest.Ptr[uint64](obj).Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		if v != val {
			return emul.Return(0)
		}
	} else if v, err := word.Load(t); err != nil {
		return emul.Fail(err)
	} else if v != uint32(val) {
		return emul.Return(0)
	}
	cmd, ts, err := umtxTimeout(t, size, timeout)
	if err != nil {
		return emul.Fail(err)
	}
	if cmd == futexWait {
		return emul.TailZero(unix.SYS_FUTEX, uint64(obj), futexWait, val&0xffffffff, ts).NoRestart()
	}
	return emul.Host(unix.SYS_FUTEX, uint64(obj), cmd, val&0xffffffff, ts, 0, futexAnyBit).NoRestart().
		Then(func(r emul.Ret) emul.Action {
			if r.Err() == unix.EAGAIN {
				return emul.Return(0) // the word had changed
			}
			return emul.Finish(r)
		})
}

// umtxTimeout reads the optional timeout and returns the futex operation and
// the address of Linux's timespec for it.
func umtxTimeout(t *emul.Task, size, timeout Addr) (cmd, ts uint64, err error) {
	if timeout == 0 {
		return futexWait, 0, nil
	}
	var ut umtxTime
	if size <= 16 {
		ut.Timeout, err = guest.Ptr[unix.Timespec](timeout).Load(t)
	} else {
		ut, err = guest.Ptr[umtxTime](timeout).Load(t)
	}
	if err != nil {
		return 0, 0, err
	}
	if ut.Timeout.Sec < 0 || ut.Timeout.Nsec < 0 || ut.Timeout.Nsec >= 1e9 {
		return 0, 0, abi.EINVAL
	}
	cmd = futexWaitBitset
	clock, ok := xlat.Clock(abi.Clock(ut.Clock))
	if !ok {
		return 0, 0, abi.EINVAL
	}
	if ut.Flags&umtxAbsTime == 0 {
		cmd = futexWait // Linux counts relative time on the monotonic clock
	} else if clock == unix.CLOCK_REALTIME {
		cmd |= futexRealtime
	}
	at, err := emul.AllocStore(t, ut.Timeout)
	return cmd, uint64(at), err
}

// umtxNwake wakes everybody on each of n addresses.
func umtxNwake(t *emul.Task, list Addr, n int) emul.Action {
	const most = 128 // a page of pointers less; as BATCH_SIZE of kern_umtx.c
	if n < 0 || n > 1<<16 {
		return emul.Fail(abi.EINVAL)
	}
	k := min(n, most)
	addrs, err := guest.Ptr[uint64](list).LoadN(t, k)
	if err != nil {
		return emul.Fail(err)
	}
	calls := make([]emul.Call, k)
	for i, a := range addrs {
		calls[i] = emul.NewCall(unix.SYS_FUTEX, a, futexWake, maxWake)
	}
	return emul.Batch(calls...).ThenAll(func(rets []emul.Ret) emul.Action {
		for _, r := range rets {
			if r.Err() != nil {
				return emul.Finish(r)
			}
		}
		if n > k {
			return umtxNwake(t, list+Addr(8*k), n-k)
		}
		return emul.Return(0)
	})
}

// loadTimeout reads an optional relative timeout; -1 means none.
func loadTimeout(t *emul.Task, p guest.Ptr[unix.Timespec]) (time.Duration, error) {
	if p == 0 {
		return -1, nil
	}
	ts, err := p.Load(t)
	if err != nil {
		return 0, err
	}
	if ts.Sec < 0 || ts.Nsec < 0 || ts.Nsec >= 1e9 {
		return 0, abi.EINVAL
	}
	if ts.Sec > 1<<33 {
		return -1, nil // longer than a time.Duration; nobody will see the end
	}
	return time.Duration(ts.Sec)*time.Second + time.Duration(ts.Nsec), nil
}

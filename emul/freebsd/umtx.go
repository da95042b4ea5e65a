package freebsd

import (
	"encoding/binary"
	"math"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// _umtx_op(2), sys/kern/kern_umtx.c. Locks are served by the routine of
// umtx_amd64.s in the guest's thread, most of them without any stop. Here are
// the operations that it leaves to us, and what it cannot decode: timeouts,
// and structures of other architectures.
//
// No priority is lent to the owner of a mutex, inherited (PRIO_INHERIT) or of
// a ceiling (PRIO_PROTECT). FreeBSD does so between realtime threads only.

const (
	futexWake          = 1
	futexWaitBitset    = 9
	futexClockRealtime = 256
	maxWake            = math.MaxInt32
)

var le = binary.LittleEndian

// umtxProc is what a process knows of it.
type umtxProc struct {
	minTimeout uint64 // UMTX_OP_SET_MIN_TIMEOUT, in ns
}

func umtxOp(t *emul.Task, obj Addr, op UmtxOp, val Long, uaddr1, uaddr2 Addr) emul.Action {
	c := umtxCall{t: t, op: int(uint32(op) &^ (abi.UMTX_OP__I386 | abi.UMTX_OP__32BIT)),
		i386: uint32(op)&abi.UMTX_OP__I386 != 0, narrow: uint32(op)&(abi.UMTX_OP__I386|abi.UMTX_OP__32BIT) != 0,
		obj: obj, val: uint64(val), uaddr1: uaddr1, uaddr2: uaddr2}
	last := abi.UMTX_OP_ROBUST_LISTS
	if procOf(t).release.date >= 1500000 {
		last = abi.UMTX_OP_SET_MIN_TIMEOUT
	}
	if c.op > last {
		return emul.Fail(abi.EINVAL)
	}
	switch c.op {
	case abi.UMTX_OP_SHM:
		return umtxShm(t, uaddr1, uint32(val))
	case abi.UMTX_OP_ROBUST_LISTS:
		return c.robustLists()
	case abi.UMTX_OP_GET_MIN_TIMEOUT:
		return c.getMinTimeout()
	case abi.UMTX_OP_SET_MIN_TIMEOUT:
		if val < 0 {
			return emul.Fail(abi.EINVAL)
		}
		procOf(t).umtx.minTimeout = uint64(val)
		t.KeepTimeouts()
		return emul.Return(0)
	case abi.UMTX_OP_NWAKE_PRIVATE:
		if c.narrow {
			return c.nwake32(0)
		}
	case abi.UMTX_OP_WAIT:
		if c.narrow {
			c.op = abi.UMTX_OP_WAIT_UINT
		}
	case abi.UMTX_OP_MUTEX_LOCK, abi.UMTX_OP_MUTEX_TRYLOCK, abi.UMTX_OP_MUTEX_WAIT:
		flags, err := guest.Ptr[uint32](obj + 4).Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		if flags&(abi.UMUTEX_PRIO_PROTECT|abi.UMUTEX_PRIO_INHERIT) == abi.UMUTEX_PRIO_PROTECT {
			return c.underCeiling()
		}
	}
	return c.run()
}

// umtxCall is one call, decoded.
type umtxCall struct {
	t            *emul.Task
	op           int
	narrow, i386 bool // structures of a 32-bit architecture; with 32-bit time
	obj          Addr
	val          uint64
	uaddr1       Addr
	uaddr2       Addr
}

// run enters the routine, with the timeout as Linux wants it.
func (c *umtxCall) run() emul.Action {
	args := []uint64{uint64(c.obj), uint64(c.op), c.val, uint64(c.uaddr1)}
	// A thread that is kept awake enters with a mark, and comes back to us.
	var mark uint64
	routine := func(op, at uint64) emul.Action {
		a := emul.Routine(op|mark, at, args...)
		if mark != 0 {
			a = a.Then(func(r emul.Ret) emul.Action { return emul.RoutineDone(c.t, r) })
		}
		return a
	}
	if th := threadOf(c.t); th.awake && (c.sleeps() || c.op == abi.UMTX_OP_SET_CEILING) {
		th.setAwake(false)
		mark = 1 << 32
	}
	if !c.sleeps() || c.uaddr2 == 0 {
		return routine(futexWaitBitset, 0)
	}
	ut, err := c.timeout()
	if err != nil {
		return emul.Fail(err)
	}
	op, end, err := ut.deadline(procOf(c.t).umtx.minTimeout)
	if err != nil {
		c.t.Loop().Debugf("pid %d: _umtx_op: no sleep on clock %d", c.t.Proc.Pid, ut.clock)
		return emul.Fail(err)
	}
	at, err := emul.AllocStore(c.t, end)
	if err != nil {
		return emul.Fail(err)
	}
	a := routine(op, uint64(at))
	if ut.absolute || c.op != abi.UMTX_OP_SEM_WAIT && c.op != abi.UMTX_OP_SEM2_WAIT {
		return a
	}
	// A relative timeout cannot be restarted; _sem2 is told what is left of it.
	return a.Then(func(r emul.Ret) emul.Action {
		if r.Val != emul.RoutineRestart && r.Val != emul.RoutineRestartIfAsked {
			return emul.RoutineDone(c.t, r)
		}
		if c.op == abi.UMTX_OP_SEM2_WAIT {
			if err := c.storeRemaining(end); err != nil {
				return emul.Fail(err)
			}
		}
		return emul.RoutineDone(c.t, emul.Ret{Val: int64(abi.EINTR)})
	})
}

// sleeps says whether uaddr2 of the operation is a timeout.
func (c *umtxCall) sleeps() bool {
	switch c.op {
	case abi.UMTX_OP_LOCK, abi.UMTX_OP_WAIT, abi.UMTX_OP_WAIT_UINT, abi.UMTX_OP_WAIT_UINT_PRIVATE,
		abi.UMTX_OP_MUTEX_LOCK, abi.UMTX_OP_MUTEX_WAIT, abi.UMTX_OP_CV_WAIT,
		abi.UMTX_OP_RW_RDLOCK, abi.UMTX_OP_RW_WRLOCK, abi.UMTX_OP_SEM_WAIT, abi.UMTX_OP_SEM2_WAIT:
		return true
	}
	return false
}

// underCeiling goes on unless the thread's own priority is above the ceiling
// of the mutex (do_lock_pp).
func (c *umtxCall) underCeiling() emul.Action {
	ceiling, err := guest.Ptr[uint32](c.obj + 8).Load(c.t)
	if err != nil {
		return emul.Fail(err)
	}
	return withSched(c.t, 0, func(policy int, priority int32) emul.Action {
		rtp := xlat.Rtprio(policy, priority)
		realtime := policy == unix.SCHED_FIFO || policy == unix.SCHED_RR
		if realtime && uint32(rtp.Prio) < abi.RTP_PRIO_MAX-ceiling {
			return emul.Fail(abi.EINVAL)
		}
		return c.run()
	})
}

// umtxTime is struct _umtx_time, decoded.
type umtxTime struct {
	sec, nsec int64
	absolute  bool
	clock     abi.Clock
}

// timeSize is the size of struct timespec in the caller's architecture.
func (c *umtxCall) timeSize() int {
	switch {
	case c.i386:
		return 8
	case c.narrow:
		return 12
	}
	return 16
}

// timeout reads the timeout: a struct _umtx_time, or a struct timespec where
// its size says so or the operation has nothing else (umtx_copyin_umtx_time,
// umtx_copyin_timeout).
func (c *umtxCall) timeout() (ut umtxTime, err error) {
	n := c.timeSize()
	buf := make([]byte, n+8)
	whole := c.op != abi.UMTX_OP_CV_WAIT && c.op != abi.UMTX_OP_LOCK && uint64(c.uaddr1) > uint64(n)
	if !whole {
		buf = buf[:n]
	}
	if err := c.t.ReadMem(guest.Addr(c.uaddr2), buf); err != nil {
		return ut, err
	}
	switch n {
	case 8:
		ut.sec, ut.nsec = int64(int32(le.Uint32(buf))), int64(int32(le.Uint32(buf[4:])))
	case 12:
		ut.sec, ut.nsec = int64(le.Uint64(buf)), int64(int32(le.Uint32(buf[8:])))
	default:
		ut.sec, ut.nsec = int64(le.Uint64(buf)), int64(le.Uint64(buf[8:]))
	}
	if ut.sec < 0 || ut.nsec < 0 || ut.nsec >= 1e9 {
		return ut, abi.EINVAL
	}
	switch {
	case whole:
		ut.absolute = le.Uint32(buf[n:])&abi.UMTX_ABSTIME != 0
		ut.clock = abi.Clock(le.Uint32(buf[n+4:]))
	case c.op == abi.UMTX_OP_CV_WAIT:
		ut.absolute = c.val&abi.CVWAIT_ABSTIME != 0
		if c.val&abi.CVWAIT_CLOCKID != 0 {
			clock, err := guest.Ptr[uint32](c.obj + 8).Load(c.t)
			if err != nil {
				return ut, err
			}
			if clock >= uint32(abi.CLOCK_THREAD_CPUTIME_ID) {
				return ut, abi.EINVAL // only clocks of hardware will do
			}
			ut.clock = abi.Clock(clock)
		}
	}
	return ut, nil
}

// deadline gives the futex operation that sleeps until the time, at the
// earliest so many ns from now, and Linux's absolute time.
func (ut umtxTime) deadline(least uint64) (op uint64, end unix.Timespec, err error) {
	clock, err := xlat.SleepClock(ut.clock)
	if err != nil || clock == unix.CLOCK_TAI {
		return 0, end, abi.EINVAL // FreeBSD polls the clocks of CPU time
	}
	op = futexWaitBitset
	if ut.absolute && clock == unix.CLOCK_REALTIME {
		op |= futexClockRealtime
	} else {
		clock = unix.CLOCK_MONOTONIC // Linux counts no relative time on any other
	}
	var now unix.Timespec
	if !ut.absolute || least != 0 {
		if err := unix.ClockGettime(clock, &now); err != nil {
			return 0, end, err
		}
	}
	end = unix.Timespec{Sec: ut.sec, Nsec: ut.nsec}
	if !ut.absolute {
		end = addTime(now, end)
	}
	if min := addTime(now, unix.NsecToTimespec(int64(least))); least != 0 &&
		(end.Sec < min.Sec || end.Sec == min.Sec && end.Nsec < min.Nsec) {
		end = min
	}
	return op, end, nil
}

// addTime adds two valid times; what is too far away is the end of time.
func addTime(a, b unix.Timespec) unix.Timespec {
	s := unix.Timespec{Sec: a.Sec + b.Sec, Nsec: a.Nsec + b.Nsec}
	if s.Nsec >= 1e9 {
		s.Sec, s.Nsec = s.Sec+1, s.Nsec-1e9
	}
	if s.Sec < a.Sec {
		return unix.Timespec{Sec: math.MaxInt64}
	}
	return s
}

// storeRemaining writes how long it is until end (on the monotonic clock)
// behind the struct _umtx_time, if the caller has said that there is room.
func (c *umtxCall) storeRemaining(end unix.Timespec) error {
	n := c.timeSize()
	if uint64(c.uaddr1) < uint64(n+8+n) {
		return nil
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return err
	}
	left := unix.Timespec{Sec: end.Sec - now.Sec, Nsec: end.Nsec - now.Nsec}
	if left.Nsec < 0 {
		left.Sec, left.Nsec = left.Sec-1, left.Nsec+1e9
	}
	b := make([]byte, n)
	switch n {
	case 8:
		le.PutUint32(b, uint32(left.Sec))
		le.PutUint32(b[4:], uint32(left.Nsec))
	case 12:
		le.PutUint64(b, uint64(left.Sec))
		le.PutUint32(b[8:], uint32(left.Nsec))
	default:
		le.PutUint64(b, uint64(left.Sec))
		le.PutUint64(b[8:], uint64(left.Nsec))
	}
	return c.t.WriteMem(guest.Addr(c.uaddr2)+guest.Addr(n+8), b)
}

func (c *umtxCall) getMinTimeout() emul.Action {
	v := procOf(c.t).umtx.minTimeout
	if c.narrow {
		return emul.Fail(guest.Ptr[uint32](c.uaddr1).Store(c.t, uint32(v)))
	}
	return emul.Fail(guest.Ptr[uint64](c.uaddr1).Store(c.t, v))
}

// nwake32 is UMTX_OP_NWAKE_PRIVATE with 32-bit pointers, from the done-th on.
func (c *umtxCall) nwake32(done int) emul.Action {
	const batch = 128 // BATCH_SIZE
	n := min(int(int32(c.val))-done, batch)
	if n <= 0 {
		return emul.Return(0)
	}
	addrs, err := guest.Ptr[uint32](c.obj+Addr(4*done)).LoadN(c.t, n)
	if err != nil {
		return emul.Fail(err)
	}
	calls := make([]emul.Call, n)
	for i, a := range addrs {
		calls[i] = emul.NewCall(unix.SYS_FUTEX, uint64(a), futexWake, maxWake)
	}
	return emul.Batch(calls...).ThenAll(func([]emul.Ret) emul.Action { return c.nwake32(done + n) })
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

package freebsd

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
	"github.com/lsf-linux/lsf/emul/trace"
)

// Clocks and sleeping. struct timespec and struct timeval are the same on both
// systems.

// Clock is a clockid_t argument.
type Clock int32

// TraceArg prints the name.
func (c Clock) TraceArg(*trace.Ctx) string {
	return trace.Enum(int64(c), []trace.Name{
		{Bits: uint64(abi.CLOCK_REALTIME), Name: "CLOCK_REALTIME"},
		{Bits: uint64(abi.CLOCK_VIRTUAL), Name: "CLOCK_VIRTUAL"},
		{Bits: uint64(abi.CLOCK_PROF), Name: "CLOCK_PROF"},
		{Bits: uint64(abi.CLOCK_MONOTONIC), Name: "CLOCK_MONOTONIC"},
		{Bits: uint64(abi.CLOCK_UPTIME), Name: "CLOCK_UPTIME"},
		{Bits: uint64(abi.CLOCK_UPTIME_PRECISE), Name: "CLOCK_UPTIME_PRECISE"},
		{Bits: uint64(abi.CLOCK_UPTIME_FAST), Name: "CLOCK_UPTIME_FAST"},
		{Bits: uint64(abi.CLOCK_REALTIME_PRECISE), Name: "CLOCK_REALTIME_PRECISE"},
		{Bits: uint64(abi.CLOCK_REALTIME_FAST), Name: "CLOCK_REALTIME_FAST"},
		{Bits: uint64(abi.CLOCK_MONOTONIC_PRECISE), Name: "CLOCK_MONOTONIC_PRECISE"},
		{Bits: uint64(abi.CLOCK_MONOTONIC_FAST), Name: "CLOCK_MONOTONIC_FAST"},
		{Bits: uint64(abi.CLOCK_SECOND), Name: "CLOCK_SECOND"},
		{Bits: uint64(abi.CLOCK_THREAD_CPUTIME_ID), Name: "CLOCK_THREAD_CPUTIME_ID"},
		{Bits: uint64(abi.CLOCK_PROCESS_CPUTIME_ID), Name: "CLOCK_PROCESS_CPUTIME_ID"},
		{Bits: uint64(abi.CLOCK_TAI), Name: "CLOCK_TAI"},
	})
}

// hostClock is xlat.Clock with the guest's thread numbers made Linux's.
func hostClock(c Clock) (int32, bool) {
	const thread = abi.CPUCLOCK_BIT
	if id := uint32(c) & abi.CPUCLOCK_ID_MASK; uint32(c)&^abi.CPUCLOCK_ID_MASK == thread {
		if id <= tidBase {
			return 0, false
		}
		c -= tidBase
	}
	return xlat.Clock(abi.Clock(c))
}

func clockGettime(t *emul.Task, c Clock, ts guest.Ptr[abi.Timespec]) emul.Action {
	if l, ok := hostClock(c); ok {
		if !sameForAll(l) || t.Loop().Engine().Kind() == host.SUD {
			return emul.Tail(unix.SYS_CLOCK_GETTIME, uint64(l), uint64(ts))
		}
		// A call on the host is a second stop with this engine.
		var now unix.Timespec
		if err := unix.ClockGettime(l, &now); err != nil {
			return emul.Fail(err)
		}
		return storeOrFail(t, ts, abi.Timespec{Sec: now.Sec, Nsec: now.Nsec})
	}
	switch abi.Clock(c) {
	case abi.CLOCK_SECOND:
		var now unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &now); err != nil {
			return emul.Fail(err)
		}
		return storeOrFail(t, ts, abi.Timespec{Sec: now.Sec})
	case abi.CLOCK_VIRTUAL, abi.CLOCK_PROF:
		buf := emul.Alloc[unix.Rusage](t)
		return emul.Host(unix.SYS_GETRUSAGE, unix.RUSAGE_SELF, uint64(buf)).Then(func(r emul.Ret) emul.Action {
			ru, err := buf.Load(t)
			if err != nil {
				return emul.Fail(err)
			}
			ns := ru.Utime.Nano()
			if abi.Clock(c) == abi.CLOCK_PROF {
				ns += ru.Stime.Nano()
			}
			return storeOrFail(t, ts, abi.Timespec{Sec: ns / 1e9, Nsec: ns % 1e9})
		})
	}
	return emul.Fail(abi.EINVAL)
}

// sameForAll says that a clock of Linux's is no process's or thread's own.
func sameForAll(clock int32) bool {
	switch clock {
	case unix.CLOCK_REALTIME, unix.CLOCK_REALTIME_COARSE, unix.CLOCK_MONOTONIC, unix.CLOCK_MONOTONIC_COARSE, unix.CLOCK_BOOTTIME:
		return true
	}
	return false
}

func clockSettime(_ *emul.Task, c Clock, ts guest.Ptr[abi.Timespec]) emul.Action {
	if abi.Clock(c) != abi.CLOCK_REALTIME {
		return emul.Fail(abi.EINVAL)
	}
	return emul.Tail(unix.SYS_CLOCK_SETTIME, unix.CLOCK_REALTIME, uint64(ts))
}

func clockGetres(t *emul.Task, c Clock, ts guest.Ptr[abi.Timespec]) emul.Action {
	res := abi.Timespec{Nsec: 1}
	switch abi.Clock(c) {
	case abi.CLOCK_SECOND:
		res = abi.Timespec{Sec: 1}
	case abi.CLOCK_VIRTUAL, abi.CLOCK_PROF:
		res.Nsec = 1000 // rusage counts microseconds
	default:
		l, ok := hostClock(c)
		if !ok {
			return emul.Fail(abi.EINVAL)
		}
		return emul.Tail(unix.SYS_CLOCK_GETRES, uint64(l), uint64(ts))
	}
	if ts == 0 {
		return emul.Return(0)
	}
	return storeOrFail(t, ts, res)
}

// clockGetcpuclockid2 makes the number of a CPU-time clock (kern_time.c).
func clockGetcpuclockid2(t *emul.Task, id Long, which Int, out guest.Ptr[int32]) emul.Action {
	c := uint32(id) & abi.CPUCLOCK_ID_MASK
	switch which {
	case abi.CPUCLOCK_WHICH_PID:
		if id == 0 {
			c = uint32(t.Proc.Pid)
		}
		c |= abi.CPUCLOCK_BIT | abi.CPUCLOCK_PROCESS_BIT
	case abi.CPUCLOCK_WHICH_TID:
		if id == 0 {
			c = uint32(guestTID(t))
		}
		c |= abi.CPUCLOCK_BIT
	default:
		return emul.Fail(abi.EINVAL)
	}
	return storeOrFail(t, out, int32(c))
}

// nanosleep is never restarted, and a negative time is over at once
// (kern_time.c kern_clock_nanosleep).
func nanosleep(t *emul.Task, rqt, rmt guest.Ptr[abi.Timespec]) emul.Action {
	ts, err := rqt.Load(t)
	switch {
	case err != nil:
		return emul.Fail(err)
	case ts.Nsec < 0 || ts.Nsec >= 1e9:
		return emul.Fail(abi.EINVAL)
	case ts.Sec < 0:
		return emul.Return(0)
	}
	if rmt == 0 {
		return emul.Tail(unix.SYS_NANOSLEEP, uint64(rqt), 0).NoRestart()
	}
	return withRemaining(t, ts, rmt, func(rem uint64) emul.Action {
		return emul.Host(unix.SYS_NANOSLEEP, uint64(rqt), rem)
	}, emul.Fail)
}

// withRemaining sleeps for ts and stores what is left of it when a signal
// comes.
func withRemaining(t *emul.Task, ts abi.Timespec, rmt guest.Ptr[abi.Timespec], sleep func(rem uint64) emul.Action, done func(error) emul.Action) emul.Action {
	buf, err := emul.AllocStore(t, ts)
	if err != nil {
		return done(err)
	}
	return sleep(uint64(buf)).NoRestart().Then(func(r emul.Ret) emul.Action {
		if r.Err() != unix.EINTR {
			return done(r.Err())
		}
		linux, err := buf.Load(t)
		if err != nil {
			return done(err)
		}
		left := leftOfSleep(ts, linux)
		if left == (abi.Timespec{}) {
			return done(nil)
		}
		if err := rmt.Store(t, left); err != nil {
			return done(err)
		}
		return done(unix.EINTR)
	})
}

// leftOfSleep is what FreeBSD says is left of a sleep, zero if it is over. Linux
// may say that more is left than was asked for: it counts the slack of its timers
// in. FreeBSD measures long sleeps in ticks and counts the one that has begun as
// over (kern_time.c kern_clock_nanosleep, kern_tc.c sbt_timethreshold; hz is
// 1000): who sleeps for eight seconds and is roused by alarm(6) has two left,
// for sleep(3) rounds up.
func leftOfSleep(asked, linux abi.Timespec) abi.Timespec {
	const tick, long = 1e6, 16e6 // ns
	left := linux
	if left.Sec > asked.Sec || left.Sec == asked.Sec && left.Nsec > asked.Nsec {
		left = asked
	}
	if asked.Sec > 0 || asked.Nsec >= long {
		if left.Nsec -= tick; left.Nsec < 0 {
			left.Sec, left.Nsec = left.Sec-1, left.Nsec+1e9
		}
	}
	if left.Sec < 0 {
		return abi.Timespec{}
	}
	return left
}

// clockNanosleep gives its error as the result (kern_posix_error).
func clockNanosleep(t *emul.Task, c Clock, flags Int, rqt, rmt guest.Ptr[abi.Timespec]) emul.Action {
	ts, err := rqt.Load(t)
	if err != nil {
		return posixError(err)
	}
	if ts.Nsec < 0 || ts.Nsec >= 1e9 || flags&^abi.TIMER_ABSTIME != 0 {
		return posixError(abi.EINVAL)
	}
	l, err := xlat.SleepClock(abi.Clock(c))
	if err != nil {
		return posixError(err)
	}
	if ts.Sec < 0 {
		return emul.Return(0)
	}
	if rmt != 0 && flags&abi.TIMER_ABSTIME == 0 {
		return withRemaining(t, ts, rmt, func(rem uint64) emul.Action {
			return emul.Host(unix.SYS_CLOCK_NANOSLEEP, uint64(l), uint64(flags), uint64(rqt), rem)
		}, posixError)
	}
	return emul.Host(unix.SYS_CLOCK_NANOSLEEP, uint64(l), uint64(flags), uint64(rqt), uint64(rmt)).
		NoRestart().Then(func(r emul.Ret) emul.Action { return posixError(r.Err()) })
}

package xlat

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// Clock converts a clock number. FreeBSD's UPTIME and MONOTONIC are one clock,
// which starts at boot and stands still while the machine sleeps, as Linux's
// MONOTONIC does; the _FAST ones are the coarse ones. ok is false for a clock
// that Linux has no number for: VIRTUAL, PROF, SECOND, or none at all.
func Clock(c abi.Clock) (linux int32, ok bool) {
	switch c {
	case abi.CLOCK_REALTIME, abi.CLOCK_REALTIME_PRECISE:
		return unix.CLOCK_REALTIME, true
	case abi.CLOCK_REALTIME_FAST:
		return unix.CLOCK_REALTIME_COARSE, true
	case abi.CLOCK_MONOTONIC, abi.CLOCK_MONOTONIC_PRECISE, abi.CLOCK_UPTIME, abi.CLOCK_UPTIME_PRECISE:
		return unix.CLOCK_MONOTONIC, true
	case abi.CLOCK_MONOTONIC_FAST, abi.CLOCK_UPTIME_FAST:
		return unix.CLOCK_MONOTONIC_COARSE, true
	case abi.CLOCK_THREAD_CPUTIME_ID:
		return unix.CLOCK_THREAD_CPUTIME_ID, true
	case abi.CLOCK_PROCESS_CPUTIME_ID:
		return unix.CLOCK_PROCESS_CPUTIME_ID, true
	case abi.CLOCK_TAI:
		return unix.CLOCK_TAI, true
	}
	if c >= 0 {
		return 0, false
	}
	// Linux: ^id << 3 | 4 for a thread | 2 (CPUCLOCK_SCHED).
	id := int32(uint32(c) & abi.CPUCLOCK_ID_MASK)
	if id >= 1<<28 { // nobody's, and more than Linux has room for
		return 0, false
	}
	linux = ^id<<3 | 2
	if uint32(c)&abi.CPUCLOCK_PROCESS_BIT == 0 {
		linux |= 4
	}
	return linux, true
}

// SleepClock converts the clock of clock_nanosleep(2): Linux sleeps on no
// coarse clock, FreeBSD does.
func SleepClock(c abi.Clock) (linux int32, err error) {
	switch c {
	case abi.CLOCK_REALTIME, abi.CLOCK_REALTIME_PRECISE, abi.CLOCK_REALTIME_FAST, abi.CLOCK_SECOND:
		return unix.CLOCK_REALTIME, nil
	case abi.CLOCK_MONOTONIC, abi.CLOCK_MONOTONIC_PRECISE, abi.CLOCK_MONOTONIC_FAST,
		abi.CLOCK_UPTIME, abi.CLOCK_UPTIME_PRECISE, abi.CLOCK_UPTIME_FAST:
		return unix.CLOCK_MONOTONIC, nil
	case abi.CLOCK_TAI:
		return unix.CLOCK_TAI, nil
	case abi.CLOCK_VIRTUAL, abi.CLOCK_PROF, abi.CLOCK_PROCESS_CPUTIME_ID:
		return 0, abi.EOPNOTSUPP // ENOTSUP is the same number
	}
	return 0, abi.EINVAL
}

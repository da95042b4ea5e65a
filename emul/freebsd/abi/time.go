package abi

// Clock is a clockid_t (sys/_clock_id.h). Negative ones are CPU-time clocks of
// some process or thread, as clock_getcpuclockid2(2) makes them.
type Clock int32

// The clocks (sys/_clock_id.h; TAI since 15.0).
const (
	CLOCK_REALTIME           Clock = 0
	CLOCK_VIRTUAL            Clock = 1
	CLOCK_PROF               Clock = 2
	CLOCK_MONOTONIC          Clock = 4
	CLOCK_UPTIME             Clock = 5
	CLOCK_UPTIME_PRECISE     Clock = 7
	CLOCK_UPTIME_FAST        Clock = 8
	CLOCK_REALTIME_PRECISE   Clock = 9
	CLOCK_REALTIME_FAST      Clock = 10
	CLOCK_MONOTONIC_PRECISE  Clock = 11
	CLOCK_MONOTONIC_FAST     Clock = 12
	CLOCK_SECOND             Clock = 13
	CLOCK_THREAD_CPUTIME_ID  Clock = 14
	CLOCK_PROCESS_CPUTIME_ID Clock = 15
	CLOCK_TAI                Clock = 16
)

// Bits of negative clock numbers (sys/time.h, kern_time.c): with ProcessBit the
// rest is a process ID, without it a thread ID.
const (
	CPUCLOCK_BIT         = 0x80000000
	CPUCLOCK_PROCESS_BIT = 0x40000000
	CPUCLOCK_ID_MASK     = ^uint32(CPUCLOCK_BIT | CPUCLOCK_PROCESS_BIT)
	CPUCLOCK_WHICH_PID   = 0
	CPUCLOCK_WHICH_TID   = 1
)

// TIMER_ABSTIME is the flag of clock_nanosleep(2).
const TIMER_ABSTIME = 1

// Itimerval is struct itimerval (sys/time.h).
type Itimerval struct {
	Interval Timeval
	Value    Timeval
}

// Ntptimeval is struct ntptimeval (sys/timex.h). Errors in microseconds.
type Ntptimeval struct {
	Time     Timespec
	Maxerror int64
	Esterror int64
	Tai      int64
	State    int32
	_        int32
}

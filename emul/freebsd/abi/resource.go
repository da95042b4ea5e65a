package abi

// Resource is the first argument of getrlimit(2) (sys/resource.h).
type Resource int32

// The resources (sys/resource.h; PIPEBUF and VMM since 14.2 and 15.0).
const (
	RLIMIT_CPU     Resource = 0
	RLIMIT_FSIZE   Resource = 1
	RLIMIT_DATA    Resource = 2
	RLIMIT_STACK   Resource = 3
	RLIMIT_CORE    Resource = 4
	RLIMIT_RSS     Resource = 5
	RLIMIT_MEMLOCK Resource = 6
	RLIMIT_NPROC   Resource = 7
	RLIMIT_NOFILE  Resource = 8
	RLIMIT_SBSIZE  Resource = 9
	RLIMIT_AS      Resource = 10
	RLIMIT_NPTS    Resource = 11
	RLIMIT_SWAP    Resource = 12
	RLIMIT_KQUEUES Resource = 13
	RLIMIT_UMTXP   Resource = 14
	RLIMIT_PIPEBUF Resource = 15
	RLIMIT_VMM     Resource = 16
	RLIM_NLIMITS            = 17
)

// RLIM_INFINITY is "no limit" (sys/resource.h).
const RLIM_INFINITY = 1<<63 - 1

// Rlimit is struct rlimit (sys/resource.h). Units depend on the resource, as
// on Linux: bytes, seconds or a count.
type Rlimit struct {
	Cur int64
	Max int64
}

// Scheduling policies (sys/sched.h).
const (
	SCHED_FIFO  = 1
	SCHED_OTHER = 2
	SCHED_RR    = 3
)

// cpuset(2): levels and what an ID names (sys/cpuset.h).
const (
	CPU_LEVEL_ROOT   = 1
	CPU_LEVEL_CPUSET = 2
	CPU_LEVEL_WHICH  = 3

	CPU_WHICH_TID         = 1
	CPU_WHICH_PID         = 2
	CPU_WHICH_CPUSET      = 3
	CPU_WHICH_IRQ         = 4
	CPU_WHICH_JAIL        = 5
	CPU_WHICH_DOMAIN      = 6
	CPU_WHICH_INTRHANDLER = 7
	CPU_WHICH_ITHREAD     = 8
	CPU_WHICH_TIDPID      = 9
)

// Rtprio is struct rtprio (sys/rtprio.h). Prio 0 is the highest.
type Rtprio struct {
	Type uint16
	Prio uint16
}

// Types of Rtprio (sys/priority.h) and its range.
const (
	RTP_PRIO_REALTIME = 2
	RTP_PRIO_NORMAL   = 3
	RTP_PRIO_IDLE     = 4
	RTP_PRIO_FIFO     = 10
	RTP_PRIO_MAX      = 31
)

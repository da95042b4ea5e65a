package abi

// Sigevent is struct sigevent (sys/signal.h): how the end of something is told.
type Sigevent struct {
	Notify int32
	Signo  int32 // the kqueue's descriptor with SIGEV_KEVENT
	Value  uint64
	// ThreadID is the thread of SIGEV_THREAD_ID; its low 16 bits are the flags
	// of SIGEV_KEVENT.
	ThreadID int32
	_        int32
	_        [7]int64
}

// Values of Sigevent.Notify.
const (
	SIGEV_NONE      = 0
	SIGEV_SIGNAL    = 1
	SIGEV_THREAD    = 2
	SIGEV_KEVENT    = 3
	SIGEV_THREAD_ID = 4
)

// Itimerspec is struct itimerspec (sys/timespec.h).
type Itimerspec struct {
	Interval Timespec
	Value    Timespec
}

package abi

// Filters of kevent(2) (sys/event.h). They are negative; zero is no filter.
const (
	EVFILT_READ     = -1
	EVFILT_WRITE    = -2
	EVFILT_AIO      = -3
	EVFILT_VNODE    = -4
	EVFILT_PROC     = -5
	EVFILT_SIGNAL   = -6
	EVFILT_TIMER    = -7
	EVFILT_PROCDESC = -8
	EVFILT_FS       = -9
	EVFILT_LIO      = -10
	EVFILT_USER     = -11
	EVFILT_SENDFILE = -12
	EVFILT_EMPTY    = -13
	// EVFILT_SYSCOUNT is the number of filters.
	EVFILT_SYSCOUNT = 13
)

// Actions and flags of a kevent (sys/event.h). EV_KEEPUDATA came with FreeBSD 14.
const (
	EV_ADD          = 0x0001
	EV_DELETE       = 0x0002
	EV_ENABLE       = 0x0004
	EV_DISABLE      = 0x0008
	EV_ONESHOT      = 0x0010
	EV_CLEAR        = 0x0020
	EV_RECEIPT      = 0x0040
	EV_DISPATCH     = 0x0080
	EV_FORCEONESHOT = 0x0100
	EV_KEEPUDATA    = 0x0200
	// EV_SYSFLAGS are those that only the kernel sets.
	EV_SYSFLAGS = 0xf000
	EV_ERROR    = 0x4000
	EV_EOF      = 0x8000
)

// fflags of EVFILT_USER: the top two bits of a change say what to do with the
// lower 24.
const (
	NOTE_FFNOP      = 0x00000000
	NOTE_FFAND      = 0x40000000
	NOTE_FFOR       = 0x80000000
	NOTE_FFCOPY     = 0xc0000000
	NOTE_FFCTRLMASK = 0xc0000000
	NOTE_FFLAGSMASK = 0x00ffffff
	NOTE_TRIGGER    = 0x01000000
)

// fflags of EVFILT_READ and EVFILT_WRITE.
const (
	NOTE_LOWAT     = 0x0001
	NOTE_FILE_POLL = 0x0002
)

// fflags of EVFILT_VNODE.
const (
	NOTE_DELETE      = 0x0001
	NOTE_WRITE       = 0x0002
	NOTE_EXTEND      = 0x0004
	NOTE_ATTRIB      = 0x0008
	NOTE_LINK        = 0x0010
	NOTE_RENAME      = 0x0020
	NOTE_REVOKE      = 0x0040
	NOTE_OPEN        = 0x0080
	NOTE_CLOSE       = 0x0100
	NOTE_CLOSE_WRITE = 0x0200
	NOTE_READ        = 0x0400
)

// fflags of EVFILT_PROC and EVFILT_PROCDESC.
const (
	NOTE_EXIT      = 0x80000000
	NOTE_FORK      = 0x40000000
	NOTE_EXEC      = 0x20000000
	NOTE_PCTRLMASK = 0xf0000000
	NOTE_TRACK     = 0x00000001
	NOTE_TRACKERR  = 0x00000002
	NOTE_CHILD     = 0x00000004
)

// fflags of EVFILT_TIMER: the unit of data (milliseconds when none is given).
const (
	NOTE_SECONDS  = 0x00000001
	NOTE_MSECONDS = 0x00000002
	NOTE_USECONDS = 0x00000004
	NOTE_NSECONDS = 0x00000008
	NOTE_ABSTIME  = 0x00000010
)

// Flags of kqueuex(2) (FreeBSD 14, sys/event.h). KQUEUE_CPONFORK came with 15.
const (
	KQUEUE_CLOEXEC  = 0x00000001
	KQUEUE_CPONFORK = 0x00000002
)

// Kevent is struct kevent of FreeBSD 12 and later (sys/event.h), 64 bytes.
type Kevent struct {
	Ident  uint64
	Filter int16
	Flags  uint16
	Fflags uint32
	Data   int64
	Udata  uint64
	Ext    [4]uint64
}

// Kevent11 is struct kevent of FreeBSD 11 and before (struct
// kevent_freebsd11 of sys/event.h), 32 bytes.
type Kevent11 struct {
	Ident  uint64
	Filter int16
	Flags  uint16
	Fflags uint32
	Data   int64
	Udata  uint64
}

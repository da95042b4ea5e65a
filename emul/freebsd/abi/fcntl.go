package abi

// Flags of open(2), openat(2) and fcntl(F_SETFL) (sys/fcntl.h).
const (
	O_RDONLY          = 0x0000
	O_WRONLY          = 0x0001
	O_RDWR            = 0x0002
	O_ACCMODE         = 0x0003
	O_NONBLOCK        = 0x0004
	O_APPEND          = 0x0008
	O_SHLOCK          = 0x0010
	O_EXLOCK          = 0x0020
	O_ASYNC           = 0x0040
	O_SYNC            = 0x0080
	O_NOFOLLOW        = 0x0100
	O_CREAT           = 0x0200
	O_TRUNC           = 0x0400
	O_EXCL            = 0x0800
	O_NOCTTY          = 0x8000
	O_DIRECT          = 0x00010000
	O_DIRECTORY       = 0x00020000
	O_EXEC            = 0x00040000 // also O_SEARCH
	O_TTY_INIT        = 0x00080000
	O_CLOEXEC         = 0x00100000
	O_VERIFY          = 0x00200000
	O_PATH            = 0x00400000
	O_RESOLVE_BENEATH = 0x00800000
	O_DSYNC           = 0x01000000
	O_EMPTY_PATH      = 0x02000000
	O_NAMEDATTR       = 0x04000000 // 15.0
	O_CLOFORK         = 0x08000000 // 15.0
)

// FRDAHEAD is the F_SETFL bit of read-ahead; its number is O_CREAT's.
const FRDAHEAD = O_CREAT

// Flags of the *at calls (sys/fcntl.h).
const (
	AT_FDCWD            = -100
	AT_EACCESS          = 0x0100
	AT_SYMLINK_NOFOLLOW = 0x0200
	AT_SYMLINK_FOLLOW   = 0x0400
	AT_REMOVEDIR        = 0x0800
	AT_RESOLVE_BENEATH  = 0x2000
	AT_EMPTY_PATH       = 0x4000
	AT_RENAME_NOREPLACE = 0x0001 // renameat2, 15.0
)

// FD_NONE tells funlinkat(2) that there is no descriptor to compare with.
const FD_NONE = -200

// Commands of fcntl(2) (sys/fcntl.h).
const (
	F_DUPFD          = 0
	F_GETFD          = 1
	F_SETFD          = 2
	F_GETFL          = 3
	F_SETFL          = 4
	F_GETOWN         = 5
	F_SETOWN         = 6
	F_OGETLK         = 7
	F_OSETLK         = 8
	F_OSETLKW        = 9
	F_DUP2FD         = 10
	F_GETLK          = 11
	F_SETLK          = 12
	F_SETLKW         = 13
	F_SETLK_REMOTE   = 14
	F_READAHEAD      = 15
	F_RDAHEAD        = 16
	F_DUPFD_CLOEXEC  = 17
	F_DUP2FD_CLOEXEC = 18
	F_ADD_SEALS      = 19
	F_GET_SEALS      = 20
	F_ISUNIONSTACK   = 21
	F_KINFO          = 22
	F_DUPFD_CLOFORK  = 23 // 15.0
	F_DUP3FD         = 24 // 15.0
)

// FD_CLOEXEC is the descriptor flag of F_GETFD and F_SETFD.
const FD_CLOEXEC = 1

// Lock types of struct flock (sys/fcntl.h).
const (
	F_RDLCK    = 1
	F_UNLCK    = 2
	F_WRLCK    = 3
	F_UNLCKSYS = 4
	F_CANCEL   = 5
)

// Operations of flock(2) (sys/fcntl.h); Linux has the same numbers.
const (
	LOCK_SH = 0x01
	LOCK_EX = 0x02
	LOCK_NB = 0x04
	LOCK_UN = 0x08
)

// Flock is struct flock (sys/fcntl.h). Offsets in bytes.
type Flock struct {
	Start  int64
	Len    int64
	Pid    int32
	Type   int16
	Whence int16
	Sysid  int32
	_      int32
}

// OFlock is struct __oflock (sys/fcntl.h): Flock before l_sysid.
type OFlock struct {
	Start  int64
	Len    int64
	Pid    int32
	Type   int16
	Whence int16
}

// Whence values of lseek(2) (sys/unistd.h); Linux has the same numbers.
const (
	SEEK_SET  = 0
	SEEK_CUR  = 1
	SEEK_END  = 2
	SEEK_DATA = 3
	SEEK_HOLE = 4
)

// CLOSE_RANGE_CLOEXEC and CLOSE_RANGE_CLOFORK are close_range(2)'s flags (sys/unistd.h).
const (
	CLOSE_RANGE_CLOEXEC = 1 << 2
	CLOSE_RANGE_CLOFORK = 1 << 3 // 15.0
)

// F_SEALS are the seals that F_ADD_SEALS sets: F_SEAL_SEAL, _SHRINK, _GROW and
// _WRITE, which have Linux's numbers.
const F_SEALS = 0xf

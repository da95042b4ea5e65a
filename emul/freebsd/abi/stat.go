package abi

// Timespec is struct timespec (sys/_timespec.h).
type Timespec struct {
	Sec  int64
	Nsec int64
}

// Timeval is struct timeval (sys/_timeval.h).
type Timeval struct {
	Sec  int64
	Usec int64
}

// Stat is struct stat since ino64, FreeBSD 12 (sys/stat.h). Size in bytes,
// Blocks in 512-byte blocks.
type Stat struct {
	Dev      uint64
	Ino      uint64
	Nlink    uint64
	Mode     uint16
	_        int16
	Uid      uint32
	Gid      uint32
	_        int32
	Rdev     uint64
	Atim     Timespec
	Mtim     Timespec
	Ctim     Timespec
	Birthtim Timespec
	Size     int64
	Blocks   int64
	Blksize  int32
	Flags    uint32
	Gen      uint64
	_        [10]uint64
}

// Stat11 is struct freebsd11_stat (sys/stat.h).
type Stat11 struct {
	Dev      uint32
	Ino      uint32
	Mode     uint16
	Nlink    uint16
	Uid      uint32
	Gid      uint32
	Rdev     uint32
	Atim     Timespec
	Mtim     Timespec
	Ctim     Timespec
	Size     int64
	Blocks   int64
	Blksize  int32
	Flags    uint32
	Gen      uint32
	_        int32
	Birthtim Timespec
}

// NStat is struct nstat (sys/stat.h), NetBSD's layout of old.
type NStat struct {
	Dev      uint32
	Ino      uint32
	Mode     uint32
	Nlink    uint32
	Uid      uint32
	Gid      uint32
	Rdev     uint32
	_        int32
	Atim     Timespec
	Mtim     Timespec
	Ctim     Timespec
	Size     int64
	Blocks   int64
	Blksize  int32
	Flags    uint32
	Gen      uint32
	_        int32
	Birthtim Timespec
}

// File type bits of st_mode (sys/stat.h).
const (
	S_IFMT   = 0170000
	S_IFIFO  = 0010000
	S_IFCHR  = 0020000
	S_IFDIR  = 0040000
	S_IFBLK  = 0060000
	S_IFREG  = 0100000
	S_IFLNK  = 0120000
	S_IFSOCK = 0140000
	S_IFWHT  = 0160000

	S_ISTXT     = 0001000
	ACCESSPERMS = 0000777
	ALLPERMS    = 0007777
)

// File flags of st_flags and chflags(2) (sys/stat.h).
const (
	UF_SETTABLE  = 0x0000ffff
	UF_NODUMP    = 0x00000001
	UF_IMMUTABLE = 0x00000002
	UF_APPEND    = 0x00000004
	UF_OPAQUE    = 0x00000008
	UF_NOUNLINK  = 0x00000010
	UF_SYSTEM    = 0x00000080
	UF_SPARSE    = 0x00000100
	UF_OFFLINE   = 0x00000200
	UF_REPARSE   = 0x00000400
	UF_ARCHIVE   = 0x00000800
	UF_READONLY  = 0x00001000
	UF_HIDDEN    = 0x00008000
	SF_SETTABLE  = 0xffff0000
	SF_ARCHIVED  = 0x00010000
	SF_IMMUTABLE = 0x00020000
	SF_APPEND    = 0x00040000
	SF_NOUNLINK  = 0x00100000
	SF_SNAPSHOT  = 0x00200000
)

// Nanosecond values of utimensat(2) (sys/stat.h).
const (
	UTIME_NOW  = -1
	UTIME_OMIT = -2
)

package abi

// Statfs is struct statfs since FreeBSD 12 (sys/mount.h). Blocks are of Bsize bytes.
type Statfs struct {
	Version     uint32
	Type        uint32
	Flags       uint64
	Bsize       uint64
	Iosize      uint64
	Blocks      uint64
	Bfree       uint64
	Bavail      int64
	Files       uint64
	Ffree       int64
	Syncwrites  uint64
	Asyncwrites uint64
	Syncreads   uint64
	Asyncreads  uint64
	_           [10]uint64
	Namemax     uint32
	Owner       uint32
	Fsid        [2]int32
	_           [80]byte
	Fstypename  [16]byte
	Mntfromname [1024]byte
	Mntonname   [1024]byte
}

// Statfs11 is struct freebsd11_statfs (sys/mount.h).
type Statfs11 struct {
	Version     uint32
	Type        uint32
	Flags       uint64
	Bsize       uint64
	Iosize      uint64
	Blocks      uint64
	Bfree       uint64
	Bavail      int64
	Files       uint64
	Ffree       int64
	Syncwrites  uint64
	Asyncwrites uint64
	Syncreads   uint64
	Asyncreads  uint64
	_           [10]uint64
	Namemax     uint32
	Owner       uint32
	Fsid        [2]int32
	_           [80]byte
	Fstypename  [16]byte
	Mntfromname [88]byte
	Mntonname   [88]byte
}

// OStatfs is struct ostatfs of FreeBSD 4 (sys/mount.h).
type OStatfs struct {
	_           int64
	Bsize       int64
	Iosize      int64
	Blocks      int64
	Bfree       int64
	Bavail      int64
	Files       int64
	Ffree       int64
	Fsid        [2]int32
	Owner       uint32
	Type        int32
	Flags       int32
	_           int32
	Syncwrites  int64
	Asyncwrites int64
	Fstypename  [16]byte
	Mntonname   [72]byte
	Syncreads   int64
	Asyncreads  int64
	_           int16
	Mntfromname [72]byte
	_           [6]byte
	_           [2]int64
}

// Versions of the two structures (sys/mount.h).
const (
	STATFS_VERSION           = 0x20140518
	FREEBSD11_STATFS_VERSION = 0x20030518
)

// Mount flags that statfs(2) shows (sys/mount.h).
const (
	MNT_RDONLY      = 0x1
	MNT_SYNCHRONOUS = 0x2
	MNT_NOEXEC      = 0x4
	MNT_NOSUID      = 0x8
	MNT_LOCAL       = 0x1000
	MNT_ROOTFS      = 0x4000
	MNT_NOSYMFOLLOW = 0x400000
	MNT_NOATIME     = 0x10000000
)

// Modes of getfsstat(2) (sys/mount.h).
const (
	MNT_WAIT   = 1
	MNT_NOWAIT = 2
)

// Names of pathconf(2) (sys/unistd.h).
const (
	PC_LINK_MAX           = 1
	PC_MAX_CANON          = 2
	PC_MAX_INPUT          = 3
	PC_NAME_MAX           = 4
	PC_PATH_MAX           = 5
	PC_PIPE_BUF           = 6
	PC_CHOWN_RESTRICTED   = 7
	PC_NO_TRUNC           = 8
	PC_VDISABLE           = 9
	PC_ALLOC_SIZE_MIN     = 10
	PC_FILESIZEBITS       = 12
	PC_REC_INCR_XFER_SIZE = 14
	PC_REC_MAX_XFER_SIZE  = 15
	PC_REC_MIN_XFER_SIZE  = 16
	PC_REC_XFER_ALIGN     = 17
	PC_SYMLINK_MAX        = 18
	PC_MIN_HOLE_SIZE      = 21
	PC_ASYNC_IO           = 53
	PC_PRIO_IO            = 54
	PC_SYNC_IO            = 55
	PC_ACL_EXTENDED       = 59
	PC_ACL_PATH_MAX       = 60
	PC_CAP_PRESENT        = 61
	PC_INF_PRESENT        = 62
	PC_MAC_PRESENT        = 63
	PC_ACL_NFS4           = 64
	PC_DEALLOC_PRESENT    = 65 // 14.0
)

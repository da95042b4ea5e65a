package abi

// KinfoFile is struct kinfo_file (sys/user.h), with its union as of a file.
// Sizes in bytes.
type KinfoFile struct {
	Structsize int32
	Type       int32
	FD         int32
	RefCount   int32
	Flags      int32
	_          int32
	Offset     int64
	VnodeType  int32
	_          [3]int32
	_          [29]uint64
	Nlink      uint64
	Fsid       uint64
	Rdev       uint64
	Fileid     uint64
	Size       uint64
	Fsid11     uint32
	Rdev11     uint32
	Mode       uint16
	_          uint16
	_          uint32
	Status     uint16
	_          uint16
	_          int32
	CapRights  [2]uint64
	_          uint64
	Path       [1024]byte
}

// Values of KinfoFile's fields (sys/user.h).
const (
	KF_ATTR_VALID = 1

	KF_TYPE_VNODE   = 1
	KF_TYPE_SOCKET  = 2
	KF_TYPE_PIPE    = 3
	KF_TYPE_FIFO    = 4
	KF_TYPE_SHM     = 8
	KF_TYPE_PTS     = 10
	KF_TYPE_UNKNOWN = 255

	KF_VTYPE_VREG    = 1
	KF_VTYPE_VDIR    = 2
	KF_VTYPE_VBLK    = 3
	KF_VTYPE_VCHR    = 4
	KF_VTYPE_VLNK    = 5
	KF_VTYPE_VSOCK   = 6
	KF_VTYPE_VFIFO   = 7
	KF_VTYPE_UNKNOWN = 255

	KF_FLAG_READ     = 0x1
	KF_FLAG_WRITE    = 0x2
	KF_FLAG_APPEND   = 0x4
	KF_FLAG_ASYNC    = 0x8
	KF_FLAG_FSYNC    = 0x10
	KF_FLAG_NONBLOCK = 0x20
)

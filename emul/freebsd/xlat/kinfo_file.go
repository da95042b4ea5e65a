package xlat

import (
	"strings"
	"unsafe"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// KinfoFile describes an open descriptor (kern_descrip.c export_file_to_kinfo):
// st and flags (FreeBSD's O_ flags) are what fstat and F_GETFL give, path is
// what /proc calls it, "" if that is not known, offset is -1 where there is none.
func KinfoFile(fd int32, st *abi.Stat, flags int32, offset int64, path string) abi.KinfoFile {
	k := abi.KinfoFile{
		Structsize: int32(unsafe.Sizeof(abi.KinfoFile{})),
		Type:       abi.KF_TYPE_VNODE, FD: fd, RefCount: 1, Offset: offset,
		Nlink: st.Nlink, Fsid: st.Dev, Rdev: st.Rdev, Fileid: st.Ino, Size: uint64(st.Size),
		Fsid11: uint32(st.Dev), Rdev11: uint32(st.Rdev), Mode: st.Mode,
		Status: abi.KF_ATTR_VALID, VnodeType: abi.KF_VTYPE_UNKNOWN,
	}
	switch flags & abi.O_ACCMODE {
	case abi.O_RDONLY:
		k.Flags = abi.KF_FLAG_READ
	case abi.O_WRONLY:
		k.Flags = abi.KF_FLAG_WRITE
	case abi.O_RDWR:
		k.Flags = abi.KF_FLAG_READ | abi.KF_FLAG_WRITE
	}
	k.Flags |= int32(toLinux(uint64(uint32(flags)), []bitPair{
		{abi.O_APPEND, abi.KF_FLAG_APPEND}, {abi.O_ASYNC, abi.KF_FLAG_ASYNC},
		{abi.O_SYNC, abi.KF_FLAG_FSYNC}, {abi.O_NONBLOCK, abi.KF_FLAG_NONBLOCK},
	}))
	named := strings.HasPrefix(path, "/")
	switch st.Mode & abi.S_IFMT {
	case abi.S_IFREG:
		k.VnodeType = abi.KF_VTYPE_VREG
	case abi.S_IFDIR:
		k.VnodeType = abi.KF_VTYPE_VDIR
	case abi.S_IFBLK:
		k.VnodeType = abi.KF_VTYPE_VBLK
	case abi.S_IFCHR:
		k.VnodeType = abi.KF_VTYPE_VCHR
	case abi.S_IFLNK:
		k.VnodeType = abi.KF_VTYPE_VLNK
	case abi.S_IFIFO:
		k.VnodeType = abi.KF_VTYPE_VFIFO
		k.Type = abi.KF_TYPE_PIPE
		if named {
			k.Type = abi.KF_TYPE_FIFO
		}
	case abi.S_IFSOCK:
		k.Type = abi.KF_TYPE_SOCKET
	default:
		k.Type = abi.KF_TYPE_UNKNOWN // an event descriptor of Linux's
	}
	if named {
		cut(k.Path[:], path)
	}
	return k
}

package xlat

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// Dev makes a FreeBSD dev_t of a Linux major and minor number
// (sys/types.h makedev: bytes MMMmmmMm).
func Dev(major, minor uint32) uint64 {
	return uint64(major&0xffffff00)<<32 | uint64(major&0xff)<<8 |
		uint64(minor&0xff00)<<24 | uint64(minor&0xffff00ff)
}

// LinuxDev is the Linux dev_t that a FreeBSD dev_t means.
func LinuxDev(d uint64) uint64 {
	major := uint32(d>>32)&0xffffff00 | uint32(d>>8)&0xff
	minor := uint32(d>>24)&0xff00 | uint32(d)&0xffff00ff
	return unix.Mkdev(major, minor)
}

func timespec(t unix.StatxTimestamp) abi.Timespec {
	return abi.Timespec{Sec: t.Sec, Nsec: int64(t.Nsec)}
}

// fileFlags are the st_flags that some Linux file systems have a twin of.
var fileFlags = []bitPair{
	{abi.UF_NODUMP, unix.STATX_ATTR_NODUMP},
	{abi.SF_IMMUTABLE, unix.STATX_ATTR_IMMUTABLE},
	{abi.SF_APPEND, unix.STATX_ATTR_APPEND},
}

// Stat converts the result of statx(2). A file whose birth time is not known
// gets -1 seconds, as FreeBSD gives it (vfs_default.c vop_stdstat).
func Stat(s *unix.Statx_t) abi.Stat {
	birth := abi.Timespec{Sec: -1}
	if s.Mask&unix.STATX_BTIME != 0 {
		birth = timespec(s.Btime)
	}
	return abi.Stat{
		Dev:      Dev(s.Dev_major, s.Dev_minor),
		Ino:      s.Ino,
		Nlink:    uint64(s.Nlink),
		Mode:     s.Mode,
		Uid:      s.Uid,
		Gid:      s.Gid,
		Rdev:     Dev(s.Rdev_major, s.Rdev_minor),
		Atim:     timespec(s.Atime),
		Mtim:     timespec(s.Mtime),
		Ctim:     timespec(s.Ctime),
		Birthtim: birth,
		Size:     int64(s.Size),
		Blocks:   int64(s.Blocks),
		Blksize:  int32(s.Blksize),
		Flags:    uint32(toFreeBSD(s.Attributes&s.Attributes_mask, fileFlags)),
	}
}

// Stat11 cuts a struct stat down to FreeBSD 11's: numbers that no longer fit
// lose their upper bits, as with vfs.ino64_trunc_error=0 (vfs_syscalls.c
// freebsd11_cvtstat).
func Stat11(s abi.Stat) abi.Stat11 {
	return abi.Stat11{
		Dev: uint32(s.Dev), Ino: uint32(s.Ino), Mode: s.Mode, Nlink: uint16(s.Nlink),
		Uid: s.Uid, Gid: s.Gid, Rdev: uint32(s.Rdev),
		Atim: s.Atim, Mtim: s.Mtim, Ctim: s.Ctim,
		Size: s.Size, Blocks: s.Blocks, Blksize: s.Blksize,
		Flags: s.Flags, Gen: uint32(s.Gen), Birthtim: s.Birthtim,
	}
}

// NStat cuts a struct stat down to struct nstat.
func NStat(s abi.Stat) abi.NStat {
	return abi.NStat{
		Dev: uint32(s.Dev), Ino: uint32(s.Ino), Mode: uint32(s.Mode), Nlink: uint32(s.Nlink),
		Uid: s.Uid, Gid: s.Gid, Rdev: uint32(s.Rdev),
		Atim: s.Atim, Mtim: s.Mtim, Ctim: s.Ctim,
		Size: s.Size, Blocks: s.Blocks, Blksize: s.Blksize,
		Flags: s.Flags, Gen: uint32(s.Gen), Birthtim: s.Birthtim,
	}
}

// Timens converts a timespec of utimensat(2): the special nanosecond values
// have other numbers on Linux. Ordinary numbers stay as they are, but a value
// that would be special only on Linux becomes an invalid one.
func Timens(ts abi.Timespec) unix.Timespec {
	l := unix.Timespec{Sec: ts.Sec, Nsec: ts.Nsec}
	switch ts.Nsec {
	case abi.UTIME_NOW:
		l.Nsec = unix.UTIME_NOW
	case abi.UTIME_OMIT:
		l.Nsec = unix.UTIME_OMIT
	case unix.UTIME_NOW, unix.UTIME_OMIT:
		l.Nsec = -1
	}
	return l
}

// Linux's inode flags that FreeBSD has too (linux/fs.h FS_*_FL).
const (
	fsImmutable = 0x10
	fsAppend    = 0x20
	fsNodump    = 0x40
	// InodeFlags are all of them.
	InodeFlags = fsImmutable | fsAppend | fsNodump
)

// FileFlagsToLinux converts the flags of chflags(2) to FS_IOC_SETFLAGS's; ok is
// false if there is one that Linux has no twin of. FreeBSD's immutable and
// append-only flags of the owner (UF_) have none: Linux's are root's.
func FileFlagsToLinux(f uint64) (l uint32, ok bool) {
	if f&^(abi.UF_NODUMP|abi.SF_IMMUTABLE|abi.SF_APPEND) != 0 {
		return 0, false
	}
	return uint32(toLinux(f, []bitPair{
		{abi.UF_NODUMP, fsNodump}, {abi.SF_IMMUTABLE, fsImmutable}, {abi.SF_APPEND, fsAppend},
	})), true
}

package xlat

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

type bitPair struct{ freebsd, linux uint64 }

// toLinux converts the bits of v that the table knows; the rest is dropped.
func toLinux(v uint64, table []bitPair) uint64 {
	var out uint64
	for _, p := range table {
		if v&p.freebsd == p.freebsd {
			out |= p.linux
		}
	}
	return out
}

// toFreeBSD is toLinux the other way round.
func toFreeBSD(v uint64, table []bitPair) uint64 {
	var out uint64
	for _, p := range table {
		if v&p.linux == p.linux {
			out |= p.freebsd
		}
	}
	return out
}

// openFlags lists the open flags that both systems have. FreeBSD's O_SYNC is
// one bit of its own, Linux's includes O_DSYNC.
//
// O_DIRECT is missing on purpose: a hint on FreeBSD, it makes Linux refuse
// buffers and sizes that are not aligned. O_NOCTTY is missing because FreeBSD
// never makes a terminal controlling by opening it: OpenFlags always sets it.
var openFlags = []bitPair{
	{abi.O_NONBLOCK, unix.O_NONBLOCK},
	{abi.O_APPEND, unix.O_APPEND},
	{abi.O_ASYNC, unix.O_ASYNC},
	{abi.O_SYNC, unix.O_SYNC},
	{abi.O_DSYNC, unix.O_DSYNC},
	{abi.O_NOFOLLOW, unix.O_NOFOLLOW},
	{abi.O_CREAT, unix.O_CREAT},
	{abi.O_TRUNC, unix.O_TRUNC},
	{abi.O_EXCL, unix.O_EXCL},
	{abi.O_DIRECTORY, unix.O_DIRECTORY},
	{abi.O_CLOEXEC, unix.O_CLOEXEC},
	{abi.O_PATH, unix.O_PATH},
}

// OpenFlags converts the flags of open(2). O_EXEC, O_SHLOCK, O_EXLOCK and
// O_RESOLVE_BENEATH have no Linux flag: the caller sees to them.
func OpenFlags(f int32) uint64 {
	return uint64(f&abi.O_ACCMODE) | toLinux(uint64(uint32(f)), openFlags) | unix.O_NOCTTY
}

// StatusFlags converts what Linux's F_GETFL gives to FreeBSD's.
func StatusFlags(f uint64) int32 {
	const kept = abi.O_NONBLOCK | abi.O_APPEND | abi.O_ASYNC | abi.O_SYNC | abi.O_DSYNC | abi.O_PATH
	out := int32(f&unix.O_ACCMODE) | int32(toFreeBSD(f, openFlags)&kept)
	if out&abi.O_SYNC != 0 {
		out &^= abi.O_DSYNC
	}
	return out
}

// atFlags lists the flags of the *at calls that both systems have. EACCESS and
// REMOVEDIR share a number on Linux; no call takes both.
var atFlags = []bitPair{
	{abi.AT_EACCESS, unix.AT_EACCESS},
	{abi.AT_SYMLINK_NOFOLLOW, unix.AT_SYMLINK_NOFOLLOW},
	{abi.AT_SYMLINK_FOLLOW, unix.AT_SYMLINK_FOLLOW},
	{abi.AT_REMOVEDIR, unix.AT_REMOVEDIR},
	{abi.AT_EMPTY_PATH, unix.AT_EMPTY_PATH},
}

// AtFlags converts the flags of an *at call. AT_RESOLVE_BENEATH has no twin.
func AtFlags(f int32) uint64 { return toLinux(uint64(uint32(f)), atFlags) }

// FlockToLinux converts a struct flock; ok is false for a lock type that only
// FreeBSD's NFS lock daemon uses, or none at all.
func FlockToLinux(f abi.Flock) (l unix.Flock_t, ok bool) {
	l = unix.Flock_t{Whence: f.Whence, Start: f.Start, Len: f.Len, Pid: f.Pid}
	switch f.Type {
	case abi.F_RDLCK:
		l.Type = unix.F_RDLCK
	case abi.F_WRLCK:
		l.Type = unix.F_WRLCK
	case abi.F_UNLCK:
		l.Type = unix.F_UNLCK
	default:
		return l, false
	}
	return l, true
}

// Flock converts what Linux's F_GETLK gives. The system ID is 0, "local".
func Flock(l unix.Flock_t) abi.Flock {
	f := abi.Flock{Whence: l.Whence, Start: l.Start, Len: l.Len, Pid: l.Pid, Type: abi.F_UNLCK}
	switch l.Type {
	case unix.F_RDLCK:
		f.Type = abi.F_RDLCK
	case unix.F_WRLCK:
		f.Type = abi.F_WRLCK
	}
	return f
}

// NewFDFlags converts O_NONBLOCK and O_CLOEXEC of calls that make a descriptor.
func NewFDFlags(f int32) uint64 {
	return OpenFlags(f&(abi.O_NONBLOCK|abi.O_CLOEXEC)) &^ unix.O_NOCTTY
}

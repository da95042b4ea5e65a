package xlat

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// Resource converts a resource number; ok is false for those that Linux does
// not limit (socket buffers, swap, ptys, kqueues …) and for unknown ones.
func Resource(r abi.Resource) (linux uint64, ok bool) {
	switch r {
	case abi.RLIMIT_CPU:
		return unix.RLIMIT_CPU, true
	case abi.RLIMIT_FSIZE:
		return unix.RLIMIT_FSIZE, true
	case abi.RLIMIT_DATA:
		return unix.RLIMIT_DATA, true
	case abi.RLIMIT_STACK:
		return unix.RLIMIT_STACK, true
	case abi.RLIMIT_CORE:
		return unix.RLIMIT_CORE, true
	case abi.RLIMIT_RSS:
		return unix.RLIMIT_RSS, true
	case abi.RLIMIT_MEMLOCK:
		return unix.RLIMIT_MEMLOCK, true
	case abi.RLIMIT_NPROC:
		return unix.RLIMIT_NPROC, true
	case abi.RLIMIT_NOFILE:
		return unix.RLIMIT_NOFILE, true
	case abi.RLIMIT_AS:
		return unix.RLIMIT_AS, true
	}
	return 0, false
}

// Rlimit converts a Linux limit; whatever exceeds FreeBSD's signed range is
// "no limit".
func Rlimit(l unix.Rlimit) abi.Rlimit {
	f := func(v uint64) int64 {
		if v >= abi.RLIM_INFINITY {
			return abi.RLIM_INFINITY
		}
		return int64(v)
	}
	return abi.Rlimit{Cur: f(l.Cur), Max: f(l.Max)}
}

// RlimitToLinux converts a limit that a guest sets. Negative means no limit,
// and a soft limit above the hard one is the hard one (kern_resource.c
// kern_proc_setrlimit).
func RlimitToLinux(r abi.Rlimit) unix.Rlimit {
	f := func(v int64) uint64 {
		if v < 0 || v == abi.RLIM_INFINITY {
			return unix.RLIM_INFINITY
		}
		return uint64(v)
	}
	l := unix.Rlimit{Cur: f(r.Cur), Max: f(r.Max)}
	l.Cur = min(l.Cur, l.Max)
	return l
}

package freebsd

import (
	"math"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
)

// Descriptors: closing, duplicating, pipes.

// fdsClosed is called whenever descriptors lo to hi (both included, hi may be
// far beyond what is open) of t's process are about to be closed or replaced:
// by close, dup2, fcntl, close_range, closefrom. What hangs on a descriptor
// number and is not the host's to drop is dropped here. Whoever keeps such a thing
// has said so with KeepFD: other descriptors may be closed behind our back.
func fdsClosed(t *emul.Task, lo, hi int) {
	socketsOf(t).forget(lo, hi)
	p, first, last := procOf(t), int32(min(lo, math.MaxInt32)), int32(min(hi, math.MaxInt32))
	p.kq.closeRange(first, last)
	p.pds.closeRange(first, last)
}

func closeFD(t *emul.Task, fd FD) emul.Action {
	fdsClosed(t, int(fd), int(fd))
	return emul.Tail(unix.SYS_CLOSE, uint64(fd))
}

func dup(t *emul.Task, fd FD) emul.Action {
	return dupFree(t, fd, unix.SYS_DUP, uint64(fd))
}

// dup2 works on FreeBSD's terms also for equal descriptors, where dup3 would
// refuse.
func dup2(t *emul.Task, from, to FD) emul.Action { return dupTo(t, from, to, false) }

// dupTo is dup2, dup3 and F_DUP2FD (kern_descrip.c kern_dup, FDDUP_FIXED).
func dupTo(t *emul.Task, from, to FD, cloexec bool) emul.Action {
	if from == to {
		if cloexec {
			return emul.Host(unix.SYS_FCNTL, uint64(from), unix.F_SETFD, unix.FD_CLOEXEC).
				Then(func(r emul.Ret) emul.Action {
					if err := r.Err(); err != nil {
						return emul.Fail(err)
					}
					return emul.Return(uint64(to))
				})
		}
		return emul.Tail(unix.SYS_DUP2, uint64(from), uint64(to))
	}
	var flags uint64
	if cloexec {
		flags = unix.O_CLOEXEC
	}
	return emul.Host(unix.SYS_DUP3, uint64(from), uint64(to), flags).
		Then(func(r emul.Ret) emul.Action {
			if r.Err() == nil {
				fdsClosed(t, int(to), int(to))
				fdDuped(t, from, to)
			}
			return emul.Finish(r)
		})
}

// closeRange is close_range(2), Linux 5.9; on older kernels the descriptors are
// closed one by one.
func closeRange(t *emul.Task, lo, hi Uint, flags Int) emul.Action {
	if flags&^abi.CLOSE_RANGE_CLOEXEC != 0 || hi < lo {
		return emul.Fail(abi.EINVAL)
	}
	cloexec := flags&abi.CLOSE_RANGE_CLOEXEC != 0
	if !cloexec {
		fdsClosed(t, int(lo), int(hi))
	}
	var lflags uint64
	if cloexec {
		lflags = unix.CLOSE_RANGE_CLOEXEC
	}
	return emul.Host(unix.SYS_CLOSE_RANGE, uint64(lo), uint64(hi), lflags).
		Then(func(r emul.Ret) emul.Action {
			if r.Err() == unix.ENOSYS {
				return fdLimit(t, func(limit uint64) emul.Action {
					return closeEach(uint64(lo), min(uint64(hi), limit), cloexec)
				})
			}
			return emul.Finish(r)
		})
}

// closeEach closes or marks the descriptors from lo to hi.
func closeEach(lo, hi uint64, cloexec bool) emul.Action {
	if lo > hi {
		return emul.Return(0)
	}
	one := emul.Host(unix.SYS_CLOSE, lo)
	if cloexec {
		one = emul.Host(unix.SYS_FCNTL, lo, unix.F_SETFD, unix.FD_CLOEXEC)
	}
	return one.Then(func(emul.Ret) emul.Action { return closeEach(lo+1, hi, cloexec) })
}

// closefrom is FreeBSD 12's call of its own.
func closefrom(t *emul.Task, lo Int) emul.Action {
	return closeRange(t, Uint(max(lo, 0)), ^Uint(0), 0)
}

// fdLimit goes on with the process's limit of open descriptors.
func fdLimit(t *emul.Task, then func(limit uint64) emul.Action) emul.Action {
	buf := emul.Alloc[unix.Rlimit](t)
	return emul.Host(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, 0, uint64(buf)).
		Then(func(r emul.Ret) emul.Action {
			if err := r.Err(); err != nil {
				return emul.Fail(err)
			}
			l, err := buf.Load(t)
			if err != nil {
				return emul.Fail(err)
			}
			return then(l.Cur)
		})
}

func getdtablesize(t *emul.Task) emul.Action {
	return fdLimit(t, func(limit uint64) emul.Action { return emul.Return(min(limit, 1<<31-1)) })
}

// pipe2 makes a Linux pipe, which carries data in one direction only; a FreeBSD
// pipe carries both.
func pipe2(_ *emul.Task, fds Addr, flags OpenFlags) emul.Action {
	if flags&^(abi.O_CLOEXEC|abi.O_NONBLOCK) != 0 {
		return emul.Fail(abi.EINVAL)
	}
	var lflags uint64
	if flags&abi.O_CLOEXEC != 0 {
		lflags |= unix.O_CLOEXEC
	}
	if flags&abi.O_NONBLOCK != 0 {
		lflags |= unix.O_NONBLOCK
	}
	return emul.Tail(unix.SYS_PIPE2, uint64(fds), lflags)
}

// pipe of FreeBSD 10 and older gives the descriptors in the result registers.
func pipe(t *emul.Task) emul.Action {
	buf := emul.Alloc[[2]int32](t)
	return emul.Host(unix.SYS_PIPE2, uint64(buf), 0).Then(func(r emul.Ret) emul.Action {
		if err := r.Err(); err != nil {
			return emul.Fail(err)
		}
		fds, err := buf.Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		return emul.Return2(uint64(fds[0]), uint64(fds[1]))
	})
}

// flock: FreeBSD calls an operation without LOCK_SH, LOCK_EX or LOCK_UN EBADF,
// and prefers LOCK_UN, then LOCK_EX, where Linux refuses a combination.
func flock(_ *emul.Task, fd FD, op FlockOp) emul.Action {
	nb := uint64(op) & abi.LOCK_NB
	switch {
	case op&abi.LOCK_UN != 0:
		return emul.Tail(unix.SYS_FLOCK, uint64(fd), unix.LOCK_UN)
	case op&abi.LOCK_EX != 0:
		return emul.Tail(unix.SYS_FLOCK, uint64(fd), unix.LOCK_EX|nb)
	case op&abi.LOCK_SH != 0:
		return emul.Tail(unix.SYS_FLOCK, uint64(fd), unix.LOCK_SH|nb)
	}
	return emul.Fail(abi.EBADF)
}

// storeOrFail is the usual end of a handler that fills one structure.
func storeOrFail[T any](t *emul.Task, p guest.Ptr[T], v T) emul.Action {
	return emul.Fail(p.Store(t, v))
}

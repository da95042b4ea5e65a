package freebsd

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// fcntl is fcntl(2) (kern_descrip.c kern_fcntl_freebsd).
func fcntl(t *emul.Task, fd FD, cmd FcntlCmd, arg Long) emul.Action {
	n := int32(arg) // most commands take an int
	host := func(lcmd, larg uint64) emul.Action {
		return emul.Tail(unix.SYS_FCNTL, uint64(fd), lcmd, larg)
	}
	switch cmd {
	case abi.F_DUPFD:
		return dupFree(t, fd, unix.SYS_FCNTL, uint64(fd), unix.F_DUPFD, uint64(n))
	case abi.F_DUPFD_CLOEXEC:
		return dupFree(t, fd, unix.SYS_FCNTL, uint64(fd), unix.F_DUPFD_CLOEXEC, uint64(n))
	case abi.F_DUP2FD:
		return dupTo(t, fd, FD(n), false)
	case abi.F_DUP2FD_CLOEXEC:
		return dupTo(t, fd, FD(n), true)
	case abi.F_GETFD:
		return host(unix.F_GETFD, 0)
	case abi.F_SETFD:
		return host(unix.F_SETFD, uint64(n)&abi.FD_CLOEXEC)
	case abi.F_GETFL:
		return emul.Host(unix.SYS_FCNTL, uint64(fd), unix.F_GETFL).Then(func(r emul.Ret) emul.Action {
			if err := r.Err(); err != nil {
				return emul.Fail(err)
			}
			flags := xlat.StatusFlags(uint64(r.Val))
			if !procOf(t).os.standIns {
				return emul.Return(uint64(flags))
			}
			return withStandInMode(t, fd, func(acc int32) emul.Action {
				return emul.Return(uint64(flags&^abi.O_ACCMODE | acc))
			}, emul.Return(uint64(flags)))
		})
	case abi.F_SETFL:
		const settable = abi.O_NONBLOCK | abi.O_APPEND | abi.O_ASYNC
		return host(unix.F_SETFL, xlat.OpenFlags(n&settable)&^unix.O_NOCTTY)
	case abi.F_GETOWN:
		return withOwner(t, fd, func(owner int32) emul.Action { return emul.Return(uint64(owner)) })
	case abi.F_SETOWN:
		return host(unix.F_SETOWN, uint64(n))
	case abi.F_GETLK, abi.F_SETLK, abi.F_SETLKW:
		fl, err := guest.Ptr[abi.Flock](arg).Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		return recordLock(t, fd, cmd, fl, func(fl abi.Flock) error {
			return guest.Ptr[abi.Flock](arg).Store(t, fl)
		})
	case abi.F_OGETLK, abi.F_OSETLK, abi.F_OSETLKW:
		o, err := guest.Ptr[abi.OFlock](arg).Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		fl := abi.Flock{Start: o.Start, Len: o.Len, Pid: o.Pid, Type: o.Type, Whence: o.Whence}
		return recordLock(t, fd, cmd-abi.F_OGETLK+abi.F_GETLK, fl, func(fl abi.Flock) error {
			return guest.Ptr[abi.OFlock](arg).Store(t, abi.OFlock{
				Start: fl.Start, Len: fl.Len, Pid: fl.Pid, Type: fl.Type, Whence: fl.Whence})
		})
	case abi.F_SETLK_REMOTE:
		// For the NFS lock daemon alone.
		return asRoot(func() emul.Action { return emul.Fail(abi.EINVAL) })
	case abi.F_READAHEAD, abi.F_RDAHEAD:
		return readAhead(t, fd, cmd, arg)
	case abi.F_ADD_SEALS:
		return emul.Host(unix.SYS_FCNTL, uint64(fd), unix.F_ADD_SEALS, uint64(n)).Then(func(r emul.Ret) emul.Action {
			if r.Err() == unix.EPERM {
				// Linux asks for a descriptor to write to before it looks what it is.
				return getSeals(fd, func(emul.Ret) emul.Action { return emul.Finish(r) })
			}
			return emul.Finish(r)
		})
	case abi.F_GET_SEALS:
		return getSeals(fd, func(r emul.Ret) emul.Action {
			return emul.Return(uint64(r.Val) & abi.F_SEALS)
		})
	case abi.F_KINFO:
		return kinfoFile(t, fd, guest.Ptr[abi.KinfoFile](arg))
	case abi.F_ISUNIONSTACK:
		return emul.Host(unix.SYS_FCNTL, uint64(fd), unix.F_GETFD).Then(func(r emul.Ret) emul.Action {
			if err := r.Err(); err != nil {
				return emul.Fail(err)
			}
			return emul.Return(0)
		})
	}
	return emul.Fail(abi.EINVAL)
}

// getSeals goes on with the seals if fd is something that may be sealed.
func getSeals(fd FD, then func(emul.Ret) emul.Action) emul.Action {
	return emul.Host(unix.SYS_FCNTL, uint64(fd), unix.F_GET_SEALS).Then(func(r emul.Ret) emul.Action {
		if r.Err() != nil {
			return emul.Finish(r)
		}
		return then(r)
	})
}

// withOwner goes on with who gets SIGIO: a process, or negative a process
// group. It uses F_GETOWN_EX because the plain result of a process group would
// look like an error.
func withOwner(t *emul.Task, fd FD, then func(owner int32) emul.Action) emul.Action {
	type ownerEx struct{ Type, Pid int32 }
	const byGroup = 2 // F_OWNER_PGRP
	buf := emul.Alloc[ownerEx](t)
	return emul.Host(unix.SYS_FCNTL, uint64(fd), unix.F_GETOWN_EX, uint64(buf)).
		Then(func(r emul.Ret) emul.Action {
			if err := r.Err(); err != nil {
				return emul.Fail(err)
			}
			o, err := buf.Load(t)
			if err != nil {
				return emul.Fail(err)
			}
			if o.Type == byGroup {
				return then(-o.Pid)
			}
			return then(o.Pid)
		})
}

// recordLock is F_GETLK, F_SETLK and F_SETLKW. store writes F_GETLK's result.
func recordLock(t *emul.Task, fd FD, cmd FcntlCmd, fl abi.Flock, store func(abi.Flock) error) emul.Action {
	l, ok := xlat.FlockToLinux(fl)
	if !ok {
		return emul.Fail(abi.EINVAL)
	}
	lcmd := map[FcntlCmd]uint64{
		abi.F_GETLK: unix.F_GETLK, abi.F_SETLK: unix.F_SETLK, abi.F_SETLKW: unix.F_SETLKW,
	}[cmd]
	buf, err := emul.AllocStore(t, l)
	if err != nil {
		return emul.Fail(err)
	}
	if cmd != abi.F_GETLK {
		return emul.Tail(unix.SYS_FCNTL, uint64(fd), lcmd, uint64(buf))
	}
	return emul.Host(unix.SYS_FCNTL, uint64(fd), lcmd, uint64(buf)).Then(func(r emul.Ret) emul.Action {
		if err := r.Err(); err != nil {
			return emul.Fail(err)
		}
		l, err := buf.Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		out := xlat.Flock(l)
		if out.Type == abi.F_UNLCK {
			// No conflict: FreeBSD changes the type and nothing else.
			out = fl
			out.Type = abi.F_UNLCK
		}
		return emul.Fail(store(out))
	})
}

// readAhead is a hint on both systems: it works on regular files only.
func readAhead(t *emul.Task, fd FD, cmd FcntlCmd, arg Long) emul.Action {
	advice := uint64(unix.FADV_SEQUENTIAL)
	if arg < 0 || cmd == abi.F_RDAHEAD && arg == 0 {
		advice = unix.FADV_NORMAL
	}
	return withFstat(t, fd, func(st *abi.Stat) emul.Action {
		switch st.Mode & abi.S_IFMT {
		case abi.S_IFREG:
			return emul.Tail(unix.SYS_FADVISE64, uint64(fd), 0, 0, advice)
		case abi.S_IFSOCK:
			return emul.Fail(abi.EBADF)
		}
		return emul.Fail(abi.ENOTTY)
	})
}

// kinfoFile is F_KINFO, which takes the structure's size in its first field.
func kinfoFile(t *emul.Task, fd FD, out guest.Ptr[abi.KinfoFile]) emul.Action {
	size, err := guest.Ptr[int32](out).Load(t)
	if err != nil {
		return emul.Fail(err)
	}
	if uintptr(size) != unsafe.Sizeof(abi.KinfoFile{}) {
		return emul.Fail(abi.EINVAL)
	}
	return withFstat(t, fd, func(st *abi.Stat) emul.Action {
		return emul.Batch(
			emul.NewCall(unix.SYS_FCNTL, uint64(fd), unix.F_GETFL),
			emul.NewCall(unix.SYS_LSEEK, uint64(fd), 0, unix.SEEK_CUR),
		).ThenAll(func(rets []emul.Ret) emul.Action {
			offset := int64(-1)
			if rets[1].Err() == nil {
				offset = rets[1].Val
			}
			return fdPath(t, int64(fd), func(path string, err error) emul.Action {
				if err != nil {
					path = "" // no /proc
				}
				return storeOrFail(t, out, xlat.KinfoFile(int32(fd), st, xlat.StatusFlags(uint64(rets[0].Val)), offset, path))
			})
		})
	})
}

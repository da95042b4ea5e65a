package freebsd

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// Opening, reading and writing files. The plain transfers are pass rows.

// cwd is AT_FDCWD as a register value; both systems have the same number.
const cwd = ^uint64(99)

// renamed finishes with r, giving one Linux error another FreeBSD number than
// the general table does.
func renamed(r emul.Ret, from unix.Errno, to abi.Errno) emul.Action {
	if r.Err() == from {
		return emul.Fail(to)
	}
	return emul.Finish(r)
}

// thenClose closes a descriptor that a handler had opened in the guest, and
// then does a.
func thenClose(fd int64, a emul.Action) emul.Action {
	return emul.Host(unix.SYS_CLOSE, uint64(fd)).Atomic().Then(func(emul.Ret) emul.Action { return a })
}

func open(t *emul.Task, path Path, flags OpenFlags, mode Mode) emul.Action {
	return openat(t, abi.AT_FDCWD, path, flags, mode)
}

// openat is open(2) in full (vfs_syscalls.c kern_openat, vfs_vnops.c vn_open_cred).
func openat(t *emul.Task, fd FD, path Path, flags OpenFlags, mode Mode) emul.Action {
	switch {
	case flags&abi.O_PATH != 0:
		flags &^= abi.O_CREAT | abi.O_ACCMODE
	case flags&abi.O_EXEC != 0 && flags&abi.O_ACCMODE != 0,
		flags&abi.O_ACCMODE == abi.O_ACCMODE:
		return emul.Fail(abi.EINVAL)
	}
	const create = abi.O_CREAT | abi.O_EXCL | abi.O_DIRECTORY
	switch {
	case flags&create == create:
		return emul.Fail(abi.EINVAL)
	case flags&abi.O_DIRECTORY != 0:
		flags &^= abi.O_CREAT // no directory is made by open
	}
	// open(2) cannot set the sticky bit, see sticky(7).
	o := opening{
		fd: fd, path: path, flags: flags,
		how: unix.OpenHow{Flags: xlat.OpenFlags(int32(flags))},
	}
	if flags&abi.O_CREAT != 0 {
		o.how.Mode = uint64(mode) & abi.ALLPERMS &^ abi.S_ISTXT
	}
	if flags&abi.O_RESOLVE_BENEATH != 0 {
		o.how.Resolve = unix.RESOLVE_BENEATH
	}
	if name := deviceName(t, path); name != "" {
		return openDevice(t, &o, name)
	}
	return o.run(t)
}

// opening is one open(2) under way.
type opening struct {
	fd    FD
	path  Path
	flags OpenFlags
	how   unix.OpenHow
}

func (o *opening) run(t *emul.Task) emul.Action {
	switch {
	case o.flags&abi.O_EXEC != 0:
		return o.exec(t)
	case o.flags&(abi.O_SHLOCK|abi.O_EXLOCK) != 0 && o.flags&abi.O_PATH == 0:
		return o.locked(t)
	case o.flags&abi.O_NOFOLLOW != 0 || o.how.Resolve != 0:
		return o.host(t).Then(func(r emul.Ret) emul.Action { return o.finish(t, r) })
	}
	return emul.Tail(unix.SYS_OPENAT, uint64(o.fd), uint64(o.path), o.how.Flags, o.how.Mode)
}

// host is the Linux call alone.
func (o *opening) host(t *emul.Task) emul.Action {
	if o.how.Resolve == 0 {
		return emul.Host(unix.SYS_OPENAT, uint64(o.fd), uint64(o.path), o.how.Flags, o.how.Mode)
	}
	how, err := emul.AllocStore(t, o.how)
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Host(unix.SYS_OPENAT2, uint64(o.fd), uint64(o.path), uint64(how), unix.SizeofOpenHow)
}

// finish gives the errors that differ: a final symbolic link that is not to be
// followed is EMLINK on FreeBSD, a path that leads out of its directory
// ENOTCAPABLE.
func (o *opening) finish(t *emul.Task, r emul.Ret) emul.Action {
	err := r.Err()
	switch {
	case err == unix.EXDEV && o.how.Resolve != 0:
		return emul.Fail(abi.ENOTCAPABLE)
	case o.flags&abi.O_NOFOLLOW == 0, err != unix.ELOOP && err != unix.ENOTDIR:
		return emul.Finish(r)
	}
	// ELOOP may come from a loop further up, ENOTDIR from O_DIRECTORY.
	buf := emul.Alloc[[16]byte](t)
	return emul.Host(unix.SYS_READLINKAT, uint64(o.fd), uint64(o.path), uint64(buf), 16).
		Then(func(l emul.Ret) emul.Action {
			if l.Err() == nil {
				return emul.Fail(abi.EMLINK)
			}
			return emul.Finish(r)
		})
}

// exec opens for execution or searching only: Linux's O_PATH, which forbids
// reading and writing too, once the permission has been checked.
func (o *opening) exec(t *emul.Task) emul.Action {
	if o.flags&abi.O_CREAT != 0 {
		return o.host(t).Then(func(r emul.Ret) emul.Action {
			if r.Err() != nil {
				return o.finish(t, r)
			}
			o.flags &^= abi.O_CREAT | abi.O_EXCL
			return thenClose(r.Val, o.exec(t))
		})
	}
	return emul.Host(unix.SYS_FACCESSAT2, uint64(o.fd), uint64(o.path), unix.X_OK, unix.AT_EACCESS).
		Then(func(r emul.Ret) emul.Action {
			if err := r.Err(); err != nil && err != unix.ENOSYS {
				return emul.Fail(err)
			}
			const kept = unix.O_CLOEXEC | unix.O_DIRECTORY | unix.O_NOFOLLOW
			o.how.Flags, o.how.Mode = unix.O_PATH|o.how.Flags&kept, 0
			return o.host(t).Then(func(r emul.Ret) emul.Action { return o.finish(t, r) })
		})
}

// locked opens with O_SHLOCK or O_EXLOCK: the file is truncated only when the
// lock is held.
func (o *opening) locked(t *emul.Task) emul.Action {
	o.how.Flags &^= unix.O_TRUNC
	op := uint64(unix.LOCK_SH)
	if o.flags&abi.O_EXLOCK != 0 {
		op = unix.LOCK_EX
	}
	if o.flags&abi.O_NONBLOCK != 0 {
		op |= unix.LOCK_NB
	}
	return o.host(t).Then(func(r emul.Ret) emul.Action {
		if r.Err() != nil {
			return o.finish(t, r)
		}
		fd := r.Val
		return emul.Host(unix.SYS_FLOCK, uint64(fd), op).Then(func(r emul.Ret) emul.Action {
			if err := r.Err(); err != nil {
				return thenClose(fd, emul.Fail(err))
			}
			if o.flags&abi.O_TRUNC == 0 {
				return emul.Return(uint64(fd))
			}
			return emul.Host(unix.SYS_FTRUNCATE, uint64(fd), 0).Atomic().Then(func(r emul.Ret) emul.Action {
				if err := r.Err(); err != nil && err != unix.EINVAL {
					return thenClose(fd, emul.Fail(err))
				}
				return emul.Return(uint64(fd))
			})
		})
	})
}

// beneath opens path as an O_PATH descriptor that may not leave its directory,
// for the calls whose Linux form has no AT_RESOLVE_BENEATH, and closes it after
// then.
func beneath(t *emul.Task, fd FD, path Path, follow bool, then func(fd int64) emul.Action) emul.Action {
	o := opening{fd: fd, path: path, how: unix.OpenHow{
		Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH,
	}}
	if !follow {
		o.how.Flags |= unix.O_NOFOLLOW
	}
	return o.host(t).Then(func(r emul.Ret) emul.Action {
		if r.Err() != nil {
			return o.finish(t, r)
		}
		return then(r.Val)
	})
}

// fsync and fdatasync of a device are done at once on FreeBSD; Linux refuses a
// terminal as it does a pipe.
func fsync(t *emul.Task, fd FD) emul.Action { return syncFD(t, fd, unix.SYS_FSYNC) }

func fdatasync(t *emul.Task, fd FD) emul.Action { return syncFD(t, fd, unix.SYS_FDATASYNC) }

func syncFD(t *emul.Task, fd FD, nr emul.HostNR) emul.Action {
	return emul.Host(nr, uint64(fd)).Then(func(r emul.Ret) emul.Action {
		if r.Err() != unix.EINVAL {
			return emul.Finish(r)
		}
		return withFstat(t, fd, func(st *abi.Stat) emul.Action {
			if st.Mode&abi.S_IFMT == abi.S_IFCHR {
				return emul.Return(0)
			}
			return emul.Fail(abi.EINVAL)
		})
	})
}

// freebsd6_pread and its like have a padding word before the offset.
func freebsd6Pread(_ *emul.Task, fd FD, buf OutBuf, n Size, _ Int, off Long) emul.Action {
	return emul.Tail(unix.SYS_PREAD64, uint64(fd), uint64(buf), uint64(n), uint64(off))
}

func freebsd6Pwrite(_ *emul.Task, fd FD, buf InBuf, n Size, _ Int, off Long) emul.Action {
	return emul.Tail(unix.SYS_PWRITE64, uint64(fd), uint64(buf), uint64(n), uint64(off))
}

func freebsd6Lseek(_ *emul.Task, fd FD, _ Int, off Long, whence Whence) emul.Action {
	return emul.Tail(unix.SYS_LSEEK, uint64(fd), uint64(off), uint64(whence))
}

func freebsd6Truncate(_ *emul.Task, path Path, _ Int, n Long) emul.Action {
	return emul.Tail(unix.SYS_TRUNCATE, uint64(path), uint64(n))
}

func freebsd6Ftruncate(_ *emul.Task, fd FD, _ Int, n Long) emul.Action {
	return emul.Tail(unix.SYS_FTRUNCATE, uint64(fd), uint64(n))
}

// preadv and pwritev: Linux wants the offset in two halves, of which a 64-bit
// kernel looks at the first only.
func preadv(_ *emul.Task, fd FD, iov Addr, n Uint, off Long) emul.Action {
	return emul.Tail(unix.SYS_PREADV, uint64(fd), uint64(iov), uint64(n), uint64(off), 0)
}

func pwritev(_ *emul.Task, fd FD, iov Addr, n Uint, off Long) emul.Action {
	return emul.Tail(unix.SYS_PWRITEV, uint64(fd), uint64(iov), uint64(n), uint64(off), 0)
}

// posixError answers as posix_fallocate(2) and a few others do: the error
// number is the result, and the call itself never fails (kern_posix_error).
func posixError(err error) emul.Action {
	if err == nil {
		return emul.Return(0)
	}
	return emul.Return(uint64(xlat.ErrnoOf(err)))
}

func posixFallocate(_ *emul.Task, fd FD, off, n Long) emul.Action {
	return emul.Host(unix.SYS_FALLOCATE, uint64(fd), 0, uint64(off), uint64(n)).
		Then(func(r emul.Ret) emul.Action {
			if r.Err() == unix.EOPNOTSUPP {
				return posixError(abi.EINVAL) // what a file system without it says
			}
			return posixError(r.Err())
		})
}

// posixFadvise: the advices have the same numbers on amd64.
func posixFadvise(_ *emul.Task, fd FD, off, n Long, advice Int) emul.Action {
	return emul.Host(unix.SYS_FADVISE64, uint64(fd), uint64(off), uint64(n), uint64(advice)).
		Then(func(r emul.Ret) emul.Action { return posixError(r.Err()) })
}

// copyChunk is how much copyFileRange moves through scratch memory at a time, in bytes.
const copyChunk = 24 << 10

// copyFileRange: where Linux cannot copy between two file systems, FreeBSD's
// kernel reads and writes; so one piece is copied, which the call allows.
func copyFileRange(t *emul.Task, in FD, inoff guest.Ptr[int64], out FD, outoff guest.Ptr[int64], n Size, flags Uint) emul.Action {
	if flags != 0 {
		return emul.Fail(abi.EINVAL)
	}
	return emul.Host(unix.SYS_COPY_FILE_RANGE, uint64(in), uint64(inoff), uint64(out), uint64(outoff), uint64(n), 0).
		Then(func(r emul.Ret) emul.Action {
			switch r.Err() {
			case unix.EXDEV, unix.EOPNOTSUPP, unix.ENOSYS:
				return copyOnePiece(t, in, inoff, out, outoff, n)
			}
			return emul.Finish(r)
		})
}

func copyOnePiece(t *emul.Task, in FD, inoff guest.Ptr[int64], out FD, outoff guest.Ptr[int64], n Size) emul.Action {
	buf, ok := t.AllocBytes(copyChunk)
	if !ok {
		return emul.Fail(abi.ENOMEM)
	}
	// transfer is read or write, at the offset if there is one.
	transfer := func(fd FD, off guest.Ptr[int64], n uint64, seq, at emul.HostNR) (emul.Action, int64) {
		if off == 0 {
			return emul.Host(seq, uint64(fd), uint64(buf), n), 0
		}
		o, err := off.Load(t)
		if err != nil {
			return emul.Fail(err), 0
		}
		return emul.Host(at, uint64(fd), uint64(buf), n, uint64(o)), o
	}
	rd, ro := transfer(in, inoff, uint64(min(n, copyChunk)), unix.SYS_READ, unix.SYS_PREAD64)
	return rd.Then(func(r emul.Ret) emul.Action {
		if r.Val <= 0 {
			return emul.Finish(r)
		}
		got := r.Val
		wr, wo := transfer(out, outoff, uint64(got), unix.SYS_WRITE, unix.SYS_PWRITE64)
		return wr.Then(func(r emul.Ret) emul.Action {
			if r.Err() != nil || r.Val < got && inoff == 0 {
				// The input has moved on further than the output.
				back := max(r.Val, 0) - got
				if inoff != 0 {
					return emul.Finish(r)
				}
				return emul.Host(unix.SYS_LSEEK, uint64(in), uint64(back), unix.SEEK_CUR).
					Atomic().Then(func(emul.Ret) emul.Action { return emul.Finish(r) })
			}
			if inoff != 0 {
				if err := inoff.Store(t, ro+r.Val); err != nil {
					return emul.Fail(err)
				}
			}
			if outoff != 0 {
				if err := outoff.Store(t, wo+r.Val); err != nil {
					return emul.Fail(err)
				}
			}
			return emul.Finish(r)
		})
	})
}

// spaceRange is struct spacectl_range (sys/fcntl.h, 14.0), in bytes.
type spaceRange struct{ Off, Len int64 }

// fspacectl punches a hole; what it leaves to do is nothing
// (vfs_vnops.c vn_deallocate).
func fspacectl(t *emul.Task, fd FD, cmd Int, rqsr guest.Ptr[spaceRange], flags Int, rmsr guest.Ptr[spaceRange]) emul.Action {
	const deallocate = 1 // SPACECTL_DEALLOC
	r, err := rqsr.Load(t)
	switch {
	case err != nil:
		return emul.Fail(err)
	case cmd != deallocate || flags != 0 || r.Off < 0 || r.Len <= 0 || r.Off+r.Len < 0:
		return emul.Fail(abi.EINVAL)
	}
	const mode = unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE
	return withFstat(t, fd, func(st *abi.Stat) emul.Action {
		return emul.Host(unix.SYS_FALLOCATE, uint64(fd), mode, uint64(r.Off), uint64(r.Len)).
			Then(func(ret emul.Ret) emul.Action {
				if ret.Err() != nil || rmsr == 0 {
					return emul.Finish(ret)
				}
				end := max(min(r.Off+r.Len, st.Size), r.Off)
				return storeOrFail(t, rmsr, spaceRange{Off: end})
			})
	})
}

// undelete brings back what a union mount hides; there are none, so that an
// existing file is in the way and another one has nothing to come back.
func undelete(t *emul.Task, path Path) emul.Action {
	return withStat(t, abi.AT_FDCWD, uint64(path), unix.AT_SYMLINK_NOFOLLOW, func(*abi.Stat) emul.Action {
		return emul.Fail(abi.EEXIST)
	})
}

// revoke takes a character device away from all who have it open. Linux can do
// so with the caller's own terminal only.
func revoke(t *emul.Task, path Path) emul.Action {
	return withStat(t, abi.AT_FDCWD, uint64(path), 0, func(st *abi.Stat) emul.Action {
		if st.Mode&abi.S_IFMT != abi.S_IFCHR {
			return emul.Fail(abi.EINVAL)
		}
		return emul.Fail(abi.EPERM)
	})
}

package freebsd

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// Attributes of files: permissions, owners, times, flags.

func chmod(t *emul.Task, path Path, mode Mode) emul.Action {
	return fchmodat(t, abi.AT_FDCWD, path, mode, 0)
}

func lchmod(t *emul.Task, path Name, mode Mode) emul.Action {
	return fchmodat(t, abi.AT_FDCWD, Path(path), mode, abi.AT_SYMLINK_NOFOLLOW)
}

func fchmod(t *emul.Task, fd FD, mode Mode) emul.Action {
	do := emul.Host(unix.SYS_FCHMOD, uint64(fd), uint64(mode&abi.ALLPERMS)).Then(func(r emul.Ret) emul.Action {
		if r.Err() != unix.EBADF {
			return emul.Finish(r)
		}
		// Perhaps opened with O_EXEC or O_SEARCH; Linux's O_PATH needs this (6.6).
		empty, err := emul.AllocStore(t, byte(0))
		if err != nil {
			return emul.Fail(err)
		}
		return emul.Host(unix.SYS_FCHMODAT2, uint64(fd), uint64(empty), uint64(mode&abi.ALLPERMS), unix.AT_EMPTY_PATH).
			Then(func(r2 emul.Ret) emul.Action {
				if r2.Err() == unix.ENOSYS {
					return emul.Finish(r)
				}
				return emul.Finish(r2)
			})
	})
	if mode&abi.S_ISTXT == 0 {
		return do
	}
	return withFstat(t, fd, func(st *abi.Stat) emul.Action { return stickyFile(st, do) })
}

// stickyFile does chmod unless it would give a file that is no directory the
// sticky bit: that is root's alone (ufs_vnops.c ufs_chmod, EFTYPE).
func stickyFile(st *abi.Stat, chmod emul.Action) emul.Action {
	if st.Mode&abi.S_IFMT == abi.S_IFDIR {
		return chmod
	}
	return emul.Host(unix.SYS_GETEUID).Then(func(r emul.Ret) emul.Action {
		if r.Val != 0 {
			return emul.Fail(abi.EFTYPE)
		}
		return chmod
	})
}

func fchmodat(t *emul.Task, fd FD, path Path, mode Mode, flags AtFlags) emul.Action {
	const known = abi.AT_SYMLINK_NOFOLLOW | abi.AT_RESOLVE_BENEATH | abi.AT_EMPTY_PATH
	if flags&^known != 0 {
		return emul.Fail(abi.EINVAL)
	}
	mode &= abi.ALLPERMS
	do := emul.Tail(unix.SYS_FCHMODAT, uint64(fd), uint64(path), uint64(mode))
	switch {
	case flags&abi.AT_RESOLVE_BENEATH != 0:
		return beneath(t, fd, path, flags&abi.AT_SYMLINK_NOFOLLOW == 0, func(fd int64) emul.Action {
			return onEmptyPath(t, fd, func(empty uint64) emul.Action {
				return emul.Host(unix.SYS_FCHMODAT2, uint64(fd), empty, uint64(mode), unix.AT_EMPTY_PATH)
			})
		})
	case flags&abi.AT_EMPTY_PATH != 0:
		do = emul.Tail(unix.SYS_FCHMODAT2, uint64(fd), uint64(path), uint64(mode), xlat.AtFlags(int32(flags)))
		if mode&abi.S_ISTXT == 0 {
			return do
		}
	case flags&abi.AT_SYMLINK_NOFOLLOW != 0:
	case mode&abi.S_ISTXT == 0:
		return do
	}
	return withStat(t, fd, uint64(path), xlat.AtFlags(int32(flags)), func(st *abi.Stat) emul.Action {
		switch {
		case st.Mode&abi.S_IFMT == abi.S_IFLNK && mode == abi.ACCESSPERMS:
			return emul.Return(0) // the only mode that Linux's links have
		case st.Mode&abi.S_IFMT == abi.S_IFLNK:
			return emul.Fail(abi.EOPNOTSUPP)
		case mode&abi.S_ISTXT != 0:
			return stickyFile(st, do)
		}
		return do
	})
}

// onEmptyPath runs a host call on fd itself, by an empty path, and closes fd.
func onEmptyPath(t *emul.Task, fd int64, call func(empty uint64) emul.Action) emul.Action {
	empty, err := emul.AllocStore(t, byte(0))
	if err != nil {
		return thenClose(fd, emul.Fail(err))
	}
	return call(uint64(empty)).Then(func(r emul.Ret) emul.Action { return thenClose(fd, emul.Finish(r)) })
}

func fchownat(t *emul.Task, fd FD, path Path, uid, gid Int, flags AtFlags) emul.Action {
	const known = abi.AT_SYMLINK_NOFOLLOW | abi.AT_RESOLVE_BENEATH | abi.AT_EMPTY_PATH
	if flags&^known != 0 {
		return emul.Fail(abi.EINVAL)
	}
	if flags&abi.AT_RESOLVE_BENEATH != 0 {
		return beneath(t, fd, path, flags&abi.AT_SYMLINK_NOFOLLOW == 0, func(fd int64) emul.Action {
			return onEmptyPath(t, fd, func(empty uint64) emul.Action {
				return emul.Host(unix.SYS_FCHOWNAT, uint64(fd), empty, uint64(uid), uint64(gid), unix.AT_EMPTY_PATH)
			})
		})
	}
	return emul.Tail(unix.SYS_FCHOWNAT, uint64(fd), uint64(path), uint64(uid), uint64(gid), xlat.AtFlags(int32(flags)))
}

// timesOf reads two timevals and gives them as timespecs in scratch memory; 0,
// "now", for a null pointer.
func timesOf(t *emul.Task, tv guest.Ptr[[2]abi.Timeval]) (uint64, error) {
	if tv == 0 {
		return 0, nil
	}
	v, err := tv.Load(t)
	if err != nil {
		return 0, err
	}
	var ts [2]unix.Timespec
	for i := range v {
		if v[i].Usec < 0 || v[i].Usec >= 1e6 {
			return 0, abi.EINVAL
		}
		ts[i] = unix.Timespec{Sec: v[i].Sec, Nsec: v[i].Usec * 1000}
	}
	p, err := emul.AllocStore(t, ts)
	return uint64(p), err
}

// timensOf is timesOf for two timespecs.
func timensOf(t *emul.Task, ts guest.Ptr[[2]abi.Timespec]) (uint64, error) {
	if ts == 0 {
		return 0, nil
	}
	v, err := ts.Load(t)
	if err != nil {
		return 0, err
	}
	p, err := emul.AllocStore(t, [2]unix.Timespec{xlat.Timens(v[0]), xlat.Timens(v[1])})
	return uint64(p), err
}

func lutimes(t *emul.Task, path Name, tv guest.Ptr[[2]abi.Timeval]) emul.Action {
	ts, err := timesOf(t, tv)
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Tail(unix.SYS_UTIMENSAT, cwd, uint64(path), ts, unix.AT_SYMLINK_NOFOLLOW)
}

func futimes(t *emul.Task, fd FD, tv guest.Ptr[[2]abi.Timeval]) emul.Action {
	ts, err := timesOf(t, tv)
	if err != nil {
		return emul.Fail(err)
	}
	return setTimes(fd, ts)
}

func futimens(t *emul.Task, fd FD, tsp guest.Ptr[[2]abi.Timespec]) emul.Action {
	ts, err := timensOf(t, tsp)
	if err != nil {
		return emul.Fail(err)
	}
	return setTimes(fd, ts)
}

// setTimes sets the times of an open file.
func setTimes(fd FD, ts uint64) emul.Action {
	if fd < 0 {
		return emul.Fail(abi.EBADF)
	}
	return emul.Tail(unix.SYS_UTIMENSAT, uint64(fd), 0, ts, 0)
}

func utimensat(t *emul.Task, fd FD, path Path, tsp guest.Ptr[[2]abi.Timespec], flags AtFlags) emul.Action {
	const known = abi.AT_SYMLINK_NOFOLLOW | abi.AT_RESOLVE_BENEATH | abi.AT_EMPTY_PATH
	if flags&^known != 0 {
		return emul.Fail(abi.EINVAL)
	}
	ts, err := timensOf(t, tsp)
	if err != nil {
		return emul.Fail(err)
	}
	if flags&abi.AT_RESOLVE_BENEATH != 0 {
		return beneath(t, fd, path, flags&abi.AT_SYMLINK_NOFOLLOW == 0, func(fd int64) emul.Action {
			return onEmptyPath(t, fd, func(empty uint64) emul.Action {
				return emul.Host(unix.SYS_UTIMENSAT, uint64(fd), empty, ts, unix.AT_EMPTY_PATH)
			})
		})
	}
	return emul.Tail(unix.SYS_UTIMENSAT, uint64(fd), uint64(path), ts, xlat.AtFlags(int32(flags)))
}

// FileFlags is the flags argument of chflags(2).
type FileFlags uint64

func chflags(t *emul.Task, path Path, flags FileFlags) emul.Action {
	return chflagsat(t, abi.AT_FDCWD, path, flags, 0)
}

func lchflags(t *emul.Task, path Name, flags FileFlags) emul.Action {
	return chflagsat(t, abi.AT_FDCWD, Path(path), flags, abi.AT_SYMLINK_NOFOLLOW)
}

// chflagsat opens the file: Linux sets flags on descriptors only. Most callers
// set what is set already, and files other than regular ones and directories
// have no flags.
func chflagsat(t *emul.Task, fd FD, path Path, flags FileFlags, at AtFlags) emul.Action {
	return withFstatat(t, fd, path, at, func(st *abi.Stat) emul.Action {
		done, a := flagsByStat(st, flags)
		if done {
			return a
		}
		o := opening{fd: fd, path: path, how: unix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY}}
		if at&abi.AT_SYMLINK_NOFOLLOW != 0 {
			o.how.Flags |= unix.O_NOFOLLOW
		}
		if at&abi.AT_RESOLVE_BENEATH != 0 {
			o.how.Resolve = unix.RESOLVE_BENEATH
		}
		return o.host(t).Then(func(r emul.Ret) emul.Action {
			if r.Err() != nil {
				return o.finish(t, r)
			}
			return setFileFlags(t, FD(r.Val), flags, func(a emul.Action) emul.Action { return thenClose(r.Val, a) })
		})
	})
}

func fchflags(t *emul.Task, fd FD, flags FileFlags) emul.Action {
	return withFstat(t, fd, func(st *abi.Stat) emul.Action {
		if done, a := flagsByStat(st, flags); done {
			return a
		}
		return setFileFlags(t, fd, flags, func(a emul.Action) emul.Action { return a })
	})
}

// flagsByStat answers what needs no change on the host.
func flagsByStat(st *abi.Stat, flags FileFlags) (bool, emul.Action) {
	if uint64(st.Flags) == uint64(flags) {
		return true, emul.Return(0)
	}
	_, ok := xlat.FileFlagsToLinux(uint64(flags))
	typ := st.Mode & abi.S_IFMT
	if !ok || typ != abi.S_IFREG && typ != abi.S_IFDIR {
		return true, emul.Fail(abi.EOPNOTSUPP)
	}
	return false, emul.Action{}
}

// setFileFlags changes those of Linux's inode flags that are FreeBSD's too.
func setFileFlags(t *emul.Task, fd FD, flags FileFlags, finish func(emul.Action) emul.Action) emul.Action {
	buf := emul.Alloc[uint32](t)
	want, _ := xlat.FileFlagsToLinux(uint64(flags))
	ioctl := func(req uint64) emul.Action { return emul.Host(unix.SYS_IOCTL, uint64(fd), req, uint64(buf)) }
	fail := func(err error) emul.Action {
		if err == unix.ENOTTY {
			err = abi.EOPNOTSUPP
		}
		return finish(emul.Fail(err))
	}
	return ioctl(unix.FS_IOC_GETFLAGS).Then(func(r emul.Ret) emul.Action {
		if err := r.Err(); err != nil {
			return fail(err)
		}
		have, err := buf.Load(t)
		if err == nil {
			err = buf.Store(t, have&^xlat.InodeFlags|want)
		}
		if err != nil {
			return fail(err)
		}
		return ioctl(unix.FS_IOC_SETFLAGS).Then(func(r emul.Ret) emul.Action {
			if err := r.Err(); err != nil {
				return fail(err)
			}
			return finish(emul.Return(0))
		})
	})
}

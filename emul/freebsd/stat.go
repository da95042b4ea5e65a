package freebsd

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// The stat family. All of it is statx(2) on Linux, which alone knows birth
// times and file flags.

const statxMask = unix.STATX_BASIC_STATS | unix.STATX_BTIME

// withStat runs statx and goes on with the result as FreeBSD has it.
func withStat(t *emul.Task, fd FD, path, flags uint64, then func(*abi.Stat) emul.Action) emul.Action {
	return tryStat(t, fd, path, flags, emul.Finish, then)
}

// statPath is withStat for a path, which may be a device that is not there.
func statPath(t *emul.Task, fd FD, path Path, flags uint64, then func(*abi.Stat) emul.Action) emul.Action {
	if std, ok := stdDescriptor(deviceName(t, path)); ok {
		return statDescriptor(t, std, then)
	}
	return tryStat(t, fd, uint64(path), flags, func(r emul.Ret) emul.Action {
		if err := r.Err(); err == unix.ENOENT || err == unix.ENOTDIR {
			return missingDevice(t, path, err, then)
		}
		return emul.Finish(r)
	}, then)
}

func tryStat(t *emul.Task, fd FD, path, flags uint64, failed func(emul.Ret) emul.Action, then func(*abi.Stat) emul.Action) emul.Action {
	buf := emul.Alloc[unix.Statx_t](t)
	return emul.Host(unix.SYS_STATX, uint64(fd), path, flags, statxMask, uint64(buf)).
		Then(func(r emul.Ret) emul.Action {
			if r.Err() != nil {
				return failed(r)
			}
			sx, err := buf.Load(t)
			if err != nil {
				return emul.Fail(err)
			}
			st := xlat.Stat(&sx)
			asDevice(&st)
			return then(&st)
		})
}

// withFstat is withStat for a descriptor.
func withFstat(t *emul.Task, fd FD, then func(*abi.Stat) emul.Action) emul.Action {
	if fd < 0 {
		return emul.Fail(abi.EBADF) // not AT_FDCWD
	}
	empty, err := emul.AllocStore(t, byte(0))
	if err != nil {
		return emul.Fail(err)
	}
	return withStat(t, fd, uint64(empty), unix.AT_EMPTY_PATH, then)
}

// withFstatat is withStat with FreeBSD's flags (vfs_syscalls.c kern_statat).
func withFstatat(t *emul.Task, fd FD, path Path, flags AtFlags, then func(*abi.Stat) emul.Action) emul.Action {
	if flags&^(abi.AT_SYMLINK_NOFOLLOW|abi.AT_RESOLVE_BENEATH|abi.AT_EMPTY_PATH) != 0 {
		return emul.Fail(abi.EINVAL)
	}
	if flags&abi.AT_RESOLVE_BENEATH == 0 {
		return statPath(t, fd, path, xlat.AtFlags(int32(flags)), then)
	}
	return beneath(t, fd, path, flags&abi.AT_SYMLINK_NOFOLLOW == 0, func(fd int64) emul.Action {
		return withFstat(t, FD(fd), func(st *abi.Stat) emul.Action { return thenClose(fd, then(st)) })
	})
}

func fstat(t *emul.Task, fd FD, sb guest.Ptr[abi.Stat]) emul.Action {
	return withFstat(t, fd, func(st *abi.Stat) emul.Action { return storeOrFail(t, sb, *st) })
}

func fstatat(t *emul.Task, fd FD, path Path, sb guest.Ptr[abi.Stat], flags AtFlags) emul.Action {
	return withFstatat(t, fd, path, flags, func(st *abi.Stat) emul.Action { return storeOrFail(t, sb, *st) })
}

func stat11(t *emul.Task, path Path, sb guest.Ptr[abi.Stat11]) emul.Action {
	return fstatat11(t, abi.AT_FDCWD, path, sb, 0)
}

func lstat11(t *emul.Task, path Name, sb guest.Ptr[abi.Stat11]) emul.Action {
	return fstatat11(t, abi.AT_FDCWD, Path(path), sb, abi.AT_SYMLINK_NOFOLLOW)
}

func fstat11(t *emul.Task, fd FD, sb guest.Ptr[abi.Stat11]) emul.Action {
	return withFstat(t, fd, func(st *abi.Stat) emul.Action { return storeOrFail(t, sb, xlat.Stat11(*st)) })
}

func fstatat11(t *emul.Task, fd FD, path Path, sb guest.Ptr[abi.Stat11], flags AtFlags) emul.Action {
	return withFstatat(t, fd, path, flags, func(st *abi.Stat) emul.Action {
		return storeOrFail(t, sb, xlat.Stat11(*st))
	})
}

func nstat(t *emul.Task, path Path, sb guest.Ptr[abi.NStat]) emul.Action {
	return withFstatat(t, abi.AT_FDCWD, path, 0, func(st *abi.Stat) emul.Action {
		return storeOrFail(t, sb, xlat.NStat(*st))
	})
}

func nlstat(t *emul.Task, path Name, sb guest.Ptr[abi.NStat]) emul.Action {
	return withFstatat(t, abi.AT_FDCWD, Path(path), abi.AT_SYMLINK_NOFOLLOW, func(st *abi.Stat) emul.Action {
		return storeOrFail(t, sb, xlat.NStat(*st))
	})
}

func nfstat(t *emul.Task, fd FD, sb guest.Ptr[abi.NStat]) emul.Action {
	return withFstat(t, fd, func(st *abi.Stat) emul.Action { return storeOrFail(t, sb, xlat.NStat(*st)) })
}

package freebsd

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// Names: links, directories, renaming, the working directory.

// maxPath is MAXPATHLEN (sys/param.h) in bytes, with the final zero.
const maxPath = 1024

// link follows a symbolic link that path is; Linux's link does not.
func link(t *emul.Task, path Path, to Name) emul.Action {
	return linkat(t, abi.AT_FDCWD, path, abi.AT_FDCWD, to, abi.AT_SYMLINK_FOLLOW)
}

func linkat(_ *emul.Task, fd FD, path Path, tofd FD, to Name, flags LinkFlags) emul.Action {
	if flags&^(abi.AT_SYMLINK_FOLLOW|abi.AT_RESOLVE_BENEATH|abi.AT_EMPTY_PATH) != 0 {
		return emul.Fail(abi.EINVAL)
	}
	if flags&abi.AT_RESOLVE_BENEATH == 0 {
		return emul.Tail(unix.SYS_LINKAT, uint64(fd), uint64(path), uint64(tofd), uint64(to), xlat.AtFlags(int32(flags)))
	}
	return emul.Fail(abi.EOPNOTSUPP)
}

func unlink(t *emul.Task, path Name) emul.Action { return unlinkat(t, abi.AT_FDCWD, path, 0) }

// unlinkat: removing a directory as a file is EPERM on FreeBSD, EISDIR on Linux.
func unlinkat(t *emul.Task, fd FD, path Name, flags AtFlags) emul.Action {
	if flags&^(abi.AT_REMOVEDIR|abi.AT_RESOLVE_BENEATH) != 0 {
		return emul.Fail(abi.EINVAL)
	}
	if flags&abi.AT_RESOLVE_BENEATH != 0 {
		return emul.Fail(abi.EOPNOTSUPP)
	}
	return followTrailing(t, fd, path, func(path Name) emul.Action {
		if flags&abi.AT_REMOVEDIR != 0 {
			return emul.Tail(unix.SYS_UNLINKAT, uint64(fd), uint64(path), unix.AT_REMOVEDIR)
		}
		return emul.Host(unix.SYS_UNLINKAT, uint64(fd), uint64(path), 0).
			Then(func(r emul.Ret) emul.Action {
				s, err := guest.LoadString(t, guest.Addr(path), maxPath)
				if err == nil && s != "" && strings.Trim(s, "/") == "" {
					return emul.Finish(r) // the root directory has no name to remove
				}
				return renamed(r, unix.EISDIR, abi.EPERM)
			})
	})
}

func rmdir(t *emul.Task, path Name) emul.Action {
	return unlinkat(t, abi.AT_FDCWD, path, abi.AT_REMOVEDIR)
}

// funlinkat removes path only if it is the file that is open as fd, else
// EDEADLK. The two steps are not atomic here, as they are on FreeBSD.
func funlinkat(t *emul.Task, dfd FD, path Name, fd FD, flags AtFlags) emul.Action {
	if fd == abi.FD_NONE {
		return unlinkat(t, dfd, path, flags)
	}
	if flags&^(abi.AT_REMOVEDIR|abi.AT_RESOLVE_BENEATH) != 0 {
		return emul.Fail(abi.EINVAL)
	}
	return withFstat(t, fd, func(want *abi.Stat) emul.Action {
		return withStat(t, dfd, uint64(path), unix.AT_SYMLINK_NOFOLLOW, func(st *abi.Stat) emul.Action {
			if st.Dev != want.Dev || st.Ino != want.Ino {
				return emul.Fail(abi.EDEADLK)
			}
			return unlinkat(t, dfd, path, flags)
		})
	})
}

func rename(t *emul.Task, from, to Name) emul.Action {
	return renameat(t, abi.AT_FDCWD, from, abi.AT_FDCWD, to)
}

// renameat: a name that ends in "." or ".." is EINVAL on FreeBSD, EBUSY on Linux.
func renameat(t *emul.Task, fd FD, from Name, tofd FD, to Name) emul.Action {
	return followTrailing(t, fd, from, func(from Name) emul.Action {
		return followTrailing(t, tofd, to, func(to Name) emul.Action {
			return renameOne(t, fd, from, tofd, to)
		})
	})
}

func renameOne(t *emul.Task, fd FD, from Name, tofd FD, to Name) emul.Action {
	return emul.Host(unix.SYS_RENAMEAT, uint64(fd), uint64(from), uint64(tofd), uint64(to)).
		Then(func(r emul.Ret) emul.Action {
			if r.Err() == unix.EBUSY && (endsInDot(t, from) || endsInDot(t, to)) {
				return emul.Fail(abi.EINVAL)
			}
			return emul.Finish(r)
		})
}

// renameat2 is FreeBSD 15's; its one flag has Linux's number and meaning.
func renameat2(_ *emul.Task, fd FD, from Name, tofd FD, to Name, flags Uint) emul.Action {
	if flags&^abi.AT_RENAME_NOREPLACE != 0 {
		return emul.Fail(abi.EOPNOTSUPP)
	}
	return emul.Tail(unix.SYS_RENAMEAT2, uint64(fd), uint64(from), uint64(tofd), uint64(to), uint64(flags))
}

// endsInDot says whether the last component of a path is "." or "..".
func endsInDot(t *emul.Task, p Name) bool {
	s, err := guest.LoadString(t, guest.Addr(p), unix.PathMax)
	if err != nil {
		return false
	}
	s = strings.TrimRight(s, "/")
	s = s[strings.LastIndexByte(s, '/')+1:]
	return s == "." || s == ".."
}

// mkdir takes permission bits only: no sticky bit, no set-id bits
// (vfs_syscalls.c kern_mkdirat).
func mkdir(t *emul.Task, path Name, mode Mode) emul.Action {
	return mkdirat(t, abi.AT_FDCWD, path, mode)
}

func mkdirat(t *emul.Task, fd FD, path Name, mode Mode) emul.Action {
	return followTrailing(t, fd, path, func(path Name) emul.Action {
		return emul.Tail(unix.SYS_MKDIRAT, uint64(fd), uint64(path), uint64(mode&abi.ACCESSPERMS))
	})
}

func mkfifo(t *emul.Task, path Name, mode Mode) emul.Action {
	return mkfifoat(t, abi.AT_FDCWD, path, mode)
}

func mkfifoat(_ *emul.Task, fd FD, path Name, mode Mode) emul.Action {
	return emul.Tail(unix.SYS_MKNODAT, uint64(fd), uint64(path), unix.S_IFIFO|uint64(mode&abi.ALLPERMS), 0)
}

func mknod11(t *emul.Task, path Name, mode Mode, dev Uint) emul.Action {
	return mknodat(t, abi.AT_FDCWD, path, mode, Size(dev))
}

func mknodat11(t *emul.Task, fd FD, path Name, mode Mode, dev Uint) emul.Action {
	return mknodat(t, fd, path, mode, Size(dev))
}

// mknodat makes devices and, with device number 0, fifos; all else is EINVAL
// (vfs_syscalls.c kern_mknodat).
func mknodat(_ *emul.Task, fd FD, path Name, mode Mode, dev Size) emul.Action {
	host := emul.Tail(unix.SYS_MKNODAT, uint64(fd), uint64(path), uint64(mode&(abi.S_IFMT|abi.ALLPERMS)),
		xlat.LinuxDev(uint64(dev)))
	switch mode & abi.S_IFMT {
	case abi.S_IFCHR, abi.S_IFBLK:
		if dev == 0 {
			// To Linux that is a whiteout, which anybody may make.
			return asRoot(func() emul.Action { return host })
		}
	case abi.S_IFIFO:
		if dev != 0 {
			return emul.Fail(abi.EINVAL)
		}
	default:
		return emul.Fail(abi.EINVAL)
	}
	return host
}

// readlink: Linux's count is an int.
func readlink(t *emul.Task, path Name, buf OutBuf, n Size) emul.Action {
	return readlinkat(t, abi.AT_FDCWD, path, buf, n)
}

func readlinkat(_ *emul.Task, fd FD, path Name, buf OutBuf, n Size) emul.Action {
	if int64(n) < 0 {
		return emul.Fail(abi.EINVAL)
	}
	return emul.Tail(unix.SYS_READLINKAT, uint64(fd), uint64(path), uint64(buf), uint64(min(n, 1<<31-1)))
}

// getcwd is __getcwd(2): the result is 0, not a length, and a small buffer is
// ENOMEM.
func getcwd(t *emul.Task, buf OutBuf, n Size) emul.Action {
	if n < 2 {
		return emul.Fail(abi.EINVAL)
	}
	n = min(n, maxPath)
	return emul.Host(unix.SYS_GETCWD, uint64(buf), uint64(n)).Then(func(r emul.Ret) emul.Action {
		if err := r.Err(); err == unix.ERANGE {
			return emul.Fail(abi.ENOMEM)
		} else if err != nil {
			return emul.Fail(err)
		}
		s, err := guest.LoadString(t, guest.Addr(buf), maxPath)
		if err != nil {
			return emul.Fail(err)
		}
		// A directory outside of the root has no path; Linux gives "(unreachable)…".
		if !strings.HasPrefix(s, "/") {
			return emul.Fail(abi.ENOENT)
		}
		if in, ok := procOf(t).prefix.cut(s); ok {
			return emul.Fail(guest.Ptr[byte](buf).StoreN(t, append([]byte(in), 0)))
		}
		return emul.Return(0)
	})
}

// realpathat resolves a path through /proc. Where there is none it answers
// ENOSYS, and libc walks the path itself.
func realpathat(t *emul.Task, fd FD, path Path, buf guest.Ptr[byte], n Size, flags Int) emul.Action {
	if flags != 0 {
		return emul.Fail(abi.EINVAL)
	}
	return emul.Host(unix.SYS_OPENAT, uint64(fd), uint64(path), unix.O_PATH|unix.O_CLOEXEC, 0).
		Then(func(r emul.Ret) emul.Action {
			if err := r.Err(); err != nil {
				return emul.Fail(err)
			}
			opened := r.Val
			return fdPath(t, opened, func(s string, err error) emul.Action {
				switch {
				case err != nil || !strings.HasPrefix(s, "/") || strings.HasSuffix(s, " (deleted)"):
					err = abi.ENOSYS
				case uint64(len(s)) >= uint64(n) || len(s) >= maxPath:
					err = abi.ENOMEM
				default:
					err = buf.StoreN(t, append([]byte(s), 0))
				}
				return thenClose(opened, emul.Fail(err))
			})
		})
}

// access: FreeBSD refuses unknown mode bits as Linux does.
func access(t *emul.Task, path Path, mode AccessMode) emul.Action {
	return faccessat(t, abi.AT_FDCWD, path, mode, 0)
}

func eaccess(t *emul.Task, path Path, mode AccessMode) emul.Action {
	return faccessat(t, abi.AT_FDCWD, path, mode, abi.AT_EACCESS)
}

// faccessat needs faccessat2 (Linux 5.8) for the flags.
func faccessat(t *emul.Task, fd FD, path Path, mode AccessMode, flags AtFlags) emul.Action {
	if flags&^(abi.AT_EACCESS|abi.AT_RESOLVE_BENEATH|abi.AT_EMPTY_PATH|abi.AT_SYMLINK_NOFOLLOW) != 0 {
		return emul.Fail(abi.EINVAL)
	}
	if deviceName(t, path) != "" {
		return accessDevice(t, path, mode)
	}
	if flags == 0 {
		return emul.Tail(unix.SYS_FACCESSAT, uint64(fd), uint64(path), uint64(mode))
	}
	if flags&abi.AT_RESOLVE_BENEATH != 0 {
		return beneath(t, fd, path, true, func(fd int64) emul.Action {
			empty, err := emul.AllocStore(t, byte(0))
			if err != nil {
				return thenClose(fd, emul.Fail(err))
			}
			return emul.Host(unix.SYS_FACCESSAT2, uint64(fd), uint64(empty), uint64(mode),
				xlat.AtFlags(int32(flags))|unix.AT_EMPTY_PATH).
				Then(func(r emul.Ret) emul.Action { return thenClose(fd, emul.Finish(r)) })
		})
	}
	return emul.Host(unix.SYS_FACCESSAT2, uint64(fd), uint64(path), uint64(mode), xlat.AtFlags(int32(flags))).
		Then(func(r emul.Ret) emul.Action {
			if r.Err() == unix.ENOSYS {
				// Real and effective IDs differ in set-id programs only.
				return emul.Tail(unix.SYS_FACCESSAT, uint64(fd), uint64(path), uint64(mode))
			}
			return emul.Finish(r)
		})
}

// fdPath goes on with the path of an open descriptor, as /proc knows it.
func fdPath(t *emul.Task, fd int64, then func(string, error) emul.Action) emul.Action {
	return hostPath(t, fd, func(s string, err error) emul.Action { return then(procOf(t).prefix.guest(s), err) })
}

// hostPath is fdPath with the name that the host has for it.
func hostPath(t *emul.Task, fd int64, then func(string, error) emul.Action) emul.Action {
	link := "/proc/self/fd/" + itoa(fd)
	name, ok1 := t.AllocBytes(len(link) + 1)
	out, ok2 := t.AllocBytes(unix.PathMax)
	if !ok1 || !ok2 {
		return then("", abi.ENOMEM)
	}
	if err := t.WriteMem(name, append([]byte(link), 0)); err != nil {
		return then("", err)
	}
	return emul.Host(unix.SYS_READLINK, uint64(name), uint64(out), unix.PathMax).
		Then(func(r emul.Ret) emul.Action {
			if err := r.Err(); err != nil {
				return then("", err)
			}
			b, err := guest.Ptr[byte](out).LoadN(t, int(r.Val))
			return then(string(b), err)
		})
}

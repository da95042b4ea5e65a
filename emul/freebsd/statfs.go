package freebsd

import (
	"os"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// File systems: statfs and its like, pathconf. Numbers come from the host's
// statfs; names come from the task's mountinfo, as far as there is a /proc.

// mounts are the mounts that t sees, below its own root. That is always among
// them, though Linux may have no mount there; without /proc it is the only one.
func mounts(t *emul.Task) []xlat.Mount {
	b, _ := os.ReadFile(hostProc("/proc/" + itoa(int64(t.Tid)) + "/mountinfo"))
	all := xlat.Mounts(string(b))
	if slices.ContainsFunc(all, func(m xlat.Mount) bool { return m.On == "/" }) {
		return all
	}
	return append([]xlat.Mount{{On: "/"}}, all...)
}

// mountOf finds the mount that a file is on: by the mount ID of Linux 5.8, else
// by device number.
func mountOf(t *emul.Task, sx *unix.Statx_t) xlat.Mount {
	all := mounts(t)
	if sx.Mask&unix.STATX_MNT_ID != 0 {
		for _, m := range all {
			if m.ID == sx.Mnt_id {
				return m
			}
		}
		return all[0] // a directory of a mount whose own place is out of sight
	}
	for _, m := range all {
		if m.Major == sx.Dev_major && m.Minor == sx.Dev_minor {
			return m
		}
	}
	return all[0]
}

// withStatfs runs the statfs call (path or descriptor), and statx on the same
// thing to learn its mount.
func withStatfs(t *emul.Task, nr emul.HostNR, arg uint64, statx emul.Call, then func(*abi.Statfs) emul.Action) emul.Action {
	sf, sx := emul.Alloc[unix.Statfs_t](t), emul.Alloc[unix.Statx_t](t)
	statx.Args[3], statx.Args[4] = unix.STATX_MNT_ID, uint64(sx)
	return emul.Host(nr, arg, uint64(sf)).Then(func(r emul.Ret) emul.Action {
		if err := r.Err(); err != nil {
			return emul.Fail(err)
		}
		s, err := sf.Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		return emul.Batch(statx).ThenAll(func(rets []emul.Ret) emul.Action {
			var m xlat.Mount
			if rets[0].Err() == nil {
				v, err := sx.Load(t)
				if err != nil {
					return emul.Fail(err)
				}
				m = mountOf(t, &v)
				m.On = procOf(t).prefix.guest(m.On)
			}
			out := xlat.Statfs(&s, m)
			return then(&out)
		})
	})
}

func statfsPath(t *emul.Task, path Path, then func(*abi.Statfs) emul.Action) emul.Action {
	return withStatfs(t, unix.SYS_STATFS, uint64(path), emul.NewCall(unix.SYS_STATX, cwd, uint64(path)), then)
}

func statfsFD(t *emul.Task, fd FD, then func(*abi.Statfs) emul.Action) emul.Action {
	empty, err := emul.AllocStore(t, byte(0))
	if err != nil {
		return emul.Fail(err)
	}
	return withStatfs(t, unix.SYS_FSTATFS, uint64(fd),
		emul.NewCall(unix.SYS_STATX, uint64(fd), uint64(empty), unix.AT_EMPTY_PATH), then)
}

func statfs(t *emul.Task, path Path, buf guest.Ptr[abi.Statfs]) emul.Action {
	return statfsPath(t, path, func(s *abi.Statfs) emul.Action { return storeOrFail(t, buf, *s) })
}

func fstatfs(t *emul.Task, fd FD, buf guest.Ptr[abi.Statfs]) emul.Action {
	return statfsFD(t, fd, func(s *abi.Statfs) emul.Action { return storeOrFail(t, buf, *s) })
}

func statfs11(t *emul.Task, path Path, buf guest.Ptr[abi.Statfs11]) emul.Action {
	return statfsPath(t, path, func(s *abi.Statfs) emul.Action { return storeOrFail(t, buf, xlat.Statfs11(s)) })
}

func fstatfs11(t *emul.Task, fd FD, buf guest.Ptr[abi.Statfs11]) emul.Action {
	return statfsFD(t, fd, func(s *abi.Statfs) emul.Action { return storeOrFail(t, buf, xlat.Statfs11(s)) })
}

func statfs4(t *emul.Task, path Path, buf guest.Ptr[abi.OStatfs]) emul.Action {
	return statfsPath(t, path, func(s *abi.Statfs) emul.Action { return storeOrFail(t, buf, xlat.OStatfs(s)) })
}

func fstatfs4(t *emul.Task, fd FD, buf guest.Ptr[abi.OStatfs]) emul.Action {
	return statfsFD(t, fd, func(s *abi.Statfs) emul.Action { return storeOrFail(t, buf, xlat.OStatfs(s)) })
}

func getfsstat(t *emul.Task, buf guest.Ptr[abi.Statfs], size Long, mode Int) emul.Action {
	return eachMount(t, uint64(buf), size, mode, unsafe.Sizeof(abi.Statfs{}), func(i int, s *abi.Statfs) error {
		return buf.Add(i).Store(t, *s)
	})
}

func getfsstat11(t *emul.Task, buf guest.Ptr[abi.Statfs11], size Long, mode Int) emul.Action {
	return eachMount(t, uint64(buf), size, mode, unsafe.Sizeof(abi.Statfs11{}), func(i int, s *abi.Statfs) error {
		return buf.Add(i).Store(t, xlat.Statfs11(s))
	})
}

func getfsstat4(t *emul.Task, buf guest.Ptr[abi.OStatfs], size Long, mode Int) emul.Action {
	return eachMount(t, uint64(buf), size, mode, unsafe.Sizeof(abi.OStatfs{}), func(i int, s *abi.Statfs) error {
		return buf.Add(i).Store(t, xlat.OStatfs(s))
	})
}

// eachMount is getfsstat(2): as many structures of unit bytes as fit, or only
// the count (vfs_syscalls.c kern_getfsstat). Without /proc the root is the only
// mount that is known.
func eachMount(t *emul.Task, buf uint64, size Long, mode Int, unit uintptr, store func(int, *abi.Statfs) error) emul.Action {
	if size < 0 || mode != abi.MNT_WAIT && mode != abi.MNT_NOWAIT {
		return emul.Fail(abi.EINVAL)
	}
	all := mounts(t)
	if buf == 0 || size == 0 {
		return emul.Return(uint64(len(all)))
	}
	room := int(min(uint64(size)/uint64(unit), uint64(len(all))))
	path, ok := t.AllocBytes(unix.PathMax + 1)
	if !ok {
		return emul.Fail(abi.ENOMEM)
	}
	sf := emul.Alloc[unix.Statfs_t](t)
	done := 0
	var next func(i int) emul.Action
	next = func(i int) emul.Action {
		if i == len(all) || done == room {
			return emul.Return(uint64(done))
		}
		if len(all[i].On) > unix.PathMax {
			return next(i + 1)
		}
		if err := t.WriteMem(path, append([]byte(all[i].On), 0)); err != nil {
			return emul.Fail(err)
		}
		return emul.Host(unix.SYS_STATFS, uint64(path), uint64(sf)).Then(func(r emul.Ret) emul.Action {
			if r.Interrupted {
				return emul.Finish(r)
			}
			if r.Err() != nil {
				return next(i + 1) // not to be reached by this user
			}
			s, err := sf.Load(t)
			if err != nil {
				return emul.Fail(err)
			}
			m := all[i]
			m.On = procOf(t).prefix.guest(m.On)
			out := xlat.Statfs(&s, m)
			if err := store(done, &out); err != nil {
				return emul.Fail(err)
			}
			done++
			return next(i + 1)
		})
	}
	return next(0)
}

// PathconfName is the name argument of pathconf(2).
type PathconfName int32

func pathconf(t *emul.Task, path Path, name PathconfName) emul.Action {
	if name == abi.PC_ACL_EXTENDED {
		return aclFile(path).extended(t)
	}
	return withStat(t, abi.AT_FDCWD, uint64(path), 0, func(st *abi.Stat) emul.Action {
		return statfsPath(t, path, func(s *abi.Statfs) emul.Action { return pathconfValue(name, st, s) })
	})
}

func fpathconf(t *emul.Task, fd FD, name PathconfName) emul.Action {
	if name == abi.PC_ACL_EXTENDED {
		return aclFD(fd).extended(t)
	}
	return withFstat(t, fd, func(st *abi.Stat) emul.Action {
		return statfsFD(t, fd, func(s *abi.Statfs) emul.Action { return pathconfValue(name, st, s) })
	})
}

// lpathconf does not follow a final symbolic link.
func lpathconf(t *emul.Task, path Name, name PathconfName) emul.Action {
	if name == abi.PC_ACL_EXTENDED {
		return aclLink(path).extended(t)
	}
	o := opening{fd: abi.AT_FDCWD, path: Path(path), how: unix.OpenHow{
		Flags: unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC,
	}}
	return o.host(t).Then(func(r emul.Ret) emul.Action {
		if err := r.Err(); err != nil {
			return emul.Fail(err)
		}
		fd := FD(r.Val)
		return withFstat(t, fd, func(st *abi.Stat) emul.Action {
			return statfsFD(t, fd, func(s *abi.Statfs) emul.Action {
				return thenClose(r.Val, pathconfValue(name, st, s))
			})
		})
	})
}

// pathconfValue answers as UFS and devfs do (ufs_vnops.c ufs_pathconf,
// devfs_vnops.c devfs_pathconf, vfs_default.c vop_stdpathconf).
func pathconfValue(name PathconfName, st *abi.Stat, fs *abi.Statfs) emul.Action {
	typ := int(st.Mode & abi.S_IFMT)
	value := func(v int64) emul.Action { return emul.Return(uint64(v)) }
	switch name {
	case abi.PC_LINK_MAX:
		return value(32767)
	case abi.PC_MAX_CANON, abi.PC_MAX_INPUT:
		if typ == abi.S_IFCHR {
			return value(255)
		}
	case abi.PC_VDISABLE:
		if typ == abi.S_IFCHR {
			return value(0xff)
		}
	case abi.PC_NAME_MAX:
		return value(int64(min(fs.Namemax, 255)))
	case abi.PC_PATH_MAX, abi.PC_SYMLINK_MAX:
		return value(maxPath)
	case abi.PC_PIPE_BUF:
		if typ == abi.S_IFDIR || typ == abi.S_IFIFO || typ == abi.S_IFSOCK {
			return value(512)
		}
	case abi.PC_CHOWN_RESTRICTED, abi.PC_NO_TRUNC:
		return value(1)
	case abi.PC_ASYNC_IO:
		return value(200112)
	case abi.PC_PRIO_IO, abi.PC_SYNC_IO, abi.PC_ACL_NFS4,
		abi.PC_CAP_PRESENT, abi.PC_INF_PRESENT, abi.PC_MAC_PRESENT:
		return value(0)
	case abi.PC_ACL_PATH_MAX:
		return value(3)
	case abi.PC_FILESIZEBITS:
		return value(64)
	case abi.PC_ALLOC_SIZE_MIN:
		return value(int64(fs.Bsize))
	case abi.PC_MIN_HOLE_SIZE, abi.PC_REC_INCR_XFER_SIZE, abi.PC_REC_MIN_XFER_SIZE:
		return value(int64(fs.Iosize))
	case abi.PC_REC_MAX_XFER_SIZE:
		return value(-1)
	case abi.PC_REC_XFER_ALIGN:
		return value(4096)
	}
	return emul.Fail(abi.EINVAL)
}

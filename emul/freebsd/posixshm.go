package freebsd

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// POSIX shared memory (uipc_shm.c). FreeBSD's names are not those of files, and
// all processes of a machine or jail share them: here they are files in
// /dev/shm, whose names begin with shmPrefix. Where a chroot has none, /tmp
// serves. Memory without a name is a memfd.
//
// A file's own mode says who may open it, as on FreeBSD. The directory's sticky
// bit lets only the owner take a name away, which FreeBSD lets everybody do who
// may read and write.

const shmPrefix = "freebsd-shm"

// shmAnon is SHM_ANON, a pointer that no name can have.
const shmAnon = 1

const (
	shmAllowSealing = 1 // SHM_ALLOW_SEALING
	shmGrowOnWrite  = 2 // SHM_GROW_ON_WRITE
	shmLargepage    = 4 // SHM_LARGEPAGE

	shmRenameNoreplace = 1 // SHM_RENAME_NOREPLACE
	shmRenameExchange  = 2 // SHM_RENAME_EXCHANGE
)

// shmEscape makes a file name of a name.
func shmEscape(name string) string {
	return strings.NewReplacer("%", "%25", "/", "%2F").Replace(name)
}

func shmUnescape(file string) string {
	return strings.NewReplacer("%25", "%", "%2F", "/").Replace(file)
}

// shmName reads a name as shm_copyin_path does, and answers with the file's.
func shmName(t *emul.Task, name Str) (string, error) {
	s, err := guest.LoadString(t, guest.Addr(name), maxPath)
	switch {
	case err == guest.ErrTooLong:
		return "", abi.ENAMETOOLONG
	case err != nil:
		return "", err
	case !strings.HasPrefix(s, "/"):
		return "", abi.EINVAL
	}
	file := shmPrefix + shmEscape(s)
	if len(file) > unix.NAME_MAX {
		return "", abi.ENAMETOOLONG
	}
	return file, nil
}

// withShmFiles places the paths of files of those names in scratch memory.
func withShmFiles(t *emul.Task, then func(paths []uint64) emul.Action, files ...string) emul.Action {
	const dir = "/dev/shm"
	place := func(dir string) ([]uint64, error) {
		var out []uint64
		for _, f := range files {
			s := append([]byte(filepath.Join(dir, f)), 0)
			at, ok := t.AllocBytes(len(s))
			if !ok {
				return nil, abi.ENAMETOOLONG
			}
			if err := t.WriteMem(at, s); err != nil {
				return nil, err
			}
			out = append(out, uint64(at))
		}
		return out, nil
	}
	at, err := emul.AllocStore(t, [len(dir) + 1]byte([]byte(dir+"\x00")))
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Host(unix.SYS_ACCESS, uint64(at), unix.W_OK|unix.X_OK).Then(func(r emul.Ret) emul.Action {
		where := dir
		if r.Err() != nil {
			where = "/tmp"
		}
		paths, err := place(where)
		if err != nil {
			return emul.Fail(err)
		}
		return then(paths)
	})
}

// shmOpen12 is shm_open of FreeBSD 12 and older.
func shmOpen12(t *emul.Task, name Str, flags OpenFlags, mode Mode) emul.Action {
	return shmOpen2(t, name, flags|abi.O_CLOEXEC, mode, 0, 0)
}

// shmOpen2 is kern_shm_open2. Its last argument is for nothing yet.
func shmOpen2(t *emul.Task, name Str, flags OpenFlags, mode Mode, shmflags Int, _ Addr) emul.Action {
	acc := flags & abi.O_ACCMODE
	switch {
	case shmflags&^(shmAllowSealing|shmGrowOnWrite|shmLargepage) != 0,
		acc != abi.O_RDONLY && acc != abi.O_RDWR,
		flags&^(abi.O_ACCMODE|abi.O_CREAT|abi.O_EXCL|abi.O_TRUNC|abi.O_CLOEXEC) != 0:
		return emul.Fail(abi.EINVAL)
	case shmflags&shmLargepage != 0:
		return emul.Fail(abi.ENOTTY) // as on a machine without large pages
	}
	if name == shmAnon {
		if acc == abi.O_RDONLY {
			return emul.Fail(abi.EINVAL)
		}
		return shmAnonymous(t, flags, mode, shmflags)
	}
	file, err := shmName(t, name)
	if err != nil {
		return emul.Fail(err)
	}
	return withShmFiles(t, func(paths []uint64) emul.Action { return shmNamed(paths[0], flags, mode) }, file)
}

func shmAnonymous(t *emul.Task, flags OpenFlags, mode Mode, shmflags Int) emul.Action {
	at, err := emul.AllocStore(t, [4]byte{'s', 'h', 'm', 0})
	if err != nil {
		return emul.Fail(err)
	}
	var mfd uint64
	if flags&abi.O_CLOEXEC != 0 {
		mfd |= unix.MFD_CLOEXEC
	}
	if shmflags&shmAllowSealing != 0 {
		mfd |= unix.MFD_ALLOW_SEALING
	}
	return emul.Host(unix.SYS_MEMFD_CREATE, uint64(at), mfd).Atomic().Then(func(r emul.Ret) emul.Action {
		if r.Err() != nil {
			return emul.Finish(r)
		}
		// Its mode is the creator's choice, as for a name. Linux tells the
		// umask only in exchange for a new one.
		return emul.Host(unix.SYS_UMASK, 0o777).Atomic().Then(func(m emul.Ret) emul.Action {
			return emul.Batch(
				emul.NewCall(unix.SYS_UMASK, uint64(m.Val)),
				emul.NewCall(unix.SYS_FCHMOD, uint64(r.Val), uint64(mode)&0o777&^uint64(m.Val)),
			).ThenAll(func([]emul.Ret) emul.Action { return emul.Finish(r) })
		})
	})
}

// shmNamed opens what exists, else makes it: Linux may refuse O_CREAT for
// somebody else's file in a directory like this (fs.protected_regular).
func shmNamed(path uint64, flags OpenFlags, mode Mode) emul.Action {
	const excl = abi.O_CREAT | abi.O_EXCL
	l := xlat.OpenFlags(int32(flags&(abi.O_ACCMODE|abi.O_CLOEXEC))) | unix.O_NOFOLLOW
	open := func(more uint64) emul.Action {
		return emul.Host(unix.SYS_OPEN, path, l|more, uint64(mode)&0o777)
	}
	create := open(unix.O_CREAT | unix.O_EXCL)
	if flags&excl == excl {
		return create
	}
	var trunc uint64
	if flags&(abi.O_ACCMODE|abi.O_TRUNC) == abi.O_RDWR|abi.O_TRUNC {
		trunc = unix.O_TRUNC
	}
	return open(trunc).Then(func(r emul.Ret) emul.Action {
		if r.Err() != unix.ENOENT || flags&abi.O_CREAT == 0 {
			return emul.Finish(r)
		}
		return create.Then(func(r emul.Ret) emul.Action {
			if r.Err() == unix.EEXIST { // somebody was faster
				return open(trunc)
			}
			return emul.Finish(r)
		})
	})
}

// shmAccess opens files for reading and writing, which FreeBSD wants whoever
// changes a name to be allowed, and goes on with the errors, nil where it is.
func shmAccess(paths []uint64, then func(errs []error) emul.Action) emul.Action {
	var calls []emul.Call
	for _, p := range paths {
		calls = append(calls, emul.NewCall(unix.SYS_OPEN, p, unix.O_RDWR|unix.O_NOFOLLOW|unix.O_CLOEXEC))
	}
	return emul.Batch(calls...).ThenAll(func(rets []emul.Ret) emul.Action {
		var closes []emul.Call
		errs := make([]error, len(rets))
		for i, r := range rets {
			if errs[i] = r.Err(); errs[i] == nil {
				closes = append(closes, emul.NewCall(unix.SYS_CLOSE, uint64(r.Val)))
			}
		}
		return emul.Batch(closes...).ThenAll(func([]emul.Ret) emul.Action { return then(errs) })
	})
}

// shmRefused answers as FreeBSD does where the sticky bit forbids.
func shmRefused(r emul.Ret) emul.Action {
	if r.Err() == unix.EPERM {
		return emul.Fail(abi.EACCES)
	}
	return emul.Finish(r)
}

func shmUnlink(t *emul.Task, name Str) emul.Action {
	file, err := shmName(t, name)
	if err != nil {
		return emul.Fail(err)
	}
	return withShmFiles(t, func(paths []uint64) emul.Action {
		return shmAccess(paths, func(errs []error) emul.Action {
			if errs[0] != nil {
				return emul.Fail(errs[0])
			}
			return emul.Host(unix.SYS_UNLINK, paths[0]).Then(shmRefused)
		})
	}, file)
}

// shmRename: exchange with a name that is not there is plain renaming.
func shmRename(t *emul.Task, from, to Str, flags Int) emul.Action {
	const both = shmRenameNoreplace | shmRenameExchange
	if flags&^both != 0 || flags&both == both || from == shmAnon || to == shmAnon {
		return emul.Fail(abi.EINVAL)
	}
	f, err := shmName(t, from)
	if err != nil {
		return emul.Fail(err)
	}
	g, err := shmName(t, to)
	if err != nil {
		return emul.Fail(err)
	}
	if f == g {
		return emul.Return(0)
	}
	return withShmFiles(t, func(paths []uint64) emul.Action {
		return shmAccess(paths, func(errs []error) emul.Action {
			there := errs[1] != unix.ENOENT
			switch {
			case errs[0] == unix.ENOENT:
				return emul.Fail(abi.ENOENT)
			case flags&shmRenameNoreplace != 0 && there:
				return emul.Fail(abi.EEXIST)
			case errs[0] != nil:
				return emul.Fail(errs[0])
			case there && errs[1] != nil:
				return emul.Fail(errs[1])
			}
			var l uint64
			if flags&shmRenameNoreplace != 0 {
				l = unix.RENAME_NOREPLACE
			} else if flags&shmRenameExchange != 0 && there {
				l = unix.RENAME_EXCHANGE
			}
			cwd := int64(abi.AT_FDCWD)
			at := uint64(cwd)
			return emul.Host(unix.SYS_RENAMEAT2, at, paths[0], at, paths[1], l).Then(shmRefused)
		})
	}, f, g)
}

// posixShmList is kern.ipc.posix_shm_list: a kinfo_file for each name.
func posixShmList(*sysctlReq) ([]byte, error) {
	dir := "/dev/shm"
	if unix.Access(dir, unix.W_OK|unix.X_OK) != nil {
		dir = "/tmp"
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil // no names, then
	}
	var out []byte
	for _, e := range entries {
		name, ok := strings.CutPrefix(e.Name(), shmPrefix)
		var st unix.Statx_t
		if !ok || unix.Statx(unix.AT_FDCWD, filepath.Join(dir, e.Name()), unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS, &st) != nil {
			continue
		}
		s := xlat.Stat(&st)
		k := abi.KinfoFile{Type: abi.KF_TYPE_SHM, Mode: s.Mode, Size: uint64(s.Size)}
		out = append(out, packKinfoFile(k, shmUnescape(name))...)
	}
	return out, nil
}

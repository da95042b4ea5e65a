package freebsd

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
)

// Small calls about the kernel itself. The kernel that a guest sees has no
// modules to list or load, and an empty environment.

// kldnext lists kernel modules: file 0 is "before the first".
func kldnext(_ *emul.Task, file Int) emul.Action {
	if file == 0 {
		return emul.Return(0)
	}
	return emul.Fail(abi.ENOENT)
}

// kenv gives the kernel's environment, of no variables (kern_environment.c
// sys_kenv).
func kenv(t *emul.Task, what Int, name Str, value Addr, n Int) emul.Action {
	const get, set, unset, dump, dumpStatic = 0, 1, 2, 3, 5
	switch {
	case what >= dump && what <= dumpStatic:
		return emul.Return(0)
	case what == get, what == unset:
		return emul.Fail(abi.ENOENT)
	case what == set:
		return emul.Fail(abi.EPERM)
	}
	return emul.Fail(abi.EINVAL)
}

// kcmpTypes gives Linux's number (linux/kcmp.h) of the kinds of things that
// kcmp(2) of FreeBSD 15 compares (sys/unistd.h), from KCMP_FILE on.
var kcmpTypes = [...]uint64{
	0, // KCMP_FILE
	0, // KCMP_FILEOBJ
	2, // KCMP_FILES
	4, // KCMP_SIGHAND
	1, // KCMP_VM
}

func kcmp(_ *emul.Task, pid1, pid2, kind Int, idx1, idx2 Size) emul.Action {
	const first = 100 // KCMP_FILE
	if kind < first || int(kind-first) >= len(kcmpTypes) {
		return emul.Fail(abi.EINVAL)
	}
	l := kcmpTypes[kind-first]
	return emul.Tail(unix.SYS_KCMP, uint64(pid1), uint64(pid2), l, uint64(idx1), uint64(idx2))
}

// chroot ends a prefix: paths lead where they lead from the new root.
func chroot(t *emul.Task, path Path) emul.Action {
	return emul.Host(unix.SYS_CHROOT, uint64(path)).Then(func(r emul.Ret) emul.Action {
		if r.Err() == nil {
			procOf(t).rerooted()
		}
		return emul.Finish(r)
	})
}

// fchroot makes an open directory the root; the working directory stays.
// Linux takes a path only, so the process goes there and comes back.
func fchroot(t *emul.Task, fd FD) emul.Action {
	return asRoot(func() emul.Action {
		dot, err := emul.AllocStore(t, [2]byte{'.', 0})
		if err != nil {
			return emul.Fail(err)
		}
		return emul.Host(unix.SYS_OPENAT, cwd, uint64(dot), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0).
			Then(func(r emul.Ret) emul.Action {
				if err := r.Err(); err != nil {
					return emul.Fail(err)
				}
				old := uint64(r.Val)
				return emul.Batch(
					emul.NewCall(unix.SYS_FCHDIR, uint64(fd)),
					emul.NewCall(unix.SYS_CHROOT, uint64(dot)),
					emul.NewCall(unix.SYS_FCHDIR, old),
					emul.NewCall(unix.SYS_CLOSE, old),
				).ThenAll(func(rets []emul.Ret) emul.Action {
					if err := rets[0].Err(); err != nil {
						return emul.Fail(err)
					}
					if rets[1].Err() == nil {
						procOf(t).rerooted()
					}
					return emul.Finish(rets[1])
				})
			})
	})
}

// modules are parts of FreeBSD's kernel that programs look for before they use
// them, as far as they are served.
var modules = []string{"aio", "mqueuefs", "sysvmsg", "sysvsem", "sysvshm"}

// modfind gives the number of a module (kern_module.c).
func modfind(t *emul.Task, name Str) emul.Action {
	s, err := guest.LoadString(t, guest.Addr(name), maxPath) // MAXMODNAME
	if err == guest.ErrTooLong {
		return emul.Fail(abi.ENAMETOOLONG)
	}
	if err != nil {
		return emul.Fail(err)
	}
	if i := slices.Index(modules, s); i >= 0 {
		return emul.Return(uint64(i + 1))
	}
	return emul.Fail(abi.ENOENT)
}

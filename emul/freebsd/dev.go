package freebsd

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// Devices. What the root directory has in /dev is used as it is. A FreeBSD
// system in a directory mostly has an empty /dev, though, and no program gets
// far without /dev/null: then a device comes from a file system that the
// supervisor makes for this alone (devfs.go), or is a stand-in (devstandin.go).
//
// /dev/fd/N, stdin, stdout and stderr mean the open file itself, as on FreeBSD
// (sys/kern/kern_descrip.c dupfdopen), whatever the host has under these names.

// device is a character device by Linux's numbers.
type device struct {
	name         string // below /dev
	major, minor uint32
}

// devices are those that are there in any case. Their order is that of
// stand-ins: a descriptor may outlive the supervisor that made it.
var devices = [...]device{
	{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
}

func deviceNamed(name string) *device {
	for i := range devices {
		if devices[i].name == name {
			return &devices[i]
		}
	}
	return nil
}

// deviceName is the part behind "/dev/" of a path that may be a device which
// is there although /dev does not have it, "" for all other paths.
func deviceName(t *emul.Task, path Path) string {
	const dir, longest = "/dev/", 24
	s, err := guest.LoadString(t, guest.Addr(path), longest)
	name, ok := strings.CutPrefix(s, dir)
	if err != nil || !ok {
		return ""
	}
	switch {
	case deviceNamed(name) != nil, name == "ptmx", strings.HasPrefix(name, "pts/"):
		return name
	}
	if _, ok := stdDescriptor(name); ok {
		return name
	}
	return ""
}

// belowDevice says whether a path goes on behind a device, as if that were a
// directory.
func belowDevice(t *emul.Task, path Path) bool {
	s, err := guest.LoadString(t, guest.Addr(path), maxPath)
	if err != nil {
		return false
	}
	name, ok := strings.CutPrefix(s, "/dev/")
	name, _, below := strings.Cut(name, "/")
	return ok && below && deviceNamed(name) != nil
}

// stdDescriptor says which descriptor a name below /dev means.
func stdDescriptor(name string) (FD, bool) {
	switch name {
	case "stdin":
		return 0, true
	case "stdout":
		return 1, true
	case "stderr":
		return 2, true
	}
	if rest, ok := strings.CutPrefix(name, "fd/"); ok {
		n, err := strconv.ParseUint(rest, 10, 31)
		return FD(n), err == nil
	}
	return 0, false
}

// openDevice is open(2) of a name that deviceName knows.
func openDevice(t *emul.Task, o *opening, name string) emul.Action {
	if fd, ok := stdDescriptor(name); ok {
		return openDescriptor(t, fd, o.flags)
	}
	if name == "ptmx" {
		return posixOpenpt(t, o.flags&(abi.O_CLOEXEC|abi.O_NOCTTY|abi.O_NONBLOCK))
	}
	// Not to be created: a plain file would stay, and grow.
	o.how.Flags &^= unix.O_CREAT | unix.O_EXCL
	o.how.Mode = 0
	return o.host(t).Then(func(r emul.Ret) emul.Action {
		if !deviceMissing(r.Err()) {
			return o.finish(t, r)
		}
		if o.flags&(abi.O_CREAT|abi.O_EXCL) == abi.O_CREAT|abi.O_EXCL {
			return emul.Fail(abi.EEXIST)
		}
		if o.flags&abi.O_DIRECTORY != 0 {
			return emul.Fail(abi.ENOTDIR)
		}
		return o.openMissing(t, name, r, emul.Finish)
	})
}

// deviceMissing says of a failed open whether the device is to come from
// elsewhere. EACCES is what a node says that lies on a file system without
// devices.
func deviceMissing(err error) bool {
	return err == unix.ENOENT || err == unix.ENOTDIR || err == unix.EACCES
}

// openMissing opens a device that /dev does not have, and goes on with done. r
// is what Linux said.
func (o *opening) openMissing(t *emul.Task, name string, r emul.Ret, done func(emul.Ret) emul.Action) emul.Action {
	fs := procOf(t).os.devfs()
	if dir, base := fs.find(name); dir >= 0 {
		return fs.openAt(t, dir, base, o.how.Flags, done)
	}
	if d := deviceNamed(name); d != nil && name == "tty" {
		return ownTerminal(t, o.flags)
	} else if d != nil {
		return standIn(t, d, o.flags)
	}
	return emul.Finish(r)
}

// openDescriptor is open(2) of /dev/fd/N: a duplicate, if that may do what is
// asked for.
func openDescriptor(t *emul.Task, fd FD, flags OpenFlags) emul.Action {
	return emul.Host(unix.SYS_FCNTL, uint64(fd), unix.F_GETFL).Atomic().Then(func(r emul.Ret) emul.Action {
		if r.Err() != nil {
			return emul.Finish(r)
		}
		have := r.Val & unix.O_ACCMODE
		if want := int64(flags & abi.O_ACCMODE); have != unix.O_RDWR && have != want {
			return emul.Fail(abi.EACCES)
		}
		cmd := uint64(unix.F_DUPFD)
		if flags&abi.O_CLOEXEC != 0 {
			cmd = unix.F_DUPFD_CLOEXEC
		}
		return emul.Tail(unix.SYS_FCNTL, uint64(fd), cmd, 0)
	})
}

// ownTerminal finds the controlling terminal among the standard descriptors:
// without a node for it there is no other way to it.
func ownTerminal(t *emul.Task, flags OpenFlags) emul.Action {
	buf := emul.Alloc[int32](t)
	calls := []emul.Call{emul.NewCall(unix.SYS_GETSID, 0)}
	for fd := range uint64(3) {
		calls = append(calls, emul.NewCall(unix.SYS_IOCTL, fd, unix.TIOCGPGRP, uint64(buf)))
	}
	return emul.Batch(calls...).ThenAll(func(r []emul.Ret) emul.Action {
		for fd := range FD(3) {
			// Linux answers this for the caller's own terminal only.
			if r[1+fd].Err() == nil {
				return openDescriptor(t, fd, flags)
			}
		}
		return emul.Fail(abi.ENXIO)
	})
}

// missingDevice goes on with what stat(2) says of a device that /dev does not
// have, or with the error that Linux gave for the path.
func missingDevice(t *emul.Task, path Path, failed error, then func(*abi.Stat) emul.Action) emul.Action {
	name := deviceName(t, path)
	if name == "" && belowDevice(t, path) {
		return emul.Fail(abi.ENOTDIR)
	} else if name == "" {
		return emul.Fail(failed)
	}
	if st, ok := procOf(t).os.devfs().stat(name); ok {
		return then(&st)
	}
	if d := deviceNamed(name); d != nil {
		st := d.stat()
		return then(&st)
	}
	return emul.Fail(failed)
}

// accessDevice is access(2) for such a name. Nobody may execute a device.
func accessDevice(t *emul.Task, path Path, mode AccessMode) emul.Action {
	allowed := func(*abi.Stat) emul.Action {
		if mode&unix.X_OK != 0 {
			return emul.Fail(abi.EACCES)
		}
		return emul.Return(0)
	}
	if fd, ok := stdDescriptor(deviceName(t, path)); ok {
		return statDescriptor(t, fd, allowed)
	}
	return emul.Host(unix.SYS_FACCESSAT, cwd, uint64(path), uint64(mode)).Then(func(r emul.Ret) emul.Action {
		err := r.Err()
		if err != unix.ENOENT && err != unix.ENOTDIR {
			return emul.Finish(r)
		}
		return missingDevice(t, path, err, allowed)
	})
}

// statDescriptor is stat(2) of /dev/fd/N: a device, whatever file it is
// (fs/fdescfs/fdesc_vnops.c fdesc_getattr).
func statDescriptor(t *emul.Task, fd FD, then func(*abi.Stat) emul.Action) emul.Action {
	return emul.Host(unix.SYS_FCNTL, uint64(fd), unix.F_GETFD).Atomic().Then(func(r emul.Ret) emul.Action {
		if r.Err() != nil {
			return emul.Finish(r)
		}
		st := (&device{minor: uint32(fd)}).stat()
		return then(&st)
	})
}

// stat is what is told of the device where there is no node to ask.
func (d *device) stat() abi.Stat {
	return abi.Stat{
		Ino: uint64(d.minor), Nlink: 1, Mode: abi.S_IFCHR | 0o666,
		Rdev: xlat.Dev(d.major, d.minor), Blksize: 4096, Birthtim: abi.Timespec{Sec: -1},
	}
}

package freebsd

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// Terminals and pseudo-terminals. struct winsize and the modem bits are the
// same on both systems.

// ttyPass are the requests that Linux serves with the same argument.
var ttyPass = [...]struct {
	cmd   IoctlCmd
	linux uint64
}{
	{abi.TIOCEXCL, unix.TIOCEXCL}, {abi.TIOCNXCL, unix.TIOCNXCL},
	{abi.TIOCGPTN, unix.TIOCGPTN}, {abi.TIOCGETD, unix.TIOCGETD},
	{abi.TIOCNOTTY, unix.TIOCNOTTY}, {abi.TIOCGSID, unix.TIOCGSID},
	{abi.TIOCSWINSZ, unix.TIOCSWINSZ}, {abi.TIOCGWINSZ, unix.TIOCGWINSZ},
	{abi.TIOCMGET, unix.TIOCMGET}, {abi.TIOCMBIC, unix.TIOCMBIC},
	{abi.TIOCMBIS, unix.TIOCMBIS}, {abi.TIOCMSET, unix.TIOCMSET},
	{abi.TIOCPKT, unix.TIOCPKT}, {abi.TIOCSTI, unix.TIOCSTI}, {abi.TIOCOUTQ, unix.TIOCOUTQ},
	{abi.TIOCSPGRP, unix.TIOCSPGRP}, {abi.TIOCGPGRP, unix.TIOCGPGRP},
	{abi.TIOCCBRK, unix.TIOCCBRK}, {abi.TIOCSBRK, unix.TIOCSBRK},
}

func ioctlTTY(t *emul.Task, fd FD, cmd IoctlCmd, arg Addr) emul.Action {
	host := func(req, arg uint64) emul.Action { return emul.Tail(unix.SYS_IOCTL, uint64(fd), req, arg) }
	for _, p := range ttyPass {
		if p.cmd == cmd {
			return host(p.linux, uint64(arg))
		}
	}
	switch cmd {
	case abi.TIOCGETA:
		return getTermios(t, fd, func(l *unix.Termios) emul.Action {
			return storeOrFail(t, guest.Ptr[abi.Termios](arg), xlat.Termios(l))
		})
	case abi.TIOCSETA:
		return setTermios(t, fd, unix.TCSETS2, guest.Ptr[abi.Termios](arg))
	case abi.TIOCSETAW:
		return setTermios(t, fd, unix.TCSETSW2, guest.Ptr[abi.Termios](arg))
	case abi.TIOCSETAF:
		return setTermios(t, fd, unix.TCSETSF2, guest.Ptr[abi.Termios](arg))
	case abi.TIOCSETD:
		d, err := guest.Ptr[int32](arg).Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		if d != 0 {
			return emul.Fail(abi.ENXIO) // only the terminal discipline
		}
		return getTermios(t, fd, func(*unix.Termios) emul.Action { return emul.Return(0) })
	case abi.TIOCFLUSH:
		return flushTTY(t, fd, guest.Ptr[int32](arg))
	case abi.TIOCDRAIN:
		return host(unix.TCSBRK, 1)
	case abi.TIOCSTART:
		return host(unix.TCXONC, unix.TCOON)
	case abi.TIOCSTOP:
		return host(unix.TCXONC, unix.TCOOFF)
	case abi.TIOCSCTTY:
		return host(unix.TIOCSCTTY, 0)
	case abi.TIOCSDTR, abi.TIOCCDTR:
		p, err := emul.AllocStore(t, int32(unix.TIOCM_DTR))
		if err != nil {
			return emul.Fail(err)
		}
		if cmd == abi.TIOCSDTR {
			return host(unix.TIOCMBIS, uint64(p))
		}
		return host(unix.TIOCMBIC, uint64(p))
	case abi.TIOCPTMASTER:
		buf := emul.Alloc[uint32](t)
		return emul.Host(unix.SYS_IOCTL, uint64(fd), unix.TIOCGPTN, uint64(buf)).Then(emul.Finish)
	case abi.TIOCSIG:
		// Linux sends these three by a pty master, of all that FreeBSD allows.
		sig, ok := map[int32]uint64{2: uint64(unix.SIGINT), 3: uint64(unix.SIGQUIT), 18: uint64(unix.SIGTSTP)}[int32(arg)]
		if !ok {
			return emul.Fail(abi.EINVAL)
		}
		return host(unix.TIOCSIG, sig)
	}
	return ioctlUnknown(t, fd, cmd)
}

func getTermios(t *emul.Task, fd FD, then func(*unix.Termios) emul.Action) emul.Action {
	buf := emul.Alloc[unix.Termios](t)
	return emul.Host(unix.SYS_IOCTL, uint64(fd), unix.TCGETS2, uint64(buf)).Then(func(r emul.Ret) emul.Action {
		if err := r.Err(); err == unix.EINVAL { // what /dev/random says
			return emul.Fail(abi.ENOTTY)
		} else if err != nil {
			return emul.Fail(err)
		}
		l, err := buf.Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		return then(&l)
	})
}

func setTermios(t *emul.Task, fd FD, req uint64, tio guest.Ptr[abi.Termios]) emul.Action {
	want, err := tio.Load(t)
	if err != nil {
		return emul.Fail(err)
	}
	return getTermios(t, fd, func(l *unix.Termios) emul.Action {
		p, err := emul.AllocStore(t, xlat.TermiosToLinux(&want, *l))
		if err != nil {
			return emul.Fail(err)
		}
		return emul.Tail(unix.SYS_IOCTL, uint64(fd), req, uint64(p))
	})
}

// flushTTY is TIOCFLUSH: which queues, none meaning both.
func flushTTY(t *emul.Task, fd FD, which guest.Ptr[int32]) emul.Action {
	w, err := which.Load(t)
	if err != nil {
		return emul.Fail(err)
	}
	queue := uint64(unix.TCIOFLUSH)
	switch w & (abi.FREAD | abi.FWRITE) {
	case abi.FREAD:
		queue = unix.TCIFLUSH
	case abi.FWRITE:
		queue = unix.TCOFLUSH
	}
	return emul.Tail(unix.SYS_IOCTL, uint64(fd), unix.TCFLSH, queue)
}

// devName is FIODGNAME, by which ptsname(3) and ttyname(3) find a terminal's
// name below /dev. For a pty's master it gives the slave's.
func devName(t *emul.Task, fd FD, argp guest.Ptr[abi.FiodgnameArg]) emul.Action {
	arg, err := argp.Load(t)
	if err != nil {
		return emul.Fail(err)
	}
	answer := func(name string) emul.Action {
		if len(name)+1 > int(arg.Len) {
			return emul.Fail(abi.EINVAL)
		}
		return emul.Fail(t.WriteMem(guest.Addr(arg.Buf), append([]byte(name), 0)))
	}
	number := emul.Alloc[uint32](t)
	return emul.Host(unix.SYS_IOCTL, uint64(fd), unix.TIOCGPTN, uint64(number)).Then(func(r emul.Ret) emul.Action {
		if r.Err() == nil {
			n, err := number.Load(t)
			if err != nil {
				return emul.Fail(err)
			}
			return answer("pts/" + itoa(int64(n)))
		}
		return withFstat(t, fd, func(st *abi.Stat) emul.Action {
			if st.Mode&abi.S_IFMT != abi.S_IFCHR {
				return emul.Fail(abi.ENOTTY)
			}
			dev := xlat.LinuxDev(st.Rdev)
			if name := wellKnownDev(unix.Major(dev), unix.Minor(dev)); name != "" {
				return answer(name)
			}
			return fdPath(t, int64(fd), func(path string, err error) emul.Action {
				if name, ok := strings.CutPrefix(path, "/dev/"); ok && err == nil {
					return answer(name)
				}
				return emul.Fail(abi.EINVAL)
			})
		})
	})
}

// wellKnownDev names a character device by Linux's fixed numbers
// (Documentation/admin-guide/devices.txt).
func wellKnownDev(major, minor uint32) string {
	switch {
	case major >= 136 && major <= 143:
		return "pts/" + itoa(int64(major-136)<<8|int64(minor))
	case major == 1:
		return map[uint32]string{3: "null", 5: "zero", 7: "full", 8: "random", 9: "urandom"}[minor]
	case major == 5:
		return map[uint32]string{0: "tty", 1: "console", 2: "ptmx"}[minor]
	}
	return ""
}

// posixOpenpt opens a pty master with its slave unlocked: on FreeBSD
// grantpt(3) and unlockpt(3) do nothing.
func posixOpenpt(t *emul.Task, flags OpenFlags) emul.Action {
	if flags&^(abi.O_RDWR|abi.O_NOCTTY|abi.O_CLOEXEC) != 0 {
		return emul.Fail(abi.EINVAL)
	}
	path, err := allocBytes(t, []byte("/dev/ptmx\x00"))
	if err != nil {
		return emul.Fail(err)
	}
	unlocked, err := emul.AllocStore(t, int32(0))
	if err != nil {
		return emul.Fail(err)
	}
	unlock := func(r emul.Ret) emul.Action {
		if err := r.Err(); err != nil {
			return emul.Fail(err)
		}
		fd := r.Val
		return emul.Host(unix.SYS_IOCTL, uint64(fd), unix.TIOCSPTLCK, uint64(unlocked)).
			Atomic().Then(func(r emul.Ret) emul.Action {
			if err := r.Err(); err != nil {
				return thenClose(fd, emul.Fail(err))
			}
			return emul.Return(uint64(fd))
		})
	}
	o := opening{fd: abi.AT_FDCWD, path: Path(path), flags: flags, how: unix.OpenHow{
		Flags: xlat.OpenFlags(int32(flags | abi.O_RDWR)),
	}}
	return o.host(t).Then(func(r emul.Ret) emul.Action {
		if deviceMissing(r.Err()) {
			return o.openMissing(t, "ptmx", r, unlock)
		}
		return unlock(r)
	})
}

package freebsd

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/trace"
)

// IoctlCmd is the request argument of ioctl(2).
type IoctlCmd uint32

// TraceArg prints the name, or the parts of the number.
func (c IoctlCmd) TraceArg(*trace.Ctx) string {
	for _, n := range ioctlNames {
		if n.cmd == c {
			return n.name
		}
	}
	dir := "_IOC_NONE"
	switch c & (abi.IOC_IN | abi.IOC_OUT) {
	case abi.IOC_IN:
		dir = "IOC_IN"
	case abi.IOC_OUT:
		dir = "IOC_OUT"
	case abi.IOC_IN | abi.IOC_OUT:
		dir = "IOC_INOUT"
	}
	return fmt.Sprintf("_IOC(%s, %q, %d, %d)", dir, rune(c>>8&0xff), c&0xff, c>>16&0x1fff)
}

var ioctlNames = [...]struct {
	cmd  IoctlCmd
	name string
}{
	{abi.FIOCLEX, "FIOCLEX"}, {abi.FIONCLEX, "FIONCLEX"}, {abi.FIONREAD, "FIONREAD"}, {abi.FIONBIO, "FIONBIO"},
	{abi.FIOASYNC, "FIOASYNC"}, {abi.FIOSETOWN, "FIOSETOWN"}, {abi.FIOGETOWN, "FIOGETOWN"}, {abi.FIODTYPE, "FIODTYPE"},
	{abi.FIODGNAME, "FIODGNAME"}, {abi.FIONWRITE, "FIONWRITE"}, {abi.TIOCEXCL, "TIOCEXCL"}, {abi.TIOCNXCL, "TIOCNXCL"},
	{abi.TIOCGPTN, "TIOCGPTN"}, {abi.TIOCFLUSH, "TIOCFLUSH"}, {abi.TIOCGETA, "TIOCGETA"}, {abi.TIOCSETA, "TIOCSETA"},
	{abi.TIOCSETAW, "TIOCSETAW"}, {abi.TIOCSETAF, "TIOCSETAF"}, {abi.TIOCGETD, "TIOCGETD"}, {abi.TIOCSETD, "TIOCSETD"},
	{abi.TIOCPTMASTER, "TIOCPTMASTER"}, {abi.TIOCDRAIN, "TIOCDRAIN"}, {abi.TIOCSIG, "TIOCSIG"},
	{abi.TIOCSCTTY, "TIOCSCTTY"}, {abi.TIOCCONS, "TIOCCONS"}, {abi.TIOCGSID, "TIOCGSID"},
	{abi.TIOCSWINSZ, "TIOCSWINSZ"}, {abi.TIOCGWINSZ, "TIOCGWINSZ"}, {abi.TIOCMGET, "TIOCMGET"},
	{abi.TIOCMBIC, "TIOCMBIC"}, {abi.TIOCMBIS, "TIOCMBIS"}, {abi.TIOCMSET, "TIOCMSET"}, {abi.TIOCSTART, "TIOCSTART"},
	{abi.TIOCSTOP, "TIOCSTOP"}, {abi.TIOCPKT, "TIOCPKT"}, {abi.TIOCNOTTY, "TIOCNOTTY"}, {abi.TIOCSTI, "TIOCSTI"},
	{abi.TIOCOUTQ, "TIOCOUTQ"}, {abi.TIOCSPGRP, "TIOCSPGRP"}, {abi.TIOCGPGRP, "TIOCGPGRP"},
	{abi.TIOCCDTR, "TIOCCDTR"}, {abi.TIOCSDTR, "TIOCSDTR"}, {abi.TIOCCBRK, "TIOCCBRK"}, {abi.TIOCSBRK, "TIOCSBRK"},
}

// Linux's numbers that x/sys lacks (asm-generic/ioctls.h).
const (
	linuxFIONBIO  = 0x5421
	linuxFIOASYNC = 0x5452
)

// ioctl serves the requests of descriptors in general and of terminals here,
// and hands those of interfaces and sockets on.
func ioctl(t *emul.Task, fd FD, cmd IoctlCmd, arg Addr) emul.Action {
	host := func(req, arg uint64) emul.Action { return emul.Tail(unix.SYS_IOCTL, uint64(fd), req, arg) }
	switch cmd {
	case abi.FIOCLEX:
		return emul.Tail(unix.SYS_FCNTL, uint64(fd), unix.F_SETFD, unix.FD_CLOEXEC)
	case abi.FIONCLEX:
		return emul.Tail(unix.SYS_FCNTL, uint64(fd), unix.F_SETFD, 0)
	case abi.FIONREAD:
		return host(unix.TIOCINQ, uint64(arg))
	case abi.FIONBIO:
		return host(linuxFIONBIO, uint64(arg))
	case abi.FIOASYNC:
		return host(linuxFIOASYNC, uint64(arg))
	case abi.FIONWRITE:
		return host(unix.TIOCOUTQ, uint64(arg))
	case abi.FIOSETOWN:
		owner, err := guest.Ptr[int32](arg).Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		return emul.Tail(unix.SYS_FCNTL, uint64(fd), unix.F_SETOWN, uint64(owner))
	case abi.FIOGETOWN:
		return withOwner(t, fd, func(owner int32) emul.Action {
			return storeOrFail(t, guest.Ptr[int32](arg), owner)
		})
	case abi.FIODTYPE:
		return devType(t, fd, guest.Ptr[int32](arg))
	case abi.FIODGNAME:
		return devName(t, fd, guest.Ptr[abi.FiodgnameArg](arg))
	}
	switch cmd >> 8 & 0xff {
	case 't':
		return ioctlTTY(t, fd, cmd, arg)
	case 'i', 's', 'r':
		return ioctlSocket(t, fd, cmd, arg)
	}
	return ioctlUnknown(t, fd, cmd)
}

// ioctlUnknown is ENOTTY, or EBADF for what is not open.
func ioctlUnknown(t *emul.Task, fd FD, cmd IoctlCmd) emul.Action {
	return emul.Host(unix.SYS_FCNTL, uint64(fd), unix.F_GETFD).Then(func(r emul.Ret) emul.Action {
		if err := r.Err(); err != nil {
			return emul.Fail(err)
		}
		t.Loop().Debugf("ioctl %s is not known", cmd.TraceArg(nil))
		return emul.Fail(abi.ENOTTY)
	})
}

// devType is FIODTYPE: terminals have type D_TTY, other devices 0 here.
func devType(t *emul.Task, fd FD, out guest.Ptr[int32]) emul.Action {
	return withFstat(t, fd, func(st *abi.Stat) emul.Action {
		if st.Mode&abi.S_IFMT != abi.S_IFCHR && st.Mode&abi.S_IFMT != abi.S_IFBLK {
			return emul.Fail(abi.ENOTTY)
		}
		buf := emul.Alloc[unix.Termios](t)
		return emul.Host(unix.SYS_IOCTL, uint64(fd), unix.TCGETS2, uint64(buf)).Then(func(r emul.Ret) emul.Action {
			if r.Err() != nil {
				return storeOrFail(t, out, 0)
			}
			return storeOrFail(t, out, abi.D_TTY)
		})
	})
}

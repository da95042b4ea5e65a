package xlat

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// Tables of the terminal flags that both systems have.
var (
	inputFlags = []bitPair{
		{abi.IGNBRK, unix.IGNBRK}, {abi.BRKINT, unix.BRKINT}, {abi.IGNPAR, unix.IGNPAR},
		{abi.PARMRK, unix.PARMRK}, {abi.INPCK, unix.INPCK}, {abi.ISTRIP, unix.ISTRIP},
		{abi.INLCR, unix.INLCR}, {abi.IGNCR, unix.IGNCR}, {abi.ICRNL, unix.ICRNL},
		{abi.IXON, unix.IXON}, {abi.IXOFF, unix.IXOFF}, {abi.IXANY, unix.IXANY},
		{abi.IMAXBEL, unix.IMAXBEL},
	}
	outputFlags = []bitPair{
		{abi.OPOST, unix.OPOST}, {abi.ONLCR, unix.ONLCR}, {abi.TAB3, unix.TAB3},
		{abi.OCRNL, unix.OCRNL}, {abi.ONOCR, unix.ONOCR}, {abi.ONLRET, unix.ONLRET},
	}
	controlFlags = []bitPair{
		{abi.CS6, unix.CS6}, {abi.CS7, unix.CS7}, // CS8 is both
		{abi.CSTOPB, unix.CSTOPB}, {abi.CREAD, unix.CREAD}, {abi.PARENB, unix.PARENB},
		{abi.PARODD, unix.PARODD}, {abi.HUPCL, unix.HUPCL}, {abi.CLOCAL, unix.CLOCAL},
		{abi.CRTSCTS, unix.CRTSCTS},
	}
	localFlags = []bitPair{
		{abi.ECHOKE, unix.ECHOKE}, {abi.ECHOE, unix.ECHOE}, {abi.ECHOK, unix.ECHOK},
		{abi.ECHO, unix.ECHO}, {abi.ECHONL, unix.ECHONL}, {abi.ECHOPRT, unix.ECHOPRT},
		{abi.ECHOCTL, unix.ECHOCTL}, {abi.ISIG, unix.ISIG}, {abi.ICANON, unix.ICANON},
		{abi.IEXTEN, unix.IEXTEN}, {abi.EXTPROC, unix.EXTPROC}, {abi.TOSTOP, unix.TOSTOP},
		{abi.FLUSHO, unix.FLUSHO}, {abi.PENDIN, unix.PENDIN}, {abi.NOFLSH, unix.NOFLSH},
	}
)

// controlChars gives Linux's place of each of FreeBSD's control characters;
// ERASE2, DSUSP and STATUS have none.
var controlChars = [...]struct{ freebsd, linux int }{
	{abi.VEOF, unix.VEOF}, {abi.VEOL, unix.VEOL}, {abi.VEOL2, unix.VEOL2}, {abi.VERASE, unix.VERASE},
	{abi.VWERASE, unix.VWERASE}, {abi.VKILL, unix.VKILL}, {abi.VREPRINT, unix.VREPRINT},
	{abi.VINTR, unix.VINTR}, {abi.VQUIT, unix.VQUIT}, {abi.VSUSP, unix.VSUSP}, {abi.VSTART, unix.VSTART},
	{abi.VSTOP, unix.VSTOP}, {abi.VLNEXT, unix.VLNEXT}, {abi.VDISCARD, unix.VDISCARD},
	{abi.VMIN, unix.VMIN}, {abi.VTIME, unix.VTIME},
}

// speedCodes are the speeds that Linux has a code in c_cflag for.
var speedCodes = [...]struct{ speed, code uint32 }{
	{0, unix.B0}, {50, unix.B50}, {75, unix.B75}, {110, unix.B110}, {134, unix.B134}, {150, unix.B150}, {200, unix.B200},
	{300, unix.B300}, {600, unix.B600}, {1200, unix.B1200}, {1800, unix.B1800}, {2400, unix.B2400}, {4800, unix.B4800},
	{9600, unix.B9600}, {19200, unix.B19200}, {38400, unix.B38400}, {57600, unix.B57600}, {115200, unix.B115200},
	{230400, unix.B230400}, {460800, unix.B460800}, {500000, unix.B500000}, {921600, unix.B921600},
	{1000000, unix.B1000000}, {1500000, unix.B1500000}, {2000000, unix.B2000000}, {2500000, unix.B2500000},
	{3000000, unix.B3000000}, {3500000, unix.B3500000}, {4000000, unix.B4000000},
}

// The bits of c_cflag that hold speeds (asm-generic/termbits.h).
const (
	linuxCBAUD  = 0x100f
	linuxBOTHER = 0x1000
	inputShift  = 16
)

// Termios converts what Linux's TCGETS2 gives.
func Termios(l *unix.Termios) abi.Termios {
	f := abi.Termios{
		Iflag:  uint32(toFreeBSD(uint64(l.Iflag), inputFlags)),
		Oflag:  uint32(toFreeBSD(uint64(l.Oflag), outputFlags)),
		Cflag:  uint32(toFreeBSD(uint64(l.Cflag), controlFlags)),
		Lflag:  uint32(toFreeBSD(uint64(l.Lflag), localFlags)) | abi.NOKERNINFO,
		Ispeed: l.Ispeed, Ospeed: l.Ospeed,
	}
	if l.Iflag&unix.IUTF8 != 0 {
		f.Iflag |= abi.IUTF8
	}
	for i := range f.Cc {
		f.Cc[i] = abi.VDISABLE
	}
	for _, c := range controlChars {
		v := l.Cc[c.linux]
		if v == 0 && c.freebsd != abi.VMIN && c.freebsd != abi.VTIME {
			v = abi.VDISABLE
		}
		f.Cc[c.freebsd] = v
	}
	return f
}

// TermiosToLinux puts what a guest sets into the terminal's present state, for
// TCSETS2. What FreeBSD has no flag for stays as it was; so does IUTF8, which
// FreeBSD has since 14.1 only and older programs would switch off unknowingly.
func TermiosToLinux(f *abi.Termios, l unix.Termios) unix.Termios {
	set := func(have uint32, want uint32, table []bitPair) uint32 {
		var all uint64
		for _, p := range table {
			all |= p.linux
		}
		return have&^uint32(all) | uint32(toLinux(uint64(want), table))
	}
	l.Iflag = set(l.Iflag, f.Iflag, inputFlags)
	l.Oflag = set(l.Oflag, f.Oflag, outputFlags)
	l.Cflag = set(l.Cflag, f.Cflag, controlFlags)
	l.Lflag = set(l.Lflag, f.Lflag, localFlags)
	if f.Iflag&abi.IUTF8 != 0 {
		l.Iflag |= unix.IUTF8
	}
	for _, c := range controlChars {
		v := f.Cc[c.freebsd]
		if v == abi.VDISABLE && c.freebsd != abi.VMIN && c.freebsd != abi.VTIME {
			v = 0
		}
		l.Cc[c.linux] = v
	}
	code := func(speed uint32) uint32 {
		for _, c := range speedCodes {
			if c.speed == speed {
				return c.code
			}
		}
		return linuxBOTHER
	}
	l.Cflag &^= linuxCBAUD | linuxCBAUD<<inputShift
	l.Cflag |= code(f.Ospeed)
	if f.Ispeed != f.Ospeed && f.Ispeed != 0 {
		l.Cflag |= code(f.Ispeed) << inputShift
	}
	l.Ispeed, l.Ospeed = f.Ispeed, f.Ospeed
	if f.Ispeed == 0 {
		l.Ispeed = f.Ospeed
	}
	return l
}

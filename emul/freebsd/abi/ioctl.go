package abi

// Parts of an ioctl number (sys/ioccom.h): direction, size of the argument in
// bytes, group, command.
const (
	IOC_VOID = 0x20000000
	IOC_OUT  = 0x40000000
	IOC_IN   = 0x80000000
)

// Ioctl numbers of every descriptor (sys/filio.h).
const (
	FIOCLEX   = IOC_VOID | 'f'<<8 | 1
	FIONCLEX  = IOC_VOID | 'f'<<8 | 2
	FIONREAD  = IOC_OUT | 4<<16 | 'f'<<8 | 127
	FIONBIO   = IOC_IN | 4<<16 | 'f'<<8 | 126
	FIOASYNC  = IOC_IN | 4<<16 | 'f'<<8 | 125
	FIOSETOWN = IOC_IN | 4<<16 | 'f'<<8 | 124
	FIOGETOWN = IOC_OUT | 4<<16 | 'f'<<8 | 123
	FIODTYPE  = IOC_OUT | 4<<16 | 'f'<<8 | 122
	FIODGNAME = IOC_IN | 16<<16 | 'f'<<8 | 120
	FIONWRITE = IOC_OUT | 4<<16 | 'f'<<8 | 119
)

// D_TTY is what FIODTYPE says of a terminal (sys/conf.h).
const D_TTY = 4

// FiodgnameArg is struct fiodgname_arg (sys/filio.h).
type FiodgnameArg struct {
	Len int32
	_   int32
	Buf uint64
}

// Ioctl numbers of terminals (sys/ttycom.h).
const (
	TIOCEXCL     = IOC_VOID | 't'<<8 | 13
	TIOCNXCL     = IOC_VOID | 't'<<8 | 14
	TIOCGPTN     = IOC_OUT | 4<<16 | 't'<<8 | 15
	TIOCFLUSH    = IOC_IN | 4<<16 | 't'<<8 | 16
	TIOCGETA     = IOC_OUT | 44<<16 | 't'<<8 | 19
	TIOCSETA     = IOC_IN | 44<<16 | 't'<<8 | 20
	TIOCSETAW    = IOC_IN | 44<<16 | 't'<<8 | 21
	TIOCSETAF    = IOC_IN | 44<<16 | 't'<<8 | 22
	TIOCGETD     = IOC_OUT | 4<<16 | 't'<<8 | 26
	TIOCSETD     = IOC_IN | 4<<16 | 't'<<8 | 27
	TIOCPTMASTER = IOC_VOID | 't'<<8 | 28
	TIOCDRAIN    = IOC_VOID | 't'<<8 | 94
	TIOCSIG      = IOC_VOID | 4<<16 | 't'<<8 | 95
	TIOCSCTTY    = IOC_VOID | 't'<<8 | 97
	TIOCCONS     = IOC_IN | 4<<16 | 't'<<8 | 98
	TIOCGSID     = IOC_OUT | 4<<16 | 't'<<8 | 99
	TIOCSWINSZ   = IOC_IN | 8<<16 | 't'<<8 | 103
	TIOCGWINSZ   = IOC_OUT | 8<<16 | 't'<<8 | 104
	TIOCMGET     = IOC_OUT | 4<<16 | 't'<<8 | 106
	TIOCMBIC     = IOC_IN | 4<<16 | 't'<<8 | 107
	TIOCMBIS     = IOC_IN | 4<<16 | 't'<<8 | 108
	TIOCMSET     = IOC_IN | 4<<16 | 't'<<8 | 109
	TIOCSTART    = IOC_VOID | 't'<<8 | 110
	TIOCSTOP     = IOC_VOID | 't'<<8 | 111
	TIOCPKT      = IOC_IN | 4<<16 | 't'<<8 | 112
	TIOCNOTTY    = IOC_VOID | 't'<<8 | 113
	TIOCSTI      = IOC_IN | 1<<16 | 't'<<8 | 114
	TIOCOUTQ     = IOC_OUT | 4<<16 | 't'<<8 | 115
	TIOCSPGRP    = IOC_IN | 4<<16 | 't'<<8 | 118
	TIOCGPGRP    = IOC_OUT | 4<<16 | 't'<<8 | 119
	TIOCCDTR     = IOC_VOID | 't'<<8 | 120
	TIOCSDTR     = IOC_VOID | 't'<<8 | 121
	TIOCCBRK     = IOC_VOID | 't'<<8 | 122
	TIOCSBRK     = IOC_VOID | 't'<<8 | 123
)

// FREAD and FWRITE are TIOCFLUSH's bits (sys/fcntl.h).
const (
	FREAD  = 1
	FWRITE = 2
)

// Termios is struct termios (sys/_termios.h). Speeds in bits per second.
type Termios struct {
	Iflag, Oflag, Cflag, Lflag uint32
	Cc                         [20]uint8
	Ispeed, Ospeed             uint32
}

// Control characters' places in Termios.Cc (sys/_termios.h).
const (
	VEOF     = 0
	VEOL     = 1
	VEOL2    = 2
	VERASE   = 3
	VWERASE  = 4
	VKILL    = 5
	VREPRINT = 6
	VERASE2  = 7
	VINTR    = 8
	VQUIT    = 9
	VSUSP    = 10
	VDSUSP   = 11
	VSTART   = 12
	VSTOP    = 13
	VLNEXT   = 14
	VDISCARD = 15
	VMIN     = 16
	VTIME    = 17
	VSTATUS  = 18

	// VDISABLE in a place switches its function off.
	VDISABLE = 0xff
)

// Flags of Termios (sys/_termios.h; IUTF8 since 14.1).
const (
	IGNBRK  = 0x1
	BRKINT  = 0x2
	IGNPAR  = 0x4
	PARMRK  = 0x8
	INPCK   = 0x10
	ISTRIP  = 0x20
	INLCR   = 0x40
	IGNCR   = 0x80
	ICRNL   = 0x100
	IXON    = 0x200
	IXOFF   = 0x400
	IXANY   = 0x800
	IMAXBEL = 0x2000
	IUTF8   = 0x4000

	OPOST  = 0x1
	ONLCR  = 0x2
	TAB3   = 0x4
	ONOEOT = 0x8
	OCRNL  = 0x10
	ONOCR  = 0x20
	ONLRET = 0x40

	CS6     = 0x100
	CS7     = 0x200
	CS8     = 0x300
	CSIZE   = 0x300
	CSTOPB  = 0x400
	CREAD   = 0x800
	PARENB  = 0x1000
	PARODD  = 0x2000
	HUPCL   = 0x4000
	CLOCAL  = 0x8000
	CRTSCTS = 0x30000

	ECHOKE     = 0x1
	ECHOE      = 0x2
	ECHOK      = 0x4
	ECHO       = 0x8
	ECHONL     = 0x10
	ECHOPRT    = 0x20
	ECHOCTL    = 0x40
	ISIG       = 0x80
	ICANON     = 0x100
	ALTWERASE  = 0x200
	IEXTEN     = 0x400
	EXTPROC    = 0x800
	TOSTOP     = 0x400000
	FLUSHO     = 0x800000
	NOKERNINFO = 0x2000000
	PENDIN     = 0x20000000
	NOFLSH     = 0x80000000
)

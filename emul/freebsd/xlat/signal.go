package xlat

import (
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// Realtime signals: FreeBSD has 65–126, Linux's kernel 32–64. THR, LIBRT and
// the first thirty realtime ones get Linux numbers; the rest exist only
// between guests of one supervisor.
const (
	hostTHR    = 32
	hostLIBRT  = 33
	hostRTMin  = 34
	hostRTMax  = 63
	guestRTMax = abi.SIGRTMIN + hostRTMax - hostRTMin
)

// hostSignals maps signals 1–31; STKFLT and PWR, which mean nothing to most
// programs, carry EMT and INFO.
var hostSignals = [...]unix.Signal{
	abi.SIGHUP: unix.SIGHUP, abi.SIGINT: unix.SIGINT, abi.SIGQUIT: unix.SIGQUIT, abi.SIGILL: unix.SIGILL,
	abi.SIGTRAP: unix.SIGTRAP, abi.SIGABRT: unix.SIGABRT, abi.SIGEMT: unix.SIGSTKFLT, abi.SIGFPE: unix.SIGFPE,
	abi.SIGKILL: unix.SIGKILL, abi.SIGBUS: unix.SIGBUS, abi.SIGSEGV: unix.SIGSEGV, abi.SIGSYS: unix.SIGSYS,
	abi.SIGPIPE: unix.SIGPIPE, abi.SIGALRM: unix.SIGALRM, abi.SIGTERM: unix.SIGTERM, abi.SIGURG: unix.SIGURG,
	abi.SIGSTOP: unix.SIGSTOP, abi.SIGTSTP: unix.SIGTSTP, abi.SIGCONT: unix.SIGCONT, abi.SIGCHLD: unix.SIGCHLD,
	abi.SIGTTIN: unix.SIGTTIN, abi.SIGTTOU: unix.SIGTTOU, abi.SIGIO: unix.SIGIO, abi.SIGXCPU: unix.SIGXCPU,
	abi.SIGXFSZ: unix.SIGXFSZ, abi.SIGVTALRM: unix.SIGVTALRM, abi.SIGPROF: unix.SIGPROF,
	abi.SIGWINCH: unix.SIGWINCH, abi.SIGINFO: unix.SIGPWR, abi.SIGUSR1: unix.SIGUSR1, abi.SIGUSR2: unix.SIGUSR2,
	abi.SIGTHR: hostTHR, abi.SIGLIBRT: hostLIBRT,
}

// HostSignal gives the Linux number for a FreeBSD signal, 0 if it has none.
func HostSignal(s abi.Signal) unix.Signal {
	switch {
	case s > 0 && int(s) < len(hostSignals):
		return hostSignals[s]
	case s >= abi.SIGRTMIN && s <= guestRTMax:
		return unix.Signal(hostRTMin + s - abi.SIGRTMIN)
	}
	return 0
}

// GuestSignal gives the FreeBSD number for a Linux signal, 0 if it has none.
func GuestSignal(s unix.Signal) abi.Signal {
	switch {
	case s >= hostRTMin && s <= hostRTMax:
		return abi.SIGRTMIN + abi.Signal(s-hostRTMin)
	case s > 0:
		return abi.Signal(max(slices.Index(hostSignals[:], s), 0))
	}
	return 0
}

// HostSigset converts a mask to Linux's 64 bits; signals without a Linux
// number are left out.
func HostSigset(m *abi.Sigset) uint64 {
	var h uint64
	for s := abi.Signal(1); s <= abi.SIGRTMAX; s++ {
		if m.Has(s) {
			if n := HostSignal(s); n != 0 {
				h |= 1 << (n - 1)
			}
		}
	}
	return h
}

// GuestSigset converts a Linux mask.
func GuestSigset(h uint64) (m abi.Sigset) {
	for n := 1; n <= 64; n++ {
		if h&(1<<(n-1)) != 0 {
			if s := GuestSignal(unix.Signal(n)); s != 0 {
				m.Add(s)
			}
		}
	}
	return m
}

// WaitStatus converts the status word of wait4(2): the signal numbers in it,
// and "continued", which FreeBSD marks with SIGCONT's number.
func WaitStatus(s uint32) uint32 {
	switch {
	case s == 0xffff:
		return uint32(abi.SIGCONT)
	case s&0xff == 0x7f:
		return uint32(GuestSignal(unix.Signal(s>>8&0xff)))<<8 | 0x7f
	case s&0x7f != 0:
		return s&0x80 | uint32(GuestSignal(unix.Signal(s&0x7f)))
	}
	return s & 0xff00
}

// Linux's si_code values (asm-generic/siginfo.h).
const (
	siUser   = 0
	siKernel = 0x80
	siQueue  = -1
	siTimer  = -2
	siMesgq  = -3
	siAsync  = -4
	siTkill  = -6
)

// Siginfo converts a siginfo of Linux for FreeBSD signal s. fields is the union
// behind the three leading ints, at offset 16.
func Siginfo(s abi.Signal, code, errno int32, fields []byte) abi.Siginfo {
	le := binary.LittleEndian
	i := abi.Siginfo{Signo: int32(s)}
	sender := func() {
		i.Pid, i.UID = int32(le.Uint32(fields)), le.Uint32(fields[4:])
	}
	switch code {
	case siUser:
		i.Code = abi.SI_USER
		sender()
		return i
	case siTkill:
		i.Code = abi.SI_LWP
		sender()
		return i
	case siQueue, siMesgq, siAsync:
		i.Code = map[int32]int32{siQueue: abi.SI_QUEUE, siMesgq: abi.SI_MESGQ, siAsync: abi.SI_ASYNCIO}[code]
		sender()
		i.Value = le.Uint64(fields[8:])
		if code == siMesgq {
			copy(i.Reason[:4], fields[16:20]) // the queue's descriptor, as we put it there
		}
		return i
	case siTimer:
		i.Code = abi.SI_TIMER
		i.Value = le.Uint64(fields[8:])
		copy(i.Reason[0:4], fields[0:4])
		copy(i.Reason[4:8], fields[4:8])
		return i
	}
	trapno := uint32(0)
	switch s {
	case abi.SIGCHLD:
		i.Code = code // CLD_* are the same
		sender()
		st := le.Uint32(fields[8:])
		if code != 1 { // not CLD_EXITED: a signal number
			st = uint32(GuestSignal(unix.Signal(st)))
		}
		i.Status = int32(st)
		return i
	case abi.SIGSEGV:
		i.Code, i.Addr, trapno = code, le.Uint64(fields), abi.T_PAGEFLT
		if code > 2 {
			i.Code = abi.SEGV_ACCERR
		}
	case abi.SIGBUS:
		i.Code, i.Addr, trapno = code, le.Uint64(fields), abi.T_PAGEFLT
		if code == abi.BUS_ADRALN {
			trapno = abi.T_ALIGNFLT
		} else if code == abi.BUS_ADRERR {
			// vm_fault_trap reports access beyond the object as BUS_OBJERR.
			i.Code = abi.BUS_OBJERR
		}
	case abi.SIGFPE:
		i.Code, i.Addr, trapno = code, le.Uint64(fields), abi.T_ARITHTRAP
		switch code {
		case 1:
			i.Code, trapno = abi.FPE_INTDIV, abi.T_DIVIDE
		case 2:
			i.Code = abi.FPE_INTOVF
		default:
			trapno = abi.T_XMMFLT
		}
	case abi.SIGILL:
		// The processor's one exception for both undefined and privileged opcodes.
		i.Code, i.Addr, trapno = abi.ILL_PRVOPC, le.Uint64(fields), abi.T_PRIVINFLT
	case abi.SIGTRAP:
		i.Code, trapno = code, abi.T_TRCTRAP
		if code == siKernel || code == abi.TRAP_BRKPT {
			i.Code, trapno = abi.TRAP_BRKPT, abi.T_BPTFLT
		}
	default:
		i.Code = abi.SI_KERNEL
		return i
	}
	if code == siKernel && trapno == abi.T_PAGEFLT {
		i.Code = abi.BUS_OBJERR
		trapno = abi.T_PROTFLT
	}
	le.PutUint32(i.Reason[:], trapno)
	return i
}

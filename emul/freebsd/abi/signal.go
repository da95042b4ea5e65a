package abi

// Signal is a FreeBSD signal number (sys/signal.h): 1–33 and 65–126.
type Signal int32

// The signals (sys/signal.h).
const (
	SIGHUP    Signal = 1
	SIGINT    Signal = 2
	SIGQUIT   Signal = 3
	SIGILL    Signal = 4
	SIGTRAP   Signal = 5
	SIGABRT   Signal = 6
	SIGEMT    Signal = 7
	SIGFPE    Signal = 8
	SIGKILL   Signal = 9
	SIGBUS    Signal = 10
	SIGSEGV   Signal = 11
	SIGSYS    Signal = 12
	SIGPIPE   Signal = 13
	SIGALRM   Signal = 14
	SIGTERM   Signal = 15
	SIGURG    Signal = 16
	SIGSTOP   Signal = 17
	SIGTSTP   Signal = 18
	SIGCONT   Signal = 19
	SIGCHLD   Signal = 20
	SIGTTIN   Signal = 21
	SIGTTOU   Signal = 22
	SIGIO     Signal = 23
	SIGXCPU   Signal = 24
	SIGXFSZ   Signal = 25
	SIGVTALRM Signal = 26
	SIGPROF   Signal = 27
	SIGWINCH  Signal = 28
	SIGINFO   Signal = 29
	SIGUSR1   Signal = 30
	SIGUSR2   Signal = 31
	SIGTHR    Signal = 32
	SIGLIBRT  Signal = 33
	SIGRTMIN  Signal = 65
	SIGRTMAX  Signal = 126
	// SIGMAX is the highest number that a mask has room for.
	SIGMAX Signal = 128
)

// Valid says whether the kernel accepts the number (_SIG_VALID).
func (s Signal) Valid() bool { return s > 0 && s <= SIGMAX }

var signames = [...]string{"", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "EMT", "FPE", "KILL", "BUS",
	"SEGV", "SYS", "PIPE", "ALRM", "TERM", "URG", "STOP", "TSTP", "CONT", "CHLD", "TTIN", "TTOU", "IO",
	"XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "INFO", "USR1", "USR2", "THR", "LIBRT"}

// String returns "SIGINT" and so on.
func (s Signal) String() string {
	if s > 0 && int(s) < len(signames) {
		return "SIG" + signames[s]
	}
	if s < 0 {
		return "SIG-" + (-s).String()
	}
	digits := ""
	for n := s; n > 0; n /= 10 {
		digits = string(rune('0'+n%10)) + digits
	}
	return "SIG" + digits
}

// Sigset is sigset_t: bit n-1 of the 128 stands for signal n (sys/_sigset.h).
type Sigset [4]uint32

// Has says whether s is in the set.
func (m *Sigset) Has(s Signal) bool { return m[(s-1)>>5]&(1<<(uint(s-1)&31)) != 0 }

// Add puts s into the set.
func (m *Sigset) Add(s Signal) { m[(s-1)>>5] |= 1 << (uint(s-1) & 31) }

// Del takes s out of the set.
func (m *Sigset) Del(s Signal) { m[(s-1)>>5] &^= 1 << (uint(s-1) & 31) }

// Signal dispositions (sys/signal.h).
const (
	SIG_DFL = 0
	SIG_IGN = 1
)

// Flags of Sigaction (sys/signal.h).
const (
	SA_ONSTACK   = 0x0001
	SA_RESTART   = 0x0002
	SA_RESETHAND = 0x0004
	SA_NOCLDSTOP = 0x0008
	SA_NODEFER   = 0x0010
	SA_NOCLDWAIT = 0x0020
	SA_SIGINFO   = 0x0040
)

// How sigprocmask changes the mask.
const (
	SIG_BLOCK   = 1
	SIG_UNBLOCK = 2
	SIG_SETMASK = 3
)

// Sigaction is struct sigaction (32 bytes).
type Sigaction struct {
	Handler uint64
	Flags   int32
	Mask    Sigset
	_       int32
}

// Flags of StackT (sys/signal.h).
const (
	SS_ONSTACK  = 1
	SS_DISABLE  = 4
	MINSIGSTKSZ = 2048
)

// StackT is stack_t (24 bytes).
type StackT struct {
	SP    uint64
	Size  uint64
	Flags int32
	_     int32
}

// Siginfo is siginfo_t (80 bytes, sys/signal.h).
type Siginfo struct {
	Signo, Errno, Code, Pid int32
	UID                     uint32
	Status                  int32
	Addr                    uint64
	Value                   uint64
	// Reason holds trapno; timerid and overrun; mqd; or band, by kind.
	Reason [40]byte
}

// Values of Siginfo.Code that say who sent it.
const (
	SI_NOINFO  = 0
	SI_USER    = 0x10001
	SI_QUEUE   = 0x10002
	SI_TIMER   = 0x10003
	SI_ASYNCIO = 0x10004
	SI_MESGQ   = 0x10005
	SI_KERNEL  = 0x10006
	SI_LWP     = 0x10007
)

// Values of Siginfo.Code for faults, where they differ from Linux's.
const (
	FPE_INTOVF  = 1
	FPE_INTDIV  = 2
	ILL_PRVOPC  = 5
	BUS_ADRALN  = 1
	BUS_ADRERR  = 2
	BUS_OBJERR  = 3
	SEGV_MAPERR = 1
	SEGV_ACCERR = 2
	TRAP_BRKPT  = 1
	TRAP_TRACE  = 2
)

// Trap numbers (x86/include/trap.h).
const (
	T_PRIVINFLT = 1
	T_BPTFLT    = 3
	T_ARITHTRAP = 6
	T_PROTFLT   = 9
	T_TRCTRAP   = 10
	T_PAGEFLT   = 12
	T_ALIGNFLT  = 14
	T_DIVIDE    = 18
	T_XMMFLT    = 29
)

// Mcontext is mcontext_t (800 bytes, x86/include/ucontext.h).
type Mcontext struct {
	Onstack                    uint64
	RDI, RSI, RDX, RCX, R8, R9 uint64
	RAX, RBX, RBP, R10, R11    uint64
	R12, R13, R14, R15         uint64
	Trapno                     uint32
	FS, GS                     uint16
	Addr                       uint64
	Flags                      uint32
	ES, DS                     uint16
	Err, RIP, CS, RFLAGS       uint64
	RSP, SS                    uint64
	Len                        int64
	Fpformat, Ownedfp          int64
	Fpstate                    [512]byte
	FSBase, GSBase             uint64
	Xfpustate, XfpustateLen    uint64
	Spare                      [4]int64
}

// Values in Mcontext.
const (
	MC_HASSEGS      = 0x1
	MC_HASBASES     = 0x2
	MC_HASFPXSTATE  = 0x4
	MC_FLAG_MASK    = 0xf
	MC_FPFMT_NODEV  = 0x10000
	MC_FPFMT_XMM    = 0x10002
	MC_FPOWNED_NONE = 0x20000
	MC_FPOWNED_FPU  = 0x20001
	MC_FPOWNED_PCB  = 0x20002
)

// Ucontext is ucontext_t (880 bytes).
type Ucontext struct {
	Sigmask  Sigset
	Mcontext Mcontext
	Link     uint64
	Stack    StackT
	Flags    int32
	Spare    [4]int32
	_        [12]byte
}

// Sigframe is what the kernel puts on the stack for a handler (amd64/include/sigframe.h).
type Sigframe struct {
	Handler uint64
	_       uint64
	UC      Ucontext
	Info    Siginfo
}

// String lists the signals of the set as truss does.
func (m Sigset) String() string {
	out := ""
	for s := Signal(1); s <= SIGMAX; s++ {
		if m.Has(s) {
			if out != "" {
				out += "|"
			}
			out += s.String()
		}
	}
	return out
}

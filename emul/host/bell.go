package host

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// ringSignal interrupts Wait. Nothing else sends it to the supervisor.
const ringSignal = unix.SIGIO

const saRestart = 0x10000000

// kernelAct is Linux's struct sigaction.
type kernelAct struct {
	handler, flags, restorer, mask uint64
}

// Bell lets other goroutines interrupt the tracer thread in Wait.
type Bell struct{ pid, tid int }

// NewBell must be called on the tracer thread. Go's handler for the signal
// stays, but no longer restarts what it interrupts. SIGCHLD, which every stop
// of a guest would otherwise send us, is left to its default: nothing.
func NewBell() *Bell {
	var act kernelAct
	sigaction(ringSignal, nil, &act)
	act.flags &^= saRestart
	sigaction(ringSignal, &act, nil)
	sigaction(unix.SIGCHLD, &kernelAct{}, nil)
	set := uint64(1) << (ringSignal - 1)
	unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, 1 /* SIG_UNBLOCK */, uintptr(unsafe.Pointer(&set)), 0, 8, 0, 0)
	return &Bell{unix.Getpid(), unix.Gettid()}
}

// Ring interrupts Wait if the tracer thread is in it just now. It may be on
// its way there: who needs to be heard rings again until it was.
func (b *Bell) Ring() { unix.Tgkill(b.pid, b.tid, ringSignal) }

func sigaction(sig unix.Signal, act, old *kernelAct) {
	unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(act)), uintptr(unsafe.Pointer(old)), 8, 0, 0)
}

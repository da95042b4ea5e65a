package host

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ringSignal interrupts Wait: the kernel's interval timer sends it, and Ring.
const ringSignal = unix.SIGALRM

// ringEvery is how long to wait before ringing again: the signal may come
// just before the system call begins that it is to interrupt.
const ringEvery = 200 * time.Microsecond

const saRestart = 0x10000000

// kernelAct is Linux's struct sigaction.
type kernelAct struct {
	handler, flags, restorer, mask uint64
}

// Bell interrupts the tracer thread in Wait.
type Bell struct{ pid, tid int }

// NewBell must be called on the tracer thread, which must be the process's first:
// that is where Linux delivers the timer's signal. Go's handler for the signal
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

// RingIn interrupts Wait when d has passed, and from then on again and again
// until it is told another time or to be silent.
func (b *Bell) RingIn(d time.Duration) {
	b.timer(max(d, 0)+time.Microsecond, ringEvery) // a timeval has no less, and 0 means never
}

// Silence stops the ringing.
func (b *Bell) Silence() { b.timer(0, 0) }

func (b *Bell) timer(first, every time.Duration) {
	it := unix.Itimerval{
		Value:    unix.NsecToTimeval(int64(first)),
		Interval: unix.NsecToTimeval(int64(every)),
	}
	unix.Setitimer(unix.ITIMER_REAL, it)
}

// Ring interrupts Wait until done is closed. Any thread may call it but the
// tracer's.
func (b *Bell) Ring(done <-chan struct{}) {
	for {
		unix.Tgkill(b.pid, b.tid, ringSignal)
		select {
		case <-done:
			return
		case <-time.After(ringEvery):
		}
	}
}

func sigaction(sig unix.Signal, act, old *kernelAct) {
	unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(act)), uintptr(unsafe.Pointer(old)), 8, 0, 0)
}

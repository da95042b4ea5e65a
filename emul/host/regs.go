package host

import "golang.org/x/sys/unix"

// Regs are the general registers of an amd64 thread.
type Regs unix.PtraceRegs

const carry = 1

// SetResult makes a BSD system call succeed with v: carry clear.
func (r *Regs) SetResult(v uint64) {
	r.Rax = v
	r.Eflags &^= carry
	r.clobber()
}

// SetErrno makes a BSD system call fail with e: carry set, RAX positive.
func (r *Regs) SetErrno(e uint8) {
	r.Rax = uint64(e)
	r.Eflags |= carry
	r.clobber()
}

// clobber leaves the registers that a syscall instruction and FreeBSD's return
// path (amd64/exception.S, fast_syscall) change as they would be.
func (r *Regs) clobber() {
	r.Rcx, r.R11 = r.Rip, r.Eflags
	r.R8, r.R9, r.R10 = 0, 0, 0
}

// Rewind makes the guest execute its system call nr again.
func (r *Regs) Rewind(nr uint64) {
	r.Rip -= 2
	r.Rax = nr
}

// TailState says how far an interrupted tail call had come.
type TailState uint8

const (
	TailNone        TailState = iota // RIP is not in the tail sequence
	TailNotStarted                   // the host call was not made yet
	TailInterrupted                  // a signal ended it, to be restarted or EINTR
	TailDone                         // it is done; Settle has completed the sequence
)

// Kernel-internal codes that a tracer sees in RAX when a signal ends a call.
const (
	errRestartSys          = -512
	errRestartNoIntr       = -513
	errRestartNoHand       = -514
	errRestartBlock        = -516
	eintr                  = -4
	eagain                 = -11
	noSyscall              = ^uint64(0)
	firstErrno       int64 = -4095
)

// RestartKind classifies RAX of an interrupted host call.
type RestartKind uint8

const (
	NoRestart      RestartKind = iota // not a restart code: a result
	RestartIfAsked                    // restart if SA_RESTART is set
	RestartAlways                     // restart whatever the handler's flags
	RestartNever                      // EINTR when a handler runs
)

// Restart classifies the RAX of a call that a signal stop follows.
func Restart(rax uint64) RestartKind {
	switch int64(rax) {
	case errRestartSys:
		return RestartIfAsked
	case errRestartNoIntr:
		return RestartAlways
	case errRestartNoHand, errRestartBlock:
		return RestartNever
	case eintr:
		return RestartIfAsked
	}
	return NoRestart
}

// Dispatched tells, at a SIGSYS, the one that Syscall User Dispatch raises for
// a system call from one that somebody sent: only the former finds a thread
// that is in a system call and yet outside the code whose calls are Linux's.
// (The si_code says the same, at the price of another ptrace call.)
func (r *Regs) Dispatched() bool {
	return r.Orig_rax != noSyscall && (r.Rip < enginePage || r.Rip > thunkEnd)
}

// EINTR says that RAX holds plain -EINTR, which Linux does not restart by itself.
func (r *Regs) EINTR() bool { return int64(r.Rax) == eintr }

// PeekTail is Tail without changing r.
func (r *Regs) PeekTail() (TailState, RestartKind) {
	c := *r
	return c.Tail(func(int) byte { return 0 })
}

// Tail looks whether r is in the tail sequence. In state TailDone, r has been
// changed to the guest's registers after the call; errnos is the table in the
// image. In TailNotStarted and TailInterrupted r is left alone.
func (r *Regs) Tail(errnos func(linux int) byte) (TailState, RestartKind) {
	var off int64
	v := -1
	for i := range tails {
		if o := int64(r.Rip - tails[i].entry); r.Rip >= tails[i].entry && o < int64(len(tails[i].code)) {
			v, off = i, o
		}
	}
	if v < 0 {
		return TailNone, NoRestart
	}
	if off < tailAfter {
		return TailNotStarted, NoRestart
	}
	if off == tailAfter && r.Orig_rax != noSyscall {
		if k := Restart(r.Rax); k != NoRestart {
			return TailInterrupted, k
		}
	}
	if off -= tails[v].shift; off < tailAfter || off == tailAfter && tails[v].shift > 0 {
		// Inside what only tailZero has: the result is 0 or an error.
		if int64(r.Rax) == eagain || int64(r.Rax) > 0 {
			r.Rax = 0
		}
	}
	switch {
	case off >= tailRCX:
		r.Rip = r.Rcx
	case tails[v].r8:
		r.Rip = r.R8
	default:
		r.Rip = r.R9
	}
	switch {
	case off >= tailConv:
		r.SetErrno(uint8(r.Rax))
	case off >= tailNeg:
		r.SetErrno(errnos(int(r.Rax & 0xfff)))
	case int64(r.Rax) < 0 && int64(r.Rax) >= firstErrno:
		r.SetErrno(errnos(int(-int64(r.Rax))))
	default:
		r.SetResult(r.Rax)
	}
	r.Orig_rax = noSyscall
	return TailDone, NoRestart
}

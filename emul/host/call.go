package host

import "github.com/lsf-linux/lsf/emul/guest"

// A host call runs on registers of its own: the guest's are kept by the caller
// and written back when the answer is known.

// SetCall writes registers that make one host call and stop after it. base
// gives the registers that calls keep (stack pointer, segment bases).
func (t *Tracee) SetCall(base *Regs, nr uint64, a *[6]uint64) error {
	r := *base
	r.setArgs(nr, a)
	r.Rip = callEntry
	return t.SetRegs(&r)
}

// TailKind is a variant of the tail call.
type TailKind uint8

const (
	TailPlain   TailKind = iota // up to five arguments, the result is the guest's
	TailNoFifth                 // six arguments, of which the fifth is not used
	TailZero                    // up to five; success and EAGAIN answer 0
)

// SetTail writes registers that make one host call and go on in the guest.
func (t *Tracee) SetTail(kind TailKind, base *Regs, nr uint64, a *[6]uint64) error {
	r := *base
	r.Rax, r.Orig_rax = nr, noSyscall
	// Arguments that the call does not have keep the guest's values.
	r.Rdi, r.Rsi, r.R10, r.R8 = a[0], a[1], a[3], a[4]
	r.Rdx = a[2]
	r.R9 = base.Rip
	if kind == TailNoFifth {
		r.R8, r.R9 = base.Rip, a[5]
	}
	r.Rip = tails[kind].entry
	return t.SetRegs(&r)
}

// SetAfterTail gives a thread that is in a host call, which has succeeded,
// registers with which it goes on in the guest as after a tail call.
func (t *Tracee) SetAfterTail(kind TailKind, base *Regs) error {
	r := *base
	r.Orig_rax, r.R9, r.Rip = noSyscall, base.Rip, tails[kind].entry+tailAfter
	return t.SetRegs(&r)
}

// SetBatch writes registers that make the n host calls in the table at addr.
func (t *Tracee) SetBatch(base *Regs, addr guest.Addr, n int) error {
	r := *base
	r.Rax, r.Orig_rax = 0, noSyscall
	r.R12, r.R13 = uint64(addr), uint64(n)
	r.Rip = batchEntry
	return t.SetRegs(&r)
}

func (r *Regs) setArgs(nr uint64, a *[6]uint64) {
	r.Rax, r.Orig_rax = nr, noSyscall
	r.Rdi, r.Rsi, r.Rdx, r.R10, r.R8, r.R9 = a[0], a[1], a[2], a[3], a[4], a[5]
}

// CallState says where a thread is that was started by SetCall or SetBatch.
type CallState uint8

const (
	CallElsewhere   CallState = iota // not in the engine page
	CallNotStarted                   // the call was not made yet
	CallInterrupted                  // RAX holds a restart code
	CallReturned                     // RAX holds the result, the stop is yet to come
	CallDone                         // RAX holds the result, this is the stop
)

// Call tells where r is in a host call.
func (r *Regs) Call() CallState {
	switch r.Rip {
	case callEntry:
		return CallNotStarted
	case callEntry + 2:
		if r.Orig_rax != noSyscall && Restart(r.Rax) != NoRestart {
			return CallInterrupted
		}
		return CallReturned
	case callDone, batchDone, execDone:
		return CallDone
	}
	return CallElsewhere
}

// Retry makes an interrupted host call start again when the thread goes on,
// also where the kernel by itself would let it fail with EINTR.
func (r *Regs) Retry() {
	r.Rax = r.Orig_rax
	r.Orig_rax = noSyscall
	r.Rip -= 2
}

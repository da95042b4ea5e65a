package host

import (
	"bytes"
	"encoding/binary"

	"github.com/lsf-linux/lsf/emul/guest"
)

// A Routine is code of the personality that serves a guest call in the guest's
// own thread, with Linux calls of its own: for what must change guest memory
// atomically and sleep. It is entered from the supervisor or, without any stop,
// from patched call sites.
//
// The code is position-independent. It begins with the only piece that sleeps,
// whose system call is the first in it. Marks divide the rest:
//
//	1  entry for the supervisor: RAX and R8 as SetRoutine is told, R9 where to
//	   return, all other registers the guest's
//	2  entry for call sites: R9 where to return (behind the guest's syscall)
//	3  the frame is complete: R15 points to it. It holds, a word each, RDI, RSI,
//	   RDX, R10, R8, the return address, RBX, RBP, R12 to R15, a word that keeps
//	   the thread from sleeping if it is not 0 (at first, the upper half of RAX),
//	   and RAX, whose lower half is -1 from a call site
//	4  RSP points to the frame, RAX is the result: 0 or an errno of the guest
//	5  the call is left to the supervisor; RSP points to the frame. Nothing has
//	   been done. If the thread is kept from sleeping, it gives a result instead
//	   that has the call start again, for Interrupt has changed where it returns.
//	6  the end
//
// The parts from 4 and from 5 end in a jump of two bytes behind the
// instruction that takes the frame off the stack.
type Routine struct {
	// Nr is the guest's number of the call.
	Nr   int
	code []byte
	mark [7]int // offsets; mark[0] is that of the sleeping system call
	lea  int    // offset behind which the prologue has moved RSP
	size uint64 // what the frame takes on the stack
}

const (
	frameReturn = 5 * 8
	frameIntr   = 12 * 8
	frameRAX    = 13 * 8
	frameSize   = 14 * 8
)

// NewRoutine makes a Routine of code that may go on behind its end.
func NewRoutine(nr int, code []byte) *Routine {
	ro := &Routine{Nr: nr}
	for n := 1; n < len(ro.mark); n++ {
		// nop dword [rax+rax+imm32]
		at := bytes.Index(code, []byte{0x0f, 0x1f, 0x84, 0x00, byte(n), 'L', 'S', 'F'})
		if at < ro.mark[n-1] {
			panic("host: a routine's marks are not in order")
		}
		ro.mark[n] = at
	}
	ro.code = bytes.Clone(code[:ro.mark[6]])
	ro.mark[0] = bytes.Index(ro.code, []byte{0x0f, 0x05})
	lea := []byte{0x48, 0x8d, 0xa4, 0x24} // lea rsp, [rsp-size]
	ro.lea = ro.mark[2] + bytes.Index(ro.code[ro.mark[2]:], lea)
	ro.size = uint64(-int32(binary.LittleEndian.Uint32(ro.code[ro.lea+len(lea):])))
	if ro.mark[0] > ro.mark[1] || ro.lea > ro.mark[3] || len(ro.code) > thunkBase-routineBase {
		panic("host: not a routine")
	}
	return ro
}

// RoutineState says where a thread is in the routine.
type RoutineState uint8

const (
	RoutineNone       RoutineState = iota // elsewhere
	RoutineNotStarted                     // nothing has been done yet
	RoutineRunning                        // between two steps
	RoutineSleeping                       // before or in its sleep, which a signal has ended
	RoutineDone                           // the result is in RAX
)

// Locate tells where r is in the routine, which may be nil. g are the guest's
// registers, behind its syscall instruction and with the call's number in RAX,
// of a thread that came from a call site; nil if the supervisor sent it.
func (ro *Routine) Locate(r *Regs, mem guest.Memory) (st RoutineState, site *Regs) {
	if ro == nil || r.Rip < routineBase || r.Rip >= routineBase+uint64(len(ro.code)) {
		return RoutineNone, nil
	}
	var g Regs
	off := int(r.Rip - routineBase)
	g = *r
	g.Rax, g.Orig_rax = uint64(ro.Nr), uint64(ro.Nr)
	frame := r.R15
	switch {
	case off < ro.mark[1]:
		st = RoutineSleeping
		if off > ro.mark[0]+2 || off == ro.mark[0]+2 && (r.Orig_rax == noSyscall || Restart(r.Rax) == NoRestart) {
			st = RoutineRunning
		}
	case off < ro.mark[3]:
		if off < ro.mark[2] || off >= ro.lea && int32(r.Rax) != -1 {
			return RoutineNotStarted, nil
		}
		if off > ro.lea {
			g.Rsp += ro.size
		}
		g.Rip = r.R9
		return RoutineNotStarted, &g
	case off < ro.mark[4]:
		st = RoutineRunning
	default:
		st, frame = RoutineDone, r.Rsp
		if off >= ro.mark[5] {
			st = RoutineNotStarted
		}
		if off == ro.mark[5]-2 || off == ro.mark[6]-2 {
			frame -= ro.size
		}
	}
	var b [frameSize]byte
	if mem.ReadMem(guest.Addr(frame), b[:]) != nil || int32(binary.LittleEndian.Uint32(b[frameRAX:])) != -1 {
		return st, nil
	}
	for i, at := range []*uint64{&g.Rdi, &g.Rsi, &g.Rdx, &g.R10, &g.R8, &g.Rip, &g.Rbx, &g.Rbp, &g.R12, &g.R13, &g.R14, &g.R15} {
		*at = binary.LittleEndian.Uint64(b[8*i:])
	}
	g.Rsp = frame + ro.size
	return st, &g
}

// Interrupt makes a thread that is sleeping or running in the routine go on
// without sleep, as if interrupted, and stop at the end as after a host call.
// It changes r accordingly, which the caller writes back.
func (ro *Routine) Interrupt(r *Regs, st RoutineState, mem guest.Memory) error {
	var w [8]byte
	binary.LittleEndian.PutUint64(w[:], callEntry+2)
	if err := mem.WriteMem(guest.Addr(r.R15+frameReturn), w[:]); err != nil {
		return err
	}
	binary.LittleEndian.PutUint64(w[:], 1)
	if err := mem.WriteMem(guest.Addr(r.R15+frameIntr), w[:]); err != nil {
		return err
	}
	if st == RoutineSleeping {
		code := int64(eintr)
		r.Rip, r.Rax = routineBase+uint64(ro.mark[0])+2, uint64(code)
	}
	r.Orig_rax = noSyscall
	return nil
}

// SetRoutine writes registers that enter the routine for the guest's call at
// base, with rax and r8. With stop, a stop follows, as after a host call; else
// the thread goes on in the guest.
func (t *Tracee) SetRoutine(ro *Routine, base *Regs, rax, r8 uint64, stop bool) error {
	r := *base
	r.Rax, r.R8, r.R9, r.Orig_rax = rax, r8, base.Rip, noSyscall
	if stop {
		r.R9 = callEntry + 2
	}
	r.Rip = routineBase + uint64(ro.mark[1])
	return t.SetRegs(&r)
}

package host

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/guest"
)

// A local routine makes a call that needs more than another number: it
// converts arguments or results itself. It is the personality's code, written
// in assembly and copied into the engine page; a patched call site jumps to it
// with the guest's number in RAX and the address behind the guest's syscall
// instruction in RCX. What it cannot serve it leaves to the supervisor: with
// all registers as they were, it jumps to the guest's own syscall.
//
// Marks in the code, no-ops, say what a stop in it means:
//
//	entry   where the thunk jumps to
//	framed  from here on, the guest's registers are in the frame, not before
//	result  from here on, the frame has the result: what Linux answered, or
//	        would have. A routine without this mark can be begun again at any time.
//	again   from here on, the call is left to the supervisor after all
//	sleep   where a routine that sleeps, not to be restarted for a handler,
//	        is begun again if nothing has come of its sleep
//	taken   from here on, what Linux has answered lies in the thread's data:
//	        the supervisor must look there before it makes the call itself
//
// Not every routine makes a call of Linux's.
//
// The frame lies at the end of the thread's scratch memory. The routine finds
// it by the GS base, which FreeBSD programs do not use; LSF lets it point to
// the slot. If a guest does use it, the routine leaves all calls to the supervisor.

// FrameSize is what local routines need of a slot, at its end (bytes).
const FrameSize = 768

const (
	// FrameOffset is where the frame lies in a slot.
	FrameOffset = SlotSize - FrameSize
	// ThreadData is where, behind the frame, there are bytes for what the
	// personality's local routines must know of the thread. A thread finds
	// there what the last one with its slot has left; they are zero in a
	// new image.
	ThreadData     = FrameOffset + int(unsafe.Sizeof(frame{}))
	ThreadDataSize = FrameSize - int(unsafe.Sizeof(frame{}))
	// TakenData is where, in a slot, a routine with the mark "taken" says how
	// much it has taken (32 bits): the first word of ThreadData.
	TakenData = ThreadData
)

// frame are the guest's registers while a local routine runs.
type frame struct {
	rdi, rsi, rdx, r10, r8, r9, ret, nr, result uint64
}

// HasGSBase says whether programs may read the GS base (Linux 5.9), without
// which there are no local routines.
func HasGSBase() bool {
	const atHwcap2, fsgsbase = 26, 1 << 1
	auxv, _ := unix.Auxv()
	for _, a := range auxv {
		if a[0] == atHwcap2 {
			return a[1]&fsgsbase != 0
		}
	}
	return false
}

// Local is a local routine.
type Local struct {
	code                                  []byte
	entry, framed, syscall, result, again uint64 // offsets; the last two are 0 if there is none
	sleep, taken                          uint64 // the same
}

// The marks: 0f 1f 40 and one of these.
const (
	markEntry = 0x4b + iota
	markFramed
	markResult
	markAgain
	markSleep
	markTaken
)

var (
	mark       = []byte{0x0f, 0x1f, 0x40}
	markEnd    = []byte("\xccLSF\xccEND")
	insSyscall = []byte{0x0f, 0x05}
)

// maxLocal is more than the largest routine has, in bytes.
const maxLocal = 2048

// LocalAt reads the routine at an address of our own memory.
func LocalAt(at uintptr) Local {
	code := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(nil), at)), maxLocal)
	n := bytes.Index(code, markEnd)
	if n < 0 {
		panic("host: local routine without end")
	}
	return newLocal(code[:n])
}

func newLocal(code []byte) Local {
	l := Local{code: code}
	var at [6]uint64
	for i := 0; i < len(code); i++ {
		n := bytes.IndexByte(code[i:], mark[0])
		if n < 0 {
			break
		}
		i += n
		switch here := code[i:]; {
		case bytes.HasPrefix(here, insSyscall):
			// The one that counts is the first, but before a sleep only time is asked for.
			if l.syscall == 0 || at[markSleep-markEntry] != 0 && at[markTaken-markEntry] == 0 {
				l.syscall = uint64(i)
			}
		case bytes.HasPrefix(here, mark) && len(here) > len(mark) && here[3] >= markEntry && here[3] <= markTaken:
			p := &at[here[3]-markEntry]
			if *p != 0 {
				panic(fmt.Sprintf("host: local routine with two marks %#x", here[3]))
			}
			*p = uint64(i)
		}
	}
	l.entry, l.framed, l.result, l.again, l.sleep, l.taken = at[0], at[1], at[2], at[3], at[4], at[5]
	if l.entry == 0 || l.framed == 0 {
		panic("host: local routine without a mark")
	}
	if l.syscall == 0 {
		l.syscall = max(l.result, 1) - 1 // until then nothing is done
	}
	return l
}

const (
	// routineEntry is where thunks enter Routine, in the way they enter a local routine.
	routineEntry     = enginePage + 0x1f0
	routineEntrySize = 8
	// localBase is where the local routines lie in the engine page, one behind the other.
	localBase = enginePage + 0x200
)

// placed is a local routine in the image.
type placed struct {
	Local
	at uint64
}

// routines lays the routines out.
func (f *FastCalls) routines() []placed {
	if f.placed != nil {
		return f.placed
	}
	at := uint64(localBase)
	for _, l := range f.Locals {
		f.placed = append(f.placed, placed{l, at})
		at += uint64(len(l.code)+15) &^ 15
	}
	if at > routineBase {
		panic("host: no room for local routines")
	}
	return f.placed
}

// locate finds the local routine that r is in.
func (f *FastCalls) locate(r *Regs) (p *placed, off uint64) {
	if r.Rip < localBase || r.Rip >= routineBase {
		return nil, 0
	}
	for i := range f.routines() {
		p := &f.placed[i]
		if off := r.Rip - p.at; r.Rip >= p.at && off < uint64(len(p.code)) {
			return p, off
		}
	}
	return nil, 0
}

// settle is Thunks.Locate for local routines.
func (p *placed) settle(r *Regs, off uint64, errnos func(linux int) byte, slot Slot, mem guest.Memory) (TailState, RestartKind, uint64) {
	var fr frame
	if off < p.framed {
		fr = frame{rdi: r.Rdi, rsi: r.Rsi, rdx: r.Rdx, r10: r.R10, r8: r.R8, r9: r.R9, ret: r.Rcx, nr: r.Rax}
	} else {
		b := unsafe.Slice((*byte)(unsafe.Pointer(&fr)), unsafe.Sizeof(fr))
		if mem.ReadMem(slot.Addr()+FrameOffset, b) != nil {
			return TailNone, NoRestart, 0 // it is being killed
		}
	}
	raw, interrupted := r.Rax, off == p.syscall+2 && r.Orig_rax != noSyscall && Restart(r.Rax) != NoRestart
	if off >= p.result {
		raw = fr.result
	}
	r.Rdi, r.Rsi, r.Rdx, r.R10, r.R8, r.R9 = fr.rdi, fr.rsi, fr.rdx, fr.r10, fr.r8, fr.r9
	r.Rip, r.Rcx = fr.ret, fr.ret
	if p.taken > 0 && off > p.syscall && off < p.taken && !interrupted && int64(raw) > 0 {
		// It would have been stored in the next moment.
		var n [4]byte
		binary.LittleEndian.PutUint32(n[:], uint32(raw))
		if mem.WriteMem(slot.Addr()+guest.Addr(TakenData), n[:]) != nil {
			return TailNone, NoRestart, 0
		}
	}
	switch {
	case p.taken > 0 && interrupted:
		return TailInterrupted, RestartNever, fr.nr
	case p.taken > 0 && off < p.result:
		r.Rax = fr.nr
		return TailNotStarted, NoRestart, fr.nr
	case p.result == 0 || off <= p.syscall || p.again > 0 && off >= p.again:
		r.Rax = fr.nr
		return TailNotStarted, NoRestart, fr.nr
	case p.again > 0 && off < p.result && !interrupted && int64(raw) < 0 && int64(raw) >= firstErrno:
		r.Rax = fr.nr // on its way to the supervisor; nothing is done
		return TailNotStarted, NoRestart, fr.nr
	case interrupted:
		return TailInterrupted, Restart(raw), fr.nr
	case int64(raw) < 0 && int64(raw) >= firstErrno:
		r.SetErrno(errnos(int(-int64(raw))))
	default:
		r.SetResult(raw)
	}
	r.Orig_rax = noSyscall
	return TailDone, NoRestart, 0
}

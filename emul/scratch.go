package emul

import (
	"unsafe"

	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
)

// ScratchSize is how much memory a system call may take with Alloc and
// AllocBytes, in bytes. It is the task's own, never seen by the guest, and
// given back when the system call ends.
const ScratchSize = host.FrameOffset

// ThreadData is where the personality may keep host.ThreadDataSize bytes about
// the task, for its local routines. What a fork copies is the parent's; in a new
// thread they hold anything.
func (t *Task) ThreadData() guest.Addr { return t.slot.Addr() + guest.Addr(host.ThreadData) }

// AllocBytes takes n bytes of scratch memory in the guest's address space,
// aligned to 16. It reports false when the system call has used up ScratchSize:
// the handler must then work in pieces or fail.
func (t *Task) AllocBytes(n int) (guest.Addr, bool) {
	n = (n + 15) &^ 15
	if n < 0 || t.scratchUsed+n > ScratchSize {
		return 0, false
	}
	a := t.slot.Addr() + guest.Addr(t.scratchUsed)
	t.scratchUsed += n
	return a, true
}

// Mark says how much scratch memory is taken, for Release.
func (t *Task) Mark() int { return t.scratchUsed }

// Release gives back what was taken since Mark, before the system call ends.
func (t *Task) Release(mark int) { t.scratchUsed = mark }

// Alloc takes scratch memory for one T. It is for small structures: a handler
// that may exceed ScratchSize uses AllocBytes and checks. Memory is not zeroed.
func Alloc[T any](t *Task) guest.Ptr[T] {
	var v T
	a, ok := t.AllocBytes(int(unsafe.Sizeof(v)))
	if !ok {
		panic("emul: scratch exhausted by fixed-size structures")
	}
	return guest.Ptr[T](a)
}

// AllocStore takes scratch memory for v and writes it there.
func AllocStore[T any](t *Task, v T) (guest.Ptr[T], error) {
	p := Alloc[T](t)
	return p, p.Store(t, v)
}

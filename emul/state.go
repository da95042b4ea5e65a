package emul

import (
	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
)

// KeepFD says that the personality keeps something about descriptor fd of t's
// process: from now on no patched call site does anything to it that the
// personality would have to know. That stays so when the descriptor is
// closed, in forked children and over exec.
func (t *Task) KeepFD(fd int) {
	if fd < 0 || fd >= host.KeptMax {
		return // always kept
	}
	p := t.Proc
	if p.kept == nil {
		p.kept = make([]byte, host.KeptMax/8)
	}
	if bit := byte(1) << (fd % 8); p.kept[fd/8]&bit == 0 {
		p.kept[fd/8] |= bit
		t.WriteMem(host.StateKept+guest.Addr(fd/8), p.kept[fd/8:][:1])
	}
}

// Guard says of t's process that patched call sites must leave calls that
// name files or depend on IDs to the personality: from now on until exec.
func (t *Task) Guard() {
	t.Proc.guarded = true
	t.WriteMem(host.StateGuard, []byte{1, 0, 0, 0})
}

// KeepMappings says of t's process that patched call sites must leave what may
// replace or remove a mapping to the personality: from now on until exec.
func (t *Task) KeepMappings() {
	t.Proc.Space.shares = true
	t.WriteMem(host.StateShared, []byte{1, 0, 0, 0})
}

// KeepTimeouts says of t's process that patched call sites must leave sleeps
// with a timeout to the personality: from now on until exec.
func (t *Task) KeepTimeouts() {
	t.WriteMem(host.StateTimeouts, []byte{1, 0, 0, 0})
}

// Taint says of t's process that its IDs have changed: patched call sites leave
// the question to the personality, from now on until exec.
func (t *Task) Taint() {
	t.WriteMem(host.StateTainted, []byte{1, 0, 0, 0})
}

// Awake says whether some thread of t's process is not to sleep in its next call
// that may: then all calls of the routine come to the personality.
func (t *Task) Awake(any bool) {
	b := []byte{0, 0, 0, 0}
	if any {
		b[0] = 1
	}
	t.WriteMem(host.StateAwake, b)
}

// Begin gives t the registers that a new image starts with.
func (t *Task) Begin(r host.Regs) {
	t.Regs = r
	t.SetGSBase(r.Gs_base)
	t.Proc.guarded = false
	if t.Proc.kept != nil {
		t.WriteMem(host.StateKept, t.Proc.kept)
	}
}

// GSBase is the GS base as the guest sees it. As long as that is 0, it is in truth
// what local routines find the thread's scratch memory by.
func (t *Task) GSBase() uint64 {
	if host.Scratch(t.Regs.Gs_base) {
		return 0
	}
	return t.Regs.Gs_base
}

// SetGSBase sets it.
func (t *Task) SetGSBase(v uint64) {
	if v == 0 || host.Scratch(v) {
		v = uint64(t.slot.Addr())
	}
	t.Regs.Gs_base = v
}

package freebsd

import (
	"unsafe"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
)

// altStack is a thread's alternate signal stack. It is kept in the guest, at
// emul.Task.ThreadData, where a local routine (localSigaltstack) can set it.
type altStack struct {
	sp, size uint64
	on       uint64 // 0: there is none, whatever the others say
}

// Where its parts are in a slot.
const (
	altAt   = int(unsafe.Offsetof(threadData{}.alt))
	altSP   = host.ThreadData + altAt + int(unsafe.Offsetof(altStack{}.sp))
	altSize = host.ThreadData + altAt + int(unsafe.Offsetof(altStack{}.size))
	altOn   = host.ThreadData + altAt + int(unsafe.Offsetof(altStack{}.on))
)

// altStack is the thread's alternate stack. A thread that cannot be read any
// more has none.
func (th *thread) altStack() abi.StackT {
	a, err := th.altData().Load(th)
	if err != nil || a.on == 0 {
		return abi.StackT{Flags: abi.SS_DISABLE}
	}
	return abi.StackT{SP: a.sp, Size: a.size}
}

// setAltStack changes it, by way of m, a stopped thread with the same memory.
func (th *thread) setAltStack(m guest.Memory, s abi.StackT) {
	var a altStack
	if s.Flags&abi.SS_DISABLE == 0 {
		a = altStack{s.SP, s.Size, 1}
	}
	th.altData().Store(m, a)
}

func (th *thread) altData() guest.Ptr[altStack] {
	return guest.Ptr[altStack](th.ThreadData() + guest.Addr(altAt))
}

// onStack is sigonstack() of kern_sig.c.
func onStack(a *abi.StackT, sp uint64) bool {
	return a.Flags&abi.SS_DISABLE == 0 && sp-a.SP < a.Size
}

// sigaltstack(2): kern_sig.c, kern_sigaltstack.
func sigaltstack(t *emul.Task, ss, old guest.Ptr[abi.StackT]) emul.Action {
	th := threadOf(t)
	cur := th.altStack()
	on := onStack(&cur, t.Regs.Rsp)
	if on {
		cur.Flags = abi.SS_ONSTACK
	}
	if ss != 0 {
		n, err := ss.Load(t)
		switch {
		case err != nil:
			return emul.Fail(err)
		case on:
			return emul.Fail(abi.EPERM)
		case n.Flags&^abi.SS_DISABLE != 0:
			return emul.Fail(abi.EINVAL)
		case n.Flags&abi.SS_DISABLE == 0 && n.Size < abi.MINSIGSTKSZ:
			return emul.Fail(abi.ENOMEM)
		}
		th.setAltStack(t, n)
	}
	if old != 0 {
		return emul.Fail(old.Store(t, cur))
	}
	return emul.Return(0)
}

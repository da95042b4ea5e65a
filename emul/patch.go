package emul

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
)

// patchAfter is how often calls must have trapped in a page of code before it is
// patched, patchAlone how often in a process with a single thread: there that
// costs less than two stops, else as much as four. What most pages of a
// short-lived program never pay.
const (
	patchAfter = 4
	patchAlone = 2
)

const pageSize = 4096

// hot counts a call of t's in its page of code and says whether that should be patched now.
func (t *Task) hot(page uint64) bool {
	s := t.Proc.Space
	if s.traps == nil {
		s.traps = map[uint64]uint8{}
	}
	n := s.traps[page] + 1
	if n > patchAfter {
		return false // done, or known not to be patchable
	}
	now := n == patchAfter || n >= patchAlone && t.alone()
	if now {
		n = patchAfter
	}
	s.traps[page] = n
	return now
}

// alone says that nobody but t runs the code of its address space.
func (t *Task) alone() bool { return t.Proc.Space.refs == 1 && len(t.Proc.Tasks) == 1 }

// maybePatch replaces the page of the call site that t has stopped at by one
// whose sites jump to thunks, if that helps, then goes on with next: the call
// itself, which must not begin before (a handler counts on its action being
// carried out at once). Where other threads run the same code the new page is
// made beside the old one and moved over it in one step, so that none of them
// sees half of an instruction.
func (l *Loop) maybePatch(t *Task, next func() Action) Action {
	addr := (t.Regs.Rip - 2) &^ (pageSize - 1)
	if !l.unseen() || host.Overlaps(addr, pageSize) || !t.hot(addr) {
		return next()
	}
	hints, needed := t.Proc.Space.thunks.NeedsFar(addr)
	if needed {
		return l.farPage(t, addr, hints, next)
	}
	return l.patch(t, addr, next)
}

// farPage makes the page of long jumps that thunks for the page at addr need,
// near one of the hints, then patches.
func (l *Loop) farPage(t *Task, addr uint64, hints []uint64, next func() Action) Action {
	if len(hints) == 0 {
		return next()
	}
	return Host(unix.SYS_MMAP, hints[0], pageSize, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uint64(0), 0).
		Atomic().Then(func(r Ret) Action {
		switch {
		case r.Err() != nil:
			return next()
		case t.Proc.Space.thunks.AddFar(addr, uint64(r.Val)):
			return l.patch(t, addr, next)
		}
		return Host(unix.SYS_MUNMAP, uint64(r.Val), pageSize).Atomic().Then(func(Ret) Action {
			return l.farPage(t, addr, hints[1:], next)
		})
	})
}

func (l *Loop) patch(t *Task, addr uint64, next func() Action) Action {
	page := make([]byte, pageSize)
	if t.ReadMem(guest.Addr(addr), page) != nil {
		return next()
	}
	patch := t.Proc.Space.thunks.PatchPage(addr, page)
	if patch == nil {
		return next()
	}
	if t.alone() && !t.Proc.Space.shares {
		// The thunks come first: if they cannot be written, the page is not.
		t.trace.Force(append(patch.Thunks, host.Piece{At: addr, Code: patch.Page})...)
		return next()
	}
	if t.trace.Force(patch.Thunks...) != nil {
		return next()
	}
	return l.replacePage(t, addr, patch.Page, next)
}

// madvPopulateWrite fails where a page cannot be written (Linux 5.14; before,
// it always does).
const madvPopulateWrite = 23

// replacePage puts a page of code into the place of another in one step. One
// that the guest may write stays as it is, for what it would get cannot be
// written, and what others write meanwhile would be lost.
func (l *Loop) replacePage(t *Task, addr uint64, page []byte, next func() Action) Action {
	return Batch(
		NewCall(unix.SYS_MADVISE, addr, pageSize, madvPopulateWrite),
		NewCall(unix.SYS_MMAP, 0, pageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uint64(0), 0),
	).ThenAll(func(rets []Ret) Action {
		fresh := uint64(rets[1].Val)
		if rets[1].Err() != nil {
			return next()
		}
		if rets[0].Err() == nil || t.WriteMem(guest.Addr(fresh), page) != nil {
			return Host(unix.SYS_MUNMAP, fresh, pageSize).Atomic().Then(func(Ret) Action { return next() })
		}
		return Batch(
			NewCall(unix.SYS_MPROTECT, fresh, pageSize, unix.PROT_READ|unix.PROT_EXEC),
			NewCall(unix.SYS_MREMAP, fresh, pageSize, pageSize, unix.MREMAP_MAYMOVE|unix.MREMAP_FIXED, addr),
		).ThenAll(func(rets []Ret) Action { return next() })
	})
}

// local sends t to the local routine of its call, if there is one, as the
// thunk of a patched call site would: that saves the second stop. A routine
// that does not serve the call leads back to the same place, and is not tried
// again.
func (l *Loop) local(t *Task) bool {
	if !l.unseen() || t.Proc.guarded {
		return false
	}
	r := &t.Regs
	entry := l.pers.Fast().Entry(r.Rax)
	if entry == 0 || t.Proc.Space.thunks.Patched(r.Rip) {
		return false // what comes from a patched call site has been there
	}
	now := [...]uint64{r.Rip, r.Rsp, r.Rax, r.Rdi, r.Rsi, r.Rdx, r.R10, r.R8, r.R9}
	if t.tried == now {
		t.tried[0] = 0
		return false
	}
	if slices.ContainsFunc(now[:], host.Scratch) {
		return false // nothing of ours is for guests
	}
	t.tried = now
	r.Rcx, r.Rip = r.Rip, entry
	return true
}

package emul

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
)

// patchAfter is how often a call site must have trapped before its page is
// patched: most sites of a short-lived program never do.
const patchAfter = 8

const pageSize = 4096

// hot counts a call at its site and says whether the site's page should be
// patched now.
func (s *Space) hot(site uint64) bool {
	if s.sites == nil {
		s.sites = map[uint64]uint16{}
	}
	n := s.sites[site] + 1
	if n > patchAfter {
		return false // done, or known not to be patchable
	}
	s.sites[site] = n
	return n == patchAfter
}

// maybePatch replaces the page of the call site that t has stopped at by one
// whose sites jump to thunks, if that helps, then goes on with next: the call
// itself, which must not begin before (a handler counts on its action being
// carried out at once). The new
// page is made beside the old one and moved over it in one step, so that no
// other thread sees half of an instruction.
func (l *Loop) maybePatch(t *Task, next func() Action) Action {
	if l.eng.Kind() != host.SUD || l.trace != nil || !t.Proc.Space.hot(t.Regs.Rip) {
		return next()
	}
	addr := (t.Regs.Rip - 2) &^ (pageSize - 1)
	page := make([]byte, pageSize)
	if host.Overlaps(addr, pageSize) || t.ReadMem(guest.Addr(addr), page) != nil {
		return next()
	}
	patch := t.Proc.Space.thunks.PatchPage(addr, page)
	if patch == nil {
		return next()
	}
	for at, code := range patch.Thunk {
		if t.trace.Poke(guest.Addr(at), code) != nil {
			return next()
		}
	}
	return Host(unix.SYS_MMAP, 0, pageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uint64(0), 0).
		Atomic().Then(func(r Ret) Action {
		if r.Err() != nil {
			return next()
		}
		fresh := uint64(r.Val)
		if t.WriteMem(guest.Addr(fresh), patch.Page) != nil {
			return next()
		}
		return Batch(
			NewCall(unix.SYS_MPROTECT, fresh, pageSize, unix.PROT_READ|unix.PROT_EXEC),
			NewCall(unix.SYS_MREMAP, fresh, pageSize, pageSize, unix.MREMAP_MAYMOVE|unix.MREMAP_FIXED, addr),
		).ThenAll(func(rets []Ret) Action { return next() })
	})
}

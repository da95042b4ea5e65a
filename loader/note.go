package loader

import (
	"io"
)

// Notes with the vendor "FreeBSD" (sys/elf_common.h).
const (
	noteABITag     = 1 // desc: the __FreeBSD_version it was built for
	noteFeatureCtl = 4 // desc: NT_FREEBSD_FCTL_* bits
)

// Bits of Image.FeatureFlags (sys/elf_common.h NT_FREEBSD_FCTL_*).
const (
	FctlASLRDisable    = 0x01
	FctlProtMaxDisable = 0x02
	FctlStkGapDisable  = 0x04
	FctlWXNeeded       = 0x08
	FctlLA48           = 0x10
)

// abiNote looks for FreeBSD's ABI note and, if there is one, for its feature
// control note (imgact_elf.c check_note). Notes outside the first page are
// read from r, or skipped when r is nil.
func abiNote(page []byte, h *header, r io.ReaderAt) (osreldate int32, fctl uint32, ok bool) {
	find := func(typ uint32) (uint32, bool) {
		for i := range h.progs {
			if h.progs[i].Type != ptNote {
				continue
			}
			if v, ok := findNote(noteBytes(page, &h.progs[i], r), typ); ok {
				return v, true
			}
		}
		return 0, false
	}
	v, ok := find(noteABITag)
	if !ok {
		return 0, 0, false
	}
	fctl, _ = find(noteFeatureCtl)
	return int32(v), fctl, true
}

// noteBytes returns the contents of a PT_NOTE segment, or nil where FreeBSD
// ignores it: larger than a page, misaligned, unreadable (parse_notes).
func noteBytes(page []byte, p *prog, r io.ReaderAt) []byte {
	if p.Filesz > PageSize {
		return nil
	}
	if b := inPage(page, p.Off, p.Filesz); b != nil {
		if p.Off%4 != 0 {
			return nil
		}
		return b
	}
	if r == nil || int64(p.Off) < 0 {
		return nil
	}
	b := make([]byte, p.Filesz)
	if n, _ := r.ReadAt(b, int64(p.Off)); n < len(b) {
		return nil
	}
	return b
}

// findNote looks for a note of the vendor FreeBSD with a 4-byte description
// and returns that.
func findNote(b []byte, typ uint32) (uint32, bool) {
	const vendor = "FreeBSD\x00"
	const noteHeader = 12
	// FreeBSD gives up after 100 notes.
	for i := 0; i < 100 && len(b) >= noteHeader; i++ {
		namesz, descsz, ntype := le.Uint32(b), le.Uint32(b[4:]), le.Uint32(b[8:])
		b = b[noteHeader:]
		if namesz == uint32(len(vendor)) && descsz == 4 && ntype == typ &&
			len(b) >= len(vendor)+4 && string(b[:len(vendor)]) == vendor {
			return le.Uint32(b[len(vendor):]), true
		}
		// Rounding wraps around in 32 bits, as it does in the kernel.
		skip := uint64((namesz+3)&^3) + uint64((descsz+3)&^3)
		if skip > uint64(len(b)) {
			break
		}
		b = b[skip:]
	}
	return 0, false
}

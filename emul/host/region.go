package host

import "github.com/lsf-linux/lsf/emul/guest"

// AddrMax is the end of the address space that Linux gives a process (bytes).
const AddrMax = 0x7ffffffff000

// LSF's region in every guest: code pages, then scratch memory, one slot per
// thread. It lies far from where FreeBSD programs, their libraries and stacks
// are, and below what Linux's own top-down mmap reaches.
const (
	RegionBase = 0x7e0000000000
	// SlotSize is the scratch memory of one thread in bytes.
	SlotSize      = 32 << 10
	slotsPerChunk = 256
	maxChunks     = 64
	scratchBase   = RegionBase + 0x10000
	// RegionEnd is the end of what LSF may use; the guest can map nothing
	// between RegionBase and RegionEnd.
	RegionEnd = scratchBase + SlotSize*slotsPerChunk*maxChunks
)

// Slot is one thread's scratch memory.
type Slot int

// Addr returns where the slot begins.
func (s Slot) Addr() guest.Addr { return guest.Addr(scratchBase + int(s)*SlotSize) }

// Slots says which slots of an address space are taken.
type Slots struct {
	used   []bool
	chunks int // mapped chunks
}

// Overlaps says whether [a, a+n) touches LSF's region.
func Overlaps(a, n uint64) bool {
	return a < RegionEnd && (a+n > RegionBase || a+n < a)
}

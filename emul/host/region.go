package host

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/guest"
)

// AddrMax is the end of the address space that Linux gives a process (bytes).
const AddrMax = 0x7ffffffff000

// LSF's region in every guest has two parts. The code lies low, below where
// programs are linked to run, so that a jump of five bytes reaches it from
// them. Scratch memory, one slot per thread, lies far from programs, their
// libraries and stacks, and below what Linux's own top-down mmap reaches.
const (
	CodeBase = 0x100000
	// GuestCode is a page of code for the personality (signal trampolines), and
	// of constants that its local routines want. System calls from it are the guest's.
	GuestCode = CodeBase + 0x1000
	// ErrnoPage maps a Linux errno to the guest's, a byte each.
	ErrnoPage  = GuestCode + 0x1000
	fastPage   = ErrnoPage + 0x1000 // guest number → Linux number of fast calls; addresses of local routines
	enginePage = fastPage + 0x1000  // three pages; from here to thunkEnd syscalls are Linux's
	// routineBase is where the personality's routine lies.
	routineBase = enginePage + 0x3000 // two pages
	// ImageSize is the length of what is written there, in bytes.
	ImageSize = routineBase + 0x2000 - CodeBase
	thunkBase = CodeBase + ImageSize // thunks of patched call sites
	thunkEnd  = thunkBase + 0x8000
	// StatePage is what patched call sites must know of the process; it can
	// be written.
	StatePage = thunkEnd
	// GuestData is a page that the personality's local routines keep things in.
	GuestData = StatePage + 0x1000
	// CodeEnd is the end of the low part.
	CodeEnd     = GuestData + 0x1000
	scratchBase = 0x7e0000000000

	// SlotSize is the scratch memory of one thread in bytes.
	SlotSize      = 32 << 10
	slotsPerChunk = 256
	// ChunkSize is how much scratch memory is mapped at a time.
	ChunkSize = SlotSize * slotsPerChunk
	maxChunks = 63
	// GuestTable is where the personality may map up to ChunkSize bytes for its
	// local routines.
	GuestTable = scratchBase + ChunkSize*maxChunks
	scratchEnd = GuestTable + ChunkSize
)

// Regions are the address ranges [from, to) that belong to LSF, ascending. A
// guest can map nothing there.
var Regions = [2][2]uint64{{CodeBase, CodeEnd}, {scratchBase, scratchEnd}}

// Overlaps says whether [a, a+n) touches LSF's region.
func Overlaps(a, n uint64) bool {
	for _, r := range Regions {
		if n > 0 && a < r[1] && (a+n > r[0] || a+n < a) {
			return true
		}
	}
	return false
}

// Scratch says whether a is in scratch memory, which no guest may point into.
// (The low part needs no such check: nothing there can be written, but what
// concerns the guest alone.)
func Scratch(a uint64) bool { return a >= scratchBase && a < scratchEnd }

// Outside gives the parts of [a, a+n) that are not LSF's.
func Outside(a, n uint64) [][2]uint64 {
	var parts [][2]uint64
	end := a + n
	for _, r := range Regions {
		if a < r[0] && end > a {
			parts = append(parts, [2]uint64{a, min(end, r[0]) - a})
		}
		a = max(a, r[1])
	}
	if a < end {
		parts = append(parts, [2]uint64{a, end - a})
	}
	return parts
}

// Slot is one thread's scratch memory.
type Slot int

// Addr returns where the slot begins.
func (s Slot) Addr() guest.Addr { return guest.Addr(scratchBase + int(s)*SlotSize) }

// Slots says which slots of an address space are taken. The zero value has
// none taken and one chunk mapped, as a fresh image has.
type Slots struct {
	used   []bool
	chunks int // mapped beside the first
}

// Take reserves a slot. newChunk is nonzero when the chunk at that address
// must be mapped before the slot can be used; ok is false when there are none left.
func (s *Slots) Take() (slot Slot, newChunk guest.Addr, ok bool) {
	for i, u := range s.used {
		if !u {
			s.used[i] = true
			return Slot(i), 0, true
		}
	}
	n := len(s.used)
	if n >= slotsPerChunk*maxChunks {
		return 0, 0, false
	}
	s.used = append(s.used, true)
	if n >= slotsPerChunk*(1+s.chunks) {
		s.chunks++
		newChunk = Slot(n).Addr()
	}
	return Slot(n), newChunk, true
}

// Free gives a slot back.
func (s *Slots) Free(slot Slot) { s.used[slot] = false }

// Only returns the bookkeeping of a copy of the address space in which just
// slot is in use, as fork leaves it.
func (s *Slots) Only(slot Slot) Slots {
	n := Slots{used: make([]bool, len(s.used)), chunks: s.chunks}
	n.used[slot] = true
	return n
}

// The engine page. Offsets of its entry points; the code is position-independent.
//
//	call:  syscall; int3                      one host call, then a stop
//	tail:  syscall; result → guest; jmp back  the guest's last step, no stop
//	batch: loop over a table in scratch memory, then int3
var (
	codeCall = []byte{
		0x0f, 0x05, // syscall
		0xcc, // int3
	}
	// R9 holds the guest address to return to: FreeBSD clears R8, R9 and R10
	// on return and leaves the return address in RCX, so nothing is lost.
	codeTail = []byte{
		0x0f, 0x05, // 0: syscall
		0x4c, 0x89, 0xc9, // 2: mov rcx, r9
		0x45, 0x31, 0xc0, // 5: xor r8d, r8d
		0x45, 0x31, 0xd2, // 8: xor r10d, r10d
		0x45, 0x31, 0xc9, // 11: xor r9d, r9d
		0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff, // 14: cmp rax, -4095
		0x73, 0x03, // 20: jae +3
		0xf8,       // 22: clc
		0xff, 0xe1, // 23: jmp rcx
		0xf7, 0xd8, // 25: neg eax
		0x4c, 0x8d, 0x05, 0, 0, 0, 0, // 27: lea r8, [rip+errno table]
		0x41, 0x0f, 0xb6, 0x04, 0x00, // 34: movzx eax, byte [r8+rax]
		0x45, 0x31, 0xc0, // 39: xor r8d, r8d
		0xf9,       // 42: stc
		0xff, 0xe1, // 43: jmp rcx
	}
	// The same with the return address in R8, for mmap of anonymous memory:
	// it has six arguments, but Linux does not look at the descriptor.
	codeTail8 = patched(codeTail, 4, 0xc1)
	// The same for calls whose result is not wanted: 0 for any success, and
	// for EAGAIN, which a futex wait answers when the word has changed.
	codeTailZero = append([]byte{
		0x0f, 0x05, // syscall
		0x48, 0x83, 0xf8, 0xf5, // cmp rax, -EAGAIN
		0x74, 0x05, // je: make it 0
		0x48, 0x85, 0xc0, // test rax, rax
		0x78, 0x02, // js: an error
		0x31, 0xc0, // xor eax, eax
	}, codeTail[2:]...)
	codeBatch = []byte{
		0x49, 0x8b, 0x04, 0x24, // mov rax, [r12]
		0x49, 0x8b, 0x7c, 0x24, 0x08, // mov rdi, [r12+8]
		0x49, 0x8b, 0x74, 0x24, 0x10, // mov rsi, [r12+16]
		0x49, 0x8b, 0x54, 0x24, 0x18, // mov rdx, [r12+24]
		0x4d, 0x8b, 0x54, 0x24, 0x20, // mov r10, [r12+32]
		0x4d, 0x8b, 0x44, 0x24, 0x28, // mov r8, [r12+40]
		0x4d, 0x8b, 0x4c, 0x24, 0x30, // mov r9, [r12+48]
		0x0f, 0x05, // syscall
		0x49, 0x89, 0x04, 0x24, // mov [r12], rax
		0x49, 0x83, 0xc4, 0x38, // add r12, 56
		0x49, 0xff, 0xcd, // dec r13
		0x75, 0, // jnz start
		0xcc, // int3
	}
)

const (
	callEntry     = enginePage
	tailEntry     = enginePage + 0x40
	tail8Entry    = enginePage + 0x80
	tailZeroEntry = enginePage + 0xc0
	batchEntry    = enginePage + 0x140
	execEntry     = enginePage + 0x1c0 // where a fresh image stops: int3

	callDone  = callEntry + 3
	batchDone = batchEntry + 50
	execDone  = execEntry + 1

	pageSize = 4096

	// offsets in the tail sequence that matter when it is interrupted
	tailAfter = 2  // behind the syscall
	tailRCX   = 5  // from here on RCX holds the return address
	tailNeg   = 27 // from here on RAX is a positive Linux errno
	tailConv  = 39 // from here on RAX is a guest errno
)

// patched is code with one byte changed.
func patched(code []byte, at int, b byte) []byte {
	c := bytes.Clone(code)
	c[at] = b
	return c
}

// tails are the variants of the tail sequence. From offset tailAfter+shift on
// they are the same.
var tails = [...]struct {
	entry uint64
	code  []byte
	shift int64
	r8    bool // the return address is in R8, not in R9
}{
	{tailEntry, codeTail, 0, false},
	{tail8Entry, codeTail8, 0, true},
	{tailZeroEntry, codeTailZero, int64(len(codeTailZero) - len(codeTail)), false},
}

// maxErrno is more than any errno of Linux's that a program can see.
const maxErrno = 256

// BatchEntrySize is what one call of a batch takes in scratch memory (bytes).
const BatchEntrySize = 56

// Image builds the contents of the region's code pages. The bytes are at the
// same time a static ELF program that maps itself there: executing it (from a
// memfd) leaves a process with nothing but the region.
// errnos converts a Linux error number; guestCode is the personality's page;
// fast are its calls that need no supervisor.
func Image(errnos func(linux int) byte, guestCode []byte, fast *FastCalls) []byte {
	img := make([]byte, ImageSize)
	elfHeader(img)
	put := func(addr uint64, code []byte) []byte {
		return img[addr-CodeBase : addr-CodeBase+uint64(copy(img[addr-CodeBase:], code))]
	}
	put(callEntry, codeCall)
	put(execEntry, []byte{0xcc}) // int3
	for _, s := range tails {
		tail := put(s.entry, s.code)
		binary.LittleEndian.PutUint32(tail[30+s.shift:], uint32(ErrnoPage-(s.entry+34+uint64(s.shift))))
	}
	if fast.Routine != nil {
		put(routineBase, fast.Routine.code)
	}
	batch := put(batchEntry, codeBatch)
	batch[len(batch)-2] = byte(-(len(batch) - 1))
	table := img[ErrnoPage-CodeBase:][:pageSize]
	unknown := errnos(len(table) - 1)
	for e := range table {
		if table[e] = unknown; e < maxErrno {
			table[e] = errnos(e)
		}
	}
	fast.put(img)
	put(GuestCode, guestCode)
	return img
}

// elfHeader writes an ELF64 header with three segments: the image itself, the
// thunks and pages of state behind it, and the first chunk of scratch memory.
func elfHeader(img []byte) {
	le := binary.LittleEndian
	copy(img, "\x7fELF\x02\x01\x01")
	le.PutUint16(img[16:], 2)  // ET_EXEC
	le.PutUint16(img[18:], 62) // EM_X86_64
	le.PutUint32(img[20:], 1)
	le.PutUint64(img[24:], execEntry)
	le.PutUint64(img[32:], 64) // phoff
	le.PutUint16(img[52:], 64)
	le.PutUint16(img[54:], 56)
	le.PutUint16(img[56:], 4)
	ph := func(i int, typ, flags uint32, vaddr, filesz, memsz uint64) {
		p := img[64+56*i:]
		le.PutUint32(p, typ)
		le.PutUint32(p[4:], flags)
		le.PutUint64(p[16:], vaddr)
		le.PutUint64(p[24:], vaddr)
		le.PutUint64(p[32:], filesz)
		le.PutUint64(p[40:], memsz)
		le.PutUint64(p[48:], 4096)
	}
	ph(0, 1, 5, CodeBase, ImageSize, ImageSize)  // PT_LOAD R X
	ph(1, 1, 6, thunkBase, 0, CodeEnd-thunkBase) // PT_LOAD R W, all zero
	ph(2, 1, 6, scratchBase, 0, ChunkSize)       // the same
	ph(3, 0x6474e551, 6, 0, 0, 0)                // PT_GNU_STACK, not executable
}

// InitialProt is what the first process maps its region with, before the
// image is written into it; ProtectCalls narrows it.
const InitialProt = unix.PROT_READ | unix.PROT_WRITE | unix.PROT_EXEC

// The parts of the region that the first process maps: the low part, then scratch.
const (
	InitialCode     = CodeBase
	InitialCodeSize = CodeEnd - CodeBase
	InitialScratch  = scratchBase
)

// ProtectCalls gives the low part the protection that it is to have for the
// program. In the first process it could all be written and executed; where
// the image has been executed, the thunks could be written only.
func ProtectCalls[C any](first bool, call func(nr int, args ...uint64) C) []C {
	if !first {
		return []C{call(unix.SYS_MPROTECT, thunkBase, thunkEnd-thunkBase, unix.PROT_READ|unix.PROT_EXEC)}
	}
	return []C{
		call(unix.SYS_MPROTECT, CodeBase, StatePage-CodeBase, unix.PROT_READ|unix.PROT_EXEC),
		call(unix.SYS_MPROTECT, StatePage, CodeEnd-StatePage, unix.PROT_READ|unix.PROT_WRITE),
	}
}

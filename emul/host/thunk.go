package host

import (
	"bytes"
	"encoding/binary"
)

// A call site in the guest's code that only needs another number can be
// patched: the five-byte instruction before its syscall becomes a jump to a
// thunk, which makes Linux's call and jumps back behind the syscall. The
// syscall instruction itself stays, so that whoever gets to it another way
// traps as before; a thunk that cannot serve a call jumps to it.
//
//	b8 imm32; 0f 05                 mov eax, N; syscall           Go's runtime
//	b8 imm32; 49 89 ca; 0f 05       mov eax, N; mov r10, rcx; …   FreeBSD's libc
//	48 c7 c0 imm32; [49 89 ca;] 0f 05   mov rax, N; [mov r10, rcx;] syscall   libthr
//	b8 …; 48 c7 c7 …; 48 8d 74 24 d8; 0f 05   mov eax, N; mov rdi, …; lea …   Go's clock_gettime
//	48|4c 8b|8d xx 24 d8; 0f 05     mov or lea from the stack     Go's Syscall, the number in RAX

// FastCalls are the calls that a thunk can make.
type FastCalls struct {
	// Nr maps the guest's number to Linux's, plus one; 0 for all others.
	Nr [640]uint16
	// Map1 converts the first argument of the guest's call Map1Nr; 0xff
	// leaves the call to the supervisor. An empty map is no such call.
	Map1Nr int
	Map1   []byte
	// Routine serves a call by code of the personality.
	Routine *Routine
}

const mapOffset = 2048 // in fastPage

// put writes the tables that thunks use.
func (f *FastCalls) put(page []byte) {
	for g, l := range f.Nr {
		binary.LittleEndian.PutUint16(page[2*g:], l-1)
		if len(f.Map1) > 0 && g == f.Map1Nr {
			binary.LittleEndian.PutUint16(page[2*g:], 0xffff) // by its own thunk only
		}
	}
	copy(page[mapOffset:], f.Map1)
}

// host gives Linux's number, -1 if the call is not fast.
func (f *FastCalls) host(nr uint64) int {
	if nr < uint64(len(f.Nr)) {
		return int(f.Nr[nr]) - 1
	}
	return -1
}

// guest gives a guest number for Linux's.
func (f *FastCalls) guest(nr uint64) uint64 {
	for g, l := range f.Nr {
		if uint64(l) == nr+1 {
			return uint64(g)
		}
	}
	return 0
}

const thunkSize = 96

// Thunk is a patched call site.
type Thunk struct {
	site    uint64 // address of the jump
	sysAddr uint64 // address of the guest's syscall instruction
	nr      int64  // the guest's number, -1 where it is in RAX
	mapped  bool   // the first argument is converted; R8 keeps the guest's
	begun   uint8  // offset from which the displaced instruction has been done
	swapped uint8  // offset from which RCX holds the guest's number
	syscall uint8  // offset of Linux's syscall
	done    uint8  // offset from which RAX is positive on error
	conv    uint8  // offset from which RAX is converted
}

// Thunks are those of one address space.
type Thunks struct {
	fast *FastCalls
	list []Thunk
}

// NewThunks makes an empty set.
func NewThunks(fast *FastCalls) Thunks { return Thunks{fast: fast} }

// Copy returns the bookkeeping for a copy of the address space.
func (h *Thunks) Copy() Thunks { return Thunks{h.fast, h.list[:len(h.list):len(h.list)]} }

// Patch is a page of guest code with its call sites patched.
type Patch struct {
	Page  []byte
	Thunk map[uint64][]byte // code to be written at these addresses first
}

// PatchPage looks for call sites in the page of code at addr. nil means that
// nothing in it can be patched.
func (h *Thunks) PatchPage(addr uint64, page []byte) *Patch {
	p := &Patch{Page: bytes.Clone(page), Thunk: map[uint64][]byte{}}
	for i := 5; i+2 <= len(page); i++ {
		if page[i] != 0x0f || page[i+1] != 0x05 {
			continue
		}
		start, nr, displaced := siteAt(page, i)
		if start < 0 || nr >= 0 && h.fast.host(uint64(nr)) < 0 && !h.fast.routine(nr) {
			continue
		}
		to := uint64(thunkBase + thunkSize*len(h.list))
		if to+thunkSize > thunkEnd {
			break
		}
		rel := int64(to) - int64(addr) - int64(start) - 5
		if rel != int64(int32(rel)) {
			break // too far away for a near jump
		}
		t := Thunk{site: addr + uint64(start), sysAddr: addr + uint64(i), nr: nr}
		if h.fast.routine(nr) {
			p.Thunk[to] = h.emitRoutine(&t, to, displaced)
		} else {
			p.Thunk[to] = h.emit(&t, to, displaced)
		}
		h.list = append(h.list, t)
		p.Page[start] = 0xe9
		binary.LittleEndian.PutUint32(p.Page[start+1:], uint32(rel))
	}
	if len(p.Thunk) == 0 {
		return nil
	}
	return p
}

// siteAt recognises what stands before the syscall at page[i]. The jump must
// replace one whole instruction, or a thread could be in the middle of it.
func siteAt(page []byte, i int) (start int, nr int64, displaced []byte) {
	imm := func(at int) int64 { return int64(binary.LittleEndian.Uint32(page[at:])) }
	if page[i-5] == 0xb8 {
		return i - 5, imm(i - 4), nil
	}
	if i >= 8 && page[i-8] == 0xb8 && page[i-3] == 0x49 && page[i-2] == 0x89 && page[i-1] == 0xca {
		return i - 8, imm(i - 7), page[i-3 : i]
	}
	d := page[i-5 : i]
	movRAX := []byte{0x48, 0xc7, 0xc0}
	if i >= 7 && bytes.HasPrefix(page[i-7:], movRAX) {
		return i - 7, imm(i - 4), nil
	}
	if i >= 10 && bytes.HasPrefix(page[i-10:], movRAX) && page[i-3] == 0x49 && page[i-2] == 0x89 && page[i-1] == 0xca {
		return i - 10, imm(i - 7), page[i-3 : i]
	}
	if i >= 17 && page[i-17] == 0xb8 && bytes.HasPrefix(page[i-12:], []byte{0x48, 0xc7, 0xc7}) &&
		bytes.HasPrefix(d, []byte{0x48, 0x8d, 0x74, 0x24}) {
		return i - 5, imm(i - 16), d
	}
	if (d[0] == 0x48 || d[0] == 0x4c) && (d[1] == 0x8b || d[1] == 0x8d) && d[2]&0xc7 == 0x44 && d[3] == 0x24 {
		return i - 5, -1, d
	}
	return -1, 0, nil
}

// routine says that the guest's call nr is the routine's.
func (f *FastCalls) routine(nr int64) bool { return f.Routine != nil && nr == int64(f.Routine.Nr) }

// emitRoutine writes a thunk that leads to the routine.
func (h *Thunks) emitRoutine(t *Thunk, at uint64, displaced []byte) []byte {
	c := bytes.Clone(displaced)
	t.begun = uint8(len(c))
	t.syscall, t.done, t.conv = thunkSize, thunkSize, thunkSize // never reached here
	rel := func(to uint64) {
		c = binary.LittleEndian.AppendUint32(c, uint32(int64(to)-int64(at)-int64(len(c))-4))
	}
	c = append(c, 0x4c, 0x8d, 0x0d) // lea r9, [behind the guest's syscall]
	rel(t.sysAddr + 2)
	c = append(c, 0xe9) // jmp
	rel(routineBase + uint64(h.fast.Routine.mark[2]))
	return c
}

// emit writes the thunk at address at and notes the offsets that matter to
// Locate.
func (h *Thunks) emit(t *Thunk, at uint64, displaced []byte) []byte {
	var c []byte
	b := func(x ...byte) { c = append(c, x...) }
	w := func(v uint32) { c = binary.LittleEndian.AppendUint32(c, v) }
	here := func() uint8 { return uint8(len(c)) }
	jmp := func(to uint64) {
		b(0xe9)
		w(uint32(int64(to) - int64(at) - int64(len(c)) - 4))
	}
	var slow []int // places of 8-bit jumps to the end, where the guest's own syscall is taken
	slowIf := func(cc byte) {
		b(cc, 0)
		slow = append(slow, len(c)-1)
	}
	b(displaced...)
	t.begun = here()
	switch {
	case t.nr < 0:
		b(0x48, 0x3d) // cmp rax, len
		w(uint32(len(h.fast.Nr)))
		slowIf(0x73)              // jae
		b(0x0f, 0xb7, 0x0c, 0x45) // movzx ecx, word [table+rax*2]
		w(fastPage)
		b(0x66, 0x83, 0xf9, 0xff) // cmp cx, -1
		slowIf(0x74)              // je
		b(0x91)                   // xchg eax, ecx
		t.swapped = here()
	case len(h.fast.Map1) > 0 && int(t.nr) == h.fast.Map1Nr:
		t.mapped = true
		b(0x41, 0x89, 0xf8) // mov r8d, edi
		b(0x89, 0xff)       // mov edi, edi
		b(0x81, 0xff)       // cmp edi, len
		w(uint32(len(h.fast.Map1)))
		slowIf(0x73)        // jae
		b(0x0f, 0xb6, 0xbf) // movzx edi, byte [map+rdi]
		w(fastPage + mapOffset)
		b(0x40, 0x80, 0xff, 0xff) // cmp dil, -1
		slowIf(0x74)
		fallthrough
	default:
		b(0xb8) // mov eax, N
		w(uint32(h.fast.host(uint64(t.nr))))
	}
	t.syscall = here()
	b(0x0f, 0x05) // syscall
	if t.mapped {
		b(0x44, 0x89, 0xc7) // mov edi, r8d
	}
	b(0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff) // cmp rax, -4095
	b(0x73, 6)                            // jae: over the next two
	b(0xf8)                               // clc
	jmp(t.sysAddr + 2)
	b(0xf7, 0xd8) // neg eax
	t.done = here()
	b(0x0f, 0xb6, 0x80) // movzx eax, byte [errnos+rax]
	w(errnoPage)
	t.conv = here()
	b(0xf9) // stc
	jmp(t.sysAddr + 2)
	for _, p := range slow {
		c[p] = byte(len(c) - p - 1)
	}
	if len(slow) > 0 {
		if t.mapped {
			b(0x44, 0x89, 0xc7) // mov edi, r8d
		}
		if t.nr >= 0 {
			b(0xb8) // mov eax, N
			w(uint32(t.nr))
		}
		jmp(t.sysAddr)
	}
	if len(c) > thunkSize {
		panic("host: thunk larger than its slot")
	}
	return c
}

// Locate looks whether r is inside a thunk. If so it changes r to what the
// guest's registers are: at its own call (state TailNotStarted, or
// TailInterrupted with Orig_rax set so that Rewind is meaningful: RIP is
// behind the guest's syscall instruction), or behind the finished call (TailDone).
// nr is the guest's number of an unfinished call.
func (h *Thunks) Locate(r *Regs, errnos func(linux int) byte) (st TailState, k RestartKind, nr uint64) {
	if r.Rip < thunkBase || r.Rip >= uint64(thunkBase+thunkSize*len(h.list)) {
		return TailNone, NoRestart, 0
	}
	i := int(r.Rip-thunkBase) / thunkSize
	t := &h.list[i]
	off := uint8(r.Rip - thunkBase - uint64(i)*thunkSize)
	slowPart := off > t.conv+5 // the jump to the guest's own syscall
	if t.mapped && (off >= t.begun+3 && off <= t.syscall+2 || slowPart) {
		r.Rdi = r.R8
	}
	switch {
	case off < t.begun:
		r.Rip = t.site // the displaced instruction is still to be done there
		return TailDone, NoRestart, 0
	case off <= t.syscall || slowPart:
		if t.nr >= 0 {
			nr = uint64(t.nr)
		} else if nr = r.Rax; t.swapped != 0 && off >= t.swapped && !slowPart {
			nr = r.Rcx
		}
		r.Rip, r.Rax = t.sysAddr+2, nr
		return TailNotStarted, NoRestart, nr
	case off == t.syscall+2 && r.Orig_rax != noSyscall && Restart(r.Rax) != NoRestart:
		k, nr = Restart(r.Rax), uint64(t.nr)
		if t.nr < 0 {
			nr = h.fast.guest(r.Orig_rax)
		}
		r.Rip = t.sysAddr + 2
		return TailInterrupted, k, nr
	}
	r.Rip = t.sysAddr + 2
	switch {
	case off >= t.conv:
		r.SetErrno(uint8(r.Rax))
	case off >= t.done:
		r.SetErrno(errnos(int(r.Rax & 0xfff)))
	case int64(r.Rax) < 0 && int64(r.Rax) >= firstErrno:
		r.SetErrno(errnos(int(-int64(r.Rax))))
	default:
		r.SetResult(r.Rax)
	}
	r.Orig_rax = noSyscall
	return TailDone, NoRestart, 0
}

// EINTR says that r is behind Linux's syscall in a thunk, which a signal has
// made fail with plain EINTR, so that Linux will not restart it by itself.
func (h *Thunks) EINTR(r *Regs) bool {
	if r.Rip < thunkBase || r.Rip >= uint64(thunkBase+thunkSize*len(h.list)) || r.Orig_rax == noSyscall || !r.EINTR() {
		return false
	}
	off := (r.Rip - thunkBase) % thunkSize
	return off == uint64(h.list[(r.Rip-thunkBase)/thunkSize].syscall)+2
}

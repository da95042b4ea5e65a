package host

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/lsf-linux/lsf/emul/guest"
)

// A call site in the guest's code that needs no supervisor can be patched: the
// five-byte instruction before its syscall becomes a jump to a thunk, which
// makes Linux's call, or has a local routine make it, and jumps back behind the
// syscall. The syscall instruction itself stays, so that whoever gets to it
// another way traps as before; a thunk that cannot serve a call jumps to it.
//
//	b8 imm32; 0f 05                 mov eax, N; syscall           Go's runtime
//	b8 imm32; 49 89 ca; 0f 05       mov eax, N; mov r10, rcx; …   FreeBSD's libc
//	48 c7 c0 imm32; [49 89 ca;] 0f 05   mov rax, N; [mov r10, rcx;] syscall   libthr
//	b8 …; 48 c7 c7 …; 48 8d 74 24 d8; 0f 05   mov eax, N; mov rdi, …; lea …   Go's clock_gettime
//	48|4c 8b|8d|89 xx 24 d8; 0f 05  mov or lea from or to the stack   Go's Syscall, the number in RAX
//
// Thunks lie in the low part of LSF's region, where a jump of five bytes
// reaches them from programs linked low. Shared libraries are farther away:
// their sites jump to a page of long jumps in their neighbourhood first.

// FastCalls are the calls that a thunk can make.
type FastCalls struct {
	// Nr maps the guest's number to Linux's, plus one; 0 for all others.
	Nr [640]uint16
	// Local maps the guest's number to the local routine that makes the call,
	// an index into Locals plus one; 0 for all others.
	Local [640]uint8
	// Locals are the local routines.
	Locals []Local
	// Routine serves a call that may sleep.
	Routine *Routine

	placed []placed
}

const (
	fastNone   = 0xffff // in the table of fast calls: for the supervisor
	fastLocal  = 0xff00 // from here on: a local routine
	jumpOffset = 2048   // in fastPage: the addresses of the local routines
)

// put writes the local routines, and the tables that thunks use, into the image.
func (f *FastCalls) put(img []byte) {
	le := binary.LittleEndian
	page := img[fastPage-CodeBase:]
	for g, l := range f.Nr {
		v := l - 1 // 0 becomes fastNone
		if k := f.Local[g]; k > 0 {
			v = fastLocal + uint16(k) - 1
		}
		le.PutUint16(page[2*g:], v)
	}
	if ro := f.Routine; ro != nil {
		le.PutUint16(page[2*ro.Nr:], fastLocal+uint16(len(f.Locals)))
		le.PutUint64(page[jumpOffset+8*len(f.Locals):], routineEntry)
		copy(img[routineEntry-CodeBase:], []byte{0x49, 0x89, 0xc9, 0xe9}) // mov r9, rcx; jmp
		le.PutUint32(img[routineEntry+4-CodeBase:], uint32(routineBase+ro.mark[2]-routineEntry-8))
	}
	for i, l := range f.routines() {
		copy(img[l.at-CodeBase:], l.code)
		le.PutUint64(page[jumpOffset+8*i:], l.at+l.entry)
	}
}

// has says whether the guest's call nr is fast.
func (f *FastCalls) has(nr uint64) bool {
	return nr < uint64(len(f.Nr)) && f.Nr[nr] > 0 || f.entry(nr) != 0
}

// entry is where the code begins that makes the guest's call nr other than
// as it stands; 0 if there is none.
func (f *FastCalls) entry(nr uint64) uint64 {
	switch {
	case nr >= uint64(len(f.Local)):
	case f.Local[nr] > 0:
		l := f.routines()[f.Local[nr]-1]
		return l.at + l.entry
	case f.Routine != nil && nr == uint64(f.Routine.Nr):
		return routineEntry
	}
	return 0
}

// Entry is where a thread is sent to have a local routine make the guest's call
// nr: with all registers as at the call, but RCX, which holds the address
// behind it. 0 means that there is none.
func (f *FastCalls) Entry(nr uint64) uint64 {
	if nr >= uint64(len(f.Local)) || f.Local[nr] == 0 {
		return 0
	}
	return f.entry(nr)
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

const thunkSize = 128

// Thunk is a patched call site.
type Thunk struct {
	site    uint64 // address of the jump
	sysAddr uint64 // address of the guest's syscall instruction
	nr      int64  // the guest's number, -1 where it is in RAX
	begun   uint8  // offset from which the displaced instruction has been done
	swapped uint8  // offset from which RCX holds the guest's number
	syscall uint8  // offset of Linux's syscall; all is before it if there is none
	done    uint8  // offset from which RAX is positive on error
	conv    uint8  // offset from which RAX is converted
	apart   uint8  // offset of what leads to the supervisor or to a local routine
}

// Thunks are those of one address space.
type Thunks struct {
	fast *FastCalls
	list []Thunk
	far  []farPage
}

// farPage is a page of long jumps to thunks.
type farPage struct {
	addr uint64
	used int
}

const farSize = 16 // of a long jump

// NewThunks makes an empty set.
func NewThunks(fast *FastCalls) Thunks { return Thunks{fast: fast} }

// Copy returns the bookkeeping for a copy of the address space.
func (h *Thunks) Copy() Thunks {
	return Thunks{h.fast, h.list[:len(h.list):len(h.list)], slices.Clone(h.far)}
}

// reaches says whether a near jump gets from somewhere in the page at from to
// anywhere in the page at to.
func reaches(from, to uint64) bool {
	d := int64(to - from)
	return d < 1<<31-2*pageSize && d > -(1<<31-2*pageSize)
}

// NeedsFar says whether thunks for the page of code at addr need a page of long
// jumps first, at an address that hint is near.
func (h *Thunks) NeedsFar(addr uint64) (hints []uint64, needed bool) {
	if reaches(addr, thunkBase) && reaches(addr, thunkEnd) || h.farFor(addr) != nil {
		return nil, false
	}
	const away = 64 << 20
	return []uint64{addr - away, addr + away}, true
}

// AddFar says that there is a page for long jumps at far, to be filled. It
// reports false if that is too far away.
func (h *Thunks) AddFar(addr, far uint64) bool {
	if !reaches(addr, far) {
		return false
	}
	h.far = append(h.far, farPage{addr: far})
	return true
}

func (h *Thunks) farFor(addr uint64) *farPage {
	for i := range h.far {
		if f := &h.far[i]; reaches(addr, f.addr) && f.used+farSize <= pageSize {
			return f
		}
	}
	return nil
}

// Patch is a page of guest code with its call sites patched.
type Patch struct {
	Page []byte
	// Thunks is the code that the page jumps to, to be written first.
	Thunks []Piece
}

// Piece is code and where it is to be.
type Piece struct {
	At   uint64
	Code []byte
}

// put adds code to the thunks: to a piece that ends nearby, if there is one.
// What lies between the two is never run.
func (p *Patch) put(at uint64, code []byte) {
	for i := range p.Thunks {
		t := &p.Thunks[i]
		if end := t.At + uint64(len(t.Code)); at >= end && at-end < thunkSize {
			t.Code = append(append(t.Code, make([]byte, at-end)...), code...)
			return
		}
	}
	p.Thunks = append(p.Thunks, Piece{at, code})
}

// PatchPage looks for call sites in the page of code at addr. nil means that
// nothing in it can be patched.
func (h *Thunks) PatchPage(addr uint64, page []byte) *Patch {
	p := &Patch{Page: bytes.Clone(page)}
	for i := 5; ; i++ {
		n := bytes.Index(page[min(i, len(page)):], insSyscall)
		if n < 0 {
			break
		}
		i += n
		start, nr, displaced := siteAt(page, i)
		if start < 0 || nr >= 0 && !h.fast.has(uint64(nr)) {
			continue
		}
		to := uint64(thunkBase + thunkSize*len(h.list))
		if to+thunkSize > thunkEnd {
			break
		}
		t := Thunk{site: addr + uint64(start), sysAddr: addr + uint64(i), nr: nr}
		near := to
		if !reaches(addr, to) {
			f := h.farFor(addr)
			if f == nil {
				break
			}
			near = f.addr + uint64(f.used)
			f.used += farSize
			p.put(near, binary.LittleEndian.AppendUint64([]byte{0xff, 0x25, 0, 0, 0, 0}, to)) // jmp [rip]
		}
		p.put(to, h.emit(&t, to, displaced))
		h.list = append(h.list, t)
		p.Page[start] = 0xe9
		binary.LittleEndian.PutUint32(p.Page[start+1:], uint32(near-t.site-5))
	}
	if len(p.Thunks) == 0 {
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
	if (d[0] == 0x48 || d[0] == 0x4c) && (d[1] == 0x8b || d[1] == 0x8d || d[1] == 0x89) && d[2]&0xc7 == 0x44 && d[3] == 0x24 {
		return i - 5, -1, d
	}
	return -1, 0, nil
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
		w(uint32(to - at - uint64(len(c)) - 4))
	}
	back := t.sysAddr + 2
	rcx := func() { // the register that a system call leaves the address in anyway
		b(0x48, 0xb9) // movabs rcx, back
		c = binary.LittleEndian.AppendUint64(c, back)
	}
	ret := func() {
		if reaches(back, at) {
			jmp(back)
			return
		}
		rcx()
		b(0xff, 0xe1) // jmp rcx
	}
	type patch struct{ at []int }
	jcc := func(p *patch, cc byte) {
		b(cc, 0)
		p.at = append(p.at, len(c)-1)
	}
	land := func(p *patch) {
		for _, i := range p.at {
			c[i] = byte(len(c) - i - 1)
		}
	}
	var slow, local patch

	b(displaced...)
	t.begun = here()
	if entry := h.fast.entry(uint64(t.nr)); entry != 0 {
		t.syscall = thunkSize - 1 // none here
		b(0xb8)                   // mov eax, N
		w(uint32(t.nr))
		t.apart = here()
		rcx()
		jmp(entry)
		return c
	}
	if t.nr < 0 {
		b(0x48, 0x3d) // cmp rax, len
		w(uint32(len(h.fast.Nr)))
		jcc(&slow, 0x73)          // jae
		b(0x0f, 0xb7, 0x0c, 0x45) // movzx ecx, word [table+rax*2]
		w(fastPage)
		b(0x81, 0xf9) // cmp ecx, fastLocal
		w(fastLocal)
		jcc(&local, 0x73) // jae
		b(0x91)           // xchg eax, ecx
		t.swapped = here()
	} else {
		b(0xb8) // mov eax, N
		w(uint32(h.fast.Nr[t.nr] - 1))
	}
	t.syscall = here()
	b(0x0f, 0x05)                         // syscall
	b(0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff) // cmp rax, -4095
	var failed patch
	jcc(&failed, 0x73) // jae
	b(0xf8)            // clc
	ret()
	land(&failed)
	b(0xf7, 0xd8) // neg eax
	t.done = here()
	b(0x0f, 0xb6, 0x80) // movzx eax, byte [errnos+rax]
	w(ErrnoPage)
	t.conv = here()
	b(0xf9) // stc
	ret()
	t.apart = here()
	if t.nr >= 0 {
		return c
	}
	land(&local)
	b(0x81, 0xf9) // cmp ecx, fastNone
	w(fastNone)
	jcc(&slow, 0x74)    // je
	b(0x41, 0x89, 0xcb) // mov r11d, ecx
	rcx()
	b(0x42, 0xff, 0x24, 0xdd) // jmp [jump table+r11*8]
	w(uint32(fastPage + jumpOffset - 8*fastLocal))
	land(&slow)
	if reaches(t.sysAddr, at) {
		jmp(t.sysAddr)
	} else {
		rcx()
		b(0x4c, 0x8d, 0x59, 0xfe) // lea r11, [rcx-2]
		b(0x41, 0xff, 0xe3)       // jmp r11
	}
	if len(c) > thunkSize {
		panic("host: thunk larger than its slot")
	}
	return c
}

// Locate looks whether r is inside a thunk or a local routine. If so it changes r to what the
// guest's registers are: at its own call (state TailNotStarted, or
// TailInterrupted with Orig_rax set so that Rewind is meaningful: RIP is
// behind the guest's syscall instruction), or behind the finished call (TailDone).
// nr is the guest's number of an unfinished call. slot is the thread's, mem
// its memory.
func (h *Thunks) Locate(r *Regs, errnos func(linux int) byte, slot Slot, mem guest.Memory) (st TailState, k RestartKind, nr uint64) {
	if l, off := h.fast.locate(r); l != nil {
		return l.settle(r, off, errnos, slot, mem)
	}
	if r.Rip >= routineEntry && r.Rip < routineEntry+routineEntrySize {
		r.Rip, r.Rax = r.Rcx, uint64(h.fast.Routine.Nr)
		return TailNotStarted, NoRestart, r.Rax
	}
	if r.Rip < thunkBase || r.Rip >= uint64(thunkBase+thunkSize*len(h.list)) {
		return TailNone, NoRestart, 0
	}
	i := int(r.Rip-thunkBase) / thunkSize
	t := &h.list[i]
	off := uint8(r.Rip - thunkBase - uint64(i)*thunkSize)
	switch {
	case off < t.begun:
		r.Rip = t.site // the displaced instruction is still to be done there
		return TailDone, NoRestart, 0
	case off <= t.syscall || off >= t.apart:
		if t.nr >= 0 {
			nr = uint64(t.nr)
		} else if nr = r.Rax; off >= t.swapped && off < t.apart {
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

// EINTR says that r is behind Linux's syscall in a thunk or local routine, which a signal has
// made fail with plain EINTR, so that Linux will not restart it by itself.
func (h *Thunks) EINTR(r *Regs) bool {
	if r.Orig_rax == noSyscall || !r.EINTR() {
		return false
	}
	if l, off := h.fast.locate(r); l != nil {
		return off == l.syscall+2
	}
	if r.Rip < thunkBase || r.Rip >= uint64(thunkBase+thunkSize*len(h.list)) {
		return false
	}
	off := (r.Rip - thunkBase) % thunkSize
	return off == uint64(h.list[(r.Rip-thunkBase)/thunkSize].syscall)+2
}

// Retry makes a call that a signal has made fail begin again when the thread goes
// on: one that EINTR has told of, or a tail call.
func (h *Thunks) Retry(r *Regs) {
	if l, _ := h.fast.locate(r); l != nil && l.sleep > 0 {
		r.Rip, r.Orig_rax = l.at+l.sleep, noSyscall
		return
	}
	r.Retry()
}

// Patched says that the call site whose syscall instruction ends at addr is patched.
func (h *Thunks) Patched(addr uint64) bool {
	return slices.ContainsFunc(h.list, func(t Thunk) bool { return t.sysAddr == addr-2 })
}

// InLocal says that r is in a local routine.
func (h *Thunks) InLocal(r *Regs) bool {
	l, _ := h.fast.locate(r)
	return l != nil
}

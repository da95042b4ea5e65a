package host

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/guest"
)

func addr(a uint64) guest.Addr { return guest.Addr(a) }

// testErrno is a table of errnos in which no number stays what it is.
func testErrno(e int) byte { return byte(e) + 100 }

// Guest numbers of the calls that the tests' thunks know.
const (
	guestGetppid = 39
	guestClose   = 6
	guestClock   = 232
	guestSlow    = 5
)

// testLocal is a local routine: clock_gettime with clocks 0 and 1 exchanged; clock 2 is
// the supervisor's.
var testLocal = []byte{
	0x4c, 0x8d, 0x59, 0xfe, // lea r11,[rcx-0x2]
	0x41, 0xff, 0xe3, // jmp r11
	0x0f, 0x1f, 0x40, 0x4b, // nop [rax+0x4b]
	0x83, 0xff, 0x02, // cmp edi,0x2
	0x74, 0xf0, // je 0
	0xf3, 0x49, 0x0f, 0xae, 0xcb, // rdgsbase r11
	0x49, 0xc1, 0xeb, 0x20, // shr r11,0x20
	0x41, 0x81, 0xfb, 0x00, 0x7e, 0x00, 0x00, // cmp r11d,0x7e00
	0x75, 0xde, // jne 0
	0xf3, 0x49, 0x0f, 0xae, 0xcb, // rdgsbase r11
	0x49, 0x89, 0xbb, 0x00, 0x7d, 0x00, 0x00, // mov [r11+0x7d00],rdi
	0x49, 0x89, 0xb3, 0x08, 0x7d, 0x00, 0x00, // mov [r11+0x7d08],rsi
	0x49, 0x89, 0x93, 0x10, 0x7d, 0x00, 0x00, // mov [r11+0x7d10],rdx
	0x4d, 0x89, 0x93, 0x18, 0x7d, 0x00, 0x00, // mov [r11+0x7d18],r10
	0x4d, 0x89, 0x83, 0x20, 0x7d, 0x00, 0x00, // mov [r11+0x7d20],r8
	0x4d, 0x89, 0x8b, 0x28, 0x7d, 0x00, 0x00, // mov [r11+0x7d28],r9
	0x49, 0x89, 0x8b, 0x30, 0x7d, 0x00, 0x00, // mov [r11+0x7d30],rcx
	0x49, 0x89, 0x83, 0x38, 0x7d, 0x00, 0x00, // mov [r11+0x7d38],rax
	0x0f, 0x1f, 0x40, 0x4c, // nop [rax+0x4c]
	0x89, 0xff, // mov edi,edi
	0x83, 0xf7, 0x01, // xor edi,0x1
	0xb8, 0xe4, 0x00, 0x00, 0x00, // mov eax,0xe4
	0x0f, 0x05, // syscall
	0xf3, 0x49, 0x0f, 0xae, 0xcb, // rdgsbase r11
	0x49, 0x89, 0x83, 0x40, 0x7d, 0x00, 0x00, // mov [r11+0x7d40],rax
	0x0f, 0x1f, 0x40, 0x4d, // nop [rax+0x4d]
	0x49, 0x8b, 0xbb, 0x00, 0x7d, 0x00, 0x00, // mov rdi,[r11+0x7d00]
	0x49, 0x8b, 0x8b, 0x30, 0x7d, 0x00, 0x00, // mov rcx,[r11+0x7d30]
	0x45, 0x31, 0xc0, // xor r8d,r8d
	0x45, 0x31, 0xc9, // xor r9d,r9d
	0x45, 0x31, 0xd2, // xor r10d,r10d
	0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff, // cmp rax,0xfffffffffffff001
	0x73, 0x03, // jae a1
	0xf8,       // clc
	0xff, 0xe1, // jmp rcx
	0xf7, 0xd8, // neg eax
	0x0f, 0xb6, 0x80, 0x00, ErrnoPage >> 8 & 0xff, ErrnoPage >> 16, 0x00, // movzx eax,[rax+0x10a000]
	0xf9,       // stc
	0xff, 0xe1, // jmp rcx
}

func testFast() *FastCalls {
	f := &FastCalls{Locals: []Local{newLocal(testLocal)}}
	f.Nr[guestGetppid] = unix.SYS_GETPPID + 1
	f.Nr[guestClose] = unix.SYS_CLOSE + 1
	f.Local[guestClock] = 1
	return f
}

func movEAX(nr byte) []byte { return []byte{0xb8, nr, 0, 0, 0} }

// frame is a copy of the frame in the first slot.
func (c *child) frame() []byte {
	b := make([]byte, FrameSize)
	if err := c.ReadMem(Slot(0).Addr()+FrameOffset, b); err != nil {
		c.t.Fatal(err)
	}
	return b
}

// memFunc is memory that is read by a function, and not written.
type memFunc func(guest.Addr, []byte) error

func (f memFunc) ReadMem(a guest.Addr, b []byte) error { return f(a, b) }

func (f memFunc) WriteMem(guest.Addr, []byte) error { return guest.ErrFault }

// frameAt reads as if that were the frame.
func frameAt(frame []byte) memFunc {
	return func(_ guest.Addr, b []byte) error {
		copy(b, frame)
		return nil
	}
}

// TestThunkSteps runs each kind of thunk one instruction at a time. Wherever a
// signal may interrupt it, Locate must give the guest's registers as they were
// at its own system call, or as they are when the thunk has come to its end.
func TestThunkSteps(t *testing.T) {
	const buf = scratchBase
	for _, c := range []struct {
		name string
		code []byte // up to the syscall instruction
		regs func(*Regs)
		nr   uint64 // the guest's number
		slow bool   // the supervisor must serve the call
		err  bool
	}{
		{"mov", movEAX(guestGetppid), nil, guestGetppid, false, false},
		{"mov, error", movEAX(guestClose), func(r *Regs) { r.Rdi = 1 << 20 }, guestClose, false, true},
		{"libc", append(movEAX(guestGetppid), 0x49, 0x89, 0xca), nil, guestGetppid, false, false},
		{"local", append(movEAX(guestClock), 0x48, 0xc7, 0xc7, 1, 0, 0, 0, 0x48, 0x8d, 0x74, 0x24, 0xd8), nil, guestClock, false, false},
		{"local, slow", append(movEAX(guestClock), 0x48, 0xc7, 0xc7, 2, 0, 0, 0, 0x48, 0x8d, 0x74, 0x24, 0xd8), nil, guestClock, true, false},
		{"local, short form", movEAX(guestClock), func(r *Regs) { r.Rdi, r.Rsi = 1, buf }, guestClock, false, false},
		{"local, error", movEAX(guestClock), func(r *Regs) { r.Rdi, r.Rsi = 1, 8 }, guestClock, false, true},
		{"local, GS base in use", movEAX(guestClock), func(r *Regs) { r.Rdi, r.Rsi, r.Gs_base = 1, buf, 4096 }, guestClock, true, false},
		{"number in RAX", []byte{0x48, 0x8b, 0x74, 0x24, 0x08}, func(r *Regs) { r.Rax = guestGetppid }, guestGetppid, false, false},
		{"number in RAX, error", []byte{0x4c, 0x8d, 0x44, 0x24, 0x08}, func(r *Regs) { r.Rax, r.Rdi = guestClose, 1<<20 }, guestClose, false, true},
		{"number in RAX, slow", []byte{0x48, 0x8b, 0x74, 0x24, 0x08}, func(r *Regs) { r.Rax = guestSlow }, guestSlow, true, false},
		{"number in RAX, local", []byte{0x48, 0x8b, 0x74, 0x24, 0x08}, func(r *Regs) { r.Rax, r.Rdi = guestClock, 0 }, guestClock, false, true},
		{"number in RAX, local, slow", []byte{0x48, 0x8b, 0x74, 0x24, 0x08}, func(r *Regs) { r.Rax, r.Rdi = guestClock, 2 }, guestClock, true, false},
		{"number in RAX, too large", []byte{0x48, 0x8b, 0x74, 0x24, 0x08}, func(r *Regs) { r.Rax = 1 << 40 }, 1 << 40, true, false},
		{"number in RAX, minus one", []byte{0x48, 0x8b, 0x74, 0x24, 0x08}, func(r *Regs) { r.Rax = ^uint64(0) }, ^uint64(0), true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			fast := testFast()
			thunks := NewThunks(fast)
			page := make([]byte, pageSize)
			const at = 64
			sys := copy(page[at:], c.code) + at
			copy(page[sys:], []byte{0x0f, 0x05, 0xcc})
			patch := thunks.PatchPage(guestPage, page)
			if patch == nil {
				t.Fatal("the site is not recognised")
			}
			sysAddr := guestPage + uint64(sys)
			p := newRegionChild(t, Image(testErrno, nil, fast), patch.Page)
			for _, piece := range patch.Thunks {
				if err := p.WriteMem(addr(piece.At), piece.Code); err != nil {
					t.Fatal(err)
				}
			}
			r := p.regs()
			r.Rip, r.Rsp, r.Orig_rax = guestPage+at, scratchBase+SlotSize/2, noSyscall
			r.Rdi, r.Rsi, r.Rdx, r.R10, r.R8, r.R9 = 11, 12, 13, 14, 15, 16
			r.Gs_base = scratchBase
			if c.regs != nil {
				c.regs(&r)
			}
			p.setRegs(&r)

			type seen struct {
				raw   Regs
				frame []byte
			}
			var trail []seen
			var before *Regs // the registers with which the guest's own syscall would run
			for n := 0; ; n++ {
				if n > 96 {
					t.Fatal("no end of the thunk")
				}
				raw := p.regs()
				if raw.Rip == sysAddr || raw.Rip == sysAddr+2 {
					break
				}
				trail = append(trail, seen{raw, p.frame()})
				p.Step()
			}
			end := p.regs()
			if c.slow != (end.Rip == sysAddr) {
				t.Fatalf("the thunk ended at %#x, the guest's syscall is at %#x", end.Rip, sysAddr)
			}
			if c.slow && end.Rax != c.nr {
				t.Errorf("the guest's syscall runs with number %d", end.Rax)
			}
			if !c.slow && c.err != (end.Eflags&carry != 0) {
				t.Errorf("carry is %d, RAX %d", end.Eflags&carry, int64(end.Rax))
			}
			if c.err && !(end.Rax > 100 && end.Rax < 256) {
				t.Errorf("error %d", int64(end.Rax))
			}
			done := false
			for i, s := range trail {
				if s.raw.Rip < localBase || s.raw.Rip >= thunkEnd {
					before = &trail[i].raw
					continue
				}
				got := s.raw
				st, _, nr := thunks.Locate(&got, testErrno, 0, frameAt(s.frame))
				where := got.Rip
				switch {
				case st == TailDone && where >= guestPage && where < sysAddr:
					// The displaced instruction is still to be done at the site.
					if done || got.Rdi != before.Rdi || got.Rsi != before.Rsi || got.R10 != before.R10 {
						t.Errorf("step %d at %#x: back to the site with changed registers", i, s.raw.Rip)
					}
				case st == TailNotStarted:
					if done {
						t.Errorf("step %d at %#x: not started, after it was done", i, s.raw.Rip)
					}
					got.Rewind(nr)
					if got.Rip != sysAddr || got.Rax != c.nr || nr != c.nr {
						t.Errorf("step %d at %#x: restart at %#x with number %d (%d)", i, s.raw.Rip, got.Rip, got.Rax, nr)
					}
					want := s.raw
					if i > 0 && (got.Rdi != before.Rdi || got.Rdx != want.Rdx) {
						t.Errorf("step %d at %#x: RDI is %d, the guest's %d", i, s.raw.Rip, got.Rdi, before.Rdi)
					}
				case st == TailDone:
					done = true
					if where != sysAddr+2 || got.Rax != end.Rax || got.Eflags&carry != end.Eflags&carry || got.Rdi != end.Rdi {
						t.Errorf("step %d at %#x: RIP %#x RAX %d carry %d RDI %d, at the end %#x %d %d %d", i, s.raw.Rip,
							where, int64(got.Rax), got.Eflags&carry, got.Rdi, end.Rip, int64(end.Rax), end.Eflags&carry, end.Rdi)
					}
				default:
					t.Errorf("step %d at %#x: state %d", i, s.raw.Rip, st)
				}
			}
			if done == c.slow {
				t.Errorf("done: %v, slow: %v", done, c.slow)
			}
		})
	}
}

// TestTailSteps does the same for the tail sequences.
func TestTailSteps(t *testing.T) {
	for _, c := range []struct {
		name string
		kind TailKind
		nr   uint64
		args [6]uint64
		want uint64
		err  bool
	}{
		{"plain", TailPlain, unix.SYS_LSEEK, [6]uint64{1 << 20}, uint64(testErrno(int(unix.EBADF))), true},
		{"plain, result", TailPlain, unix.SYS_UMASK, [6]uint64{0o22}, 0, false},
		{"no fifth", TailNoFifth, unix.SYS_MMAP, [6]uint64{0x20000000, 4096, 0, unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_FIXED}, 0x20000000, false},
		{"no fifth, error", TailNoFifth, unix.SYS_MMAP, [6]uint64{0x20000000, 0, 0, unix.MAP_PRIVATE | unix.MAP_ANONYMOUS}, uint64(testErrno(int(unix.EINVAL))), true},
		{"zero", TailZero, unix.SYS_PRCTL, [6]uint64{unix.PR_GET_TIMERSLACK}, 0, false},
		{"zero, EAGAIN", TailZero, unix.SYS_FUTEX, [6]uint64{CodeBase, 0 /* FUTEX_WAIT */, 1}, 0, false},
		{"zero, error", TailZero, unix.SYS_CLOSE, [6]uint64{1 << 20}, uint64(testErrno(int(unix.EBADF))), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			code := make([]byte, pageSize)
			copy(code, []byte{0x0f, 0x05, 0xcc})
			p := newRegionChild(t, Image(testErrno, nil, testFast()), code)
			base := p.regs()
			base.Rip, base.Orig_rax = guestPage+2, noSyscall
			if err := p.SetTail(c.kind, &base, c.nr, &c.args); err != nil {
				t.Fatal(err)
			}
			var trail []Regs
			for n := 0; ; n++ {
				if n > 32 {
					t.Fatal("no end of the sequence")
				}
				r := p.regs()
				if r.Rip == guestPage+2 {
					break
				}
				trail = append(trail, r)
				p.Step()
			}
			end := p.regs()
			if c.name != "plain, result" && end.Rax != c.want {
				t.Errorf("RAX is %d, want %d", int64(end.Rax), int64(c.want))
			}
			if (end.Eflags&carry != 0) != c.err {
				t.Errorf("carry is %d", end.Eflags&carry)
			}
			if end.R8 != 0 || end.R9 != 0 || end.R10 != 0 {
				t.Errorf("R8, R9, R10 are %#x, %#x, %#x", end.R8, end.R9, end.R10)
			}
			for i, r := range trail {
				got := r
				st, _ := got.Tail(testErrno)
				want := TailDone
				if i == 0 {
					want = TailNotStarted
				}
				if st != want {
					t.Errorf("step %d at %#x: state %d", i, r.Rip, st)
					continue
				}
				if st == TailNotStarted {
					if got != r {
						t.Errorf("step %d: registers have changed", i)
					}
					continue
				}
				if got.Rip != end.Rip || got.Rax != end.Rax || got.Eflags&carry != end.Eflags&carry ||
					got.R8 != 0 || got.R9 != 0 || got.R10 != 0 || got.Rdx != end.Rdx {
					t.Errorf("step %d at %#x: RIP %#x RAX %d carry %d, at the end %#x %d %d", i, r.Rip,
						got.Rip, int64(got.Rax), got.Eflags&carry, end.Rip, int64(end.Rax), end.Eflags&carry)
				}
			}
		})
	}
}

// TestInterrupted gives both kinds of sequence the codes that Linux leaves
// when a signal ends a call.
func TestInterrupted(t *testing.T) {
	fast := testFast()
	thunks := NewThunks(fast)
	page := make([]byte, pageSize)
	copy(page[64:], append(movEAX(guestClose), 0x0f, 0x05))
	if thunks.PatchPage(guestPage, page) == nil {
		t.Fatal("not patched")
	}
	for _, c := range []struct {
		rax  int64
		kind RestartKind
	}{{-512, RestartIfAsked}, {-513, RestartAlways}, {-514, RestartNever}, {-516, RestartNever}, {-4, RestartIfAsked}, {-9, NoRestart}, {7, NoRestart}} {
		for name, rip := range map[string]uint64{
			"tail": tailEntry + 2, "tail8": tail8Entry + 2, "tailZero": tailZeroEntry + 2,
			"thunk": thunkBase + uint64(thunks.list[0].syscall) + 2,
			"local": fast.routines()[0].at + fast.routines()[0].syscall + 2,
		} {
			r := Regs{Rip: rip, Rax: uint64(c.rax), Orig_rax: unix.SYS_CLOSE, R8: guestPage + 71, R9: guestPage + 71}
			st, kind := r.Tail(testErrno)
			if name == "thunk" || name == "local" {
				var nr uint64
				if c.rax == -4 != thunks.EINTR(&Regs{Rip: rip, Rax: uint64(c.rax), Orig_rax: unix.SYS_CLOSE}) {
					t.Errorf("%s, %d: EINTR is wrong", name, c.rax)
				}
				st, kind, nr = thunks.Locate(&r, testErrno, 0, memFunc(func(_ guest.Addr, b []byte) error {
					*(*frame)(unsafe.Pointer(&b[0])) = frame{ret: guestPage + 71, nr: guestClose}
					return nil
				}))
				if st == TailInterrupted && (nr != guestClose || r.Rip != guestPage+71) {
					t.Errorf("%s, %d: number %d, RIP %#x", name, c.rax, nr, r.Rip)
				}
			}
			want := TailInterrupted
			if c.kind == NoRestart {
				want = TailDone
			}
			if st != want || kind != c.kind {
				t.Errorf("%s, %d: state %d, kind %d, want %d, %d", name, c.rax, st, kind, want, c.kind)
			}
		}
		// A host call with a stop behind it.
		r := Regs{Rip: callEntry + 2, Rax: uint64(c.rax), Orig_rax: unix.SYS_CLOSE}
		want := CallInterrupted
		if c.kind == NoRestart {
			want = CallReturned
		}
		if r.Call() != want {
			t.Errorf("host call, %d: state %d, want %d", c.rax, r.Call(), want)
		}
	}
	for rip, want := range map[uint64]CallState{callEntry: CallNotStarted, callDone: CallDone, batchDone: CallDone, execDone: CallDone,
		guestPage: CallElsewhere, batchEntry: CallElsewhere, tailEntry: CallElsewhere} {
		if r := (Regs{Rip: rip}); r.Call() != want {
			t.Errorf("at %#x: state %d, want %d", rip, r.Call(), want)
		}
	}
}

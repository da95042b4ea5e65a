package freebsd

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
)

// stepMem is a stepper's memory with the thread's frame as it was at some step.
type stepMem struct {
	guest.Memory
	frame []byte
}

func (m stepMem) ReadMem(a guest.Addr, b []byte) error {
	if a == host.Slot(0).Addr()+host.FrameOffset {
		copy(b, m.frame)
		return nil
	}
	return m.Memory.ReadMem(a, b)
}

// TestLocalSteps runs the local routines one instruction at a time. Wherever a
// signal may come, Locate must give the guest's registers as they were at its
// own system call, or as they are when the routine has come to its end.
func TestLocalSteps(t *testing.T) {
	obj := uint64(stepObj)
	const (
		missing = 256 // where the objects are: a path that does not exist,
		file    = 320 // one that does,
		null    = 384 // /dev/null,
		made    = 640 // one to be made,
		root    = 496 // the root directory,
		act     = 512 // a struct sigaction, a stack_t, an address
	)
	for _, c := range []struct {
		name string
		nr   uint32
		args [6]uint64
		once bool // once Linux has done it, it must not be done again
		slow bool // the supervisor makes the call
	}{
		{"open", 5, [6]uint64{obj + file, abi.O_RDONLY}, true, false},
		{"open, missing", 5, [6]uint64{obj + missing, abi.O_RDONLY}, false, false},
		{"open, device", 5, [6]uint64{obj + null, abi.O_RDWR | abi.O_CLOEXEC}, true, false},
		{"open, another device", 5, [6]uint64{obj + null + 32, abi.O_RDONLY}, false, true},
		{"open, wild", 5, [6]uint64{16, abi.O_RDONLY}, false, true},
		{"openat, to make", 499, [6]uint64{cwd, obj + made, abi.O_CREAT | abi.O_RDWR | abi.O_APPEND, 0o1640}, true, false},
		{"openat, not a directory", 499, [6]uint64{0, obj + missing, abi.O_RDONLY}, false, false},
		{"close", 6, [6]uint64{0}, true, false},
		{"close, not open", 6, [6]uint64{77}, true, false},
		{"sigaltstack, asked", 53, [6]uint64{0, obj}, false, false},
		{"sigaltstack, set", 53, [6]uint64{obj + act, obj}, true, false},
		{"munmap", 73, [6]uint64{1 << 40, 4096}, true, false},
		{"munmap, of LSF's", 73, [6]uint64{obj &^ 4095, 4096}, false, true},
		{"munmap, odd", 73, [6]uint64{1<<40 + 1, 4096}, false, true},
		{"mprotect, of LSF's", 74, [6]uint64{obj &^ 4095, 4096, 1}, false, true},
		{"mprotect, nothing there", 74, [6]uint64{1 << 40, 4096, 1}, true, false},
		{"madvise, free", 75, [6]uint64{1 << 40, 4096, localAdviseFree}, false, false},
		{"fcntl, F_GETFL", 92, [6]uint64{0, abi.F_GETFL}, false, false},
		{"fcntl, F_GETFL, not open", 92, [6]uint64{77, abi.F_GETFL}, false, false},
		{"fcntl, F_GETFD", 92, [6]uint64{0, abi.F_GETFD}, false, false},
		{"fcntl, F_SETFD", 92, [6]uint64{0, abi.F_SETFD, 1}, false, false},
		{"fcntl, F_DUPFD", 92, [6]uint64{0, abi.F_DUPFD}, false, true},
		{"sysarch", 165, [6]uint64{amd64SetFSBase, obj + act + 32}, false, false},
		{"clock_gettime", 232, [6]uint64{4, obj}, true, false},
		{"clock_gettime, of no use", 232, [6]uint64{99, obj}, false, true},
		{"clock_gettime, wild", 232, [6]uint64{0, 16}, true, false},
		{"nanosleep", 240, [6]uint64{obj, 0}, true, false},
		{"nanosleep, with what is left", 240, [6]uint64{obj, obj}, false, true},
		{"issetugid", 253, [6]uint64{}, false, false},
		{"sigaction, asked", 416, [6]uint64{30, 0, obj}, false, false},
		{"sigaction, set", 416, [6]uint64{30, obj + act + 40, obj}, true, false},
		{"sigaction, no signal", 416, [6]uint64{199, 0, obj}, false, true},
		{"thr_self", 432, [6]uint64{obj}, false, false},
		{"mmap", 477, [6]uint64{0, 8192, 3, 0x1002, ^uint64(0), 0}, true, false},
		{"mmap, guard", 477, [6]uint64{0, 8192, 0, 0x2000, ^uint64(0), 0}, true, false},
		{"mmap, no such file", 477, [6]uint64{0, 8192, 1, 2, 77, 0}, false, true},
		{"mmap, shared", 477, [6]uint64{0, 8192, 3, 0x1001, ^uint64(0), 0}, false, true},
		{"fstat", 551, [6]uint64{0, obj}, false, false},
		{"fstat, not open", 551, [6]uint64{77, obj}, false, false},
		{"fstatat", 552, [6]uint64{cwd, obj + file, obj, 0}, false, false},
		{"fstatat, missing", 552, [6]uint64{cwd, obj + missing, obj, abi.AT_SYMLINK_NOFOLLOW}, false, false},
		{"chdir", 12, [6]uint64{obj + root}, true, false},
		{"chdir, missing", 12, [6]uint64{obj + missing}, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStepper(t, c.nr)
			mem := make([]byte, 1024)
			copy(mem[missing:], "/nonesuch/file")
			copy(mem[file:], "/proc/self/exe")
			copy(mem[null:], "/dev/null")
			copy(mem[null+32:], "/dev/fd/0")
			copy(mem[root:], "/")
			copy(mem[made:], t.TempDir()+"/made")
			le.PutUint64(mem[act:], 1<<30)       // ss_sp
			le.PutUint64(mem[act+8:], 1<<16)     // ss_size
			le.PutUint64(mem[act+32:], 1<<30)    // the FS base
			le.PutUint64(mem[act+40:], stepPage) // sa_handler
			if err := s.WriteMem(stepObj, mem); err != nil {
				t.Fatal(err)
			}
			r := s.start
			r.Rdi, r.Rsi, r.Rdx, r.R10, r.R8, r.R9 = c.args[0], c.args[1], c.args[2], c.args[3], c.args[4], c.args[5]
			s.setRegs(&r)

			type step struct {
				regs  host.Regs
				mem   stepMem
				calls int // how many Linux has done until then
			}
			var trail []step
			calls := 0
			for n := 0; ; n++ {
				if n > 200 {
					t.Fatal("no end of the routine")
				}
				r := s.regs()
				if inPage(&r) {
					if n > 0 {
						break
					}
				} else {
					b := make([]byte, host.FrameSize)
					if err := s.ReadMem(host.Slot(0).Addr()+host.FrameOffset, b); err != nil {
						t.Fatal(err)
					}
					trail = append(trail, step{r, stepMem{s, b}, calls})
				}
				if s.atCall(&r) {
					calls++
				}
				if err := unix.PtraceSingleStep(s.Tid); err != nil {
					t.Fatal(err)
				}
				if sig := s.StopSignal(); sig != unix.SIGTRAP {
					// An address that is not good: the supervisor makes the call.
					if sig != unix.SIGSEGV || !c.slow {
						t.Fatalf("signal %v at %#x", sig, s.regs().Rip)
					}
					break
				}
			}
			end := s.regs()
			switch {
			case c.slow && inPage(&end) && (end.Rip != stepAfter-2 || end.Rax != uint64(c.nr)):
				t.Errorf("ends at %#x with %d, not at the guest's own call", end.Rip, int64(end.Rax))
			case !c.slow && end.Rip != stepAfter:
				t.Errorf("ends at %#x", end.Rip)
			}
			for i, st := range trail {
				got := st.regs
				state, _, nr := s.thunks.Locate(&got, (&OS{}).HostErrno, 0, st.mem)
				where := got.Rip
				if !s.keeps(&got) {
					t.Errorf("step %d at %#x: state %d, the guest's registers are %+v", i, st.regs.Rip, state, got)
				}
				switch state {
				case host.TailNotStarted:
					got.Rewind(nr)
					a := c.args
					if where != stepAfter || got.Rax != uint64(c.nr) || got.Rdi != a[0] || got.Rsi != a[1] || got.Rdx != a[2] || got.R10 != a[3] || got.R8 != a[4] || got.R9 != a[5] {
						t.Errorf("step %d at %#x: not started, the guest's registers are %+v", i, st.regs.Rip, got)
					}
					if st.calls > 0 && c.once && !c.slow {
						t.Errorf("step %d at %#x: would be done twice", i, st.regs.Rip)
					}
				case host.TailDone:
					const carry = 1
					if c.slow || where != stepAfter || got.Rax != end.Rax || got.Eflags&carry != end.Eflags&carry || got.Rdx != end.Rdx || got.Rdi != end.Rdi || got.Rsi != end.Rsi {
						t.Errorf("step %d at %#x: done, at %#x with RAX %d carry %d RDX %d, at the end %#x %d %d %d", i, st.regs.Rip,
							where, int64(got.Rax), got.Eflags&carry, got.Rdx, end.Rip, int64(end.Rax), end.Eflags&carry, end.Rdx)
					}
				default:
					t.Errorf("step %d at %#x: state %d", i, st.regs.Rip, state)
				}
			}
		})
	}
}

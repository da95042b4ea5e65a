package freebsd

import (
	"encoding/binary"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
)

// Where the tests put guest code.
const (
	stepPage  = 0x10000000
	stepCall  = stepPage + 64 // mov eax, 454; syscall; int3
	stepAfter = stepCall + 7
)

// stepObj is where its objects are.
var stepObj = host.Slot(0).Addr() + 4096

// stepper is a process in which the routine is run one instruction at a time.
type stepper struct {
	*host.Tracee
	t     *testing.T
	ro    *host.Routine
	start host.Regs
}

func newStepper(t *testing.T) *stepper {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	eng, err := host.NewEngine("ptrace")
	if err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread()
	cmd := exec.Command(self)
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		runtime.UnlockOSThread()
		t.Skipf("no process can be traced here: %v", err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		runtime.UnlockOSThread()
	})
	fast := &host.FastCalls{Routine: host.NewRoutine(sysUmtxOp, umtxRoutine())}
	s := &stepper{Tracee: eng.Tracee(cmd.Process.Pid), t: t, ro: fast.Routine}
	s.wait()
	page := make([]byte, 4096)
	copy(page[stepCall-stepPage:], []byte{0xb8, 454 & 0xff, 454 >> 8, 0, 0, 0x0f, 0x05, 0xcc})
	thunks := host.NewThunks(fast)
	patch := thunks.PatchPage(stepPage, page)
	if patch == nil {
		t.Fatal("the call site is not recognised")
	}
	r := s.regs()
	if err := s.Force(host.Piece{At: r.Rip, Code: []byte{0x0f, 0x05, 0xcc}}); err != nil {
		t.Fatal(err)
	}
	const prot, flags = unix.PROT_READ | unix.PROT_WRITE | unix.PROT_EXEC, unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_FIXED
	for _, m := range [][2]uint64{{host.CodeBase, host.CodeEnd - host.CodeBase}, {uint64(host.Slot(0).Addr()), host.SlotSize}, {stepPage, 4096}} {
		c := r
		c.Rax, c.Orig_rax = unix.SYS_MMAP, ^uint64(0)
		c.Rdi, c.Rsi, c.Rdx, c.R10, c.R8, c.R9 = m[0], m[1], prot, flags, ^uint64(0), 0
		s.setRegs(&c)
		s.run()
	}
	var os OS
	write := func(at uint64, b []byte) {
		if err := s.WriteMem(guest.Addr(at), b); err != nil {
			t.Fatal(err)
		}
	}
	write(host.CodeBase, host.Image(os.HostErrno, nil, fast))
	write(stepPage, patch.Page)
	for _, p := range patch.Thunks {
		write(p.At, p.Code)
	}
	r.Rip, r.Orig_rax = stepCall, ^uint64(0)
	r.Rsp = uint64(host.Slot(0).Addr()) + host.SlotSize/2
	r.Rbx, r.Rbp, r.R12, r.R13, r.R14, r.R15 = 21, 22, 23, 24, 25, 26
	s.start = r
	return s
}

func (s *stepper) wait() {
	s.t.Helper()
	var ws unix.WaitStatus
	if _, err := unix.Wait4(s.Tid, &ws, unix.WALL, nil); err != nil || !ws.Stopped() || ws.StopSignal() != unix.SIGTRAP {
		s.t.Fatalf("not at a trap: %#x, %v, at %#x", ws, err, s.regs().Rip)
	}
}

func (s *stepper) run() {
	s.t.Helper()
	if err := s.Resume(0); err != nil {
		s.t.Fatal(err)
	}
	s.wait()
}

func (s *stepper) regs() (r host.Regs) {
	s.GetRegs(&r)
	return r
}

func (s *stepper) setRegs(r *host.Regs) {
	if err := s.SetRegs(r); err != nil {
		s.t.Fatal(err)
	}
}

// to begins the call anew with these arguments and object, and goes n
// instructions on, but not beyond where it comes back to the guest or, if it
// would sleep, the call that does. It returns how far it got.
func (s *stepper) to(n int, args [5]uint64, obj []uint32, sleeps bool) int {
	s.t.Helper()
	r := s.start
	r.Rdi, r.Rsi, r.Rdx, r.R10, r.R8 = args[0], args[1], args[2], args[3], args[4]
	s.setRegs(&r)
	b := make([]byte, 64)
	for i, w := range obj {
		binary.LittleEndian.PutUint32(b[4*i:], w)
	}
	if err := s.WriteMem(stepObj, b); err != nil {
		s.t.Fatal(err)
	}
	for i := range n {
		r := s.regs()
		if i > 0 && r.Rip >= stepPage && r.Rip < stepPage+4096 && r.Rip != stepCall {
			return i
		}
		var ins [2]byte
		s.ReadMem(guest.Addr(r.Rip), ins[:])
		if st, _ := s.ro.Locate(&r, s); sleeps && st == host.RoutineSleeping && ins == [2]byte{0x0f, 0x05} {
			return i
		}
		if err := unix.PtraceSingleStep(s.Tid); err != nil {
			s.t.Fatal(err)
		}
		s.wait()
	}
	return n
}

// TestUmtxSteps has a signal come behind each instruction of the routine, as
// it is entered from a patched call site. Wherever that is, the guest must come
// out of it with its own registers, and we must hear of it.
func TestUmtxSteps(t *testing.T) {
	const (
		contested = 0x80000000
		free      = 0
		other     = 99
	)
	const self = 77 // stands for the thread's own ID
	obj := uint64(stepObj)
	for _, c := range []struct {
		name string
		args [5]uint64
		obj  []uint32
		want []uint64 // results without a signal: none if it sleeps, nil if the supervisor is to serve the call
	}{
		{"wait, another value", [5]uint64{obj, abi.UMTX_OP_WAIT_UINT_PRIVATE, 5}, []uint32{4}, []uint64{0}},
		{"wait", [5]uint64{obj, abi.UMTX_OP_WAIT_UINT_PRIVATE, 5}, []uint32{5}, []uint64{}},
		{"wait, with a clock of its own", [5]uint64{obj, abi.UMTX_OP_WAIT_UINT_PRIVATE, 5, 24, obj + 16}, []uint32{5, 0, 0, 0, 1, 0, 0, 0, 1, 5}, nil},
		{"lock, timed", [5]uint64{obj, abi.UMTX_OP_MUTEX_LOCK, 0, 16, obj + 32}, []uint32{free}, nil},
		{"an operation that is none", [5]uint64{obj, 99}, nil, nil},
		{"wake", [5]uint64{obj, abi.UMTX_OP_WAKE_PRIVATE, 1}, nil, []uint64{0}},
		{"lock", [5]uint64{obj, abi.UMTX_OP_MUTEX_LOCK}, []uint32{free}, []uint64{0}},
		{"trylock of another's", [5]uint64{obj, abi.UMTX_OP_MUTEX_TRYLOCK}, []uint32{other}, []uint64{uint64(abi.EBUSY)}},
		{"lock of another's", [5]uint64{obj, abi.UMTX_OP_MUTEX_LOCK}, []uint32{other}, []uint64{}},
		{"lock with a ceiling", [5]uint64{obj, abi.UMTX_OP_MUTEX_LOCK}, []uint32{contested, 8}, nil},
		{"unlock", [5]uint64{obj, abi.UMTX_OP_MUTEX_UNLOCK}, []uint32{self | contested}, []uint64{0}},
		{"unlock of another's", [5]uint64{obj, abi.UMTX_OP_MUTEX_UNLOCK}, []uint32{other}, []uint64{uint64(abi.EPERM)}},
		{"mutex_wait", [5]uint64{obj, abi.UMTX_OP_MUTEX_WAIT}, []uint32{other}, []uint64{}},
		{"mutex_wake2", [5]uint64{obj, abi.UMTX_OP_MUTEX_WAKE2}, []uint32{free}, []uint64{0}},
		{"rdlock", [5]uint64{obj, abi.UMTX_OP_RW_RDLOCK}, []uint32{free}, []uint64{0}},
		{"wrlock, read-locked", [5]uint64{obj, abi.UMTX_OP_RW_WRLOCK}, []uint32{1}, []uint64{}},
		{"rw_unlock", [5]uint64{obj, abi.UMTX_OP_RW_UNLOCK}, []uint32{1}, []uint64{0}},
		{"sem2_wait, none left", [5]uint64{obj, abi.UMTX_OP_SEM2_WAIT}, []uint32{0}, []uint64{}},
		{"sem2_wait", [5]uint64{obj, abi.UMTX_OP_SEM2_WAIT}, []uint32{1}, []uint64{0}},
		{"cv_signal", [5]uint64{obj, abi.UMTX_OP_CV_SIGNAL}, []uint32{1}, []uint64{0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStepper(t)
			for i, w := range c.obj {
				if w&^contested == self {
					c.obj[i] = w&contested | uint32(s.Tid+tidBase)
				}
			}
			const most = 400
			sleeps := c.want != nil && len(c.want) == 0
			n := s.to(most, c.args, c.obj, sleeps)
			end := s.regs()
			switch {
			case n == most:
				t.Fatalf("no end of the routine, at %#x", end.Rip)
			case c.want == nil && (end.Rip != stepAfter-2 || end.Rax != sysUmtxOp):
				t.Errorf("ends at %#x with %d, not at the guest's own call", end.Rip, int64(end.Rax))
			case len(c.want) > 0 && (end.Rip != stepAfter || !slices.Contains(c.want, end.Rax)):
				t.Errorf("ends at %#x with %d", end.Rip, int64(end.Rax))
			}
			for i := range n + 1 {
				s.to(i, c.args, c.obj, sleeps)
				r := s.regs()
				in := r
				st, site := s.ro.Locate(&r, s)
				if st == host.RoutineNone {
					continue
				}
				if site == nil {
					t.Errorf("step %d at %#x: state %d, whose call it is is not known", i, in.Rip, st)
					continue
				}
				if site.Rip != stepAfter || site.Rax != sysUmtxOp || site.Rsp != s.start.Rsp || site.Rdi != c.args[0] || site.Rsi != c.args[1] ||
					site.Rdx != c.args[2] || site.Rbx != 21 || site.Rbp != 22 || site.R12 != 23 || site.R13 != 24 || site.R14 != 25 || site.R15 != 26 {
					t.Errorf("step %d at %#x: state %d, the guest's registers are %+v", i, in.Rip, st, site)
				}
				switch st {
				case host.RoutineNotStarted:
				case host.RoutineDone:
					if !slices.Contains(c.want, r.Rax) {
						t.Errorf("step %d at %#x: done, with %d", i, in.Rip, int64(r.Rax))
					}
				default:
					if err := s.ro.Interrupt(&r, st, s); err != nil {
						t.Fatal(err)
					}
					s.setRegs(&r)
					s.run()
					r = s.regs()
					interrupted := []uint64{uint64(abi.EINTR), emul.RoutineRestart, emul.RoutineRestartIfAsked}
					if r.Call() != host.CallDone || !slices.Contains(c.want, r.Rax) && !slices.Contains(interrupted, r.Rax) {
						t.Errorf("step %d at %#x: state %d, goes on to %#x and answers %d", i, in.Rip, st, r.Rip, int64(r.Rax))
					}
				}
			}
		})
	}
}

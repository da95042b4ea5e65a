package freebsd

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/host"
)

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
		if i > 0 && inPage(&r) && r.Rip != stepCall {
			return i
		}
		if st, _ := s.ro.Locate(&r, s); sleeps && st == host.RoutineSleeping && s.atCall(&r) {
			return i
		}
		s.Step()
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
		self      = 77 // stands for the thread's own ID
	)
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
			s := newStepper(t, sysUmtxOp)
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
				if site.Rip != stepAfter || site.Rax != sysUmtxOp || site.Rdi != c.args[0] || site.Rsi != c.args[1] || site.Rdx != c.args[2] || !s.keeps(site) {
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
					s.Run()
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

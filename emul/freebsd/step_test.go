package freebsd

import (
	"os"
	"testing"

	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
	"github.com/lsf-linux/lsf/internal/lsftest"
)

// Where the tests put guest code.
const (
	stepPage  = 0x10000000
	stepCall  = stepPage + 64 // mov eax, nr; syscall; int3
	stepAfter = stepCall + 7
)

// stepObj is where its objects are.
var stepObj = host.Slot(0).Addr() + 4096

// stepper is a process in which code of ours that runs in guests is run one
// instruction at a time.
type stepper struct {
	*host.Tracee
	*lsftest.Traced
	t      *testing.T
	ro     *host.Routine
	thunks host.Thunks
	start  host.Regs
}

// newStepper makes one whose guest is about to make the call nr.
func newStepper(t *testing.T, nr uint32) *stepper {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	eng, err := host.NewEngine("ptrace")
	if err != nil {
		t.Fatal(err)
	}
	var pers OS
	fast := pers.Fast()
	p := lsftest.Trace(t, self)
	s := &stepper{Tracee: eng.Tracee(p.Pid), Traced: p, t: t, ro: fast.Routine, thunks: host.NewThunks(fast)}
	page := make([]byte, 4096)
	copy(page[stepCall-stepPage:], []byte{0xb8, byte(nr), byte(nr >> 8), 0, 0, 0x0f, 0x05, 0xcc})
	patch := s.thunks.PatchPage(stepPage, page)
	if patch == nil {
		t.Fatal("the call site is not recognised")
	}
	slot := uint64(host.Slot(0).Addr())
	p.Map([2]uint64{host.CodeBase, host.CodeEnd - host.CodeBase}, [2]uint64{slot, host.SlotSize}, [2]uint64{stepPage, 4096})
	write := func(at uint64, b []byte) {
		if err := s.WriteMem(guest.Addr(at), b); err != nil {
			t.Fatal(err)
		}
	}
	write(host.CodeBase, host.Image(pers.HostErrno, nil, fast))
	write(stepPage, patch.Page)
	for _, p := range patch.Thunks {
		write(p.At, p.Code)
	}
	r := s.regs()
	r.Rip, r.Orig_rax = stepCall, ^uint64(0)
	r.Gs_base, r.Rsp = slot, slot+host.SlotSize/2
	r.Rbx, r.Rbp, r.R12, r.R13, r.R14, r.R15 = 21, 22, 23, 24, 25, 26
	s.start = r
	return s
}

// inPage says that r is in the guest's own code.
func inPage(r *host.Regs) bool { return r.Rip >= stepPage && r.Rip < stepPage+4096 }

// keeps says whether r has the registers that no call changes.
func (s *stepper) keeps(r *host.Regs) bool {
	at := &s.start
	return r.Rsp == at.Rsp && r.Rbx == at.Rbx && r.Rbp == at.Rbp && r.R12 == at.R12 && r.R13 == at.R13 && r.R14 == at.R14 && r.R15 == at.R15
}

// atCall says whether the next instruction is a system call.
func (s *stepper) atCall(r *host.Regs) bool {
	var ins [2]byte
	return s.ReadMem(guest.Addr(r.Rip), ins[:]) == nil && ins == [2]byte{0x0f, 0x05}
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

package freebsd

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
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
	var pers OS
	fast := pers.Fast()
	s := &stepper{Tracee: eng.Tracee(cmd.Process.Pid), t: t, ro: fast.Routine, thunks: host.NewThunks(fast)}
	s.wait()
	page := make([]byte, 4096)
	copy(page[stepCall-stepPage:], []byte{0xb8, byte(nr), byte(nr >> 8), 0, 0, 0x0f, 0x05, 0xcc})
	patch := s.thunks.PatchPage(stepPage, page)
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
	r.Rip, r.Orig_rax = stepCall, ^uint64(0)
	r.Gs_base = uint64(host.Slot(0).Addr())
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

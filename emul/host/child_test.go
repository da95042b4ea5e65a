package host

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// guestPage is where tests put guest code in a child: a short jump reaches
// LSF's code from there, and nothing else is there.
const guestPage = 0x10000000

// child is a process that tests run single instructions in.
type child struct {
	*Tracee
	t testing.TB
}

// startChild starts prog traced, stopped at its first instruction. The test's
// goroutine stays on its thread until the end.
func startChild(t testing.TB, prog string) *child {
	t.Helper()
	runtime.LockOSThread()
	cmd := exec.Command(prog)
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		runtime.UnlockOSThread()
		t.Skipf("no process can be traced here: %v", err)
	}
	pid := cmd.Process.Pid
	t.Cleanup(func() {
		_ = unix.Kill(pid, unix.SIGKILL)
		_, _ = unix.Wait4(pid, nil, 0, nil)
		_ = cmd.Process.Release()
		runtime.UnlockOSThread()
	})
	c := &child{(&Engine{}).Tracee(pid), t}
	c.wait()
	return c
}

// newRegionChild is a child with LSF's code and a page of guest code in it.
func newRegionChild(t testing.TB, image, code []byte) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := startChild(t, self)
	const prot = unix.PROT_READ | unix.PROT_WRITE | unix.PROT_EXEC
	const flags = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_FIXED
	r := c.regs()
	if err := c.Force(Piece{r.Rip, []byte{0x0f, 0x05, 0xcc, 0x90, 0x90, 0x90, 0x90, 0x90}}); err != nil {
		t.Fatal(err)
	}
	for _, m := range [][2]uint64{{CodeBase, CodeEnd - CodeBase}, {scratchBase, SlotSize}, {guestPage, pageSize}} {
		call := r
		call.setArgs(unix.SYS_MMAP, &[6]uint64{m[0], m[1], prot, flags, ^uint64(0), 0})
		c.setRegs(&call)
		if err := c.Resume(0); err != nil {
			t.Fatal(err)
		}
		c.wait()
		if got := c.regs(); got.Rax != m[0] {
			t.Fatalf("mmap of %#x in the child: %#x", m[0], got.Rax)
		}
	}
	if err := c.WriteMem(CodeBase, image); err != nil {
		t.Fatal(err)
	}
	if err := c.WriteMem(guestPage, code); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *child) wait() {
	c.t.Helper()
	var ws unix.WaitStatus
	if _, err := unix.Wait4(c.Tid, &ws, unix.WALL, nil); err != nil || !ws.Stopped() || ws.StopSignal() != unix.SIGTRAP {
		c.t.Fatalf("the child is not at a trap: %#x, %v", ws, err)
	}
}

func (c *child) step() {
	c.t.Helper()
	if err := unix.PtraceSingleStep(c.Tid); err != nil {
		c.t.Fatal(err)
	}
	c.wait()
}

func (c *child) regs() (r Regs) {
	c.t.Helper()
	if err := c.GetRegs(&r); err != nil {
		c.t.Fatal(err)
	}
	return r
}

func (c *child) setRegs(r *Regs) {
	c.t.Helper()
	if err := c.SetRegs(r); err != nil {
		c.t.Fatal(err)
	}
}

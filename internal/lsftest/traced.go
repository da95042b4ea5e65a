package lsftest

import (
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Traced is a process whose instructions a test runs one at a time.
type Traced struct {
	Pid int
	tb  testing.TB
}

// Trace starts prog traced, stopped at its first instruction, and kills it at the
// end of the test. The test's goroutine stays on its thread until then: nobody
// else can trace the process. Where none can be traced the test is skipped.
func Trace(tb testing.TB, prog string) *Traced {
	tb.Helper()
	runtime.LockOSThread()
	cmd := exec.Command(prog)
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		runtime.UnlockOSThread()
		tb.Skipf("no process can be traced here: %v", err)
	}
	p := &Traced{cmd.Process.Pid, tb}
	tb.Cleanup(func() {
		_ = unix.Kill(p.Pid, unix.SIGKILL)
		_, _ = unix.Wait4(p.Pid, nil, 0, nil)
		_ = cmd.Process.Release()
		runtime.UnlockOSThread()
	})
	p.Wait()
	return p
}

// StopSignal waits until p has stopped, and says at which signal.
func (p *Traced) StopSignal() unix.Signal {
	p.tb.Helper()
	var ws unix.WaitStatus
	if _, err := unix.Wait4(p.Pid, &ws, unix.WALL, nil); err != nil || !ws.Stopped() {
		p.tb.Fatalf("the process has not stopped: %#x, %v", ws, err)
	}
	return ws.StopSignal()
}

// Wait waits until p has come to a trap.
func (p *Traced) Wait() {
	p.tb.Helper()
	if sig := p.StopSignal(); sig != unix.SIGTRAP {
		p.tb.Fatalf("the process is not at a trap, but at signal %v", sig)
	}
}

// Step runs one instruction.
func (p *Traced) Step() {
	p.tb.Helper()
	if err := unix.PtraceSingleStep(p.Pid); err != nil {
		p.tb.Fatal(err)
	}
	p.Wait()
}

// Run lets p run to the next trap.
func (p *Traced) Run() {
	p.tb.Helper()
	if err := unix.PtraceCont(p.Pid, 0); err != nil {
		p.tb.Fatal(err)
	}
	p.Wait()
}

// Map gives p memory for code and data at these addresses, of so many bytes. What
// stood at its present instruction is lost.
func (p *Traced) Map(areas ...[2]uint64) {
	p.tb.Helper()
	const prot = unix.PROT_READ | unix.PROT_WRITE | unix.PROT_EXEC
	const flags = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_FIXED
	var r unix.PtraceRegs
	if err := unix.PtraceGetRegs(p.Pid, &r); err != nil {
		p.tb.Fatal(err)
	}
	if _, err := unix.PtracePokeText(p.Pid, uintptr(r.Rip), []byte{0x0f, 0x05, 0xcc}); err != nil { // syscall; int3
		p.tb.Fatal(err)
	}
	for _, a := range areas {
		call := r
		call.Rax, call.Orig_rax = unix.SYS_MMAP, ^uint64(0)
		call.Rdi, call.Rsi, call.Rdx, call.R10, call.R8, call.R9 = a[0], a[1], prot, flags, ^uint64(0), 0
		if err := unix.PtraceSetRegs(p.Pid, &call); err != nil {
			p.tb.Fatal(err)
		}
		p.Run()
		if err := unix.PtraceGetRegs(p.Pid, &call); err != nil || call.Rax != a[0] {
			p.tb.Fatalf("mmap of %#x in the process: %#x, %v", a[0], call.Rax, err)
		}
	}
}

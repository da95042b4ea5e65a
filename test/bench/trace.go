package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// twoStops runs a command and stops it at the entry and at the exit of every
// system call, as do its threads and children.
func twoStops(cmd *exec.Cmd) error {
	runtime.LockOSThread() // ptrace belongs to a thread
	defer runtime.UnlockOSThread()

	// Output goes to a file: a pipe would need goroutines of os/exec's, whose
	// Wait and ours would be in each other's way.
	out := cmd.Stdout
	var tmp *os.File
	if out != nil {
		var err error
		if tmp, err = os.CreateTemp("", "lsf-bench"); err != nil {
			return err
		}
		defer os.Remove(tmp.Name())
		defer tmp.Close()
		cmd.Stdout = tmp
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	first := cmd.Process.Pid
	status, err := traceAll(first)
	if err != nil {
		return err
	}
	if tmp != nil {
		b, err := os.ReadFile(tmp.Name())
		if err != nil {
			return err
		}
		if _, err := out.Write(b); err != nil {
			return err
		}
	}
	if status.ExitStatus() != 0 {
		return fmt.Errorf("wait status %#x", status)
	}
	return nil
}

func traceAll(first int) (unix.WaitStatus, error) {
	var ws unix.WaitStatus
	if _, err := unix.Wait4(first, &ws, 0, nil); err != nil {
		return 0, err
	}
	options := unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK |
		unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_EXITKILL
	if err := unix.PtraceSetOptions(first, options); err != nil {
		return 0, err
	}
	if err := unix.PtraceSyscall(first, 0); err != nil {
		return 0, err
	}
	for {
		tid, err := unix.Wait4(-1, &ws, unix.WALL, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return 0, err
		}
		if !ws.Stopped() {
			if tid == first {
				return ws, nil
			}
			continue
		}
		sig := 0
		switch s := ws.StopSignal(); {
		case s == unix.SIGTRAP|0x80:
			var regs unix.PtraceRegs
			if unix.PtraceGetRegs(tid, &regs) == nil {
				_ = unix.PtraceSetRegs(tid, &regs)
			}
		case s == unix.SIGTRAP || s == unix.SIGSTOP: // an event, or a new thread
		default:
			sig = int(s)
		}
		// A thread that was killed meanwhile is reported by the next wait.
		_ = unix.PtraceSyscall(tid, sig)
	}
}

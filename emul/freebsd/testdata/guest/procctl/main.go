// Procctl tries procctl, jails and ptrace, and prints what happened.
package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"unsafe"
)

const (
	sysProcctl                    = 544
	pdeathsigCtl, pdeathsigStatus = 11, 12
	nnpCtl, nnpStatus             = 19, 20
)

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "parent":
			parent()
		case "child":
			child()
		case "orphaning":
			orphaning()
		case "waiting":
			waiting()
		}
		return
	}
	ctl("pdeathsig status", 0, pdeathsigStatus, 0)
	ctl("pdeathsig USR1", 0, pdeathsigCtl, int32(syscall.SIGUSR1))
	ctl("pdeathsig status by PID", os.Getpid(), pdeathsigStatus, 0)
	ctl("pdeathsig 0", 0, pdeathsigCtl, 0)
	ctl("pdeathsig 127", 0, pdeathsigCtl, 127)
	ctl("pdeathsig of another", os.Getppid(), pdeathsigCtl, 1)
	ctl("no_new_privs status", 0, nnpStatus, 0)
	ctl("no_new_privs off", 0, nnpCtl, 2)
	ctl("unknown", 0, 999, 0)
	_, _, e := syscall.Syscall6(sysProcctl, 0, 0, pdeathsigCtl, 1, 0, 0)
	fmt.Println("bad pointer:", e)
	_, _, e = syscall.Syscall6(syscall.SYS_JAIL_ATTACH, 1, 0, 0, 0, 0, 0)
	fmt.Println("jail_attach:", e == syscall.EPERM)
	_, _, e = syscall.Syscall6(syscall.SYS_PTRACE, 0, 0, 0, 0, 0, 0)
	fmt.Println("ptrace:", e == syscall.EPERM)

	// The child is told when its parent is killed.
	cmd := exec.Command(os.Args[0], "parent")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		panic(err)
	}
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		fmt.Println("child:", lines.Text())
		if lines.Text() == "ready" {
			cmd.Process.Kill()
		}
	}
	fmt.Println("parent:", cmd.Wait())
	reaper()
}

func parent() {
	runtime.LockOSThread() // Linux looks at the thread
	cmd := exec.Command(os.Args[0], "child")
	cmd.Stdout = os.Stdout
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGUSR1}
	if err := cmd.Run(); err != nil {
		panic(err)
	}
}

func child() {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGUSR1)
	ctl("pdeathsig status", 0, pdeathsigStatus, 0)
	fmt.Println("ready")
	fmt.Println(<-told)
}

func ctl(what string, id, cmd int, arg int32) {
	_, _, e := syscall.Syscall6(sysProcctl, 0, uintptr(id), uintptr(cmd), uintptr(unsafe.Pointer(&arg)), 0, 0)
	if e != 0 {
		fmt.Printf("%s: %v\n", what, e)
		return
	}
	fmt.Printf("%s: %d\n", what, arg)
}

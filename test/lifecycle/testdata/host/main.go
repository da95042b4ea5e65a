// Command host is the Linux program of these tests.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

func main() {
	args := os.Args[2:]
	switch os.Args[1] {
	case "children":
		children(args)
	case "docker":
		// What Docker's profile of 20.10 forbids and LSF might want.
		filter(unix.EPERM, unix.SYS_PIDFD_GETFD, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_KCMP,
			unix.SYS_PIDFD_OPEN, unix.SYS_PERSONALITY, unix.SYS_USERFAULTFD, unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN,
			unix.SYS_IO_URING_SETUP, unix.SYS_CLONE3)
		run(args)
	case "noptrace":
		filter(unix.EPERM, unix.SYS_PTRACE)
		run(args)
	case "user":
		// user ID NPROC PROGRAM…: an unprivileged user with a limit of processes.
		id, _ := strconv.Atoi(args[0])
		n, _ := strconv.ParseUint(args[1], 10, 64)
		check(unix.Setgroups(nil))
		check(unix.Setresgid(id, id, id))
		if n > 0 {
			check(unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: n, Max: n}))
		}
		check(unix.Setresuid(id, id, id))
		run(args[2:])
	case "closed":
		// closed DIR PROGRAM…: in a chroot, without descriptors.
		check(unix.Chroot(args[0]))
		check(unix.Chdir("/"))
		check(unix.CloseRange(0, 1<<16, unix.CLOSE_RANGE_CLOEXEC))
		run(args[1:])
	case "run":
		run(args)
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(99)
	}
}

func run(args []string) { check(unix.Exec(args[0], args, os.Environ())) }

// children starts a program and tells of every child that wait4 then reports.
func children(args []string) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	check(cmd.Start())
	for {
		var ws unix.WaitStatus
		pid, err := unix.Wait4(-1, &ws, 0, nil)
		switch err {
		case nil:
			fmt.Printf("own=%v status=%d\n", pid == cmd.Process.Pid, ws)
		case unix.EINTR:
		default:
			fmt.Println(err)
			return
		}
	}
}

// filter makes system calls fail with errno from now on.
func filter(errno unix.Errno, calls ...uint32) {
	prog := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}} // seccomp_data.nr
	for i, nr := range calls {
		prog = append(prog, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: nr, Jt: uint8(len(calls) - i)})
	}
	prog = append(prog,
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)})
	f := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	check(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	_, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&f)))
	if e != 0 {
		check(e)
	}
}

package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Signals and processes.

func signals() {
	kq := newKq()
	add := func(s syscall.Signal) kev { return ev(int(s), unix.EVFILT_SIGNAL, unix.EV_ADD, 0, 0) }
	kill := func(s syscall.Signal) { must(unix.Kill(os.Getpid(), s)) }
	signal.Ignore(unix.SIGUSR1)
	get("signal", kq, add(unix.SIGUSR1))
	kill(unix.SIGUSR1)
	await("signal, ignored", kq)
	kill(unix.SIGUSR1)
	await("signal, ignored again", kq)
	get("signal, seen", kq)

	caught := make(chan os.Signal, 1)
	signal.Notify(caught, unix.SIGUSR2)
	get("signal, another", kq, add(unix.SIGUSR2))
	kill(unix.SIGUSR2)
	<-caught
	await("signal, caught too", kq)

	// One that is blocked is counted, and stays pending.
	runtime.LockOSThread()
	for _, s := range []syscall.Signal{unix.SIGWINCH, unix.SIGINFO} {
		set := unixSigset(s)
		must(sigprocmask(1, &set, nil))
		must(tkill(s))
		get("signal, pending before", kq, add(s))
		must(tkill(s))
		await("signal, blocked", kq)
		fmt.Println("signal, pending:", pending(s))
		must(sigprocmask(2, &set, nil))
		get("signal, unblocked", kq)
		must(change(kq, ev(int(s), unix.EVFILT_SIGNAL, unix.EV_DELETE, 0, 0)))
	}
	runtime.UnlockOSThread()
	get("signal, disabled", kq, ev(int(unix.SIGUSR1), unix.EVFILT_SIGNAL, unix.EV_DISABLE, 0, 0))
	// Sent by two calls: one to this thread comes at once.
	runtime.LockOSThread()
	must(tkill(unix.SIGUSR1))
	must(tkill(unix.SIGUSR1))
	runtime.UnlockOSThread()
	get("signal, disabled", kq)
	get("signal, enabled", kq, ev(int(unix.SIGUSR1), unix.EVFILT_SIGNAL, unix.EV_ENABLE, 0, 0))
	closeAll(kq)
}

type sigset [4]uint32

func unixSigset(s syscall.Signal) (m sigset) {
	m[(s-1)/32] |= 1 << ((s - 1) % 32)
	return m
}

func sigprocmask(how int, set, old *sigset) error {
	_, _, e := unix.RawSyscall(unix.SYS_SIGPROCMASK, uintptr(how), uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(old)))
	if e != 0 {
		return e
	}
	return nil
}

// pending says whether a signal is pending for the calling thread.
func pending(s syscall.Signal) bool {
	var m sigset
	_, _, e := unix.RawSyscall(unix.SYS_SIGPENDING, uintptr(unsafe.Pointer(&m)), 0, 0)
	return e == 0 && m[(s-1)/32]&(1<<((s-1)%32)) != 0
}

// tkill sends a signal to the calling thread.
func tkill(s syscall.Signal) error {
	var id int64
	if _, _, e := unix.RawSyscall(unix.SYS_THR_SELF, uintptr(unsafe.Pointer(&id)), 0, 0); e != 0 {
		return e
	}
	if _, _, e := unix.RawSyscall(unix.SYS_THR_KILL, uintptr(id), uintptr(s), 0); e != 0 {
		return e
	}
	return nil
}

func command(args ...string) (*exec.Cmd, *os.File, *os.File) {
	cmd := exec.Command(os.Args[0], args...)
	in, childIn, err := pipeFiles()
	must(err)
	childOut, out, err := pipeFiles()
	must(err)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, os.Stderr
	must(cmd.Start())
	in.Close()
	out.Close()
	childOut.Read(make([]byte, 1)) // it runs
	return cmd, childIn, childOut
}

func pipeFiles() (r, w *os.File, err error) { return os.Pipe() }

func procs() {
	kq := newKq()
	cmd, in, out := command("exit", "3")
	pid := cmd.Process.Pid
	ids[uint64(pid)] = "child"
	get("proc", kq, ev(pid, unix.EVFILT_PROC, unix.EV_ADD, unix.NOTE_EXIT|unix.NOTE_EXEC|unix.NOTE_FORK, 0))
	in.Close()
	await("proc, exit", kq)
	get("proc, gone", kq)
	get("proc, zombie", kq, ev(pid, unix.EVFILT_PROC, unix.EV_ADD, unix.NOTE_EXIT, 0))
	fmt.Println("proc, zombie without NOTE_EXIT:", name(change(kq, ev(pid, unix.EVFILT_PROC, unix.EV_ADD, unix.NOTE_FORK, 0))))
	cmd.Wait()
	fmt.Println("proc, reaped:", name(change(kq, ev(pid, unix.EVFILT_PROC, unix.EV_ADD, unix.NOTE_EXIT, 0))))
	out.Close()
	delete(ids, uint64(pid))

	cmd, in, out = command("exit", "0")
	pid = cmd.Process.Pid
	ids[uint64(pid)] = "child"
	must(change(kq, ev(pid, unix.EVFILT_PROC, unix.EV_ADD, unix.NOTE_EXIT, 0)))
	cmd.Process.Kill()
	await("proc, killed", kq)
	cmd.Wait()
	in.Close()
	out.Close()
	delete(ids, uint64(pid))

	// A program of the host's, if there is one: on FreeBSD that makes no difference.
	sh := exec.Command("/bin/sh", "-c", "read x; exit 5")
	shIn, err := sh.StdinPipe()
	must(err)
	must(sh.Start())
	pid = sh.Process.Pid
	ids[uint64(pid)] = "sh"
	must(change(kq, ev(pid, unix.EVFILT_PROC, unix.EV_ADD, unix.NOTE_EXIT, 0)))
	shIn.Close()
	await("proc, sh", kq)
	sh.Wait()
	delete(ids, uint64(pid))

	// The child forks a grandchild that execs, waits for it and exits.
	cmd, in, out = command("spawn")
	pid = cmd.Process.Pid
	ids[uint64(pid)] = "child"
	must(change(kq, ev(pid, unix.EVFILT_PROC, unix.EV_ADD, unix.NOTE_TRACK|unix.NOTE_EXIT|unix.NOTE_FORK|unix.NOTE_EXEC, 0)))
	in.Close()
	seen := map[string]uint32{}
	var grand uint64
	for seen["child"]&unix.NOTE_EXIT == 0 || seen["grandchild"]&unix.NOTE_EXIT == 0 {
		evs, err := kevent(kq, patient, 8)
		if err != nil || len(evs) == 0 {
			fmt.Println("proc, track:", list(evs, err))
			break
		}
		for _, e := range evs {
			if e.Fflags&unix.NOTE_CHILD != 0 {
				grand = e.Ident
				ids[grand] = "grandchild"
				fmt.Println("proc, track:", show(e))
				continue
			}
			seen[ids[e.Ident]] |= e.Fflags
		}
	}
	fmt.Printf("proc, track: child %#x, grandchild %#x\n", seen["child"], seen["grandchild"])
	cmd.Wait()
	out.Close()
	delete(ids, uint64(pid))
	delete(ids, grand)
	closeAll(kq)
}

func helper() {
	switch os.Args[1] {
	case "exit":
		os.Stdout.WriteString(".")
		var b [1]byte
		os.Stdin.Read(b[:])
		if os.Args[2] != "0" {
			os.Exit(3)
		}
	case "spawn":
		os.Stdout.WriteString(".")
		var b [1]byte
		os.Stdin.Read(b[:])
		exec.Command(os.Args[0], "nothing").Run()
	case "exec":
		kq := newKq()
		gone := newKq()
		_, err := unix.FcntlInt(uintptr(gone), unix.F_SETFD, unix.FD_CLOEXEC)
		must(err)
		r, w := pipe()
		r2, w2 := pipe()
		unix.CloseOnExec(r2)
		must(change(kq, ev(r, unix.EVFILT_READ, unix.EV_ADD, 0, 0), ev(r2, unix.EVFILT_READ, unix.EV_ADD, 0, 0),
			ev(1, unix.EVFILT_USER, unix.EV_ADD|unix.EV_CLEAR, 0, 0)))
		write(w, "x")
		write(w2, "x")
		must(unix.Exec(os.Args[0], []string{os.Args[0], "execed", fmt.Sprint(kq), fmt.Sprint(r)}, os.Environ()))
	case "execed":
		var kq, r int
		fmt.Sscan(strings.Join(os.Args[2:], " "), &kq, &r)
		ids[uint64(r)] = "r"
		get("after exec", kq)
		get("after exec, user", kq, ev(1, unix.EVFILT_USER, 0, unix.NOTE_TRIGGER, 0), ev(r, unix.EVFILT_READ, unix.EV_DELETE, 0, 0))
	case "fd":
		// Which of the parent's descriptors are open here?
		for _, a := range os.Args[2:] {
			var fd int
			fmt.Sscan(a, &fd)
			_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
			fmt.Print(" ", name(err))
		}
		fmt.Println()
	}
}

// Command jobs is a session on a pseudo-terminal: who may use the terminal, and
// what becomes of those who may not.
package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func show(what string, v ...any) { fmt.Println(append([]any{what + ":"}, v...)...) }

func name(err error) string {
	switch e := err.(type) {
	case nil:
		return "ok"
	case syscall.Errno:
		return unix.ErrnoName(e)
	case *os.PathError:
		return name(e.Err)
	}
	return err.Error()
}

func main() {
	if len(os.Args) > 1 {
		map[string]func(){"leader": leader, "take": take, "read": read, "sleep": sleep}[os.Args[1]]()
		return
	}
	fd, _, e := syscall.Syscall(504, unix.O_RDWR|unix.O_NOCTTY, 0, 0) // posix_openpt
	if e != 0 {
		show("posix_openpt", name(e))
		return
	}
	n, _ := unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		show("slave", err)
		return
	}
	master := os.NewFile(fd, "master")
	lines, w, err := os.Pipe()
	if err != nil {
		show("pipe", err)
		return
	}
	cmd := exec.Command(os.Args[0], "leader")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, w, w
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		show("leader", err)
		return
	}
	w.Close()
	// What the leader's children say that they are ready for is typed.
	for s := bufio.NewScanner(lines); s.Scan(); {
		switch s.Text() {
		case "type ^Z":
			master.Write([]byte{26})
		case "type ^C":
			master.Write([]byte{3})
		default:
			fmt.Println(s.Text())
		}
	}
	show("leader", name(cmd.Wait()))
}

func job(arg string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], arg)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

func status(pid int) string {
	var ws unix.WaitStatus
	_, err := unix.Wait4(pid, &ws, unix.WUNTRACED, nil)
	switch {
	case err != nil:
		return name(err)
	case ws.Stopped():
		return "stopped " + unix.SignalName(ws.StopSignal())
	case ws.Signaled():
		return "killed " + unix.SignalName(ws.Signal())
	}
	return fmt.Sprint("exit ", ws.ExitStatus())
}

func foreground(pgid int) error {
	return unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, pgid)
}

func leader() {
	signal.Ignore(unix.SIGTTOU, unix.SIGTTIN) // as a shell does
	me := unix.Getpgrp()
	for _, arg := range []string{"take", "read"} {
		cmd := job(arg)
		if err := cmd.Start(); err != nil {
			show(arg, err)
			continue
		}
		show(arg, status(cmd.Process.Pid))
		show("back", name(foreground(me)))
	}
	cmd := job("sleep")
	cmd.SysProcAttr.Foreground = true
	if err := cmd.Start(); err != nil {
		show("sleep", err)
		return
	}
	pid := cmd.Process.Pid
	show("^Z", status(pid))
	show("back", name(foreground(me)))
	show("continue", name(unix.Kill(-pid, unix.SIGCONT)), name(foreground(pid)))
	fmt.Println("type ^C")
	show("^C", status(pid))
	show("back", name(foreground(me)))
}

// take makes itself the foreground group, from the background, with SIGTTOU
// still ignored.
func take() {
	show("TIOCSPGRP with SIGTTOU ignored", name(foreground(unix.Getpgrp())))
	pgrp, err := unix.IoctlGetInt(0, unix.TIOCGPGRP)
	show("TIOCGPGRP", pgrp == unix.Getpgrp(), name(err))
}

// read reads from the background.
func read() {
	_, err := os.Stdin.Read(make([]byte, 1))
	show("background read with SIGTTIN ignored", name(err))
}

func sleep() {
	fmt.Println("type ^Z")
	time.Sleep(time.Minute)
}

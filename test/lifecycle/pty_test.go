package lifecycle

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is a bash with job control on a pseudo-terminal.
type terminal struct {
	t    *testing.T
	cmd  *exec.Cmd
	pty  *os.File
	seen strings.Builder // what has not been expected yet
}

func openTerminal(t *testing.T) *terminal {
	t.Helper()
	pty, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals: %v", err)
	}
	n, err := unix.IoctlGetInt(int(pty.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(pty.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals: %v", err)
	}
	defer tty.Close()
	cmd := exec.Command("bash", "--norc", "--noprofile", "--noediting", "-i")
	cmd.Env = append(os.Environ(), "PS1=$ ", "HISTFILE=/dev/null", "TERM=dumb", "LC_ALL=C", "G="+program("guest"))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	x := &terminal{t: t, cmd: cmd, pty: pty}
	x.expect("$ ")
	x.run("ulimit -c 0; stty -echo", "$ ")
	return x
}

// expect reads until want has been seen. (If it never is, the test hangs, and says so.)
func (x *terminal) expect(want string) string {
	x.t.Helper()
	for {
		s := x.seen.String()
		if before, after, ok := strings.Cut(s, want); ok {
			x.seen.Reset()
			x.seen.WriteString(after)
			return before
		}
		b := make([]byte, 4096)
		n, err := x.pty.Read(b)
		if err != nil {
			x.t.Fatalf("%v while waiting for %q in %q", err, want, s)
		}
		x.seen.Write(b[:n])
		x.t.Logf("%q", b[:n])
	}
}

// run types a line and expects all of want, in that order.
func (x *terminal) run(line string, want ...string) {
	x.t.Helper()
	x.send(line + "\n")
	for _, w := range want {
		x.expect(w)
	}
}

func (x *terminal) send(s string) {
	x.t.Helper()
	if _, err := x.pty.WriteString(s); err != nil {
		x.t.Fatal(err)
	}
}

// foreground waits until the shell has handed the terminal to a job, of which
// it tells before. There is no event for that.
func (x *terminal) foreground() {
	x.t.Helper()
	for {
		pgrp, err := unix.IoctlGetInt(int(x.pty.Fd()), unix.TIOCGPGRP)
		if err != nil {
			x.t.Fatal(err)
		}
		if pgrp != x.cmd.Process.Pid {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

const (
	ctrlC         = "\x03"
	ctrlD         = "\x04"
	ctrlZ         = "\x1a"
	ctrlBackslash = "\x1c"
)

// Job control in a real shell, with guests alone and in pipelines.
func TestJobControl(t *testing.T) {
	inside(t, func(t *testing.T) {
		x := openTerminal(t)
		x.run("$G pause", "ready")
		x.send(ctrlC)
		x.expect("$ ")
		x.run("echo st=$?", "st=130", "$ ")
		x.run("$G pause", "ready")
		x.send(ctrlBackslash)
		x.expect("Quit")
		x.expect("$ ")
		x.run("echo st=$?", "st=131", "$ ")

		// Stop, background, foreground. The handler shows that it goes on.
		x.run("$G catch 19 30", "ready")
		x.send(ctrlZ)
		x.expect("Stopped")
		x.expect("$ ")
		x.run("echo st=$?; jobs", "st=148", "Stopped", "$ ")
		x.run("bg", "caught 19")
		x.run("jobs", "Running", "$ ")
		x.run("kill -USR1 %1", "caught 30")
		x.run("", "$ ")
		x.run("fg", "catch 19 30")
		x.foreground()
		x.send(ctrlZ)
		x.expect("Stopped")
		x.expect("$ ")
		x.run("fg", "caught 19")
		x.send(ctrlC)
		x.expect("$ ")

		// A pipeline is one job, whoever is in it.
		x.run("$G catch 19 | cat | $G cat | $G cat", "ready")
		x.send(ctrlZ)
		x.expect("Stopped")
		x.expect("$ ")
		x.run("bg", "caught 19")
		x.run("", "$ ")
		x.run("fg", "cat")
		x.foreground()
		x.send(ctrlC)
		x.expect("$ ")
		x.run("echo st=${PIPESTATUS[@]}", "st=130", "$ ")

		// Who reads the terminal in the background is stopped.
		x.run("$G cat | tr a-z A-Z &", "$ ")
		x.run("$G cat &", "$ ")
		x.run("wait %2; jobs", "Stopped", "$ ")
		x.run("fg %2", "$G cat")
		x.run("hello", "hello")
		x.send(ctrlD)
		x.expect("$ ")
		x.run("echo st=$?", "st=0", "$ ")
		x.run("stty tostop; $G yes &", "[2]", "$ ")
		x.run("wait %2; jobs %2", "Stopped", "$G yes", "$ ")
		x.run("stty -tostop; kill -9 %2; kill -9 %1; wait", "$ ")

		// The terminal's foreground group is the guest's.
		x.run("$G ids; true", "pid=")
		var pid, ppid, pgrp, sid, fg int
		if _, err := fmt.Sscanf(x.expect("\n"), "%d ppid=%d pgrp=%d sid=%d fg=%d", &pid, &ppid, &pgrp, &sid, &fg); err != nil {
			t.Error(err)
		}
		if shell := x.cmd.Process.Pid; pgrp != pid || fg != pid || sid != shell || ppid != shell {
			t.Errorf("pid=%d ppid=%d pgrp=%d sid=%d fg=%d under shell %d", pid, ppid, pgrp, sid, fg, shell)
		}
		x.expect("$ ")
		// The shell's end hangs up on those it leaves; a supervisor does not
		// hold on to the terminal.
		x.run("$G pause", "ready")
		unix.Kill(x.cmd.Process.Pid, unix.SIGKILL)
		x.cmd.Wait()
		x.pty.Close()
	})
}

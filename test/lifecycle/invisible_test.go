package lifecycle

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Nobody's wait reports a supervisor: not the parent's, not the guest's own.
func TestWaitSeesNoSupervisor(t *testing.T) {
	inside(t, func(t *testing.T) {
		got := output(t, exec.Command(program("host"), "children", program("guest"), "exit", "3"), "exit 0")
		if want := "own=true status=768\nno child processes\n"; got != want {
			t.Errorf("the parent sees\n%swant\n%s", got, want)
		}
		got = output(t, guest("children"), "exit 0")
		if want := "children 3\nchildren 3\n"; got != want {
			t.Errorf("the guest sees\n%swant\n%s", got, want)
		}
		// A Linux program that a guest has become has no children either.
		got = output(t, guest("exec", program("host"), "children", program("guest"), "exit", "3"), "exit 0")
		if want := "own=true status=768\nno child processes\n"; got != want {
			t.Errorf("a Linux program that was a guest sees\n%swant\n%s", got, want)
		}
	})
}

// The supervisor holds none of what the guest was given: the descriptors, the
// directory, the file system, the session.
func TestSupervisorHoldsNothing(t *testing.T) {
	inside(t, func(t *testing.T) {
		dir := t.TempDir()
		if err := unix.Mount("lifecycle", dir, "tmpfs", 0, ""); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("cp", program("guest"), dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		sub := filepath.Join(dir, "sub")
		if err := os.Mkdir(sub, 0o755); err != nil {
			t.Fatal(err)
		}
		// The guest begins with program and directory there, and goes away.
		cmd := exec.Command(filepath.Join(dir, "guest"), "away", program("guest"), "pause")
		cmd.Dir = sub
		file, err := os.Create(filepath.Join(dir, "stdin"))
		if err != nil {
			t.Fatal(err)
		}
		cmd.ExtraFiles = []*os.File{file}
		ready(t, cmd)
		file.Close()
		s := supervisorOf(t, cmd.Process.Pid)
		if s.sid != s.pid || s.pgrp != s.pid || s.tty != 0 {
			t.Errorf("the supervisor is in a session of others: %+v", s)
		}
		if cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", s.pid)); cwd != "/" {
			t.Errorf("the supervisor's directory is %s (%v)", cwd, err)
		}
		fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.pid))
		if err != nil {
			t.Error(err)
		}
		for _, fd := range fds {
			to, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", s.pid, fd.Name()))
			if !strings.HasPrefix(to, "anon_inode:") && !strings.HasPrefix(to, "/memfd:lsf ") {
				t.Errorf("the supervisor's descriptor %s is %s", fd.Name(), to)
			}
		}
		// The guest has inherited descriptor 3 there: that alone is in the way.
		if err := os.Rename(sub, sub+"2"); err != nil {
			t.Error(err)
		}
		if err := os.Remove(sub + "2"); err != nil {
			t.Error(err)
		}
		if err := unix.Unmount(dir, 0); err != unix.EBUSY {
			t.Errorf("unmount with an open descriptor: %v", err)
		}
		cmd.Process.Kill()
		finish(t, cmd, "SIGKILL")

		cmd = exec.Command(filepath.Join(dir, "guest"), "away", program("guest"), "pause")
		cmd.Dir = dir
		ready(t, cmd)
		if err := unix.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
			unix.Unmount(dir, unix.MNT_DETACH)
		}
		cmd.Process.Kill()
		finish(t, cmd, "SIGKILL")
	})
}

// A reader gets the end of the file when the last guest that has the pipe closes
// it or ends, though the supervisor lives on.
func TestEndOfFile(t *testing.T) {
	inside(t, func(t *testing.T) {
		for name, end := range map[string]string{"closeall": "", "leave-behind": "parent\n"} {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd := guest(name)
			cmd.Stdout, cmd.Stderr = w, w
			cmd.ExtraFiles = []*os.File{w, w, w}
			cmd.Stdin = r
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			w.Close()
			got, err := io.ReadAll(r)
			if string(got) != end || err != nil {
				t.Errorf("%s: read %q, %v", name, got, err)
			}
			r.Close()
			if name == "leave-behind" {
				finish(t, cmd, "exit 0")
			}
			alive := 0
			for _, p := range processes() {
				if p.comm == "guest" && p.state != 'Z' {
					alive++
					unix.Kill(p.pid, unix.SIGTERM)
				}
			}
			if alive != 1 {
				t.Errorf("%s: %d guests are alive, want 1", name, alive)
			}
			cmd.Wait()
			nothingLeft(t)
		}
	})
}

// shell runs a script with bash; $G is the FreeBSD program.
func shell(script string) *exec.Cmd {
	cmd := exec.Command("bash", "-c", script)
	cmd.Env = append(os.Environ(), "G="+program("guest"), "H="+program("host"))
	return cmd
}

func TestPipelines(t *testing.T) {
	inside(t, func(t *testing.T) {
		for _, c := range [...]struct{ script, want string }{
			{`$G yes | $G cat | head -n 1; echo ${PIPESTATUS[@]}`, "y\n141 141 0\n"},
			{`$G yes | $G cat | $G head 1; echo ${PIPESTATUS[@]}`, "y\n141 141 0\n"},
			{`yes | $G cat | cat | $G cat | $G head 2 | cat; echo ${PIPESTATUS[@]}`, "y\ny\n141 141 141 141 0 0\n"},
			{`$G yes | $G exit 4 | $G cat | cat; echo ${PIPESTATUS[@]}`, "141 4 0 0\n"},
			{`$G cat </dev/null | $G cat | cat | $G cat; echo ${PIPESTATUS[@]}`, "0 0 0 0\n"},
			{`seq 200000 | $G cat | cat | $G cat | $G cat | cksum`, "x"},
			{`$G fault segv 2>/dev/null | $G cat | $G die-by 9; echo ${PIPESTATUS[@]}`, "139 0 137\n"},
			// SIGPIPE ignored: the write fails with EPIPE instead.
			{`trap '' PIPE; yes 2>/dev/null | $G cat | head -n 1; echo ${PIPESTATUS[1]}`, "y\n32\n"},
			{`for i in 1 2 3 4 5; do $G yes | $G cat | $G head 1; done | $G cat | wc -l`, "5\n"},
			{`echo $($G exec $G exec /bin/echo $($G ids | $G cat | wc -l))`, "1\n"},
			{`(trap '' TERM; exec $G exec $G die-by 15); echo $?`, "77\n"},
			{`$G pause >/dev/null & kill %1; wait %1; echo $?`, "143\n"},
			{`set -o pipefail; $G exit 3 | $G cat; echo $?`, "3\n"},
		} {
			want := c.want
			if want == "x" {
				want = output(t, shell(strings.ReplaceAll(c.script, "$G cat", "cat")), "exit 0")
			}
			if got := output(t, shell(c.script), "exit 0"); got != want {
				t.Errorf("%s\ngot  %q\nwant %q", c.script, got, want)
			}
			nothingLeft(t)
		}
	})
}

// A guest that makes a daemon of itself: its parent ends, the daemon lives on
// and is served, in its own session, as a child of whoever adopts it.
func TestDaemon(t *testing.T) {
	inside(t, func(t *testing.T) {
		fifo := filepath.Join(t.TempDir(), "fifo")
		if err := unix.Mkfifo(fifo, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := guest("daemon", fifo)
		cmd.Run()
		finish(t, cmd, "exit 0")
		b, err := os.ReadFile(fifo) // until the daemon closes it
		if err != nil {
			t.Fatal(err)
		}
		var pid, ppid, pgrp, sid, fg int
		if _, err := fmt.Sscanf(string(b), "pid=%d ppid=%d pgrp=%d sid=%d fg=%d", &pid, &ppid, &pgrp, &sid, &fg); err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		p, ok := readProc(pid)
		if !ok || ppid != 1 || p.ppid != 1 || p.sid != sid || p.pgrp != pgrp || sid == pid || p.tty != 0 {
			t.Errorf("the daemon is %+v and says %s", p, b)
		}
		unix.Kill(pid, unix.SIGTERM)
		if !awaitEnd(pid, time.Minute) {
			t.Error("the daemon does not end")
		}
	})
}

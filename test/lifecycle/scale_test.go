package lifecycle

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// 200 threads, all of them in use at once.
func TestThreads(t *testing.T) {
	inside(t, func(t *testing.T) {
		cmd := exec.Command(program("gothreads"), "200")
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if got := readyLine(t, cmd); got != "ready" {
			t.Error(got)
		}
		threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", cmd.Process.Pid))
		if err != nil || len(threads) < 200 {
			t.Errorf("%d threads, %v", len(threads), err)
		}
		in.Close()
		finish(t, cmd, "exit 0")

		// Death takes all of them.
		cmd = exec.Command(program("gothreads"), "200")
		if _, err = cmd.StdinPipe(); err != nil {
			t.Fatal(err)
		}
		readyLine(t, cmd)
		unix.Kill(cmd.Process.Pid, unix.SIGKILL)
		finish(t, cmd, "SIGKILL")
	})
}

// A hundred trees of processes at once, each with its own supervisor.
func TestTrees(t *testing.T) {
	inside(t, func(t *testing.T) {
		var all sync.WaitGroup
		for i := range count(100) {
			depth, width, want := 1+i%3, 1+i%4, 1
			for range depth {
				want = want*width + 1
			}
			all.Go(func() {
				output(t, guest("tree", fmt.Sprint(depth), fmt.Sprint(width)), fmt.Sprintf("exit %d", want))
			})
		}
		all.Wait()
	})
}

// A thousand starts in a row: each prints what it should and ends as it should.
func TestStarts(t *testing.T) {
	inside(t, func(t *testing.T) {
		for i := range count(1000) {
			if i%2 == 0 {
				output(t, guest("exit", fmt.Sprint(i)), fmt.Sprintf("exit %d", i&0xff))
				continue
			}
			cmd := guest("ids")
			got := output(t, cmd, "exit 0")
			if !strings.HasPrefix(got, fmt.Sprintf("pid=%d ppid=%d ", cmd.Process.Pid, os.Getpid())) {
				t.Errorf("start %d: %q", i, got)
			}
			if t.Failed() {
				return
			}
		}
	})
}

// A fork bomb ends at the limit of the user's processes with EAGAIN.
func TestForkBomb(t *testing.T) {
	inside(t, func(t *testing.T) {
		if os.Geteuid() != 0 {
			t.Skip("needs another user, as root")
		}
		for _, limit := range []string{"30", "100"} {
			in, bomb, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(program("host"), "user", "54321", limit, program("guest"), "forkbomb")
			cmd.Stdin = in
			line := readyLine(t, cmd)
			if line != "EAGAIN" {
				t.Error(line)
			}
			in.Close()
			bomb.Close() // all of them wait for that
			finish(t, cmd, "exit 0")
			nothingLeft(t)
		}
		// Too tight even for a supervisor: one line, and the status of a
		// command that cannot be run.
		for limit := 1; limit < 12; limit++ {
			cmd := exec.Command(program("host"), "user", "54321", fmt.Sprint(limit), program("guest"), "exit", "5")
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			var errs strings.Builder
			cmd.Stderr = &errs
			cmd.Run()
			got := ending(cmd.ProcessState)
			if lines := strings.Count(errs.String(), "\n"); got != "exit 5" && (got != "exit 126" || lines != 1) || got == "exit 5" && lines > 0 {
				t.Errorf("with a limit of %d processes: %s\n%s", limit, got, errs.String())
			}
		}
	})
}

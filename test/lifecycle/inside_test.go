package lifecycle

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/internal/lsftest"
)

// insideEnv is set within the namespace: the directory of the test programs.
const insideEnv = "LSF_TEST_LIFECYCLE"

// patience is how long one test may take with one engine before it is said to
// hang. Nothing depends on it otherwise.
const patience = 2 * time.Minute

// programs are the test programs, built once.
var programs = sync.OnceValues(func() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "lsf-lifecycle"); err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", err
	}
	run := func(env []string, args ...string) {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0", "GOARCH=amd64"), env...)
		if out, e := cmd.CombinedOutput(); e != nil && err == nil {
			err = fmt.Errorf("%v: %w\n%s", args, e, out)
		}
	}
	run(nil, "clang", "--target=x86_64-unknown-freebsd13", "-ffreestanding", "-nostdlib", "-static", "-fuse-ld=lld",
		"-O1", "-Wall", "-Werror", "-fno-stack-protector", "-mno-red-zone", "-o", filepath.Join(dir, "guest"), "testdata/guest/guest.c")
	run([]string{"GOOS=freebsd"}, "go", "build", "-o", filepath.Join(dir, "gothreads"), "./testdata/gothreads")
	run([]string{"GOOS=linux"}, "go", "build", "-o", filepath.Join(dir, "host"), "./testdata/host")
	return dir, err
})

func TestMain(m *testing.M) {
	flag.Parse()
	status := m.Run()
	if os.Getenv(insideEnv) == "" {
		if dir, err := programs(); err == nil {
			os.RemoveAll(dir)
		}
	}
	os.Exit(status)
}

// inside runs f with each engine, in a namespace of their own: outside, the
// test binary is started again for this test alone.
func inside(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	if os.Getenv(insideEnv) != "" {
		for _, engine := range []string{"sud", "ptrace"} {
			t.Run(engine, func(t *testing.T) {
				t.Setenv("LSF_ENGINE", engine)
				hang := time.AfterFunc(patience, func() {
					fmt.Printf("hangs; the processes are\n%s", strings.Join(others(), "\n"))
					panic("hangs")
				})
				defer hang.Stop()
				f(t)
				nothingLeft(t)
			})
		}
		return
	}
	t.Parallel()
	runInside(t)
}

// runInside runs the present test in a namespace.
func runInside(t *testing.T) {
	t.Helper()
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	cmd := lsftest.Registered(t, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v",
		"-test.short="+strconv.FormatBool(testing.Short()))
	cmd.Env = append(cmd.Env, insideEnv+"="+dir)
	out, err := cmd.CombinedOutput()
	switch {
	case err != nil:
		t.Fatalf("%v\n%s", err, out)
	case bytes.Contains(out, []byte("\n--- SKIP: "+t.Name()+" ")) || bytes.HasPrefix(out, []byte("--- SKIP")):
		t.Skipf("%s", out)
	case !bytes.Contains(out, []byte("--- PASS: "+t.Name()+" ")):
		t.Fatalf("did not run:\n%s", out)
	default:
		t.Logf("%s", out)
	}
}

// program is the path of a test program, within the namespace.
func program(name string) string { return filepath.Join(os.Getenv(insideEnv), name) }

// guest makes a command of the FreeBSD program.
func guest(args ...string) *exec.Cmd { return exec.Command(program("guest"), args...) }

// output runs cmd and returns what it printed; how it ended must be as wanted
// (see ending).
func output(t *testing.T, cmd *exec.Cmd, want string) string {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Run()
	if got := ending(cmd.ProcessState); got != want {
		t.Errorf("%v: %s, want %s\n%s%s", cmd.Args, got, want, out.String(), errs.String())
	}
	return out.String()
}

// ending says how a process has ended: "exit 3", "SIGSEGV", "SIGSEGV (core)".
func ending(p *os.ProcessState) string {
	if p == nil {
		return "not started"
	}
	return statusText(p.Sys().(syscall.WaitStatus))
}

func statusText(ws syscall.WaitStatus) string {
	switch {
	case ws.Exited():
		return fmt.Sprintf("exit %d", ws.ExitStatus())
	case ws.Signaled() && ws.CoreDump():
		return unix.SignalName(ws.Signal()) + " (core)"
	case ws.Signaled():
		return unix.SignalName(ws.Signal())
	case ws.Stopped():
		return "stopped by " + unix.SignalName(ws.StopSignal())
	case ws.Continued():
		return "continued"
	}
	return fmt.Sprintf("status %#x", uint32(ws))
}

// proc is a process as /proc shows it.
type proc struct {
	pid, ppid, pgrp, sid, tty, fg int
	comm                          string
	state                         byte
}

// readProc reads /proc/PID/stat; ok is false if there is no such process.
func readProc(pid int) (p proc, ok bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return p, false
	}
	s := string(b)
	from, to := strings.IndexByte(s, '('), strings.LastIndexByte(s, ')')
	p.pid, p.comm = pid, s[from+1:to]
	fmt.Sscanf(s[to+2:], "%c %d %d %d %d %d", &p.state, &p.ppid, &p.pgrp, &p.sid, &p.tty, &p.fg)
	return p, true
}

// processes are all in the namespace but its PID 1 and this one.
func processes() (all []proc) {
	dirs, _ := os.ReadDir("/proc")
	for _, d := range dirs {
		pid, err := strconv.Atoi(d.Name())
		if err != nil || pid == 1 || pid == os.Getpid() {
			continue
		}
		if p, ok := readProc(pid); ok {
			all = append(all, p)
		}
	}
	return all
}

// others describes them, for a test that failed.
func others() (lines []string) {
	for _, p := range processes() {
		wchan, _ := os.ReadFile(fmt.Sprintf("/proc/%d/wchan", p.pid))
		args, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.pid))
		lines = append(lines, fmt.Sprintf("%6d %6d %c %-16s %-20s %s", p.pid, p.ppid, p.state, p.comm, wchan,
			bytes.ReplaceAll(args, []byte{0}, []byte{' '})))
	}
	return lines
}

// nothingLeft waits until no process is left but this one and PID 1. They may
// still be about to end; what does not within a long time is left over.
func nothingLeft(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		left := processes()
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("left behind:\n%s", strings.Join(others(), "\n"))
			for _, p := range left {
				unix.Kill(p.pid, unix.SIGKILL)
			}
			return
		}
		awaitEnd(left[0].pid, time.Second)
	}
}

// awaitEnd waits for the end of any process. A zombie has ended.
func awaitEnd(pid int, timeout time.Duration) bool {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return true
	}
	defer unix.Close(fd)
	deadline := time.Now().Add(timeout)
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(time.Until(deadline).Milliseconds())+1)
		if err == unix.EINTR {
			continue
		}
		if n == 1 {
			// Who should reap it may not have got round to that.
			time.Sleep(time.Millisecond)
		}
		return n == 1
	}
}

// supervisorOf finds the supervisor of the tree that began with pid.
func supervisorOf(t *testing.T, pid int) proc {
	t.Helper()
	for _, p := range processes() {
		if p.comm == "lsf-supervisor" && p.ppid == pid {
			return p
		}
	}
	t.Fatalf("no supervisor of %d among\n%s", pid, strings.Join(others(), "\n"))
	return proc{}
}

// ready starts a guest and waits until it has printed its first line.
func ready(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	readyLine(t, cmd)
}

// readyLine is ready, and returns the line. What comes later is thrown away.
func readyLine(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = w
	if cmd.Stderr == nil {
		cmd.Stderr = os.Stderr
	}
	err = cmd.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	var line []byte
	for b := make([]byte, 1); ; {
		if n, err := r.Read(b); n != 1 {
			cmd.Wait()
			t.Fatalf("%v: %v before it was ready: %s", cmd.Args, err, ending(cmd.ProcessState))
		}
		if b[0] == '\n' {
			go func() {
				io.Copy(io.Discard, r)
				r.Close()
			}()
			return string(line)
		}
		line = append(line, b[0])
	}
}

// finish waits for a started command; how it ends must be as wanted.
func finish(t *testing.T, cmd *exec.Cmd, want string) {
	t.Helper()
	cmd.Wait()
	if got := ending(cmd.ProcessState); got != want {
		t.Errorf("%v: %s, want %s", cmd.Args, got, want)
	}
}

// count is n, or less for a short test.
func count(n int) int {
	if testing.Short() {
		return max(n/10, 2)
	}
	return n
}

package lifecycle

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A guest is the process that was started, in its own eyes and in everybody's.
func TestIdentity(t *testing.T) {
	inside(t, func(t *testing.T) {
		for _, attr := range []syscall.SysProcAttr{{}, {Setpgid: true}, {Setsid: true}} {
			cmd := guest("catch", "30")
			cmd.Args[0] = "an odd name"
			cmd.SysProcAttr = &attr
			cmd.Env = append(os.Environ(), "MARK=here")
			ready(t, cmd)
			pid := cmd.Process.Pid
			p, _ := readProc(pid)
			want := proc{pid: pid, ppid: os.Getpid(), pgrp: unix.Getpgrp(), comm: "guest", state: p.state, tty: p.tty, fg: p.fg}
			want.sid, _ = unix.Getsid(0)
			if attr.Setpgid || attr.Setsid {
				want.pgrp = pid
			}
			if attr.Setsid {
				want.sid = pid
			}
			if p != want {
				t.Errorf("process %+v, want %+v", p, want)
			}
			if got := readFile(t, "/proc/%d/cmdline", pid); got != "an odd name\x00catch\x0030\x00" {
				t.Errorf("cmdline %q", got)
			}
			if got := readFile(t, "/proc/%d/comm", pid); got != "guest\n" {
				t.Errorf("comm %q", got)
			}
			if got := readFile(t, "/proc/%d/environ", pid); !strings.Contains(got, "MARK=here\x00") {
				t.Errorf("environ %q", got)
			}
			ps, err := exec.Command("ps", "-o", "args=", "-p", fmt.Sprint(pid)).Output()
			if err != nil || strings.TrimSpace(string(ps)) != "an odd name catch 30" {
				t.Errorf("ps: %v %q", err, ps)
			}
			unix.Kill(pid, unix.SIGKILL)
			finish(t, cmd, "SIGKILL")

			cmd = guest("ids")
			cmd.SysProcAttr = &attr
			got := strings.TrimSpace(output(t, cmd, "exit 0"))
			pid = cmd.Process.Pid
			if attr.Setpgid || attr.Setsid {
				want.pgrp = pid
			}
			if attr.Setsid {
				want.sid = pid
			}
			if w := fmt.Sprintf("pid=%d ppid=%d pgrp=%d sid=%d fg=-1", pid, os.Getpid(), want.pgrp, want.sid); got != w {
				t.Errorf("the guest says %s, want %s", got, w)
			}
		}
	})
}

func readFile(t *testing.T, format string, args ...any) string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf(format, args...))
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

func TestExitStatus(t *testing.T) {
	inside(t, func(t *testing.T) {
		for _, n := range []int{0, 1, 2, 42, 126, 127, 128, 255, 256, 259, -1} {
			output(t, guest("exit", fmt.Sprint(n)), fmt.Sprintf("exit %d", n&0xff))
		}
	})
}

// How a guest dies is what its Linux parent sees: by which signal, in Linux's
// numbers, and whether there is a core.
func TestDeath(t *testing.T) {
	inside(t, func(t *testing.T) {
		t.Chdir(t.TempDir())
		noCore(t)
		// From outside.
		for sig := unix.Signal(1); sig <= 31; sig++ {
			want := unix.SignalName(sig)
			switch sig {
			case unix.SIGSTOP, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU:
				continue // TestStop
			case unix.SIGCHLD, unix.SIGCONT, unix.SIGURG, unix.SIGWINCH, unix.SIGIO, unix.SIGPWR:
				want = "" // ignored by default; SIGPWR carries SIGINFO
			}
			cmd := guest("pause")
			ready(t, cmd)
			unix.Kill(cmd.Process.Pid, sig)
			if want == "" {
				unix.Kill(cmd.Process.Pid, unix.SIGTERM)
				want = "SIGTERM"
			}
			finish(t, cmd, want)
		}
		// By the guest itself, in FreeBSD's numbers.
		for sig, want := range map[int]string{
			1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGSTKFLT", 8: "SIGFPE",
			9: "SIGKILL", 10: "SIGBUS", 11: "SIGSEGV", 12: "SIGSYS", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
			24: "SIGXCPU", 25: "SIGXFSZ", 26: "SIGVTALRM", 27: "SIGPROF", 30: "SIGUSR1", 31: "SIGUSR2",
			16: "exit 77", 19: "exit 77", 20: "exit 77", 23: "exit 77", 28: "exit 77", 29: "exit 77",
		} {
			output(t, guest("die-by", fmt.Sprint(sig)), want)
		}
		for fault, want := range map[string]string{"segv": "SIGSEGV", "fpe": "SIGFPE", "ill": "SIGILL", "trap": "SIGTRAP", "bus": "SIGBUS", "sys": "SIGSYS"} {
			output(t, guest("fault", fault), want)
		}
		// A guest sees its child's death as FreeBSD would.
		if got := output(t, guest("spawn", program("guest"), "die-by", "10"), "exit 0"); got != "child 10\n" {
			t.Errorf("child killed by SIGBUS: %q", got)
		}
	})
}

// Where Linux dumps core of a Linux program, it does of a guest.
func TestCore(t *testing.T) {
	inside(t, func(t *testing.T) {
		dir := t.TempDir()
		t.Chdir(dir)
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		native := exec.Command("/bin/sh", "-c", "ulimit -c unlimited; kill -SEGV $$")
		native.Run()
		cores := func() int {
			c, _ := filepath.Glob("*core*")
			for _, f := range c {
				os.Remove(f)
			}
			return len(c)
		}
		files := cores()
		for _, args := range [][]string{{"fault", "segv"}, {"die-by", "11"}} {
			cmd := exec.Command("/bin/sh", append([]string{"-c", `ulimit -c unlimited; exec "$0" "$@"`, program("guest")}, args...)...)
			output(t, cmd, ending(native.ProcessState))
			if n := cores(); n != files {
				t.Errorf("%v: %d core files, a Linux program leaves %d", args, n, files)
			}
		}
		noCore(t)
		output(t, guest("fault", "segv"), "SIGSEGV")
		if n := cores(); n != 0 {
			t.Errorf("%d core files in spite of the limit", n)
		}
	})
}

func noCore(t *testing.T) {
	t.Helper()
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &lim); err != nil {
		t.Fatal(err)
	}
	lim.Cur = 0
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &lim); err != nil {
		t.Fatal(err)
	}
}

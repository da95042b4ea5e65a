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

// Guests, scripts and Linux programs exec one another; the process stays what
// it is.
func TestExecChain(t *testing.T) {
	inside(t, func(t *testing.T) {
		dir := t.TempDir()
		script := func(name, interp, body string) string {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, []byte("#!"+interp+"\n"+body), 0o755); err != nil {
				t.Fatal(err)
			}
			return path
		}
		g, h := program("guest"), program("host")
		sh := script("sh", "/bin/sh", `exec "$@"`+"\n")
		own := script("own", g+" interp", "")
		for _, args := range [][]string{
			{g, "ids"},
			{g, "exec", g, "ids"},
			{g, "chain", "50"},
			{g, "exec", sh, g, "ids"},
			{g, "exec", own, g, "ids"},
			{g, "exec", h, "run", g, "ids"},
			{own, g, "ids"},
			{sh, own, sh, own, g, "ids"},
			{g, "exec", g, "exec", own, h, "run", sh, g, "exec", g, "chain", "3"},
			{"/bin/sh", "-c", `exec "$0" ids`, g},
			{g, "exec", "/usr/bin/env", "A=B", g, "exec", "/usr/bin/env", g, "ids"},
		} {
			cmd := exec.Command(args[0], args[1:]...)
			got := output(t, cmd, "exit 0")
			if want := fmt.Sprintf("pid=%d ppid=%d ", cmd.Process.Pid, os.Getpid()); !strings.HasPrefix(got, want) || strings.Count(got, "\n") != 1 {
				t.Errorf("%v: %q, want %s…", args, got, want)
			}
			nothingLeft(t)
		}
		for _, c := range []struct {
			want string
			args []string
		}{
			{"exit 7", []string{g, "exec", "/bin/sh", "-c", "exit 7"}},
			{"SIGTERM", []string{g, "exec", "/bin/sh", "-c", "kill $$"}},
			{"SIGBUS", []string{g, "exec", h, "run", g, "die-by", "10"}},
			{"exit 126", []string{g, "exec", "/nowhere"}}, // do_exec's own status
		} {
			noCore(t)
			output(t, exec.Command(c.args[0], c.args[1:]...), c.want)
		}
		// A guest whose child becomes a Linux program waits for that as for any.
		if got := output(t, guest("spawn", "/bin/sh", "-c", "exit 9"), "exit 0"); got != "child 2304\n" {
			t.Error(got)
		}
		if got := output(t, guest("spawn", h, "run", g, "spawn", h, "run", g, "die-by", "30"), "exit 0"); got != "child 30\nchild 0\n" {
			t.Error(got)
		}
	})
}

// PID 1 of a PID namespace, with the /proc of another one, which shows nothing
// of use, and in a mount namespace without.
func TestPID1(t *testing.T) {
	inside(t, func(t *testing.T) {
		for _, noProc := range []bool{false, true} {
			for _, c := range []struct {
				want, ending string
				args         []string
			}{
				{"pid=1 ppid=0 pgrp=", "exit 0", []string{"ids"}},
				{"pid=1 ppid=0 pgrp=", "exit 0", []string{"chain", "3"}},
				{"children 3\nchildren 3\n", "exit 0", []string{"children"}},
				{"", "exit 40", []string{"tree", "3", "3"}},
				{"stopped 4479\n", "exit 0", []string{"stopping"}},
				{"child 3840\n", "exit 0", []string{"spawn", program("guest"), "exit", "15"}},
				{"kill signo=30", "exit 0", []string{"siginfo"}},
				{"parent\n", "exit 0", []string{"leave-behind"}},
			} {
				cmd := guest(c.args...)
				cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS}
				if noProc {
					cmd = exec.Command("/bin/sh", append([]string{"-c", `umount -l /proc && exec "$0" "$@"`, program("guest")}, c.args...)...)
					cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS}
				}
				if got := output(t, cmd, c.ending); !strings.HasPrefix(got, c.want) {
					t.Errorf("%v, no /proc %v: %q, want %q", c.args, noProc, got, c.want)
				}
			}
		}
	})
}

// A chroot with nothing in it but the program: no /proc, no /dev, no libraries.
func TestBareChroot(t *testing.T) {
	inside(t, func(t *testing.T) {
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"guest", "gothreads"} {
			b, err := os.ReadFile(program(name))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			ending string
			args   []string
		}{
			{"exit 0", []string{"/guest", "ids"}},
			{"exit 0", []string{"/guest", "chain", "3"}},
			{"exit 40", []string{"/guest", "tree", "3", "3"}},
			{"exit 0", []string{"/guest", "restart", "300", "restart"}},
			{"exit 0", []string{"/guest", "siginfo"}},
			{"exit 10", []string{"/gothreads", "10"}},
		} {
			for _, id := range []uint32{0, 54321} {
				cmd := exec.Command(c.args[0], c.args[1:]...)
				cmd.Dir = "/"
				cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: dir, Credential: &syscall.Credential{Uid: id, Gid: id}}
				if id != 0 && os.Geteuid() != 0 {
					continue
				}
				output(t, cmd, c.ending)
			}
		}
		// Nor need there be any descriptor.
		cmd := exec.Command(program("host"), "closed", dir, "/guest", "exit", "6")
		output(t, cmd, "exit 6")
	})
}

// Docker's seccomp profile forbids what LSF would like to use.
func TestSeccomp(t *testing.T) {
	inside(t, func(t *testing.T) {
		for _, c := range []struct {
			ending string
			args   []string
		}{
			{"exit 3", []string{"guest", "exit", "3"}},
			{"exit 40", []string{"guest", "tree", "3", "3"}},
			{"exit 0", []string{"guest", "chain", "5"}},
			{"exit 0", []string{"guest", "children"}},
			{"exit 0", []string{"guest", "restart", "300", "restart"}},
			{"exit 0", []string{"guest", "registers", "300"}},
			{"exit 0", []string{"guest", "siginfo"}},
			{"exit 0", []string{"guest", "stopping"}},
			{"exit 50", []string{"gothreads", "50"}},
		} {
			args := append([]string{"docker", program(c.args[0])}, c.args[1:]...)
			output(t, exec.Command(program("host"), args...), c.ending)
			// Without /proc, memory is reached by ptrace alone.
			cmd := exec.Command("/bin/sh", append([]string{"-c", `umount -l /proc && exec "$0" "$@"`, program("host")}, args...)...)
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
			output(t, cmd, c.ending)
		}
	})
}

func TestUnprivileged(t *testing.T) {
	inside(t, func(t *testing.T) {
		if os.Geteuid() != 0 {
			t.Skip("needs another user, as root")
		}
		for _, args := range [][]string{{"chain", "5"}, {"tree", "2", "2"}, {"children"}, {"restart", "300", "restart"}} {
			cmd := exec.Command(program("host"), append([]string{"user", "54321", "0", program("guest")}, args...)...)
			want := "exit 0"
			if args[0] == "tree" {
				want = "exit 7"
			}
			output(t, cmd, want)
		}
		// A program that its user may run but not read.
		dir := t.TempDir()
		secret := filepath.Join(dir, "secret")
		b, err := os.ReadFile(program("guest"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(secret, b, 0o711); err != nil {
			t.Fatal(err)
		}
		for d := dir; d != "/tmp" && d != "/"; d = filepath.Dir(d) {
			os.Chmod(d, 0o755)
		}
		os.Chmod(secret, 0o111)
		output(t, exec.Command(program("host"), "user", "54321", "0", secret, "exit", "4"), "exit 4")
		output(t, exec.Command(program("host"), "user", "54321", "0", program("guest"), "exec", secret, "exit", "4"), "exit 4")
	})
}

// Yama's ptrace_scope 0 and 1 do not matter.
func TestYama(t *testing.T) {
	const knob = "/proc/sys/kernel/yama/ptrace_scope"
	was, err := os.ReadFile(knob)
	if err != nil {
		t.Skip("this kernel has no Yama")
	}
	if os.Getenv(insideEnv) == "" {
		scopes := []string{strings.TrimSpace(string(was))}
		if os.WriteFile(knob, was, 0) == nil && scopes[0] <= "1" {
			scopes = []string{"0", "1"}
			defer os.WriteFile(knob, was, 0)
		}
		if scopes[0] > "1" {
			t.Skipf("ptrace_scope is %s", scopes[0])
		}
		for _, s := range scopes {
			os.WriteFile(knob, []byte(s), 0)
			runInside(t)
		}
		return
	}
	inside(t, func(t *testing.T) {
		user := []string{"run"}
		if os.Geteuid() == 0 {
			user = []string{"user", "54321", "0"}
		}
		for _, args := range [][]string{{"chain", "5"}, {"children"}} {
			output(t, exec.Command(program("host"), append(append(user, program("guest")), args...)...), "exit 0")
		}
	})
}

// Where tracing is impossible the program says so, in one line.
func TestNoPtrace(t *testing.T) {
	inside(t, func(t *testing.T) {
		var out, errs strings.Builder
		cmd := exec.Command(program("host"), "noptrace", program("guest"), "exit", "0")
		cmd.Stdout, cmd.Stderr = &out, &errs
		cmd.Run()
		if got := ending(cmd.ProcessState); got != "exit 126" || out.Len() > 0 || strings.Count(errs.String(), "\n") != 1 ||
			!strings.HasPrefix(errs.String(), "lsf: cannot trace the program") {
			t.Errorf("%s\n%s%s", got, out.String(), errs.String())
		}
	})
}

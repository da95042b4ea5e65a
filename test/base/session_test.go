package base

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/internal/lsftest"
)

// session is a shell at a pseudo-terminal of the host.
type session struct {
	t      *testing.T
	master *os.File
	seen   bytes.Buffer
}

// expect reads until something new matches.
func (s *session) expect(re string) {
	s.t.Helper()
	r := regexp.MustCompile(re)
	b := make([]byte, 4096)
	for end := time.Now().Add(30 * time.Second); ; {
		if at := r.FindIndex(s.seen.Bytes()); at != nil {
			s.seen.Next(at[1])
			return
		}
		s.master.SetReadDeadline(end)
		n, err := s.master.Read(b)
		s.seen.Write(b[:n])
		if err != nil {
			s.t.Fatalf("waiting for %s: %v; seen %q", re, err, s.seen.String())
		}
	}
}

func (s *session) send(text string) {
	s.t.Helper()
	if _, err := s.master.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

// TestSession is job control in both shells.
func TestSession(t *testing.T) {
	root := rootfs(t)
	for _, engine := range []string{"sud", "ptrace"} {
		for _, shell := range [][]string{{"/bin/sh", "-i"}, {"/bin/csh", "-i", "-f"}} {
			t.Run(engine+shell[0], func(t *testing.T) {
				if _, err := os.Stat(root + shell[0]); err != nil {
					t.Skip(err)
				}
				sessionWith(t, inSession(t, engine, shell...))
			})
		}
	}
}

// inSession makes a command in the base system whose standard input will be
// its controlling terminal, in a PID namespace in which it leads its session.
func inSession(t *testing.T, engine string, args ...string) *exec.Cmd {
	full := []string{"--ctty", "--wait", "chroot", "--", rootfs(t)}
	cmd := lsftest.Registered(t, "setsid", append(full, args...)...)
	cmd.Env = append(cmd.Env, "LSF_ENGINE="+engine, path, "LANG=C", "TERM=dumb", "PS1=@ ", "HOME=/nonexistent")
	return cmd
}

func sessionWith(t *testing.T, cmd *exec.Cmd) {
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip(err)
	}
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skip(err)
	}
	s := &session{t: t, master: os.NewFile(uintptr(fd), "ptmx")}
	defer s.master.Close()
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	kill := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer kill.Stop()

	s.send("echo one two | cat\n")
	s.expect(`(?m)(^|[#@>] )one two\r?$`)
	s.send("sh -c 'echo ready; exec sleep 60'\n")
	s.expect(`(?m)(^|[#@>] )ready\r?$`)
	s.send("\x1a")
	s.expect(`Suspended`)
	s.send("jobs\n")
	s.expect(`Suspended.*sleep|Suspended.*sh -c`)
	s.send("bg; kill %1; wait\n")
	s.expect(`Terminated`)
	s.send("sh -c 'echo ready; exec sleep 60'\n")
	s.expect(`(?m)(^|[#@>] )ready\r?$`)
	s.send("\x03")
	s.send("echo still here\n")
	s.expect(`(?m)(^|[#@>] )still here\r?$`)
	s.send("exit 7\n")
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 7 {
		t.Errorf("%v, not status 7; seen %q", err, s.seen.String())
	}
}

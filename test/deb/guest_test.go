package deb

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// guest is a FreeBSD program that runs (testdata/guest).
type guest struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func newGuest(t *testing.T, program string) *guest {
	t.Helper()
	g := &guest{cmd: exec.Command(program)}
	in, err := g.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := g.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	g.in, g.out = in, bufio.NewScanner(out)
	g.cmd.Stderr = os.Stderr
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if got := g.line(); got != "ready freebsd" {
		t.Fatalf("%s: %q, %v", program, got, g.cmd.Wait())
	}
	return g
}

// line is the next one that the guest prints.
func (g *guest) line() string {
	g.out.Scan()
	return g.out.Text()
}

// answers checks that the guest still does its work.
func (g *guest) answers(t *testing.T, text string) {
	t.Helper()
	fmt.Fprintln(g.in, text)
	if got := g.line(); got != "got "+text {
		t.Errorf("the guest answers %q to %q", got, text)
	}
}

func (g *guest) end(t *testing.T) {
	t.Helper()
	g.in.Close()
	if err := g.cmd.Wait(); err != nil {
		t.Errorf("guest: %v", err)
	}
}

// supervisor is the PID of the guest's supervisor.
func (g *guest) supervisor(t *testing.T) int { return supervisorOf(t, g.cmd.Process.Pid) }

// supervisorOf finds the supervisor of the tree that began with pid.
func supervisorOf(t *testing.T, pid int) int {
	t.Helper()
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range stats {
		b, err := os.ReadFile(stat)
		if err != nil {
			continue // has ended
		}
		who, rest, _ := strings.Cut(string(b), ") ")
		if _, comm, _ := strings.Cut(who, "("); comm == "lsf-supervisor" && strings.Fields(rest)[1] == strconv.Itoa(pid) {
			id, _, _ := strings.Cut(who, " ")
			n, err := strconv.Atoi(id)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no supervisor of %d", pid)
	return 0
}

package freebsd_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// buildTool builds one program of this module for the tests; out is where.
func buildTool(out string, env []string, args ...string) error {
	cmd := exec.Command("go", append([]string{"build", "-o", out}, args...)...)
	cmd.Dir = "../.."
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0"), env...)
	if b, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd.Args, err, b)
	}
	return nil
}

var lsf = sync.OnceValues(func() (string, error) {
	if b, err := exec.Command("make", "-s", "-C", "../..", "all").CombinedOutput(); err != nil {
		return "", fmt.Errorf("make: %w\n%s", err, b)
	}
	return filepath.Abs("../../bin/lsf")
})

// runGuest builds testdata/guest/NAME for FreeBSD, runs it with each engine and
// calls check with what it printed.
func runGuest(t *testing.T, name string, check func(t *testing.T, stdout string)) {
	t.Helper()
	prog := buildGuest(t, name)
	runLSF(t, func(*testing.T) []string { return []string{"--", prog} }, check)
}

// buildGuest builds testdata/guest/NAME for FreeBSD.
func buildGuest(t *testing.T, name string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("runs whole programs")
	}
	prog := filepath.Join(t.TempDir(), name)
	if err := buildTool(prog, []string{"GOOS=freebsd", "GOARCH=amd64"}, "./emul/freebsd/testdata/guest/"+name); err != nil {
		t.Fatal(err)
	}
	return prog
}

// runFreestanding does the same with testdata/guest/NAME/main.c, which has no C library.
func runFreestanding(t *testing.T, name string, check func(t *testing.T, stdout string)) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs whole programs")
	}
	clang, err := exec.LookPath("clang")
	if err != nil {
		t.Skip(err)
	}
	prog := filepath.Join(t.TempDir(), name)
	out, err := exec.Command(clang, "--target=x86_64-unknown-freebsd13", "-O2", "-Wall", "-Wno-unused-function",
		"-ffreestanding", "-fno-builtin", "-fno-stack-protector", "-mno-red-zone", "-nostdlib", "-static", "-fuse-ld=lld",
		"-o", prog, filepath.Join("testdata/guest", name, "main.c")).CombinedOutput()
	if err != nil {
		t.Fatalf("clang: %v\n%s", err, out)
	}
	runLSF(t, func(*testing.T) []string { return []string{"--", prog} }, check)
}

// runLSF runs the command lsf with each engine, with the arguments that args
// gives, and calls check with what was printed.
func runLSF(t *testing.T, args func(t *testing.T) []string, check func(t *testing.T, stdout string)) {
	t.Helper()
	runLSFWith(t, "", args, check)
}

// runLSFWith is runLSF with something to read on standard input.
func runLSFWith(t *testing.T, stdin string, args func(t *testing.T) []string, check func(t *testing.T, stdout string)) {
	t.Helper()
	tool, err := lsf()
	if err != nil {
		t.Fatal(err)
	}
	for _, engine := range []string{"sud", "ptrace"} {
		t.Run(engine, func(t *testing.T) {
			cmd := exec.Command(tool, args(t)...)
			cmd.Env = append(os.Environ(), "LSF_ENGINE="+engine)
			cmd.Stdin = strings.NewReader(stdin)
			var out, errs bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &errs
			if err := cmd.Run(); err != nil {
				t.Errorf("%v\n%s", err, errs.String())
			}
			for line := range strings.Lines(errs.String()) {
				t.Log(strings.TrimSpace(line))
			}
			check(t, out.String())
		})
	}
}

// wantLines compares with testdata/guest/NAME/want.txt, what FreeBSD prints.
// Lines may be missing only if partial says so: when the guest lacks root, or
// the host something.
func wantLines(t *testing.T, name, got string, partial bool) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata/guest", name, "want.txt"))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSpace(string(b)), "\n")
	i := 0
	for line := range strings.Lines(got) {
		line = strings.TrimSuffix(line, "\n")
		at := i
		for at < len(want) && want[at] != line {
			at++
		}
		if at == len(want) {
			expected := "nothing more"
			if i < len(want) {
				expected = want[i]
			}
			t.Errorf("got  %s\nwant %s", line, expected)
			i++
			continue
		}
		if at > i && !partial {
			t.Errorf("missing: %s", strings.Join(want[i:at], "\n         "))
		}
		i = at + 1
	}
	if i < len(want) && !partial {
		t.Errorf("missing at the end: %s", strings.Join(want[min(i, len(want)):], "\n"))
	}
}

func TestGuestFiles(t *testing.T) {
	runGuest(t, "files", func(t *testing.T, out string) {
		wantLines(t, "files", out, !strings.Contains(out, "extattr_get:"))
	})
}

func TestGuestACL(t *testing.T) {
	runGuest(t, "acl", func(t *testing.T, out string) {
		if out == "none here\n" {
			t.Skip("the file system has no lists")
		}
		wantLines(t, "acl", out, false)
	})
}

func TestGuestDescriptors(t *testing.T) {
	runGuest(t, "fds", func(t *testing.T, out string) {
		wantLines(t, "fds", out, os.Geteuid() != 0 || !strings.Contains(out, "TIOCGETA:"))
	})
}

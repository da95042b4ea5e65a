package probe_test

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/lsf-linux/lsf/emul/freebsd"
	"github.com/lsf-linux/lsf/internal/lsftest"
	"github.com/lsf-linux/lsf/internal/probe"
	"github.com/lsf-linux/lsf/loader"
)

func create(t *testing.T) *probe.File {
	t.Helper()
	f, err := probe.Create(9)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func TestRun(t *testing.T) {
	f := create(t)
	lsf := filepath.Join(lsftest.Bin(t), "lsf")
	for _, engine := range []string{"auto", "ptrace"} {
		env := []string{"LSF_ENGINE=" + engine, "LSF_RELEASE=14.1-RELEASE"}
		release, err := probe.Run(context.Background(), env, lsf, "--", f.Path)
		if err != nil || release != "14.1-RELEASE" {
			t.Errorf("%s: %q, %v", engine, release, err)
		}
	}
}

func TestProgram(t *testing.T) {
	text := probe.Program(9)
	f, err := elf.NewFile(bytes.NewReader(text))
	if err != nil || f.OSABI != elf.ELFOSABI_FREEBSD {
		t.Fatalf("%+v, %v", f, err)
	}
	for _, osabi := range []byte{9, 254} {
		if kind, _, err := loader.Classify(probe.Program(osabi)); kind != loader.KindFreeBSD || err != nil {
			t.Errorf("OSABI %d: %v, %v", osabi, kind, err)
		}
	}
	// What it takes the numbers for.
	for nr, name := range map[int]string{1: "exit", 4: "write", 6: "close", 20: "getpid", 202: "__sysctl"} {
		if got := freebsd.Table()[nr].Name; got != name {
			t.Errorf("%d is %s, not %s", nr, got, name)
		}
	}
}

// TestFailures shows that nothing else is taken for the program.
func TestFailures(t *testing.T) {
	for _, script := range []string{"exit 0", "exit 3", "echo 123413.2-RELEASE", "echo oops >&2; exit 1"} {
		release, err := probe.Run(context.Background(), os.Environ(), "/bin/sh", "-c", script)
		var f *probe.Failure
		if !errors.As(err, &f) || f.AsLinux() {
			t.Errorf("%s: %q, %v", script, release, err)
		}
	}
	if release, err := probe.Run(context.Background(), nil, "/nonexistent"); err == nil {
		t.Errorf("nothing: %q", release)
	}
	// As a Linux program it must not do any harm.
	native := filepath.Join(t.TempDir(), "native")
	if err := os.WriteFile(native, probe.Program(0), 0o755); err != nil {
		t.Fatal(err)
	}
	release, err := probe.Run(context.Background(), nil, native)
	var f *probe.Failure
	if !errors.As(err, &f) || !f.AsLinux() {
		t.Errorf("native: %q, %v", release, err)
	}
}

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lsf-linux/lsf/internal/binfmt"
	"github.com/lsf-linux/lsf/systemd"
)

// testOSABI marks the programs of these tests: nobody else's are touched.
const testOSABI = 254

// TestScript runs the files in testdata/script against the real program. Those
// that need root or a user namespace skip themselves where there is none.
func TestScript(t *testing.T) {
	dir := t.TempDir()
	// A user without rights must get at the programs, too.
	for d := dir; d != filepath.Clean(os.TempDir()) && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	bin := filepath.Join(dir, "bin")
	build := func(out, pkg string, flags ...string) {
		t.Helper()
		cmd := exec.Command("go", append(append([]string{"build", "-o", filepath.Join(bin, out)}, flags...), pkg)...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if msg, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, msg)
		}
	}
	build("lsf-install", ".")
	build("one/lsf-binfmt", "./testdata/interp")
	build("two/lsf-binfmt", "./testdata/interp", "-ldflags=-X main.version=two")

	magic := []byte(systemd.Freebsd().Magic)
	magic[7] = testOSABI
	program := append(magic, make([]byte, 44)...)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		WorkdirRoot:         dir,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+":"+env.Getenv("PATH"))
			env.Setenv("BIN", bin)
			name := fmt.Sprintf("lsf-test-%d-%s", os.Getpid(), filepath.Base(env.WorkDir))
			env.Setenv("NAME", name)
			env.Defer(func() { // whatever a failed script leaves
				_ = binfmt.FS{Dir: binfmt.DefaultDir}.Remove(name)
			})
			env.Setenv("OSABI", fmt.Sprint(testOSABI))
			return os.WriteFile(filepath.Join(env.WorkDir, "program"), program, 0o755)
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root":
				return os.Geteuid() == 0, nil
			case "binfmt":
				_, err := os.Stat("/proc/sys/fs/binfmt_misc/register")
				return err == nil, nil
			case "userns":
				return exec.Command("unshare", "-Urm", "mount", "-t", "binfmt_misc", "none", "/mnt").Run() == nil, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": cmdStatus,
		},
	})
}

// cmdStatus runs a command and checks its exit status: status N command...
func cmdStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N command [args...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if err != nil {
		exit, ok := err.(*exec.ExitError)
		if !ok {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit status %d, want %s", code, args[0])
	}
}

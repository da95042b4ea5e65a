// Package std tests Go's standard library as FreeBSD programs, through an
// entry in binfmt_misc, and compares what fails with known_failures.txt.
package std

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lsf-linux/lsf/internal/lsftest"
)

// core are the packages that talk to the kernel: always tested, with both engines.
var core = []string{
	"internal/poll", "internal/syscall/unix", "io/fs", "os", "os/exec", "os/signal", "path/filepath",
	"sync", "sync/atomic", "syscall", "time",
}

// How long one package's tests may take by themselves, and in all.
const (
	perPackage = "4m" // go test -timeout
	patience   = 6 * time.Minute
)

// known is a line of known_failures.txt.
type known struct {
	pkg, test string
	engine    string // "sud", "ptrace" or "any"
	flaky     bool   // may pass, too
	reason    string
}

// TestStd tests the core packages, or with LSF_TEST_STD=all every package of
// the standard library that has tests; LSF_TEST_STD may also list packages.
func TestStd(t *testing.T) {
	if testing.Short() {
		t.Skip("takes minutes")
	}
	packages, engines := core, []string{"sud", "ptrace"}
	switch list := os.Getenv("LSF_TEST_STD"); list {
	case "", "core":
	case "all":
		packages = allPackages(t)
	default:
		packages = strings.Fields(list)
	}
	if e := os.Getenv("LSF_ENGINE"); e != "" {
		engines = []string{e}
	}
	list := readKnown(t)
	for _, engine := range engines {
		for _, pkg := range packages {
			if engine == "ptrace" && len(engines) > 1 && !slices.Contains(core, pkg) {
				continue // the fallback: core packages suffice
			}
			t.Run(engine+"/"+pkg, func(t *testing.T) { testPackage(t, engine, pkg, list) })
		}
	}
}

// testPackage runs one package's tests and compares.
func testPackage(t *testing.T, engine, pkg string, list []known) {
	cmd := lsftest.Registered(t, "go", "test", "-short", "-count=1", "-vet=off", "-json", "-timeout", perPackage, pkg)
	cmd.Env = append(cmd.Env, "GOOS=freebsd", "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=", "LSF_ENGINE="+engine)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	hung := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	hung.Stop()
	if err != nil && stdout.Len() == 0 {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	failed, logs := failures(stdout.Bytes())
	if err != nil && len(failed) == 0 {
		failed[""] = true // crashed outside any test
	}
	for _, k := range list {
		if k.pkg != pkg || k.engine != "any" && k.engine != engine {
			continue
		}
		if !failed[k.test] && !k.flaky {
			t.Errorf("%s %s passes now: take it off known_failures.txt (%s)", pkg, k.test, k.reason)
		}
		delete(failed, k.test)
	}
	for _, test := range slices.Sorted(maps.Keys(failed)) {
		t.Errorf("%s %s fails\n%s", pkg, test, tail(logs[test], 4000))
	}
}

// failures reads go test -json and returns the top-level tests that failed and
// the output of each. What is not in any test goes under "".
func failures(out []byte) (failed map[string]bool, logs map[string]string) {
	failed, logs = map[string]bool{}, map[string]string{}
	dec := json.NewDecoder(bytes.NewReader(out))
	running := map[string]bool{}
	for {
		var e struct{ Action, Test, Output string }
		if err := dec.Decode(&e); err != nil {
			if err != io.EOF {
				logs[""] += fmt.Sprintf("go test -json: %v\n", err)
			}
			break
		}
		top, _, sub := strings.Cut(e.Test, "/")
		switch e.Action {
		case "run":
			running[top] = true
		case "output", "build-output":
			logs[top] += e.Output
		case "fail":
			if e.Test != "" {
				failed[top] = true
			} else if len(failed) == 0 {
				failed[""] = true
			}
			fallthrough
		case "pass", "skip":
			if !sub {
				delete(running, top)
			}
		}
	}
	// A test that neither passed nor failed was cut short by a crash.
	for test := range running {
		failed[test] = true
		delete(failed, "")
	}
	return failed, logs
}

func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return "…" + s[len(s)-n:]
}

// allPackages lists the packages of the standard library that have tests.
func allPackages(t *testing.T) []string {
	t.Helper()
	cmd := exec.Command("go", "list", "-f", "{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}", "std")
	cmd.Env = append(os.Environ(), "GOOS=freebsd", "GOARCH=amd64", "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}

// readKnown reads known_failures.txt.
func readKnown(t *testing.T) []known {
	t.Helper()
	f, err := os.Open("known_failures.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []known
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) < 4 {
			t.Fatalf("known_failures.txt:%d: want: package test engine reason", n)
		}
		k := known{pkg: fields[0], test: fields[1], engine: fields[2], reason: strings.Join(fields[3:], " ")}
		k.engine, k.flaky = strings.CutSuffix(k.engine, "?")
		if k.test == "-" {
			k.test = ""
		}
		if !slices.Contains([]string{"any", "sud", "ptrace"}, k.engine) {
			t.Fatalf("known_failures.txt:%d: no such engine: %s", n, k.engine)
		}
		list = append(list, k)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

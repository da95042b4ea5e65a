package std

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lsf-linux/lsf/internal/lsftest"
)

// atOnce is how many packages are tested at a time. Many tests watch the clock.
const atOnce = 2

// TestStd tests what LSF_TEST_STD names.
func TestStd(t *testing.T) {
	if testing.Short() {
		t.Skip("takes minutes")
	}
	s := newSuite(t)
	jobs, engines := core, []string{"sud", "ptrace"}
	switch list := os.Getenv("LSF_TEST_STD"); list {
	case "", "core":
	case "all":
		jobs = whole(s.list(t, "std"))
	default:
		jobs = whole(s.list(t, strings.Fields(list)...))
	}
	if pattern := os.Getenv("LSF_STD_RUN"); pattern != "" {
		jobs = slices.Clone(jobs)
		for i := range jobs {
			jobs[i].run = pattern
		}
	}
	if e := os.Getenv("LSF_ENGINE"); e != "" {
		engines = []string{e}
	}
	defer s.summary(t)
	slots := make(chan struct{}, atOnce)
	t.Run("packages", func(t *testing.T) {
		for _, j := range jobs {
			for _, engine := range engines {
				if engine == "ptrace" && len(engines) > 1 && !isCore(j.pkg) {
					continue // the fallback: what talks to the kernel suffices
				}
				t.Run(j.pkg+"/"+engine, func(t *testing.T) {
					t.Parallel()
					slots <- struct{}{}
					defer func() { <-slots }()
					s.test(t, engine, j)
				})
			}
		}
	})
}

func whole(packages []string) []job {
	var jobs []job
	for _, pkg := range packages {
		jobs = append(jobs, job{pkg: pkg})
	}
	return jobs
}

// suite is one run over packages.
type suite struct {
	goroot string
	cache  string // where test programs are
	known  []known

	mu   sync.Mutex
	rows []string
}

func newSuite(t *testing.T) *suite {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT", "GOVERSION").Output()
	if err != nil {
		t.Fatal(err)
	}
	goroot, version, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	cache := os.Getenv("LSF_STD_CACHE")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(dir, "lsf-std")
	}
	cache = filepath.Join(cache, version)
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open("known-failures.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	list, err := readKnown(f)
	if err != nil {
		t.Fatalf("known-failures.txt: %v", err)
	}
	return &suite{goroot: goroot, cache: cache, known: list}
}

// env is the environment that go test gives to test programs.
func (s *suite) env() []string {
	return append(os.Environ(), "GOOS=freebsd", "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=", "GOTOOLCHAIN=local",
		"PATH="+filepath.Join(s.goroot, "bin")+":"+os.Getenv("PATH"))
}

// list expands patterns to the packages that have tests.
func (s *suite) list(t *testing.T, patterns ...string) []string {
	t.Helper()
	const format = "{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}"
	cmd := exec.Command("go", append([]string{"list", "-f", format}, patterns...)...)
	cmd.Dir, cmd.Env = filepath.Join(s.goroot, "src"), s.env()
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}

// build makes a package's test program, if it is not there from another time.
func (s *suite) build(t *testing.T, pkg string) string {
	t.Helper()
	prog := filepath.Join(s.cache, strings.ReplaceAll(pkg, "/", "_"), filepath.Base(pkg)+".test")
	if _, err := os.Stat(prog); err == nil {
		return prog
	}
	temp := fmt.Sprintf("%s.%d-%d", prog, os.Getpid(), time.Now().UnixNano())
	cmd := exec.Command("go", "test", "-c", "-vet=off", "-o", temp, pkg)
	cmd.Dir, cmd.Env = filepath.Join(s.goroot, "src"), s.env()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go test -c %s: %v\n%s", pkg, err, out)
	}
	if err := os.Rename(temp, prog); err != nil {
		t.Fatal(err)
	}
	return prog
}

// test runs one package's tests and compares.
func (s *suite) test(t *testing.T, engine string, j job) {
	res := s.run(t, engine, j)
	s.mu.Lock()
	s.rows = append(s.rows, res.row(engine, j.pkg))
	s.mu.Unlock()
	for _, wrong := range compare(j.pkg, engine, res, s.known) {
		t.Error(wrong)
	}
}

func (s *suite) run(t *testing.T, engine string, j job) result {
	prog := s.build(t, j.pkg)
	limit := patience(j.pkg)
	args := []string{"-test.short", "-test.v=test2json", "-test.paniconexit0", "-test.timeout=" + limit.String()}
	if j.run != "" {
		args = append(args, "-test.run="+j.run)
	}
	if j.skip != "" {
		args = append(args, "-test.skip="+j.skip)
	}
	// When the program is done, nothing but this shell and its parent may be
	// there. A supervisor that has lost its last guest needs a moment to go.
	const script = `"$@"; status=$?
for wait in 0 .1 .5 2; do
	sleep $wait
	set -- /proc/[0-9]*
	[ $# -gt 2 ] || exit $status
done
for p; do
	case $p in /proc/1|/proc/$$) ;; *) cat $p/stat; tr '\0' ' ' <$p/cmdline; echo;; esac
done >&3
exit $status`
	cmd := lsftest.Registered(t, "/bin/sh", append([]string{"-c", script, "sh", prog}, args...)...)
	dir := filepath.Join(s.goroot, "src", j.pkg)
	cmd.Dir = dir
	cmd.Env = append(append(cmd.Env, s.env()...), "LSF_ENGINE="+engine, "LSF_DEBUG=1", "PWD="+dir)
	out, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	var left bytes.Buffer
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = out, out, []*os.File{w}
	ctx, cancel := context.WithTimeout(t.Context(), limit+time.Minute)
	defer cancel()
	start := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	_, _ = left.ReadFrom(r)
	err = cmd.Wait()
	took := time.Since(start)
	stop()
	text, readErr := os.ReadFile(out.Name())
	if readErr != nil {
		t.Fatal(readErr)
	}
	res := parse(string(text), err, took)
	res.left = strings.TrimSpace(left.String())
	if res.left != "" {
		res.logs["*"] += "left behind:\n" + res.left + "\n"
	}
	return res
}

// summary writes the table of results.
func (s *suite) summary(t *testing.T) {
	slices.Sort(s.rows)
	table := "engine\tpackage\tpass\tfail\tskip\tseconds\tend\n" + strings.Join(s.rows, "")
	path := filepath.Join(s.cache, "summary.tsv")
	if err := os.WriteFile(path, []byte(table), 0o644); err != nil {
		t.Error(err)
	}
	t.Logf("%s:\n%s", path, table)
}

package hostile

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/host"
	"github.com/lsf-linux/lsf/internal/lsftest"
)

var engines = []string{"sud", "ptrace"}

// buildGuest compiles testdata/guest for FreeBSD.
var buildGuest = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "hostile")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	calls := filepath.Join(dir, "calls.c")
	if err := os.WriteFile(calls, []byte(table()), 0o600); err != nil {
		return nil, err
	}
	sources, _ := filepath.Glob("testdata/guest/*.c")
	out := filepath.Join(dir, "guest")
	args := append([]string{"--target=x86_64-unknown-freebsd13", "-O1", "-Wall", "-Werror", "-ffreestanding", "-fno-stack-protector",
		"-nostdlib", "-static", "-fuse-ld=lld", "-Itestdata/guest", "-o", out,
		fmt.Sprintf("-DCODE=%#xUL", uint64(host.CodeBase)), fmt.Sprintf("-DCODE_END=%#xUL", uint64(host.CodeBase+host.ImageSize)),
		fmt.Sprintf("-DSCRATCH=%#xUL", uint64(host.InitialScratch)), fmt.Sprintf("-DSLOT=%#xUL", uint64(host.SlotSize)), calls}, sources...)
	if b, err := exec.Command("clang", args...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("clang: %w\n%s", err, b)
	}
	return os.ReadFile(out)
})

// table tells the guest what LSF's table says of each call.
func table() string {
	var b strings.Builder
	rows := freebsd.Table()
	fmt.Fprintf(&b, "#include \"lib.h\"\nconst int ncalls = %d;\nconst struct call calls[] = {\n", len(rows)+2)
	for nr, row := range rows {
		kinds := ""
		n := row.NArgs()
		if row.Level() >= emul.LevelPass {
			for _, a := range row.Types(&emul.Args{}) {
				kinds += kind(a)
			}
		} else {
			n, kinds = 6, "pppppp"
		}
		fmt.Fprintf(&b, "{%d, %d, %d, \"%s\"}, // %s\n", nr, row.Level(), n, kinds, row.Name)
	}
	fmt.Fprintf(&b, "{%d, 0, 6, \"pppppp\"}, {9999, 0, 6, \"pppppp\"}};\n", len(rows))
	return b.String()
}

func kind(arg any) string {
	switch arg.(type) {
	case freebsd.FD:
		return "f"
	case freebsd.Path, freebsd.Str:
		return "s"
	case freebsd.Vector:
		return "v"
	case freebsd.Size, freebsd.Uint:
		return "z"
	case freebsd.Addr, freebsd.InBuf, freebsd.OutBuf:
		return "p"
	}
	if strings.Contains(fmt.Sprintf("%T", arg), "guest.Ptr[") {
		return "p"
	}
	return "i"
}

// result is what a guest did in its place.
type result struct {
	status int
	out    string // what it printed, and the stage
	log    string // the end of what the supervisor had to say
}

// tail keeps the end of what is written to it.
type tail struct{ b []byte }

func (w *tail) Write(b []byte) (int, error) {
	w.b = append(w.b, b...)
	if len(w.b) > 1<<20 {
		w.b = slices.Clone(w.b[len(w.b)-1<<16:])
	}
	return len(b), nil
}

// place is a directory of files that guests find in their root directory.
func place(t *testing.T) string {
	t.Helper()
	bin := lsftest.Bin(t)
	guest, err := buildGuest()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	lsf, err := os.ReadFile(filepath.Join(bin, "lsf"))
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"lsf": lsf, "guest": guest} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// run runs LSF with these arguments in a place of its own.
func run(t *testing.T, engine, files string, limit time.Duration, args ...string) result {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, append([]string{t.TempDir(), files, limit.String()}, args...)...)
	cmd.Env = append(os.Environ(), stageEnv+"=1", "LSF_ENGINE="+engine)
	root := os.Geteuid() == 0
	mapping := func(id int) []syscall.SysProcIDMap {
		if root {
			return []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1<<31 - 1}}
		}
		return []syscall.SysProcIDMap{{ContainerID: 0, HostID: id, Size: 1}}
	}
	if root {
		cmd.Env = append(cmd.Env, "LSF_HOSTILE_NOBODY=1")
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET |
			syscall.CLONE_NEWIPC,
		Pdeathsig:                  syscall.SIGKILL,
		UidMappings:                mapping(os.Geteuid()),
		GidMappings:                mapping(os.Getegid()),
		GidMappingsEnableSetgroups: root,
	}
	var out bytes.Buffer
	var log tail
	cmd.Stdout, cmd.Stderr = &out, &log
	err = cmd.Run()
	if cmd.ProcessState == nil {
		t.Skipf("no namespaces here: %v", err)
	}
	r := result{cmd.ProcessState.ExitCode(), out.String(), string(log.b)}
	if r.status == stageNoPlace {
		t.Skipf("no place for it here: %s", r.log)
	}
	if i := strings.Index(r.log, "supervisor panic"); i >= 0 {
		t.Errorf("%.6000s", r.log[i:])
	}
	return r
}

// good says whether the guest ended well and the supervisor after it.
func (r result) good(t *testing.T, maxRSS int) {
	t.Helper()
	if r.status != 0 || !strings.Contains(r.out, "\nsane\n") && !strings.HasPrefix(r.out, "sane\n") {
		t.Errorf("status %d\n%.8000s\n%s", r.status, r.out, r.log[max(0, len(r.log)-1000):])
	}
	m := regexp.MustCompile(`supervisor: (\d+) KiB, (\d+) threads`).FindStringSubmatch(r.out)
	if m == nil {
		return
	}
	if rss, _ := strconv.Atoi(m[1]); rss > maxRSS {
		t.Errorf("the supervisor has grown to %d KiB", rss)
	}
	if n, _ := strconv.Atoi(m[2]); n > 32 {
		t.Errorf("the supervisor has %d threads", n)
	}
}

// eachEngine runs a test with both.
func eachEngine(t *testing.T, f func(t *testing.T, engine string)) {
	t.Helper()
	for _, e := range engines {
		t.Run(e, func(t *testing.T) { f(t, e) })
	}
}

// TestWild gives every system call wild pointers. Nobody but who asks for it may die.
func TestWild(t *testing.T) {
	files := place(t)
	rows := freebsd.Table()
	eachEngine(t, func(t *testing.T, engine string) {
		r := run(t, engine, files, 3*time.Minute, "--", "/guest", "wild", "0", "100000")
		r.good(t, 64<<10)
		died := map[int]bool{}
		for _, m := range regexp.MustCompile(`(?m)^status (\d+) of (\d+) .*$`).FindAllStringSubmatch(r.out, -1) {
			status, _ := strconv.Atoi(m[1])
			nr, _ := strconv.Atoi(m[2])
			switch {
			case (nr >= len(rows) || rows[nr].Level() == emul.LevelUnknown) && status == int(abi.SIGSYS):
				died[nr] = true
			case nr < len(rows) && rows[nr].Name == "abort2" && (status == int(abi.SIGABRT) || status == int(abi.SIGKILL)):
			case nr < len(rows) && rows[nr].Name == "munmap" && status == int(abi.SIGSEGV): // of itself
			case nr < len(rows) && rows[nr].Name == "thr_new" && status == int(abi.SIGSEGV): // a thread that begins at 0
			case nr < len(rows) && rows[nr].Name == "setrlimit" && status == int(abi.SIGKILL): // no CPU time at all
			default:
				t.Errorf("%s\n%s", m[0], r.log[max(0, len(r.log)-600):])
			}
		}
		for nr, row := range rows {
			if row.Level() == emul.LevelUnknown && !died[nr] {
				t.Errorf("system call %d does not exist, and nothing happened", nr)
			}
		}
	})
}

// TestFault compares with where FreeBSD answers EFAULT.
func TestFault(t *testing.T) {
	files := place(t)
	eachEngine(t, func(t *testing.T, engine string) {
		run(t, engine, files, time.Minute, "--", "/guest", "efault").good(t, 64<<10)
	})
}

// TestRegion has guests work on LSF's own memory.
func TestRegion(t *testing.T) {
	files := place(t)
	eachEngine(t, func(t *testing.T, engine string) {
		run(t, engine, files, time.Minute, "--", "/guest", "region").good(t, 64<<10)
	})
}

// seed is another one each time, unless one is asked for.
func seed() uint64 {
	if s, err := strconv.ParseUint(os.Getenv("LSF_HOSTILE_SEED"), 10, 64); err == nil {
		return s
	}
	return uint64(time.Now().UnixNano()) % 1e9
}

// TestRandom makes random system calls for a while.
func TestRandom(t *testing.T) {
	seconds := 30
	if testing.Short() {
		seconds = 5
	}
	if s := os.Getenv("LSF_HOSTILE_SECONDS"); s != "" {
		seconds, _ = strconv.Atoi(s)
	}
	seed := seed()
	files := place(t)
	eachEngine(t, func(t *testing.T, engine string) {
		t.Logf("LSF_HOSTILE_SEED=%d", seed)
		r := run(t, engine, files, time.Duration(seconds+60)*time.Second, "--", "/guest", "fuzz", fmt.Sprint(seed), fmt.Sprint(seconds))
		r.good(t, 64<<10)
		t.Log(r.out)
	})
}

// TestAbsurd gives calls sizes and counts that no program means.
func TestAbsurd(t *testing.T) {
	files := place(t)
	eachEngine(t, func(t *testing.T, engine string) {
		run(t, engine, files, 2*time.Minute, "--", "/guest", "absurd").good(t, 160<<10)
	})
}

package lifecycle

import (
	"os"
	"strings"
	"testing"
)

// A rain of signals makes no call return EINTR that should not, and loses or
// doubles nothing; the calls are made from patched sites.
func TestRestart(t *testing.T) {
	inside(t, func(t *testing.T) {
		for _, mode := range []string{"restart", "eintr"} {
			cmd := guest("restart", "4000", mode)
			if testing.Short() {
				cmd.Args[2] = "500"
			}
			if got := output(t, cmd, "exit 0"); got != "exact\n" {
				t.Errorf("%s: %s", mode, got)
			}
		}
	})
}

// Handlers disturb no register, and start with fresh floating point.
func TestRegisters(t *testing.T) {
	inside(t, func(t *testing.T) {
		for _, ext := range []string{"", "avx"} {
			info, _ := os.ReadFile("/proc/cpuinfo")
			if ext == "avx" && !strings.Contains(string(info), " avx ") {
				continue
			}
			if got := output(t, guest("registers", "3000", ext), "exit 0"); got != "kept\n" {
				t.Errorf("%s: %s", ext, got)
			}
		}
	})
}

// What FreeBSD tells a handler (signo, si_code and the rest, in its numbers).
func TestSiginfo(t *testing.T) {
	inside(t, func(t *testing.T) {
		const want = `kill signo=30 code=65537 me=1
sigqueue signo=31 code=65538 me=1 value=4711
realtime signo=65 code=65538 value=42
realtime signo=126 code=65538 value=43
thr_kill signo=30 code=65543
timer signo=14 code=65542
child signo=20 code=1 pid=1 status=5
child signo=20 code=2 pid=1 status=15
child signo=20 code=5 pid=1 status=17
unmapped signo=11 code=1 addr=64
readonly signo=11 code=2 addr=*
noncanonical signo=10 code=3 addr=*
divide signo=8 code=2 addr=*
undefined signo=4 code=5 addr=*
breakpoint signo=5 code=1 addr=*
`
		got := strings.Split(output(t, guest("siginfo"), "exit 0"), "\n")
		for i, w := range strings.Split(want, "\n") {
			before, any := strings.CutSuffix(w, "*")
			if i >= len(got) || got[i] != w && !(any && strings.HasPrefix(got[i], before)) {
				t.Fatalf("line %d of\n%s\nwant %s", i+1, strings.Join(got, "\n"), w)
			}
		}
	})
}

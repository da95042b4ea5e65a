package doctor

import (
	"strings"
	"syscall"
	"testing"
)

func TestWhyNoPtrace(t *testing.T) {
	for _, tt := range []struct {
		scope   string
		seccomp bool
		says    string
		mend    string
	}{
		{"2", true, "ptrace_scope = 2", "sysctl kernel.yama.ptrace_scope=1"},
		{"3", false, "ptrace_scope = 3", "boot again"},
		{"1", true, "seccomp", "--cap-add"},
		{"", true, "seccomp", "--cap-add"},
		{"1", false, "operation not permitted", "dmesg"},
	} {
		f := whyNoPtrace(syscall.EPERM, tt.scope, tt.seccomp)
		if f.Level != Failure || !strings.Contains(f.Text, tt.says) || !strings.Contains(f.Mend, tt.mend) {
			t.Errorf("%q, seccomp %v: %+v", tt.scope, tt.seccomp, f)
		}
	}
}

func TestTooOld(t *testing.T) {
	for release, want := range map[string]bool{
		"4.19.0-27-amd64": true, "5.5.19": true, "5.6.0": false, "5.10.0-30-amd64": false, "6.18.44": false, "10.1": false, "odd": false,
	} {
		if tooOld(release) != want {
			t.Errorf("%s: too old: %v", release, !want)
		}
	}
}

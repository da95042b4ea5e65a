package freebsd_test

import "testing"

// TestGuestProcctl: of what is refused, jail_attach and ptrace give root other
// answers on FreeBSD.
func TestGuestProcctl(t *testing.T) {
	runGuest(t, "procctl", func(t *testing.T, out string) { wantLines(t, "procctl", out, false) })
}

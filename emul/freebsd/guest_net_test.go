package freebsd_test

import "testing"

func TestGuestSockets(t *testing.T) {
	runGuest(t, "socket", func(t *testing.T, out string) { wantLines(t, "socket", out, false) })
}

func TestGuestSysctl(t *testing.T) {
	runGuest(t, "procs", func(t *testing.T, out string) { wantLines(t, "procs", out, false) })
	runGuest(t, "sysctl", func(t *testing.T, out string) { wantLines(t, "sysctl", out, false) })
}

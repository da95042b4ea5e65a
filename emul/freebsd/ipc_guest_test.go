package freebsd_test

import "testing"

func TestGuestTimers(t *testing.T) {
	runGuest(t, "timers", func(t *testing.T, out string) { wantLines(t, "timers", out, false) })
}

func TestGuestSysV(t *testing.T) {
	runGuest(t, "sysv", func(t *testing.T, out string) { wantLines(t, "sysv", out, false) })
}

func TestGuestShm(t *testing.T) {
	runGuest(t, "shm", func(t *testing.T, out string) { wantLines(t, "shm", out, false) })
}

func TestGuestMqueue(t *testing.T) {
	runGuest(t, "mqueue", func(t *testing.T, out string) { wantLines(t, "mqueue", out, false) })
}

func TestGuestProcdesc(t *testing.T) {
	runGuest(t, "procdesc", func(t *testing.T, out string) { wantLines(t, "procdesc", out, false) })
}

func TestGuestAIO(t *testing.T) {
	runGuest(t, "aio", func(t *testing.T, out string) { wantLines(t, "aio", out, false) })
}

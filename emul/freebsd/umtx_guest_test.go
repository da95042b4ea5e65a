package freebsd_test

import "testing"

func TestGuestUmtx(t *testing.T) {
	runFreestanding(t, "umtx", func(t *testing.T, out string) { wantLines(t, "umtx", out, false) })
}

func TestGuestUmtxSignals(t *testing.T) {
	runFreestanding(t, "umtxsig", func(t *testing.T, out string) { wantLines(t, "umtxsig", out, false) })
}

func TestGuestUmtxShared(t *testing.T) {
	runFreestanding(t, "umtxshared", func(t *testing.T, out string) { wantLines(t, "umtxshared", out, false) })
}

func TestGuestSigfastblock(t *testing.T) {
	runFreestanding(t, "sigfast", func(t *testing.T, out string) { wantLines(t, "sigfast", out, false) })
}

func TestGuestThreads(t *testing.T) {
	runFreestanding(t, "threads", func(t *testing.T, out string) { wantLines(t, "threads", out, false) })
}

func TestGuestUmtxKill(t *testing.T) {
	runFreestanding(t, "umtxkill", func(t *testing.T, out string) { wantLines(t, "umtxkill", out, false) })
}

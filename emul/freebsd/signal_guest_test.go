package freebsd_test

import "testing"

func TestGuestSigaction(t *testing.T) {
	runFreestanding(t, "sigact", func(t *testing.T, out string) { wantLines(t, "sigact", out, false) })
}

func TestGuestKqueueLocal(t *testing.T) {
	runFreestanding(t, "kqlocal", func(t *testing.T, out string) { wantLines(t, "kqlocal", out, false) })
}

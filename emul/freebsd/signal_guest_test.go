package freebsd_test

import "testing"

func TestGuestSigaction(t *testing.T) {
	runFreestanding(t, "sigact", func(t *testing.T, out string) { wantLines(t, "sigact", out, false) })
}

package freebsd_test

import "testing"

func TestGuestUmtx(t *testing.T) {
	runFreestanding(t, "umtx", func(t *testing.T, out string) { wantLines(t, "umtx", out, false) })
}

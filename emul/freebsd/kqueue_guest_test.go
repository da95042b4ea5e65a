package freebsd_test

import "testing"

func TestGuestKqueue(t *testing.T) {
	runGuest(t, "kq", func(t *testing.T, out string) { wantLines(t, "kq", out, false) })
}

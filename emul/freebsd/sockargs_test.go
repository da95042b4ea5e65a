package freebsd

import (
	"net/netip"
	"testing"
)

// TestAddresses: addresses are printed as net/netip does.
func TestAddresses(t *testing.T) {
	for _, s := range []string{
		"::", "::1", "1::", "fe80::1:2", "::ffff:192.0.2.1", "::fffe:c000:201", "::c000:201", "1:2:3:4:5:6:7:8", "1:0:3:4:5:6:7:8",
		"0:2:3:4:5:6:7:0", "1:0:0:4:0:0:0:8", "1:0:0:0:5:0:0:0", "1:0:0:4:5:0:0:8", "0:0:3:4:5:6:7:8", "1:2:3:4:5:6::", "abcd:ef01::",
	} {
		a := netip.MustParseAddr(s).As16()
		if got, want := ip6(a), netip.AddrFrom16(a).String(); got != want {
			t.Errorf("%s for %s", got, want)
		}
	}
	if got := ip4([4]byte{255, 0, 10, 1}); got != "255.0.10.1" {
		t.Error(got)
	}
}

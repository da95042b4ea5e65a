package freebsd

import (
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// TestInetSockets: lines of /proc/net/tcp and tcp6 as sysctl tells them.
func TestInetSockets(t *testing.T) {
	const rest = " 0A 00000002:00000003 00:00000000 00000000  1000        0 1601 1 0 100 0 0 10 0"
	for _, c := range []struct {
		line, local string
		vflag       uint8
	}{
		{"   0: 0100007F:1F90 00000000:0000" + rest, "127.0.0.1", abi.INP_IPV4},
		{"   1: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000" + rest, "::1", abi.INP_IPV6},
		{"   2: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000100007F:0050" + rest, "127.0.0.1", abi.INP_IPV4},
	} {
		s, ok := parseInetSocket(c.line)
		if !ok || s.lport != 8080 || s.uid != 1000 || s.inode != 1601 || s.state != 10 || s.tx != 2 || s.rx != 3 {
			t.Errorf("%q: %+v, %v", c.line, s, ok)
			continue
		}
		x := s.xinpcb(unix.SOCK_STREAM, abi.IPPROTO_TCP)
		addr := netip.AddrFrom16(x.Laddr)
		if x.Vflag == abi.INP_IPV4 {
			addr, _ = netip.AddrFromSlice(x.Laddr[12:])
		}
		if x.Vflag != c.vflag || addr.String() != c.local || x.Lport != [2]byte{0x1f, 0x90} {
			t.Errorf("%q: %+v", c.line, x)
		}
	}
	for _, line := range []string{"", "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode", "0: x y 0A 0:0 0:0 0 0 0 0"} {
		if s, ok := parseInetSocket(line); ok {
			t.Errorf("%q is %+v", line, s)
		}
	}
}

func TestIn6Lifetime(t *testing.T) {
	got := in6Lifetime(&netAddr{valid: 100, preferred: ^uint32(0)}, 5)
	if want := (abi.In6Addrlifetime{Expire: 105, Vltime: 100, Pltime: ^uint32(0)}); got != want {
		t.Errorf("%+v", got)
	}
}

func TestInterrupts(t *testing.T) {
	got := parseInterrupts("           CPU0       CPU1\n 26:          3         14  IO-APIC   4-edge      ttyS0\nRES:   5  6   Rescheduling interrupts\nERR:          7\n")
	want := []interrupt{{"irq26: ttyS0", 17}, {"RES", 11}, {"ERR", 7}}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

package abi

import (
	"testing"
	"unsafe"
)

// TestPcbLayout: sizes and offsets are those of FreeBSD 13.2 on amd64.
func TestPcbLayout(t *testing.T) {
	var inp Xinpcb
	var tcp Xtcpcb
	var unp Xunpcb
	for _, c := range []struct {
		what      string
		got, want uintptr
	}{
		{"xsocket", unsafe.Sizeof(Xsocket{}), 240},
		{"xinpgen", unsafe.Sizeof(Xinpgen{}), 64},
		{"xinpcb", unsafe.Sizeof(inp), 400},
		{"xi inp_gencnt", unsafe.Offsetof(inp.Gencnt), 296},
		{"xi inp_vflag", unsafe.Offsetof(inp.Vflag), 392},
		{"xtcpcb", unsafe.Sizeof(tcp), 744},
		{"xt t_state", unsafe.Offsetof(tcp.State), 568},
		{"xunpgen", unsafe.Sizeof(Xunpgen{}), 32},
		{"xunpcb", unsafe.Sizeof(unp), 904},
		{"xu_socket", unsafe.Offsetof(unp.Socket), 664},
		{"xfile", unsafe.Sizeof(Xfile{}), 128},
	} {
		if c.got != c.want {
			t.Errorf("%s is %d, not %d", c.what, c.got, c.want)
		}
	}
}

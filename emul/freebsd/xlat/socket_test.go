package xlat

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

func TestMsgFlags(t *testing.T) {
	for _, c := range []struct {
		guest int32
		host  int
	}{
		{abi.MSG_PEEK | abi.MSG_WAITALL, unix.MSG_PEEK | unix.MSG_WAITALL},
		{abi.MSG_DONTWAIT, unix.MSG_DONTWAIT},
		{abi.MSG_NBIO, unix.MSG_DONTWAIT},
		{abi.MSG_NOSIGNAL | abi.MSG_EOR, unix.MSG_NOSIGNAL | unix.MSG_EOR},
		{abi.MSG_TRUNC | abi.MSG_CTRUNC, 0},
		{abi.MSG_EOF, 0},
		{abi.MSG_CMSG_CLOEXEC, unix.MSG_CMSG_CLOEXEC},
	} {
		if got := MsgFlags(c.guest); got != c.host {
			t.Errorf("MsgFlags(%#x) = %#x, want %#x", c.guest, got, c.host)
		}
	}
	if got := MsgFlagsFromHost(unix.MSG_TRUNC | unix.MSG_CTRUNC | unix.MSG_EOR); got != abi.MSG_TRUNC|abi.MSG_CTRUNC|abi.MSG_EOR {
		t.Errorf("MsgFlagsFromHost: %#x", got)
	}
}

func un(path string) []byte { return append([]byte{byte(2 + len(path)), abi.AF_UNIX}, path...) }

func TestSockaddr(t *testing.T) {
	in := append([]byte{16, abi.AF_INET, 0, 80, 127, 0, 0, 1}, make([]byte, 8)...)
	in6 := append([]byte{28, abi.AF_INET6, 0, 80}, make([]byte, 24)...)
	in6[23] = 1
	in6[24] = 7 // scope
	path104 := strings.Repeat("x", 104)
	for _, c := range []struct {
		name string
		in   []byte
		back []byte // what comes back from Linux; nil: the same
		err  error
	}{
		{"inet", in, nil, nil},
		{"inet6", in6, nil, nil},
		{"unix", un("/tmp/s\x00"), nil, nil},
		{"unix without zero", un("/tmp/s"), un("/tmp/s\x00"), nil},
		{"unix padded", un("a\x00bcd"), un("a\x00"), nil},
		{"unix full", un(path104), nil, nil},
		{"unix too long", un(path104 + "x"), nil, abi.ENAMETOOLONG},
		{"unix empty", un(""), nil, abi.EINVAL},
		{"unix zero", un("\x00x"), nil, abi.ENOENT},
		{"short", []byte{1}, nil, abi.EINVAL},
		{"long", make([]byte, 256), nil, abi.ENAMETOOLONG},
	} {
		host, err := SockaddrToHost(c.in)
		if err != c.err {
			t.Errorf("%s: error %v, want %v", c.name, err, c.err)
		}
		if err != nil {
			continue
		}
		want := c.back
		if want == nil {
			want = c.in
		}
		if got := SockaddrFromHost(host); !bytes.Equal(got, want) {
			t.Errorf("%s: %q, want %q", c.name, got, want)
		}
	}
	host, err := SockaddrToHost(in[:15])
	if err != nil || len(host) != 2 {
		t.Errorf("malformed inet: %x, %v", host, err)
	}
	host, err = SockaddrToHost([]byte{16, 99, 1, 2})
	if err != nil || binary.NativeEndian.Uint16(host) != 0xff {
		t.Errorf("unknown family: %x, %v", host, err)
	}
	if got := SockaddrFromHost([]byte{unix.AF_UNIX, 0}); !bytes.Equal(got, append([]byte{16, 1}, make([]byte, 14)...)) {
		t.Errorf("no name: %x", got)
	}
	if got := SockaddrFromHost(nil); got != nil {
		t.Errorf("no address: %x", got)
	}
}

func FuzzSockaddr(f *testing.F) {
	f.Add([]byte{16, 2, 0, 80})
	f.Add(un("/x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		host, err := SockaddrToHost(b)
		if err == nil && len(host) < 2 {
			t.Fatalf("%x: %x", b, host)
		}
		if len(host) > 128 {
			t.Fatalf("%x: %d bytes for Linux", b, len(host))
		}
		if g := SockaddrFromHost(b); g != nil && int(g[0]) != len(g) {
			t.Fatalf("sa_len %d of %d", g[0], len(g))
		}
	})
}

func TestCmsg(t *testing.T) {
	rights := AppendCmsg(nil, Cmsg{abi.SOL_SOCKET, abi.SCM_RIGHTS, []byte{3, 0, 0, 0, 4, 0, 0, 0}})
	if len(rights) != 24 || binary.LittleEndian.Uint32(rights) != 24 {
		t.Fatalf("%x", rights)
	}
	both := AppendCmsg(rights, Cmsg{abi.IPPROTO_IP, abi.IP_TOS, []byte{8}})
	list, err := ParseCmsgs(both)
	if err != nil || len(list) != 2 || list[1].Type != abi.IP_TOS || !bytes.Equal(list[1].Data, []byte{8}) {
		t.Fatalf("%v %v", list, err)
	}
	// The padding of the last message may be missing.
	if list, err = ParseCmsgs(both[:24+17]); err != nil || len(list) != 2 {
		t.Fatalf("%v %v", list, err)
	}
	for _, bad := range [][]byte{
		{1, 2, 3},
		{11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		append(bytes.Clone(rights), 1, 2, 3),
	} {
		if _, err := ParseCmsgs(bad); err != abi.EINVAL {
			t.Errorf("%x: %v", bad, err)
		}
	}
	c, err := CmsgToHost(Cmsg{abi.IPPROTO_IP, abi.IP_SENDSRCADDR, []byte{10, 0, 0, 1}}, unix.Ucred{})
	if err != nil || c.Type != unix.IP_PKTINFO || !bytes.Equal(c.Data, []byte{0, 0, 0, 0, 10, 0, 0, 1, 0, 0, 0, 0}) {
		t.Errorf("%v %v", c, err)
	}
	if _, err := CmsgToHost(Cmsg{abi.SOL_SOCKET, 99, nil}, unix.Ucred{}); err != abi.EINVAL {
		t.Error(err)
	}
	got := CmsgFromHost(Cmsg{unix.IPPROTO_IP, unix.IP_PKTINFO, []byte{2, 0, 0, 0, 1, 1, 1, 1, 9, 9, 9, 9}}, CmsgWants{DstAddr: true, If: true})
	if len(got) != 2 || !bytes.Equal(got[0].Data, []byte{9, 9, 9, 9}) || !bytes.Equal(got[1].Data, []byte{8, 18, 2, 0, 0, 0, 0, 0}) {
		t.Errorf("%v", got)
	}
	ts := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, 5), 500_000_000)
	for _, c := range []struct {
		stamp  int32
		second uint64
	}{{0, 500_000}, {abi.SCM_REALTIME, 500_000_000}, {abi.SCM_BINTIME, 1<<63 - 354838709}} {
		got := CmsgFromHost(Cmsg{unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, ts}, CmsgWants{Stamp: c.stamp})
		if len(got) != 1 || binary.LittleEndian.Uint64(got[0].Data) != 5 || binary.LittleEndian.Uint64(got[0].Data[8:])>>32 != c.second>>32 {
			t.Errorf("stamp %d: %v", c.stamp, got)
		}
	}
	cred := Cmsg{unix.SOL_SOCKET, unix.SCM_CREDENTIALS, []byte{7, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0}}
	if got := CmsgFromHost(cred, CmsgWants{}); got != nil {
		t.Errorf("creds that nobody asked for: %v", got)
	}
	if got := CmsgFromHost(cred, CmsgWants{Creds: abi.SCM_CREDS2}); len(got) != 1 || len(got[0].Data) != 32 || got[0].Data[4] != 7 {
		t.Errorf("%v", got)
	}
	if got := CmsgFromHost(cred, CmsgWants{Creds: abi.SCM_CREDS}); len(got) != 1 || len(got[0].Data) != 24 {
		t.Errorf("%v", got)
	}
}

func FuzzCmsg(f *testing.F) {
	f.Add(AppendCmsg(nil, Cmsg{abi.SOL_SOCKET, abi.SCM_RIGHTS, []byte{3, 0, 0, 0}}))
	f.Add(AppendHostCmsg(nil, Cmsg{unix.SOL_SOCKET, unix.SCM_CREDENTIALS, make([]byte, 12)}))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := ParseCmsgs(b)
		for _, c := range list {
			if h, err := CmsgToHost(c, unix.Ucred{}); err == nil {
				if back := ParseHostCmsgs(AppendHostCmsg(nil, h)); len(back) != 1 || !bytes.Equal(back[0].Data, h.Data) {
					t.Fatalf("%v became %v", h, back)
				}
			}
		}
		if err == nil && len(b) > 0 && len(list) == 0 {
			t.Fatalf("%x: nothing", b)
		}
		for _, c := range ParseHostCmsgs(b) {
			for stamp := int32(0); stamp < 8; stamp++ {
				CmsgFromHost(c, CmsgWants{Creds: abi.SCM_CREDS, Stamp: stamp, DstAddr: true, If: true})
			}
		}
	})
}

func TestSockopt(t *testing.T) {
	seen := map[[2]int32]bool{}
	for _, o := range sockopts {
		k := [2]int32{o.GuestLevel, o.GuestName}
		if seen[k] {
			t.Errorf("level %#x option %#x twice", o.GuestLevel, o.GuestName)
		}
		seen[k] = true
	}
	find := func(level, name int32) Sockopt {
		o, ok := FindSockopt(level, name)
		if !ok {
			t.Fatalf("no option %#x/%#x", level, name)
		}
		return o
	}
	one := intBytes(1)
	for _, c := range []struct {
		o   Sockopt
		in  []byte
		out []byte
		err error
	}{
		{find(abi.SOL_SOCKET, abi.SO_REUSEADDR), intBytes(77), one, nil},
		{find(abi.SOL_SOCKET, abi.SO_REUSEADDR), []byte{1}, nil, abi.EINVAL},
		{find(abi.SOL_SOCKET, abi.SO_RCVBUF), intBytes(0), nil, abi.EINVAL},
		{find(abi.SOL_SOCKET, abi.SO_RCVTIMEO), make([]byte, 8), nil, abi.EINVAL},
		{find(abi.SOL_SOCKET, abi.SO_RCVTIMEO), append(make([]byte, 8), 0, 0, 0, 1, 0, 0, 0, 0), nil, abi.EDOM},
		{find(abi.SOL_SOCKET, abi.SO_LINGER), append(intBytes(1), intBytes(-1)...), nil, abi.EDOM},
		{find(abi.IPPROTO_IP, abi.IP_DONTFRAG), one, intBytes(unix.IP_PMTUDISC_DO), nil},
		{find(abi.IPPROTO_IP, abi.IP_ADD_SOURCE_MEMBERSHIP), []byte{1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3}, []byte{1, 1, 1, 1, 3, 3, 3, 3, 2, 2, 2, 2}, nil},
		{find(abi.IPPROTO_IP, abi.MCAST_JOIN_GROUP), make([]byte, 136), nil, abi.EINVAL},
	} {
		got, err := SockoptToHost(c.o, c.in)
		if !bytes.Equal(got, c.out) || err != c.err {
			t.Errorf("option %#x/%#x: %x, %v; want %x, %v", c.o.GuestLevel, c.o.GuestName, got, err, c.out, c.err)
		}
	}
	req := make([]byte, 136)
	req[0] = 3
	copy(req[8:], []byte{16, abi.AF_INET, 0, 0, 224, 0, 0, 1})
	got, err := SockoptToHost(find(abi.IPPROTO_IP, abi.MCAST_JOIN_GROUP), req)
	if err != nil || !bytes.Equal(got[8:16], []byte{2, 0, 0, 0, 224, 0, 0, 1}) || got[0] != 3 {
		t.Errorf("%x, %v", got, err)
	}
	for _, c := range []struct {
		o       Sockopt
		in, out int32
	}{
		{find(abi.SOL_SOCKET, abi.SO_KEEPALIVE), 1, abi.SO_KEEPALIVE},
		{find(abi.SOL_SOCKET, abi.SO_ERROR), int32(unix.ECONNREFUSED), int32(abi.ECONNREFUSED)},
		{find(abi.SOL_SOCKET, abi.SO_ERROR), 0, 0},
		{find(abi.SOL_SOCKET, abi.SO_DOMAIN), unix.AF_INET6, abi.AF_INET6},
		{find(abi.SOL_SOCKET, abi.SO_SNDBUF), 8192, 4096},
	} {
		if got := SockoptFromHost(c.o, intBytes(c.in)); !bytes.Equal(got, intBytes(c.out)) {
			t.Errorf("option %#x: %d became %x, want %d", c.o.GuestName, c.in, got, c.out)
		}
	}
}

func TestTCPInfo(t *testing.T) {
	in := unix.TCPInfo{State: 1, Options: 0x17, Snd_mss: 100, Snd_cwnd: 10, Snd_ssthresh: 0x7fffffff, Last_data_recv: 3, Rtt: 5}
	out := TCPInfo(&in, 0x77)
	if out.State != abi.TCPS_ESTABLISHED || out.Options != 7 || out.SndCwnd != 1000 || out.SndSsthresh != 0x7fffffff || out.LastDataRecv != 3000 || out.Rtt != 5 || out.Wscale != 0x77 {
		t.Errorf("%+v", out)
	}
}

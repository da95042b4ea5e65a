package freebsd

import (
	"encoding/binary"
	"encoding/hex"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
)

// The lists of sockets that netstat(1) and sockstat(1) ask for, out of Linux's
// /proc/net: all sockets of the network namespace, whoever has them. Where
// FreeBSD has a socket's kernel address there is its inode number, which
// kern.file has, too.

func sysctlSockets() []ctl {
	const rd = abi.CTLFLAG_RD
	return []ctl{
		{"kern.file", abi.KERN_FILE, rd, ctlOpaque("S,xfile", kernFile), "Entire file table"},
		{"net.inet.tcp.pcblist", abi.TCPCTL_PCBLIST, rd, ctlOpaque("S,xtcpcb", inetList(unix.SOCK_STREAM, abi.IPPROTO_TCP, "tcp", "tcp6")),
			"List of active TCP connections"},
		{"net.inet.udp.pcblist", abi.UDPCTL_PCBLIST, rd, ctlOpaque("S,xinpcb", inetList(unix.SOCK_DGRAM, abi.IPPROTO_UDP, "udp", "udp6")),
			"List of active UDP sockets"},
		{"net.inet.raw.pcblist", auto, rd, ctlOpaque("S,xinpcb", inetList(unix.SOCK_RAW, 0, "raw", "raw6")),
			"List of active raw IP sockets"},
		{"net.local.stream.pcblist", auto, rd, ctlOpaque("S,xunpcb", localList(unix.SOCK_STREAM)), "List of active local stream sockets"},
		{"net.local.dgram.pcblist", auto, rd, ctlOpaque("S,xunpcb", localList(unix.SOCK_DGRAM)), "List of active local datagram sockets"},
		{"net.local.seqpacket.pcblist", auto, rd, ctlOpaque("S,xunpcb", localList(unix.SOCK_SEQPACKET)), "List of active local seqpacket sockets"},
	}
}

// inetSocket is a line of /proc/net/tcp and the files like it.
type inetSocket struct {
	local, remote []byte // 4 or 16 bytes
	lport, rport  uint16
	state         uint8
	tx, rx        uint32
	uid           uint32
	inode         uint64
}

// parseInetSocket reads such a line; false for the heading.
func parseInetSocket(line string) (s inetSocket, ok bool) {
	f := strings.Fields(line)
	if len(f) < 10 {
		return s, false
	}
	if s.local, s.lport, ok = inetEndpoint(f[1]); !ok {
		return s, false
	}
	if s.remote, s.rport, ok = inetEndpoint(f[2]); !ok {
		return s, false
	}
	tx, rx, _ := strings.Cut(f[4], ":")
	hexNum := func(v string) uint32 { n, _ := strconv.ParseUint(v, 16, 32); return uint32(n) }
	s.state, s.tx, s.rx = uint8(hexNum(f[3])), hexNum(tx), hexNum(rx)
	uid, _ := strconv.ParseUint(f[7], 10, 32)
	s.uid = uint32(uid)
	s.inode, _ = strconv.ParseUint(f[9], 10, 64)
	return s, true
}

// inetEndpoint reads an address, words of the machine's byte order in
// hexadecimal, and a port. An IPv4 address in IPv6's clothes is one of IPv4.
func inetEndpoint(s string) (addr []byte, port uint16, ok bool) {
	a, p, _ := strings.Cut(s, ":")
	addr, err := hex.DecodeString(a)
	n, err2 := strconv.ParseUint(p, 16, 16)
	if err != nil || err2 != nil || len(addr) != 4 && len(addr) != 16 {
		return nil, 0, false
	}
	for w := addr; len(w) > 0; w = w[4:] {
		binary.BigEndian.PutUint32(w, binary.NativeEndian.Uint32(w))
	}
	return addr, uint16(n), true
}

// mapped says whether addr is an IPv4 address within IPv6.
func v4Mapped(addr []byte) bool {
	return len(addr) == 16 && string(addr[:12]) == "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff"
}

// xinpcb gives the socket as FreeBSD tells of it.
func (s *inetSocket) xinpcb(typ, proto int) abi.Xinpcb {
	x := abi.Xinpcb{
		Len:   uint64(unsafe.Sizeof(abi.Xinpcb{})),
		Vflag: abi.INP_IPV4, Proto: uint8(proto), Ppcb: s.inode,
		Socket: abi.Xsocket{
			Len: uint64(unsafe.Sizeof(abi.Xsocket{})), So: s.inode, Pcb: s.inode,
			Protocol: int32(proto), Family: abi.AF_INET, Type: int16(typ), Uid: s.uid,
		},
	}
	local, remote := s.local, s.remote
	if len(local) == 16 && (v4Mapped(local) || v4Mapped(remote)) {
		local, remote = local[12:], remote[12:]
	}
	if len(local) == 16 {
		x.Vflag, x.Socket.Family = abi.INP_IPV6, abi.AF_INET6
	}
	copy(x.Laddr[16-len(local):], local)
	copy(x.Faddr[16-len(remote):], remote)
	binary.BigEndian.PutUint16(x.Lport[:], s.lport)
	binary.BigEndian.PutUint16(x.Fport[:], s.rport)
	return x
}

// inetList gives the sockets of a protocol, between two struct xinpgen.
func inetList(typ, proto int, files ...string) func(*sysctlReq) ([]byte, error) {
	return func(*sysctlReq) ([]byte, error) {
		gen := abi.Xinpgen{Len: uint64(unsafe.Sizeof(abi.Xinpgen{})), Gen: 1, Sogen: 1}
		var body []byte
		for i, file := range files {
			text, err := procFile("/proc/self/net/" + file)
			if err != nil {
				if i == 0 {
					return nil, err
				}
				continue // a kernel without IPv6
			}
			for line := range strings.Lines(text) {
				s, ok := parseInetSocket(line)
				if !ok {
					continue
				}
				gen.Count++
				x := s.xinpcb(typ, proto)
				if typ == unix.SOCK_STREAM {
					body = append(body, s.xtcpcb(x)...)
					continue
				}
				if typ == unix.SOCK_RAW { // Linux has the protocol where the port would be
					x.Proto, x.Socket.Protocol, x.Lport = uint8(s.lport), int32(s.lport), [2]byte{}
				}
				x.Socket.Snd.Cc, x.Socket.Rcv.Cc = s.tx, s.rx
				body = append(body, structBytes(x)...)
			}
		}
		ends := structBytes(gen)
		return append(append(ends[:len(ends):len(ends)], body...), ends...), nil
	}
}

func (s *inetSocket) xtcpcb(x abi.Xinpcb) []byte {
	tcp := abi.Xtcpcb{Len: uint64(unsafe.Sizeof(abi.Xtcpcb{})), Inp: x, State: int32(xlat.TCPState(s.state))}
	if tcp.State == abi.TCPS_LISTEN {
		tcp.Inp.Socket.Options = int16(abi.SO_ACCEPTCONN)
		tcp.Inp.Socket.Qlen = s.rx // connections that wait
	} else {
		tcp.Inp.Socket.Snd.Cc, tcp.Inp.Socket.Rcv.Cc = s.tx, s.rx
	}
	return structBytes(tcp)
}

// localList gives the local sockets of a type, between two struct xunpgen.
// Which of them are connected to each other Linux does not say there.
func localList(typ int) func(*sysctlReq) ([]byte, error) {
	return func(r *sysctlReq) ([]byte, error) {
		text, err := procFile("/proc/self/net/unix")
		if err != nil {
			return nil, err
		}
		gen := abi.Xunpgen{Len: uint64(unsafe.Sizeof(abi.Xunpgen{})), Gen: 1, Sogen: 1}
		var body []byte
		for line := range strings.Lines(text) {
			// Num: RefCount Protocol Flags Type St Inode [Path]
			f := strings.Fields(line)
			if len(f) < 7 {
				continue
			}
			kind, err1 := strconv.ParseUint(f[4], 16, 16)
			flags, err2 := strconv.ParseUint(f[3], 16, 32)
			inode, err3 := strconv.ParseUint(f[6], 10, 64)
			if err1 != nil || err2 != nil || err3 != nil || int(kind) != typ {
				continue
			}
			x := abi.Xunpcb{Len: uint64(unsafe.Sizeof(abi.Xunpcb{})), Unpp: inode, Socket: abi.Xsocket{
				Len: uint64(unsafe.Sizeof(abi.Xsocket{})), So: inode, Pcb: inode, Family: abi.AF_UNIX, Type: int16(typ),
			}}
			const listening = 1 << 16 // __SO_ACCEPTCON
			if flags&listening != 0 {
				x.Socket.Options = int16(abi.SO_ACCEPTCONN)
			}
			if len(f) > 7 {
				path := r.p.prefix.guest(strings.Join(f[7:], " "))
				n := copy(x.Addr[2:2+sunPathMax], path)
				x.Addr[0], x.Addr[1] = byte(2+n), abi.AF_UNIX
				x.Vnode = inode
			}
			gen.Count++
			body = append(body, structBytes(x)...)
		}
		ends := structBytes(gen)
		return append(append(ends[:len(ends):len(ends)], body...), ends...), nil
	}
}

// sunPathMax is the length of sun_path.
const sunPathMax = 104

// kernFile gives the open descriptors of all guests (sys/kern/kern_descrip.c
// sysctl_kern_file).
func kernFile(r *sysctlReq) ([]byte, error) {
	var out []byte
	var err error
	r.t.Loop().Processes(func(q *emul.Process) {
		p, ok := q.OS.(*process)
		if !ok || err != nil {
			return
		}
		var fds []int
		if fds, err = p.fds(); err != nil {
			if _, gone := os.Stat(p.procDir()); gone != nil && r.p != p {
				err = nil // it ends just now
			}
			return
		}
		uid := uint32(0)
		if s, err := readProcStat(p.procDir()); err == nil {
			uid = s.uids[1]
		}
		for _, fd := range fds {
			if k, ok := p.describeFD(fd); ok {
				out = append(out, structBytes(abi.Xfile{
					Size: uint64(unsafe.Sizeof(abi.Xfile{})), Pid: int32(p.Pid), Uid: uid, FD: int32(fd), File: k.Fileid,
					Type: int16(k.Type), Count: 1, Offset: k.Offset, Data: k.Fileid, Flag: uint32(k.Flags),
				})...)
			}
		}
	})
	return out, err
}

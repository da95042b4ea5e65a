package xlat

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// Cmsg is one control message of a socket, in either system's numbering.
type Cmsg struct {
	Level, Type int32
	Data        []byte
}

// Both systems put a message's data 16 bytes behind its beginning and align
// messages to 8; FreeBSD's header has a 32-bit length, Linux's a 64-bit one.
const cmsgData = 16

// ParseCmsgs takes a guest's control data apart. It is strict as FreeBSD is:
// a header or length that does not fit is EINVAL.
func ParseCmsgs(b []byte) ([]Cmsg, error) {
	var out []Cmsg
	for len(b) > 0 {
		if len(b) < abi.SizeofCmsghdr {
			return nil, abi.EINVAL
		}
		n := int(binary.LittleEndian.Uint32(b))
		if n < abi.SizeofCmsghdr || n > len(b) {
			return nil, abi.EINVAL
		}
		c := Cmsg{
			Level: int32(binary.LittleEndian.Uint32(b[4:])),
			Type:  int32(binary.LittleEndian.Uint32(b[8:])),
		}
		if n > cmsgData {
			c.Data = b[cmsgData:n]
		}
		out = append(out, c)
		b = b[min(abi.CMSG_ALIGN(n), len(b)):]
	}
	return out, nil
}

// AppendCmsg adds a message in FreeBSD's form, with the padding behind it.
func AppendCmsg(b []byte, c Cmsg) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(cmsgData+len(c.Data)))
	b = binary.LittleEndian.AppendUint32(b, uint32(c.Level))
	b = binary.LittleEndian.AppendUint32(b, uint32(c.Type))
	b = append(b, 0, 0, 0, 0)
	return pad8(append(b, c.Data...))
}

// ParseHostCmsgs takes control data apart that Linux gave. What does not fit
// together ends it: the kernel does not give such.
func ParseHostCmsgs(b []byte) []Cmsg {
	var out []Cmsg
	for len(b) >= unix.SizeofCmsghdr {
		n := binary.LittleEndian.Uint64(b)
		if n < unix.SizeofCmsghdr || n > uint64(len(b)) {
			break
		}
		out = append(out, Cmsg{
			Level: int32(binary.LittleEndian.Uint32(b[8:])),
			Type:  int32(binary.LittleEndian.Uint32(b[12:])),
			Data:  b[cmsgData:n],
		})
		b = b[min(abi.CMSG_ALIGN(int(n)), len(b)):]
	}
	return out
}

// AppendHostCmsg adds a message in Linux's form, with the padding behind it.
func AppendHostCmsg(b []byte, c Cmsg) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(cmsgData+len(c.Data)))
	b = binary.LittleEndian.AppendUint32(b, uint32(c.Level))
	b = binary.LittleEndian.AppendUint32(b, uint32(c.Type))
	return pad8(append(b, c.Data...))
}

func pad8(b []byte) []byte {
	for len(b)%8 != 0 {
		b = append(b, 0)
	}
	return b
}

var ipv6Cmsgs = [...]struct{ guest, host int32 }{
	{abi.IPV6_PKTINFO, unix.IPV6_PKTINFO},
	{abi.IPV6_HOPLIMIT, unix.IPV6_HOPLIMIT},
	{abi.IPV6_TCLASS, unix.IPV6_TCLASS},
	{abi.IPV6_HOPOPTS, unix.IPV6_HOPOPTS},
	{abi.IPV6_DSTOPTS, unix.IPV6_DSTOPTS},
	{abi.IPV6_RTHDR, unix.IPV6_RTHDR},
	{abi.IPV6_RTHDRDSTOPTS, unix.IPV6_RTHDRDSTOPTS},
	{abi.IPV6_PATHMTU, unix.IPV6_PATHMTU},
	{abi.IPV6_DONTFRAG, unix.IPV6_DONTFRAG},
	{abi.IPV6_2292PKTINFO, unix.IPV6_2292PKTINFO},
	{abi.IPV6_2292HOPLIMIT, unix.IPV6_2292HOPLIMIT},
}

// CmsgToHost converts a control message that a guest sends; creds are its own
// credentials. Errors are FreeBSD's for messages it does not know: EINVAL,
// ENOPROTOOPT.
func CmsgToHost(c Cmsg, creds unix.Ucred) (Cmsg, error) {
	switch c.Level {
	case abi.SOL_SOCKET:
		switch c.Type {
		case abi.SCM_RIGHTS:
			c.Data = c.Data[:len(c.Data)&^3]
			return Cmsg{unix.SOL_SOCKET, unix.SCM_RIGHTS, c.Data}, nil
		case abi.SCM_CREDS:
			// What the guest put in does not count: the kernel fills it in.
			b := binary.LittleEndian.AppendUint32(nil, uint32(creds.Pid))
			b = binary.LittleEndian.AppendUint32(b, creds.Uid)
			b = binary.LittleEndian.AppendUint32(b, creds.Gid)
			return Cmsg{unix.SOL_SOCKET, unix.SCM_CREDENTIALS, b}, nil
		}
	case abi.IPPROTO_IP:
		switch c.Type {
		case abi.IP_SENDSRCADDR:
			if len(c.Data) != 4 {
				return Cmsg{}, abi.EINVAL
			}
			info := make([]byte, unix.SizeofInet4Pktinfo)
			copy(info[4:], c.Data) // ipi_spec_dst
			return Cmsg{unix.IPPROTO_IP, unix.IP_PKTINFO, info}, nil
		case abi.IP_TOS:
			if len(c.Data) != 1 {
				return Cmsg{}, abi.EINVAL
			}
			return Cmsg{unix.IPPROTO_IP, unix.IP_TOS, c.Data}, nil
		}
		return Cmsg{}, abi.ENOPROTOOPT
	case abi.IPPROTO_IPV6:
		for _, m := range ipv6Cmsgs {
			if c.Type == m.guest {
				return Cmsg{unix.IPPROTO_IPV6, m.host, c.Data}, nil
			}
		}
		return Cmsg{}, abi.ENOPROTOOPT
	}
	return Cmsg{}, abi.EINVAL
}

// CmsgWants says which of several forms a guest has asked for, where one form
// of Linux serves many of FreeBSD's.
type CmsgWants struct {
	// Creds is the type of credentials: 0 none, SCM_CREDS, SCM_CREDS2.
	Creds int32
	// Stamp is the type of time stamps: SCM_TIMESTAMP, SCM_BINTIME,
	// SCM_REALTIME, SCM_MONOTONIC.
	Stamp int32
	// MonoOffset is realtime less monotonic time in ns, for SCM_MONOTONIC.
	MonoOffset int64
	// DstAddr and If ask for IP_RECVDSTADDR and IP_RECVIF.
	DstAddr, If bool
	// Groups are the sender's supplementary groups, where known.
	Groups []uint32
}

// CmsgFromHost converts a control message that Linux delivered into what the
// guest asked for; that may be none, or two.
func CmsgFromHost(c Cmsg, w CmsgWants) []Cmsg {
	switch c.Level {
	case unix.SOL_SOCKET:
		switch {
		case c.Type == unix.SCM_RIGHTS:
			return []Cmsg{{abi.SOL_SOCKET, abi.SCM_RIGHTS, c.Data}}
		case c.Type == unix.SCM_CREDENTIALS && len(c.Data) >= unix.SizeofUcred:
			return sockcred(c.Data, w)
		case c.Type == unix.SO_TIMESTAMP && len(c.Data) >= 16:
			sec, usec := int64(binary.LittleEndian.Uint64(c.Data)), int64(binary.LittleEndian.Uint64(c.Data[8:]))
			return stamp(sec, usec*1000, w)
		case c.Type == unix.SO_TIMESTAMPNS && len(c.Data) >= 16:
			sec, nsec := int64(binary.LittleEndian.Uint64(c.Data)), int64(binary.LittleEndian.Uint64(c.Data[8:]))
			return stamp(sec, nsec, w)
		}
	case unix.IPPROTO_IP:
		return ipCmsg(c, w)
	case unix.IPPROTO_IPV6:
		if c.Type == unix.IPV6_ORIGDSTADDR {
			return []Cmsg{{abi.IPPROTO_IPV6, abi.IPV6_ORIGDSTADDR, SockaddrFromHost(c.Data)}}
		}
		for _, m := range ipv6Cmsgs {
			if c.Type == m.host {
				return []Cmsg{{abi.IPPROTO_IPV6, m.guest, c.Data}}
			}
		}
	}
	return nil
}

func ipCmsg(c Cmsg, w CmsgWants) []Cmsg {
	switch {
	case c.Type == unix.IP_PKTINFO && len(c.Data) >= unix.SizeofInet4Pktinfo:
		var out []Cmsg
		if w.DstAddr {
			out = append(out, Cmsg{abi.IPPROTO_IP, abi.IP_RECVDSTADDR, c.Data[8:12]})
		}
		if w.If {
			index := binary.LittleEndian.Uint32(c.Data)
			out = append(out, Cmsg{abi.IPPROTO_IP, abi.IP_RECVIF, SockaddrDL(uint16(index), 0, "", nil)})
		}
		return out
	case c.Type == unix.IP_TTL && len(c.Data) >= 1:
		return []Cmsg{{abi.IPPROTO_IP, abi.IP_RECVTTL, c.Data[:1]}}
	case c.Type == unix.IP_TOS && len(c.Data) >= 1:
		return []Cmsg{{abi.IPPROTO_IP, abi.IP_RECVTOS, c.Data[:1]}}
	case c.Type == unix.IP_RECVORIGDSTADDR:
		return []Cmsg{{abi.IPPROTO_IP, abi.IP_ORIGDSTADDR, SockaddrFromHost(c.Data)}}
	case c.Type == unix.IP_RECVOPTS:
		return []Cmsg{{abi.IPPROTO_IP, abi.IP_RECVOPTS, c.Data}}
	case c.Type == unix.IP_RETOPTS:
		return []Cmsg{{abi.IPPROTO_IP, abi.IP_RECVRETOPTS, c.Data}}
	}
	return nil
}

// sockcred makes struct sockcred or sockcred2. Linux tells one uid and one
// gid: the effective ones, given for both.
func sockcred(ucred []byte, w CmsgWants) []Cmsg {
	pid, uid, gid := binary.LittleEndian.Uint32(ucred), binary.LittleEndian.Uint32(ucred[4:]), binary.LittleEndian.Uint32(ucred[8:])
	groups := append([]uint32{gid}, w.Groups...)
	groups = groups[:min(len(groups), abi.CMGROUP_MAX)]
	var words []uint32
	switch w.Creds {
	case abi.SCM_CREDS:
	case abi.SCM_CREDS2:
		words = []uint32{0, pid}
	default:
		return nil
	}
	words = append(words, uid, uid, gid, gid, uint32(len(groups)))
	words = append(words, groups...)
	var b []byte
	for _, v := range words {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return []Cmsg{{abi.SOL_SOCKET, w.Creds, b}}
}

// stamp makes the time stamp of the type asked for from seconds and ns.
func stamp(sec, nsec int64, w CmsgWants) []Cmsg {
	second := nsec
	switch w.Stamp {
	case abi.SCM_BINTIME:
		// A fraction in units of 2^-64 s.
		second = int64(uint64(nsec) * 18446744073) // 2^64 / 10^9
	case abi.SCM_REALTIME:
	case abi.SCM_MONOTONIC:
		t := sec*1e9 + nsec - w.MonoOffset
		sec, second = t/1e9, t%1e9
	default:
		w.Stamp, second = abi.SCM_TIMESTAMP, nsec/1000
	}
	b := binary.LittleEndian.AppendUint64(nil, uint64(sec))
	b = binary.LittleEndian.AppendUint64(b, uint64(second))
	return []Cmsg{{abi.SOL_SOCKET, w.Stamp, b}}
}

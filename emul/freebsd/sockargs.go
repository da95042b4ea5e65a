package freebsd

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/trace"
)

// SockDomain is the domain argument of socket(2).
type SockDomain int32

// SockType is the type argument of socket(2), or its flags in accept4(2).
type SockType int32

// MsgFlags is the flags argument of send and receive calls.
type MsgFlags int32

// SockLevel is the level argument of getsockopt(2).
type SockLevel int32

// MIB is the address of a sysctl's number sequence, whose length follows.
type MIB uint64

// Sockaddr is the address of a struct sockaddr, in or out. A zero is "none".
type Sockaddr uint64

// TraceArg prints the name.
func (d SockDomain) TraceArg(*trace.Ctx) string {
	return trace.Enum(int64(d), []trace.Name{
		{Bits: abi.AF_UNSPEC, Name: "PF_UNSPEC"},
		{Bits: abi.AF_UNIX, Name: "PF_LOCAL"},
		{Bits: abi.AF_INET, Name: "PF_INET"},
		{Bits: abi.AF_ROUTE, Name: "PF_ROUTE"},
		{Bits: abi.AF_INET6, Name: "PF_INET6"},
		{Bits: abi.AF_NETLINK, Name: "PF_NETLINK"},
	})
}

// TraceArg prints type and flags by name.
func (t SockType) TraceArg(*trace.Ctx) string {
	const flags = abi.SOCK_CLOEXEC | abi.SOCK_NONBLOCK
	s := trace.Enum(int64(t&^flags), []trace.Name{
		{Bits: 0, Name: "0"},
		{Bits: abi.SOCK_STREAM, Name: "SOCK_STREAM"},
		{Bits: abi.SOCK_DGRAM, Name: "SOCK_DGRAM"},
		{Bits: abi.SOCK_RAW, Name: "SOCK_RAW"},
		{Bits: abi.SOCK_RDM, Name: "SOCK_RDM"},
		{Bits: abi.SOCK_SEQPACKET, Name: "SOCK_SEQPACKET"},
	})
	if t&flags == 0 {
		return s
	}
	f := trace.Flags(uint64(t&flags), []trace.Name{
		{Bits: abi.SOCK_CLOEXEC, Name: "SOCK_CLOEXEC"}, {Bits: abi.SOCK_NONBLOCK, Name: "SOCK_NONBLOCK"},
	})
	if t&^flags == 0 {
		return f
	}
	return s + "|" + f
}

// TraceArg prints the flags by name.
func (f MsgFlags) TraceArg(*trace.Ctx) string {
	return trace.Flags(uint64(uint32(f)), []trace.Name{
		{Bits: 0, Name: "0"},
		{Bits: abi.MSG_OOB, Name: "MSG_OOB"},
		{Bits: abi.MSG_PEEK, Name: "MSG_PEEK"},
		{Bits: abi.MSG_DONTROUTE, Name: "MSG_DONTROUTE"},
		{Bits: abi.MSG_EOR, Name: "MSG_EOR"},
		{Bits: abi.MSG_TRUNC, Name: "MSG_TRUNC"},
		{Bits: abi.MSG_CTRUNC, Name: "MSG_CTRUNC"},
		{Bits: abi.MSG_WAITALL, Name: "MSG_WAITALL"},
		{Bits: abi.MSG_DONTWAIT, Name: "MSG_DONTWAIT"},
		{Bits: abi.MSG_EOF, Name: "MSG_EOF"},
		{Bits: abi.MSG_NBIO, Name: "MSG_NBIO"},
		{Bits: abi.MSG_NOSIGNAL, Name: "MSG_NOSIGNAL"},
		{Bits: abi.MSG_CMSG_CLOEXEC, Name: "MSG_CMSG_CLOEXEC"},
		{Bits: abi.MSG_WAITFORONE, Name: "MSG_WAITFORONE"},
	})
}

// TraceArg prints the name.
func (l SockLevel) TraceArg(*trace.Ctx) string {
	return trace.Enum(int64(l), []trace.Name{
		{Bits: abi.SOL_SOCKET, Name: "SOL_SOCKET"},
		{Bits: abi.IPPROTO_IP, Name: "IPPROTO_IP"},
		{Bits: abi.IPPROTO_TCP, Name: "IPPROTO_TCP"},
		{Bits: abi.IPPROTO_UDP, Name: "IPPROTO_UDP"},
		{Bits: abi.IPPROTO_IPV6, Name: "IPPROTO_IPV6"},
	})
}

// TraceArg prints the name, as truss does.
func (m MIB) TraceArg(c *trace.Ctx) string {
	if n := c.Raw[c.Index+1]; n >= 2 && n <= abi.CTL_MAXNAME {
		if mib, err := guest.Ptr[int32](m).LoadN(c.Mem, int(n)); err == nil {
			return strconv.Quote(sysctlTree().path(mib))
		}
	}
	return fmt.Sprintf("0x%x", uint64(m))
}

// TraceArg prints family, address and port, as truss does.
func (a Sockaddr) TraceArg(c *trace.Ctx) string {
	if a == 0 {
		return "NULL"
	}
	var b [abi.SOCK_MAXADDRLEN]byte
	if c.Mem.ReadMem(guest.Addr(a), b[:2]) != nil || b[0] < 2 || c.Mem.ReadMem(guest.Addr(a), b[:b[0]]) != nil {
		return fmt.Sprintf("0x%x", uint64(a))
	}
	n := int(b[0])
	port := int(b[2])<<8 | int(b[3])
	switch {
	case b[1] == abi.AF_INET && n >= 8:
		return "{ AF_INET " + ip4([4]byte(b[4:8])) + ":" + strconv.Itoa(port) + " }"
	case b[1] == abi.AF_INET6 && n >= 24:
		return "{ AF_INET6 [" + ip6([16]byte(b[8:24])) + "]:" + strconv.Itoa(port) + " }"
	case b[1] == abi.AF_UNIX:
		path := b[2:n]
		for i, x := range path {
			if x == 0 {
				path = path[:i]
				break
			}
		}
		return "{ AF_UNIX " + strconv.Quote(string(path)) + " }"
	}
	return fmt.Sprintf("{ sa_len = %d, sa_family = %d }", n, b[1])
}

// ip4 and ip6 print addresses as net/netip does, which takes time at every start.
func ip4(a [4]byte) string { return fmt.Sprintf("%d.%d.%d.%d", a[0], a[1], a[2], a[3]) }

func ip6(a [16]byte) string {
	if [12]byte(a[:]) == [12]byte{10: 0xff, 11: 0xff} {
		return "::ffff:" + ip4([4]byte(a[12:]))
	}
	var words [8]string
	for i := range words {
		words[i] = strconv.FormatUint(uint64(binary.BigEndian.Uint16(a[2*i:])), 16)
	}
	from, to := 0, 1 // the first of the longest runs of zeros that are more than one
	for i := range words {
		n := i
		for n < len(words) && words[n] == "0" {
			n++
		}
		if n-i > to-from {
			from, to = i, n
		}
	}
	if to == 1 {
		return strings.Join(words[:], ":")
	}
	return strings.Join(words[:from], ":") + "::" + strings.Join(words[to:], ":")
}

package xlat

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// SockoptKind says what has to be done to a socket option's value.
type SockoptKind uint8

const (
	// OptInt is an int that is the same on both sides. A guest must give four
	// bytes at least.
	OptInt SockoptKind = iota
	// OptFlag is an int that is true or false; FreeBSD reads it back as 0 or
	// the option's own number.
	OptFlag
	// OptBool is an int that reads back as 0 or 1.
	OptBool
	// OptBytes is passed on as it is, with its length.
	OptBytes
	// OptBuf is a buffer size in bytes, which Linux doubles.
	OptBuf
	// OptErrno is an error number; read only.
	OptErrno
	// OptDomain is an address family; read only.
	OptDomain
	// OptTimeval is a struct timeval; negative or odd ones are EDOM.
	OptTimeval
	// OptLinger is struct linger.
	OptLinger
	// OptDontfrag is IP_DONTFRAG, on Linux a mode of path MTU discovery.
	OptDontfrag
	// OptMreqSource is struct ip_mreq_source, whose last two members Linux
	// has the other way round.
	OptMreqSource
	// OptGroupReq is struct group_req or group_source_req.
	OptGroupReq
	// OptTCPInfo is struct tcp_info; read only.
	OptTCPInfo
	// OptCongestion is the name of a congestion control algorithm.
	OptCongestion
	// OptListenQ is a figure of a listening TCP socket; read only.
	OptListenQ
	// OptKept changes nothing on FreeBSD either, or something that LSF does
	// itself: LSF remembers it with the descriptor. It is a flag.
	OptKept
	// OptStamp are the options that ask for time stamps.
	OptStamp
	// OptPktinfo are IP_RECVDSTADDR and IP_RECVIF.
	OptPktinfo
	// OptFib is the routing table's number; there is one.
	OptFib
	// OptPortrange is IP_PORTRANGE and IPV6_PORTRANGE.
	OptPortrange
	// OptAcceptFilter is SO_ACCEPTFILTER.
	OptAcceptFilter
	// OptICMP6Filter is ICMP6_FILTER, whose bits mean the opposite on Linux.
	OptICMP6Filter
)

// Sockopt is how a socket option of FreeBSD's is done on Linux.
type Sockopt struct {
	GuestLevel, GuestName int32
	Level, Name           int32
	Kind                  SockoptKind
}

const (
	solSocket = abi.SOL_SOCKET
	solIP     = abi.IPPROTO_IP
	solIPv6   = abi.IPPROTO_IPV6
	solTCP    = abi.IPPROTO_TCP
)

// icmpv6Filter is ICMPV6_FILTER of Linux's linux/icmpv6.h.
const icmpv6Filter = 1

var sockopts = [...]Sockopt{
	{solSocket, abi.SO_DEBUG, 0, 0, OptKept},
	{solSocket, abi.SO_ACCEPTCONN, unix.SOL_SOCKET, unix.SO_ACCEPTCONN, OptFlag},
	{solSocket, abi.SO_REUSEADDR, unix.SOL_SOCKET, unix.SO_REUSEADDR, OptFlag},
	{solSocket, abi.SO_KEEPALIVE, unix.SOL_SOCKET, unix.SO_KEEPALIVE, OptFlag},
	{solSocket, abi.SO_DONTROUTE, unix.SOL_SOCKET, unix.SO_DONTROUTE, OptFlag},
	{solSocket, abi.SO_BROADCAST, unix.SOL_SOCKET, unix.SO_BROADCAST, OptFlag},
	{solSocket, abi.SO_USELOOPBACK, 0, 0, OptKept},
	{solSocket, abi.SO_LINGER, unix.SOL_SOCKET, unix.SO_LINGER, OptLinger},
	{solSocket, abi.SO_OOBINLINE, unix.SOL_SOCKET, unix.SO_OOBINLINE, OptFlag},
	{solSocket, abi.SO_REUSEPORT, unix.SOL_SOCKET, unix.SO_REUSEPORT, OptFlag},
	{solSocket, abi.SO_REUSEPORT_LB, unix.SOL_SOCKET, unix.SO_REUSEPORT, OptFlag},
	{solSocket, abi.SO_TIMESTAMP, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, OptStamp},
	{solSocket, abi.SO_BINTIME, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, OptStamp},
	{solSocket, abi.SO_TS_CLOCK, 0, 0, OptStamp},
	{solSocket, abi.SO_NOSIGPIPE, 0, 0, OptKept},
	{solSocket, abi.SO_NO_OFFLOAD, 0, 0, OptKept},
	{solSocket, abi.SO_NO_DDP, 0, 0, OptKept},
	{solSocket, abi.SO_RERROR, 0, 0, OptKept},
	{solSocket, abi.SO_ACCEPTFILTER, 0, 0, OptAcceptFilter},
	{solSocket, abi.SO_SNDBUF, unix.SOL_SOCKET, unix.SO_SNDBUF, OptBuf},
	{solSocket, abi.SO_RCVBUF, unix.SOL_SOCKET, unix.SO_RCVBUF, OptBuf},
	{solSocket, abi.SO_SNDLOWAT, unix.SOL_SOCKET, unix.SO_SNDLOWAT, OptInt},
	{solSocket, abi.SO_RCVLOWAT, unix.SOL_SOCKET, unix.SO_RCVLOWAT, OptInt},
	{solSocket, abi.SO_SNDTIMEO, unix.SOL_SOCKET, unix.SO_SNDTIMEO, OptTimeval},
	{solSocket, abi.SO_RCVTIMEO, unix.SOL_SOCKET, unix.SO_RCVTIMEO, OptTimeval},
	{solSocket, abi.SO_ERROR, unix.SOL_SOCKET, unix.SO_ERROR, OptErrno},
	{solSocket, abi.SO_TYPE, unix.SOL_SOCKET, unix.SO_TYPE, OptInt},
	{solSocket, abi.SO_LISTENQLIMIT, unix.IPPROTO_TCP, unix.TCP_INFO, OptListenQ},
	{solSocket, abi.SO_LISTENQLEN, unix.IPPROTO_TCP, unix.TCP_INFO, OptListenQ},
	{solSocket, abi.SO_SETFIB, 0, 0, OptFib},
	{solSocket, abi.SO_USER_COOKIE, unix.SOL_SOCKET, unix.SO_MARK, OptInt},
	{solSocket, abi.SO_PROTOCOL, unix.SOL_SOCKET, unix.SO_PROTOCOL, OptInt},
	{solSocket, abi.SO_MAX_PACING_RATE, unix.SOL_SOCKET, unix.SO_MAX_PACING_RATE, OptInt},
	{solSocket, abi.SO_DOMAIN, unix.SOL_SOCKET, unix.SO_DOMAIN, OptDomain},

	{solIP, abi.IP_OPTIONS, unix.IPPROTO_IP, unix.IP_OPTIONS, OptBytes},
	{solIP, abi.IP_HDRINCL, unix.IPPROTO_IP, unix.IP_HDRINCL, OptBool},
	{solIP, abi.IP_TOS, unix.IPPROTO_IP, unix.IP_TOS, OptInt},
	{solIP, abi.IP_TTL, unix.IPPROTO_IP, unix.IP_TTL, OptInt},
	{solIP, abi.IP_RECVOPTS, unix.IPPROTO_IP, unix.IP_RECVOPTS, OptBool},
	{solIP, abi.IP_RECVRETOPTS, unix.IPPROTO_IP, unix.IP_RETOPTS, OptBool},
	{solIP, abi.IP_RECVDSTADDR, unix.IPPROTO_IP, unix.IP_PKTINFO, OptPktinfo},
	{solIP, abi.IP_RECVIF, unix.IPPROTO_IP, unix.IP_PKTINFO, OptPktinfo},
	{solIP, abi.IP_RETOPTS, unix.IPPROTO_IP, unix.IP_OPTIONS, OptBytes},
	{solIP, abi.IP_MULTICAST_IF, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, OptBytes},
	{solIP, abi.IP_MULTICAST_TTL, unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, OptBytes},
	{solIP, abi.IP_MULTICAST_LOOP, unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, OptBytes},
	{solIP, abi.IP_ADD_MEMBERSHIP, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, OptBytes},
	{solIP, abi.IP_DROP_MEMBERSHIP, unix.IPPROTO_IP, unix.IP_DROP_MEMBERSHIP, OptBytes},
	{solIP, abi.IP_PORTRANGE, 0, 0, OptPortrange},
	{solIP, abi.IP_BINDANY, unix.IPPROTO_IP, unix.IP_TRANSPARENT, OptBool},
	{solIP, abi.IP_ORIGDSTADDR, unix.IPPROTO_IP, unix.IP_RECVORIGDSTADDR, OptBool},
	{solIP, abi.IP_RECVTTL, unix.IPPROTO_IP, unix.IP_RECVTTL, OptBool},
	{solIP, abi.IP_MINTTL, unix.IPPROTO_IP, unix.IP_MINTTL, OptInt},
	{solIP, abi.IP_DONTFRAG, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, OptDontfrag},
	{solIP, abi.IP_RECVTOS, unix.IPPROTO_IP, unix.IP_RECVTOS, OptBool},
	{solIP, abi.IP_ADD_SOURCE_MEMBERSHIP, unix.IPPROTO_IP, unix.IP_ADD_SOURCE_MEMBERSHIP, OptMreqSource},
	{solIP, abi.IP_DROP_SOURCE_MEMBERSHIP, unix.IPPROTO_IP, unix.IP_DROP_SOURCE_MEMBERSHIP, OptMreqSource},
	{solIP, abi.IP_BLOCK_SOURCE, unix.IPPROTO_IP, unix.IP_BLOCK_SOURCE, OptMreqSource},
	{solIP, abi.IP_UNBLOCK_SOURCE, unix.IPPROTO_IP, unix.IP_UNBLOCK_SOURCE, OptMreqSource},
	{solIP, abi.MCAST_JOIN_GROUP, unix.IPPROTO_IP, unix.MCAST_JOIN_GROUP, OptGroupReq},
	{solIP, abi.MCAST_LEAVE_GROUP, unix.IPPROTO_IP, unix.MCAST_LEAVE_GROUP, OptGroupReq},
	{solIP, abi.MCAST_JOIN_SOURCE_GROUP, unix.IPPROTO_IP, unix.MCAST_JOIN_SOURCE_GROUP, OptGroupReq},
	{solIP, abi.MCAST_LEAVE_SOURCE_GROUP, unix.IPPROTO_IP, unix.MCAST_LEAVE_SOURCE_GROUP, OptGroupReq},
	{solIP, abi.MCAST_BLOCK_SOURCE, unix.IPPROTO_IP, unix.MCAST_BLOCK_SOURCE, OptGroupReq},
	{solIP, abi.MCAST_UNBLOCK_SOURCE, unix.IPPROTO_IP, unix.MCAST_UNBLOCK_SOURCE, OptGroupReq},

	{solIPv6, abi.IPV6_UNICAST_HOPS, unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, OptInt},
	{solIPv6, abi.IPV6_MULTICAST_IF, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, OptInt},
	{solIPv6, abi.IPV6_MULTICAST_HOPS, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, OptInt},
	{solIPv6, abi.IPV6_MULTICAST_LOOP, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, OptInt},
	{solIPv6, abi.IPV6_JOIN_GROUP, unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP, OptBytes},
	{solIPv6, abi.IPV6_LEAVE_GROUP, unix.IPPROTO_IPV6, unix.IPV6_LEAVE_GROUP, OptBytes},
	{solIPv6, abi.IPV6_PORTRANGE, 0, 0, OptPortrange},
	{solIPv6, abi.IPV6_CHECKSUM, unix.IPPROTO_IPV6, unix.IPV6_CHECKSUM, OptInt},
	{solIPv6, abi.IPV6_V6ONLY, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, OptBool},
	{solIPv6, abi.IPV6_2292PKTINFO, unix.IPPROTO_IPV6, unix.IPV6_2292PKTINFO, OptBool},
	{solIPv6, abi.IPV6_2292HOPLIMIT, unix.IPPROTO_IPV6, unix.IPV6_2292HOPLIMIT, OptBool},
	{solIPv6, abi.IPV6_RTHDRDSTOPTS, unix.IPPROTO_IPV6, unix.IPV6_RTHDRDSTOPTS, OptBytes},
	{solIPv6, abi.IPV6_RECVPKTINFO, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, OptBool},
	{solIPv6, abi.IPV6_RECVHOPLIMIT, unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, OptBool},
	{solIPv6, abi.IPV6_RECVRTHDR, unix.IPPROTO_IPV6, unix.IPV6_RECVRTHDR, OptBool},
	{solIPv6, abi.IPV6_RECVHOPOPTS, unix.IPPROTO_IPV6, unix.IPV6_RECVHOPOPTS, OptBool},
	{solIPv6, abi.IPV6_RECVDSTOPTS, unix.IPPROTO_IPV6, unix.IPV6_RECVDSTOPTS, OptBool},
	{solIPv6, abi.IPV6_RECVPATHMTU, unix.IPPROTO_IPV6, unix.IPV6_RECVPATHMTU, OptBool},
	{solIPv6, abi.IPV6_PKTINFO, unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, OptBytes},
	{solIPv6, abi.IPV6_HOPLIMIT, unix.IPPROTO_IPV6, unix.IPV6_HOPLIMIT, OptInt},
	{solIPv6, abi.IPV6_HOPOPTS, unix.IPPROTO_IPV6, unix.IPV6_HOPOPTS, OptBytes},
	{solIPv6, abi.IPV6_DSTOPTS, unix.IPPROTO_IPV6, unix.IPV6_DSTOPTS, OptBytes},
	{solIPv6, abi.IPV6_RTHDR, unix.IPPROTO_IPV6, unix.IPV6_RTHDR, OptBytes},
	{solIPv6, abi.IPV6_RECVTCLASS, unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS, OptBool},
	{solIPv6, abi.IPV6_AUTOFLOWLABEL, unix.IPPROTO_IPV6, unix.IPV6_AUTOFLOWLABEL, OptBool},
	{solIPv6, abi.IPV6_TCLASS, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, OptInt},
	{solIPv6, abi.IPV6_DONTFRAG, unix.IPPROTO_IPV6, unix.IPV6_DONTFRAG, OptBool},
	{solIPv6, abi.IPV6_BINDANY, unix.IPPROTO_IPV6, unix.IPV6_TRANSPARENT, OptBool},
	{solIPv6, abi.IPV6_ORIGDSTADDR, unix.IPPROTO_IPV6, unix.IPV6_RECVORIGDSTADDR, OptBool},
	{solIPv6, abi.MCAST_JOIN_GROUP, unix.IPPROTO_IPV6, unix.MCAST_JOIN_GROUP, OptGroupReq},
	{solIPv6, abi.MCAST_LEAVE_GROUP, unix.IPPROTO_IPV6, unix.MCAST_LEAVE_GROUP, OptGroupReq},
	{solIPv6, abi.MCAST_JOIN_SOURCE_GROUP, unix.IPPROTO_IPV6, unix.MCAST_JOIN_SOURCE_GROUP, OptGroupReq},
	{solIPv6, abi.MCAST_LEAVE_SOURCE_GROUP, unix.IPPROTO_IPV6, unix.MCAST_LEAVE_SOURCE_GROUP, OptGroupReq},
	{solIPv6, abi.MCAST_BLOCK_SOURCE, unix.IPPROTO_IPV6, unix.MCAST_BLOCK_SOURCE, OptGroupReq},
	{solIPv6, abi.MCAST_UNBLOCK_SOURCE, unix.IPPROTO_IPV6, unix.MCAST_UNBLOCK_SOURCE, OptGroupReq},

	{abi.IPPROTO_ICMPV6, abi.ICMP6_FILTER, unix.IPPROTO_ICMPV6, icmpv6Filter, OptICMP6Filter},

	{solTCP, abi.TCP_NODELAY, unix.IPPROTO_TCP, unix.TCP_NODELAY, OptBool},
	{solTCP, abi.TCP_MAXSEG, unix.IPPROTO_TCP, unix.TCP_MAXSEG, OptInt},
	{solTCP, abi.TCP_NOPUSH, unix.IPPROTO_TCP, unix.TCP_CORK, OptBool},
	{solTCP, abi.TCP_INFO, unix.IPPROTO_TCP, unix.TCP_INFO, OptTCPInfo},
	{solTCP, abi.TCP_CONGESTION, unix.IPPROTO_TCP, unix.TCP_CONGESTION, OptCongestion},
	{solTCP, abi.TCP_KEEPIDLE, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, OptInt},
	{solTCP, abi.TCP_KEEPINTVL, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, OptInt},
	{solTCP, abi.TCP_KEEPCNT, unix.IPPROTO_TCP, unix.TCP_KEEPCNT, OptInt},
	{solTCP, abi.TCP_FASTOPEN, unix.IPPROTO_TCP, unix.TCP_FASTOPEN, OptInt},
}

// FindSockopt looks a FreeBSD socket option up.
func FindSockopt(level, name int32) (Sockopt, bool) {
	for _, o := range sockopts {
		if o.GuestLevel == level && o.GuestName == name {
			return o, true
		}
	}
	return Sockopt{}, false
}

// SockoptToHost converts a value that a guest sets. Errors are FreeBSD's:
// EINVAL for one that is too short, EDOM for times out of range.
func SockoptToHost(o Sockopt, b []byte) ([]byte, error) {
	need := 4
	switch o.Kind {
	case OptBytes, OptCongestion:
		return b, nil
	case OptTimeval:
		need = 16
	case OptLinger:
		need = 8
	case OptMreqSource:
		need = 12
	case OptICMP6Filter:
		need = 32
	case OptGroupReq:
		need = groupReqAddr + sizeofSockaddrStorage
		if o.sourceGroup() {
			need += sizeofSockaddrStorage
		}
	}
	if len(b) < need {
		return nil, abi.EINVAL
	}
	b = b[:need]
	v := int32(binary.LittleEndian.Uint32(b))
	switch o.Kind {
	case OptTimeval:
		sec, usec := int64(binary.LittleEndian.Uint64(b)), int64(binary.LittleEndian.Uint64(b[8:]))
		if sec < 0 || usec < 0 || usec >= 1e6 {
			return nil, abi.EDOM
		}
	case OptLinger:
		if l := int32(binary.LittleEndian.Uint32(b[4:])); l < 0 || l > 65535 {
			return nil, abi.EDOM
		}
	case OptBuf:
		if v < 1 {
			return nil, abi.EINVAL
		}
	case OptInt:
		if v < 1 && (o.GuestName == abi.SO_RCVLOWAT || o.GuestName == abi.SO_SNDLOWAT) && o.GuestLevel == abi.SOL_SOCKET {
			return nil, abi.EINVAL
		}
	case OptFlag, OptBool:
		// Linux refuses values other than 0 and 1 for some of these.
		if v != 0 {
			v = 1
		}
		return intBytes(v), nil
	case OptDontfrag:
		mode := int32(unix.IP_PMTUDISC_DONT)
		if v != 0 {
			mode = unix.IP_PMTUDISC_DO
		}
		return intBytes(mode), nil
	case OptMreqSource:
		return append(append(append([]byte{}, b[:4]...), b[8:12]...), b[4:8]...), nil
	case OptGroupReq:
		return groupReqToHost(b)
	case OptICMP6Filter:
		return invert(b), nil
	}
	return b, nil
}

func (o Sockopt) sourceGroup() bool {
	switch o.GuestName {
	case abi.MCAST_JOIN_GROUP, abi.MCAST_LEAVE_GROUP:
		return false
	}
	return true
}

// struct group_req and group_source_req: an interface number, then one or two
// struct sockaddr_storage, at the same places on both systems.
const (
	groupReqAddr          = 8
	sizeofSockaddrStorage = 128
)

func groupReqToHost(b []byte) ([]byte, error) {
	out := make([]byte, len(b))
	copy(out, b[:groupReqAddr])
	for at := groupReqAddr; at < len(b); at += sizeofSockaddrStorage {
		sa := b[at : at+sizeofSockaddrStorage]
		// The length in the address counts here, unlike in bind(2).
		n := int(sa[0])
		if n > sizeofSockaddrStorage || sa[1] != abi.AF_INET && sa[1] != abi.AF_INET6 {
			return nil, abi.EINVAL
		}
		host, err := SockaddrToHost(sa[:n])
		if err != nil || len(host) == 2 {
			return nil, abi.EINVAL
		}
		copy(out[at:], host)
	}
	return out, nil
}

// SockoptFromHost converts a value that Linux gave.
func SockoptFromHost(o Sockopt, b []byte) []byte {
	var v int32
	if len(b) >= 4 {
		v = int32(binary.LittleEndian.Uint32(b))
	}
	switch o.Kind {
	case OptFlag:
		if v != 0 {
			v = o.GuestName
		}
	case OptBool:
		if v != 0 {
			v = 1
		}
	case OptBuf:
		v /= 2
	case OptErrno:
		if v != 0 {
			v = int32(Errno(unix.Errno(v)))
		}
	case OptDomain:
		v = AddressFamilyFromHost(int(v))
	case OptDontfrag:
		if v == unix.IP_PMTUDISC_DO || v == unix.IP_PMTUDISC_PROBE {
			v = 1
		} else {
			v = 0
		}
	case OptLinger:
		if v != 0 {
			b = append(intBytes(abi.SO_LINGER), b[4:]...)
		}
		return b
	case OptICMP6Filter:
		return invert(b)
	default:
		return b
	}
	return intBytes(v)
}

func intBytes(v int32) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(v)) }

func invert(b []byte) []byte {
	out := make([]byte, len(b))
	for i, x := range b {
		out[i] = ^x
	}
	return out
}

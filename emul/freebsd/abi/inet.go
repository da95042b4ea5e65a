package abi

// Protocols (netinet/in.h); the numbers are the Internet's own.
const (
	IPPROTO_IP     = 0
	IPPROTO_ICMP   = 1
	IPPROTO_TCP    = 6
	IPPROTO_UDP    = 17
	IPPROTO_IPV6   = 41
	IPPROTO_ICMPV6 = 58
	IPPROTO_RAW    = 255
)

// Options and control messages of IPPROTO_IP (netinet/in.h).
const (
	IP_OPTIONS                = 1
	IP_HDRINCL                = 2
	IP_TOS                    = 3
	IP_TTL                    = 4
	IP_RECVOPTS               = 5
	IP_RECVRETOPTS            = 6
	IP_RECVDSTADDR            = 7
	IP_SENDSRCADDR            = IP_RECVDSTADDR
	IP_RETOPTS                = 8
	IP_MULTICAST_IF           = 9
	IP_MULTICAST_TTL          = 10
	IP_MULTICAST_LOOP         = 11
	IP_ADD_MEMBERSHIP         = 12
	IP_DROP_MEMBERSHIP        = 13
	IP_PORTRANGE              = 19
	IP_RECVIF                 = 20
	IP_BINDANY                = 24
	IP_ORIGDSTADDR            = 27
	IP_RECVTTL                = 65
	IP_MINTTL                 = 66
	IP_DONTFRAG               = 67
	IP_RECVTOS                = 68
	IP_ADD_SOURCE_MEMBERSHIP  = 70
	IP_DROP_SOURCE_MEMBERSHIP = 71
	IP_BLOCK_SOURCE           = 72
	IP_UNBLOCK_SOURCE         = 73
	MCAST_JOIN_GROUP          = 80
	MCAST_LEAVE_GROUP         = 81
	MCAST_JOIN_SOURCE_GROUP   = 82
	MCAST_LEAVE_SOURCE_GROUP  = 83
	MCAST_BLOCK_SOURCE        = 84
	MCAST_UNBLOCK_SOURCE      = 85
)

// Values of IP_PORTRANGE (netinet/in.h).
const (
	IP_PORTRANGE_DEFAULT = 0
	IP_PORTRANGE_HIGH    = 1
	IP_PORTRANGE_LOW     = 2
)

// Options and control messages of IPPROTO_IPV6 (netinet6/in6.h).
const (
	IPV6_UNICAST_HOPS     = 4
	IPV6_MULTICAST_IF     = 9
	IPV6_MULTICAST_HOPS   = 10
	IPV6_MULTICAST_LOOP   = 11
	IPV6_JOIN_GROUP       = 12
	IPV6_LEAVE_GROUP      = 13
	IPV6_PORTRANGE        = 14
	IPV6_2292PKTINFO      = 19
	IPV6_2292HOPLIMIT     = 20
	IPV6_2292HOPOPTS      = 22
	IPV6_2292DSTOPTS      = 23
	IPV6_2292RTHDR        = 24
	IPV6_CHECKSUM         = 26
	IPV6_V6ONLY           = 27
	IPV6_RTHDRDSTOPTS     = 35
	IPV6_RECVPKTINFO      = 36
	IPV6_RECVHOPLIMIT     = 37
	IPV6_RECVRTHDR        = 38
	IPV6_RECVHOPOPTS      = 39
	IPV6_RECVDSTOPTS      = 40
	IPV6_RECVRTHDRDSTOPTS = 41
	IPV6_RECVPATHMTU      = 43
	IPV6_PATHMTU          = 44
	IPV6_PKTINFO          = 46
	IPV6_HOPLIMIT         = 47
	IPV6_NEXTHOP          = 48
	IPV6_HOPOPTS          = 49
	IPV6_DSTOPTS          = 50
	IPV6_RTHDR            = 51
	IPV6_RECVTCLASS       = 57
	IPV6_AUTOFLOWLABEL    = 59
	IPV6_TCLASS           = 61
	IPV6_DONTFRAG         = 62
	IPV6_BINDANY          = 64
	IPV6_ORIGDSTADDR      = 72
)

// ICMP6_FILTER is the option of IPPROTO_ICMPV6 (netinet/icmp6.h).
const ICMP6_FILTER = 18

// Options of IPPROTO_TCP (netinet/tcp.h).
const (
	TCP_NODELAY      = 1
	TCP_MAXSEG       = 2
	TCP_NOPUSH       = 4
	TCP_INFO         = 32
	TCP_CONGESTION   = 64
	TCP_KEEPIDLE     = 256
	TCP_KEEPINTVL    = 512
	TCP_KEEPCNT      = 1024
	TCP_FASTOPEN     = 1025
	TCP_FUNCTION_BLK = 8192
)

// TCP connection states (netinet/tcp_fsm.h).
const (
	TCPS_CLOSED       = 0
	TCPS_LISTEN       = 1
	TCPS_SYN_SENT     = 2
	TCPS_SYN_RECEIVED = 3
	TCPS_ESTABLISHED  = 4
	TCPS_CLOSE_WAIT   = 5
	TCPS_FIN_WAIT_1   = 6
	TCPS_CLOSING      = 7
	TCPS_LAST_ACK     = 8
	TCPS_FIN_WAIT_2   = 9
	TCPS_TIME_WAIT    = 10
)

// Bits of TCPInfo.Options (netinet/tcp.h).
const (
	TCPI_OPT_TIMESTAMPS = 0x01
	TCPI_OPT_SACK       = 0x02
	TCPI_OPT_WSCALE     = 0x04
	TCPI_OPT_ECN        = 0x08
	TCPI_OPT_TFO        = 0x20
)

// TCPInfo is struct tcp_info (netinet/tcp.h). Times are in µs, windows and
// thresholds in bytes. Members that FreeBSD leaves 0 have no name.
type TCPInfo struct {
	State         uint8
	_             [4]uint8
	Options       uint8
	Wscale        uint8 // send: low four bits; receive: high four
	_             uint8
	Rto           uint32
	_             uint32
	SndMss        uint32
	RcvMss        uint32
	_             [5]uint32
	_             [2]uint32
	LastDataRecv  uint32
	_             uint32
	_             [2]uint32
	Rtt           uint32
	Rttvar        uint32
	SndSsthresh   uint32
	SndCwnd       uint32
	_             [2]uint32
	_             uint32
	RcvSpace      uint32
	SndWnd        uint32
	SndBwnd       uint32
	SndNxt        uint32
	RcvNxt        uint32
	ToeTid        uint32
	SndRexmitpack uint32
	RcvOoopack    uint32
	SndZerowin    uint32
	_             [26]uint32
}

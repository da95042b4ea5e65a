package abi

// Interface flags (net/if.h).
const (
	IFF_UP          = 0x1
	IFF_BROADCAST   = 0x2
	IFF_DEBUG       = 0x4
	IFF_LOOPBACK    = 0x8
	IFF_POINTOPOINT = 0x10
	IFF_DRV_RUNNING = 0x40
	IFF_NOARP       = 0x80
	IFF_PROMISC     = 0x100
	IFF_ALLMULTI    = 0x200
	IFF_SIMPLEX     = 0x800
	IFF_MULTICAST   = 0x8000
)

// Values of IfData.LinkState (net/if.h).
const (
	LINK_STATE_UNKNOWN = 0
	LINK_STATE_DOWN    = 1
	LINK_STATE_UP      = 2
)

// Interface types (net/if_types.h).
const (
	IFT_OTHER      = 0x1
	IFT_ETHER      = 0x6
	IFT_PPP        = 0x17
	IFT_LOOP       = 0x18
	IFT_IEEE80211  = 0x47
	IFT_TUNNEL     = 0x83
	IFT_INFINIBAND = 0xc7
	IFT_STF        = 0xd7
	IFT_GIF        = 0xf0
)

// What NET_RT_* names ask for (sys/socket.h).
const (
	NET_RT_DUMP     = 1
	NET_RT_FLAGS    = 2
	NET_RT_IFLIST   = 3
	NET_RT_IFMALIST = 4
	NET_RT_IFLISTL  = 5
	NET_RT_NHOP     = 6
	NET_RT_NHGRP    = 7
)

// Routing messages (net/route.h).
const (
	RTM_VERSION  = 5
	RTM_GET      = 0x4
	RTM_NEWADDR  = 0xc
	RTM_IFINFO   = 0xe
	RTM_NEWMADDR = 0xf
)

// Flags of routes (net/route.h).
const (
	RTF_UP        = 0x1
	RTF_GATEWAY   = 0x2
	RTF_HOST      = 0x4
	RTF_REJECT    = 0x8
	RTF_DYNAMIC   = 0x10
	RTF_LLINFO    = 0x400
	RTF_STATIC    = 0x800
	RTF_BLACKHOLE = 0x1000
	RTF_PINNED    = 0x100000
)

// Places of addresses in a routing message, as bit numbers of its address
// mask (net/route.h).
const (
	RTAX_DST     = 0
	RTAX_GATEWAY = 1
	RTAX_NETMASK = 2
	RTAX_IFP     = 4
	RTAX_IFA     = 5
	RTAX_BRD     = 7
	RTAX_MAX     = 8
)

// IfData is struct if_data (net/if.h): sizes in bytes, speed in bit/s.
type IfData struct {
	Type       uint8
	Physical   uint8
	Addrlen    uint8
	Hdrlen     uint8
	LinkState  uint8
	Vhid       uint8
	Datalen    uint16
	Mtu        uint32
	Metric     uint32
	Baudrate   uint64
	Ipackets   uint64
	Ierrors    uint64
	Opackets   uint64
	Oerrors    uint64
	Collisions uint64
	Ibytes     uint64
	Obytes     uint64
	Imcasts    uint64
	Omcasts    uint64
	Iqdrops    uint64
	Oqdrops    uint64
	Noproto    uint64
	Hwassist   uint64
	Epoch      int64
	Lastchange [2]int64
}

// SizeofIfData is the size of struct if_data.
const SizeofIfData = 152

// IfMsghdr is struct if_msghdr (net/if.h).
type IfMsghdr struct {
	Msglen  uint16
	Version uint8
	Type    uint8
	Addrs   int32
	Flags   int32
	Index   uint16
	_       uint16
	Data    IfData
}

// IfMsghdrl is struct if_msghdrl (net/if.h), the form of NET_RT_IFLISTL.
type IfMsghdrl struct {
	Msglen  uint16
	Version uint8
	Type    uint8
	Addrs   int32
	Flags   int32
	Index   uint16
	_       uint16
	Len     uint16
	DataOff uint16
	_       int32
	Data    IfData
}

// IfaMsghdr is struct ifa_msghdr (net/if.h).
type IfaMsghdr struct {
	Msglen  uint16
	Version uint8
	Type    uint8
	Addrs   int32
	Flags   int32
	Index   uint16
	_       uint16
	Metric  int32
}

// IfaMsghdrl is struct ifa_msghdrl (net/if.h).
type IfaMsghdrl struct {
	Msglen  uint16
	Version uint8
	Type    uint8
	Addrs   int32
	Flags   int32
	Index   uint16
	_       uint16
	Len     uint16
	DataOff uint16
	Metric  int32
	Data    IfData
}

// IfmaMsghdr is struct ifma_msghdr (net/if.h).
type IfmaMsghdr struct {
	Msglen  uint16
	Version uint8
	Type    uint8
	Addrs   int32
	Flags   int32
	Index   uint16
	_       uint16
}

// RtMetrics is struct rt_metrics (net/route.h).
type RtMetrics struct {
	Locks, Mtu, Hopcount, Expire, Recvpipe, Sendpipe uint64
	Ssthresh, Rtt, Rttvar, Pksent, Weight, Nhidx     uint64
	_                                                [2]uint64
}

// RtMsghdr is struct rt_msghdr (net/route.h).
type RtMsghdr struct {
	Msglen  uint16
	Version uint8
	Type    uint8
	Index   uint16
	_       uint16
	Flags   int32
	Addrs   int32
	Pid     int32
	Seq     int32
	Errno   int32
	Fmask   int32
	Inits   uint64
	Rmx     RtMetrics
}

package abi

// SizeofIfreq is the size of struct ifreq (net/if.h): a name of IFNAMSIZ bytes
// and a union.
const (
	SizeofIfreq = 32
	IFNAMSIZ    = 16
)

const ifreqInOut = IOC_IN | IOC_OUT | SizeofIfreq<<16 | 'i'<<8

// Ioctl numbers of sockets and interfaces (sys/sockio.h).
const (
	SIOCATMARK     = IOC_OUT | 4<<16 | 's'<<8 | 7
	SIOCSPGRP      = IOC_IN | 4<<16 | 's'<<8 | 8
	SIOCGPGRP      = IOC_OUT | 4<<16 | 's'<<8 | 9
	SIOCGIFFLAGS   = ifreqInOut | 17
	SIOCGIFMETRIC  = ifreqInOut | 23
	SIOCGIFCAP     = ifreqInOut | 31
	SIOCGIFINDEX   = ifreqInOut | 32
	SIOCGIFADDR    = ifreqInOut | 33
	SIOCGIFDSTADDR = ifreqInOut | 34
	SIOCGIFBRDADDR = ifreqInOut | 35
	SIOCGIFCONF    = IOC_IN | IOC_OUT | 16<<16 | 'i'<<8 | 36
	SIOCGIFNETMASK = ifreqInOut | 37
	SIOCGIFMTU     = ifreqInOut | 51
	SIOCGIFPHYS    = ifreqInOut | 53
	SIOCGIFFIB     = ifreqInOut | 92

	// Of IPv6 (netinet6/in6_var.h), with a struct in6_ifreq or in6_ndireq.
	SIOCGIFAFLAG_IN6     = IOC_IN | IOC_OUT | SizeofIn6Ifreq<<16 | 'i'<<8 | 73
	SIOCGIFALIFETIME_IN6 = IOC_IN | IOC_OUT | SizeofIn6Ifreq<<16 | 'i'<<8 | 81
	SIOCGDEFIFACE_IN6    = IOC_IN | IOC_OUT | 24<<16 | 'i'<<8 | 86
	SIOCGIFINFO_IN6      = IOC_IN | IOC_OUT | 72<<16 | 'i'<<8 | 108
)

// Ifconf is struct ifconf (net/if.h): the buffer's size in bytes and where it is.
type Ifconf struct {
	Len int32
	_   int32
	Buf uint64
}

// SizeofIn6Ifreq is the size of struct in6_ifreq: a name and a union.
const SizeofIn6Ifreq = 288

// In6Addrlifetime is struct in6_addrlifetime (netinet6/in6_var.h): when an
// address ends to be valid and preferred, in the seconds of CLOCK_MONOTONIC or 0
// for never, and how long that was from the beginning.
type In6Addrlifetime struct {
	Expire, Preferred int64
	Vltime, Pltime    uint32
}

// NdIfinfo is struct nd_ifinfo (netinet6/nd6.h): times in ms.
type NdIfinfo struct {
	Linkmtu, Maxmtu, Basereachable, Reachable, Retrans uint32
	Flags                                              uint32 // ND6_IFF_*
	Recalctm                                           int32
	Chlim, Initialized                                 uint8
	_                                                  [24]uint8
}

// Flags of IPv6 on an interface, and of an address (netinet6/nd6.h, in6_var.h).
const (
	ND6_IFF_PERFORMNUD     = 0x1
	ND6_IFF_ACCEPT_RTADV   = 0x2
	ND6_IFF_IFDISABLED     = 0x8
	ND6_IFF_AUTO_LINKLOCAL = 0x20

	IN6_IFF_TENTATIVE  = 0x02
	IN6_IFF_DUPLICATED = 0x04
	IN6_IFF_DEPRECATED = 0x10
	IN6_IFF_NODAD      = 0x20
	IN6_IFF_TEMPORARY  = 0x80
)

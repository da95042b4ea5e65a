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
)

// Ifconf is struct ifconf (net/if.h): the buffer's size in bytes and where it is.
type Ifconf struct {
	Len int32
	_   int32
	Buf uint64
}

package freebsd

import (
	"bytes"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// What ifconfig(8) asks about IPv6 (netinet6/in6.c in6_control, nd6.c nd6_ioctl).
// All requests begin with the interface's name.

func in6Link(t *emul.Task, arg guest.Addr) (*netLink, error) {
	name, err := guest.Ptr[[abi.IFNAMSIZ]byte](arg).Load(t)
	if err != nil {
		return nil, err
	}
	return linkNamed(unix.ByteSliceToString(name[:]))
}

// in6Address tells flags or lifetimes of one of the interface's addresses. Error:
// EADDRNOTAVAIL if it has no such.
func in6Address(t *emul.Task, cmd IoctlCmd, arg guest.Addr) emul.Action {
	l, err := in6Link(t, arg)
	if err != nil {
		return emul.Fail(err)
	}
	union := arg + abi.IFNAMSIZ
	sa, err := guest.Ptr[[28]byte](union).Load(t) // struct sockaddr_in6
	if err != nil {
		return emul.Fail(err)
	}
	ip := sa[8:24]
	if ip[0] == 0xfe && ip[1]&0xc0 == 0x80 {
		ip[2], ip[3] = 0, 0 // some programs put the scope there
	}
	addrs, err := netAddrs()
	if err != nil {
		return emul.Fail(err)
	}
	for _, a := range addrs {
		switch {
		case a.index != l.index || !bytes.Equal(a.addr, ip):
		case cmd == abi.SIOCGIFAFLAG_IN6:
			return emul.Fail(guest.Ptr[int32](union).Store(t, xlat.In6Flags(a.flags)))
		default:
			var now unix.Timespec
			if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
				return emul.Fail(err)
			}
			return emul.Fail(guest.Ptr[abi.In6Addrlifetime](union).Store(t, in6Lifetime(&a, now.Sec)))
		}
	}
	return emul.Fail(abi.EADDRNOTAVAIL)
}

// in6Lifetime: Linux says what is left.
func in6Lifetime(a *netAddr, now int64) abi.In6Addrlifetime {
	const forever = ^uint32(0)
	out := abi.In6Addrlifetime{Vltime: a.valid, Pltime: a.preferred}
	if a.valid != forever {
		out.Expire = now + int64(a.valid)
	}
	if a.preferred != forever {
		out.Preferred = now + int64(a.preferred)
	}
	return out
}

// in6Interface tells how the interface finds its neighbours.
func in6Interface(t *emul.Task, arg guest.Addr) emul.Action {
	l, err := in6Link(t, arg)
	if err != nil {
		return emul.Fail(err)
	}
	conf := func(key string) int64 { n, _ := readNum(procIPv6 + "conf/" + l.name + "/" + key); return n }
	neigh := func(key string) uint32 { n, _ := readNum(procIPv6 + "neigh/" + l.name + "/" + key); return uint32(n) }
	info := abi.NdIfinfo{
		Linkmtu: uint32(conf("mtu")), Maxmtu: uint32(l.mtu), Flags: abi.ND6_IFF_PERFORMNUD,
		Basereachable: neigh("base_reachable_time_ms"), Reachable: neigh("base_reachable_time_ms"), Retrans: neigh("retrans_time_ms"),
		Chlim: uint8(conf("hop_limit")), Initialized: 1,
	}
	if conf("accept_ra") != 0 {
		info.Flags |= abi.ND6_IFF_ACCEPT_RTADV
	}
	if conf("disable_ipv6") != 0 {
		info.Flags |= abi.ND6_IFF_IFDISABLED
	}
	const byHand = 1 // IN6_ADDR_GEN_MODE_NONE
	if conf("addr_gen_mode") != byHand {
		info.Flags |= abi.ND6_IFF_AUTO_LINKLOCAL
	}
	return emul.Fail(guest.Ptr[abi.NdIfinfo](arg+abi.IFNAMSIZ).Store(t, info))
}

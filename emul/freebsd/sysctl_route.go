package freebsd

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
)

// net.routetable, the sysctl {CTL_NET, PF_ROUTE, 0, family, NET_RT_*, arg}:
// interfaces, addresses, groups and routes as routing messages (sys/net/rtsock.c).

func sysctlRouteTable(r *sysctlReq) ([]byte, error) {
	name := r.rest
	if len(name) < 3 {
		return nil, abi.EINVAL
	}
	name = name[1:]
	op := name[1]
	switch {
	case op == abi.NET_RT_DUMP || op == abi.NET_RT_NHOP || op == abi.NET_RT_NHGRP:
		switch {
		case len(name) < 3:
			return nil, abi.EISDIR
		case len(name) > 4:
			return nil, abi.ENOTDIR
		case len(name) == 4 && name[3] != 0 && name[3] != -1: // RT_ALL_FIBS
			return nil, abi.EINVAL
		}
	case len(name) < 3:
		return nil, abi.EISDIR
	case len(name) > 3:
		return nil, abi.ENOTDIR
	}
	family, arg := uint8(name[0]), name[2]
	switch op {
	case abi.NET_RT_IFLIST, abi.NET_RT_IFLISTL:
		return ifList(family, int(arg), op == abi.NET_RT_IFLISTL)
	case abi.NET_RT_IFMALIST:
		return ifmaList(family, int(arg))
	case abi.NET_RT_DUMP, abi.NET_RT_FLAGS:
		if op == abi.NET_RT_FLAGS && (arg == 0 || arg&abi.RTF_LLINFO != 0) {
			// The neighbour tables.
			if family == 0 {
				return nil, abi.EINVAL
			}
			return arpList(family)
		}
		return routeDump(family, op == abi.NET_RT_FLAGS, arg)
	case abi.NET_RT_NHOP, abi.NET_RT_NHGRP:
		return nil, abi.EOPNOTSUPP
	}
	// FreeBSD answers with nothing to what it does not know.
	return nil, nil
}

// routeAddrs are the addresses of a routing message, by their RTAX_* places.
type routeAddrs [abi.RTAX_MAX][]byte

func (a *routeAddrs) mask() int32 {
	var m int32
	for i, sa := range a {
		if sa != nil {
			m |= 1 << i
		}
	}
	return m
}

// routeMsg puts the addresses behind a header, each padded to a multiple of
// eight, and the whole length into the header's first member.
func routeMsg(header []byte, a *routeAddrs) []byte {
	out := header
	for _, sa := range a {
		if sa == nil {
			continue
		}
		out = append(out, sa...)
		for n := len(sa); n%8 != 0 || n == 0; n++ {
			out = append(out, 0)
		}
	}
	for len(out)%8 != 0 {
		out = append(out, 0)
	}
	binary.LittleEndian.PutUint16(out, uint16(len(out)))
	return out
}

// ipSockaddr is the socket address of an IP address, with the scope that a
// link-local IPv6 address has.
func ipSockaddr(ip []byte, index int) []byte {
	switch len(ip) {
	case 4:
		sa := make([]byte, 16)
		sa[0], sa[1] = 16, abi.AF_INET
		copy(sa[4:], ip)
		return sa
	case 16:
		sa := make([]byte, 28)
		sa[0], sa[1] = 28, abi.AF_INET6
		copy(sa[8:], ip)
		// fe80::/10, ff01::/16, ff02::/16
		if ip[0] == 0xfe && ip[1]&0xc0 == 0x80 || ip[0] == 0xff && (ip[1]&0xf == 1 || ip[1]&0xf == 2) {
			binary.LittleEndian.PutUint32(sa[24:], uint32(index))
		}
		return sa
	}
	return nil
}

// maskSockaddr is a network mask of n bits for addresses of that many bytes.
func maskSockaddr(n, bytes int) []byte {
	ip := make([]byte, bytes)
	for i := range ip {
		ip[i] = byte(uint(0xff00) >> min(max(n-8*i, 0), 8))
	}
	return ipSockaddr(ip, 0)
}

// sockaddrDL is an interface's own address, in the size FreeBSD gives it.
func (l *netLink) sockaddrDL() []byte {
	lladdr := l.lladdr
	if l.flags&unix.IFF_LOOPBACK != 0 {
		lladdr = nil // FreeBSD's loopback has none, Linux's is all zeros
	}
	sa := xlat.SockaddrDL(uint16(l.index), l.ifType(), l.name, lladdr)
	const size = 56
	for len(sa) < size {
		sa = append(sa, 0)
	}
	sa[0] = byte(len(sa))
	return sa
}

func (l *netLink) ifType() byte {
	switch l.arphrd {
	case unix.ARPHRD_ETHER:
		return abi.IFT_ETHER
	case unix.ARPHRD_LOOPBACK:
		return abi.IFT_LOOP
	case unix.ARPHRD_PPP, unix.ARPHRD_NONE:
		return abi.IFT_PPP
	case unix.ARPHRD_TUNNEL, unix.ARPHRD_TUNNEL6:
		return abi.IFT_GIF
	case unix.ARPHRD_SIT:
		return abi.IFT_STF
	case unix.ARPHRD_IPGRE:
		return abi.IFT_TUNNEL
	case unix.ARPHRD_IEEE80211:
		return abi.IFT_IEEE80211
	case unix.ARPHRD_INFINIBAND:
		return abi.IFT_INFINIBAND
	}
	return abi.IFT_OTHER
}

// ifFlags: the flags up to IFF_ALLMULTI have the same numbers, but for one
// that FreeBSD does not have.
func (l *netLink) ifFlags() int32 {
	const same = unix.IFF_UP | unix.IFF_BROADCAST | unix.IFF_DEBUG | unix.IFF_LOOPBACK | unix.IFF_POINTOPOINT |
		unix.IFF_RUNNING | unix.IFF_NOARP | unix.IFF_PROMISC | unix.IFF_ALLMULTI
	f := int32(l.flags & same)
	if l.flags&unix.IFF_MULTICAST != 0 || l.flags&unix.IFF_LOOPBACK != 0 {
		// Linux's loopback does multicast without saying so.
		f |= abi.IFF_MULTICAST
	}
	if f&abi.IFF_BROADCAST != 0 {
		f |= abi.IFF_SIMPLEX
	}
	return f
}

func (l *netLink) ifData() abi.IfData {
	d := abi.IfData{
		Type:       l.ifType(),
		Addrlen:    uint8(len(l.sockaddrDLAddr())),
		LinkState:  abi.LINK_STATE_DOWN,
		Datalen:    abi.SizeofIfData,
		Mtu:        l.mtu,
		Ipackets:   l.stats.rxPackets,
		Ierrors:    l.stats.rxErrors,
		Opackets:   l.stats.txPackets,
		Oerrors:    l.stats.txErrors,
		Collisions: l.stats.collisions,
		Ibytes:     l.stats.rxBytes,
		Obytes:     l.stats.txBytes,
		Imcasts:    l.stats.multicast,
		Iqdrops:    l.stats.rxDropped,
		Oqdrops:    l.stats.txDropped,
	}
	switch l.operstate {
	case 0: // IF_OPER_UNKNOWN
		d.LinkState = abi.LINK_STATE_UNKNOWN
		if l.flags&unix.IFF_LOOPBACK != 0 {
			d.LinkState = abi.LINK_STATE_UP
		}
	case 6: // IF_OPER_UP
		d.LinkState = abi.LINK_STATE_UP
	}
	if d.Type == abi.IFT_ETHER {
		d.Hdrlen = 14
	}
	return d
}

func (l *netLink) sockaddrDLAddr() []byte {
	if l.flags&unix.IFF_LOOPBACK != 0 {
		return nil
	}
	return l.lladdr
}

// ifList gives each interface and behind it its addresses, of one family if
// that is not 0, of one interface if only is not 0.
func ifList(family uint8, only int, long bool) ([]byte, error) {
	links, err := netLinks()
	if err != nil {
		return nil, err
	}
	addrs, err := netAddrs()
	if err != nil {
		return nil, err
	}
	var out []byte
	for _, l := range links {
		if only != 0 && only != l.index {
			continue
		}
		a := routeAddrs{abi.RTAX_IFP: l.sockaddrDL()}
		out = append(out, routeMsg(ifHeader(&l, a.mask(), long), &a)...)
		for _, n := range addrs {
			if n.index != l.index || family != 0 && int32(family) != xlat.AddressFamilyFromHost(int(n.family)) {
				continue
			}
			a := routeAddrs{
				abi.RTAX_NETMASK: maskSockaddr(n.prefixLen, len(n.addr)),
				abi.RTAX_IFA:     ipSockaddr(n.addr, l.index),
			}
			switch {
			case n.peer != nil:
				a[abi.RTAX_BRD] = ipSockaddr(n.peer, l.index)
			case n.broadcast != nil:
				a[abi.RTAX_BRD] = ipSockaddr(n.broadcast, 0)
			case n.family == unix.AF_INET && l.flags&unix.IFF_LOOPBACK != 0:
				a[abi.RTAX_BRD] = a[abi.RTAX_IFA]
			}
			out = append(out, routeMsg(ifaHeader(&l, a.mask(), long), &a)...)
		}
	}
	return out, nil
}

func ifHeader(l *netLink, mask int32, long bool) []byte {
	if long {
		return structBytes(abi.IfMsghdrl{
			Version: abi.RTM_VERSION, Type: abi.RTM_IFINFO, Addrs: mask, Flags: l.ifFlags(), Index: uint16(l.index),
			Len: 24 + abi.SizeofIfData, DataOff: 24, Data: l.ifData(),
		})
	}
	return structBytes(abi.IfMsghdr{
		Version: abi.RTM_VERSION, Type: abi.RTM_IFINFO, Addrs: mask, Flags: l.ifFlags(), Index: uint16(l.index), Data: l.ifData(),
	})
}

func ifaHeader(l *netLink, mask int32, long bool) []byte {
	if long {
		return structBytes(abi.IfaMsghdrl{
			Version: abi.RTM_VERSION, Type: abi.RTM_NEWADDR, Addrs: mask, Index: uint16(l.index),
			Len: 24 + abi.SizeofIfData, DataOff: 24, Data: abi.IfData{Datalen: abi.SizeofIfData},
		})
	}
	return structBytes(abi.IfaMsghdr{Version: abi.RTM_VERSION, Type: abi.RTM_NEWADDR, Addrs: mask, Index: uint16(l.index)})
}

// ifmaList gives the multicast groups that interfaces are members of. Linux
// tells them in /proc/net only.
func ifmaList(family uint8, only int) ([]byte, error) {
	links, err := netLinks()
	if err != nil {
		return nil, err
	}
	groups := append(igmpGroups(), igmp6Groups()...)
	var out []byte
	for _, l := range links {
		if only != 0 && only != l.index {
			continue
		}
		for _, g := range groups {
			sa := ipSockaddr(g.addr, l.index)
			if g.index != l.index || sa == nil || family != 0 && family != sa[1] {
				continue
			}
			a := routeAddrs{abi.RTAX_IFP: l.sockaddrDL(), abi.RTAX_IFA: sa}
			if l.arphrd == unix.ARPHRD_ETHER {
				a[abi.RTAX_GATEWAY] = xlat.SockaddrDL(uint16(l.index), l.ifType(), "", groupMAC(g.addr))
			}
			out = append(out, routeMsg(structBytes(abi.IfmaMsghdr{
				Version: abi.RTM_VERSION, Type: abi.RTM_NEWMADDR, Addrs: a.mask(), Index: uint16(l.index),
			}), &a)...)
		}
	}
	return out, nil
}

// groupMAC is the Ethernet address of a group (RFC 1112, RFC 2464).
func groupMAC(ip []byte) []byte {
	if len(ip) == 4 {
		return []byte{1, 0, 0x5e, ip[1] & 0x7f, ip[2], ip[3]}
	}
	return append([]byte{0x33, 0x33}, ip[12:]...)
}

// igmpGroups reads /proc/net/igmp: a line per interface that begins with its
// number, then one per group with the address as a hexadecimal number.
func igmpGroups() []netAddr {
	s, err := procFile("/proc/self/net/igmp")
	if err != nil {
		return nil
	}
	var out []netAddr
	var index int
	for line := range strings.Lines(s) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if line[0] != '\t' && line[0] != ' ' {
			index, _ = strconv.Atoi(f[0])
			continue
		}
		if v, err := strconv.ParseUint(f[0], 16, 32); err == nil {
			out = append(out, netAddr{index: index, addr: binary.NativeEndian.AppendUint32(nil, uint32(v))})
		}
	}
	return out
}

// igmp6Groups reads /proc/net/igmp6: number, name, address in hexadecimal.
func igmp6Groups() []netAddr {
	s, err := procFile("/proc/self/net/igmp6")
	if err != nil {
		return nil
	}
	var out []netAddr
	for line := range strings.Lines(s) {
		f := strings.Fields(line)
		if len(f) < 3 {
			continue
		}
		index, err1 := strconv.Atoi(f[0])
		addr, err2 := hex.DecodeString(f[2])
		if err1 == nil && err2 == nil && len(addr) == 16 {
			out = append(out, netAddr{index: index, addr: addr})
		}
	}
	return out
}

// routeDump gives the routes of a family, or of all; with byFlags only those
// that have one of flags.
func routeDump(family uint8, byFlags bool, flags int32) ([]byte, error) {
	families := []uint8{unix.AF_INET, unix.AF_INET6}
	if family != 0 {
		f, ok := xlat.AddressFamily(int32(family))
		if !ok || f != unix.AF_INET && f != unix.AF_INET6 {
			return nil, abi.EAFNOSUPPORT
		}
		families = []uint8{uint8(f)}
	}
	list, err := netLinks()
	if err != nil {
		return nil, err
	}
	links := make(map[int]*netLink, len(list))
	for i := range list {
		links[list[i].index] = &list[i]
	}
	var out []byte
	for _, f := range families {
		routes, err := netRoutes(f)
		if err != nil {
			return nil, err
		}
		for _, rt := range routes {
			if m := rt.message(links, byFlags, flags); m != nil {
				out = append(out, m...)
			}
		}
	}
	return out, nil
}

// message is the route as FreeBSD shows it, nil for one that it would not have:
// of another table than the main one, or for broadcast and multicast.
func (r *netRoute) message(links map[int]*netLink, byFlags bool, want int32) []byte {
	size := 4
	if r.family == unix.AF_INET6 {
		size = 16
	}
	host := r.dstLen == 8*size
	flags := int32(abi.RTF_UP)
	switch {
	case r.cloned:
		return nil
	case r.kind == unix.RTN_LOCAL && host:
		// The machine's own addresses; Linux keeps them in a table of their own.
		flags |= abi.RTF_STATIC | abi.RTF_PINNED
	case r.table != unix.RT_TABLE_MAIN:
		return nil
	case r.kind == unix.RTN_UNICAST:
	case r.kind == unix.RTN_BLACKHOLE:
		flags |= abi.RTF_BLACKHOLE
	case r.kind == unix.RTN_UNREACHABLE, r.kind == unix.RTN_PROHIBIT:
		flags |= abi.RTF_REJECT
	default:
		return nil
	}
	switch {
	case host:
		flags |= abi.RTF_HOST
	case r.proto == unix.RTPROT_KERNEL:
		flags |= abi.RTF_PINNED
	}
	if r.gateway != nil {
		flags |= abi.RTF_GATEWAY
	}
	switch r.proto {
	case unix.RTPROT_BOOT, unix.RTPROT_STATIC:
		flags |= abi.RTF_STATIC
	case unix.RTPROT_REDIRECT:
		flags |= abi.RTF_DYNAMIC
	}
	l := links[r.oif]
	if l == nil || byFlags && flags&want == 0 {
		return nil
	}
	dst := make([]byte, size)
	copy(dst, r.dst)
	a := routeAddrs{
		abi.RTAX_DST:     ipSockaddr(dst, r.oif),
		abi.RTAX_GATEWAY: ipSockaddr(r.gateway, r.oif),
		abi.RTAX_IFP:     l.sockaddrDL(),
		abi.RTAX_IFA:     ipSockaddr(r.prefsrc, r.oif),
	}
	if r.gateway == nil {
		a[abi.RTAX_GATEWAY] = append(xlat.SockaddrDL(uint16(l.index), l.ifType(), "", nil), make([]byte, 8)...)
		a[abi.RTAX_GATEWAY][0] = 16
	}
	if !host {
		a[abi.RTAX_NETMASK] = maskSockaddr(r.dstLen, size)
	}
	h := abi.RtMsghdr{
		Version: abi.RTM_VERSION, Type: abi.RTM_GET, Index: uint16(r.oif), Flags: flags, Addrs: a.mask(),
		Rmx: abi.RtMetrics{Mtu: uint64(l.mtu), Weight: 1},
	}
	if r.mtu != 0 {
		h.Rmx.Mtu = uint64(r.mtu)
	}
	return routeMsg(structBytes(h), &a)
}

// neighbour is an entry of an ARP or ND table.
type neighbour struct {
	index  int
	state  uint16 // unix.NUD_*
	dst    []byte
	lladdr []byte
}

// arpList gives the neighbours of a family as FreeBSD's arp(8) and ndp(8) read them.
func arpList(family uint8) ([]byte, error) {
	f, ok := xlat.AddressFamily(int32(family))
	if !ok {
		return nil, nil
	}
	list, err := netLinks()
	if err != nil {
		return nil, err
	}
	neighbours, err := netNeighbours(uint8(f))
	var out []byte
	for _, n := range neighbours {
		if n.state&unix.NUD_NOARP != 0 || len(n.dst) == 0 {
			continue
		}
		for _, l := range list {
			if l.index != n.index {
				continue
			}
			flags := int32(abi.RTF_UP | abi.RTF_HOST | abi.RTF_LLINFO)
			if n.state&unix.NUD_PERMANENT != 0 {
				flags |= abi.RTF_STATIC
			}
			gw := xlat.SockaddrDL(uint16(l.index), l.ifType(), "", n.lladdr)
			gw = append(gw, make([]byte, max(54-len(gw), 0))...)
			gw[0] = byte(len(gw))
			a := routeAddrs{abi.RTAX_DST: ipSockaddr(n.dst, l.index), abi.RTAX_GATEWAY: gw}
			out = append(out, routeMsg(structBytes(abi.RtMsghdr{
				Version: abi.RTM_VERSION, Type: abi.RTM_GET, Index: uint16(l.index), Flags: flags, Addrs: a.mask(),
			}), &a)...)
		}
	}
	return out, err
}

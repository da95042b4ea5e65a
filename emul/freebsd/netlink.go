package freebsd

import (
	"encoding/binary"
	"syscall"

	"golang.org/x/sys/unix"
)

// What the host's network namespace holds, read by netlink. The supervisor was
// forked from the first guest and FreeBSD programs cannot change namespaces, so
// its own is the guests'. The socket lives for one question only.

// netLink is a network interface.
type netLink struct {
	index     int
	flags     uint32 // unix.IFF_*
	arphrd    uint16 // unix.ARPHRD_*
	name      string
	lladdr    []byte
	mtu       uint32
	operstate uint8 // RFC 2863, as linux/if.h has it
	stats     linkStats
}

// linkStats are the first members of struct rtnl_link_stats64.
type linkStats struct {
	rxPackets, txPackets, rxBytes, txBytes, rxErrors, txErrors uint64
	rxDropped, txDropped, multicast, collisions                uint64
}

// netAddr is an address of an interface. For point-to-point links peer is the
// other side.
type netAddr struct {
	index     int
	family    uint8
	prefixLen int
	addr      []byte
	broadcast []byte
	peer      []byte
	flags     uint32 // unix.IFA_F_*
	preferred uint32 // seconds that it has left, all ones for ever
	valid     uint32
}

// netRoute is an entry of a routing table.
type netRoute struct {
	family  uint8
	dstLen  int
	dst     []byte // nil: the default
	gateway []byte
	oif     int
	table   uint32
	proto   uint8 // unix.RTPROT_*
	kind    uint8 // unix.RTN_*
	mtu     uint32
	cloned  bool // a cache entry, no route of its own
	prefsrc []byte
}

// netlinkDump asks one question and gives the messages of the answer. size is
// that of the structure that the messages begin with.
func netlinkDump(msgType uint16, size int, family uint8) ([]syscall.NetlinkMessage, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	req := make([]byte, unix.SizeofNlMsghdr+size)
	binary.NativeEndian.PutUint32(req, uint32(len(req)))
	binary.NativeEndian.PutUint16(req[4:], msgType)
	binary.NativeEndian.PutUint16(req[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	binary.NativeEndian.PutUint32(req[8:], 1)
	req[unix.SizeofNlMsghdr] = family
	if err := unix.Sendto(fd, req, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, err
	}
	var out []syscall.NetlinkMessage
	buf := make([]byte, 64<<10)
	for {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if err != nil {
			return nil, err
		}
		msgs, err := syscall.ParseNetlinkMessage(append([]byte{}, buf[:n]...))
		if err != nil {
			return nil, err
		}
		for _, m := range msgs {
			switch m.Header.Type {
			case unix.NLMSG_DONE:
				return out, nil
			case unix.NLMSG_ERROR:
				if len(m.Data) >= 4 {
					if e := int32(binary.NativeEndian.Uint32(m.Data)); e != 0 {
						return nil, unix.Errno(-e)
					}
				}
				return out, nil
			}
			out = append(out, m)
		}
	}
}

// nlaTypeMask is NLA_TYPE_MASK of linux/netlink.h.
const nlaTypeMask = 0x3fff

// attrs goes through the attributes behind a message's header of n bytes.
func attrs(m *syscall.NetlinkMessage, n int, f func(kind uint16, v []byte)) {
	if len(m.Data) < n {
		return
	}
	for b := m.Data[n:]; len(b) >= unix.SizeofRtAttr; {
		size := int(binary.NativeEndian.Uint16(b))
		if size < unix.SizeofRtAttr || size > len(b) {
			return
		}
		f(binary.NativeEndian.Uint16(b[2:])&nlaTypeMask, b[unix.SizeofRtAttr:size])
		b = b[min((size+3)&^3, len(b)):]
	}
}

func word(v []byte) uint32 {
	if len(v) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(v)
}

// netLinks lists the interfaces.
func netLinks() ([]netLink, error) {
	msgs, err := netlinkDump(unix.RTM_GETLINK, unix.SizeofIfInfomsg, unix.AF_UNSPEC)
	var out []netLink
	for _, m := range msgs {
		if m.Header.Type != unix.RTM_NEWLINK || len(m.Data) < unix.SizeofIfInfomsg {
			continue
		}
		l := netLink{
			arphrd: binary.NativeEndian.Uint16(m.Data[2:]),
			index:  int(word(m.Data[4:])),
			flags:  word(m.Data[8:]),
		}
		attrs(&m, unix.SizeofIfInfomsg, func(kind uint16, v []byte) {
			switch kind {
			case unix.IFLA_IFNAME:
				l.name = unix.ByteSliceToString(v)
			case unix.IFLA_ADDRESS:
				l.lladdr = v
			case unix.IFLA_MTU:
				l.mtu = word(v)
			case unix.IFLA_OPERSTATE:
				if len(v) > 0 {
					l.operstate = v[0]
				}
			case unix.IFLA_STATS64:
				l.stats = parseLinkStats(v)
			}
		})
		out = append(out, l)
	}
	return out, err
}

func parseLinkStats(v []byte) linkStats {
	var w [10]uint64
	if len(v) < 8*len(w) {
		return linkStats{}
	}
	for i := range w {
		w[i] = binary.NativeEndian.Uint64(v[8*i:])
	}
	return linkStats{w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8], w[9]}
}

// netAddrs lists the addresses of all interfaces.
func netAddrs() ([]netAddr, error) {
	msgs, err := netlinkDump(unix.RTM_GETADDR, unix.SizeofIfAddrmsg, unix.AF_UNSPEC)
	var out []netAddr
	for _, m := range msgs {
		if m.Header.Type != unix.RTM_NEWADDR || len(m.Data) < unix.SizeofIfAddrmsg {
			continue
		}
		a := netAddr{family: m.Data[0], prefixLen: int(m.Data[1]), index: int(word(m.Data[4:])),
			flags: uint32(m.Data[2]), preferred: ^uint32(0), valid: ^uint32(0)}
		var address, local []byte
		attrs(&m, unix.SizeofIfAddrmsg, func(kind uint16, v []byte) {
			switch kind {
			case unix.IFA_ADDRESS:
				address = v
			case unix.IFA_LOCAL:
				local = v
			case unix.IFA_BROADCAST:
				a.broadcast = v
			case unix.IFA_FLAGS:
				a.flags = word(v)
			case unix.IFA_CACHEINFO:
				if len(v) >= 8 {
					a.preferred, a.valid = word(v), word(v[4:])
				}
			}
		})
		// With both, the local one is ours and the other is the peer's.
		if a.addr = local; local == nil {
			a.addr = address
		} else if address != nil && string(address) != string(local) {
			a.peer = address
		}
		if a.addr != nil {
			out = append(out, a)
		}
	}
	return out, err
}

// netRoutes lists the routes of an address family.
func netRoutes(family uint8) ([]netRoute, error) {
	msgs, err := netlinkDump(unix.RTM_GETROUTE, unix.SizeofRtMsg, family)
	var out []netRoute
	for _, m := range msgs {
		if m.Header.Type != unix.RTM_NEWROUTE || len(m.Data) < unix.SizeofRtMsg {
			continue
		}
		r := netRoute{
			family: m.Data[0],
			dstLen: int(m.Data[1]),
			table:  uint32(m.Data[4]),
			proto:  m.Data[5],
			kind:   m.Data[7],
			cloned: word(m.Data[8:])&unix.RTM_F_CLONED != 0,
		}
		attrs(&m, unix.SizeofRtMsg, func(kind uint16, v []byte) {
			switch kind {
			case unix.RTA_DST:
				r.dst = v
			case unix.RTA_GATEWAY:
				r.gateway = v
			case unix.RTA_OIF:
				r.oif = int(word(v))
			case unix.RTA_TABLE:
				r.table = word(v)
			case unix.RTA_PREFSRC:
				r.prefsrc = v
			case unix.RTA_MULTIPATH:
				// The first of several ways: struct rtnexthop with attributes.
				if len(v) < unix.SizeofRtNexthop || r.oif != 0 {
					return
				}
				r.oif = int(word(v[4:]))
				size := min(int(binary.NativeEndian.Uint16(v)), len(v))
				hop := syscall.NetlinkMessage{Data: v[:size]}
				attrs(&hop, unix.SizeofRtNexthop, func(kind uint16, v []byte) {
					if kind == unix.RTA_GATEWAY {
						r.gateway = v
					}
				})
			case unix.RTA_METRICS:
				metrics := syscall.NetlinkMessage{Data: v}
				attrs(&metrics, 0, func(kind uint16, v []byte) {
					if kind == unix.RTAX_MTU {
						r.mtu = word(v)
					}
				})
			}
		})
		out = append(out, r)
	}
	return out, err
}

// netNeighbours lists the neighbour tables of an address family.
func netNeighbours(family uint8) ([]neighbour, error) {
	msgs, err := netlinkDump(unix.RTM_GETNEIGH, unix.SizeofNdMsg, family)
	var out []neighbour
	for _, m := range msgs {
		if m.Header.Type != unix.RTM_NEWNEIGH || len(m.Data) < unix.SizeofNdMsg {
			continue
		}
		n := neighbour{index: int(word(m.Data[4:])), state: binary.NativeEndian.Uint16(m.Data[8:])}
		attrs(&m, unix.SizeofNdMsg, func(kind uint16, v []byte) {
			switch kind {
			case unix.NDA_DST:
				n.dst = v
			case unix.NDA_LLADDR:
				n.lladdr = v
			}
		})
		out = append(out, n)
	}
	return out, err
}

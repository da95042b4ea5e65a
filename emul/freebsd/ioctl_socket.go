package freebsd

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
)

// ioctlSocket serves the requests of network interfaces, sockets and routes
// (groups 'i', 's', 'r' of sys/sockio.h). Interfaces can be looked at, not
// changed: what changes them fails as in a jail.
func ioctlSocket(t *emul.Task, fd FD, cmd IoctlCmd, arg Addr) emul.Action {
	switch cmd {
	case abi.SIOCATMARK:
		return emul.Tail(unix.SYS_IOCTL, uint64(fd), unix.SIOCATMARK, uint64(arg))
	case abi.SIOCSPGRP:
		return emul.Tail(unix.SYS_IOCTL, uint64(fd), unix.SIOCSPGRP, uint64(arg))
	case abi.SIOCGPGRP:
		return emul.Tail(unix.SYS_IOCTL, uint64(fd), unix.SIOCGPGRP, uint64(arg))
	}
	if cmd>>8&0xff != 'i' {
		return ioctlUnknown(t, fd, cmd)
	}
	return sockoptInt(t, fd, unix.SOL_SOCKET, unix.SO_TYPE, func(_ int32, err error) emul.Action {
		switch {
		case err == unix.ENOTSOCK:
			return emul.Fail(abi.ENOTTY)
		case err != nil:
			return emul.Fail(err)
		case cmd == abi.SIOCGIFCONF:
			return ifConf(t, guest.Ptr[abi.Ifconf](arg))
		case cmd&abi.IOC_OUT == 0:
			return emul.Fail(abi.EPERM)
		}
		switch cmd {
		case abi.SIOCGIFAFLAG_IN6, abi.SIOCGIFALIFETIME_IN6:
			return in6Address(t, cmd, guest.Addr(arg))
		case abi.SIOCGDEFIFACE_IN6: // none: Linux has no such thing
			return emul.Fail(guest.Ptr[uint64](arg+abi.IFNAMSIZ).Store(t, 0))
		case abi.SIOCGIFINFO_IN6:
			return in6Interface(t, guest.Addr(arg))
		}
		return ifGet(t, cmd, guest.Ptr[[abi.SizeofIfreq]byte](arg))
	})
}

// ifGet answers a question about one interface, or about its first IPv4
// address, in the union of the struct ifreq.
func ifGet(t *emul.Task, cmd IoctlCmd, arg guest.Ptr[[abi.SizeofIfreq]byte]) emul.Action {
	req, err := arg.Load(t)
	if err != nil {
		return emul.Fail(err)
	}
	l, err := linkNamed(unix.ByteSliceToString(req[:abi.IFNAMSIZ]))
	if err != nil {
		return emul.Fail(err)
	}
	union := req[abi.IFNAMSIZ:]
	word := func(v int32) { binary.LittleEndian.PutUint32(union, uint32(v)) }
	switch cmd {
	case abi.SIOCGIFFLAGS:
		// The low half comes first, the high half behind it.
		word(l.ifFlags())
	case abi.SIOCGIFMETRIC, abi.SIOCGIFPHYS, abi.SIOCGIFFIB:
		word(0)
	case abi.SIOCGIFCAP:
		clear(union[:8]) // what may be, and what is, switched on
	case abi.SIOCGIFINDEX:
		word(int32(l.index))
	case abi.SIOCGIFMTU:
		word(int32(l.mtu))
	case abi.SIOCGIFADDR, abi.SIOCGIFDSTADDR, abi.SIOCGIFBRDADDR, abi.SIOCGIFNETMASK:
		sa, err := l.ipv4(cmd)
		if err != nil {
			return emul.Fail(err)
		}
		copy(union, sa)
	default:
		return emul.Fail(abi.EINVAL)
	}
	return emul.Fail(arg.Store(t, req))
}

// linkNamed finds an interface. Error: ENXIO.
func linkNamed(name string) (*netLink, error) {
	links, err := netLinks()
	if err != nil {
		return nil, err
	}
	for i := range links {
		if links[i].name == name {
			return &links[i], nil
		}
	}
	return nil, abi.ENXIO
}

// ipv4 gives what cmd asks of the interface's first IPv4 address. Errors:
// EADDRNOTAVAIL without one, EINVAL for what links of its kind do not have.
func (l *netLink) ipv4(cmd IoctlCmd) ([]byte, error) {
	addrs, err := netAddrs()
	if err != nil {
		return nil, err
	}
	for _, a := range addrs {
		if a.index != l.index || a.family != unix.AF_INET {
			continue
		}
		switch {
		case cmd == abi.SIOCGIFADDR:
			return ipSockaddr(a.addr, 0), nil
		case cmd == abi.SIOCGIFNETMASK:
			return maskSockaddr(a.prefixLen, len(a.addr)), nil
		case cmd == abi.SIOCGIFBRDADDR && a.broadcast != nil:
			return ipSockaddr(a.broadcast, 0), nil
		case cmd == abi.SIOCGIFDSTADDR && a.peer != nil:
			return ipSockaddr(a.peer, 0), nil
		}
		return nil, abi.EINVAL
	}
	return nil, abi.EADDRNOTAVAIL
}

// ifConf lists name and address for each address of each interface, as much as
// there is room for. Long addresses make an entry longer (sys/net/if.c ifconf).
func ifConf(t *emul.Task, arg guest.Ptr[abi.Ifconf]) emul.Action {
	c, err := arg.Load(t)
	if err != nil {
		return emul.Fail(err)
	}
	if c.Len <= 0 {
		return emul.Fail(abi.EINVAL)
	}
	links, err := netLinks()
	if err != nil {
		return emul.Fail(err)
	}
	addrs, err := netAddrs()
	if err != nil {
		return emul.Fail(err)
	}
	var out []byte
	add := func(l *netLink, sa []byte) {
		entry := make([]byte, abi.IFNAMSIZ, abi.IFNAMSIZ+len(sa))
		copy(entry[:abi.IFNAMSIZ-1], l.name)
		entry = append(entry, sa...)
		if len(entry) < abi.SizeofIfreq {
			entry = append(entry, make([]byte, abi.SizeofIfreq-len(entry))...)
		}
		if len(out)+len(entry) <= int(c.Len) {
			out = append(out, entry...)
		}
	}
	for i := range links {
		add(&links[i], links[i].sockaddrDL())
		for _, a := range addrs {
			if a.index == links[i].index {
				add(&links[i], ipSockaddr(a.addr, a.index))
			}
		}
	}
	if err := t.WriteMem(guest.Addr(c.Buf), out); err != nil {
		return emul.Fail(err)
	}
	c.Len = int32(len(out))
	return emul.Fail(arg.Store(t, c))
}

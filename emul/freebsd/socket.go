package freebsd

import (
	"bytes"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// Sockets: making and naming them (sys/kern/uipc_syscalls.c).

// socket(2). FreeBSD's IPv6 sockets talk IPv6 only unless told otherwise
// (net.inet6.ip6.v6only), so that has to be said to Linux.
func socket(t *emul.Task, domain SockDomain, typ SockType, protocol Int) emul.Action {
	family, bare, flags, err := socketKind(int32(domain), int32(typ), int32(protocol))
	if err != nil {
		return emul.Fail(err)
	}
	create := emul.Host(unix.SYS_SOCKET, uint64(family), uint64(bare)|uint64(flags), uint64(protocol))
	return create.Then(func(r emul.Ret) emul.Action {
		if err := r.Err(); err != nil {
			return emul.Fail(socketErr(err, int32(protocol)))
		}
		fd := int32(r.Val)
		socketsOf(t).forget(int(fd), int(fd))
		if family != unix.AF_INET6 {
			return emul.Return(uint64(fd))
		}
		one, err := emul.AllocStore(t, int32(1))
		if err != nil {
			return emul.Fail(err)
		}
		return emul.Host(unix.SYS_SETSOCKOPT, uint64(fd), unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, uint64(one), 4).Atomic().
			Then(func(emul.Ret) emul.Action { return emul.Return(uint64(fd)) })
	})
}

// socketKind converts what names a kind of socket. Errors as in FreeBSD's
// socreate: EAFNOSUPPORT, EPROTOTYPE, EPROTONOSUPPORT.
func socketKind(domain, typ, protocol int32) (family int, bare int32, flags int, err error) {
	bare, flags = xlat.SocketFlags(typ)
	family, ok := xlat.AddressFamily(domain)
	switch {
	case domain == abi.AF_ROUTE:
		// There is such a family on FreeBSD, but nothing that Linux has
		// carries its messages. The tables can be read with sysctl.
		return 0, 0, 0, abi.EPROTONOSUPPORT
	case !ok || family == unix.AF_UNSPEC:
		return 0, 0, 0, abi.EAFNOSUPPORT
	case bare < abi.SOCK_STREAM || bare > abi.SOCK_SEQPACKET || bare == abi.SOCK_RDM,
		family == unix.AF_UNIX && bare == abi.SOCK_RAW:
		if protocol == 0 && bare != 0 {
			return 0, 0, 0, abi.EPROTOTYPE
		}
		return 0, 0, 0, abi.EPROTONOSUPPORT
	case family == unix.AF_UNIX && protocol != 0:
		return 0, 0, 0, abi.EPROTONOSUPPORT
	}
	return family, bare, flags, nil
}

// socketErr is FreeBSD's error where Linux does not know the type or protocol.
func socketErr(err error, protocol int32) error {
	switch {
	case err == unix.ESOCKTNOSUPPORT && protocol == 0:
		return abi.EPROTOTYPE
	case err == unix.ESOCKTNOSUPPORT:
		return abi.EPROTONOSUPPORT
	}
	return err
}

func socketpair(t *emul.Task, domain SockDomain, typ SockType, protocol Int, sv Addr) emul.Action {
	family, bare, flags, err := socketKind(int32(domain), int32(typ), int32(protocol))
	switch {
	case err != nil:
		return emul.Fail(err)
	case family != unix.AF_UNIX:
		return emul.Fail(abi.EOPNOTSUPP)
	}
	return emul.Host(unix.SYS_SOCKETPAIR, uint64(family), uint64(bare)|uint64(flags), 0, uint64(sv)).
		Then(func(r emul.Ret) emul.Action {
			if r.Err() == nil {
				if fds, err := guest.Ptr[int32](sv).LoadN(t, 2); err == nil {
					socketsOf(t).forget(int(fds[0]), int(fds[0]))
					socketsOf(t).forget(int(fds[1]), int(fds[1]))
				}
			}
			return emul.Finish(r)
		})
}

// withSockaddr reads an address that a guest gives and goes on with Linux's
// form of it in scratch memory. The path of a unix socket is looked up from dir,
// through a symbolic link at its end if follow says so.
func withSockaddr(t *emul.Task, dir FD, a Sockaddr, n uint32, follow bool, then func(at guest.Addr, host []byte) emul.Action) emul.Action {
	host, err := loadSockaddr(t, a, n)
	if err != nil {
		return emul.Fail(err)
	}
	at, err := allocBytes(t, host)
	switch {
	case err != nil:
		return emul.Fail(err)
	case !isUnix(host) && dir != atFDCWD:
		// FreeBSD asks the protocol for an operation that only unix sockets have.
		return emul.Fail(abi.EOPNOTSUPP)
	case !isUnix(host):
		return then(at, host)
	}
	given := uint64(at) + 2
	return procOf(t).prefix.resolve(t, uint64(dir), given, follow, func(path uint64) emul.Action {
		name, err := guest.LoadString(t, guest.Addr(path), unix.PathMax)
		if err != nil {
			return emul.Fail(err)
		}
		if dir != atFDCWD && !strings.HasPrefix(name, "/") {
			// Linux has no such call: the directory is named by way of /proc.
			name = "/proc/self/fd/" + itoa(int64(dir)) + "/" + name
		} else if path == given {
			return then(at, host)
		}
		host := append(append(host[:2:2], name...), 0)
		if len(host) > unix.SizeofSockaddrUnix {
			t.Loop().Debugf("pid %d: %s: too long for the address of a Linux socket", t.Proc.Pid, name)
			return emul.Fail(abi.ENAMETOOLONG)
		}
		at, err := allocBytes(t, host)
		if err != nil {
			return emul.Fail(err)
		}
		return then(at, host)
	})
}

func loadSockaddr(t *emul.Task, a Sockaddr, n uint32) ([]byte, error) {
	if n > abi.SOCK_MAXADDRLEN {
		return nil, abi.ENAMETOOLONG
	}
	b := make([]byte, n)
	if err := t.ReadMem(guest.Addr(a), b); err != nil {
		return nil, err
	}
	return xlat.SockaddrToHost(b)
}

// allocBytes puts b into scratch memory. ENOBUFS when there is no room.
func allocBytes(t *emul.Task, b []byte) (guest.Addr, error) {
	at, ok := t.AllocBytes(len(b))
	if !ok {
		return 0, abi.ENOBUFS
	}
	return at, t.WriteMem(at, b)
}

func isUnix(host []byte) bool { return host[0] == unix.AF_UNIX && host[1] == 0 }

func isInet(host []byte) bool {
	return len(host) > 4 && host[1] == 0 && (host[0] == unix.AF_INET || host[0] == unix.AF_INET6)
}

func bind(t *emul.Task, s FD, name Sockaddr, namelen Uint) emul.Action {
	return bindat(t, atFDCWD, s, name, namelen)
}

// connect(2) is never restarted after a signal. What Linux says differently
// about unix sockets is put right.
func connect(t *emul.Task, s FD, name Sockaddr, namelen Uint) emul.Action {
	return connectat(t, atFDCWD, s, name, namelen)
}

// bindat and connectat look the path of a unix socket up below a directory.
func bindat(t *emul.Task, dir, s FD, name Sockaddr, namelen Uint) emul.Action {
	return withSockaddr(t, dir, name, uint32(namelen), false, func(at guest.Addr, host []byte) emul.Action {
		if isUnix(host) || isInet(host) {
			return emul.Tail(unix.SYS_BIND, uint64(s), uint64(at), uint64(len(host)))
		}
		return emul.Host(unix.SYS_BIND, uint64(s), uint64(at), uint64(len(host))).Then(func(r emul.Ret) emul.Action {
			if r.Err() != unix.EINVAL {
				return emul.Finish(r)
			}
			// What Linux says of another family's address for a unix socket.
			return sockoptInt(t, s, unix.SOL_SOCKET, unix.SO_DOMAIN, func(domain int32, err error) emul.Action {
				if err == nil && domain == unix.AF_UNIX {
					return emul.Fail(abi.EAFNOSUPPORT)
				}
				return emul.Finish(r)
			})
		})
	})
}

func connectat(t *emul.Task, dir, s FD, name Sockaddr, namelen Uint) emul.Action {
	return withSockaddr(t, dir, name, uint32(namelen), true, func(at guest.Addr, host []byte) emul.Action {
		switch {
		case isUnix(host):
			return connectUnix(t, s, at, len(host))
		case host[0] == unix.AF_UNSPEC && host[1] == 0:
			return dissolve(t, s, at, len(host))
		case isInet(host) && host[2] == 0 && host[3] == 0:
			return connectPort0(t, s, at, len(host))
		}
		return emul.Tail(unix.SYS_CONNECT, uint64(s), uint64(at), uint64(len(host))).NoRestart()
	})
}

const atFDCWD = -100 // on both systems

// connectUnix: Linux answers EAGAIN when the queue of a listening socket is
// full, and ECONNREFUSED for a file that is no socket. A signal that comes
// before or meanwhile has no effect on it: it begins again. EINTR would say, as
// for other sockets, that the connection is still being made.
func connectUnix(t *emul.Task, s FD, at guest.Addr, n int) emul.Action {
	return emul.Host(unix.SYS_CONNECT, uint64(s), uint64(at), uint64(n)).Then(func(r emul.Ret) emul.Action {
		switch r.Err() {
		case unix.EAGAIN:
			return emul.Fail(abi.ECONNREFUSED)
		case unix.ECONNREFUSED:
			st := emul.Alloc[unix.Stat_t](t)
			return emul.Host(unix.SYS_STAT, uint64(at)+2, uint64(st)).Then(func(r emul.Ret) emul.Action {
				if v, err := st.Load(t); r.Err() == nil && err == nil && v.Mode&unix.S_IFMT != unix.S_IFSOCK {
					return emul.Fail(abi.ENOTSOCK)
				}
				return emul.Fail(abi.ECONNREFUSED)
			})
		}
		return emul.Finish(r)
	})
}

// dissolve takes a datagram socket's peer away, which a connect to AF_UNSPEC
// does on FreeBSD too although it then fails. Linux would reset a stream.
func dissolve(t *emul.Task, s FD, at guest.Addr, n int) emul.Action {
	return sockoptInt(t, s, unix.SOL_SOCKET, unix.SO_TYPE, func(typ int32, err error) emul.Action {
		switch {
		case err != nil:
			return emul.Fail(err)
		case typ != unix.SOCK_DGRAM:
			return emul.Fail(abi.EAFNOSUPPORT)
		}
		return emul.Host(unix.SYS_CONNECT, uint64(s), uint64(at), uint64(n)).
			Then(func(emul.Ret) emul.Action { return emul.Fail(abi.EAFNOSUPPORT) })
	})
}

// connectPort0: FreeBSD refuses port 0 at once, except on raw sockets, which
// have no ports.
func connectPort0(t *emul.Task, s FD, at guest.Addr, n int) emul.Action {
	return sockoptInt(t, s, unix.SOL_SOCKET, unix.SO_TYPE, func(typ int32, err error) emul.Action {
		switch {
		case err != nil:
			return emul.Fail(err)
		case typ != unix.SOCK_RAW:
			return emul.Fail(abi.EADDRNOTAVAIL)
		}
		return emul.Tail(unix.SYS_CONNECT, uint64(s), uint64(at), uint64(n)).NoRestart()
	})
}

// sockoptInt goes on with a Linux socket option that is an int.
func sockoptInt(t *emul.Task, s FD, level, name uint64, then func(v int32, err error) emul.Action) emul.Action {
	type value struct{ V, Len int32 }
	p, err := emul.AllocStore(t, value{Len: 4})
	if err != nil {
		return then(0, err)
	}
	return emul.Host(unix.SYS_GETSOCKOPT, uint64(s), level, name, uint64(p), uint64(p)+4).Then(func(r emul.Ret) emul.Action {
		if err := r.Err(); err != nil {
			return then(0, err)
		}
		v, err := p.Load(t)
		return then(v.V, err)
	})
}

// hostAddr is where Linux puts an address, with the length in and out.
type hostAddr struct {
	Len uint32
	_   [3]uint32
	B   [128]byte
}

const hostAddrAt = 16 // of B

func newHostAddr(t *emul.Task) (guest.Ptr[hostAddr], error) {
	p := emul.Alloc[hostAddr](t)
	return p, guest.Ptr[uint32](p).Store(t, 128)
}

// storeSockaddr gives a guest an address that Linux left at p: as much as fits
// into room bytes, and the length of that in *lenp unless lenp is zero.
func storeSockaddr(t *emul.Task, p guest.Ptr[hostAddr], name Sockaddr, lenp guest.Ptr[uint32], room uint32) error {
	a, err := p.Load(t)
	if err != nil {
		return err
	}
	sa := sockaddrFromHost(t, a.B[:min(a.Len, uint32(len(a.B)))])
	sa = sa[:min(uint32(len(sa)), room)]
	if err := t.WriteMem(guest.Addr(name), sa); err != nil || lenp == 0 {
		return err
	}
	return lenp.Store(t, uint32(len(sa)))
}

// sockaddrFromHost converts an address as Linux gave it, with the guest's name
// for the path of a unix socket.
func sockaddrFromHost(t *emul.Task, b []byte) []byte {
	if len(b) > 2 && isUnix(b) {
		path, _, _ := bytes.Cut(b[2:], []byte{0})
		if in, ok := procOf(t).prefix.cut(string(path)); ok {
			b = append(b[:2:2], in...)
		}
	}
	return xlat.SockaddrFromHost(b)
}

// accept(2): unlike on Linux the new socket is non-blocking if the listening
// one is. The descriptor's other flags are not inherited.
func accept(t *emul.Task, s FD, name Sockaddr, lenp guest.Ptr[uint32]) emul.Action {
	return emul.Host(unix.SYS_FCNTL, uint64(s), unix.F_GETFL, 0).Then(func(r emul.Ret) emul.Action {
		if err := r.Err(); err != nil {
			return emul.Fail(err)
		}
		return acceptWith(t, s, name, lenp, uint64(r.Val)&unix.O_NONBLOCK)
	})
}

func accept4(t *emul.Task, s FD, name Sockaddr, lenp guest.Ptr[uint32], typ SockType) emul.Action {
	rest, flags := xlat.SocketFlags(int32(typ))
	if rest != 0 {
		return emul.Fail(abi.EINVAL)
	}
	return acceptWith(t, s, name, lenp, uint64(flags))
}

func acceptWith(t *emul.Task, s FD, name Sockaddr, lenp guest.Ptr[uint32], flags uint64) emul.Action {
	if name == 0 {
		if socketsOf(t).empty() {
			return emul.Tail(unix.SYS_ACCEPT4, uint64(s), 0, 0, flags)
		}
		return emul.Host(unix.SYS_ACCEPT4, uint64(s), 0, 0, flags).Then(func(r emul.Ret) emul.Action {
			accepted(t, s, r)
			return emul.Finish(r)
		})
	}
	room, err := lenp.Load(t)
	if err != nil {
		return emul.Fail(err)
	}
	p, err := newHostAddr(t)
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Host(unix.SYS_ACCEPT4, uint64(s), uint64(p)+hostAddrAt, uint64(p), flags).Then(func(r emul.Ret) emul.Action {
		if r.Err() != nil {
			return emul.Finish(r)
		}
		accepted(t, s, r)
		if err := storeSockaddr(t, p, name, lenp, room); err != nil {
			return emul.Host(unix.SYS_CLOSE, uint64(r.Val)).Then(func(emul.Ret) emul.Action { return emul.Fail(err) })
		}
		return emul.Return(uint64(r.Val))
	})
}

// accepted: the new socket has the listening one's options.
func accepted(t *emul.Task, s FD, r emul.Ret) {
	if r.Err() == nil {
		keepSocket(t, int32(r.Val), socketsOf(t).get(int32(s))) // as the listening one
	}
}

func getsockname(t *emul.Task, s FD, name Sockaddr, lenp guest.Ptr[uint32]) emul.Action {
	return sockName(t, unix.SYS_GETSOCKNAME, s, name, lenp)
}

func getpeername(t *emul.Task, s FD, name Sockaddr, lenp guest.Ptr[uint32]) emul.Action {
	return sockName(t, unix.SYS_GETPEERNAME, s, name, lenp)
}

func sockName(t *emul.Task, nr emul.HostNR, s FD, name Sockaddr, lenp guest.Ptr[uint32]) emul.Action {
	room, err := lenp.Load(t)
	if err != nil {
		return emul.Fail(err)
	}
	p, err := newHostAddr(t)
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Host(nr, uint64(s), uint64(p)+hostAddrAt, uint64(p)).Then(func(r emul.Ret) emul.Action {
		if r.Err() != nil {
			return emul.Finish(r)
		}
		return emul.Fail(storeSockaddr(t, p, name, lenp, room))
	})
}

// setfib(2): there is one routing table (net.fibs is 1).
func setfib(t *emul.Task, fib Int) emul.Action {
	if fib != 0 {
		return emul.Fail(abi.EINVAL)
	}
	return emul.Return(0)
}

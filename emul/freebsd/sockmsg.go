package freebsd

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// Sending and receiving. Data never passes through LSF: the host is given the
// guest's own buffers and iovecs; only addresses and control data are converted.

// Limits on both systems, in bytes or pieces: FreeBSD takes no more control
// data than a cluster holds (MCLBYTES), nor more iovecs than UIO_MAXIOV.
const (
	controlMax = 2048
	iovMax     = 1024
	// hostControl is what Linux may need for the largest that it delivers at
	// once: 253 descriptors, credentials, time stamp, IPv6 headers.
	hostControl = 4096
)

// hostMsghdr is Linux's struct msghdr.
type hostMsghdr struct {
	Name       uint64
	Namelen    uint32
	_          uint32
	Iov        uint64
	Iovlen     uint64
	Control    uint64
	Controllen uint64
	Flags      int32
	_          int32
}

// sendFlags converts flags and adds what SO_NOSIGPIPE asks for.
func sendFlags(t *emul.Task, s FD, flags MsgFlags) uint64 {
	f := xlat.MsgFlags(int32(flags))
	if socketsOf(t).noSigpipe(int32(s)) {
		f |= unix.MSG_NOSIGNAL
	}
	return uint64(f)
}

// thenEOF ends a send call: with MSG_EOF the sending side is shut down behind
// the data, which Linux does not do by itself.
func thenEOF(s FD, flags MsgFlags, send emul.Action) emul.Action {
	if flags&abi.MSG_EOF == 0 {
		return send
	}
	return send.Then(func(r emul.Ret) emul.Action {
		if r.Err() != nil {
			return emul.Finish(r)
		}
		return emul.Host(unix.SYS_SHUTDOWN, uint64(s), unix.SHUT_WR).
			Then(func(emul.Ret) emul.Action { return emul.Finish(r) })
	})
}

func sendto(t *emul.Task, s FD, buf InBuf, n Size, flags MsgFlags, to Sockaddr, tolen Uint) emul.Action {
	lflags := sendFlags(t, s, flags)
	if to == 0 {
		if flags&abi.MSG_EOF == 0 {
			return emul.Tail(unix.SYS_SENDTO, uint64(s), uint64(buf), uint64(n), lflags, 0)
		}
		return thenEOF(s, flags, emul.Host(unix.SYS_SENDTO, uint64(s), uint64(buf), uint64(n), lflags, 0, 0))
	}
	return withSockaddr(t, atFDCWD, to, uint32(tolen), true, func(at guest.Addr, host []byte) emul.Action {
		return thenEOF(s, flags, emul.Host(unix.SYS_SENDTO, uint64(s), uint64(buf), uint64(n), lflags, uint64(at), uint64(len(host))))
	})
}

func recvfrom(t *emul.Task, s FD, buf OutBuf, n Size, flags MsgFlags, from Sockaddr, lenp guest.Ptr[uint32]) emul.Action {
	lflags := uint64(xlat.MsgFlags(int32(flags)))
	var room uint32
	if lenp != 0 {
		var err error
		if room, err = lenp.Load(t); err != nil {
			return emul.Fail(err)
		}
	}
	if from == 0 {
		return emul.Tail(unix.SYS_RECVFROM, uint64(s), uint64(buf), uint64(n), lflags, 0)
	}
	p, err := newHostAddr(t)
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Host(unix.SYS_RECVFROM, uint64(s), uint64(buf), uint64(n), lflags, uint64(p)+hostAddrAt, uint64(p)).
		Then(func(r emul.Ret) emul.Action {
			if r.Err() != nil {
				return emul.Finish(r)
			}
			if err := storeSockaddr(t, p, from, lenp, room); err != nil {
				return emul.Fail(err)
			}
			return emul.Return(uint64(r.Val))
		})
}

// loadMsghdr reads a message header. Errors: EFAULT, EMSGSIZE.
func loadMsghdr(t *emul.Task, msg guest.Ptr[abi.Msghdr]) (abi.Msghdr, error) {
	m, err := msg.Load(t)
	if err == nil && uint32(m.Iovlen) > iovMax {
		err = abi.EMSGSIZE
	}
	return m, err
}

func sendmsg(t *emul.Task, s FD, msg guest.Ptr[abi.Msghdr], flags MsgFlags) emul.Action {
	m, err := loadMsghdr(t, msg)
	if err != nil {
		return emul.Fail(err)
	}
	host := hostMsghdr{Iov: m.Iov, Iovlen: uint64(m.Iovlen)}
	if m.Name == 0 {
		return sendMessage(t, s, m, host, flags)
	}
	return withSockaddr(t, atFDCWD, Sockaddr(m.Name), m.Namelen, true, func(at guest.Addr, sa []byte) emul.Action {
		host.Name, host.Namelen = uint64(at), uint32(len(sa))
		return sendMessage(t, s, m, host, flags)
	})
}

// sendMessage is sendmsg once the address is known.
func sendMessage(t *emul.Task, s FD, m abi.Msghdr, host hostMsghdr, flags MsgFlags) emul.Action {
	if m.Control == 0 {
		return sendHost(t, s, host, flags)
	}
	if m.Controllen < abi.SizeofCmsghdr || m.Controllen > controlMax {
		return emul.Fail(abi.EINVAL)
	}
	b := make([]byte, m.Controllen)
	if err := t.ReadMem(guest.Addr(m.Control), b); err != nil {
		return emul.Fail(err)
	}
	msgs, err := xlat.ParseCmsgs(b)
	if err != nil {
		return failSocket(t, s, err)
	}
	for _, c := range msgs {
		if c.Level == abi.SOL_SOCKET && c.Type == abi.SCM_CREDS {
			return withCreds(t, func(creds unix.Ucred) emul.Action { return sendControl(t, s, host, flags, msgs, creds) })
		}
	}
	return sendControl(t, s, host, flags, msgs, unix.Ucred{})
}

// withCreds goes on with the sender's own credentials.
func withCreds(t *emul.Task, then func(unix.Ucred) emul.Action) emul.Action {
	return emul.Batch(
		emul.NewCall(unix.SYS_GETPID), emul.NewCall(unix.SYS_GETUID), emul.NewCall(unix.SYS_GETGID),
	).ThenAll(func(r []emul.Ret) emul.Action {
		return then(unix.Ucred{Pid: int32(r[0].Val), Uid: uint32(r[1].Val), Gid: uint32(r[2].Val)})
	})
}

func sendControl(t *emul.Task, s FD, host hostMsghdr, flags MsgFlags, msgs []xlat.Cmsg, creds unix.Ucred) emul.Action {
	var b []byte
	for _, c := range msgs {
		h, err := xlat.CmsgToHost(c, creds)
		if err != nil {
			return failSocket(t, s, err)
		}
		if h.Type == unix.SCM_RIGHTS && h.Level == unix.SOL_SOCKET && len(h.Data) == 0 {
			continue // no descriptors: FreeBSD sends nothing either
		}
		if h.Type == unix.SCM_RIGHTS && h.Level == unix.SOL_SOCKET {
			procOf(t).pds.send(h.Data)
		}
		b = xlat.AppendHostCmsg(b, h)
	}
	if len(b) > 0 {
		at, err := allocBytes(t, b)
		if err != nil {
			return emul.Fail(err)
		}
		host.Control, host.Controllen = uint64(at), uint64(len(b))
	}
	return sendHost(t, s, host, flags)
}

func sendHost(t *emul.Task, s FD, host hostMsghdr, flags MsgFlags) emul.Action {
	p, err := emul.AllocStore(t, host)
	if err != nil {
		return emul.Fail(err)
	}
	lflags := sendFlags(t, s, flags)
	if flags&abi.MSG_EOF == 0 {
		return emul.Tail(unix.SYS_SENDMSG, uint64(s), uint64(p), lflags)
	}
	return thenEOF(s, flags, emul.Host(unix.SYS_SENDMSG, uint64(s), uint64(p), lflags))
}

func recvmsg(t *emul.Task, s FD, msg guest.Ptr[abi.Msghdr], flags MsgFlags) emul.Action {
	m, err := loadMsghdr(t, msg)
	if err != nil {
		return emul.Fail(err)
	}
	host := hostMsghdr{Iov: m.Iov, Iovlen: uint64(m.Iovlen)}
	addr := emul.Alloc[hostAddr](t)
	if m.Name != 0 {
		host.Name, host.Namelen = uint64(addr)+hostAddrAt, 128
	}
	if m.Control != 0 {
		// Room for all that may come: what the guest has no room for must be
		// closed or dropped message by message.
		at, ok := t.AllocBytes(hostControl)
		if !ok {
			return emul.Fail(abi.ENOBUFS)
		}
		host.Control, host.Controllen = uint64(at), hostControl
	}
	p, err := emul.AllocStore(t, host)
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Host(unix.SYS_RECVMSG, uint64(s), uint64(p), uint64(xlat.MsgFlags(int32(flags)))).
		Then(func(r emul.Ret) emul.Action {
			if r.Err() != nil {
				return emul.Finish(r)
			}
			host, err := p.Load(t)
			if err != nil {
				return emul.Fail(err)
			}
			return received(t, s, msg, m, addr, host, r)
		})
}

// received gives the guest what a recvmsg brought.
func received(t *emul.Task, s FD, msg guest.Ptr[abi.Msghdr], m abi.Msghdr, addr guest.Ptr[hostAddr], host hostMsghdr, r emul.Ret) emul.Action {
	m.Flags = xlat.MsgFlagsFromHost(host.Flags)
	if m.Name != 0 {
		a, err := addr.Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		sa := sockaddrFromHost(t, a.B[:min(host.Namelen, uint32(len(a.B)))])
		sa = sa[:min(uint32(len(sa)), m.Namelen)]
		if err := t.WriteMem(guest.Addr(m.Name), sa); err != nil {
			return emul.Fail(err)
		}
		m.Namelen = uint32(len(sa))
	}
	var drop []int32
	if m.Control == 0 {
		// Nobody wanted any, so none is missed.
		m.Flags &^= abi.MSG_CTRUNC
	} else {
		b := make([]byte, min(host.Controllen, hostControl))
		if err := t.ReadMem(guest.Addr(host.Control), b); err != nil {
			return emul.Fail(err)
		}
		var out []byte
		var whole bool
		out, drop, whole = guestControl(t, s, b, int(m.Controllen))
		if !whole {
			m.Flags |= abi.MSG_CTRUNC
		}
		if err := t.WriteMem(guest.Addr(m.Control), out); err != nil {
			return emul.Fail(err)
		}
		m.Controllen = uint32(len(out))
	}
	if err := msg.Store(t, m); err != nil {
		return emul.Fail(err)
	}
	if len(drop) == 0 {
		return emul.Return(uint64(r.Val))
	}
	calls := make([]emul.Call, len(drop))
	for i, fd := range drop {
		calls[i] = emul.NewCall(unix.SYS_CLOSE, uint64(fd))
	}
	return emul.Batch(calls...).ThenAll(func([]emul.Ret) emul.Action { return emul.Return(uint64(r.Val)) })
}

// guestControl converts Linux's control data for a guest that has room for
// that many bytes. From the first message that does not fit on, all are
// dropped: whole says that none was. drop are the descriptors to be closed.
func guestControl(t *emul.Task, s FD, b []byte, room int) (out []byte, drop []int32, whole bool) {
	socks := socketsOf(t)
	memo := socks.get(int32(s))
	wants := memo.wants()
	whole = true
	for _, h := range xlat.ParseHostCmsgs(b) {
		for _, c := range xlat.CmsgFromHost(h, wants) {
			next := xlat.AppendCmsg(out, c)
			rights := c.Level == abi.SOL_SOCKET && c.Type == abi.SCM_RIGHTS
			if whole = whole && len(next) <= room; whole {
				out = next
			}
			for i := 0; rights && i+4 <= len(c.Data); i += 4 {
				fd := int32(uint32(c.Data[i]) | uint32(c.Data[i+1])<<8 | uint32(c.Data[i+2])<<16 | uint32(c.Data[i+3])<<24)
				socks.forget(int(fd), int(fd))
				if !whole {
					drop = append(drop, fd)
				}
			}
			if memo.credsOnce && c.Level == abi.SOL_SOCKET && c.Type == abi.SCM_CREDS {
				memo.creds, memo.credsOnce = 0, false
				keepSocket(t, int32(s), memo)
				wants = memo.wants()
			}
		}
	}
	return out, drop, whole
}

// wants says which forms of control messages the options ask for.
func (m sockMemo) wants() xlat.CmsgWants {
	w := xlat.CmsgWants{Creds: m.creds, DstAddr: m.dstAddr, If: m.recvIf}
	switch {
	case m.options&abi.SO_BINTIME != 0, m.tsClock == abi.SO_TS_BINTIME:
		w.Stamp = abi.SCM_BINTIME
	case m.tsClock == abi.SO_TS_REALTIME:
		w.Stamp = abi.SCM_REALTIME
	case m.tsClock == abi.SO_TS_MONOTONIC:
		w.Stamp = abi.SCM_MONOTONIC
		var real, mono unix.Timespec
		if unix.ClockGettime(unix.CLOCK_REALTIME, &real) == nil && unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono) == nil {
			w.MonoOffset = real.Nano() - mono.Nano()
		}
	default:
		w.Stamp = abi.SCM_TIMESTAMP
	}
	return w
}

package freebsd

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// Socket options: xlat.FindSockopt knows what each is on Linux. Those that
// Linux has not are remembered with the descriptor (sockets).

// sockoptMax bounds the values moved, in bytes; the largest structure of an
// option that LSF serves is group_source_req.
const sockoptMax = 1024

func setsockopt(t *emul.Task, s FD, level SockLevel, name Int, val Addr, size Uint) emul.Action {
	switch {
	case val == 0 && size != 0:
		return emul.Fail(abi.EFAULT)
	case int32(size) < 0:
		return emul.Fail(abi.EINVAL)
	}
	b := make([]byte, min(size, sockoptMax))
	if err := t.ReadMem(guest.Addr(val), b); err != nil {
		return emul.Fail(err)
	}
	return ifLocal(t, s, level, name,
		func() emul.Action { return setLocal(t, s, int32(name), b) },
		func() emul.Action { return setOption(t, s, int32(level), int32(name), b, val == 0) })
}

func getsockopt(t *emul.Task, s FD, level SockLevel, name Int, val Addr, sizep guest.Ptr[uint32]) emul.Action {
	g := optValue{t: t, s: s, val: guest.Addr(val), sizep: sizep}
	if val != 0 {
		var err error
		if g.room, err = sizep.Load(t); err != nil {
			return emul.Fail(err)
		}
		if int32(g.room) < 0 {
			return emul.Fail(abi.EINVAL)
		}
	}
	return ifLocal(t, s, level, name,
		func() emul.Action { return getLocal(g, int32(name)) },
		func() emul.Action { return getOption(g, int32(level), int32(name)) })
}

// optValue is where a guest wants an option's value.
type optValue struct {
	t     *emul.Task
	s     FD
	val   guest.Addr
	room  uint32
	sizep guest.Ptr[uint32]
}

// out answers with as much of b as there is room for.
func (g optValue) out(b []byte) emul.Action {
	b = b[:min(uint32(len(b)), g.room)]
	if err := g.t.WriteMem(g.val, b); err != nil {
		return emul.Fail(err)
	}
	return emul.Fail(g.sizep.Store(g.t, uint32(len(b))))
}

func (g optValue) int(v int32) emul.Action { return g.out(int32s(v)) }

func (g optValue) bool(v bool) emul.Action {
	if v {
		return g.int(1)
	}
	return g.int(0)
}

// ifLocal finds out what level 0 means: SOL_LOCAL on unix sockets, IPPROTO_IP
// on others.
func ifLocal(t *emul.Task, s FD, level SockLevel, name Int, local, other func() emul.Action) emul.Action {
	if level != abi.SOL_LOCAL || name < abi.LOCAL_PEERCRED || name > abi.LOCAL_CONNWAIT {
		return other()
	}
	return sockoptInt(t, s, unix.SOL_SOCKET, unix.SO_DOMAIN, func(domain int32, err error) emul.Action {
		switch {
		case err != nil:
			return emul.Fail(err)
		case domain == unix.AF_UNIX:
			return local()
		}
		return other()
	})
}

// ifSocket goes on if s is a socket; LSF answers then without asking the host.
func ifSocket(t *emul.Task, s FD, then func() emul.Action) emul.Action {
	return sockoptInt(t, s, unix.SOL_SOCKET, unix.SO_TYPE, func(_ int32, err error) emul.Action {
		if err != nil {
			return emul.Fail(err)
		}
		return then()
	})
}

// failSocket answers with e if s is a socket, else with what is wrong with s.
func failSocket(t *emul.Task, s FD, e error) emul.Action {
	return ifSocket(t, s, func() emul.Action { return emul.Fail(e) })
}

// sockoptErr is FreeBSD's error where Linux does not know an option that
// FreeBSD knows: then the socket is of another protocol than the option.
func sockoptErr(o xlat.Sockopt, err error) error {
	switch {
	case o.GuestLevel != abi.SOL_SOCKET && (err == unix.ENOPROTOOPT || err == unix.EOPNOTSUPP):
		return abi.EINVAL
	case err == unix.EOPNOTSUPP:
		return abi.ENOPROTOOPT
	case o.Kind == xlat.OptCongestion && err == unix.ENOENT:
		return abi.ESRCH
	}
	return err
}

func setOption(t *emul.Task, s FD, level, name int32, b []byte, none bool) emul.Action {
	o, ok := xlat.FindSockopt(level, name)
	if !ok {
		return failSocket(t, s, abi.ENOPROTOOPT)
	}
	switch o.Kind {
	case xlat.OptErrno, xlat.OptDomain, xlat.OptListenQ, xlat.OptTCPInfo:
		return failSocket(t, s, abi.ENOPROTOOPT)
	case xlat.OptAcceptFilter:
		return setAcceptFilter(t, s, none)
	}
	host, err := xlat.SockoptToHost(o, b)
	if err != nil {
		return failSocket(t, s, err)
	}
	v := int32(binary.LittleEndian.Uint32(append(host[:len(host):len(host)], 0, 0, 0, 0)))
	memo := socketsOf(t).get(int32(s))
	switch o.Kind {
	case xlat.OptKept:
		memo.options = setBits(memo.options, name, v != 0)
		return keepOption(t, s, memo)
	case xlat.OptFib:
		if v != 0 {
			return failSocket(t, s, abi.EINVAL)
		}
		return keepOption(t, s, memo)
	case xlat.OptPortrange:
		if v != abi.IP_PORTRANGE_DEFAULT && v != abi.IP_PORTRANGE_HIGH {
			// Linux has no low range to choose from.
			return failSocket(t, s, abi.EINVAL)
		}
		memo.portRange = v
		return keepOption(t, s, memo)
	case xlat.OptStamp:
		if name == abi.SO_TS_CLOCK {
			if v < abi.SO_TS_REALTIME_MICRO || v > abi.SO_TS_MONOTONIC {
				return failSocket(t, s, abi.EINVAL)
			}
			memo.tsClock = v
			return keepOption(t, s, memo)
		}
		memo.options = setBits(memo.options, name, v != 0)
		return hostOption(t, s, o, boolBytes(memo.options&(abi.SO_TIMESTAMP|abi.SO_BINTIME) != 0), &memo)
	case xlat.OptPktinfo:
		if name == abi.IP_RECVDSTADDR {
			memo.dstAddr = v != 0
		} else {
			memo.recvIf = v != 0
		}
		return hostOption(t, s, o, boolBytes(memo.dstAddr || memo.recvIf), &memo)
	}
	return hostOption(t, s, o, host, nil)
}

func boolBytes(v bool) []byte {
	if v {
		return int32s(1)
	}
	return int32s(0)
}

func setBits(v, bits int32, on bool) int32 {
	if on {
		return v | bits
	}
	return v &^ bits
}

// keepOption remembers memo if s is a socket.
func keepOption(t *emul.Task, s FD, memo sockMemo) emul.Action {
	return ifSocket(t, s, func() emul.Action {
		keepSocket(t, int32(s), memo)
		return emul.Return(0)
	})
}

// hostOption sets an option of Linux's and then remembers memo, if any.
func hostOption(t *emul.Task, s FD, o xlat.Sockopt, val []byte, memo *sockMemo) emul.Action {
	at, err := allocBytes(t, val)
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Host(unix.SYS_SETSOCKOPT, uint64(s), uint64(o.Level), uint64(o.Name), uint64(at), uint64(len(val))).
		Then(func(r emul.Ret) emul.Action {
			if err := r.Err(); err != nil {
				return emul.Fail(sockoptErr(o, err))
			}
			if memo != nil {
				keepSocket(t, int32(s), *memo)
			}
			return emul.Return(0)
		})
}

// setAcceptFilter answers as a kernel without accept filters (accf_http,
// accf_data are modules). Taking none away succeeds.
func setAcceptFilter(t *emul.Task, s FD, none bool) emul.Action {
	return sockoptInt(t, s, unix.SOL_SOCKET, unix.SO_ACCEPTCONN, func(listening int32, err error) emul.Action {
		switch {
		case err != nil:
			return emul.Fail(err)
		case listening == 0:
			return emul.Fail(abi.EINVAL)
		case none:
			return emul.Return(0)
		}
		return emul.Fail(abi.ENOENT)
	})
}

func getOption(g optValue, level, name int32) emul.Action {
	t, s := g.t, g.s
	o, ok := xlat.FindSockopt(level, name)
	if !ok {
		return failSocket(t, s, abi.ENOPROTOOPT)
	}
	memo := socketsOf(t).get(int32(s))
	size := 4
	switch o.Kind {
	case xlat.OptKept:
		return ifSocket(t, s, func() emul.Action { return g.int(memo.options & name) })
	case xlat.OptStamp:
		if name == abi.SO_TS_CLOCK {
			return ifSocket(t, s, func() emul.Action { return g.int(memo.tsClock) })
		}
		return ifSocket(t, s, func() emul.Action { return g.int(memo.options & name) })
	case xlat.OptPktinfo:
		on := memo.dstAddr
		if name == abi.IP_RECVIF {
			on = memo.recvIf
		}
		return ifSocket(t, s, func() emul.Action { return g.bool(on) })
	case xlat.OptPortrange:
		return ifSocket(t, s, func() emul.Action { return g.int(memo.portRange) })
	case xlat.OptFib:
		// It can be set only, as SO_USER_COOKIE.
		return failSocket(t, s, abi.ENOPROTOOPT)
	case xlat.OptAcceptFilter, xlat.OptMreqSource, xlat.OptGroupReq:
		return failSocket(t, s, abi.EINVAL)
	case xlat.OptTCPInfo, xlat.OptListenQ:
		return getTCPInfo(g, o)
	case xlat.OptTimeval:
		size = 16
	case xlat.OptLinger:
		size = 8
	case xlat.OptCongestion:
		size = 16
	case xlat.OptICMP6Filter:
		size = 32
	case xlat.OptBytes:
		size = int(min(g.room, sockoptMax))
	}
	return hostValue(t, s, o, size, func(b []byte) emul.Action {
		return g.out(xlat.SockoptFromHost(o, b))
	})
}

// hostValue goes on with the value of one of Linux's options, of at most n bytes.
func hostValue(t *emul.Task, s FD, o xlat.Sockopt, n int, then func(b []byte) emul.Action) emul.Action {
	sizep, err := emul.AllocStore(t, uint32(n))
	if err != nil {
		return emul.Fail(err)
	}
	at, err := allocBytes(t, make([]byte, n))
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Host(unix.SYS_GETSOCKOPT, uint64(s), uint64(o.Level), uint64(o.Name), uint64(at), uint64(sizep)).
		Then(func(r emul.Ret) emul.Action {
			if err := r.Err(); err != nil {
				return emul.Fail(sockoptErr(o, err))
			}
			size, err := sizep.Load(t)
			if err != nil {
				return emul.Fail(err)
			}
			b := make([]byte, min(int(size), n))
			if err := t.ReadMem(at, b); err != nil {
				return emul.Fail(err)
			}
			return then(b)
		})
}

// hostTCPInfo is Linux's struct tcp_info with the byte that unix.TCPInfo
// leaves out named.
type hostTCPInfo struct {
	Head   [6]uint8
	Wscale uint8
	_      uint8
}

// getTCPInfo serves TCP_INFO, and the two figures of a listening socket that
// Linux tells there.
func getTCPInfo(g optValue, o xlat.Sockopt) emul.Action {
	p := emul.Alloc[unix.TCPInfo](g.t)
	if err := p.Store(g.t, unix.TCPInfo{}); err != nil {
		return emul.Fail(err)
	}
	sizep, err := emul.AllocStore(g.t, uint32(unix.SizeofTCPInfo))
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Host(unix.SYS_GETSOCKOPT, uint64(g.s), unix.IPPROTO_TCP, unix.TCP_INFO, uint64(p), uint64(sizep)).
		Then(func(r emul.Ret) emul.Action {
			if err := r.Err(); err != nil {
				return emul.Fail(sockoptErr(o, err))
			}
			info, err := p.Load(g.t)
			if err != nil {
				return emul.Fail(err)
			}
			head, err := guest.Ptr[hostTCPInfo](p).Load(g.t)
			if err != nil {
				return emul.Fail(err)
			}
			listening := xlat.TCPState(info.State) == abi.TCPS_LISTEN
			switch {
			case o.Kind == xlat.OptTCPInfo:
				return g.out(structBytes(xlat.TCPInfo(&info, head.Wscale)))
			case !listening:
				return g.int(0)
			case o.GuestName == abi.SO_LISTENQLEN:
				return g.int(int32(info.Unacked))
			}
			return g.int(int32(info.Sacked))
		})
}

// setLocal sets the options of unix sockets (sys/kern/uipc_usrreq.c uipc_ctloutput).
func setLocal(t *emul.Task, s FD, name int32, b []byte) emul.Action {
	if name == abi.LOCAL_PEERCRED {
		return emul.Fail(abi.EOPNOTSUPP)
	}
	if len(b) < 4 {
		return emul.Fail(abi.EINVAL)
	}
	on := binary.LittleEndian.Uint32(b) != 0
	memo := socketsOf(t).get(int32(s))
	var want int32
	switch name {
	case abi.LOCAL_CONNWAIT:
		// Connections are accepted at once by the host: there is nothing to wait for.
		memo.connWait = on
		keepSocket(t, int32(s), memo)
		return emul.Return(0)
	case abi.LOCAL_CREDS:
		want = abi.SCM_CREDS
	case abi.LOCAL_CREDS_PERSISTENT:
		want = abi.SCM_CREDS2
	}
	switch {
	case on && memo.creds != 0 && memo.creds != want:
		return emul.Fail(abi.EINVAL)
	case on:
		memo.creds = want
	case memo.creds == want:
		memo.creds = 0
	}
	return sockoptInt(t, s, unix.SOL_SOCKET, unix.SO_TYPE, func(typ int32, err error) emul.Action {
		if err != nil {
			return emul.Fail(err)
		}
		memo.credsOnce = memo.creds == abi.SCM_CREDS && typ == unix.SOCK_STREAM
		passcred := xlat.Sockopt{Level: unix.SOL_SOCKET, Name: unix.SO_PASSCRED}
		return hostOption(t, s, passcred, boolBytes(memo.creds != 0), &memo)
	})
}

func getLocal(g optValue, name int32) emul.Action {
	memo := socketsOf(g.t).get(int32(g.s))
	switch name {
	case abi.LOCAL_CREDS:
		return g.bool(memo.creds == abi.SCM_CREDS)
	case abi.LOCAL_CREDS_PERSISTENT:
		return g.bool(memo.creds == abi.SCM_CREDS2)
	case abi.LOCAL_CONNWAIT:
		return g.bool(memo.connWait)
	}
	return peercred(g)
}

// peercred answers LOCAL_PEERCRED, which getpeereid(3) asks for: who connected,
// or who listened, at that time.
func peercred(g optValue) emul.Action {
	t, s := g.t, g.s
	cred := xlat.Sockopt{Level: unix.SOL_SOCKET, Name: unix.SO_PEERCRED}
	return hostValue(t, s, cred, unix.SizeofUcred, func(b []byte) emul.Action {
		pid, uid, gid := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint32(b[8:])
		if pid == 0 && uid == 0xffffffff {
			return sockoptInt(t, s, unix.SOL_SOCKET, unix.SO_TYPE, func(typ int32, err error) emul.Action {
				if typ != unix.SOCK_STREAM {
					return emul.Fail(abi.EINVAL)
				}
				return emul.Fail(abi.ENOTCONN)
			})
		}
		xu := abi.Xucred{Uid: uid, Pid: int32(pid), Ngroups: 1}
		xu.Groups[0] = gid
		return peergroups(t, s, func(groups []uint32) emul.Action {
			xu.Ngroups += int16(copy(xu.Groups[1:], groups))
			return g.out(structBytes(xu))
		})
	})
}

// peergroups goes on with the supplementary groups of a unix socket's peer,
// none where Linux does not tell (before 4.13, or more than fit).
func peergroups(t *emul.Task, s FD, then func(groups []uint32) emul.Action) emul.Action {
	const room = 256 * 4
	sizep, err := emul.AllocStore(t, uint32(room))
	at, ok := t.AllocBytes(room)
	if err != nil || !ok {
		return then(nil)
	}
	return emul.Host(unix.SYS_GETSOCKOPT, uint64(s), unix.SOL_SOCKET, unix.SO_PEERGROUPS, uint64(at), uint64(sizep)).
		Then(func(r emul.Ret) emul.Action {
			size, err := sizep.Load(t)
			if r.Err() != nil || err != nil || size > room {
				return then(nil)
			}
			groups, err := guest.Ptr[uint32](at).LoadN(t, int(size/4))
			if err != nil {
				return then(nil)
			}
			return then(groups)
		})
}

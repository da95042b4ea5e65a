package freebsd

import (
	"encoding/binary"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// POSIX message queues (uipc_mqueue.c) are Linux's: names are shared with Linux
// programs of the same IPC namespace, and descriptors may be waited for.

const (
	mqDefaultMessages = 10   // default_maxmsg
	mqDefaultSize     = 1024 // default_msgsize, in bytes
	mqPriorities      = 64   // MQ_PRIO_MAX
	mqNameMax         = 255  // MQFS_NAMELEN
)

// mqName reads a queue's name and places it as Linux's call wants it, without
// the slash.
func mqName(t *emul.Task, name Str) (uint64, error) {
	s, err := guest.LoadString(t, guest.Addr(name), mqNameMax+1)
	switch {
	case err == guest.ErrTooLong:
		return 0, abi.ENAMETOOLONG
	case err != nil:
		return 0, err
	case len(s) < 2, s[0] != '/', strings.Contains(s[1:], "/"), s == "/.", s == "/..":
		return 0, abi.EINVAL
	}
	at, ok := t.AllocBytes(len(s))
	if !ok {
		return 0, abi.ENAMETOOLONG
	}
	return uint64(at), t.WriteMem(at, append([]byte(s[1:]), 0))
}

func kmqOpen(t *emul.Task, name Str, flags OpenFlags, mode Mode, attr guest.Ptr[abi.MqAttr]) emul.Action {
	if flags&abi.O_ACCMODE == abi.O_ACCMODE || flags&abi.O_EXEC != 0 {
		return emul.Fail(abi.EINVAL)
	}
	a := abi.MqAttr{Maxmsg: mqDefaultMessages, Msgsize: mqDefaultSize}
	if flags&abi.O_CREAT != 0 && attr != 0 {
		var err error
		if a, err = attr.Load(t); err != nil {
			return emul.Fail(err)
		}
		if a.Maxmsg <= 0 || a.Msgsize <= 0 {
			return emul.Fail(abi.EINVAL)
		}
		a.Flags = 0
	}
	at, err := mqName(t, name)
	if err != nil {
		return emul.Fail(err)
	}
	buf, err := emul.AllocStore(t, a)
	if err != nil {
		return emul.Fail(err)
	}
	const known = abi.O_ACCMODE | abi.O_CREAT | abi.O_EXCL | abi.O_NONBLOCK
	return emul.Tail(unix.SYS_MQ_OPEN, at, xlat.OpenFlags(int32(flags&known))&^unix.O_NOCTTY|unix.O_CLOEXEC,
		uint64(mode)&0o777, uint64(buf))
}

func kmqUnlink(t *emul.Task, name Str) emul.Action {
	at, err := mqName(t, name)
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Tail(unix.SYS_MQ_UNLINK, at)
}

func kmqSetattr(t *emul.Task, fd FD, attr, old guest.Ptr[abi.MqAttr]) emul.Action {
	var at guest.Ptr[abi.MqAttr]
	if attr != 0 {
		a, err := attr.Load(t)
		switch {
		case err != nil:
			return emul.Fail(err)
		case a.Flags&^abi.O_NONBLOCK != 0:
			return emul.Fail(abi.EINVAL)
		case a.Flags != 0:
			a.Flags = unix.O_NONBLOCK
		}
		if at, err = emul.AllocStore(t, a); err != nil {
			return emul.Fail(err)
		}
	}
	return withMqAttr(t, fd, at, func(a abi.MqAttr) emul.Action {
		if old == 0 {
			return emul.Return(0)
		}
		if a.Flags &= unix.O_NONBLOCK; a.Flags != 0 {
			a.Flags = abi.O_NONBLOCK
		}
		return storeOrFail(t, old, a)
	})
}

// withMqAttr sets attributes, 0 for none, and goes on with those of before.
func withMqAttr(t *emul.Task, fd FD, set guest.Ptr[abi.MqAttr], then func(abi.MqAttr) emul.Action) emul.Action {
	buf, err := emul.AllocStore(t, abi.MqAttr{})
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Host(unix.SYS_MQ_GETSETATTR, uint64(fd), uint64(set), uint64(buf)).Then(func(r emul.Ret) emul.Action {
		if r.Err() != nil {
			return emul.Finish(r)
		}
		a, err := buf.Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		return then(a)
	})
}

// kmqTimedsend: FreeBSD has fewer priorities.
func kmqTimedsend(t *emul.Task, fd FD, msg InBuf, n Size, prio Uint, timeout guest.Ptr[abi.Timespec]) emul.Action {
	if prio >= mqPriorities {
		return withMqAttr(t, fd, 0, func(abi.MqAttr) emul.Action { return emul.Fail(abi.EINVAL) })
	}
	return mqTimed(t, unix.SYS_MQ_TIMEDSEND, fd, uint64(msg), n, uint64(prio), timeout)
}

func kmqTimedreceive(t *emul.Task, fd FD, msg OutBuf, n Size, prio Addr, timeout guest.Ptr[abi.Timespec]) emul.Action {
	return mqTimed(t, unix.SYS_MQ_TIMEDRECEIVE, fd, uint64(msg), n, uint64(prio), timeout)
}

// mqTimed makes a call that may wait. FreeBSD looks whether the time is a valid
// one only if it must wait, Linux before: then a time that is over tells whether.
func mqTimed(t *emul.Task, nr emul.HostNR, fd FD, msg uint64, n Size, prio uint64, timeout guest.Ptr[abi.Timespec]) emul.Action {
	if timeout == 0 {
		return emul.Tail(nr, uint64(fd), msg, uint64(n), prio, 0)
	}
	ts, err := timeout.Load(t)
	if err != nil {
		return withMqAttr(t, fd, 0, func(abi.MqAttr) emul.Action { return emul.Fail(err) })
	}
	invalid := ts.Nsec < 0 || ts.Nsec >= 1e9
	if invalid || ts.Sec < 0 {
		ts = abi.Timespec{}
	}
	at, err := emul.AllocStore(t, ts)
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Host(nr, uint64(fd), msg, uint64(n), prio, uint64(at)).Then(func(r emul.Ret) emul.Action {
		if invalid && r.Err() == unix.ETIMEDOUT {
			return emul.Fail(abi.EINVAL)
		}
		return emul.Finish(r)
	})
}

// mqNotice is how a process wants to be told of a message, and the signal that
// told it last. Linux tells the supervisor, by mqSignal with the descriptor as
// its value: so all of FreeBSD's signals will do, and a thread may be named.
type mqNotice struct {
	ev  abi.Sigevent
	sig *emul.Signal
}

// mqSignal is a Linux signal that is no guest's.
const mqSignal = 64

// hostSigevent is Linux's struct sigevent.
type hostSigevent struct {
	Value  uint64
	Signo  int32
	Notify int32 // SIGEV_SIGNAL 0, SIGEV_NONE 1
	_      [48]byte
}

func kmqNotify(t *emul.Task, fd FD, evp guest.Ptr[abi.Sigevent]) emul.Action {
	if evp == 0 {
		return emul.Tail(unix.SYS_MQ_NOTIFY, uint64(fd), 0)
	}
	ev, err := evp.Load(t)
	if err != nil {
		return emul.Fail(err)
	}
	host := hostSigevent{Value: uint64(fd), Signo: mqSignal}
	switch ev.Notify {
	case abi.SIGEV_NONE:
		host.Notify = 1
	case abi.SIGEV_SIGNAL, abi.SIGEV_THREAD_ID:
		if !abi.Signal(ev.Signo).Valid() {
			return emul.Fail(abi.EINVAL)
		}
	default:
		return emul.Fail(abi.EINVAL)
	}
	at, err := emul.AllocStore(t, host)
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Host(unix.SYS_MQ_NOTIFY, uint64(fd), uint64(at)).Atomic().Then(func(r emul.Ret) emul.Action {
		if r.Err() != nil {
			return emul.Finish(r)
		}
		p := procOf(t)
		if p.mqs == nil {
			p.mqs = map[int32]*mqNotice{}
		}
		n := p.mqs[int32(fd)]
		if n == nil {
			n = &mqNotice{}
			p.mqs[int32(fd)] = n
		}
		n.ev = ev
		p.unqueue(n.sig)
		// FreeBSD tells at once of messages that are there already.
		return withMqAttr(t, fd, 0, func(a abi.MqAttr) emul.Action {
			if a.Curmsgs == 0 {
				return emul.Return(0)
			}
			return emul.Host(unix.SYS_MQ_NOTIFY, uint64(fd), 0).Then(func(emul.Ret) emul.Action {
				p.mqNotified(int32(fd))
				return emul.Return(0)
			})
		})
	})
}

// mqNotified is mqueue_send_notification, for the queue that the process has
// open as fd.
func (p *process) mqNotified(fd int32) {
	n := p.mqs[fd]
	if n == nil || n.ev.Notify == abi.SIGEV_NONE || p.queued(n.sig) {
		return
	}
	n.sig = softSignal(abi.Signal(n.ev.Signo), abi.SI_MESGQ, nil, n.ev.Value)
	binary.LittleEndian.PutUint32(n.sig.Info.Fields[16:], uint32(fd))
	p.postEvent(&n.ev, n.sig)
}

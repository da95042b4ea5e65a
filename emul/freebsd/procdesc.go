package freebsd

import (
	"encoding/binary"
	"maps"
	"math"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// Process descriptors (sys_procdesc.c) are pidfds of children that do not
// signal their end: without an exit signal Linux, too, keeps them from those
// who wait for any child. Linux does not mind that a pidfd is closed; the
// supervisor therefore counts the descriptors, to kill a child that nobody has
// one of any more. What becomes of one that was sent over a socket it cannot
// see, and spares such a child.

// Flags of pdfork (sys/procdesc.h).
const (
	pdDaemon  = 1 // PD_DAEMON
	pdCloexec = 2 // PD_CLOEXEC
)

// procDesc is a child made by pdfork.
type procDesc struct {
	child  *process
	pid    int
	daemon bool // closing does not kill it
	sent   bool // over a socket
	refs   int  // descriptors of it
	exited bool
	status int // FreeBSD's wait status
}

// procDescs is what a process has of them.
type procDescs struct {
	byFD map[int32]*procDesc
	// children were made by this process; they are waited for by number only.
	children map[int]*procDesc
	self     *procDesc // what the process itself is
}

// forked is what a child of pd's process has: the same descriptors.
func (pd *procDescs) forked() procDescs {
	for _, d := range pd.byFD {
		d.refs++
	}
	return procDescs{byFD: maps.Clone(pd.byFD)}
}

func (pd *procDescs) open(t *emul.Task, fd int32, d *procDesc) {
	t.KeepFD(int(fd))
	if pd.byFD == nil {
		pd.byFD = map[int32]*procDesc{}
	}
	pd.byFD[fd] = d
	d.refs++
}

// closeRange forgets descriptors (procdesc_close).
func (pd *procDescs) closeRange(lo, hi int32) {
	for fd, d := range pd.byFD {
		if fd < lo || fd > hi {
			continue
		}
		delete(pd.byFD, fd)
		if d.refs--; d.refs == 0 && !d.exited && !d.daemon && !d.sent {
			unix.Kill(d.pid, unix.SIGKILL)
		}
	}
}

// duped tells that descriptor to has become what from is.
func (pd *procDescs) duped(t *emul.Task, from, to int32) {
	if d := pd.byFD[from]; d != nil && from != to {
		pd.open(t, to, d)
	}
}

// send notes that descriptors leave the process in a message, as an array of
// int.
func (pd *procDescs) send(fds []byte) {
	if len(pd.byFD) == 0 {
		return
	}
	for ; len(fds) >= 4; fds = fds[4:] {
		if d := pd.byFD[int32(binary.LittleEndian.Uint32(fds))]; d != nil {
			d.sent = true
		}
	}
}

// waitFlags are needed to wait for pid, if that is such a child.
func (pd *procDescs) waitFlags(pid int64) uint64 {
	if pd.children[int(pid)] != nil {
		return unix.WALL
	}
	return 0
}

// exited tells that the process has ended, with FreeBSD's wait status.
func (pd *procDescs) exited(status int) {
	if d := pd.self; d != nil {
		d.exited, d.status, d.child = true, status, nil
	}
	pd.closeRange(0, math.MaxInt32)
}

func pdfork(t *emul.Task, fdp guest.Ptr[int32], flags Int) emul.Action {
	if flags&^(pdDaemon|pdCloexec) != 0 {
		return emul.Fail(abi.EINVAL)
	}
	at, err := emul.AllocStore(t, int32(-1))
	if err != nil {
		return emul.Fail(err)
	}
	d := &procDesc{daemon: flags&pdDaemon != 0}
	return emul.Clone(t, emul.CloneSpec{
		Flags: unix.CLONE_PIDFD,
		PIDFD: guest.Addr(at),
		Setup: func(c *emul.Task) {
			c.Regs.SetResult(0)
			c.Regs.Rdx = 1
			d.child, d.pid = procOf(c), c.Proc.Pid
			d.child.pds.self = d
		},
		Start: closeKqueues(t, 0),
		Done: func(r emul.Ret) emul.Action {
			if r.Err() != nil {
				return emul.Finish(r)
			}
			fd, err := at.Load(t)
			if err != nil {
				return emul.Fail(err)
			}
			p := procOf(t)
			p.pds.open(t, fd, d)
			if p.pds.children == nil {
				p.pds.children = map[int]*procDesc{}
			}
			p.pds.children[d.pid] = d
			done := func(emul.Ret) emul.Action {
				if err := fdp.Store(t, fd); err != nil {
					return emul.Fail(err)
				}
				return emul.Return2(uint64(d.pid), 0)
			}
			if flags&pdCloexec != 0 {
				return done(r)
			}
			return emul.Host(unix.SYS_FCNTL, uint64(fd), unix.F_SETFD, 0).Atomic().Then(done)
		},
	})
}

// pdkill: Linux, too, calls other descriptors EBADF.
func pdkill(t *emul.Task, fd FD, sig Sig) emul.Action {
	s := abi.Signal(sig)
	if sig < 0 || sig != 0 && !s.Valid() {
		return emul.Fail(abi.EINVAL)
	}
	h := xlat.HostSignal(s)
	if sig == 0 || h != 0 {
		return emul.Tail(unix.SYS_PIDFD_SEND_SIGNAL, uint64(fd), uint64(h), 0, 0)
	}
	return withProcDesc(t, fd, func(pid int) emul.Action { return kill(t, Int(pid), sig) })
}

func pdgetpid(t *emul.Task, fd FD, out guest.Ptr[int32]) emul.Action {
	return withProcDesc(t, fd, func(pid int) emul.Action { return storeOrFail(t, out, int32(pid)) })
}

// withProcDesc goes on with the number of the process: from our own books, and
// where it came over a socket, from Linux 6.13.
func withProcDesc(t *emul.Task, fd FD, then func(pid int) emul.Action) emul.Action {
	if d := procOf(t).pds.byFD[int32(fd)]; d != nil {
		return then(d.pid)
	}
	const getInfo = 0xc040ff0b // PIDFD_GET_INFO with a structure of 64 bytes
	type info struct {
		mask, cgroup uint64
		pid          uint32
		_            [44]byte
	}
	at, err := emul.AllocStore(t, info{mask: 1}) // PIDFD_INFO_PID
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Host(unix.SYS_IOCTL, uint64(fd), getInfo, uint64(at)).Then(func(r emul.Ret) emul.Action {
		if r.Err() != nil {
			return emul.Fail(abi.EBADF)
		}
		i, err := at.Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		return then(int(i.pid))
	})
}

// newProcDescFilter is EVFILT_PROCDESC (procdesc_kqfilter): EVFILT_PROC that
// knows of the end alone.
func (c *keventCall) newProcDescFilter(ch *abi.Kevent) (filter, error) {
	d := procOf(c.t).pds.byFD[int32(ch.Ident)]
	switch {
	case d == nil:
		return nil, abi.EINVAL
	case d.exited:
		return &procFilter{exited: true, status: d.status, pid: d.pid}, nil
	case d.child != nil && !d.child.Dead():
		return &procFilter{target: d.child, pid: d.pid}, nil
	}
	return &procFilter{pid: d.pid}, nil
}

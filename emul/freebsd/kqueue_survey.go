package freebsd

import (
	"encoding/binary"
	"math"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
)

// survey finds out on the host, in one batch, what must be known before a
// chunk of changes can be applied: what kind of descriptors they name, and
// what has become of processes that are not guests. Descriptors that will need
// an entry in epoll get it at the same time, so that the common case, adding a
// socket, costs one stop.
type survey struct {
	c     *keventCall
	chunk []abi.Kevent
	fds   []*probe
	pids  []*pidProbe

	signals bool   // pending signals are asked for
	pending uint64 // Linux's set of them
	sigset  int    // in the arena
	sigcall int
}

// probe is what is asked about a descriptor.
type probe struct {
	fd    int32
	id    uint32
	mask  uint32 // epoll entry that is tried, 0 for none
	stat  int    // in the arena: struct stat
	opt   int    // in the arena: SO_ACCEPTCONN
	pfd   int    // in the arena: struct pollfd
	first int    // of the calls
	err   error  // of the descriptor: EBADF
	add   error  // of EPOLL_CTL_ADD
	kind  fdKind
	flags int64  // of F_GETFL
	bits  uint32 // of poll
	conn  bool   // accepts connections
	tried bool
	// missed says that another task has got an event of the entry before its
	// knotes were there: epoll must look again.
	missed bool
}

// pidProbe is what is asked about a process that is no guest.
type pidProbe struct {
	pid    int
	info   int // in the arena: siginfo
	first  int
	zombie bool // an unreaped child of the caller
	status int  // FreeBSD's wait status of it
}

// probeSize is what a probe takes of the arena, in bytes.
const probeSize = 160 + 16 + 8 + 16 + 16

// calls returns what to ask; there may be nothing.
func (s *survey) calls() []emul.Call {
	kq := s.c.kq
	for _, ch := range s.chunk {
		switch {
		case ch.Filter == abi.EVFILT_PROC:
			s.wantPid(ch)
		case ch.Filter == abi.EVFILT_SIGNAL:
			s.signals = s.signals || ch.Flags&abi.EV_ADD != 0
		case !fdFilter(ch.Filter) || ch.Ident > math.MaxInt32 || kq.notes[noteKey{ch.Ident, ch.Filter}] != nil:
		case kq.fds[int32(ch.Ident)] != nil:
		default:
			p := s.probe(int32(ch.Ident))
			if p == nil {
				p = &probe{fd: int32(ch.Ident)}
				s.fds = append(s.fds, p)
			}
			mask := uint32(0)
			switch {
			case ch.Flags&abi.EV_ADD == 0:
			case ch.Filter == abi.EVFILT_READ:
				mask = maskRead
			case ch.Filter == abi.EVFILT_WRITE:
				mask = maskWrite
			}
			if ch.Flags&abi.EV_DISABLE != 0 {
				mask &= unix.EPOLLET // only to see whether it can be polled
			}
			p.mask |= mask
		}
	}
	if len(s.fds) == 0 && len(s.pids) == 0 && !s.signals {
		return nil
	}
	a := s.c.memory()
	var calls []emul.Call
	call := func(nr emul.HostNR, args ...uint64) { calls = append(calls, emul.NewCall(nr, args...)) }
	for _, p := range s.fds {
		fd := uint64(p.fd)
		p.first = len(calls)
		st := a.room(160)
		p.stat = a.offset(st)
		call(unix.SYS_FSTAT, fd, st)
		call(unix.SYS_FCNTL, fd, unix.F_GETFL)
		opt := a.put([]byte{0, 0, 0, 0, 4, 0, 0, 0})
		p.opt = a.offset(opt)
		call(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN, opt, opt+4)
		pfd := a.put([]byte{byte(p.fd), byte(p.fd >> 8), byte(p.fd >> 16), byte(p.fd >> 24), unix.POLLOUT, 0, 0, 0})
		p.pfd = a.offset(pfd)
		call(unix.SYS_PPOLL, pfd, 1, a.put(make([]byte, 16)), 0, 0)
		if p.mask != 0 && fd != uint64(s.c.fd) {
			kq.lastID++
			p.id, p.tried = kq.lastID, true
			if kq.probing == nil {
				kq.probing = map[uint32]*probe{}
			}
			kq.probing[p.id] = p
			ev := a.put(epollEvent(p.mask, &polled{fd: p.fd, id: p.id}))
			call(unix.SYS_EPOLL_CTL, uint64(s.c.fd), unix.EPOLL_CTL_ADD, fd, ev)
		}
	}
	for _, p := range s.pids {
		p.first = len(calls)
		info := a.put(make([]byte, 128))
		p.info = a.offset(info)
		call(unix.SYS_WAITID, unix.P_PID, uint64(p.pid), info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, 0)
	}
	if s.signals {
		s.sigcall = len(calls)
		set := a.put(make([]byte, 8))
		s.sigset = a.offset(set)
		call(unix.SYS_RT_SIGPENDING, set, 8)
	}
	return calls
}

func (s *survey) probe(fd int32) *probe {
	for _, p := range s.fds {
		if p.fd == fd {
			return p
		}
	}
	return nil
}

func (s *survey) wantPid(ch abi.Kevent) {
	if ch.Flags&abi.EV_ADD == 0 || ch.Ident == 0 || ch.Ident > math.MaxInt32 ||
		s.c.t.Loop().Process(int(ch.Ident)) != nil {
		return
	}
	s.pids = append(s.pids, &pidProbe{pid: int(ch.Ident)})
}

func (s *survey) pid(pid int) *pidProbe {
	for _, p := range s.pids {
		if p.pid == pid {
			return p
		}
	}
	return nil
}

// results takes the answers.
func (s *survey) results(rets []emul.Ret) {
	a := &s.c.a
	for _, p := range s.fds {
		delete(s.c.kq.probing, p.id)
		r := rets[p.first:]
		if p.err = r[0].Err(); p.err != nil {
			continue
		}
		p.flags = r[1].Val
		p.conn = r[2].Err() == nil && a.u32(p.opt) != 0
		if r[3].Val > 0 {
			p.bits = uint32(a.u16(p.pfd + 6))
		}
		switch a.u32(p.stat+24) & unix.S_IFMT {
		case unix.S_IFREG, unix.S_IFDIR, unix.S_IFLNK, unix.S_IFBLK:
			p.kind = kindFile
		case unix.S_IFIFO:
			p.kind = kindPipe
		case unix.S_IFSOCK:
			p.kind = kindSocket
		}
		if s.c.p.kq.byFD[p.fd] != nil {
			p.kind = kindKqueue
		}
		if p.tried {
			p.add = r[4].Err()
			s.entry(p)
		}
	}
	for _, p := range s.pids {
		p.result(rets[p.first], s.c.t, a)
	}
	if s.signals && rets[s.sigcall].Err() == nil {
		s.pending = a.u64(s.sigset)
	}
}

// isPending says whether Linux holds back a signal (FreeBSD's number).
func (s *survey) isPending(num uint64) bool {
	if num > uint64(abi.SIGRTMAX) || !abi.Signal(num).Valid() {
		return false
	}
	h := xlat.HostSignal(abi.Signal(num))
	return h != 0 && s.pending&(1<<(h-1)) != 0
}

func (p *pidProbe) result(r emul.Ret, t *emul.Task, a *arena) {
	h, err := guest.Ptr[host.Siginfo](uint64(a.base) + uint64(p.info)).Load(t)
	if r.Err() != nil || err != nil || int(binary.LittleEndian.Uint32(h.Fields[:])) != p.pid {
		return
	}
	p.zombie, p.status = true, int(childStatus(&h))
}

// entry makes the entry of a probed descriptor, unless another task has made
// one meanwhile.
func (s *survey) entry(p *probe) *polled {
	kq := s.c.kq
	if e := kq.fds[p.fd]; e != nil {
		if p.tried {
			e.again = true
			e.change()
		}
		return e
	}
	kq.lastID++
	e := &polled{kq: kq, fd: p.fd, id: kq.lastID, kind: p.kind, listening: p.conn}
	mode := p.flags & unix.O_ACCMODE
	e.canRead = mode != unix.O_WRONLY
	e.canWrite = mode != unix.O_RDONLY
	if p.kind == kindKqueue {
		e.nested = s.c.p.kq.byFD[p.fd]
	}
	if p.tried {
		e.id = p.id
		switch p.add {
		case nil:
			e.set, e.mask = true, p.mask
		case unix.EEXIST:
			// A file that was open by this number before, and is still
			// open elsewhere.
			e.set = true
			e.change()
		default:
			e.refused = p.add
		}
	}
	kq.fds[p.fd] = e
	return e
}

// adopt compares what was tried on epoll with what the applied changes want.
func (s *survey) adopt() {
	for _, p := range s.fds {
		e := s.c.kq.fds[p.fd]
		if e == nil {
			continue
		}
		if p.tried && p.add == nil && e.id == p.id {
			e.again = p.missed
		}
		if e.again || e.unused() || e.want() != e.mask {
			e.change()
		}
	}
}

// covers says whether what is to be known for a change is known.
func (s *survey) covers(ch *abi.Kevent) bool {
	if !fdFilter(ch.Filter) || ch.Ident > math.MaxInt32 {
		return true
	}
	kq := s.c.kq
	return kq.notes[noteKey{ch.Ident, ch.Filter}] != nil || kq.fds[int32(ch.Ident)] != nil || s.probe(int32(ch.Ident)) != nil
}

// descriptor says whether the descriptor that a change names is open, and what
// was found out about it.
func (s *survey) descriptor(ch *abi.Kevent) (open bool, p *probe) {
	if !fdFilter(ch.Filter) {
		return true, nil
	}
	if ch.Ident > math.MaxInt32 {
		return false, nil
	}
	if p = s.probe(int32(ch.Ident)); p != nil {
		return p.err == nil, p
	}
	return true, nil
}

// newFilter makes the filter of a change that adds a knote.
func (c *keventCall) newFilter(ch *abi.Kevent, p *probe, s *survey) (filter, error) {
	switch ch.Filter {
	case abi.EVFILT_READ, abi.EVFILT_WRITE:
		e := c.kq.fds[int32(ch.Ident)]
		if e == nil {
			e = s.entry(p)
		}
		if err := c.pollable(e, ch.Filter, p); err != nil {
			return nil, err
		}
		return pollFilter{e}, nil
	case abi.EVFILT_VNODE:
		e := c.kq.fds[int32(ch.Ident)]
		if e != nil && e.kind != kindFile || e == nil && p.kind != kindFile {
			return nil, abi.EINVAL
		}
		return &vnodeFilter{fd: int32(ch.Ident)}, nil
	case abi.EVFILT_PROC:
		return c.newProcFilter(ch, s)
	case abi.EVFILT_PROCDESC:
		return c.newProcDescFilter(ch)
	case abi.EVFILT_SIGNAL:
		return &signalFilter{t: c.t, pending: s.isPending(ch.Ident)}, nil
	case abi.EVFILT_TIMER:
		return &timerFilter{}, nil
	case abi.EVFILT_USER:
		return &userFilter{}, nil
	case abi.EVFILT_AIO, abi.EVFILT_LIO:
		return nil, abi.EPERM // only the kernel itself may register these
	case abi.EVFILT_SENDFILE:
		return nil, abi.ENXIO
	}
	c.t.Loop().Debugf("kqueue: filter %d is not served", ch.Filter)
	return nil, abi.EINVAL
}

// pollable says whether FreeBSD lets filter be attached to the descriptor.
func (c *keventCall) pollable(e *polled, filter int16, p *probe) error {
	switch {
	case e.nested == c.kq || e.kind == kindKqueue && filter != abi.EVFILT_READ:
		return abi.EINVAL
	case p != nil && e.kind == kindPipe && filter == abi.EVFILT_WRITE && e.canWrite && p.bits&unix.POLLERR != 0:
		return abi.EPIPE
	case e.kind == kindFile || e.refused == nil:
		return nil
	case e.refused == unix.EPERM:
		return abi.ENODEV // a device without poll: no_kqfilter
	case e.refused == unix.EINVAL || e.refused == unix.ELOOP:
		return abi.EINVAL
	}
	return xlat.ErrnoOf(e.refused)
}

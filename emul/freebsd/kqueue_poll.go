package freebsd

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
)

// fdKind says by which rules a descriptor becomes readable and writable.
type fdKind uint8

const (
	kindOther  fdKind = iota // terminals and other devices, eventfd
	kindSocket               // filt_soread, filt_sowrite
	kindPipe                 // pipes and FIFOs: filt_piperead, filt_pipewrite
	kindFile                 // regular files, directories: filt_vfsread, filt_vfswrite
	kindKqueue               // filt_kqueue
)

// polled is a descriptor that EVFILT_READ or EVFILT_WRITE knotes of one kqueue
// are about: one entry of its epoll, unless it is a file.
type polled struct {
	kq        *kqueue
	fd        int32
	id        uint32 // tells its events from those of an earlier use of the number
	kind      fdKind
	canRead   bool
	canWrite  bool
	listening bool
	refused   error   // why epoll will not have it
	nested    *kqueue // of kindKqueue
	growth    *growth // of kindFile, while its reader is at the end
	notes     [2]*knote

	set    bool   // epoll has it
	mask   uint32 // what epoll has, or gets by calls under way
	again  bool   // epoll is to look at it anew
	queued bool   // is in kq.dirty
	busy   bool   // calls for it are under way
	closed bool   // the descriptor is gone

	shown keventEntry // what the local routine knows of it
}

func noteIndex(filter int16) int {
	if filter == abi.EVFILT_WRITE {
		return 1
	}
	return 0
}

// pollFilter is EVFILT_READ or EVFILT_WRITE.
type pollFilter struct{ e *polled }

func (f pollFilter) attach(kn *knote) error {
	e := f.e
	e.notes[noteIndex(kn.ev.Filter)] = kn
	if e.nested != nil {
		e.nested.parents = append(e.nested.parents, kn)
	}
	return nil
}

func (f pollFilter) detach(kn *knote) {
	e := f.e
	e.notes[noteIndex(kn.ev.Filter)] = nil
	if e.nested != nil {
		e.nested.removeParent(kn)
	}
	if kn.ev.Filter == abi.EVFILT_READ {
		e.endGrowth()
	}
	e.change()
	e.show()
}

func (f pollFilter) ready(*knote) bool { return false }

func (f pollFilter) recheck(kn *knote) {
	e := f.e
	if e.kind == kindFile {
		if !kn.disabled {
			kn.active = true
			kn.enqueue()
		}
		return
	}
	if !kn.disabled {
		e.again = true
		if e.nested != nil && len(e.nested.queue) > 0 {
			kn.active = true
			kn.enqueue()
		}
	}
	e.change()
}

// What is asked of epoll for each filter. EPOLLRDHUP is always among it, because
// only with it a closed connection can be told from a socket that was never
// connected.
const (
	maskRead  = unix.EPOLLET | unix.EPOLLIN | unix.EPOLLRDHUP
	maskWrite = unix.EPOLLET | unix.EPOLLOUT | unix.EPOLLRDHUP
)

// want returns the epoll mask that e's knotes need; 0 when epoll has nothing to
// do with it. EPOLLET stays when all knotes are disabled: a hangup, which
// cannot be masked, is then reported once and not all the time.
func (e *polled) want() uint32 {
	if e.kind == kindFile || e.unused() {
		return 0
	}
	m := uint32(unix.EPOLLET)
	if kn := e.notes[0]; kn != nil && !kn.disabled && e.canRead {
		m |= maskRead
	}
	if kn := e.notes[1]; kn != nil && !kn.disabled && e.canWrite {
		m |= maskWrite
	}
	return m
}

// unused says that no knote is left.
func (e *polled) unused() bool { return e.notes == [2]*knote{} }

// change makes sure that epoll is told what has changed about e.
func (e *polled) change() {
	if e.queued || e.closed {
		return
	}
	e.queued = true
	e.kq.dirty = append(e.kq.dirty, e)
}

// pollReady says whether a knote of filter on a descriptor of kind k is ready
// when Linux reports bits, and whether at end of file.
//
// A stream socket that was never connected is reported with EPOLLHUP alone;
// FreeBSD does not call it ready. After a reset, and for UNIX sockets whose peer
// is gone, EPOLLRDHUP comes with it.
func pollReady(k fdKind, filter int16, bits uint32) (ready, eof bool) {
	const in, out, rdhup, hup, bad = unix.EPOLLIN, unix.EPOLLOUT, unix.EPOLLRDHUP, unix.EPOLLHUP, unix.EPOLLERR
	if filter == abi.EVFILT_READ {
		switch k {
		case kindSocket:
			if bits&(hup|rdhup) == hup && bits&in == 0 {
				return bits&bad != 0, false
			}
			return bits&(in|rdhup|bad) != 0, bits&rdhup != 0
		default:
			return bits&(in|hup|bad) != 0, bits&hup != 0
		}
	}
	switch k {
	case kindSocket:
		if bits&hup != 0 {
			return bits&(rdhup|bad) != 0, bits&rdhup != 0
		}
		return bits&(out|bad) != 0, false
	default:
		return bits&(out|hup|bad) != 0, bits&(hup|bad) != 0
	}
}

// unsynced says that there is something for sync to do.
func (kq *kqueue) unsynced() bool {
	for _, e := range kq.dirty {
		if !e.busy {
			return true
		}
	}
	return false
}

// sync returns the calls that bring epoll to what the knotes want, for the
// entries that no other task is working on, and what to do with their results.
func (kq *kqueue) sync(epfd FD, a *arena) (calls []emul.Call, done func([]emul.Ret)) {
	var did []*polled
	var ops []int
	rest := kq.dirty[:0:0]
	for _, e := range kq.dirty {
		if e.closed {
			e.queued = false
			continue
		}
		if e.busy {
			rest = append(rest, e)
			continue
		}
		want, op := e.want(), 0
		switch {
		case want == 0:
			if e.set {
				op = unix.EPOLL_CTL_DEL
			}
		case !e.set:
			op = unix.EPOLL_CTL_ADD
		case want != e.mask || e.again:
			op = unix.EPOLL_CTL_MOD
		}
		if op == 0 {
			e.queued, e.again = false, false
			if e.unused() {
				kq.forget(e)
			}
			continue
		}
		if !a.fits(16) {
			rest = append(rest, e)
			continue
		}
		ev := a.put(epollEvent(want, e))
		e.queued, e.again, e.busy = false, false, true
		e.set, e.mask = op != unix.EPOLL_CTL_DEL, want
		calls = append(calls, emul.NewCall(unix.SYS_EPOLL_CTL, uint64(epfd), uint64(op), uint64(e.fd), ev))
		did = append(did, e)
		ops = append(ops, op)
	}
	kq.dirty = rest
	return calls, func(rets []emul.Ret) {
		for i, e := range did {
			e.busy = false
			e.synced(ops[i], rets[i].Err())
		}
	}
}

// synced takes note of the result of an epoll_ctl.
func (e *polled) synced(op int, err error) {
	switch {
	case e.closed:
		return
	case e.unused() && !e.set:
		e.kq.forget(e)
		return
	case err == nil || op == unix.EPOLL_CTL_DEL:
		return
	case err == unix.EEXIST:
		// epoll still has it from an earlier use of the number, which is
		// open elsewhere.
		e.set, e.again = true, true
	case err == unix.ENOENT:
		e.set = false
	default:
		e.set = false
		e.kq.debugf("kqueue: epoll_ctl of descriptor %d: %v", e.fd, err)
		return
	}
	e.change()
}

// forget removes e from what events are looked up in.
func (kq *kqueue) forget(e *polled) {
	if kq.fds[e.fd] == e {
		delete(kq.fds, e.fd)
	}
}

// epollEvent is struct epoll_event of Linux/amd64 (12 bytes, packed), with
// what match needs to find the entry again.
func epollEvent(mask uint32, e *polled) []byte {
	b := make([]byte, 0, 12)
	b = binary.LittleEndian.AppendUint32(b, mask)
	b = binary.LittleEndian.AppendUint32(b, uint32(e.fd))
	return binary.LittleEndian.AppendUint32(b, e.id)
}

// pollEvent is one event that epoll has reported.
type pollEvent struct {
	bits uint32
	fd   int32
	id   uint32
}

// pollEvents decodes n events.
func pollEvents(b []byte, n int) []pollEvent {
	evs := make([]pollEvent, n)
	for i := range evs {
		p := b[12*i:]
		u32 := binary.LittleEndian.Uint32
		evs[i] = pollEvent{u32(p), int32(u32(p[4:])), u32(p[8:])}
	}
	return evs
}

// match returns the enabled knotes that an event makes active.
func (kq *kqueue) match(ev pollEvent) []*knote {
	e := kq.fds[ev.fd]
	if p := kq.probing[ev.id]; p != nil {
		p.missed = true
		return nil
	}
	if e == nil || e.id != ev.id {
		// The number was closed while the file stays open elsewhere. If the
		// entry took the place of a newer one, that is put right.
		if e != nil {
			e.again = true
			e.change()
		}
		return nil
	}
	var kns []*knote
	for i, can := range [2]bool{e.canRead, e.canWrite} {
		kn := e.notes[i]
		if kn == nil || kn.disabled || !can {
			continue
		}
		if ready, _ := pollReady(e.kind, kn.ev.Filter, ev.bits); ready {
			kns = append(kns, kn)
		}
	}
	return kns
}

// look is one knote whose state on the host is asked for.
type look struct {
	kn    *knote
	e     *polled
	bits  uint32
	known bool // bits are known, from epoll
	sure  bool // it will be reported: kn has been treated as reported
	ev    abi.Kevent
	off   int // in the arena, of the first result
	poll  int // in the arena, of a struct pollfd
	ask   question
	count int // of its calls
}

// lookSize is the most that one look takes of the arena, in bytes.
const lookSize = 8 + 16 + 160

// need returns the calls that tell l's data. Results are in the arena at l.off.
func (l *look) need(a *arena) []emul.Call {
	var calls []emul.Call
	call := func(nr emul.HostNR, args ...uint64) { calls = append(calls, emul.NewCall(nr, args...)) }
	fd := uint64(l.e.fd)
	read := l.kn.ev.Filter == abi.EVFILT_READ
	if !l.known && l.e.kind != kindFile {
		events := uint16(unix.POLLOUT | unix.POLLRDHUP)
		if read {
			events = unix.POLLIN | unix.POLLRDHUP
		}
		pfd := binary.LittleEndian.AppendUint32(nil, uint32(l.e.fd))
		pfd = binary.LittleEndian.AppendUint32(pfd, uint32(events))
		p := a.put(pfd)
		l.poll = a.offset(p)
		call(unix.SYS_PPOLL, p, 1, a.put(make([]byte, 16)), 0, 0)
	}
	l.ask = l.e.question(read)
	switch l.ask {
	case askNothing:
	case askFile:
		p := a.room(160)
		l.off = a.offset(p)
		call(unix.SYS_FSTAT, fd, p)
		call(unix.SYS_LSEEK, fd, 0, unix.SEEK_CUR)
	case askBacklog:
		p := a.put(make([]byte, 32))
		l.off = a.offset(p)
		call(unix.SYS_GETSOCKOPT, fd, unix.IPPROTO_TCP, unix.TCP_INFO, p, a.put([]byte{28, 0, 0, 0}))
	case askUnread:
		p := a.put(make([]byte, 8))
		l.off = a.offset(p)
		call(unix.SYS_IOCTL, fd, unix.TIOCINQ, p)
	case askSocketSpace:
		p := a.put([]byte{0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0})
		l.off = a.offset(p)
		call(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_SNDBUF, p, p+8)
		call(unix.SYS_IOCTL, fd, unix.SIOCOUTQ, p+4)
	case askPipeSpace:
		p := a.put(make([]byte, 8))
		l.off = a.offset(p)
		call(unix.SYS_FCNTL, fd, unix.F_GETPIPE_SZ)
		call(unix.SYS_IOCTL, fd, unix.TIOCINQ, p)
	}
	l.count = len(calls)
	return calls
}

// question is how a knote's data is found out.
type question uint8

const (
	askNothing question = iota
	askFile
	askBacklog
	askUnread
	askSocketSpace
	askPipeSpace
)

func (e *polled) question(read bool) question {
	switch {
	case e.kind == kindFile && read:
		return askFile
	case e.kind == kindFile, e.kind == kindKqueue:
		return askNothing
	case read && e.listening:
		return askBacklog
	case read:
		return askUnread
	case e.kind == kindSocket:
		return askSocketSpace
	case e.kind == kindPipe:
		return askPipeSpace
	}
	return askNothing
}

// finish takes the results of l's calls and says whether there is something to
// report; l.ev is then complete.
func (l *look) finish(a *arena, rets []emul.Ret) bool {
	e := l.e
	ready, eof := true, false
	if e.kind != kindFile {
		if !l.known {
			if rets[0].Val > 0 {
				l.bits = uint32(a.u16(l.poll + 6))
			}
			rets = rets[1:]
		}
		if l.bits&unix.POLLNVAL != 0 {
			return false
		}
		ready, eof = pollReady(e.kind, l.kn.ev.Filter, l.bits)
	}
	if !l.sure {
		l.ev = l.kn.ev
	}
	l.ev.Data = 0
	switch l.ask {
	case askNothing:
		if e.kind == kindKqueue {
			ready = ready || len(e.nested.queue) > 0
			l.ev.Data = int64(max(len(e.nested.queue), 1))
		} else if e.kind != kindFile {
			l.ev.Data = 1
		}
	case askFile:
		if rets[0].Err() != nil {
			return false
		}
		l.ev.Data = int64(a.u64(l.off + statSizeOffset))
		if rets[1].Err() == nil {
			l.ev.Data -= rets[1].Val
		}
		ready = l.ev.Data != 0 || l.kn.sfflags&abi.NOTE_FILE_POLL != 0
	case askBacklog:
		l.ev.Data = 1
		if rets[0].Err() == nil {
			l.ev.Data = int64(a.u32(l.off + tcpUnackedOffset))
		}
	case askUnread:
		if rets[0].Err() == nil {
			l.ev.Data = int64(int32(a.u32(l.off)))
		} else if e.kind == kindSocket && rets[0].Err() == unix.EINVAL {
			e.listening = true
			e.show()
			l.ev.Data = 1
		}
	case askSocketSpace:
		if rets[0].Err() == nil && rets[1].Err() == nil {
			l.ev.Data = max(int64(int32(a.u32(l.off)))-int64(int32(a.u32(l.off+4))), 0)
		}
	case askPipeSpace:
		if rets[0].Err() == nil && rets[1].Err() == nil {
			l.ev.Data = max(rets[0].Val-int64(int32(a.u32(l.off))), 0)
		}
	}
	if l.kn.sfflags&abi.NOTE_LOWAT != 0 && e.kind == kindSocket && !e.listening &&
		!eof && l.bits&unix.EPOLLERR == 0 {
		ready = ready && l.ev.Data >= l.kn.sdata
	}
	if eof {
		l.ev.Flags |= abi.EV_EOF
	}
	return ready || l.kn.forced || l.sure
}

// lazy says that whether l is reported depends on its data.
func (l *look) lazy() bool {
	return !l.known || l.kn.sfflags&abi.NOTE_LOWAT != 0
}

const (
	statSizeOffset   = 48 // of st_size in Linux/amd64's struct stat
	tcpUnackedOffset = 24 // of tcpi_unacked: a listener's completed connections
)

// arena is the scratch memory of one kevent call: what the host reads and
// writes for one batch of calls.
type arena struct {
	base guest.Addr
	buf  []byte
	used int
}

func (a *arena) reset() { a.used = 0 }

// fits says whether n bytes are left.
func (a *arena) fits(n int) bool { return a.used+n <= len(a.buf) }

// room takes n bytes, aligned to 8, and returns their guest address.
func (a *arena) room(n int) uint64 {
	p := uint64(a.base) + uint64(a.used)
	a.used += (n + 7) &^ 7
	return p
}

// put takes room for b and fills it.
func (a *arena) put(b []byte) uint64 {
	p := a.room(len(b))
	copy(a.buf[a.offset(p):], b)
	return p
}

func (a *arena) offset(p uint64) int { return int(p - uint64(a.base)) }

func (a *arena) store(m guest.Memory) error {
	if a.used == 0 {
		return nil
	}
	return m.WriteMem(a.base, a.buf[:a.used])
}

func (a *arena) load(m guest.Memory) error {
	if a.used == 0 {
		return nil
	}
	return m.ReadMem(a.base, a.buf[:a.used])
}

func (a *arena) u16(off int) uint16 { return binary.LittleEndian.Uint16(a.buf[off:]) }
func (a *arena) u32(off int) uint32 { return binary.LittleEndian.Uint32(a.buf[off:]) }
func (a *arena) u64(off int) uint64 { return binary.LittleEndian.Uint64(a.buf[off:]) }

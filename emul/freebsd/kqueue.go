package freebsd

import (
	"encoding/binary"
	"math"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// kqueues is what a process has of kqueue(2).
type kqueues struct {
	byFD map[int32]*kqueue
	// watchers are the EVFILT_PROC knotes, of any process, on this one.
	watchers []*knote
	// vnodes is there once a file has been watched.
	vnodes *vnodeWatch
	// counted are the Linux signals that EVFILT_SIGNAL knotes count.
	counted uint64
	// local is the kqueue that a local routine waits for, if there is one.
	local *kqueue
	// coarse says that the host has no epoll_pwait2 (before Linux 5.11).
	coarse bool
}

// all calls f once for each kqueue of the process.
func (k *kqueues) all(f func(*kqueue)) {
	if len(k.byFD) == 0 {
		return
	}
	seen := make(map[*kqueue]bool, len(k.byFD))
	for _, kq := range k.byFD {
		if !seen[kq] {
			seen[kq] = true
			f(kq)
		}
	}
}

// kqueueFlags is an argument of kqueuex(2).
type kqueueFlags uint32

// sysKqueue serves kqueue(2).
func sysKqueue(t *emul.Task) emul.Action { return makeKqueue(t, 0) }

// sysKqueuex serves kqueuex(2) of FreeBSD 14.
func sysKqueuex(t *emul.Task, flags kqueueFlags) emul.Action {
	if flags&^abi.KQUEUE_CLOEXEC != 0 {
		return emul.Fail(abi.EINVAL)
	}
	if flags&abi.KQUEUE_CLOEXEC != 0 {
		return makeKqueue(t, unix.EPOLL_CLOEXEC)
	}
	return makeKqueue(t, 0)
}

func makeKqueue(t *emul.Task, flags uint64) emul.Action {
	calls := []emul.Call{emul.NewCall(unix.SYS_EPOLL_CREATE1, flags)}
	if mayBeLocal(t) {
		calls = append(calls, mapKeventTable())
	}
	return emul.Batch(calls...).ThenAll(func(rets []emul.Ret) emul.Action {
		r := rets[0]
		if r.Err() == nil && (r.Val < 0 || r.Val > math.MaxInt32) {
			return emul.Fail(guest.ErrFault) // the guest has written to where results of batches lie
		}
		if r.Err() == nil {
			p, kq := procOf(t), newKqueue(procOf(t))
			p.kq.closeRange(int32(r.Val), int32(r.Val)) // nothing may be left of an earlier use
			t.KeepFD(int(r.Val))
			p.kq.open(int32(r.Val), kq)
			if len(rets) > 1 && rets[1].Err() == nil && p.kq.local == nil {
				kq.beLocal(int32(r.Val))
			}
		}
		return emul.Finish(r)
	})
}

// kevent serves kevent(2) of FreeBSD 12 and later.
func kevent(t *emul.Task, fd FD, changes kevents, nchanges Int,
	events kevents, nevents Int, timeout timeoutAt) emul.Action {
	return startKevent(t, &keventCall{
		fd: fd, changes: uint64(changes), nchanges: int(nchanges),
		events: uint64(events), nevents: int(nevents),
	}, timeout)
}

// freebsd11Kevent serves kevent(2) as it was up to FreeBSD 11.
func freebsd11Kevent(t *emul.Task, fd FD, changes kevents11, nchanges Int,
	events kevents11, nevents Int, timeout timeoutAt) emul.Action {
	return startKevent(t, &keventCall{
		fd: fd, changes: uint64(changes), nchanges: int(nchanges),
		events: uint64(events), nevents: int(nevents), old: true,
	}, timeout)
}

// keventCall is one kevent(2) under way.
type keventCall struct {
	t  *emul.Task
	p  *process
	kq *kqueue
	fd FD

	changes  uint64 // guest address of what is left of the changelist
	nchanges int
	chunk    []abi.Kevent // read, and yet to be applied
	events   uint64       // guest address of what is left of the eventlist
	nevents  int
	old      bool // the structures are those of FreeBSD 11
	stored   int  // EV_ERROR events in the eventlist

	timed    bool
	badTime  bool
	poll     bool // timeout of zero
	deadline time.Time

	a     arena
	out   []abi.Kevent
	looks []*look

	collected bool // the queue was looked through
	asked     bool // epoll was asked for events
	over      bool // the time is over
}

const (
	// changeChunk is how many changes are read and applied at a time.
	changeChunk = 16
	// reportMax is the most events that one kevent returns.
	reportMax = 64
	arenaSize = reportMax * (lookSize + 16 + 16)
)

func startKevent(t *emul.Task, c *keventCall, timeout timeoutAt) emul.Action {
	c.t, c.p = t, procOf(t)
	left, slept := takeEvents(t)
	if timeout != 0 {
		ts, err := guest.Ptr[abi.Timespec](timeout).Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		c.setTimeout(ts.Sec, ts.Nsec, time.Now())
		if c.timed && slept {
			c.deadline = time.Now().Add(left) // it has begun in the local routine
		}
	}
	c.kq = c.p.kq.byFD[int32(c.fd)]
	if c.kq == nil {
		// FreeBSD answers the same for a closed descriptor and for one that
		// is no kqueue.
		return emul.Fail(abi.EBADF)
	}
	if c.nchanges < 0 {
		return emul.Fail(abi.EINVAL)
	}
	return c.change()
}

func (c *keventCall) setTimeout(sec, nsec int64, now time.Time) {
	switch {
	case sec < 0 || nsec < 0 || nsec >= 1e9:
		c.badTime = true
	case sec == 0 && nsec == 0:
		c.poll = true
	case sec > math.MaxInt32: // forever, as on FreeBSD
	default:
		c.timed = true
		c.deadline = now.Add(time.Duration(sec)*time.Second + time.Duration(nsec))
	}
}

// memory sets up the arena. Calls that need none never take scratch memory.
func (c *keventCall) memory() *arena {
	if c.a.buf == nil {
		base, ok := c.t.AllocBytes(arenaSize)
		if !ok {
			panic("freebsd: kevent's arena does not fit into scratch memory")
		}
		c.a = arena{base: base, buf: make([]byte, arenaSize)}
	}
	c.a.reset()
	return &c.a
}

// batch runs calls whose memory is in the arena.
func (c *keventCall) batch(calls []emul.Call, then func(rets []emul.Ret) emul.Action) emul.Action {
	if err := c.a.store(c.t); err != nil {
		return emul.Fail(err)
	}
	return emul.Batch(calls...).ThenAll(func(rets []emul.Ret) emul.Action {
		if err := c.a.load(c.t); err != nil {
			return emul.Fail(err)
		}
		return then(rets)
	})
}

// change applies the changelist, a chunk at a time, and goes on to scan.
func (c *keventCall) change() emul.Action {
	for len(c.chunk) > 0 || c.nchanges > 0 {
		if len(c.chunk) == 0 {
			var err error
			if c.chunk, err = c.loadChanges(min(c.nchanges, changeChunk)); err != nil {
				return emul.Fail(err)
			}
			c.nchanges -= len(c.chunk)
		}
		s := &survey{c: c, chunk: c.chunk}
		if calls := s.calls(); len(calls) > 0 {
			return c.batch(calls, func(rets []emul.Ret) emul.Action {
				s.results(rets)
				if a, done := c.apply(s); done {
					return a
				}
				return c.change()
			})
		}
		if a, done := c.apply(s); done {
			return a
		}
	}
	if c.stored > 0 {
		return c.settle(emul.Return(uint64(c.stored)))
	}
	switch {
	case c.nevents == 0:
		return c.settle(emul.Return(0))
	case c.nevents < 0 || c.badTime:
		return c.settle(emul.Fail(abi.EINVAL))
	}
	return c.scan()
}

// apply registers the changes of one chunk, up to the first that the survey
// did not cover because knotes have gone since. done says that the call ends with a.
func (c *keventCall) apply(s *survey) (a emul.Action, done bool) {
	if c.kq.closed {
		return emul.Fail(abi.EBADF), true
	}
	for len(c.chunk) > 0 {
		ch := &c.chunk[0]
		if ch.Filter != 0 && !s.covers(ch) {
			break
		}
		c.chunk = c.chunk[1:]
		if ch.Filter == 0 {
			continue
		}
		ch.Flags &^= abi.EV_SYSFLAGS
		open, pr := s.descriptor(ch)
		if fdFilter(ch.Filter) && ch.Flags&abi.EV_ADD != 0 {
			c.t.KeepFD(int(int32(ch.Ident)))
		}
		err := c.kq.register(ch, open, func() (filter, error) { return c.newFilter(ch, pr, s) })
		if err == nil && ch.Flags&abi.EV_RECEIPT == 0 {
			continue
		}
		if c.nevents == 0 {
			if err == nil {
				s.adopt()
				return c.settle(emul.Return(0)), true
			}
			s.adopt()
			return c.settle(emul.Fail(err)), true
		}
		ch.Flags, ch.Data = abi.EV_ERROR, 0
		if err != nil {
			ch.Data = int64(xlat.ErrnoOf(err))
		}
		// FreeBSD, too, goes on when the eventlist is not writable.
		_ = c.store([]abi.Kevent{*ch})
		c.nevents--
		c.stored++
	}
	s.adopt()
	return emul.Action{}, false
}

// settle tells epoll what has changed, if anything, and then ends with a.
func (c *keventCall) settle(a emul.Action) emul.Action {
	if c.kq.closed || !c.kq.unsynced() {
		return a
	}
	calls, done := c.kq.sync(c.fd, c.memory())
	if len(calls) == 0 {
		return a
	}
	return c.batch(calls, func(rets []emul.Ret) emul.Action {
		done(rets)
		return c.settle(a)
	})
}

// scan collects events, sleeping until there is one.
func (c *keventCall) scan() emul.Action {
	if c.kq.closed {
		return emul.Fail(abi.EBADF)
	}
	c.p.kq.drainVnodes()
	room := c.room()
	epollFirst := c.kq.epollTurn && !c.asked && len(c.kq.fds) > 0
	if room > 0 && !epollFirst && (!c.collected || len(c.out) == 0) {
		c.collected = true
		c.out = append(c.out, c.kq.collect(room, func(kn *knote) {
			c.looks = append(c.looks, &look{kn: kn, e: kn.f.(pollFilter).e})
		})...)
		room = c.room()
	}
	ask := room > 0 && !c.asked && len(c.kq.fds) > 0
	if !c.asked {
		c.kq.epollTurn = room <= 0 && len(c.kq.fds) > 0
	}
	if len(c.looks) > 0 || c.kq.unsynced() {
		return c.consult(ask, room)
	}
	switch {
	case len(c.out) > 0 && !ask:
		return c.finish()
	case c.over, c.poll && !ask:
		return c.finish()
	}
	return c.wait(room)
}

// room returns how many more events the guest takes.
func (c *keventCall) room() int {
	return min(c.nevents, reportMax) - len(c.out) - len(c.looks)
}

// consult asks the host about c.looks, tells epoll what has changed, and asks
// epoll for up to room events if ask is set: all in one batch.
func (c *keventCall) consult(ask bool, room int) emul.Action {
	a := c.memory()
	var calls []emul.Call
	looks := c.looks
	c.looks = nil
	for _, l := range looks {
		calls = append(calls, l.need(a)...)
	}
	var events uint64
	if ask {
		events = a.room(12 * room)
	}
	first := len(calls)
	syncs, synced := c.kq.sync(c.fd, a)
	calls = append(calls, syncs...)
	if ask {
		calls = append(calls, emul.NewCall(unix.SYS_EPOLL_PWAIT, uint64(c.fd), events, uint64(room), 0, 0, 0))
		c.asked = true
	}
	if len(calls) == 0 {
		// All that is to be told to epoll is under way in other tasks, or
		// no look needs a call.
		return c.considered(looks, nil)
	}
	return c.batch(calls, func(rets []emul.Ret) emul.Action {
		synced(rets[first : first+len(syncs)])
		if c.kq.closed {
			return emul.Fail(abi.EBADF)
		}
		if ask {
			if n := rets[len(rets)-1].Val; n > 0 {
				c.pick(pollEvents(a.buf[a.offset(events):], int(n)))
			}
		}
		return c.considered(looks, rets)
	})
}

// considered takes the results of looks and goes on.
func (c *keventCall) considered(looks []*look, rets []emul.Ret) emul.Action {
	for _, l := range looks {
		mine := rets[:l.count]
		rets = rets[l.count:]
		if !l.sure && (l.kn.dropped || l.kn.disabled || l.kn.queued) {
			continue
		}
		if !l.finish(&c.a, mine) {
			l.kn.active = false
			if l.ask == askFile {
				l.e.awaitGrowth(l.kn)
			}
			continue
		}
		c.out = append(c.out, l.ev)
		if !l.sure {
			l.kn.reported()
		}
	}
	return c.scan()
}

// pick turns epoll's events into looks. Knotes beyond what the guest has room
// for stay active in the queue.
func (c *keventCall) pick(evs []pollEvent) {
	for _, ev := range evs {
		for _, kn := range c.kq.match(ev) {
			if kn.queued {
				continue
			}
			if c.room() <= 0 {
				kn.activate()
				continue
			}
			l := &look{kn: kn, e: kn.f.(pollFilter).e, bits: ev.bits, known: true}
			if kn.sfflags&abi.NOTE_LOWAT == 0 {
				l.sure, l.ev = true, kn.ev
				kn.reported()
			}
			c.looks = append(c.looks, l)
		}
	}
}

// wait sleeps until epoll has events, the supervisor has some, a signal comes
// or the time is over.
func (c *keventCall) wait(room int) emul.Action {
	a := c.memory()
	room = max(room, 1)
	events := a.room(12 * room)
	timeout := int64(-1) // ms
	var ts uint64
	switch {
	case c.poll || len(c.out) > 0 || len(c.kq.queue) > 0:
		timeout = 0
	case c.timed:
		left := time.Until(c.deadline)
		if left <= 0 {
			left = 0
		}
		if c.p.kq.coarse || left == 0 {
			timeout = int64((left + time.Millisecond - 1) / time.Millisecond)
			timeout = min(timeout, math.MaxInt32)
		} else {
			ts = a.room(16)
			spec := unix.NsecToTimespec(int64(left))
			binary.LittleEndian.PutUint64(a.buf[a.offset(ts):], uint64(spec.Sec))
			binary.LittleEndian.PutUint64(a.buf[a.offset(ts)+8:], uint64(spec.Nsec))
			if err := a.store(c.t); err != nil {
				return emul.Fail(err)
			}
		}
	}
	if timeout == 0 && len(c.kq.fds) == 0 {
		return c.waited(emul.Ret{}, true, nil)
	}
	act := emul.Host(unix.SYS_EPOLL_PWAIT, uint64(c.fd), events, uint64(room), uint64(timeout), 0, 0)
	if ts != 0 {
		act = emul.Host(unix.SYS_EPOLL_PWAIT2, uint64(c.fd), events, uint64(room), ts, 0, 0)
	}
	if timeout != 0 {
		act = act.Wakeable()
		c.kq.addWaiter(c.t)
	} else {
		act = act.Atomic()
	}
	return act.NoRestart().Then(func(r emul.Ret) emul.Action {
		if timeout != 0 {
			c.kq.removeWaiter(c.t)
		}
		if ts != 0 && (r.Err() == unix.ENOSYS || r.Err() == unix.EPERM) {
			c.p.kq.coarse = true
			return c.scan()
		}
		var evs []pollEvent
		if r.Val > 0 {
			if err := c.t.ReadMem(guest.Addr(events), a.buf[a.offset(events):][:12*r.Val]); err != nil {
				return emul.Fail(err)
			}
			evs = pollEvents(a.buf[a.offset(events):], int(r.Val))
		}
		return c.waited(r, timeout == 0, evs)
	})
}

// waited goes on after epoll_pwait; polled says that it was not to sleep.
func (c *keventCall) waited(r emul.Ret, polled bool, evs []pollEvent) emul.Action {
	if c.kq.closed {
		return emul.Fail(abi.EBADF)
	}
	c.asked, c.collected = true, len(c.out) > 0
	switch err := r.Err(); {
	case len(evs) > 0:
		c.pick(evs)
	case err == nil:
		c.over = polled && c.poll || c.timed && time.Until(c.deadline) <= 0
		if len(c.out) > 0 {
			return c.finish()
		}
	case err == unix.EINTR && r.Interrupted:
		// What has happened by now is reported; otherwise the handler runs.
		c.p.kq.drainVnodes()
		switch {
		case len(c.out) > 0:
			return c.finish()
		case len(c.kq.queue) == 0:
			return emul.Fail(abi.EINTR)
		}
	case err == unix.EINTR:
	case err == unix.EINVAL:
		return emul.Fail(abi.EBADF) // the descriptor is no kqueue any more
	default:
		return emul.Fail(err)
	}
	return c.scan()
}

// finish stores the events and ends the call.
func (c *keventCall) finish() emul.Action {
	err := c.store(c.out)
	c.kq.kick()
	if err != nil {
		return c.settle(emul.Fail(err))
	}
	return c.settle(emul.Return(uint64(len(c.out))))
}

// loadChanges reads the next n changes.
func (c *keventCall) loadChanges(n int) ([]abi.Kevent, error) {
	if c.old {
		evs, err := guest.Ptr[abi.Kevent11](c.changes).LoadN(c.t, n)
		if err != nil {
			return nil, err
		}
		c.changes = uint64(guest.Ptr[abi.Kevent11](c.changes).Add(n))
		return widen(evs), nil
	}
	evs, err := guest.Ptr[abi.Kevent](c.changes).LoadN(c.t, n)
	c.changes = uint64(guest.Ptr[abi.Kevent](c.changes).Add(n))
	return evs, err
}

// widen converts events of FreeBSD 11.
func widen(evs []abi.Kevent11) []abi.Kevent {
	out := make([]abi.Kevent, len(evs))
	for i, e := range evs {
		out[i] = abi.Kevent{Ident: e.Ident, Filter: e.Filter, Flags: e.Flags,
			Fflags: e.Fflags, Data: e.Data, Udata: e.Udata}
	}
	return out
}

// store appends events to the guest's eventlist.
func (c *keventCall) store(evs []abi.Kevent) error {
	if c.old {
		out := make([]abi.Kevent11, len(evs))
		for i, e := range evs {
			out[i] = abi.Kevent11{Ident: e.Ident, Filter: e.Filter, Flags: e.Flags,
				Fflags: e.Fflags, Data: e.Data, Udata: e.Udata}
		}
		p := guest.Ptr[abi.Kevent11](c.events)
		c.events = uint64(p.Add(len(evs)))
		return p.StoreN(c.t, out)
	}
	p := guest.Ptr[abi.Kevent](c.events)
	c.events = uint64(p.Add(len(evs)))
	return p.StoreN(c.t, evs)
}

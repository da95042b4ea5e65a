package freebsd

import (
	"math"
	"slices"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// How kqueue(2) is served, from the outside in:
//
//   - A kqueue descriptor is an epoll descriptor in the guest, so that it can
//     be polled, duplicated and closed like any other. What is registered in
//     it (its knotes) is kept here in the supervisor.
//   - Readiness of descriptors (EVFILT_READ, EVFILT_WRITE) comes from that
//     epoll, always edge-triggered: an epoll event does what KNOTE() does on
//     FreeBSD. A knote that is not EV_CLEAR is armed again (EPOLL_CTL_MOD looks
//     at the descriptor afresh) when it has been reported: kqueue_poll.go.
//   - All other filters are the supervisor's own. Their active knotes wait in
//     kqueue.queue; tasks that sleep in epoll_pwait are woken for them.
//   - close(2) of a watched descriptor needs no call on the host: its knotes
//     are forgotten, and events of what epoll still knows carry a stale number.
//
// The rules are those of sys/kern/kern_event.c: kqueue_register, kqueue_scan.

// noteKey is what identifies a knote within a kqueue.
type noteKey struct {
	ident  uint64
	filter int16
}

// knote is one registered interest.
type knote struct {
	kq *kqueue
	f  filter
	// ev is what kevent reports: identity, udata, kept flags, and the
	// fflags and data gathered so far.
	ev abi.Kevent
	// sfflags and sdata are what the guest asked for.
	sfflags uint32
	sdata   int64

	active   bool // has happened and not been reported
	disabled bool
	queued   bool // is in kq.queue: active, and not disabled
	forced   bool // to be reported whether ready or not (EV_FORCEONESHOT)
	discard  bool // to be dropped without a report
	dropped  bool // no longer in its kqueue
}

// filter is what makes knotes of one kind active.
type filter interface {
	// attach starts watching. It may set flags in kn.ev.
	attach(kn *knote) error
	// detach ends watching.
	detach(kn *knote)
	// ready says whether there is something to report, and brings kn.ev up to
	// date. Filters whose state is on the host (hostFilter) are not asked.
	ready(kn *knote) bool
}

// toucher is a filter that wants to see changes of a registered knote and to
// make its reports itself (f_touch in sys/event.h).
type toucher interface {
	filter
	touch(kn *knote, ch *abi.Kevent)
	report(kn *knote) abi.Kevent
}

// hostFilter is a filter whose readiness must be asked for on the host.
type hostFilter interface {
	filter
	// recheck is called when the knote's registration has changed (added
	// again, enabled, reported and still wanted): the host is to be asked anew.
	recheck(kn *knote)
}

// waiter is a task that sleeps in kevent.
type waiter interface {
	Wake()
	Dead() bool
}

// kqueue is what a kqueue descriptor stands for.
type kqueue struct {
	proc   *process
	clock  clock
	refs   int // descriptors
	closed bool

	notes map[noteKey]*knote
	loose map[*knote]struct{} // knotes that cannot be looked up: NOTE_CHILD
	queue []*knote            // active knotes, first in first out

	fds       map[int32]*polled // what epoll watches, by descriptor
	dirty     []*polled         // whose registration with epoll is to change
	probing   map[uint32]*probe // entries that a survey is about to add, by id
	lastID    uint32
	epollTurn bool // the queue alone filled the last answer: ask epoll first

	localFD    int32  // the descriptor that a local routine knows it by
	shownState uint32 // what the routine knows of it

	waiters []waiter // in kevent
	pollers []waiter // in poll or select
	parents []*knote // EVFILT_READ knotes of other kqueues on this one
}

func newKqueue(p *process) *kqueue {
	return &kqueue{
		proc:  p,
		clock: loopClock{p.Loop()},
		notes: map[noteKey]*knote{},
		loose: map[*knote]struct{}{},
		fds:   map[int32]*polled{},
	}
}

// fdFilter says whether the ident of a filter is a descriptor.
func fdFilter(f int16) bool {
	switch f {
	case abi.EVFILT_READ, abi.EVFILT_WRITE, abi.EVFILT_VNODE, abi.EVFILT_PROCDESC, abi.EVFILT_EMPTY:
		return true
	}
	return false
}

// register applies one change. newFilter is called when a knote is to be
// added; open says that the descriptor a change names is open, if it names
// one. ch is changed as FreeBSD changes what it then reports (EV_RECEIPT).
func (kq *kqueue) register(ch *abi.Kevent, open bool, newFilter func() (filter, error)) error {
	if ch.Flags&(abi.EV_ENABLE|abi.EV_DISABLE) == abi.EV_ENABLE|abi.EV_DISABLE {
		return abi.EINVAL
	}
	if ch.Filter > 0 || ch.Filter < -abi.EVFILT_SYSCOUNT {
		return abi.EINVAL
	}
	kn := kq.notes[noteKey{ch.Ident, ch.Filter}]
	if kn == nil {
		if fdFilter(ch.Filter) && (ch.Ident > math.MaxInt32 || !open) {
			return abi.EBADF
		}
		if ch.Flags&abi.EV_ADD == 0 {
			return abi.ENOENT
		}
		f, err := newFilter()
		if err != nil {
			return err
		}
		if _, err = kq.add(ch, f); err == nil {
			kq.show(ch)
		}
		return err
	}
	if ch.Flags&abi.EV_DELETE != 0 {
		kq.drop(kn)
		return nil
	}
	if ch.Flags&abi.EV_FORCEONESHOT != 0 {
		kn.ev.Flags |= abi.EV_ONESHOT
		kn.forced = true
		kn.activate()
	}
	switch {
	case ch.Flags&abi.EV_ENABLE != 0:
		kn.disabled = false
	case ch.Flags&abi.EV_DISABLE != 0:
		kn.disable()
	}
	if ch.Flags&abi.EV_KEEPUDATA == 0 {
		kn.ev.Udata = ch.Udata
	}
	if f, ok := kn.f.(toucher); ok {
		f.touch(kn, ch)
	} else {
		kn.sfflags, kn.sdata = ch.Fflags, ch.Data
	}
	kn.settle()
	kq.show(ch)
	return nil
}

// show tells the local routine what has changed about the descriptor of a change.
func (kq *kqueue) show(ch *abi.Kevent) {
	if e := kq.fds[int32(ch.Ident)]; fdFilter(ch.Filter) && e != nil {
		e.show()
	}
}

// add makes a new knote of a change.
func (kq *kqueue) add(ch *abi.Kevent, f filter) (*knote, error) {
	kn := &knote{kq: kq, f: f, sfflags: ch.Fflags, sdata: ch.Data}
	kn.disabled = ch.Flags&abi.EV_DISABLE != 0
	ch.Fflags, ch.Data = 0, 0
	kn.ev = *ch
	kn.ev.Flags &^= abi.EV_ADD | abi.EV_DELETE | abi.EV_ENABLE | abi.EV_DISABLE |
		abi.EV_FORCEONESHOT | abi.EV_KEEPUDATA
	if err := f.attach(kn); err != nil {
		return nil, err
	}
	if key := (noteKey{ch.Ident, ch.Filter}); kq.notes[key] == nil {
		kq.notes[key] = kn
	} else {
		kq.loose[kn] = struct{}{}
	}
	kn.settle()
	return kn, nil
}

// settle looks whether a new or changed knote is ready, and queues it.
func (kn *knote) settle() {
	if kn.disabled {
		return
	}
	if f, ok := kn.f.(hostFilter); ok {
		f.recheck(kn)
	} else if kn.f.ready(kn) {
		kn.active = true
	}
	if kn.active {
		kn.enqueue()
	}
}

// activate says that kn's event has happened.
func (kn *knote) activate() {
	kn.active = true
	if !kn.disabled {
		kn.enqueue()
	}
}

func (kn *knote) enqueue() {
	if kn.queued || kn.dropped {
		return
	}
	kn.queued = true
	kn.kq.queue = append(kn.kq.queue, kn)
	kn.kq.showState()
	kn.kq.kick()
}

func (kn *knote) dequeue() {
	if kn.queued {
		kn.queued = false
		kn.kq.queue = slices.DeleteFunc(kn.kq.queue, func(k *knote) bool { return k == kn })
		kn.kq.showState()
	}
}

// deactivate forgets that kn's event has happened.
func (kn *knote) deactivate() {
	kn.active = false
	kn.dequeue()
}

// disable keeps kn from being reported. What happens meanwhile is remembered.
func (kn *knote) disable() {
	kn.disabled = true
	kn.dequeue()
	if f, ok := kn.f.(hostFilter); ok {
		f.recheck(kn)
	}
}

// drop removes kn from its kqueue.
func (kq *kqueue) drop(kn *knote) {
	if kn.dropped {
		return
	}
	kn.dequeue()
	kn.dropped = true
	kn.f.detach(kn)
	key := noteKey{kn.ev.Ident, kn.ev.Filter}
	if kq.notes[key] == kn {
		delete(kq.notes, key)
	}
	delete(kq.loose, kn)
}

// reported does what follows from reporting kn, which is not queued: it is
// gone, disabled, cleared, or queued again. On the host, level-triggered knotes
// are looked at anew.
func (kn *knote) reported() {
	if kn.ev.Flags&abi.EV_ONESHOT != 0 {
		kn.kq.drop(kn)
		return
	}
	clearing := kn.ev.Flags&abi.EV_CLEAR != 0
	if _, ok := kn.f.(toucher); !ok && clearing {
		kn.ev.Data, kn.ev.Fflags = 0, 0
	}
	if kn.ev.Flags&abi.EV_DISPATCH != 0 {
		kn.active = false
		kn.disable()
		return
	}
	if clearing {
		kn.active = false
		return
	}
	if f, ok := kn.f.(hostFilter); ok {
		kn.active = false
		f.recheck(kn)
		return
	}
	kn.enqueue()
}

// collect takes up to max reports from the queue. Knotes whose state is on the
// host are taken off the queue and handed to look, if they are not forced.
func (kq *kqueue) collect(max int, look func(kn *knote)) []abi.Kevent {
	var out []abi.Kevent
	defer kq.showState()
	n := 0
	for todo := len(kq.queue); todo > 0 && n < max; todo-- {
		if len(kq.queue) == 0 {
			break
		}
		kn := kq.queue[0]
		kq.queue = kq.queue[1:]
		kn.queued = false
		if kn.discard {
			kq.drop(kn)
			continue
		}
		if _, ok := kn.f.(hostFilter); ok {
			n++
			look(kn)
			continue
		}
		if kn.ev.Flags&abi.EV_ONESHOT == 0 && !kn.f.ready(kn) {
			kn.active = false
			continue
		}
		ev := kn.ev
		if f, ok := kn.f.(toucher); ok && kn.ev.Flags&abi.EV_ONESHOT == 0 {
			ev = f.report(kn)
		}
		out = append(out, ev)
		n++
		kn.reported()
	}
	return out
}

// kick wakes one task that sleeps on kq if there is something to report, and
// makes kqueues that watch kq look.
func (kq *kqueue) kick() {
	if len(kq.queue) == 0 {
		return
	}
	woken := false
	for len(kq.waiters) > 0 && !woken {
		w := kq.waiters[0]
		kq.waiters = kq.waiters[1:]
		if woken = !w.Dead(); woken {
			w.Wake()
		}
	}
	if !woken {
		kq.rouseLocal()
	}
	for _, w := range kq.pollers {
		w.Wake()
	}
	kq.pollers = nil
	for _, kn := range kq.parents {
		kn.activate()
	}
}

func (kq *kqueue) debugf(format string, args ...any) {
	if kq.proc != nil {
		kq.proc.Loop().Debugf(format, args...)
	}
}

func (kq *kqueue) removeParent(kn *knote) {
	kq.parents = slices.DeleteFunc(kq.parents, func(k *knote) bool { return k == kn })
}

func (kq *kqueue) addWaiter(w waiter) { kq.waiters = append(kq.waiters, w) }

func (kq *kqueue) removeWaiter(w waiter) {
	kq.waiters = slices.DeleteFunc(kq.waiters, func(x waiter) bool { return x == w })
}

// destroy ends kq: its last descriptor is closed.
func (kq *kqueue) destroy() {
	kq.closed = true
	for _, kn := range kq.notes {
		kq.drop(kn)
	}
	for kn := range kq.loose {
		kq.drop(kn)
	}
	for _, kn := range slices.Clone(kq.parents) {
		kn.kq.drop(kn)
	}
	kq.fds, kq.dirty, kq.queue = nil, nil, nil
	for _, w := range append(kq.waiters, kq.pollers...) {
		if !w.Dead() {
			w.Wake()
		}
	}
	kq.waiters, kq.pollers = nil, nil
}

package freebsd

import (
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// fakeClock is a clock that stands still until it is moved.
type fakeClock struct {
	t     time.Time
	calls []*fakeTimer
}

type fakeTimer struct {
	at time.Time
	f  func()
}

func (c *fakeClock) now() time.Time { return c.t }

func (c *fakeClock) after(d time.Duration, f func()) func() {
	tm := &fakeTimer{c.t.Add(d), f}
	c.calls = append(c.calls, tm)
	return func() { c.calls = slices.DeleteFunc(c.calls, func(x *fakeTimer) bool { return x == tm }) }
}

func (c *fakeClock) pass(d time.Duration) {
	c.t = c.t.Add(d)
	for _, tm := range slices.Clone(c.calls) {
		if !tm.at.After(c.t) {
			c.calls = slices.DeleteFunc(c.calls, func(x *fakeTimer) bool { return x == tm })
			tm.f()
		}
	}
}

type fakeWaiter struct {
	woken int
	dead  bool
}

func (w *fakeWaiter) Wake()      { w.woken++ }
func (w *fakeWaiter) Dead() bool { return w.dead }

func testKqueue() (*kqueue, *fakeClock) {
	c := &fakeClock{t: time.Unix(1_000_000, 0)}
	return &kqueue{
		clock: c,
		refs:  1,
		notes: map[noteKey]*knote{},
		loose: map[*knote]struct{}{},
		fds:   map[int32]*polled{},
	}, c
}

// change registers ev with the supervisor's own filters.
func change(kq *kqueue, ev abi.Kevent) error {
	return kq.register(&ev, true, func() (filter, error) {
		switch ev.Filter {
		case abi.EVFILT_TIMER:
			return &timerFilter{}, nil
		case abi.EVFILT_USER:
			return &userFilter{}, nil
		case abi.EVFILT_SIGNAL:
			return &signalFilter{}, nil
		}
		return nil, abi.EINVAL
	})
}

func mustChange(t *testing.T, kq *kqueue, ev abi.Kevent) {
	t.Helper()
	if err := change(kq, ev); err != nil {
		t.Fatalf("change %+v: %v", ev, err)
	}
}

func collect(kq *kqueue, max int) []abi.Kevent { return kq.collect(max, func(*knote) {}) }

func wantEvents(t *testing.T, kq *kqueue, want ...abi.Kevent) {
	t.Helper()
	if got := collect(kq, 8); !slices.Equal(got, want) {
		t.Fatalf("events %+v, want %+v", got, want)
	}
}

func TestKqueueRegisterErrors(t *testing.T) {
	kq, _ := testKqueue()
	for _, c := range []struct {
		name string
		ev   abi.Kevent
		want error
	}{
		{"enable and disable", abi.Kevent{Filter: abi.EVFILT_USER, Flags: abi.EV_ADD | abi.EV_ENABLE | abi.EV_DISABLE}, abi.EINVAL},
		{"positive filter", abi.Kevent{Filter: 1, Flags: abi.EV_ADD}, abi.EINVAL},
		{"filter out of range", abi.Kevent{Filter: -14, Flags: abi.EV_ADD}, abi.EINVAL},
		{"unknown knote", abi.Kevent{Ident: 1, Filter: abi.EVFILT_USER}, abi.ENOENT},
		{"descriptor out of range", abi.Kevent{Ident: 1 << 32, Filter: abi.EVFILT_READ, Flags: abi.EV_ADD}, abi.EBADF},
		{"two units", abi.Kevent{Filter: abi.EVFILT_TIMER, Flags: abi.EV_ADD, Fflags: 3, Data: 1}, abi.EINVAL},
	} {
		if err := change(kq, c.ev); err != c.want {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if len(kq.notes) != 0 {
		t.Errorf("%d knotes are left", len(kq.notes))
	}
}

func TestKqueueUser(t *testing.T) {
	kq, _ := testKqueue()
	add := abi.Kevent{Ident: 1, Filter: abi.EVFILT_USER, Flags: abi.EV_ADD | abi.EV_CLEAR, Udata: 7}
	trigger := abi.Kevent{Ident: 1, Filter: abi.EVFILT_USER, Flags: abi.EV_KEEPUDATA, Fflags: abi.NOTE_TRIGGER}
	mustChange(t, kq, add)
	wantEvents(t, kq)
	mustChange(t, kq, trigger)
	wantEvents(t, kq, abi.Kevent{Ident: 1, Filter: abi.EVFILT_USER, Flags: abi.EV_CLEAR, Udata: 7})
	wantEvents(t, kq)

	// The lower fflags are combined as the control bits say.
	set := trigger
	set.Fflags = abi.NOTE_TRIGGER | abi.NOTE_FFCOPY | 0x0f
	mustChange(t, kq, set)
	set.Fflags = abi.NOTE_FFAND | 0x05
	mustChange(t, kq, set)
	set.Fflags = abi.NOTE_FFOR | 0x10
	mustChange(t, kq, set)
	wantEvents(t, kq, abi.Kevent{Ident: 1, Filter: abi.EVFILT_USER, Flags: abi.EV_CLEAR, Udata: 7, Fflags: 0x15})

	// Triggered while disabled: reported once enabled.
	mustChange(t, kq, abi.Kevent{Ident: 1, Filter: abi.EVFILT_USER, Flags: abi.EV_DISABLE})
	mustChange(t, kq, trigger)
	wantEvents(t, kq)
	mustChange(t, kq, abi.Kevent{Ident: 1, Filter: abi.EVFILT_USER, Flags: abi.EV_ENABLE})
	if got := collect(kq, 8); len(got) != 1 {
		t.Fatalf("after enabling: %+v", got)
	}
	mustChange(t, kq, abi.Kevent{Ident: 1, Filter: abi.EVFILT_USER, Flags: abi.EV_DELETE})
	if err := change(kq, trigger); err != abi.ENOENT {
		t.Errorf("trigger of a deleted knote: %v", err)
	}
}

func TestKqueueOneshotAndDispatch(t *testing.T) {
	kq, _ := testKqueue()
	trigger := func(id uint64) {
		mustChange(t, kq, abi.Kevent{Ident: id, Filter: abi.EVFILT_USER, Fflags: abi.NOTE_TRIGGER})
	}
	mustChange(t, kq, abi.Kevent{Ident: 2, Filter: abi.EVFILT_USER, Flags: abi.EV_ADD | abi.EV_ONESHOT})
	trigger(2)
	wantEvents(t, kq, abi.Kevent{Ident: 2, Filter: abi.EVFILT_USER, Flags: abi.EV_ONESHOT})
	if len(kq.notes) != 0 {
		t.Fatal("oneshot knote is still there")
	}

	// Without EV_CLEAR a dispatched user event stays triggered.
	mustChange(t, kq, abi.Kevent{Ident: 3, Filter: abi.EVFILT_USER, Flags: abi.EV_ADD | abi.EV_DISPATCH})
	trigger(3)
	want := abi.Kevent{Ident: 3, Filter: abi.EVFILT_USER, Flags: abi.EV_DISPATCH}
	wantEvents(t, kq, want)
	wantEvents(t, kq)
	mustChange(t, kq, abi.Kevent{Ident: 3, Filter: abi.EVFILT_USER, Flags: abi.EV_ENABLE})
	wantEvents(t, kq, want)
}

func TestKqueueOrderAndLimit(t *testing.T) {
	kq, _ := testKqueue()
	for id := uint64(1); id <= 3; id++ {
		mustChange(t, kq, abi.Kevent{Ident: id, Filter: abi.EVFILT_USER, Flags: abi.EV_ADD})
	}
	for _, id := range []uint64{3, 1, 2} {
		mustChange(t, kq, abi.Kevent{Ident: id, Filter: abi.EVFILT_USER, Fflags: abi.NOTE_TRIGGER})
	}
	var got []uint64
	for range 6 { // they are level-triggered: each goes to the end of the queue
		evs := collect(kq, 1)
		if len(evs) != 1 {
			t.Fatalf("events %+v", evs)
		}
		got = append(got, evs[0].Ident)
	}
	if want := []uint64{3, 1, 2, 3, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
	if evs := collect(kq, 64); len(evs) != 3 {
		t.Errorf("%d events at once, want each of 3 once", len(evs))
	}
}

func TestKqueueTimer(t *testing.T) {
	kq, clk := testKqueue()
	ev := func(flags uint16, n int64) abi.Kevent {
		return abi.Kevent{Ident: 9, Filter: abi.EVFILT_TIMER, Flags: flags, Data: n}
	}
	mustChange(t, kq, ev(abi.EV_ADD, 100))
	clk.pass(99 * time.Millisecond)
	wantEvents(t, kq)
	clk.pass(time.Millisecond)
	wantEvents(t, kq, ev(abi.EV_CLEAR, 1))
	wantEvents(t, kq)
	// Expirations add up, and cost nothing until they are asked for.
	clk.pass(100 * time.Millisecond)
	clk.pass(250 * time.Millisecond)
	if len(clk.calls) != 0 {
		t.Errorf("%d timers run for an expired knote", len(clk.calls))
	}
	wantEvents(t, kq, ev(abi.EV_CLEAR, 3))
	clk.pass(50 * time.Millisecond)
	wantEvents(t, kq, ev(abi.EV_CLEAR, 1))

	// Adding again restarts it with the new period.
	mustChange(t, kq, ev(abi.EV_ADD, 1000))
	clk.pass(999 * time.Millisecond)
	wantEvents(t, kq)
	clk.pass(time.Millisecond)
	wantEvents(t, kq, ev(abi.EV_CLEAR, 1))
	mustChange(t, kq, ev(abi.EV_DELETE, 0))
	if len(clk.calls) != 0 {
		t.Error("a deleted timer runs on")
	}

	mustChange(t, kq, ev(abi.EV_ADD|abi.EV_ONESHOT, 5))
	clk.pass(time.Second)
	wantEvents(t, kq, ev(abi.EV_ONESHOT|abi.EV_CLEAR, 1))
	clk.pass(time.Second)
	wantEvents(t, kq)

	// An absolute time that has passed expires at once, and is not cleared.
	abs := ev(abi.EV_ADD|abi.EV_ONESHOT, clk.t.Unix()-1)
	abs.Fflags = abi.NOTE_ABSTIME | abi.NOTE_SECONDS
	mustChange(t, kq, abs)
	clk.pass(0)
	wantEvents(t, kq, ev(abi.EV_ONESHOT, 1))
}

func TestKqueueTimerDispatch(t *testing.T) {
	kq, clk := testKqueue()
	ev := func(flags uint16, n int64) abi.Kevent {
		return abi.Kevent{Ident: 9, Filter: abi.EVFILT_TIMER, Flags: flags, Data: n}
	}
	const kept = abi.EV_CLEAR | abi.EV_DISPATCH
	mustChange(t, kq, ev(abi.EV_ADD|abi.EV_DISPATCH, 200))
	clk.pass(200 * time.Millisecond)
	wantEvents(t, kq, ev(kept, 1))
	clk.pass(500 * time.Millisecond)
	wantEvents(t, kq)
	mustChange(t, kq, ev(abi.EV_ADD|abi.EV_ENABLE|abi.EV_DISPATCH, 200))
	wantEvents(t, kq)
	clk.pass(1100 * time.Millisecond)
	wantEvents(t, kq, ev(kept, 5))
}

func TestKqueueSignal(t *testing.T) {
	kq, _ := testKqueue()
	p := &process{}
	p.kq.open(3, kq)
	mustChange(t, kq, abi.Kevent{Ident: 30, Filter: abi.EVFILT_SIGNAL, Flags: abi.EV_ADD})
	kqSignal(p, 30)
	kqSignal(p, 30)
	kqSignal(p, 1)
	wantEvents(t, kq, abi.Kevent{Ident: 30, Filter: abi.EVFILT_SIGNAL, Flags: abi.EV_CLEAR, Data: 2})
	wantEvents(t, kq)
	mustChange(t, kq, abi.Kevent{Ident: 30, Filter: abi.EVFILT_SIGNAL, Flags: abi.EV_DISABLE})
	kqSignal(p, 30)
	wantEvents(t, kq)
	mustChange(t, kq, abi.Kevent{Ident: 30, Filter: abi.EVFILT_SIGNAL, Flags: abi.EV_ENABLE})
	if got := collect(kq, 8); len(got) != 1 || got[0].Data != 1 {
		t.Errorf("after enabling: %+v", got)
	}
}

func TestKqueueProc(t *testing.T) {
	kq, _ := testKqueue()
	parent := &process{Process: &emul.Process{Pid: 100}}
	child := &process{Process: &emul.Process{Pid: 101}}
	ev := abi.Kevent{Ident: 100, Filter: abi.EVFILT_PROC, Flags: abi.EV_ADD, Udata: 5,
		Fflags: abi.NOTE_TRACK | abi.NOTE_FORK | abi.NOTE_EXIT | abi.NOTE_EXEC}
	err := kq.register(&ev, true, func() (filter, error) { return &procFilter{target: parent, pid: 100}, nil })
	if err != nil {
		t.Fatal(err)
	}
	kqProcForked(parent, child)
	kqProcExeced(child)
	kqProcExited(child, 0x100)
	kqProcExited(parent, 9)
	note := func(pid uint64, flags uint16, fflags uint32, data int64) abi.Kevent {
		return abi.Kevent{Ident: pid, Filter: abi.EVFILT_PROC, Flags: flags, Fflags: fflags, Data: data, Udata: 5}
	}
	const end = abi.EV_CLEAR | abi.EV_EOF | abi.EV_ONESHOT
	wantEvents(t, kq,
		note(101, abi.EV_CLEAR|abi.EV_ONESHOT, abi.NOTE_CHILD, 100),
		note(100, end, abi.NOTE_FORK|abi.NOTE_EXIT, 9),
		note(101, end, abi.NOTE_EXEC|abi.NOTE_EXIT, 0x100))
	if len(kq.notes)+len(kq.loose) != 0 {
		t.Errorf("%d knotes are left", len(kq.notes)+len(kq.loose))
	}

	// Who did not ask for anything that happened hears nothing.
	p := &process{Process: &emul.Process{Pid: 102}}
	ev = abi.Kevent{Ident: 102, Filter: abi.EVFILT_PROC, Flags: abi.EV_ADD}
	if err := kq.register(&ev, true, func() (filter, error) { return &procFilter{target: p, pid: 102}, nil }); err != nil {
		t.Fatal(err)
	}
	kqProcExited(p, 0)
	wantEvents(t, kq)
	if len(kq.notes) != 0 {
		t.Error("the knote of a process that is gone stays")
	}
}

func TestKqueueWakesOne(t *testing.T) {
	kq, _ := testKqueue()
	gone, a, b := &fakeWaiter{dead: true}, &fakeWaiter{}, &fakeWaiter{}
	kq.addWaiter(gone)
	kq.addWaiter(a)
	kq.addWaiter(b)
	mustChange(t, kq, abi.Kevent{Ident: 1, Filter: abi.EVFILT_USER, Flags: abi.EV_ADD | abi.EV_CLEAR})
	mustChange(t, kq, abi.Kevent{Ident: 1, Filter: abi.EVFILT_USER, Fflags: abi.NOTE_TRIGGER})
	if gone.woken != 0 || a.woken != 1 || b.woken != 0 {
		t.Errorf("woken: dead %d, first %d, second %d", gone.woken, a.woken, b.woken)
	}
	kq.destroy()
	if b.woken != 1 {
		t.Error("close does not wake who sleeps")
	}
}

func TestKqueueDescriptors(t *testing.T) {
	p := &process{}
	kq, _ := testKqueue()
	kq.refs = 0
	p.kq.open(3, kq)
	p.kq.open(5, kq)
	e := &polled{kq: kq, fd: 7, kind: kindSocket, canRead: true, canWrite: true, id: 1}
	kq.fds[7] = e
	for _, f := range []int16{abi.EVFILT_READ, abi.EVFILT_WRITE} {
		ev := abi.Kevent{Ident: 7, Filter: f, Flags: abi.EV_ADD | abi.EV_CLEAR}
		if err := kq.register(&ev, true, func() (filter, error) { return pollFilter{e}, nil }); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(kq.match(pollEvent{unix.EPOLLIN | unix.EPOLLOUT, 7, 1})); got != 2 {
		t.Errorf("%d knotes match, want 2", got)
	}
	if got := len(kq.match(pollEvent{unix.EPOLLIN, 7, 9})); got != 0 {
		t.Errorf("%d knotes match a stale event", got)
	}
	p.kq.closeRange(7, 7)
	if len(kq.notes) != 0 || len(kq.fds) != 0 {
		t.Error("close leaves knotes")
	}
	p.kq.closeRange(3, 3)
	if kq.closed {
		t.Error("kqueue closed with a descriptor left")
	}
	p.kq.closeRange(4, 1<<30)
	if !kq.closed {
		t.Error("kqueue survives its last descriptor")
	}
}

func TestKqueueSync(t *testing.T) {
	kq, _ := testKqueue()
	e := &polled{kq: kq, fd: 7, kind: kindSocket, canRead: true, canWrite: true, id: 1}
	kq.fds[7] = e
	a := &arena{base: 0x1000, buf: make([]byte, 256)}
	ctl := func(want ...uint64) func([]emul.Ret) {
		t.Helper()
		a.reset()
		calls, done := kq.sync(4, a)
		var got []uint64
		for _, c := range calls {
			got = append(got, c.Args[1])
		}
		if !slices.Equal(got, want) {
			t.Fatalf("epoll_ctl %v, want %v", got, want)
		}
		return done
	}
	reg := func(filt int16, flags uint16) *knote {
		ev := abi.Kevent{Ident: 7, Filter: filt, Flags: flags}
		if err := kq.register(&ev, true, func() (filter, error) { return pollFilter{e}, nil }); err != nil {
			t.Fatal(err)
		}
		return kq.notes[noteKey{7, filt}]
	}
	kn := reg(abi.EVFILT_READ, abi.EV_ADD)
	done := ctl(unix.EPOLL_CTL_ADD)
	// While one task's calls are under way, another's wait.
	reg(abi.EVFILT_WRITE, abi.EV_ADD|abi.EV_ONESHOT)
	ctl()(nil)
	done([]emul.Ret{{}})
	ctl(unix.EPOLL_CTL_MOD)([]emul.Ret{{}})
	ctl()(nil)
	// A reported level-triggered knote is armed again.
	kn.reported()
	ctl(unix.EPOLL_CTL_MOD)([]emul.Ret{{}})
	// A number that epoll already knows from an earlier use.
	e.set = false
	kn.reported()
	ctl(unix.EPOLL_CTL_ADD)([]emul.Ret{{Val: -int64(unix.EEXIST)}})
	ctl(unix.EPOLL_CTL_MOD)([]emul.Ret{{}})
	kq.notes[noteKey{7, abi.EVFILT_WRITE}].reported() // oneshot
	ctl(unix.EPOLL_CTL_MOD)([]emul.Ret{{}})
	if e.mask != maskRead {
		t.Errorf("mask %#x", e.mask)
	}
	reg(abi.EVFILT_READ, abi.EV_DELETE)
	ctl(unix.EPOLL_CTL_DEL)([]emul.Ret{{}})
	if len(kq.fds) != 0 {
		t.Error("entry without knotes stays")
	}
}

func TestPollReady(t *testing.T) {
	const in, out, rdhup, hup, bad = unix.EPOLLIN, unix.EPOLLOUT, unix.EPOLLRDHUP, unix.EPOLLHUP, unix.EPOLLERR
	const r, w = abi.EVFILT_READ, abi.EVFILT_WRITE
	for _, c := range []struct {
		name       string
		kind       fdKind
		filter     int16
		bits       uint32
		ready, eof bool
	}{
		{"socket with data", kindSocket, r, in | out, true, false},
		{"socket without data", kindSocket, r, out, false, false},
		{"peer has shut down", kindSocket, r, in | out | rdhup, true, true},
		{"peer has shut down, write", kindSocket, w, in | out | rdhup, true, false},
		{"never connected", kindSocket, r, out | hup, false, false},
		{"never connected, write", kindSocket, w, out | hup, false, false},
		{"reset", kindSocket, r, in | out | rdhup | hup | bad, true, true},
		{"reset, write", kindSocket, w, in | out | rdhup | hup | bad, true, true},
		{"pipe at end", kindPipe, r, hup, true, true},
		{"pipe with data, writer gone", kindPipe, r, in | hup, true, true},
		{"pipe without reader", kindPipe, w, out | bad, true, true},
		{"pipe with room", kindPipe, w, out, true, false},
	} {
		ready, eof := pollReady(c.kind, c.filter, c.bits)
		if ready != c.ready || eof != c.eof {
			t.Errorf("%s: ready %v, eof %v; want %v, %v", c.name, ready, eof, c.ready, c.eof)
		}
	}
}

func TestKeventString(t *testing.T) {
	for _, c := range []struct {
		ev   abi.Kevent
		want string
	}{
		{abi.Kevent{Ident: 5, Filter: abi.EVFILT_READ, Flags: abi.EV_ADD | abi.EV_CLEAR}, "5,EVFILT_READ,EV_ADD|EV_CLEAR,0,0x0,0x0"},
		{abi.Kevent{Ident: 16, Filter: abi.EVFILT_USER, Fflags: abi.NOTE_TRIGGER | abi.NOTE_FFCOPY | 3}, "0x10,EVFILT_USER,0,NOTE_FFCOPY|NOTE_TRIGGER|0x3,0x0,0x0"},
		{abi.Kevent{Ident: 7, Filter: abi.EVFILT_PROC, Flags: abi.EV_EOF, Fflags: abi.NOTE_EXIT, Data: 256}, "7,EVFILT_PROC,EV_EOF,NOTE_EXIT,0x100,0x0"},
		{abi.Kevent{Filter: 3, Fflags: 1}, "0x0,3,0,0x1,0x0,0x0"},
		{abi.Kevent{Filter: -32768, Fflags: 1}, "0x0,-32768,0,0x1,0x0,0x0"},
	} {
		if got := keventString(&c.ev); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

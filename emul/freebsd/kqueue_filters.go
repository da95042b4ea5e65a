package freebsd

import (
	"time"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
)

// timerFilter is EVFILT_TIMER (filt_timer*).
//
// A periodic timer runs on the host's clock only until it has expired: how
// often it has expired since is computed when it is reported. A guest with a
// timer of a microsecond so costs no more than its own calls of kevent.
type timerFilter struct {
	next   time.Time
	period time.Duration // 0: expires once
	stop   func()        // not nil while the host's timer runs
}

func (f *timerFilter) attach(kn *knote) error {
	d, err := f.validate(kn)
	if err != nil {
		return err
	}
	if kn.sfflags&abi.NOTE_ABSTIME == 0 {
		kn.ev.Flags |= abi.EV_CLEAR
	}
	f.start(kn, d)
	return nil
}

// validate returns the time until kn's timer expires first.
func (f *timerFilter) validate(kn *knote) (time.Duration, error) {
	if kn.sdata == 0 && kn.ev.Flags&abi.EV_ONESHOT == 0 {
		kn.sdata = 1
	}
	d, ok := xlat.TimerPeriod(kn.sdata, kn.sfflags)
	if !ok {
		return 0, abi.EINVAL
	}
	if kn.sfflags&abi.NOTE_ABSTIME != 0 {
		d = max(d-time.Duration(kn.kq.now().UnixNano()), 0)
	}
	return d, nil
}

func (f *timerFilter) start(kn *knote, d time.Duration) {
	f.period = 0
	if kn.sfflags&abi.NOTE_ABSTIME == 0 && kn.ev.Flags&abi.EV_ONESHOT == 0 {
		f.period = d
	}
	f.next = kn.kq.now().Add(d)
	f.run(kn)
}

// run has the host wake us when the timer expires.
func (f *timerFilter) run(kn *knote) {
	f.stop = kn.kq.after(f.next.Sub(kn.kq.now()), func() {
		f.stop = nil
		f.count(kn)
		kn.activate()
	})
}

func (f *timerFilter) halt() {
	if f.stop != nil {
		f.stop()
		f.stop = nil
	}
}

// count adds the expirations that have not been counted.
func (f *timerFilter) count(kn *knote) {
	if f.period == 0 {
		kn.ev.Data++
		return
	}
	n := max(int64(kn.kq.now().Sub(f.next)/f.period)+1, 1)
	kn.ev.Data += n
	f.next = f.next.Add(time.Duration(n) * f.period)
}

func (f *timerFilter) detach(*knote) { f.halt() }

func (f *timerFilter) ready(kn *knote) bool {
	if f.period != 0 && f.stop == nil && !kn.kq.now().Before(f.next) {
		f.count(kn)
	}
	return kn.ev.Data != 0
}

func (f *timerFilter) touch(kn *knote, ch *abi.Kevent) {
	if ch.Flags&abi.EV_ADD == 0 {
		return
	}
	f.halt()
	kn.deactivate()
	kn.ev.Data = 0
	kn.sfflags, kn.sdata = ch.Fflags, ch.Data
	d, err := f.validate(kn)
	if err != nil {
		f.period = 0
		kn.ev.Flags |= abi.EV_ERROR
		kn.ev.Data = int64(xlat.ErrnoOf(err))
		return
	}
	f.start(kn, d)
}

func (f *timerFilter) report(kn *knote) abi.Kevent {
	ev := kn.ev
	if kn.ev.Flags&abi.EV_CLEAR != 0 {
		kn.ev.Data, kn.ev.Fflags = 0, 0
	}
	if f.period != 0 && f.stop == nil {
		f.run(kn)
	}
	return ev
}

// userFilter is EVFILT_USER (filt_user*).
type userFilter struct{ triggered bool }

func (f *userFilter) attach(*knote) error { return nil }
func (f *userFilter) detach(*knote)       {}
func (f *userFilter) ready(*knote) bool   { return f.triggered }

func (f *userFilter) touch(kn *knote, ch *abi.Kevent) {
	if ch.Fflags&abi.NOTE_TRIGGER != 0 {
		f.triggered = true
	}
	ctrl := ch.Fflags & abi.NOTE_FFCTRLMASK
	ch.Fflags &= abi.NOTE_FFLAGSMASK
	switch ctrl {
	case abi.NOTE_FFAND:
		kn.sfflags &= ch.Fflags
	case abi.NOTE_FFOR:
		kn.sfflags |= ch.Fflags
	case abi.NOTE_FFCOPY:
		kn.sfflags = ch.Fflags
	}
	kn.sdata = ch.Data
	if ch.Flags&abi.EV_CLEAR != 0 {
		f.clear(kn)
	}
}

func (f *userFilter) report(kn *knote) abi.Kevent {
	ev := kn.ev
	ev.Fflags, ev.Data = kn.sfflags, kn.sdata
	if kn.ev.Flags&abi.EV_CLEAR != 0 {
		f.clear(kn)
	}
	return ev
}

func (f *userFilter) clear(kn *knote) {
	f.triggered = false
	kn.ev.Data, kn.ev.Fflags = 0, 0
}

// signalFilter is EVFILT_SIGNAL (filt_signal): it counts signals that are sent
// to the process, whatever becomes of them. Linux keeps blocked signals to
// itself, so what is counted is not blocked there (hostMask).
type signalFilter struct {
	t *emul.Task
	// pending says that one was pending when the knote was added: it comes to
	// our notice now, but is not to be counted.
	pending bool
}

func (f *signalFilter) attach(kn *knote) error {
	kn.ev.Flags |= abi.EV_CLEAR
	if s := abi.Signal(kn.ev.Ident); f.t != nil && kn.ev.Ident <= uint64(abi.SIGRTMAX) && s.Valid() {
		if h := xlat.HostSignal(s); h != 0 {
			p := procOf(f.t)
			p.kq.counted |= 1 << (h - 1)
			// One thread that takes it is enough for signals to the process;
			// others follow when they change their masks.
			f.t.SetMask(hostMask(p, &threadOf(f.t).sig.mask))
		}
	}
	f.t = nil
	return nil
}

func (f *signalFilter) detach(*knote)        {}
func (f *signalFilter) ready(kn *knote) bool { return kn.ev.Data != 0 }

// kqSignal tells p's kqueues that a signal was sent to p or to one of its
// threads, before anything is done about the signal.
func kqSignal(p *process, s abi.Signal) {
	p.kq.all(func(kq *kqueue) {
		kn := kq.notes[noteKey{uint64(s), abi.EVFILT_SIGNAL}]
		if kn == nil {
			return
		}
		if f := kn.f.(*signalFilter); f.pending {
			f.pending = false
			return
		}
		kn.ev.Data++
		kn.activate()
	})
}

// counts says whether the process has ever counted s.
func (k *kqueues) counts(s abi.Signal) bool {
	h := xlat.HostSignal(s)
	return h != 0 && k.counted&(1<<(h-1)) != 0
}

// queueBlocked keeps a signal that t blocks, and that only came to us because
// it is counted, where Linux would have kept it.
func (p *process) queueBlocked(t *emul.Task, s *emul.Signal) {
	q, once := &p.sig.queue, s.Host < firstRealtime
	toThread := s.Info.Code == codeTkill
	if toThread {
		q = &threadOf(t).sig.queue
	}
	for _, o := range *q {
		if once && o.Num == s.Num {
			return // Linux, too, keeps but one
		}
	}
	*q = append(*q, s)
	if toThread {
		return
	}
	for _, o := range p.Tasks {
		th := threadOf(o)
		if !th.sig.mask.Has(abi.Signal(s.Num)) || th.sig.waiting != nil && th.sig.waiting.Has(abi.Signal(s.Num)) {
			wakeFor(o, abi.Signal(s.Num))
			return
		}
	}
}

// Of Linux: the first realtime signal, and SI_TKILL.
const (
	firstRealtime = 32
	codeTkill     = -6
)

package freebsd

import (
	"encoding/binary"
	"math"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// POSIX timers (kern_time.c, ktimer_*). They live in the supervisor: FreeBSD
// has them for two clocks only, lets them send signals that Linux has no number
// for, and counts overruns by its own rule. Each is a Loop timer for the time
// that is left; the clock itself is read when that is over, as realtimer_expire
// does, so that a clock that was set back is waited for.

const (
	timerMax      = 32 // TIMER_MAX (sys/timers.h)
	timerReserved = 3  // the first ones are setitimer's
	// timerLongest bounds one wait, which is simply begun again.
	timerLongest = 24 * time.Hour
)

// procTimers are the timers of a process by number; nil until there is one.
type procTimers []*ktimer

// ktimer is struct itimer (sys/timers.h).
type ktimer struct {
	p       *process
	id      int32
	clock   int32 // Linux's number
	ev      abi.Sigevent
	value   abi.Timespec // when it expires; zero: disarmed
	every   abi.Timespec
	overrun int32
	last    int32        // the overrun of the signal that was taken last
	sig     *emul.Signal // sent last, perhaps still queued
	errno   int32        // ERANGE once overrun is too large to tell
	alarm   *emul.Timer
}

func ktimerCreate(t *emul.Task, c Clock, evp guest.Ptr[abi.Sigevent], out guest.Ptr[int32]) emul.Action {
	var ev abi.Sigevent
	if evp != 0 {
		var err error
		if ev, err = evp.Load(t); err != nil {
			return emul.Fail(err)
		}
	}
	switch abi.Clock(c) {
	case abi.CLOCK_REALTIME, abi.CLOCK_MONOTONIC, abi.CLOCK_TAI:
	default:
		return emul.Fail(abi.EINVAL)
	}
	switch {
	case evp == 0, ev.Notify == abi.SIGEV_NONE:
	case ev.Notify != abi.SIGEV_SIGNAL && ev.Notify != abi.SIGEV_THREAD_ID, !abi.Signal(ev.Signo).Valid():
		return emul.Fail(abi.EINVAL)
	}
	p := procOf(t)
	if p.timers == nil {
		p.timers = make(procTimers, timerMax)
	}
	id := slices.Index(p.timers[timerReserved:], nil) + timerReserved
	if id < timerReserved {
		return emul.Fail(abi.EAGAIN)
	}
	if evp == 0 {
		ev = abi.Sigevent{Notify: abi.SIGEV_SIGNAL, Signo: int32(abi.SIGALRM), Value: uint64(id)}
	}
	clock, _ := xlat.Clock(abi.Clock(c))
	if err := out.Store(t, int32(id)); err != nil {
		return emul.Fail(err)
	}
	p.timers[id] = &ktimer{p: p, id: int32(id), clock: clock, ev: ev}
	return emul.Return(0)
}

// timer finds a timer by its number, nil if there is none.
func (p *process) timer(id Int) *ktimer {
	if id < timerReserved || int(id) >= len(p.timers) {
		return nil
	}
	return p.timers[id]
}

func ktimerDelete(t *emul.Task, id Int) emul.Action {
	p := procOf(t)
	k := p.timer(id)
	if k == nil {
		return emul.Fail(abi.EINVAL)
	}
	k.arm(abi.Itimerspec{})
	p.unqueue(k.sig)
	p.timers[id] = nil
	return emul.Return(0)
}

func ktimerSettime(t *emul.Task, id Int, flags Int, value, old guest.Ptr[abi.Itimerspec]) emul.Action {
	v, err := value.Load(t)
	if err != nil {
		return emul.Fail(err)
	}
	k := procOf(t).timer(id)
	if k == nil || !fixTimerspec(&v.Value) {
		return emul.Fail(abi.EINVAL)
	}
	if v.Value == (abi.Timespec{}) {
		v.Interval = abi.Timespec{}
	} else if !fixTimerspec(&v.Interval) {
		return emul.Fail(abi.EINVAL)
	}
	o := k.left()
	if v.Value != (abi.Timespec{}) && flags&abi.TIMER_ABSTIME == 0 {
		v.Value = addTimespec(v.Value, k.now())
	}
	k.arm(v)
	if old != 0 {
		return storeOrFail(t, old, o)
	}
	return emul.Return(0)
}

func ktimerGettime(t *emul.Task, id Int, value guest.Ptr[abi.Itimerspec]) emul.Action {
	k := procOf(t).timer(id)
	if k == nil {
		return emul.Fail(abi.EINVAL)
	}
	return storeOrFail(t, value, k.left())
}

func ktimerGetoverrun(t *emul.Task, id Int) emul.Action {
	k := procOf(t).timer(id)
	if k == nil {
		return emul.Fail(abi.EINVAL)
	}
	return emul.Return(uint64(k.last))
}

// fixTimerspec is itimespecfix: it checks a time and rounds one below a tick up.
func fixTimerspec(ts *abi.Timespec) bool {
	if ts.Sec < 0 || ts.Nsec < 0 || ts.Nsec >= 1e9 || uint64(ts.Sec) > math.MaxUint64/1_000_000_000 {
		return false
	}
	if tick := int64(1e9 / hz); ts.Sec == 0 && ts.Nsec != 0 {
		ts.Nsec = max(ts.Nsec, tick)
	}
	return true
}

func addTimespec(a, b abi.Timespec) abi.Timespec {
	a.Sec, a.Nsec = a.Sec+b.Sec, a.Nsec+b.Nsec
	if a.Nsec >= 1e9 {
		a.Sec, a.Nsec = a.Sec+1, a.Nsec-1e9
	}
	return a
}

func subTimespec(a, b abi.Timespec) abi.Timespec {
	a.Sec, a.Nsec = a.Sec-b.Sec, a.Nsec-b.Nsec
	if a.Nsec < 0 {
		a.Sec, a.Nsec = a.Sec-1, a.Nsec+1e9
	}
	return a
}

func (k *ktimer) now() abi.Timespec {
	var ts unix.Timespec
	unix.ClockGettime(k.clock, &ts) // these clocks always exist
	return abi.Timespec{Sec: ts.Sec, Nsec: ts.Nsec}
}

// left is realtimer_gettime.
func (k *ktimer) left() abi.Itimerspec {
	v := abi.Itimerspec{Interval: k.every, Value: k.value}
	if v.Value != (abi.Timespec{}) {
		v.Value = subTimespec(v.Value, k.now())
		if v.Value.Sec < 0 || v.Value == (abi.Timespec{}) {
			v.Value = abi.Timespec{Nsec: 1}
		}
	}
	return v
}

// arm sets the timer to an absolute time, zero for never.
func (k *ktimer) arm(v abi.Itimerspec) {
	k.value, k.every = v.Value, v.Interval
	if k.alarm != nil {
		k.alarm.Stop()
	}
	if k.value != (abi.Timespec{}) {
		k.wait(k.now())
	}
}

func (k *ktimer) wait(now abi.Timespec) {
	d := subTimespec(k.value, now)
	wait := timerLongest
	if d.Sec < int64(timerLongest/time.Second) {
		wait = max(0, time.Duration(d.Sec)*time.Second+time.Duration(d.Nsec))
	}
	k.alarm = k.p.Loop().After(wait, k.expire)
}

// expire is realtimer_expire_l.
func (k *ktimer) expire() {
	now := k.now()
	if d := subTimespec(k.value, now); d.Sec >= 0 && d != (abi.Timespec{}) {
		k.wait(now)
		return
	}
	if k.every == (abi.Timespec{}) {
		k.value = abi.Timespec{}
		k.fire()
		return
	}
	ns := func(t abi.Timespec) uint64 { return uint64(t.Sec)*1e9 + uint64(t.Nsec) }
	k.value = addTimespec(k.value, k.every)
	if late, every := ns(now)-ns(k.value), ns(k.every); ns(now) >= ns(k.value) {
		k.missed((late + every) / every) // howmany(late + 1, every)
		next := ns(now) + every - late%every
		k.value = abi.Timespec{Sec: int64(next / 1e9), Nsec: int64(next % 1e9)}
	}
	k.wait(now)
	k.fire()
}

// missed counts expirations that no signal tells of.
func (k *ktimer) missed(n uint64) {
	if n > uint64(math.MaxInt32-k.overrun) {
		k.overrun, k.errno = math.MaxInt32, int32(abi.ERANGE)
		return
	}
	k.overrun += int32(n)
}

// fire is itimer_fire: a timer has one signal, which must be taken before it
// is sent again.
func (k *ktimer) fire() {
	if k.ev.Notify == abi.SIGEV_NONE {
		return
	}
	if k.p.queued(k.sig) {
		k.missed(1)
		return
	}
	k.sig = softSignal(abi.Signal(k.ev.Signo), abi.SI_TIMER, nil, k.ev.Value)
	k.errno = 0
	binary.LittleEndian.PutUint32(k.sig.Info.Fields[:], uint32(k.id))
	if !k.p.postEvent(&k.ev, k.sig) {
		k.arm(abi.Itimerspec{})
	}
}

// accepted is itimer_accept: the guest takes a signal, and if a timer has sent
// it, learns how often the timer has expired since.
func (p *process) accepted(s *emul.Signal) {
	id := binary.LittleEndian.Uint32(s.Info.Fields[:])
	if k := p.timer(Int(id)); k != nil && k.sig == s {
		binary.LittleEndian.PutUint32(s.Info.Fields[4:], uint32(k.overrun))
		s.Info.Errno = k.errno
		k.last, k.overrun, k.sig = k.overrun, 0, nil
	}
}

// stopTimers forgets all timers, at exec and at the end of the process.
func (p *process) stopTimers() {
	for _, k := range p.timers {
		if k != nil {
			k.arm(abi.Itimerspec{})
			p.unqueue(k.sig)
		}
	}
	p.timers = nil
}

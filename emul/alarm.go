package emul

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/lsf-linux/lsf/emul/host"
)

// alarm interrupts the loop's wait for guests: at a given time, or now. The
// wait itself stays one blocking system call; a goroutine, which exists only
// once there is a timer or a Post, rings until the loop has heard it.
type alarm struct {
	bell    *host.Bell
	ringing atomic.Bool

	mu   sync.Mutex
	at   time.Time // zero: no time set
	soon bool      // ring at once
	over bool
	kick chan struct{} // nil until the goroutine runs
}

// ringEvery is how long to wait before ringing again: the signal may come
// just before the loop's system call begins.
const ringEvery = 200 * time.Microsecond

func newAlarm(b *host.Bell) *alarm { return &alarm{bell: b} }

// heard reports whether the alarm rings, and silences it.
func (a *alarm) heard() bool { return a.ringing.Load() && a.ringing.Swap(false) }

// set makes the alarm ring at t; a zero t means not at all.
func (a *alarm) set(t time.Time) {
	a.mu.Lock()
	earlier := !t.IsZero() && (a.at.IsZero() || t.Before(a.at))
	a.at = t
	a.mu.Unlock()
	if earlier {
		a.wake()
	}
}

// now makes the alarm ring at once.
func (a *alarm) now() {
	a.mu.Lock()
	a.soon = true
	a.mu.Unlock()
	a.wake()
}

func (a *alarm) wake() {
	a.mu.Lock()
	if a.kick == nil {
		a.kick = make(chan struct{}, 1)
		go a.run()
	}
	a.mu.Unlock()
	select {
	case a.kick <- struct{}{}:
	default:
	}
}

// stop ends the goroutine.
func (a *alarm) stop() {
	a.mu.Lock()
	a.over = true
	started := a.kick != nil
	a.mu.Unlock()
	if started {
		a.wake()
	}
}

func (a *alarm) run() {
	timer := time.NewTimer(time.Hour)
	for {
		a.mu.Lock()
		at, soon, over := a.at, a.soon, a.over
		a.mu.Unlock()
		if over {
			return
		}
		d := time.Hour
		if soon {
			d = 0
		} else if !at.IsZero() {
			d = time.Until(at)
		}
		if d > 0 {
			timer.Reset(d)
			select {
			case <-timer.C:
			case <-a.kick:
			}
			continue
		}
		a.mu.Lock()
		a.soon = false
		if !soon {
			a.at = time.Time{}
		}
		a.mu.Unlock()
		a.ringing.Store(true)
		for a.ringing.Load() {
			a.bell.Ring()
			time.Sleep(ringEvery)
		}
	}
}

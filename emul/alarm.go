package emul

import (
	"time"

	"github.com/lsf-linux/lsf/emul/host"
)

// alarm interrupts the loop's wait for guests at a given time. The wait itself
// stays one blocking system call: the kernel's timer interrupts it, and goes on
// doing so until the loop has heard.
type alarm struct {
	bell *host.Bell
	at   time.Time // zero: no time set
}

// set makes the alarm ring at t; a zero t means not at all.
func (a *alarm) set(t time.Time) {
	if t.Equal(a.at) {
		return
	}
	a.at = t
	if t.IsZero() {
		a.bell.Silence()
		return
	}
	a.bell.RingIn(time.Until(t))
}

// due says that the time has come.
func (a *alarm) due(now time.Time) bool { return !a.at.IsZero() && !now.Before(a.at) }

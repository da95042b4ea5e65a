package emul

import (
	"time"

	"github.com/lsf-linux/lsf/emul/host"
)

// Event is one thing that happened to a traced thread.
type Event struct {
	Tid    int
	Status uint32
}

type taskState uint8

// Loop is the supervisor's event loop.
type Loop struct {
	eng *host.Engine
}

// Timer is a pending call of Loop.After.
type Timer struct{}

// After calls f on the loop's thread when d has passed. The timer is one-shot.
func (l *Loop) After(d time.Duration, f func()) *Timer { return nil }

// Stop cancels the timer; f will not be called any more.
func (tm *Timer) Stop() {}

// Post makes the loop call f on its thread soon. It may be called from any goroutine.
func (l *Loop) Post(f func()) {}

// Process returns the live guest process with that PID, or nil.
func (l *Loop) Process(pid int) *Process { return nil }

// Task returns the live guest thread with that Linux thread ID, or nil.
func (l *Loop) Task(tid int) *Task { return nil }

// Debugf writes one line to the debug log (LSF_DEBUG), if there is one.
func (l *Loop) Debugf(format string, args ...any) {}

// Wake ends the task's present host call if that is Wakeable; its continuation
// sees Ret.Woken. Otherwise it does nothing.
func (t *Task) Wake() {}

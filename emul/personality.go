package emul

import "github.com/lsf-linux/lsf/emul/host"

// Verdict is what a personality decides about a signal that reached a task.
type Verdict uint8

const (
	// Drop: the signal is ignored, or the personality has queued it.
	Drop Verdict = iota
	// Native: Linux is to take its default action (kill, stop) with Signal.Host.
	Native
	// Handle: a guest handler is to run; Deliver will be called.
	Handle
)

// Signal is a signal on its way to a task.
type Signal struct {
	// Host is the Linux number that has the same default action, 0 if none.
	Host int
	// Num is the guest's number.
	Num int
	// Info is what Linux knows about it.
	Info host.Siginfo
	// Restart says whether the handler wants interrupted calls restarted.
	Restart bool
}

// Personality is a guest operating system. All calls come on the loop's thread.
type Personality interface {
	// Syscall finds the row of the call that t stopped at, sets t.Row and
	// t.Args and runs the handler.
	Syscall(t *Task) Action
	// Errno converts a handler's error to the guest's number.
	Errno(err error) uint8
	// HostErrno converts a Linux error number.
	HostErrno(linux int) byte
	// GuestErrno is the error that a guest's number means.
	GuestErrno(e uint8) error
	// ErrnoText and SignalName describe guest numbers, for the trace.
	ErrnoText(e uint8) string
	SignalName(num int) string
	// GuestCode is the contents of host.GuestCode (at most a page).
	GuestCode() []byte
	// Fast lists the calls that patched call sites may make without us.
	Fast() *host.FastCalls

	// NewProcess is called for a forked process before it runs. child.Parent is set.
	NewProcess(child *Process, t *Task)
	// NewTask is called for a new thread of an existing or new process, before
	// it runs; parent is the thread that made it.
	NewTask(t, parent *Task)
	// TaskExiting is called when a thread for which Task.WatchExit was called
	// is about to end. Its memory is still there, but it can run no more.
	TaskExiting(t *Task)
	// TaskExit is called when a thread is gone.
	TaskExit(t *Task)
	// ProcessExit is called when a process is gone, with Linux's wait status.
	ProcessExit(p *Process, status uint32)
	// Native is called when a process has become a Linux program and is no
	// longer traced.
	Native(p *Process)

	// Signal classifies a signal that Linux is about to deliver to t.
	Signal(t *Task, s *Signal) Verdict
	// Deliver builds the signal frame in t's registers and memory. An error
	// means that the frame could not be written; the loop then kills with SIGILL.
	Deliver(t *Task, s *Signal) error
	// Pending takes the next signal that the personality has queued itself and
	// that t may receive now, nil if none.
	Pending(t *Task) *Signal
}

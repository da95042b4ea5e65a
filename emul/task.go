package emul

import (
	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
)

// Task is one guest thread. All of it belongs to the loop's thread.
type Task struct {
	// Tid is the Linux thread ID in the supervisor's PID namespace.
	Tid int
	// Proc is the process the thread is in.
	Proc *Process
	// OS is the personality's own state of the thread.
	OS any
	// Regs are the guest's registers as they were when it stopped: in a
	// handler, at the system call, RIP behind the syscall instruction. The
	// loop writes them back; a personality changes them only through Return
	// and in its own signal delivery.
	Regs host.Regs
	// Row and Args are the system call being served.
	Row  *Row
	Args Args

	loop        *Loop
	trace       *host.Tracee
	slot        host.Slot
	scratchUsed int
	dead        bool
	noted       string // what the trace will say of a call whose arguments are gone by then
	place       placement

	state    taskState
	act      Action    // what runs on the host (state running, tail)
	chained  bool      // act is not the first host call of this system call
	woken    bool      // Wake was called for the present wakeable call
	nudged   bool      // Nudge was called
	kicked   bool      // Kick was called
	forced   int       // Linux signal sent by us whose default action is wanted
	cloned   bool      // the event of the clone under way has been seen
	deferred []*Signal // taken from Linux, to be delivered when the call is done
	intr     *interruption
	batchAt  guest.Addr
	tried    [9]uint64          // the call that was last given to a local routine
	start    func(*Task) Action // what a new task does first
	watched  bool               // its exit is a stop
	atStart  bool               // a new thread or process: its first stop is yet to come
}

// taskState says what a task does between two stops.
type taskState uint8

const (
	inGuest taskState = iota // guest code
	inTail                   // a host call that returns to the guest by itself
	inHost                   // a host call or batch, with a stop to follow
	stopped                  // nothing: it is new, or about to die
)

// interruption is why a call is being unwound before a handler runs.
type interruption struct {
	restart bool // the call may be restarted
}

// Process is one guest process: the tasks that share a PID.
type Process struct {
	// Pid is the Linux process ID in the supervisor's PID namespace; the
	// guest sees the same number.
	Pid int
	// Parent is the guest process that made it, nil for the first one. It
	// may be dead.
	Parent *Process
	// Tasks by thread ID.
	Tasks map[int]*Task
	// Space is its address space; vfork shares it until exec.
	Space *Space
	// OS is the personality's own state of the process.
	OS any

	loop    *Loop
	dead    bool
	kept    []byte // as in the state page; nil if nothing is
	guarded bool   // as in the state page
}

// Space is an address space and LSF's region in it.
type Space struct {
	slots  host.Slots
	thunks host.Thunks
	traps  map[uint64]uint8 // how often calls have trapped, by page of code
	refs   int              // processes that have it
	shares bool             // some mappings are shared with other address spaces, as in the state page
}

// Loop returns the event loop that the task belongs to.
func (t *Task) Loop() *Loop { return t.loop }

// Dead says that the thread is gone; references to it may still be around.
func (t *Task) Dead() bool { return t.dead }

// SharesMemory says that another process has the same address space (vfork).
func (p *Process) SharesMemory() bool { return p.Space.refs > 1 }

// Loop returns the event loop that the process belongs to.
func (p *Process) Loop() *Loop { return p.loop }

// Dead says that the process is gone.
func (p *Process) Dead() bool { return p.dead }

// Any returns one live task of p, or nil.
func (p *Process) Any() *Task {
	if t := p.Tasks[p.Pid]; t != nil && !t.dead {
		return t
	}
	for _, t := range p.Tasks {
		if !t.dead {
			return t
		}
	}
	return nil
}

// ReadMem implements guest.Memory on the task's address space. LSF's own
// region in it reads as inaccessible only to addresses that the guest gave;
// scratch memory is readable here.
func (t *Task) ReadMem(a guest.Addr, b []byte) error { return t.trace.ReadMem(a, b) }

// WriteMem implements guest.Memory.
func (t *Task) WriteMem(a guest.Addr, b []byte) error { return t.trace.WriteMem(a, b) }

// SignalWaits says that a handler is to run when the present call is done.
func (t *Task) SignalWaits() bool { return len(t.deferred) > 0 }

// Nudge makes a running task stop soon, so that a signal which the personality
// has queued for it is delivered.
func (t *Task) Nudge() {
	if t.dead || t.nudged || t.atStart {
		return
	}
	t.nudged = true
	t.trace.Interrupt()
}

// Kick makes a running task that is in a local routine leave it soon, and come
// to the personality with its call. To others it does nothing.
func (t *Task) Kick() {
	if t.dead || t.kicked || t.atStart || t.state != inGuest && t.state != inTail {
		return
	}
	t.kicked = true
	t.trace.Interrupt()
}

// WatchExit asks for Personality.TaskExiting, for this thread and those that it
// makes. The task must be stopped, as it is in a handler.
func (t *Task) WatchExit() { t.watched = t.trace.TraceExit() == nil }

// ExitWatched says that WatchExit was called for the thread, or for the one that made it.
func (t *Task) ExitWatched() bool { return t.watched }

// Rouse makes all tasks that sleep in the personality's routine look again at
// the word that they sleep on.
func (l *Loop) Rouse() {
	for _, t := range l.tasks {
		if !t.dead && !t.atStart && t.state != stopped && !(t.state == inHost && t.act.kind != actRoutine) {
			t.trace.Interrupt()
		}
	}
}

// SetMask sets the signals that Linux blocks for the task, bit n-1 for signal n.
// The task must be stopped, as it is in a handler.
func (t *Task) SetMask(m uint64) { t.trace.SetSigMask(m) }

// Mask reads them.
func (t *Task) Mask() uint64 {
	m, _ := t.trace.SigMask()
	return m
}

// XState reads the extended registers (XSAVE standard format) into buf and
// returns their size in bytes.
func (t *Task) XState(buf []byte) (int, error) { return t.trace.XState(buf) }

// SetXState writes them.
func (t *Task) SetXState(buf []byte) error { return t.trace.SetXState(buf) }

// HostRegs gives the registers as Linux has them at the present stop: those of
// LSF's own code where a host call is under way or has just ended. For a
// personality's Signal.
func (t *Task) HostRegs() (r host.Regs, err error) {
	err = t.trace.GetRegs(&r)
	return r, err
}

// Call is the system call that the task is in, or nil: for guest code, and for
// calls that the supervisor need not see end.
func (t *Task) Call() *Row {
	if t.state == inHost {
		return t.Row
	}
	return nil
}

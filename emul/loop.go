package emul

import (
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/host"
)

// Loop is the supervisor's event loop: it waits for stops and serves them.
type Loop struct {
	eng     *host.Engine
	pers    Personality
	tasks   map[int]*Task
	procs   map[int]*Process
	early   map[int]uint32 // first stops of threads whose parent's event is yet to come
	debug   func(string)
	cloning int // clone calls under way whose event has not been seen
	trace   Tracer

	provided bool // see provideThreads
	two      bool // see secondProcessor

	timers timerHeap

	cpu       int         // the CPU we are bound to, -1 when free
	home      unix.CPUSet // where we may run when free
	bound     int         // how many tasks are bound to it
	freeTimer *Timer

	bell   *host.Bell
	alarm  alarm
	mail   atomic.Bool // posted is not empty
	mu     sync.Mutex
	posted []func()
}

// Tracer is told what guests do, to print it. Any of its methods may be nil-safe no-ops.
type Tracer interface {
	// Call is told a finished call; err is nil on success.
	Call(t *Task, ret uint64, err error)
	// NoReturn is told of a call that will not return in this form (exit, exec, sigreturn).
	NoReturn(t *Task)
	// Signal is told of a signal before its disposition is acted on.
	Signal(t *Task, s *Signal, v Verdict)
	// Clone is told of a new process or thread.
	Clone(parent, child *Task)
	// Exit is told of the end of a process, with Linux's wait status.
	Exit(p *Process, status uint32)
}

// NewLoop makes a loop, on the thread that will run it. debug may be nil. tracer may be nil.
func NewLoop(eng *host.Engine, pers Personality, tracer Tracer, debug func(string)) *Loop {
	bell := host.NewBell()
	return &Loop{
		cpu: -1,
		eng: eng, pers: pers, trace: tracer, debug: debug, bell: bell, alarm: alarm{bell: bell},
		tasks: map[int]*Task{}, procs: map[int]*Process{}, early: map[int]uint32{},
	}
}

// Engine returns the interception engine.
func (l *Loop) Engine() *host.Engine { return l.eng }

// unseen says that guests may make calls that we do not see, or not see end: nobody
// wants a trace, and the engine has code for them to do it with.
func (l *Loop) unseen() bool { return l.eng.Kind() == host.SUD && l.trace == nil }

// Patches says that guests make calls without a stop, from patched call sites
// or from a stop on, and that their memory can be read while they run.
func (l *Loop) Patches() bool { return l.unseen() && l.eng.ReadsRunning() }

// Process returns the live guest process with that PID, or nil.
func (l *Loop) Process(pid int) *Process { return l.procs[pid] }

// Processes calls f for each live guest process.
func (l *Loop) Processes(f func(*Process)) {
	for _, p := range l.procs {
		f(p)
	}
}

// Task returns the live guest thread with that Linux thread ID, or nil.
func (l *Loop) Task(tid int) *Task { return l.tasks[tid] }

// Debugf writes one line to the debug log (LSF_DEBUG), if there is one.
func (l *Loop) Debugf(format string, args ...any) {
	if l.debug != nil {
		l.debug(fmt.Sprintf(format, args...))
	}
}

// Adopt makes the first task of the tree out of a seized process with one
// thread, and puts LSF's region into it. The process must have mapped both
// parts of it.
func (l *Loop) Adopt(tr *host.Tracee) (*Task, error) {
	ended := func(err error) error { return fmt.Errorf("the program ended before it was started: %w", err) }
	if err := tr.Interrupt(); err != nil {
		return nil, ended(err)
	}
	image := host.Image(l.pers.HostErrno, l.pers.GuestCode(), l.pers.Fast()) // while it comes to its stop
	if err := tr.Stop(); err != nil {
		return nil, ended(err)
	}
	p := &Process{Pid: tr.Tid, Tasks: map[int]*Task{}, Space: l.newSpace(), loop: l}
	l.procs[p.Pid] = p
	t := l.newTask(p, tr)
	t.slot, _, _ = p.Space.slots.Take()
	t.state = stopped
	if err := tr.GetRegs(&t.Regs); err != nil {
		return nil, err
	}
	if err := t.WriteMem(host.CodeBase, image); err != nil {
		return nil, fmt.Errorf("cannot write to the program's memory: %w", err)
	}
	l.bind(t) // start-up is one system call after another
	return t, nil
}

// newSpace is an address space with nothing in it but LSF's region.
func (l *Loop) newSpace() *Space {
	return &Space{refs: 1, thunks: host.NewThunks(l.pers.Fast())}
}

func (l *Loop) newTask(p *Process, tr *host.Tracee) *Task {
	t := &Task{Tid: tr.Tid, Proc: p, loop: l, trace: tr}
	p.Tasks[t.Tid] = t
	l.tasks[t.Tid] = t
	l.provideThreads()
	return t
}

// fairEvery is after how many stops all that have stopped have their turn. In
// between, the youngest come first, as Linux tells of them: a program that has
// just been started gets ahead of the shell that goes on beside it, as it does
// where calls cost little.
const fairEvery = 32

// Run serves guests until none is left.
func (l *Loop) Run() error {
	for turn := 0; len(l.tasks) > 0; turn++ {
		tid, status, err := l.eng.Wait(turn%fairEvery == 0 && len(l.tasks) > 1)
		if err != nil {
			return fmt.Errorf("wait for guests: %w", err)
		}
		// If we are late, what was to happen before the stop happens before it.
		if l.mail.Load() {
			l.runPosted()
		}
		if now := time.Now(); l.alarm.due(now) {
			l.timers.run(now)
			l.alarm.set(l.timers.next())
		}
		if tid != 0 {
			l.serve(tid, status)
		}
	}
	return nil
}

// serve is stop, but a mistake of ours that it meets ends only the process that
// has led to it.
func (l *Loop) serve(tid int, status uint32) {
	defer func() {
		if r := recover(); r != nil {
			l.broken(tid, r)
		}
	}()
	l.stop(tid, status)
}

func (l *Loop) broken(tid int, why any) {
	l.Debugf("supervisor panic, thread %d: %v\n%s", tid, why, debug.Stack())
	t := l.tasks[tid]
	if t == nil {
		panic(why) // nobody to blame
	}
	t.state = stopped // its end is all that follows
	unix.Kill(t.Proc.Pid, unix.SIGKILL)
}

// Post makes the loop call f on its thread, and returns when it has. Other
// goroutines call it, which Go has started.
func (l *Loop) Post(f func()) {
	done := make(chan struct{})
	l.mu.Lock()
	l.posted = append(l.posted, func() { f(); close(done) })
	l.mail.Store(true)
	l.mu.Unlock()
	l.bell.Ring(done)
}

func (l *Loop) runPosted() {
	l.mu.Lock()
	fs := l.posted
	l.posted = nil
	l.mail.Store(false)
	l.mu.Unlock()
	for _, f := range fs {
		f()
	}
}

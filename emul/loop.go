package emul

import (
	"fmt"
	"sync"
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

	timers timerHeap

	mu      sync.Mutex
	posted  []func()
	posting bool // somebody may call Post: wait for SIGIO too
	tid     int  // the loop's own thread
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

// NewLoop makes a loop. debug may be nil. tracer may be nil.
func NewLoop(eng *host.Engine, pers Personality, tracer Tracer, debug func(string)) *Loop {
	return &Loop{
		eng: eng, pers: pers, trace: tracer, debug: debug, tid: unix.Gettid(),
		tasks: map[int]*Task{}, procs: map[int]*Process{}, early: map[int]uint32{},
	}
}

// Engine returns the interception engine.
func (l *Loop) Engine() *host.Engine { return l.eng }

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

// Adopt makes the first task of the tree out of a seized and interrupted
// process with one thread, and puts LSF's region into it. The process must
// have mapped host.InitialSize bytes at host.RegionBase.
func (l *Loop) Adopt(tr *host.Tracee) (*Task, error) {
	if err := tr.AwaitStop(); err != nil {
		return nil, fmt.Errorf("the program ended before it was started: %w", err)
	}
	p := &Process{Pid: tr.Tid, Tasks: map[int]*Task{}, Space: &Space{refs: 1}, loop: l}
	l.procs[p.Pid] = p
	t := l.newTask(p, tr)
	t.slot, _, _ = p.Space.slots.Take()
	t.state = stopped
	if err := tr.GetRegs(&t.Regs); err != nil {
		return nil, err
	}
	image := host.Image(l.pers.HostErrno, l.pers.GuestCode())
	if err := t.WriteMem(host.RegionBase, image); err != nil {
		return nil, fmt.Errorf("cannot write to the program's memory: %w", err)
	}
	return t, nil
}

func (l *Loop) newTask(p *Process, tr *host.Tracee) *Task {
	t := &Task{Tid: tr.Tid, Proc: p, loop: l, trace: tr}
	p.Tasks[t.Tid] = t
	l.tasks[t.Tid] = t
	return t
}

// Run serves guests until none is left.
func (l *Loop) Run() error {
	for len(l.tasks) > 0 {
		l.runPosted()
		if l.timers.len() == 0 && !l.posting {
			tid, status, err := l.eng.Wait(true)
			if err != nil {
				return fmt.Errorf("wait for guests: %w", err)
			}
			l.stop(tid, status)
			continue
		}
		tid, status, err := l.eng.Wait(false)
		if err != nil {
			return fmt.Errorf("wait for guests: %w", err)
		}
		if tid != 0 {
			l.stop(tid, status)
			// A busy guest must not starve timers.
			l.timers.run(time.Now())
			continue
		}
		l.sleep()
	}
	return nil
}

// sleep waits for a child's stop (SIGCHLD), a Post (SIGIO) or the next timer.
// All signals are blocked in every thread of the supervisor, so none is lost.
func (l *Loop) sleep() {
	d, any := l.timers.next(time.Now())
	if any && d <= 0 {
		l.timers.run(time.Now())
		return
	}
	host.AwaitSignal([]int{int(unix.SIGCHLD), int(unix.SIGIO)}, d, any)
	l.timers.run(time.Now())
}

// Post makes the loop call f on its thread soon. It may be called from any
// goroutine, but UsePost must have been called on the loop's thread before.
func (l *Loop) Post(f func()) {
	l.mu.Lock()
	l.posted = append(l.posted, f)
	l.mu.Unlock()
	unix.Tgkill(unix.Getpid(), l.tid, unix.SIGIO)
}

// UsePost tells the loop, on its own thread, that Post will be used from now on.
func (l *Loop) UsePost() { l.posting = true }

func (l *Loop) runPosted() {
	if !l.posting {
		return
	}
	l.mu.Lock()
	fs := l.posted
	l.posted = nil
	l.mu.Unlock()
	for _, f := range fs {
		f()
	}
}

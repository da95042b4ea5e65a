package emul

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
)

// CloneSpec says what Clone makes.
type CloneSpec struct {
	// Flags are Linux's clone flags, with the exit signal in the low byte.
	Flags uint64
	// PIDFD is where Linux stores the descriptor that CLONE_PIDFD makes.
	PIDFD guest.Addr
	// Setup prepares the child's registers; they start as a copy of the
	// parent's at the system call. It runs after the personality's NewTask.
	Setup func(child *Task)
	// Start, if set, is what the child does before it enters the guest; its
	// last action must be Go.
	Start func(child *Task) Action
	// Done gets the parent's result: the child's Linux thread ID or an error.
	Done func(Ret) Action
	// Direct says that all Done does on success is what the tail of this kind
	// does (host.TailPlain, TailZero): then the parent goes on in the guest
	// without another stop. Rdx is as the guest's registers say.
	Direct bool
	Tail   host.TailKind

	slot   host.Slot
	shared bool
}

// Clone makes a new thread or process with Linux's clone(2), run in t's context.
func Clone(t *Task, spec CloneSpec) Action {
	spec.shared = spec.Flags&unix.CLONE_VM != 0
	call := Host(unix.SYS_CLONE, spec.Flags, 0, uint64(spec.PIDFD), 0, 0).Atomic().Then(func(r Ret) Action {
		if r.Err() != nil && spec.shared {
			t.Proc.Space.slots.Free(spec.slot)
		}
		return spec.Done(r)
	})
	call.clone = &spec
	if !spec.shared {
		return call
	}
	slot, chunk, ok := t.Proc.Space.slots.Take()
	if !ok {
		return Fail(unix.EAGAIN)
	}
	spec.slot = slot
	if chunk == 0 {
		return call
	}
	return Host(unix.SYS_MMAP, uint64(chunk), host.ChunkSize, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_FIXED|unix.MAP_NORESERVE, ^uint64(0), 0).Atomic().Then(func(r Ret) Action {
		if r.Err() != nil {
			t.Proc.Space.slots.Free(slot)
			return Fail(unix.EAGAIN)
		}
		return call
	})
}

// cloned serves the event of a task that has just made another.
func (l *Loop) cloned(t *Task) {
	msg, err := t.trace.EventMsg()
	spec := t.act.clone
	if err != nil || spec == nil || t.cloned {
		t.resumeHost(0)
		return
	}
	t.cloned = true
	l.cloning--
	tid := int(msg)
	child := l.newChild(t, spec, tid)
	child.Regs = t.Regs
	child.SetGSBase(t.GSBase())
	child.atStart, child.state = true, stopped
	child.start = spec.Start
	if child.Proc != t.Proc {
		l.pers.NewProcess(child.Proc, t)
	}
	l.pers.NewTask(child, t)
	spec.Setup(child)
	if l.trace != nil {
		l.trace.Clone(t, child)
	}
	if spec.Direct {
		l.goOn(t, spec.Tail)
	}
	t.resumeHost(0)
	if status, ok := l.early[tid]; ok {
		delete(l.early, tid)
		l.stop(tid, status)
	}
	l.killStrangers()
}

// goOn has a task that has just made another, and is still in the call, go on in
// the guest when that returns. If a signal waits it must not: it stops as usual.
func (l *Loop) goOn(t *Task, kind host.TailKind) {
	if !l.unseen() {
		return
	}
	if s := l.pers.Pending(t); s != nil {
		t.deferred = append(t.deferred, s)
	}
	if len(t.deferred) > 0 || t.trace.SetAfterTail(kind, &t.Regs) != nil {
		return
	}
	t.cloned = false
	t.act, t.state = Action{kind: actTail}, inTail
	t.intr, t.chained, t.woken = nil, false, false
}

func (l *Loop) newChild(t *Task, spec *CloneSpec, tid int) *Task {
	tr := l.eng.Tracee(tid)
	p := t.Proc
	if spec.Flags&unix.CLONE_THREAD == 0 {
		p = &Process{Pid: tid, Parent: t.Proc, Tasks: map[int]*Task{}, loop: l}
		l.procs[tid] = p
		if spec.shared {
			p.Space = t.Proc.Space
			p.Space.refs++
		} else {
			p.Space = &Space{slots: t.Proc.Space.slots.Only(t.slot), thunks: t.Proc.Space.thunks.Copy(), refs: 1, shares: t.Proc.Space.shares}
		}
	}
	child := l.newTask(p, tr)
	child.watched = t.watched // Linux copies what is traced
	if t.place.bound {        // Linux copies the binding
		child.place.bound, child.place.free = true, t.place.free
		l.bound++
	}
	child.slot = t.slot
	if spec.shared {
		child.slot = spec.slot
	}
	p.kept, p.guarded = slices.Clone(t.Proc.kept), t.Proc.guarded
	return child
}

// firstStop lets a new task run: interception is armed, then it enters the guest.
func (l *Loop) firstStop(t *Task) {
	t.atStart = false
	next := Go()
	if t.start != nil {
		next = t.start(t)
	}
	if t.trace.Arm() {
		l.perform(t, next)
		return
	}
	l.perform(t, l.ArmAction(next))
}

// ArmAction arms interception in the task itself, then performs next.
func (l *Loop) ArmAction(next Action) Action {
	a, needed := l.eng.ArmCall()
	if !needed {
		return next
	}
	return Host(unix.SYS_PRCTL, a[:]...).Atomic().Then(func(r Ret) Action { return next })
}

// cloneDone is called when a clone call has returned, or its caller is gone.
func (l *Loop) cloneDone(t *Task) {
	if !t.cloned {
		l.cloning--
	}
	t.cloned = false
	l.killStrangers()
}

// stranger is a report about a thread that no event has announced yet.
func (l *Loop) stranger(tid int, status uint32) {
	if l.cloning > 0 {
		l.early[tid] = status
		return
	}
	l.killStranger(tid, status)
}

// killStrangers ends the children of callers that were killed inside clone:
// nobody will ever announce them, and they must not stay behind stopped.
func (l *Loop) killStrangers() {
	if l.cloning > 0 {
		return
	}
	for tid, status := range l.early {
		l.killStranger(tid, status)
	}
	clear(l.early)
}

func (l *Loop) killStranger(tid int, status uint32) {
	if unix.WaitStatus(status).Stopped() {
		l.Debugf("thread %d: its parent died while making it", tid)
		unix.Kill(tid, unix.SIGKILL)
	}
}

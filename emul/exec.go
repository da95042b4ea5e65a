package emul

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
)

// ExecStub replaces the process's address space by one that holds nothing but
// LSF's region: the process execs the region's own image out of a memfd. All
// that Linux's exec does (other threads end, close-on-exec, handlers reset)
// has happened when then runs; the caller then maps the new program.
// failed gets the error if the process could not be replaced.
func ExecStub(t *Task, name string, failed func(error) Action, then func() Action) Action {
	nameAt, err := allocString(t, name)
	if err != nil {
		return failed(err)
	}
	empty := nameAt + guest.Addr(len(name)) // its terminating zero
	argv, err := AllocStore(t, [2]uint64{uint64(nameAt), 0})
	if err != nil {
		return failed(err)
	}
	return Host(unix.SYS_MEMFD_CREATE, uint64(nameAt), unix.MFD_CLOEXEC).Atomic().Then(func(r Ret) Action {
		fd := uint64(r.Val)
		if r.Err() != nil {
			return failed(r.Err())
		}
		exec := Host(unix.SYS_EXECVEAT, fd, uint64(empty), uint64(argv), uint64(argv)+8, unix.AT_EMPTY_PATH).
			Atomic().Then(func(r Ret) Action {
			if err := r.Err(); err != nil {
				return Host(unix.SYS_CLOSE, fd).Atomic().Then(func(Ret) Action { return failed(err) })
			}
			return then()
		})
		return Host(unix.SYS_WRITE, fd, host.CodeBase, host.ImageSize).Atomic().Then(func(r Ret) Action {
			if r.Val != host.ImageSize {
				return Host(unix.SYS_CLOSE, fd).Atomic().Then(func(Ret) Action { return failed(unix.ENOMEM) })
			}
			return exec
		})
	})
}

// ExecNative runs a Linux program in place of the guest, by execveat(2) with
// these arguments. When it works the process is no longer traced.
func ExecNative(args [5]uint64, failed func(error) Action) Action {
	a := Host(unix.SYS_EXECVEAT, args[:]...).Atomic().Then(func(r Ret) Action { return failed(r.Err()) })
	a.native = true
	return a
}

func allocString(t *Task, s string) (guest.Addr, error) {
	at, ok := t.AllocBytes(len(s) + 1)
	if !ok {
		return 0, unix.ENAMETOOLONG
	}
	return at, t.WriteMem(at, append([]byte(s), 0))
}

// execed serves the event of a successful exec. The other threads are gone,
// and the one that called it has become the leader.
func (l *Loop) execed(t *Task) {
	p := t.Proc
	if former, err := t.trace.EventMsg(); err == nil && int(former) != p.Pid {
		if caller := l.tasks[int(former)]; caller != nil {
			l.forget(t)
			delete(l.tasks, caller.Tid)
			delete(p.Tasks, caller.Tid)
			caller.Tid, caller.trace.Tid = p.Pid, p.Pid
			l.tasks[p.Pid], p.Tasks[p.Pid] = caller, caller
			t = caller
		}
	}
	for _, other := range p.Tasks {
		if other != t {
			l.forget(other)
		}
	}
	p.Space.slots.Free(t.slot)
	p.Space.refs--
	p.Space = l.newSpace()
	t.slot, _, _ = p.Space.slots.Take()
	t.scratchUsed = 0
	if t.act.native {
		l.pers.Native(p)
		if l.trace != nil {
			l.trace.NoReturn(t)
		}
		t.Unbind()
		t.trace.Detach(0)
		l.forget(t)
		p.dead = true
		delete(l.procs, p.Pid)
		return
	}
	t.resumeHost(0)
}

// forget drops a thread that is gone, or no longer ours.
func (l *Loop) forget(t *Task) {
	t.dead = true
	if t.place.bound {
		t.unbound()
	}
	delete(l.tasks, t.Tid)
	delete(t.Proc.Tasks, t.Tid)
	t.Proc.Space.slots.Free(t.slot)
	l.pers.TaskExit(t)
	if t.act.clone != nil {
		l.cloneDone(t)
	}
}

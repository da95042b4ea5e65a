package freebsd

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// Reapers: a process that gets the orphans among its descendants, and that can
// list and kill them all (sys/kern/kern_procctl.c reap_*). Linux hands over the
// orphans; who descends from whom is known here, among this supervisor's guests.

// reaping is what a process knows of its reaper.
type reaping struct {
	on      bool     // it is a reaper itself
	reaper  *process // nil is init
	subtree int      // the child of the reaper that it descends from, or is
}

// forked is what a child of p starts with.
func (r reaping) forked(p *process, child int) reaping {
	if r.on {
		return reaping{reaper: p, subtree: child}
	}
	return reaping{reaper: r.reaper, subtree: r.subtree}
}

// abandon hands p's descendants to its own reaper.
func (p *process) abandon() {
	if !p.reap.on {
		return
	}
	p.reap.on = false
	for _, c := range p.descendants() {
		c.reap.reaper, c.reap.subtree = p.reap.reaper, p.reap.subtree
	}
}

// descendants are the live processes whose reaper p is, nil meaning init.
func (p *process) descendants() []*process {
	var out []*process
	p.Loop().Processes(func(o *emul.Process) {
		if c, ok := o.OS.(*process); ok && c.reap.reaper == p && c != p {
			out = append(out, c)
		}
	})
	return out
}

// childOf says whether reaper is p's parent, by birth or by its parent's death.
func (p *process) childOf(reaper *process) bool {
	if p.Parent == nil || p.Parent.Dead() {
		return true
	}
	return p.Parent == reaper.Process
}

// reapCtl is procctl(2) with a command about reapers, on the process id.
func reapCtl(t *emul.Task, id Long, cmd Int, data Addr) emul.Action {
	p := procOf(t)
	if id != 0 && id != Long(p.Pid) {
		o := t.Loop().Process(int(id))
		if o == nil {
			return emul.Fail(abi.ESRCH)
		}
		p = o.OS.(*process)
	}
	own := p == procOf(t)
	switch cmd {
	case abi.PROC_REAP_ACQUIRE, abi.PROC_REAP_RELEASE:
		on := cmd == abi.PROC_REAP_ACQUIRE
		switch {
		case data != 0:
			return emul.Fail(abi.EINVAL)
		case !own:
			return emul.Fail(abi.EPERM)
		case on && p.reap.on:
			return emul.Fail(abi.EBUSY)
		case !on && !p.reap.on:
			return emul.Fail(abi.EINVAL)
		}
		return p.setReaper(on)
	case abi.PROC_REAP_STATUS:
		return storeOrFail(t, guest.Ptr[abi.ReaperStatus](data), p.reaperStatus())
	}
	reaper := p
	if !p.reap.on {
		if reaper = p.reap.reaper; reaper == nil {
			t.Loop().Debugf("pid %d: procctl: the reaper is init, whose descendants are not all guests", t.Proc.Pid)
			return emul.Fail(abi.EPERM)
		}
	}
	if cmd == abi.PROC_REAP_GETPIDS {
		return reaper.reaperPids(t, guest.Ptr[abi.ReaperPids](data))
	}
	return reaper.reaperKill(t, guest.Ptr[abi.ReaperKill](data))
}

func (p *process) setReaper(on bool) emul.Action {
	arg := uint64(0)
	if on {
		arg = 1
	}
	return emul.Host(unix.SYS_PRCTL, unix.PR_SET_CHILD_SUBREAPER, arg).Atomic().Then(func(r emul.Ret) emul.Action {
		switch {
		case r.Err() != nil:
		case on:
			p.reap.on = true
		default:
			p.abandon()
		}
		return emul.Finish(r)
	})
}

func (p *process) reaperStatus() abi.ReaperStatus {
	s := abi.ReaperStatus{Reaper: 1, Pid: -1, Flags: abi.REAPER_STATUS_REALINIT}
	reaper := p.reap.reaper
	if p.reap.on {
		reaper, s.Flags = p, abi.REAPER_STATUS_OWNED
	}
	if reaper == nil {
		return s
	}
	s.Flags &^= abi.REAPER_STATUS_REALINIT
	s.Reaper = int32(reaper.Pid)
	for _, c := range reaper.descendants() {
		s.Descendants++
		child := c.childOf(reaper)
		if child {
			s.Children++
		}
		if s.Pid < 0 || child && s.Children == 1 {
			s.Pid = int32(c.Pid)
		}
	}
	return s
}

// reaperPids lists as many descendants as there is room for.
func (p *process) reaperPids(t *emul.Task, arg guest.Ptr[abi.ReaperPids]) emul.Action {
	rp, err := arg.Load(t)
	if err != nil {
		return emul.Fail(err)
	}
	var out []abi.ReaperPidinfo
	for _, c := range p.descendants() {
		if uint32(len(out)) == rp.Count {
			break
		}
		i := abi.ReaperPidinfo{Pid: int32(c.Pid), Subtree: int32(c.reap.subtree), Flags: abi.REAPER_PIDINFO_VALID}
		if c.childOf(p) {
			i.Flags |= abi.REAPER_PIDINFO_CHILD
		}
		if c.reap.on {
			i.Flags |= abi.REAPER_PIDINFO_REAPER
		}
		out = append(out, i)
	}
	return emul.Fail(guest.Ptr[abi.ReaperPidinfo](rp.Pids).StoreN(t, out))
}

// reaperKill sends a signal to descendants, those of reapers among them included.
func (p *process) reaperKill(t *emul.Task, arg guest.Ptr[abi.ReaperKill]) emul.Action {
	rk, err := arg.Load(t)
	const which = abi.REAPER_KILL_CHILDREN | abi.REAPER_KILL_SUBTREE
	switch s := abi.Signal(rk.Sig); {
	case err != nil:
		return emul.Fail(err)
	case rk.Sig <= 0 || !s.Valid() || rk.Flags&^which != 0 || rk.Flags&which == which:
		return emul.Fail(abi.EINVAL)
	}
	rk.Killed, rk.Fpid = 0, -1
	var targets []*process
	seen := map[*process]bool{}
	var add func(*process)
	add = func(r *process) {
		for _, c := range r.descendants() {
			switch {
			case seen[c],
				r == p && rk.Flags&abi.REAPER_KILL_CHILDREN != 0 && !c.childOf(p),
				r == p && rk.Flags&abi.REAPER_KILL_SUBTREE != 0 && int32(c.reap.subtree) != rk.Subtree:
				continue
			}
			seen[c] = true
			targets = append(targets, c)
			if rk.Flags&abi.REAPER_KILL_CHILDREN == 0 {
				add(c)
			}
		}
	}
	add(p)
	s := abi.Signal(rk.Sig)
	h := xlat.HostSignal(s)
	var calls []emul.Call
	for _, c := range targets {
		calls = append(calls, emul.NewCall(unix.SYS_KILL, uint64(c.Pid), uint64(h)))
	}
	return inBatches(calls, func(rets []emul.Ret) emul.Action {
		// With REAPER_KILL_CHILDREN, FreeBSD says ESRCH whatever it has done.
		failed := error(abi.ESRCH)
		for i, r := range rets {
			switch {
			case r.Err() == nil:
				rk.Killed++
				if h == 0 {
					queueToProcess(targets[i].Process, s, abi.SI_USER, t, 0)
				}
				if rk.Flags&abi.REAPER_KILL_CHILDREN == 0 {
					failed = nil
				}
			case failed == abi.ESRCH && r.Err() != unix.ESRCH:
				rk.Fpid, failed = int32(targets[i].Pid), r.Err()
			}
		}
		if err := arg.Store(t, rk); err != nil {
			return emul.Fail(err)
		}
		return emul.Fail(failed)
	})
}

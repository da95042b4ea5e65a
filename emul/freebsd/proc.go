package freebsd

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
)

// exit(2): all threads end; the status's low byte is what parents see.
func exit(t *emul.Task, status Int) emul.Action {
	return leaveRobust(t, func() emul.Action { return emul.Tail(unix.SYS_EXIT_GROUP, uint64(status)) })
}

func fork(t *emul.Task) emul.Action {
	return forkWith(t, uint64(unix.SIGCHLD), false)
}

func vfork(t *emul.Task) emul.Action {
	return forkWith(t, unix.CLONE_VM|unix.CLONE_VFORK|uint64(unix.SIGCHLD), false)
}

func forkWith(t *emul.Task, flags uint64, defaults bool) emul.Action {
	return emul.Clone(t, emul.CloneSpec{
		Flags: flags,
		Setup: func(c *emul.Task) {
			c.Regs.SetResult(0)
			c.Regs.Rdx, t.Regs.Rdx = 1, 0
			if defaults {
				procOf(c).sig.acts.reset()
			}
		},
		Start:  closeKqueues(t, flags),
		Direct: true,
		Done: func(r emul.Ret) emul.Action {
			if r.Err() != nil {
				return emul.Finish(r)
			}
			return emul.Return2(uint64(r.Val), 0)
		},
	})
}

// closeKqueues is what a child with a descriptor table of its own does first:
// kqueues are not inherited.
func closeKqueues(t *emul.Task, flags uint64) func(*emul.Task) emul.Action {
	if flags&unix.CLONE_FILES != 0 {
		return nil
	}
	fds := kqForked(procOf(t))
	if len(fds) == 0 {
		return nil
	}
	return func(*emul.Task) emul.Action {
		var calls []emul.Call
		for _, fd := range fds {
			calls = append(calls, emul.NewCall(unix.SYS_CLOSE, uint64(fd)))
		}
		return inBatches(calls, func([]emul.Ret) emul.Action { return emul.Go() })
	}
}

// Flags of rfork (sys/unistd.h).
const (
	rfNAMEG     = 1 << 0
	rfENVG      = 1 << 1
	rfFDG       = 1 << 2
	rfPROC      = 1 << 4
	rfMEM       = 1 << 5
	rfNOWAIT    = 1 << 6
	rfCFDG      = 1 << 12
	rfTHREAD    = 1 << 13
	rfSIGSHARE  = 1 << 14
	rfLINUXTHPN = 1 << 16
	rfTSIGZMB   = 1 << 19
	rfPPWAIT    = 1 << 31
	rfSPAWN     = 1 << 31
)

func rfork(t *emul.Task, flags Uint) emul.Action {
	if flags == rfSPAWN {
		// As vfork, but the child starts with default signal handlers.
		return forkWith(t, unix.CLONE_VM|unix.CLONE_VFORK|uint64(unix.SIGCHLD), true)
	}
	if flags&(rfFDG|rfCFDG) == rfFDG|rfCFDG || flags&rfPROC == 0 && flags&^(rfFDG|rfCFDG) != 0 {
		return emul.Fail(abi.EINVAL)
	}
	if flags&rfPROC == 0 || flags&(rfCFDG|rfNOWAIT|rfSIGSHARE|rfTHREAD|rfTSIGZMB) != 0 {
		t.Loop().Debugf("pid %d: rfork(%#x): flags that Linux has no way for", t.Proc.Pid, uint32(flags))
		return emul.Fail(abi.EINVAL)
	}
	f := uint64(unix.SIGCHLD)
	if flags&rfMEM != 0 {
		f |= unix.CLONE_VM
	}
	if flags&rfFDG == 0 {
		f |= unix.CLONE_FILES
	}
	return forkWith(t, f, false)
}

// NewProcess implements emul.Personality: what fork1() copies to a child.
func (o *OS) NewProcess(child *emul.Process, parent *emul.Task) {
	pp := procOf(parent)
	if child.Space == parent.Proc.Space {
		pp.sig.acts.fetch(pp)
	}
	c := *pp
	c.Process = child
	c.sig.queue = nil
	child.OS = &c
	if pp.kq.local != nil && child.Space != parent.Proc.Space {
		forgetTable(child)
	}
	c.forked(pp)
	kqProcForked(pp, &c)
}

// NewTask implements emul.Personality.
func (o *OS) NewTask(t, parent *emul.Task) {
	th := &thread{Task: t}
	if parent != nil {
		pt := threadOf(parent)
		th.sig.mask = pt.sig.mask
		th.ids = pt.ids // Linux copies the IDs with the thread
		if t.Proc != parent.Proc {
			if t.Proc.Space == parent.Proc.Space {
				th.setAltStack(parent, pt.altStack()) // else the memory has been copied
				forgetEvents(parent, th)
			}
			th.sig.fast = pt.sig.fast
			th.umtx = pt.umtx // and that its end is watched
		} else {
			th.setAltStack(parent, abi.StackT{Flags: abi.SS_DISABLE})
			forgetEvents(parent, th)
			p := procOf(parent)
			p.sig.acts.fetch(p)
		}
	} else {
		th.sig.mask = xlat.GuestSigset(t.Mask())
	}
	t.OS = th
}

func wait4(t *emul.Task, pid Int, status guest.Ptr[int32], options Int, ru Addr) emul.Action {
	opts, ok := xlat.WaitOptions(int32(options))
	if !ok {
		return emul.Fail(abi.EINVAL)
	}
	// wait4 always waits for exits; WEXITED is for wait6 alone.
	opts &= unix.WNOHANG | unix.WUNTRACED | unix.WCONTINUED
	buf := emul.Alloc[uint32](t)
	return emul.Host(unix.SYS_WAIT4, uint64(pid), uint64(buf), uint64(opts)|procOf(t).pds.waitFlags(int64(pid)), uint64(ru)).Then(func(r emul.Ret) emul.Action {
		if r.Err() != nil || r.Val == 0 || status == 0 {
			return emul.Finish(r)
		}
		s, err := buf.Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		if err := status.Store(t, int32(xlat.WaitStatus(s))); err != nil {
			return emul.Fail(err)
		}
		return emul.Finish(r)
	})
}

// Kinds of IDs that wait6 takes (sys/_types.h idtype_t).
const (
	pPID  = 0
	pPGID = 2
	pALL  = 7
)

func wait6(t *emul.Task, idtype Int, id Long, status guest.Ptr[int32], options Int, wru Addr, info guest.Ptr[abi.Siginfo]) emul.Action {
	opts, ok := xlat.WaitOptions(int32(options))
	if !ok || opts&(unix.WEXITED|unix.WUNTRACED|unix.WCONTINUED) == 0 && options&32 == 0 {
		return emul.Fail(abi.EINVAL)
	}
	var kind uint64
	switch idtype {
	case pPID:
		kind = unix.P_PID
	case pPGID:
		kind = unix.P_PGID
	case pALL:
		kind = unix.P_ALL
	default:
		t.Loop().Debugf("pid %d: wait6: kind of ID %d has no Linux twin", t.Proc.Pid, idtype)
		return emul.Fail(abi.EINVAL)
	}
	si := emul.Alloc[host.Siginfo](t)
	if err := si.Store(t, host.Siginfo{}); err != nil {
		return emul.Fail(err)
	}
	if opts&(unix.WEXITED|unix.WUNTRACED|unix.WCONTINUED) == 0 {
		// Traps of traced children only, which there are none of.
		return emul.Host(unix.SYS_WAITID, kind, uint64(id), uint64(si), unix.WSTOPPED|unix.WNOHANG|unix.WNOWAIT, 0).
			Then(func(r emul.Ret) emul.Action {
				if r.Err() == nil && opts&unix.WNOHANG == 0 {
					t.Loop().Debugf("pid %d: wait6 for traps alone would never end", t.Proc.Pid)
					return emul.Fail(abi.EINVAL)
				}
				return emul.Finish(r)
			})
	}
	flags := uint64(opts)
	if idtype == pPID {
		flags |= procOf(t).pds.waitFlags(int64(id))
	}
	return emul.Host(unix.SYS_WAITID, kind, uint64(id), uint64(si), flags, uint64(wru)).Then(func(r emul.Ret) emul.Action {
		if r.Err() != nil {
			return emul.Finish(r)
		}
		h, err := si.Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		pid := binary.LittleEndian.Uint32(h.Fields[:])
		if pid != 0 && status != 0 {
			if err := status.Store(t, childStatus(&h)); err != nil {
				return emul.Fail(err)
			}
		}
		if info != 0 {
			var g abi.Siginfo
			if pid != 0 {
				g = xlat.Siginfo(abi.SIGCHLD, h.Code, 0, h.Fields[:])
			}
			if err := info.Store(t, g); err != nil {
				return emul.Fail(err)
			}
		}
		return emul.Return(uint64(pid))
	})
}

// childStatus makes a wait status word of waitid's siginfo.
func childStatus(h *host.Siginfo) int32 {
	st := binary.LittleEndian.Uint32(h.Fields[8:])
	sig := uint32(xlat.GuestSignal(unix.Signal(st)))
	switch h.Code {
	case 1: // CLD_EXITED
		return int32(st&0xff) << 8
	case 2: // CLD_KILLED
		return int32(sig)
	case 3: // CLD_DUMPED
		return int32(sig | 0x80)
	case 6: // CLD_CONTINUED
		return int32(abi.SIGCONT)
	}
	return int32(sig<<8 | 0x7f)
}

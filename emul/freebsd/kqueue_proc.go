package freebsd

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
)

// procFilter is EVFILT_PROC (filt_proc*).
type procFilter struct {
	target *process // nil when it is gone, or no guest
	// exited says that the target was a zombie already, with that status.
	exited bool
	status int
	// unwatch ends the watch of a process that is no guest.
	unwatch func()
	pid     int
}

// newProcFilter finds the process that a change names. FreeBSD finds zombies
// only for NOTE_EXIT (filt_procattach).
func (c *keventCall) newProcFilter(ch *abi.Kevent, s *survey) (filter, error) {
	if ch.Ident == 0 || ch.Ident > math.MaxInt32 {
		return nil, abi.ESRCH
	}
	pid := int(ch.Ident)
	if p := c.t.Loop().Process(pid); p != nil {
		return &procFilter{target: p.OS.(*process), pid: pid}, nil
	}
	if p := s.pid(pid); p != nil && p.zombie {
		if ch.Fflags&abi.NOTE_EXIT == 0 {
			return nil, abi.ESRCH
		}
		return &procFilter{exited: true, status: p.status, pid: pid}, nil
	}
	if err := unix.Kill(pid, 0); err == unix.ESRCH {
		return nil, abi.ESRCH
	}
	return &procFilter{pid: pid}, nil
}

func (f *procFilter) attach(kn *knote) error {
	kn.ev.Flags |= abi.EV_CLEAR
	switch {
	case f.exited:
		f.exit(kn, f.status)
	case f.target != nil:
		f.target.kq.watchers = append(f.target.kq.watchers, kn)
	default:
		return f.watchForeign(kn)
	}
	return nil
}

func (f *procFilter) detach(kn *knote) {
	if f.target != nil {
		f.target.kq.watchers = slices.DeleteFunc(f.target.kq.watchers, func(k *knote) bool { return k == kn })
		f.target = nil
	}
	if f.unwatch != nil {
		f.unwatch()
		f.unwatch = nil
	}
}

func (f *procFilter) ready(kn *knote) bool { return kn.ev.Fflags != 0 }

// event records what the process did, as far as the guest wants to know.
func (f *procFilter) event(kn *knote, note uint32) {
	if kn.sfflags&note != 0 {
		kn.ev.Fflags |= note
		kn.activate()
	}
}

// exit records that the process is gone.
func (f *procFilter) exit(kn *knote, status int) {
	f.target = nil
	kn.ev.Flags |= abi.EV_EOF | abi.EV_ONESHOT
	if kn.sfflags&abi.NOTE_EXIT != 0 {
		kn.ev.Fflags |= abi.NOTE_EXIT
		kn.ev.Data = int64(status)
	}
	kn.discard = kn.ev.Fflags == 0
	kn.activate()
}

// watchForeign waits for the exit of a process that is no guest. Nothing else of
// what it does can be seen.
func (f *procFilter) watchForeign(kn *knote) error {
	fd, err := unix.PidfdOpen(f.pid, 0)
	if err != nil {
		kn.kq.debugf("kqueue: process %d cannot be watched: %v", f.pid, err)
		if err == unix.ESRCH {
			return abi.ESRCH
		}
		return abi.EPERM
	}
	w, err := watchReadable(fd, kn.kq.proc.Loop(), func() bool {
		status := exitStatus(fd, f.pid)
		f.unwatch()
		f.unwatch = nil
		f.exit(kn, status)
		return false
	})
	if err != nil {
		return abi.EPERM
	}
	f.unwatch = w.close
	return nil
}

// exitStatus finds out how a process that is no child of ours has ended, as
// FreeBSD's wait status: from /proc while nobody has waited for it, later from
// its pidfd (Linux 6.15). It is 0 if neither works.
func exitStatus(pidfd, pid int) int {
	for range 2 {
		info := unix.PidfdInfo{Mask: unix.PIDFD_INFO_EXIT}
		if err := unix.IoctlPidfdInfo(pidfd, &info); err == nil && info.Mask&unix.PIDFD_INFO_EXIT != 0 {
			return int(xlat.WaitStatus(uint32(info.Exit_code)))
		}
		stat, err := readSmall(hostProc(fmt.Sprintf("/proc/%d/stat", pid)))
		if err != nil {
			continue // waited for meanwhile
		}
		if fields := strings.Fields(string(stat)); len(fields) > 0 {
			if st, err := strconv.ParseUint(fields[len(fields)-1], 10, 32); err == nil {
				return int(xlat.WaitStatus(uint32(st)))
			}
		}
	}
	return 0
}

// kqProcForked tells the kqueues that watch parent about its new child.
// It is to be called when child is known to the loop, before either runs on.
func kqProcForked(parent, child *process) {
	for _, kn := range slices.Clone(parent.kq.watchers) {
		f := kn.f.(*procFilter)
		if kn.sfflags&abi.NOTE_TRACK != 0 {
			kn.track(child)
		}
		f.event(kn, abi.NOTE_FORK)
	}
}

// track makes kn's kqueue watch a child of the process that kn watches: one
// knote says that there is a child, another follows it (knote_fork).
func (kn *knote) track(child *process) {
	born := abi.Kevent{
		Ident: uint64(child.Pid), Filter: abi.EVFILT_PROC, Udata: kn.ev.Udata,
		Flags: kn.ev.Flags | abi.EV_ONESHOT,
	}
	note := &knote{kq: kn.kq, f: &procFilter{pid: child.Pid}, ev: born}
	note.ev.Fflags, note.ev.Data = abi.NOTE_CHILD, int64(kn.ev.Ident)
	kn.kq.loose[note] = struct{}{}
	note.activate()

	follow := abi.Kevent{
		Ident: uint64(child.Pid), Filter: abi.EVFILT_PROC, Udata: kn.ev.Udata,
		Flags: kn.ev.Flags, Fflags: kn.sfflags,
	}
	if _, err := kn.kq.add(&follow, &procFilter{target: child, pid: child.Pid}); err != nil {
		kn.ev.Fflags |= abi.NOTE_TRACKERR
	}
}

// kqProcExeced tells the kqueues that watch p about its successful execve.
func kqProcExeced(p *process) {
	for _, kn := range slices.Clone(p.kq.watchers) {
		kn.f.(*procFilter).event(kn, abi.NOTE_EXEC)
	}
}

// kqProcNative tells the kqueues that watch p that it has become a Linux
// program by execve: only its exit will be seen.
func kqProcNative(p *process) {
	kqProcExeced(p)
	for _, kn := range p.kq.watchers {
		f := kn.f.(*procFilter)
		f.target = nil
		if err := f.watchForeign(kn); err != nil {
			kn.kq.debugf("kqueue: process %d: its exit will not be noticed: %v", p.Pid, err)
		}
	}
	p.kq.watchers = nil
	p.kq.closeRange(0, math.MaxInt32)
	p.kq.vnodes.close()
}

// kqProcExited tells the kqueues that watch p that it has exited with status
// (FreeBSD's wait status), and gives up p's own kqueues.
func kqProcExited(p *process, status int) {
	watchers := p.kq.watchers
	p.kq.watchers = nil
	for _, kn := range watchers {
		kn.f.(*procFilter).exit(kn, status)
	}
	p.kq.closeRange(0, math.MaxInt32)
	p.kq.vnodes.close()
}

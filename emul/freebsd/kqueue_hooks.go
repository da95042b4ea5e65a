package freebsd

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// open says that descriptor fd stands for kq.
func (k *kqueues) open(fd int32, kq *kqueue) {
	if k.byFD == nil {
		k.byFD = map[int32]*kqueue{}
	}
	k.byFD[fd] = kq
	kq.refs++
}

// closeRange forgets all knotes on the descriptors lo to hi, and the kqueues
// that lose their last one (knote_fdclose, kqueue_close).
func (k *kqueues) closeRange(lo, hi int32) {
	if len(k.byFD) == 0 {
		return
	}
	for fd, kq := range k.byFD {
		if fd < lo || fd > hi {
			continue
		}
		delete(k.byFD, fd)
		kq.endLocal(fd)
		if kq.refs--; kq.refs == 0 {
			kq.destroy()
		}
	}
	k.all(func(kq *kqueue) { kq.dropRange(lo, hi) })
}

// fdFilters are the filters whose ident is a descriptor.
var fdFilters = [...]int16{abi.EVFILT_READ, abi.EVFILT_WRITE, abi.EVFILT_VNODE, abi.EVFILT_PROCDESC}

// dropRange drops the knotes on the descriptors lo to hi. No call on the host is
// needed: if the file is still open elsewhere, epoll goes on watching it, but
// the number in its events is stale.
func (kq *kqueue) dropRange(lo, hi int32) {
	if lo == hi { // without going through all knotes
		if e := kq.fds[lo]; e != nil {
			e.closed = true
			delete(kq.fds, lo)
		}
		for _, f := range fdFilters {
			if kn := kq.notes[noteKey{uint64(uint32(lo)), f}]; kn != nil {
				kq.drop(kn)
			}
		}
		return
	}
	for fd, e := range kq.fds {
		if fd >= lo && fd <= hi {
			e.closed = true
			delete(kq.fds, fd)
		}
	}
	for key, kn := range kq.notes {
		if fdFilter(key.filter) && key.ident >= uint64(max(lo, 0)) && key.ident <= uint64(hi) {
			kq.drop(kn)
		}
	}
}

// fdDuped tells that a successful dup made descriptor newfd out of oldfd.
// Whatever newfd was before has been reported closed.
func fdDuped(t *emul.Task, oldfd, newfd FD) {
	p := procOf(t)
	if kq := p.kq.byFD[int32(oldfd)]; kq != nil && oldfd != newfd {
		t.KeepFD(int(newfd))
		p.kq.open(int32(newfd), kq)
	}
	p.pds.duped(t, int32(oldfd), int32(newfd))
}

// dupFree makes the host call that duplicates fd to a free number. Only for a
// kqueue or a process descriptor must the supervisor know which.
func dupFree(t *emul.Task, fd FD, nr emul.HostNR, args ...uint64) emul.Action {
	if p := procOf(t); p.kq.byFD[int32(fd)] == nil && p.pds.byFD[int32(fd)] == nil {
		return emul.Tail(nr, args...)
	}
	return emul.Host(nr, args...).Then(func(r emul.Ret) emul.Action {
		if r.Err() == nil {
			fdDuped(t, fd, FD(r.Val))
		}
		return emul.Finish(r)
	})
}

// kqForked returns the descriptors that a child with a descriptor table of its
// own must close: kqueues are not inherited.
func kqForked(parent *process) []int {
	var fds []int
	for fd := range parent.kq.byFD {
		fds = append(fds, int(fd))
	}
	return fds
}

// kqExec finds out which descriptors an execve has closed, and goes on with
// next. Without kqueues and process descriptors there is nothing to find out.
func kqExec(t *emul.Task, next func() emul.Action) emul.Action {
	p := procOf(t)
	if len(p.kq.byFD) == 0 && len(p.pds.byFD) == 0 {
		return next()
	}
	var calls []emul.Call
	fds := map[int32]bool{}
	for fd := range p.kq.byFD {
		fds[fd] = true
	}
	for fd := range p.pds.byFD {
		fds[fd] = true
	}
	p.kq.all(func(kq *kqueue) {
		for key := range kq.notes {
			if fdFilter(key.filter) {
				fds[int32(key.ident)] = true
			}
		}
	})
	var order []int32
	for fd := range fds {
		order = append(order, fd)
		calls = append(calls, emul.NewCall(unix.SYS_FCNTL, uint64(fd), unix.F_GETFD))
	}
	return inBatches(calls, func(rets []emul.Ret) emul.Action {
		for i, r := range rets {
			if r.Err() == unix.EBADF {
				p.kq.closeRange(order[i], order[i])
				p.pds.closeRange(order[i], order[i])
			}
		}
		return next()
	})
}

// inBatches is Batch for any number of calls.
func inBatches(calls []emul.Call, then func(rets []emul.Ret) emul.Action) emul.Action {
	const most = 128
	var all []emul.Ret
	var next func() emul.Action
	next = func() emul.Action {
		part := calls[len(all):min(len(all)+most, len(calls))]
		return emul.Batch(part...).ThenAll(func(rets []emul.Ret) emul.Action {
			if all = append(all, rets...); len(all) < len(calls) {
				return next()
			}
			return then(all)
		})
	}
	return next()
}

// now is the time of EVFILT_TIMER.
func (kq *kqueue) now() time.Time { return kq.clock.now() }

// after calls f when d has passed, on the loop's thread. stop cancels it.
func (kq *kqueue) after(d time.Duration, f func()) (stop func()) { return kq.clock.after(d, f) }

// clock is the loop's time, or a test's.
type clock interface {
	now() time.Time
	after(d time.Duration, f func()) (stop func())
}

type loopClock struct{ l *emul.Loop }

func (c loopClock) now() time.Time { return time.Now() }

func (c loopClock) after(d time.Duration, f func()) (stop func()) { return c.l.After(d, f).Stop }

package freebsd

import (
	"math"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// poll and select on a kqueue (kqueue_poll of kern_event.c): Linux knows when
// a watched descriptor is ready, but not of the events that the supervisor
// keeps. So such a wait can be woken for those.

// kqWait is one wait on descriptors among which are kqueues.
type kqWait struct {
	t        *emul.Task
	kqs      map[int32]*kqueue // by descriptor
	timed    bool
	deadline time.Time
	ts       guest.Ptr[unix.Timespec]
	after    func(emul.Ret) // may be nil
}

// newKqWait returns nil when none of the descriptors is a kqueue. want is
// asked for each kqueue whether the guest waits to read from it.
func newKqWait(t *emul.Task, after func(emul.Ret), want func(fd int32) bool) *kqWait {
	p := procOf(t)
	var w *kqWait
	for fd, kq := range p.kq.byFD {
		if !want(fd) {
			continue
		}
		if w == nil {
			w = &kqWait{t: t, kqs: map[int32]*kqueue{}, after: after}
		}
		w.kqs[fd] = kq
	}
	return w
}

// within sets how long to wait. Times beyond FreeBSD's int32 seconds are forever.
func (w *kqWait) within(sec, nsec int64) {
	if sec <= math.MaxInt32 {
		w.timed, w.deadline = true, time.Now().Add(time.Duration(sec)*time.Second+time.Duration(nsec))
	}
}

// runFor runs a wait for the time at timeout, forever if that is 0.
func runFor(t *emul.Task, w *kqWait, timeout guest.Ptr[abi.Timespec], run func() emul.Action) emul.Action {
	if timeout != 0 {
		ts, err := timeout.Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		w.within(ts.Sec, ts.Nsec)
	}
	return run()
}

// ready says whether some kqueue has events that Linux does not know of.
func (w *kqWait) ready() bool {
	procOf(w.t).kq.drainVnodes()
	for _, kq := range w.kqs {
		if len(kq.queue) > 0 || kq.closed {
			return true
		}
	}
	return false
}

// run makes the host call that call makes for a timeout (the address of a
// timespec, or 0), and ends with done.
func (w *kqWait) run(call func(ts uint64) emul.Action, done func(emul.Ret) emul.Action) emul.Action {
	ready := w.ready()
	left := time.Duration(-1)
	switch {
	case ready:
		left = 0
	case w.timed:
		left = max(time.Until(w.deadline), 0)
	}
	var ts uint64
	if left >= 0 {
		if w.ts == 0 {
			w.ts = emul.Alloc[unix.Timespec](w.t)
		}
		if err := w.ts.Store(w.t, unix.NsecToTimespec(int64(left))); err != nil {
			return emul.Fail(err)
		}
		ts = uint64(w.ts)
	}
	act := call(ts).NoRestart()
	if left == 0 {
		act = act.Atomic()
	} else {
		act = act.Wakeable()
		for _, kq := range w.kqs {
			kq.pollers = append(kq.pollers, w.t)
		}
	}
	return act.Then(func(r emul.Ret) emul.Action {
		for _, kq := range w.kqs {
			kq.pollers = slices.DeleteFunc(kq.pollers, func(x waiter) bool { return x == w.t })
		}
		if r.Err() == unix.EINTR && (!r.Interrupted || w.ready()) {
			return w.run(call, done)
		}
		if w.after != nil {
			w.after(r)
		}
		if r.Err() != nil {
			return emul.Finish(r)
		}
		return done(r)
	})
}

// pollKqueues is poll or ppoll if some of the descriptors are kqueues; w is
// nil otherwise.
func pollKqueues(t *emul.Task, fds guest.Ptr[abi.Pollfd], n Uint, after func(emul.Ret)) (w *kqWait, run func() emul.Action) {
	if len(procOf(t).kq.byFD) == 0 || n > pollMax/2 {
		return nil, nil
	}
	asked, err := fds.LoadN(t, int(n))
	if err != nil {
		return nil, nil // as the ordinary way will notice
	}
	const in = abi.POLLIN | abi.POLLRDNORM
	w = newKqWait(t, after, func(fd int32) bool {
		return slices.ContainsFunc(asked, func(p abi.Pollfd) bool { return p.FD == fd && p.Events&in != 0 })
	})
	if w == nil {
		return nil, nil
	}
	return w, func() emul.Action {
		at, ok := t.AllocBytes(8 * int(n))
		if !ok {
			return emul.Fail(abi.ENOMEM)
		}
		buf := guest.Ptr[unix.PollFd](at)
		host := make([]unix.PollFd, n)
		for i, p := range asked {
			host[i] = unix.PollFd{Fd: p.FD, Events: xlat.PollEvents(p.Events)}
		}
		if err := buf.StoreN(t, host); err != nil {
			return emul.Fail(err)
		}
		return w.run(func(ts uint64) emul.Action {
			return emul.Host(unix.SYS_PPOLL, uint64(buf), uint64(n), ts, 0, 8)
		}, func(emul.Ret) emul.Action {
			host, err := buf.LoadN(t, int(n))
			if err != nil {
				return emul.Fail(err)
			}
			count := uint64(0)
			for i := range asked {
				p := &asked[i]
				p.Revents = xlat.PollRevents(host[i].Revents, p.Events)
				if kq := w.kqs[p.FD]; kq != nil && len(kq.queue) > 0 {
					p.Revents |= p.Events & in
				}
				if p.Revents != 0 {
					count++
				}
			}
			if err := fds.StoreN(t, asked); err != nil {
				return emul.Fail(err)
			}
			return emul.Return(count)
		})
	}
}

// selectKqueues is select or pselect if some of the descriptors of the set in
// are kqueues; w is nil otherwise.
func selectKqueues(t *emul.Task, n Int, in, out, ex Addr, after func(emul.Ret)) (w *kqWait, run func() emul.Action) {
	if len(procOf(t).kq.byFD) == 0 || in == 0 || n <= 0 || n > 1<<16 {
		return nil, nil
	}
	set := guest.Ptr[byte](in)
	bits, err := set.LoadN(t, (int(n)+7)/8)
	if err != nil {
		return nil, nil
	}
	w = newKqWait(t, after, func(fd int32) bool {
		return fd < int32(n) && bits[fd/8]&(1<<(fd%8)) != 0
	})
	if w == nil {
		return nil, nil
	}
	return w, func() emul.Action {
		return w.run(func(ts uint64) emul.Action {
			return emul.Host(unix.SYS_PSELECT6, uint64(n), uint64(in), uint64(out), uint64(ex), ts, 0)
		}, func(r emul.Ret) emul.Action {
			bits, err := set.LoadN(t, len(bits))
			if err != nil {
				return emul.Fail(err)
			}
			count := uint64(r.Val)
			for fd, kq := range w.kqs {
				if bit := byte(1) << (fd % 8); len(kq.queue) > 0 && bits[fd/8]&bit == 0 {
					bits[fd/8] |= bit
					count++
				}
			}
			if err := set.StoreN(t, bits); err != nil {
				return emul.Fail(err)
			}
			return emul.Return(count)
		})
	}
}

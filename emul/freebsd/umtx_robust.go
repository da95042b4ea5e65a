package freebsd

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
)

// umtxThread is what a thread has told about the robust mutexes that it holds.
type umtxThread struct {
	robust abi.UmtxRobustLists
	narrow bool // pointers in them have 32 bits
}

// robustLists is UMTX_OP_ROBUST_LISTS.
func (c *umtxCall) robustLists() emul.Action {
	th := &threadOf(c.t).umtx
	size := 8
	if c.narrow {
		size = 4
	}
	if th.robust != (abi.UmtxRobustLists{}) && th.narrow != c.narrow {
		return emul.Fail(abi.EBUSY)
	}
	if c.val > uint64(3*size) {
		return emul.Fail(abi.EINVAL)
	}
	var b [24]byte
	if err := c.t.ReadMem(guest.Addr(c.uaddr1), b[:c.val]); err != nil {
		return emul.Fail(err)
	}
	word := func(i int) uint64 {
		if c.narrow {
			return uint64(le.Uint32(b[4*i:]))
		}
		return le.Uint64(b[8*i:])
	}
	th.robust, th.narrow = abi.UmtxRobustLists{List: word(0), Priv: word(1), Inact: word(2)}, c.narrow
	threadOf(c.t).watchRobust()
	return emul.Return(0)
}

// umtxMaxRobust is how many of a list are looked at (kern.ipc.umtx_max_robust).
const umtxMaxRobust = 1000

// watchRobust arranges for ownerDied to be called however the thread ends.
func (th *thread) watchRobust() {
	if th.umtx.robust != (abi.UmtxRobustLists{}) {
		th.WatchExit()
	}
}

// ownerDied is umtx_thread_cleanup: the robust mutexes that the thread holds
// are marked and returned; who sleeps in them is still to be woken. As long as
// a mutex is the thread's, others do nothing to its word but set the mark
// CONTESTED, so that a plain store is right.
func (th *thread) ownerDied() (dead []uint64) {
	lists := th.umtx.robust
	if lists == (abi.UmtxRobustLists{}) {
		return nil
	}
	th.umtx.robust = abi.UmtxRobustLists{}
	inact := lists.Inact
	if inact != 0 {
		inact, _ = th.umtxPointer(inact)
	}
	take := func(at uint64, mayBeFree bool) (next uint64, ok bool) {
		m, err := guest.Ptr[abi.Umutex](at).Load(th.Task)
		if err != nil || m.Flags&abi.UMUTEX_ROBUST == 0 {
			return 0, false
		}
		next = m.Next
		if th.umtx.narrow {
			next = uint64(uint32(next))
		}
		if m.Owner&^abi.UMUTEX_CONTESTED != uint32(guestTID(th.Task)) {
			return next, mayBeFree
		}
		if guest.Ptr[uint32](at).Store(th.Task, abi.UMUTEX_RB_OWNERDEAD) != nil {
			return next, false
		}
		dead = append(dead, at)
		return next, true
	}
	for _, list := range []uint64{lists.List, lists.Priv} {
		if list == 0 {
			continue
		}
		at, err := th.umtxPointer(list)
		ok := err == nil
		n := 0
		for ; ok && at != 0 && n < umtxMaxRobust; n++ {
			free := at == inact
			if free {
				inact = 0
			}
			at, ok = take(at, free)
		}
		if !ok || n == umtxMaxRobust {
			th.Loop().Debugf("pid %d: thread %d: list of robust mutexes broken off after %d", th.Proc.Pid, guestTID(th.Task), n)
		}
	}
	if inact != 0 {
		take(inact, true)
	}
	return dead
}

// umtxPointer reads a pointer of the thread's architecture.
func (th *thread) umtxPointer(at uint64) (uint64, error) {
	if th.umtx.narrow {
		v, err := guest.Ptr[uint32](at).Load(th.Task)
		return uint64(v), err
	}
	return guest.Ptr[uint64](at).Load(th.Task)
}

// leaveRobust marks what the thread holds before it goes on with what makes it
// lose it, and wakes in its own context who waits for that.
func leaveRobust(t *emul.Task, next func() emul.Action) emul.Action {
	dead := threadOf(t).ownerDied()
	var wake func() emul.Action
	wake = func() emul.Action {
		if len(dead) == 0 {
			return next()
		}
		n := min(len(dead), 128)
		calls := make([]emul.Call, n)
		for i, at := range dead[:n] {
			calls[i] = emul.NewCall(unix.SYS_FUTEX, at, futexWake, 1)
		}
		dead = dead[n:]
		return emul.Batch(calls...).ThenAll(func([]emul.Ret) emul.Action { return wake() })
	}
	return wake()
}

// TaskExiting implements emul.Personality. A thread that has been killed can
// wake nobody: all who sleep on this supervisor's side look again.
func (o *OS) TaskExiting(t *emul.Task) {
	if len(threadOf(t).ownerDied()) > 0 {
		t.Loop().Rouse()
	}
}

// umtxKilled rouses who sleeps when a process that shares memory was killed: it
// may have been just between giving up a lock and waking somebody.
func (p *process) umtxKilled(status uint32) {
	if unix.WaitStatus(status).Signaled() && len(p.mem.shared) > 0 {
		p.Loop().Rouse()
	}
}

package freebsd

import (
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// procSignals is what a process knows of signals. Linux's own dispositions
// stay at their defaults, so that what a guest does not catch has Linux's
// effect; handlers, masks and the rest live here.
type procSignals struct {
	acts sigActs
	// hostIgnored are the Linux signals that Linux ignores for this process:
	// inherited, or set by syncHost.
	hostIgnored uint64
	childFlags  uint64 // Linux's SA_NOCLD* flags as last set
	// queue holds signals for the process that Linux cannot hold: those
	// without a Linux number.
	queue []*emul.Signal
}

// threadSignals is what a thread knows of signals.
type threadSignals struct {
	mask abi.Sigset
	// saved is the mask to return to after a handler, when sigsuspend and its
	// like have replaced it for the time of their wait.
	saved *abi.Sigset
	queue []*emul.Signal
	// waiting is the set that sigwait and its like wait for.
	waiting *abi.Sigset
	fast    fastblock
}

// kept are the signals that must not be blocked in Linux, since stops of ours
// come by them; where a guest blocks them they wait in our queue.
const kept = 1<<(unix.SIGTRAP-1) | 1<<(unix.SIGSYS-1)

// setMask makes m the thread's mask. t must be stopped.
func setMask(t *emul.Task, m abi.Sigset) {
	m.Del(abi.SIGKILL)
	m.Del(abi.SIGSTOP)
	th := threadOf(t)
	if m == th.sig.mask {
		return
	}
	th.sig.mask = m
	t.SetMask(hostMask(procOf(t), &m))
}

// hostMask is what Linux is to block where a guest blocks m: not what brings
// our own stops, and not what a kqueue counts even if it is blocked.
func hostMask(p *process, m *abi.Sigset) uint64 {
	return xlat.HostSigset(m) &^ (kept | p.kq.counted)
}

// ignoredByDefault are the signals whose default action is to be ignored
// (kern_sig.c, sigproptbl).
func ignoredByDefault(s abi.Signal) bool {
	switch s {
	case abi.SIGURG, abi.SIGCONT, abi.SIGCHLD, abi.SIGIO, abi.SIGWINCH, abi.SIGINFO, abi.SIGTHR, abi.SIGLIBRT:
		return true
	}
	return false
}

// Signal implements emul.Personality.
func (o *OS) Signal(t *emul.Task, s *emul.Signal) emul.Verdict {
	th, p := threadOf(t), procOf(t)
	queued := s.Num != 0
	if s.Host == mqSignal && s.Info.Code == siMesgq {
		p.mqNotified(int32(binary.LittleEndian.Uint32(s.Info.Fields[8:])))
		return emul.Drop
	}
	if !queued {
		s.Num = int(xlat.GuestSignal(unix.Signal(s.Host)))
		if s.Host == int(unix.SIGSEGV) && s.Info.Code == siKernel {
			// A general protection fault: SIGBUS on FreeBSD (trap.c, T_PROTFLT).
			s.Num, s.Host = int(abi.SIGBUS), int(unix.SIGBUS)
		}
	}
	num := abi.Signal(s.Num)
	if num == abi.SIGPIPE && !queued && sigpipeUnwanted(t, s) {
		return emul.Drop
	}
	if num == 0 {
		t.Loop().Debugf("pid %d: Linux signal %d has no FreeBSD number, dropped", p.Pid, s.Host)
		return emul.Drop
	}
	fault := isFault(num) && s.Info.Code > 0 && s.Info.Code != abi.SI_USER
	act := p.sig.acts.of(p, num)
	if !queued && !fault {
		kqSignal(p, num)
	}
	if th.sig.mask.Has(num) && num != abi.SIGKILL && num != abi.SIGSTOP {
		if fault {
			return emul.Native // trapsignal: a fault that is blocked kills
		}
		if !queued && p.kq.counts(num) {
			p.queueBlocked(t, s)
			return emul.Drop
		}
		th.sig.queue = append(th.sig.queue, s)
		return emul.Drop
	}
	if num != abi.SIGKILL && num != abi.SIGSTOP && th.fastBlocked() {
		if fault {
			return emul.Native // as if it were masked
		}
		if act.Handler == abi.SIG_IGN || act.Handler == abi.SIG_DFL && ignoredByDefault(num) {
			return emul.Drop
		}
		th.sig.queue = append(th.sig.queue, s)
		th.fastPending()
		return emul.Drop
	}
	switch {
	case act.Handler == abi.SIG_IGN && fault:
		return emul.Native
	case act.Handler == abi.SIG_IGN:
		return emul.Drop
	case act.Handler == abi.SIG_DFL:
		if ignoredByDefault(num) {
			return emul.Drop
		}
		if s.Host == 0 {
			s.Host = int(unix.SIGKILL) // a realtime signal without a Linux number
		}
		return emul.Native
	}
	s.Restart = act.Flags&abi.SA_RESTART != 0
	return emul.Handle
}

// Values of si_code of Linux.
const (
	siKernel = 0x80 // SI_KERNEL
	siTimer  = -2   // SI_TIMER
	siMesgq  = -3   // SI_MESGQ
	siAsync  = -4   // SI_ASYNCIO
)

func isFault(s abi.Signal) bool {
	switch s {
	case abi.SIGILL, abi.SIGTRAP, abi.SIGFPE, abi.SIGBUS, abi.SIGSEGV, abi.SIGSYS:
		return true
	}
	return false
}

// Pending implements emul.Personality.
func (o *OS) Pending(t *emul.Task) *emul.Signal {
	th, p := threadOf(t), procOf(t)
	if len(th.sig.queue) == 0 && len(p.sig.queue) == 0 {
		return nil
	}
	if th.fastBlocked() {
		th.fastPending()
		return nil
	}
	return takeLowest(func(n abi.Signal) bool { return !th.sig.mask.Has(n) }, &th.sig.queue, &p.sig.queue)
}

// lowest gives the lowest number in the queues that want accepts, 0 if none.
func lowest(want func(abi.Signal) bool, queues ...[]*emul.Signal) (first abi.Signal) {
	for _, q := range queues {
		for _, s := range q {
			if n := abi.Signal(s.Num); want(n) && (first == 0 || n < first) {
				first = n
			}
		}
	}
	return first
}

// takeLowest removes the lowest signal that want accepts from the queues, the
// first of them first (kern_sig.c, issignal and sigqueue_get).
func takeLowest(want func(abi.Signal) bool, queues ...*[]*emul.Signal) *emul.Signal {
	first := abi.Signal(0)
	for _, q := range queues {
		if n := lowest(want, *q); n != 0 && (first == 0 || n < first) {
			first = n
		}
	}
	for _, q := range queues {
		if s := take(q, func(n abi.Signal) bool { return n == first }); s != nil {
			return s
		}
	}
	return nil
}

// take removes the first queued signal that want accepts.
func take(q *[]*emul.Signal, want func(abi.Signal) bool) *emul.Signal {
	for i, s := range *q {
		if want(abi.Signal(s.Num)) {
			*q = append((*q)[:i:i], (*q)[i+1:]...)
			return s
		}
	}
	return nil
}

// dropPending forgets queued instances of a signal that is ignored now.
func (p *process) dropPending(s abi.Signal) {
	is := func(n abi.Signal) bool { return n == s }
	for take(&p.sig.queue, is) != nil {
	}
	for _, t := range p.Tasks {
		for take(&threadOf(t).sig.queue, is) != nil {
		}
	}
}

// queued says whether a signal, nil for none, still waits to be taken.
func (p *process) queued(s *emul.Signal) bool {
	if s == nil {
		return false
	}
	if slices.Contains(p.sig.queue, s) {
		return true
	}
	for _, t := range p.Tasks {
		if slices.Contains(threadOf(t).sig.queue, s) {
			return true
		}
	}
	return false
}

// unqueue takes a signal, nil for none, out of the queue that it is in.
func (p *process) unqueue(s *emul.Signal) {
	if s == nil {
		return
	}
	is := func(o *emul.Signal) bool { return o == s }
	p.sig.queue = slices.DeleteFunc(p.sig.queue, is)
	for _, t := range p.Tasks {
		th := threadOf(t)
		th.sig.queue = slices.DeleteFunc(th.sig.queue, is)
	}
}

// hostAct is the kernel's struct sigaction on x86-64.
type hostAct struct {
	handler, flags, restorer, mask uint64
}

const (
	hostNoCldStop = 1
	hostNoCldWait = 2
)

// syncHost brings Linux's disposition of s in line where it matters: SIGCHLD
// decides whether and how children are reported, SIGTTIN and SIGTTOU whether a
// background process may use its terminal, and a signal that was ignored when
// the program started must become able to kill.
func (p *process) syncHost(s abi.Signal, then func() emul.Action) emul.Action {
	h := xlat.HostSignal(s)
	if h == 0 {
		return then()
	}
	a, bit := p.sig.acts.of(p, s), uint64(1)<<(h-1)
	var want hostAct
	switch {
	case s == abi.SIGCHLD:
		if a.Handler == abi.SIG_IGN || a.Flags&abi.SA_NOCLDWAIT != 0 {
			want.flags |= hostNoCldWait
		}
		if a.Flags&abi.SA_NOCLDSTOP != 0 {
			want.flags |= hostNoCldStop
		}
		if want.flags == p.sig.childFlags && p.sig.hostIgnored&bit == 0 {
			return then()
		}
		p.sig.childFlags = want.flags
	case (p.sig.hostIgnored&bit != 0) == (a.Handler == abi.SIG_IGN):
		return then()
	case a.Handler == abi.SIG_IGN:
		if s != abi.SIGTTIN && s != abi.SIGTTOU {
			return then()
		}
		want.handler = abi.SIG_IGN
	}
	p.sig.hostIgnored &^= bit
	if want.handler == abi.SIG_IGN {
		p.sig.hostIgnored |= bit
	}
	t := p.Any()
	at, err := emul.AllocStore(t, want)
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Host(unix.SYS_RT_SIGACTION, uint64(h), uint64(at), 0, 8).Atomic().Then(func(emul.Ret) emul.Action {
		return then()
	})
}

func sigprocmask(t *emul.Task, how MaskHow, set, old guest.Ptr[abi.Sigset]) emul.Action {
	th := threadOf(t)
	cur := th.sig.mask
	var m abi.Sigset
	if set != 0 {
		var err error
		if m, err = set.Load(t); err != nil {
			return emul.Fail(err)
		}
		switch how {
		case abi.SIG_BLOCK:
			for i := range m {
				m[i] |= cur[i]
			}
		case abi.SIG_UNBLOCK:
			for i := range m {
				m[i] = cur[i] &^ m[i]
			}
		case abi.SIG_SETMASK:
		default:
			return emul.Fail(abi.EINVAL)
		}
		setMask(t, m)
	}
	if old != 0 {
		return emul.Fail(old.Store(t, cur))
	}
	return emul.Return(0)
}

func sigpending(t *emul.Task, set guest.Ptr[abi.Sigset]) emul.Action {
	buf := emul.Alloc[uint64](t)
	return emul.Host(unix.SYS_RT_SIGPENDING, uint64(buf), 8).Atomic().Then(func(r emul.Ret) emul.Action {
		h, err := buf.Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		m := xlat.GuestSigset(h)
		for _, q := range [][]*emul.Signal{threadOf(t).sig.queue, procOf(t).sig.queue} {
			for _, s := range q {
				m.Add(abi.Signal(s.Num))
			}
		}
		return emul.Fail(set.Store(t, m))
	})
}

func sigsuspend(t *emul.Task, set guest.Ptr[abi.Sigset]) emul.Action {
	m, err := set.Load(t)
	if err != nil {
		return emul.Fail(err)
	}
	return withMask(t, m, emul.Sleep(t, -1).NoRestart().Then(func(r emul.Ret) emul.Action {
		if r.Interrupted {
			return emul.Fail(abi.EINTR)
		}
		return sigsuspend(t, set) // woken by nothing that matters
	}))
}

// withMask runs a waiting action under another signal mask; the handler that
// ends the wait returns to the mask of before. Every end of the wait without
// one must call unmask.
func withMask(t *emul.Task, m abi.Sigset, a emul.Action) emul.Action {
	th := threadOf(t)
	if th.sig.saved == nil {
		old := th.sig.mask
		th.sig.saved = &old
	}
	setMask(t, m)
	if s := (*OS)(nil).Pending(t); s != nil {
		th.sig.queue = append([]*emul.Signal{s}, th.sig.queue...)
		return emul.Fail(abi.EINTR)
	}
	return a
}

// unmask undoes withMask when no handler will.
func unmask(t *emul.Task) {
	th := threadOf(t)
	if th.sig.saved != nil {
		m := *th.sig.saved
		th.sig.saved = nil
		setMask(t, m)
	}
}

package freebsd

import (
	"unsafe"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
)

// sigActs is what a process does about signals.
//
// Programs set most handlers as they start, Go's runtime some thirty. So the
// first handler of a signal may be kept by a local routine (localSigaction), in
// the guest, until a second thread or process shares its memory. A page there
// has two sets, 16 bytes each, then room for signals 1 to 127, 32 bytes each:
// of a signal in the set at actsOurs all is known here only; else one at actsSet
// does what its place says; and the others do what they did at first.
type sigActs struct {
	here [abi.SIGMAX + 1]abi.Sigaction
	// ours is the guest's set, without what alone says.
	ours actSet
	// all says that everything is known here: the guest's set is full.
	all bool
}

// actPage is the page of actions, host.GuestData.
type actPage struct {
	set, ours actSet
	acts      [abi.SIGMAX - 1]abi.Sigaction // from signal 1 on
}

// actSet has bit n for signal n, other than a Sigset.
type actSet [4]uint32

func (a *actSet) has(s abi.Signal) bool { return a[s/32]>>(s%32)&1 != 0 }

func (a *actSet) add(s abi.Signal) { a[s/32] |= 1 << (s % 32) }

const (
	actsSet  = int64(unsafe.Offsetof(actPage{}.set))
	actsOurs = int64(unsafe.Offsetof(actPage{}.ours))
	actSize  = int64(unsafe.Sizeof(abi.Sigaction{}))
)

// The page is full, and the place of signal n is at n*actSize, as localSigaction
// wants it.
var (
	_ = [1]struct{}{}[unsafe.Sizeof(actPage{})-pageSize]
	_ = [1]struct{}{}[unsafe.Offsetof(actPage{}.acts)-unsafe.Sizeof(abi.Sigaction{})]
)

// actDefault is what a signal does at first (kern_sig.c, siginit).
var actDefault = abi.Sigaction{Flags: abi.SA_RESTART}

// of is what the process does about s.
func (a *sigActs) of(p *process, s abi.Signal) abi.Sigaction {
	if a.all || s >= abi.SIGMAX || a.ours.has(s) {
		return a.here[s]
	}
	t := p.live()
	if t == nil {
		return a.here[s]
	}
	set, err := guest.Ptr[actSet](host.GuestData + actsSet).Load(t)
	if err != nil || !set.has(s) {
		return a.here[s]
	}
	act, err := guest.Ptr[abi.Sigaction](host.GuestData + int64(s)*actSize).Load(t)
	if err != nil {
		return a.here[s]
	}
	return act
}

// set changes it.
func (a *sigActs) set(p *process, s abi.Signal, act abi.Sigaction) {
	a.here[s] = act
	if !a.all && s < abi.SIGMAX && !a.ours.has(s) {
		a.ours.add(s)
		a.publish(p)
	}
}

// publish tells the guest which signals are ours.
func (a *sigActs) publish(p *process) {
	set := a.ours
	if a.all {
		set = actSet{^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0)}
	}
	if t := p.live(); t != nil {
		guest.Ptr[actSet](host.GuestData+actsOurs).Store(t, set)
	}
}

// list is what the process does about each signal.
func (a *sigActs) list(p *process) [abi.SIGMAX + 1]abi.Sigaction {
	l := a.here
	t := p.live()
	if a.all || t == nil {
		return l
	}
	if page, err := guest.Ptr[actPage](host.GuestData).Load(t); err == nil {
		for s := abi.Signal(1); s < abi.SIGMAX; s++ {
			if page.set.has(s) && !a.ours.has(s) {
				l[s] = page.acts[s-1]
			}
		}
	}
	return l
}

// fetch brings all that the guest has kept here, for good. No thread of it runs.
func (a *sigActs) fetch(p *process) {
	if a.all {
		return
	}
	a.here = a.list(p)
	a.all = true
	a.publish(p)
}

// renew begins with an empty page, in the memory of a new program.
func (a *sigActs) renew(p *process) {
	a.all, a.ours = false, actSet{}
	for s := range a.here[:abi.SIGMAX] {
		if a.here[s] != actDefault {
			a.ours.add(abi.Signal(s))
		}
	}
	a.all = !p.Loop().Patches()
	if a.all || a.ours != (actSet{}) {
		a.publish(p)
	}
}

// reset makes caught signals do what they did at first, as execve(2) and RFSPAWN
// do (kern_sig.c, execsigs and sigdflt). All is known here then.
func (a *sigActs) reset() {
	for s := range a.here {
		if act := &a.here[s]; act.Handler > abi.SIG_IGN {
			act.Handler = abi.SIG_DFL
			act.Flags &^= abi.SA_SIGINFO
		}
		a.here[s].Flags &^= abi.SA_NOCLDWAIT
	}
}

// actFlags are the flags that an action may have.
const actFlags = abi.SA_ONSTACK | abi.SA_RESTART | abi.SA_RESETHAND | abi.SA_NOCLDSTOP | abi.SA_NODEFER | abi.SA_NOCLDWAIT | abi.SA_SIGINFO

// sigaction(2): kern_sig.c, kern_sigaction. localSigaction does the same for
// the simplest cases.
func sigaction(t *emul.Task, sig Sig, act, old guest.Ptr[abi.Sigaction]) emul.Action {
	s := abi.Signal(sig)
	if !s.Valid() {
		return emul.Fail(abi.EINVAL)
	}
	p := procOf(t)
	cur := p.sig.acts.of(p, s)
	done := func() emul.Action {
		if old != 0 {
			return emul.Fail(old.Store(t, cur))
		}
		return emul.Return(0)
	}
	if act == 0 {
		return done()
	}
	n, err := act.Load(t)
	if err != nil {
		return emul.Fail(err)
	}
	if n.Handler > abi.SIG_IGN && n.Flags&^actFlags != 0 {
		return emul.Fail(abi.EINVAL)
	}
	if s == abi.SIGKILL || s == abi.SIGSTOP {
		if n.Handler != abi.SIG_DFL {
			return emul.Fail(abi.EINVAL)
		}
		return done()
	}
	n.Flags &= actFlags
	n.Mask.Del(abi.SIGKILL)
	n.Mask.Del(abi.SIGSTOP)
	if s != abi.SIGCHLD {
		n.Flags &^= abi.SA_NOCLDSTOP | abi.SA_NOCLDWAIT
	}
	p.sig.acts.set(p, s, n)
	if n.Handler == abi.SIG_IGN || n.Handler == abi.SIG_DFL && ignoredByDefault(s) {
		p.dropPending(s)
	}
	return p.syncHost(s, done)
}

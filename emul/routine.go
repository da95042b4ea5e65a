package emul

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
)

// What the personality's routine (host.Routine) answers instead of an errno
// when a signal has ended its sleep. Its EINTR is final.
const (
	RoutineRestart        = 254 // the call starts again
	RoutineRestartIfAsked = 255 // it does if the handler has SA_RESTART, else EINTR
)

// Routine serves the call by the personality's routine, entered with rax and
// r8, and else with the arguments given (at most four). Where it can, it returns to the
// guest by itself; a continuation (Then) is told the routine's result and
// should pass what does not concern it to RoutineDone.
func Routine(rax, r8 uint64, args ...uint64) Action {
	return Action{kind: actRoutine, vals: [2]uint64{rax, r8}, call: NewCall(0, args...)}
}

// RoutineDone answers the call with what the routine returned.
func RoutineDone(t *Task, r Ret) Action {
	restart := false
	switch r.Val {
	case 0:
		return Return(0)
	case RoutineRestart:
		restart = true
	case RoutineRestartIfAsked:
		restart = t.intr != nil && t.intr.restart
	case int64(unix.EINTR):
	default:
		return Fail(t.loop.pers.GuestErrno(uint8(r.Val)))
	}
	t.intr = &interruption{restart: restart}
	return Fail(unix.EINTR)
}

func (l *Loop) startRoutine(t *Task, a Action) {
	regs := t.Regs
	regs.Rdi, regs.Rsi, regs.Rdx, regs.R10 = a.call.Args[0], a.call.Args[1], a.call.Args[2], a.call.Args[3]
	// The guest keeps its arguments: it can be returned to if these are they.
	tail := a.then == nil && l.eng.Kind() == host.SUD && l.trace == nil &&
		regs.Rdi == t.Regs.Rdi && regs.Rsi == t.Regs.Rsi && regs.Rdx == t.Regs.Rdx
	if a.then == nil {
		a.then = func(r Ret) Action { return RoutineDone(t, r) }
	}
	t.act, t.state = a, inHost
	if tail {
		t.state = inTail
	}
	t.trace.SetRoutine(l.pers.Fast().Routine, &regs, a.vals[0], a.vals[1], !tail)
	t.resumeHost(0)
}

// handleInRoutine arranges for the handler of s to run if t is in the routine:
// this goes on to its end first, but does not sleep any more.
func (l *Loop) handleInRoutine(t *Task, regs *host.Regs, s *Signal) bool {
	if t.state == stopped {
		return false
	}
	ro := l.pers.Fast().Routine
	st, site := ro.Locate(regs, t)
	if st == host.RoutineNone {
		return false
	}
	if t.state == inHost && t.act.atomic {
		return false // on its way to the end already
	}
	t.inRoutine(site)
	t.deferred = append(t.deferred, s)
	switch st {
	case host.RoutineNotStarted:
		t.intr = &interruption{restart: true}
		l.perform(t, Fail(unix.EINTR))
		return true
	case host.RoutineDone:
		l.perform(t, t.act.then(Ret{Val: int64(regs.Rax)}))
		return true
	}
	t.intr = &interruption{restart: s.Restart}
	t.act.atomic = true
	t.state = inHost
	ro.Interrupt(regs, st, t)
	t.trace.SetRegs(regs)
	t.resumeHost(0)
	return true
}

// inRoutine makes a task that came to the routine from a patched call site
// look as if the supervisor had sent it there; site are its guest's registers.
func (t *Task) inRoutine(site *host.Regs) {
	if site == nil || t.state == inHost {
		return
	}
	t.Regs, t.state = *site, inHost
	t.act = Action{kind: actRoutine, then: func(r Ret) Action { return RoutineDone(t, r) }}
}

// faultInRoutine answers EFAULT if t was in the routine when it touched
// memory that is not there.
func (l *Loop) faultInRoutine(t *Task, regs *host.Regs) bool {
	st, site := l.pers.Fast().Routine.Locate(regs, t)
	if st == host.RoutineNone || t.state == stopped {
		return false
	}
	var si host.Siginfo
	if t.trace.GetSiginfo(&si) != nil || si.Code <= 0 {
		return false // somebody has sent it
	}
	t.inRoutine(site)
	l.perform(t, Fail(guest.ErrFault))
	return true
}

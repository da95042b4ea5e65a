package emul

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/host"
)

// HostNR is a Linux system call number. Guest numbers are of a type of their
// own in the personality, so that one cannot be taken for the other.
type HostNR int

// Call is one Linux system call to be made in the guest's context.
// Addresses among Args are guest addresses.
type Call struct {
	NR   HostNR
	Args [6]uint64
	n    int // how many arguments it has
}

// NewCall builds a Call. Convert signed values with uint64(): Linux truncates
// int arguments, so sign extension does no harm.
func NewCall(nr HostNR, args ...uint64) Call {
	c := Call{NR: nr, n: len(args)}
	copy(c.Args[:], args)
	return c
}

// Ret is what a Linux system call returned in the guest's context.
type Ret struct {
	// Val is the raw value of RAX: a result, or -errno.
	Val int64
	// Woken says that the call was ended by Task.Wake.
	Woken bool
	// Interrupted says that the call was ended because a signal handler is
	// about to run. Val is then -EINTR. The continuation should undo what it
	// has set up and normally return Fail(unix.EINTR); the loop then turns
	// EINTR into a restart where the action and the signal's flags allow it.
	Interrupted bool
}

// Err returns nil or the call's error, a unix.Errno.
func (r Ret) Err() error {
	if r.Val < 0 && r.Val >= -4095 {
		return unix.Errno(-r.Val)
	}
	return nil
}

type actionKind uint8

const (
	actReturn actionKind = iota
	actFail
	actTail
	actHost
	actBatch
	actGo
	actRoutine
	actAgain
)

// Action is what a handler wants done with its task: answer, or run something
// on the host first. Handlers make one with Return, Fail, Tail, Host, Batch or
// Sleep and hand it back; they never touch the task's registers themselves.
type Action struct {
	kind      actionKind
	vals      [2]uint64
	two       bool // vals[1] is a second result
	err       error
	call      Call
	calls     []Call
	then      func(Ret) Action
	thenAll   func([]Ret) Action
	wakeable  bool
	noRestart bool
	atomic    bool // signals wait until the call is done
	tail      host.TailKind
	native    bool       // an exec that ends in a Linux program
	clone     *CloneSpec // makes a new task
}

// Return answers the call with a result; the second result register keeps its value.
func Return(v uint64) Action { return Action{kind: actReturn, vals: [2]uint64{v}} }

// Return2 answers with both result registers, as pipe(2) and fork(2) of old do.
func Return2(v, v2 uint64) Action {
	return Action{kind: actReturn, vals: [2]uint64{v, v2}, two: true}
}

// Fail answers with an error: a guest errno type of the personality, a
// unix.Errno (converted by the personality), or guest.ErrFault (EFAULT).
// A nil err is Return(0).
func Fail(err error) Action {
	if err == nil {
		return Return(0)
	}
	return Action{kind: actFail, err: err}
}

// Finish answers with what a host call returned: its value or its error.
func Finish(r Ret) Action {
	if err := r.Err(); err != nil {
		return Fail(err)
	}
	return Return(uint64(r.Val))
}

// Tail makes the host call the guest's last step: its result, with the errno
// converted, is the result of the guest's call. It costs no further stop and
// may block. At most five arguments (a sixth is passed on through Host).
func Tail(nr HostNR, args ...uint64) Action {
	if len(args) > 5 {
		return Host(nr, args...).Then(Finish)
	}
	return Action{kind: actTail, call: NewCall(nr, args...)}
}

// TailZero is Tail for calls of which only failure matters: success answers 0,
// and so does EAGAIN (a futex wait whose word has changed).
func TailZero(nr HostNR, args ...uint64) Action {
	return Action{kind: actTail, call: NewCall(nr, args...), tail: host.TailZero}
}

// TailNoFifth is Tail for a call with six arguments that does not look at the
// fifth, such as mmap of anonymous memory.
func TailNoFifth(nr HostNR, args ...uint64) Action {
	return Action{kind: actTail, call: NewCall(nr, args...), tail: host.TailNoFifth}
}

// Host makes a host call and continues with Then. It may block.
func Host(nr HostNR, args ...uint64) Action {
	return Action{kind: actHost, call: NewCall(nr, args...), then: Finish}
}

// Batch makes several host calls at the price of one stop, one after another
// whether or not one fails, and continues with ThenAll. They must not block.
func Batch(calls ...Call) Action {
	return Action{kind: actBatch, calls: calls}
}

// Go lets the task run with Task.Regs as the personality has set them, as
// sigreturn and exec do.
func Go() Action { return Action{kind: actGo} }

// Again starts the guest's call anew, after the handlers of the signals that
// wait have run. For what is done ahead of a call and has changed nothing that
// the guest could see: a call that blocks must not keep a handler waiting.
func Again() Action { return Action{kind: actAgain} }

// Sleep blocks the task on the host until Task.Wake, a signal, or the timeout
// (negative: none). The continuation sees Ret.Woken, Ret.Interrupted, or
// neither when the time is over.
func Sleep(t *Task, timeout time.Duration) Action {
	var tsAddr uint64
	if timeout >= 0 {
		ts := Alloc[unix.Timespec](t)
		if err := ts.Store(t, unix.NsecToTimespec(int64(timeout))); err != nil {
			return Fail(err)
		}
		tsAddr = uint64(ts)
	}
	return Host(unix.SYS_PPOLL, 0, 0, tsAddr, 0, 0).Wakeable()
}

// Then sets what happens after Host or Sleep. f runs on the loop's thread,
// with the task stopped, and returns the next action.
func (a Action) Then(f func(Ret) Action) Action {
	a.then = f
	return a
}

// ThenAll sets what happens after Batch; rets has one entry per call.
func (a Action) ThenAll(f func(rets []Ret) Action) Action {
	a.thenAll = f
	return a
}

// Wakeable lets Task.Wake end the call early.
func (a Action) Wakeable() Action {
	a.wakeable = true
	return a
}

// Atomic makes signals wait until the host call is done. For calls that do not
// block and must not be undone half-way; Batch is always atomic.
func (a Action) Atomic() Action {
	a.atomic = true
	return a
}

// NoRestart makes EINTR final whatever SA_RESTART says (select, poll, kevent,
// nanosleep, sigsuspend …).
func (a Action) NoRestart() Action {
	a.noRestart = true
	return a
}

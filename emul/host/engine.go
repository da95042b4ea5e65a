package host

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Kind is a way to intercept system calls.
type Kind uint8

const (
	// SUD is Syscall User Dispatch (Linux 5.11+): one stop per guest call, and
	// tail calls without a second one.
	SUD Kind = iota
	// Sysemu is PTRACE_SYSEMU, for older kernels.
	Sysemu
)

// Engine is the interception mechanism and what it found out about the host.
type Engine struct {
	kind      Kind
	mem       memWay
	force     bool // /proc/TID/mem may still serve Force
	remoteSUD bool // PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG works (6.4+)
	reports   []report
}

// Tracee is one traced thread.
type Tracee struct {
	Tid int
	eng *Engine
}

const (
	prSetSUD   = 59 // PR_SET_SYSCALL_USER_DISPATCH
	sudOff     = 0
	sudOn      = 1
	setSUDConf = 0x4210 // PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG
)

// NewEngine chooses the engine: kind by name ("sud", "ptrace"), or "auto" for the
// best that this kernel has.
func NewEngine(name string) (*Engine, error) {
	e := &Engine{remoteSUD: true, force: true}
	switch name {
	case "sud":
		if !haveSUD() {
			return nil, fmt.Errorf("engine sud: this kernel has no Syscall User Dispatch (Linux 5.11 or later is needed)")
		}
	case "ptrace":
		e.kind = Sysemu
	case "auto":
		if !haveSUD() {
			e.kind = Sysemu
		}
	default:
		return nil, fmt.Errorf("unknown engine %q: sud or ptrace", name)
	}
	return e, nil
}

func haveSUD() bool {
	// Turning it off where it is off changes nothing; an old kernel says EINVAL.
	_, _, e := unix.RawSyscall6(unix.SYS_PRCTL, prSetSUD, sudOff, 0, 0, 0, 0)
	return e == 0
}

// Kind tells which engine was chosen.
func (e *Engine) Kind() Kind { return e.kind }

const seizeOptions = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK |
	unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_EXITKILL

// Seize starts to trace a process with a single thread. Its children and
// threads will be traced from their first instruction. Until Stop has
// returned, our end does it no harm: it may yet turn out to be the wrong one.
func (e *Engine) Seize(pid int) (*Tracee, error) {
	t := e.Tracee(pid)
	if err := t.ptrace(unix.PTRACE_SEIZE, 0, seizeOptions&^unix.PTRACE_O_EXITKILL); err != nil {
		return nil, err
	}
	return t, nil
}

// Tracee names a thread that is traced already, as a child of a seized one.
func (e *Engine) Tracee(tid int) *Tracee { return &Tracee{Tid: tid, eng: e} }

func (t *Tracee) ptrace(req int, addr, data uintptr) error {
	_, _, e := unix.RawSyscall6(unix.SYS_PTRACE, uintptr(req), uintptr(t.Tid), addr, data, 0, 0)
	if e != 0 {
		return e
	}
	return nil
}

// ptraceAt is ptrace with data in our memory. It must not be given as a number
// before the last call: what it points to is mostly on the stack, and moves with it.
func (t *Tracee) ptraceAt(req int, addr uintptr, data unsafe.Pointer) error {
	_, _, e := unix.RawSyscall6(unix.SYS_PTRACE, uintptr(req), uintptr(t.Tid), addr, uintptr(data), 0, 0)
	if e != 0 {
		return e
	}
	return nil
}

// TraceExit makes a stopped thread, and those that it makes, stop again
// with PTRACE_EVENT_EXIT before their end.
func (t *Tracee) TraceExit() error {
	return t.ptrace(unix.PTRACE_SETOPTIONS, 0, seizeOptions|unix.PTRACE_O_TRACEEXIT)
}

// Reports says that Wait has something to say of the thread.
func (t *Tracee) Reports() bool {
	var si unix.Siginfo
	err := unix.Waitid(unix.P_PID, t.Tid, &si, unix.WEXITED|unix.WSTOPPED|unix.WNOHANG|unix.WNOWAIT|unix.WALL, nil)
	return err == nil && si.Signo != 0
}

// Interrupt makes the running thread stop soon with an event stop.
func (t *Tracee) Interrupt() error { return t.ptrace(unix.PTRACE_INTERRUPT, 0, 0) }

// Resume lets the thread run host code (or guest code under SUD) until its
// next stop, delivering sig (0: none) to it.
func (t *Tracee) Resume(sig int) error { return t.ptrace(unix.PTRACE_CONT, 0, uintptr(sig)) }

// ResumeGuest lets the thread run guest code so that its next system call stops.
func (t *Tracee) ResumeGuest(sig int) error {
	if t.eng.kind == Sysemu {
		return t.ptrace(unix.PTRACE_SYSEMU, 0, uintptr(sig))
	}
	return t.ptrace(unix.PTRACE_CONT, 0, uintptr(sig))
}

// Listen leaves a thread in its group stop but lets it see SIGCONT.
func (t *Tracee) Listen() error { return t.ptrace(unix.PTRACE_LISTEN, 0, 0) }

// Detach ends tracing; the thread goes on natively.
func (t *Tracee) Detach(sig int) error { return t.ptrace(unix.PTRACE_DETACH, 0, uintptr(sig)) }

// GetRegs reads the registers.
func (t *Tracee) GetRegs(r *Regs) error {
	return t.ptraceAt(unix.PTRACE_GETREGS, 0, unsafe.Pointer(r))
}

// SetRegs writes the registers.
func (t *Tracee) SetRegs(r *Regs) error {
	return t.ptraceAt(unix.PTRACE_SETREGS, 0, unsafe.Pointer(r))
}

// Siginfo is Linux's siginfo_t (x86-64).
type Siginfo struct {
	Signo, Errno, Code int32
	_                  int32
	Fields             [112]byte
}

// GetSiginfo reads what the present signal stop is about.
func (t *Tracee) GetSiginfo(si *Siginfo) error {
	return t.ptraceAt(unix.PTRACE_GETSIGINFO, 0, unsafe.Pointer(si))
}

// SetSiginfo changes it.
func (t *Tracee) SetSiginfo(si *Siginfo) error {
	return t.ptraceAt(unix.PTRACE_SETSIGINFO, 0, unsafe.Pointer(si))
}

// SigMask reads the thread's blocked signals, bit n-1 for signal n.
func (t *Tracee) SigMask() (uint64, error) {
	var m uint64
	err := t.ptraceAt(unix.PTRACE_GETSIGMASK, 8, unsafe.Pointer(&m))
	return m, err
}

// SetSigMask sets them.
func (t *Tracee) SetSigMask(m uint64) error {
	return t.ptraceAt(unix.PTRACE_SETSIGMASK, 8, unsafe.Pointer(&m))
}

// EventMsg reads the message of an event stop.
func (t *Tracee) EventMsg() (uint64, error) {
	var m uint64
	err := t.ptraceAt(unix.PTRACE_GETEVENTMSG, 0, unsafe.Pointer(&m))
	return m, err
}

const ntX86Xstate = 0x202

// XState reads the extended registers in XSAVE's standard format into buf and
// returns how many bytes there are.
func (t *Tracee) XState(buf []byte) (int, error) {
	iov := unix.Iovec{Base: &buf[0], Len: uint64(len(buf))}
	err := t.ptraceAt(unix.PTRACE_GETREGSET, ntX86Xstate, unsafe.Pointer(&iov))
	return int(iov.Len), err
}

// SetXState writes them.
func (t *Tracee) SetXState(buf []byte) error {
	iov := unix.Iovec{Base: &buf[0], Len: uint64(len(buf))}
	return t.ptraceAt(unix.PTRACE_SETREGSET, ntX86Xstate, unsafe.Pointer(&iov))
}

// ArmCall returns the arguments of the prctl that arms interception when the
// thread makes it itself; needed is false if the engine wants none.
func (e *Engine) ArmCall() (args [5]uint64, needed bool) {
	return [5]uint64{prSetSUD, sudOn, enginePage, thunkEnd - enginePage, 0}, e.kind == SUD
}

// Arm turns interception on from outside. It reports false if the kernel
// cannot do that: the thread must then run ArmCall.
func (t *Tracee) Arm() bool {
	if t.eng.kind != SUD {
		return true
	}
	if !t.eng.remoteSUD {
		return false
	}
	conf := struct{ mode, selector, offset, len uint64 }{sudOn, 0, enginePage, thunkEnd - enginePage}
	if t.ptraceAt(setSUDConf, unsafe.Sizeof(conf), unsafe.Pointer(&conf)) != nil {
		t.eng.remoteSUD = false
		return false
	}
	return true
}

// report is what Linux says of a thread: a wait status.
type report struct {
	tid    int
	status uint32
}

// Wait waits for the next thing to happen to any traced thread. It returns
// tid 0 when Ring has interrupted it. With fair, all threads that have stopped
// by now come before any of them comes again: Linux by itself tells of the
// youngest first, and the others would wait for as long as those keep stopping.
func (e *Engine) Wait(fair bool) (tid int, status uint32, err error) {
	for len(e.reports) > 0 {
		r := e.reports[0]
		e.reports = e.reports[1:]
		// It may have died since, or another thread of its process have taken its
		// place by exec; that is still to come.
		if !e.Tracee(r.tid).Reports() {
			return r.tid, r.status, nil
		}
	}
	first, err := wait(0)
	if err != nil || !fair {
		return first.tid, first.status, err
	}
	for {
		r, err := wait(unix.WNOHANG)
		if err != nil || r.tid == 0 {
			return first.tid, first.status, nil
		}
		e.reports = append(e.reports, r)
	}
}

// wait is wait4(2) for all traced threads; tid 0 if it was interrupted.
func wait(options int) (report, error) {
	var ws uint32
	r, _, en := unix.Syscall6(unix.SYS_WAIT4, ^uintptr(0), uintptr(unsafe.Pointer(&ws)), uintptr(unix.WALL|options), 0, 0, 0)
	switch en {
	case 0:
		return report{int(r), ws}, nil
	case unix.EINTR:
		return report{}, nil
	}
	return report{}, en
}

// Stop waits until a seized thread that was told to stop (Interrupt) has;
// from now on it dies with us. Signals that come
// first take their course: a thread that they have stopped must be continued
// first. ESRCH if they have killed it.
func (t *Tracee) Stop() error {
	for {
		var ws unix.WaitStatus
		_, err := unix.Wait4(t.Tid, &ws, unix.WALL, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return err
		case !ws.Stopped():
			return unix.ESRCH
		case uint32(ws)>>16 == unix.PTRACE_EVENT_STOP && ws.StopSignal() == unix.SIGTRAP:
			return t.ptrace(unix.PTRACE_SETOPTIONS, 0, seizeOptions)
		case uint32(ws)>>16 == unix.PTRACE_EVENT_STOP:
			if err := t.Listen(); err != nil {
				return err
			}
		default:
			if err := t.Resume(int(ws.StopSignal())); err != nil {
				return err
			}
		}
	}
}

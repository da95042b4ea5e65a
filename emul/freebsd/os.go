package freebsd

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/config"
	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
)

// OS is the personality that the loop drives. Its state is what the whole
// tree of guests shares.
type OS struct {
	// Release, such as "13.2-RELEASE", is what all guests are told the kernel
	// is. If it is empty, the root directory and the programs tell.
	Release string
	// Root is the directory of a FreeBSD system, absolute and without symbolic
	// links, and Mode what becomes of it. With config.ModeAuto it may as well
	// be missing, or have links: it is only looked at when a program needs it.
	Root string
	Mode config.Mode
	// Ignored are the Linux signals that were ignored when the supervisor was
	// started, bit n-1 for signal n.
	Ignored uint64

	fast      *host.FastCalls
	objects   uint64 // how many objects have been given numbers (shared.go)
	umtxPages umtxPages
	// lastCPUSet is the number that cpuset(2) gave out last.
	lastCPUSet int32
	dev        *devfs
	// standIns says that there are descriptors which stand for devices.
	standIns bool
}

var _ emul.Personality = (*OS)(nil)

const (
	sysSyscall   = 0   // syscall(number, args…)
	sys__Syscall = 198 // the same, for 64-bit arguments
	sysUmtxOp    = 454
)

// Syscall implements emul.Personality: amd64/amd64/trap.c, cpu_fetch_syscall_args.
func (o *OS) Syscall(t *emul.Task) emul.Action {
	r := &t.Regs
	t.Args = emul.Args{r.Rdi, r.Rsi, r.Rdx, r.R10, r.R8, r.R9}
	nr, inRegs := r.Rax, 6
	if nr == sysSyscall || nr == sys__Syscall {
		nr, inRegs = t.Args[0], 5
		copy(t.Args[:], t.Args[1:6])
	}
	if nr >= uint64(len(table)) || table[nr].Level() == emul.LevelUnknown {
		t.Row = &unknownRow
		t.Loop().Debugf("pid %d: system call %d does not exist: SIGSYS", t.Proc.Pid, nr)
		th := threadOf(t)
		th.sig.queue = append(th.sig.queue, &emul.Signal{Num: int(abi.SIGSYS), Host: int(unix.SIGSYS)})
		return emul.Fail(abi.ENOSYS)
	}
	row := &table[nr]
	t.Row = row
	nargs := row.NArgs()
	if nargs > inRegs {
		// The rest lies on the stack, behind the return address.
		extra, err := guest.Ptr[uint64](r.Rsp+8).LoadN(t, nargs-inRegs)
		if err != nil {
			return emul.Fail(err)
		}
		copy(t.Args[inRegs:], extra)
	}
	if row.Level() == emul.LevelMissing {
		t.Loop().Debugf("pid %d: %s: %s", t.Proc.Pid, row.Name, row.Note)
	}
	for _, a := range t.Args[:nargs] {
		if host.Scratch(a) {
			return emul.Fail(abi.EFAULT) // nothing of ours is for guests
		}
	}
	return catchUp(t, func() emul.Action {
		if o.standIns && row.Pass != nil && standInCallOf(row) != nil {
			return withStandIn(t, row)
		}
		if procOf(t).prefix != "" {
			return translate(t, row)
		}
		return serve(t, row, &t.Args)
	})
}

// serve runs a row's handler, unless what had to be done before took a signal.
func serve(t *emul.Task, row *emul.Row, args *emul.Args) emul.Action {
	if t.SignalWaits() {
		return emul.Again()
	}
	return row.Call(t, args)
}

var unknownRow = emul.Row{Name: "#unknown", Err: abi.ENOSYS, Note: "no such call"}

// Errno implements emul.Personality.
func (o *OS) Errno(err error) uint8 { return uint8(xlat.ErrnoOf(err)) }

// HostErrno implements emul.Personality.
func (o *OS) HostErrno(e int) byte { return byte(xlat.Errno(unix.Errno(e))) }

// GuestErrno implements emul.Personality.
func (o *OS) GuestErrno(e uint8) error { return abi.Errno(e) }

// ErrnoText implements emul.Personality.
func (o *OS) ErrnoText(e uint8) string { return abi.Errno(e).Error() }

// SignalName implements emul.Personality.
func (o *OS) SignalName(num int) string { return abi.Signal(num).String() }

// TaskExit implements emul.Personality.
func (o *OS) TaskExit(t *emul.Task) {
	if o.dev != nil {
		o.dev.shut(t)
	}
}

// ProcessExit implements emul.Personality.
func (o *OS) ProcessExit(p *emul.Process, status uint32) {
	p.OS.(*process).exited(status)
}

// Native implements emul.Personality.
func (o *OS) Native(p *emul.Process) {
	p.OS.(*process).stopTimers()
	kqProcNative(p.OS.(*process))
}

// Table returns the syscall table, for lists of what is supported.
func Table() []emul.Row { return table[:] }

// Fast implements emul.Personality: rows that pass as they stand, and those
// that have a local routine.
func (o *OS) Fast() *host.FastCalls {
	if o.fast != nil {
		return o.fast
	}
	f := &host.FastCalls{Routine: host.NewRoutine(sysUmtxOp, umtxRoutine())}
	bare, gs := o.bare(), host.HasGSBase()
	var local []*uintptr // as in f.Locals
	for nr := range table {
		row := &table[nr]
		routine := row.Local
		if row.Pass != nil {
			if bare && standInCallOf(row) != nil {
				continue
			}
			if !row.UsesIDs && !hasPath(row) {
				f.Nr[nr] = uint16(row.Host()) + 1
				continue
			}
			routine = &atGuarded
		}
		if routine == nil || !gs {
			continue
		}
		if bare && routine == &atFcntl {
			continue // how a stand-in is open is not what Linux says
		}
		i := slices.Index(local, routine)
		if i < 0 {
			i = len(local)
			local = append(local, routine)
			f.Locals = append(f.Locals, host.LocalAt(*routine))
		}
		f.Local[nr] = uint8(i) + 1
	}
	o.fast = f
	return f
}

func hasPath(row *emul.Row) bool {
	for _, a := range row.Types(&emul.Args{}) {
		switch a.(type) {
		case Path, Name:
			return true
		}
	}
	return false
}

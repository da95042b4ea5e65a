package freebsd

import (
	"encoding/binary"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
)

const (
	fxsaveSize = 512
	// xstateMax bounds the extended state that a CPU may have (AMX included).
	xstateMax = 16 << 10
	redZone   = 128

	// userFlags are the bits of RFLAGS that a program may change (PSL_USERCHANGE).
	userFlags = 0x254dd5
	flagTrap  = 0x100
	flagDir   = 0x400
)

// sigcode is the signal trampoline: it calls the handler and then sigreturn
// with the ucontext. It lies where the guest's system calls are trapped.
var sigcode = []byte{
	0xff, 0x14, 0x24, // call [rsp]: sigframe.sf_ahu
	0x48, 0x8d, 0x7c, 0x24, 0x10, // lea rdi, [rsp+16]: sigframe.sf_uc
	0x6a, 0x00, // push 0
	0x48, 0xc7, 0xc0, 0xa1, 0x01, 0x00, 0x00, // mov rax, SYS_sigreturn (417)
	0x0f, 0x05, // syscall
	0xf4,       // hlt
	0xeb, 0xfd, // jmp to hlt
}

// Deliver implements emul.Personality: it is sendsig() of
// amd64/amd64/exec_machdep.c and postsig() of kern_sig.c.
func (o *OS) Deliver(t *emul.Task, s *emul.Signal) error {
	th, p := threadOf(t), procOf(t)
	takeEvents(t) // who knows whether it ever comes back to its call
	num := abi.Signal(s.Num)
	act := p.sig.acts.of(p, num)
	r := &t.Regs
	alt := th.altStack()
	on := onStack(&alt, r.Rsp)

	var f abi.Sigframe
	f.Handler = act.Handler
	f.UC.Sigmask = th.sig.mask
	if th.sig.saved != nil {
		f.UC.Sigmask = *th.sig.saved
		th.sig.saved = nil
	}
	f.UC.Stack = alt
	if on {
		f.UC.Stack.Flags = abi.SS_ONSTACK
	}
	info := siginfo(t, s)
	m := &f.UC.Mcontext
	putRegs(m, t)
	if on {
		m.Onstack = 1
	}
	if isFault(num) {
		m.Trapno = binary.LittleEndian.Uint32(info.Reason[:])
		m.Addr = info.Addr
	}
	var xbuf [xstateMax]byte
	n, err := t.XState(xbuf[:])
	if err != nil || n < fxsaveSize {
		return guest.ErrFault
	}
	m.Fpformat, m.Ownedfp = abi.MC_FPFMT_XMM, abi.MC_FPOWNED_FPU
	copy(m.Fpstate[:], xbuf[:fxsaveSize])
	ext := xbuf[fxsaveSize:n]

	sp := r.Rsp - redZone
	if act.Flags&abi.SA_ONSTACK != 0 && alt.Flags&abi.SS_DISABLE == 0 && !on {
		sp = alt.SP + alt.Size
	}
	if len(ext) > 0 {
		sp = (sp - uint64(len(ext))) &^ 0x3f
		m.Flags |= abi.MC_HASFPXSTATE
		m.Xfpustate, m.XfpustateLen = sp, uint64(len(ext))
		if err := t.WriteMem(guest.Addr(sp), ext); err != nil {
			return err
		}
	}
	sp = (sp - frameSize) &^ 0xf
	frame := guest.Ptr[abi.Sigframe](sp)
	ucAt, infoAt := sp+16, sp+16+880

	r.Rdi, r.Rdx, r.Rcx = uint64(num), ucAt, info.Addr
	if act.Flags&abi.SA_SIGINFO != 0 {
		f.Info = info
		r.Rsi = infoAt
	} else {
		r.Rsi = uint64(info.Code)
	}
	if err := frame.Store(t, f); err != nil {
		return err
	}
	if err := dropFP(t, xbuf[:n]); err != nil {
		return err
	}
	r.Rsp, r.Rip = sp, host.GuestCode
	r.Eflags &^= flagTrap | flagDir

	mask := th.sig.mask
	for i := range mask {
		mask[i] |= act.Mask[i]
	}
	if act.Flags&abi.SA_NODEFER == 0 {
		mask.Add(num)
	}
	setMask(t, mask)
	if act.Flags&abi.SA_RESETHAND != 0 {
		act.Handler = abi.SIG_DFL
		act.Flags &^= abi.SA_SIGINFO
		p.sig.acts.set(p, num, act)
	}
	return nil
}

const (
	frameSize    = 16 + 880 + 80
	mcontextSize = 800
)

// siginfo makes FreeBSD's siginfo of a signal that t takes.
func siginfo(t *emul.Task, s *emul.Signal) abi.Siginfo {
	if s.Info.Code == siTimer {
		procOf(t).accepted(s)
	}
	r := &t.Regs
	i := xlat.Siginfo(abi.Signal(s.Num), s.Info.Code, s.Info.Errno, s.Info.Fields[:])
	switch abi.Signal(s.Num) {
	case abi.SIGBUS:
		if s.Info.Code == siKernel { // general protection
			i.Addr = r.Rip
		}
	case abi.SIGTRAP:
		if s.Info.Code > 0 && i.Addr == 0 {
			i.Addr = r.Rip
		}
	}
	return i
}

func putRegs(m *abi.Mcontext, t *emul.Task) {
	r := &t.Regs
	m.RDI, m.RSI, m.RDX, m.RCX, m.R8, m.R9 = r.Rdi, r.Rsi, r.Rdx, r.Rcx, r.R8, r.R9
	m.RAX, m.RBX, m.RBP, m.R10, m.R11 = r.Rax, r.Rbx, r.Rbp, r.R10, r.R11
	m.R12, m.R13, m.R14, m.R15 = r.R12, r.R13, r.R14, r.R15
	m.RIP, m.RFLAGS, m.RSP = r.Rip, r.Eflags, r.Rsp
	m.CS, m.SS = guestCS, guestSS
	m.DS, m.ES, m.FS, m.GS = guestSS, guestSS, guestFS, guestGS
	m.FSBase, m.GSBase = r.Fs_base, t.GSBase()
	m.Flags = abi.MC_HASSEGS
	m.Len = mcontextSize
}

// Segment selectors that a FreeBSD program sees (amd64/include/segments.h).
const (
	guestCS = 0x43
	guestSS = 0x3b
	guestFS = 0x13
	guestGS = 0x1b
)

func getRegs(r *host.Regs, m *abi.Mcontext) {
	r.Rdi, r.Rsi, r.Rdx, r.Rcx, r.R8, r.R9 = m.RDI, m.RSI, m.RDX, m.RCX, m.R8, m.R9
	r.Rax, r.Rbx, r.Rbp, r.R10, r.R11 = m.RAX, m.RBX, m.RBP, m.R10, m.R11
	r.R12, r.R13, r.R14, r.R15 = m.R12, m.R13, m.R14, m.R15
	r.Rip, r.Rsp = m.RIP, m.RSP
	r.Eflags = r.Eflags&^userFlags | m.RFLAGS&userFlags
}

func sigreturn(t *emul.Task, uc guest.Ptr[abi.Ucontext]) emul.Action {
	u, err := uc.Load(t)
	if err != nil {
		return emul.Fail(err)
	}
	m := &u.Mcontext
	if m.Flags&^abi.MC_FLAG_MASK != 0 || m.RFLAGS&^userFlags != t.Regs.Eflags&^userFlags {
		return emul.Fail(abi.EINVAL)
	}
	if err := setFP(t, m); err != nil {
		return emul.Fail(err)
	}
	getRegs(&t.Regs, m)
	t.Regs.Fs_base = m.FSBase
	t.SetGSBase(m.GSBase)
	setMask(t, u.Sigmask)
	return emul.Go()
}

// setFP is set_fpcontext() of exec_machdep.c.
func setFP(t *emul.Task, m *abi.Mcontext) error {
	switch {
	case m.Fpformat == abi.MC_FPFMT_NODEV:
		return nil
	case m.Fpformat != abi.MC_FPFMT_XMM:
		return abi.EINVAL
	case m.Ownedfp != abi.MC_FPOWNED_NONE && m.Ownedfp != abi.MC_FPOWNED_FPU && m.Ownedfp != abi.MC_FPOWNED_PCB:
		return abi.EINVAL
	}
	var xbuf [xstateMax]byte
	n, err := t.XState(xbuf[:])
	if err != nil {
		return abi.EINVAL
	}
	if m.Ownedfp == abi.MC_FPOWNED_NONE {
		return dropFP(t, xbuf[:n])
	}
	copy(xbuf[:fxsaveSize], m.Fpstate[:])
	if m.Flags&abi.MC_HASFPXSTATE != 0 {
		if m.XfpustateLen > uint64(n-fxsaveSize) {
			return abi.EINVAL
		}
		if err := t.ReadMem(guest.Addr(m.Xfpustate), xbuf[fxsaveSize:fxsaveSize+int(m.XfpustateLen)]); err != nil {
			return err
		}
	} else if n > fxsaveSize+8 {
		xbuf[fxsaveSize] |= 3 // legacy state only: what the XSAVE header marks absent is reset
	}
	// XSAVE bytes 464–511 of the legacy area are the kernel's.
	if t.SetXState(xbuf[:n]) != nil {
		return abi.EINVAL
	}
	return nil
}

// dropFP gives the thread the floating point state that a program starts with,
// as fpstate_drop() of amd64/amd64/fpu.c does. x is its present state.
func dropFP(t *emul.Task, x []byte) error {
	const (
		controlWord = 0x37f  // __INITIAL_FPUCW__
		mxcsr       = 0x1f80 // __INITIAL_MXCSR__
		mxcsrAt     = 24
		legacy      = 3 // x87 and SSE, in the XSAVE header; all else is reset
	)
	clear(x[:mxcsrAt])
	clear(x[mxcsrAt+8 : fxsaveSize-48]) // behind it MXCSR's mask; at the end what is the kernel's
	binary.LittleEndian.PutUint16(x, controlWord)
	binary.LittleEndian.PutUint32(x[mxcsrAt:], mxcsr)
	if len(x) > fxsaveSize {
		binary.LittleEndian.PutUint64(x[fxsaveSize:], legacy)
	}
	return t.SetXState(x)
}

package freebsd

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// savedContext is the part of ucontext_t that the kernel copies (UC_COPY_SIZE).
type savedContext struct {
	Sigmask  abi.Sigset
	Mcontext abi.Mcontext
}

// currentContext is get_mcontext() of exec_machdep.c with GET_MC_CLEAR_RET:
// whoever resumes it sees the system call succeed with 0.
func currentContext(t *emul.Task) (savedContext, error) {
	th := threadOf(t)
	c := savedContext{Sigmask: th.sig.mask}
	m := &c.Mcontext
	putRegs(m, t)
	m.RAX, m.RDX = 0, 0
	m.RFLAGS &^= 1
	if alt := th.altStack(); onStack(&alt, t.Regs.Rsp) {
		m.Onstack = 1
	}
	var xbuf [xstateMax]byte
	n, err := t.XState(xbuf[:])
	if err != nil || n < fxsaveSize {
		return c, abi.EFAULT
	}
	m.Fpformat, m.Ownedfp = abi.MC_FPFMT_XMM, abi.MC_FPOWNED_FPU
	copy(m.Fpstate[:], xbuf[:fxsaveSize])
	return c, nil
}

func getcontext(t *emul.Task, ucp guest.Ptr[savedContext]) emul.Action {
	if ucp == 0 {
		return emul.Fail(abi.EINVAL)
	}
	c, err := currentContext(t)
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Fail(ucp.Store(t, c))
}

func setcontext(t *emul.Task, ucp guest.Ptr[savedContext]) emul.Action {
	if ucp == 0 {
		return emul.Fail(abi.EINVAL)
	}
	c, err := ucp.Load(t)
	if err != nil {
		return emul.Fail(err)
	}
	m := &c.Mcontext
	if m.Len != mcontextSize || m.Flags&^abi.MC_FLAG_MASK != 0 {
		return emul.Fail(abi.EINVAL)
	}
	if err := setFP(t, m); err != nil {
		return emul.Fail(err)
	}
	getRegs(&t.Regs, m)
	if m.Flags&abi.MC_HASBASES != 0 {
		t.Regs.Fs_base = m.FSBase
		t.SetGSBase(m.GSBase)
	}
	setMask(t, c.Sigmask)
	return emul.Go()
}

func swapcontext(t *emul.Task, oucp, ucp guest.Ptr[savedContext]) emul.Action {
	if oucp == 0 || ucp == 0 {
		return emul.Fail(abi.EINVAL)
	}
	c, err := currentContext(t)
	if err == nil {
		err = oucp.Store(t, c)
	}
	if err != nil {
		return emul.Fail(err)
	}
	return setcontext(t, ucp)
}

// abort2(2): the process ends with SIGABRT and its last words go to the log;
// with SIGKILL when the call itself is improper (kern_exit.c).
func abort2(t *emul.Task, why Str, nargs Int, args guest.Ptr[uint64]) emul.Action {
	sig := abi.SIGABRT
	text := "(null)"
	if nargs < 0 || nargs > 16 {
		sig = abi.SIGKILL
	} else if _, err := args.LoadN(t, int(nargs)); err != nil {
		sig = abi.SIGKILL
	}
	if why != 0 {
		s, err := guest.LoadString(t, guest.Addr(why), 128)
		if err != nil && err != guest.ErrTooLong {
			sig = abi.SIGKILL
		}
		text = s
	}
	t.Loop().Debugf("pid %d aborted: %s", t.Proc.Pid, text)
	return die(t, sig)
}

// die ends the process by a signal that nothing can keep off.
func die(t *emul.Task, sig abi.Signal) emul.Action {
	p := procOf(t)
	p.sig.acts.set(p, sig, actDefault)
	m := threadOf(t).sig.mask
	m.Del(sig)
	setMask(t, m)
	return emul.Tail(unix.SYS_TGKILL, uint64(t.Proc.Pid), uint64(t.Tid), uint64(xlat.HostSignal(sig)))
}

// utrace(2) records something for ktrace(1); while nobody traces the process,
// which is always so here, the kernel does nothing and says so with 0.
func utrace(t *emul.Task, addr Addr, n Size) emul.Action {
	if n > 8192 { // KTR_USER_MAXLEN
		return emul.Fail(abi.EINVAL)
	}
	return emul.Return(0)
}

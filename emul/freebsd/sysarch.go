package freebsd

import (
	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
)

// Operations of sysarch (x86/include/sysarch.h).
const (
	amd64GetFSBase    = 128
	amd64SetFSBase    = 129
	amd64GetGSBase    = 130
	amd64SetGSBase    = 131
	amd64GetXFPUState = 132
	amd64SetTLSBase   = 136 // FreeBSD 15
)

// getXFPUState copies out the extended state behind the 512 bytes that a
// context holds itself; parms are where to and how much.
func getXFPUState(t *emul.Task, parms guest.Ptr[uint64]) emul.Action {
	args, err := parms.LoadN(t, 2)
	if err != nil {
		return emul.Fail(err)
	}
	var buf [xstateMax]byte
	n, err := t.XState(buf[:])
	if err != nil || n < fxsaveSize {
		return emul.Fail(abi.EINVAL)
	}
	ext := buf[fxsaveSize:n]
	if args[1] > uint64(len(ext)) {
		return emul.Fail(abi.EINVAL)
	}
	return emul.Fail(t.WriteMem(guest.Addr(args[0]), ext[:args[1]]))
}

// sysarch(2), sys_machdep.c. The bases are registers to a tracer, so no host
// call is needed.
func sysarch(t *emul.Task, op Int, parms guest.Ptr[uint64]) emul.Action {
	r := &t.Regs
	switch op {
	case amd64GetFSBase:
		return emul.Fail(parms.Store(t, r.Fs_base))
	case amd64GetGSBase:
		return emul.Fail(parms.Store(t, t.GSBase()))
	case amd64SetFSBase, amd64SetGSBase, amd64SetTLSBase:
		v, err := parms.Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		if v >= host.AddrMax {
			return emul.Fail(abi.EINVAL)
		}
		if op == amd64SetGSBase {
			t.SetGSBase(v)
		} else {
			r.Fs_base = v
		}
		return emul.Return(0)
	case amd64GetXFPUState:
		return getXFPUState(t, parms)
	}
	t.Loop().Debugf("pid %d: sysarch: operation %d is not served", t.Proc.Pid, op)
	return emul.Fail(abi.EINVAL)
}

package freebsd

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// procctl(2), as far as Linux has the same for the calling process. All else
// is EINVAL, as commands that an older FreeBSD does not know (kern_procctl.c).
//
// Linux counts the thread that forked as the parent whose death is signaled,
// FreeBSD the process: a parent thread that ends early tells the child too soon.
// And it keeps the signal with the thread that asked for it, which is the one to
// take it back.
func procctl(t *emul.Task, idtype Int, id Long, cmd Int, data Addr) emul.Action {
	if idtype == abi.P_PID && cmd >= abi.PROC_REAP_ACQUIRE && cmd <= abi.PROC_REAP_KILL {
		return reapCtl(t, id, cmd, data)
	}
	if cmd == abi.PROC_SPROTECT {
		// Whom Linux spares when memory runs out is the host's affair (PRIV_VM_MADV_PROTECT).
		return emul.Fail(abi.EPERM)
	}
	if idtype != abi.P_PID || id != 0 && id != Long(t.Proc.Pid) {
		return emul.Fail(abi.EINVAL)
	}
	arg := guest.Ptr[int32](data)
	switch cmd {
	case abi.PROC_PDEATHSIG_CTL:
		n, err := arg.Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		s := abi.Signal(n)
		if n != 0 && !s.Valid() || n != 0 && xlat.HostSignal(s) == 0 {
			return emul.Fail(abi.EINVAL)
		}
		return emul.Host(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uint64(xlat.HostSignal(s))).Then(func(r emul.Ret) emul.Action {
			if r.Err() == nil {
				procOf(t).pdeathsig = s
			}
			return emul.Finish(r)
		})
	case abi.PROC_PDEATHSIG_STATUS: // Linux would tell only the thread that asked for it
		return storeOrFail(t, arg, int32(procOf(t).pdeathsig))
	case abi.PROC_NO_NEW_PRIVS_CTL:
		n, err := arg.Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		if n != abi.PROC_NO_NEW_PRIVS_ENABLE {
			return emul.Fail(abi.EINVAL)
		}
		return emul.Tail(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	case abi.PROC_NO_NEW_PRIVS_STATUS:
		return emul.Host(unix.SYS_PRCTL, unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0).Then(func(r emul.Ret) emul.Action {
			if err := r.Err(); err != nil {
				return emul.Fail(err)
			}
			if r.Val == 1 {
				return storeOrFail(t, arg, int32(abi.PROC_NO_NEW_PRIVS_ENABLE))
			}
			return storeOrFail(t, arg, int32(abi.PROC_NO_NEW_PRIVS_DISABLE))
		})
	}
	return emul.Fail(abi.EINVAL)
}

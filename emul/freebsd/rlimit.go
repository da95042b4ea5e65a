package freebsd

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/trace"
)

// Resource limits and use. struct rusage is the same on both systems.

// Resource is the resource argument of getrlimit(2).
type Resource int32

// TraceArg prints the name.
func (r Resource) TraceArg(*trace.Ctx) string {
	names := []string{"CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "MEMLOCK", "NPROC", "NOFILE",
		"SBSIZE", "AS", "NPTS", "SWAP", "KQUEUES", "UMTXP", "PIPEBUF", "VMM"}
	if r >= 0 && int(r) < len(names) {
		return "RLIMIT_" + names[r]
	}
	return itoa(int64(r))
}

// fdMax is the most that RLIMIT_NOFILE is set to: FreeBSD cuts a larger wish
// down to kern.maxfilesperproc, Linux refuses what exceeds fs.nr_open, by
// default this.
const fdMax = 1 << 20

// getrlimit answers "no limit" for what Linux does not limit.
func getrlimit(t *emul.Task, res Resource, rl guest.Ptr[abi.Rlimit]) emul.Action {
	if res < 0 || res >= abi.RLIM_NLIMITS {
		return emul.Fail(abi.EINVAL)
	}
	l, ok := xlat.Resource(abi.Resource(res))
	if !ok {
		return storeOrFail(t, rl, abi.Rlimit{Cur: abi.RLIM_INFINITY, Max: abi.RLIM_INFINITY})
	}
	buf := emul.Alloc[unix.Rlimit](t)
	return emul.Host(unix.SYS_PRLIMIT64, 0, l, 0, uint64(buf)).Then(func(r emul.Ret) emul.Action {
		if err := r.Err(); err != nil {
			return emul.Fail(err)
		}
		v, err := buf.Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		return storeOrFail(t, rl, xlat.Rlimit(v))
	})
}

// setrlimit refuses to set what Linux does not limit, but for "no limit".
func setrlimit(t *emul.Task, res Resource, rl guest.Ptr[abi.Rlimit]) emul.Action {
	want, err := rl.Load(t)
	if err != nil {
		return emul.Fail(err)
	}
	if res < 0 || res >= abi.RLIM_NLIMITS {
		return emul.Fail(abi.EINVAL)
	}
	v := xlat.RlimitToLinux(want)
	l, ok := xlat.Resource(abi.Resource(res))
	if !ok {
		if v.Cur == unix.RLIM_INFINITY {
			return emul.Return(0)
		}
		return emul.Fail(abi.EINVAL)
	}
	if abi.Resource(res) == abi.RLIMIT_NOFILE {
		v.Cur, v.Max = min(v.Cur, fdMax), min(v.Max, fdMax)
	}
	buf, err := emul.AllocStore(t, v)
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Tail(unix.SYS_PRLIMIT64, 0, l, uint64(buf), 0)
}

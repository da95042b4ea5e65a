package freebsd

import (
	"bytes"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
)

// CPU sets. All processes begin in number 1. Whoever makes a new set belongs to it
// with its children; it has the same CPUs, since what is a set's own mask on
// FreeBSD would need privilege here. What a thread is bound to is the host's
// affinity mask. A set is gone when nobody belongs to it any more, and its
// number means nothing to the guests of other supervisors.

// cpuMaskSize is the size of the host's masks that is asked for, in bytes:
// enough for 8192 CPUs.
const cpuMaskSize = 1024

// defaultCPUSet is the number of the set that every process starts in.
const defaultCPUSet = 1

// affinityTarget gives the Linux thread that (which, id) means, 0 for the
// caller itself.
func affinityTarget(t *emul.Task, which Int, id Long) (uint64, error) {
	switch which {
	case abi.CPU_WHICH_TID, abi.CPU_WHICH_PID, abi.CPU_WHICH_TIDPID:
		switch {
		case id == -1:
			return 0, nil
		case id > tidBase && which != abi.CPU_WHICH_PID:
			return uint64(id - tidBase), nil
		case id <= 0 || which == abi.CPU_WHICH_TID:
			return 0, abi.ESRCH
		}
		return uint64(id), nil
	case abi.CPU_WHICH_CPUSET, abi.CPU_WHICH_JAIL:
		if id == -1 || id == 0 || id == defaultCPUSet || which == abi.CPU_WHICH_CPUSET && hasCPUSet(t, id) {
			return 0, nil
		}
		return 0, abi.ESRCH
	case abi.CPU_WHICH_DOMAIN:
		if id == 0 {
			return 0, nil
		}
		return 0, abi.ESRCH
	}
	return 0, abi.EINVAL
}

// unbind makes the host's mask of the target what the guest asked for; the
// loop may have bound it for speed. target is as affinityTarget gives it.
func unbind(t *emul.Task, target uint64) {
	if o := t.Loop().Task(int(target)); o != nil {
		o.Unbind()
	} else if target == 0 {
		t.Unbind()
	}
}

// cpusetGetaffinity: the mask may be of any size that holds the last CPU in
// it, else ERANGE (kern_cpuset.c kern_cpuset_getaffinity).
func cpusetGetaffinity(t *emul.Task, level, which Int, id Long, size Size, mask Addr) emul.Action {
	if level < abi.CPU_LEVEL_ROOT || level > abi.CPU_LEVEL_WHICH {
		return emul.Fail(abi.EINVAL)
	}
	target, err := affinityTarget(t, which, id)
	if err != nil {
		return emul.Fail(err)
	}
	if int64(size) < 0 || size > guest.MaxCopy {
		return emul.Fail(abi.EFAULT)
	}
	buf, ok := t.AllocBytes(cpuMaskSize)
	if !ok {
		return emul.Fail(abi.ENOMEM)
	}
	unbind(t, target)
	return emul.Host(unix.SYS_SCHED_GETAFFINITY, target, cpuMaskSize, uint64(buf)).
		Then(func(r emul.Ret) emul.Action {
			if err := r.Err(); err != nil {
				return emul.Fail(err)
			}
			b, err := guest.Ptr[byte](buf).LoadN(t, int(min(r.Val, cpuMaskSize)))
			if err != nil {
				return emul.Fail(err)
			}
			b = bytes.TrimRight(b, "\x00")
			if len(b) > int(size) {
				return emul.Fail(abi.ERANGE)
			}
			out := make([]byte, size)
			copy(out, b)
			return emul.Fail(t.WriteMem(guest.Addr(mask), out))
		})
}

// cpusetSetaffinity binds a thread. The shared set cannot be changed; a mask
// with CPUs that do not exist is EINVAL.
func cpusetSetaffinity(t *emul.Task, level, which Int, id Long, size Size, mask guest.Ptr[byte]) emul.Action {
	target, err := affinityTarget(t, which, id)
	switch {
	case err != nil:
		return emul.Fail(err)
	case level != abi.CPU_LEVEL_WHICH:
		return emul.Fail(abi.EPERM)
	case which == abi.CPU_WHICH_CPUSET, which == abi.CPU_WHICH_JAIL, which == abi.CPU_WHICH_DOMAIN:
		return emul.Fail(abi.EPERM)
	case int64(size) < 0 || size > guest.MaxCopy:
		return emul.Fail(abi.EFAULT)
	}
	b, err := mask.LoadN(t, int(size))
	if err != nil {
		return emul.Fail(err)
	}
	b = bytes.TrimRight(b, "\x00")
	if len(b) == 0 {
		return emul.Fail(abi.EDEADLK) // no CPU left to run on
	}
	if len(b) > cpuMaskSize {
		return emul.Fail(abi.EINVAL)
	}
	b = append(b, make([]byte, -len(b)&7)...)
	buf, ok := t.AllocBytes(len(b))
	if !ok {
		return emul.Fail(abi.ENOMEM)
	}
	if err := t.WriteMem(buf, b); err != nil {
		return emul.Fail(err)
	}
	unbind(t, target)
	set := func(tid uint64) emul.Call {
		return emul.NewCall(unix.SYS_SCHED_SETAFFINITY, tid, uint64(len(b)), uint64(buf))
	}
	tids := []uint64{target}
	if which == abi.CPU_WHICH_PID {
		tids = threadsOf(t, target)
	}
	return bindEach(tids, set)
}

// threadsOf lists the threads of a process: all of a guest's, as far as one
// call can carry, else the first.
func threadsOf(t *emul.Task, pid uint64) []uint64 {
	p := t.Proc
	if pid != 0 {
		p = t.Loop().Process(int(pid))
	}
	if p == nil {
		return []uint64{pid}
	}
	var tids []uint64
	for tid := range p.Tasks {
		tids = append(tids, uint64(tid))
	}
	return tids
}

// bindEach makes one call per thread. A thread that is gone meanwhile does not
// count, unless there is no other.
func bindEach(tids []uint64, set func(tid uint64) emul.Call) emul.Action {
	c := set(tids[0])
	return emul.Host(c.NR, c.Args[:3]...).Atomic().Then(func(r emul.Ret) emul.Action {
		switch err := r.Err(); {
		case len(tids) == 1 && err != nil:
			return emul.Fail(err)
		case len(tids) == 1:
			return emul.Return(0)
		case err != nil && err != unix.ESRCH:
			return emul.Fail(err)
		}
		return bindEach(tids[1:], set)
	})
}

// cpuset(2) makes a new set and puts the caller into it.
func cpuset(t *emul.Task, out guest.Ptr[int32]) emul.Action {
	p := procOf(t)
	id := max(p.os.lastCPUSet, defaultCPUSet) + 1
	if err := out.Store(t, id); err != nil {
		return emul.Fail(err)
	}
	p.os.lastCPUSet, p.cpuset = id, id
	return emul.Return(0)
}

// cpusetSetid puts a process into a set that there is.
func cpusetSetid(t *emul.Task, which Int, id Long, set Int) emul.Action {
	switch {
	case which != abi.CPU_WHICH_PID:
		return emul.Fail(abi.EINVAL)
	case set != defaultCPUSet && !hasCPUSet(t, Long(set)):
		return emul.Fail(abi.ESRCH)
	case id == -1 || id == Long(t.Proc.Pid):
		procOf(t).cpuset = int32(set)
		return emul.Return(0)
	}
	// Who may signal a process may move it.
	return emul.Batch(emul.NewCall(unix.SYS_KILL, uint64(id), 0)).ThenAll(func(r []emul.Ret) emul.Action {
		p := t.Loop().Process(int(id))
		switch err := r[0].Err(); {
		case err != nil:
			return emul.Fail(err)
		case id <= 0 || p == nil:
			return emul.Fail(abi.ESRCH)
		}
		p.OS.(*process).cpuset = int32(set)
		return emul.Return(0)
	})
}

// hasCPUSet says whether some guest belongs to a set other than the default.
func hasCPUSet(t *emul.Task, id Long) bool {
	found := false
	t.Loop().Processes(func(p *emul.Process) {
		q, ok := p.OS.(*process)
		found = found || ok && !p.Dead() && q.cpuset != 0 && Long(q.cpuset) == id
	})
	return found
}

// inCPUSet is the number of the set that the target of a call is, or belongs to.
func inCPUSet(t *emul.Task, which Int, id Long) int32 {
	p := t.Proc
	switch which {
	case abi.CPU_WHICH_CPUSET:
		if id > 0 {
			return int32(id)
		}
	case abi.CPU_WHICH_TID, abi.CPU_WHICH_PID, abi.CPU_WHICH_TIDPID:
		if id > tidBase && which != abi.CPU_WHICH_PID {
			id -= tidBase
		}
		if o := t.Loop().Task(int(id)); o != nil {
			p = o.Proc
		} else if id > 0 {
			return defaultCPUSet // a process that is no guest
		}
	default:
		return defaultCPUSet
	}
	return max(p.OS.(*process).cpuset, defaultCPUSet)
}

// cpusetGetid tells the set.
func cpusetGetid(t *emul.Task, level, which Int, id Long, out guest.Ptr[int32]) emul.Action {
	if level == abi.CPU_LEVEL_WHICH && which != abi.CPU_WHICH_CPUSET {
		return emul.Fail(abi.EINVAL)
	}
	if _, err := affinityTarget(t, which, id); err != nil {
		return emul.Fail(err)
	}
	set := inCPUSet(t, which, id)
	if level == abi.CPU_LEVEL_ROOT {
		set = 0
	}
	return storeOrFail(t, out, set)
}

// cpusetGetdomain: there is one memory domain, and memory comes from it.
func cpusetGetdomain(t *emul.Task, level, which Int, id Long, size Size, mask Addr, policy guest.Ptr[int32]) emul.Action {
	const (
		least, most = 8, 32 // sizeof(domainset_t), DOMAINSET_MAXSIZE / 8
		firstTouch  = 2     // DOMAINSET_POLICY_FIRSTTOUCH
	)
	if size < least || size > most {
		return emul.Fail(abi.ERANGE)
	}
	if _, err := affinityTarget(t, which, id); err != nil {
		return emul.Fail(err)
	}
	b := make([]byte, size)
	b[0] = 1
	if err := t.WriteMem(guest.Addr(mask), b); err != nil {
		return emul.Fail(err)
	}
	return storeOrFail(t, policy, firstTouch)
}

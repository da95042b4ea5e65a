package freebsd

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// native has Linux execute the file, because it is a Linux program or the
// interpreter of a script is one. cause, if any, is what to answer when even
// Linux refuses.
func (p *program) native(cause error) emul.Action {
	t := p.t
	t.Note()
	calls := procOf(t).hostDispositions()
	args := [5]uint64{uint64(uint32(p.dirfd)), p.pathAt, p.argvAt, p.envvAt, 0}
	if p.initial {
		var err error
		if args, err = p.buildNative(); err != nil {
			return p.fail(err)
		}
	}
	exec := emul.ExecNative(args, func(err error) emul.Action {
		if p.initial {
			return p.abandon(err)
		}
		return emul.Fail(err)
	})
	if p.fd >= 0 {
		calls = append(calls, emul.NewCall(unix.SYS_CLOSE, uint64(p.fd)))
	}
	return emul.Batch(calls...).ThenAll(func([]emul.Ret) emul.Action { return exec })
}

// buildNative writes the vectors of the first program of a tree to scratch
// memory: there is no guest yet that would hold them.
func (p *program) buildNative() (args [5]uint64, err error) {
	vec := func(v []string) uint64 {
		ptrs := make([]uint64, len(v)+1)
		for i, s := range v {
			at, ok := p.t.AllocBytes(len(s) + 1)
			if !ok {
				err = abi.E2BIG
				return 0
			}
			if e := p.t.WriteMem(at, append([]byte(s), 0)); e != nil {
				err = e
			}
			ptrs[i] = uint64(at)
		}
		at, ok := p.t.AllocBytes(8 * len(ptrs))
		if !ok {
			err = abi.E2BIG
			return 0
		}
		if e := guest.Ptr[uint64](at).StoreN(p.t, ptrs); e != nil {
			err = e
		}
		return uint64(at)
	}
	path := guest.Addr(p.pathAt)
	if path == 0 {
		path, err = allocBytes(p.t, append([]byte(p.path), 0))
	}
	argv, envv := vec(p.argv), vec(p.envv)
	return [5]uint64{cwd, uint64(path), argv, envv, 0}, err
}

// hostDispositions are the calls that make Linux ignore what the guest
// ignores, for a program that will be Linux's alone.
func (p *process) hostDispositions() []emul.Call {
	t := p.Any()
	var calls []emul.Call
	var ign uint64
	for s := abi.Signal(1); s <= abi.SIGRTMAX; s++ {
		h := xlat.HostSignal(s)
		if h == 0 || p.sig.acts.of(p, s).Handler != abi.SIG_IGN || p.sig.hostIgnored&(1<<(h-1)) != 0 {
			continue
		}
		if ign == 0 {
			at, err := emul.AllocStore(t, hostAct{handler: abi.SIG_IGN})
			if err != nil {
				return calls
			}
			ign = uint64(at)
		}
		calls = append(calls, emul.NewCall(unix.SYS_RT_SIGACTION, uint64(h), ign, 0, 8))
	}
	return calls
}

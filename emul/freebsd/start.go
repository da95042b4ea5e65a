package freebsd

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
)

// Spec is the first program of a tree.
type Spec struct {
	Path string // as the user gave it
	FD   int    // the opened file in the process, -1 if it is to be opened by Path
	Argv []string
	Envv []string
}

// Start turns the process of t, which has nothing but LSF's region to keep,
// into the program. If that fails it prints one line and exits 126 or 127.
func (o *OS) Start(t *emul.Task, s Spec) emul.Action {
	p := &process{Process: t.Proc, os: o, started: time.Now(), release: o.firstRelease()}
	t.Proc.OS = p
	p.sig.hostIgnored = o.Ignored
	p.sig.acts.all = true
	for s := range p.sig.acts.here {
		p.sig.acts.here[s] = actDefault
	}
	for n := unix.Signal(1); n <= 64; n++ {
		if g := xlat.GuestSignal(n); o.Ignored&(1<<(n-1)) != 0 && g != 0 {
			p.sig.acts.here[g].Handler = abi.SIG_IGN
		}
	}
	o.NewTask(t, nil)
	pr := &program{t: t, path: s.Path, argv: s.Argv, envv: s.Envv, initial: true, fd: -1, dirfd: unix.AT_FDCWD}
	return pr.enterRoot(func() emul.Action {
		if s.FD >= 0 {
			pr.fd = int32(s.FD)
			return pr.inspect()
		}
		at, ok := t.AllocBytes(len(s.Path) + 1)
		if !ok {
			return pr.fail(abi.ENAMETOOLONG)
		}
		if err := t.WriteMem(at, append([]byte(s.Path), 0)); err != nil {
			return pr.fail(err)
		}
		return pr.prefix.resolve(t, cwd, uint64(at), true, func(at uint64) emul.Action {
			pr.pathAt = at
			return pr.open(at)
		})
	})
}

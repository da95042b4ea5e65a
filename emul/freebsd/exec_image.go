package freebsd

import (
	"cmp"
	"fmt"
	"path"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
	"github.com/lsf-linux/lsf/loader"
)

// replace is the point of no return: the old program goes, an empty address
// space comes.
func (p *program) replace() emul.Action {
	return p.learnRelease(p.replaceNow)
}

func (p *program) replaceNow() emul.Action {
	if p.initial {
		return p.enter()
	}
	p.t.Note()
	// The files must survive the exec.
	calls := []emul.Call{emul.NewCall(unix.SYS_FCNTL, uint64(p.fd), unix.F_SETFD, 0)}
	if p.interp != nil {
		calls = append(calls, emul.NewCall(unix.SYS_FCNTL, uint64(p.interp.fd), unix.F_SETFD, 0))
	}
	return emul.Batch(calls...).ThenAll(func([]emul.Ret) emul.Action {
		return leaveRobust(p.t, func() emul.Action {
			// A signal may come when the old program's memory is gone already.
			th, pr := threadOf(p.t), procOf(p.t)
			pr.sig.acts.fetch(pr)
			fast := th.sig.fast
			th.sig.fast = fastblock{}
			failed := func(err error) emul.Action {
				th.sig.fast = fast
				return p.fail(err)
			}
			return emul.ExecStub(p.t, p.comm(), failed, func() emul.Action {
				pr.execed()
				return kqExec(p.t, p.enter)
			})
		})
	})
}

// comm is what ps(1) shows as the command's name.
func (p *program) comm() string {
	c := path.Base(cmp.Or(p.realPath, p.path))
	if len(c) > 15 {
		c = c[:15]
	}
	return c
}

// enter maps the program into the empty address space and starts it.
func (p *program) enter() emul.Action {
	t := p.t
	stack, err := p.buildStack()
	if err != nil {
		return p.doomed(err)
	}
	size := uint64(maxStack)
	var calls []emul.Call
	for _, r := range host.Outside(0, host.AddrMax) {
		calls = append(calls, emul.NewCall(unix.SYS_MUNMAP, r[0], r[1]))
	}
	calls = append(calls, host.ProtectCalls(p.initial, func(nr int, a ...uint64) emul.Call { return emul.NewCall(emul.HostNR(nr), a...) })...)
	first := len(calls)
	calls = append(calls, emul.NewCall(unix.SYS_MMAP, usrstack-size, size, uint64(p.image.StackProt),
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_FIXED|unix.MAP_NORESERVE, ^uint64(0), 0))
	calls = append(calls, mapCalls(p.image, p.fd)...)
	if p.interp != nil {
		calls = append(calls, mapCalls(p.interp.image, p.interp.fd)...)
	}
	mapped := len(calls)
	calls = append(calls, emul.NewCall(unix.SYS_CLOSE, uint64(p.fd)))
	if p.interp != nil {
		calls = append(calls, emul.NewCall(unix.SYS_CLOSE, uint64(p.interp.fd)))
	}
	name, err := emul.AllocStore(t, nameBytes(p.comm()))
	if err != nil {
		return p.doomed(err)
	}
	calls = append(calls, emul.NewCall(unix.SYS_PRCTL, unix.PR_SET_NAME, uint64(name)))
	mm, err := emul.AllocStore(t, p.mmMap(stack))
	if err != nil {
		return p.doomed(err)
	}
	calls = append(calls, emul.NewCall(unix.SYS_PRCTL, unix.PR_SET_MM, unix.PR_SET_MM_MAP, uint64(mm), mmMapSize, 0))
	if p.initial {
		calls = append(calls, emul.NewCall(unix.SYS_PRCTL, unix.PR_SET_PTRACER, 0))
	}
	arm, needed := t.Loop().Engine().ArmCall()
	if needed {
		calls = append(calls, emul.NewCall(unix.SYS_PRCTL, arm[:]...))
	}
	return emul.Batch(calls...).ThenAll(func(rets []emul.Ret) emul.Action {
		for i, r := range rets[first:mapped] {
			if r.Err() != nil {
				return p.doomed(fmt.Errorf("map part %d: %w", i, r.Err()))
			}
		}
		if needed && rets[len(rets)-1].Err() != nil {
			return p.doomed(fmt.Errorf("arm syscall user dispatch: %w", rets[len(rets)-1].Err()))
		}
		return p.start(stack)
	})
}

// doomed ends a process that has lost its old program and cannot get the new one.
func (p *program) doomed(err error) emul.Action {
	p.t.Loop().Debugf("pid %d: exec %s: %v", p.t.Proc.Pid, p.path, err)
	return p.abandon(fmt.Errorf("cannot load: %w", err))
}

func nameBytes(s string) (b [16]byte) {
	copy(b[:15], s)
	return b
}

func mapCalls(img *loader.Image, fd int32) []emul.Call {
	var calls []emul.Call
	for _, m := range img.Mappings {
		flags, f := uint64(unix.MAP_PRIVATE|unix.MAP_FIXED), uint64(fd)
		if m.Anon {
			flags, f = flags|unix.MAP_ANONYMOUS, ^uint64(0)
		}
		calls = append(calls, emul.NewCall(unix.SYS_MMAP, m.Addr, m.Len, uint64(m.Prot), flags, f, m.Offset))
	}
	return calls
}

// start writes what the kernel puts into a new program's memory, and its registers.
func (p *program) start(stack *loader.Stack) emul.Action {
	t := p.t
	if err := t.WriteMem(guest.Addr(stack.Base), stack.Data); err != nil {
		return p.doomed(err)
	}
	entry := p.image.Entry
	imgs := []*loader.Image{p.image}
	if p.interp != nil {
		entry = p.interp.image.Entry
		imgs = append(imgs, p.interp.image)
	}
	var fix []emul.Call
	for _, img := range imgs {
		for _, m := range img.Mappings {
			if m.ZeroFrom == 0 {
				continue
			}
			zero := make([]byte, m.End()-m.ZeroFrom)
			if t.WriteMem(guest.Addr(m.ZeroFrom), zero) == nil {
				continue
			}
			// A mapping that is not writable: open it for the moment.
			fix = append(fix, emul.NewCall(unix.SYS_MPROTECT, m.Addr, m.Len, unix.PROT_READ|unix.PROT_WRITE))
		}
	}
	pr := procOf(t)
	pr.image = procImage{path: p.realPath, argv: p.argv, psStrings: stack.PsStrings, usrstack: usrstack, stackSize: maxStack,
		auxv: stack.Auxv, auxvLen: stack.AuxvLen}
	pr.prefix, pr.release = p.prefix, p.release
	pr.sig.acts.renew(pr)
	pr.mem.brk, pr.mem.brkStart = p.image.Brk, p.image.Brk
	r := host.Regs{Cs: t.Regs.Cs, Ss: t.Regs.Ss, Ds: t.Regs.Ds, Es: t.Regs.Es, Eflags: 0x202}
	r.Rip, r.Rdi, r.Rsp = entry, stack.SP, stack.EntrySP()
	t.Begin(r)
	if pr.prefix != "" {
		t.Guard() // paths are translated
	}
	if len(fix) == 0 {
		return emul.Go()
	}
	return emul.Batch(fix...).ThenAll(func([]emul.Ret) emul.Action {
		var back []emul.Call
		for _, img := range imgs {
			for _, m := range img.Mappings {
				if m.ZeroFrom != 0 {
					t.WriteMem(guest.Addr(m.ZeroFrom), make([]byte, m.End()-m.ZeroFrom))
					back = append(back, emul.NewCall(unix.SYS_MPROTECT, m.Addr, m.Len, uint64(m.Prot)))
				}
			}
		}
		return emul.Batch(back...).ThenAll(func([]emul.Ret) emul.Action { return emul.Go() })
	})
}

// auxiliary vector types (sys/elf_common.h)
const (
	atPhdr         = 3
	atPhent        = 4
	atPhnum        = 5
	atPagesz       = 6
	atBase         = 7
	atFlags        = 8
	atEntry        = 9
	atOsreldate    = 18
	atNcpus        = 19
	atStackprot    = 23
	atEhdrflags    = 24
	atHwcap        = 25
	atHwcap2       = 26
	atBsdflags     = 27
	atUsrstackbase = 35
	atUsrstacklim  = 36
)

func (p *program) buildStack() (*loader.Stack, error) {
	img := p.image
	base := img.Base
	if p.interp != nil {
		base = p.interp.image.Base
	}
	cpus, err := ncpu(&sysctlReq{t: p.t})
	if err != nil {
		cpus = 1
	}
	var canary [64]byte
	// Not unix.Getrandom: that would set up the vDSO's, for this once.
	unix.RawSyscall(unix.SYS_GETRANDOM, uintptr(unsafe.Pointer(&canary)), unsafe.Sizeof(canary), 0)
	exec := p.absPath
	if !strings.HasPrefix(exec, "/") {
		exec = ""
	}
	return loader.BuildStack(loader.StackSpec{
		Top: usrstack, Argv: p.argv, Envv: p.envv, ExecPath: exec,
		Canary: canary[:], PageSizes: []uint64{4096, 2 << 20, 1 << 30},
		Auxv: []loader.Auxv{
			{Type: atPhdr, Val: img.Phdr}, {Type: atPhent, Val: uint64(img.Phent)}, {Type: atPhnum, Val: uint64(img.Phnum)},
			{Type: atPagesz, Val: pageSize}, {Type: atFlags}, {Type: atEntry, Val: img.Entry}, {Type: atBase, Val: base},
			{Type: atEhdrflags, Val: uint64(img.EhdrFlags)}, {Type: atOsreldate, Val: uint64(p.release.date)},
			{Type: atNcpus, Val: uint64(cpus)}, {Type: atStackprot, Val: uint64(img.StackProt)},
			{Type: atBsdflags, Val: bsdfSigfastblk},
			{Type: atUsrstackbase, Val: usrstack}, {Type: atUsrstacklim, Val: maxStack},
		},
	})
}

// mmMapSize is sizeof(struct prctl_mm_map).
const mmMapSize = 13 * 8

// mmMap tells Linux where the program's arguments are, for ps(1) and /proc.
func (p *program) mmMap(s *loader.Stack) [mmMapSize / 8]uint64 {
	img := p.image
	brk := img.End + pageSize
	noExe := uint64(0xffffffff) // exe_fd -1, no auxv
	return [...]uint64{img.Start, img.End - 1, img.Start, img.End - 1, brk, brk, s.SP,
		s.ArgStart, s.ArgEnd, s.EnvStart, s.EnvEnd, 0, noExe << 32}
}

package freebsd

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
)

// sysctlProc is kern.proc.*: what the supervisor knows of its own guests, and
// what Linux's /proc tells of them. Other processes are as invisible as those
// of another jail.
func sysctlProc() []ctl {
	const (
		rd  = abi.CTLFLAG_RD
		any = abi.CTLFLAG_RW | abi.CTLFLAG_ANYBODY
	)
	rows := []ctl{
		{"kern.proc.all", abi.KERN_PROC_ALL, rd, ctlOpaque("S,proc", procTable(abi.KERN_PROC_ALL, true)), "Return entire process table"},
		{"kern.proc.args", abi.KERN_PROC_ARGS, any, nodeActing(procArgs), "Process argument list"},
		{"kern.proc.sv_name", abi.KERN_PROC_SV_NAME, rd, nodeOf(procSVName), "Process syscall vector name (ABI type)"},
		{"kern.proc.pathname", abi.KERN_PROC_PATHNAME, rd, nodeOf(procPathname), "Process executable path"},
		{"kern.proc.vmmap", abi.KERN_PROC_VMMAP, rd, nodeOf(procVmmap), "Process vm map entries"},
		{"kern.proc.filedesc", abi.KERN_PROC_FILEDESC, rd, nodeOf(procFiledesc), "Process filedesc entries"},
		{"kern.proc.groups", abi.KERN_PROC_GROUPS, rd, nodeOf(procGroups), "Process groups"},
		{"kern.proc.env", abi.KERN_PROC_ENV, rd, nodeOf(procEnv), "Process environment"},
		{"kern.proc.rlimit", abi.KERN_PROC_RLIMIT, any, nodeOf(procRlimit), "Process resource limits"},
		{"kern.proc.osrel", abi.KERN_PROC_OSREL, any, nodeOf(procOsrel), "Process binary osreldate"},
		{"kern.proc.ps_strings", abi.KERN_PROC_PS_STRINGS, rd, nodeOf(procPsStrings), "Process ps_strings location"},
		{"kern.proc.umask", abi.KERN_PROC_UMASK, rd, nodeOf(procUmask), "Process umask"},
		{"kern.proc.cwd", abi.KERN_PROC_CWD, rd, nodeActing(procCwd), "Process current working directory"},
		{"kern.proc.auxv", abi.KERN_PROC_AUXV, rd, nodeOf(procAuxv), "Process ELF auxiliary vector"},
		{"kern.proc.sigtramp", abi.KERN_PROC_SIGTRAMP, rd, nodeOf(procSigtramp), "Process signal trampoline location"},
		{"kern.proc.nfds", abi.KERN_PROC_NFDS, rd, nodeOf(procNfds), "Number of open file descriptors"},
	}
	for _, by := range []struct {
		name string
		num  int32
	}{
		{"pid", abi.KERN_PROC_PID}, {"pgrp", abi.KERN_PROC_PGRP}, {"sid", abi.KERN_PROC_SESSION}, {"tty", abi.KERN_PROC_TTY},
		{"uid", abi.KERN_PROC_UID}, {"ruid", abi.KERN_PROC_RUID}, {"proc", abi.KERN_PROC_PROC},
		{"rgid", abi.KERN_PROC_RGID}, {"gid", abi.KERN_PROC_GID},
	} {
		rows = append(rows,
			ctl{"kern.proc." + by.name, by.num, rd, nodeOf(procTable(by.num, false)), "Process table"},
			ctl{"kern.proc." + by.name + "_td", by.num | abi.KERN_PROC_INC_THREAD, rd, nodeOf(procTable(by.num, true)), "Process table"})
	}
	return rows
}

// procArg gives the process that the number behind the name means; -1 is the caller.
func procArg(r *sysctlReq) (*process, error) {
	if len(r.rest) != 1 {
		return nil, abi.EINVAL
	}
	if r.rest[0] == -1 {
		return r.p, nil
	}
	p := r.t.Loop().Process(int(r.rest[0]))
	if p == nil {
		return nil, abi.ESRCH
	}
	return p.OS.(*process), nil
}

// procTable gives the processes that by and the number behind the name choose,
// or the threads of each (sys/kern/kern_proc.c sysctl_kern_proc).
func procTable(by int32, threads bool) func(*sysctlReq) ([]byte, error) {
	return func(r *sysctlReq) ([]byte, error) {
		want := 1
		if by == abi.KERN_PROC_ALL {
			want = 0
		}
		if len(r.rest) != want && !(by == abi.KERN_PROC_PROC && len(r.rest) == 0) {
			return nil, abi.EINVAL
		}
		if by == abi.KERN_PROC_PID {
			p := r.t.Loop().Process(int(r.rest[0]))
			if p == nil {
				return nil, abi.ESRCH
			}
			return p.OS.(*process).entries(threads), nil
		}
		var all []*process
		r.t.Loop().Processes(func(p *emul.Process) {
			if q, ok := p.OS.(*process); ok {
				all = append(all, q)
			}
		})
		slices.SortFunc(all, func(a, b *process) int { return a.Pid - b.Pid })
		var out []byte
		for _, p := range all {
			if len(r.rest) == 0 || p.chosen(by, r.rest[0]) {
				out = append(out, p.entries(threads)...)
			}
		}
		if r.sizing() {
			// Room for processes that come in between.
			out = append(out, make([]byte, 5*abi.SizeofKinfoProc)...)
		}
		return out, nil
	}
}

// chosen says whether by and arg choose the process.
func (p *process) chosen(by, arg int32) bool {
	if by == abi.KERN_PROC_PROC {
		return true
	}
	k := p.kinfo(p.procDir())
	switch by {
	case abi.KERN_PROC_PGRP:
		return k.Pgid == arg
	case abi.KERN_PROC_SESSION:
		return k.Sid == arg
	case abi.KERN_PROC_TTY:
		return k.Tdev11 == uint32(arg)
	case abi.KERN_PROC_UID:
		return k.Uid == uint32(arg)
	case abi.KERN_PROC_RUID:
		return k.Ruid == uint32(arg)
	case abi.KERN_PROC_GID:
		return k.Groups[0] == uint32(arg)
	case abi.KERN_PROC_RGID:
		return k.Rgid == uint32(arg)
	}
	return false
}

func (p *process) entries(threads bool) []byte {
	if !threads {
		return structBytes(p.kinfo(p.procDir()))
	}
	var out []byte
	for _, k := range p.threads() {
		out = append(out, structBytes(k)...)
	}
	return out
}

func procPathname(r *sysctlReq) ([]byte, error) {
	p, err := procArg(r)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(p.image.path, "/") {
		return nil, abi.ENOENT // its directory was gone when it was started
	}
	return cstring(p.image.path), nil
}

func procSVName(r *sysctlReq) ([]byte, error) {
	if _, err := procArg(r); err != nil {
		return nil, err
	}
	return cstring("FreeBSD ELF64"), nil
}

// procArgs gives the arguments, and lets a process change its own, as
// setproctitle(3) does.
func procArgs(r *sysctlReq) emul.Action {
	p, err := procArg(r)
	if err != nil {
		return emul.Fail(err)
	}
	if r.newp != 0 && p != r.p {
		return emul.Fail(abi.EPERM)
	}
	if err := r.store([]byte(strings.Join(p.image.argv, "\x00") + "\x00")); err != nil || r.newp == 0 {
		return emul.Fail(err)
	}
	const limit = 256 // kern.ps_arg_cache_limit
	if r.newlen > limit {
		return emul.Fail(abi.ENOMEM)
	}
	b := make([]byte, r.newlen)
	if err := r.t.ReadMem(r.newp, b); err != nil {
		return emul.Fail(err)
	}
	if len(b) > 0 {
		p.image.argv = strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
	}
	return emul.Return(0)
}

func procOsrel(r *sysctlReq) ([]byte, error) {
	p, err := procArg(r)
	if err != nil {
		return nil, err
	}
	return int32s(p.release.date), nil
}

func procPsStrings(r *sysctlReq) ([]byte, error) {
	p, err := procArg(r)
	if err != nil {
		return nil, err
	}
	return int64s(int64(p.image.psStrings)), nil
}

// procGroups gives the effective group and the supplementary ones.
func procGroups(r *sysctlReq) ([]byte, error) {
	p, err := procArg(r)
	if err != nil {
		return nil, err
	}
	s, err := readProcStat(p.procDir())
	if err != nil {
		return nil, err
	}
	out := int32s(int32(s.gids[1]))
	for _, g := range s.groups {
		out = append(out, int32s(int32(g))...)
	}
	return out, nil
}

// procEnv gives the environment, which the kernel keeps no copy of: it is
// where ps_strings says.
func procEnv(r *sysctlReq) ([]byte, error) {
	p, err := procArg(r)
	if err != nil {
		return nil, err
	}
	t := p.Any()
	if t == nil {
		return nil, abi.ESRCH
	}
	return psStrings(t, p.image.psStrings)
}

// procAuxv gives the auxiliary vector, out of the program's memory.
func procAuxv(r *sysctlReq) ([]byte, error) {
	p, err := procArg(r)
	if err != nil {
		return nil, err
	}
	t := p.Any()
	if t == nil {
		return nil, abi.ESRCH
	}
	b := make([]byte, p.image.auxvLen)
	return b, t.ReadMem(guest.Addr(p.image.auxv), b)
}

// procSigtramp says where the code is that signal handlers return to.
func procSigtramp(r *sysctlReq) ([]byte, error) {
	if _, err := procArg(r); err != nil {
		return nil, err
	}
	return structBytes(abi.KinfoSigtramp{Start: host.GuestCode, End: host.GuestCode + uint64(len(sigcode))}), nil
}

func procRlimit(r *sysctlReq) ([]byte, error) {
	if len(r.rest) != 2 {
		return nil, abi.EINVAL
	}
	which := abi.Resource(r.rest[1])
	r.rest = r.rest[:1]
	p, err := procArg(r)
	switch {
	case err != nil:
		return nil, err
	case which < 0 || which >= abi.RLIM_NLIMITS:
		return nil, abi.EINVAL
	}
	l, ok := xlat.Resource(which)
	if !ok {
		return structBytes(abi.Rlimit{Cur: abi.RLIM_INFINITY, Max: abi.RLIM_INFINITY}), nil
	}
	var lim unix.Rlimit
	if err := unix.Prlimit(p.Pid, int(l), nil, &lim); err != nil {
		return nil, err
	}
	return structBytes(xlat.Rlimit(lim)), nil
}

// procUmask: the umask is in /proc/PID/status.
func procUmask(r *sysctlReq) ([]byte, error) {
	p, err := procArg(r)
	if err != nil {
		return nil, err
	}
	text, err := procFile(p.procDir() + "/status")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "Umask:"); ok {
			v, err := strconv.ParseUint(strings.TrimSpace(rest), 8, 16)
			if err != nil {
				return nil, abi.ENOENT
			}
			return int64s(int64(v))[:2], nil // u_short
		}
	}
	return nil, abi.ENOENT
}

func procNfds(r *sysctlReq) ([]byte, error) {
	p, err := procArg(r)
	if err != nil {
		return nil, err
	}
	names, err := p.fds()
	if err != nil {
		return nil, err
	}
	return int32s(int32(len(names))), nil
}

// fds lists the open descriptors, in order.
func (p *process) fds() ([]int, error) {
	entries, err := os.ReadDir(p.procDir() + "/fd")
	if err != nil {
		return nil, abi.ENOENT
	}
	var out []int
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, nil
}

// procCwd: a process's own directory is known without /proc, too.
func procCwd(r *sysctlReq) emul.Action {
	p, err := procArg(r)
	if err != nil {
		return emul.Fail(err)
	}
	if p != r.p {
		path, err := p.procLink("cwd")
		if err != nil {
			return emul.Fail(err)
		}
		return r.out(kinfoDir(abi.KF_FD_TYPE_CWD, path))
	}
	const room = 4096
	at, ok := r.t.AllocBytes(room)
	if !ok {
		return emul.Fail(abi.ENOMEM)
	}
	return emul.Host(unix.SYS_GETCWD, uint64(at), room).Then(func(ret emul.Ret) emul.Action {
		if ret.Err() != nil {
			return emul.Finish(ret)
		}
		b := make([]byte, min(ret.Val, room))
		if err := r.t.ReadMem(at, b); err != nil {
			return emul.Fail(err)
		}
		return r.out(kinfoDir(abi.KF_FD_TYPE_CWD, r.p.prefix.guest(unix.ByteSliceToString(b))))
	})
}

func kinfoDir(fd int32, path string) []byte {
	return packKinfoFile(abi.KinfoFile{
		Type: abi.KF_TYPE_VNODE, FD: fd, RefCount: -1, VnodeType: abi.KF_VTYPE_VDIR, Flags: abi.KF_FLAG_READ,
	}, path)
}

// packKinfoFile cuts the structure behind its path.
func packKinfoFile(k abi.KinfoFile, path string) []byte {
	return packPath(structBytes(k)[:abi.SizeofKinfoFileHead], path)
}

// packPath puts a path behind a structure, pads to eight bytes, and puts the
// length into the structure's first member.
func packPath(b []byte, path string) []byte {
	b = append(append(b, path[:min(len(path), 1023)]...), 0)
	for len(b)%8 != 0 {
		b = append(b, 0)
	}
	copy(b, int32s(int32(len(b))))
	return b
}

// procFiledesc gives the program, the directories and the open files of a process.
func procFiledesc(r *sysctlReq) ([]byte, error) {
	if len(r.rest) == 2 {
		r.rest = r.rest[:1] // a limit for each record's size, as libprocstat sets it
	}
	p, err := procArg(r)
	if err != nil {
		return nil, err
	}
	fds, err := p.fds()
	if err != nil {
		return nil, err
	}
	var out []byte
	if strings.HasPrefix(p.image.path, "/") {
		out = append(out, p.kinfoVnode(abi.KF_FD_TYPE_TEXT, "root"+p.image.path, p.image.path)...)
	}
	if cwd, err := p.procLink("cwd"); err == nil {
		out = append(out, p.kinfoVnode(abi.KF_FD_TYPE_CWD, "cwd", cwd)...)
	}
	if root, err := p.procLink("root"); err == nil {
		out = append(out, p.kinfoVnode(abi.KF_FD_TYPE_ROOT, "root", root)...)
	}
	for _, fd := range fds {
		out = append(out, p.kinfoFD(fd)...)
	}
	return out, nil
}

// statFile is stat(2) of what a name below the process's directory in /proc leads to.
func (p *process) statFile(name string) (st unix.Statx_t, err error) {
	err = unix.Statx(unix.AT_FDCWD, p.procDir()+"/"+name, 0, unix.STATX_BASIC_STATS, &st)
	return st, err
}

// kinfoVnode describes a file that the process uses without a descriptor; name
// is below its directory in /proc.
func (p *process) kinfoVnode(fd int32, name, path string) []byte {
	k := abi.KinfoFile{Type: abi.KF_TYPE_VNODE, VnodeType: abi.KF_VTYPE_UNKNOWN}
	if st, err := p.statFile(name); err == nil {
		attr := xlat.Stat(&st)
		k = xlat.KinfoFile(fd, &attr, abi.O_RDONLY, 0, path)
	}
	k.FD, k.RefCount, k.Offset, k.Flags = fd, -1, -1, abi.KF_FLAG_READ
	return packKinfoFile(k, path)
}

func (p *process) kinfoFD(fd int) []byte {
	k, ok := p.describeFD(fd)
	if !ok {
		return nil
	}
	return packKinfoFile(k, unix.ByteSliceToString(k.Path[:]))
}

// describeFD describes an open file; false if it is closed by now.
func (p *process) describeFD(fd int) (abi.KinfoFile, bool) {
	name := "fd/" + strconv.Itoa(fd)
	st, err := p.statFile(name)
	if err != nil {
		return abi.KinfoFile{}, false
	}
	var offset int64
	var flags uint64
	if text, err := procFile(p.procDir() + "/fdinfo/" + strconv.Itoa(fd)); err == nil {
		for line := range strings.Lines(text) {
			switch f := strings.Fields(line); {
			case len(f) < 2:
			case f[0] == "pos:":
				offset, _ = strconv.ParseInt(f[1], 10, 64)
			case f[0] == "flags:":
				flags, _ = strconv.ParseUint(f[1], 8, 32)
			}
		}
	}
	path, _ := p.procLink(name)
	attr := xlat.Stat(&st)
	k := xlat.KinfoFile(int32(fd), &attr, xlat.StatusFlags(flags), offset, path)
	if path == "anon_inode:[eventpoll]" {
		k.Type = abi.KF_TYPE_KQUEUE
	}
	return k, true
}

// procVmmap gives the mappings of a process, without LSF's own.
func procVmmap(r *sysctlReq) ([]byte, error) {
	p, err := procArg(r)
	if err != nil {
		return nil, err
	}
	text, err := procFile(p.procDir() + "/smaps")
	if err != nil {
		return nil, err
	}
	return vmEntries(text, p.rootSeen()), nil
}

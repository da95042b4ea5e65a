package freebsd

import (
	"os"
	"strconv"
	"strings"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
)

// What Linux's /proc tells of a process. All of it is missing where there is
// no /proc; callers give what they know themselves then.

// procStat is /proc/PID/stat and parts of /proc/PID/status.
type procStat struct {
	comm                           string
	state                          byte
	ppid, pgrp, session            int32
	ttyNr                          uint64 // Linux device number, 0 for none
	tpgid                          int32
	minflt, majflt                 int64
	utime, stime, cutime, cstime   int64 // ticks of hz
	nice, numThreads, processor    int64
	start                          int64 // ticks of hz after boot
	vsize, rss                     int64 // bytes, pages
	startCode, endCode, startStack uint64
	uids, gids                     [4]uint32 // real, effective, saved, file system
	groups                         []uint32
	nvcsw, nivcsw                  int64
	data, peak                     int64 // bytes
}

// readProcStat reads it from dir, /proc/PID or /proc/PID/task/TID.
func readProcStat(dir string) (*procStat, error) {
	line, err := procFile(dir + "/stat")
	if err != nil {
		return nil, err
	}
	// The command is in parentheses and may hold any character.
	open, end := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if open < 0 || end < open {
		return nil, abi.ENOENT
	}
	f := strings.Fields(line[end+1:])
	if len(f) < 37 {
		return nil, abi.ENOENT
	}
	num := func(i int) int64 { // counted as proc(5) does, from 1
		v, err := strconv.ParseInt(f[i-3], 10, 64)
		if err != nil {
			u, _ := strconv.ParseUint(f[i-3], 10, 64)
			v = int64(u)
		}
		return v
	}
	s := &procStat{
		comm: line[open+1 : end], state: f[0][0],
		ppid: int32(num(4)), pgrp: int32(num(5)), session: int32(num(6)), ttyNr: uint64(num(7)), tpgid: int32(num(8)),
		minflt: num(10), majflt: num(12), utime: num(14), stime: num(15), cutime: num(16), cstime: num(17),
		nice: num(19), numThreads: num(20), start: num(22), vsize: num(23), rss: num(24),
		startCode: uint64(num(26)), endCode: uint64(num(27)), startStack: uint64(num(28)), processor: num(39),
	}
	s.readStatus(dir)
	return s, nil
}

func (s *procStat) readStatus(dir string) {
	text, err := procFile(dir + "/status")
	if err != nil {
		return
	}
	for line := range strings.Lines(text) {
		key, rest, _ := strings.Cut(line, ":")
		f := strings.Fields(rest)
		var v []int64
		for _, w := range f {
			n, err := strconv.ParseInt(w, 10, 64)
			if err != nil {
				break
			}
			v = append(v, n)
		}
		switch {
		case key == "Uid" && len(v) == 4:
			s.uids = [4]uint32{uint32(v[0]), uint32(v[1]), uint32(v[2]), uint32(v[3])}
		case key == "Gid" && len(v) == 4:
			s.gids = [4]uint32{uint32(v[0]), uint32(v[1]), uint32(v[2]), uint32(v[3])}
		case key == "Groups":
			for _, g := range v {
				s.groups = append(s.groups, uint32(g))
			}
		case key == "voluntary_ctxt_switches" && len(v) == 1:
			s.nvcsw = v[0]
		case key == "nonvoluntary_ctxt_switches" && len(v) == 1:
			s.nivcsw = v[0]
		case key == "VmData" && len(v) == 1:
			s.data = v[0] << 10
		case key == "VmHWM" && len(v) == 1:
			s.peak = v[0] << 10
		}
	}
}

const fscale = 2048 // FSCALE of sys/param.h: the unit of fixpt_t

// kinfo fills FreeBSD's description of a process, from dir where that is there.
func (p *process) kinfo(dir string) abi.KinfoProc {
	k := abi.KinfoProc{
		Structsize: abi.SizeofKinfoProc,
		Pid:        int32(p.Pid),
		Stat:       abi.SRUN,
		Flag:       abi.P_INMEM | abi.P_EXEC,
		Sflag:      1, // PS_INMEM
		Numthreads: int32(len(p.Tasks)),
		Tid:        int32(p.Pid) + tidBase,
		Tsid:       -1,
		Tpgid:      -1,
		Tdev:       ^uint64(0),
		Tdev11:     ^uint32(0),
		Lastcpu:    -1,
		Oncpu:      -1,
		Pri:        [4]uint8{abi.PRI_TIMESHARE, 120, 120, 120},
	}
	copy(k.Comm[:len(k.Comm)-1], p.comm())
	copy(k.Emul[:len(k.Emul)-1], "FreeBSD ELF64")
	copy(k.Login[:len(k.Login)-1], *p.loginName())
	copy(k.Loginclass[:len(k.Loginclass)-1], "default")
	for s, act := range p.sig.acts.list(p) {
		switch {
		case s == 0 || act.Handler == abi.SIG_DFL:
		case act.Handler == abi.SIG_IGN:
			k.Sigignore.Add(abi.Signal(s))
		default:
			k.Sigcatch.Add(abi.Signal(s))
		}
	}
	if k.Numthreads > 1 {
		k.Flag |= abi.P_HADTHREADS
	}
	if p.ids.sugid {
		k.Flag |= abi.P_SUGID
	}
	var letter byte
	if s, err := readProcStat(dir); err == nil {
		s.fill(&k)
		// Of its guests the supervisor knows it better than to a tick: pgrep -n
		// tells by it which came last.
		us := p.started.UnixMicro()
		k.Start = [2]int64{us / 1e6, us % 1e6}
		letter = s.state
		p.sizes(&k, s)
	} else {
		p.withoutProc(&k)
	}
	if t := p.Any(); t != nil {
		p.waiting(&k, t, letter)
	}
	return k
}

// sizes fills in how much memory the program has mapped: without LSF's own, and
// without guard pages, as FreeBSD counts. The stack, which is mapped as a
// whole here, counts as far as FreeBSD's would have grown by now.
func (p *process) sizes(k *abi.KinfoProc, s *procStat) {
	const growth = 128 << 10 // sgrowsiz
	stack := uint64(growth)
	if t := p.Any(); t != nil && t.Regs.Rsp > p.image.usrstack-p.image.stackSize && t.Regs.Rsp < p.image.usrstack {
		stack = (p.image.usrstack - t.Regs.Rsp + growth - 1) / growth * growth
	}
	k.Ssize = int64(stack / pageSize)
	k.Dsize = max(s.data-int64(p.image.stackSize), 0) / pageSize
	text, err := procFile(p.procDir() + "/maps")
	if err != nil {
		return
	}
	for line := range strings.Lines(text) {
		e, _, ok := mapping(line)
		switch {
		case !ok || e.Type == abi.KVME_TYPE_GUARD:
		case e.Flags&abi.KVME_FLAG_GROWS_DOWN != 0:
			k.Size += stack
		default:
			k.Size += e.End - e.Start
		}
	}
}

// comm is the command's name, as FreeBSD takes it from the path.
func (p *process) comm() string {
	path := p.image.path
	return path[strings.LastIndexByte(path, '/')+1:]
}

func (s *procStat) fill(k *abi.KinfoProc) {
	k.Ppid, k.Pgid, k.Sid, k.Tpgid = s.ppid, s.pgrp, s.session, s.tpgid
	k.Nice = int8(s.nice)
	k.Ruid, k.Uid, k.Svuid = s.uids[0], s.uids[1], s.uids[2]
	k.Rgid, k.Svgid = s.gids[0], s.gids[2]
	groups := append([]uint32{s.gids[1]}, s.groups...)
	k.Ngroups = int16(copy(k.Groups[:], groups))
	k.Rssize = s.rss
	k.Swrss = s.rss
	k.Tsize = int64(s.endCode-s.startCode) / pageSize
	k.Runtime = uint64((s.utime + s.stime) * (1e6 / hz))
	k.Numthreads = int32(s.numThreads)
	k.Lastcpu = int32(s.processor)
	k.LastcpuOld = uint8(s.processor)
	if s.ttyNr != 0 {
		k.Flag |= abi.P_CONTROLT
		k.Kiflag |= abi.KI_CTTY
		k.Tsid = s.session
		// Linux packs major and minor number into 32 bits.
		major, minor := uint32(s.ttyNr>>8)&0xfff, uint32(s.ttyNr)&0xff|uint32(s.ttyNr>>12)&0xfff00
		k.Tdev = xlat.Dev(major, minor)
		k.Tdev11 = uint32(k.Tdev)
	}
	if s.session == k.Pid {
		k.Kiflag |= abi.KI_SLEADER
	}
	if boot, err := boottime(); err == nil {
		us := boot.Microseconds() + s.start*(1e6/hz)
		k.Start = [2]int64{us / 1e6, us % 1e6}
		if up, err := sysinfo(); err == nil {
			if life := up.Uptime*hz - s.start; life > 0 {
				k.Pctcpu = uint32((s.utime + s.stime) * fscale / life)
				k.Swtime = uint32(life / hz)
			}
		}
	}
	ticks := func(t int64) (int64, int64) { return t / hz, t % hz * (1e6 / hz) }
	// struct rusage: utime, stime, maxrss, ixrss, idrss, isrss, minflt,
	// majflt, nswap, inblock, oublock, msgsnd, msgrcv, nsignals, nvcsw, nivcsw
	k.Rusage[0], k.Rusage[1] = ticks(s.utime)
	k.Rusage[2], k.Rusage[3] = ticks(s.stime)
	k.Rusage[4] = s.peak >> 10
	k.Rusage[8], k.Rusage[9] = s.minflt, s.majflt
	k.Rusage[16], k.Rusage[17] = s.nvcsw, s.nivcsw
	k.RusageCh[0], k.RusageCh[1] = ticks(s.cutime)
	k.RusageCh[2], k.RusageCh[3] = ticks(s.cstime)
	k.Childtime[0], k.Childtime[1] = ticks(s.cutime + s.cstime)
}

// threads gives a description of each thread.
func (p *process) threads() []abi.KinfoProc {
	base := p.kinfo(p.procDir())
	var out []abi.KinfoProc
	for tid, t := range p.Tasks {
		if t.Dead() {
			continue
		}
		k := base
		k.Tid = int32(tid) + tidBase
		dir := p.procDir() + "/task/" + strconv.Itoa(tid)
		var letter byte
		if s, err := readProcStat(dir); err == nil {
			letter = s.state
			k.Runtime = uint64((s.utime + s.stime) * (1e6 / hz))
			k.Rusage[0], k.Rusage[1] = s.utime/hz, s.utime%hz*(1e6/hz)
			k.Rusage[2], k.Rusage[3] = s.stime/hz, s.stime%hz*(1e6/hz)
			k.Lastcpu = int32(s.processor)
		}
		p.waiting(&k, t, letter)
		th := t.OS.(*thread)
		name := th.name
		if name == "" {
			name = p.comm()
		}
		n := copy(k.Tdname[:len(k.Tdname)-1], name)
		copy(k.Moretdname[:len(k.Moretdname)-1], name[n:])
		for w := range k.Sigmask {
			k.Sigmask[w] = th.sig.mask[w]
		}
		out = append(out, k)
	}
	return out
}

func (p *process) procDir() string { return hostProc("/proc/" + strconv.Itoa(p.Pid)) }

// rootSeen is the process's root directory, or its prefix, as this process sees
// it: what to cut off the names of its files in /proc.
func (p *process) rootSeen() prefix {
	if root, err := os.Readlink(p.procDir() + "/root"); err == nil && root != "/" {
		return prefix(root)
	}
	return p.prefix
}

// procLink reads a symbolic link below /proc/PID.
func (p *process) procLink(name string) (string, error) {
	s, err := os.Readlink(p.procDir() + "/" + name)
	if err != nil {
		return "", abi.ENOENT
	}
	return p.rootSeen().guest(strings.TrimSuffix(s, " (deleted)")), nil
}

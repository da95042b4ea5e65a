package freebsd

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// hostProc returns the name by which the supervisor itself finds a file below
// /proc. In a root directory without one it makes a procfs that is mounted
// nowhere, if it may, and makes that its working directory.
func hostProc(path string) string {
	const proc = "/proc/"
	rel, ok := strings.CutPrefix(path, proc)
	if !ok || unix.Access(proc+"self", unix.F_OK) == nil {
		return path
	}
	var fs unix.Statfs_t
	if unix.Statfs(".", &fs) == nil && fs.Type == unix.PROC_SUPER_MAGIC {
		return rel
	}
	dir := detached("proc")
	if dir < 0 {
		return path
	}
	defer unix.Close(dir)
	if unix.Fchdir(dir) != nil {
		return path
	}
	return rel
}

// withoutProc fills in what of a process is known without /proc: what system
// calls tell of any process, and IDs since Linux 6.13.
func (p *process) withoutProc(k *abi.KinfoProc) {
	if id, err := unix.Getpgid(p.Pid); err == nil {
		k.Pgid = int32(id)
	}
	if id, err := unix.Getsid(p.Pid); err == nil {
		k.Sid = int32(id)
	}
	if k.Sid == k.Pid {
		k.Kiflag |= abi.KI_SLEADER
	}
	if n, err := unix.Getpriority(unix.PRIO_PROCESS, p.Pid); err == nil {
		k.Nice = int8(20 - n) // the call itself gives 1 to 40
	}
	var ts unix.Timespec
	if unix.ClockGettime(^int32(p.Pid)<<3|2, &ts) == nil { // its CPU clock
		us := ts.Nano() / 1000
		k.Runtime = uint64(us)
		k.Rusage[0], k.Rusage[1] = us/1e6, us%1e6
	}
	us := p.started.UnixMicro()
	k.Start = [2]int64{us / 1e6, us % 1e6}
	fd, err := unix.PidfdOpen(p.Pid, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	info := unix.PidfdInfo{Mask: unix.PIDFD_INFO_CREDS}
	if unix.IoctlPidfdInfo(fd, &info) != nil || info.Mask&unix.PIDFD_INFO_CREDS == 0 {
		return
	}
	k.Ppid = int32(info.Ppid)
	k.Ruid, k.Uid, k.Svuid = info.Ruid, info.Euid, info.Suid
	k.Rgid, k.Svgid = info.Rgid, info.Sgid
	k.Ngroups, k.Groups[0] = 1, info.Egid
}

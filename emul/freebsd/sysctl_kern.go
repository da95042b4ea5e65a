package freebsd

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// hz is the rate of the clock ticks in which Linux reports CPU times to
// programs (USER_HZ), hence that of FreeBSD's hz and stathz here.
const hz = 100

// sysctlKern is kern.*.
func sysctlKern() []ctl {
	const (
		rd  = abi.CTLFLAG_RD
		rw  = abi.CTLFLAG_RW
		tun = abi.CTLFLAG_RDTUN
		any = abi.CTLFLAG_RD | abi.CTLFLAG_CAPRD
	)
	return []ctl{
		{"kern.ostype", abi.KERN_OSTYPE, any, ctlText("FreeBSD"), "Operating system type"},
		{"kern.osrelease", abi.KERN_OSRELEASE, any, ctlStr(kernRelease), "Operating system release"},
		{"kern.osrevision", abi.KERN_OSREV, any, ctlInt(konst(199506)), "Operating system revision"},
		{"kern.version", abi.KERN_VERSION, any, ctlStr(kernVersion), "Kernel version"},
		{"kern.maxproc", abi.KERN_MAXPROC, tun, ctlInt(capped(procNum("/proc/sys/kernel/pid_max"))), "Maximum number of processes"},
		{"kern.maxfiles", abi.KERN_MAXFILES, abi.CTLFLAG_RWTUN, ctlInt(capped(procNum("/proc/sys/fs/file-max"))), "Maximum number of files"},
		{"kern.argmax", abi.KERN_ARGMAX, any, ctlInt(konst(argMax)), "Maximum bytes of argument to execve(2)"},
		{"kern.securelevel", abi.KERN_SECURELVL, rw, ctlInt(konst(-1)), "Current secure level"},
		{"kern.hostname", abi.KERN_HOSTNAME, rw | abi.CTLFLAG_PRISON | abi.CTLFLAG_CAPRD,
			ctlStr(kernHostname).settable(256, setHostname), "Hostname"},
		{"kern.clockrate", abi.KERN_CLOCKRATE, any, ctlOpaque("S,clockinfo", kernClockrate), "Rate and period of various kernel clocks"},
		{"kern.posix1version", abi.KERN_POSIX1, rd, ctlInt(konst(200112)), "Version of POSIX attempting to comply to"},
		{"kern.ngroups", abi.KERN_NGROUPS, tun, ctlInt(konst(1023)), "Maximum number of supplemental groups a user can belong to"},
		{"kern.job_control", abi.KERN_JOB_CONTROL, rd, ctlInt(konst(1)), "Whether job control is available"},
		{"kern.saved_ids", abi.KERN_SAVED_IDS, rd, ctlInt(konst(0)), "Whether saved set-group/user ID is available"},
		{"kern.boottime", abi.KERN_BOOTTIME, rd, ctlOpaque("S,timeval", kernBoottime), "System boottime"},
		{"kern.osreldate", abi.KERN_OSRELDATE, any, ctlInt(kernOsreldate), "Kernel release date"},
		{"kern.iov_max", abi.KERN_IOV_MAX, rd, ctlInt(konst(1024)), "Maximum number of elements in an I/O vector"},
		{"kern.ident", auto, rd, ctlText("LSF"), "Kernel identifier"},
		{"kern.smp.maxcpus", auto, rd | abi.CTLFLAG_CAPRD, ctlInt(kernMaxCPUs), "Max number of CPUs that the system was compiled for"},
		{"kern.smp.cpus", auto, rd | abi.CTLFLAG_CAPRD, ctlInt(ncpu), "Number of CPUs online"},
		{"kern.ipc.somaxconn", abi.KIPC_SOMAXCONN, rw | abi.CTLFLAG_SKIP,
			ctlUint(procNum("/proc/sys/net/core/somaxconn")), "Maximum listen socket pending connection accept queue size (compat)"},
		{"kern.ipc.soacceptqueue", auto, rw, ctlUint(procNum("/proc/sys/net/core/somaxconn")),
			"Maximum listen socket pending connection accept queue size"},
	}
}

// argMax is FreeBSD's ARG_MAX on LP64 (sys/syslimits.h), in bytes.
const argMax = 2 * 256 * 1024

func kernRelease(r *sysctlReq) (string, error) { return r.p.release, nil }

func kernOsreldate(r *sysctlReq) (int64, error) { return int64(r.p.osreldate), nil }

// kernVersion names LSF and the kernel that really runs.
func kernVersion(r *sysctlReq) (string, error) {
	linux, err := utsname(func(u *unix.Utsname) []byte { return u.Release[:] })
	return fmt.Sprintf("FreeBSD %s LSF (Linux %s)\n", r.p.release, linux), err
}

// kernHostname: the supervisor was forked from the first guest, and guests
// cannot leave a UTS namespace, so its own host name is theirs.
func kernHostname(*sysctlReq) (string, error) {
	return utsname(func(u *unix.Utsname) []byte { return u.Nodename[:] })
}

// setHostname lets the guest do it, with the guest's privilege.
func setHostname(r *sysctlReq, b []byte) emul.Action {
	a, ok := r.t.AllocBytes(len(b))
	if !ok {
		return emul.Fail(abi.EINVAL)
	}
	if err := r.t.WriteMem(a, b); err != nil {
		return emul.Fail(err)
	}
	return emul.Tail(unix.SYS_SETHOSTNAME, uint64(a), uint64(len(b)))
}

func kernClockrate(*sysctlReq) ([]byte, error) {
	return structBytes(abi.Clockinfo{Hz: hz, Tick: 1_000_000 / hz, Stathz: hz, Profhz: hz}), nil
}

func kernBoottime(*sysctlReq) ([]byte, error) {
	d, err := boottime()
	us := d.Microseconds()
	return int64s(us/1e6, us%1e6), err
}

// kernMaxCPUs is MAXCPU of the release's amd64 kernel, which is also the size
// of its cpuset_t in bits.
func kernMaxCPUs(r *sysctlReq) (int64, error) {
	if r.p.osreldate >= 1400000 {
		return 1024, nil
	}
	return 256, nil
}

package freebsd

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// hz is the rate of the clock ticks in which Linux reports CPU times to
// programs (USER_HZ), hence that of FreeBSD's hz and stathz here.
const hz = 100

// sysctlEarly are the sysctls that programs and their libraries ask for when
// they start; with them the nodes they are in.
func sysctlEarly() []ctl {
	const (
		rw  = abi.CTLFLAG_RW
		any = abi.CTLFLAG_RD | abi.CTLFLAG_CAPRD
		// What the root of a jail may change.
		jail = abi.CTLFLAG_RW | abi.CTLFLAG_PRISON | abi.CTLFLAG_CAPRD
	)
	return []ctl{
		{"sysctl", abi.CTL_SYSCTL, rw, branch(), "Sysctl internal magic"},
		{"sysctl.name2oid", abi.CTL_SYSCTL_NAME2OID, rw | abi.CTLFLAG_ANYBODY,
			ctlVal{kind: abi.CTLTYPE_INT, fmt: "I", act: sysctlName2OID}, ""},
		{"kern", abi.CTL_KERN, rw, branch(), "High kernel, proc, limits &c"},
		{"vm", abi.CTL_VM, rw, branch(), "Virtual memory"},
		{"hw", abi.CTL_HW, rw, branch(), "Hardware"},
		{"kern.smp.maxcpus", auto, any, ctlInt(kernMaxCPUs), "Max number of CPUs that the system was compiled for."},
		{"kern.ostype", abi.KERN_OSTYPE, any, ctlText("FreeBSD"), "Operating system type"},
		{"kern.osrelease", abi.KERN_OSRELEASE, any, ctlStr(kernRelease), "Operating system release"},
		{"kern.version", abi.KERN_VERSION, any, ctlStr(kernVersion), "Kernel version"},
		{"kern.hostname", abi.KERN_HOSTNAME, jail, ctlStr(kernHostname).settable(256, setHostname), "Hostname"},
		{"kern.osreldate", abi.KERN_OSRELDATE, any, ctlInt(kernOsreldate), "Kernel release date"},
		{"kern.usrstack", abi.KERN_USRSTACK, any, ctlUlong(func(r *sysctlReq) (int64, error) { return int64(r.p.image.usrstack), nil }), "Top of process stack"},
		{"kern.arandom", abi.KERN_ARND, any, ctlOpaque("", kernRandom), "arc4rand"},
		{"hw.machine", abi.HW_MACHINE, any, ctlText("amd64"), "Machine class"},
		{"hw.ncpu", abi.HW_NCPU, any, ctlInt(ncpu), "Number of active CPUs"},
		{"hw.pagesize", abi.HW_PAGESIZE, any, ctlInt(konst(pageSize)), "System memory page size"},
		{"hw.machine_arch", abi.HW_MACHINE_ARCH, any, ctlText("amd64"), "System architecture"},
		{"vm.overcommit", abi.VM_OVERCOMMIT, rw, ctlInt(konst(0)), "Configure virtual memory overcommit behavior"},
	}
}

// sysctlKern is kern.*, as far as it is not in sysctlEarly.
func sysctlKern() []ctl {
	const (
		rd  = abi.CTLFLAG_RD
		rw  = abi.CTLFLAG_RW
		tun = abi.CTLFLAG_RDTUN
		any = abi.CTLFLAG_RD | abi.CTLFLAG_CAPRD
		// What the root of a jail may change.
		jail = abi.CTLFLAG_RW | abi.CTLFLAG_PRISON | abi.CTLFLAG_CAPRD
	)
	return []ctl{
		{"kern.osrevision", abi.KERN_OSREV, any, ctlInt(konst(199506)), "Operating system revision"},
		{"kern.maxproc", abi.KERN_MAXPROC, tun, ctlInt(capped(procNum("/proc/sys/kernel/threads-max"))), "Maximum number of processes"},
		{"kern.maxfiles", abi.KERN_MAXFILES, abi.CTLFLAG_RWTUN, ctlInt(capped(procNum("/proc/sys/fs/file-max"))), "Maximum number of files"},
		{"kern.argmax", abi.KERN_ARGMAX, any, ctlInt(konst(argMax)), "Maximum bytes of argument to execve(2)"},
		{"kern.securelevel", abi.KERN_SECURELVL, rw, ctlInt(konst(-1)), "Current secure level"},
		{"kern.hostid", abi.KERN_HOSTID, jail, ctlUlong(konst(0)), "Host ID"},
		{"kern.clockrate", abi.KERN_CLOCKRATE, any, ctlOpaque("S,clockinfo", kernClockrate), "Rate and period of various kernel clocks"},
		{"kern.posix1version", abi.KERN_POSIX1, rd, ctlInt(konst(200112)), "Version of POSIX attempting to comply to"},
		{"kern.ngroups", abi.KERN_NGROUPS, tun, ctlInt(konst(1023)), "Maximum number of supplemental groups a user can belong to"},
		{"kern.job_control", abi.KERN_JOB_CONTROL, rd, ctlInt(konst(1)), "Whether job control is available"},
		{"kern.saved_ids", abi.KERN_SAVED_IDS, rd, ctlInt(konst(0)), "Whether saved set-group/user ID is available"},
		{"kern.boottime", abi.KERN_BOOTTIME, rd, ctlOpaque("S,timeval", kernBoottime), "System boottime"},
		{"kern.domainname", abi.KERN_NISDOMAINNAME, jail, ctlStr(kernDomainname).settable(256, setDomainname), "Name of the current YP/NIS domain"},
		{"kern.bootfile", abi.KERN_BOOTFILE, rw, ctlText("/boot/kernel/kernel"), "Name of kernel file booted"},
		{"kern.maxfilesperproc", abi.KERN_MAXFILESPERPROC, abi.CTLFLAG_RWTUN, ctlInt(capped(procNum("/proc/sys/fs/nr_open"))), "Maximum files allowed open per process"},
		{"kern.maxprocperuid", abi.KERN_MAXPROCPERUID, abi.CTLFLAG_RWTUN, ctlInt(kernMaxProcPerUID), "Maximum processes allowed per userid"},
		{"kern.ps_strings", abi.KERN_PS_STRINGS, any, ctlUlong(func(r *sysctlReq) (int64, error) { return int64(r.p.image.psStrings), nil }), "Location of process' ps_strings structure"},
		{"kern.logsigexit", abi.KERN_LOGSIGEXIT, rw, ctlInt(konst(0)), "Log processes quitting on abnormal signals to syslog(3)"},
		{"kern.iov_max", abi.KERN_IOV_MAX, any, ctlInt(konst(iovMax)), "Maximum number of elements in an I/O vector; sysconf(_SC_IOV_MAX)"},
		{"kern.hostuuid", abi.KERN_HOSTUUID, jail, ctlStr(kernHostUUID), "Host UUID"},
		{"kern.maxphys", abi.KERN_MAXPHYS, tun, ctlUlong(konst(1 << 20)), "Maximum block I/O access size"},

		{"kern.ident", auto, rd, ctlText("LSF"), "Kernel identifier"},
		{"kern.conftxt", auto, rd, ctlText("machine\tamd64\nident\tLSF\n"), "Kernel configuration file"},
		{"kern.supported_archs", auto, rd, ctlText("amd64"), "Supported architectures for binaries"},
		{"kern.hz", auto, tun, ctlInt(konst(hz)), "Number of clock ticks per second"},
		{"kern.fscale", auto, rd, ctlInt(konst(fscale)), "Fixed-point scale factor used for calculating load average values"},
		{"kern.ccpu", auto, rd, ctlInt(konst(0)), "Decay factor used for updating %CPU"},
		{"kern.pid_max", auto, tun, ctlInt(pidMax), "Maximum allowed pid"},
		{"kern.lastpid", auto, rd, ctlInt(procField("/proc/loadavg", 4)), "Last used PID"},
		{"kern.randompid", auto, rw, ctlInt(konst(0)), "Random PID modulus"},
		{"kern.openfiles", auto, rd, ctlInt(procField("/proc/sys/fs/file-nr", 0)), "System-wide number of open files"},
		{"kern.maxssiz", auto, tun, ctlUlong(konst(maxStack)), "Maximum stack size"},
		{"kern.stackprot", auto, rw, ctlInt(konst(3)), "Stack memory permissions"},
		{"kern.ps_arg_cache_limit", auto, rw, ctlUlong(konst(256)), "Process' command line characters cache limit"},
		{"kern.vm_guest", auto, any, ctlStr(kernVMGuest), "Virtual machine guest detected?"},
		{"kern.cp_time", auto, any, ctlOpaque("LU", kernCPUTime), "CPU time statistics"},
		{"kern.cp_times", auto, any, ctlOpaque("LU", kernCPUTimes), "per-CPU time statistics"},
		{"kern.devname", auto, abi.CTLFLAG_RW | abi.CTLFLAG_ANYBODY, ctlVal{kind: abi.CTLTYPE_OPAQUE, act: kernDevname}, "devname(3) handler"},
		{"kern.devstat.version", auto, rd, ctlInt(konst(6)), "Devstat list version number"},
		{"kern.devstat.numdevs", auto, rd, ctlInt(konst(0)), "Number of devices in the devstat list"},
		{"kern.devstat.generation", auto, rd, ctlLong(konst(1)), "Devstat list generation"},
		{"kern.devstat.all", auto, rd, ctlOpaque("S,devstat", func(*sysctlReq) ([]byte, error) { return int64s(1), nil }), "All devices in the devstat list"},
		{"kern.threads.max_threads_per_proc", auto, rw, ctlInt(capped(procNum("/proc/sys/kernel/threads-max"))), "Limit on threads per proc"},
		{"kern.sched.name", auto, rd, ctlText("Linux"), "Scheduler name"},
		{"kern.sched.cpusetsize", auto, any, ctlInt(scaled(kernMaxCPUs, 1, 8)), "sizeof(cpuset_t)"},
		{"kern.sched.cpusetsizemin", auto, any, ctlInt(func(r *sysctlReq) (int64, error) { n, err := ncpu(r); return (n + 7) / 8, err }), ""},
		{"kern.smp.maxid", auto, any, ctlInt(func(r *sysctlReq) (int64, error) { n, err := ncpu(r); return n - 1, err }), "Max CPU ID."},
		{"kern.smp.cpus", auto, any, ctlInt(ncpu), "Number of CPUs online"},
		{"kern.smp.active", auto, any, ctlInt(func(r *sysctlReq) (int64, error) { n, err := ncpu(r); return min(n-1, 1), err }), "Indicates system is running in SMP mode"},
		{"kern.smp.disabled", auto, tun, ctlInt(konst(0)), "SMP has been disabled from the loader"},
		{"kern.smp.threads_per_core", auto, any, ctlInt(threadsPerCore), "Number of SMT threads online per core"},
		{"kern.smp.cores", auto, any, ctlInt(func(r *sysctlReq) (int64, error) {
			n, err := ncpu(r)
			if err != nil {
				return 0, err
			}
			per, err := threadsPerCore(r)
			return n / max(per, 1), err
		}), "Number of physical cores online"},
		{"kern.timecounter.hardware", auto, rw, ctlStr(procText(sysClock + "clocksource0/current_clocksource")), "Timecounter hardware selected"},
		{"kern.timecounter.choice", auto, rd, ctlStr(procText(sysClock + "clocksource0/available_clocksource")), "Timecounter hardware detected"},
		{"kern.timecounter.fast_gettime", auto, rw, ctlInt(konst(1)), "Enable fast time of day"},
		{"kern.eventtimer.timer", auto, rw, ctlStr(procText("/sys/devices/system/clockevents/clockevent0/current_device")), "Chosen event timer"},
		{"kern.elf64.nxstack", auto, rw, ctlInt(konst(1)), "enable non-executable stack"},
		{"kern.elf64.allow_wx", auto, rw, ctlInt(konst(1)), "Allow pages to be mapped simultaneously writable and executable"},
		{"kern.elf64.aslr.enable", auto, rw, ctlInt(konst(0)), "enable address map randomization"},
		{"kern.sigqueue.max_pending_per_proc", auto, rw, ctlInt(konst(128)), "Max pending signals per proc"},
		{"kern.coredump", auto, rw, ctlInt(konst(1)), "Enable/Disable coredumps"},
		{"kern.trap_enotcap", auto, rw, ctlInt(konst(0)), "Deliver SIGTRAP on ECAPMODE and ENOTCAPABLE"},
		{"kern.features.sysv_shm", auto, any, ctlInt(konst(1)), "System V shared memory segments support"},
		{"kern.features.sysv_sem", auto, any, ctlInt(konst(1)), "System V semaphores support"},
		{"kern.features.sysv_msg", auto, any, ctlInt(konst(1)), "System V message queues support"},
		{"kern.features.posix_shm", auto, any, ctlInt(konst(1)), "POSIX shared memory"},
		{"kern.features.p1003_1b_mqueue", auto, any, ctlInt(konst(1)), "POSIX P1003.1B message queues support"},
		{"kern.features.inet", auto, any, ctlInt(konst(1)), "Internet Protocol version 4"},
		{"kern.features.inet6", auto, any, ctlInt(hasIPv6), "Internet Protocol version 6"},
		{"kern.features.compat_freebsd4", auto, any, ctlInt(konst(1)), "Compatible with FreeBSD 4"},
		{"kern.features.compat_freebsd5", auto, any, ctlInt(konst(1)), "Compatible with FreeBSD 5"},
		{"kern.features.compat_freebsd6", auto, any, ctlInt(konst(1)), "Compatible with FreeBSD 6"},
		{"kern.features.compat_freebsd7", auto, any, ctlInt(konst(1)), "Compatible with FreeBSD 7"},
	}
}

// pidMax: no Linux kernel goes beyond 4194304 (PID_MAX_LIMIT).
func pidMax(*sysctlReq) (int64, error) {
	if n, err := readNum("/proc/sys/kernel/pid_max"); err == nil {
		return n, nil
	}
	return 4 << 20, nil
}

// argMax is FreeBSD's ARG_MAX on LP64 (sys/syslimits.h), in bytes.
const argMax = 2 * 256 * 1024

func kernRelease(r *sysctlReq) (string, error) { return r.p.release.name, nil }

func kernOsreldate(r *sysctlReq) (int64, error) { return int64(r.p.release.date), nil }

// kernVersion names LSF and the kernel that really runs.
func kernVersion(r *sysctlReq) (string, error) {
	linux, err := utsname(func(u *unix.Utsname) []byte { return u.Release[:] })
	return fmt.Sprintf("FreeBSD %s LSF (Linux %s)\n", r.p.release.name, linux), err
}

// kernHostname: the supervisor was forked from the first guest, and guests
// cannot leave a UTS namespace, so its own host name is theirs.
func kernHostname(*sysctlReq) (string, error) {
	return utsname(func(u *unix.Utsname) []byte { return u.Nodename[:] })
}

// setHostname lets the guest do it, with the guest's privilege.
func setHostname(r *sysctlReq, b []byte) emul.Action {
	return setName(r, unix.SYS_SETHOSTNAME, b)
}

// setName: a name ends at its first zero byte, which Linux would keep as a
// part of it (kern_mib.c sysctl_hostname).
func setName(r *sysctlReq, nr emul.HostNR, b []byte) emul.Action {
	b, _, _ = bytes.Cut(b, []byte{0})
	at, err := allocBytes(r.t, b)
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Tail(nr, uint64(at), uint64(len(b)))
}

// kernDomainname: Linux starts with a name that says there is none.
func kernDomainname(*sysctlReq) (string, error) {
	s, err := utsname(func(u *unix.Utsname) []byte { return u.Domainname[:] })
	if s == "(none)" {
		s = ""
	}
	return s, err
}

func setDomainname(r *sysctlReq, b []byte) emul.Action {
	return setName(r, unix.SYS_SETDOMAINNAME, b)
}

// kernHostUUID is the machine's, as systemd knows it; FreeBSD has zeros where
// nothing has set one.
func kernHostUUID(*sysctlReq) (string, error) {
	id, err := procFile("/etc/machine-id")
	if err != nil || len(id) != 32 {
		return "00000000-0000-0000-0000-000000000000", nil
	}
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:], nil
}

// kernRandom fills what room there is, up to 256 bytes.
func kernRandom(r *sysctlReq) ([]byte, error) {
	b := make([]byte, min(r.oldlen, 256))
	for got := 0; got < len(b); {
		n, err := unix.Getrandom(b[got:], 0)
		if err != nil && err != unix.EINTR {
			return nil, err
		}
		got += max(n, 0)
	}
	return b, nil
}

func kernMaxProcPerUID(r *sysctlReq) (int64, error) {
	var l unix.Rlimit
	if err := unix.Prlimit(r.p.Pid, unix.RLIMIT_NPROC, nil, &l); err == nil && l.Max < 1<<31 {
		return int64(l.Max), nil
	}
	return capped(procNum("/proc/sys/kernel/threads-max"))(r)
}

// kernVMGuest: the CPU says that there is a hypervisor, not which.
func kernVMGuest(*sysctlReq) (string, error) {
	flags, err := cpuinfo("flags")
	if err != nil {
		return "", err
	}
	if slices.Contains(strings.Fields(flags), "hypervisor") {
		return "generic", nil
	}
	return "none", nil
}

// cpuTimes converts a line of /proc/stat to user, nice, sys, intr, idle.
func cpuTimes(key string) ([]byte, error) {
	var v [8]int64 // user nice system idle iowait irq softirq steal
	for i := range v {
		var err error
		if v[i], err = lineNum("/proc/stat", key, i); err != nil {
			return nil, err
		}
	}
	return int64s(v[0], v[1], v[2]+v[7], v[5]+v[6], v[3]+v[4]), nil
}

func kernCPUTime(*sysctlReq) ([]byte, error) { return cpuTimes("cpu") }

func kernCPUTimes(r *sysctlReq) ([]byte, error) {
	if _, err := cpuTimes("cpu"); err != nil {
		return nil, err // there is no /proc: better nothing than zeros
	}
	n, err := ncpu(r)
	var out []byte
	for i := int64(0); i < n && err == nil; i++ {
		b, e := cpuTimes("cpu" + itoa(i))
		if e != nil {
			b = int64s(0, 0, 0, 0, 0) // off line
		}
		out = append(out, b...)
	}
	return out, err
}

// kernDevname gives the name below /dev of the character device whose number
// comes as the new value.
func kernDevname(r *sysctlReq) emul.Action {
	if r.newlen != 8 {
		return emul.Fail(abi.EINVAL)
	}
	dev, err := guest.Ptr[uint64](r.newp).Load(r.t)
	if err != nil {
		return emul.Fail(err)
	}
	name, err := devname(xlat.LinuxDev(dev))
	if err != nil {
		return emul.Fail(err)
	}
	return r.out(cstring(name))
}

func devname(dev uint64) (string, error) {
	major, minor := unix.Major(dev), unix.Minor(dev)
	if major >= 136 && major < 144 { // pseudo terminals
		return "pts/" + itoa(int64(major-136)<<20|int64(minor)), nil
	}
	text, err := procFile("/sys/dev/char/" + itoa(int64(major)) + ":" + itoa(int64(minor)) + "/uevent")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(line, "DEVNAME="); ok {
			return strings.TrimSpace(name), nil
		}
	}
	return "", abi.ENOENT
}

const sysClock = "/sys/devices/system/clocksource/"

// threadsPerCore counts the first CPU's siblings, itself among them.
func threadsPerCore(*sysctlReq) (int64, error) {
	s, err := procFile("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list")
	if err != nil {
		return 0, err
	}
	return listLen(s), nil
}

// hasIPv6: a kernel without IPv6 makes no such sockets.
func hasIPv6(*sysctlReq) (int64, error) {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, abi.ENOENT
	}
	unix.Close(fd)
	return 1, nil
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
	if r.p.release.date >= 1400000 {
		return 1024, nil
	}
	return 256, nil
}

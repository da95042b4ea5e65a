package freebsd

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// sysctlVM is vm.* and what belongs to it of vfs.*. Counters that Linux does
// not keep stay at 0, as FreeBSD's own obsolete ones do: vmstat(8) insists on
// all of them.
func sysctlVM() []ctl {
	const rd, rw = abi.CTLFLAG_RD, abi.CTLFLAG_RW
	rows := []ctl{
		{"vm.vmtotal", abi.VM_TOTAL, rd, ctlOpaque("S,vmtotal", vmTotal), "System virtual memory statistics"},
		{"vm.loadavg", abi.VM_LOADAVG, rd | abi.CTLFLAG_CAPRD, ctlOpaque("S,loadavg", vmLoadavg), "Machine loadaverage history"},
		{"vm.v_free_min", abi.VM_V_FREE_MIN, rw, ctlUint(freeMin), "Minimum low-free-pages threshold"},
		{"vm.v_free_target", abi.VM_V_FREE_TARGET, rw, ctlUint(freeMin), "Desired free pages"},
		{"vm.v_free_reserved", abi.VM_V_FREE_RESERVED, rw, ctlUint(freeMin), "Pages reserved for deadlock"},
		{"vm.swap_enabled", abi.VM_SWAPPING_ENABLED, rw, ctlInt(konst(1)), "Enable entire process swapout"},
		{"vm.swap_info", auto, rd, nodeOf(vmSwapInfo), "Swap statistics by device"},
		{"vm.nswapdev", auto, rd, ctlInt(vmSwapDevices), "Number of swap devices"},
		{"vm.swap_total", auto, rd, ctlU64(vmSwapTotal), "Total amount of available swap storage."},
		{"vm.swap_reserved", auto, rd, ctlU64(memBytes("Committed_AS")), "Amount of swap storage needed to back all allocated anonymous memory."},
		{"vm.dmmax", auto, rd, ctlInt(konst(32)), "Maximum size of a swap block in pages"},
		{"vm.kmem_size", auto, rd, ctlUlong(physmem), "Size of kernel memory"},
		{"vm.kmem_map_size", auto, rd, ctlUlong(memBytes("Slab")), "Current kmem allocation size"},
		{"vm.kmem_map_free", auto, rd, ctlUlong(memBytes("MemFree")), "Free space in kmem"},
		{"vm.max_user_wired", auto, rw, ctlUlong(memPages("MemTotal")), "system-wide limit to user-wired page count"},
		{"vm.ndomains", auto, rd, ctlInt(konst(1)), "Number of physical memory domains available."},
		{"vfs.bufspace", auto, rd, ctlLong(memBytes("Buffers")), "Physical memory used for buffers"},
		{"vfs.usermount", auto, rw, ctlInt(konst(0)), "Unprivileged users may mount and unmount file systems"},
		{"vfs.timestamp_precision", auto, rw, ctlInt(konst(3)), "File timestamp precision"},
	}
	for _, c := range []struct {
		name string
		f    numFunc
	}{
		{"v_page_size", konst(pageSize)},
		{"v_page_count", memPages("MemTotal")},
		{"v_free_count", memPages("MemFree")},
		{"v_active_count", memPages("Active")},
		{"v_inactive_count", memPages("Inactive")},
		{"v_laundry_count", memPages("Dirty")},
		{"v_wire_count", func(*sysctlReq) (int64, error) { v, err := wiredMem(); return v / pageSize, err }},
		{"v_user_wire_count", memPages("Mlocked")},
		{"v_cache_count", konst(0)},
		{"v_tcached", konst(0)},
		{"v_free_min", freeMin},
		{"v_free_target", freeMin},
		{"v_free_reserved", freeMin},
		{"v_free_severe", freeMin},
		{"v_inactive_target", konst(0)},
		{"v_pageout_free_min", konst(0)},
		{"v_interrupt_free_min", konst(0)},
	} {
		rows = append(rows, ctl{"vm.stats.vm." + c.name, auto, rd, ctlUint(masked32(c.f)), ""})
	}
	for _, c := range []struct {
		name string
		f    numFunc
	}{
		{"v_vm_faults", vmstat("pgfault")},
		{"v_io_faults", vmstat("pgmajfault")},
		{"v_cow_faults", konst(0)},
		{"v_cow_optim", konst(0)},
		{"v_zfod", konst(0)},
		{"v_ozfod", konst(0)},
		{"v_swapin", vmstat("pswpin")},
		{"v_swapout", vmstat("pswpout")},
		{"v_swappgsin", vmstat("pswpin")},
		{"v_swappgsout", vmstat("pswpout")},
		{"v_vnodein", konst(0)},
		{"v_vnodeout", konst(0)},
		{"v_vnodepgsin", scaled(vmstat("pgpgin"), 1024, pageSize)},
		{"v_vnodepgsout", scaled(vmstat("pgpgout"), 1024, pageSize)},
		{"v_intrans", konst(0)},
		{"v_reactivated", konst(0)},
		{"v_pdwakeups", konst(0)},
		{"v_pdpages", konst(0)},
		{"v_pdshortfalls", konst(0)},
		{"v_dfree", konst(0)},
		{"v_pfree", vmstat("pgfree")},
		{"v_tfree", vmstat("pgfree")},
		{"v_forks", kernStat("processes", 0)},
		{"v_vforks", konst(0)},
		{"v_rforks", konst(0)},
		{"v_kthreads", konst(0)},
		{"v_forkpages", konst(0)},
		{"v_vforkpages", konst(0)},
		{"v_rforkpages", konst(0)},
		{"v_kthreadpages", konst(0)},
	} {
		rows = append(rows, ctl{"vm.stats.vm." + c.name, auto, rd, counter(c.f), ""})
	}
	for _, c := range []struct {
		name string
		f    numFunc
	}{
		{"v_swtch", kernStat("ctxt", 0)},
		{"v_trap", konst(0)},
		{"v_syscall", konst(0)},
		{"v_intr", kernStat("intr", 0)},
		{"v_soft", kernStat("softirq", 0)},
	} {
		rows = append(rows, ctl{"vm.stats.sys." + c.name, auto, rd, counter(c.f), ""})
	}
	return rows
}

// counter is a 64-bit counter; whoever has room for 32 bits only gets those, as
// FreeBSD 11 had it (vm_meter.c sysctl_handle_vmstat).
func counter(f numFunc) ctlVal {
	v := ctlU64(f)
	get := v.get
	v.get = func(r *sysctlReq) ([]byte, error) {
		b, err := get(r)
		if err == nil && r.oldlen == 4 {
			b = b[:4]
		}
		return b, err
	}
	return v
}

// masked32 is a counter that wraps around at 32 bits.
func masked32(f numFunc) numFunc {
	return func(r *sysctlReq) (int64, error) {
		v, err := f(r)
		return v & 0xffffffff, err
	}
}

// memBytes is the source of a memory figure in bytes.
func memBytes(key string) numFunc {
	return func(*sysctlReq) (int64, error) { return meminfo(key) }
}

// freeMin is how much memory Linux tries to keep free, in pages.
func freeMin(r *sysctlReq) (int64, error) {
	kb, err := readNum("/proc/sys/vm/min_free_kbytes")
	return kb << 10 / pageSize, err
}

// vmstat is the source of a line of /proc/vmstat.
func vmstat(key string) numFunc {
	return func(*sysctlReq) (int64, error) { return lineNum("/proc/vmstat", key, 0) }
}

// kernStat is the source of the i-th number in a line of /proc/stat.
func kernStat(key string, i int) numFunc {
	return func(*sysctlReq) (int64, error) { return lineNum("/proc/stat", key, i) }
}

func lineNum(path, key string, i int) (int64, error) {
	s, err := procFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(s) {
		if f := strings.Fields(line); len(f) > i+1 && f[0] == key {
			v, err := strconv.ParseInt(f[i+1], 10, 64)
			if err != nil {
				return 0, abi.ENOENT
			}
			return v, nil
		}
	}
	return 0, abi.ENOENT
}

// vmLoadavg: Linux counts load in units of 1/65536, also without /proc.
func vmLoadavg(*sysctlReq) ([]byte, error) {
	si, err := sysinfo()
	if err != nil {
		return nil, err
	}
	l := abi.Loadavg{Fscale: fscale}
	for i, v := range si.Loads {
		l.Ldavg[i] = uint32(v * fscale >> 16)
	}
	return structBytes(l), nil
}

func vmTotal(*sysctlReq) ([]byte, error) {
	var figures [7]int64
	for i, key := range []string{"CommitLimit", "Committed_AS", "MemTotal", "Active", "Shmem", "MemFree", "Mapped"} {
		v, err := meminfo(key)
		if err != nil {
			return nil, err
		}
		figures[i] = v / pageSize
	}
	running, err := lineNum("/proc/stat", "procs_running", 0)
	if err != nil {
		return nil, err
	}
	blocked, err := lineNum("/proc/stat", "procs_blocked", 0)
	if err != nil {
		return nil, err
	}
	return structBytes(abi.Vmtotal{
		Vm: uint64(figures[1]), Avm: uint64(figures[1]),
		Rm: uint64(figures[2] - figures[5]), Arm: uint64(figures[3]),
		Vmshr: uint64(figures[6]), Avmshr: uint64(figures[6]), Rmshr: uint64(figures[4]), Armshr: uint64(figures[4]),
		Free: uint64(figures[5]), Runnable: int16(running), DiskWait: int16(blocked),
	}), nil
}

// swapArea is a line of /proc/swaps, in pages.
type swapArea struct {
	path       string
	size, used int64
}

func swapAreas() ([]swapArea, error) {
	s, err := procFile("/proc/swaps")
	if err != nil {
		return nil, err
	}
	var out []swapArea
	for line := range strings.Lines(s) {
		f := strings.Fields(line)
		if len(f) < 4 || f[0] == "Filename" {
			continue
		}
		size, _ := strconv.ParseInt(f[2], 10, 64)
		used, _ := strconv.ParseInt(f[3], 10, 64)
		out = append(out, swapArea{f[0], size << 10 / pageSize, used << 10 / pageSize})
	}
	return out, nil
}

// vmSwapInfo gives the swap area with the number behind the name.
func vmSwapInfo(r *sysctlReq) ([]byte, error) {
	if len(r.rest) != 1 {
		return nil, abi.EINVAL
	}
	areas, err := swapAreas()
	if err != nil {
		return nil, err
	}
	if r.rest[0] < 0 || int(r.rest[0]) >= len(areas) {
		return nil, abi.ENOENT
	}
	a := areas[r.rest[0]]
	var st unix.Stat_t
	var dev uint64
	if unix.Stat(a.path, &st) == nil {
		dev = st.Rdev
	}
	return structBytes(abi.Xswdev{Version: abi.XSWDEV_VERSION, Dev: dev, Nblks: int32(a.size), Used: int32(a.used)}), nil
}

func vmSwapDevices(*sysctlReq) (int64, error) {
	areas, err := swapAreas()
	return int64(len(areas)), err
}

func vmSwapTotal(*sysctlReq) (int64, error) {
	si, err := sysinfo()
	return int64(si.Totalswap) * int64(max(si.Unit, 1)), err
}

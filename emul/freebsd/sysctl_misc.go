package freebsd

import "github.com/lsf-linux/lsf/emul/freebsd/abi"

// sysctlMisc is kern.ipc.*, user.*, p1003_1b.* and security.*.
func sysctlMisc() []ctl {
	const (
		rd  = abi.CTLFLAG_RD
		rw  = abi.CTLFLAG_RW
		any = abi.CTLFLAG_RD | abi.CTLFLAG_CAPRD
	)
	rows := []ctl{
		{"kern.ipc.maxsockbuf", abi.KIPC_MAXSOCKBUF, rw, ctlUlong(procNum(procCore + "rmem_max")), "Maximum socket buffer size"},
		{"kern.ipc.sockbuf_waste_factor", abi.KIPC_SOCKBUF_WASTE, rw, ctlUlong(konst(2)), "Socket buffer size waste factor"},
		{"kern.ipc.somaxconn", abi.KIPC_SOMAXCONN, rw | abi.CTLFLAG_SKIP, ctlUint(procNum(procCore + "somaxconn")),
			"Maximum listen socket pending connection accept queue size (compat)"},
		{"kern.ipc.soacceptqueue", auto, rw, ctlUint(procNum(procCore + "somaxconn")),
			"Maximum listen socket pending connection accept queue size"},
		{"kern.ipc.maxsockets", auto, rw, ctlInt(capped(procNum("/proc/sys/fs/file-max"))), "Maximum number of sockets available"},
		{"kern.ipc.numopensockets", auto, rd, ctlInt(openSockets), "Number of open sockets"},
		{"user.cs_path", 1, any, ctlText("/usr/bin:/bin:/usr/sbin:/sbin"), "PATH that finds all the standard utilities"},
		{"user.stream_max", 19, any, ctlInt(konst(20)), "Min Maximum number of streams a process may have open at one time"},
		{"user.tzname_max", 20, any, ctlInt(konst(255)), "Min Maximum number of types supported for timezone names"},
		{"user.localbase", 21, rw, ctlText("/usr/local"), "Prefix used to install and locate add-on packages"},

		{"security.bsd.suser_enabled", auto, rw, ctlInt(konst(1)), "Processes with uid 0 have privilege"},
		{"security.bsd.see_other_uids", auto, rw, ctlInt(konst(1)), "Unprivileged processes may see subjects/objects with different real uid"},
		{"security.bsd.see_other_gids", auto, rw, ctlInt(konst(1)), "Unprivileged processes may see subjects/objects with different real gid"},
		{"security.bsd.map_at_zero", auto, rw, ctlInt(mapAtZero), "Permit processes to map an object at virtual address 0."},
		{"security.bsd.hardlink_check_uid", auto, rw, ctlInt(procNum("/proc/sys/fs/protected_hardlinks")), "Unprivileged processes cannot create hard links to files owned by other users"},
		{"security.bsd.unprivileged_proc_debug", auto, rw, ctlInt(konst(0)), "Unprivileged processes may use process debugging facilities"},
	}
	// The limits of POSIX.2's utilities, which are the base system's.
	for i, c := range []struct {
		name string
		v    int64
	}{
		{"bc_base_max", 99}, {"bc_dim_max", 2048}, {"bc_scale_max", 99}, {"bc_string_max", 1000},
		{"coll_weights_max", 10}, {"expr_nest_max", 32}, {"line_max", 2048}, {"re_dup_max", 255},
		{"posix2_version", 199212}, {"posix2_c_bind", 0}, {"posix2_c_dev", 0}, {"posix2_char_term", 0},
		{"posix2_fort_dev", 0}, {"posix2_fort_run", 0}, {"posix2_localedef", 0}, {"posix2_sw_dev", 0}, {"posix2_upe", 0},
	} {
		rows = append(rows, ctl{"user." + c.name, int32(i + 2), any, ctlInt(konst(c.v)), ""})
	}
	// POSIX.1b options: the version of the standard that LSF serves them by, or 0.
	const yes = 200112
	for i, c := range []struct {
		name string
		v    int64
	}{
		{"asynchronous_io", yes}, {"mapped_files", yes}, {"memlock", 0}, {"memlock_range", 0}, {"memory_protection", 0},
		{"message_passing", yes}, {"prioritized_io", 0}, {"priority_scheduling", yes}, {"realtime_signals", yes},
		{"semaphores", yes}, {"fsync", yes}, {"shared_memory_objects", yes}, {"synchronized_io", 0}, {"timers", yes},
		{"aio_listio_max", aioQueueMax}, {"aio_max", 4 * aioQueueMax}, {"aio_prio_delta_max", 0}, {"delaytimer_max", 2147483647}, {"mq_open_max", 0},
		{"pagesize", pageSize}, {"rtsig_max", 62}, {"sem_nsems_max", 0}, {"sem_value_max", 2147483647},
		{"sigqueue_max", 128}, {"timer_max", 32},
	} {
		rows = append(rows, ctl{"p1003_1b." + c.name, int32(i + 1), any, ctlInt(konst(c.v)), ""})
	}
	return rows
}

// openSockets counts the sockets of the network namespace.
func openSockets(*sysctlReq) (int64, error) { return lineNum("/proc/self/net/sockstat", "sockets:", 1) }

// mapAtZero: Linux has a lowest address instead (vm.mmap_min_addr).
func mapAtZero(*sysctlReq) (int64, error) {
	if n, err := readNum("/proc/sys/vm/mmap_min_addr"); err == nil && n == 0 {
		return 1, nil
	}
	return 0, nil
}

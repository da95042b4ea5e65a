package freebsd

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
)

// sysctlIPC is what kern.* tells of IPC. For System V's: limits, and the kernel's tables as
// ipcs(1) reads them. Each table has as many rows as the limit says, and the
// object id is in row id & 0xffff. Linux numbers its objects otherwise, so that
// a table may have to be longer than Linux's own limit.
func sysctlIPC() []ctl {
	const (
		rd = abi.CTLFLAG_RD
		rw = abi.CTLFLAG_RW
	)
	return []ctl{
		{"kern.ipc.shmmax", auto, rw, ctlUlong(shmLimit(func(l *hostShminfo) uint64 { return l.Shmmax })), "Maximum shared memory segment size"},
		{"kern.ipc.shmmin", auto, rw, ctlUlong(shmLimit(func(l *hostShminfo) uint64 { return l.Shmmin })), "Minimum shared memory segment size"},
		{"kern.ipc.shmmni", auto, rd, ctlUlong(shmTable().rows), "Number of shared memory identifiers"},
		{"kern.ipc.shmseg", auto, rd, ctlUlong(shmLimit(func(l *hostShminfo) uint64 { return l.Shmmni })), "Number of segments per process"},
		{"kern.ipc.shmall", auto, rw, ctlUlong(shmLimit(func(l *hostShminfo) uint64 { return l.Shmall })), "Maximum number of pages available for shared memory"},
		{"kern.ipc.shm_use_phys", auto, rw, ctlInt(konst(0)), "Enable/Disable locking of shared memory pages in core"},
		{"kern.ipc.shm_allow_removed", auto, rw, ctlInt(konst(1)), "Enable/Disable attachment to attached segments marked for removal"},
		{"kern.ipc.shmsegs", auto, rd, ctlOpaque("", shmTable().array), "Array of struct shmid_kernel for each potential shared memory segment"},

		{"kern.ipc.semmni", auto, rd, ctlInt(semTable().rows), "Number of semaphore identifiers"},
		{"kern.ipc.semmns", auto, rd, ctlInt(semLimit(func(l *hostSeminfo) int32 { return l.Semmns })), "Maximum number of semaphores in the system"},
		{"kern.ipc.semmnu", auto, rd, ctlInt(semLimit(func(l *hostSeminfo) int32 { return l.Semmnu })), "Maximum number of undo structures in the system"},
		{"kern.ipc.semmsl", auto, rd, ctlInt(semLimit(func(l *hostSeminfo) int32 { return l.Semmsl })), "Max semaphores per id"},
		{"kern.ipc.semopm", auto, rd, ctlInt(semLimit(func(l *hostSeminfo) int32 { return l.Semopm })), "Max operations per semop call"},
		{"kern.ipc.semume", auto, rd, ctlInt(semLimit(func(l *hostSeminfo) int32 { return l.Semume })), "Max undo entries per process"},
		{"kern.ipc.semusz", auto, rd, ctlInt(semLimit(func(l *hostSeminfo) int32 { return l.Semusz })), "Size in bytes of undo structure"},
		{"kern.ipc.semvmx", auto, rw, ctlInt(semLimit(func(l *hostSeminfo) int32 { return l.Semvmx })), "Semaphore maximum value"},
		{"kern.ipc.semaem", auto, rw, ctlInt(semLimit(func(l *hostSeminfo) int32 { return l.Semaem })), "Adjust on exit max value"},
		{"kern.ipc.sema", auto, rd, ctlOpaque("", semTable().array), "Array of struct semid_kernel for each potential semaphore"},

		{"kern.ipc.msgmax", auto, rd, ctlInt(msgLimit(func(l *hostMsginfo) int32 { return l.Msgmax })), "Maximum message size"},
		{"kern.ipc.msgmni", auto, rd, ctlInt(msgTable().rows), "Number of message queue identifiers"},
		{"kern.ipc.msgmnb", auto, rd, ctlInt(msgLimit(func(l *hostMsginfo) int32 { return l.Msgmnb })), "Maximum number of bytes in a queue"},
		{"kern.ipc.msgtql", auto, rd, ctlInt(msgLimit(func(l *hostMsginfo) int32 { return l.Msgtql })), "Maximum number of messages in the system"},
		{"kern.ipc.msgssz", auto, rd, ctlInt(msgLimit(func(l *hostMsginfo) int32 { return l.Msgssz })), "Size of a message segment"},
		{"kern.ipc.msgseg", auto, rd, ctlInt(msgLimit(func(l *hostMsginfo) int32 { return int32(l.Msgseg) })), "Number of message segments"},
		{"kern.ipc.msqids", auto, rd, ctlOpaque("", msgTable().array), "Array of struct msqid_kernel for each potential message queue"},

		{"kern.ipc.posix_shm_list", auto, rd, ctlOpaque("S,kinfo_file", posixShmList), "POSIX SHM list"},

		{"debug.iosize_max_clamp", auto, rw, ctlInt(konst(0)), "Clamp max i/o size to INT_MAX"},
		{"kern.features.aio", auto, rd, ctlInt(konst(1)), "Asynchronous I/O"},
		{"vfs.aio.max_aio_queue_per_proc", auto, rw, ctlInt(konst(aioQueueMax)), "Maximum queued aio requests per process"},
		{"vfs.aio.enable_unsafe", auto, rw, ctlInt(konst(0)), "Permit asynchronous IO on all file types, not just known-safe types"},

		{"kern.mqueue.maxmsg", auto, rw, ctlInt(procNum("/proc/sys/fs/mqueue/msg_max")), "Default maximum messages in queue"},
		{"kern.mqueue.maxmsgsize", auto, rw, ctlInt(procNum("/proc/sys/fs/mqueue/msgsize_max")), "Default maximum message size"},
		{"kern.mqueue.maxmq", auto, rw, ctlInt(procNum("/proc/sys/fs/mqueue/queues_max")), "maximum message queues"},
	}
}

// What IPC_INFO tells: Linux's struct shminfo64, seminfo and msginfo.
type (
	hostShminfo struct{ Shmmax, Shmmin, Shmmni, Shmseg, Shmall, _, _, _, _ uint64 }
	hostSeminfo struct{ _, Semmni, Semmns, Semmnu, Semmsl, Semopm, Semume, Semusz, Semvmx, Semaem int32 }
	hostMsginfo struct {
		_, _, Msgmax, Msgmnb, Msgmni, Msgssz, Msgtql int32
		Msgseg                                       uint16
	}
)

func shmLimit(f func(*hostShminfo) uint64) numFunc {
	return ipcLimit(unix.SYS_SHMCTL, func(l *hostShminfo) int64 { return int64(f(l)) })
}

func semLimit(f func(*hostSeminfo) int32) numFunc {
	return ipcLimit(unix.SYS_SEMCTL, func(l *hostSeminfo) int64 { return int64(f(l)) })
}

func msgLimit(f func(*hostMsginfo) int32) numFunc {
	return ipcLimit(unix.SYS_MSGCTL, func(l *hostMsginfo) int64 { return int64(f(l)) })
}

func ipcLimit[T any](nr uintptr, f func(*T) int64) numFunc {
	return func(*sysctlReq) (int64, error) {
		var l T
		if _, e := hostIPC(nr, 0, hostIPCInfo, &l); e != 0 {
			return 0, abi.ENOENT // a Linux without System V IPC
		}
		return f(&l), nil
	}
}

// ipcTable is one of Linux's tables of System V objects.
type ipcTable struct {
	limit numFunc
	// list calls f with each object: its identifier and its row in FreeBSD's form.
	list func(f func(id int32, row []byte))
	none []byte // a row without an object
}

func shmTable() *ipcTable {
	return &ipcTable{shmLimit(func(l *hostShminfo) uint64 { return l.Shmmni }), func(f func(int32, []byte)) {
		listIPC(unix.SYS_SHMCTL, func(id int32, d *unix.SysvShmDesc) {
			f(id, structBytes(abi.ShmidKernel{ShmidDs: xlat.Shmid(d, id)}))
		})
	}, structBytes(abi.ShmidKernel{ShmidDs: abi.ShmidDs{Perm: abi.IpcPerm{Mode: abi.SHMSEG_FREE}}})}
}

func semTable() *ipcTable {
	return &ipcTable{semLimit(func(l *hostSeminfo) int32 { return l.Semmni }), func(f func(int32, []byte)) {
		listIPC(unix.SYS_SEMCTL, func(id int32, d *xlat.HostSemidDs) {
			f(id, structBytes(abi.SemidKernel{SemidDs: xlat.Semid(d, id)}))
		})
	}, structBytes(abi.SemidKernel{})}
}

func msgTable() *ipcTable {
	return &ipcTable{msgLimit(func(l *hostMsginfo) int32 { return l.Msgmni }), func(f func(int32, []byte)) {
		listIPC(unix.SYS_MSGCTL, func(id int32, d *xlat.HostMsqidDs) {
			f(id, structBytes(abi.MsqidKernel{MsqidDs: xlat.Msqid(d, id)}))
		})
	}, structBytes(abi.MsqidKernel{})}
}

// rows is how many rows the table has.
func (x *ipcTable) rows(r *sysctlReq) (int64, error) {
	n, err := x.limit(r)
	x.list(func(id int32, _ []byte) { n = max(n, int64(id&0xffff)+1) })
	return n, err
}

// array is the whole table.
func (x *ipcTable) array(r *sysctlReq) ([]byte, error) {
	n, err := x.rows(r)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, int(n)*len(x.none))
	for range n {
		b = append(b, x.none...)
	}
	x.list(func(id int32, row []byte) {
		if at := int(id&0xffff) * len(row); at < len(b) {
			copy(b[at:], row)
		}
	})
	return b, nil
}

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
		{"kern.ipc.shmmax", auto, rw, ctlUlong(procNum("/proc/sys/kernel/shmmax")), "Maximum shared memory segment size"},
		{"kern.ipc.shmmin", auto, rw, ctlUlong(konst(1)), "Minimum shared memory segment size"},
		{"kern.ipc.shmmni", auto, rd, ctlUlong(shmTable.rows), "Number of shared memory identifiers"},
		{"kern.ipc.shmseg", auto, rd, ctlUlong(procNum("/proc/sys/kernel/shmmni")), "Number of segments per process"},
		{"kern.ipc.shmall", auto, rw, ctlUlong(procNum("/proc/sys/kernel/shmall")), "Maximum number of pages available for shared memory"},
		{"kern.ipc.shm_use_phys", auto, rw, ctlInt(konst(0)), "Enable/Disable locking of shared memory pages in core"},
		{"kern.ipc.shm_allow_removed", auto, rw, ctlInt(konst(1)), "Enable/Disable attachment to attached segments marked for removal"},
		{"kern.ipc.shmsegs", auto, rd, ctlOpaque("", shmTable.array), "Array of struct shmid_kernel for each potential shared memory segment"},

		{"kern.ipc.semmni", auto, rd, ctlInt(semTable.rows), "Number of semaphore identifiers"},
		{"kern.ipc.semmns", auto, rd, ctlInt(procField("/proc/sys/kernel/sem", 1)), "Maximum number of semaphores in the system"},
		{"kern.ipc.semmnu", auto, rd, ctlInt(procField("/proc/sys/kernel/sem", 1)), "Maximum number of undo structures in the system"},
		{"kern.ipc.semmsl", auto, rd, ctlInt(procField("/proc/sys/kernel/sem", 0)), "Max semaphores per id"},
		{"kern.ipc.semopm", auto, rd, ctlInt(procField("/proc/sys/kernel/sem", 2)), "Max operations per semop call"},
		{"kern.ipc.semume", auto, rd, ctlInt(procField("/proc/sys/kernel/sem", 2)), "Max undo entries per process"},
		{"kern.ipc.semusz", auto, rd, ctlInt(konst(20)), "Size in bytes of undo structure"}, // SEMUSZ of Linux
		{"kern.ipc.semvmx", auto, rw, ctlInt(konst(semValueMax)), "Semaphore maximum value"},
		{"kern.ipc.semaem", auto, rw, ctlInt(konst(semValueMax)), "Adjust on exit max value"},
		{"kern.ipc.sema", auto, rd, ctlOpaque("", semTable.array), "Array of struct semid_kernel for each potential semaphore"},

		{"kern.ipc.msgmax", auto, rd, ctlInt(procNum("/proc/sys/kernel/msgmax")), "Maximum message size"},
		{"kern.ipc.msgmni", auto, rd, ctlInt(msgTable.rows), "Number of message queue identifiers"},
		{"kern.ipc.msgmnb", auto, rd, ctlInt(procNum("/proc/sys/kernel/msgmnb")), "Maximum number of bytes in a queue"},
		{"kern.ipc.msgtql", auto, rd, ctlInt(procNum("/proc/sys/kernel/msgmnb")), "Maximum number of messages in the system"},
		{"kern.ipc.msgssz", auto, rd, ctlInt(konst(16)), "Size of a message segment"}, // MSGSSZ of Linux
		{"kern.ipc.msgseg", auto, rd, ctlInt(konst(0xffff)), "Number of message segments"},
		{"kern.ipc.msqids", auto, rd, ctlOpaque("", msgTable.array), "Array of struct msqid_kernel for each potential message queue"},

		{"kern.ipc.posix_shm_list", auto, rd, ctlOpaque("S,kinfo_file", posixShmList), "POSIX SHM list"},

		{"kern.mqueue.maxmsg", auto, rw, ctlInt(procNum("/proc/sys/fs/mqueue/msg_max")), "Default maximum messages in queue"},
		{"kern.mqueue.maxmsgsize", auto, rw, ctlInt(procNum("/proc/sys/fs/mqueue/msgsize_max")), "Default maximum message size"},
		{"kern.mqueue.maxmq", auto, rw, ctlInt(procNum("/proc/sys/fs/mqueue/queues_max")), "maximum message queues"},
	}
}

// ipcTable is one of Linux's tables of System V objects.
type ipcTable struct {
	limit numFunc
	// list calls f with each object: its identifier and its row in FreeBSD's form.
	list func(f func(id int32, row []byte))
	none []byte // a row without an object
}

var (
	shmTable = ipcTable{procNum("/proc/sys/kernel/shmmni"), func(f func(int32, []byte)) {
		listIPC(unix.SYS_SHMCTL, func(id int32, d *unix.SysvShmDesc) {
			f(id, structBytes(abi.ShmidKernel{ShmidDs: xlat.Shmid(d, id)}))
		})
	}, structBytes(abi.ShmidKernel{ShmidDs: abi.ShmidDs{Perm: abi.IpcPerm{Mode: abi.SHMSEG_FREE}}})}

	semTable = ipcTable{procField("/proc/sys/kernel/sem", 3), func(f func(int32, []byte)) {
		listIPC(unix.SYS_SEMCTL, func(id int32, d *xlat.HostSemidDs) {
			f(id, structBytes(abi.SemidKernel{SemidDs: xlat.Semid(d, id)}))
		})
	}, structBytes(abi.SemidKernel{})}

	msgTable = ipcTable{procNum("/proc/sys/kernel/msgmni"), func(f func(int32, []byte)) {
		listIPC(unix.SYS_MSGCTL, func(id int32, d *xlat.HostMsqidDs) {
			f(id, structBytes(abi.MsqidKernel{MsqidDs: xlat.Msqid(d, id)}))
		})
	}, structBytes(abi.MsqidKernel{})}
)

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

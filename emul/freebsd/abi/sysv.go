package abi

// System V IPC (sys/ipc.h, sys/shm.h, sys/sem.h, sys/msg.h). The flags of the
// calls that FreeBSD and Linux share have the same numbers.

// IpcPerm is struct ipc_perm.
type IpcPerm struct {
	Cuid, Cgid uint32
	UID, GID   uint32
	Mode       uint16
	Seq        uint16
	_          int32
	Key        int64
}

// OldIpcPerm is struct ipc_perm_old of FreeBSD 7 and older.
type OldIpcPerm struct {
	Cuid, Cgid uint16
	UID, GID   uint16
	Mode       uint16
	Seq        uint16
	_          int32
	Key        int64
}

// Old makes the older structure, whose IDs are cut off (ipcperm_new2old).
func (p IpcPerm) Old() OldIpcPerm {
	return OldIpcPerm{Cuid: uint16(p.Cuid), Cgid: uint16(p.Cgid), UID: uint16(p.UID), GID: uint16(p.GID),
		Mode: p.Mode, Seq: p.Seq, Key: p.Key}
}

// New is the way back.
func (p OldIpcPerm) New() IpcPerm {
	return IpcPerm{Cuid: uint32(p.Cuid), Cgid: uint32(p.Cgid), UID: uint32(p.UID), GID: uint32(p.GID),
		Mode: p.Mode, Seq: p.Seq, Key: p.Key}
}

// ShmidDs is struct shmid_ds. Times are in seconds.
type ShmidDs struct {
	Perm                IpcPerm
	Segsz               uint64
	Lpid, Cpid          int32
	Nattch              uint32
	_                   int32
	Atime, Dtime, Ctime int64
}

// OldShmidDs is struct shmid_ds_old.
type OldShmidDs struct {
	Perm                OldIpcPerm
	Segsz               int32
	Lpid, Cpid          int32
	Nattch              int16
	_                   int16
	Atime, Dtime, Ctime int64
	Internal            uint64
}

// SemidDs is struct semid_ds.
type SemidDs struct {
	Perm         IpcPerm
	Base         uint64
	Nsems        uint16
	_            [6]byte
	Otime, Ctime int64
}

// OldSemidDs is struct semid_ds_old.
type OldSemidDs struct {
	Perm  OldIpcPerm
	Base  uint64
	Nsems uint16
	_     [6]byte
	Otime int64
	_     int64
	Ctime int64
	_     [5]int64
}

// MsqidDs is struct msqid_ds.
type MsqidDs struct {
	Perm                 IpcPerm
	First, Last          uint64
	Cbytes, Qnum, Qbytes uint64
	Lspid, Lrpid         int32
	Stime, Rtime, Ctime  int64
}

// OldMsqidDs is struct msqid_ds_old.
type OldMsqidDs struct {
	Perm                 OldIpcPerm
	First, Last          uint64
	Cbytes, Qnum, Qbytes uint64
	Lspid, Lrpid         int32
	Stime, _             int64
	Rtime, _             int64
	Ctime, _             int64
	_                    [4]int64
}

// The kernel's own structures, which ipcs(1) reads as arrays: struct
// shmid_kernel, semid_kernel and msqid_kernel, without their pointers.
type (
	ShmidKernel struct {
		ShmidDs
		_ [3]uint64
	}
	SemidKernel struct {
		SemidDs
		_ [2]uint64
	}
	MsqidKernel struct {
		MsqidDs
		_ [2]uint64
	}
)

// Flags of the get calls.
const (
	IPC_CREAT  = 0o1000
	IPC_EXCL   = 0o2000
	IPC_NOWAIT = 0o4000
)

// Commands of shmctl, semctl and msgctl.
const (
	IPC_RMID = 0
	IPC_SET  = 1
	IPC_STAT = 2

	GETNCNT  = 3
	GETPID   = 4
	GETVAL   = 5
	GETALL   = 6
	GETZCNT  = 7
	SETVAL   = 8
	SETALL   = 9
	SEM_STAT = 10
)

// Flags of shmat(2) and msgrcv(2).
const (
	SHM_RDONLY  = 0o10000
	SHM_RND     = 0o20000
	MSG_NOERROR = 0o10000
)

// Bits in Mode beside permissions.
const (
	SHMSEG_FREE      = 0x0200
	SHMSEG_REMOVED   = 0x0400
	SHMSEG_ALLOCATED = 0x0800
	SEM_ALLOC        = 0o1000
)

package xlat

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// HostSemidDs is Linux's struct semid64_ds (asm/sembuf.h).
type HostSemidDs struct {
	Perm     unix.SysvIpcPerm
	Otime, _ int64
	Ctime, _ int64
	Nsems    uint64
	_, _     uint64
}

// HostMsqidDs is Linux's struct msqid64_ds (asm-generic/msgbuf.h).
type HostMsqidDs struct {
	Perm                 unix.SysvIpcPerm
	Stime, Rtime, Ctime  int64
	Cbytes, Qnum, Qbytes uint64
	Lspid, Lrpid         int32
	_, _                 uint64
}

const hostShmDest = 0o1000 // SHM_DEST

// ipcPerm converts the owner and mode of the object id. Guests have Linux's
// identifiers; FreeBSD's programs take them to be made of the place in the
// kernel's table and a sequence number.
func ipcPerm(p *unix.SysvIpcPerm, id int32) abi.IpcPerm {
	return abi.IpcPerm{Cuid: p.Cuid, Cgid: p.Cgid, UID: p.Uid, GID: p.Gid,
		Mode: uint16(p.Mode & 0o777), Seq: uint16(id >> 16), Key: int64(p.Key)}
}

// HostIpcPerm converts what IPC_SET sets.
func HostIpcPerm(p *abi.IpcPerm) unix.SysvIpcPerm {
	return unix.SysvIpcPerm{Uid: p.UID, Gid: p.GID, Mode: uint32(p.Mode & 0o777)}
}

// Shmid converts a description of the shared memory segment id.
func Shmid(d *unix.SysvShmDesc, id int32) abi.ShmidDs {
	s := abi.ShmidDs{Perm: ipcPerm(&d.Perm, id), Segsz: d.Segsz, Lpid: d.Lpid, Cpid: d.Cpid, Nattch: uint32(d.Nattch),
		Atime: d.Atime, Dtime: d.Dtime, Ctime: d.Ctime}
	s.Perm.Mode |= abi.SHMSEG_ALLOCATED
	if d.Perm.Mode&hostShmDest != 0 {
		s.Perm.Mode |= abi.SHMSEG_REMOVED
	}
	return s
}

// Semid converts a description of the semaphores id.
func Semid(d *HostSemidDs, id int32) abi.SemidDs {
	s := abi.SemidDs{Perm: ipcPerm(&d.Perm, id), Nsems: uint16(d.Nsems), Otime: d.Otime, Ctime: d.Ctime}
	s.Perm.Mode |= abi.SEM_ALLOC
	return s
}

// Msqid converts a description of the message queue id.
func Msqid(d *HostMsqidDs, id int32) abi.MsqidDs {
	return abi.MsqidDs{Perm: ipcPerm(&d.Perm, id), Cbytes: d.Cbytes, Qnum: d.Qnum, Qbytes: d.Qbytes,
		Lspid: d.Lspid, Lrpid: d.Lrpid, Stime: d.Stime, Rtime: d.Rtime, Ctime: d.Ctime}
}

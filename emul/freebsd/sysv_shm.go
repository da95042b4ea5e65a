package freebsd

import (
	"math"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
)

// System V IPC is Linux's own: objects, identifiers and keys are shared with
// Linux programs of the same IPC namespace, and outlive guests as they should.
// Here is shared memory (sysv_shm.c), and what all three kinds have in common.

// ipcGet is shmget, semget or msgget. FreeBSD looks an object up without
// regard to the flags of creation, and what it wants of one that exists, it
// checks in an order of its own. find looks up, with the mode bits that count
// as wanted; then goes on with the identifier of an existing object; create
// makes one.
func ipcGet(key Int, flags uint64, find func(mode uint64) emul.Action, then func(id uint64) emul.Action, create emul.Action) emul.Action {
	const excl = abi.IPC_CREAT | abi.IPC_EXCL
	if key == 0 || flags&excl == excl {
		return create
	}
	return find(flags & 0o600).Then(func(r emul.Ret) emul.Action {
		switch {
		case r.Err() == unix.ENOENT && flags&abi.IPC_CREAT != 0:
			return create
		case r.Err() != nil:
			return emul.Finish(r)
		}
		return then(uint64(r.Val))
	})
}

// ipcOwners answers as ipcperm does to those who may not change an object.
func ipcOwners(r emul.Ret) emul.Action {
	if r.Err() == unix.EPERM {
		return emul.Fail(abi.EACCES)
	}
	return emul.Finish(r)
}

func shmget(_ *emul.Task, key Int, size Size, flags Uint) emul.Action {
	if size < math.MaxUint64-pageSize {
		size = (size + pageSize - 1) &^ (pageSize - 1) // as the segment's size is told afterwards
	}
	get := func(fl uint64) emul.Action { return emul.Host(unix.SYS_SHMGET, uint64(key), uint64(size), fl) }
	return ipcGet(key, uint64(flags),
		func(uint64) emul.Action { return get(0) }, // whoever knows the key may have the identifier
		func(id uint64) emul.Action { return emul.Return(id) },
		get(uint64(flags)&(abi.IPC_CREAT|abi.IPC_EXCL|0o777)|abi.IPC_CREAT))
}

const (
	hostShmRemap   = 0o40000 // SHM_REMAP
	hostShmStatAny = 15      // SHM_STAT_ANY
)

// shmat at a chosen address takes the place of what is mapped there, with or
// without SHM_REMAP (vm_map_fixed).
func shmat(t *emul.Task, id Int, addr Addr, flags Int) emul.Action {
	fl := uint64(flags) & abi.SHM_RDONLY
	return withShmid(t, id, func(d *unix.SysvShmDesc) emul.Action {
		at := uint64(addr) &^ (pageSize - 1)
		n := (d.Segsz + pageSize - 1) &^ (pageSize - 1)
		attached := func(r emul.Ret) emul.Action {
			if r.Err() == nil {
				t.KeepMappings()
				procOf(t).mem.share(sharedMap{at: uint64(r.Val), end: uint64(r.Val) + n, object: object{objSysV, uint64(id)}})
			}
			return emul.Finish(r)
		}
		if addr == 0 {
			return emul.Host(unix.SYS_SHMAT, uint64(id), 0, fl).Then(attached)
		}
		switch {
		case at != uint64(addr) && flags&abi.SHM_RND == 0:
			return emul.Fail(abi.EINVAL)
		case at+n < at, at+n > host.AddrMax, host.Overlaps(at, n):
			return emul.Fail(abi.ENOMEM)
		}
		return emul.Host(unix.SYS_SHMAT, uint64(id), at, fl|hostShmRemap).Then(func(r emul.Ret) emul.Action {
			if r.Err() == unix.EINVAL || r.Err() == unix.EPERM { // below vm.mmap_min_addr
				return emul.Fail(abi.ENOMEM)
			}
			return attached(r)
		})
	})
}

func shmdt(t *emul.Task, addr Addr) emul.Action {
	procOf(t).mem.detach(uint64(addr))
	return emul.Tail(unix.SYS_SHMDT, uint64(addr))
}

// withShmid goes on with the description of a segment, whoever asks.
func withShmid(t *emul.Task, id Int, then func(*unix.SysvShmDesc) emul.Action) emul.Action {
	buf := emul.Alloc[unix.SysvShmDesc](t)
	return emul.Host(unix.SYS_SHMCTL, uint64(id), hostShmStatAny, uint64(buf)).Then(func(r emul.Ret) emul.Action {
		switch {
		case r.Err() != nil:
			return emul.Fail(r.Err())
		case r.Val != int64(id): // Linux looked at the place in its table only
			return emul.Fail(abi.EINVAL)
		}
		d, err := buf.Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		return then(&d)
	})
}

func shmctl(t *emul.Task, id, cmd Int, buf guest.Ptr[abi.ShmidDs]) emul.Action {
	return shmctlWith(t, id, cmd, func() (abi.IpcPerm, error) {
		ds, err := buf.Load(t)
		return ds.Perm, err
	}, func(ds abi.ShmidDs) error { return buf.Store(t, ds) })
}

// shmctl7 is shmctl of FreeBSD 7 and older.
func shmctl7(t *emul.Task, id, cmd Int, buf guest.Ptr[abi.OldShmidDs]) emul.Action {
	return shmctlWith(t, id, cmd, func() (abi.IpcPerm, error) {
		ds, err := buf.Load(t)
		return ds.Perm.New(), err
	}, func(ds abi.ShmidDs) error {
		return buf.Store(t, abi.OldShmidDs{
			Perm: ds.Perm.Old(), Segsz: int32(min(ds.Segsz, math.MaxInt32)), Lpid: ds.Lpid, Cpid: ds.Cpid,
			Nattch: int16(min(ds.Nattch, math.MaxInt16)), Atime: ds.Atime, Dtime: ds.Dtime, Ctime: ds.Ctime,
		})
	})
}

func shmctlWith(t *emul.Task, id, cmd Int, load func() (abi.IpcPerm, error), store func(abi.ShmidDs) error) emul.Action {
	switch cmd {
	case abi.IPC_RMID:
		return emul.Host(unix.SYS_SHMCTL, uint64(id), uint64(cmd), 0).Then(ipcOwners)
	case abi.IPC_SET:
		perm, err := load()
		if err != nil {
			return emul.Fail(err)
		}
		at, err := emul.AllocStore(t, unix.SysvShmDesc{Perm: xlat.HostIpcPerm(&perm)})
		if err != nil {
			return emul.Fail(err)
		}
		return emul.Host(unix.SYS_SHMCTL, uint64(id), uint64(cmd), uint64(at)).Then(ipcOwners)
	case abi.IPC_STAT:
		buf := emul.Alloc[unix.SysvShmDesc](t)
		return emul.Host(unix.SYS_SHMCTL, uint64(id), uint64(cmd), uint64(buf)).Then(func(r emul.Ret) emul.Action {
			if r.Err() != nil {
				return emul.Finish(r)
			}
			d, err := buf.Load(t)
			if err != nil {
				return emul.Fail(err)
			}
			return emul.Fail(store(xlat.Shmid(&d, int32(id))))
		})
	}
	return emul.Fail(abi.EINVAL)
}

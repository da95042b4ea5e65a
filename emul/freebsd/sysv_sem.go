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

// System V semaphores (sysv_sem.c). struct sembuf and its flags are the same;
// SEM_UNDO is Linux's, whose lists the threads of a guest share.

func semget(_ *emul.Task, key, n Int, flags Uint) emul.Action {
	get := func(n Int, fl uint64) emul.Action {
		return emul.Host(unix.SYS_SEMGET, uint64(key), uint64(n), fl)
	}
	return ipcGet(key, uint64(flags),
		func(mode uint64) emul.Action { return get(0, mode) },
		func(id uint64) emul.Action {
			if flags&0o100 != 0 {
				return emul.Fail(abi.EACCES) // ipcperm knows no such right, nobody has it
			}
			return get(max(n, 0), 0)
		},
		get(n, uint64(flags)&(abi.IPC_CREAT|abi.IPC_EXCL|0o777)|abi.IPC_CREAT))
}

// semop fails with EINTR whatever the handler's flags are.
func semop(t *emul.Task, id Int, ops Addr, n Size) emul.Action {
	if n == 0 {
		return withSemid(t, id, func(*xlat.HostSemidDs) emul.Action { return emul.Return(0) })
	}
	return emul.Tail(unix.SYS_SEMOP, uint64(id), uint64(ops), uint64(min(n, math.MaxInt32))).NoRestart()
}

// Linux's commands of semctl.
const (
	hostGetpid     = 11
	hostGetval     = 12
	hostGetall     = 13
	hostGetncnt    = 14
	hostGetzcnt    = 15
	hostSetval     = 16
	hostSetall     = 17
	hostSemStat    = 18
	hostSemStatAny = 20

	semValueMax = 32767 // SEMVMX of both
)

func semctlHost(id, n Int, cmd int, arg uint64) emul.Action {
	return emul.Host(unix.SYS_SEMCTL, uint64(id), uint64(n), uint64(cmd), arg)
}

// withSemid goes on with the description of a set, whoever asks.
func withSemid(t *emul.Task, id Int, then func(*xlat.HostSemidDs) emul.Action) emul.Action {
	buf := emul.Alloc[xlat.HostSemidDs](t)
	return semctlHost(id, 0, hostSemStatAny, uint64(buf)).Then(func(r emul.Ret) emul.Action {
		switch {
		case r.Err() != nil:
			return emul.Fail(r.Err())
		case r.Val != int64(id):
			return emul.Fail(abi.EINVAL)
		}
		d, err := buf.Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		return then(&d)
	})
}

// semctl: its last argument is the address of a union semun.
func semctl(t *emul.Task, id, n, cmd Int, arg guest.Ptr[uint64]) emul.Action {
	return semctlWith(t, id, n, cmd, arg, func(at uint64) (abi.IpcPerm, error) {
		ds, err := guest.Ptr[abi.SemidDs](at).Load(t)
		return ds.Perm, err
	}, func(at uint64, ds abi.SemidDs) error { return guest.Ptr[abi.SemidDs](at).Store(t, ds) })
}

// semctl7 is __semctl of FreeBSD 7 and older.
func semctl7(t *emul.Task, id, n, cmd Int, arg guest.Ptr[uint64]) emul.Action {
	return semctlWith(t, id, n, cmd, arg, func(at uint64) (abi.IpcPerm, error) {
		ds, err := guest.Ptr[abi.OldSemidDs](at).Load(t)
		return ds.Perm.New(), err
	}, func(at uint64, ds abi.SemidDs) error {
		return guest.Ptr[abi.OldSemidDs](at).Store(t, abi.OldSemidDs{
			Perm: ds.Perm.Old(), Nsems: ds.Nsems, Otime: ds.Otime, Ctime: ds.Ctime,
		})
	})
}

func semctlWith(t *emul.Task, id, n, cmd Int, argp guest.Ptr[uint64],
	load func(uint64) (abi.IpcPerm, error), store func(uint64, abi.SemidDs) error) emul.Action {
	switch cmd {
	case abi.IPC_RMID:
		return semctlHost(id, n, abi.IPC_RMID, 0).Then(ipcOwners)
	case abi.GETNCNT:
		return semctlHost(id, n, hostGetncnt, 0)
	case abi.GETZCNT:
		return semctlHost(id, n, hostGetzcnt, 0)
	case abi.GETPID:
		return semctlHost(id, n, hostGetpid, 0)
	case abi.GETVAL:
		return semctlHost(id, n, hostGetval, 0)
	case abi.IPC_SET, abi.IPC_STAT, abi.SEM_STAT, abi.GETALL, abi.SETALL, abi.SETVAL:
	default:
		return emul.Fail(abi.EINVAL)
	}
	arg, err := argp.Load(t)
	if err != nil {
		return emul.Fail(err)
	}
	switch cmd {
	case abi.GETALL, abi.SETALL:
		if host.Scratch(arg) {
			return emul.Fail(abi.EFAULT)
		}
		return semctlHost(id, n, map[Int]int{abi.GETALL: hostGetall, abi.SETALL: hostSetall}[cmd], arg)
	case abi.SETVAL:
		if v := int32(arg); v < 0 || v > semValueMax {
			// Linux would not look at the identifier first.
			return withSemid(t, id, func(d *xlat.HostSemidDs) emul.Action {
				if n < 0 || uint64(n) >= d.Nsems {
					return emul.Fail(abi.EINVAL)
				}
				return emul.Fail(abi.ERANGE)
			})
		}
		return semctlHost(id, n, hostSetval, uint64(uint32(arg)))
	case abi.IPC_SET:
		perm, err := load(arg)
		if err != nil {
			return emul.Fail(err)
		}
		at, err := emul.AllocStore(t, xlat.HostSemidDs{Perm: xlat.HostIpcPerm(&perm)})
		if err != nil {
			return emul.Fail(err)
		}
		return semctlHost(id, n, abi.IPC_SET, uint64(at)).Then(ipcOwners)
	}
	// IPC_STAT, and SEM_STAT, which takes the place in the table and answers
	// with the identifier.
	buf := emul.Alloc[xlat.HostSemidDs](t)
	return semctlHost(id, n, map[Int]int{abi.IPC_STAT: abi.IPC_STAT, abi.SEM_STAT: hostSemStat}[cmd], uint64(buf)).
		Then(func(r emul.Ret) emul.Action {
			if r.Err() != nil {
				return emul.Finish(r)
			}
			real := int32(id)
			if cmd == abi.SEM_STAT {
				if real = int32(r.Val); real&0xffff != int32(id) {
					return emul.Fail(abi.EINVAL)
				}
			}
			d, err := buf.Load(t)
			if err != nil {
				return emul.Fail(err)
			}
			if err := store(arg, xlat.Semid(&d, real)); err != nil {
				return emul.Fail(err)
			}
			return emul.Return(uint64(r.Val))
		})
}

// semsys is all calls in one, as FreeBSD 7 and older had it.
func semsys(t *emul.Task, which Int, a, b, c, d Long) emul.Action {
	switch which {
	case 0:
		return semctl7(t, Int(a), Int(b), Int(c), guest.Ptr[uint64](d))
	case 1:
		return semget(t, Int(a), Int(b), Uint(c))
	case 2:
		return semop(t, Int(a), Addr(b), Size(c))
	}
	return emul.Fail(abi.EINVAL)
}

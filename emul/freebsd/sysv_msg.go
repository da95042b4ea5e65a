package freebsd

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// System V message queues (sysv_msg.c). Messages look the same, and a wait
// that a handler interrupts is not begun again on either system.

func msgget(_ *emul.Task, key Int, flags Uint) emul.Action {
	get := func(fl uint64) emul.Action { return emul.Host(unix.SYS_MSGGET, uint64(key), fl) }
	return ipcGet(key, uint64(flags), get,
		func(id uint64) emul.Action {
			if flags&0o100 != 0 {
				return emul.Fail(abi.EACCES) // see semget
			}
			return emul.Return(id)
		},
		get(uint64(flags)&(abi.IPC_CREAT|abi.IPC_EXCL|0o777)|abi.IPC_CREAT))
}

func msgsnd(_ *emul.Task, id Int, msg Addr, n Size, flags Int) emul.Action {
	return emul.Tail(unix.SYS_MSGSND, uint64(id), uint64(msg), uint64(n), uint64(flags)&abi.IPC_NOWAIT).NoRestart()
}

func msgrcv(_ *emul.Task, id Int, msg Addr, n Size, kind Long, flags Int) emul.Action {
	const known = abi.IPC_NOWAIT | abi.MSG_NOERROR
	return emul.Tail(unix.SYS_MSGRCV, uint64(id), uint64(msg), uint64(n), uint64(kind), uint64(flags)&known).NoRestart()
}

const hostMsgStatAny = 13 // MSG_STAT_ANY

func msgctl(t *emul.Task, id, cmd Int, buf guest.Ptr[abi.MsqidDs]) emul.Action {
	return msgctlWith(t, id, cmd, func() (abi.MsqidDs, error) { return buf.Load(t) },
		func(ds abi.MsqidDs) error { return buf.Store(t, ds) })
}

// msgctl7 is msgctl of FreeBSD 7 and older.
func msgctl7(t *emul.Task, id, cmd Int, buf guest.Ptr[abi.OldMsqidDs]) emul.Action {
	return msgctlWith(t, id, cmd, func() (abi.MsqidDs, error) {
		ds, err := buf.Load(t)
		return abi.MsqidDs{Perm: ds.Perm.New(), Qbytes: ds.Qbytes}, err
	}, func(ds abi.MsqidDs) error {
		return buf.Store(t, abi.OldMsqidDs{
			Perm: ds.Perm.Old(), Cbytes: ds.Cbytes, Qnum: ds.Qnum, Qbytes: ds.Qbytes,
			Lspid: ds.Lspid, Lrpid: ds.Lrpid, Stime: ds.Stime, Rtime: ds.Rtime, Ctime: ds.Ctime,
		})
	})
}

func msgctlWith(t *emul.Task, id, cmd Int, load func() (abi.MsqidDs, error), store func(abi.MsqidDs) error) emul.Action {
	switch cmd {
	case abi.IPC_RMID:
		return emul.Host(unix.SYS_MSGCTL, uint64(id), uint64(cmd), 0).Then(ipcOwners)
	case abi.IPC_SET:
		ds, err := load()
		if err != nil {
			return emul.Fail(err)
		}
		return msgset(t, id, &ds)
	case abi.IPC_STAT:
		buf := emul.Alloc[xlat.HostMsqidDs](t)
		return emul.Host(unix.SYS_MSGCTL, uint64(id), uint64(cmd), uint64(buf)).Then(func(r emul.Ret) emul.Action {
			if r.Err() != nil {
				return emul.Finish(r)
			}
			d, err := buf.Load(t)
			if err != nil {
				return emul.Fail(err)
			}
			return emul.Fail(store(xlat.Msqid(&d, int32(id))))
		})
	}
	return emul.Fail(abi.EINVAL)
}

// msgset is IPC_SET. Only root makes a queue longer than it is, and nobody
// longer than msgmnb.
func msgset(t *emul.Task, id Int, ds *abi.MsqidDs) emul.Action {
	buf := emul.Alloc[xlat.HostMsqidDs](t)
	return emul.Host(unix.SYS_MSGCTL, uint64(id), hostMsgStatAny, uint64(buf)).Then(func(r emul.Ret) emul.Action {
		switch {
		case r.Err() != nil:
			return emul.Fail(r.Err())
		case r.Val != int64(id):
			return emul.Fail(abi.EINVAL)
		}
		old, err := buf.Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		return emul.Host(unix.SYS_GETEUID).Then(func(r emul.Ret) emul.Action {
			uid := uint32(r.Val)
			switch {
			case uid != 0 && uid != old.Perm.Uid && uid != old.Perm.Cuid:
				return emul.Fail(abi.EACCES)
			case uid != 0 && ds.Qbytes > old.Qbytes:
				return emul.Fail(abi.EPERM)
			case ds.Qbytes == 0:
				return emul.Fail(abi.EINVAL)
			}
			limit, err := msgLimit(func(l *hostMsginfo) int32 { return l.Msgmnb })(nil)
			if err != nil {
				return emul.Fail(err)
			}
			err = buf.Store(t, xlat.HostMsqidDs{Perm: xlat.HostIpcPerm(&ds.Perm), Qbytes: min(ds.Qbytes, uint64(limit))})
			if err != nil {
				return emul.Fail(err)
			}
			return emul.Host(unix.SYS_MSGCTL, uint64(id), abi.IPC_SET, uint64(buf)).Then(ipcOwners)
		})
	})
}

// msgsys is all calls in one, as FreeBSD 7 and older had it.
func msgsys(t *emul.Task, which Int, a, b, c, d, e Long) emul.Action {
	switch which {
	case 0:
		return msgctl7(t, Int(a), Int(b), guest.Ptr[abi.OldMsqidDs](c))
	case 1:
		return msgget(t, Int(a), Uint(b))
	case 2:
		return msgsnd(t, Int(a), Addr(b), Size(c), Int(d))
	case 3:
		return msgrcv(t, Int(a), Addr(b), Size(c), d, Int(e))
	}
	return emul.Fail(abi.EINVAL)
}

package freebsd

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// Access control lists of POSIX.1e (sys/kern/vfs_acl.c, ufs_acl.c). Linux has
// them, too, as an extended attribute; the file systems that have none say
// EOPNOTSUPP themselves. Lists of NFSv4 are none of theirs.

// ACLType is the kind of list (sys/acl.h).
type ACLType int32

// attribute is the name of the list's attribute. Error: EINVAL.
func (k ACLType) attribute() (string, error) {
	switch k {
	case abi.ACL_TYPE_ACCESS:
		return "system.posix_acl_access", nil
	case abi.ACL_TYPE_DEFAULT:
		return "system.posix_acl_default", nil
	}
	return "", abi.EINVAL
}

// aclTarget is what a list belongs to.
type aclTarget struct {
	attrTarget
	stat func(t *emul.Task, then func(*abi.Stat) emul.Action) emul.Action
}

func aclFile(p Path) aclTarget {
	return aclTarget{attrFile(p), func(t *emul.Task, then func(*abi.Stat) emul.Action) emul.Action {
		return withStat(t, abi.AT_FDCWD, uint64(p), 0, then)
	}}
}

func aclLink(p Name) aclTarget {
	return aclTarget{attrLink(p), func(t *emul.Task, then func(*abi.Stat) emul.Action) emul.Action {
		return withStat(t, abi.AT_FDCWD, uint64(p), unix.AT_SYMLINK_NOFOLLOW, then)
	}}
}

func aclFD(fd FD) aclTarget {
	return aclTarget{attrFD(fd), func(t *emul.Task, then func(*abi.Stat) emul.Action) emul.Action {
		return withFstat(t, fd, then)
	}}
}

// request begins a call: the attribute's name in scratch memory.
func (k ACLType) request(t *emul.Task) (uint64, error) {
	name, err := k.attribute()
	if err != nil {
		return 0, err
	}
	at, err := allocBytes(t, cstring(name))
	return uint64(at), err
}

func (a aclTarget) getACL(t *emul.Task, k ACLType, out guest.Ptr[abi.ACL]) emul.Action {
	name, err := k.request(t)
	if err != nil {
		return emul.Fail(err)
	}
	const room = xlat.ACLAttrMax
	buf, ok := t.AllocBytes(room)
	if !ok {
		return emul.Fail(abi.ENOMEM)
	}
	return emul.Host(a.get, a.arg, name, uint64(buf), room).Then(func(r emul.Ret) emul.Action {
		switch {
		case r.Err() == unix.ENODATA:
			return a.stat(t, func(st *abi.Stat) emul.Action {
				switch {
				case k == abi.ACL_TYPE_ACCESS:
					return storeACL(t, out, xlat.ACLOfMode(st.Mode))
				case st.Mode&abi.S_IFMT != abi.S_IFDIR:
					return emul.Fail(abi.EINVAL)
				}
				return storeACL(t, out, abi.ACL{})
			})
		case r.Err() == unix.EACCES && k == abi.ACL_TYPE_DEFAULT:
			return emul.Fail(abi.EINVAL) // no directory
		case r.Err() == unix.EOPNOTSUPP && k == abi.ACL_TYPE_ACCESS:
			// Linux's symbolic links have none; FreeBSD's have that of their mode.
			return a.stat(t, func(st *abi.Stat) emul.Action {
				if st.Mode&abi.S_IFMT != abi.S_IFLNK {
					return emul.Finish(r)
				}
				return storeACL(t, out, xlat.ACLOfMode(st.Mode))
			})
		case r.Err() != nil:
			return emul.Finish(r)
		}
		b := make([]byte, min(r.Val, room))
		if err := t.ReadMem(buf, b); err != nil {
			return emul.Fail(err)
		}
		l, ok := xlat.ACL(b)
		if !ok {
			return emul.Fail(abi.EINVAL)
		}
		return storeACL(t, out, l)
	})
}

// storeACL: the caller says first how many entries it has room for.
func storeACL(t *emul.Task, out guest.Ptr[abi.ACL], l abi.ACL) emul.Action {
	room, err := guest.Ptr[uint32](out).Load(t)
	switch {
	case err != nil:
		return emul.Fail(err)
	case room != abi.ACL_MAX_ENTRIES:
		return emul.Fail(abi.EINVAL)
	}
	l.Maxcnt = abi.ACL_MAX_ENTRIES
	return storeOrFail(t, out, l)
}

func (a aclTarget) setACL(t *emul.Task, k ACLType, in guest.Ptr[abi.ACL]) emul.Action {
	l, err := in.Load(t)
	switch {
	case err != nil:
		return emul.Fail(err)
	case l.Maxcnt != abi.ACL_MAX_ENTRIES || l.Cnt > abi.ACL_MAX_ENTRIES:
		return emul.Fail(abi.EINVAL)
	}
	name, err := k.request(t)
	if err != nil {
		return emul.Fail(err)
	}
	b := xlat.ACLToHost(&l)
	at, err := allocBytes(t, b)
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Tail(a.set, a.arg, name, uint64(at), uint64(len(b)), 0)
}

// deleteACL takes a default list away; the other kind there is always.
func (a aclTarget) deleteACL(t *emul.Task, k ACLType) emul.Action {
	if k != abi.ACL_TYPE_DEFAULT {
		return emul.Fail(abi.EINVAL)
	}
	name, err := k.request(t)
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Host(a.remove, a.arg, name).Then(func(r emul.Ret) emul.Action {
		if r.Err() == unix.ENODATA {
			return emul.Return(0)
		}
		return emul.Finish(r)
	})
}

// extended answers pathconf(_PC_ACL_EXTENDED): whether there may be lists.
func (a aclTarget) extended(t *emul.Task) emul.Action {
	name, err := ACLType(abi.ACL_TYPE_ACCESS).request(t)
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Host(a.get, a.arg, name, 0, 0).Then(func(r emul.Ret) emul.Action {
		switch r.Err() {
		case nil, unix.ENODATA:
			return emul.Return(1)
		case unix.EOPNOTSUPP, unix.EBADF: // of a descriptor without access: nothing can be said
			return emul.Return(0)
		}
		return emul.Finish(r)
	})
}

func aclGetFile(t *emul.Task, p Path, k ACLType, l guest.Ptr[abi.ACL]) emul.Action {
	return aclFile(p).getACL(t, k, l)
}

func aclSetFile(t *emul.Task, p Path, k ACLType, l guest.Ptr[abi.ACL]) emul.Action {
	return aclFile(p).setACL(t, k, l)
}

func aclDeleteFile(t *emul.Task, p Path, k ACLType) emul.Action { return aclFile(p).deleteACL(t, k) }

func aclGetLink(t *emul.Task, p Name, k ACLType, l guest.Ptr[abi.ACL]) emul.Action {
	return aclLink(p).getACL(t, k, l)
}

func aclSetLink(t *emul.Task, p Name, k ACLType, l guest.Ptr[abi.ACL]) emul.Action {
	return aclLink(p).setACL(t, k, l)
}

func aclDeleteLink(t *emul.Task, p Name, k ACLType) emul.Action { return aclLink(p).deleteACL(t, k) }

func aclGetFD(t *emul.Task, fd FD, k ACLType, l guest.Ptr[abi.ACL]) emul.Action {
	return aclFD(fd).getACL(t, k, l)
}

func aclSetFD(t *emul.Task, fd FD, k ACLType, l guest.Ptr[abi.ACL]) emul.Action {
	return aclFD(fd).setACL(t, k, l)
}

func aclDeleteFD(t *emul.Task, fd FD, k ACLType) emul.Action { return aclFD(fd).deleteACL(t, k) }

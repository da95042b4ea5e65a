package freebsd

import (
	"bytes"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
)

// Extended attributes. FreeBSD's user namespace is Linux's "user.", its system
// namespace, which is root's, "trusted.".

// AttrNamespace is the namespace argument of the extattr calls (sys/extattr.h).
type AttrNamespace int32

const (
	attrUser   AttrNamespace = 1
	attrSystem AttrNamespace = 2

	attrNameMax = 255 // EXTATTR_MAXNAMELEN
	// attrValueMax is the longest value that can be got in part, in bytes.
	attrValueMax = 16 << 10
)

func (n AttrNamespace) prefix() (string, error) {
	switch n {
	case attrUser:
		return "user.", nil
	case attrSystem:
		return "trusted.", nil
	}
	return "", abi.EINVAL
}

// attrTarget is what an attribute belongs to: the Linux calls and their first
// argument.
type attrTarget struct {
	get, set, list, remove emul.HostNR
	arg                    uint64
}

func attrFD(fd FD) attrTarget {
	return attrTarget{unix.SYS_FGETXATTR, unix.SYS_FSETXATTR, unix.SYS_FLISTXATTR, unix.SYS_FREMOVEXATTR, uint64(fd)}
}

func attrFile(p Path) attrTarget {
	return attrTarget{unix.SYS_GETXATTR, unix.SYS_SETXATTR, unix.SYS_LISTXATTR, unix.SYS_REMOVEXATTR, uint64(p)}
}

func attrLink(p Name) attrTarget {
	return attrTarget{unix.SYS_LGETXATTR, unix.SYS_LSETXATTR, unix.SYS_LLISTXATTR, unix.SYS_LREMOVEXATTR, uint64(p)}
}

// attrName puts the name with Linux's prefix into scratch memory.
func attrName(t *emul.Task, ns AttrNamespace, name Str) (uint64, error) {
	prefix, err := ns.prefix()
	if err != nil {
		return 0, err
	}
	s, err := guest.LoadString(t, guest.Addr(name), attrNameMax+1)
	if err != nil {
		return 0, err
	}
	if s == "" {
		return 0, abi.EINVAL
	}
	full := append([]byte(prefix+s), 0)
	p, ok := t.AllocBytes(len(full))
	if !ok {
		return 0, abi.ENOMEM
	}
	return uint64(p), t.WriteMem(p, full)
}

func (a attrTarget) setAttr(t *emul.Task, ns AttrNamespace, name Str, data InBuf, n Size) emul.Action {
	p, err := attrName(t, ns, name)
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Host(a.set, a.arg, p, uint64(data), uint64(n), 0).Then(func(r emul.Ret) emul.Action {
		if err := r.Err(); err != nil {
			return emul.Fail(err)
		}
		return emul.Return(uint64(n))
	})
}

// getAttr: a null buffer asks for the size; a short one gets the beginning,
// where Linux would refuse.
func (a attrTarget) getAttr(t *emul.Task, ns AttrNamespace, name Str, data OutBuf, n Size) emul.Action {
	p, err := attrName(t, ns, name)
	if err != nil {
		return emul.Fail(err)
	}
	if data == 0 || n == 0 {
		return emul.Host(a.get, a.arg, p, 0, 0).Then(func(r emul.Ret) emul.Action {
			if r.Err() == nil && data != 0 {
				return emul.Return(0)
			}
			return emul.Finish(r)
		})
	}
	return emul.Host(a.get, a.arg, p, uint64(data), uint64(n)).Then(func(r emul.Ret) emul.Action {
		if r.Err() != unix.ERANGE {
			return emul.Finish(r)
		}
		buf, ok := t.AllocBytes(attrValueMax)
		if !ok {
			return emul.Fail(abi.ENOMEM)
		}
		return emul.Host(a.get, a.arg, p, uint64(buf), attrValueMax).Then(func(r emul.Ret) emul.Action {
			if err := r.Err(); err != nil {
				return emul.Fail(err)
			}
			return partOf(t, buf, int(r.Val), data, n, func(b []byte) []byte { return b })
		})
	})
}

// partOf copies as much of a converted scratch buffer as the guest has room for.
func partOf(t *emul.Task, buf guest.Addr, have int, data OutBuf, n Size, convert func([]byte) []byte) emul.Action {
	b, err := guest.Ptr[byte](buf).LoadN(t, have)
	if err != nil {
		return emul.Fail(err)
	}
	b = convert(b)
	if data == 0 {
		return emul.Return(uint64(len(b)))
	}
	b = b[:min(uint64(len(b)), uint64(n))]
	if err := t.WriteMem(guest.Addr(data), b); err != nil {
		return emul.Fail(err)
	}
	return emul.Return(uint64(len(b)))
}

func (a attrTarget) removeAttr(t *emul.Task, ns AttrNamespace, name Str) emul.Action {
	p, err := attrName(t, ns, name)
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Tail(a.remove, a.arg, p)
}

// listAttrs gives names of one namespace, each behind a byte with its length.
func (a attrTarget) listAttrs(t *emul.Task, ns AttrNamespace, data OutBuf, n Size) emul.Action {
	prefix, err := ns.prefix()
	if err != nil {
		return emul.Fail(err)
	}
	buf, ok := t.AllocBytes(attrValueMax)
	if !ok {
		return emul.Fail(abi.ENOMEM)
	}
	return emul.Host(a.list, a.arg, uint64(buf), attrValueMax).Then(func(r emul.Ret) emul.Action {
		if err := r.Err(); err != nil {
			return emul.Fail(err)
		}
		return partOf(t, buf, int(r.Val), data, n, func(b []byte) []byte { return attrNames(b, prefix) })
	})
}

func attrNames(list []byte, prefix string) []byte {
	var out []byte
	for name := range bytes.SplitSeq(list, []byte{0}) {
		if s, ok := bytes.CutPrefix(name, []byte(prefix)); ok && len(s) <= attrNameMax {
			out = append(append(out, byte(len(s))), s...)
		}
	}
	return out
}

func extattrSetFD(t *emul.Task, fd FD, ns AttrNamespace, name Str, data InBuf, n Size) emul.Action {
	return attrFD(fd).setAttr(t, ns, name, data, n)
}

func extattrSetFile(t *emul.Task, path Path, ns AttrNamespace, name Str, data InBuf, n Size) emul.Action {
	return attrFile(path).setAttr(t, ns, name, data, n)
}

func extattrSetLink(t *emul.Task, path Name, ns AttrNamespace, name Str, data InBuf, n Size) emul.Action {
	return attrLink(path).setAttr(t, ns, name, data, n)
}

func extattrGetFD(t *emul.Task, fd FD, ns AttrNamespace, name Str, data OutBuf, n Size) emul.Action {
	return attrFD(fd).getAttr(t, ns, name, data, n)
}

func extattrGetFile(t *emul.Task, path Path, ns AttrNamespace, name Str, data OutBuf, n Size) emul.Action {
	return attrFile(path).getAttr(t, ns, name, data, n)
}

func extattrGetLink(t *emul.Task, path Name, ns AttrNamespace, name Str, data OutBuf, n Size) emul.Action {
	return attrLink(path).getAttr(t, ns, name, data, n)
}

func extattrDeleteFD(t *emul.Task, fd FD, ns AttrNamespace, name Str) emul.Action {
	return attrFD(fd).removeAttr(t, ns, name)
}

func extattrDeleteFile(t *emul.Task, path Path, ns AttrNamespace, name Str) emul.Action {
	return attrFile(path).removeAttr(t, ns, name)
}

func extattrDeleteLink(t *emul.Task, path Name, ns AttrNamespace, name Str) emul.Action {
	return attrLink(path).removeAttr(t, ns, name)
}

func extattrListFD(t *emul.Task, fd FD, ns AttrNamespace, data OutBuf, n Size) emul.Action {
	return attrFD(fd).listAttrs(t, ns, data, n)
}

func extattrListFile(t *emul.Task, path Path, ns AttrNamespace, data OutBuf, n Size) emul.Action {
	return attrFile(path).listAttrs(t, ns, data, n)
}

func extattrListLink(t *emul.Task, path Name, ns AttrNamespace, data OutBuf, n Size) emul.Action {
	return attrLink(path).listAttrs(t, ns, data, n)
}

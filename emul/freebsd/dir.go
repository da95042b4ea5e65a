package freebsd

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// Reading directories.

// direntBlock is the most that one call reads through scratch memory, in bytes.
const direntBlock = 24 << 10

// getdirentries gives FreeBSD 12's struct dirent. Directory offsets are the
// host's own, so that the guest can seek to d_off and to *basep.
func getdirentries(t *emul.Task, fd FD, buf OutBuf, n Size, basep guest.Ptr[int64]) emul.Action {
	// A FreeBSD record is at most a third longer than Linux's.
	ask := n
	if n >= 1024 {
		ask = n / 4 * 3
	}
	return readDir(t, fd, buf, n, ask, basep, xlat.DirentsOf)
}

// getdirentries11 gives struct freebsd11_dirent, whose records are shorter than
// Linux's.
func getdirentries11(t *emul.Task, fd FD, buf OutBuf, n Uint, basep guest.Ptr[int64]) emul.Action {
	return readDir(t, fd, buf, Size(n), Size(n), basep, xlat.Dirents11Of)
}

func getdents11(t *emul.Task, fd FD, buf OutBuf, n Size) emul.Action {
	return readDir(t, fd, buf, n, n, 0, xlat.Dirents11Of)
}

func readDir(t *emul.Task, fd FD, buf OutBuf, n, ask Size, basep guest.Ptr[int64],
	convert func(src []byte, max int) xlat.Dirents) emul.Action {
	if int64(n) < 0 {
		return emul.Fail(abi.EINVAL)
	}
	ask = min(ask, direntBlock)
	scratch, ok := t.AllocBytes(direntBlock)
	if !ok {
		return emul.Fail(abi.ENOMEM)
	}
	return emul.Batch(
		emul.NewCall(unix.SYS_LSEEK, uint64(fd), 0, unix.SEEK_CUR),
		emul.NewCall(unix.SYS_GETDENTS64, uint64(fd), uint64(scratch), uint64(ask)),
	).ThenAll(func(rets []emul.Ret) emul.Action {
		at := rets[0].Val
		switch err := rets[1].Err(); err {
		case nil:
		case unix.ENOTDIR:
			return emul.Fail(abi.EINVAL)
		case unix.ENOENT:
			return emul.Return(0) // a removed directory is an empty one
		default:
			return emul.Fail(err)
		}
		src, err := guest.Ptr[byte](scratch).LoadN(t, int(rets[1].Val))
		if err != nil {
			return emul.Fail(err)
		}
		if basep != 0 && rets[0].Err() == nil {
			if err := basep.Store(t, at); err != nil {
				return emul.Fail(err)
			}
		}
		d := convert(src, int(min(n, 1<<30)))
		next := d.Next
		if len(d.Buf) == 0 && len(src) != 0 { // not even one entry fits
			err, next = abi.EINVAL, at
		} else if err = t.WriteMem(guest.Addr(buf), d.Buf); err != nil {
			next = at // what the guest did not get is still to be read
		} else if d.All {
			return emul.Return(uint64(len(d.Buf)))
		}
		return emul.Host(unix.SYS_LSEEK, uint64(fd), uint64(next), unix.SEEK_SET).
			Atomic().Then(func(r emul.Ret) emul.Action {
			switch {
			case err != nil:
				return emul.Fail(err)
			case r.Err() != nil:
				return emul.Finish(r)
			}
			return emul.Return(uint64(len(d.Buf)))
		})
	})
}

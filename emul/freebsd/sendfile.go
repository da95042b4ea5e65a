package freebsd

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
)

// sendfile(2), sys/kern/kern_sendfile.c: headers, file and trailers in one call,
// which goes on until all is sent. Linux knows the file only, and may stop early.

// sending is one sendfile call under way.
type sending struct {
	t      *emul.Task
	fd, s  FD
	flags  uint64 // of the sends of headers and trailers
	left   uint64 // bytes of the file still to be sent; 0: up to its end
	toEOF  bool
	offp   guest.Ptr[int64]
	hdtr   abi.SfHdtr
	sbytes guest.Ptr[int64]
	sent   int64
}

func sendfile(t *emul.Task, fd, s FD, offset Long, nbytes Size, hdtr guest.Ptr[abi.SfHdtr], sbytes guest.Ptr[int64], flags Int) emul.Action {
	return startSendfile(t, fd, s, offset, nbytes, hdtr, sbytes, false)
}

// freebsd4Sendfile counts the headers as part of nbytes.
func freebsd4Sendfile(t *emul.Task, fd, s FD, offset Long, nbytes Size, hdtr guest.Ptr[abi.SfHdtr], sbytes guest.Ptr[int64], flags Int) emul.Action {
	return startSendfile(t, fd, s, offset, nbytes, hdtr, sbytes, true)
}

func startSendfile(t *emul.Task, fd, s FD, offset Long, nbytes Size, hdtr guest.Ptr[abi.SfHdtr], sbytes guest.Ptr[int64], old bool) emul.Action {
	if offset < 0 {
		return emul.Fail(abi.EINVAL)
	}
	c := &sending{t: t, fd: fd, s: s, left: uint64(nbytes), toEOF: nbytes == 0, sbytes: sbytes}
	if socketsOf(t).noSigpipe(int32(s)) {
		c.flags = unix.MSG_NOSIGNAL
	}
	var err error
	if hdtr != 0 {
		if c.hdtr, err = hdtr.Load(t); err != nil {
			return emul.Fail(err)
		}
		header, err := c.check(c.hdtr.Headers, c.hdtr.HdrCnt)
		if err == nil {
			_, err = c.check(c.hdtr.Trailers, c.hdtr.TrlCnt)
		}
		if err != nil {
			return emul.Fail(err)
		}
		if old && !c.toEOF {
			c.left -= min(c.left, header)
		}
	}
	if c.offp, err = emul.AllocStore(t, int64(offset)); err != nil {
		return emul.Fail(err)
	}
	return sockoptInt(t, s, unix.SOL_SOCKET, unix.SO_TYPE, func(typ int32, err error) emul.Action {
		switch {
		case err != nil:
			return emul.Fail(err)
		case typ != unix.SOCK_STREAM:
			notSocket := func(int32) emul.Action { return emul.Fail(abi.ENOTSOCK) }
			return withStandInMode(t, s, notSocket, emul.Fail(abi.EINVAL))
		}
		return sockoptInt(t, s, unix.SOL_SOCKET, unix.SO_ACCEPTCONN, func(listening int32, err error) emul.Action {
			switch {
			case err != nil:
				return emul.Fail(err)
			case listening != 0:
				return emul.Fail(abi.ENOTCONN)
			case c.hdtr.Headers == 0:
				return c.file()
			}
			return c.vector(c.hdtr.Headers, c.hdtr.HdrCnt, unix.MSG_MORE, c.file)
		})
	})
}

// iovec is struct iovec, the same on both systems.
type iovec struct{ Base, Len uint64 }

// check looks at an array of iovecs and gives its length in bytes.
func (c *sending) check(iov uint64, n int32) (uint64, error) {
	if iov == 0 {
		return 0, nil
	}
	if uint32(n) > iovMax {
		return 0, abi.EINVAL
	}
	v, err := guest.Ptr[iovec](iov).LoadN(c.t, int(n))
	var sum uint64
	for _, x := range v {
		sum += x.Len
		if x.Len > 1<<62 || sum > 1<<62 {
			return 0, abi.EINVAL
		}
	}
	return sum, err
}

// vector sends headers or trailers and goes on.
func (c *sending) vector(iov uint64, n int32, flags uint64, then func() emul.Action) emul.Action {
	want, err := c.check(iov, n)
	if err != nil {
		return c.done(err)
	}
	m, err := emul.AllocStore(c.t, hostMsghdr{Iov: iov, Iovlen: uint64(n)})
	if err != nil {
		return c.done(err)
	}
	return emul.Host(unix.SYS_SENDMSG, uint64(c.s), uint64(m), flags|c.flags).NoRestart().Then(func(r emul.Ret) emul.Action {
		if err := r.Err(); err != nil {
			return c.done(err)
		}
		c.sent += r.Val
		if uint64(r.Val) < want {
			return c.done(unix.EAGAIN)
		}
		return then()
	})
}

// sendChunk is the most that Linux moves at once (MAX_RW_COUNT), in bytes.
const sendChunk = 0x7ffff000

func (c *sending) file() emul.Action {
	n := uint64(sendChunk)
	if !c.toEOF {
		if n = min(c.left, sendChunk); n == 0 {
			return c.trailers()
		}
	}
	return emul.Host(unix.SYS_SENDFILE, uint64(c.s), uint64(c.fd), uint64(c.offp), n).NoRestart().Then(func(r emul.Ret) emul.Action {
		if err := r.Err(); err != nil {
			return c.done(err)
		}
		if r.Val == 0 { // end of file
			return c.trailers()
		}
		c.sent += r.Val
		c.left -= min(c.left, uint64(r.Val))
		return c.file()
	})
}

func (c *sending) trailers() emul.Action {
	if c.hdtr.Trailers == 0 {
		return c.done(nil)
	}
	return c.vector(c.hdtr.Trailers, c.hdtr.TrlCnt, 0, func() emul.Action { return c.done(nil) })
}

// done tells how much was sent, also when it failed.
func (c *sending) done(err error) emul.Action {
	if c.sbytes != 0 {
		if e := c.sbytes.Store(c.t, c.sent); e != nil {
			return emul.Fail(e)
		}
	}
	return emul.Fail(err)
}

package freebsd

import (
	"fmt"
	"math/bits"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
)

// UMTX_OP_SHM keeps a page of shared memory for any place in memory that
// processes share; libthr puts there what such a pthread_mutex_t stands for.
//
// The page is a memfd of the supervisor in whose tree it was asked for first.
// Guests get it over a Unix socket whose abstract name is made of the key, so
// that those of another tree find it as well.

// umtxKey is a place in an object.
type umtxKey struct {
	object
	off uint64
}

// umtxPages are the pages of this supervisor.
type umtxPages struct {
	byKey map[umtxKey]*umtxPage
	dead  map[object]bool // pages that were destroyed; some may still be mapped
	tree  string          // makes the names of objects that are no files unique
}

// umtxPage is one page, and the socket that gives it away.
type umtxPage struct {
	fd, listener int
	object       object // the memfd

	mu    sync.Mutex
	guest map[int]bool // processes of the tree that are about to ask
}

const (
	umtxAskPage    = 'L'
	umtxAskDestroy = 'D'
)

func umtxShm(t *emul.Task, addr Addr, flags uint32) emul.Action {
	all := uint32(abi.UMTX_SHM_CREAT | abi.UMTX_SHM_LOOKUP | abi.UMTX_SHM_DESTROY | abi.UMTX_SHM_ALIVE)
	if bits.OnesCount32(flags&all) != 1 {
		return emul.Fail(abi.EINVAL)
	}
	if _, err := guest.Ptr[uint8](addr).Load(t); err != nil {
		return emul.Fail(err)
	}
	p := procOf(t)
	pages := &p.os.umtxPages
	if flags&abi.UMTX_SHM_ALIVE != 0 {
		if o, _, ok := p.mem.sharedAt(uint64(addr)); ok && pages.dead[o] {
			return emul.Fail(abi.ENOTTY)
		}
		return emul.Return(0)
	}
	key := p.umtxKey(uint64(addr))
	if flags&abi.UMTX_SHM_DESTROY != 0 {
		if pages.destroy(key) {
			return emul.Return(0)
		}
		return askPage(t, key, umtxAskDestroy, func() emul.Action { return emul.Fail(abi.ESRCH) })
	}
	return askPage(t, key, umtxAskPage, func() emul.Action {
		if flags&abi.UMTX_SHM_CREAT == 0 {
			return emul.Fail(abi.ESRCH)
		}
		if err := pages.create(t.Loop(), p.os, key); err != nil && err != unix.EADDRINUSE {
			t.Loop().Debugf("pid %d: _umtx_op: no page: %v", t.Proc.Pid, err)
			return emul.Fail(abi.ENOMEM)
		}
		return askPage(t, key, umtxAskPage, func() emul.Action { return emul.Fail(abi.ENOMEM) })
	})
}

// umtxKey makes the key for a place in the process's memory (umtx_key_get).
func (p *process) umtxKey(a uint64) umtxKey {
	if o, off, ok := p.mem.sharedAt(a); ok {
		return umtxKey{o, off}
	}
	if p.mem.private == 0 {
		p.mem.private = p.os.newObject()
	}
	return umtxKey{object{objPrivate, p.mem.private}, a}
}

// address is the abstract socket address for a key, as Linux wants it.
func (u *umtxPages) address(k umtxKey) []byte {
	tree := ""
	if k.dev >= objPrivate && k.dev != objSysV {
		if u.tree == "" {
			var b [8]byte
			unix.Getrandom(b[:], 0)
			u.tree = fmt.Sprintf(".%x", b)
		}
		tree = u.tree
	}
	return append([]byte{unix.AF_UNIX, 0, 0}, fmt.Sprintf("lsf.umtx.%x.%x.%x%s", k.dev, k.ino, k.off, tree)...)
}

// askPage asks whoever has the page of a key; nobody says what to do if there is none.
func askPage(t *emul.Task, k umtxKey, ask byte, nobody func() emul.Action) emul.Action {
	pages := &procOf(t).os.umtxPages
	address := pages.address(k)
	if mine := pages.byKey[k]; mine != nil {
		mine.expect(t.Proc.Pid)
	}
	at, ok := t.AllocBytes(len(address) + 1)
	if !ok {
		return emul.Fail(abi.ENOMEM)
	}
	if err := t.WriteMem(at, append(address, ask)); err != nil {
		return emul.Fail(err)
	}
	return emul.Host(unix.SYS_SOCKET, unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0).Atomic().Then(func(r emul.Ret) emul.Action {
		if r.Err() != nil {
			return emul.Finish(r)
		}
		sock := uint64(r.Val)
		return emul.Batch(
			emul.NewCall(unix.SYS_CONNECT, sock, uint64(at), uint64(len(address))),
			emul.NewCall(unix.SYS_SENDTO, sock, uint64(at)+uint64(len(address)), 1, unix.MSG_NOSIGNAL, 0, 0),
		).ThenAll(func(rets []emul.Ret) emul.Action {
			if rets[0].Err() != nil || rets[1].Err() != nil {
				return emul.Host(unix.SYS_CLOSE, sock).Atomic().Then(func(emul.Ret) emul.Action { return nobody() })
			}
			return receivePage(t, sock, nobody)
		})
	})
}

// receivePage takes the answer: one byte, and with it the page if it was that
// that had been asked for.
func receivePage(t *emul.Task, sock uint64, nobody func() emul.Action) emul.Action {
	type answer struct {
		msg  unix.Msghdr
		iov  unix.Iovec
		ctl  [unix.SizeofCmsghdr + 8]byte
		data [8]byte
	}
	at := emul.Alloc[answer](t)
	var a answer
	const iovAt, ctlAt, dataAt = 56, 72, 96
	ptr := func(off uint64) uint64 { return uint64(at) + off }
	head := make([]byte, dataAt+8)
	le.PutUint64(head[16:], ptr(iovAt)) // msg_iov
	le.PutUint64(head[24:], 1)
	le.PutUint64(head[32:], ptr(ctlAt)) // msg_control
	le.PutUint64(head[40:], uint64(len(a.ctl)))
	le.PutUint64(head[iovAt:], ptr(dataAt))
	le.PutUint64(head[iovAt+8:], 1)
	if err := t.WriteMem(guest.Addr(at), head); err != nil {
		return emul.Fail(err)
	}
	return emul.Host(unix.SYS_RECVMSG, sock, uint64(at), unix.MSG_CMSG_CLOEXEC).Atomic().Then(func(r emul.Ret) emul.Action {
		err := t.ReadMem(guest.Addr(at), head)
		got := err == nil && r.Val == 1 && le.Uint64(head[40:]) >= unix.SizeofCmsghdr+4
		calls := []emul.Call{emul.NewCall(unix.SYS_CLOSE, sock)}
		if got { // the lowest free number, as a guest may expect
			fd := uint64(le.Uint32(head[ctlAt+unix.SizeofCmsghdr:]))
			calls = append(calls, emul.NewCall(unix.SYS_FCNTL, fd, unix.F_DUPFD_CLOEXEC, 0), emul.NewCall(unix.SYS_CLOSE, fd))
		}
		return emul.Batch(calls...).ThenAll(func(rets []emul.Ret) emul.Action {
			switch {
			case got:
				return emul.Finish(rets[1])
			case r.Val == 1: // destroyed
				return emul.Return(0)
			}
			return nobody()
		})
	})
}

// create makes a page and offers it. EADDRINUSE: another tree was faster.
func (u *umtxPages) create(l *emul.Loop, o *OS, k umtxKey) error {
	fd, err := unix.MemfdCreate("umtx", unix.MFD_CLOEXEC)
	if err != nil {
		return err
	}
	pg := &umtxPage{fd: fd, listener: -1, guest: map[int]bool{}}
	var st unix.Stat_t
	if err = unix.Ftruncate(fd, pageSize); err == nil {
		err = unix.Fstat(fd, &st)
	}
	if err == nil {
		pg.object = object{st.Dev, st.Ino}
		err = pg.listen(u.address(k))
	}
	if err != nil {
		unix.Close(fd)
		return err
	}
	if u.byKey == nil {
		u.byKey, u.dead = map[umtxKey]*umtxPage{}, map[object]bool{}
	}
	u.byKey[k] = pg
	l.Go(pg.serve)
	return nil
}

func (pg *umtxPage) listen(address []byte) error {
	s, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	if err = unix.Bind(s, &unix.SockaddrUnix{Name: "@" + string(address[3:])}); err == nil {
		err = unix.Listen(s, 64)
	}
	if err != nil {
		unix.Close(s)
		return err
	}
	pg.listener = s
	return nil
}

// expect lets a process of the tree have the page, whoever it is.
func (pg *umtxPage) expect(pid int) {
	pg.mu.Lock()
	defer pg.mu.Unlock()
	pg.guest[pid] = true
}

func (pg *umtxPage) mayAsk(c *unix.Ucred) bool {
	pg.mu.Lock()
	defer pg.mu.Unlock()
	return pg.guest[int(c.Pid)] || int(c.Uid) == os.Geteuid() || c.Uid == 0
}

// serve gives the page to all who ask, until it is destroyed. It ends with the
// listening socket. It waits in Go's poller: a thread for each page would be
// too much where there are hundreds.
func (pg *umtxPage) serve() {
	f := os.NewFile(uintptr(pg.listener), "umtx page")
	defer func() {
		f.Close()
		unix.Close(pg.fd)
	}()
	conn, err := f.SyscallConn()
	if err != nil {
		return
	}
	for {
		var c int
		var err error
		if conn.Read(func(fd uintptr) bool {
			c, _, err = unix.Accept4(int(fd), unix.SOCK_CLOEXEC)
			return err != unix.EAGAIN
		}) != nil {
			return
		}
		switch err {
		case nil:
			pg.answer(c)
			unix.Close(c)
		case unix.EINTR, unix.ECONNABORTED:
		default:
			return
		}
	}
}

func (pg *umtxPage) answer(c int) {
	cred, err := unix.GetsockoptUcred(c, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil || !pg.mayAsk(cred) {
		return
	}
	unix.SetsockoptTimeval(c, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1})
	var ask [1]byte
	if n, err := unix.Read(c, ask[:]); n != 1 || err != nil {
		return
	}
	switch ask[0] {
	case umtxAskPage:
		unix.Sendmsg(c, []byte{0}, unix.UnixRights(pg.fd), nil, unix.MSG_NOSIGNAL)
	case umtxAskDestroy:
		unix.Shutdown(pg.listener, unix.SHUT_RDWR)
		unix.Sendto(c, []byte{0}, unix.MSG_NOSIGNAL, nil)
	}
}

// destroy forgets this supervisor's page of a key; false if it has none.
func (u *umtxPages) destroy(k umtxKey) bool {
	pg := u.byKey[k]
	if pg == nil {
		return false
	}
	delete(u.byKey, k)
	u.dead[pg.object] = true
	unix.Shutdown(pg.listener, unix.SHUT_RDWR)
	return true
}

// exited destroys the pages for a process's own memory.
func (u *umtxPages) exited(m *procMemory) {
	if m.private == 0 {
		return
	}
	for k := range u.byKey {
		if k.object == (object{objPrivate, m.private}) {
			u.destroy(k)
		}
	}
}

package freebsd

import (
	"math"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
)

// Asynchronous I/O (vfs_aio.c). FreeBSD does it for files and disks; of all
// else it could wait for, it lets an unprivileged process have sockets only,
// and answers EOPNOTSUPP for the rest (vfs.aio.enable_unsafe). A file never
// keeps one waiting for long, so here the call that asks for the transfer makes
// it: the job is done, and its end told, when that call returns. Sockets would
// have to be waited for by somebody; they are refused like pipes.

const (
	aioQueueMax = 256  // max_aio_queue_per_proc
	uioMaxIOV   = 1024 // UIO_MAXIOV
)

// procAIO is the part of a process's state that is kept here.
type procAIO struct {
	used bool // there ever was a job (p_aioinfo)
	// jobs that aio_return and aio_waitcomplete have not been asked for, in the
	// order of their making; done are those of them that have ended, in that order.
	jobs, done []*aioJob
	waiting    []aioWaiter
}

// aioWaiter is a thread in aio_suspend or aio_waitcomplete, and whether it has
// what it waits for.
type aioWaiter struct {
	t     *emul.Task
	ready func() bool
}

// aioJob is struct kaiocb.
type aioJob struct {
	cb       uint64 // where the guest's aiocb is
	op       int32
	a        abi.Aiocb
	list     *aioList
	finished bool
	status   int64
	err      abi.Errno
	note     *knote // EVFILT_AIO, nil if not asked for
}

// aioList is struct aioliojob: what one lio_listio has asked for.
type aioList struct {
	left int // jobs that are in the queue
	ev   abi.Sigevent
	note *knote // EVFILT_LIO
}

// Offsets of what the kernel keeps in an aiocb (struct __aiocb_private).
const (
	aioStatusAt = uint64(unsafe.Offsetof(abi.Aiocb{}.Status))
	aioErrorAt  = uint64(unsafe.Offsetof(abi.Aiocb{}.Error))
	aioKinfoAt  = uint64(unsafe.Offsetof(abi.Aiocb{}.Kinfo))
)

// aioTell stores a job's state where libc does not look, but old programs may.
func aioTell(t *emul.Task, cb, at uint64, v int64) error { return guest.Ptr[int64](cb+at).Store(t, v) }

func aioRead(t *emul.Task, cb Addr) emul.Action   { return aioOne(t, cb, abi.LIO_READ) }
func aioReadv(t *emul.Task, cb Addr) emul.Action  { return aioOne(t, cb, abi.LIO_READV) }
func aioWrite(t *emul.Task, cb Addr) emul.Action  { return aioOne(t, cb, abi.LIO_WRITE) }
func aioWritev(t *emul.Task, cb Addr) emul.Action { return aioOne(t, cb, abi.LIO_WRITEV) }
func aioMlock(t *emul.Task, cb Addr) emul.Action  { return aioOne(t, cb, abi.LIO_MLOCK) }

func aioFsync(t *emul.Task, op Int, cb Addr) emul.Action {
	switch op {
	case abi.O_SYNC:
		return aioOne(t, cb, abi.LIO_SYNC)
	case abi.O_DSYNC:
		return aioOne(t, cb, abi.LIO_DSYNC)
	}
	return emul.Fail(abi.EINVAL)
}

func aioOne(t *emul.Task, cb Addr, op int32) emul.Action {
	return aioQueue(t, emul.Alloc[unix.Stat_t](t), uint64(cb), op, nil, emul.Fail)
}

// aioQueue is aio_aqueue: it makes a job, does it, and goes on with then, which
// gets the error if there is no job.
func aioQueue(t *emul.Task, st guest.Ptr[unix.Stat_t], cb uint64, op int32, list *aioList, then func(error) emul.Action) emul.Action {
	p := procOf(t)
	p.aio.used = true
	aioTell(t, cb, aioStatusAt, -1)
	aioTell(t, cb, aioErrorAt, 0)
	aioTell(t, cb, aioKinfoAt, -1)
	fail := func(err error) emul.Action {
		if err != nil {
			aioTell(t, cb, aioErrorAt, int64(xlat.ErrnoOf(err)))
		}
		return then(err)
	}
	if len(p.aio.jobs) >= aioQueueMax {
		return fail(abi.EAGAIN)
	}
	j := &aioJob{cb: cb, op: op, list: list}
	if err := j.load(t); err != nil {
		return fail(err)
	}
	start := func() emul.Action {
		if err := aioTell(t, cb, aioKinfoAt, 1); err != nil {
			return fail(abi.EINVAL)
		}
		if j.op == abi.LIO_NOP {
			return then(nil)
		}
		if err := j.register(p); err != nil {
			return fail(err)
		}
		aioTell(t, cb, aioErrorAt, int64(abi.EINPROGRESS))
		p.aio.jobs = append(p.aio.jobs, j)
		if list != nil {
			list.left++
		}
		return j.run().Then(func(r emul.Ret) emul.Action {
			p.aioDone(j, r)
			return then(nil)
		})
	}
	if j.op == abi.LIO_MLOCK {
		return start()
	}
	fd := uint64(j.a.Fildes)
	return emul.Batch(
		emul.NewCall(unix.SYS_FCNTL, fd, unix.F_GETFL),
		emul.NewCall(unix.SYS_FSTAT, fd, uint64(st)),
	).ThenAll(func(rets []emul.Ret) emul.Action {
		if rets[0].Err() != nil || rets[1].Err() != nil {
			return fail(abi.EBADF)
		}
		s, err := st.Load(t)
		if err == nil {
			err = j.check(uint64(rets[0].Val), s.Mode&unix.S_IFMT)
		}
		if err != nil {
			return fail(err)
		}
		return start()
	})
}

// load reads the guest's aiocb and looks whether it makes sense by itself.
func (j *aioJob) load(t *emul.Task) (err error) {
	if j.a, err = guest.Ptr[abi.Aiocb](j.cb).Load(t); err != nil {
		return err
	}
	if j.vectored() && j.a.Nbytes > uioMaxIOV || !j.vectored() && j.a.Nbytes > math.MaxInt64 {
		return abi.EINVAL
	}
	if err := checkEvent(&j.a.Sigevent); err != nil {
		return err
	}
	if host.Scratch(j.a.Buf) {
		return abi.EFAULT // nothing of ours is for guests
	}
	if j.vectored() {
		iov, err := guest.Ptr[unix.Iovec](j.a.Buf).LoadN(t, int(j.a.Nbytes))
		if err != nil {
			return err
		}
		var sum uint64
		for _, v := range iov {
			if sum += v.Len; v.Len > math.MaxInt64 || sum > math.MaxInt64 {
				return abi.EINVAL
			}
		}
	}
	if j.list != nil {
		if j.op = j.a.Opcode; j.op < abi.LIO_NOP || j.op > abi.LIO_READ {
			return abi.EINVAL
		}
	}
	return nil
}

func (j *aioJob) vectored() bool { return j.op == abi.LIO_READV || j.op == abi.LIO_WRITEV }

// checkEvent says whether a sigevent is one that aio knows.
func checkEvent(ev *abi.Sigevent) error {
	switch ev.Notify {
	case abi.SIGEV_NONE, abi.SIGEV_KEVENT:
		return nil
	case abi.SIGEV_SIGNAL, abi.SIGEV_THREAD_ID:
		if abi.Signal(ev.Signo).Valid() {
			return nil
		}
	}
	return abi.EINVAL
}

// check says whether the descriptor, with Linux's status flags and file type,
// will do.
func (j *aioJob) check(flags uint64, kind uint32) error {
	read, write := j.op == abi.LIO_READ || j.op == abi.LIO_READV, j.op == abi.LIO_WRITE || j.op == abi.LIO_WRITEV
	acc := flags & unix.O_ACCMODE
	if flags&unix.O_PATH != 0 || read && acc == unix.O_WRONLY || write && acc == unix.O_RDONLY {
		return abi.EBADF
	}
	vnode := kind == unix.S_IFREG || kind == unix.S_IFDIR || kind == unix.S_IFBLK || kind == unix.S_IFCHR
	switch {
	case !read && !write && j.op != abi.LIO_NOP && !vnode, // LIO_SYNC
		(read || write) && j.a.Offset < 0 && kind != unix.S_IFCHR:
		return abi.EINVAL
	case j.op != abi.LIO_NOP && (!vnode || kind == unix.S_IFCHR):
		return abi.EOPNOTSUPP
	}
	return nil
}

// register adds the knote of SIGEV_KEVENT.
func (j *aioJob) register(p *process) (err error) {
	ev := &j.a.Sigevent
	if ev.Notify != abi.SIGEV_KEVENT {
		return nil
	}
	flags := uint16(ev.ThreadID)
	if flags&^(abi.EV_CLEAR|abi.EV_DISPATCH|abi.EV_ONESHOT) != 0 {
		return abi.EINVAL
	}
	j.note, err = p.aioNote(ev, abi.Kevent{Ident: j.cb, Filter: abi.EVFILT_AIO, Flags: flags | abi.EV_EOF})
	return err
}

// aioNote adds a knote that is to become active later (filt_aio, filt_lio).
func (p *process) aioNote(ev *abi.Sigevent, kev abi.Kevent) (*knote, error) {
	kq := p.kq.byFD[ev.Signo]
	if kq == nil {
		return nil, abi.EBADF
	}
	kev.Udata = ev.Value
	return kq.add(&kev, &aioFilter{})
}

// aioFilter is EVFILT_AIO and EVFILT_LIO.
type aioFilter struct{ done bool }

func (f *aioFilter) attach(*knote) error { return nil }
func (f *aioFilter) detach(*knote)       {}
func (f *aioFilter) ready(*knote) bool   { return f.done }

// fire reports the end.
func (f *aioFilter) fire(kn *knote, data int64) {
	if !kn.dropped {
		f.done, kn.ev.Data = true, data
		kn.activate()
	}
}

// run is the host call that does the work.
func (j *aioJob) run() emul.Action {
	fd, at, n, off := uint64(j.a.Fildes), j.a.Buf, j.a.Nbytes, uint64(j.a.Offset)
	var call emul.Action
	switch j.op {
	case abi.LIO_READ:
		call = emul.Host(unix.SYS_PREAD64, fd, at, n, off)
	case abi.LIO_WRITE:
		call = emul.Host(unix.SYS_PWRITE64, fd, at, n, off)
	case abi.LIO_READV:
		call = emul.Host(unix.SYS_PREADV, fd, at, n, off)
	case abi.LIO_WRITEV:
		call = emul.Host(unix.SYS_PWRITEV, fd, at, n, off)
	case abi.LIO_SYNC:
		call = emul.Host(unix.SYS_FSYNC, fd)
	case abi.LIO_DSYNC:
		call = emul.Host(unix.SYS_FDATASYNC, fd)
	default: // LIO_MLOCK
		call = emul.Host(unix.SYS_MLOCK, at, n)
	}
	return call.Atomic()
}

// aioDone is aio_complete and aio_bio_done_notify.
func (p *process) aioDone(j *aioJob, r emul.Ret) {
	j.finished, j.status = true, r.Val
	if err := r.Err(); err != nil {
		j.status, j.err = -1, xlat.ErrnoOf(err)
	}
	p.aio.done = append(p.aio.done, j)
	p.aioTold(&j.a.Sigevent)
	if j.note != nil {
		j.note.f.(*aioFilter).fire(j.note, int64(j.err))
	}
	for _, w := range p.aio.waiting {
		if w.ready() {
			w.t.Wake()
		}
	}
}

// aioTold sends the signal that a sigevent asks for, if it does (aio_sendsig).
func (p *process) aioTold(ev *abi.Sigevent) {
	if ev.Notify == abi.SIGEV_SIGNAL || ev.Notify == abi.SIGEV_THREAD_ID {
		p.postEvent(ev, softSignal(abi.Signal(ev.Signo), abi.SI_ASYNCIO, nil, ev.Value))
	}
}

// aioFree forgets a job whose result the guest has (aio_free_entry).
func (p *process) aioFree(t *emul.Task, j *aioJob) {
	is := func(o *aioJob) bool { return o == j }
	p.aio.jobs = slices.DeleteFunc(p.aio.jobs, is)
	p.aio.done = slices.DeleteFunc(p.aio.done, is)
	if j.note != nil {
		j.note.kq.drop(j.note)
	}
	if l := j.list; l != nil {
		if l.left--; l.left == 0 && l.note != nil {
			l.note.kq.drop(l.note)
		}
	}
	aioTell(t, j.cb, aioErrorAt, int64(j.err))
	aioTell(t, j.cb, aioStatusAt, j.status)
}

// result is what aio_return answers.
func (j *aioJob) result() emul.Action {
	if j.err != 0 {
		return emul.Fail(j.err)
	}
	return emul.Return(uint64(j.status))
}

func aioReturn(t *emul.Task, cb Addr) emul.Action {
	p := procOf(t)
	for _, j := range p.aio.done {
		if j.cb == uint64(cb) {
			p.aioFree(t, j)
			return j.result()
		}
	}
	return emul.Fail(abi.EINVAL)
}

// aioError answers with an error number as its result.
func aioError(t *emul.Task, cb Addr) emul.Action {
	p := procOf(t)
	if !p.aio.used {
		return emul.Return(uint64(abi.EINVAL))
	}
	for _, j := range p.aio.jobs {
		switch {
		case j.cb != uint64(cb):
		case j.finished:
			return emul.Return(uint64(j.err))
		default:
			return emul.Return(uint64(abi.EINPROGRESS))
		}
	}
	// One that never was a job: the call that asked for it left the reason.
	a, err := guest.Ptr[abi.Aiocb](cb).Load(t)
	if err == nil && a.Status == -1 {
		return emul.Return(uint64(a.Error))
	}
	return emul.Return(uint64(abi.EINVAL))
}

// aioTimeout reads an optional time to wait, -1 for none.
func aioTimeout(t *emul.Task, at guest.Ptr[unix.Timespec]) (time.Duration, error) {
	if at == 0 {
		return -1, nil
	}
	return loadTimeout(t, at)
}

// aioWait waits until something is ready, and goes on with then. Time that is
// over is EAGAIN.
func aioWait(t *emul.Task, d time.Duration, ready func() bool, then func() emul.Action) emul.Action {
	p, deadline := procOf(t), time.Now().Add(d)
	var wait func() emul.Action
	wait = func() emul.Action {
		if ready() {
			return then()
		}
		left := d
		if d >= 0 {
			if left = time.Until(deadline); left <= 0 {
				return emul.Fail(abi.EAGAIN)
			}
		}
		p.aio.waiting = append(p.aio.waiting, aioWaiter{t, ready})
		return emul.Sleep(t, left).NoRestart().Then(func(r emul.Ret) emul.Action {
			p.aio.waiting = slices.DeleteFunc(p.aio.waiting, func(o aioWaiter) bool { return o.t == t })
			if r.Interrupted {
				return emul.Fail(abi.EINTR)
			}
			return wait()
		})
	}
	return wait()
}

func aioSuspend(t *emul.Task, list guest.Ptr[uint64], n Int, timeout guest.Ptr[unix.Timespec]) emul.Action {
	if n < 0 || n > aioQueueMax {
		return emul.Fail(abi.EINVAL)
	}
	d, err := aioTimeout(t, timeout)
	if err == abi.EINVAL {
		// A bad time is found after a bad list.
		if _, e := list.LoadN(t, int(n)); e != nil {
			err = e
		}
	}
	if err != nil {
		return emul.Fail(err)
	}
	cbs, err := list.LoadN(t, int(n))
	if err != nil {
		return emul.Fail(err)
	}
	p := procOf(t)
	if !p.aio.used {
		return emul.Fail(abi.EAGAIN)
	}
	return aioWait(t, d, func() bool {
		some := false
		for _, j := range p.aio.jobs {
			if slices.Contains(cbs, j.cb) {
				if j.finished {
					return true
				}
				some = true
			}
		}
		return !some
	}, func() emul.Action { return emul.Return(0) })
}

// aioWaitcomplete waits for any job.
func aioWaitcomplete(t *emul.Task, out guest.Ptr[uint64], timeout guest.Ptr[unix.Timespec]) emul.Action {
	d, err := aioTimeout(t, timeout)
	if err != nil && err != abi.EINVAL {
		return emul.Fail(err)
	}
	out.Store(t, 0)
	if err != nil {
		return emul.Fail(err)
	}
	p := procOf(t)
	p.aio.used = true
	return aioWait(t, d, func() bool { return len(p.aio.done) > 0 }, func() emul.Action {
		j := p.aio.done[0]
		p.aioFree(t, j)
		out.Store(t, j.cb)
		return j.result()
	})
}

// aioCancel finds nothing to cancel: a job is under way in some thread, or done.
func aioCancel(t *emul.Task, fd FD, cb Addr) emul.Action {
	return emul.Host(unix.SYS_FCNTL, uint64(fd), unix.F_GETFD).Then(func(r emul.Ret) emul.Action {
		if r.Err() != nil {
			return emul.Finish(r)
		}
		for _, j := range procOf(t).aio.jobs {
			if !j.finished && j.a.Fildes == int32(fd) && (cb == 0 || j.cb == uint64(cb)) {
				return emul.Return(abi.AIO_NOTCANCELED)
			}
		}
		return emul.Return(abi.AIO_ALLDONE)
	})
}

// lioListio is kern_lio_listio.
func lioListio(t *emul.Task, mode Int, list guest.Ptr[uint64], n Int, evp guest.Ptr[abi.Sigevent]) emul.Action {
	if mode != abi.LIO_NOWAIT && mode != abi.LIO_WAIT || n < 0 || n > aioQueueMax {
		return emul.Fail(abi.EINVAL)
	}
	l := &aioList{}
	var err error
	if evp != 0 && mode == abi.LIO_NOWAIT {
		if l.ev, err = evp.Load(t); err != nil {
			return emul.Fail(err)
		}
	}
	cbs, err := list.LoadN(t, int(n))
	if err != nil {
		return emul.Fail(err)
	}
	p := procOf(t)
	p.aio.used = true
	if err := checkEvent(&l.ev); err != nil {
		return emul.Fail(err)
	}
	if l.ev.Notify == abi.SIGEV_KEVENT {
		if l.note, err = p.aioNote(&l.ev, abi.Kevent{Ident: uint64(list), Filter: abi.EVFILT_LIO}); err != nil {
			return emul.Fail(err)
		}
	}
	st := emul.Alloc[unix.Stat_t](t)
	var failed error
	var next func(error) emul.Action
	next = func(err error) emul.Action {
		if err == abi.EAGAIN && failed == nil {
			failed = abi.EAGAIN
		} else if err != nil && err != abi.EAGAIN {
			failed = abi.EIO
		}
		for len(cbs) > 0 {
			cb := cbs[0]
			cbs = cbs[1:]
			if cb != 0 {
				return aioQueue(t, st, cb, abi.LIO_NOP, l, next)
			}
		}
		p.aioTold(&l.ev)
		if l.note != nil {
			l.note.f.(*aioFilter).fire(l.note, 0)
			if l.left == 0 {
				l.note.kq.drop(l.note)
			}
		}
		return emul.Fail(failed)
	}
	return next(nil)
}

// Command aio tries asynchronous I/O and prints what FreeBSD answers. Where a
// job may or may not be done on FreeBSD, it waits first.
package main

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

type sigevent struct {
	Notify, Signo int32
	Value         uint64
	Thread        int32
	_             [60]byte
}

type aiocb struct {
	Fd            int32
	Offset        int64
	Buf           uintptr
	N             uint64
	_             [2]int32
	_             uintptr
	Op, Prio      int32
	Status, Error int64
	Info          uintptr
	Ev            sigevent
}

type siginfo struct {
	Signo, Errno, Code, Pid int32
	UID                     uint32
	Status                  int32
	Addr, Value             uint64
	_                       [40]byte
}

type kevent struct {
	Ident         uint64
	Filter, Flags uint16
	Fflags        uint32
	Data          int64
	Udata         uint64
	_             [4]uint64
}

type timespec struct{ Sec, Nsec int64 }

const (
	sysRead, sysWrite, sysList           = 255, 256, 257
	sysReturn, sysSuspend, sysCancel     = 314, 315, 316
	sysError, sysWait, sysFsync          = 317, 359, 465
	sysMlock, sysWritev, sysReadv        = 543, 578, 579
	none, bySignal, byKevent, byThread   = 0, 1, 3, 4
	opNop, opWrite, opRead               = 0, 1, 2
	nowait, wait                         = 0, 1
	evOneshot, evClear, evEnable, evAdds = 0x10, 0x20, 4, 1
)

func call(nr uintptr, a ...uintptr) (int, syscall.Errno) {
	var b [6]uintptr
	copy(b[:], a)
	r, _, e := syscall.Syscall6(nr, b[0], b[1], b[2], b[3], b[4], b[5])
	return int(r), e
}

func name(e syscall.Errno) string {
	if e == 0 {
		return "ok"
	}
	return e.Error()
}

// keep holds what the kernel has addresses of.
var keep []any

func cb(fd int, off int64, b []byte) *aiocb {
	c := &aiocb{Fd: int32(fd), Offset: off, N: uint64(len(b)), Buf: uintptr(unsafe.Pointer(unsafe.SliceData(b)))}
	keep = append(keep, c, b)
	return c
}

func at(c *aiocb) uintptr { return uintptr(unsafe.Pointer(c)) }

func suspend(c ...*aiocb) string {
	_, e := call(sysSuspend, uintptr(unsafe.Pointer(unsafe.SliceData(c))), uintptr(len(c)), 0)
	return name(e)
}

// finish waits for a job and tells its end.
func finish(c *aiocb) string {
	s := suspend(c)
	err, e := call(sysError, at(c))
	n, e2 := call(sysReturn, at(c))
	return fmt.Sprintf("%s, error %d %s, return %d %s", s, err, name(e), n, name(e2))
}

// do asks for a job and tells how that went.
func do(nr uintptr, c *aiocb) string {
	_, e := call(nr, at(c))
	if e != 0 {
		err, _ := call(sysError, at(c))
		_, e2 := call(sysReturn, at(c))
		return fmt.Sprintf("%s, error %d, return %s", name(e), err, name(e2))
	}
	return finish(c)
}

func main() {
	runtime.LockOSThread()
	dir, err := os.MkdirTemp("", "aio")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	f, err := os.OpenFile(dir+"/file", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		fmt.Println(err)
		return
	}
	fd := int(f.Fd())
	before(fd)
	files(fd, dir)
	events(fd)
	lists(fd)
}

// before there is any job.
func before(fd int) {
	c := cb(fd, 0, make([]byte, 4))
	r, e := call(sysError, at(c))
	fmt.Println("error:", r, name(e))
	_, e = call(sysReturn, at(c))
	fmt.Println("return:", name(e))
	fmt.Println("suspend:", suspend(c))
	r, e = call(sysCancel, uintptr(fd), 0)
	_, e2 := call(sysCancel, 999, 0)
	fmt.Println("cancel:", r, name(e), name(e2))
	for _, ts := range []timespec{{0, 0}, {0, -1}, {0, 20e6}} {
		p := uintptr(1)
		_, e = call(sysWait, uintptr(unsafe.Pointer(&p)), uintptr(unsafe.Pointer(&ts)))
		fmt.Println("waitcomplete:", p, name(e))
	}
	r, e = call(sysError, at(c))
	fmt.Println("error:", r, name(e))
}

func files(fd int, dir string) {
	fmt.Println("write:", do(sysWrite, cb(fd, 0, []byte("hello, world"))))
	b := make([]byte, 5)
	fmt.Println("read:", do(sysRead, cb(fd, 7, b)), string(b))
	fmt.Println("at the end:", do(sysRead, cb(fd, 100, b)))
	fmt.Println("before the start:", do(sysRead, cb(fd, -1, b)))
	fmt.Println("no file:", do(sysRead, cb(999, 0, b)))
	c := cb(fd, 0, b)
	c.Buf = 1
	fmt.Println("bad buffer:", do(sysRead, c))
	c = cb(fd, 0, b)
	c.N = 1 << 63
	fmt.Println("too much:", do(sysRead, c))
	_, e := call(sysRead, 1)
	fmt.Println("bad address:", name(e))
	for _, ev := range []sigevent{{Notify: 2}, {Notify: 9}, {Notify: bySignal}, {Notify: byThread, Signo: 129}, {Notify: byKevent, Signo: int32(fd)}} {
		c = cb(fd, 0, b)
		c.Ev = ev
		fmt.Println("notify", ev.Notify, do(sysRead, c))
	}
	r, _ := os.Open(dir + "/file")
	fmt.Println("write to a file open for reading:", do(sysWrite, cb(int(r.Fd()), 0, b)))
	d, _ := os.Open(dir)
	fmt.Println("sync:", doSync(fd, syscall.O_SYNC), doSync(fd, 0x1000000), doSync(fd, 5), doSync(999, syscall.O_SYNC), doSync(int(d.Fd()), syscall.O_SYNC))
	var p [2]int
	syscall.Pipe2(p[:], 0)
	fmt.Println("pipe:", do(sysWrite, cb(p[1], 0, b)), doSync(p[1], syscall.O_SYNC))
	iov := []syscall.Iovec{{Base: &b[0], Len: 2}, {Base: &b[2], Len: 3}}
	keep = append(keep, iov)
	v := func() *aiocb {
		c := cb(fd, 0, nil)
		c.Buf, c.N = uintptr(unsafe.Pointer(&iov[0])), 2
		return c
	}
	copy(b, "HELLO")
	fmt.Println("writev:", do(sysWritev, v()))
	clear(b)
	fmt.Println("readv:", do(sysReadv, v()), string(b))
	c = v()
	c.N = 1025
	fmt.Println("too many:", do(sysReadv, c))
	m := make([]byte, 4096)
	fmt.Println("mlock:", do(sysMlock, cb(-1, 0, m)))
	n, e := call(sysCancel, uintptr(fd), 0)
	fmt.Println("cancel:", n, name(e))
}

func doSync(fd int, op uintptr) string {
	c := cb(fd, 0, nil)
	if _, e := call(sysFsync, op, at(c)); e != 0 {
		return name(e)
	}
	return finish(c)
}

func events(fd int) {
	const sig = 70
	m := [4]uint32{2: 1 << (sig - 1 - 64)}
	call(340, 1, uintptr(unsafe.Pointer(&m)), 0)
	var tid int64
	call(432, uintptr(unsafe.Pointer(&tid)))
	c := cb(fd, 0, []byte("signal"))
	c.Ev = sigevent{Notify: byThread, Signo: sig, Value: 0x1234, Thread: int32(tid)}
	_, e := call(sysWrite, at(c))
	var si siginfo
	_, e2 := call(346, uintptr(unsafe.Pointer(&m)), uintptr(unsafe.Pointer(&si)))
	fmt.Printf("signal: %s %d %#x %#x %s; %s\n", name(e), si.Signo, si.Code, si.Value, name(e2), finish(c))

	kq, _ := call(362)
	next := func(ident uintptr) string {
		var ev kevent
		n, e := call(560, uintptr(kq), 0, 0, uintptr(unsafe.Pointer(&ev)), 1)
		return fmt.Sprintf("%d %v filter %d flags %#x data %d udata %d %s", n, ev.Ident == uint64(ident), int16(ev.Filter), ev.Flags, ev.Data, ev.Udata, name(e))
	}
	none := func() string {
		var ev kevent
		ts := timespec{}
		n, e := call(560, uintptr(kq), 0, 0, uintptr(unsafe.Pointer(&ev)), 1, uintptr(unsafe.Pointer(&ts)))
		return fmt.Sprint(n, " ", name(e))
	}
	ev := kevent{Ident: uint64(at(c)), Filter: 0xfffd, Flags: evAdds}
	_, e = call(560, uintptr(kq), uintptr(unsafe.Pointer(&ev)), 1)
	fmt.Println("from outside:", name(e))
	for _, flags := range []int32{0, evOneshot, evClear, 4} {
		b := make([]byte, 3)
		c := cb(fd, 0, b)
		c.Ev = sigevent{Notify: byKevent, Signo: int32(kq), Value: 77, Thread: flags}
		if _, e := call(sysRead, at(c)); e != 0 {
			fmt.Println("flags", flags, name(e))
			continue
		}
		fmt.Println("kevent:", next(at(c)))
		fmt.Println(finish(c), string(b), none())
	}
	c = cb(fd, 0, make([]byte, 3))
	c.Buf, c.Ev = 1, sigevent{Notify: byKevent, Signo: int32(kq)}
	call(sysRead, at(c))
	fmt.Println("kevent of a failure:", next(at(c)), finish(c))

	lc := cb(fd, 0, []byte("x"))
	lc.Op = opWrite
	list := []*aiocb{lc}
	lev := sigevent{Notify: byKevent, Signo: int32(kq), Value: 5}
	_, e = call(sysList, nowait, uintptr(unsafe.Pointer(&list[0])), 1, uintptr(unsafe.Pointer(&lev)))
	fmt.Println("list:", name(e), next(uintptr(unsafe.Pointer(&list[0]))))
	fmt.Println(finish(lc), none())
}

func lists(fd int) {
	job := func(op int32, off int64, s string) *aiocb {
		c := cb(fd, off, []byte(s))
		c.Op = op
		return c
	}
	run := func(mode uintptr, list []*aiocb, n int, ev *sigevent) string {
		keep = append(keep, list)
		_, e := call(sysList, mode, uintptr(unsafe.Pointer(unsafe.SliceData(list))), uintptr(n), uintptr(unsafe.Pointer(ev)))
		return name(e)
	}
	fmt.Println("mistakes:", run(2, nil, 0, nil), run(wait, nil, -1, nil), run(wait, nil, 257, nil), run(wait, nil, 1, nil), run(wait, nil, 0, nil),
		run(nowait, nil, 0, &sigevent{Notify: 9}), run(nowait, nil, 0, &sigevent{Notify: bySignal, Signo: -1}))
	l := []*aiocb{job(opWrite, 0, "one"), nil, job(opWrite, 3, "two"), job(opNop, 0, ""), job(opRead, 0, "...")}
	fmt.Println("wait:", run(wait, l, len(l), nil))
	for _, i := range []int{4, 0, 2} {
		fmt.Println(finish(l[i]))
	}
	r, e := call(sysError, at(l[3]))
	fmt.Println("nothing:", r, name(e))
	l = []*aiocb{job(7, 0, "x"), job(opWrite, -1, "x"), job(opRead, 0, "......")}
	fmt.Println("some fail:", run(wait, l, len(l), nil))
	for _, c := range l {
		fmt.Println(finish(c))
	}
	// Whoever waits for any job gets them in the order of their ends.
	a, b := job(opRead, 0, "......"), job(opRead, 2, "....")
	call(sysRead, at(a))
	suspend(a)
	call(sysRead, at(b))
	for _, c := range []*aiocb{a, b} {
		p := uintptr(1)
		n, e := call(sysWait, uintptr(unsafe.Pointer(&p)), 0)
		fmt.Println("waitcomplete:", p == at(c), n, name(e), c.Status, c.Error)
	}
	var many []*aiocb
	for range 256 {
		c := job(opRead, 0, "...")
		if _, e := call(sysRead, at(c)); e != 0 {
			fmt.Println("too early:", name(e))
		}
		many = append(many, c)
	}
	c := job(opRead, 0, "...")
	fmt.Println("one too many:", do(sysRead, c))
	for _, c := range many {
		suspend(c)
		if n, e := call(sysReturn, at(c)); n != 3 || e != 0 {
			fmt.Println(n, name(e))
		}
	}
}

// Command procdesc tries process descriptors and prints what FreeBSD answers.
// Children do no more than a few system calls: they are made without Go's
// knowledge.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"unsafe"
)

const (
	daemon, cloexec                      = 1, 2
	sysPdfork, sysPdkill, sysPdgetpid    = 518, 519, 520
	sysWait6, sysKqueue, sysKevent       = 532, 362, 560
	evfiltProc, evfiltProcdesc           = 0xfffb, 0xfff8
	noteExit                             = 0x80000000
	evAdd, evDelete, evOneshot, evReceip = 1, 2, 0x10, 0x40
)

//go:nosplit
//go:noinline
func raw(nr, a, b, c uintptr) (uintptr, syscall.Errno) {
	r, _, e := syscall.RawSyscall6(nr, a, b, c, 0, 0, 0)
	return r, e
}

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

// pdfork makes a child that reads from r once and exits with that byte, or 9
// at the end of the file.
//
//go:nosplit
func pdfork(fd *int32, flags uintptr, r, w int) (uintptr, syscall.Errno) {
	pid, e := raw(sysPdfork, uintptr(unsafe.Pointer(fd)), flags, 0)
	if e != 0 || pid != 0 {
		return pid, e
	}
	raw(syscall.SYS_CLOSE, uintptr(w), 0, 0)
	code := [1]byte{9}
	raw(syscall.SYS_READ, uintptr(r), uintptr(unsafe.Pointer(&code)), 1)
	raw(syscall.SYS_EXIT, uintptr(code[0]), 0, 0)
	return 0, 0
}

type child struct {
	fd, pid int
	w       int // writing lets it exit with that byte
}

func fork(flags uintptr) child {
	var p [2]int
	if err := syscall.Pipe2(p[:], syscall.O_CLOEXEC); err != nil {
		fmt.Println(err)
	}
	fd := int32(-1)
	runtime.LockOSThread()
	pid, e := pdfork(&fd, flags, p[0], p[1])
	runtime.UnlockOSThread()
	if e != 0 {
		fmt.Println("pdfork:", e)
	}
	syscall.Close(p[0])
	return child{int(fd), int(pid), p[1]}
}

func (c child) end(code byte) { syscall.Write(c.w, []byte{code}); syscall.Close(c.w) }

func wait(pid int, options int) string {
	var st syscall.WaitStatus
	got, err := syscall.Wait4(pid, &st, options, nil)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%v %#x", got == pid, uint32(st))
}

type kevent struct {
	Ident      uint64
	Filter     uint16
	Flags      uint16
	Fflags     uint32
	Data       int64
	Udata      uint64
	_, _, _, _ uint64
}

func main() {
	chld := make(chan os.Signal, 16)
	signal.Notify(chld, syscall.SIGCHLD)
	var fd int32
	_, e := call(sysPdfork, uintptr(unsafe.Pointer(&fd)), 4)
	fmt.Println("unknown flag:", name(e))
	_, e1 := call(sysPdgetpid, 0, 0)
	_, e2 := call(sysPdkill, 0, 0)
	_, e3 := call(sysPdkill, 0, 200)
	_, e4 := call(sysPdkill, 999, 0)
	fmt.Println("no process:", name(e1), name(e2), name(e3), name(e4))

	c := fork(0)
	fl, _ := call(syscall.SYS_FCNTL, uintptr(c.fd), syscall.F_GETFD)
	var pid int32
	_, e = call(sysPdgetpid, uintptr(c.fd), uintptr(unsafe.Pointer(&pid)))
	fmt.Println("pdfork:", c.pid > 1, fl, "pdgetpid:", int(pid) == c.pid, name(e))
	_, e = call(sysPdgetpid, uintptr(c.fd), 1)
	fmt.Println("pdgetpid to a bad address:", name(e))
	_, e = call(sysPdkill, uintptr(c.fd), 0)
	fmt.Println("pdkill:", name(e))
	fmt.Println("wait for any:", wait(-1, syscall.WNOHANG))
	fmt.Println("wait for it:", wait(c.pid, syscall.WNOHANG) == "false 0x0")

	kq, _ := call(sysKqueue)
	add := func(c child, filter uint16) string {
		ev := kevent{Ident: uint64(c.fd), Filter: filter, Flags: evAdd, Fflags: noteExit, Udata: 7}
		_, e := call(sysKevent, uintptr(kq), uintptr(unsafe.Pointer(&ev)), 1)
		return name(e)
	}
	next := func() string {
		var ev kevent
		n, e := call(sysKevent, uintptr(kq), 0, 0, uintptr(unsafe.Pointer(&ev)), 1)
		return fmt.Sprintf("%d %#x flags %#x fflags %#x data %#x udata %d %s", n, ev.Filter, ev.Flags, ev.Fflags, ev.Data, ev.Udata, name(e))
	}
	bad := child{fd: kq}
	fmt.Println("kevent:", add(bad, evfiltProcdesc), add(child{fd: 999}, evfiltProcdesc), add(c, evfiltProcdesc))
	c.end(3)
	fmt.Println(next())
	_, e = call(sysPdkill, uintptr(c.fd), uintptr(syscall.SIGTERM))
	fmt.Println("pdkill a zombie:", name(e))
	fmt.Println("kevent for a zombie:", add(c, evfiltProcdesc), next())
	fmt.Println("wait for any:", wait(-1, syscall.WNOHANG))
	fmt.Println("wait:", wait(c.pid, 0), wait(c.pid, 0))
	_, e = call(sysPdkill, uintptr(c.fd), uintptr(syscall.SIGTERM))
	_, e2 = call(sysPdgetpid, uintptr(c.fd), uintptr(unsafe.Pointer(&pid)))
	fmt.Println("gone:", name(e), name(e2), int(pid) == c.pid)

	c = fork(cloexec)
	fl, _ = call(syscall.SYS_FCNTL, uintptr(c.fd), syscall.F_GETFD)
	fmt.Println("close on exec:", fl)
	for _, sig := range []int{65, 126} { // neither kills who ignores them; here they do
		_, e = call(sysPdkill, uintptr(c.fd), uintptr(sig))
		fmt.Println("pdkill:", name(e), wait(c.pid, 0) != "")
		c = fork(daemon)
	}

	// The last descriptor of a child that is no daemon kills it.
	d, _ := syscall.Dup(c.fd)
	syscall.Close(c.fd)
	syscall.Close(d)
	c.end(4)
	fmt.Println("daemon lives:", wait(c.pid, 0))
	c = fork(0)
	d, _ = syscall.Dup(c.fd)
	syscall.Close(c.fd)
	_, e = call(sysPdkill, uintptr(d), 0)
	fmt.Println("one descriptor left:", name(e))
	ev := kevent{Ident: uint64(c.pid), Filter: evfiltProc, Flags: evAdd, Fflags: noteExit}
	call(sysKevent, uintptr(kq), uintptr(unsafe.Pointer(&ev)), 1)
	syscall.Close(d)
	fmt.Println("none left:", next())
	select {
	case <-chld:
		fmt.Println("SIGCHLD")
	default:
		fmt.Println("no SIGCHLD")
	}
}

// Command mqueue tries POSIX message queues and prints what FreeBSD answers.
// With an argument it is another process that sends.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

type attr struct {
	Flags, Maxmsg, Msgsize, Curmsgs int64
	_                               [4]int64
}

type sigevent struct {
	Notify, Signo int32
	Value         uint64
	Thread        int32
	_             [60]byte
}

type siginfo struct {
	Signo, Errno, Code, Pid int32
	UID                     uint32
	Status                  int32
	Addr, Value             uint64
	Mqd                     int32
	_                       [36]byte
}

type timespec struct{ Sec, Nsec int64 }

const (
	rdonly, wronly, rdwr, nonblock = 0, 1, 2, 4
	creat, excl                    = 0x200, 0x800

	sysOpen, sysSetattr, sysReceive, sysSend, sysNotify, sysUnlink = 457, 458, 459, 460, 461, 462
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

var keep []*byte

func ptr(s string) uintptr {
	p, _ := syscall.BytePtrFromString(s)
	keep = append(keep, p)
	return uintptr(unsafe.Pointer(p))
}

func open(s string, flags uintptr, a *attr) (int, syscall.Errno) {
	return call(sysOpen, ptr(s), flags, 0o600, uintptr(unsafe.Pointer(a)))
}

func send(fd int, s string, prio uintptr, ts *timespec) string {
	_, e := call(sysSend, uintptr(fd), ptr(s), uintptr(len(s)), prio, uintptr(unsafe.Pointer(ts)))
	return name(e)
}

func receive(fd, size int, ts *timespec) string {
	b := make([]byte, size)
	prio := uint32(99)
	n, e := call(sysReceive, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(size), uintptr(unsafe.Pointer(&prio)), uintptr(unsafe.Pointer(ts)))
	if e != 0 {
		return name(e)
	}
	return fmt.Sprintf("%q %d", b[:n], prio)
}

func getattr(fd int) string {
	var a attr
	_, e := call(sysSetattr, uintptr(fd), 0, uintptr(unsafe.Pointer(&a)))
	return fmt.Sprint(a.Flags, a.Maxmsg, a.Msgsize, a.Curmsgs, " ", name(e))
}

func main() {
	if len(os.Args) > 1 {
		fd, e := open(os.Args[1], wronly, nil)
		fmt.Println("child opens:", name(e))
		fmt.Println("child sends:", send(fd, "from the child", 3, nil))
		return
	}
	runtime.LockOSThread()
	q := fmt.Sprintf("/lsf-test-%d", os.Getpid())
	for _, s := range []string{"x", "/", "", "/a/b", "/.", "/..", "/" + strings.Repeat("x", 255)} {
		_, e := open(s, rdwr|creat, nil)
		_, e2 := call(sysUnlink, ptr(s))
		fmt.Printf("%.5q: %s, %s\n", s, name(e), name(e2))
	}
	for _, flags := range []uintptr{rdwr, 3, 0x40000} {
		_, e := open(q, flags, nil)
		fmt.Printf("open %#x: %s\n", flags, name(e))
	}
	for _, a := range []attr{{Maxmsg: 0, Msgsize: 10}, {Maxmsg: 10, Msgsize: -1}, {Maxmsg: 1 << 30, Msgsize: 10}} {
		_, e := open(q, rdwr|creat, &a)
		fmt.Println("create", a.Maxmsg, a.Msgsize, name(e))
	}
	fd, e := open(q, rdwr|creat, nil)
	fl, _ := call(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD)
	fmt.Println("create:", name(e), fl, getattr(fd))
	_, e = open(q, rdwr|creat|excl, nil)
	fmt.Println("again:", name(e))
	_, e = call(sysUnlink, ptr(q))
	fmt.Println("unlink:", name(e))
	fd, e = open(q, rdwr|creat|nonblock, &attr{Flags: 7, Maxmsg: 2, Msgsize: 20})
	fmt.Println("create:", name(e), getattr(fd))
	defer call(sysUnlink, ptr(q))
	r, _ := open(q, rdonly, nil)
	w, _ := open(q, wronly, nil)

	fmt.Println("send:", send(r, "x", 1, nil), send(0, "x", 1, nil), send(fd, "x", 64, nil), send(0, "x", 64, nil),
		send(fd, strings.Repeat("x", 21), 1, nil))
	_, e = call(sysSend, uintptr(fd), 1, 1, 1)
	fmt.Println("bad address:", name(e))
	fmt.Println("receive:", receive(w, 20, nil), receive(0, 20, nil), receive(fd, 19, nil), receive(fd, 20, nil))
	fmt.Println("send:", send(w, "low", 1, nil), send(w, "high", 63, nil), send(fd, "more", 1, nil))
	fmt.Println(getattr(fd))
	past, bad := &timespec{1, 0}, &timespec{1, -1}
	fmt.Println("with a time:", send(w, "x", 1, past), send(w, "x", 1, bad))
	fmt.Println("receive:", receive(r, 20, bad), receive(r, 20, past), receive(r, 20, past), receive(r, 20, bad))
	_, e = call(sysReceive, uintptr(r), ptr("x"), 20, 0, 1)
	_, e2 := call(sysReceive, 0, ptr("x"), 20, 0, 1)
	fmt.Println("time at a bad address:", name(e), name(e2))
	var old attr
	set := func(a *attr) string {
		_, e := call(sysSetattr, uintptr(fd), uintptr(unsafe.Pointer(a)), uintptr(unsafe.Pointer(&old)))
		return fmt.Sprint(name(e), " ", old.Flags)
	}
	fmt.Println("setattr:", set(&attr{Flags: 1}), set(&attr{}), getattr(fd), set(&attr{Flags: nonblock}), getattr(fd))

	// Another process sends while this one waits.
	cmd := exec.Command(os.Args[0], q)
	cmd.Stdout = os.Stdout
	if err := cmd.Start(); err != nil {
		fmt.Println(err)
	}
	future := &timespec{time.Now().Unix() + 60, 0}
	s := receive(r, 20, future)
	cmd.Wait()
	fmt.Println("received:", s)

	notify(fd, r, w)
}

func notify(fd, r, w int) {
	set := func(ev *sigevent) string {
		_, e := call(sysNotify, uintptr(fd), uintptr(unsafe.Pointer(ev)))
		return name(e)
	}
	var tid int64
	call(432, uintptr(unsafe.Pointer(&tid)))
	fmt.Println("notify:", set(&sigevent{Notify: 2}), set(&sigevent{Notify: 1}), set(&sigevent{Notify: 4, Signo: 200}), set(nil))
	for _, sig := range []int{65, 33, 126} {
		m := [4]uint32{}
		m[(sig-1)/32] = 1 << ((sig - 1) % 32)
		call(340, 1, uintptr(unsafe.Pointer(&m)), 0)
		ev := &sigevent{Notify: 4, Signo: int32(sig), Value: 0xabcdef012345, Thread: int32(tid)}
		await := func() {
			var si siginfo
			zero := &timespec{60, 0}
			_, e := call(345, uintptr(unsafe.Pointer(&m)), uintptr(unsafe.Pointer(&si)), uintptr(unsafe.Pointer(zero)))
			fmt.Println("signal:", int(si.Signo) == sig, si.Code == 0x10005, int(si.Mqd) == fd, si.Value == ev.Value, name(e))
		}
		fmt.Println("notify:", set(ev), set(ev))
		fmt.Println("send:", send(w, "tell", 1, nil))
		await()
		fmt.Println("while there is one:", set(ev))
		await()
		fmt.Println("once:", set(nil), receive(r, 20, nil))
	}
	fmt.Println("nothing:", set(&sigevent{}), set(&sigevent{}), send(w, "x", 1, nil), set(nil))
	_, e := call(sysNotify, 0, 0)
	fmt.Println("no queue:", name(e))
}

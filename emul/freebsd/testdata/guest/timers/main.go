// Command timers tries POSIX timers and prints what FreeBSD answers. With an
// argument it tells whether it has any, as a new program.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
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

type timespec struct{ Sec, Nsec int64 }
type itimerspec struct{ Interval, Value timespec }

type siginfo struct {
	Signo, Errno, Code, Pid int32
	UID                     uint32
	Status                  int32
	Addr, Value             uint64
	Timer, Overrun          int32
	_                       [32]byte
}

const (
	realtime, monotonic      = 0, 4
	none, bySignal, byThread = 0, 1, 4
	kevent                   = 3
	rtmin                    = 65
	siTimer                  = 0x10003
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

func create(clock int, ev *sigevent) (int, syscall.Errno) {
	var id int32 = -1
	_, e := call(235, uintptr(clock), uintptr(unsafe.Pointer(ev)), uintptr(unsafe.Pointer(&id)))
	return int(id), e
}

func settime(id, flags int, v itimerspec, old *itimerspec) string {
	_, e := call(237, uintptr(id), uintptr(flags), uintptr(unsafe.Pointer(&v)), uintptr(unsafe.Pointer(old)))
	return name(e)
}

func gettime(id int) (v itimerspec, e syscall.Errno) {
	_, e = call(238, uintptr(id), uintptr(unsafe.Pointer(&v)))
	return v, e
}

func getoverrun(id int) (int, syscall.Errno) { return call(239, uintptr(id)) }

func remove(id int) string {
	_, e := call(236, uintptr(id))
	return name(e)
}

func sigbit(sig int) (m [4]uint32) {
	m[(sig-1)/32] = 1 << ((sig - 1) % 32)
	return m
}

func block(sig int) {
	m := sigbit(sig)
	call(340, 1, uintptr(unsafe.Pointer(&m)), 0)
}

func await(sig int) (si siginfo, e syscall.Errno) {
	m := sigbit(sig)
	_, e = call(346, uintptr(unsafe.Pointer(&m)), uintptr(unsafe.Pointer(&si)))
	return si, e
}

func main() {
	if len(os.Args) > 1 {
		_, e := gettime(3)
		fmt.Println("timer in a", os.Args[1]+":", name(e))
		return
	}
	runtime.LockOSThread()
	mistakes()
	thread(rtmin)
	thread(33)        // SIGLIBRT, which libc uses
	thread(126)       // the last one
	thread(rtmin + 9) // another
	process()
	absolute()
	inherited()
}

func mistakes() {
	for _, c := range []int{-1, 1, 2, 3, 5, 14, 15, 99} {
		_, e := create(c, nil)
		fmt.Printf("clock %d: %s\n", c, name(e))
	}
	for _, ev := range []sigevent{{Notify: 2}, {Notify: kevent}, {Notify: 5}, {Notify: bySignal}, {Notify: bySignal, Signo: 129},
		{Notify: byThread, Signo: -1}} {
		_, e := create(realtime, &ev)
		fmt.Printf("notify %d signal %d: %s\n", ev.Notify, ev.Signo, name(e))
	}
	_, e := call(235, realtime, 1, 0)
	fmt.Println("event at a bad address:", name(e))
	_, e = call(235, realtime, 0, 1)
	fmt.Println("number at a bad address:", name(e))
	var ids []int
	for {
		id, e := create(monotonic, &sigevent{Notify: none})
		if e != 0 {
			fmt.Println("one more:", name(e))
			break
		}
		ids = append(ids, id)
	}
	fmt.Println("timers:", ids)
	for _, id := range ids[1:] {
		if s := remove(id); s != "ok" {
			fmt.Println("delete:", s)
		}
	}
	id := ids[0]
	fmt.Println("delete again:", remove(ids[1]))
	for _, id := range []int{-1, 0, 2, 4, 32} {
		_, e1 := gettime(id)
		_, e2 := getoverrun(id)
		fmt.Printf("timer %d: %s, %s, %s\n", id, name(e1), name(e2), settime(id, 0, itimerspec{}, nil))
	}
	hour := timespec{3600, 0}
	for _, v := range []itimerspec{
		{Value: timespec{-1, 0}}, {Value: timespec{0, -1}}, {Value: timespec{0, 1e9}}, {Value: timespec{1 << 60, 0}},
		{Value: hour, Interval: timespec{-1, 0}}, {Interval: timespec{0, 2e9}}, {Value: hour, Interval: timespec{7, 8}},
	} {
		fmt.Println("settime", v, settime(id, 0, v, nil))
	}
	v, e := gettime(id)
	fmt.Println("gettime:", v.Interval, v.Value.Sec > 3500 && v.Value.Sec < 3600, name(e))
	var old itimerspec
	fmt.Println("disarm:", settime(id, 0, itimerspec{}, &old), old.Interval, old.Value.Sec > 3500)
	v, e = gettime(id)
	fmt.Println("disarmed:", v, name(e))
	_, e = call(237, uintptr(id), 0, 1, 0)
	fmt.Println("settime from a bad address:", name(e))
	_, e = call(238, uintptr(id), 1)
	fmt.Println("gettime to a bad address:", name(e))
	fmt.Println("delete:", remove(id))
}

// thread has a timer send to this thread, which waits for it.
func thread(sig int) {
	block(sig)
	tid := int64(0)
	call(432, uintptr(unsafe.Pointer(&tid)))
	id, e := create(monotonic, &sigevent{Notify: byThread, Signo: int32(sig), Value: 0x123456789abc, Thread: int32(tid)})
	fmt.Println("create for a thread:", id, name(e))
	fmt.Println("settime:", settime(id, 0, itimerspec{Value: timespec{0, 1}}, nil))
	si, e := await(sig)
	fmt.Println("signal:", int(si.Signo) == sig, si.Code == siTimer, int(si.Timer) == id, si.Overrun, si.Errno, name(e))
	fmt.Printf("value: %#x\n", si.Value)
	v, _ := gettime(id)
	fmt.Println("over:", v)

	// One signal stands for all expirations until it is taken.
	settime(id, 0, itimerspec{timespec{0, 20e6}, timespec{0, 20e6}}, nil)
	pause(100e6)
	si, _ = await(sig)
	n, e := getoverrun(id)
	fmt.Println("overrun:", si.Overrun > 0, int(si.Overrun) == n, name(e))
	v, _ = gettime(id)
	fmt.Println("periodic:", v.Interval, v.Value.Sec == 0 && v.Value.Nsec <= 20e6 && v.Value.Nsec > 0)
	fmt.Println("delete:", remove(id))
	// A signal of a timer that is gone is gone, too.
	m := sigbit(sig)
	zero := timespec{}
	_, e = call(345, uintptr(unsafe.Pointer(&m)), uintptr(unsafe.Pointer(&si)), uintptr(unsafe.Pointer(&zero)))
	fmt.Println("none left:", name(e))
}

// pause sleeps, whatever signals Go's runtime sends itself.
func pause(ns int64) {
	ts := timespec{0, ns}
	for {
		if _, e := call(240, uintptr(unsafe.Pointer(&ts)), uintptr(unsafe.Pointer(&ts))); e != syscall.EINTR {
			return
		}
	}
}

// process has a timer send to the process.
func process() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1, syscall.SIGALRM)
	id, e := create(realtime, &sigevent{Notify: bySignal, Signo: int32(syscall.SIGUSR1)})
	fmt.Println("create for the process:", id, name(e))
	settime(id, 0, itimerspec{timespec{0, 10e6}, timespec{0, 10e6}}, nil)
	for range 3 {
		fmt.Println(<-c)
	}
	fmt.Println("delete:", remove(id))
	signal.Ignore(syscall.SIGUSR1)
	id, e = create(realtime, nil)
	fmt.Println("create with the default event:", id, name(e))
	settime(id, 0, itimerspec{Value: timespec{0, 1}}, nil)
	for s := range c {
		if s == syscall.SIGALRM {
			fmt.Println(s)
			break
		}
	}
	fmt.Println("delete:", remove(id))
}

func absolute() {
	block(rtmin)
	tid := int64(0)
	call(432, uintptr(unsafe.Pointer(&tid)))
	for _, clock := range []int{realtime, monotonic} {
		id, _ := create(clock, &sigevent{Notify: byThread, Signo: rtmin, Thread: int32(tid)})
		var now timespec
		call(232, uintptr(clock), uintptr(unsafe.Pointer(&now)))
		now.Sec += 1000
		fmt.Println("absolute:", settime(id, 1, itimerspec{Value: now}, nil))
		v, _ := gettime(id)
		fmt.Println("left:", v.Value.Sec == 999 || v.Value.Sec == 1000)
		fmt.Println("in the past:", settime(id, 1, itimerspec{Value: timespec{1, 0}}, nil))
		si, e := await(rtmin)
		fmt.Println("signal:", si.Overrun, name(e))
		remove(id)
	}
}

// inherited: a child has no timers of its parent's, nor has a new program.
func inherited() {
	id, _ := create(monotonic, &sigevent{Notify: none})
	fmt.Println("create:", id)
	out, err := exec.Command(os.Args[0], "child").CombinedOutput()
	fmt.Print(string(out))
	if err != nil {
		fmt.Println(err)
	}
	if err := syscall.Exec(os.Args[0], []string{os.Args[0], "new program"}, nil); err != nil {
		fmt.Println(err)
	}
}

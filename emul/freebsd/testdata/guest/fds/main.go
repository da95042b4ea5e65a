// Command fds tries calls on descriptors, terminals, clocks, limits and IDs,
// and prints what FreeBSD answers. With an argument it is its own helper.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func show(what string, v ...any) { fmt.Println(append([]any{what + ":"}, v...)...) }

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func name(err error) string {
	if err == nil {
		return "ok"
	}
	if e, ok := err.(syscall.Errno); ok {
		return unix.ErrnoName(e)
	}
	return err.Error()
}

func call(nr uintptr, a ...uintptr) (uintptr, error) {
	for len(a) < 6 {
		a = append(a, 0)
	}
	r, _, e := syscall.Syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
	if e != 0 {
		return r, e
	}
	return r, nil
}

// mem is memory whose address the system is given as a number.
var mem [8192]byte

func at(n int) uintptr { return uintptr(unsafe.Pointer(&mem[n])) }

func put[T any](n int, v T) uintptr {
	*(*T)(unsafe.Pointer(&mem[n])) = v
	return at(n)
}

func get[T any](n int) T { return *(*T)(unsafe.Pointer(&mem[n])) }

func fcntl(fd, cmd int, arg uintptr) (int, error) {
	r, err := call(92, uintptr(fd), uintptr(cmd), arg)
	return int(r), err
}

type flock struct {
	Start, Len   int64
	Pid          int32
	Type, Whence int16
	Sysid        int32
	_            int32
}

func descriptors(path string) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_APPEND|unix.O_CREAT, 0644)
	must(err)
	fl, err := fcntl(fd, unix.F_GETFL, 0)
	show("F_GETFL", fmt.Sprintf("%#x", fl), name(err))
	_, err = fcntl(fd, unix.F_SETFL, unix.O_NONBLOCK|unix.O_CREAT)
	fl, _ = fcntl(fd, unix.F_GETFL, 0)
	show("F_SETFL", fmt.Sprintf("%#x", fl), name(err))
	d, err := fcntl(fd, unix.F_DUPFD, 100)
	show("F_DUPFD", d, name(err))
	_, err = fcntl(fd, unix.F_DUPFD, ^uintptr(0))
	show("F_DUPFD -1", name(err))
	d, err = fcntl(fd, unix.F_DUP2FD, 50)
	show("F_DUP2FD", d, name(err))
	d, err = fcntl(fd, unix.F_DUP2FD_CLOEXEC, 50)
	f, _ := fcntl(50, unix.F_GETFD, 0)
	show("F_DUP2FD_CLOEXEC", d, f, name(err))
	d, err = fcntl(50, unix.F_DUP2FD, 50)
	f, _ = fcntl(50, unix.F_GETFD, 0)
	show("F_DUP2FD onto itself", d, f, name(err))
	_, err = fcntl(fd, unix.F_DUP2FD, ^uintptr(0))
	show("F_DUP2FD -1", name(err))
	_, err = fcntl(99, unix.F_DUP2FD, 99)
	show("F_DUP2FD of what is closed", name(err))
	r, err := call(90, uintptr(fd), 51)
	show("dup2", r, name(err))
	_, err = call(90, 99, 51)
	_, err2 := fcntl(51, unix.F_GETFD, 0)
	show("dup2 of what is closed", name(err), "leaves the other", name(err2))
	_, err = fcntl(fd, 21, 0) // F_ISUNIONSTACK
	show("F_ISUNIONSTACK", name(err))
	_, err = fcntl(fd, 22, put(0, int32(1392))) // F_KINFO
	show("F_KINFO", get[int32](4), get[int32](8) == int32(fd), fmt.Sprintf("%#x", get[int32](16)), get[int32](32),
		unix.ByteSliceToString(mem[368:1392]) == path, name(err))
	_, err = fcntl(fd, 22, put(0, int32(1000)))
	show("F_KINFO of another size", name(err))
	_, err = fcntl(fd, 99, 0)
	show("fcntl 99", name(err))
	_, err = fcntl(fd, 14, at(0))
	show("F_SETLK_REMOTE", name(err))
	_, err = fcntl(fd, 16, 1) // F_RDAHEAD
	show("F_RDAHEAD", name(err))
	_, err = fcntl(fd, unix.F_SETOWN, uintptr(unix.Getpid()))
	o, err2 := fcntl(fd, unix.F_GETOWN, 0)
	show("F_SETOWN", name(err), o == unix.Getpid(), name(err2))
	_, err = fcntl(fd, unix.F_SETOWN, uintptr(-unix.Getpgrp()))
	o, err2 = fcntl(fd, unix.F_GETOWN, 0)
	show("F_SETOWN a group", name(err), o == -unix.Getpgrp(), name(err2))
	_, err = call(575, 100, 50, 0)
	show("close_range the wrong way round", name(err))
	_, err = call(575, 50, 100, 4) // CLOSE_RANGE_CLOEXEC
	f, _ = fcntl(51, unix.F_GETFD, 0)
	show("close_range CLOSE_RANGE_CLOEXEC", f, name(err))
	_, err = call(575, 50, 100, 0)
	_, err2 = fcntl(51, unix.F_GETFD, 0)
	show("close_range", name(err), name(err2))
	n, err := call(89)
	show("getdtablesize", n > 100, name(err))

	// Record locks, seen by another process.
	lk := flock{Start: 10, Len: 20, Type: unix.F_WRLCK, Sysid: 77}
	_, err = fcntl(fd, unix.F_SETLK, put(0, lk))
	show("F_SETLK", name(err))
	out, err := exec.Command(os.Args[0], "lock", path).Output()
	must(err)
	fmt.Print(strings.ReplaceAll(string(out), fmt.Sprintf("pid %d", os.Getpid()), "pid PARENT"))
	lk.Type = 9
	_, err = fcntl(fd, unix.F_SETLK, put(0, lk))
	show("F_SETLK with a bad type", name(err))
	lk.Type = unix.F_RDLCK
	_, err = fcntl(1000, unix.F_SETLK, put(0, lk))
	show("F_SETLK on what is closed", name(err))
	unix.Close(fd)
}

func lockHelper(path string) {
	fd, err := unix.Open(path, unix.O_RDWR, 0)
	must(err)
	_, err = fcntl(fd, unix.F_GETLK, put(0, flock{Type: unix.F_RDLCK}))
	l := get[flock](0)
	show("F_GETLK", l.Start, l.Len, "pid", l.Pid, l.Type, l.Whence, l.Sysid, name(err))
	_, err = fcntl(fd, unix.F_SETLK, put(0, flock{Start: 15, Len: 1, Type: unix.F_WRLCK}))
	show("F_SETLK of what is locked", name(err))
	in := flock{Start: 50, Len: 5, Type: unix.F_WRLCK, Pid: 7}
	_, err = fcntl(fd, unix.F_GETLK, put(0, in))
	in.Type = unix.F_UNLCK
	show("F_GETLK of what is free", get[flock](0) == in, name(err))
	_, err = fcntl(fd, 7, put(0, flock{Type: unix.F_RDLCK, Sysid: 5})) // F_OGETLK
	l = get[flock](0)
	show("F_OGETLK", l.Start, l.Len, "pid", l.Pid, l.Type, "the rest", l.Sysid, name(err))
}

type pollfd struct {
	FD              int32
	Events, Revents int16
}

func waiting() {
	var p [2]int
	must(unix.Pipe(p[:]))
	poll := func(what string, timeout int, fds ...pollfd) {
		for i, f := range fds {
			put(8*i, f)
		}
		r, err := call(209, at(0), uintptr(len(fds)), uintptr(timeout))
		var got []string
		for i := range fds {
			got = append(got, fmt.Sprintf("%#x", get[pollfd](8*i).Revents))
		}
		show("poll "+what, int(r), got, name(err))
	}
	r, w := int32(p[0]), int32(p[1])
	const in, out, nval, rdnorm, wrband, rdhup = 1, 4, 0x20, 0x40, 0x100, 0x4000
	poll("nothing to read", 0, pollfd{FD: r, Events: in})
	poll("room to write", 0, pollfd{FD: w, Events: out}, pollfd{FD: r, Events: in})
	unix.Write(p[1], []byte("x"))
	poll("data", -1, pollfd{FD: r, Events: in | rdnorm})
	poll("converted", -1, pollfd{FD: r, Events: in | rdhup | wrband}, pollfd{FD: 999, Events: rdhup})
	poll("a closed descriptor", -1, pollfd{FD: 999, Events: in}, pollfd{FD: -1, Events: in})
	poll("a bad timeout", -5, pollfd{FD: r, Events: in})
	_, err := call(209, 0x10, 1, 0)
	show("poll at a bad address", name(err))

	put(0, [2]uint64{1 << p[0], 0})
	put(64, unix.Timeval{Sec: 5})
	n, err := call(93, uintptr(p[1]+1), at(0), 0, 0, at(64))
	show("select", n, get[uint64](0) == 1<<p[0], "timeout still", get[unix.Timeval](64), name(err))
	_, err = call(93, ^uintptr(0), 0, 0, 0, at(64))
	show("select -1", name(err))
	put(64, unix.Timeval{Usec: 1e6})
	_, err = call(93, 1, 0, 0, 0, at(64))
	show("select with bad microseconds", name(err))
	put(64, unix.Timespec{})
	n, err = call(522, uintptr(p[1]+1), at(0), 0, 0, at(64), 0)
	show("pselect", n, name(err))
	put(128, [4]uint32{})
	n, err = call(522, uintptr(p[1]+1), at(0), 0, 0, at(64), at(128))
	show("pselect with a mask", n, name(err))
	put(0, pollfd{FD: r, Events: in})
	n, err = call(545, at(0), 1, at(64), at(128))
	show("ppoll with a mask", n, get[pollfd](0).Revents, name(err))
	put(64, unix.Timespec{Sec: -1})
	_, err = call(545, at(0), 1, at(64), 0)
	show("ppoll with a negative time", name(err))
	unix.Close(p[0])
	unix.Close(p[1])

	// A signal ends the wait, and SA_RESTART (which Go sets) changes nothing.
	runtime.LockOSThread()
	c := make(chan os.Signal, 1)
	signal.Notify(c, unix.SIGUSR1)
	must(unix.Pipe(p[:]))
	var self int64
	_, err = call(432, uintptr(unsafe.Pointer(&self))) // thr_self
	must(err)
	interrupt := func(what string, nr uintptr, a ...uintptr) {
		stop := make(chan bool)
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
					call(433, uintptr(self), uintptr(unix.SIGUSR1)) // thr_kill
				}
			}
		})
		r, err := call(nr, a...)
		close(stop)
		wg.Wait()
		show(what+" interrupted", int(r), name(err))
	}
	put(0, pollfd{FD: int32(p[0]), Events: in})
	interrupt("poll", 209, at(0), 1, ^uintptr(0))
	put(0, [2]uint64{1 << p[0]})
	interrupt("select", 93, uintptr(p[0]+1), at(0), 0, 0, 0)
	put(128, [4]uint32{})
	interrupt("ppoll", 545, put(0, pollfd{FD: int32(p[0]), Events: in}), 1, 0, at(128))
	put(64, unix.Timespec{Sec: 100})
	put(96, unix.Timespec{})
	interrupt("nanosleep", 240, at(64), at(96))
	rem := get[unix.Timespec](96)
	show("remaining", rem.Sec == 99 && rem.Nsec > 0)
	interrupt("clock_nanosleep", 244, 4, 0, at(64), at(96))
	signal.Stop(c)
	runtime.UnlockOSThread()
	unix.Close(p[0])
	unix.Close(p[1])
}

func clocks() {
	for _, c := range []int{0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15} {
		_, err := call(232, uintptr(c), at(0))
		ts := get[unix.Timespec](0)
		_, err2 := call(234, uintptr(c), at(16))
		res := get[unix.Timespec](16)
		show(fmt.Sprint("clock ", c), name(err), ts.Sec > 1e9, name(err2), err2 != nil || res.Sec+res.Nsec > 0)
	}
	_, err := call(247, 0, 0, at(0)) // clock_getcpuclockid2, this process
	id := get[int32](0)
	_, err2 := call(232, uintptr(uint32(id)), at(16))
	show("clock of the process", id < 0, name(err), name(err2))
	_, err = call(247, 0, 1, at(0))
	id = get[int32](0)
	_, err2 = call(232, uintptr(uint32(id)), at(16))
	show("clock of the thread", id < 0, name(err), name(err2))
	r, err := call(244, 1, 0, put(0, unix.Timespec{}), 0)
	show("clock_nanosleep on CLOCK_VIRTUAL", r, name(err))
	r, err = call(244, 0, 9, put(0, unix.Timespec{}), 0)
	show("clock_nanosleep with bad flags", r, name(err))
	_, err = call(240, put(0, unix.Timespec{Sec: -1}), 0)
	show("nanosleep of a negative time", name(err))
	_, err = call(240, put(0, unix.Timespec{Nsec: 1e9}), 0)
	show("nanosleep of too many nanoseconds", name(err))
	put(0, [2]unix.Timeval{{}, {Sec: 100}})
	_, err = call(83, 0, at(0), 0) // setitimer
	_, err2 = call(83, 0, 0, at(64))
	show("setitimer", name(err), name(err2), get[[2]unix.Timeval](64)[1].Sec >= 99)
	put(0, [2]unix.Timeval{})
	call(83, 0, at(0), 0)
}

func limits() {
	for _, res := range []int{8, 9, 6, 17, -1} {
		_, err := call(194, uintptr(res), at(0))
		v := get[[2]int64](0)
		show(fmt.Sprint("getrlimit ", res), name(err), err != nil || v[0] > 0 && v[1] >= v[0])
	}
	_, err := call(194, 9, at(0))
	show("no limit is", fmt.Sprintf("%#x", get[[2]int64](0)[1]), name(err))
	_, err = call(195, 8, put(0, [2]int64{128, 128}))
	_, err2 := call(194, 8, at(16))
	show("setrlimit", name(err), get[[2]int64](16), name(err2))
	n, _ := call(89)
	_, err = fcntl(0, unix.F_DUPFD, 128)
	show("getdtablesize", n, "F_DUPFD beyond it", name(err))
	_, err = call(195, 9, put(0, [2]int64{5, 5}))
	show("setrlimit of what is not limited", name(err))
	_, err = call(117, 0, at(0))
	show("getrusage", name(err), get[[18]int64](0)[4] > 0)
	_, err = call(117, 5, at(0))
	show("getrusage of whom", name(err))
	p, err := call(100, 0, 0)
	show("getpriority", int(p) >= -20 && int(p) <= 20, name(err))
	for _, policy := range []int{1, 2, 3, 4} {
		hi, err := call(332, uintptr(policy))
		lo, _ := call(333, uintptr(policy))
		show(fmt.Sprint("priorities of policy ", policy), int(lo), int(hi), name(err))
	}
	s, err := call(330, 0)
	show("sched_getscheduler", s, name(err))
	_, err = call(166, 0, 0, at(0))
	show("rtprio", get[[2]uint16](0)[0], name(err))
	_, err = call(487, 3, 2, ^uintptr(0), 256, at(0))
	cpus := 0
	for i := range 256 {
		for b := mem[i]; b != 0; b &= b - 1 {
			cpus++
		}
	}
	show("cpuset_getaffinity", cpus == runtime.NumCPU(), name(err))
	_, err = call(488, 3, 2, ^uintptr(0), 256, at(0))
	show("cpuset_setaffinity", name(err))
	_, err = call(487, 3, 2, ^uintptr(0), 0, at(0))
	show("cpuset_getaffinity of size 0", name(err))
	_, err = call(487, 3, 99, ^uintptr(0), 256, at(0))
	show("cpuset_getaffinity of a bad kind", name(err))
	_, err = call(486, 2, 2, ^uintptr(0), at(0))
	show("cpuset_getid", get[int32](0), name(err))
	_, err = call(484, at(0))
	set := get[int32](0)
	_, err2 = call(486, 2, 2, ^uintptr(0), at(0))
	show("cpuset", set > 1, name(err), get[int32](0) == set, name(err2))
	_, err = call(486, 2, 3, uintptr(set), at(0))
	show("cpuset_getid of the set", get[int32](0) == set, name(err))
	_, err = call(485, 1, ^uintptr(0), 1)
	show("cpuset_setid of a thread", name(err))
	_, err = call(485, 2, ^uintptr(0), 1)
	show("cpuset_setid", name(err))
	_, err = call(486, 2, 3, uintptr(set), at(0))
	show("cpuset_getid of a set without members", name(err))
	_, err = call(485, 2, ^uintptr(0), uintptr(set))
	show("cpuset_setid to such", name(err))
	_, err = call(392, at(0), 2) // uuidgen
	show("uuidgen", name(err), mem[7]>>4, mem[8]>>6, get[[16]byte](0) != get[[16]byte](16))
	_, err = call(392, at(0), 0)
	show("uuidgen of none", name(err))
	c, err := call(581)
	show("sched_getcpu", int(c) >= 0, name(err))
}

func special() {
	fd, err := call(577, 1, put(0, struct {
		N uint32
		F int32
	}{7, unix.O_CLOEXEC | unix.O_NONBLOCK}), 8)
	n, err2 := unix.Read(int(fd), mem[64:128])
	_, err3 := unix.Read(int(fd), mem[64:128])
	show("eventfd", name(err), n, get[uint64](64), name(err2), name(err3))
	unix.Close(int(fd))
	_, err = call(577, 9, at(0), 8)
	show("__specialfd of a bad kind", name(err))
	fd, err = call(585, 4, unix.O_CLOEXEC)
	show("timerfd_create", name(err))
	put(0, [2]unix.Timespec{{}, {Nsec: 1000}})
	_, err = call(587, fd, 0, at(0), 0)
	n, err2 = unix.Read(int(fd), mem[64:72])
	show("timerfd", name(err), n, get[uint64](64), name(err2))
	unix.Close(int(fd))
}

type termios struct {
	Iflag, Oflag, Cflag, Lflag uint32
	Cc                         [20]uint8
	Ispeed, Ospeed             uint32
}

func terminals() {
	const get, set = 0x402c7413, 0x802c7414 // TIOCGETA, TIOCSETA
	m, err := call(504, unix.O_RDWR|unix.O_NOCTTY)
	if err != nil {
		fmt.Fprintln(os.Stderr, "no terminals here:", err)
		return
	}
	_, err = call(54, m, 0x2000741c) // TIOCPTMASTER
	_, err2 := call(54, 1, 0x2000741c)
	show("TIOCPTMASTER", name(err), "of another", name(err2))
	put(0, struct {
		N   int32
		_   int32
		Buf uintptr
	}{32, 0, at(64)})
	_, err = call(54, m, 0x80106678, at(0)) // FIODGNAME
	pts := unix.ByteSliceToString(mem[64:96])
	show("FIODGNAME", name(err), strings.HasPrefix(pts, "pts/"))
	s, err := unix.Open("/dev/"+pts, unix.O_RDWR, 0)
	must(err)
	clear(mem[64:96])
	_, err = call(54, uintptr(s), 0x80106678, at(0))
	show("FIODGNAME of the slave", name(err), unix.ByteSliceToString(mem[64:96]) == pts)
	_, err = call(54, uintptr(s), get, at(256))
	tio := (*termios)(unsafe.Pointer(&mem[256]))
	show("TIOCGETA", name(err), fmt.Sprintf("%#x %#x %#x %#x", tio.Iflag, tio.Oflag, tio.Cflag, tio.Lflag), tio.Cc, tio.Ispeed, tio.Ospeed)
	tio.Lflag &^= 8 // ECHO
	tio.Cc[8] = 7
	tio.Cc[9] = 0xff
	tio.Ispeed, tio.Ospeed = 115200, 115200
	_, err = call(54, uintptr(s), set, at(256))
	want := *tio
	_, err2 = call(54, uintptr(s), get, at(256))
	show("TIOCSETA", name(err), name(err2), *tio == want)
	_, err = call(54, 99, get, at(256))
	show("TIOCGETA of what is closed", name(err))
	p, _ := os.Open(os.Args[0])
	_, err = call(54, p.Fd(), get, at(256))
	show("TIOCGETA of a file", name(err))
	put(0, [4]uint16{30, 90})
	_, err = call(54, m, 0x80087467, at(0))
	_, err2 = call(54, uintptr(s), 0x40087468, at(16))
	show("window size", name(err), name(err2), *(*[4]uint16)(unsafe.Pointer(&mem[16])))
	unix.Write(int(m), []byte("hello\n"))
	n, err := unix.Read(s, mem[64:128])
	show("read", fmt.Sprintf("%q", mem[64:64+n]), name(err))
	_, err = call(54, uintptr(s), 0x4004667f, at(0)) // FIONREAD
	show("FIONREAD", *(*int32)(unsafe.Pointer(&mem[0])), name(err))
	_, err = call(54, uintptr(s), 0x80047410, put(0, int32(0))) // TIOCFLUSH
	show("TIOCFLUSH", name(err))
	_, err = call(54, uintptr(s), 0x20006601) // FIOCLEX
	f, _ := fcntl(s, unix.F_GETFD, 0)
	show("FIOCLEX", f, name(err))
	_, err = call(54, uintptr(s), 0x8004667e, put(0, int32(1))) // FIONBIO
	f, _ = fcntl(s, unix.F_GETFL, 0)
	show("FIONBIO", f&unix.O_NONBLOCK, name(err))
	_, err = call(54, uintptr(s), 0x20007800)
	show("an unknown request", name(err))
	unix.Close(s)

	// A session of its own, with the slave as its terminal.
	s, err = unix.Open("/dev/"+pts, unix.O_RDWR, 0)
	must(err)
	c := exec.Command(os.Args[0], "tty")
	tty := os.NewFile(uintptr(s), pts)
	c.Stdin, c.Stdout, c.Stderr = tty, os.Stdout, os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	must(c.Run())
	unix.Close(int(m))
}

func ttyHelper() {
	_, err := call(54, 0, 0x40047477, at(0)) // TIOCGPGRP
	show("TIOCGPGRP", int(get[int32](0)) == unix.Getpgrp(), name(err))
	_, err = call(54, 0, 0x40047463, at(0)) // TIOCGSID
	sid, _ := unix.Getsid(0)
	show("TIOCGSID", int(get[int32](0)) == sid, name(err))
	_, err = call(54, 0, 0x80047476, put(0, int32(unix.Getpgrp())))
	show("TIOCSPGRP", name(err))
	t, err := unix.Open("/dev/tty", unix.O_RDWR, 0)
	show("/dev/tty", name(err))
	unix.Close(t)
}

// ids changes its IDs, in a process that must be root's.
func ids() {
	var g [64]uint32
	_, err := call(80, 3, put(0, [3]uint32{5, 6, 7})) // setgroups
	n, err2 := call(79, 64, at(64))
	copy(g[:], (*[64]uint32)(unsafe.Pointer(&mem[64]))[:n])
	show("setgroups", name(err), name(err2), g[:n], "egid", unix.Getegid())
	_, err = call(79, 1, at(64))
	show("getgroups into one", name(err))
	n, err = call(595, 64, at(64))
	show("getgroups of 15", n, name(err))
	t, err := call(253)
	show("issetugid", t, name(err))
	// Threads that are there already must follow.
	var wg sync.WaitGroup
	start, saw := make(chan bool), make(chan int, 4)
	for range 4 {
		wg.Go(func() {
			runtime.LockOSThread()
			<-start
			saw <- unix.Geteuid()
			runtime.UnlockOSThread()
		})
	}
	time.Sleep(time.Millisecond)
	_, err = call(183, 1234) // seteuid
	close(start)
	wg.Wait()
	show("seteuid", name(err), <-saw, <-saw, <-saw, <-saw)
	_, err = call(23, 99)
	show("setuid to a stranger", name(err))
	_, err = call(23, 1234) // setuid(geteuid()) sets them all
	_, err2 = call(360, at(0), at(4), at(8))
	show("setuid", name(err), get[[3]uint32](0), name(err2))
	_, err = call(80, 1, put(0, uint32(1)))
	show("setgroups of a user", name(err))
	show("chmod of a file to sticky", name(unix.Chmod(os.Args[2], 01644)))
	_, err = call(50, put(0, [4]byte{'m', 'e'}))
	show("setlogin of a user", name(err))
	_, err = call(21)
	show("mount", name(err))
}

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "lock":
			lockHelper(os.Args[2])
		case "tty":
			ttyHelper()
		case "ids":
			ids()
		}
		return
	}
	dir, err := os.MkdirTemp("", "fds")
	must(err)
	defer os.RemoveAll(dir)
	descriptors(dir + "/file")
	waiting()
	clocks()
	special()
	terminals()
	limits()
	// Login names.
	_, err = call(49, at(0), 1)
	show("getlogin into one byte", name(err))
	_, err = call(49, at(0), 64)
	show("getlogin", name(err))
	if os.Geteuid() == 0 {
		must(os.Chmod(dir, 0777))
		f := dir + "/theirs"
		must(os.WriteFile(f, nil, 0644))
		must(os.Chown(f, 1234, 5))
		c := exec.Command(os.Args[0], "ids", f)
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		must(c.Run())
	}
}

// Local makes calls that patched call sites make without the supervisor, and
// the same through syscall(2), which always comes to the supervisor: both must say the same.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

const (
	sysClockGettime = 232
	sysKqueue       = 362
	sysThrSelf      = 432
	sysMmap         = 477
	sysOpenat       = 499
	sysFstat        = 551
	sysFstatat      = 552
)

var dir string

func ptr[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

func cstr(s string) uintptr {
	b, _ := syscall.BytePtrFromString(s)
	keep = append(keep, b)
	return ptr(b)
}

var keep []*byte // what addresses given as numbers point to

// direct makes a call where it may be patched, indirect where it is not.
func direct(nr uintptr, a ...uintptr) (uintptr, syscall.Errno) {
	var x [6]uintptr
	copy(x[:], a)
	r, _, e := syscall.Syscall6(nr, x[0], x[1], x[2], x[3], x[4], x[5])
	return r, e
}

func indirect(nr uintptr, a ...uintptr) (uintptr, syscall.Errno) {
	var x [6]uintptr
	copy(x[:], a)
	r, _, e := syscall.Syscall9(0, nr, x[0], x[1], x[2], x[3], x[4], x[5], 0, 0)
	return r, e
}

type call func(nr uintptr, a ...uintptr) (uintptr, syscall.Errno)

func must(r uintptr, e syscall.Errno) uintptr {
	if e != 0 {
		panic(e)
	}
	return r
}

// opened says what a descriptor is like, and closes it.
func opened(c call, fd uintptr, e syscall.Errno) string {
	if e != 0 {
		return e.Error()
	}
	fl := must(direct(syscall.SYS_FCNTL, fd, syscall.F_GETFL))
	cloexec := must(direct(syscall.SYS_FCNTL, fd, syscall.F_GETFD))
	var st syscall.Stat_t
	must(indirect(sysFstat, fd, ptr(&st)))
	_, e1 := c(syscall.SYS_CLOSE, fd)
	_, e2 := c(syscall.SYS_CLOSE, fd)
	return fmt.Sprintf("flags %#x %d mode %o size %d, close %v, %v", fl, cloexec, st.Mode, st.Size, e1, e2)
}

func stat(c call, nr uintptr, a ...uintptr) string {
	var st [2]syscall.Stat_t
	for i := range st {
		b := unsafe.Slice((*byte)(unsafe.Pointer(&st[i])), unsafe.Sizeof(st[i]))
		for j := range b {
			b[j] = 0xa5
		}
	}
	for i := range a {
		if a[i] == 1 {
			a[i] = ptr(&st[0])
		}
	}
	r, e := c(nr, a...)
	if st[1].Nlink != 0xa5a5a5a5a5a5a5a5 {
		return "wrote too much"
	}
	return fmt.Sprintf("%d %v %+v", int(r), e, st[0])
}

type pair struct {
	name string
	say  func(call) string
}

func statCalls() []pair {
	file := must(direct(syscall.SYS_OPEN, cstr(dir+"/file"), syscall.O_RDONLY))
	null := must(direct(syscall.SYS_OPEN, cstr("/dev/null"), syscall.O_RDWR))
	d := must(direct(syscall.SYS_OPEN, cstr(dir), syscall.O_RDONLY))
	kq := must(direct(sysKqueue))
	var pipe [2]int
	syscall.Pipe(pipe[:])
	hole, _ := syscall.Mmap(-1, 0, 8192, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	must(direct(syscall.SYS_MPROTECT, ptr(&hole[4096]), 4096, syscall.PROT_NONE))
	edge := ptr(&hole[4096]) - 100 // a struct stat does not fit
	var ps []pair
	for name, a := range map[string][]uintptr{
		"file": {file, 1}, "null": {null, 1}, "directory": {d, 1}, "kqueue": {kq, 1}, "pipe": {uintptr(pipe[0]), 1},
		"closed": {999, 1}, "negative": {^uintptr(0), 1}, "far": {1 << 30, 1},
		"no pointer": {file, 0}, "wild pointer": {file, 1 << 46}, "half a pointer": {file, edge}, "kernel": {file, ^uintptr(4095)},
	} {
		ps = append(ps, pair{"fstat " + name, func(c call) string { return stat(c, sysFstat, append([]uintptr{}, a...)...) }})
	}
	cwd := ^uintptr(99)
	for name, a := range map[string][]uintptr{
		"file": {cwd, cstr(dir + "/file"), 1}, "link": {cwd, cstr(dir + "/link"), 1}, "lstat": {cwd, cstr(dir + "/link"), 1, 0x200},
		"missing": {cwd, cstr(dir + "/missing"), 1}, "loop": {cwd, cstr(dir + "/loop"), 1}, "not a directory": {cwd, cstr(dir + "/file/x"), 1},
		"at": {d, cstr("file"), 1}, "at a file": {file, cstr("file"), 1}, "at nothing": {999, cstr("file"), 1}, "empty": {cwd, cstr(""), 1},
		"empty path": {file, cstr(""), 1, 0x4000}, "bad flags": {cwd, cstr(dir), 1, 1 << 20}, "wild path": {cwd, 1 << 46, 1}, "null": {cwd, cstr("/dev/null"), 1},
		"wild pointer": {cwd, cstr(dir), 8}, "half a pointer": {cwd, cstr(dir), edge},
	} {
		ps = append(ps, pair{"fstatat " + name, func(c call) string { return stat(c, sysFstatat, append([]uintptr{}, a...)...) }})
	}
	return ps
}

func openCalls() []pair {
	var ps []pair
	for _, path := range []string{"file", "link", "new", "missing/x", "sub", "loop", "fifo"} {
		for _, flags := range []uintptr{0, 1, 2, 3, 4, 8, 0xc, 0x200, 0x201, 0x602, 0xa00, 0x20000, 0x20200, 0x20a00, 0x100000, 0x100, 0x8000, 0x40000, 0x400000, 0x80} {
			if path == "fifo" {
				flags |= 4
			}
			name := cstr(filepath.Join(dir, path))
			reset := func() {
				os.Remove(dir + "/new")
				os.WriteFile(dir+"/file", []byte("contents"), 0o644)
			}
			ps = append(ps, pair{fmt.Sprintf("open %s %#x", path, flags), func(c call) string {
				reset()
				fd, e := c(syscall.SYS_OPEN, name, flags, 0o7751)
				return opened(c, fd, e)
			}}, pair{fmt.Sprintf("openat %s %#x", path, flags), func(c call) string {
				reset()
				fd, e := c(sysOpenat, ^uintptr(99), name, flags, 0o1640)
				return opened(c, fd, e)
			}})
		}
	}
	return ps
}

// What the calls below point to; they are made when their declaration is over.
var (
	times  syscall.Timespec
	sleeps = [][2]int64{{0, 0}, {0, 1000}, {-1, 0}, {0, -1}, {0, 1e9}, {-1, 1e9}}
)

func otherCalls() []pair {
	var ps []pair
	errno := func(name string, nr uintptr, a ...uintptr) {
		ps = append(ps, pair{name, func(c call) string { _, e := c(nr, a...); return fmt.Sprint(e) }})
	}
	errno("close negative", syscall.SYS_CLOSE, ^uintptr(0))
	errno("access", syscall.SYS_ACCESS, cstr(dir+"/file"), 4)
	errno("access missing", syscall.SYS_ACCESS, cstr(dir+"/missing"), 4)
	errno("access wild", syscall.SYS_ACCESS, 16, 4)
	errno("munmap nothing", syscall.SYS_MUNMAP, 1<<40, 0)
	errno("munmap odd", syscall.SYS_MUNMAP, 1<<40+1, 4096)
	errno("munmap all", syscall.SYS_MUNMAP, 1<<40, ^uintptr(0)>>1)
	errno("munmap kernel", syscall.SYS_MUNMAP, ^uintptr(8191), 4096)
	errno("munmap free", syscall.SYS_MUNMAP, 1<<40, 4096)
	errno("mmap nothing", sysMmap, 0, 0, 3, 0x1002, ^uintptr(0))
	errno("mmap bad protection", sysMmap, 0, 4096, 99, 0x1002, ^uintptr(0))
	errno("mmap descriptor", sysMmap, 0, 4096, 3, 0x1002, 1)
	errno("mmap fixed kernel", sysMmap, ^uintptr(8191), 4096, 3, 0x1012, ^uintptr(0))
	errno("mmap fixed LSF", sysMmap, 0x100000, 4096, 3, 0x1012, ^uintptr(0))
	ps = append(ps, pair{"mmap fixed at zero", func(c call) string {
		if at, e := c(sysMmap, 0, 4096, 3, 0x1012, ^uintptr(0)); e != syscall.EINVAL {
			panic(fmt.Sprint("mapped at ", at, ", ", e))
		}
		return ""
	}})
	errno("mmap huge", sysMmap, 0, 1<<60, 3, 0x1002, ^uintptr(0))
	for clock := range uintptr(20) {
		errno(fmt.Sprint("clock ", clock), sysClockGettime, clock, ptr(&times))
	}
	for advice := range uintptr(12) {
		errno(fmt.Sprint("madvise ", advice), syscall.SYS_MADVISE, 1<<41, 8192, advice)
		errno(fmt.Sprint("madvise odd ", advice), syscall.SYS_MADVISE, 1<<41+1, 1, advice)
	}
	errno("madvise kernel", syscall.SYS_MADVISE, ^uintptr(8191), 4096, 5)
	for i := range sleeps {
		errno(fmt.Sprint("nanosleep ", sleeps[i]), syscall.SYS_NANOSLEEP, ptr(&sleeps[i]))
	}
	errno("nanosleep wild", syscall.SYS_NANOSLEEP, 16)
	errno("thr_self wild", sysThrSelf, 16)
	ps = append(ps, pair{"thr_self", func(c call) string {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		var id [2]int64
		_, e := c(sysThrSelf, ptr(&id[0]))
		must(indirect(sysThrSelf, ptr(&id[1])))
		return fmt.Sprint(e, id[0] == id[1])
	}})
	errno("clock wild", sysClockGettime, 0, 16)
	errno("clock negative", sysClockGettime, ^uintptr(0), ptr(&times))
	ps = append(ps, pair{"mmap", func(c call) string {
		const at = 1 << 42
		a, e := c(sysMmap, at, 8192, 3, 0x1012, ^uintptr(0))
		if e != 0 {
			return e.Error()
		}
		*(*byte)(unsafe.Pointer(a)) = 7
		_, e = c(syscall.SYS_MUNMAP, a, 8192)
		_, e2 := indirect(syscall.SYS_ACCESS, a, 0) // EFAULT if it is gone
		return fmt.Sprintf("%#x %v %v", a, e, e2)
	}}, pair{"close of a kqueue", func(c call) string {
		fd := must(direct(sysKqueue))
		_, e := c(syscall.SYS_CLOSE, fd)
		_, err := syscall.Kevent(int(fd), nil, nil, nil)
		return fmt.Sprint(e, err)
	}}, pair{"close of a socket with options", func(c call) string {
		fd, _ := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_NOSIGPIPE, 1)
		_, e := c(syscall.SYS_CLOSE, uintptr(fd))
		again, _ := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		defer syscall.Close(again)
		v, err := syscall.GetsockoptInt(again, syscall.SOL_SOCKET, syscall.SO_NOSIGPIPE)
		return fmt.Sprint(e, fd == again, v, err)
	}})
	return ps
}

func main() {
	var err error
	if dir, err = os.MkdirTemp("", "local"); err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	os.Mkdir(dir+"/sub", 0o755)
	os.WriteFile(dir+"/file", []byte("contents"), 0o644)
	os.Symlink("file", dir+"/link")
	os.Symlink("loop", dir+"/loop")
	syscall.Mkfifo(dir+"/fifo", 0o600)
	for range 20 { // from here on call sites are hot
		direct(syscall.SYS_GETPPID)
	}
	for _, list := range []func() []pair{statCalls, openCalls, otherCalls} {
		for _, p := range list() {
			if got, want := p.say(direct), p.say(indirect); got != want {
				fmt.Printf("%s:\n\t%s\nthe supervisor says\n\t%s\n", p.name, got, want)
			}
		}
	}
	storm()
	fmt.Println("done")
}

// storm makes such calls under a hail of signals: none may be lost, made twice
// or fail.
func storm() {
	alarms := make(chan os.Signal, 1)
	signal.Notify(alarms, syscall.SIGALRM)
	every := [4]int64{0, 1000, 0, 1000}
	direct(syscall.SYS_SETITIMER, 0, ptr(&every))
	time.Sleep(time.Millisecond) // the runtime's own kqueue is open now
	seen := 0
	path := cstr(dir + "/file")
	var want syscall.Stat_t
	must(indirect(sysFstatat, ^uintptr(99), path, ptr(&want)))
	first := must(direct(syscall.SYS_OPEN, path, 0))
	for start := time.Now(); seen < 50 && time.Since(start) < time.Minute; {
		var st syscall.Stat_t
		if _, e := direct(sysFstatat, ^uintptr(99), path, ptr(&st)); e != 0 || st.Ino != want.Ino || st.Size != want.Size || st.Mtimespec != want.Mtimespec {
			fmt.Println("storm: fstatat", e, st)
		}
		st = syscall.Stat_t{}
		if _, e := direct(sysFstat, first, ptr(&st)); e != 0 || st.Ino != want.Ino {
			fmt.Println("storm: fstat", e, st)
		}
		fd, e := direct(syscall.SYS_OPEN, path, 0)
		if e != 0 {
			fmt.Println("storm: open", e)
			continue
		}
		if _, e := direct(syscall.SYS_CLOSE, fd); e != 0 {
			fmt.Println("storm: close", e)
		}
		select {
		case <-alarms:
			seen++
		default:
		}
	}
	every = [4]int64{}
	direct(syscall.SYS_SETITIMER, 0, ptr(&every))
	if last := must(direct(syscall.SYS_OPEN, path, 0)); last > first+1 {
		fmt.Println("storm: descriptors left open:", last-first-1)
	}
	runtime.KeepAlive(&keep)
	if seen < 50 {
		fmt.Println("storm: alarms were lost:", seen)
	}
}

// Command kq tries kqueue(2) and prints what FreeBSD answers. With an argument
// it is its own helper.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sort"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func must(err error) {
	if err != nil {
		_, file, line, _ := runtime.Caller(1)
		fmt.Printf("FAILED %s:%d: %v\n", file[strings.LastIndexByte(file, '/')+1:], line, err)
		os.Exit(1)
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

type kev = unix.Kevent_t

func ev(id int, filter int16, flags uint16, fflags uint32, data int64) kev {
	return kev{Ident: uint64(id), Filter: filter, Flags: flags, Fflags: fflags, Data: data}
}

func newKq() int {
	kq, err := unix.Kqueue()
	must(err)
	return kq
}

var (
	now     = &unix.Timespec{}
	patient = &unix.Timespec{Sec: 20} // an event is sure to come
)

func kevent(kq int, ts *unix.Timespec, max int, changes ...kev) ([]kev, error) {
	evs := make([]kev, max)
	for {
		n, err := unix.Kevent(kq, changes, evs, ts)
		if err == unix.EINTR { // Go's runtime sends itself signals
			changes = nil
			continue
		}
		if err != nil {
			return nil, err
		}
		return evs[:n], nil
	}
}

// change applies changes and says how that went.
func change(kq int, changes ...kev) error {
	_, err := kevent(kq, nil, 0, changes...)
	return err
}

var filters = map[int16]string{
	unix.EVFILT_READ: "READ", unix.EVFILT_WRITE: "WRITE", unix.EVFILT_VNODE: "VNODE", unix.EVFILT_PROC: "PROC",
	unix.EVFILT_SIGNAL: "SIGNAL", unix.EVFILT_TIMER: "TIMER", unix.EVFILT_USER: "USER", unix.EVFILT_EMPTY: "EMPTY",
}

var flagNames = []struct {
	bit  uint16
	name string
}{
	{unix.EV_ONESHOT, "ONESHOT"}, {unix.EV_CLEAR, "CLEAR"}, {unix.EV_RECEIPT, "RECEIPT"}, {unix.EV_DISPATCH, "DISPATCH"},
	{unix.EV_ERROR, "ERROR"}, {unix.EV_EOF, "EOF"},
}

// ids gives numbers that differ from run to run a name.
var ids = map[uint64]string{}

func show(e kev) string {
	id, ok := ids[e.Ident]
	if !ok || e.Filter == unix.EVFILT_USER || e.Filter == unix.EVFILT_TIMER {
		id = fmt.Sprint(e.Ident)
	}
	s := filters[e.Filter] + " " + id
	rest := e.Flags
	for _, f := range flagNames {
		if e.Flags&f.bit != 0 {
			s += " " + f.name
			rest &^= f.bit
		}
	}
	if rest != 0 {
		s += fmt.Sprintf(" flags=%#x", rest)
	}
	if e.Fflags != 0 {
		s += fmt.Sprintf(" fflags=%#x", e.Fflags)
	}
	switch {
	case e.Flags&unix.EV_ERROR != 0:
		s += fmt.Sprintf(" %d", e.Data)
	case e.Filter == unix.EVFILT_WRITE && e.Data > 0:
		s += " data>0"
	case ids[uint64(e.Data)] != "" && e.Filter == unix.EVFILT_PROC:
		s += " data=" + ids[uint64(e.Data)]
	case e.Data != 0:
		s += fmt.Sprintf(" data=%d", e.Data)
	}
	return s
}

func list(evs []kev, err error) string {
	if err != nil {
		return name(err)
	}
	if len(evs) == 0 {
		return "nothing"
	}
	sort.SliceStable(evs, func(i, j int) bool { return evs[i].Ident == evs[j].Ident && evs[i].Filter > evs[j].Filter })
	var out []string
	for _, e := range evs {
		out = append(out, show(e))
	}
	return strings.Join(out, ", ")
}

// get prints the events that are there now.
func get(what string, kq int, changes ...kev) {
	fmt.Printf("%s: %s\n", what, list(kevent(kq, now, 8, changes...)))
}

// await prints the events that come.
func await(what string, kq int, changes ...kev) {
	fmt.Printf("%s: %s\n", what, list(kevent(kq, patient, 8, changes...)))
}

func pipe() (r, w int) {
	var p [2]int
	must(unix.Pipe2(p[:], unix.O_NONBLOCK))
	ids[uint64(p[0])], ids[uint64(p[1])] = "r", "w"
	return p[0], p[1]
}

func write(fd int, s string) {
	_, err := unix.Write(fd, []byte(s))
	must(err)
}

func drain(fd int) {
	var b [4096]byte
	for {
		if n, err := unix.Read(fd, b[:]); n <= 0 || err != nil {
			return
		}
	}
}

func closeAll(fds ...int) {
	for _, fd := range fds {
		must(unix.Close(fd))
		delete(ids, uint64(fd))
	}
}

func main() {
	if len(os.Args) > 1 {
		helper()
		return
	}
	for _, part := range []func(){
		errors, users, timers, pipes, edges, sockets, files, vnodes, signals, procs, descriptors, limits, nested, waiting, old,
	} {
		part()
	}
}

func errors() {
	kq := newKq()
	r, w := pipe()
	bad := func(what string, e kev) { fmt.Printf("error, %s: %s\n", what, name(change(kq, e))) }
	bad("closed descriptor", ev(99, unix.EVFILT_READ, unix.EV_ADD, 0, 0))
	bad("no descriptor", ev(-1, unix.EVFILT_READ, unix.EV_ADD, 0, 0))
	bad("delete of a closed descriptor", ev(99, unix.EVFILT_READ, unix.EV_DELETE, 0, 0))
	bad("delete of nothing", ev(r, unix.EVFILT_READ, unix.EV_DELETE, 0, 0))
	bad("trigger of nothing", ev(1, unix.EVFILT_USER, 0, unix.NOTE_TRIGGER, 0))
	bad("unknown filter", ev(1, -20, unix.EV_ADD, 0, 0))
	bad("positive filter", ev(1, 3, unix.EV_ADD, 0, 0))
	bad("enable and disable", ev(r, unix.EVFILT_READ, unix.EV_ADD|unix.EV_ENABLE|unix.EV_DISABLE, 0, 0))
	bad("itself", ev(kq, unix.EVFILT_READ, unix.EV_ADD, 0, 0))
	bad("vnode of a pipe", ev(r, unix.EVFILT_VNODE, unix.EV_ADD, unix.NOTE_WRITE, 0))
	bad("empty of a pipe", ev(w, unix.EVFILT_EMPTY, unix.EV_ADD, 0, 0))
	bad("no process", ev(99999999, unix.EVFILT_PROC, unix.EV_ADD, unix.NOTE_EXIT, 0))
	bad("timer with two units", ev(1, unix.EVFILT_TIMER, unix.EV_ADD, unix.NOTE_SECONDS|unix.NOTE_MSECONDS, 1))
	bad("timer in the past", ev(1, unix.EVFILT_TIMER, unix.EV_ADD, 0, -1))
	bad("aio", ev(1, unix.EVFILT_AIO, unix.EV_ADD, 0, 0))
	bad("no filter is skipped", ev(1, 0, unix.EV_ADD, 0, 0))
	null, err := unix.Open("/dev/null", unix.O_RDWR, 0)
	must(err)
	bad("/dev/null", ev(null, unix.EVFILT_READ, unix.EV_ADD, 0, 0))
	get("errors in the eventlist", kq,
		ev(99, unix.EVFILT_READ, unix.EV_ADD, 0, 0),
		ev(r, unix.EVFILT_READ, unix.EV_ADD|unix.EV_RECEIPT, 0, 0),
		ev(7, unix.EVFILT_USER, 0, unix.NOTE_TRIGGER, 0))
	write(w, "x")
	get("registered all the same", kq)
	_, err = kevent(r, now, 1)
	fmt.Println("kevent on a pipe:", name(err))
	_, err = kevent(99, now, 1)
	fmt.Println("kevent on nothing:", name(err))
	_, err = kevent(kq, &unix.Timespec{Sec: -1}, 1)
	fmt.Println("negative timeout:", name(err))
	_, err = kevent(kq, &unix.Timespec{Nsec: 1e9}, 1)
	fmt.Println("timeout of too many ns:", name(err))
	_, _, e := unix.Syscall6(unix.SYS_KEVENT, uintptr(kq), 8, 1, 0, 0, 0)
	fmt.Println("changelist at a bad address:", name(e))
	_, _, e = unix.Syscall6(unix.SYS_KEVENT, uintptr(kq), 0, 0, 8, 1, 0)
	fmt.Println("eventlist at a bad address:", name(e))
	_, _, e = unix.Syscall6(unix.SYS_KEVENT, uintptr(kq), 0, 0, 0, 0, 8)
	fmt.Println("timeout at a bad address:", name(e))
	neg := -1
	_, _, e = unix.Syscall6(unix.SYS_KEVENT, uintptr(kq), 0, uintptr(neg), 0, 0, 0)
	fmt.Println("negative number of changes:", name(e))
	closeAll(kq, r, w, null)
}

func users() {
	kq := newKq()
	trigger := func(id int, fflags uint32) kev { return ev(id, unix.EVFILT_USER, 0, unix.NOTE_TRIGGER|fflags, 0) }
	get("user, added", kq, ev(1, unix.EVFILT_USER, unix.EV_ADD|unix.EV_CLEAR, 0, 0))
	get("user, triggered", kq, trigger(1, 0))
	get("user, cleared", kq)
	get("user, copied flags", kq, trigger(1, unix.NOTE_FFCOPY|0x0f))
	get("user, and", kq, trigger(1, unix.NOTE_FFAND|0x05))
	get("user, or", kq, trigger(1, unix.NOTE_FFOR|0x30))
	get("user, disabled", kq, ev(1, unix.EVFILT_USER, unix.EV_DISABLE, 0, 0), trigger(1, 0))
	get("user, enabled", kq, ev(1, unix.EVFILT_USER, unix.EV_ENABLE, 0, 0))
	get("user, oneshot", kq, ev(2, unix.EVFILT_USER, unix.EV_ADD|unix.EV_ONESHOT, 0, 0), trigger(2, 0))
	fmt.Println("user, oneshot is gone:", name(change(kq, trigger(2, 0))))
	get("user, level", kq, ev(3, unix.EVFILT_USER, unix.EV_ADD, 0, 0), trigger(3, 0))
	get("user, level again", kq)
	get("user, trigger with EV_CLEAR resets", kq, ev(3, unix.EVFILT_USER, unix.EV_CLEAR, unix.NOTE_TRIGGER, 0))
	get("user, dispatch", kq, ev(4, unix.EVFILT_USER, unix.EV_ADD|unix.EV_DISPATCH|unix.EV_CLEAR, 0, 0), trigger(4, 0))
	get("user, dispatched", kq, trigger(4, 0))
	get("user, dispatch enabled", kq, ev(4, unix.EVFILT_USER, unix.EV_ENABLE, 0, 0))
	get("user, forced", kq, ev(5, unix.EVFILT_USER, unix.EV_ADD, 0, 0), ev(5, unix.EVFILT_USER, unix.EV_FORCEONESHOT, 0, 0))
	closeAll(kq)
}

func timers() {
	kq := newKq()
	await("timer, oneshot", kq, ev(1, unix.EVFILT_TIMER, unix.EV_ADD|unix.EV_ONESHOT, 0, 10))
	get("timer, gone", kq)
	await("timer, periodic", kq, ev(1, unix.EVFILT_TIMER, unix.EV_ADD, unix.NOTE_USECONDS, 20000))
	await("timer, periodic again", kq)
	await("timer, changed", kq, ev(1, unix.EVFILT_TIMER, unix.EV_ADD, unix.NOTE_NSECONDS, 5e6))
	fmt.Println("timer, deleted:", name(change(kq, ev(1, unix.EVFILT_TIMER, unix.EV_DELETE, 0, 0))))
	await("timer, of zero", kq, ev(2, unix.EVFILT_TIMER, unix.EV_ADD|unix.EV_ONESHOT, 0, 0))
	start := time.Now()
	await("timer, absolute", kq, ev(3, unix.EVFILT_TIMER, unix.EV_ADD|unix.EV_ONESHOT, unix.NOTE_ABSTIME|unix.NOTE_MSECONDS,
		start.UnixMilli()+20))
	fmt.Println("timer, not too early:", time.Since(start) >= 19*time.Millisecond)
	await("timer, long past", kq, ev(3, unix.EVFILT_TIMER, unix.EV_ADD|unix.EV_ONESHOT, unix.NOTE_ABSTIME|unix.NOTE_SECONDS, 1))
	await("timer, past, stays", kq, ev(3, unix.EVFILT_TIMER, unix.EV_ADD, unix.NOTE_ABSTIME|unix.NOTE_SECONDS, 1))
	get("timer, past, stays", kq)
	closeAll(kq)

	kq = newKq()
	start = time.Now()
	evs, err := kevent(kq, &unix.Timespec{Nsec: 15e6}, 1)
	fmt.Println("timeout:", list(evs, err), time.Since(start) >= 15*time.Millisecond)
	must(change(kq, ev(1, unix.EVFILT_TIMER, unix.EV_ADD, 0, 10)))
	time.Sleep(55 * time.Millisecond)
	evs, err = kevent(kq, now, 1)
	must(err)
	fmt.Println("timer, expirations add up:", len(evs) == 1 && evs[0].Data >= 5)
	closeAll(kq)
}

func pipes() {
	kq := newKq()
	r, w := pipe()
	get("pipe, empty", kq, ev(r, unix.EVFILT_READ, unix.EV_ADD, 0, 0))
	write(w, "hello")
	get("pipe, level", kq)
	get("pipe, level again", kq)
	drain(r)
	get("pipe, drained", kq)
	get("pipe, writable", kq, ev(w, unix.EVFILT_WRITE, unix.EV_ADD, 0, 0))
	get("pipe, writable again", kq)
	get("pipe, write disabled", kq, ev(w, unix.EVFILT_WRITE, unix.EV_DISABLE, 0, 0))
	get("pipe, write enabled", kq, ev(w, unix.EVFILT_WRITE, unix.EV_ENABLE, 0, 0))
	get("pipe, write deleted", kq, ev(w, unix.EVFILT_WRITE, unix.EV_DELETE, 0, 0))
	write(w, "x")
	closeAll(w)
	get("pipe, data before its end", kq)
	drain(r)
	get("pipe, end", kq)
	closeAll(r)
	get("pipe, closed", kq)

	r, w = pipe()
	must(change(kq, ev(w, unix.EVFILT_WRITE, unix.EV_ADD|unix.EV_CLEAR, 0, 0)))
	get("pipe, edge", kq)
	get("pipe, edge again", kq)
	closeAll(r)
	get("pipe, reader gone", kq)
	kq2 := newKq()
	fmt.Println("pipe, reader gone before:", name(change(kq2, ev(w, unix.EVFILT_WRITE, unix.EV_ADD, 0, 0))))
	closeAll(w, kq, kq2)
}

func edges() {
	kq := newKq()
	r, w := pipe()
	read := func(flags uint16) kev { return ev(r, unix.EVFILT_READ, flags, 0, 0) }
	must(change(kq, read(unix.EV_ADD|unix.EV_CLEAR)))
	write(w, "ab")
	get("edge", kq)
	get("edge, seen", kq)
	write(w, "c")
	get("edge, more", kq)
	get("edge, added again", kq, read(unix.EV_ADD|unix.EV_CLEAR))
	get("edge, seen", kq)
	must(change(kq, read(unix.EV_DELETE)))
	get("oneshot", kq, read(unix.EV_ADD|unix.EV_ONESHOT))
	get("oneshot, gone", kq)
	fmt.Println("oneshot, delete:", name(change(kq, read(unix.EV_DELETE))))
	get("dispatch", kq, read(unix.EV_ADD|unix.EV_DISPATCH))
	get("dispatch, disabled", kq)
	get("dispatch, enabled", kq, read(unix.EV_ENABLE))
	drain(r)
	get("dispatch, enabled without data", kq, read(unix.EV_ENABLE))
	write(w, "z")
	get("dispatch, data", kq)
	must(change(kq, read(unix.EV_DELETE)))
	get("added disabled", kq, read(unix.EV_ADD|unix.EV_DISABLE))
	get("then enabled", kq, read(unix.EV_ENABLE))
	drain(r)
	get("forced without data", kq, read(unix.EV_FORCEONESHOT))
	closeAll(kq, r, w)
}

func sockets() {
	kq := newKq()
	l, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	must(err)
	must(unix.Bind(l, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	must(unix.Listen(l, 10))
	sa, err := unix.Getsockname(l)
	must(err)
	c, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	must(err)
	ids[uint64(l)], ids[uint64(c)] = "listener", "client"
	both := func(fd int, flags uint16) []kev {
		return []kev{ev(fd, unix.EVFILT_READ, flags, 0, 0), ev(fd, unix.EVFILT_WRITE, flags, 0, 0)}
	}
	get("socket, not connected", kq, both(c, unix.EV_ADD|unix.EV_CLEAR)...)
	get("socket, listening", kq, ev(l, unix.EVFILT_READ, unix.EV_ADD, 0, 0))
	if err := unix.Connect(c, sa); err != nil && err != unix.EINPROGRESS {
		must(err)
	}
	evs, err := awaitAll(kq, 2)
	fmt.Println("socket, connected:", list(evs, err))
	s, _, err := unix.Accept4(l, unix.SOCK_NONBLOCK)
	must(err)
	ids[uint64(s)] = "server"
	must(change(kq, ev(l, unix.EVFILT_READ, unix.EV_DELETE, 0, 0)))
	must(change(kq, both(c, unix.EV_DELETE)...))
	get("socket, idle", kq, ev(c, unix.EVFILT_READ, unix.EV_ADD, 0, 0))
	write(s, "12345")
	await("socket, data", kq)
	get("socket, low water", kq, ev(c, unix.EVFILT_READ, unix.EV_ADD, unix.NOTE_LOWAT, 10))
	write(s, "67890")
	await("socket, low water reached", kq)
	must(unix.Shutdown(s, unix.SHUT_WR))
	await2("socket, data and end", kq, unix.EV_EOF)
	drain(c)
	get("socket, end", kq)
	get("socket, writable after the end", kq, ev(c, unix.EVFILT_READ, unix.EV_DELETE, 0, 0), ev(c, unix.EVFILT_WRITE, unix.EV_ADD, 0, 0))
	closeAll(l, c, s)

	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	must(err)
	a, b := p[0], p[1]
	ids[uint64(a)], ids[uint64(b)] = "a", "b"
	get("socketpair", kq, both(a, unix.EV_ADD)...)
	write(b, "hey")
	get("socketpair, data", kq)
	closeAll(b)
	get("socketpair, peer gone", kq)
	closeAll(a)
	get("socketpair, closed", kq)
	closeAll(kq)
}

// awaitAll gathers n events, sorted.
func awaitAll(kq, n int) ([]kev, error) {
	var all []kev
	for len(all) < n {
		evs, err := kevent(kq, patient, 8)
		if err != nil {
			return nil, err
		}
		if len(evs) == 0 {
			break
		}
		for _, e := range evs {
			known := false
			for _, k := range all {
				known = known || k.Ident == e.Ident && k.Filter == e.Filter
			}
			if !known {
				all = append(all, e)
			}
		}
	}
	sort.Slice(all, func(i, j int) bool {
		if all[i].Ident != all[j].Ident {
			return all[i].Ident < all[j].Ident
		}
		return all[i].Filter > all[j].Filter
	})
	return all, nil
}

// await2 waits until an event has a flag.
func await2(what string, kq int, flag uint16) {
	for {
		evs, err := kevent(kq, patient, 1)
		if err != nil || len(evs) == 0 || evs[0].Flags&flag != 0 {
			fmt.Printf("%s: %s\n", what, list(evs, err))
			return
		}
	}
}

func tempFile() (*os.File, string) {
	f, err := os.CreateTemp("", "kq")
	must(err)
	return f, f.Name()
}

func files() {
	kq := newKq()
	f, path := tempFile()
	fd := int(f.Fd())
	ids[uint64(fd)] = "file"
	write(fd, "0123456789")
	unix.Seek(fd, 4, 0)
	get("file", kq, ev(fd, unix.EVFILT_READ, unix.EV_ADD, 0, 0))
	get("file again", kq)
	unix.Seek(fd, 10, 0)
	get("file, at its end", kq)
	unix.Seek(fd, 12, 0)
	get("file, behind its end", kq, ev(fd, unix.EVFILT_READ, unix.EV_ADD, 0, 0))
	unix.Seek(fd, 10, 0)
	get("file, at its end", kq)
	other, err := unix.Open(path, unix.O_WRONLY|unix.O_APPEND, 0)
	must(err)
	write(other, "abc")
	await("file, has grown", kq)
	get("file, poll", kq, ev(fd, unix.EVFILT_READ, unix.EV_ADD, 0x2, 0))
	get("file, deleted", kq, ev(fd, unix.EVFILT_READ, unix.EV_DELETE, 0, 0))
	get("file, writable", kq, ev(fd, unix.EVFILT_WRITE, unix.EV_ADD|unix.EV_ONESHOT, 0, 0))
	delete(ids, uint64(fd))
	f.Close()
	os.Remove(path)
	closeAll(kq, other)
}

func vnodes() {
	kq := newKq()
	f, path := tempFile()
	fd := int(f.Fd())
	ids[uint64(fd)] = "file"
	const all = unix.NOTE_DELETE | unix.NOTE_WRITE | unix.NOTE_EXTEND | unix.NOTE_ATTRIB | unix.NOTE_LINK | unix.NOTE_RENAME
	get("vnode", kq, ev(fd, unix.EVFILT_VNODE, unix.EV_ADD|unix.EV_CLEAR, all, 0))
	write(fd, "hello")
	get("vnode, extended", kq)
	unix.Pwrite(fd, []byte("J"), 0)
	get("vnode, written", kq)
	must(os.Chmod(path, 0o640))
	get("vnode, chmod", kq)
	must(os.Truncate(path, 1))
	get("vnode, truncated", kq)
	must(os.Link(path, path+".l"))
	get("vnode, linked", kq)
	must(os.Rename(path, path+".n"))
	get("vnode, renamed", kq)
	must(os.Remove(path + ".l"))
	get("vnode, a name removed", kq)
	must(os.Remove(path + ".n"))
	get("vnode, removed", kq)
	get("vnode, quiet", kq)
	must(change(kq, ev(fd, unix.EVFILT_VNODE, unix.EV_ADD, unix.NOTE_WRITE, 0)))
	must(f.Chmod(0o600))
	get("vnode, not asked for", kq)
	delete(ids, uint64(fd))
	f.Close()

	dir, err := os.MkdirTemp("", "kq")
	must(err)
	must(os.Mkdir(dir+"/sub", 0o755))
	d, err := unix.Open(dir+"/sub", unix.O_RDONLY, 0)
	must(err)
	ids[uint64(d)] = "dir"
	get("dir", kq, ev(d, unix.EVFILT_VNODE, unix.EV_ADD|unix.EV_CLEAR, all, 0))
	must(os.WriteFile(dir+"/sub/x", nil, 0o644))
	get("dir, file made", kq)
	must(os.WriteFile(dir+"/sub/x", []byte("data"), 0o644))
	get("dir, file written", kq)
	must(os.Mkdir(dir+"/sub/d", 0o755))
	get("dir, directory made", kq)
	must(os.Rename(dir+"/sub/x", dir+"/sub/y"))
	get("dir, file renamed", kq)
	must(os.Remove(dir + "/sub/y"))
	get("dir, file removed", kq)
	must(os.Remove(dir + "/sub/d"))
	get("dir, directory removed", kq)
	must(os.Remove(dir + "/sub"))
	get("dir, removed itself", kq)
	closeAll(d, kq)
	os.RemoveAll(dir)
}

func signals() {
	kq := newKq()
	add := func(s syscall.Signal) kev { return ev(int(s), unix.EVFILT_SIGNAL, unix.EV_ADD, 0, 0) }
	kill := func(s syscall.Signal) { must(unix.Kill(os.Getpid(), s)) }
	signal.Ignore(unix.SIGUSR1)
	get("signal", kq, add(unix.SIGUSR1))
	kill(unix.SIGUSR1)
	await("signal, ignored", kq)
	kill(unix.SIGUSR1)
	await("signal, ignored again", kq)
	get("signal, seen", kq)

	caught := make(chan os.Signal, 1)
	signal.Notify(caught, unix.SIGUSR2)
	get("signal, another", kq, add(unix.SIGUSR2))
	kill(unix.SIGUSR2)
	<-caught
	await("signal, caught too", kq)

	// One that is blocked is counted, and stays pending.
	runtime.LockOSThread()
	for _, s := range []syscall.Signal{unix.SIGWINCH, unix.SIGINFO} {
		set := unixSigset(s)
		must(sigprocmask(1, &set, nil))
		must(tkill(s))
		get("signal, pending before", kq, add(s))
		must(tkill(s))
		await("signal, blocked", kq)
		fmt.Println("signal, pending:", pending(s))
		must(sigprocmask(2, &set, nil))
		get("signal, unblocked", kq)
		must(change(kq, ev(int(s), unix.EVFILT_SIGNAL, unix.EV_DELETE, 0, 0)))
	}
	runtime.UnlockOSThread()
	get("signal, disabled", kq, ev(int(unix.SIGUSR1), unix.EVFILT_SIGNAL, unix.EV_DISABLE, 0, 0))
	// Sent by two calls: one to this thread comes at once.
	runtime.LockOSThread()
	must(tkill(unix.SIGUSR1))
	must(tkill(unix.SIGUSR1))
	runtime.UnlockOSThread()
	get("signal, disabled", kq)
	get("signal, enabled", kq, ev(int(unix.SIGUSR1), unix.EVFILT_SIGNAL, unix.EV_ENABLE, 0, 0))
	closeAll(kq)
}

type sigset [4]uint32

func unixSigset(s syscall.Signal) (m sigset) {
	m[(s-1)/32] |= 1 << ((s - 1) % 32)
	return m
}

func sigprocmask(how int, set, old *sigset) error {
	_, _, e := unix.RawSyscall(unix.SYS_SIGPROCMASK, uintptr(how), uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(old)))
	if e != 0 {
		return e
	}
	return nil
}

// pending says whether a signal is pending for the calling thread.
func pending(s syscall.Signal) bool {
	var m sigset
	_, _, e := unix.RawSyscall(unix.SYS_SIGPENDING, uintptr(unsafe.Pointer(&m)), 0, 0)
	return e == 0 && m[(s-1)/32]&(1<<((s-1)%32)) != 0
}

// tkill sends a signal to the calling thread.
func tkill(s syscall.Signal) error {
	var id int64
	if _, _, e := unix.RawSyscall(unix.SYS_THR_SELF, uintptr(unsafe.Pointer(&id)), 0, 0); e != 0 {
		return e
	}
	if _, _, e := unix.RawSyscall(unix.SYS_THR_KILL, uintptr(id), uintptr(s), 0); e != 0 {
		return e
	}
	return nil
}

func command(args ...string) (*exec.Cmd, *os.File, *os.File) {
	cmd := exec.Command(os.Args[0], args...)
	in, childIn, err := pipeFiles()
	must(err)
	childOut, out, err := pipeFiles()
	must(err)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, os.Stderr
	must(cmd.Start())
	in.Close()
	out.Close()
	childOut.Read(make([]byte, 1)) // it runs
	return cmd, childIn, childOut
}

func pipeFiles() (r, w *os.File, err error) { return os.Pipe() }

func procs() {
	kq := newKq()
	cmd, in, out := command("exit", "3")
	pid := cmd.Process.Pid
	ids[uint64(pid)] = "child"
	get("proc", kq, ev(pid, unix.EVFILT_PROC, unix.EV_ADD, unix.NOTE_EXIT|unix.NOTE_EXEC|unix.NOTE_FORK, 0))
	in.Close()
	await("proc, exit", kq)
	get("proc, gone", kq)
	get("proc, zombie", kq, ev(pid, unix.EVFILT_PROC, unix.EV_ADD, unix.NOTE_EXIT, 0))
	fmt.Println("proc, zombie without NOTE_EXIT:", name(change(kq, ev(pid, unix.EVFILT_PROC, unix.EV_ADD, unix.NOTE_FORK, 0))))
	cmd.Wait()
	fmt.Println("proc, reaped:", name(change(kq, ev(pid, unix.EVFILT_PROC, unix.EV_ADD, unix.NOTE_EXIT, 0))))
	out.Close()
	delete(ids, uint64(pid))

	cmd, in, out = command("exit", "0")
	pid = cmd.Process.Pid
	ids[uint64(pid)] = "child"
	must(change(kq, ev(pid, unix.EVFILT_PROC, unix.EV_ADD, unix.NOTE_EXIT, 0)))
	cmd.Process.Kill()
	await("proc, killed", kq)
	cmd.Wait()
	in.Close()
	out.Close()
	delete(ids, uint64(pid))

	// A program of the host's, if there is one: on FreeBSD that makes no difference.
	sh := exec.Command("/bin/sh", "-c", "read x; exit 5")
	shIn, err := sh.StdinPipe()
	must(err)
	must(sh.Start())
	pid = sh.Process.Pid
	ids[uint64(pid)] = "sh"
	must(change(kq, ev(pid, unix.EVFILT_PROC, unix.EV_ADD, unix.NOTE_EXIT, 0)))
	shIn.Close()
	await("proc, sh", kq)
	sh.Wait()
	delete(ids, uint64(pid))

	// The child forks a grandchild that execs, waits for it and exits.
	cmd, in, out = command("spawn")
	pid = cmd.Process.Pid
	ids[uint64(pid)] = "child"
	must(change(kq, ev(pid, unix.EVFILT_PROC, unix.EV_ADD, unix.NOTE_TRACK|unix.NOTE_EXIT|unix.NOTE_FORK|unix.NOTE_EXEC, 0)))
	in.Close()
	seen := map[string]uint32{}
	var grand uint64
	for seen["child"]&unix.NOTE_EXIT == 0 || seen["grandchild"]&unix.NOTE_EXIT == 0 {
		evs, err := kevent(kq, patient, 8)
		if err != nil || len(evs) == 0 {
			fmt.Println("proc, track:", list(evs, err))
			break
		}
		for _, e := range evs {
			if e.Fflags&unix.NOTE_CHILD != 0 {
				grand = e.Ident
				ids[grand] = "grandchild"
				fmt.Println("proc, track:", show(e))
				continue
			}
			seen[ids[e.Ident]] |= e.Fflags
		}
	}
	fmt.Printf("proc, track: child %#x, grandchild %#x\n", seen["child"], seen["grandchild"])
	cmd.Wait()
	out.Close()
	delete(ids, uint64(pid))
	delete(ids, grand)
	closeAll(kq)
}

func helper() {
	switch os.Args[1] {
	case "exit":
		os.Stdout.WriteString(".")
		var b [1]byte
		os.Stdin.Read(b[:])
		if os.Args[2] != "0" {
			os.Exit(3)
		}
	case "spawn":
		os.Stdout.WriteString(".")
		var b [1]byte
		os.Stdin.Read(b[:])
		exec.Command(os.Args[0], "nothing").Run()
	case "exec":
		kq := newKq()
		gone := newKq()
		_, err := unix.FcntlInt(uintptr(gone), unix.F_SETFD, unix.FD_CLOEXEC)
		must(err)
		r, w := pipe()
		r2, w2 := pipe()
		unix.CloseOnExec(r2)
		must(change(kq, ev(r, unix.EVFILT_READ, unix.EV_ADD, 0, 0), ev(r2, unix.EVFILT_READ, unix.EV_ADD, 0, 0),
			ev(1, unix.EVFILT_USER, unix.EV_ADD|unix.EV_CLEAR, 0, 0)))
		write(w, "x")
		write(w2, "x")
		must(unix.Exec(os.Args[0], []string{os.Args[0], "execed", fmt.Sprint(kq), fmt.Sprint(r)}, os.Environ()))
	case "execed":
		var kq, r int
		fmt.Sscan(strings.Join(os.Args[2:], " "), &kq, &r)
		ids[uint64(r)] = "r"
		get("after exec", kq)
		get("after exec, user", kq, ev(1, unix.EVFILT_USER, 0, unix.NOTE_TRIGGER, 0), ev(r, unix.EVFILT_READ, unix.EV_DELETE, 0, 0))
	case "fd":
		// Which of the parent's descriptors are open here?
		for _, a := range os.Args[2:] {
			var fd int
			fmt.Sscan(a, &fd)
			_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
			fmt.Print(" ", name(err))
		}
		fmt.Println()
	}
}

func descriptors() {
	kq := newKq()
	r, w := pipe()
	dup, err := unix.Dup(kq)
	must(err)
	must(change(kq, ev(r, unix.EVFILT_READ, unix.EV_ADD, 0, 0)))
	write(w, "x")
	get("dup of a kqueue", dup)
	closeAll(kq)
	get("first descriptor closed", dup)
	must(unix.Dup2(dup, 90))
	closeAll(dup)
	get("dup2", 90)
	kq = 90

	// The knote belongs to the descriptor, not to the file.
	r2, err := unix.Dup(r)
	must(err)
	ids[uint64(r2)] = "r2"
	closeAll(r)
	get("descriptor closed, file open", kq)
	must(unix.Dup2(r2, r))
	ids[uint64(r)] = "r"
	get("same number, same file", kq)
	get("added again", kq, ev(r, unix.EVFILT_READ, unix.EV_ADD, 0, 0))
	must(unix.Dup2(w, r))
	get("replaced by dup2", kq)
	get("replacement added", kq, ev(r, unix.EVFILT_WRITE, unix.EV_ADD|unix.EV_ONESHOT, 0, 0))
	closeAll(r, r2, w)
	get("all closed", kq)

	// A child has none of it.
	cloexec := newKq()
	_, err = unix.FcntlInt(uintptr(cloexec), unix.F_SETFD, unix.FD_CLOEXEC)
	must(err)
	out, err := exec.Command(os.Args[0], "fd", fmt.Sprint(kq), fmt.Sprint(cloexec)).Output()
	must(err)
	fmt.Print("kqueues in a child:", string(out))
	get("still there", kq, ev(1, unix.EVFILT_USER, unix.EV_ADD|unix.EV_ONESHOT, 0, 0), ev(1, unix.EVFILT_USER, 0, unix.NOTE_TRIGGER, 0))
	closeAll(kq, cloexec)

	// An execve keeps a kqueue that is not close-on-exec.
	cmd := exec.Command(os.Args[0], "exec")
	cmd.Stdout = os.Stdout
	must(cmd.Run())
	_, err = kevent(kq, now, 1)
	fmt.Println("after close:", name(err))
}

func limits() {
	kq := newKq()
	var changes []kev
	for i := 1; i <= 20; i++ {
		changes = append(changes, ev(i, unix.EVFILT_USER, unix.EV_ADD|unix.EV_CLEAR, 0, 0))
	}
	must(change(kq, changes...))
	for i := 20; i >= 1; i-- {
		must(change(kq, ev(i, unix.EVFILT_USER, 0, unix.NOTE_TRIGGER, 0)))
	}
	var got []uint64
	for {
		evs, err := kevent(kq, now, 7)
		must(err)
		if len(evs) == 0 {
			break
		}
		fmt.Print(len(evs), " ")
		for _, e := range evs {
			got = append(got, e.Ident)
		}
	}
	fmt.Println("in order:", got)

	// With room for one event, none starves.
	r, w := pipe()
	must(change(kq, ev(1, unix.EVFILT_USER, unix.EV_ADD|unix.EV_DELETE, 0, 0)))
	must(change(kq, ev(100, unix.EVFILT_USER, unix.EV_ADD, 0, 0), ev(100, unix.EVFILT_USER, 0, unix.NOTE_TRIGGER, 0),
		ev(r, unix.EVFILT_READ, unix.EV_ADD, 0, 0), ev(w, unix.EVFILT_WRITE, unix.EV_ADD, 0, 0)))
	write(w, "x")
	seen := map[int16]int{}
	for range 30 {
		evs, err := kevent(kq, now, 1)
		must(err)
		seen[evs[0].Filter]++
	}
	fmt.Println("fair:", seen[unix.EVFILT_USER] > 5, seen[unix.EVFILT_READ] > 5, seen[unix.EVFILT_WRITE] > 5)
	closeAll(r, w, kq)

	// More descriptors than one call reports.
	kq = newKq()
	var fds []int
	for range 100 {
		r, w := pipe()
		write(w, "x")
		must(change(kq, ev(r, unix.EVFILT_READ, unix.EV_ADD|unix.EV_CLEAR, 0, 0)))
		fds = append(fds, r, w)
	}
	many := map[uint64]bool{}
	for {
		evs, err := kevent(kq, now, 200)
		must(err)
		if len(evs) == 0 {
			break
		}
		for _, e := range evs {
			many[e.Ident] = true
		}
	}
	fmt.Println("many:", len(many))
	closeAll(fds...)
	closeAll(kq)
}

func nested() {
	inner, outer := newKq(), newKq()
	ids[uint64(inner)] = "inner"
	get("nested", outer, ev(inner, unix.EVFILT_READ, unix.EV_ADD, 0, 0))
	fmt.Println("nested, write:", name(change(outer, ev(inner, unix.EVFILT_WRITE, unix.EV_ADD, 0, 0))))
	must(change(inner, ev(1, unix.EVFILT_USER, unix.EV_ADD|unix.EV_CLEAR, 0, 0), ev(1, unix.EVFILT_USER, 0, unix.NOTE_TRIGGER, 0)))
	await("nested, user event", outer)
	get("nested, inner", inner)
	get("nested, collected", outer)
	r, w := pipe()
	must(change(inner, ev(r, unix.EVFILT_READ, unix.EV_ADD, 0, 0)))
	write(w, "x")
	await("nested, descriptor", outer)
	closeAll(inner)
	get("nested, inner closed", outer)
	closeAll(r, w, outer)

	kq := newKq()
	r, w = pipe()
	must(change(kq, ev(r, unix.EVFILT_READ, unix.EV_ADD, 0, 0)))
	poll := func(what string) {
		p := []unix.PollFd{{Fd: int32(kq), Events: unix.POLLIN}}
		n, err := unix.Poll(p, 0)
		fmt.Println("poll,", what+":", n, p[0].Revents&unix.POLLIN != 0, name(err))
	}
	poll("nothing")
	write(w, "x")
	poll("data")
	get("poll, data", kq)
	poll("data is still there")
	drain(r)
	poll("drained")

	// Events that no descriptor brings.
	must(change(kq, ev(1, unix.EVFILT_USER, unix.EV_ADD|unix.EV_CLEAR, 0, 0)))
	trigger := ev(1, unix.EVFILT_USER, 0, unix.NOTE_TRIGGER, 0)
	poll("user event to come")
	must(change(kq, trigger))
	poll("user event")
	sel := func(what string, timeout *unix.Timeval) {
		var set unix.FdSet
		set.Set(kq)
		for {
			s := set
			n, err := unix.Select(kq+1, &s, nil, nil, timeout)
			if err == unix.EINTR {
				continue
			}
			fmt.Println("select,", what+":", n, s.IsSet(kq), name(err))
			return
		}
	}
	sel("user event", nil)
	get("select, inner", kq)
	sel("nothing", &unix.Timeval{})
	sel("nothing for a while", &unix.Timeval{Usec: 1000})
	go change(kq, trigger)
	sel("user event comes", nil)
	get("select, inner", kq)
	must(change(kq, ev(2, unix.EVFILT_TIMER, unix.EV_ADD|unix.EV_ONESHOT, 0, 5)))
	p := []unix.PollFd{{Fd: int32(kq), Events: unix.POLLIN}, {Fd: int32(r), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(p, 20000)
		if err == unix.EINTR {
			continue
		}
		fmt.Println("poll, timer:", n, p[0].Revents, p[1].Revents, name(err))
		break
	}
	closeAll(r, w, kq)
}

func waiting() {
	kq := newKq()
	must(change(kq, ev(1, unix.EVFILT_USER, unix.EV_ADD|unix.EV_CLEAR, 0, 0)))
	r, w := pipe()
	must(change(kq, ev(r, unix.EVFILT_READ, unix.EV_ADD|unix.EV_CLEAR, 0, 0)))
	// Several threads wait; each event wakes somebody, and nobody twice.
	results := make(chan string)
	for range 3 {
		go func() { results <- list(kevent(kq, patient, 1)) }()
	}
	must(change(kq, ev(1, unix.EVFILT_USER, 0, unix.NOTE_TRIGGER, 0)))
	fmt.Println("waiting, user:", <-results)
	write(w, "x")
	fmt.Println("waiting, pipe:", <-results)
	must(change(kq, ev(5, unix.EVFILT_TIMER, unix.EV_ADD|unix.EV_ONESHOT, 0, 1)))
	fmt.Println("waiting, timer:", <-results)
	for i := range 200 {
		go func() { results <- list(kevent(kq, patient, 1)) }()
		if i%2 == 0 {
			must(change(kq, ev(1, unix.EVFILT_USER, 0, unix.NOTE_TRIGGER, 0)))
		} else {
			write(w, "y")
		}
		<-results
	}
	get("waiting, none left", kq)
	closeAll(r, w)

	// A handler ends the wait; kevent is not restarted whatever the flags.
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP)
	interrupted := make(chan error)
	tid := make(chan int64)
	go func() {
		runtime.LockOSThread()
		var id int64
		unix.RawSyscall(unix.SYS_THR_SELF, uintptr(unsafe.Pointer(&id)), 0, 0)
		tid <- id
		var e [1]kev
		_, err := unix.Kevent(kq, nil, e[:], nil)
		interrupted <- err
	}()
	id := <-tid
	for {
		unix.RawSyscall(unix.SYS_THR_KILL, uintptr(id), uintptr(unix.SIGHUP), 0)
		select {
		case err := <-interrupted:
			fmt.Println("interrupted:", name(err))
			closeAll(kq)
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// old is kevent of FreeBSD 11.
func old() {
	type kev11 struct {
		ident  uint64
		filter int16
		flags  uint16
		fflags uint32
		data   int64
		udata  uint64
	}
	kq := newKq()
	ch := []kev11{
		{1, unix.EVFILT_USER, unix.EV_ADD | unix.EV_CLEAR, 0, 0, 42},
		{1, unix.EVFILT_USER, 0, unix.NOTE_TRIGGER | unix.NOTE_FFCOPY | 3, 5, 42},
	}
	var out [2]kev11
	n, _, e := unix.Syscall6(363, uintptr(kq), uintptr(unsafe.Pointer(&ch[0])), 2,
		uintptr(unsafe.Pointer(&out[0])), 2, uintptr(unsafe.Pointer(now)))
	fmt.Println("freebsd11_kevent:", n, e == 0, out[0], out[1])
	closeAll(kq)
}

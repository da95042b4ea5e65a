// Command kq tries kqueue(2) and prints what FreeBSD answers. With an argument
// it is its own helper.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strings"
	"syscall"
	"time"

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

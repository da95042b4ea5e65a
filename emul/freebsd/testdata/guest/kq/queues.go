package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Kqueues themselves: as descriptors, their limits, in each other, and waiting.

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

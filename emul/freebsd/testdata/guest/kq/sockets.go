package main

import (
	"fmt"
	"sort"

	"golang.org/x/sys/unix"
)

// Pipes and sockets.

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

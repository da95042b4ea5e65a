// Command socket tries the socket calls by hand, blocking, without Go's poller.
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"unsafe"
)

var show = fmt.Println

func must(what string, err error) {
	if err != nil {
		show(what, err)
		os.Exit(1)
	}
}

func inet() {
	l, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	must("socket", err)
	must("bind", syscall.Bind(l, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	must("listen", syscall.Listen(l, 5))
	sa, err := syscall.Getsockname(l)
	must("getsockname", err)
	in := sa.(*syscall.SockaddrInet4)
	show("listening", in.Addr, in.Port > 0)

	c, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	must("socket", err)
	show("unconnected", func() error { _, err := syscall.Getpeername(c); return err }())
	must("connect", syscall.Connect(c, in))
	s, sa, err := syscall.Accept(l)
	must("accept", err)
	peer, err := syscall.Getpeername(s)
	must("getpeername", err)
	show("same peer", sa.(*syscall.SockaddrInet4).Port == peer.(*syscall.SockaddrInet4).Port)
	show("connect again", syscall.Connect(c, in))

	n, err := syscall.Write(c, []byte("hello"))
	show("write", n, err)
	b := make([]byte, 10)
	n, from, err := syscall.Recvfrom(s, b, syscall.MSG_PEEK)
	show("peek", string(b[:n]), from, err)
	n, _, err = syscall.Recvfrom(s, b, 0)
	show("recvfrom", string(b[:n]), err)
	_, _, err = syscall.Recvfrom(s, b, syscall.MSG_DONTWAIT)
	show("dontwait", err)
	must("shutdown", syscall.Shutdown(c, syscall.SHUT_WR))
	n, _, err = syscall.Recvfrom(s, b, syscall.MSG_WAITALL)
	show("eof", n, err)

	c2, _ := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	syscall.Close(l)
	show("refused", syscall.Connect(c2, in))
	show("port 0", syscall.Connect(c2, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	show("not a socket", syscall.Bind(1, in))
	for _, k := range [][3]int{
		{99, 1, 0}, {syscall.AF_INET, 99, 0}, {syscall.AF_INET, 99, 6}, {syscall.AF_INET, syscall.SOCK_STREAM, 17}, {38, 3, 0}, {syscall.AF_UNIX, 1, 9},
	} {
		_, err := syscall.Socket(k[0], k[1], k[2])
		show("socket", k, err)
	}
	_, err = syscall.Socketpair(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	show("socketpair inet", err)
}

func options() {
	s, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	must("socket", err)
	for _, o := range []struct {
		name      string
		level, no int
		value     int
	}{
		{"SO_REUSEADDR", syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1},
		{"SO_REUSEPORT", syscall.SOL_SOCKET, syscall.SO_REUSEPORT, 1},
		{"SO_KEEPALIVE", syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 7},
		{"SO_NOSIGPIPE", syscall.SOL_SOCKET, syscall.SO_NOSIGPIPE, 1},
		{"SO_RCVBUF", syscall.SOL_SOCKET, syscall.SO_RCVBUF, 20000},
		{"SO_RCVBUF 0", syscall.SOL_SOCKET, syscall.SO_RCVBUF, 0},
		{"SO_TYPE", syscall.SOL_SOCKET, syscall.SO_TYPE, 1},
		{"SO_PROTOCOL", syscall.SOL_SOCKET, 0x1016, 1},
		{"SO_DOMAIN", syscall.SOL_SOCKET, 0x1019, 1},
		{"SO_ACCEPTCONN", syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN, 1},
		{"SO_ERROR", syscall.SOL_SOCKET, syscall.SO_ERROR, 1},
		{"IP_TTL", syscall.IPPROTO_IP, syscall.IP_TTL, 9},
		{"IP_TOS", syscall.IPPROTO_IP, syscall.IP_TOS, 16},
		{"TCP_NODELAY", syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1},
		{"TCP_KEEPIDLE", syscall.IPPROTO_TCP, 256, 77},
		{"TCP_KEEPINTVL", syscall.IPPROTO_TCP, 512, 13},
		{"TCP_KEEPCNT", syscall.IPPROTO_TCP, 1024, 5},
		{"IPV6_V6ONLY", syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY, 1},
		{"unknown", syscall.SOL_SOCKET, 0x7777, 1},
	} {
		set := syscall.SetsockoptInt(s, o.level, o.no, o.value)
		v, err := syscall.GetsockoptInt(s, o.level, o.no)
		show(o.name, set, v, err)
	}
	s6, err := syscall.Socket(syscall.AF_INET6, syscall.SOCK_DGRAM, 0)
	must("socket", err)
	v, err := syscall.GetsockoptInt(s6, syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY)
	show("V6ONLY by default", v, err)
	show("linger", syscall.SetsockoptLinger(s, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1, Linger: 3}),
		syscall.SetsockoptLinger(s, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1, Linger: -3}))
	show("timeout", syscall.SetsockoptTimeval(s6, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &syscall.Timeval{Usec: 1000}),
		syscall.SetsockoptTimeval(s6, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &syscall.Timeval{Usec: 1000000}))
	_, _, err = syscall.Recvfrom(s6, make([]byte, 1), 0)
	show("timed out", err)
	show("bad fd", syscall.SetsockoptInt(99, syscall.SOL_SOCKET, syscall.SO_NOSIGPIPE, 1), syscall.SetsockoptInt(1, syscall.SOL_SOCKET, 0x7777, 1))
}

func getsockopt(s, level, name int, b []byte) (int, error) {
	n := uint32(len(b))
	_, _, e := syscall.Syscall6(syscall.SYS_GETSOCKOPT, uintptr(s), uintptr(level), uintptr(name), uintptr(unsafe.Pointer(&b[0])), uintptr(unsafe.Pointer(&n)), 0)
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}

func unixSockets() {
	dir, err := os.MkdirTemp("", "lsf")
	must("mkdir", err)
	defer os.RemoveAll(dir)
	must("chdir", os.Chdir(dir))
	path := filepath.Join(dir, "s")
	l, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	must("socket", err)
	sa, err := syscall.Getsockname(l)
	show("unnamed", sa.(*syscall.SockaddrUnix).Name == "", err)
	must("bind", syscall.Bind(l, &syscall.SockaddrUnix{Name: path}))
	sa, err = syscall.Getsockname(l)
	show("named", sa.(*syscall.SockaddrUnix).Name == path, err)
	c, _ := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	// An address that is not a unix socket's.
	_, _, e := syscall.Syscall(syscall.SYS_BIND, uintptr(c), uintptr(unsafe.Pointer(&[16]byte{16})), 16)
	show("bind to no family", e)
	show("bind to existing", syscall.Bind(c, &syscall.SockaddrUnix{Name: path}))
	show("nobody listens", syscall.Connect(c, &syscall.SockaddrUnix{Name: path}))
	show("missing", syscall.Connect(c, &syscall.SockaddrUnix{Name: path + "x"}))
	show("abstract", syscall.Connect(c, &syscall.SockaddrUnix{Name: "@x"}))
	must("write", os.WriteFile("plain", []byte("0123456789"), 0o600))
	show("plain file", syscall.Connect(c, &syscall.SockaddrUnix{Name: "plain"}))
	must("listen", syscall.Listen(l, 5))
	xu := make([]byte, 100)
	_, err = getsockopt(c, 0, 1, xu)
	show("peercred unconnected", err)
	must("connect", syscall.Connect(c, &syscall.SockaddrUnix{Name: path}))
	s, sa, err := syscall.Accept(l)
	show("accept", sa.(*syscall.SockaddrUnix).Name == "", err)
	n, err := getsockopt(s, 0, 1, xu)
	show("peercred", n, *(*uint32)(unsafe.Pointer(&xu[4])) == uint32(os.Geteuid()), *(*int32)(unsafe.Pointer(&xu[80])) == int32(os.Getpid()), err)

	// descriptors
	f, err := os.Open("plain")
	must("open", err)
	rights := syscall.UnixRights(int(f.Fd()), 1)
	must("sendmsg", syscall.Sendmsg(c, []byte("fd"), rights, nil, 0))
	b, oob := make([]byte, 10), make([]byte, 100)
	n, oobn, flags, _, err := syscall.Recvmsg(s, b, oob, 0)
	show("recvmsg", string(b[:n]), oobn, flags, err)
	msgs, err := syscall.ParseSocketControlMessage(oob[:oobn])
	must("parse", err)
	fds, err := syscall.ParseUnixRights(&msgs[0])
	show("rights", len(fds), err)
	n, err = syscall.Pread(fds[0], b, 4)
	show("read by received fd", string(b[:n]), err)
	must("sendmsg", syscall.Sendmsg(c, []byte("fd"), rights, nil, 0))
	n, oobn, flags, _, err = syscall.Recvmsg(s, b, oob[:20], 0)
	show("no room", n, oobn, flags == syscall.MSG_CTRUNC, err)
	next, _ := syscall.Dup(0)
	show("dropped", next == fds[1]+1)
	must("sendmsg", syscall.Sendmsg(c, []byte("fd"), rights, nil, 0))
	n, oobn, flags, _, err = syscall.Recvmsg(s, b, nil, 0)
	show("no control", n, oobn, flags, err)
	show("bad control", syscall.Sendmsg(c, []byte("x"), []byte{1, 2, 3, 4}, nil, 0), syscall.Sendmsg(c, []byte("x"), bytes.Repeat([]byte{1}, 16), nil, 0))

	// credentials
	must("LOCAL_CREDS_PERSISTENT", syscall.SetsockoptInt(s, 0, 3, 1))
	must("write", func() error { _, err := syscall.Write(c, []byte("hi")); return err }())
	n, oobn, _, _, err = syscall.Recvmsg(s, b, oob, 0)
	msgs, _ = syscall.ParseSocketControlMessage(oob[:oobn])
	show("creds", n, len(msgs), msgs[0].Header.Type, *(*int32)(unsafe.Pointer(&msgs[0].Data[4])) == int32(os.Getpid()), err)
	must("LOCAL_CREDS_PERSISTENT", syscall.SetsockoptInt(s, 0, 3, 0))

	// sendfile
	off := int64(2)
	sent, err := syscall.Sendfile(c, int(f.Fd()), &off, 5)
	show("sendfile", sent, err)
	n, _ = syscall.Read(s, b)
	show("got", string(b[:n]))
	sent, err = syscall.Sendfile(c, int(f.Fd()), &off, 100)
	n, _ = syscall.Read(s, b)
	show("sendfile to the end", sent, err, string(b[:n]))
	_, err = syscall.Sendfile(1, int(f.Fd()), &off, 5)
	show("sendfile to no socket", err)
	_, err = syscall.Sendfile(l, int(f.Fd()), &off, 5)
	show("sendfile to a listening socket", err)

	// broken pipe
	must("NOSIGPIPE", syscall.SetsockoptInt(c, syscall.SOL_SOCKET, syscall.SO_NOSIGPIPE, 1))
	syscall.Close(s)
	show("broken", syscall.Sendto(c, []byte("x"), 0, nil))
	sigs := make(chan os.Signal, 4)
	signal.Notify(sigs, syscall.SIGPIPE)
	_, err = syscall.Write(c, []byte("x"))
	show("broken write", err, len(sigs))
	must("NOSIGPIPE off", syscall.SetsockoptInt(c, syscall.SOL_SOCKET, syscall.SO_NOSIGPIPE, 0))
	_, err = syscall.Write(c, []byte("x"))
	show("broken write with signal", err, <-sigs)
	signal.Stop(sigs)

	p, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET, 0)
	must("socketpair", err)
	syscall.Write(p[0], []byte("one"))
	syscall.Write(p[0], []byte("two"))
	n, _, flags, _, err = syscall.Recvmsg(p[1], b[:2], nil, 0)
	show("seqpacket", string(b[:n]), flags == syscall.MSG_TRUNC, err)
	n, _ = syscall.Read(p[1], b)
	show("next", string(b[:n]))
}

// interrupted connects unix sockets while signals come in. That happens at once
// or not at all, so that there is nothing to interrupt.
func interrupted() {
	dir, err := os.MkdirTemp("", "socket")
	must("mkdirtemp", err)
	defer os.RemoveAll(dir)
	to := &syscall.SockaddrUnix{Name: filepath.Join(dir, "s")}
	l, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM, 0)
	must("socket", err)
	must("bind", syscall.Bind(l, to))
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR2)
	defer signal.Stop(signals)
	begun := make(chan bool)
	done := make(chan bool)
	stopped := make(chan bool)
	go func() {
		defer close(stopped)
		syscall.Kill(os.Getpid(), syscall.SIGUSR2)
		close(begun)
		for {
			select {
			case <-done:
				return
			default:
				syscall.Kill(os.Getpid(), syscall.SIGUSR2)
			}
		}
	}()
	<-begun
	const times = 500
	connected := 0
	for range times {
		s, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM, 0)
		must("socket", err)
		if err := syscall.Connect(s, to); err == nil {
			connected++
		} else {
			show("connect among signals", err)
		}
		syscall.Close(s)
	}
	close(done)
	<-stopped
	<-signals
	syscall.Close(l)
	show("connected among signals", connected == times)
}

func udp() {
	s, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	must("socket", err)
	must("bind", syscall.Bind(s, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	sa, _ := syscall.Getsockname(s)
	must("RECVDSTADDR", syscall.SetsockoptInt(s, syscall.IPPROTO_IP, syscall.IP_RECVDSTADDR, 1))
	must("RECVIF", syscall.SetsockoptInt(s, syscall.IPPROTO_IP, syscall.IP_RECVIF, 1))
	must("TIMESTAMP", syscall.SetsockoptInt(s, syscall.SOL_SOCKET, syscall.SO_TIMESTAMP, 1))
	must("sendto", syscall.Sendto(s, []byte("dgram"), 0, sa))
	b, oob := make([]byte, 10), make([]byte, 200)
	n, oobn, flags, from, err := syscall.Recvmsg(s, b, oob, 0)
	show("udp", string(b[:n]), flags, from.(*syscall.SockaddrInet4).Port == sa.(*syscall.SockaddrInet4).Port, err)
	msgs, err := syscall.ParseSocketControlMessage(oob[:oobn])
	for _, m := range msgs {
		switch {
		case m.Header.Level == syscall.SOL_SOCKET:
			var tv, now syscall.Timeval
			tv = *(*syscall.Timeval)(unsafe.Pointer(&m.Data[0]))
			syscall.Gettimeofday(&now)
			show("stamp", m.Header.Type, len(m.Data), now.Sec-tv.Sec <= 1)
		case m.Header.Type == syscall.IP_RECVDSTADDR:
			show("dst", m.Data)
		default:
			show("if", m.Header.Type, len(m.Data), m.Data[:2], m.Data[2] > 0)
		}
	}
	show("no address", syscall.Sendto(s, []byte("x"), 0, &syscall.SockaddrUnix{Name: "/x"}))
	_, err = syscall.Write(s, []byte("x"))
	show("unconnected write", err)
}

func main() {
	inet()
	options()
	unixSockets()
	udp()
	interrupted()
}

package freebsd

import (
	"encoding/binary"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
)

// devfs are two file systems that are mounted nowhere: one with the device
// nodes, one with the pseudo-terminals of this tree of guests. The supervisor
// makes them when a device is missing the first time, if it has the privilege:
// for nodes that of the machine's root, for terminals that of any namespace's.
// Guests that have become other users since profit from it, too.
type devfs struct {
	nodes, ptys int                // open directories, -1 for none
	doors       map[*emul.Task]int // the sockets at which threads are fetching them
}

// devfs returns the file systems, making them the first time.
func (o *OS) devfs() *devfs {
	if o.dev == nil {
		o.dev = &devfs{nodes: -1, ptys: -1, doors: map[*emul.Task]int{}}
		o.dev.make()
	}
	return o.dev
}

func (d *devfs) make() {
	if unix.Geteuid() != 0 {
		return
	}
	if d.nodes = detached("tmpfs", "mode", "755"); d.nodes >= 0 {
		old := unix.Umask(0)
		for _, n := range devices {
			if unix.Mknodat(d.nodes, n.name, unix.S_IFCHR|0o666, int(unix.Mkdev(n.major, n.minor))) != nil {
				unix.Close(d.nodes)
				d.nodes = -1
				break
			}
		}
		unix.Umask(old)
	}
	// Group tty may write to terminals (master.passwd and group of FreeBSD: 4).
	d.ptys = detached("devpts", "ptmxmode", "666", "mode", "620", "gid", "4")
	if d.ptys < 0 {
		d.ptys = detached("devpts", "ptmxmode", "666", "mode", "620")
	}
}

// detached makes a file system with these options and opens its root
// directory; -1 if that is not to be had (it needs Linux 5.2).
func detached(fstype string, options ...string) int {
	fs, err := unix.Fsopen(fstype, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1
	}
	defer unix.Close(fs)
	for i := 0; i < len(options); i += 2 {
		if unix.FsconfigSetString(fs, options[i], options[i+1]) != nil {
			return -1
		}
	}
	if unix.FsconfigCreate(fs) != nil {
		return -1
	}
	fd, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC)
	if err != nil {
		return -1
	}
	return fd
}

// stat is stat(2) of a name below /dev; false if there is none.
func (d *devfs) stat(name string) (abi.Stat, bool) {
	dir, name := d.find(name)
	var sx unix.Statx_t
	if dir < 0 || unix.Statx(dir, name, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS, &sx) != nil {
		return abi.Stat{}, false
	}
	return xlat.Stat(&sx), true
}

// find says in which directory a device is, and by which name; -1 is none.
func (d *devfs) find(name string) (dir int, base string) {
	if pty, ok := strings.CutPrefix(name, "pts/"); ok || name == "ptmx" {
		return d.ptys, pty
	}
	return d.nodes, name
}

// openAt has the guest open a file of dir.
func (d *devfs) openAt(t *emul.Task, dir int, name string, flags uint64, done func(emul.Ret) emul.Action) emul.Action {
	return d.lend(t, dir, func(fd int64) emul.Action {
		at, err := allocBytes(t, []byte(name+"\x00"))
		if err != nil {
			return thenClose(fd, emul.Fail(err))
		}
		return emul.Host(unix.SYS_OPENAT, uint64(fd), uint64(at), flags, 0).
			Then(func(r emul.Ret) emul.Action { return thenClose(fd, done(r)) })
	})
}

// lend gives the guest a copy of one of the supervisor's descriptors. The guest
// fetches it from a socket: that works without /proc, across chroots and users,
// and where pidfd_getfd(2) is forbidden. Each time has a socket of its own, for
// guests fetch side by side.
func (d *devfs) lend(t *emul.Task, fd int, then func(fd int64) emul.Action) emul.Action {
	addr, err := d.open(t)
	if err != nil {
		return emul.Fail(err)
	}
	sa, err := emul.AllocStore(t, addr)
	if err != nil {
		d.shut(t)
		return emul.Fail(err)
	}
	return emul.Host(unix.SYS_SOCKET, unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0).Atomic().Then(func(r emul.Ret) emul.Action {
		if r.Err() != nil {
			d.shut(t)
			return emul.Finish(r)
		}
		sock := r.Val
		return emul.Host(unix.SYS_CONNECT, uint64(sock), uint64(sa), uint64(addr.len())).Atomic().Then(func(r emul.Ret) emul.Action {
			if err = r.Err(); err == nil {
				err = d.hand(t, fd)
			}
			d.shut(t)
			if err != nil {
				return thenClose(sock, emul.Fail(err))
			}
			return receiveFD(t, sock, func(r emul.Ret, fd int32) emul.Action {
				if r.Err() != nil {
					return thenClose(sock, emul.Finish(r))
				}
				return thenClose(sock, then(int64(fd)))
			})
		})
	})
}

// doorAddr is the address of a socket in the abstract name space.
type doorAddr struct {
	family uint16
	path   [108]byte
}

// len is the length of the address: autobind makes names of a zero byte and
// five digits.
func (doorAddr) len() int { return 2 + 6 }

// open makes the socket for t and returns its address.
func (d *devfs) open(t *emul.Task) (doorAddr, error) {
	a := doorAddr{family: unix.AF_UNIX}
	s, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return a, err
	}
	d.doors[t] = s
	if err = unix.Bind(s, &unix.SockaddrUnix{}); err == nil {
		err = unix.Listen(s, 8)
	}
	var sa unix.Sockaddr
	if err == nil {
		sa, err = unix.Getsockname(s)
	}
	if err != nil {
		d.shut(t)
		return a, err
	}
	name := sa.(*unix.SockaddrUnix).Name // "@" stands for the zero byte
	copy(a.path[1:], name[1:])
	return a, nil
}

// shut closes the socket for t, if there is one: the fetching is done, or t has died.
func (d *devfs) shut(t *emul.Task) {
	if s, ok := d.doors[t]; ok {
		unix.Close(s)
		delete(d.doors, t)
	}
}

// hand sends fd to t, which has just connected. Whoever else did, gets nothing.
func (d *devfs) hand(t *emul.Task, fd int) error {
	for {
		s, _, err := unix.Accept4(d.doors[t], unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		if err != nil {
			return err
		}
		peer, err := unix.GetsockoptUcred(s, unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err == nil && int(peer.Pid) == t.Proc.Pid {
			err = unix.Sendmsg(s, []byte{0}, unix.UnixRights(fd), nil, 0)
			unix.Close(s)
			return err
		}
		unix.Close(s)
	}
}

// receiveFD has the guest take a descriptor out of a message that waits at a socket.
func receiveFD(t *emul.Task, sock int64, then func(r emul.Ret, fd int32) emul.Action) emul.Action {
	const cmsgSize = unix.SizeofCmsghdr + 8
	data := emul.Alloc[byte](t)
	control := emul.Alloc[[cmsgSize]byte](t)
	iov, err := emul.AllocStore(t, [2]uint64{uint64(data), 1})
	if err != nil {
		return emul.Fail(err)
	}
	msg, err := emul.AllocStore(t, hostMsghdr{Iov: uint64(iov), Iovlen: 1, Control: uint64(control), Controllen: cmsgSize})
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Host(unix.SYS_RECVMSG, uint64(sock), uint64(msg), unix.MSG_CMSG_CLOEXEC).Atomic().Then(func(r emul.Ret) emul.Action {
		c, err := control.Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		return then(r, int32(binary.LittleEndian.Uint32(c[unix.SizeofCmsghdr:])))
	})
}

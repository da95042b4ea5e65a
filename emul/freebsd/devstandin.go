package freebsd

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// A stand-in is a descriptor that takes the place of a device which /dev does
// not have and nobody here may make: an unconnected socket. Linux refuses to
// read and write it with ENOTCONN, which hardly anything else answers; the
// supervisor then does what the device would. Which device it is, is written in
// the socket's mode, so it is known wherever the descriptor gets to, by fork,
// by exec or in a message.
//
// Patched call sites would hand the error to the guest: see OS.Fast.

// standInMode marks a stand-in. The low bits are the index in devices, plus
// one; two more say how it was opened.
const (
	standInMode  = 0o7000
	standInRead  = 0o400
	standInWrite = 0o200
	standInIndex = 0o7
)

// standIn opens a stand-in for d.
func standIn(t *emul.Task, d *device, flags OpenFlags) emul.Action {
	mode := uint64(standInMode)
	for i := range devices {
		if &devices[i] == d {
			mode |= uint64(i) + 1
		}
	}
	switch flags & abi.O_ACCMODE {
	case abi.O_RDONLY:
		mode |= standInRead
	case abi.O_WRONLY:
		mode |= standInWrite
	default:
		mode |= standInRead | standInWrite
	}
	typ := uint64(unix.SOCK_SEQPACKET)
	if flags&abi.O_CLOEXEC != 0 {
		typ |= unix.SOCK_CLOEXEC
	}
	if flags&abi.O_NONBLOCK != 0 {
		typ |= unix.SOCK_NONBLOCK
	}
	o := procOf(t).os
	return emul.Host(unix.SYS_SOCKET, unix.AF_UNIX, typ, 0).Atomic().Then(func(r emul.Ret) emul.Action {
		if r.Err() != nil {
			return emul.Finish(r)
		}
		fd := r.Val
		calls := []emul.Call{emul.NewCall(unix.SYS_FCHMOD, uint64(fd), mode)}
		if flags&abi.O_APPEND != 0 {
			status := typ&unix.SOCK_NONBLOCK | unix.O_APPEND
			calls = append(calls, emul.NewCall(unix.SYS_FCNTL, uint64(fd), unix.F_SETFL, status))
		}
		return emul.Batch(calls...).ThenAll(func(r []emul.Ret) emul.Action {
			if r[0].Err() != nil {
				return thenClose(fd, emul.Finish(r[0]))
			}
			o.standIns = true
			return emul.Return(uint64(fd))
		})
	})
}

// standInFor tells which device a file is a stand-in for, if it is one.
func standInFor(st *abi.Stat) *device {
	i := int(st.Mode & standInIndex)
	if st.Mode&abi.S_IFMT != abi.S_IFSOCK || st.Mode&standInMode != standInMode || i == 0 || i > len(devices) {
		return nil
	}
	return &devices[i-1]
}

// asDevice makes what Linux says of a stand-in what it would say of the device.
func asDevice(st *abi.Stat) {
	if d := standInFor(st); d != nil {
		*st = d.stat()
	}
}

// standInCall is a call that a stand-in must be helped with: what is done when
// Linux fails with err.
type standInCall struct {
	linux emul.HostNR
	err   error
	help  func(t *emul.Task, d *device, may uint16) emul.Action
}

var standInCalls = [...]standInCall{
	{unix.SYS_READ, unix.ENOTCONN, devRead},
	{unix.SYS_PREAD64, unix.ESPIPE, devRead},
	{unix.SYS_READV, unix.ENOTCONN, devReadv},
	{unix.SYS_WRITE, unix.ENOTCONN, devWrite},
	{unix.SYS_PWRITE64, unix.ESPIPE, devWrite},
	{unix.SYS_WRITEV, unix.ENOTCONN, devWritev},
	{unix.SYS_LSEEK, unix.ESPIPE, devSeek},
}

// standInCallOf is that of a row that passes, nil if it is none.
func standInCallOf(row *emul.Row) *standInCall {
	linux := row.Host()
	i := slices.IndexFunc(standInCalls[:], func(c standInCall) bool { return c.linux == linux })
	if i < 0 {
		return nil
	}
	return &standInCalls[i]
}

// withStandIn makes the call of a row that passes, but for stand-ins.
func withStandIn(t *emul.Task, row *emul.Row) emul.Action {
	c := standInCallOf(row)
	return emul.Host(c.linux, t.Args[:row.NArgs()]...).Then(func(r emul.Ret) emul.Action {
		if r.Err() != c.err {
			return emul.Finish(r)
		}
		buf := emul.Alloc[unix.Stat_t](t)
		return emul.Host(unix.SYS_FSTAT, t.Args[0], uint64(buf)).Atomic().Then(func(s emul.Ret) emul.Action {
			h, err := buf.Load(t)
			if s.Err() != nil || err != nil {
				return emul.Finish(r)
			}
			st := abi.Stat{Mode: uint16(h.Mode)}
			if d := standInFor(&st); d != nil {
				return c.help(t, d, st.Mode)
			}
			return emul.Finish(r)
		})
	})
}

// withStandInMode goes on with how a stand-in was opened (abi.O_ACCMODE), or
// does other if fd is none.
func withStandInMode(t *emul.Task, fd FD, then func(acc int32) emul.Action, other emul.Action) emul.Action {
	buf := emul.Alloc[unix.Stat_t](t)
	return emul.Host(unix.SYS_FSTAT, uint64(fd), uint64(buf)).Atomic().Then(func(r emul.Ret) emul.Action {
		h, err := buf.Load(t)
		if r.Err() != nil || err != nil || standInFor(&abi.Stat{Mode: uint16(h.Mode)}) == nil {
			return other
		}
		switch h.Mode & (standInRead | standInWrite) {
		case standInRead:
			return then(abi.O_RDONLY)
		case standInWrite:
			return then(abi.O_WRONLY)
		}
		return then(abi.O_RDWR)
	})
}

func devRead(t *emul.Task, d *device, may uint16) emul.Action {
	return d.read(t, may, t.Args[1], t.Args[2])
}

// devReadv reads into the first buffer only, as read(2) may.
func devReadv(t *emul.Task, d *device, may uint16) emul.Action {
	for i := range int(t.Args[2]) {
		v, err := guest.Ptr[[2]uint64](t.Args[1]).Add(i).Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		if v[1] != 0 {
			return d.read(t, may, v[0], v[1])
		}
	}
	return emul.Return(0)
}

// maxZeros is how much of /dev/zero one call gives, in bytes.
const maxZeros = 16 << 20

func (d *device) read(t *emul.Task, may uint16, at, n uint64) emul.Action {
	switch {
	case may&standInRead == 0:
		return emul.Fail(abi.EBADF)
	case d.name == "null":
		return emul.Return(0)
	case d.name == "zero", d.name == "full":
		n = min(n, maxZeros)
		zeros := make([]byte, min(n, 1<<20))
		for done := uint64(0); done < n; done += uint64(len(zeros)) {
			zeros = zeros[:min(uint64(len(zeros)), n-done)]
			if err := t.WriteMem(guest.Addr(at+done), zeros); err != nil {
				return emul.Fail(err)
			}
		}
		return emul.Return(n)
	}
	return emul.Tail(unix.SYS_GETRANDOM, at, n, 0)
}

func devWrite(t *emul.Task, d *device, may uint16) emul.Action {
	return d.write(may, t.Args[2])
}

func devWritev(t *emul.Task, d *device, may uint16) emul.Action {
	var n uint64
	for i := range int(t.Args[2]) {
		v, err := guest.Ptr[[2]uint64](t.Args[1]).Add(i).Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		n += v[1]
	}
	return d.write(may, n)
}

func (d *device) write(may uint16, n uint64) emul.Action {
	switch {
	case may&standInWrite == 0:
		return emul.Fail(abi.EBADF)
	case d.name == "full":
		return emul.Fail(abi.ENOSPC)
	}
	return emul.Return(n)
}

// devSeek: these devices have no offset that matters.
func devSeek(t *emul.Task, _ *device, _ uint16) emul.Action {
	if off := int64(t.Args[1]); t.Args[2] == unix.SEEK_SET && off >= 0 {
		return emul.Return(uint64(off))
	}
	return emul.Return(0)
}

// bare says that the root directory has no /dev/null and that none can be
// made: stand-ins will be used.
func (o *OS) bare() bool {
	return unix.Access("/dev/null", unix.F_OK) != nil && o.devfs().nodes < 0
}

// mapDevice is mmap(2) of what may be a stand-in: of /dev/zero zeros are
// mapped, all else stays as Linux has refused it with r.
func mapDevice(t *emul.Task, fd FD, r emul.Ret, zeros func() emul.Action) emul.Action {
	return withFstat(t, fd, func(st *abi.Stat) emul.Action {
		if d := deviceNamed("zero"); st.Mode&abi.S_IFMT == abi.S_IFCHR && st.Rdev == xlat.Dev(d.major, d.minor) {
			return zeros()
		}
		return emul.Finish(r)
	})
}

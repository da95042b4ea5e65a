package xlat

import (
	"math"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// TimerPeriod converts the data and fflags of an EVFILT_TIMER change to a
// duration. It reports false for a negative time, for unknown flags and for
// more than one unit. Times that do not fit become the longest duration
// (292 years), as FreeBSD's become the longest sbintime_t.
func TimerPeriod(data int64, fflags uint32) (time.Duration, bool) {
	const units = abi.NOTE_SECONDS | abi.NOTE_MSECONDS | abi.NOTE_USECONDS | abi.NOTE_NSECONDS
	if data < 0 || fflags&^(units|abi.NOTE_ABSTIME) != 0 {
		return 0, false
	}
	var unit time.Duration
	switch fflags & units {
	case abi.NOTE_SECONDS:
		unit = time.Second
	case abi.NOTE_MSECONDS, 0:
		unit = time.Millisecond
	case abi.NOTE_USECONDS:
		unit = time.Microsecond
	case abi.NOTE_NSECONDS:
		unit = time.Nanosecond
	default:
		return 0, false
	}
	if data > math.MaxInt64/int64(unit) {
		return math.MaxInt64, true
	}
	return time.Duration(data) * unit, true
}

// InotifyMask returns what to watch with inotify(7) for the fflags of an
// EVFILT_VNODE note. What an event then means is decided by VnodeNotes,
// because one Linux event stands for several of FreeBSD's.
func InotifyMask(fflags uint32) uint32 {
	var m uint32
	for _, c := range []struct{ note, mask uint32 }{
		{abi.NOTE_DELETE, unix.IN_ATTRIB | unix.IN_DELETE_SELF},
		{abi.NOTE_WRITE, unix.IN_MODIFY | unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVE},
		{abi.NOTE_EXTEND, unix.IN_MODIFY | unix.IN_MOVE},
		{abi.NOTE_ATTRIB, unix.IN_ATTRIB | unix.IN_MODIFY},
		{abi.NOTE_LINK, unix.IN_ATTRIB | unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVE},
		{abi.NOTE_RENAME, unix.IN_MOVE_SELF},
		{abi.NOTE_OPEN, unix.IN_OPEN},
		{abi.NOTE_CLOSE, unix.IN_CLOSE_NOWRITE},
		{abi.NOTE_CLOSE_WRITE, unix.IN_CLOSE_WRITE},
		{abi.NOTE_READ, unix.IN_ACCESS},
	} {
		if fflags&c.note != 0 {
			m |= c.mask
		}
	}
	return m
}

// FileState is what VnodeNotes compares to tell changes apart.
type FileState struct {
	Size  int64
	Nlink uint64
}

// VnodeNotes says which NOTE_* of EVFILT_VNODE an inotify event on a watched
// object stands for. named says that the event is about an entry of a watched
// directory; before and after are the object's state as last seen and now.
//
// Linux reports a changed link count and a changed mode alike (IN_ATTRIB), and
// a truncation like a write (IN_MODIFY); FreeBSD tells them apart
// (vop_*_post in sys/kern/vfs_subr.c, VOP_WRITE_POST in sys/vnode.h).
func VnodeNotes(mask uint32, named bool, before, after FileState) uint32 {
	var n uint32
	if named {
		dir := mask&unix.IN_ISDIR != 0
		if mask&(unix.IN_CREATE|unix.IN_DELETE|unix.IN_MOVE) != 0 {
			n |= abi.NOTE_WRITE
			if dir && mask&(unix.IN_CREATE|unix.IN_DELETE) != 0 {
				n |= abi.NOTE_LINK
			}
		}
		return n
	}
	if mask&unix.IN_MODIFY != 0 {
		switch {
		case after.Size < before.Size, after.Size == 0:
			n |= abi.NOTE_ATTRIB
		case after.Size > before.Size:
			n |= abi.NOTE_WRITE | abi.NOTE_EXTEND
		default:
			n |= abi.NOTE_WRITE
		}
	}
	if mask&unix.IN_ATTRIB != 0 {
		switch {
		case after.Nlink < before.Nlink:
			n |= abi.NOTE_DELETE
		case after.Nlink > before.Nlink:
			n |= abi.NOTE_LINK
		default:
			n |= abi.NOTE_ATTRIB
		}
	}
	for _, c := range []struct{ mask, note uint32 }{
		{unix.IN_DELETE_SELF, abi.NOTE_DELETE},
		{unix.IN_MOVE_SELF, abi.NOTE_RENAME},
		{unix.IN_OPEN, abi.NOTE_OPEN},
		{unix.IN_CLOSE_NOWRITE, abi.NOTE_CLOSE},
		{unix.IN_CLOSE_WRITE, abi.NOTE_CLOSE_WRITE},
		{unix.IN_ACCESS, abi.NOTE_READ},
		{unix.IN_UNMOUNT, abi.NOTE_REVOKE},
	} {
		if mask&c.mask != 0 {
			n |= c.note
		}
	}
	return n
}

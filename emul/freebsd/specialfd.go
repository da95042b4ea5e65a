package freebsd

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// Descriptors that FreeBSD took over from Linux: eventfd (13.0), timerfd
// (14.0), inotify (15.0). What is read from and written to them is the same.

const (
	specialEventfd = 1 // SPECIALFD_EVENTFD (sys/specialfd.h)
	specialInotify = 2 // SPECIALFD_INOTIFY

	eventfdSemaphore = 1 // EFD_SEMAPHORE (sys/eventfd.h); its other flags are O_ flags

	inotifyNonblock = abi.O_NONBLOCK // IN_NONBLOCK (sys/inotify.h)
	inotifyCloexec  = abi.O_CLOEXEC  // IN_CLOEXEC
)

func specialfd(t *emul.Task, kind Int, req Addr, n Size) emul.Action {
	switch {
	case kind == specialEventfd && n == 8:
		r, err := guest.Ptr[struct {
			Initval uint32
			Flags   int32
		}](req).Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		if r.Flags&^(eventfdSemaphore|abi.O_NONBLOCK|abi.O_CLOEXEC) != 0 {
			return emul.Fail(abi.EINVAL)
		}
		return emul.Tail(unix.SYS_EVENTFD2, uint64(r.Initval),
			uint64(r.Flags&eventfdSemaphore)|xlat.NewFDFlags(r.Flags))
	case kind == specialInotify && n == 4:
		flags, err := guest.Ptr[int32](req).Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		if flags&^(inotifyNonblock|inotifyCloexec) != 0 {
			return emul.Fail(abi.EINVAL)
		}
		return emul.Tail(unix.SYS_INOTIFY_INIT1, xlat.NewFDFlags(flags))
	}
	return emul.Fail(abi.EINVAL)
}

// inotifyAddWatchAt: masks and events have Linux's numbers. Linux looks a path
// up from the working directory only.
func inotifyAddWatchAt(_ *emul.Task, fd, dir FD, path Path, mask Uint) emul.Action {
	if dir != abi.AT_FDCWD {
		return emul.Fail(abi.EOPNOTSUPP)
	}
	return emul.Tail(unix.SYS_INOTIFY_ADD_WATCH, uint64(fd), uint64(path), uint64(mask))
}

func timerfdCreate(_ *emul.Task, c Clock, flags Int) emul.Action {
	if flags&^(abi.O_NONBLOCK|abi.O_CLOEXEC) != 0 {
		return emul.Fail(abi.EINVAL)
	}
	switch abi.Clock(c) {
	case abi.CLOCK_REALTIME, abi.CLOCK_MONOTONIC, abi.CLOCK_UPTIME:
	default:
		return emul.Fail(abi.EINVAL)
	}
	l, _ := xlat.Clock(abi.Clock(c))
	return emul.Tail(unix.SYS_TIMERFD_CREATE, uint64(l), xlat.NewFDFlags(int32(flags)))
}

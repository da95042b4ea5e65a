package freebsd

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// listIPC calls f with each object of one of Linux's tables of System V
// objects, which nr (shmctl, semctl or msgctl) reads. These calls are the
// supervisor's own: they tell everybody the same about the IPC namespace,
// which guests cannot leave.
func listIPC[T any](nr uintptr, f func(id int32, d *T)) {
	var room [256]byte // for what the INFO commands tell
	info, stat := uintptr(14), uintptr(hostShmStatAny)
	switch nr {
	case unix.SYS_SEMCTL:
		info, stat = 19, hostSemStatAny
	case unix.SYS_MSGCTL:
		info, stat = 12, hostMsgStatAny
	}
	ctl := func(i int, cmd uintptr, p unsafe.Pointer) (uintptr, unix.Errno) {
		if nr == unix.SYS_SEMCTL {
			r, _, e := unix.Syscall6(nr, uintptr(i), 0, cmd, uintptr(p), 0, 0)
			return r, e
		}
		r, _, e := unix.Syscall(nr, uintptr(i), cmd, uintptr(p))
		return r, e
	}
	last, e := ctl(0, info, unsafe.Pointer(&room))
	if e != 0 {
		return
	}
	for i := range int(last) + 1 {
		var d T
		if id, e := ctl(i, stat, unsafe.Pointer(&d)); e == 0 {
			f(int32(id), &d)
		}
	}
}

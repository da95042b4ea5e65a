package freebsd

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// What Linux tells of the IPC namespace: by calls of the supervisor's own, since
// everybody is told the same and guests cannot leave the namespace. /proc need
// not be there.

const hostIPCInfo = 3 // IPC_INFO

// hostIPC is shmctl, semctl or msgctl (nr) with a structure.
func hostIPC[T any](nr uintptr, i int, cmd uintptr, d *T) (uintptr, unix.Errno) {
	if nr == unix.SYS_SEMCTL {
		r, _, e := unix.Syscall6(nr, uintptr(i), 0, cmd, uintptr(unsafe.Pointer(d)), 0, 0)
		return r, e
	}
	r, _, e := unix.Syscall(nr, uintptr(i), cmd, uintptr(unsafe.Pointer(d)))
	return r, e
}

// listIPC calls f with each object of one kind.
func listIPC[T any](nr uintptr, f func(id int32, d *T)) {
	info, stat := uintptr(14), uintptr(hostShmStatAny)
	switch nr {
	case unix.SYS_SEMCTL:
		info, stat = 19, hostSemStatAny
	case unix.SYS_MSGCTL:
		info, stat = 12, hostMsgStatAny
	}
	var room [256]byte // for what the INFO commands tell
	last, e := hostIPC(nr, 0, info, &room)
	if e != 0 {
		return
	}
	for i := range int(last) + 1 {
		var d T
		if id, e := hostIPC(nr, i, stat, &d); e == 0 {
			f(int32(id), &d)
		}
	}
}

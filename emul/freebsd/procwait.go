package freebsd

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// What a thread waits for, in FreeBSD's words: the wait messages of ps(1) and
// top(1). The names are those that sys/kern gives to msleep(9).

// waitsInCall is what the calls wait for that sleep in the supervisor, or in a
// host call it has chosen; "" for others.
func waitsInCall(name string) string {
	switch name {
	case "wait4", "wait6":
		return "wait"
	case "nanosleep", "clock_nanosleep":
		return "nanslp"
	case "select", "pselect", "poll", "ppoll":
		return "select"
	case "kevent":
		return "kqread"
	case "sigsuspend":
		return "pause"
	case "sigtimedwait", "sigwaitinfo", "sigwait":
		return "sigwait"
	case "_umtx_op":
		return "uwait"
	case "thr_suspend":
		return "lthr"
	case "accept", "accept4":
		return "accept"
	case "connect":
		return "connec"
	case "msgrcv":
		return "msgrcv"
	case "msgsnd":
		return "msgsnd"
	case "semop":
		return "semwait"
	case "kmq_timedreceive":
		return "mqrecv"
	case "kmq_timedsend":
		return "mqsend"
	case "vfork", "rfork":
		return "ppwait"
	}
	return ""
}

// waitsOnHost is the same for Linux's calls.
func waitsOnHost(nr int) string {
	switch nr {
	case unix.SYS_WAIT4, unix.SYS_WAITID:
		return "wait"
	case unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP:
		return "nanslp"
	case unix.SYS_SELECT, unix.SYS_PSELECT6, unix.SYS_POLL, unix.SYS_PPOLL:
		return "select"
	case unix.SYS_EPOLL_WAIT, unix.SYS_EPOLL_PWAIT, unix.SYS_EPOLL_PWAIT2:
		return "kqread"
	case unix.SYS_PAUSE, unix.SYS_RT_SIGSUSPEND:
		return "pause"
	case unix.SYS_RT_SIGTIMEDWAIT:
		return "sigwait"
	case unix.SYS_FUTEX:
		return "uwait"
	case unix.SYS_ACCEPT, unix.SYS_ACCEPT4:
		return "accept"
	case unix.SYS_CONNECT:
		return "connec"
	case unix.SYS_RECVFROM, unix.SYS_RECVMSG, unix.SYS_SENDTO, unix.SYS_SENDMSG:
		return "sbwait"
	case unix.SYS_FLOCK, unix.SYS_FCNTL:
		return "lockf"
	case unix.SYS_OPEN, unix.SYS_OPENAT:
		return "fifoor"
	case unix.SYS_MSGRCV:
		return "msgrcv"
	case unix.SYS_MSGSND:
		return "msgsnd"
	case unix.SYS_SEMOP, unix.SYS_SEMTIMEDOP:
		return "semwait"
	case unix.SYS_VFORK:
		return "ppwait"
	}
	return ""
}

// waiting fills in what thread t of p is doing: its state by Linux's letter, 0
// where there is no /proc.
func (p *process) waiting(k *abi.KinfoProc, t *emul.Task, letter byte) {
	var msg string
	asleep := letter == 'S' || letter == 'D'
	// A call that is under way sleeps no sooner than Linux says so: a signal
	// that comes before interrupts nothing, and who waits for the wait message
	// would send it too early.
	if call := t.Call(); call != nil && (asleep || letter == 0) {
		msg = waitsInCall(call.Name)
	}
	if msg == "" && asleep {
		msg = p.hostWait(t)
	}
	switch {
	case letter == 'T':
		k.Stat = abi.SSTOP
	case letter == 'Z' || letter == 'X':
		k.Stat = abi.SZOMB
	case msg != "" || asleep:
		k.Stat = abi.SSLEEP
	default:
		// Guests rest in a trace stop while they are being served; to each
		// other they are running then.
		k.Stat = abi.SRUN
	}
	k.Wmesg, k.Wchan = [9]byte{}, 0
	k.Tdflags = abi.TDF_INMEM
	if k.Stat == abi.SSLEEP {
		if msg != "" {
			copy(k.Wmesg[:len(k.Wmesg)-1], msg)
			k.Wchan = uint64(t.Tid)
		}
		if letter != 'D' {
			k.Tdflags |= abi.TDF_SINTR
		}
	}
}

// hostWait says what a Linux call waits for. Reading and writing depend on the file.
func (p *process) hostWait(t *emul.Task) string {
	text, err := procFile(p.procDir() + "/task/" + strconv.Itoa(t.Tid) + "/syscall")
	f := strings.Fields(text)
	if err != nil || len(f) < 2 {
		return ""
	}
	nr, err := strconv.Atoi(f[0])
	if err != nil {
		return ""
	}
	read := nr == unix.SYS_READ || nr == unix.SYS_READV
	if !read && nr != unix.SYS_WRITE && nr != unix.SYS_WRITEV {
		return waitsOnHost(nr)
	}
	st, err := p.statFile("fd/" + descriptor(f[1]))
	switch {
	case err != nil:
		return ""
	case st.Mode&unix.S_IFMT == unix.S_IFSOCK:
		return "sbwait"
	case st.Mode&unix.S_IFMT == unix.S_IFIFO && read:
		return "piperd"
	case st.Mode&unix.S_IFMT == unix.S_IFIFO:
		return "pipewr"
	case st.Mode&unix.S_IFMT == unix.S_IFCHR && read:
		return "ttyin"
	case st.Mode&unix.S_IFMT == unix.S_IFCHR:
		return "ttyout"
	}
	return ""
}

// descriptor turns a call's hexadecimal argument into a descriptor's number.
func descriptor(arg string) string {
	v, err := strconv.ParseUint(arg, 0, 64)
	if err != nil {
		return ""
	}
	return strconv.Itoa(int(int32(v)))
}

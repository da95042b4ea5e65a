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
// host call it has chosen.
var waitsInCall = map[string]string{
	"wait4": "wait", "wait6": "wait", "nanosleep": "nanslp", "clock_nanosleep": "nanslp",
	"select": "select", "pselect": "select", "poll": "select", "ppoll": "select", "kevent": "kqread",
	"sigsuspend": "pause", "sigtimedwait": "sigwait", "sigwaitinfo": "sigwait", "sigwait": "sigwait",
	"_umtx_op": "uwait", "thr_suspend": "lthr", "accept": "accept", "accept4": "accept", "connect": "connec",
	"msgrcv": "msgrcv", "msgsnd": "msgsnd", "semop": "semwait", "kmq_timedreceive": "mqrecv", "kmq_timedsend": "mqsend",
	"vfork": "ppwait", "rfork": "ppwait",
}

// waitsOnHost is the same for Linux's calls.
var waitsOnHost = map[int]string{
	unix.SYS_WAIT4: "wait", unix.SYS_WAITID: "wait", unix.SYS_NANOSLEEP: "nanslp", unix.SYS_CLOCK_NANOSLEEP: "nanslp",
	unix.SYS_SELECT: "select", unix.SYS_PSELECT6: "select", unix.SYS_POLL: "select", unix.SYS_PPOLL: "select",
	unix.SYS_EPOLL_WAIT: "kqread", unix.SYS_EPOLL_PWAIT: "kqread", unix.SYS_PAUSE: "pause", unix.SYS_RT_SIGSUSPEND: "pause",
	unix.SYS_RT_SIGTIMEDWAIT: "sigwait", unix.SYS_FUTEX: "uwait", unix.SYS_ACCEPT: "accept", unix.SYS_ACCEPT4: "accept",
	unix.SYS_CONNECT: "connec", unix.SYS_RECVFROM: "sbwait", unix.SYS_RECVMSG: "sbwait", unix.SYS_SENDTO: "sbwait",
	unix.SYS_SENDMSG: "sbwait", unix.SYS_FLOCK: "lockf", unix.SYS_FCNTL: "lockf", unix.SYS_OPEN: "fifoor", unix.SYS_OPENAT: "fifoor",
	unix.SYS_MSGRCV: "msgrcv", unix.SYS_MSGSND: "msgsnd", unix.SYS_SEMOP: "semwait", unix.SYS_SEMTIMEDOP: "semwait",
	unix.SYS_VFORK: "ppwait",
}

// waiting fills in what thread t of p is doing: its state by Linux's letter, 0
// where there is no /proc.
func (p *process) waiting(k *abi.KinfoProc, t *emul.Task, letter byte) {
	var msg string
	call := t.Call()
	if call != nil {
		msg = waitsInCall[call.Name]
	}
	if msg == "" && (letter == 'S' || letter == 'D') {
		msg = p.hostWait(t)
	}
	switch {
	case letter == 'T':
		k.Stat = abi.SSTOP
	case letter == 'Z' || letter == 'X':
		k.Stat = abi.SZOMB
	case msg != "" || letter == 'S' || letter == 'D':
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
		return waitsOnHost[nr]
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

package xlat

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// SchedPriorityMax is FreeBSD's highest realtime priority; the lowest is 0.
// Linux's go from 1 to 99, of which the lower ones are used.
const SchedPriorityMax = 31

// SchedPolicy converts a Linux policy; what FreeBSD has not is SCHED_OTHER.
func SchedPolicy(linux int) int {
	switch linux {
	case unix.SCHED_FIFO:
		return abi.SCHED_FIFO
	case unix.SCHED_RR:
		return abi.SCHED_RR
	}
	return abi.SCHED_OTHER
}

// SchedPriority converts a Linux realtime priority, cutting off what is beyond
// FreeBSD's range.
func SchedPriority(linux int32) int32 { return min(max(linux-1, 0), SchedPriorityMax) }

// SchedPriorityToLinux converts back; ok is false outside of FreeBSD's range.
func SchedPriorityToLinux(p int32) (linux int32, ok bool) {
	return p + 1, p >= 0 && p <= SchedPriorityMax
}

// Rtprio gives FreeBSD's class and priority, 0 the highest, of a Linux policy
// and priority.
func Rtprio(policy int, priority int32) abi.Rtprio {
	inverse := uint16(SchedPriorityMax - SchedPriority(priority))
	switch policy {
	case unix.SCHED_FIFO:
		return abi.Rtprio{Type: abi.RTP_PRIO_FIFO, Prio: inverse}
	case unix.SCHED_RR:
		return abi.Rtprio{Type: abi.RTP_PRIO_REALTIME, Prio: inverse}
	case unix.SCHED_IDLE:
		return abi.Rtprio{Type: abi.RTP_PRIO_IDLE}
	}
	return abi.Rtprio{Type: abi.RTP_PRIO_NORMAL}
}

// RtprioToLinux converts back. Linux has one idle priority.
func RtprioToLinux(r abi.Rtprio) (policy int, priority int32, ok bool) {
	switch r.Type {
	case abi.RTP_PRIO_FIFO, abi.RTP_PRIO_REALTIME:
		policy = unix.SCHED_RR
		if r.Type == abi.RTP_PRIO_FIFO {
			policy = unix.SCHED_FIFO
		}
		return policy, SchedPriorityMax + 1 - int32(r.Prio), r.Prio <= abi.RTP_PRIO_MAX
	case abi.RTP_PRIO_NORMAL:
		return unix.SCHED_NORMAL, 0, true
	case abi.RTP_PRIO_IDLE:
		return unix.SCHED_IDLE, 0, r.Prio <= abi.RTP_PRIO_MAX
	}
	return 0, 0, false
}

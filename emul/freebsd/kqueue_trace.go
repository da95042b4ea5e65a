package freebsd

import (
	"fmt"
	"strings"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/trace"
)

// kevents is the address of a changelist or eventlist, kevents11 of one of
// FreeBSD 11. In either call the changelist is followed by how many changes
// there are, and the result says how many events.
type (
	kevents   uint64
	kevents11 uint64
)

// TraceArg prints the list as truss does.
func (p kevents) TraceArg(c *trace.Ctx) string {
	return traceKevents(c, uint64(p), guest.Ptr[abi.Kevent](p).LoadN)
}

// TraceArg prints the list as truss does.
func (p kevents11) TraceArg(c *trace.Ctx) string {
	return traceKevents(c, uint64(p), func(m guest.Memory, n int) ([]abi.Kevent, error) {
		old, err := guest.Ptr[abi.Kevent11](p).LoadN(m, n)
		return widen(old), err
	})
}

// timeoutAt is the address of a timeout.
type timeoutAt uint64

// TraceArg prints the time as truss does.
func (p timeoutAt) TraceArg(c *trace.Ctx) string {
	ts, err := guest.Ptr[abi.Timespec](p).Load(c.Mem)
	if p == 0 || err != nil {
		return fmt.Sprintf("0x%x", uint64(p))
	}
	return fmt.Sprintf("{ %d.%09d }", ts.Sec, ts.Nsec)
}

// traceMax is how many kevents of a list are printed.
const traceMax = 16

func traceKevents(c *trace.Ctx, addr uint64, load func(guest.Memory, int) ([]abi.Kevent, error)) string {
	n := int(int32(c.Ret))
	if c.Index == 1 {
		n = int(int32(c.Raw[2]))
	} else if c.Err != nil {
		n = 0
	}
	evs, err := load(c.Mem, min(max(n, 0), traceMax))
	if err != nil {
		return fmt.Sprintf("0x%x", addr)
	}
	var b strings.Builder
	b.WriteString("{")
	for i := range evs {
		b.WriteString(" ")
		b.WriteString(keventString(&evs[i]))
	}
	if n > traceMax {
		b.WriteString(" ...")
	}
	b.WriteString(" }")
	return b.String()
}

func keventString(e *abi.Kevent) string {
	var id string
	switch e.Filter {
	case abi.EVFILT_READ, abi.EVFILT_WRITE, abi.EVFILT_VNODE, abi.EVFILT_PROC, abi.EVFILT_TIMER,
		abi.EVFILT_PROCDESC, abi.EVFILT_EMPTY, abi.EVFILT_SIGNAL:
		id = fmt.Sprint(e.Ident)
	default:
		id = fmt.Sprintf("0x%x", e.Ident)
	}
	filter := fmt.Sprint(e.Filter)
	if e.Filter < 0 && e.Filter >= -abi.EVFILT_SYSCOUNT {
		filter = trace.Enum(-int64(e.Filter), filterNames[:])
	}
	return fmt.Sprintf("%s,%s,%s,%s,0x%x,0x%x", id, filter,
		trace.Flags(uint64(e.Flags), keventFlagNames[:]), noteString(e), uint64(e.Data), e.Udata)
}

func noteString(e *abi.Kevent) string {
	names := noteNames[-max(e.Filter, -abi.EVFILT_SYSCOUNT)&15]
	if e.Filter > 0 || len(names) == 0 {
		return fmt.Sprintf("0x%x", e.Fflags)
	}
	if e.Fflags == 0 {
		return "0"
	}
	return trace.Flags(uint64(e.Fflags), names)
}

var filterNames = [...]trace.Name{
	{-abi.EVFILT_READ, "EVFILT_READ"}, {-abi.EVFILT_WRITE, "EVFILT_WRITE"}, {-abi.EVFILT_AIO, "EVFILT_AIO"},
	{-abi.EVFILT_VNODE, "EVFILT_VNODE"}, {-abi.EVFILT_PROC, "EVFILT_PROC"}, {-abi.EVFILT_SIGNAL, "EVFILT_SIGNAL"},
	{-abi.EVFILT_TIMER, "EVFILT_TIMER"}, {-abi.EVFILT_PROCDESC, "EVFILT_PROCDESC"}, {-abi.EVFILT_FS, "EVFILT_FS"},
	{-abi.EVFILT_LIO, "EVFILT_LIO"}, {-abi.EVFILT_USER, "EVFILT_USER"}, {-abi.EVFILT_SENDFILE, "EVFILT_SENDFILE"},
	{-abi.EVFILT_EMPTY, "EVFILT_EMPTY"},
}

var keventFlagNames = [...]trace.Name{
	{0, "0"}, {abi.EV_ADD, "EV_ADD"}, {abi.EV_DELETE, "EV_DELETE"}, {abi.EV_ENABLE, "EV_ENABLE"},
	{abi.EV_DISABLE, "EV_DISABLE"}, {abi.EV_ONESHOT, "EV_ONESHOT"}, {abi.EV_CLEAR, "EV_CLEAR"},
	{abi.EV_RECEIPT, "EV_RECEIPT"}, {abi.EV_DISPATCH, "EV_DISPATCH"}, {abi.EV_FORCEONESHOT, "EV_FORCEONESHOT"},
	{abi.EV_KEEPUDATA, "EV_KEEPUDATA"}, {abi.EV_ERROR, "EV_ERROR"}, {abi.EV_EOF, "EV_EOF"},
}

// noteNames are the names of fflags, by filter (as a positive number).
var noteNames = [16][]trace.Name{
	-abi.EVFILT_READ:  rwNoteNames,
	-abi.EVFILT_WRITE: rwNoteNames,
	-abi.EVFILT_VNODE: {
		{abi.NOTE_DELETE, "NOTE_DELETE"}, {abi.NOTE_WRITE, "NOTE_WRITE"}, {abi.NOTE_EXTEND, "NOTE_EXTEND"},
		{abi.NOTE_ATTRIB, "NOTE_ATTRIB"}, {abi.NOTE_LINK, "NOTE_LINK"}, {abi.NOTE_RENAME, "NOTE_RENAME"},
		{abi.NOTE_REVOKE, "NOTE_REVOKE"}, {abi.NOTE_OPEN, "NOTE_OPEN"}, {abi.NOTE_CLOSE, "NOTE_CLOSE"},
		{abi.NOTE_CLOSE_WRITE, "NOTE_CLOSE_WRITE"}, {abi.NOTE_READ, "NOTE_READ"},
	},
	-abi.EVFILT_PROC: {
		{abi.NOTE_EXIT, "NOTE_EXIT"}, {abi.NOTE_FORK, "NOTE_FORK"}, {abi.NOTE_EXEC, "NOTE_EXEC"},
		{abi.NOTE_TRACK, "NOTE_TRACK"}, {abi.NOTE_TRACKERR, "NOTE_TRACKERR"}, {abi.NOTE_CHILD, "NOTE_CHILD"},
	},
	-abi.EVFILT_TIMER: {
		{abi.NOTE_SECONDS, "NOTE_SECONDS"}, {abi.NOTE_MSECONDS, "NOTE_MSECONDS"}, {abi.NOTE_USECONDS, "NOTE_USECONDS"},
		{abi.NOTE_NSECONDS, "NOTE_NSECONDS"}, {abi.NOTE_ABSTIME, "NOTE_ABSTIME"},
	},
	-abi.EVFILT_USER: {
		{abi.NOTE_FFCOPY, "NOTE_FFCOPY"}, {abi.NOTE_FFAND, "NOTE_FFAND"}, {abi.NOTE_FFOR, "NOTE_FFOR"},
		{abi.NOTE_TRIGGER, "NOTE_TRIGGER"},
	},
}

var rwNoteNames = []trace.Name{{abi.NOTE_LOWAT, "NOTE_LOWAT"}, {abi.NOTE_FILE_POLL, "NOTE_FILE_POLL"}}

// TraceArg names the flags.
func (f kqueueFlags) TraceArg(*trace.Ctx) string {
	return trace.Flags(uint64(f), []trace.Name{{0, "0"}, {abi.KQUEUE_CLOEXEC, "KQUEUE_CLOEXEC"}})
}

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
	{Bits: -abi.EVFILT_READ, Name: "EVFILT_READ"}, {Bits: -abi.EVFILT_WRITE, Name: "EVFILT_WRITE"}, {Bits: -abi.EVFILT_AIO, Name: "EVFILT_AIO"},
	{Bits: -abi.EVFILT_VNODE, Name: "EVFILT_VNODE"}, {Bits: -abi.EVFILT_PROC, Name: "EVFILT_PROC"}, {Bits: -abi.EVFILT_SIGNAL, Name: "EVFILT_SIGNAL"},
	{Bits: -abi.EVFILT_TIMER, Name: "EVFILT_TIMER"}, {Bits: -abi.EVFILT_PROCDESC, Name: "EVFILT_PROCDESC"}, {Bits: -abi.EVFILT_FS, Name: "EVFILT_FS"},
	{Bits: -abi.EVFILT_LIO, Name: "EVFILT_LIO"}, {Bits: -abi.EVFILT_USER, Name: "EVFILT_USER"}, {Bits: -abi.EVFILT_SENDFILE, Name: "EVFILT_SENDFILE"},
	{Bits: -abi.EVFILT_EMPTY, Name: "EVFILT_EMPTY"},
}

var keventFlagNames = [...]trace.Name{
	{Bits: 0, Name: "0"}, {Bits: abi.EV_ADD, Name: "EV_ADD"}, {Bits: abi.EV_DELETE, Name: "EV_DELETE"}, {Bits: abi.EV_ENABLE, Name: "EV_ENABLE"},
	{Bits: abi.EV_DISABLE, Name: "EV_DISABLE"}, {Bits: abi.EV_ONESHOT, Name: "EV_ONESHOT"}, {Bits: abi.EV_CLEAR, Name: "EV_CLEAR"},
	{Bits: abi.EV_RECEIPT, Name: "EV_RECEIPT"}, {Bits: abi.EV_DISPATCH, Name: "EV_DISPATCH"}, {Bits: abi.EV_FORCEONESHOT, Name: "EV_FORCEONESHOT"},
	{Bits: abi.EV_KEEPUDATA, Name: "EV_KEEPUDATA"}, {Bits: abi.EV_ERROR, Name: "EV_ERROR"}, {Bits: abi.EV_EOF, Name: "EV_EOF"},
}

// noteNames are the names of fflags, by filter (as a positive number).
var noteNames = [16][]trace.Name{
	-abi.EVFILT_READ:  rwNoteNames,
	-abi.EVFILT_WRITE: rwNoteNames,
	-abi.EVFILT_VNODE: {
		{Bits: abi.NOTE_DELETE, Name: "NOTE_DELETE"}, {Bits: abi.NOTE_WRITE, Name: "NOTE_WRITE"}, {Bits: abi.NOTE_EXTEND, Name: "NOTE_EXTEND"},
		{Bits: abi.NOTE_ATTRIB, Name: "NOTE_ATTRIB"}, {Bits: abi.NOTE_LINK, Name: "NOTE_LINK"}, {Bits: abi.NOTE_RENAME, Name: "NOTE_RENAME"},
		{Bits: abi.NOTE_REVOKE, Name: "NOTE_REVOKE"}, {Bits: abi.NOTE_OPEN, Name: "NOTE_OPEN"}, {Bits: abi.NOTE_CLOSE, Name: "NOTE_CLOSE"},
		{Bits: abi.NOTE_CLOSE_WRITE, Name: "NOTE_CLOSE_WRITE"}, {Bits: abi.NOTE_READ, Name: "NOTE_READ"},
	},
	-abi.EVFILT_PROC: {
		{Bits: abi.NOTE_EXIT, Name: "NOTE_EXIT"}, {Bits: abi.NOTE_FORK, Name: "NOTE_FORK"}, {Bits: abi.NOTE_EXEC, Name: "NOTE_EXEC"},
		{Bits: abi.NOTE_TRACK, Name: "NOTE_TRACK"}, {Bits: abi.NOTE_TRACKERR, Name: "NOTE_TRACKERR"}, {Bits: abi.NOTE_CHILD, Name: "NOTE_CHILD"},
	},
	-abi.EVFILT_TIMER: {
		{Bits: abi.NOTE_SECONDS, Name: "NOTE_SECONDS"}, {Bits: abi.NOTE_MSECONDS, Name: "NOTE_MSECONDS"}, {Bits: abi.NOTE_USECONDS, Name: "NOTE_USECONDS"},
		{Bits: abi.NOTE_NSECONDS, Name: "NOTE_NSECONDS"}, {Bits: abi.NOTE_ABSTIME, Name: "NOTE_ABSTIME"},
	},
	-abi.EVFILT_USER: {
		{Bits: abi.NOTE_FFCOPY, Name: "NOTE_FFCOPY"}, {Bits: abi.NOTE_FFAND, Name: "NOTE_FFAND"}, {Bits: abi.NOTE_FFOR, Name: "NOTE_FFOR"},
		{Bits: abi.NOTE_TRIGGER, Name: "NOTE_TRIGGER"},
	},
}

var rwNoteNames = []trace.Name{{Bits: abi.NOTE_LOWAT, Name: "NOTE_LOWAT"}, {Bits: abi.NOTE_FILE_POLL, Name: "NOTE_FILE_POLL"}}

// TraceArg names the flags.
func (f kqueueFlags) TraceArg(*trace.Ctx) string {
	return trace.Flags(uint64(f), []trace.Name{{Bits: 0, Name: "0"}, {Bits: abi.KQUEUE_CLOEXEC, Name: "KQUEUE_CLOEXEC"}})
}

package freebsd

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
)

// Most programs have one kqueue, and most of what they do with it is to wait for
// sockets. That a local routine does (localKevent, kevent_amd64.s), without the
// supervisor: it asks the kqueue's epoll and makes kevents of what comes.
//
// A table in the guest tells it which kqueue that is, whether the supervisor has
// something of its own for who waits, and about each descriptor whether all its
// knotes are as simple as can be: on sockets, EV_CLEAR, and no more. The knotes
// stay here, and such a report changes nothing about them.
//
// What the routine cannot serve it leaves to us together with the events that it
// has already taken from epoll (takeEvents). When the queue gets something that
// does not come from epoll, the state in the table is changed first, and then
// all who sleep in the routine are made to come here (Task.Kick).

// The table, at host.GuestTable: a page with its head, then an entry for each
// descriptor.
type keventHead struct {
	fd    int32
	state uint32
}

type keventEntry struct {
	id    uint32 // as in epoll's events; 0: for the supervisor
	what  uint32
	udata [2]uint64 // of the knotes for reading and for writing
	flags [2]uint16
	_     uint32
}

// States of the table's kqueue.
const (
	keventNone = iota
	keventIdle // nothing but epoll has events
	keventBusy
)

// Bits of keventEntry.what.
const (
	keventReads = 1 << iota
	keventWrites
)

// keventData is what the routine keeps of a thread, at host.ThreadData.
type keventData struct {
	taken    int32 // how many events it has taken from epoll and not reported
	sleeps   uint32
	next     uint32
	out      uint32
	forever  uint32
	answer   int32
	len      int32
	_        uint32
	deadline [2]uint64 // CLOCK_MONOTONIC
	left     [2]uint64
	events   [keventMost][12]byte // struct epoll_event
}

// threadData is all that is kept at host.ThreadData.
type threadData struct {
	kevent keventData // its first word is what host.TakenData says
	alt    altStack
}

var (
	_ = [host.ThreadDataSize]struct{}{}[unsafe.Sizeof(threadData{})-1] // there is room
	_ = [1]struct{}{}[unsafe.Sizeof(keventEntry{})-32]                 // as the routine has it
	_ = [1]struct{}{}[unsafe.Sizeof(abi.Kevent{})-64]
)

//nolint:unused // they are used in kevent_amd64.s
const (
	keventMost  = 32   // events taken from epoll at once
	keventMaxFD = 1024 // descriptors with an entry

	keventTable   = host.GuestTable
	keventFD      = int(unsafe.Offsetof(keventHead{}.fd))
	keventState   = int(unsafe.Offsetof(keventHead{}.state))
	keventEntries = keventTable + pageSize
	keventSize    = pageSize + keventMaxFD*int(unsafe.Sizeof(keventEntry{}))

	keventEntryID    = int(unsafe.Offsetof(keventEntry{}.id))
	keventEntryWhat  = int(unsafe.Offsetof(keventEntry{}.what))
	keventEntryUdata = int(unsafe.Offsetof(keventEntry{}.udata))
	keventEntryFlags = int(unsafe.Offsetof(keventEntry{}.flags))

	keventTaken    = host.ThreadData + int(unsafe.Offsetof(keventData{}.taken))
	keventSleeps   = host.ThreadData + int(unsafe.Offsetof(keventData{}.sleeps))
	keventNext     = host.ThreadData + int(unsafe.Offsetof(keventData{}.next))
	keventOut      = host.ThreadData + int(unsafe.Offsetof(keventData{}.out))
	keventForever  = host.ThreadData + int(unsafe.Offsetof(keventData{}.forever))
	keventAnswer   = host.ThreadData + int(unsafe.Offsetof(keventData{}.answer))
	keventLen      = host.ThreadData + int(unsafe.Offsetof(keventData{}.len))
	keventDeadline = host.ThreadData + int(unsafe.Offsetof(keventData{}.deadline))
	keventLeft     = host.ThreadData + int(unsafe.Offsetof(keventData{}.left))
	keventEvents   = host.ThreadData + int(unsafe.Offsetof(keventData{}.events))

	keventIn          = unix.EPOLLIN
	keventOutBit      = unix.EPOLLOUT
	keventPlain       = keventIn | keventOutBit
	keventFilterRead  = abi.EVFILT_READ & 0xffff
	keventFilterWrite = abi.EVFILT_WRITE & 0xffff

	keventMonotonic     = unix.CLOCK_MONOTONIC
	keventSysWait       = unix.SYS_EPOLL_PWAIT2
	keventSysIoctl      = unix.SYS_IOCTL
	keventSysGetsockopt = unix.SYS_GETSOCKOPT
	keventSolSocket     = unix.SOL_SOCKET
	keventSndbuf        = unix.SO_SNDBUF
	keventUnread        = unix.TIOCINQ
	keventUnsent        = unix.SIOCOUTQ
)

var atKevent uintptr

func localKevent()

// mayBeLocal says that a kqueue which t is about to make may be the one of its
// process that the local routine waits for.
func mayBeLocal(t *emul.Task) bool {
	return procOf(t).kq.local == nil && t.Loop().Patches() && !t.Proc.SharesMemory()
}

// mapKeventTable is the call that makes room for the table, with zeros in it.
func mapKeventTable() emul.Call {
	return emul.NewCall(unix.SYS_MMAP, keventTable, uint64(keventSize), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_FIXED, ^uint64(0), 0)
}

// beLocal makes kq the kqueue of the table, which has just been mapped.
func (kq *kqueue) beLocal(fd int32) {
	kq.proc.kq.local = kq
	kq.localFD, kq.shownState = fd, keventNone
	kq.showState()
}

func (kq *kqueue) isLocal() bool { return kq.proc != nil && kq.proc.kq.local == kq }

// showState brings the table's state up to date.
func (kq *kqueue) showState() {
	if !kq.isLocal() {
		return
	}
	want := uint32(keventIdle)
	if len(kq.queue) > 0 || kq.proc.kq.vnodes != nil { // those are to be looked for, not waited for
		want = keventBusy
	}
	t := kq.proc.live()
	if want == kq.shownState || t == nil {
		return
	}
	kq.shownState = want
	guest.Ptr[keventHead](keventTable).Store(t, keventHead{kq.localFD, want})
}

// endLocal is told that descriptor fd is not kq's any more.
func (kq *kqueue) endLocal(fd int32) {
	if !kq.isLocal() || kq.localFD != fd {
		return
	}
	if t := kq.proc.live(); t != nil {
		guest.Ptr[keventHead](keventTable).Store(t, keventHead{})
	}
	kq.rouseLocal()
	kq.proc.kq.local = nil
}

// rouseLocal makes all who sleep in the routine come to us.
func (kq *kqueue) rouseLocal() {
	if !kq.isLocal() {
		return
	}
	for _, t := range kq.proc.Tasks {
		at := guest.Ptr[uint32](t.ThreadData()) + guest.Ptr[uint32](unsafe.Offsetof(keventData{}.sleeps))
		if sleeps, err := at.Load(t); err == nil && sleeps != 0 {
			t.Kick()
		}
	}
}

// show brings the table's entry of a descriptor up to date.
func (e *polled) show() {
	if !e.kq.isLocal() || e.fd >= keventMaxFD {
		return
	}
	entry := e.entry()
	t := e.kq.proc.live()
	if entry == e.shown || t == nil {
		return
	}
	e.shown = entry
	at := guest.Ptr[keventEntry](keventEntries).Add(int(e.fd))
	if entry.id != 0 && at.Store(t, keventEntry{}) != nil { // it may be read meanwhile
		return
	}
	at.Store(t, entry)
}

// entry is what the routine may know of a descriptor.
func (e *polled) entry() (entry keventEntry) {
	if e.kind != kindSocket || e.listening || e.closed || e.unused() {
		return keventEntry{}
	}
	for i, kn := range e.notes {
		if kn == nil {
			continue
		}
		if kn.disabled || kn.sfflags != 0 || kn.ev.Fflags != 0 || kn.ev.Ext != [4]uint64{} ||
			kn.ev.Flags&abi.EV_CLEAR == 0 || kn.ev.Flags&(abi.EV_ONESHOT|abi.EV_DISPATCH) != 0 {
			return keventEntry{}
		}
		entry.what |= keventReads << i
		entry.udata[i], entry.flags[i] = kn.ev.Udata, kn.ev.Flags
	}
	entry.id = e.id
	return entry
}

// takeEvents takes over what the routine has taken from epoll in t and not
// reported: it is to be found in the queue from now on. If the routine was to
// sleep for some time, left is what remains of it.
func takeEvents(t *emul.Task) (left time.Duration, timed bool) {
	kq := procOf(t).kq.local
	if kq == nil {
		return 0, false
	}
	at := guest.Ptr[[2]uint32](t.ThreadData()) // taken, sleeps
	now, err := at.Load(t)
	if err != nil || now == [2]uint32{} {
		return 0, false
	}
	d, err := guest.Ptr[keventData](t.ThreadData()).Load(t)
	at.Store(t, [2]uint32{})
	if err != nil {
		return 0, false
	}
	for _, ev := range d.events[:min(max(d.taken, 0), keventMost)] {
		for _, kn := range kq.match(pollEvents(ev[:], 1)[0]) {
			kn.activate()
		}
	}
	if d.sleeps == 0 || d.deadline == [2]uint64{} {
		return 0, false
	}
	var mono unix.Timespec
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono)
	return time.Duration(d.deadline[0])*time.Second + time.Duration(d.deadline[1]) - time.Duration(mono.Nano()), true
}

// forgetEvents begins the data of a new thread, by way of m, a stopped thread
// with the same memory.
func forgetEvents(m guest.Memory, th *thread) {
	guest.Ptr[[2]uint32](th.ThreadData()).Store(m, [2]uint32{})
}

// forgetTable tells a forked child's copy of the table that its kqueue is not there.
func forgetTable(child *emul.Process) {
	if t := child.Any(); t != nil {
		guest.Ptr[keventHead](keventTable).Store(t, keventHead{})
	}
}

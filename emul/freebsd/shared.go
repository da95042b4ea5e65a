package freebsd

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
)

// Which memory a process shares, as objects that have the same name in every
// process: what FreeBSD's keys of type PROCESS_SHARE are made of. Linux tells
// that in /proc only, which a guest's root may lack.

// object is a file (device and inode number), or one of those below.
type object struct{ dev, ino uint64 }

// Devices of objects that are no files; their numbers are this supervisor's.
const (
	objAnon    = ^uint64(0) - iota // anonymous memory, shared by fork
	objSysV                        // a System V segment, by its ID
	objPrivate                     // a process's own memory, as a whole
)

// sharedMap is a mapping of an object, from at to end, beginning at off in it.
type sharedMap struct {
	at, end uint64
	object
	off uint64
}

// share notes a new mapping. The list is never changed in place: a forked
// process has the same one.
func (m *procMemory) share(s sharedMap) {
	m.unshare(s.at, s.end-s.at)
	m.shared = append(m.shared[:len(m.shared):len(m.shared)], s)
}

// unshare notes that nothing is mapped at [at, at+n) any more.
func (m *procMemory) unshare(at, n uint64) {
	end := at + n
	touched := func(s *sharedMap) bool { return s.at < end && at < s.end }
	any := false
	for i := range m.shared {
		any = any || touched(&m.shared[i])
	}
	if !any {
		return
	}
	var left []sharedMap
	for _, s := range m.shared {
		if !touched(&s) {
			left = append(left, s)
			continue
		}
		if s.at < at {
			left = append(left, sharedMap{s.at, at, s.object, s.off})
		}
		if end < s.end {
			left = append(left, sharedMap{end, s.end, s.object, s.off + end - s.at})
		}
	}
	m.shared = left
}

// detach is unshare for a System V segment, whose size is known.
func (m *procMemory) detach(at uint64) {
	for _, s := range m.shared {
		if s.at == at && s.dev == objSysV {
			m.unshare(s.at, s.end-s.at)
			return
		}
	}
}

// sharedAt tells what object is mapped at a, and where in it a is.
func (m *procMemory) sharedAt(a uint64) (o object, off uint64, ok bool) {
	for _, s := range m.shared {
		if s.at <= a && a < s.end {
			return s.object, s.off + a - s.at, true
		}
	}
	return object{}, 0, false
}

// noteMapping keeps the list true after mmap has mapped n bytes at at.
func noteMapping(t *emul.Task, at, n uint64, fl uint32, fd FD, off uint64, then func() emul.Action) emul.Action {
	p := procOf(t)
	if fl&mapShared != 0 && len(p.mem.shared) == 0 {
		t.KeepMappings()
	}
	if fl&mapShared == 0 {
		p.mem.unshare(at, n)
		return then()
	}
	s := sharedMap{at: at, end: at + n, off: off}
	if fl&mapAnon != 0 {
		s.object, s.off = object{objAnon, p.os.newObject()}, 0
		p.mem.share(s)
		return then()
	}
	buf := emul.Alloc[unix.Stat_t](t)
	return emul.Host(unix.SYS_FSTAT, uint64(fd), uint64(buf)).Atomic().Then(func(r emul.Ret) emul.Action {
		if st, err := buf.Load(t); err == nil && r.Err() == nil {
			s.object = object{st.Dev, st.Ino}
			p.mem.share(s)
		}
		return then()
	})
}

// newObject gives a number to something that is no file.
func (o *OS) newObject() uint64 {
	o.objects++
	return o.objects
}

package freebsd

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
)

// vnodeWatch is the inotify instance behind a process's EVFILT_VNODE knotes.
// It is the supervisor's, and needs /proc to get at the guest's files.
type vnodeWatch struct {
	w     *readable
	fd    int
	users map[int32][]vnodeUser // by watch descriptor
	// drains counts the times that events were read until there was none left.
	drains int
}

// vnodeUser wants to know what happens to a file.
type vnodeUser interface {
	changed(mask uint32, named bool)
}

// pollGrowth is how often a file is looked at when nothing on the host tells
// that it has grown.
const pollGrowth = 100 * time.Millisecond

// guestFile returns the name under which the supervisor finds a descriptor of p.
func (p *process) guestFile(fd int32) (string, bool) {
	t := p.Any()
	if t == nil {
		return "", false
	}
	return hostProc(fmt.Sprintf("/proc/%d/fd/%d", t.Tid, fd)), true
}

// watchVnode starts to tell u about the file at path.
func (p *process) watchVnode(path string, mask uint32, u vnodeUser) (int32, error) {
	if p.kq.vnodes == nil {
		fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
		if err != nil {
			return 0, err
		}
		v := &vnodeWatch{fd: fd, users: map[int32][]vnodeUser{}}
		v.w, err = watchReadable(fd, p.Loop(), func() bool { v.drain(); return true })
		if err != nil {
			return 0, err
		}
		p.kq.vnodes = v
		if p.kq.local != nil {
			p.kq.local.showState()
		}
	}
	v := p.kq.vnodes
	wd, err := unix.InotifyAddWatch(v.fd, path, mask|unix.IN_MASK_ADD)
	if err != nil {
		return 0, err
	}
	v.users[int32(wd)] = append(v.users[int32(wd)], u)
	return int32(wd), nil
}

// unwatchVnode ends what watchVnode began.
func (p *process) unwatchVnode(wd int32, u vnodeUser) {
	v := p.kq.vnodes
	if v == nil || v.users[wd] == nil {
		return
	}
	left := v.users[wd]
	if i := slices.Index(left, u); i >= 0 {
		left = slices.Delete(left, i, i+1)
	}
	v.users[wd] = left
	if len(left) == 0 {
		delete(v.users, wd)
		_, _ = unix.InotifyRmWatch(v.fd, uint32(wd)) // gone already when the file is
	}
}

func (v *vnodeWatch) close() {
	if v != nil && v.w != nil {
		v.w.close()
		v.w = nil
	}
}

// drainVnodes takes note of what has happened to watched files by now.
func (k *kqueues) drainVnodes() {
	if k.vnodes != nil {
		k.vnodes.drain()
	}
}

func (v *vnodeWatch) drain() {
	if v.w == nil {
		return
	}
	v.drains++
	var buf [8192]byte
	for {
		n, err := unix.Read(v.fd, buf[:])
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return
		}
		for b := buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
			wd := int32(binary.LittleEndian.Uint32(b))
			mask := binary.LittleEndian.Uint32(b[4:])
			size := int(binary.LittleEndian.Uint32(b[12:]))
			b = b[unix.SizeofInotifyEvent+size:]
			v.event(wd, mask, size > 0)
		}
	}
}

func (v *vnodeWatch) event(wd int32, mask uint32, named bool) {
	if mask&unix.IN_Q_OVERFLOW != 0 {
		for _, us := range v.users {
			for _, u := range us {
				u.changed(unix.IN_MODIFY, false)
			}
		}
		return
	}
	us := slices.Clone(v.users[wd])
	if mask&unix.IN_IGNORED != 0 {
		delete(v.users, wd)
		return
	}
	for _, u := range us {
		u.changed(mask, named)
	}
}

// vnodeFilter is EVFILT_VNODE (filt_vfsvnode).
type vnodeFilter struct {
	kn     *knote
	fd     int32
	dir    bool
	wd     int32
	parent int32  // watch of the directory that a watched directory is in, or -1
	asked  uint32 // the NOTE_* that are watched for
	state  xlat.FileState
	nest   nestWatch
	// early is the drain in which a change of the link count was seen before
	// the event that tells of it.
	early int
}

// nestWatch hears of entries that go from the directory above a watched
// directory: the only sign that Linux gives of an open directory's removal.
type nestWatch struct{ f *vnodeFilter }

func (f *vnodeFilter) attach(kn *knote) error {
	f.kn, f.parent, f.nest.f = kn, -1, f
	path, ok := kn.kq.proc.guestFile(f.fd)
	if !ok {
		return abi.EBADF
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		kn.kq.debugf("kqueue: EVFILT_VNODE needs /proc: %v", err)
		return abi.EOPNOTSUPP
	}
	f.state = xlat.FileState{Size: st.Size, Nlink: st.Nlink}
	f.dir = st.Mode&unix.S_IFMT == unix.S_IFDIR
	return f.watch(path)
}

// watch watches for what the knote asks now, and for a few events that are
// rare and keep f.state right.
func (f *vnodeFilter) watch(path string) error {
	kn := f.kn
	p, had := kn.kq.proc, f.asked != 0
	wd, err := p.watchVnode(path, xlat.InotifyMask(kn.sfflags|abi.NOTE_DELETE|abi.NOTE_RENAME), f)
	if err != nil {
		kn.kq.debugf("kqueue: inotify on descriptor %d: %v", f.fd, err)
		if err == unix.ENOSPC || err == unix.EMFILE {
			return abi.ENOMEM
		}
		return xlat.ErrnoOf(err)
	}
	if had {
		p.unwatchVnode(f.wd, f) // counted twice now
	}
	f.wd, f.asked = wd, kn.sfflags|abi.NOTE_DELETE|abi.NOTE_RENAME
	f.watchParent(path)
	return nil
}

func (f *vnodeFilter) watchParent(path string) {
	if !f.dir || f.kn.sfflags&abi.NOTE_DELETE == 0 {
		return
	}
	p := f.kn.kq.proc
	if f.parent >= 0 {
		p.unwatchVnode(f.parent, &f.nest)
		f.parent = -1
	}
	if wd, err := p.watchVnode(path+"/..", unix.IN_DELETE|unix.IN_MOVED_TO, &f.nest); err == nil {
		f.parent = wd
	}
}

func (f *vnodeFilter) detach(kn *knote) {
	p := kn.kq.proc
	p.unwatchVnode(f.wd, f)
	if f.parent >= 0 {
		p.unwatchVnode(f.parent, &f.nest)
	}
}

func (f *vnodeFilter) ready(kn *knote) bool {
	if kn.sfflags&^f.asked != 0 {
		if path, ok := kn.kq.proc.guestFile(f.fd); ok {
			_ = f.watch(path) // what could be watched before still is
		}
	}
	return kn.ev.Fflags != 0
}

// look brings f.state up to date and returns what it was.
func (f *vnodeFilter) look() (before xlat.FileState) {
	before = f.state
	var st unix.Stat_t
	if path, ok := f.kn.kq.proc.guestFile(f.fd); ok && unix.Stat(path, &st) == nil {
		f.state = xlat.FileState{Size: st.Size, Nlink: st.Nlink}
	}
	return before
}

func (f *vnodeFilter) changed(mask uint32, named bool) {
	before := f.look()
	links := mask&unix.IN_ATTRIB != 0 && !named
	if f.dir {
		// A directory's link count also tells of directories within it.
		if f.state.Nlink == 0 && before.Nlink > 0 {
			f.note(abi.NOTE_DELETE)
		}
		before.Nlink = f.state.Nlink
	} else if before.Nlink != f.state.Nlink && !links {
		// The event that belongs to it is still to come.
		f.early = f.kn.kq.proc.kq.vnodes.drains
		f.note(xlat.VnodeNotes(unix.IN_ATTRIB, false, before, f.state))
	} else if links && before.Nlink == f.state.Nlink && f.early == f.kn.kq.proc.kq.vnodes.drains {
		f.early = 0
		mask &^= unix.IN_ATTRIB
	}
	f.note(xlat.VnodeNotes(mask, named, before, f.state))
	if mask&unix.IN_MOVE_SELF != 0 && f.parent >= 0 {
		if path, ok := f.kn.kq.proc.guestFile(f.fd); ok {
			f.watchParent(path)
		}
	}
}

func (f *vnodeFilter) note(notes uint32) {
	kn := f.kn
	if notes&abi.NOTE_REVOKE != 0 {
		kn.ev.Flags |= abi.EV_EOF
	}
	if notes &= kn.sfflags; notes != 0 || kn.ev.Flags&abi.EV_EOF != 0 {
		kn.ev.Fflags |= notes
		kn.activate()
	}
}

func (n *nestWatch) changed(uint32, bool) {
	f := n.f
	if before := f.look(); before.Nlink > 0 && f.state.Nlink == 0 {
		f.note(abi.NOTE_DELETE)
	}
}

// growth reactivates an EVFILT_READ knote on a file that was at its end.
type growth struct {
	kn   *knote
	wd   int32
	stop func()
}

// awaitGrowth has kn looked at again when its file changes.
func (e *polled) awaitGrowth(kn *knote) {
	p := e.kq.proc
	if e.growth != nil {
		return
	}
	g := &growth{kn: kn, wd: -1}
	if path, ok := p.guestFile(e.fd); ok {
		if wd, err := p.watchVnode(path, unix.IN_MODIFY, g); err == nil {
			g.wd = wd
			e.growth = g
			// It may have grown since it was looked at.
			g.stop = e.kq.after(pollGrowth, func() { g.stop = nil; kn.activate() })
			return
		}
	}
	e.growth = g
	g.poll(e)
}

// poll stands in for inotify.
func (g *growth) poll(e *polled) {
	g.stop = e.kq.after(pollGrowth, func() {
		g.stop = nil
		g.kn.activate()
		g.poll(e)
	})
}

func (g *growth) changed(mask uint32, _ bool) {
	if mask&unix.IN_MODIFY != 0 {
		g.kn.activate()
	}
}

// endGrowth ends awaitGrowth.
func (e *polled) endGrowth() {
	g := e.growth
	if g == nil {
		return
	}
	e.growth = nil
	if g.wd >= 0 {
		e.kq.proc.unwatchVnode(g.wd, g)
	}
	if g.stop != nil {
		g.stop()
	}
}

// readable watches one of the supervisor's own descriptors.
type readable struct{ f *os.File }

// watchReadable has on called by the loop whenever fd, which it takes over, is
// readable, until on says false or the watch is closed. Its goroutine ends with it.
func watchReadable(fd int, l *emul.Loop, on func() bool) (*readable, error) {
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, err
	}
	r := &readable{f: os.NewFile(uintptr(fd), "kqueue watch")}
	conn, err := r.f.SyscallConn()
	if err != nil {
		r.f.Close()
		return nil, err
	}
	l.Go(func() {
		for {
			err := conn.Read(func(fd uintptr) bool {
				p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
				n, _ := unix.Poll(p, 0)
				return n > 0
			})
			if err != nil {
				return
			}
			more := false
			l.Post(func() { more = r.open() && on() })
			if !more {
				return
			}
		}
	})
	return r, nil
}

func (r *readable) open() bool { return r.f != nil }

// close ends the watch. It is called on the loop's thread.
func (r *readable) close() {
	if r.f != nil {
		r.f.Close()
		r.f = nil
	}
}

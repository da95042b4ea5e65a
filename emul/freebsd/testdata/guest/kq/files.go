package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// Files.

func tempFile() (*os.File, string) {
	f, err := os.CreateTemp("", "kq")
	must(err)
	return f, f.Name()
}

func files() {
	kq := newKq()
	f, path := tempFile()
	fd := int(f.Fd())
	ids[uint64(fd)] = "file"
	write(fd, "0123456789")
	unix.Seek(fd, 4, 0)
	get("file", kq, ev(fd, unix.EVFILT_READ, unix.EV_ADD, 0, 0))
	get("file again", kq)
	unix.Seek(fd, 10, 0)
	get("file, at its end", kq)
	unix.Seek(fd, 12, 0)
	get("file, behind its end", kq, ev(fd, unix.EVFILT_READ, unix.EV_ADD, 0, 0))
	unix.Seek(fd, 10, 0)
	get("file, at its end", kq)
	other, err := unix.Open(path, unix.O_WRONLY|unix.O_APPEND, 0)
	must(err)
	write(other, "abc")
	await("file, has grown", kq)
	get("file, poll", kq, ev(fd, unix.EVFILT_READ, unix.EV_ADD, 0x2, 0))
	get("file, deleted", kq, ev(fd, unix.EVFILT_READ, unix.EV_DELETE, 0, 0))
	get("file, writable", kq, ev(fd, unix.EVFILT_WRITE, unix.EV_ADD|unix.EV_ONESHOT, 0, 0))
	delete(ids, uint64(fd))
	f.Close()
	os.Remove(path)
	closeAll(kq, other)
}

func vnodes() {
	kq := newKq()
	f, path := tempFile()
	fd := int(f.Fd())
	ids[uint64(fd)] = "file"
	const all = unix.NOTE_DELETE | unix.NOTE_WRITE | unix.NOTE_EXTEND | unix.NOTE_ATTRIB | unix.NOTE_LINK | unix.NOTE_RENAME
	get("vnode", kq, ev(fd, unix.EVFILT_VNODE, unix.EV_ADD|unix.EV_CLEAR, all, 0))
	write(fd, "hello")
	get("vnode, extended", kq)
	unix.Pwrite(fd, []byte("J"), 0)
	get("vnode, written", kq)
	must(os.Chmod(path, 0o640))
	get("vnode, chmod", kq)
	must(os.Truncate(path, 1))
	get("vnode, truncated", kq)
	must(os.Link(path, path+".l"))
	get("vnode, linked", kq)
	must(os.Rename(path, path+".n"))
	get("vnode, renamed", kq)
	must(os.Remove(path + ".l"))
	get("vnode, a name removed", kq)
	must(os.Remove(path + ".n"))
	get("vnode, removed", kq)
	get("vnode, quiet", kq)
	must(change(kq, ev(fd, unix.EVFILT_VNODE, unix.EV_ADD, unix.NOTE_WRITE, 0)))
	must(f.Chmod(0o600))
	get("vnode, not asked for", kq)
	delete(ids, uint64(fd))
	f.Close()

	dir, err := os.MkdirTemp("", "kq")
	must(err)
	must(os.Mkdir(dir+"/sub", 0o755))
	d, err := unix.Open(dir+"/sub", unix.O_RDONLY, 0)
	must(err)
	ids[uint64(d)] = "dir"
	get("dir", kq, ev(d, unix.EVFILT_VNODE, unix.EV_ADD|unix.EV_CLEAR, all, 0))
	must(os.WriteFile(dir+"/sub/x", nil, 0o644))
	get("dir, file made", kq)
	must(os.WriteFile(dir+"/sub/x", []byte("data"), 0o644))
	get("dir, file written", kq)
	must(os.Mkdir(dir+"/sub/d", 0o755))
	get("dir, directory made", kq)
	must(os.Rename(dir+"/sub/x", dir+"/sub/y"))
	get("dir, file renamed", kq)
	must(os.Remove(dir + "/sub/y"))
	get("dir, file removed", kq)
	must(os.Remove(dir + "/sub/d"))
	get("dir, directory removed", kq)
	must(os.Remove(dir + "/sub"))
	get("dir, removed itself", kq)
	closeAll(d, kq)
	os.RemoveAll(dir)
}

// Command files tries the calls on files and names, below a directory that it
// makes, and prints what FreeBSD answers.
package main

import (
	"fmt"
	"os"
	"sort"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Flags that x/sys does not have for every release.
const (
	oExec    = 0x00040000
	oPath    = 0x00400000
	oBeneath = 0x00800000
)

func show(what string, v ...any) { fmt.Println(append([]any{what + ":"}, v...)...) }

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func errno(e syscall.Errno) error {
	if e == 0 {
		return nil
	}
	return e
}

// name prints an error as FreeBSD numbers it.
func name(err error) string {
	if err == nil {
		return "ok"
	}
	if e, ok := err.(syscall.Errno); ok {
		return unix.ErrnoName(e)
	}
	return err.Error()
}

func str(s string) uintptr {
	p, err := syscall.BytePtrFromString(s)
	must(err)
	kept = append(kept, p)
	return uintptr(unsafe.Pointer(p))
}

// kept keeps memory on the heap that is known to the system by number only.
var kept []any

func keep(b []byte) []byte {
	kept = append(kept, b)
	return b
}

func call(nr uintptr, a ...uintptr) (uintptr, error) {
	for len(a) < 6 {
		a = append(a, 0)
	}
	r, _, e := syscall.Syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
	return r, errno(e)
}

func create(path, data string) {
	must(os.WriteFile(path, []byte(data), 0644))
}

func opens() {
	create("file", "contents")
	must(os.Mkdir("dir", 0755))
	must(os.Symlink("file", "link"))
	must(os.Symlink("loop", "loop"))
	must(os.Symlink("dir", "dirlink"))
	for _, c := range []struct {
		what, path string
		flags      int
	}{
		{"missing", "missing", unix.O_RDONLY},
		{"nofollow link", "link", unix.O_NOFOLLOW},
		{"nofollow directory link", "dirlink", unix.O_NOFOLLOW | unix.O_DIRECTORY},
		{"nofollow file", "file", unix.O_NOFOLLOW},
		{"loop", "loop", unix.O_RDONLY},
		{"loop further up, nofollow", "loop/x", unix.O_NOFOLLOW},
		{"directory, is a file", "file", unix.O_DIRECTORY},
		{"write a directory", "dir", unix.O_WRONLY},
		{"create a directory's name", "dir", unix.O_CREAT},
		{"create with O_DIRECTORY", "nothing", unix.O_CREAT | unix.O_DIRECTORY},
		{"create exclusively with O_DIRECTORY", "nothing", unix.O_CREAT | unix.O_EXCL | unix.O_DIRECTORY},
		{"exclusive", "file", unix.O_CREAT | unix.O_EXCL},
		{"both modes", "file", unix.O_WRONLY | unix.O_RDWR},
		{"O_EXEC and O_RDWR", "file", oExec | unix.O_RDWR},
		{"beneath, up", "../x", oBeneath},
		{"beneath", "dir/../file", oBeneath},
		{"beneath, absolute", "/etc/passwd", oBeneath},
		{"file as directory", "file/x", unix.O_RDONLY},
	} {
		fd, err := unix.Open(c.path, c.flags, 0644)
		show("open "+c.what, name(err))
		if err == nil {
			unix.Close(fd)
		}
	}
	old := unix.Umask(0)
	fd, err := unix.Open("sticky", unix.O_CREAT|unix.O_WRONLY, 07777)
	must(err)
	unix.Umask(old)
	var st unix.Stat_t
	must(unix.Fstat(fd, &st))
	show("open with the sticky bit", fmt.Sprintf("%o", st.Mode))
	unix.Close(fd)

	// Locks by open.
	a, err := unix.Open("file", unix.O_RDWR|unix.O_EXLOCK, 0)
	must(err)
	_, err = unix.Open("file", unix.O_RDWR|unix.O_EXLOCK|unix.O_NONBLOCK|unix.O_TRUNC, 0)
	must(unix.Fstat(a, &st))
	show("second O_EXLOCK", name(err), "size", st.Size)
	_, err = unix.Open("file", unix.O_RDWR|unix.O_SHLOCK|unix.O_NONBLOCK, 0)
	show("O_SHLOCK", name(err))
	must(unix.Flock(a, unix.LOCK_UN))
	b, err := unix.Open("file", unix.O_RDWR|unix.O_EXLOCK|unix.O_NONBLOCK|unix.O_TRUNC, 0)
	must(unix.Fstat(a, &st))
	show("O_EXLOCK after unlock", name(err), "size", st.Size)
	show("flock without operation", name(unix.Flock(a, unix.LOCK_NB)))
	unix.Close(a)
	unix.Close(b)

	// O_EXEC: neither read nor write.
	x, err := unix.Open("/bin/sh", oExec, 0)
	_, rerr := unix.Read(x, make([]byte, 1))
	show("O_EXEC", name(err), "read", name(rerr))
	unix.Close(x)
	p, err := unix.Open("link", oPath|unix.O_NOFOLLOW, 0)
	must(err)
	must(unix.Fstat(p, &st))
	_, rerr = unix.Read(p, make([]byte, 1))
	fl, err := unix.FcntlInt(uintptr(p), unix.F_GETFL, 0)
	show("O_PATH link", fmt.Sprintf("%o", st.Mode&unix.S_IFMT), "read", name(rerr), "flags", fmt.Sprintf("%#x", fl), name(err))
	unix.Close(p)
}

func reads() {
	create("data", "0123456789")
	fd, err := unix.Open("data", unix.O_RDWR, 0)
	must(err)
	buf := keep(make([]byte, 4))
	n, err := unix.Pread(fd, buf, 3)
	show("pread", n, string(buf), name(err))
	_, err = unix.Pread(fd, buf, -1)
	show("pread before the beginning", name(err))
	off, err := unix.Seek(fd, 0, 3)
	show("SEEK_DATA", off, name(err))
	off, err = unix.Seek(fd, 0, 4)
	show("SEEK_HOLE", off, name(err))
	_, err = unix.Seek(fd, 100, 3)
	show("SEEK_DATA behind the end", name(err))
	_, err = unix.Seek(fd, -1, 0)
	show("seek before the beginning", name(err))
	_, err = unix.Seek(fd, 0, 9)
	show("seek nowhere", name(err))
	a, b := keep([]byte("AB")), keep([]byte("CDE"))
	iov := []unix.Iovec{{Base: &a[0], Len: 2}, {Base: &b[0], Len: 3}}
	kept = append(kept, iov)
	r, err := call(290, uintptr(fd), uintptr(unsafe.Pointer(&iov[0])), 2, 4)
	show("pwritev", r, name(err))
	r, err = call(289, uintptr(fd), uintptr(unsafe.Pointer(&iov[0])), 2, 0)
	show("preadv", r, string(a), string(b), name(err))
	r, err = call(173, uintptr(fd), uintptr(unsafe.Pointer(&buf[0])), 4, 0, 3) // freebsd6_pread
	show("freebsd6_pread", r, string(buf), name(err))
	_, err = unix.Read(fd, unsafe.Slice((*byte)(unsafe.Pointer(&buf[0])), 0))
	show("read nothing", name(err))
	unix.Seek(fd, 0, 0)
	_, _, e := syscall.Syscall(3, uintptr(fd), 0x10, 4)
	show("read to a bad address", name(errno(e)))
	d, err := unix.Open("dir", unix.O_RDONLY, 0)
	must(err)
	_, err = unix.Read(d, buf)
	show("read a directory", name(err))
	unix.Close(d)
	show("ftruncate", name(unix.Ftruncate(fd, 5)))
	show("ftruncate negative", name(unix.Ftruncate(fd, -1)))
	r, err = call(530, uintptr(fd), 0, 100) // posix_fallocate
	var st unix.Stat_t
	must(unix.Fstat(fd, &st))
	show("posix_fallocate", r, name(err), st.Size)
	r, err = call(530, uintptr(fd), 0, 0)
	show("posix_fallocate of nothing", r, name(err))
	r, err = call(530, 99, 0, 1)
	show("posix_fallocate of a bad descriptor", r, name(err))
	r, err = call(531, uintptr(fd), 0, 0, 2)
	show("posix_fadvise", r, name(err))
	out, err := unix.Open("copy", unix.O_RDWR|unix.O_CREAT|unix.O_TRUNC, 0644)
	must(err)
	in := int64(0)
	r, err = call(569, uintptr(fd), uintptr(unsafe.Pointer(&in)), uintptr(out), 0, 5, 0)
	n, _ = unix.Pread(out, buf, 0)
	show("copy_file_range", r, name(err), in, string(buf[:n]))
	r, err = call(569, uintptr(fd), 0, uintptr(out), 0, 5, 1)
	show("copy_file_range flags", name(err))
	show("fsync", name(unix.Fsync(fd)))
	unix.Close(fd)
	unix.Close(out)
	show("close twice", name(unix.Close(fd)))
	var pfd [2]int
	must(unix.Pipe2(pfd[:], unix.O_CLOEXEC|unix.O_NONBLOCK))
	fl, _ := unix.FcntlInt(uintptr(pfd[0]), unix.F_GETFD, 0)
	_, err = unix.Read(pfd[0], buf)
	show("pipe2", fl, name(err))
	_, err = unix.Seek(pfd[0], 0, 1)
	show("seek a pipe", name(err))
	show("pipe2 with a bad flag", name(unix.Pipe2(make([]int, 2), unix.O_APPEND)))
	r1, r2, e := syscall.RawSyscall(42, 0, 0, 0) // pipe of FreeBSD 10
	must(errno(e))
	syscall.Write(int(r2), []byte("old"))
	n, err = syscall.Read(int(r1), buf)
	show("freebsd10_pipe", string(buf[:n]), name(err))
	for _, f := range []int{pfd[0], pfd[1], int(r1), int(r2)} {
		unix.Close(f)
	}
}

func names() {
	must(os.MkdirAll("n/full/inner", 0755))
	must(os.Mkdir("n/empty", 0755))
	create("n/file", "x")
	must(os.Symlink("file", "n/link"))
	must(os.Symlink("later", "n/dangling"))
	for _, c := range []struct {
		what string
		err  error
	}{
		{"unlink a directory", unix.Unlink("n/empty")},
		{"unlink nothing", unix.Unlink("n/none")},
		{"rmdir a file", unix.Rmdir("n/file")},
		{"rmdir a full one", unix.Rmdir("n/full")},
		{"rmdir .", unix.Rmdir("n/empty/.")},
		{"unlinkat a directory", unix.Unlinkat(unix.AT_FDCWD, "n/empty", 0)},
		{"unlinkat AT_REMOVEDIR", unix.Unlinkat(unix.AT_FDCWD, "n/file", unix.AT_REMOVEDIR)},
		{"mkdir existing", unix.Mkdir("n/empty", 0755)},
		{"mkdir below a file", unix.Mkdir("n/file/x", 0755)},
		{"mkdir behind a dangling link", unix.Mkdir("n/dangling/", 0755)},
		{"link a directory", unix.Link("n/empty", "n/hard")},
		{"link over", unix.Link("n/file", "n/link")},
		{"link a link", unix.Link("n/link", "n/hard")},
		{"symlink over", unix.Symlink("x", "n/file")},
		{"rename onto a full directory", unix.Rename("n/empty", "n/full")},
		{"rename a directory onto a file", unix.Rename("n/empty", "n/file")},
		{"rename a file onto a directory", unix.Rename("n/file", "n/empty")},
		{"rename into itself", unix.Rename("n/full", "n/full/inner/x")},
		{"rename .", unix.Rename("n/empty/.", "n/x")},
		{"rename ..", unix.Rename("n/empty/..", "n/x")},
		{"rename nothing", unix.Rename("n/none", "n/x")},
		{"rename", unix.Rename("n/hard", "n/hard2")},
		{"mkfifo", unix.Mkfifo("n/fifo", 0600)},
		{"mkfifo existing", unix.Mkfifo("n/file", 0600)},
		{"mknod a regular file", unix.Mknod("n/reg", unix.S_IFREG|0600, 0)},
		{"chdir a file", unix.Chdir("n/file")},
		{"chdir nowhere", unix.Chdir("n/none")},
		{"access", unix.Access("n/file", unix.R_OK|unix.W_OK)},
		{"access with bad bits", unix.Access("n/file", 8)},
		{"access nothing", unix.Access("n/none", unix.F_OK)},
		{"faccessat AT_EACCESS", unix.Faccessat(unix.AT_FDCWD, "n/file", unix.R_OK, unix.AT_EACCESS)},
		{"fstatat bad flag", unix.Fstatat(unix.AT_FDCWD, "n/file", new(unix.Stat_t), 1)},
		{"name too long", unix.Mkdir(strings.Repeat("x", 256), 0755)},
		{"path too long", unix.Mkdir(strings.Repeat("x/", 5000), 0755)},
	} {
		show(c.what, name(c.err))
	}
	var st unix.Stat_t
	must(unix.Lstat("n/hard2", &st))
	show("a link to a link is one to the file", st.Mode&unix.S_IFMT == unix.S_IFREG, st.Nlink)
	must(unix.Lstat("n/later", &st))
	show("mkdir followed the link", st.Mode&unix.S_IFMT == unix.S_IFDIR)
	buf := keep(make([]byte, 100))
	n, err := unix.Readlink("n/link", buf)
	show("readlink", string(buf[:n]), name(err))
	n, err = unix.Readlink("n/link", buf[:2])
	show("readlink into two bytes", string(buf[:n]), name(err))
	_, err = unix.Readlink("n/file", buf)
	show("readlink a file", name(err))
	_, err = call(326, uintptr(unsafe.Pointer(&buf[0])), 1) // __getcwd
	show("__getcwd into one byte", name(err))
	_, err = call(326, uintptr(unsafe.Pointer(&buf[0])), 3)
	show("__getcwd into three", name(err))
	_, err = call(574, ^uintptr(99), str("n/../n/link"), uintptr(unsafe.Pointer(&buf[0])), 100, 0) // __realpathat
	wd, _ := os.Getwd()
	show("__realpathat", strings.TrimRight(string(buf), "\x00") == wd+"/n/file" || err == syscall.ENOSYS)
	// funlinkat removes the file that is open only.
	fd, err := unix.Open("n/file", unix.O_RDONLY, 0)
	must(err)
	create("n/other", "")
	_, err = call(568, ^uintptr(99), str("n/other"), uintptr(fd), 0)
	show("funlinkat of another file", name(err))
	_, err = call(568, ^uintptr(99), str("n/file"), uintptr(fd), 0)
	show("funlinkat", name(err))
	unix.Close(fd)
}

func attributes() {
	create("attr", "hello")
	var st unix.Stat_t
	must(unix.Stat("attr", &st))
	show("stat", fmt.Sprintf("%o", st.Mode), st.Size, st.Nlink, st.Btim.Sec == -1 || st.Btim.Sec > 1e9, st.Blksize >= 4096)
	must(unix.Chmod("attr", 06755))
	must(unix.Stat("attr", &st))
	show("chmod", fmt.Sprintf("%o", st.Mode))
	must(unix.Fchmodat(unix.AT_FDCWD, "link", 0777, unix.AT_SYMLINK_NOFOLLOW))
	show("chmod of a link", name(unix.Fchmodat(unix.AT_FDCWD, "link", 0700, unix.AT_SYMLINK_NOFOLLOW)))
	ts := []unix.Timespec{{Sec: 1000, Nsec: 5}, {Sec: 2000, Nsec: 7}}
	must(unix.UtimesNanoAt(unix.AT_FDCWD, "attr", ts, 0))
	must(unix.Stat("attr", &st))
	show("utimensat", st.Atim, st.Mtim)
	ts[0].Nsec, ts[1].Nsec = -2, -1 // UTIME_OMIT, UTIME_NOW
	must(unix.UtimesNanoAt(unix.AT_FDCWD, "attr", ts, 0))
	must(unix.Stat("attr", &st))
	show("omit and now", st.Atim, st.Mtim.Sec > 1e9)
	ts[0].Nsec = 1e9
	show("bad nanoseconds", name(unix.UtimesNanoAt(unix.AT_FDCWD, "attr", ts, 0)))
	ts[0].Nsec = 1<<30 - 1 // Linux's UTIME_NOW
	show("Linux's now", name(unix.UtimesNanoAt(unix.AT_FDCWD, "attr", ts, 0)))
	tv := []unix.Timeval{{Sec: 3000, Usec: 4}, {Sec: 4000, Usec: 5}}
	must(unix.Lutimes("link", tv))
	must(unix.Lstat("link", &st))
	show("lutimes", st.Mtim)
	fd, err := unix.Open("attr", unix.O_RDONLY, 0)
	must(err)
	must(unix.Futimes(fd, tv))
	must(unix.Fstat(fd, &st))
	show("futimes", st.Atim, st.Mtim)
	unix.Close(fd)
	tv[0].Usec = 1e6
	show("bad microseconds", name(unix.Utimes("attr", tv)))
	show("chflags 0", name(unix.Chflags("attr", 0)))
	show("chflags uchg", name(unix.Chflags("attr", 2)))
	show("lchown", name(unix.Lchown("link", -1, -1)))
	var old [120]byte
	_, err = call(188, str("attr"), uintptr(unsafe.Pointer(&old[0]))) // freebsd11_stat
	show("freebsd11_stat", *(*uint16)(unsafe.Pointer(&old[8]))&unix.S_IFMT == unix.S_IFREG, *(*int64)(unsafe.Pointer(&old[72])), name(err))
	var nst [128]byte
	_, err = call(280, str("link"), uintptr(unsafe.Pointer(&nst[0]))) // freebsd11_nlstat
	show("freebsd11_nlstat", *(*uint32)(unsafe.Pointer(&nst[8]))&unix.S_IFMT == unix.S_IFLNK, name(err))
	var sf unix.Statfs_t
	must(unix.Statfs(".", &sf))
	show("statfs", sf.Version == 0x20140518, sf.Bsize > 0, sf.Blocks > 0, sf.Namemax)
	n, err := unix.Getfsstat(nil, unix.MNT_NOWAIT)
	list := make([]unix.Statfs_t, n)
	m, err2 := unix.Getfsstat(list, unix.MNT_NOWAIT)
	show("getfsstat", n > 0, m > 0, m <= n, name(err), name(err2))
	_, err = unix.Getfsstat(nil, 7)
	show("getfsstat with a bad mode", name(err))
	for _, pc := range []int{4, 5, 6, 9, 64, 65, 99} {
		v, err := call(191, str("attr"), uintptr(pc))
		show(fmt.Sprint("pathconf ", pc), int(v), name(err))
	}
	v, err := call(191, str("fifo.none"), 4)
	show("pathconf of nothing", int(v), name(err))
}

func xattrs() {
	create("x", "")
	if _, err := unix.ExtattrSetFile("x", 1, "a", uintptr(unsafe.Pointer(&[]byte("value")[0])), 5); err != nil {
		fmt.Fprintln(os.Stderr, "no extended attributes here:", err)
		return
	}
	buf := keep(make([]byte, 100))
	p := uintptr(unsafe.Pointer(&buf[0]))
	n, err := unix.ExtattrGetFile("x", 1, "a", p, 100)
	show("extattr_get", string(buf[:n]), name(err))
	n, err = unix.ExtattrGetFile("x", 1, "a", p, 3)
	show("extattr_get three bytes", string(buf[:n]), name(err))
	n, err = unix.ExtattrGetFile("x", 1, "a", 0, 0)
	show("extattr_get the size", n, name(err))
	_, err = unix.ExtattrGetFile("x", 1, "none", p, 100)
	show("extattr_get nothing", name(err))
	n, err = unix.ExtattrListFile("x", 1, p, 100)
	show("extattr_list", fmt.Sprintf("%q", buf[:n]), name(err))
	_, err = unix.ExtattrGetFile("x", 9, "a", p, 100)
	show("extattr_get in a bad namespace", name(err))
	show("extattr_delete", name(unix.ExtattrDeleteFile("x", 1, "a")))
	show("extattr_delete again", name(unix.ExtattrDeleteFile("x", 1, "a")))
}

type entry struct {
	name string
	off  int64
	typ  uint8
}

// readDir reads a directory in blocks of size bytes; it checks the records.
func readDir(fd, size int) (all []entry, bases []int64) {
	buf := make([]byte, size)
	for {
		var base int64
		n, err := unix.Getdirentries(fd, buf, (*uintptr)(unsafe.Pointer(&base)))
		must(err)
		bases = append(bases, base)
		if n == 0 {
			return
		}
		for b := buf[:n]; len(b) > 0; {
			d := (*unix.Dirent)(unsafe.Pointer(&b[0]))
			reclen := int(d.Reclen)
			if reclen%8 != 0 || b[24+int(d.Namlen)] != 0 || d.Fileno == 0 {
				panic(fmt.Sprint("bad record ", d))
			}
			all = append(all, entry{string(b[24 : 24+int(d.Namlen)]), d.Off, d.Type})
			b = b[reclen:]
		}
	}
}

func directories() {
	must(os.Mkdir("many", 0755))
	for i := range 500 {
		create(fmt.Sprintf("many/%0*d", 1+i%40, i), "")
	}
	must(os.Mkdir("many/dir", 0755))
	must(os.Symlink("x", "many/link"))
	fd, err := unix.Open("many", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	must(err)
	want, _ := readDir(fd, 65536)
	var names []string
	types := map[uint8]int{}
	for _, e := range want {
		names = append(names, e.name)
		types[e.typ]++
	}
	sort.Strings(names)
	show("entries", len(names), names[0], names[1], "regular", types[8], "directories", types[4], "links", types[10])
	for _, size := range []int{512, 1024, 4096} {
		_, err = unix.Seek(fd, 0, 0)
		must(err)
		got, _ := readDir(fd, size)
		show(fmt.Sprint("in blocks of ", size), fmt.Sprint(got) == fmt.Sprint(want))
	}
	// d_off leads to the entry behind.
	ok := true
	for _, i := range []int{0, 7, 250, len(want) - 2} {
		_, err = unix.Seek(fd, want[i].off, 0)
		must(err)
		rest, bases := readDir(fd, 1024)
		ok = ok && rest[0] == want[i+1] && bases[0] == want[i].off
	}
	show("seek to d_off", ok)
	_, err = unix.Seek(fd, 0, 0)
	must(err)
	_, err = unix.Getdirentries(fd, make([]byte, 16), new(uintptr))
	show("too small a buffer", name(err))
	_, err = unix.Seek(fd, 0, 0)
	must(err)
	buf := keep(make([]byte, 4096))
	var base int64
	count := 0
	for {
		n, err := call(196, uintptr(fd), uintptr(unsafe.Pointer(&buf[0])), 4096, uintptr(unsafe.Pointer(&base))) // freebsd11
		must(err)
		if n == 0 {
			break
		}
		for b := buf[:n]; len(b) > 0; b = b[*(*uint16)(unsafe.Pointer(&b[4])):] {
			count++
		}
	}
	show("freebsd11_getdirentries", count)
	unix.Close(fd)
	f, err := unix.Open("file", unix.O_RDONLY, 0)
	must(err)
	_, err = unix.Getdirentries(f, buf, new(uintptr))
	show("getdirentries of a file", name(err))
	unix.Close(f)
	must(os.Mkdir("gone", 0755))
	fd, err = unix.Open("gone", unix.O_RDONLY, 0)
	must(err)
	must(os.Remove("gone"))
	n, err := unix.Getdirentries(fd, buf, new(uintptr))
	show("getdirentries of a removed directory", n, name(err))
	unix.Close(fd)
}

func main() {
	dir, err := os.MkdirTemp("", "files")
	must(err)
	defer os.RemoveAll(dir)
	must(os.Chdir(dir))
	opens()
	reads()
	names()
	attributes()
	xattrs()
	directories()
}

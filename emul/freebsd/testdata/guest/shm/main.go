// Command shm tries POSIX shared memory and prints what FreeBSD answers. With
// an argument it is another process that opens a name.
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"unsafe"
)

const (
	anon                              = 1
	allowSealing, growOnWrite, large  = 1, 2, 4
	noreplace, exchange               = 1, 2
	addSeals, getSeals                = 19, 20
	sealSeal, shrink, grow, sealWrite = 1, 2, 4, 8
	rdonly, wronly, rdwr              = 0, 1, 2
	creat, trunc, excl                = 0x200, 0x400, 0x800
	cloexec, nonblock                 = 0x100000, 0x4
	sysOpen2, sysUnlink, sysRename    = 571, 483, 572
)

func call(nr uintptr, a ...uintptr) (int, syscall.Errno) {
	var b [6]uintptr
	copy(b[:], a)
	r, _, e := syscall.Syscall6(nr, b[0], b[1], b[2], b[3], b[4], b[5])
	return int(r), e
}

func name(e syscall.Errno) string {
	if e == 0 {
		return "ok"
	}
	return e.Error()
}

func ptr(s string) uintptr {
	p, _ := syscall.BytePtrFromString(s)
	keep = append(keep, p)
	return uintptr(unsafe.Pointer(p))
}

var keep []*byte // what pointers as numbers point to

func open(s string, flags, mode, shm uintptr) (int, syscall.Errno) {
	return call(sysOpen2, ptr(s), flags, mode, shm, 0)
}

// try opens, prints how it went, and closes.
func try(what, s string, flags, mode, shm uintptr) {
	fd, e := open(s, flags, mode, shm)
	fmt.Printf("%s: %s\n", what, name(e))
	if e == 0 {
		syscall.Close(fd)
	}
}

func rename(from, to string, flags uintptr) string {
	_, e := call(sysRename, ptr(from), ptr(to), flags)
	return name(e)
}

func unlink(s string) string {
	_, e := call(sysUnlink, ptr(s))
	return name(e)
}

func must(err error) {
	if err != nil {
		fmt.Println("FAILED:", err)
	}
}

func stat(fd int) string {
	var st syscall.Stat_t
	must(syscall.Fstat(fd, &st))
	return fmt.Sprintf("mode %o size %d owner %v %v", st.Mode, st.Size, st.Uid == uint32(os.Geteuid()), st.Gid == uint32(os.Getegid()))
}

func flags(fd int) string {
	fl, _ := call(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFL)
	cl, _ := call(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD)
	return fmt.Sprint(fl, cl)
}

func main() {
	prefix := fmt.Sprintf("/lsf-test-%d", os.Getpid())
	if len(os.Args) > 1 {
		fd, e := open(os.Args[1], rdwr, 0, 0)
		fmt.Println("child opens:", name(e))
		m, err := syscall.Mmap(fd, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
		must(err)
		fmt.Printf("child reads %q\n", m[:5])
		copy(m, "child")
		return
	}
	syscall.Umask(0o22)
	mistakes(prefix)
	named(prefix)
	renames(prefix)
	sealed()
}

func mistakes(n string) {
	try("none", n, rdwr, 0, 0)
	try("for writing", n, wronly|creat, 0o600, 0)
	try("for nothing", n, 3|creat, 0o600, 0)
	try("with O_NONBLOCK", n, rdwr|creat|nonblock, 0o600, 0)
	try("unknown flag", n, rdwr|creat, 0o600, 8)
	try("large pages", n, rdwr|creat, 0o600, large)
	try("no slash", n[1:], rdwr|creat, 0o600, 0)
	try("nothing", "", rdwr|creat, 0o600, 0)
	try("too long", "/"+strings.Repeat("x", 1100), rdwr|creat, 0o600, 0)
	_, e := call(sysOpen2, 2, rdwr|creat, 0o600, 0, 0)
	fmt.Println("bad address:", name(e))
	_, e = call(sysOpen2, anon, rdonly, 0o600, 0, 0)
	fmt.Println("anonymous for reading:", name(e))
	_, e = call(482, anon, rdonly, 0o600)
	fmt.Println("of FreeBSD 12:", name(e))
	fmt.Println("unlink:", unlink(n), unlink("x"), unlink("/"+strings.Repeat("x", 1100)))
	_, e = call(sysUnlink, anon)
	fmt.Println("unlink anonymous:", name(e))
}

func named(n string) {
	n += "/with/slashes %2F"
	fd, e := open(n, rdwr|creat, 0o666, 0)
	defer unlink(n)
	fmt.Println("create:", name(e), stat(fd), flags(fd))
	try("exclusively", n, rdwr|creat|excl, 0o600, 0)
	try("similar", strings.Replace(n, "/slashes", "%2Fslashes", 1), rdwr, 0, 0)
	must(syscall.Ftruncate(fd, 8192))
	m, err := syscall.Mmap(fd, 0, 8192, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	must(err)
	copy(m, "hello")
	out, err := exec.Command(os.Args[0], n).CombinedOutput()
	must(err)
	fmt.Print(string(out))
	fmt.Printf("%q\n", m[:5])
	r, e := open(n, rdonly|trunc|cloexec, 0, 0)
	fmt.Println("for reading:", name(e), stat(r), flags(r))
	_, err = syscall.Write(r, []byte("x"))
	fmt.Println("write:", err)
	_, err = syscall.Mmap(r, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	fmt.Println("map for writing:", err)
	_, e = call(syscall.SYS_FCNTL, uintptr(fd), addSeals, grow)
	s, _ := call(syscall.SYS_FCNTL, uintptr(fd), getSeals)
	fmt.Println("seals:", s, name(e))
	o, e := call(482, ptr(n), rdwr|creat|trunc, 0o600)
	fmt.Println("truncate, as of FreeBSD 12:", name(e), stat(o), flags(o))
	must(syscall.Fchmod(fd, 0o640))
	fmt.Println("fchmod:", stat(o))
	list(n)
	fmt.Println("unlink:", unlink(n), unlink(n))
	fmt.Println("lives on:", stat(r))
}

// list looks a name up in kern.ipc.posix_shm_list.
func list(n string) {
	s := append([]byte("kern.ipc.posix_shm_list"), 0)
	q, mib := []int32{0, 3}, make([]int32, 24)
	l := uintptr(4 * len(mib))
	call(syscall.SYS___SYSCTL, uintptr(unsafe.Pointer(&q[0])), 2, uintptr(unsafe.Pointer(&mib[0])),
		uintptr(unsafe.Pointer(&l)), uintptr(unsafe.Pointer(&s[0])), uintptr(len(s)-1))
	buf := make([]byte, 1<<20)
	n1 := uintptr(len(buf))
	_, e := call(syscall.SYS___SYSCTL, uintptr(unsafe.Pointer(&mib[0])), l/4, uintptr(unsafe.Pointer(&buf[0])), uintptr(unsafe.Pointer(&n1)))
	for b := buf[:n1]; len(b) > 0; {
		size := *(*int32)(unsafe.Pointer(&b[0]))
		path, _, _ := bytes.Cut(b[int(size)&^7-roundup(len(n)+1):size], []byte{0})
		if string(path) == n {
			fmt.Println("listed, as type", b[4], name(e))
		}
		b = b[size:]
	}
}

func roundup(n int) int { return (n + 7) &^ 7 }

func renames(n string) {
	a, b, c := n+"-a", n+"-b", n+"-c"
	for i, s := range []string{a, b} {
		fd, e := open(s, rdwr|creat, 0o600, 0)
		if e != 0 {
			fmt.Println(e)
		}
		must(syscall.Ftruncate(fd, int64(i+1)))
		syscall.Close(fd)
	}
	size := func(s string) string {
		fd, e := open(s, rdonly, 0, 0)
		if e != 0 {
			return name(e)
		}
		defer syscall.Close(fd)
		var st syscall.Stat_t
		must(syscall.Fstat(fd, &st))
		return fmt.Sprint(st.Size)
	}
	fmt.Println("unknown flags:", rename(a, b, 4), rename(a, b, 3))
	_, e1 := call(sysRename, anon, ptr(a), 0)
	_, e2 := call(sysRename, ptr(a), anon, 0)
	_, e3 := call(sysRename, ptr(a), 2, 0)
	fmt.Println("anonymous:", name(e1), name(e2), name(e3))
	fmt.Println("to itself:", rename(a, a, 0), rename(c, c, noreplace))
	fmt.Println("from none:", rename(c, a, 0))
	fmt.Println("no slash:", rename("c", a, 0), rename(a, "c", 0))
	fmt.Println("not replacing:", rename(a, b, noreplace), rename(a, c, noreplace))
	fmt.Println(size(a), size(b), size(c))
	fmt.Println("exchange:", rename(c, b, exchange))
	fmt.Println(size(a), size(b), size(c))
	fmt.Println("exchange with none:", rename(c, a, exchange))
	fmt.Println(size(a), size(b), size(c))
	fmt.Println("replace:", rename(a, b, 0))
	fmt.Println(size(a), size(b), size(c))
	fmt.Println("unlink:", unlink(b))
}

func sealed() {
	fcntl := func(fd int, cmd, arg uintptr) string {
		r, e := call(syscall.SYS_FCNTL, uintptr(fd), cmd, arg)
		if e != 0 {
			return name(e)
		}
		return fmt.Sprint(r)
	}
	fd, e := call(sysOpen2, anon, rdwr, 0o666, 0, 0)
	fmt.Println("anonymous:", name(e), stat(fd), flags(fd))
	fmt.Println("seals:", fcntl(fd, getSeals, 0), fcntl(fd, addSeals, grow))
	fd, e = call(sysOpen2, anon, rdwr|cloexec, 0o700, allowSealing|growOnWrite, 0)
	fmt.Println("to be sealed:", name(e), stat(fd), flags(fd))
	n, err := syscall.Write(fd, []byte("0123456789"))
	fmt.Println("grows:", n, err, stat(fd))
	fmt.Println("seals:", fcntl(fd, getSeals, 0), fcntl(fd, addSeals, grow|shrink), fcntl(fd, getSeals, 0))
	fmt.Println("truncate:", syscall.Ftruncate(fd, 5), syscall.Ftruncate(fd, 15), syscall.Ftruncate(fd, 10))
	m, err := syscall.Mmap(fd, 0, 10, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	must(err)
	fmt.Println("mapped:", fcntl(fd, addSeals, sealWrite))
	must(syscall.Munmap(m))
	fmt.Println("no longer:", fcntl(fd, addSeals, sealWrite))
	_, err = syscall.Pwrite(fd, []byte("x"), 0)
	fmt.Println("write:", err)
	_, err = syscall.Mmap(fd, 0, 10, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	fmt.Println("map for writing:", err)
	fmt.Println("last seal:", fcntl(fd, addSeals, sealSeal), fcntl(fd, addSeals, sealSeal), fcntl(fd, getSeals, 0))
	f, err := os.Open("/")
	must(err)
	fmt.Println("a directory:", fcntl(int(f.Fd()), addSeals, 1), fcntl(int(f.Fd()), getSeals, 0))
}

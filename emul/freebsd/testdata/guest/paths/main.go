// Paths tries what names lead to when it runs with a prefix. Its argument is a
// directory of the host, the prefix is as paths_test.go has made it; or it is
// "where", or several words: then it only tells who and where it is.
package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

var host = "no directory" // of the host

func main() {
	switch {
	case len(os.Args) == 2 && os.Args[1] == "where":
		release()
		cd(".")
		read("/etc/only")
		proc()
		return
	case len(os.Args) != 2:
		child()
		return
	}
	host = os.Args[1]
	release()
	reading()
	dotdot()
	relative()
	creating()
	at()
	running()
	sockets()
	names()
	changedRoot()
}

// say prints a result, or the error's text without paths in it.
func say(what string, v any, err error) {
	if err != nil {
		if e := err; e != nil {
			for {
				u, ok := e.(interface{ Unwrap() error })
				if !ok {
					break
				}
				e = u.Unwrap()
			}
			v = e
		}
	}
	text := strings.ReplaceAll(fmt.Sprint(v), host, "HOST")
	fmt.Printf("%s: %s\n", strings.ReplaceAll(what, host, "HOST"), strings.TrimSpace(text))
}

func read(path string) {
	b, err := os.ReadFile(path)
	say("read "+path, string(b), err)
}

func release() {
	name, err := unix.Sysctl("kern.osrelease")
	say("osrelease", name, err)
	date, err := unix.SysctlUint32("kern.osreldate")
	say("osreldate", date, err)
}

func reading() {
	for _, p := range []string{"/etc/only", "/etc/passwd", host + "/file", "/abs", "/rel", "/up", "/dirlink/f", "/dirlink/../etc/only",
		"/tohost", "/dangling", "/loop1", "/etc/only/", "/etc/only/x", "/nowhere/x", "//etc///only", "/etc/./only"} {
		read(p)
	}
	for _, p := range []string{"/abs", "/rel", "/dangling", "/loop1", "/tohost"} {
		s, err := os.Readlink(p)
		say("readlink "+p, s, err)
	}
	st, err := os.Lstat("/loop1")
	say("lstat /loop1", err == nil && st.Mode()&os.ModeSymlink != 0, err)
	st, err = os.Stat("/dirlink")
	say("stat /dirlink", err == nil && st.IsDir(), err)
	st, err = os.Lstat("/dirlink/")
	say("lstat /dirlink/", err == nil && st.IsDir(), err)
	say("access /abs", "yes", unix.Access("/abs", unix.R_OK))
	_, err = os.Open(strings.Repeat("/x", 600))
	say("open a long path", "", err)
	_, err = os.Open("")
	say("open an empty path", "", err)
}

func dotdot() {
	for _, p := range []string{"/../etc/only", "/../../../../etc/only", "/dir/../etc/only", "/etc/only/../only", "/dir/../../dir/f"} {
		read(p)
	}
}

func cd(path string) {
	err := syscall.Chdir(path)
	var wd string
	if err == nil {
		wd, err = syscall.Getwd()
	}
	say("cd "+path, wd, err)
}

func relative() {
	cd("/etc")
	for _, p := range []string{"only", "../abs", "../../../abs", "../rel", "passwd", "hostname-of-nobody"} {
		read(p)
	}
	cd("../../../..")
	for _, p := range []string{"etc/only", "abs", "dirlink/f", "tohost", "..//etc/only"} {
		read(p)
	}
	cd("dirlink")
	cd("..")
	cd(host)
	read("file")
	read("./file")
	cd("/dangling")
	cd("/dirlink/..")
}

func create(path string) {
	say("create "+path, "done", os.WriteFile(path, []byte("made as "+path), 0o666))
}

func creating() {
	create("/dir/new")
	create(host + "/new")
	create("/mk") // a dangling link to /dir/made
	read("/dir/made")
	fd, err := unix.Open("/mk", unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY, 0o666)
	say("create /mk anew", fd, err)
	fd, err = unix.Open("/abs", unix.O_NOFOLLOW, 0)
	say("open /abs itself", fd, err)
	say("mkdir /dir/d", "done", os.Mkdir("/dir/d", 0o777))
	say("mkdir /dir/d", "done", os.Mkdir("/dir/d", 0o777))
	say("mkdir /proc", "done", os.Mkdir("/proc", 0o777)) // the host has that
	say("mkdir HOST/d", "done", os.Mkdir(host+"/d", 0o777))
	say("symlink /dir/l", "done", os.Symlink("/etc/only", "/dir/l"))
	read("/dir/l")
	say("link /dir/hard", "done", os.Link("/dir/new", "/dir/hard"))
	say("rename /dir/new", "done", os.Rename("/dir/new", "/dir/renamed"))
	read("/dir/renamed")
	read("/dir/new")
	say("rename to the host", "done", os.Rename("/dir/renamed", host+"/moved"))
	read(host + "/moved")
	say("rename a link", "done", os.Rename("/dir/l", "/dir/m"))
	say("chmod through /abs", "done", os.Chmod("/abs", 0o640))
	st, err := os.Stat("/etc/only")
	if err == nil {
		say("mode of /etc/only", st.Mode(), nil)
	}
	say("truncate /dir/hard", "done", os.Truncate("/dir/hard", 4))
	read("/dir/hard")
	say("unlink /dir/hard", "done", os.Remove("/dir/hard"))
	say("unlink /dangling", "done", os.Remove("/dangling"))
	_, err = os.Lstat("/dangling")
	say("lstat /dangling", "there", err)
	say("rmdir /dir/d/.", "done", unix.Rmdir("/dir/d/."))
	say("rmdir /dir/d", "done", unix.Rmdir("/dir/d"))
	say("rename /dir/.", "done", unix.Rename("/dir/.", "/dir2"))
}

func readAt(fd int, path string) {
	n, err := unix.Openat(fd, path, unix.O_RDONLY, 0)
	var b []byte
	if err == nil {
		f := os.NewFile(uintptr(n), path)
		b, err = io.ReadAll(f)
		f.Close()
	}
	say("readat "+path, string(b), err)
}

func at() {
	fd, err := unix.Open("/dir", unix.O_DIRECTORY, 0)
	say("open /dir", err == nil, err)
	for _, p := range []string{"f", "../etc/only", "../../../etc/only", "/etc/only", "m", "../dirlink/f", "nothing", host + "/file"} {
		readAt(fd, p)
	}
	const beneath = 0x00800000 // O_RESOLVE_BENEATH
	_, err = unix.Openat(fd, "../etc/only", unix.O_RDONLY|beneath, 0)
	say("beneath ../etc/only", "", err)
	_, err = unix.Openat(fd, "f", unix.O_RDONLY|beneath, 0)
	say("beneath f", "open", err)
	say("fchdir", "done", unix.Fchdir(fd))
	wd, err := syscall.Getwd()
	say("getwd", wd, err)
	cd("/")
	h, err := unix.Open(host, unix.O_DIRECTORY, 0)
	say("open HOST", err == nil, err)
	readAt(h, "file")
	readAt(h, "d/../file")
}

func running() {
	for _, args := range [][]string{{"/bin/paths", "child", "of", "prefix"}, {"/bin/script", "x"}, {"/link-to-paths", "child", "by", "link"},
		{host + "/script", "y"}} {
		out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
		say("run "+args[0], string(out), err)
	}
	cd("/bin")
	out, err := exec.Command("./script", "z").CombinedOutput()
	say("run ./script", string(out), err)
	cd("/")
}

// proc says what the kernel tells of this process's files: an open one, the
// working directory, the root, and what is mapped.
func proc() {
	f, err := os.Open("/etc/only")
	if err != nil {
		say("open /etc/only", "", err)
		return
	}
	defer f.Close()
	const filedesc = 33 // KERN_PROC_FILEDESC
	b, err := unix.SysctlRaw("kern.proc", filedesc, os.Getpid())
	what := map[int32]string{int32(f.Fd()): "open", -1: "cwd", -2: "root"}
	const pathAt = 368 // kf_path
	for len(b) > pathAt && err == nil {
		size, fd := binary.LittleEndian.Uint32(b), int32(binary.LittleEndian.Uint32(b[8:]))
		if name := what[fd]; name != "" {
			say(name, unix.ByteSliceToString(b[pathAt:size]), nil)
		}
		b = b[size:]
	}
	const vmmap, vmPathAt = 32, 136 // KERN_PROC_VMMAP, kve_path
	b, err = unix.SysctlRaw("kern.proc", vmmap, os.Getpid())
	seen := map[string]bool{"": true}
	for len(b) > vmPathAt && err == nil {
		size := binary.LittleEndian.Uint32(b)
		if path := unix.ByteSliceToString(b[vmPathAt:size]); !seen[path] {
			seen[path] = true
			say("mapped", path, nil)
		}
		b = b[size:]
	}
}

// child says who it is.
func child() {
	self, err := os.Executable()
	if err != nil {
		self = err.Error()
	}
	b, err := unix.SysctlRaw("kern.proc.pathname", -1)
	name := strings.TrimRight(string(b), "\x00")
	if err != nil {
		name = err.Error()
	}
	fmt.Println(strings.Join(os.Args, " "), "executable", self, "pathname", name)
}

func sockets() {
	for _, path := range []string{"/dir/sock", host + "/sock", "rel-sock"} {
		l, err := net.Listen("unix", path)
		say("listen "+path, "done", err)
		if err != nil {
			continue
		}
		c, err := net.Dial("unix", path)
		if err != nil {
			say("dial "+path, "", err)
			continue
		}
		say("listener", l.Addr(), nil)
		say("peer", c.RemoteAddr(), nil)
		st, err := os.Stat(path)
		say("stat "+path, err == nil && st.Mode()&os.ModeSocket != 0, err)
		c.Close()
		l.Close()
	}
	c, err := net.ListenPacket("unixgram", "/dir/gram")
	say("listen /dir/gram", "done", err)
	from, err := net.DialUnix("unixgram", &net.UnixAddr{Name: "/dir/from", Net: "unixgram"}, &net.UnixAddr{Name: "/dir/gram", Net: "unixgram"})
	say("dial /dir/gram", "done", err)
	if err == nil {
		from.Write([]byte("hi"))
		b := make([]byte, 10)
		n, peer, err := c.ReadFrom(b)
		say("datagram", fmt.Sprint(string(b[:n]), " from ", peer), err)
		n, err = c.WriteTo([]byte("ho"), peer)
		say("answer", n, err)
	}
}

func names() {
	p, err := filepath.EvalSymlinks("/dirlink/m")
	say("evalsymlinks", p, err)
	real := func(path string) {
		b := make([]byte, 1024)
		s, _ := unix.BytePtrFromString(path)
		_, _, e := syscall.Syscall6(574, ^uintptr(99), uintptr(unsafe.Pointer(s)), uintptr(unsafe.Pointer(&b[0])), 1024, 0, 0)
		if e != 0 {
			err = e
		}
		say("realpath "+path, unix.ByteSliceToString(b), err)
	}
	real("/abs")
	real("/")
	real(host + "/file")
	for _, p := range []string{"/", "/dir"} {
		var fs unix.Statfs_t
		say("statfs "+p, "done", unix.Statfs(p, &fs))
	}
	list, err := os.ReadDir("/")
	var all []string
	for _, e := range list {
		all = append(all, e.Name())
	}
	say("ls /", strings.Join(all, " "), err)
	proc()
}

func changedRoot() {
	if os.Geteuid() != 0 {
		return
	}
	cd("/dir")
	say("chroot /dir", "done", unix.Chroot("/dir"))
	cd(".")
	read("/f")
	read("/m")
	read("/etc/only")
	cd("..")
	read("f")
}

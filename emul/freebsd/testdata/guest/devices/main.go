// Command devices uses the devices that every program expects, in a root
// directory whose /dev has none of them.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

func show(what string, v ...any) { fmt.Println(append([]any{what + ":"}, v...)...) }

func name(err error) string {
	switch e := err.(type) {
	case nil:
		return "ok"
	case syscall.Errno:
		return unix.ErrnoName(e)
	case *os.PathError:
		return name(e.Err)
	}
	return err.Error()
}

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "child":
			child()
		case "opener":
			opener()
		}
		return
	}
	for _, dev := range []string{"null", "zero", "full", "random", "urandom"} {
		device("/dev/" + dev)
	}
	creation()
	descriptors()
	inherited()
	sideBySide()
	zeroMap()
	pty()
}

func device(path string) {
	var st, byFD unix.Stat_t
	err := unix.Stat(path, &st)
	show(path, name(err), fmt.Sprintf("%o", st.Mode), name(unix.Access(path, unix.R_OK|unix.W_OK)), name(unix.Access(path, unix.X_OK)))
	show(path+"/x", name(unix.Stat(path+"/x", &byFD)))
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o644)
	if err != nil {
		show(path, name(err))
		return
	}
	defer f.Close()
	err = unix.Fstat(int(f.Fd()), &byFD)
	show(path, name(err), fmt.Sprintf("%o", byFD.Mode), byFD.Rdev == st.Rdev)
	b := bytes.Repeat([]byte{1}, 70000)
	n, err := io.ReadFull(f, b)
	show(path, "read", n, err, "zeros", bytes.Count(b, []byte{0}) == len(b), "still ones", bytes.Count(b, []byte{1}) > 60000)
	n, err = f.Write(b)
	show(path, "write", n, name(err))
	n, err = unix.Pwrite(int(f.Fd()), b[:10], 4096)
	show(path, "pwrite", n, name(err))
	ro, err := unix.Open(path, unix.O_RDONLY, 0)
	if err == nil {
		_, err = unix.Write(ro, b[:1])
		show(path, "opened for reading, write", name(err))
		fl, err := unix.FcntlInt(uintptr(ro), unix.F_GETFL, 0)
		show(path, "its flags", fl, name(err))
		unix.Close(ro)
	}
	ap, err := unix.Open(path, unix.O_WRONLY|unix.O_APPEND, 0)
	if err == nil {
		fl, err := unix.FcntlInt(uintptr(ap), unix.F_GETFL, 0)
		show(path, "opened for appending, flags", fl, name(err))
		unix.Close(ap)
	}
	_, err = unix.IoctlGetTermios(int(f.Fd()), unix.TIOCGETA)
	show(path, "TIOCGETA", name(err))
}

// creation: a device is there, so nothing is made in its place.
func creation() {
	_, err := os.OpenFile("/dev/null", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	show("O_EXCL", name(err))
	_, err = unix.Open("/dev/null", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	show("O_DIRECTORY", name(err))
	_, err = unix.Open("/dev/nonesuch", unix.O_RDONLY, 0)
	show("another name", name(err))
}

func descriptors() {
	f, err := os.CreateTemp("/tmp", "x")
	if err != nil {
		show("temp", err)
		return
	}
	defer os.Remove(f.Name())
	f.WriteString("0123456789")
	f.Seek(4, io.SeekStart)
	g, err := os.Open(fmt.Sprintf("/dev/fd/%d", f.Fd()))
	if err != nil {
		show("/dev/fd", name(err))
		return
	}
	b := make([]byte, 2)
	g.Read(b)
	at, _ := f.Seek(0, io.SeekCurrent)
	show("/dev/fd shares the offset", string(b), at)
	var st unix.Stat_t
	err = unix.Stat(fmt.Sprintf("/dev/fd/%d", f.Fd()), &st)
	show("stat of /dev/fd", name(err), fmt.Sprintf("%o", st.Mode&unix.S_IFMT), name(unix.Access("/dev/stdout", unix.W_OK)))
	_, err = os.Open("/dev/fd/300")
	show("/dev/fd of none", name(err))
	ro, err := os.Open(f.Name())
	if err == nil {
		_, err = os.OpenFile(fmt.Sprintf("/dev/fd/%d", ro.Fd()), os.O_WRONLY, 0)
		show("/dev/fd for more than it can", name(err))
	}
	out, err := os.OpenFile("/dev/stdout", os.O_WRONLY, 0)
	if err == nil {
		fmt.Fprintln(out, "to /dev/stdout")
	} else {
		show("/dev/stdout", name(err))
	}
}

// inherited: a child that has the devices as its descriptors knows them.
func inherited() {
	cmd := exec.Command(os.Args[0], "child")
	cmd.Stdout = os.Stdout // stdin and stderr are /dev/null
	show("child", name(cmd.Run()))
}

func child() {
	n, err := os.Stdin.Read(make([]byte, 10))
	show("child reads", n, err)
	n, err = os.Stderr.WriteString("lost")
	show("child writes", n, name(err))
	var st unix.Stat_t
	show("child's stdin", name(unix.Fstat(0, &st)), fmt.Sprintf("%o", st.Mode))
}

// sideBySide: processes that open devices at the same time do not get in each
// other's way.
func sideBySide() {
	var openers []*exec.Cmd
	start, gate, err := os.Pipe()
	if err != nil {
		show("side by side", name(err))
		return
	}
	for range 4 {
		cmd := exec.Command(os.Args[0], "opener")
		cmd.Stdin, cmd.Stdout = start, os.Stdout
		if err := cmd.Start(); err != nil {
			show("side by side", name(err))
		}
		openers = append(openers, cmd)
	}
	start.Close()
	gate.Close()
	for _, cmd := range openers {
		if err := cmd.Wait(); err != nil {
			show("side by side", err)
		}
	}
}

func opener() {
	os.Stdin.Read(make([]byte, 1)) // until all are there
	for range 100 {
		for _, dev := range []string{"/dev/null", "/dev/zero"} {
			f, err := os.OpenFile(dev, os.O_RDWR, 0)
			if err != nil {
				show("side by side", name(err))
				return
			}
			f.Close()
		}
	}
}

func zeroMap() {
	fd, err := unix.Open("/dev/zero", unix.O_RDWR, 0)
	if err != nil {
		show("/dev/zero", name(err))
		return
	}
	for _, flags := range []int{unix.MAP_PRIVATE, unix.MAP_SHARED} {
		m, err := unix.Mmap(fd, 0, 8192, unix.PROT_READ|unix.PROT_WRITE, flags)
		if err != nil {
			show("map /dev/zero", name(err))
			continue
		}
		m[5000]++
		show("map /dev/zero", m[0], m[5000])
	}
}

func pty() {
	fd, _, e := syscall.Syscall(504, unix.O_RDWR|unix.O_NOCTTY, 0, 0) // posix_openpt
	if e != 0 {
		show("posix_openpt", name(e))
		return
	}
	show("posix_openpt", "ok")
	n, err := unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
	path := fmt.Sprintf("/dev/pts/%d", n)
	var st unix.Stat_t
	show("slave", name(err), name(unix.Stat(path, &st)), fmt.Sprintf("%o", st.Mode&unix.S_IFMT))
	slave, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		show("slave", name(err))
		return
	}
	slave.WriteString("line\n")
	b := make([]byte, 20)
	k, err := unix.Read(int(fd), b)
	show("master reads", string(b[:max(k, 0)]) == "line\r\n", name(err))
	_, err = unix.IoctlGetTermios(int(slave.Fd()), unix.TIOCGETA)
	show("slave is a terminal", name(err))
}

package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
	"unsafe"
)

const reapAcquire, reapRelease, reapStatus, reapGetpids, reapKill = 2, 3, 4, 5, 6

type reaperStatus struct {
	flags, children, descendants uint32
	reaper, pid                  int32
	_                            [15]uint32
}

type pidinfo struct {
	pid, subtree int32
	flags        uint32
	_            [15]uint32
}

type reaperPids struct {
	count uint32
	_     [15]uint32
	pids  *pidinfo
}

type reaperKill struct {
	sig     int32
	flags   uint32
	subtree int32
	killed  uint32
	fpid    int32
	_       [15]uint32
}

func reap(id, cmd int, arg unsafe.Pointer) error {
	if _, _, e := syscall.Syscall6(sysProcctl, 0, uintptr(id), uintptr(cmd), uintptr(arg), 0, 0); e != 0 {
		return e
	}
	return nil
}

func status(what string) {
	var s reaperStatus
	err := reap(0, reapStatus, unsafe.Pointer(&s))
	fmt.Println(what+":", err, "flags", s.flags&1, "reaper is me", int(s.reaper) == os.Getpid(),
		"children", s.children, "descendants", s.descendants, "pid", s.pid > 0)
}

// start starts this program in a role and reads the line that it prints.
func start(role string) (*exec.Cmd, int) {
	cmd := exec.Command(os.Args[0], role)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		panic(err)
	}
	var pid int
	s := bufio.NewScanner(out)
	s.Scan()
	fmt.Sscan(s.Text(), &pid)
	return cmd, pid
}

// reaper becomes one, gets an orphan, and kills it.
func reaper() {
	fmt.Println("release of none:", reap(0, reapRelease, nil))
	fmt.Println("acquire:", reap(os.Getpid(), reapAcquire, nil))
	fmt.Println("acquire again:", reap(0, reapAcquire, nil))
	fmt.Println("acquire with data:", reap(0, reapAcquire, unsafe.Pointer(new(int))))
	fmt.Println("of nobody:", reap(1<<22, reapStatus, unsafe.Pointer(new(reaperStatus))))
	status("alone")
	cmd, orphan := start("orphaning")
	status("with a child and its child")
	fmt.Println("acquire for another:", reap(orphan, reapAcquire, nil))
	cmd.Process.Kill()
	cmd.Wait()
	status("with an orphan")
	var p [4]pidinfo
	err := reap(0, reapGetpids, unsafe.Pointer(&reaperPids{count: 4, pids: &p[0]}))
	fmt.Println("getpids:", err, "the orphan", int(p[0].pid) == orphan, "flags", p[0].flags,
		"its subtree", int(p[0].subtree) == cmd.Process.Pid, "more", p[1].pid)
	for _, k := range []reaperKill{{sig: 0}, {sig: 9, flags: 3}, {sig: 9, flags: 2, subtree: 1}, {sig: int32(syscall.SIGTERM)}} {
		err := reap(0, reapKill, unsafe.Pointer(&k))
		fmt.Println("kill:", err, k.killed, k.fpid)
	}
	var ws syscall.WaitStatus
	pid, err := syscall.Wait4(-1, &ws, 0, nil)
	fmt.Println("reaped:", pid == orphan, err, ws.Signal())
	status("alone again")
	fmt.Println("release:", reap(0, reapRelease, nil))
}

// orphaning has a child of its own and tells of it.
func orphaning() {
	cmd, pid := start("waiting")
	fmt.Println(pid)
	cmd.Wait()
}

func waiting() {
	fmt.Println(os.Getpid())
	time.Sleep(time.Minute)
}

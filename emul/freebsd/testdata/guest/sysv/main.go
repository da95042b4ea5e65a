// Command sysv tries System V IPC and prints what FreeBSD answers. With an
// argument it is a helper of its own.
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

type perm struct {
	Cuid, Cgid, UID, GID uint32
	Mode, Seq            uint16
	_                    int32
	Key                  int64
}

type shmid struct {
	Perm                perm
	Segsz               uint64
	Lpid, Cpid          int32
	Nattch              uint32
	Atime, Dtime, Ctime int64
}

type semid struct {
	Perm         perm
	Base         uint64
	Nsems        uint16
	Otime, Ctime int64
}

type msqid struct {
	Perm                 perm
	First, Last          uint64
	Cbytes, Qnum, Qbytes uint64
	Lspid, Lrpid         int32
	Stime, Rtime, Ctime  int64
}

type sembuf struct {
	Num     uint16
	Op, Flg int16
}

const (
	creat, excl, nowait = 0o1000, 0o2000, 0o4000
	rmid, set, stat     = 0, 1, 2
	undo                = 0o10000
	rdonly, rnd         = 0o10000, 0o20000
	noerror             = 0o10000

	sysSemget, sysSemop                    = 221, 222
	sysMsgget, sysMsgsnd, sysMsgrcv        = 225, 226, 227
	sysShmat, sysShmdt, sysShmget          = 228, 230, 231
	sysSemctl, sysMsgctl, sysShmctl        = 510, 511, 512
	sysSemctl7, sysMsgctl7, sysShmctl7     = 220, 224, 229
	sysSemsys, sysMsgsys                   = 169, 170
	getncnt, getpid, getval, getall        = 3, 4, 5, 6
	getzcnt, setval, setall, semstat, sems = 7, 8, 9, 10, 3
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

// say prints what a call answered: its error, or its result if that is telling.
func say(what string, r int, e syscall.Errno) {
	if e == 0 && r != 0 && r < 1000 {
		fmt.Printf("%s: %d\n", what, r)
		return
	}
	fmt.Printf("%s: %s\n", what, name(e))
}

var key = uintptr(0x4c530000 | os.Getpid()&0xffff)

func main() {
	if len(os.Args) > 1 {
		helper()
		return
	}
	shm()
	sem()
	msg()
}

func helper() {
	id, _ := strconv.Atoi(os.Args[2])
	switch os.Args[1] {
	case "shm":
		p, e := call(sysShmat, uintptr(id), 0, 0)
		say("child attaches", 0, e)
		m := mem(p, 8)
		fmt.Printf("child reads %q\n", m[:5])
		copy(m, "child")
	case "down": // waits, and leaves with what it took still undone
		r, e := semop(id, sembuf{0, -1, undo})
		say("child's semop", r, e)
	case "zero":
		r, e := semop(id, sembuf{0, 0, 0})
		say("child waits for zero", r, e)
	case "receive":
		var m struct {
			Type int64
			Text [16]byte
		}
		r, e := call(sysMsgrcv, uintptr(id), uintptr(unsafe.Pointer(&m)), 16, 0, 0)
		fmt.Printf("child received %d: %d %q %s\n", r, m.Type, m.Text[:max(r, 0)], name(e))
	}
}

func child(what string, id int) *exec.Cmd {
	cmd := exec.Command(os.Args[0], what, strconv.Itoa(id))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		fmt.Println(err)
	}
	return cmd
}

func mem(at, n int) []byte {
	var p unsafe.Pointer
	*(*int)(unsafe.Pointer(&p)) = at
	return unsafe.Slice((*byte)(p), n)
}

// row finds an object in a table as ipcs(1) does.
func row(table, limit string, id, size int) []byte {
	n := binary.LittleEndian.Uint32(sysctl(limit, 8))
	b := sysctl(table, int(n)*size)
	if len(b) != int(n)*size {
		fmt.Println("size of", table, len(b))
	}
	at := id & 0xffff * size
	return b[at : at+size]
}

func sysctl(name string, size int) []byte {
	mib, _ := nametomib(name)
	b := make([]byte, size)
	l := uintptr(size)
	if _, e := call(syscall.SYS___SYSCTL, uintptr(unsafe.Pointer(&mib[0])), uintptr(len(mib)),
		uintptr(unsafe.Pointer(&b[0])), uintptr(unsafe.Pointer(&l))); e != 0 {
		fmt.Println(name, e)
	}
	return b[:l]
}

func nametomib(s string) ([]int32, syscall.Errno) {
	q := []int32{0, 3}
	buf := make([]int32, 24)
	n := uintptr(4 * len(buf))
	b := append([]byte(s), 0)
	_, e := call(syscall.SYS___SYSCTL, uintptr(unsafe.Pointer(&q[0])), 2, uintptr(unsafe.Pointer(&buf[0])),
		uintptr(unsafe.Pointer(&n)), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)-1))
	return buf[:n/4], e
}

func checkPerm(what string, p *perm, id int) {
	me, g := uint32(os.Geteuid()), uint32(os.Getegid())
	fmt.Printf("%s: mode %o key %v owner %v %v seq %v\n", what, p.Mode, p.Key == int64(key),
		p.UID == me && p.Cuid == me, p.GID == g && p.Cgid == g, int(p.Seq) == id>>16)
}

func shm() {
	r, e := call(sysShmget, key, 100, 0)
	say("shmget of none", r, e)
	r, e = call(sysShmget, 0, 0, 0o600)
	say("shmget of nothing", r, e)
	r, e = call(sysShmget, 0, ^uintptr(0), 0o600)
	say("shmget of too much", r, e)
	id, e := call(sysShmget, key, 5000, creat|0o600|nowait|0o170000)
	say("shmget", 0, e)
	defer call(sysShmctl, uintptr(id), rmid, 0)
	for _, c := range []struct {
		size  uintptr
		flags uintptr
	}{{0, 0}, {8192, creat | 0o777}, {8193, 0}, {5000, creat | excl}, {100, 0o777}} {
		r, e = call(sysShmget, key, c.size, c.flags)
		fmt.Printf("shmget %d %o: %v %s\n", c.size, c.flags, r == id, name(e))
	}
	var ds shmid
	st := func() {
		r, e := call(sysShmctl, uintptr(id), stat, uintptr(unsafe.Pointer(&ds)))
		if e != 0 {
			say("IPC_STAT", r, e)
		}
	}
	st()
	checkPerm("IPC_STAT", &ds.Perm, id)
	fmt.Println(ds.Segsz, ds.Lpid, ds.Cpid == int32(os.Getpid()), ds.Nattch, ds.Atime, ds.Dtime, ds.Ctime > 1e9)
	r, e = call(sysShmctl, uintptr(id), stat, 1)
	say("IPC_STAT to a bad address", r, e)
	r, e = call(sysShmctl, uintptr(id), set, 1)
	say("IPC_SET from a bad address", r, e)
	for _, cmd := range []uintptr{3, 11, 12, 13, 14, 99} {
		r, e = call(sysShmctl, uintptr(id), cmd, uintptr(unsafe.Pointer(&ds)))
		say(fmt.Sprint("shmctl ", cmd), r, e)
	}
	for _, bad := range []uintptr{^uintptr(0), uintptr(id) + 0x10000} {
		_, e1 := call(sysShmctl, bad, stat, uintptr(unsafe.Pointer(&ds)))
		_, e2 := call(sysShmat, bad, 0, 0)
		fmt.Println("bad identifier:", name(e1), name(e2))
	}

	p, e := call(sysShmat, uintptr(id), 0, 0)
	say("shmat", 0, e)
	m := mem(p, 8192)
	copy(m, "hello")
	q, e := call(sysShmat, uintptr(id), 0, rdonly)
	say("shmat for reading", 0, e)
	fmt.Printf("%q\n", mem(q, 5))
	r, e = call(sysShmdt, uintptr(q+1))
	say("shmdt off a page", r, e)
	r, e = call(sysShmdt, uintptr(q+4096))
	say("shmdt in the middle", r, e)
	_, e = call(sysShmat, uintptr(id), uintptr(q+8), 0)
	say("shmat off a page", 0, e)
	r, e = call(sysShmat, uintptr(id), uintptr(q+8), rnd)
	fmt.Println("shmat rounded, in the place of another:", r == q, name(e))
	mem(q, 5)[0] = 'j'
	fmt.Printf("%q\n", m[:5])
	_, e = call(sysShmat, uintptr(id), 0x7ffffffff000, 0)
	say("shmat at the end", 0, e)
	child("shm", id).Wait()
	fmt.Printf("%q\n", m[:5])
	st()
	fmt.Println("attached:", ds.Nattch, ds.Atime > 1e9, ds.Dtime > 1e9, ds.Lpid != 0)

	ds.Perm.Mode = 0o7640
	r, e = call(sysShmctl, uintptr(id), set, uintptr(unsafe.Pointer(&ds)))
	say("IPC_SET", r, e)
	st()
	checkPerm("IPC_STAT", &ds.Perm, id)
	var old [80]byte
	r, e = call(sysShmctl7, uintptr(id), stat, uintptr(unsafe.Pointer(&old)))
	fmt.Printf("of FreeBSD 7: mode %o size %d attached %d %s\n", binary.LittleEndian.Uint16(old[8:]),
		binary.LittleEndian.Uint32(old[24:]), binary.LittleEndian.Uint16(old[36:]), name(e))
	b := row("kern.ipc.shmsegs", "kern.ipc.shmmni", id, 104)
	checkPerm("in the table", (*perm)(unsafe.Pointer(&b[0])), id)

	r, e = call(sysShmctl, uintptr(id), rmid, 0)
	say("IPC_RMID", r, e)
	st()
	fmt.Printf("removed: mode %o key %d attached %d\n", ds.Perm.Mode, ds.Perm.Key, ds.Nattch)
	r, e = call(sysShmget, key, 0, 0)
	say("shmget of the removed one", r, e)
	p2, e := call(sysShmat, uintptr(id), 0, 0)
	say("shmat of the removed one", 0, e)
	for _, p := range []int{p, q, p2} {
		r, e = call(sysShmdt, uintptr(p))
		say("shmdt", r, e)
	}
	r, e = call(sysShmctl, uintptr(id), stat, uintptr(unsafe.Pointer(&ds)))
	say("IPC_STAT of none", r, e)
}

func semop(id int, ops ...sembuf) (int, syscall.Errno) {
	return call(sysSemop, uintptr(id), uintptr(unsafe.Pointer(unsafe.SliceData(ops))), uintptr(len(ops)))
}

func semctl(id, n, cmd int, arg uintptr) (int, syscall.Errno) {
	return call(sysSemctl, uintptr(id), uintptr(n), uintptr(cmd), uintptr(unsafe.Pointer(&arg)))
}

// until waits for a semaphore's count of waiters.
func until(id, cmd, want int) {
	for {
		if r, e := semctl(id, 0, cmd, 0); e != 0 || r == want {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func sem() {
	r, e := call(sysSemget, key, 1, 0)
	say("semget of none", r, e)
	r, e = call(sysSemget, 0, 0, 0o600)
	say("semget of nothing", r, e)
	r, e = call(sysSemget, 0, 1<<30, 0o600)
	say("semget of too many", r, e)
	id, e := call(sysSemget, key, sems, creat|0o600)
	say("semget", 0, e)
	defer semctl(id, 0, rmid, 0)
	for _, c := range []struct{ n, flags uintptr }{
		{0, 0}, {^uintptr(0), 0o600}, {sems, 0o600 | creat}, {sems + 1, 0}, {1, creat | excl}, {1, 0o700}, {1, 0o677}} {
		r, e = call(sysSemget, key, c.n, c.flags)
		fmt.Printf("semget %d %o: %v %s\n", int(c.n), c.flags, r == id, name(e))
	}
	var ds semid
	buf := uintptr(unsafe.Pointer(&ds))
	r, e = semctl(id, 0, stat, buf)
	say("IPC_STAT", r, e)
	checkPerm("IPC_STAT", &ds.Perm, id)
	fmt.Println(ds.Base, ds.Nsems, ds.Otime, ds.Ctime > 1e9)
	r, e = semctl(id&0xffff, 0, semstat, buf)
	fmt.Println("SEM_STAT:", r == id, ds.Nsems, name(e))
	r, e = semctl(0xffff, 0, semstat, buf)
	say("SEM_STAT of none", r, e)
	for _, cmd := range []int{stat, set, getall, setall} {
		_, e1 := semctl(id, 0, cmd, 1)
		_, e2 := call(sysSemctl, uintptr(id), 0, uintptr(cmd), 1)
		_, e3 := semctl(-1, 0, cmd, buf)
		fmt.Println("semctl", cmd, name(e1), name(e2), name(e3))
	}
	for _, cmd := range []int{11, 12, 18, 99} {
		r, e = semctl(id, 0, cmd, buf)
		say(fmt.Sprint("semctl ", cmd), r, e)
	}
	for _, c := range []struct{ id, n, v int }{{id, 0, -1}, {id, 0, 32768}, {id, 3, 1}, {id, 3, -1}, {id, -1, 1}, {id + 0x10000, 0, -1}, {id, 1, 32767}} {
		r, e = semctl(c.id, c.n, setval, uintptr(c.v))
		say(fmt.Sprintf("SETVAL %d %d", c.n, c.v), r, e)
	}
	r, e = semctl(id, 1, getval, 0)
	fmt.Println("GETVAL:", r, name(e))
	r, e = semctl(id, 3, getval, 0)
	say("GETVAL of none", r, e)
	vals := [sems]uint16{1, 2, 3}
	r, e = semctl(id, 0, setall, uintptr(unsafe.Pointer(&vals)))
	say("SETALL", r, e)
	vals = [sems]uint16{}
	r, e = semctl(id, 0, getall, uintptr(unsafe.Pointer(&vals)))
	fmt.Println("GETALL:", vals, name(e))

	r, e = semop(id, sembuf{0, -1, 0}, sembuf{1, 5, 0})
	say("semop", r, e)
	r, e = semop(id, sembuf{0, -1, nowait}, sembuf{1, 5, 0})
	say("semop that would wait", r, e)
	r, e = semop(id, sembuf{1, -1, 0}, sembuf{2, 0, nowait})
	say("semop for zero", r, e)
	r, e = semop(id, sembuf{2, 32767, 0})
	say("semop beyond", r, e)
	r, e = semop(id, sembuf{3, 1, 0})
	say("semop of none", r, e)
	r, e = semop(id)
	say("no semop", r, e)
	r, e = semop(id+0x10000, sembuf{0, 1, 0})
	say("semop of no set", r, e)
	r, e = call(sysSemop, uintptr(id), 1, 1)
	say("semop from a bad address", r, e)
	r, e = call(sysSemop, uintptr(id), 1, 1<<20)
	say("too many", r, e)
	r, e = semctl(id, 0, getall, uintptr(unsafe.Pointer(&vals)))
	fmt.Println("GETALL:", vals, name(e))
	r, e = semctl(id, 0, getpid, 0)
	fmt.Println("GETPID:", r == os.Getpid(), name(e))

	// A child waits; what it took is given back when it ends.
	c := child("down", id)
	until(id, getncnt, 1)
	semop(id, sembuf{0, 1, 0})
	c.Wait()
	r, e = semctl(id, 0, getval, 0)
	fmt.Println("undone:", r, name(e))
	c = child("zero", id)
	until(id, getzcnt, 1)
	semop(id, sembuf{0, -1, 0})
	c.Wait()

	interrupted(func() (int, syscall.Errno) { return semop(id, sembuf{0, -1, 0}) })

	b := row("kern.ipc.sema", "kern.ipc.semmni", id, 80)
	checkPerm("in the table", (*perm)(unsafe.Pointer(&b[0])), id)
	var old [120]byte
	arg := uintptr(unsafe.Pointer(&old))
	_, e = call(sysSemctl7, uintptr(id), 0, stat, uintptr(unsafe.Pointer(&arg)))
	fmt.Printf("of FreeBSD 7: mode %o sems %d %s\n", binary.LittleEndian.Uint16(old[8:]),
		binary.LittleEndian.Uint16(old[32:]), name(e))
	r, e = call(sysSemsys, 1, key, 0, 0)
	_, e2 := call(sysSemsys, 3)
	fmt.Println("semsys:", r == id, name(e), name(e2))
	ds.Perm.Mode = 0o640
	r, e = semctl(id, 0, set, buf)
	say("IPC_SET", r, e)
	c = child("down", id)
	until(id, getncnt, 1)
	r, e = semctl(id, 0, rmid, 0)
	c.Wait()
	say("IPC_RMID", r, e)
	r, e = semctl(id, 0, rmid, 0)
	say("IPC_RMID again", r, e)
}

// interrupted shows that a wait ends with EINTR although the handler (Go's all
// have SA_RESTART) would have it begun again.
func interrupted(wait func() (int, syscall.Errno)) {
	c := make(chan os.Signal, 64)
	signal.Notify(c, syscall.SIGUSR1)
	defer signal.Stop(c)
	done := make(chan string)
	tid := make(chan int64)
	go func() {
		var id int64
		call(432, uintptr(unsafe.Pointer(&id)))
		tid <- id
		_, e := wait()
		done <- name(e)
	}()
	id := <-tid
	for {
		select {
		case end := <-done:
			fmt.Println("a wait that a signal meets:", end)
			return
		case <-time.After(time.Millisecond): // perhaps it did not wait yet
			call(433, uintptr(id), uintptr(syscall.SIGUSR1))
		}
	}
}

func msg() {
	r, e := call(sysMsgget, key, 0)
	say("msgget of none", r, e)
	id, e := call(sysMsgget, key, creat|0o600)
	say("msgget", 0, e)
	defer call(sysMsgctl, uintptr(id), rmid, 0)
	for _, flags := range []uintptr{0, 0o600, creat, creat | excl, 0o700, 0o677} {
		r, e = call(sysMsgget, key, flags)
		fmt.Printf("msgget %o: %v %s\n", flags, r == id, name(e))
	}
	var ds msqid
	buf := uintptr(unsafe.Pointer(&ds))
	r, e = call(sysMsgctl, uintptr(id), stat, buf)
	say("IPC_STAT", r, e)
	checkPerm("IPC_STAT", &ds.Perm, id)
	limit, _ := syscall.SysctlUint32("kern.ipc.msgmnb")
	fmt.Println(ds.Cbytes, ds.Qnum, ds.Qbytes == uint64(limit), ds.Lspid, ds.Lrpid, ds.Stime, ds.Rtime, ds.Ctime > 1e9)
	for _, cmd := range []uintptr{3, 11, 99} {
		r, e = call(sysMsgctl, uintptr(id), cmd, buf)
		say(fmt.Sprint("msgctl ", cmd), r, e)
	}
	r, e = call(sysMsgctl, uintptr(id)+0x10000, stat, buf)
	say("no queue", r, e)
	r, e = call(sysMsgctl, uintptr(id), stat, 1)
	say("IPC_STAT to a bad address", r, e)
	r, e = call(sysMsgctl, uintptr(id), set, 1)
	say("IPC_SET from a bad address", r, e)

	type message struct {
		Type int64
		Text [16]byte
	}
	send := func(kind int64, text string, flags uintptr) (int, syscall.Errno) {
		m := message{Type: kind}
		n := copy(m.Text[:], text)
		return call(sysMsgsnd, uintptr(id), uintptr(unsafe.Pointer(&m)), uintptr(n), flags)
	}
	receive := func(kind int64, n, flags uintptr) {
		var m message
		r, e := call(sysMsgrcv, uintptr(id), uintptr(unsafe.Pointer(&m)), n, uintptr(kind), flags)
		fmt.Printf("msgrcv %d: %d %d %q %s\n", kind, r, m.Type, m.Text[:max(r, 0)], name(e))
	}
	r, e = send(0, "x", 0)
	say("msgsnd of type 0", r, e)
	r, e = call(sysMsgsnd, uintptr(id), 1, 1, 0)
	say("msgsnd from a bad address", r, e)
	r, e = call(sysMsgsnd, uintptr(id), buf, 1<<20, nowait)
	say("msgsnd of too much", r, e)
	for i, text := range []string{"one", "two", "three", "four"} {
		send(int64(i%3+1), text, 0)
	}
	r, e = call(sysMsgctl, uintptr(id), stat, buf)
	fmt.Println(ds.Cbytes, ds.Qnum, ds.Lspid == int32(os.Getpid()), ds.Lrpid, ds.Stime > 1e9, ds.Rtime)
	receive(2, 16, 0)
	receive(2, 16, nowait)
	receive(-2, 2, 0)
	receive(-2, 2, noerror)
	receive(0, 16, nowait|0o60000)
	receive(0, 16, 0)
	c := child("receive", id)
	send(7, "to the child", 0)
	c.Wait()
	interrupted(func() (int, syscall.Errno) {
		var m message
		return call(sysMsgrcv, uintptr(id), uintptr(unsafe.Pointer(&m)), 16, 9, 0)
	})

	ds.Qbytes = 0
	r, e = call(sysMsgctl, uintptr(id), set, buf)
	say("IPC_SET to no room", r, e)
	ds.Qbytes, ds.Perm.Mode = 10, 0o640
	r, e = call(sysMsgctl, uintptr(id), set, buf)
	say("IPC_SET", r, e)
	call(sysMsgctl, uintptr(id), stat, buf)
	checkPerm("IPC_STAT", &ds.Perm, id)
	fmt.Println(ds.Qbytes)
	r, e = send(1, "0123456789", nowait)
	say("msgsnd", r, e)
	r, e = send(1, "x", nowait)
	say("msgsnd to a full queue", r, e)
	b := row("kern.ipc.msqids", "kern.ipc.msgmni", id, 120)
	checkPerm("in the table", (*perm)(unsafe.Pointer(&b[0])), id)
	var old [160]byte
	_, e = call(sysMsgctl7, uintptr(id), stat, uintptr(unsafe.Pointer(&old)))
	fmt.Printf("of FreeBSD 7: mode %o bytes %d %s\n", binary.LittleEndian.Uint16(old[8:]),
		binary.LittleEndian.Uint64(old[40:]), name(e))
	r, e = call(sysMsgsys, 1, key, 0)
	_, e2 := call(sysMsgsys, ^uintptr(0))
	fmt.Println("msgsys:", r == id, name(e), name(e2))
	r, e = call(sysMsgctl, uintptr(id), rmid, 0)
	say("IPC_RMID", r, e)
	receive(0, 16, 0)
}

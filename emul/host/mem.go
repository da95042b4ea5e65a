package host

import (
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/guest"
)

// memWay is how guest memory is reached. Docker's default seccomp profile
// forbids process_vm_*, a chroot may lack /proc: the next way is taken for good
// when one turns out to be forbidden.
type memWay uint8

const (
	memVM   memWay = iota // process_vm_readv, process_vm_writev
	memProc               // /proc/TID/mem
	memPeek               // PTRACE_PEEKDATA, PTRACE_POKEDATA
)

// ReadsRunning says that the memory of a thread that is not stopped can be
// read and written, as far as is known.
func (e *Engine) ReadsRunning() bool { return e.mem != memPeek }

// ReadMem reads len(b) bytes of the tracee's memory at a; guest.ErrFault if any
// of them is not mapped readable.
func (t *Tracee) ReadMem(a guest.Addr, b []byte) error { return t.copy(a, b, false) }

// WriteMem writes b at a; guest.ErrFault if any byte is not mapped writable.
func (t *Tracee) WriteMem(a guest.Addr, b []byte) error { return t.copy(a, b, true) }

func (t *Tracee) copy(a guest.Addr, b []byte, write bool) error {
	if len(b) == 0 {
		return nil
	}
	if uint64(a)+uint64(len(b)) < uint64(a) || uint64(a)+uint64(len(b)) > AddrMax {
		return guest.ErrFault
	}
	if t.eng.mem == memVM {
		done, err := t.vmCopy(a, b, write)
		if done {
			return err
		}
		t.eng.mem = memProc
	}
	if t.eng.mem == memProc {
		done, err := t.procCopy(a, b, write)
		if done {
			return err
		}
		t.eng.mem = memPeek
	}
	return t.peekCopy(a, b, write)
}

// vmCopy reports done=false if the host forbids process_vm_*.
func (t *Tracee) vmCopy(a guest.Addr, b []byte, write bool) (bool, error) {
	for len(b) > 0 {
		local := unix.Iovec{Base: &b[0], Len: uint64(len(b))}
		remote := unix.RemoteIovec{Base: uintptr(a), Len: len(b)}
		nr := uintptr(unix.SYS_PROCESS_VM_READV)
		if write {
			nr = unix.SYS_PROCESS_VM_WRITEV
		}
		n, _, e := unix.RawSyscall6(nr, uintptr(t.Tid), uintptr(unsafe.Pointer(&local)), 1,
			uintptr(unsafe.Pointer(&remote)), 1, 0)
		switch {
		case e == unix.EPERM || e == unix.ENOSYS:
			return false, nil
		case e != 0 || n == 0:
			return true, guest.ErrFault
		}
		b, a = b[n:], a+guest.Addr(n)
	}
	return true, nil
}

// procCopy reports done=false if /proc/TID/mem cannot be opened. The kernel
// ignores page protection there (FOLL_FORCE), so a write to read-only guest
// memory succeeds where process_vm_writev would not: good enough for a
// fallback, and what Force is after.
func (t *Tracee) procCopy(a guest.Addr, b []byte, write bool) (bool, error) {
	fd, err := unix.Open("/proc/"+strconv.Itoa(t.Tid)+"/mem", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return false, nil
	}
	defer unix.Close(fd)
	for len(b) > 0 {
		var n int
		if write {
			n, err = unix.Pwrite(fd, b, int64(a))
		} else {
			n, err = unix.Pread(fd, b, int64(a))
		}
		if err != nil || n == 0 {
			return true, guest.ErrFault
		}
		b, a = b[n:], a+guest.Addr(n)
	}
	return true, nil
}

func (t *Tracee) peekCopy(a guest.Addr, b []byte, write bool) error {
	var n int
	var err error
	if write {
		n, err = unix.PtracePokeData(t.Tid, uintptr(a), b)
	} else {
		n, err = unix.PtracePeekData(t.Tid, uintptr(a), b)
	}
	if err != nil || n != len(b) {
		return guest.ErrFault
	}
	return nil
}

// Force writes pieces of code whatever the pages' protection is; a private page
// becomes the tracee's own.
func (t *Tracee) Force(pieces ...Piece) error {
	if t.eng.force && t.forceProc(pieces) == nil {
		return nil
	}
	t.eng.force = false // there is no /proc, or it refuses
	for _, p := range pieces {
		if _, err := unix.PtracePokeText(t.Tid, uintptr(p.At), p.Code); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tracee) forceProc(pieces []Piece) error {
	fd, err := unix.Open("/proc/"+strconv.Itoa(t.Tid)+"/mem", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for _, p := range pieces {
		if n, err := unix.Pwrite(fd, p.Code, int64(p.At)); err != nil || n != len(p.Code) {
			return unix.EIO
		}
	}
	return nil
}

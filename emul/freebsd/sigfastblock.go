package freebsd

import (
	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
	"github.com/lsf-linux/lsf/emul/guest"
)

// A thread that has called sigfastblock(2) blocks all signals by counting up a
// word of its own, without a system call; rtld and libthr do so if AT_BSDFLAGS
// offers it. The word is read when a signal comes.

// Commands and bits of the word (sys/signalvar.h).
const (
	fastblockSetPtr   = 1
	fastblockUnblock  = 2
	fastblockUnsetPtr = 3

	fastblockPending = 0x1 // to be set when a signal had to wait
	fastblockFlags   = 0xf // what does not block

	bsdfSigfastblk = 1 // ELF_BSDF_SIGFASTBLK
)

// fastblock is where a thread's word is. The thread alone changes it, so that
// it can be changed here while the thread is stopped.
type fastblock struct {
	set  bool
	word guest.Ptr[uint32]
}

func sigfastblock(t *emul.Task, cmd Int, word guest.Ptr[uint32]) emul.Action {
	f := &threadOf(t).sig.fast
	if cmd == fastblockSetPtr {
		switch {
		case f.set:
			return emul.Fail(abi.EBUSY)
		case word%4 != 0:
			return emul.Fail(abi.EINVAL)
		}
		*f = fastblock{true, word}
		return emul.Return(0)
	}
	if cmd != fastblockUnblock && cmd != fastblockUnsetPtr || !f.set {
		return emul.Fail(abi.EINVAL)
	}
	v, err := f.word.Load(t)
	if err == nil {
		switch {
		case cmd == fastblockUnsetPtr && v != 0 && v != fastblockPending,
			cmd == fastblockUnblock && v != fastblockPending:
			return emul.Fail(abi.EBUSY)
		case cmd == fastblockUnsetPtr:
			f.set = false
		default:
			err = f.word.Store(t, 0)
		}
	}
	if err != nil {
		f.set = false
		return emul.Fail(abi.EFAULT)
	}
	return emul.Return(0) // and what has waited is delivered
}

// fastBlocked says whether the thread's word blocks signals just now. A thread
// whose word cannot be read gets SIGSEGV (sigfastblock_failed).
func (th *thread) fastBlocked() bool {
	if !th.sig.fast.set {
		return false
	}
	v, err := th.sig.fast.word.Load(th.Task)
	if err != nil {
		th.fastFailed()
		return false
	}
	return v&^fastblockFlags != 0
}

// fastPending tells the thread that a signal waits.
func (th *thread) fastPending() {
	v, err := th.sig.fast.word.Load(th.Task)
	if err == nil {
		err = th.sig.fast.word.Store(th.Task, v|fastblockPending)
	}
	if err != nil {
		th.fastFailed()
	}
}

func (th *thread) fastFailed() {
	th.sig.fast.set = false
	s := &emul.Signal{Num: int(abi.SIGSEGV), Host: int(xlat.HostSignal(abi.SIGSEGV))}
	s.Info.Signo, s.Info.Code = int32(s.Host), 1 // SEGV_MAPERR
	th.sig.queue = append(th.sig.queue, s)
}

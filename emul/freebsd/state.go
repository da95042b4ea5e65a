package freebsd

import (
	"time"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
)

// process is the personality's state of a guest process. Each topic keeps its
// part in a struct of its own, in the topic's file.
type process struct {
	*emul.Process
	os        *OS
	started   time.Time
	release   release // what the guest is told the kernel is
	prefix    prefix  // where paths are looked up first
	sig       procSignals
	mem       procMemory
	image     procImage
	ids       procIDs
	sockets   sockets
	kq        kqueues
	pds       procDescs
	aio       procAIO
	timers    procTimers
	mqs       map[int32]*mqNotice // by descriptor
	umtx      umtxProc
	reap      reaping
	cpuset    int32      // cpuset(2); 0 is the default
	pdeathsig abi.Signal // asked for by procctl(PROC_PDEATHSIG_CTL)
}

// thread is the personality's state of a guest thread.
type thread struct {
	*emul.Task
	sig       threadSignals
	ids       threadIDs
	umtx      umtxThread
	name      string // thr_set_name
	suspended bool   // in thr_suspend
	wakeup    bool   // thr_wake came before or during thr_suspend
	awake     bool   // it has called thr_wake for itself: its next sleep ends at once
	leaving   bool   // in thr_exit
}

// live is a thread whose memory is there, or nil. The first thread may have
// left before the others: it stays as a zombie without any.
func (p *process) live() *emul.Task {
	for _, t := range p.Tasks {
		if th, ok := t.OS.(*thread); ok && !t.Dead() && !th.leaving {
			return t
		}
	}
	return nil
}

func procOf(t *emul.Task) *process  { return t.Proc.OS.(*process) }
func threadOf(t *emul.Task) *thread { return t.OS.(*thread) }

// forked adjusts the copy of its parent's state that a new process starts with.
func (p *process) forked(parent *process) {
	p.sockets = parent.sockets.forked()
	p.started = time.Now()
	p.pdeathsig = 0
	p.timers, p.mqs, p.aio = nil, nil, procAIO{}
	p.mem.private = 0
	p.reap = parent.reap.forked(parent, p.Pid)
	p.kq = kqueues{coarse: parent.kq.coarse}
	p.pds = parent.pds.forked()
}

// execed resets what does not survive execve(2).
func (p *process) execed() {
	p.sig.acts.reset()
	p.os.umtxPages.exited(&p.mem)
	p.mem = procMemory{}
	p.kq.local = nil
	p.umtx = umtxProc{}
	p.ids.sugid = false
	p.mqs, p.aio = nil, procAIO{}
	p.stopTimers()
	kqProcExeced(p)
	for _, t := range p.Tasks {
		threadOf(t).execed()
	}
}

// execed does so for what belongs to the thread; its mask and pending signals stay.
func (th *thread) execed() {
	th.umtx = umtxThread{}
	th.sig.fast = fastblock{}
	th.name, th.wakeup = "", false
}

// exited is told that the process is gone, with Linux's wait status.
func (p *process) exited(status uint32) {
	p.abandon()
	p.stopTimers()
	p.os.umtxPages.exited(&p.mem)
	p.umtxKilled(status)
	p.pds.exited(int(xlat.WaitStatus(status)))
	kqProcExited(p, int(xlat.WaitStatus(status)))
}

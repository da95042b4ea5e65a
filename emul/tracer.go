package emul

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/trace"
)

// tracer prints what guests do in the manner of truss(1).
type tracer struct{ w *trace.Writer }

// NewTracer makes a Tracer that prints to w.
func NewTracer(w *trace.Writer) Tracer { return &tracer{w} }

func (r *tracer) args(t *Task, ret uint64, err error) string {
	if t.Row == nil {
		return "?"
	}
	return trace.Call(t.Row.Name, t.Row.Types(&t.Args), trace.Ctx{Mem: t, Raw: t.Args[:], Ret: ret, Err: err})
}

// Call implements Tracer.
func (r *tracer) Call(t *Task, ret uint64, err error) {
	if err != nil {
		e := t.loop.pers.Errno(err)
		r.w.Linef(t.Proc.Pid, t.Tid, "%s ERR#%d '%s'", r.args(t, ret, err), e, t.loop.pers.ErrnoText(e))
		return
	}
	r.w.Linef(t.Proc.Pid, t.Tid, "%s = %d (0x%x)", r.args(t, ret, err), int64(ret), ret)
}

// NoReturn implements Tracer.
func (r *tracer) NoReturn(t *Task) {
	line := t.noted
	if line == "" {
		line = r.args(t, 0, nil)
	}
	t.noted = ""
	r.w.Linef(t.Proc.Pid, t.Tid, "%s = JUSTRETURN", line)
}

// Note keeps the arguments of t's call for NoReturn: they are gone when an
// exec has succeeded.
func (t *Task) Note() {
	if r, ok := t.loop.trace.(*tracer); ok {
		t.noted = r.args(t, 0, nil)
	}
}

// Signal implements Tracer.
func (r *tracer) Signal(t *Task, s *Signal, v Verdict) {
	what := map[Verdict]string{Drop: "ignored", Native: "default action", Handle: "handled"}[v]
	r.w.Linef(t.Proc.Pid, t.Tid, "SIGNAL %d (%s) code=%d: %s", s.Num, t.loop.pers.SignalName(s.Num), s.Info.Code, what)
}

// Clone implements Tracer.
func (r *tracer) Clone(parent, child *Task) {
	if parent.Proc == child.Proc {
		r.w.Linef(child.Proc.Pid, child.Tid, "<new thread>")
	} else {
		r.w.Linef(child.Proc.Pid, child.Tid, "<new process, parent %d>", parent.Proc.Pid)
	}
}

// Exit implements Tracer.
func (r *tracer) Exit(p *Process, status uint32) {
	ws := unix.WaitStatus(status)
	if ws.Signaled() {
		r.w.Linef(p.Pid, p.Pid, "process killed, signal = %d on Linux", ws.Signal())
		return
	}
	r.w.Linef(p.Pid, p.Pid, "process exit, rval = %d", ws.ExitStatus())
}

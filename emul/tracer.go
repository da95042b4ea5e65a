package emul

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/trace"
)

// tracer prints what guests do in the manner of truss(1).
type tracer struct{ w *trace.Writer }

// NewTracer makes a Tracer that prints to w.
func NewTracer(w *trace.Writer) Tracer { return &tracer{w} }

func (r *tracer) args(t *Task, ret uint64, err error) string {
	if t.Row == nil || t.Row.Types == nil {
		return "?"
	}
	return trace.Call(t.Row.Name, t.Row.Types(&t.Args), trace.Ctx{Mem: t, Raw: t.Args[:], Ret: ret, Err: err})
}

// Call implements Tracer.
func (r *tracer) Call(t *Task, ret uint64, err error) {
	if err != nil {
		r.w.Linef(t.Proc.Pid, t.Tid, "%s\t ERR#%d '%v'", r.args(t, ret, err), t.loop.pers.Errno(err), err)
		return
	}
	v := fmt.Sprintf("%d (0x%x)", int64(ret), ret)
	r.w.Linef(t.Proc.Pid, t.Tid, "%s\t = %s", r.args(t, ret, err), v)
}

// NoReturn implements Tracer.
func (r *tracer) NoReturn(t *Task) {
	r.w.Linef(t.Proc.Pid, t.Tid, "%s", r.args(t, 0, nil))
}

// Signal implements Tracer.
func (r *tracer) Signal(t *Task, s *Signal, v Verdict) {
	what := map[Verdict]string{Drop: "ignored", Native: "default action", Handle: "handled"}[v]
	r.w.Linef(t.Proc.Pid, t.Tid, "SIGNAL %d (code %d): %s", s.Num, s.Info.Code, what)
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
		r.w.Linef(p.Pid, p.Pid, "process killed, Linux signal %d", ws.Signal())
		return
	}
	r.w.Linef(p.Pid, p.Pid, "process exit, rval = %d", ws.ExitStatus())
}

package trace

import (
	"fmt"
	"strings"
)

// Writer prints lines, each with the thread it belongs to.
type Writer struct {
	out func(line string)
}

// NewWriter makes a Writer that gives finished lines, with their newline, to out.
func NewWriter(out func(string)) *Writer { return &Writer{out} }

// Linef prints one line for a thread.
func (w *Writer) Linef(pid, tid int, format string, args ...any) {
	head := fmt.Sprintf("%5d: ", pid)
	if tid != pid {
		head = fmt.Sprintf("%5d/%d: ", pid, tid)
	}
	w.out(head + fmt.Sprintf(format, args...) + "\n")
}

// Call formats name(arg,arg,…) from the arguments as the call's own types.
func Call(name string, args []any, c Ctx) string {
	var b strings.Builder
	b.WriteString(name + "(")
	for i, a := range args {
		if i > 0 {
			b.WriteString(",")
		}
		c.Index = i
		if f, ok := a.(Formatter); ok {
			b.WriteString(f.TraceArg(&c))
			continue
		}
		switch v := a.(type) {
		default:
			if c.Raw[i] > 1<<20 {
				fmt.Fprintf(&b, "0x%x", c.Raw[i])
			} else {
				fmt.Fprintf(&b, "%d", v)
			}
		}
	}
	b.WriteString(")")
	return b.String()
}

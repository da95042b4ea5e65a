package trace

import (
	"fmt"
	"strings"

	"github.com/lsf-linux/lsf/emul/guest"
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
		b.WriteString(arg(a, &c))
	}
	b.WriteString(")")
	return b.String()
}

// maxPrinted is how large a structure may be (bytes of text) to be printed in full.
const maxPrinted = 160

func arg(a any, c *Ctx) string {
	raw := c.Raw[c.Index]
	switch v := a.(type) {
	case Formatter:
		return v.TraceArg(c)
	case interface {
		LoadAny(guest.Memory) (any, error)
	}:
		if raw == 0 || c.Err != nil {
			return fmt.Sprintf("0x%x", raw)
		}
		val, err := v.LoadAny(c.Mem)
		if err != nil {
			return fmt.Sprintf("0x%x", raw)
		}
		return value(val, raw)
	}
	if raw > 1<<20 && int64(raw) > 0 {
		return fmt.Sprintf("0x%x", raw)
	}
	return fmt.Sprintf("%d", a)
}

// value prints what a pointer points to: { number } or { field=value, … }.
func value(v any, raw uint64) string {
	var s string
	switch v := v.(type) {
	case fmt.Stringer:
		s = v.String()
	default:
		s = fmt.Sprintf("%+v", v)
		s = strings.TrimSuffix(strings.TrimPrefix(s, "{"), "}")
		s = strings.ReplaceAll(strings.ReplaceAll(s, ":", "="), " ", ",")
	}
	if len(s) > maxPrinted {
		return fmt.Sprintf("0x%x", raw)
	}
	return "{ " + s + " }"
}

// MaxString is how many bytes of a buffer are printed, truss -s's default.
const MaxString = 32

// Buffer prints n bytes of memory at a in quotes, visibly encoded as vis(3)
// does, cut after MaxString.
func Buffer(c *Ctx, a, n uint64) string {
	if a == 0 || n == 0 && c.Err != nil {
		return fmt.Sprintf("0x%x", a)
	}
	b := make([]byte, min(n, MaxString))
	if c.Mem.ReadMem(guest.Addr(a), b) != nil {
		return fmt.Sprintf("0x%x", a)
	}
	s := "\"" + visible(b) + "\""
	if n > MaxString {
		s += "..."
	}
	return s
}

func visible(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		meta := c >= 0x80
		if meta {
			c &= 0x7f
		}
		switch {
		case meta && (c < 0x20 || c == 0x7f):
			fmt.Fprintf(&s, "\\M^%c", c^0x40)
		case meta:
			fmt.Fprintf(&s, "\\M-%c", c)
		case c == '\n':
			s.WriteString("\\n")
		case c == '\t':
			s.WriteString("\\t")
		case c == '\r':
			s.WriteString("\\r")
		case c == 0:
			s.WriteString("\\0")
		case c == '"' || c == '\\':
			s.WriteByte('\\')
			s.WriteByte(c)
		case c < 0x20 || c == 0x7f:
			fmt.Fprintf(&s, "\\^%c", c^0x40)
		default:
			s.WriteByte(c)
		}
	}
	return s.String()
}

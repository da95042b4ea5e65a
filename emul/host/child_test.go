package host

import (
	"os"
	"testing"

	"github.com/lsf-linux/lsf/internal/lsftest"
)

// guestPage is where tests put guest code in a child: a short jump reaches
// LSF's code from there, and nothing else is there.
const guestPage = 0x10000000

// child is a process that tests run single instructions in.
type child struct {
	*Tracee
	*lsftest.Traced
	t testing.TB
}

// startChild starts prog traced, stopped at its first instruction. The test's
// goroutine stays on its thread until the end.
func startChild(t testing.TB, prog string) *child {
	t.Helper()
	p := lsftest.Trace(t, prog)
	return &child{(&Engine{}).Tracee(p.Pid), p, t}
}

// newRegionChild is a child with LSF's code and a page of guest code in it.
func newRegionChild(t testing.TB, image, code []byte) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := startChild(t, self)
	c.Map([2]uint64{CodeBase, CodeEnd - CodeBase}, [2]uint64{scratchBase, SlotSize}, [2]uint64{guestPage, pageSize})
	if err := c.WriteMem(CodeBase, image); err != nil {
		t.Fatal(err)
	}
	if err := c.WriteMem(guestPage, code); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *child) regs() (r Regs) {
	c.t.Helper()
	if err := c.GetRegs(&r); err != nil {
		c.t.Fatal(err)
	}
	return r
}

func (c *child) setRegs(r *Regs) {
	c.t.Helper()
	if err := c.SetRegs(r); err != nil {
		c.t.Fatal(err)
	}
}

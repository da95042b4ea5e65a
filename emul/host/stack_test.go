package host

import (
	"runtime"
	"testing"
)

// regsAt calls GetRegs so deep down the stack.
//
//go:noinline
func regsAt(c *child, depth int) (r Regs) {
	if depth > 0 {
		return regsAt(c, depth-1)
	}
	if err := c.GetRegs(&r); err != nil {
		c.t.Fatal(err)
	}
	return r
}

//go:noinline
func deeper(c *child, depth int) uint64 {
	var pad [32]byte
	if depth > 0 {
		return deeper(c, depth-1) + uint64(pad[depth%32])
	}
	r := regsAt(c, 0)
	return r.Rip
}

// TestRegsMovingStack reads registers wherever the stack may have to grow for
// that, and so to move.
func TestRegsMovingStack(t *testing.T) {
	if testing.Short() {
		t.Skip("runs whole programs")
	}
	c := startChild(t, "/proc/self/exe")
	want := c.regs().Rip
	for depth := range 600 {
		runtime.GC() // makes the stack small again
		if got := deeper(c, depth); got != want {
			t.Fatalf("depth %d: RIP is %#x, want %#x", depth, got, want)
		}
	}
}

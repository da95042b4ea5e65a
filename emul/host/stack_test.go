package host

import (
	"runtime"
	"testing"
)

// ripAt reads RIP so many small frames down the stack.
//
//go:noinline
func ripAt(c *child, depth int) uint64 {
	var pad [32]byte
	if depth > 0 {
		return ripAt(c, depth-1) + uint64(pad[depth%32])
	}
	return rip(c)
}

// rip calls nothing that needs more stack than GetRegs does.
//
//go:noinline
func rip(c *child) uint64 {
	var r Regs
	if err := c.GetRegs(&r); err != nil {
		c.t.Fatal(err)
	}
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
		if got := ripAt(c, depth); got != want {
			t.Fatalf("depth %d: RIP is %#x, want %#x", depth, got, want)
		}
	}
}

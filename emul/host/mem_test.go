package host

import (
	"bytes"
	"testing"

	"github.com/lsf-linux/lsf/emul/guest"
)

// TestMemory reads and writes a child in each of the three ways, at good and
// bad addresses. No subtests: ptrace wants the thread that traces.
func TestMemory(t *testing.T) {
	c := newRegionChild(t, Image(testErrno, nil, testFast()), nil)
	for _, way := range []struct {
		name string
		way  memWay
	}{{"process_vm", memVM}, {"proc", memProc}, {"peek", memPeek}} {
		c.eng.mem = way.way
		for _, n := range []int{0, 1, 7, 8, 9, 4095} {
			want := bytes.Repeat([]byte{byte(n), 1, 2}, n)[:n]
			at := addr(guestPage + pageSize - uint64(n))
			if err := c.WriteMem(at, want); err != nil {
				t.Errorf("%s: write %d: %v", way.name, n, err)
			}
			got := make([]byte, n)
			if err := c.ReadMem(at, got); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: read %d: %v", way.name, n, err)
			}
		}
		for _, bad := range []uint64{0, 1, 0x8000, guestPage + pageSize - 4, guestPage - 4, AddrMax - 4, AddrMax, 1 << 47, 1 << 63, ^uint64(0) - 6, ^uint64(0)} {
			if err := c.ReadMem(addr(bad), make([]byte, 8)); err != guest.ErrFault {
				t.Errorf("%s: read at %#x: %v", way.name, bad, err)
			}
			if err := c.WriteMem(addr(bad), make([]byte, 8)); err != guest.ErrFault {
				t.Errorf("%s: write at %#x: %v", way.name, bad, err)
			}
		}
		if c.eng.mem != way.way {
			t.Errorf("%s: went over to way %d", way.name, c.eng.mem)
		}
	}
}

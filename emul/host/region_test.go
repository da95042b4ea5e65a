package host

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// edges are addresses around each border of the region.
func edges() []uint64 {
	list := []uint64{0, 1, 1 << 63, ^uint64(0), ^uint64(0) - pageSize, AddrMax, AddrMax - 1}
	for _, r := range Regions {
		for _, a := range r {
			list = append(list, a-pageSize, a-1, a, a+1, a+pageSize)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func ours(a uint64) bool {
	return a >= Regions[0][0] && a < Regions[0][1] || a >= Regions[1][0] && a < Regions[1][1]
}

func TestOverlapsAndOutside(t *testing.T) {
	e := edges()
	for i, a := range e {
		if Overlaps(a, 0) {
			t.Errorf("nothing at %#x overlaps", a)
		}
		for _, b := range e[i+1:] {
			n := b - a
			want := ours(a)
			for _, r := range Regions {
				want = want || a < r[0] && b > r[0]
			}
			if got := Overlaps(a, n); got != want {
				t.Errorf("Overlaps(%#x, %#x) = %v", a, n, got)
			}
			var sum uint64
			last := a
			for _, p := range Outside(a, n) {
				if p[1] == 0 || p[0] < last || p[0]+p[1] > b || Overlaps(p[0], p[1]) {
					t.Errorf("Outside(%#x, %#x) has the part %#x", a, n, p)
				}
				last = p[0] + p[1]
				sum += p[1]
			}
			inside := uint64(0)
			for _, r := range Regions {
				if lo, hi := max(a, r[0]), min(b, r[1]); lo < hi {
					inside += hi - lo
				}
			}
			if sum+inside != n {
				t.Errorf("Outside(%#x, %#x) has %#x bytes, %#x are inside", a, n, sum, inside)
			}
		}
	}
	for a, want := range map[uint64]bool{scratchBase - 1: false, scratchBase: true, scratchEnd - 1: true, scratchEnd: false, CodeBase: false} {
		if Scratch(a) != want {
			t.Errorf("Scratch(%#x) = %v", a, !want)
		}
	}
}

func TestSlots(t *testing.T) {
	var s Slots
	var chunks []uint64
	seen := map[Slot]bool{}
	for i := range slotsPerChunk * maxChunks {
		slot, chunk, ok := s.Take()
		if !ok || seen[slot] {
			t.Fatalf("slot %d: %d, %v", i, slot, ok)
		}
		seen[slot] = true
		if a := uint64(slot.Addr()); !Scratch(a) || !Scratch(a+SlotSize-1) {
			t.Fatalf("slot %d is at %#x", slot, a)
		}
		if chunk != 0 {
			chunks = append(chunks, uint64(chunk))
		}
	}
	if _, _, ok := s.Take(); ok {
		t.Error("more slots than there is room for")
	}
	for i, c := range chunks {
		if c != scratchBase+uint64(i+1)*ChunkSize {
			t.Errorf("chunk %d at %#x", i+1, c)
		}
	}
	if len(chunks) != maxChunks-1 {
		t.Errorf("%d chunks", len(chunks))
	}
	s.Free(300)
	if slot, chunk, ok := s.Take(); slot != 300 || chunk != 0 || !ok {
		t.Errorf("a slot given back: %d, %#x, %v", slot, uint64(chunk), ok)
	}
	n := s.Only(700)
	if slot, chunk, ok := n.Take(); slot != 0 || chunk != 0 || !ok {
		t.Errorf("the first slot of a copy: %d, %#x, %v", slot, uint64(chunk), ok)
	}
	for range len(n.used) - 2 {
		if slot, _, ok := n.Take(); !ok || slot == 700 {
			t.Fatalf("a copy gave slot %d, %v", slot, ok)
		}
	}
	if _, _, ok := n.Take(); ok {
		t.Error("the slot in use was given away")
	}
}

func TestImageIsAnELFProgram(t *testing.T) {
	guestCode := []byte("the personality's page")
	img := Image(testErrno, guestCode, testFast())
	if len(img) != ImageSize {
		t.Fatalf("%d bytes", len(img))
	}
	f, err := elf.NewFile(bytes.NewReader(img))
	if err != nil {
		t.Fatal(err)
	}
	if f.Type != elf.ET_EXEC || f.Machine != elf.EM_X86_64 || f.Entry != execEntry {
		t.Errorf("%v", f.FileHeader)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && !Overlaps(p.Vaddr, p.Memsz) || p.Flags&(elf.PF_W|elf.PF_X) == elf.PF_W|elf.PF_X {
			t.Errorf("%+v", p.ProgHeader)
		}
	}
	if !bytes.HasPrefix(img[GuestCode-CodeBase:], guestCode) {
		t.Error("the personality's page is not in its place")
	}
	for e := range 256 {
		want := testErrno(e)
		if got := img[ErrnoPage-CodeBase+e]; e > 0 && e < 134 && got != want {
			t.Errorf("errno %d becomes %d, want %d", e, got, want)
		}
	}
}

// TestImageRuns executes the image: it stops at once, and where it should.
func TestImageRuns(t *testing.T) {
	name := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(name, Image(testErrno, nil, testFast()), 0o700); err != nil {
		t.Fatal(err)
	}
	c := startChild(t, name)
	if err := c.Resume(0); err != nil {
		t.Fatal(err)
	}
	c.Wait()
	r := c.regs()
	if r.Call() != CallDone || r.Rip != execDone {
		t.Fatalf("stopped at %#x", r.Rip)
	}
	for _, a := range []uint64{CodeBase, GuestCode, scratchBase, scratchBase + ChunkSize - 8} {
		if err := c.ReadMem(addr(a), make([]byte, 8)); err != nil {
			t.Errorf("%#x: %v", a, err)
		}
	}
	if c.WriteMem(enginePage, []byte{0}) == nil {
		t.Error("the engine page is writable")
	}
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", c.Tid))
	if err != nil {
		t.Skip(err)
	}
	for line := range bytes.Lines(maps) {
		var from, to uint64
		if _, err := fmt.Sscanf(string(line), "%x-%x", &from, &to); err != nil {
			t.Fatal(err)
		}
		if !Overlaps(from, to-from) && !bytes.Contains(line, []byte("[")) {
			t.Errorf("more than the region: %s", line)
		}
	}
}

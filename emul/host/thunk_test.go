package host

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
)

func TestPatchPage(t *testing.T) {
	sys := []byte{0x0f, 0x05}
	site := append(movEAX(guestClose), sys...)
	lea := append(append(movEAX(guestClock), 0x48, 0xc7, 0xc7, 0, 0, 0, 0, 0x48, 0x8d, 0x74, 0x24, 0xd8), sys...)
	rax := append([]byte{0x48, 0x8b, 0x74, 0x24, 0x08}, sys...)
	for _, c := range []struct {
		name string
		at   int // from the end if negative
		code []byte
		addr uint64
		want int // sites patched
	}{
		{"at the start", 0, site, guestPage, 1},
		{"at the end", -len(site), site, guestPage, 1},
		{"syscall on the next page", -len(site) + 1, site[:len(site)-1], guestPage, 0},
		{"begins on the page before", 0, site[1:], guestPage, 0},
		{"the number is on the page before", 0, lea[1:], guestPage, 1}, // it is in RAX,
		{"long form at the start", 0, lea, guestPage, 1},
		{"long form at the end", -len(lea), lea, guestPage, 1},
		{"stack form at the start", 0, rax, guestPage, 1},
		{"not a fast call", 64, append(movEAX(guestSlow), sys...), guestPage, 0},
		{"number out of range", 64, append([]byte{0xb8, 0xff, 0xff, 0xff, 0xff}, sys...), guestPage, 0},
		{"nothing known before it", 64, append([]byte{0x90, 0x90, 0x90, 0x90, 0x90}, sys...), guestPage, 0},
		{"too far away", 64, site, 0x7f0000000000, 0},
		{"just too far", 64, site, 0x80000000 + thunkEnd, 0},
		{"not quite too far", 64, site, 0x80000000 + thunkBase - 3*pageSize, 1},
		{"two in a row", 64, append(bytes.Clone(site), rax...), guestPage, 2},
	} {
		page := make([]byte, pageSize)
		at := c.at
		if at < 0 {
			at += pageSize
		}
		copy(page[at:], c.code)
		orig := bytes.Clone(page)
		h := NewThunks(testFast())
		p := h.PatchPage(c.addr, page)
		if !bytes.Equal(page, orig) {
			t.Errorf("%s: the page given was changed", c.name)
		}
		if len(h.list) != c.want || (p == nil) != (c.want == 0) {
			t.Errorf("%s: %d sites", c.name, len(h.list))
		}
		if p == nil {
			continue
		}
		for i, th := range h.list {
			off := th.site - c.addr
			to := c.addr + off + 5 + uint64(int64(int32(binary.LittleEndian.Uint32(p.Page[off+1:]))))
			if p.Page[off] != 0xe9 || to != thunkBase+uint64(i)*thunkSize || !covers(p, to) {
				t.Errorf("%s: no jump to the thunk at %#x but to %#x", c.name, off, to)
			}
			if !bytes.Equal(p.Page[th.sysAddr-c.addr:][:2], sys) {
				t.Errorf("%s: the syscall instruction is gone", c.name)
			}
		}
	}
}

// covers says that there is code for an address among the thunks.
func covers(p *Patch, at uint64) bool {
	return slices.ContainsFunc(p.Thunks, func(t Piece) bool {
		return at >= t.At && at < t.At+uint64(len(t.Code)) && t.Code[at-t.At] != 0
	})
}

// TestThunksRunOut fills all slots; what does not fit stays as it is. A copy
// for a child does not share what is added later.
func TestThunksRunOut(t *testing.T) {
	page := bytes.Repeat(append(movEAX(guestClose), 0x0f, 0x05), pageSize/7)
	page = append(page, make([]byte, pageSize-len(page))...)
	h := NewThunks(testFast())
	const room = (thunkEnd - thunkBase) / thunkSize
	child := h.Copy()
	for i := range uint64(3) {
		if p := h.PatchPage(guestPage+i*pageSize, page); p != nil {
			for _, piece := range p.Thunks {
				if piece.At < thunkBase || piece.At+uint64(len(piece.Code)) > thunkEnd {
					t.Fatalf("thunks at %#x", piece.At)
				}
			}
		}
	}
	if len(h.list) != room {
		t.Errorf("%d thunks, there is room for %d", len(h.list), room)
	}
	if h.PatchPage(guestPage+9*pageSize, page) != nil {
		t.Error("patched without a slot")
	}
	child.PatchPage(guestPage, page[:len(page):len(page)])
	if &child.list[0] == &h.list[0] {
		t.Error("a copy shares its list")
	}
	for _, rip := range []uint64{thunkBase - 1, thunkEnd, 0, ^uint64(0)} {
		r := Regs{Rip: rip}
		if st, _, _ := h.Locate(&r, testErrno, 0, nil); st != TailNone {
			t.Errorf("%#x is in a thunk: %d", rip, st)
		}
	}
}

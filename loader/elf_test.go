package loader

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// testELF builds small ELF files for tests.
type testELF struct {
	typ    elf.Type
	osabi  elf.OSABI
	entry  uint64
	phoff  uint64 // 0 means behind the header
	phnum  int    // 0 means len(progs)
	progs  []prog
	data   map[int]string // at these offsets
	size   int            // 0 means one page
	change func([]byte)
}

func (e testELF) bytes() []byte {
	size := e.size
	if size == 0 {
		size = PageSize
	}
	b := make([]byte, size)
	copy(b, elf.ELFMAG)
	b[elf.EI_CLASS] = byte(elf.ELFCLASS64)
	b[elf.EI_DATA] = byte(elf.ELFDATA2LSB)
	b[elf.EI_VERSION] = byte(elf.EV_CURRENT)
	b[elf.EI_OSABI] = byte(e.osabi)
	typ, phoff, phnum := e.typ, e.phoff, e.phnum
	if typ == 0 {
		typ = elf.ET_EXEC
	}
	if phoff == 0 {
		phoff = ehdrSize
	}
	if phnum == 0 {
		phnum = len(e.progs)
	}
	binary.LittleEndian.PutUint16(b[16:], uint16(typ))
	binary.LittleEndian.PutUint16(b[18:], uint16(elf.EM_X86_64))
	binary.LittleEndian.PutUint32(b[20:], uint32(elf.EV_CURRENT))
	binary.LittleEndian.PutUint64(b[24:], e.entry)
	binary.LittleEndian.PutUint64(b[32:], phoff)
	binary.LittleEndian.PutUint16(b[52:], ehdrSize)
	binary.LittleEndian.PutUint16(b[54:], phdrSize)
	binary.LittleEndian.PutUint16(b[56:], uint16(phnum))
	for i, p := range e.progs {
		if phoff > uint64(len(b)) || int(phoff)+(i+1)*phdrSize > len(b) {
			break
		}
		var buf bytes.Buffer
		binary.Write(&buf, binary.LittleEndian, elf.Prog64{
			Type: p.Type, Flags: p.Flags, Off: p.Off, Vaddr: p.Vaddr,
			Filesz: p.Filesz, Memsz: p.Memsz, Align: p.Align,
		})
		copy(b[int(phoff)+i*phdrSize:], buf.Bytes())
	}
	for off, s := range e.data {
		copy(b[off:], s)
	}
	if e.change != nil {
		e.change(b)
	}
	return b
}

// note returns one ELF note.
func note(vendor string, typ, desc uint32) string {
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, []uint32{uint32(len(vendor)), 4, typ})
	b.WriteString(vendor)
	for b.Len()%4 != 0 {
		b.WriteByte(0)
	}
	binary.Write(&b, binary.LittleEndian, desc)
	return b.String()
}

const (
	rx = pfR | pfX
	rw = pfR | pfW
)

// text is a plain first segment of one page.
var text = prog{Type: ptLoad, Flags: rx, Vaddr: 0x400000, Filesz: 0x1000, Memsz: 0x1000, Align: 0x1000}

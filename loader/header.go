package loader

import (
	"debug/elf"
	"encoding/binary"
)

var le = binary.LittleEndian

const (
	ehdrSize = 64
	phdrSize = 56
)

type prog struct {
	Type          elf.ProgType
	Flags         elf.ProgFlag
	Off, Vaddr    uint64
	Filesz, Memsz uint64
	Align         uint64
}

// prot returns the segment's PROT_* bits.
func (p *prog) prot() int {
	var prot int
	if p.Flags&elf.PF_R != 0 {
		prot |= ProtRead
	}
	if p.Flags&elf.PF_W != 0 {
		prot |= ProtWrite
	}
	if p.Flags&elf.PF_X != 0 {
		prot |= ProtExec
	}
	return prot
}

type header struct {
	typ   elf.Type
	entry uint64
	phoff uint64
	flags uint32
	progs []prog
}

// parseHeader checks the ELF header as imgact_elf.c does in check_header,
// phdr_in_zero_page and at the start of exec_elf64_imgact, and reads the
// program headers, which must lie within the first page: there are at most 73.
func parseHeader(head []byte) (*header, error) {
	if len(head) < ehdrSize || string(head[:4]) != elf.ELFMAG {
		return nil, fail(ErrNoExec, "not an ELF file")
	}
	switch {
	case elf.Class(head[elf.EI_CLASS]) != elf.ELFCLASS64:
		return nil, fail(ErrNoExec, "not a 64-bit ELF file")
	case elf.Data(head[elf.EI_DATA]) != elf.ELFDATA2LSB:
		return nil, fail(ErrNoExec, "not a little-endian ELF file")
	case elf.Version(head[elf.EI_VERSION]) != elf.EV_CURRENT || le.Uint32(head[20:]) != uint32(elf.EV_CURRENT):
		return nil, fail(ErrNoExec, "unknown ELF version")
	case elf.Machine(le.Uint16(head[18:])) != elf.EM_X86_64:
		return nil, fail(ErrNoExec, "ELF file for another machine (%d)", le.Uint16(head[18:]))
	case le.Uint16(head[54:]) != phdrSize:
		return nil, fail(ErrNoExec, "program headers of %d bytes", le.Uint16(head[54:]))
	}
	h := &header{
		typ:   elf.Type(le.Uint16(head[16:])),
		entry: le.Uint64(head[24:]),
		phoff: le.Uint64(head[32:]),
		flags: le.Uint32(head[48:]),
	}
	if h.typ != elf.ET_EXEC && h.typ != elf.ET_DYN {
		return nil, fail(ErrNoExec, "ELF file is no program (type %d)", h.typ)
	}
	phnum := uint64(le.Uint16(head[56:]))
	if h.phoff > PageSize || phnum*phdrSize > PageSize-h.phoff {
		return nil, fail(ErrNoExec, "program headers not in the first page")
	}
	if h.phoff%8 != 0 {
		return nil, fail(ErrNoExec, "unaligned program headers")
	}
	page := firstPage(head)
	h.progs = make([]prog, phnum)
	for i := range h.progs {
		b := page[h.phoff+uint64(i)*phdrSize:][:phdrSize]
		h.progs[i] = prog{
			Type:   elf.ProgType(le.Uint32(b)),
			Flags:  elf.ProgFlag(le.Uint32(b[4:])),
			Off:    le.Uint64(b[8:]),
			Vaddr:  le.Uint64(b[16:]),
			Filesz: le.Uint64(b[32:]),
			Memsz:  le.Uint64(b[40:]),
			Align:  le.Uint64(b[48:]),
		}
	}
	return h, nil
}

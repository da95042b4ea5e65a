package loader

import (
	"encoding/binary"
)

var le = binary.LittleEndian

// What is looked at of ELF, by its standard names. (Package debug/elf has them
// too, but brings a DWARF reader and a decompressor into every start.)
const (
	elfMagic = "\x7fELF"

	eiClass   = 4
	eiData    = 5
	eiVersion = 6
	eiOSABI   = 7
	eiNIdent  = 16

	class32      = 1
	class64      = 2
	dataLSB      = 1
	evCurrent    = 1
	osabiNone    = 0
	osabiFreeBSD = 9
	em386        = 3
	emX8664      = 62

	etExec = 2
	etDyn  = 3

	ptLoad     = 1
	ptInterp   = 3
	ptNote     = 4
	ptPhdr     = 6
	ptGNUStack = 0x6474e551

	pfX = 1
	pfW = 2
	pfR = 4
)

const (
	ehdrSize = 64
	phdrSize = 56
)

type prog struct {
	Type          uint32
	Flags         uint32
	Off, Vaddr    uint64
	Filesz, Memsz uint64
	Align         uint64
}

// prot returns the segment's PROT_* bits.
func (p *prog) prot() int {
	var prot int
	if p.Flags&pfR != 0 {
		prot |= ProtRead
	}
	if p.Flags&pfW != 0 {
		prot |= ProtWrite
	}
	if p.Flags&pfX != 0 {
		prot |= ProtExec
	}
	return prot
}

type header struct {
	typ   uint16
	entry uint64
	phoff uint64
	flags uint32
	progs []prog
}

// parseHeader checks the ELF header as imgact_elf.c does in check_header,
// phdr_in_zero_page and at the start of exec_elf64_imgact, and reads the
// program headers, which must lie within the first page: there are at most 73.
func parseHeader(head []byte) (*header, error) {
	if len(head) < ehdrSize || string(head[:4]) != elfMagic {
		return nil, fail(ErrNoExec, "not an ELF file")
	}
	switch {
	case head[eiClass] != class64:
		return nil, fail(ErrNoExec, "not a 64-bit ELF file")
	case head[eiData] != dataLSB:
		return nil, fail(ErrNoExec, "not a little-endian ELF file")
	case head[eiVersion] != evCurrent || le.Uint32(head[20:]) != evCurrent:
		return nil, fail(ErrNoExec, "unknown ELF version")
	case le.Uint16(head[18:]) != emX8664:
		return nil, fail(ErrNoExec, "ELF file for another machine (%d)", le.Uint16(head[18:]))
	case le.Uint16(head[54:]) != phdrSize:
		return nil, fail(ErrNoExec, "program headers of %d bytes", le.Uint16(head[54:]))
	}
	h := &header{
		typ:   le.Uint16(head[16:]),
		entry: le.Uint64(head[24:]),
		phoff: le.Uint64(head[32:]),
		flags: le.Uint32(head[48:]),
	}
	if h.typ != etExec && h.typ != etDyn {
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
			Type:   le.Uint32(b),
			Flags:  le.Uint32(b[4:]),
			Off:    le.Uint64(b[8:]),
			Vaddr:  le.Uint64(b[16:]),
			Filesz: le.Uint64(b[32:]),
			Memsz:  le.Uint64(b[40:]),
			Align:  le.Uint64(b[48:]),
		}
	}
	return h, nil
}

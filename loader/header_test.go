package loader

import (
	"debug/elf"
	"testing"
)

// TestConstants compares our own names with the library's.
func TestConstants(t *testing.T) {
	if elfMagic != elf.ELFMAG {
		t.Errorf("magic %q", elfMagic)
	}
	for i, c := range [][2]int{
		{eiClass, elf.EI_CLASS}, {eiData, elf.EI_DATA}, {eiVersion, elf.EI_VERSION},
		{eiOSABI, elf.EI_OSABI}, {eiNIdent, elf.EI_NIDENT},
		{class32, int(elf.ELFCLASS32)}, {class64, int(elf.ELFCLASS64)}, {dataLSB, int(elf.ELFDATA2LSB)},
		{evCurrent, int(elf.EV_CURRENT)}, {osabiNone, int(elf.ELFOSABI_NONE)}, {osabiFreeBSD, int(elf.ELFOSABI_FREEBSD)},
		{em386, int(elf.EM_386)}, {emX8664, int(elf.EM_X86_64)}, {etExec, int(elf.ET_EXEC)}, {etDyn, int(elf.ET_DYN)},
		{ptLoad, int(elf.PT_LOAD)}, {ptInterp, int(elf.PT_INTERP)}, {ptNote, int(elf.PT_NOTE)},
		{ptPhdr, int(elf.PT_PHDR)}, {ptGNUStack, int(elf.PT_GNU_STACK)},
		{pfX, int(elf.PF_X)}, {pfW, int(elf.PF_W)}, {pfR, int(elf.PF_R)},
	} {
		if c[0] != c[1] {
			t.Errorf("constant %d: %d, want %d", i, c[0], c[1])
		}
	}
}

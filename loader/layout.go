package loader

import (
	"io"
)

// layout turns segments into mappings.
type layout struct {
	r    io.ReaderAt
	opts Options
	img  *Image
}

// segments plans every PT_LOAD that takes memory (imgact_elf.c load_sections).
func (l *layout) segments(h *header) error {
	first := true
	for i := range h.progs {
		p := &h.progs[i]
		if p.Type != ptLoad || p.Memsz == 0 {
			continue
		}
		if first && l.opts.Interp {
			l.img.Base = truncPage(p.Vaddr + l.img.Bias)
		}
		first = false
		if err := l.segment(i, p); err != nil {
			return err
		}
	}
	return nil
}

// segment plans one segment (imgact_elf.c load_section). FreeBSD never asks
// whether address and offset are congruent modulo the page size: whole file
// pages go to the page of the address, and the part of a page before the bss
// goes to the page of address+filesz. In a sane file these are neighbours.
func (l *layout) segment(i int, p *prog) error {
	fileEnd := p.Off + p.Filesz
	if p.Filesz > p.Memsz {
		return failLate(ErrNoExec, "segment %d: larger in the file than in memory", i)
	}
	if p.Filesz != 0 && (fileEnd < p.Off || int64(fileEnd) < 0 || !l.inFile(fileEnd)) {
		return failLate(ErrNoExec, "segment %d: truncated file", i)
	}
	addr := p.Vaddr + l.img.Bias
	end := addr + p.Memsz
	if addr < p.Vaddr || end < addr || end > l.opts.MaxAddr || addr < PageSize {
		return failLate(ErrInval, "segment %d: address %#x size %#x outside user memory", i, addr, p.Memsz)
	}
	prot := p.prot()
	var fileLen uint64
	switch {
	case p.Filesz == 0:
	case p.Memsz == p.Filesz:
		fileLen = roundPage(fileEnd) - truncPage(p.Off)
	default:
		fileLen = truncPage(fileEnd) - truncPage(p.Off)
	}
	if fileLen != 0 {
		m := Mapping{Addr: truncPage(addr), Len: fileLen, Prot: prot, Offset: truncPage(p.Off)}
		if err := l.add(i, m); err != nil {
			return err
		}
	}
	if p.Memsz == p.Filesz {
		return nil
	}
	bss, bssEnd := truncPage(addr+p.Filesz), roundPage(end)
	if frag := fileEnd & pageMask; p.Filesz != 0 && frag != 0 {
		m := Mapping{Addr: bss, Len: PageSize, Prot: prot, Offset: truncPage(fileEnd), ZeroFrom: bss + frag}
		if err := l.add(i, m); err != nil {
			return err
		}
		bss += PageSize
	}
	if bss < bssEnd {
		return l.add(i, Mapping{Addr: bss, Len: bssEnd - bss, Prot: prot, Anon: true})
	}
	return nil
}

// add appends a mapping, or lengthens the last one where m continues it.
func (l *layout) add(i int, m Mapping) error {
	if m.End() < m.Addr || m.End() > l.opts.MaxAddr {
		return failLate(ErrInval, "segment %d: mapping at %#x leaves user memory", i, m.Addr)
	}
	for _, o := range l.img.Mappings {
		if m.Addr < o.End() && o.Addr < m.End() {
			return failLate(ErrInval, "segment %d: overlaps another at %#x", i, m.Addr)
		}
	}
	for _, f := range l.opts.Forbidden {
		if m.Addr < f[1] && f[0] < m.End() {
			return failLate(ErrNoMem, "segment %d: address %#x is reserved", i, m.Addr)
		}
	}
	img := l.img
	if len(img.Mappings) == 0 || m.Addr < img.Start {
		img.Start = m.Addr
	}
	img.End = max(img.End, m.End())
	if n := len(img.Mappings); n > 0 && !m.Anon {
		last := &img.Mappings[n-1]
		if !last.Anon && last.ZeroFrom == 0 && last.Prot == m.Prot &&
			last.End() == m.Addr && last.Offset+last.Len == m.Offset {
			last.Len += m.Len
			last.ZeroFrom = m.ZeroFrom
			return nil
		}
	}
	img.Mappings = append(img.Mappings, m)
	return nil
}

// inFile says whether the file has at least size bytes.
func (l *layout) inFile(size uint64) bool {
	if l.opts.Size > 0 {
		return size <= uint64(l.opts.Size)
	}
	var b [1]byte
	n, _ := l.r.ReadAt(b[:], int64(size)-1)
	return n == 1
}

// limits checks sizes and finds where the data segment ends (imgact_elf.c
// enforce_limits): the largest executable segment is the text, the last of
// the others the data.
func (l *layout) limits(h *header) error {
	if l.opts.Interp {
		l.img.Brk = l.img.End
		return nil
	}
	var textAddr, textSize, dataAddr, dataSize uint64
	for i := range h.progs {
		p := &h.progs[i]
		if p.Type != ptLoad || p.Memsz == 0 {
			continue
		}
		addr := truncPage(p.Vaddr + l.img.Bias)
		size := roundPage(p.Vaddr+l.img.Bias+p.Memsz) - addr
		if p.Flags&pfX != 0 && textSize < size {
			textAddr, textSize = addr, size
		} else {
			dataAddr, dataSize = addr, size
		}
	}
	if dataAddr == 0 && dataSize == 0 {
		dataAddr, dataSize = textAddr, textSize
	}
	if l.opts.DataLimit != 0 && dataSize > l.opts.DataLimit {
		return failLate(ErrNoMem, "data segment of %d bytes exceeds the process's limit", dataSize)
	}
	if textSize > maxText {
		return failLate(ErrNoMem, "text segment of %d bytes exceeds the system's limit", textSize)
	}
	l.img.Brk = dataAddr + dataSize
	return nil
}

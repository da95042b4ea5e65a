package loader

import (
	"bytes"
	"debug/elf"
)

// Kind says what a file is.
type Kind int

// The kinds of files that execve(2) meets.
const (
	// KindUnknown is a file that FreeBSD would refuse with ENOEXEC.
	KindUnknown Kind = iota
	// KindFreeBSD is an ELF file of FreeBSD/amd64, not checked any further.
	KindFreeBSD
	// KindLinux is any other ELF file: Linux, with its own handlers for
	// foreign machines, knows best what to do with it.
	KindLinux
	// KindScript is a file that begins with "#!".
	KindScript
)

// String returns the kind's name.
func (k Kind) String() string {
	switch k {
	case KindFreeBSD:
		return "FreeBSD"
	case KindLinux:
		return "Linux"
	case KindScript:
		return "script"
	}
	return "unknown"
}

// FreeBSDInterp is the path of FreeBSD's run-time linker, which marks an ELF
// file without any other brand as FreeBSD's.
const FreeBSDInterp = "/libexec/ld-elf.so.1"

// Classify says what a file is from its first page (4096 bytes, or all of a
// shorter file). An ELF file for amd64 is FreeBSD's when its ABI note says so,
// else when its OSABI byte is 9, else when the byte says nothing and its
// interpreter is FreeBSD's: the order of imgact_elf.c get_brandinfo. Notes and
// interpreter names are only looked for in the first page.
//
// The Script is not nil for a KindScript without an error. Errors wrap
// ErrNoExec or ErrNameTooLong for a script that FreeBSD refuses, and ErrNoExec
// for a FreeBSD program of 32 bits, which must not reach Linux: it would run it
// as its own.
func Classify(head []byte) (Kind, *Script, error) {
	head = head[:min(len(head), PageSize)]
	if len(head) >= 2 && head[0] == '#' && head[1] == '!' {
		s, err := parseScript(head)
		return KindScript, s, err
	}
	if len(head) < len(elf.ELFMAG)+elf.EI_NIDENT || string(head[:4]) != elf.ELFMAG {
		return KindUnknown, nil, nil
	}
	osabi := elf.OSABI(head[elf.EI_OSABI])
	// Before 4.0 the brand was a string in the padding of e_ident.
	const oldBrand = 8
	if bytes.HasPrefix(head[oldBrand:elf.EI_NIDENT], []byte("FreeBSD\x00")) {
		osabi = elf.ELFOSABI_FREEBSD
	}
	if elf.Class(head[elf.EI_CLASS]) == elf.ELFCLASS32 && osabi == elf.ELFOSABI_FREEBSD &&
		elf.Machine(le.Uint16(head[18:])) == elf.EM_386 {
		return KindUnknown, nil, fail(ErrNoExec, "FreeBSD/i386 programs are not supported")
	}
	h, err := parseHeader(head)
	if err != nil {
		if osabi == elf.ELFOSABI_FREEBSD && elf.Class(head[elf.EI_CLASS]) == elf.ELFCLASS64 &&
			elf.Machine(le.Uint16(head[18:])) == elf.EM_X86_64 {
			return KindFreeBSD, nil, nil // Load says what is wrong with it
		}
		return KindLinux, nil, nil
	}
	page := firstPage(head)
	if _, _, ok := abiNote(page, h, nil); ok {
		return KindFreeBSD, nil, nil
	}
	switch osabi {
	case elf.ELFOSABI_FREEBSD:
		return KindFreeBSD, nil, nil
	case elf.ELFOSABI_NONE:
		for _, p := range h.progs {
			if p.Type == elf.PT_INTERP && cstring(inPage(page, p.Off, p.Filesz)) == FreeBSDInterp {
				return KindFreeBSD, nil, nil
			}
		}
	}
	return KindLinux, nil, nil
}

// firstPage returns head filled up with zeros to a page, as the kernel sees
// the end of a short file.
func firstPage(head []byte) []byte {
	if len(head) == PageSize {
		return head
	}
	page := make([]byte, PageSize)
	copy(page, head)
	return page
}

// inPage returns n bytes at off, or nil when they are not all in the page.
func inPage(page []byte, off, n uint64) []byte {
	if off > uint64(len(page)) || n > uint64(len(page))-off {
		return nil
	}
	return page[off : off+n]
}

// cstring returns b up to its first NUL.
func cstring(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

package loader

import (
	"bytes"
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
// for a FreeBSD program that is not for amd64 but would run on this processor:
// it must not reach Linux, which would run it as its own.
func Classify(head []byte) (Kind, *Script, error) {
	head = head[:min(len(head), PageSize)]
	if len(head) >= 2 && head[0] == '#' && head[1] == '!' {
		s, err := parseScript(head)
		return KindScript, s, err
	}
	if len(head) < len(elfMagic)+eiNIdent || string(head[:4]) != elfMagic {
		return KindUnknown, nil, nil
	}
	osabi := head[eiOSABI]
	// Before 4.0 the brand was a string in the padding of e_ident.
	const oldBrand = 8
	if bytes.HasPrefix(head[oldBrand:eiNIdent], []byte("FreeBSD\x00")) {
		osabi = osabiFreeBSD
	}
	// The machine and the class must not disagree either: Linux does not look at the class.
	if machine := le.Uint16(head[18:]); osabi == osabiFreeBSD &&
		(machine == em386 || machine == emX8664 && head[eiClass] != class64) {
		return KindUnknown, nil, fail(ErrNoExec, "a FreeBSD program, but not one for amd64")
	}
	h, err := parseHeader(head)
	if err != nil {
		if osabi == osabiFreeBSD && le.Uint16(head[18:]) == emX8664 {
			return KindFreeBSD, nil, nil // Load says what is wrong with it
		}
		return KindLinux, nil, nil
	}
	page := firstPage(head)
	if _, _, ok := abiNote(page, h, nil); ok {
		return KindFreeBSD, nil, nil
	}
	switch osabi {
	case osabiFreeBSD:
		return KindFreeBSD, nil, nil
	case osabiNone:
		for _, p := range h.progs {
			if p.Type == ptInterp && cstring(inPage(page, p.Off, p.Filesz)) == FreeBSDInterp {
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

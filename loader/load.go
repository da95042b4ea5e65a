package loader

import (
	"io"
)

// Protections of a mapping: PROT_READ, PROT_WRITE and PROT_EXEC, whose numbers
// FreeBSD and Linux share.
const (
	ProtRead  = 1
	ProtWrite = 2
	ProtExec  = 4
)

const (
	// maxAlign is the largest alignment of a segment that FreeBSD accepts:
	// its largest page (1 GB).
	maxAlign = 1 << 30
	// maxText is MAXTSIZ (amd64/include/vmparam.h) in bytes.
	maxText = 32 << 30
	// maxPath is MAXPATHLEN in bytes.
	maxPath = 1024
)

// Options say where an image may lie.
type Options struct {
	// Bias is where a position-independent file is put: it is added to all
	// its addresses, after being rounded up to Image.Align (a main program)
	// or a page (an interpreter). A main program with addresses of its own
	// (first segment not at 0) is not moved, as on FreeBSD.
	Bias uint64
	// MaxAddr is the end of user memory; 0 means Linux's 0x7ffffffff000.
	MaxAddr uint64
	// Forbidden are ranges [from, to) that the image must leave alone.
	Forbidden [][2]uint64
	// Interp says that the file is an interpreter that another file asked
	// for: its own PT_INTERP, notes and stack wishes mean nothing
	// (imgact_elf.c load_file).
	Interp bool
	// Size is the file's size in bytes. When it is 0 Load finds out by
	// reading the last byte of each segment.
	Size int64
	// DataLimit is RLIMIT_DATA in bytes; 0 means none.
	DataLimit uint64
}

// Mapping is one mmap(2) with MAP_FIXED and MAP_PRIVATE. Addr, Len and Offset
// are multiples of the page size; mappings do not overlap.
type Mapping struct {
	Addr, Len uint64
	Prot      int
	Offset    uint64 // in the file, unless Anon
	Anon      bool
	// ZeroFrom is the address of the first byte that must be cleared, from
	// there to the end of the mapping (less than a page); 0 is none. It
	// occurs in mappings that are not writable, too.
	ZeroFrom uint64
}

// End returns the first address behind the mapping.
func (m Mapping) End() uint64 { return m.Addr + m.Len }

// Image is the plan by which a file is put into memory.
type Image struct {
	Entry uint64 // where the file begins to run (of a main program: AT_ENTRY)
	Bias  uint64 // what was added to the file's addresses
	// Base is what AT_BASE says: of an interpreter where its first segment
	// is, of a main program without an interpreter its bias.
	Base         uint64
	Phdr         uint64 // address of the program headers (AT_PHDR)
	Phnum, Phent int
	EhdrFlags    uint32 // e_flags (AT_EHDRFLAGS)
	Mappings     []Mapping
	Interp       string // path of the wanted interpreter, "" is none
	Osreldate    int32  // of the ABI note, 0 without one
	FeatureFlags uint32 // of the feature control note (Fctl*)
	// StackProt is how the stack is mapped (AT_STACKPROT): the flags of
	// PT_GNU_STACK, else all.
	StackProt int
	// StackSize is the size in bytes that PT_GNU_STACK wishes for, 0 is none.
	StackSize uint64
	// Brk is the page-aligned end of the data segment, where brk(2) begins.
	Brk uint64
	// Start and End enclose all mappings.
	Start, End uint64
	// Align is the largest alignment of a segment in bytes, at least a page.
	Align uint64
}

// Load reads an ELF program and plans its mappings, in the order and with the
// checks of imgact_elf.c. It does not ask whose program it is: see Classify.
//
// Errors are *Error. ErrNoExec: malformed headers, a truncated file, a segment
// with more bytes in the file than in memory, all segments together larger
// than user memory. ErrInval: segments that overlap (pages count), or do not
// lie between the first page and MaxAddr; FreeBSD clips segments that do so
// only in part, Load refuses them. ErrNoMem: text or data over their limits,
// or in the forbidden range. ErrIO: the file cannot be read, or a PT_INTERP
// reaches beyond its end.
func Load(r io.ReaderAt, opts Options) (*Image, error) {
	if opts.MaxAddr == 0 {
		opts.MaxAddr = 0x7ffffffff000
	}
	page := make([]byte, PageSize)
	n, err := r.ReadAt(page, 0)
	if n < PageSize && err != nil && err != io.EOF {
		return nil, &Error{Errno: ErrIO, Detail: "reading the first page", Err: err}
	}
	h, err := parseHeader(page[:max(n, 0)])
	if err != nil {
		return nil, err
	}
	img := &Image{
		Phnum:     len(h.progs),
		Phent:     phdrSize,
		EhdrFlags: h.flags,
		StackProt: ProtRead | ProtWrite | ProtExec,
		Align:     PageSize,
	}
	l := &layout{r: r, opts: opts, img: img}
	if opts.Interp {
		if h.typ == etDyn {
			img.Bias = roundPage(opts.Bias)
		}
	} else {
		if err := scan(img, h, page, r, opts); err != nil {
			return nil, err
		}
	}
	img.Osreldate, img.FeatureFlags, _ = abiNote(page, h, r)
	if err := l.segments(h); err != nil {
		return nil, err
	}
	if err := l.limits(h); err != nil {
		return nil, err
	}
	img.Entry = h.entry + img.Bias
	if !opts.Interp {
		img.Phdr += img.Bias
		img.Base = img.Bias
	}
	return img, nil
}

// scan goes over the program headers of a main program before anything is
// mapped: the first loop of imgact_elf.c exec_elf64_imgact.
func scan(img *Image, h *header, page []byte, r io.ReaderAt, opts Options) error {
	var mapsz, first uint64
	loads := 0
	for i := range h.progs {
		p := &h.progs[i]
		switch p.Type {
		case ptLoad:
			if loads == 0 {
				first = p.Vaddr
			}
			if p.Align&(p.Align-1) != 0 || p.Align > maxAlign {
				return fail(ErrNoExec, "segment %d: invalid alignment %#x", i, p.Align)
			}
			img.Align = max(img.Align, p.Align)
			if mapsz+p.Memsz < mapsz {
				return fail(ErrNoExec, "segment %d: size overflow", i)
			}
			mapsz += p.Memsz
			loads++
			// A static program has the headers in its first segment and
			// often no PT_PHDR.
			if p.Off == 0 && h.phoff+uint64(len(h.progs))*phdrSize <= p.Filesz {
				img.Phdr = p.Vaddr + h.phoff
			}
		case ptInterp:
			if img.Interp != "" {
				return fail(ErrNoExec, "more than one interpreter")
			}
			interp, err := readInterp(page, p, r)
			if err != nil {
				return err
			}
			img.Interp = interp
		case ptGNUStack:
			img.StackProt = p.prot()
			if img.StackProt&(ProtRead|ProtWrite) != ProtRead|ProtWrite {
				return fail(ErrNoExec, "stack neither readable nor writable")
			}
			img.StackSize = p.Memsz
		case ptPhdr:
			img.Phdr = p.Vaddr
		}
	}
	if mapsz >= opts.MaxAddr-PageSize {
		return failLate(ErrNoExec, "excessive mapping size %#x", mapsz)
	}
	if h.typ == etDyn && first == 0 {
		img.Bias = (opts.Bias + img.Align - 1) &^ (img.Align - 1)
	}
	return nil
}

// readInterp returns the interpreter's path (imgact_elf.c get_interp). An
// empty path cannot be opened, which FreeBSD tells later with ENOENT; it is
// refused here.
func readInterp(page []byte, p *prog, r io.ReaderAt) (string, error) {
	if p.Filesz < 2 || p.Filesz > maxPath {
		return "", fail(ErrNoExec, "interpreter's path of %d bytes", p.Filesz)
	}
	b := inPage(page, p.Off, p.Filesz)
	if b != nil {
		if b[len(b)-1] != 0 {
			return "", fail(ErrNoExec, "interpreter's path does not end")
		}
	} else {
		// FreeBSD ends a path outside the first page by itself.
		if int64(p.Off) < 0 {
			return "", fail(ErrIO, "interpreter's path at offset %#x", p.Off)
		}
		b = make([]byte, p.Filesz)
		if n, err := r.ReadAt(b, int64(p.Off)); n < len(b) {
			return "", &Error{Errno: ErrIO, Detail: "reading the interpreter's path", Err: err}
		}
	}
	path := cstring(b)
	if path == "" {
		return "", fail(ErrNoExec, "interpreter's path is empty")
	}
	return path, nil
}

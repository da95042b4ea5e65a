package loader

import (
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"
)

// data is a segment with bss: bytes 0x1100 to 0x1300 of the file, then zeros.
var data = prog{Type: ptLoad, Flags: rw, Off: 0x1100, Vaddr: 0x402100, Filesz: 0x200, Memsz: 0x2000, Align: 0x1000}

func TestLoadMappings(t *testing.T) {
	const p = PageSize
	tests := []struct {
		name  string
		progs []prog
		want  []Mapping
		brk   uint64
	}{
		{"text", []prog{text}, []Mapping{{Addr: 0x400000, Len: p, Prot: 5}}, 0x401000},
		{"bss", []prog{text, data}, []Mapping{
			{Addr: 0x400000, Len: p, Prot: 5},
			{Addr: 0x402000, Len: p, Prot: 3, Offset: 0x1000, ZeroFrom: 0x402300},
			{Addr: 0x403000, Len: 2 * p, Prot: 3, Anon: true},
		}, 0x405000},
		{"bss only", []prog{{Type: ptLoad, Flags: rw, Off: 1 << 40, Vaddr: 0x500010, Memsz: 8}},
			[]Mapping{{Addr: 0x500000, Len: p, Prot: 3, Anon: true}}, 0x501000},
		{"bss within the page", []prog{{Type: ptLoad, Flags: rw, Off: 0x10, Vaddr: 0x500010, Filesz: 8, Memsz: 16}},
			[]Mapping{{Addr: 0x500000, Len: p, Prot: 3, ZeroFrom: 0x500018}}, 0x501000},
		{"bss at a page boundary", []prog{{Type: ptLoad, Flags: rw, Off: 0, Vaddr: 0x500000, Filesz: p, Memsz: p + 1}},
			[]Mapping{{Addr: 0x500000, Len: p, Prot: 3}, {Addr: 0x501000, Len: p, Prot: 3, Anon: true}}, 0x502000},
		{"file pages before the bss", []prog{{Type: ptLoad, Flags: rw, Off: 0, Vaddr: 0x500000, Filesz: p + 1, Memsz: 3 * p}},
			[]Mapping{
				{Addr: 0x500000, Len: 2 * p, Prot: 3, ZeroFrom: 0x501001},
				{Addr: 0x502000, Len: p, Prot: 3, Anon: true},
			}, 0x503000},
		{"no memory", []prog{text, {Type: ptLoad, Flags: rw, Vaddr: 0x10, Memsz: 0}},
			[]Mapping{{Addr: 0x400000, Len: p, Prot: 5}}, 0x401000},
		{"no segments", nil, nil, 0},
		{"last bytes of the file", []prog{{Type: ptLoad, Flags: rx, Off: 0x1ff0, Vaddr: 0x500ff0, Filesz: 0x10, Memsz: 0x10}},
			[]Mapping{{Addr: 0x500000, Len: p, Prot: 5, Offset: 0x1000}}, 0x501000},
		{"address and offset differ", []prog{{Type: ptLoad, Flags: rx, Off: 0x100, Vaddr: 0x500ff0, Filesz: 0x20, Memsz: 0x20}},
			[]Mapping{{Addr: 0x500000, Len: p, Prot: 5}}, 0x502000},
		{"address and offset differ, bss", []prog{{Type: ptLoad, Flags: rx, Off: 0x100, Vaddr: 0x500ff0, Filesz: 0x20, Memsz: 0x30}},
			[]Mapping{{Addr: 0x501000, Len: p, Prot: 5, ZeroFrom: 0x501120}}, 0x502000},
		{"descending", []prog{data, text}, []Mapping{
			{Addr: 0x402000, Len: p, Prot: 3, Offset: 0x1000, ZeroFrom: 0x402300},
			{Addr: 0x403000, Len: 2 * p, Prot: 3, Anon: true},
			{Addr: 0x400000, Len: p, Prot: 5},
		}, 0x405000},
	}
	for _, tt := range tests {
		for _, size := range []int64{0, 0x2000} {
			file := testELF{progs: tt.progs, size: 0x2000, entry: 0x400123}.bytes()
			img, err := Load(bytes.NewReader(file), Options{Bias: 0x10000000, Size: size})
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
				continue
			}
			if !reflect.DeepEqual(img.Mappings, tt.want) {
				t.Errorf("%s: mappings\n%#v, want\n%#v", tt.name, img.Mappings, tt.want)
			}
			if img.Brk != tt.brk || img.Entry != 0x400123 || img.Base != 0 || img.Bias != 0 {
				t.Errorf("%s: brk %#x entry %#x base %#x bias %#x", tt.name, img.Brk, img.Entry, img.Base, img.Bias)
			}
		}
	}
}

func TestLoadErrors(t *testing.T) {
	with := func(change func(*prog)) testELF {
		p := text
		change(&p)
		return testELF{progs: []prog{p}, size: 0x2000}
	}
	header := func(change func([]byte)) testELF { return testELF{progs: []prog{text}, change: change} }
	interp := func(p prog, path string) testELF {
		p.Type = ptInterp
		return testELF{progs: []prog{text, p}, data: map[int]string{0x200: path}}
	}
	stack := func(flags uint32) testELF {
		return testELF{progs: []prog{text, {Type: ptGNUStack, Flags: flags}}}
	}
	tests := []struct {
		name string
		file testELF
		err  error
		late bool
	}{
		{"class", header(func(b []byte) { b[elf.EI_CLASS] = 1 }), ErrNoExec, false},
		{"data", header(func(b []byte) { b[elf.EI_DATA] = 2 }), ErrNoExec, false},
		{"version", header(func(b []byte) { b[elf.EI_VERSION] = 0 }), ErrNoExec, false},
		{"version 2", header(func(b []byte) { b[20] = 2 }), ErrNoExec, false},
		{"machine", header(func(b []byte) { b[18] = 3 }), ErrNoExec, false},
		{"header size", header(func(b []byte) { b[54] = 64 }), ErrNoExec, false},
		{"type", testELF{typ: elf.ET_CORE}, ErrNoExec, false},
		{"headers beyond the page", testELF{progs: []prog{text}, phoff: 4096 - 48, size: 0x2000}, ErrNoExec, false},
		{"headers far away", testELF{progs: []prog{text}, phoff: 1<<63 + 64}, ErrNoExec, false},
		{"headers unaligned", testELF{progs: []prog{text}, phoff: 68}, ErrNoExec, false},
		{"too many headers", testELF{progs: []prog{text}, phnum: 74}, ErrNoExec, false},
		{"align", with(func(p *prog) { p.Align = 3 << 12 }), ErrNoExec, false},
		{"huge align", with(func(p *prog) { p.Align = 1 << 31 }), ErrNoExec, false},
		{"file larger than memory", with(func(p *prog) { p.Memsz = 0xfff }), ErrNoExec, true},
		{"truncated", with(func(p *prog) { p.Off, p.Filesz = 0x1000, 0x1001; p.Memsz = 0x1001 }), ErrNoExec, true},
		{"offset beyond the file", with(func(p *prog) { p.Off = 1 << 40 }), ErrNoExec, true},
		{"offset wraps", with(func(p *prog) { p.Off = 1<<64 - 0x1000 }), ErrNoExec, true},
		{"offset negative", with(func(p *prog) { p.Off = 1 << 63 }), ErrNoExec, true},
		{"huge", with(func(p *prog) { p.Memsz = 1 << 47 }), ErrNoExec, true},
		{"size wraps", testELF{progs: []prog{
			{Type: ptLoad, Vaddr: 0x400000, Memsz: 1 << 63}, {Type: ptLoad, Vaddr: 0x500000, Memsz: 1 << 63},
		}}, ErrNoExec, false},
		{"page 0", with(func(p *prog) { p.Vaddr = 0 }), ErrInval, true},
		{"kernel", with(func(p *prog) { p.Vaddr = 0xffffffff80000000 }), ErrInval, true},
		{"end wraps", with(func(p *prog) { p.Vaddr = 1<<64 - 0x1000 }), ErrInval, true},
		{"end of user memory", with(func(p *prog) { p.Vaddr = 0x7fffffffe800 }), ErrInval, true},
		{"overlap", testELF{progs: []prog{text, {Type: ptLoad, Flags: rw, Vaddr: 0x400800, Memsz: 0x1000}}}, ErrInval, true},
		{"same page", testELF{progs: []prog{
			{Type: ptLoad, Flags: rx, Vaddr: 0x400000, Filesz: 0x100, Memsz: 0x100},
			{Type: ptLoad, Flags: rw, Off: 0x100, Vaddr: 0x400100, Filesz: 0x100, Memsz: 0x100},
		}}, ErrInval, true},
		{"reserved", with(func(p *prog) { p.Vaddr = 0x7e0000000000 }), ErrNoMem, true},
		{"around what is reserved", with(func(p *prog) { p.Vaddr, p.Memsz = 0x7dfffff00000, 0x40000000 }), ErrNoMem, true},
		{"text too large", with(func(p *prog) { p.Memsz = maxText + 1 }), ErrNoMem, true},
		{"data too large", with(func(p *prog) { p.Flags, p.Memsz = rw, 1<<30+1 }), ErrNoMem, true},
		{"interpreter unterminated", interp(prog{Off: 0x200, Filesz: 4}, "/xyz"), ErrNoExec, false},
		{"interpreter too short", interp(prog{Off: 0x200, Filesz: 1}, ""), ErrNoExec, false},
		{"interpreter empty", interp(prog{Off: 0x200, Filesz: 2}, ""), ErrNoExec, false},
		{"interpreter too long", interp(prog{Off: 0x200, Filesz: 1025}, "/x"), ErrNoExec, false},
		{"interpreter beyond the file", interp(prog{Off: 0x2000, Filesz: 20}, ""), ErrIO, false},
		{"interpreter wraps", interp(prog{Off: 1<<64 - 10, Filesz: 20}, ""), ErrIO, false},
		{"two interpreters", testELF{progs: []prog{
			{Type: ptInterp, Off: 0x200, Filesz: 3}, {Type: ptInterp, Off: 0x200, Filesz: 3},
		}, data: map[int]string{0x200: "/x\x00"}}, ErrNoExec, false},
		{"stack not writable", stack(rx), ErrNoExec, false},
		{"stack without any right", stack(0), ErrNoExec, false},
	}
	for _, tt := range tests {
		_, err := Load(bytes.NewReader(tt.file.bytes()), Options{
			Forbidden: [][2]uint64{{0x7e0000000000, 0x7e0020000000}}, DataLimit: 1 << 30,
		})
		var e *Error
		if !errors.Is(err, tt.err) || !errors.As(err, &e) || e.Late != tt.late {
			t.Errorf("%s: %#v, want %v (late: %v)", tt.name, err, tt.err, tt.late)
		}
	}
}

func TestLoadShortFiles(t *testing.T) {
	file := testELF{progs: []prog{text}}.bytes()
	for n := range file {
		img, err := Load(bytes.NewReader(file[:n]), Options{})
		// Cut off program headers read as zeros: nothing to map, no error.
		if !errors.Is(err, ErrNoExec) && (err != nil || len(img.Mappings) != 0) {
			t.Fatalf("first %d bytes: %+v, %v", n, img, err)
		}
	}
	broken := errors.New("broken disk")
	if _, err := Load(badReader{broken}, Options{}); !errors.Is(err, ErrIO) || !errors.Is(err, broken) {
		t.Errorf("unreadable file: %v", err)
	}
}

type badReader struct{ err error }

func (r badReader) ReadAt([]byte, int64) (int, error) { return 0, r.err }

func TestLoadDyn(t *testing.T) {
	pie := text
	pie.Vaddr, pie.Align = 0, 1<<21
	img, err := Load(bytes.NewReader(testELF{typ: elf.ET_DYN, progs: []prog{pie}, entry: 0x10}.bytes()), Options{Bias: 0x12345000})
	if err != nil {
		t.Fatal(err)
	}
	if img.Bias != 0x12400000 || img.Base != img.Bias || img.Entry != img.Bias+0x10 || img.Phdr != img.Bias+64 || img.Align != 1<<21 {
		t.Errorf("position-independent: %#v", img)
	}
	// A shared object linked to an address stays there.
	img, err = Load(bytes.NewReader(testELF{typ: elf.ET_DYN, progs: []prog{text}}.bytes()), Options{Bias: 0x12345000})
	if err != nil || img.Bias != 0 || img.Start != text.Vaddr {
		t.Errorf("at its own address: %#v, %v", img, err)
	}
	// As an interpreter it moves by whole pages, whatever its headers wish.
	img, err = Load(bytes.NewReader(testELF{typ: elf.ET_DYN, progs: []prog{
		{Type: ptInterp, Filesz: 1}, {Type: ptGNUStack}, {Type: ptLoad, Flags: rx, Vaddr: 0x1000, Filesz: 0x100, Memsz: 0x100, Align: 3},
	}, entry: 0x1010}.bytes()), Options{Bias: 0x12345000, Interp: true})
	if err != nil || img.Bias != 0x12345000 || img.Base != 0x12346000 || img.Entry != 0x12346010 || img.Interp != "" {
		t.Errorf("interpreter: %#v, %v", img, err)
	}
}

func TestLoadMeta(t *testing.T) {
	far := "/libexec/ld-elf.so.1" // at the end of the first page: needs no NUL beyond it
	img, err := Load(bytes.NewReader(testELF{size: 0x3000, progs: []prog{
		text,
		{Type: ptPhdr, Vaddr: 0x400999},
		{Type: ptGNUStack, Flags: rw, Memsz: 1 << 20},
		{Type: ptNote, Off: 0x2000, Filesz: 0x1001},
		{Type: ptNote, Off: 0x2001, Filesz: 24}, // read into memory of its own: aligned
		{Type: ptNote, Off: 0x300, Filesz: 24},
		{Type: ptInterp, Off: 0x1100, Filesz: uint64(len(far))},
	}, data: map[int]string{
		0x2001: note("FreeBSD\x00", noteABITag, 1302001),
		0x300:  note("FreeBSD\x00", noteFeatureCtl, FctlWXNeeded),
		0x1100: far,
	}, change: func(b []byte) { b[48] = 7 }}.bytes()), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if img.Phdr != 0x400999 || img.StackProt != 3 || img.StackSize != 1<<20 || img.Osreldate != 1302001 ||
		img.FeatureFlags != FctlWXNeeded || img.Interp != far || img.EhdrFlags != 7 || img.Phnum != 7 || img.Phent != 56 {
		t.Errorf("%+v", img)
	}
}

// memory applies a plan the way mmap(2) would.
func memory(t *testing.T, img *Image, file io.ReaderAt) map[uint64][]byte {
	t.Helper()
	pages := map[uint64][]byte{}
	for _, m := range img.Mappings {
		if m.Addr%PageSize != 0 || m.Len%PageSize != 0 || m.Len == 0 || m.Offset%PageSize != 0 || m.End() <= m.Addr {
			t.Fatalf("bad mapping %#v", m)
		}
		if m.ZeroFrom != 0 && (m.Anon || m.ZeroFrom < m.End()-PageSize || m.ZeroFrom >= m.End()) {
			t.Fatalf("bad clearing %#v", m)
		}
		if m.Addr < img.Start || m.End() > img.End {
			t.Fatalf("mapping %#v outside [%#x, %#x)", m, img.Start, img.End)
		}
		for a := m.Addr; a < min(m.End(), m.Addr+40*PageSize); a += PageSize {
			if pages[a] != nil {
				t.Fatalf("page %#x mapped twice", a)
			}
			page := make([]byte, PageSize)
			if !m.Anon {
				if n, err := file.ReadAt(page, int64(m.Offset+a-m.Addr)); n == 0 {
					t.Fatalf("page %#x lies beyond the file: %v", a, err)
				}
				if z := m.ZeroFrom; z != 0 && z < a+PageSize {
					clear(page[z-a:])
				}
			}
			pages[a] = page
		}
	}
	return pages
}

// checkSegments compares memory with what the segments of a sane file say.
func checkSegments(t *testing.T, img *Image, h *header, file []byte) {
	t.Helper()
	pages := memory(t, img, bytes.NewReader(file))
	for i, p := range h.progs {
		if p.Type != ptLoad || p.Memsz == 0 || p.Vaddr%PageSize != p.Off%PageSize {
			continue
		}
		for off := uint64(0); off < min(p.Memsz, 32*PageSize); {
			a := p.Vaddr + img.Bias + off
			n := min(PageSize-a%PageSize, p.Memsz-off)
			page := pages[truncPage(a)]
			if page == nil {
				t.Fatalf("segment %d: %#x is not mapped", i, a)
			}
			want := make([]byte, n)
			if off < p.Filesz {
				copy(want, file[p.Off+off:p.Off+p.Filesz])
			}
			if !bytes.Equal(page[a%PageSize:][:n], want) {
				t.Fatalf("segment %d: wrong bytes in [%#x, +%#x)", i, a, n)
			}
			off += n
		}
	}
}

// TestLoadGo loads a real program, which the Go tool cross-builds.
func TestLoadGo(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	dir := t.TempDir()
	src, exe := filepath.Join(dir, "main.go"), filepath.Join(dir, "main")
	if err := os.WriteFile(src, []byte("package main\n\nfunc main() { println(1) }\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-o", exe, src)
	cmd.Env = append(os.Environ(), "GOOS=freebsd", "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	file, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	if kind, _, err := Classify(file[:PageSize]); kind != KindFreeBSD {
		t.Errorf("%v, %v", kind, err)
	}
	img, err := Load(bytes.NewReader(file), Options{Bias: 0x2000000})
	if err != nil {
		t.Fatal(err)
	}
	h, err := parseHeader(file[:PageSize])
	if err != nil {
		t.Fatal(err)
	}
	checkSegments(t, img, h, file)
	if img.Osreldate < 1200000 || img.Phdr == 0 || img.Bias != 0 || img.Interp != "" {
		t.Errorf("%+v", img)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(testELF{progs: []prog{text, data}, size: 0x2000}.bytes(), uint64(0), false)
	f.Add(testELF{typ: elf.ET_DYN, progs: []prog{{Type: ptLoad, Flags: rx, Filesz: 0x1000, Memsz: 0x1001}}}.bytes(), uint64(1<<40), true)
	f.Add(testELF{progs: []prog{
		text, {Type: ptNote, Off: 0x300, Filesz: 48}, {Type: ptInterp, Off: 0x200, Filesz: 22}, {Type: ptGNUStack, Flags: rw},
	}, data: map[int]string{
		0x200: FreeBSDInterp + "\x00",
		0x300: note("FreeBSD\x00", noteABITag, 1302001) + note("FreeBSD\x00", noteFeatureCtl, 1),
	}}.bytes(), uint64(0), false)
	f.Fuzz(func(t *testing.T, file []byte, bias uint64, interp bool) {
		opts := Options{Bias: bias, Interp: interp, Forbidden: [][2]uint64{{0x7e0000000000, 0x7e0020000000}}}
		img, err := Load(bytes.NewReader(file), opts)
		opts.Size = int64(len(file))
		img2, err2 := Load(bytes.NewReader(file), opts)
		if opts.Size > 0 && (!reflect.DeepEqual(img, img2) || (err == nil) != (err2 == nil)) {
			t.Fatalf("depends on whether the size is known: %+v, %v; %+v, %v", img, err, img2, err2)
		}
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Errno == 0 || e.Error() == "" {
				t.Fatalf("error %#v", err)
			}
			return
		}
		if len(img.Mappings) > 3*73 || img.End > 0x7ffffffff000 || len(img.Mappings) > 0 && img.Start < PageSize {
			t.Fatalf("%#v", img)
		}
		for _, m := range img.Mappings {
			if m.Addr < opts.Forbidden[0][1] && opts.Forbidden[0][0] < m.End() {
				t.Fatalf("reserved: %#v", m)
			}
		}
		h, err := parseHeader(file[:min(len(file), PageSize)])
		if err != nil {
			t.Fatal(err)
		}
		checkSegments(t, img, h, file)
	})
}

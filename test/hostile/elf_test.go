package hostile

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lsf-linux/lsf/emul/host"
)

// program is a small FreeBSD program that exits with 77, to be spoilt.
type program struct {
	elf.Header64
	Progs []elf.Prog64
	data  map[int][]byte // at these offsets
	cut   int            // length of the file if not 0
}

const (
	programSize = 0x2000
	codeAt      = 0xff0
	exitStatus  = 77
)

// exit is mov edi, 77; mov eax, 1; syscall.
var exit = []byte{0xbf, exitStatus, 0, 0, 0, 0xb8, 1, 0, 0, 0, 0x0f, 0x05}

func newProgram() *program {
	p := &program{data: map[int][]byte{codeAt: exit}}
	copy(p.Ident[:], elf.ELFMAG)
	p.Ident[elf.EI_CLASS], p.Ident[elf.EI_DATA], p.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
	p.Ident[elf.EI_OSABI] = byte(elf.ELFOSABI_FREEBSD)
	p.Type, p.Machine, p.Version = uint16(elf.ET_EXEC), uint16(elf.EM_X86_64), 1
	p.Entry, p.Phoff, p.Ehsize, p.Phentsize = 0x400000+codeAt, 64, 64, 56
	p.Progs = []elf.Prog64{
		{Type: uint32(elf.PT_LOAD), Flags: 5, Vaddr: 0x400000, Filesz: 0x1000, Memsz: 0x1000, Align: 0x1000},
		{Type: uint32(elf.PT_LOAD), Flags: 6, Off: 0x1000, Vaddr: 0x601000, Filesz: 0x100, Memsz: 0x3000, Align: 0x1000},
	}
	p.Phnum = 2
	return p
}

// add appends program headers.
func (p *program) add(progs ...elf.Prog64) {
	p.Progs = append(p.Progs, progs...)
	p.Phnum = uint16(len(p.Progs))
}

// interp asks for a dynamic linker.
func (p *program) interp(path string) {
	p.data[0x600] = []byte(path)
	p.add(elf.Prog64{Type: uint32(elf.PT_INTERP), Flags: 4, Off: 0x600, Vaddr: 0x400600, Filesz: uint64(len(path)), Memsz: uint64(len(path))})
}

func (p *program) bytes() []byte {
	var head bytes.Buffer
	_ = binary.Write(&head, binary.LittleEndian, p.Header64)
	_ = binary.Write(&head, binary.LittleEndian, p.Progs)
	b := make([]byte, programSize)
	copy(b, head.Bytes())
	for off, d := range p.data {
		copy(b[off:], d)
	}
	if p.cut != 0 {
		b = b[:max(p.cut, 0)]
	}
	return b
}

// segment adds one that is to be refused.
func segment(vaddr, filesz, memsz uint64) func(*program) {
	return func(p *program) {
		p.add(elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: 6, Off: 0x1000, Vaddr: vaddr, Filesz: filesz, Memsz: memsz, Align: 0x1000})
	}
}

func interp(path string) func(*program) { return func(p *program) { p.interp(path) } }

// spoilt are programs and how execve of them ends: an errno, "k" and the
// signal that follows once the old program is gone, "x" and a status of the
// program, "a" what it likes.
var spoilt = []struct {
	name, want string
	change     func(*program)
}{
	{"good", "x77", func(p *program) {}},
	{"empty", "8", func(p *program) { p.cut = -1 }},
	{"cut 1", "8", func(p *program) { p.cut = 1 }},
	{"cut 4", "8", func(p *program) { p.cut = 4 }},
	{"cut 16", "8", func(p *program) { p.cut = 16 }},
	{"cut 63", "8", func(p *program) { p.cut = 63 }},
	{"cut 64", "a", func(p *program) { p.cut = 64 }},
	{"cut 65", "a", func(p *program) { p.cut = 65 }},
	{"cut 119", "a", func(p *program) { p.cut = 119 }},
	{"cut in the code", "k6", func(p *program) { p.cut = codeAt - 5 }},
	{"cut in the data", "k6", func(p *program) { p.cut = 0x1050 }},
	{"32 bits", "8", func(p *program) { p.Ident[elf.EI_CLASS] = byte(elf.ELFCLASS32) }},
	{"no class", "8", func(p *program) { p.Ident[elf.EI_CLASS] = 9 }},
	{"big-endian", "8", func(p *program) { p.Ident[elf.EI_DATA] = byte(elf.ELFDATA2MSB) }},
	{"for arm64", "8", func(p *program) { p.Machine = uint16(elf.EM_AARCH64) }},
	{"for i386", "8", func(p *program) { p.Machine = uint16(elf.EM_386) }},
	{"an object", "8", func(p *program) { p.Type = uint16(elf.ET_REL) }},
	{"a core", "8", func(p *program) { p.Type = uint16(elf.ET_CORE) }},
	{"version 0", "8", func(p *program) { p.Version = 0 }},
	{"phentsize 0", "8", func(p *program) { p.Phentsize = 0 }},
	{"phentsize 55", "8", func(p *program) { p.Phentsize = 55 }},
	{"phentsize 65535", "8", func(p *program) { p.Phentsize = 65535 }},
	{"no phdrs", "a", func(p *program) { p.Phnum = 0 }},
	{"phnum 65535", "8", func(p *program) { p.Phnum = 65535 }},
	{"phoff in the next page", "8", func(p *program) { p.Phoff = 0x1000 }},
	{"phoff huge", "8", func(p *program) { p.Phoff = 1 << 63 }},
	{"phoff wraps", "8", func(p *program) { p.Phoff = 1<<64 - 56 }},
	{"phoff odd", "a", func(p *program) { p.Phoff = 65 }},
	{"entry 0", "k11", func(p *program) { p.Entry = 0 }},
	{"entry nowhere", "k11", func(p *program) { p.Entry = 0x12345678 }},
	{"entry in data", "k11", func(p *program) { p.Entry = 0x601000 }},
	{"entry in the kernel", "a", func(p *program) { p.Entry = 0xffff800000000000 }},
	{"entry not canonical", "a", func(p *program) { p.Entry = 1 << 62 }},
	{"entry in LSF", "a", func(p *program) { p.Entry = host.CodeBase + 0x1000 }},
	{"entry in scratch memory", "a", func(p *program) { p.Entry = host.InitialScratch }},
	{"more in the file than in memory", "k6", segment(0x800000, 0x1000, 0x100)},
	{"longer than the file", "k6", segment(0x800000, 0x100000, 0x100000)},
	{"memsz 2^46", "a", segment(0x800000, 0, 1<<46)},
	{"memsz 2^47", "k6", segment(0x800000, 0, 1<<47)},
	{"memsz 2^62", "k6", segment(0x800000, 0, 1<<62)},
	{"memsz wraps", "8", segment(0x800000, 0, 1<<64-0x1000)},
	{"filesz wraps", "k6", segment(0x800000, 1<<64-0x1000, 0x1000)},
	{"align 3", "8", func(p *program) { p.Progs[1].Align = 3 }},
	{"align 2^40", "8", func(p *program) { p.Progs[1].Align = 1 << 40 }},
	{"offset and address disagree", "a", func(p *program) { p.Progs[1].Vaddr += 8 }},
	{"offset beyond the file", "k6", func(p *program) { p.Progs[1].Off = 1 << 40 }},
	{"offset negative", "k6", func(p *program) { p.Progs[1].Off = 1 << 63 }},
	{"overlapping", "k6", segment(0x400000, 0x100, 0x100)},
	{"overlapping in part", "k6", segment(0x3ff000, 0x100, 0x1800)},
	{"at 0", "k6", segment(0, 0x100, 0x1000)},
	{"in the kernel", "k6", segment(0xffff800000000000, 0x100, 0x1000)},
	{"at the end of user memory", "k6", segment(0x7ffffffff000, 0x100, 0x1000)},
	{"across it", "k6", segment(0x7fffffffe000, 0x100, 0x4000)},
	{"over LSF's code", "k6", segment(host.CodeBase, 0x100, 0x1000)},
	{"around LSF's code", "k6", segment(host.CodeBase-0x1000, 0x100, 0x100000)},
	{"over scratch memory", "k6", segment(host.InitialScratch, 0x100, host.ChunkSize)},
	{"over scratch memory to come", "k6", segment(host.InitialScratch+host.ChunkSize, 0x100, 0x1000)},
	{"over the stack", "k6", segment(0x7fffffff0000, 0x100, 0x1000)},
	{"deep in the stack", "k6", segment(0x7ffff0000000, 0x100, 0x1000)},
	{"everything", "k6", segment(0x1000, 0, 0x7ffffffe0000)},
	{"72 segments", "x77", func(p *program) {
		for i := range uint64(66) {
			segment(0x800000+i*0x3000, 0x80, 0x1800)(p)
		}
	}},
	{"stack with no rights", "8", func(p *program) { p.add(elf.Prog64{Type: uint32(elf.PT_GNU_STACK)}) }},
	{"stack of 2^60", "a", func(p *program) { p.add(elf.Prog64{Type: uint32(elf.PT_GNU_STACK), Flags: 6, Memsz: 1 << 60}) }},
	{"interpreter missing", "k6", interp("/nowhere\x00")},
	{"interpreter is a directory", "k6", interp("/tmp\x00")},
	{"interpreter is a FIFO", "k6", interp("/tmp/fifo\x00")},
	{"interpreter is unreadable", "k6", interp("/tmp/unreadable\x00")},
	{"interpreter is itself", "k6", interp("/interpreter_is_itself\x00")},
	{"interpreter is no program", "k6", interp("/empty\x00")},
	{"interpreter without end", "8", interp("/nowhere")},
	{"interpreter is empty", "a", interp("\x00\x00")},
	{"interpreter of one byte", "8", interp("\x00")},
	{"two interpreters", "8", func(p *program) { p.interp("/a\x00"); p.interp("/a\x00") }},
	{"interpreter beyond the file", "5", func(p *program) { p.interp("/a\x00"); p.Progs[2].Off = 0x10000 }},
	{"interpreter's path at -1", "5", func(p *program) { p.interp("/a\x00"); p.Progs[2].Off = 1<<64 - 1 }},
	{"interpreter's path huge", "8", func(p *program) { p.interp("/a\x00"); p.Progs[2].Filesz = 1 << 63 }},
	{"note huge", "x77", func(p *program) {
		p.add(elf.Prog64{Type: uint32(elf.PT_NOTE), Off: 0x700, Filesz: 1 << 40})
	}},
	{"note of lies", "x77", func(p *program) {
		p.data[0x700] = bytes.Repeat([]byte{0xff}, 24)
		p.add(elf.Prog64{Type: uint32(elf.PT_NOTE), Off: 0x700, Filesz: 64})
	}},
}

// scripts are interpreter files that lead nowhere.
var scripts = []struct{ name, want, text string }{
	{"#! itself", "8", "#!/#!_itself\n"},
	{"#! nothing", "8", "#!\n"},
	{"#! spaces", "8", "#!    \n"},
	{"#! missing", "2", "#!/nowhere\n"},
	{"#! directory", "13", "#!/tmp\n"},
	{"#! cut", "a", "#!/gues"},
	{"#! endless", "63", "#!/" + strings.Repeat("x", 8000)},
	{"#! zeros", "a", "#!\x00\x00\x00\n"},
	{"#! good", "x77", "#!/good\n"},
	{"#! broken", "k6", "#!/over_scratch_memory\n"},
	{"text", "8", "no program\n"},
}

// fileName has no spaces: they end names in scripts.
func fileName(name string) string { return strings.ReplaceAll(name, " ", "_") }

// writePrograms puts the programs, and mutations of a good one, into files and returns
// what the guest is told about them.
func writePrograms(t *testing.T, dir string, seed uint64) []string {
	t.Helper()
	var args []string
	write := func(name, want string, b []byte) {
		name = fileName(name)
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o755); err != nil {
			t.Fatal(err)
		}
		args = append(args, "/"+name, want)
	}
	for _, s := range spoilt {
		p := newProgram()
		s.change(p)
		write(s.name, s.want, p.bytes())
	}
	for _, s := range scripts {
		write(s.name, s.want, []byte(s.text))
	}
	r := rand.New(rand.NewPCG(seed, 1))
	interesting := []uint64{0, 1, 0xff, 0xfff, 0x1000, 0x100000, 0x7e0000000000, 0x7ffffffff000, 1 << 32, 1 << 47, 1 << 63, 1<<64 - 1, 1<<64 - 0x1000}
	for i := range 150 {
		p := newProgram()
		if i%3 == 0 {
			p.interp("/good\x00")
		}
		b := p.bytes()
		for range 1 + r.IntN(4) {
			// All of the headers but what makes it FreeBSD's.
			at := 16 + r.IntN(64+56*3-16)
			switch r.IntN(3) {
			case 0:
				b[at] ^= 1 << r.IntN(8)
			case 1:
				b[at] = byte(r.Uint32())
			default:
				binary.LittleEndian.PutUint64(b[at&^7:], interesting[r.IntN(len(interesting))]+r.Uint64N(3)-1)
			}
		}
		write(fmt.Sprintf("mutant %d", i), "a", b)
	}
	return args
}

// TestPrograms has a guest execute programs that are none, or no good.
func TestPrograms(t *testing.T) {
	files := place(t)
	seed := seed()
	args := append([]string{"--", "/guest", "execs"}, writePrograms(t, files, seed)...)
	eachEngine(t, func(t *testing.T, engine string) {
		t.Logf("LSF_HOSTILE_SEED=%d", seed)
		run(t, engine, files, 2*time.Minute, args...).good(t, 64<<10)
	})
}

// TestFirstPrograms starts some of them from Linux: there is no old program
// then that could be told, but a line and a shell's status.
func TestFirstPrograms(t *testing.T) {
	files := place(t)
	writePrograms(t, files, 1)
	for name, status := range map[string]int{
		"good": exitStatus, "#! good": exitStatus, "empty": 126, "cut 63": 126, "cut in the data": 126, "phnum 65535": 126, "32 bits": 126,
		"over scratch memory": 126, "over the stack": 126, "interpreter missing": 127, "interpreter is a directory": 126,
		"interpreter is itself": 126, "interpreter is no program": 126, "#! missing": 127, "#! itself": 126, "nobody": 127,
		"entry nowhere": guestKilled, "72 segments": exitStatus,
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, "", files, time.Minute, "--", "/"+fileName(name))
			if r.status != status {
				t.Errorf("status %d, want %d\n%s%s", r.status, status, r.out, r.log)
			}
			if status == 126 || status == 127 {
				said := 0
				for line := range strings.Lines(r.log) {
					if strings.HasPrefix(line, "lsf: /") {
						said++
					}
				}
				if said != 1 {
					t.Errorf("%d lines for the user:\n%s", said, r.log)
				}
			}
		})
	}
}

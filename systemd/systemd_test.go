package systemd

import (
	"debug/elf"
	"encoding/binary"
	"strings"
	"testing"
)

// program returns the first bytes of an ELF file.
func program(class elf.Class, osabi elf.OSABI, typ elf.Type, machine elf.Machine) string {
	b := make([]byte, 20)
	copy(b, elf.ELFMAG)
	b[elf.EI_CLASS], b[elf.EI_DATA] = byte(class), byte(elf.ELFDATA2LSB)
	b[elf.EI_VERSION], b[elf.EI_OSABI] = byte(elf.EV_CURRENT), byte(osabi)
	binary.LittleEndian.PutUint16(b[16:], uint16(typ))
	binary.LittleEndian.PutUint16(b[18:], uint16(machine))
	return string(b)
}

func (b Binfmt) matches(head string) bool {
	for i := range b.Magic {
		if (head[i]^b.Magic[i])&b.Mask[i] != 0 {
			return false
		}
	}
	return true
}

func TestFreebsd(t *testing.T) {
	b := Freebsd()
	if b.Name != "lsf-freebsd" || b.Flags != "OPF" || len(b.Magic) != 20 || len(b.Mask) != 20 {
		t.Fatalf("%+v", b)
	}
	const c64, c32 = elf.ELFCLASS64, elf.ELFCLASS32
	for _, tt := range []struct {
		head string
		want bool
	}{
		{program(c64, elf.ELFOSABI_FREEBSD, elf.ET_EXEC, elf.EM_X86_64), true},
		{program(c64, elf.ELFOSABI_FREEBSD, elf.ET_DYN, elf.EM_X86_64), true},
		{program(c64, elf.ELFOSABI_FREEBSD, elf.ET_REL, elf.EM_X86_64), false},
		{program(c64, elf.ELFOSABI_FREEBSD, elf.ET_CORE, elf.EM_X86_64), false},
		{program(c64, elf.ELFOSABI_NONE, elf.ET_EXEC, elf.EM_X86_64), false},
		{program(c64, elf.ELFOSABI_LINUX, elf.ET_DYN, elf.EM_X86_64), false},
		{program(c64, elf.ELFOSABI_FREEBSD, elf.ET_EXEC, elf.EM_AARCH64), false},
		{program(c32, elf.ELFOSABI_FREEBSD, elf.ET_EXEC, elf.EM_386), false},
	} {
		if b.matches(tt.head) != tt.want {
			t.Errorf("%x: matches: %v", tt.head, !tt.want)
		}
	}
}

// TestLine shows that the file and what the installer registers are one.
func TestLine(t *testing.T) {
	b := Freebsd()
	line, err := b.Line()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(BinfmtConf, "\n"+line+"\n") {
		t.Errorf("registered: %s\nfile:\n%s", line, BinfmtConf)
	}
	b.Interpreter = "/opt/a:b/lsf-binfmt"
	line, err = b.Line()
	if err != nil || !strings.HasPrefix(line, "|lsf-freebsd|M||") {
		t.Errorf("%s, %v", line, err)
	}
	if got, err := Parse(line); err != nil || got.Interpreter != b.Interpreter || got.Magic != b.Magic || got.Mask != b.Mask {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestConf(t *testing.T) {
	b := Freebsd()
	if text, err := b.Conf(); err != nil || text != BinfmtConf {
		t.Errorf("%v\n%s", err, text)
	}
	b.Interpreter = "/usr/local/libexec/lsf/lsf-binfmt"
	text, err := b.Conf()
	if got, perr := Parse(text); err != nil || perr != nil || got != b {
		t.Errorf("%v, %v\n%s", err, perr, text)
	}
	b.Interpreter = "/a\nb"
	if text, err := b.Conf(); err == nil {
		t.Errorf("a path with a newline: %s", text)
	}
}

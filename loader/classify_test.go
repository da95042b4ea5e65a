package loader

import (
	"debug/elf"
	"errors"
	"strings"
	"testing"
)

func TestClassifyELF(t *testing.T) {
	interp := func(path string) testELF {
		return testELF{
			progs: []prog{text, {Type: ptInterp, Off: 0x200, Filesz: uint64(len(path))}},
			data:  map[int]string{0x200: path},
		}
	}
	noted := testELF{
		progs: []prog{text, {Type: ptNote, Off: 0x200, Filesz: 0x60}},
		data: map[int]string{0x200: note("GNU\x00", 1, 0) + note("FreeBSD\x00", noteFeatureCtl, 2) +
			note("FreeBSD\x00", noteABITag, 1302001)},
	}
	unterminated := interp(FreeBSDInterp + "x")
	linuxBrand := interp(FreeBSDInterp + "\x00")
	linuxBrand.osabi = elf.ELFOSABI_LINUX
	notedLinux := noted
	notedLinux.osabi = elf.ELFOSABI_LINUX
	tests := []struct {
		name string
		head []byte
		want Kind
		err  error
	}{
		{"empty", nil, KindUnknown, nil},
		{"one byte", []byte("#"), KindUnknown, nil},
		{"text", []byte("hello, world, this is no program\n"), KindUnknown, nil},
		{"magic only", []byte(elf.ELFMAG), KindUnknown, nil},
		{"osabi", testELF{osabi: elf.ELFOSABI_FREEBSD}.bytes(), KindFreeBSD, nil},
		{"osabi, short file", testELF{osabi: elf.ELFOSABI_FREEBSD}.bytes()[:40], KindFreeBSD, nil},
		{"no brand", testELF{progs: []prog{text}}.bytes(), KindLinux, nil},
		{"Linux", testELF{osabi: elf.ELFOSABI_LINUX}.bytes(), KindLinux, nil},
		{"note", noted.bytes(), KindFreeBSD, nil},
		{"note before osabi", notedLinux.bytes(), KindFreeBSD, nil},
		{"interpreter", interp(FreeBSDInterp + "\x00").bytes(), KindFreeBSD, nil},
		{"osabi before interpreter", linuxBrand.bytes(), KindLinux, nil},
		{"Linux interpreter", interp("/lib64/ld-linux-x86-64.so.2\x00").bytes(), KindLinux, nil},
		{"other interpreter", unterminated.bytes(), KindLinux, nil},
		{"brand of FreeBSD 3", testELF{data: map[int]string{8: "FreeBSD\x00"}}.bytes(), KindFreeBSD, nil},
		{"object file", testELF{osabi: elf.ELFOSABI_FREEBSD, typ: elf.ET_REL}.bytes(), KindFreeBSD, nil},
		{"too many headers", testELF{osabi: elf.ELFOSABI_FREEBSD, phnum: 0xffff}.bytes(), KindFreeBSD, nil},
		{"arm64", testELF{osabi: elf.ELFOSABI_FREEBSD, change: func(b []byte) { b[18] = byte(elf.EM_AARCH64) }}.bytes(),
			KindLinux, nil},
		{"i386", testELF{osabi: elf.ELFOSABI_FREEBSD, change: func(b []byte) {
			b[elf.EI_CLASS], b[18] = byte(elf.ELFCLASS32), byte(elf.EM_386)
		}}.bytes(), KindUnknown, ErrNoExec},
		{"Linux i386", testELF{change: func(b []byte) {
			b[elf.EI_CLASS], b[18] = byte(elf.ELFCLASS32), byte(elf.EM_386)
		}}.bytes(), KindLinux, nil},
	}
	for _, tt := range tests {
		got, script, err := Classify(tt.head)
		if got != tt.want || script != nil || !errors.Is(err, tt.err) {
			t.Errorf("%s: %v, %v, %v, want %v, nil, %v", tt.name, got, script, err, tt.want, tt.err)
		}
	}
}

func TestClassifyScript(t *testing.T) {
	long := strings.Repeat("x", 5000)
	tests := []struct {
		head string
		want Script
		err  error
	}{
		{"#!/bin/sh\n", Script{Interp: "/bin/sh"}, nil},
		{"#! \t /bin/sh\necho", Script{Interp: "/bin/sh"}, nil},
		{"#!/bin/sh -e\n", Script{"/bin/sh", "-e", true}, nil},
		{"#!/usr/bin/env -S a  b \t\n", Script{"/usr/bin/env", "-S a  b", true}, nil},
		{"#!/bin/sh  \t \n", Script{Interp: "/bin/sh"}, nil},
		{"#!/bin/sh\x00garbage", Script{Interp: "/bin/sh"}, nil},
		{"#!/bin/sh a\x00b\n", Script{"/bin/sh", "a", true}, nil},
		{"#!sh\r\n", Script{Interp: "sh\r"}, nil},
		{"#!/" + long[:1022] + "\n", Script{Interp: "/" + long[:1022]}, nil},
		{"#!/bin/sh " + long[:4096-11] + "\n", Script{"/bin/sh", long[:4096-11], true}, nil},
		{"#!/bin/sh " + long[:4096-10] + "\n", Script{}, ErrNoExec},
		{"#!/" + long[:1023] + "\n", Script{}, ErrNameTooLong},
		{"#!", Script{}, ErrNoExec},
		{"#!\n/bin/sh\n", Script{}, ErrNoExec},
		{"#! \t ", Script{}, ErrNoExec},
		{"#!/bin/sh", Script{}, ErrNoExec}, // no newline at the end of the file
		{"#!/bin/sh x ", Script{}, ErrNoExec},
	}
	for _, tt := range tests {
		kind, got, err := Classify([]byte(tt.head))
		if kind != KindScript {
			t.Errorf("%.40q: %v, want a script", tt.head, kind)
		}
		if tt.err != nil {
			if got != nil || !errors.Is(err, tt.err) {
				t.Errorf("%.40q: %v, %v, want %v", tt.head, got, err, tt.err)
			}
			continue
		}
		if err != nil || *got != tt.want {
			t.Errorf("%.40q: %+v, %v, want %+v", tt.head, got, err, tt.want)
		}
	}
}

func FuzzClassify(f *testing.F) {
	f.Add([]byte("#!/bin/sh -e x\n"))
	f.Add(testELF{progs: []prog{text, {Type: ptNote, Off: 0x200, Filesz: 0x40}},
		data: map[int]string{0x200: note("FreeBSD\x00", noteABITag, 1302001)}}.bytes())
	f.Add(testELF{progs: []prog{text, {Type: ptInterp, Off: 0x200, Filesz: 22}},
		data: map[int]string{0x200: FreeBSDInterp + "\x00"}}.bytes())
	f.Fuzz(func(t *testing.T, head []byte) {
		kind, script, err := Classify(head)
		if (script != nil) != (kind == KindScript && err == nil) {
			t.Fatalf("%v, %v, %v", kind, script, err)
		}
		if script == nil {
			return
		}
		if script.Interp == "" || len(script.Interp) >= maxInterp || strings.ContainsAny(script.Interp, " \t\n\x00") {
			t.Fatalf("interpreter %q", script.Interp)
		}
		if script.HasArg != (script.Arg != "") || strings.Trim(script.Arg, " \t") != script.Arg ||
			strings.ContainsAny(script.Arg, "\n\x00") {
			t.Fatalf("argument %q", script.Arg)
		}
	})
}

package abi

import (
	"testing"
	"unsafe"
)

func TestSignalLayouts(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want uintptr
	}{
		{"sigaction", unsafe.Sizeof(Sigaction{}), 32},
		{"stack_t", unsafe.Sizeof(StackT{}), 24},
		{"siginfo_t", unsafe.Sizeof(Siginfo{}), 80},
		{"siginfo.si_value", unsafe.Offsetof(Siginfo{}.Value), 32},
		{"mcontext_t", unsafe.Sizeof(Mcontext{}), 800},
		{"mc_rip", unsafe.Offsetof(Mcontext{}.RIP), 160},
		{"mc_rsp", unsafe.Offsetof(Mcontext{}.RSP), 184},
		{"mc_fpstate", unsafe.Offsetof(Mcontext{}.Fpstate), 224},
		{"mc_fsbase", unsafe.Offsetof(Mcontext{}.FSBase), 736},
		{"ucontext_t", unsafe.Sizeof(Ucontext{}), 880},
		{"uc_mcontext", unsafe.Offsetof(Ucontext{}.Mcontext), 16},
		{"uc_stack", unsafe.Offsetof(Ucontext{}.Stack), 824},
		{"sigframe.sf_uc", unsafe.Offsetof(Sigframe{}.UC), 16},
		{"sigevent", unsafe.Sizeof(Sigevent{}), 80},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", c.name, c.got, c.want)
		}
	}
}

func TestSigset(t *testing.T) {
	var m Sigset
	for _, s := range []Signal{1, 32, 33, 64, 65, 126, 128} {
		m.Add(s)
		if !m.Has(s) {
			t.Errorf("%v not in the set after Add", s)
		}
		m.Del(s)
		if m != (Sigset{}) {
			t.Errorf("set not empty after Del(%v): %x", s, m)
		}
	}
}

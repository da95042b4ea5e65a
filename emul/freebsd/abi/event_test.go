package abi_test

import (
	"testing"
	"unsafe"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

func TestKeventLayout(t *testing.T) {
	var k abi.Kevent
	var k11 abi.Kevent11
	for _, c := range []struct {
		name      string
		got, want uintptr
	}{
		{"sizeof kevent", unsafe.Sizeof(k), 64},
		{"filter", unsafe.Offsetof(k.Filter), 8},
		{"flags", unsafe.Offsetof(k.Flags), 10},
		{"fflags", unsafe.Offsetof(k.Fflags), 12},
		{"data", unsafe.Offsetof(k.Data), 16},
		{"udata", unsafe.Offsetof(k.Udata), 24},
		{"ext", unsafe.Offsetof(k.Ext), 32},
		{"sizeof kevent_freebsd11", unsafe.Sizeof(k11), 32},
		{"udata of 11", unsafe.Offsetof(k11.Udata), 24},
	} {
		if c.got != c.want {
			t.Errorf("%s = %d, want %d", c.name, c.got, c.want)
		}
	}
}

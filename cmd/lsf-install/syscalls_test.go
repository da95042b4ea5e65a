package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd"
)

// TestSyscallsPage shows that docs/syscalls.md is what the table says.
func TestSyscallsPage(t *testing.T) {
	var want bytes.Buffer
	if err := markdownSyscalls(&want, syscalls()); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../docs/syscalls.md")
	if err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("docs/syscalls.md is not what the table says (%v): go generate ./cmd/lsf-install", err)
	}
}

// TestSyscalls shows that every row is told, and truthfully.
func TestSyscalls(t *testing.T) {
	list := map[int]syscallInfo{}
	for _, s := range syscalls() {
		list[s.Number] = s
	}
	for nr, row := range freebsd.Table() {
		s, ok := list[nr]
		if ok != (row.Level() != emul.LevelUnknown) {
			t.Errorf("%d (%s): told: %v", nr, row.Name, ok)
			continue
		}
		if !ok {
			continue
		}
		if s.Name == "" || (s.Support == supportNone) != (row.Level() == emul.LevelMissing) {
			t.Errorf("%+v", s)
		}
		if s.Support == supportNone && (s.Errno == "" || s.Note == "") {
			t.Errorf("no error or no reason: %+v", s)
		}
	}
}

func TestFilterSyscalls(t *testing.T) {
	all := syscalls()
	for _, tt := range []struct {
		patterns, levels []string
		want             int // number of calls; -1 for an error
	}{
		{nil, nil, len(all)},
		{[]string{"read"}, nil, 1},
		{[]string{"3", "read", "write"}, nil, 2},
		{[]string{"cap_enter", "read"}, []string{"none"}, 1},
		{[]string{"read"}, []string{"none", "limited"}, 0},
		{[]string{"no_such"}, nil, -1},
		{[]string{"["}, nil, -1},
		{nil, []string{"some"}, -1},
	} {
		got, err := filterSyscalls(all, tt.patterns, tt.levels)
		if (err != nil) != (tt.want < 0) || err == nil && len(got) != tt.want {
			t.Errorf("%q %q: %d calls, %v", tt.patterns, tt.levels, len(got), err)
		}
	}
}

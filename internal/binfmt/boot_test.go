package binfmt

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/lsf-linux/lsf/systemd"
)

func TestBoot(t *testing.T) {
	top := t.TempDir()
	b := Boot{Root: top}
	entry := systemd.Freebsd()
	entry.Interpreter = "/opt/lsf-binfmt"
	ours := filepath.Join(top, "etc/binfmt.d/lsf-freebsd.conf")
	packaged := filepath.Join(top, "usr/lib/binfmt.d/lsf-freebsd.conf")

	if _, _, err := b.Write(entry); !errors.Is(err, ErrNoBoot) || b.Present() || b.Find(entry.Name) != nil {
		t.Errorf("without binfmt.d: %v", err)
	}
	if err := os.MkdirAll(filepath.Dir(packaged), 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(want string, did bool) {
		t.Helper()
		path, wrote, err := b.Write(entry)
		if err != nil || path != want || wrote != did {
			t.Errorf("%s, %v, %v", path, wrote, err)
		}
		if f := b.Find(entry.Name); f == nil || f.Path != want || f.Entry != entry {
			t.Errorf("%+v", f)
		}
	}
	write(ours, true)
	write(ours, false)
	// The package's file says the same now: ours is in its way.
	text, err := os.ReadFile(ours)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(packaged, text, 0o644); err != nil {
		t.Fatal(err)
	}
	write(ours, false)
	entry.Interpreter = "/opt/a:b"
	write(ours, true)
	entry.Interpreter = "/opt/lsf-binfmt"
	write(packaged, true)
	if _, err := os.Stat(ours); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("ours is still there: %v", err)
	}
	if did, err := b.Remove(entry.Name); did || err != nil {
		t.Errorf("removed the package's file: %v, %v", did, err)
	}
	// What the administrator has put there is left alone.
	for _, text := range []string{"", "hello\n"} {
		if err := os.WriteFile(ours, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if did, err := b.Remove(entry.Name); did || err != nil {
			t.Errorf("%q: %v, %v", text, did, err)
		}
	}
	if err := os.WriteFile(ours, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Write(entry); !errors.Is(err, ErrMasked) {
		t.Errorf("masked: %v", err)
	}
}

func TestMatches(t *testing.T) {
	e := Entry{Offset: 2, Binfmt: systemd.Binfmt{Magic: "LF\x02", Mask: "\xff\xff\x0f"}}
	for head, want := range map[string]bool{"\x7fELF\x02": true, "\x7fELF": false, "xxLF\x12": true, "xxLF\x03": false, "xxLF": false, "": false} {
		if e.Matches([]byte(head)) != want {
			t.Errorf("%q: %v", head, !want)
		}
	}
	if (Entry{}).Matches([]byte("anything")) {
		t.Error("an entry without magic matches")
	}
	e.Mask = ""
	if !e.Matches([]byte("xxLF\x02")) || e.Matches([]byte("xxLF\x12")) {
		t.Error("without a mask all bits count")
	}
}

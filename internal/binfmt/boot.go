package binfmt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lsf-linux/lsf/systemd"
)

// BootDirs are the directories from which systemd-binfmt makes entries at
// boot. Of files with the same name the first counts (binfmt.d(5)).
var bootDirs = [...]string{"etc/binfmt.d", "run/binfmt.d", "usr/local/lib/binfmt.d", "usr/lib/binfmt.d"}

// Boot is what systemd-binfmt reads, below the directory Root ("" is "/").
type Boot struct{ Root string }

// BootFile is a file of binfmt.d.
type BootFile struct {
	Path string
	// Masked says that the file is empty or a link to /dev/null: the
	// administrator wants no entry.
	Masked bool
	// Entry is what is in it, if Err is nil and it is not masked.
	Entry systemd.Binfmt
	Err   error
}

// ErrNoBoot says that nothing on this machine makes entries at boot.
var ErrNoBoot = errors.New("no systemd-binfmt here")

// Present says whether there are directories of systemd-binfmt's.
func (b Boot) Present() bool {
	for _, dir := range []string{"etc/binfmt.d", "usr/lib/binfmt.d"} {
		if info, err := os.Stat(b.path(dir)); err == nil && info.IsDir() {
			return true
		}
	}
	return false
}

func (b Boot) path(name string) string { return filepath.Join("/", b.Root, name) }

// Find returns the file for an entry's name that counts; nil without one.
func (b Boot) Find(name string) *BootFile {
	for _, dir := range bootDirs {
		if f := b.read(filepath.Join(dir, name+".conf")); f != nil {
			return f
		}
	}
	return nil
}

func (b Boot) read(name string) *BootFile {
	f := &BootFile{Path: b.path(name)}
	if to, err := os.Readlink(f.Path); err == nil && to == os.DevNull {
		f.Masked = true
		return f
	}
	text, err := os.ReadFile(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		f.Err = err
	case len(text) == 0:
		f.Masked = true
	default:
		f.Entry, f.Err = systemd.Parse(string(text))
	}
	return f
}

// Ours is the file that Write writes.
func (b Boot) Ours(name string) string {
	return b.path(filepath.Join("etc/binfmt.d", name+".conf"))
}

// ErrMasked says that the administrator has masked the file for the boot.
var ErrMasked = errors.New("masked")

// Write sees to it that systemd-binfmt makes the entry at every boot. A file
// that already says so is enough. The error is ErrNoBoot where there is no
// systemd-binfmt, and wraps ErrMasked where the administrator wants no entry.
// It returns the name of the file that counts now, and whether it has changed.
func (b Boot) Write(entry systemd.Binfmt) (path string, did bool, err error) {
	if !b.Present() {
		return "", false, ErrNoBoot
	}
	ours := b.Ours(entry.Name)
	if old := b.Find(entry.Name); old != nil {
		switch {
		case old.Masked:
			return "", false, fmt.Errorf("%s: %w", old.Path, ErrMasked)
		case old.Err == nil && old.Entry == entry:
			return old.Path, false, nil
		}
		// Without ours the package's file may be right.
		if old.Path == ours {
			for _, dir := range bootDirs[1:] {
				if f := b.read(filepath.Join(dir, entry.Name+".conf")); f != nil {
					if f.Err == nil && !f.Masked && f.Entry == entry {
						return f.Path, true, os.Remove(ours)
					}
					break
				}
			}
		}
	}
	text, err := entry.Conf()
	if err != nil {
		return "", false, err
	}
	if err := os.MkdirAll(filepath.Dir(ours), 0o755); err != nil {
		return "", false, err
	}
	return ours, true, replaceFile(ours, []byte(text), 0o644)
}

// Remove removes the file that Write wrote, and says whether there was one.
// What is not an entry of that name is left alone.
func (b Boot) Remove(name string) (did bool, err error) {
	f := b.read(strings.TrimPrefix(b.Ours(name), b.path("")))
	if f == nil || f.Masked || f.Err != nil || f.Entry.Name != name {
		return false, nil
	}
	return true, os.Remove(f.Path)
}

// replaceFile gives a file new contents, all at once.
func replaceFile(name string, text []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".lsf-")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), name)
}

package binfmt

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/systemd"
)

// DefaultDir is where binfmt_misc is mounted by everybody.
const DefaultDir = "/proc/sys/fs/binfmt_misc"

// ErrNoKernel says that the kernel has no binfmt_misc.
var ErrNoKernel = errors.New("this kernel has no binfmt_misc")

// ErrNotMounted says that binfmt_misc is not mounted.
var ErrNotMounted = errors.New("binfmt_misc is not mounted")

// FS is a binfmt_misc file system, by the directory it is mounted on.
type FS struct{ Dir string }

// Entry is an entry as the kernel shows it.
type Entry struct {
	systemd.Binfmt
	Offset  int // where in a program Magic is
	Enabled bool
	Made    time.Time // when it was registered
}

// Matches says whether the entry is for a program that begins with head. An
// entry that goes by a file's extension has no Magic and matches nothing.
func (e Entry) Matches(head []byte) bool {
	if e.Magic == "" || e.Offset+len(e.Magic) > len(head) {
		return false
	}
	for i := range len(e.Magic) {
		mask := byte(0xff)
		if i < len(e.Mask) {
			mask = e.Mask[i]
		}
		if (head[e.Offset+i]^e.Magic[i])&mask != 0 {
			return false
		}
	}
	return true
}

// Mounted returns nil, ErrNotMounted or ErrNoKernel.
func (f FS) Mounted() error {
	// The directory may be an automount point of systemd's: opening a file
	// in it mounts it, looking at the directory does not.
	if file, err := os.Open(filepath.Join(f.Dir, "status")); err == nil {
		file.Close()
	}
	var st unix.Statfs_t
	if err := unix.Statfs(f.Dir, &st); err != nil {
		if errors.Is(err, unix.ENOENT) {
			return ErrNoKernel
		}
		return &fs.PathError{Op: "statfs", Path: f.Dir, Err: err}
	}
	if st.Type != unix.BINFMTFS_MAGIC {
		return ErrNotMounted
	}
	return nil
}

// Mount mounts binfmt_misc unless it is mounted, and says whether it did. In a
// user namespace the one of the host does not count: that is not for changing
// from there, but since Linux 6.7 the namespace can have its own.
// Errors are ErrNoKernel or wrap what mount(2) said.
func (f FS) Mount() (did bool, err error) {
	err = f.Mounted()
	if err == nil && InUserNamespace() && unix.Access(filepath.Join(f.Dir, "register"), unix.W_OK) != nil {
		err = ErrNotMounted
	}
	if errors.Is(err, ErrNoKernel) && f.Dir == DefaultDir {
		// As a module it makes its directory when it is loaded. There is
		// nothing to say about a modprobe that is not there or fails.
		_ = exec.Command("modprobe", "binfmt_misc").Run()
		err = f.Mounted()
	}
	if !errors.Is(err, ErrNotMounted) {
		return false, err
	}
	switch err := unix.Mount("binfmt_misc", f.Dir, "binfmt_misc", 0, ""); err {
	case nil:
		return true, nil
	case unix.ENODEV:
		return false, ErrNoKernel
	case unix.EBUSY:
		return false, nil // it is our own; who writes to it will be told why not
	default:
		return false, fmt.Errorf("mounting binfmt_misc on %s: %w", f.Dir, err)
	}
}

// Entry reads an entry. The error wraps fs.ErrNotExist when there is none.
func (f FS) Entry(name string) (Entry, error) {
	file := filepath.Join(f.Dir, name)
	info, err := os.Stat(file)
	if err != nil {
		return Entry{}, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Made: info.ModTime()}
	e.Name = name
	for line := range strings.SplitSeq(string(text), "\n") {
		key, val, _ := strings.Cut(line, " ")
		switch key {
		case "enabled":
			e.Enabled = true
		case "interpreter":
			e.Interpreter = val
		case "flags:":
			e.Flags = val
		case "offset":
			e.Offset, err = strconv.Atoi(val)
			if err != nil {
				return Entry{}, fmt.Errorf("%s: offset: %w", file, err)
			}
		case "magic", "mask":
			b, err := hex.DecodeString(val)
			if err != nil {
				return Entry{}, fmt.Errorf("%s: %s: %w", file, key, err)
			}
			if key == "magic" {
				e.Magic = string(b)
			} else {
				e.Mask = string(b)
			}
		}
	}
	return e, nil
}

// List reads all entries. Those that go away meanwhile are left out.
func (f FS) List() ([]Entry, error) {
	files, err := os.ReadDir(f.Dir)
	if err != nil {
		return nil, err
	}
	var list []Entry
	for _, file := range files {
		if file.Name() == "register" || file.Name() == "status" {
			continue
		}
		e, err := f.Entry(file.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

// Since says when the file system has come into being. Since Linux 6.7 it goes,
// with all entries, when the last of its mounts goes.
func (f FS) Since() (time.Time, error) {
	info, err := os.Stat(filepath.Join(f.Dir, "register"))
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

// ReadOnly says whether entries can't be made because the file system is
// mounted read-only, as in containers.
func (f FS) ReadOnly() bool {
	var st unix.Statfs_t
	return unix.Statfs(f.Dir, &st) == nil && st.Flags&unix.ST_RDONLY != 0
}

// InUserNamespace says whether we are in a user namespace other than the
// first one. Without /proc nobody knows: no.
func InUserNamespace() bool {
	text, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return false
	}
	f := strings.Fields(string(text))
	return len(f) != 3 || f[0] != "0" || f[1] != "0" || f[2] != "4294967295"
}

// Register makes an entry. There must be none of its name.
func (f FS) Register(b systemd.Binfmt) error {
	line, err := b.Line()
	if err != nil {
		return err
	}
	return f.write("register", line)
}

// Remove removes an entry. The error wraps fs.ErrNotExist when there is none.
func (f FS) Remove(name string) error { return f.write(name, "-1") }

// Enable enables an entry.
func (f FS) Enable(name string) error { return f.write(name, "1") }

// Active says whether binfmt_misc as a whole is switched on.
func (f FS) Active() (bool, error) {
	text, err := os.ReadFile(filepath.Join(f.Dir, "status"))
	return strings.TrimSpace(string(text)) == "enabled", err
}

// Activate switches binfmt_misc on.
func (f FS) Activate() error { return f.write("status", "1") }

// write writes to one of the files, all at once, as the kernel demands.
func (f FS) write(name, text string) error {
	file, err := os.OpenFile(filepath.Join(f.Dir, name), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}

package binfmt

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/systemd"
)

// Problem says what keeps the entry from doing what want describes, "" if
// nothing does.
func (e Entry) Problem(want systemd.Binfmt) string {
	switch {
	case !e.Enabled:
		return "disabled"
	case e.Interpreter != want.Interpreter:
		return "for another interpreter, " + e.Interpreter
	case !sameFlags(e.Flags, want.Flags):
		return "with flags " + e.Flags + " instead of " + want.Flags
	case e.Magic != want.Magic || e.Mask != want.Mask || e.Offset != 0:
		return "for other programs"
	}
	return e.Stale()
}

// Stale says in which way the interpreter that the kernel holds open (flag F)
// is not the one that has its name now, "" if it is.
func (e Entry) Stale() string {
	info, err := os.Stat(e.Interpreter)
	switch {
	case err != nil:
		// The kernel holds the file open: programs run all the same.
		return "its interpreter has been removed since"
	case changeTime(info).After(e.Made):
		return "its interpreter has been replaced since"
	}
	return ""
}

// changeTime is when a file was last written, renamed or linked. Of a program
// that takes another's name it is later than the entry for the other.
func changeTime(info fs.FileInfo) time.Time {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return info.ModTime()
	}
	return time.Unix(st.Ctim.Sec, st.Ctim.Nsec)
}

// sameFlags compares sets of letters; the kernel has its own order.
func sameFlags(a, b string) bool {
	set := func(s string) (m [256]bool) {
		for _, c := range []byte(s) {
			m[c] = true
		}
		return m
	}
	return set(a) == set(b)
}

// Errors of CheckInterpreter, besides those of opening the file.
var (
	ErrNotExecutable = errors.New("not an executable file")
	ErrNotElf        = errors.New("not a program of this machine")
	ErrNotStatic     = errors.New("not a static program: it could not run in a chroot")
	ErrNoExec        = errors.New("its file system is mounted noexec")
	ErrUnreadable    = errors.New("not readable and executable for everybody: other users' programs would not start")
)

// CheckInterpreter returns nil for a program that can run where nothing but
// itself is to be had, and for whoever starts a program.
func CheckInterpreter(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	said := func(err error) error { return fmt.Errorf("%s: %w", path, err) }
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
		return said(ErrNotExecutable)
	}
	f, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("%s: %w: %w", path, ErrNotElf, err)
	}
	defer f.Close()
	if f.Machine != elf.EM_X86_64 {
		return said(ErrNotElf)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return said(ErrNotStatic)
		}
	}
	if NoExec(path) {
		return said(ErrNoExec)
	}
	// A process whose program its user can't read can't be traced by that user.
	const everybody = 0o555
	if info.Mode().Perm()&everybody != everybody {
		return said(ErrUnreadable)
	}
	return nil
}

// NoExec says whether a file or directory is on a file system that is mounted noexec.
func NoExec(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && st.Flags&unix.ST_NOEXEC != 0
}

// ErrWritable says that not only root can put another program in the place of one.
var ErrWritable = errors.New("can be written by others than root")

// CheckOwner returns an error that wraps ErrWritable unless a program and the
// directories above it are root's.
func CheckOwner(path string) error {
	for {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return nil
		}
		// Root outside of a user namespace is this one in there.
		const nobody = 65534
		root := st.Uid == 0 || st.Uid == nobody && InUserNamespace()
		sticky := info.Mode()&fs.ModeSticky != 0 // then only owners rename and remove
		group := st.Gid != 0 && info.Mode().Perm()&0o020 != 0
		if !root || !sticky && (info.Mode().Perm()&0o002 != 0 || group) {
			return fmt.Errorf("%s %w", path, ErrWritable)
		}
		if path == "/" {
			return nil
		}
		path = filepath.Dir(path)
	}
}

package rootfs

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Beside a tree NAME there may be, while something is being done or after it was
// cut short:
//
//	.NAME.lsf-new.XXXX  a tree that is being made; after the exchange, the old one
//	.NAME.lsf-old.XXXX  the old one, where the file system cannot exchange
//	.NAME.lsf-del.XXXX  one that is being removed
//
// They are locked by flock(2) as long as somebody is at work. An old one whose
// NAME is missing is put back; all others that nobody has locked are removed.
const (
	newMark = ".lsf-new."
	oldMark = ".lsf-old."
	delMark = ".lsf-del."
)

// aside makes a name beside a tree.
func aside(name, mark string) string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // does not fail
	return "." + name + mark + hex.EncodeToString(b[:])
}

// stage is a directory in which a tree is made.
type stage struct {
	path string
	root *os.Root
	lock *os.File
}

// newStage makes a directory in parent for a tree that will be called name.
func newStage(parent, name string) (*stage, error) {
	for {
		path := filepath.Join(parent, aside(name, newMark))
		if err := os.Mkdir(path, 0o700); err != nil {
			return nil, err
		}
		lock := lockDir(path)
		if lock == nil { // somebody has cleaned it before it was locked
			continue
		}
		root, err := os.OpenRoot(path)
		if err != nil {
			lock.Close()
			return nil, err
		}
		return &stage{path, root, lock}, nil
	}
}

// discard removes what has been made.
func (s *stage) discard() {
	s.root.Close()
	_ = removeTree(s.path) // or the next run does
	s.lock.Close()
}

// lockDir locks a directory, nil if that is not possible now.
func lockDir(path string) *os.File {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil
	}
	var held, named unix.Stat_t
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil ||
		unix.Fstat(int(f.Fd()), &held) != nil || unix.Lstat(path, &named) != nil ||
		held.Ino != named.Ino || held.Dev != named.Dev {
		f.Close()
		return nil
	}
	return f
}

// cleanStages deals with what interrupted runs have left beside a tree.
func cleanStages(parent, name string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return // what is wrong with it will be told by whoever needs it
	}
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), "."+name)
		if !ok || !e.IsDir() {
			continue
		}
		path := filepath.Join(parent, e.Name())
		isOld := strings.HasPrefix(rest, oldMark)
		if !isOld && !strings.HasPrefix(rest, newMark) && !strings.HasPrefix(rest, delMark) {
			continue
		}
		lock := lockDir(path)
		if lock == nil {
			continue
		}
		// In a directory that others may write to, what is theirs is not ours.
		var st unix.Stat_t
		if unix.Fstat(int(lock.Fd()), &st) != nil || int(st.Uid) != os.Geteuid() {
			lock.Close()
			continue
		}
		if !isOld || unix.Renameat2(unix.AT_FDCWD, path, unix.AT_FDCWD, filepath.Join(parent, name), unix.RENAME_NOREPLACE) != nil {
			_ = removeTree(path)
		}
		lock.Close()
	}
}

// put makes the staged tree the one at target, in place of what is there, and
// removes that. Nobody sees half of it; a crash leaves one or the other.
func (s *stage) put(target string) error {
	if err := unix.Syncfs(int(s.lock.Fd())); err != nil {
		return err
	}
	s.root.Close()
	defer s.lock.Close()
	old, err := s.exchange(target, unix.RENAME_EXCHANGE)
	if err != nil {
		_ = removeTree(s.path)
		return err
	}
	if parent, err := os.Open(filepath.Dir(target)); err == nil {
		_ = parent.Sync() // some file systems cannot
		parent.Close()
	}
	if old == "" {
		return nil
	}
	if err := removeTree(old); err != nil {
		return fmt.Errorf("the new tree is in place, but what is left of the old one could not be removed: %w", err)
	}
	return nil
}

// exchange returns where the old tree is now, "" if there was none. how is
// RENAME_EXCHANGE, or 0 where that does not work.
func (s *stage) exchange(target string, how uint) (old string, err error) {
	move := func(from, to string, flags uint) error {
		if err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, flags); err != nil {
			return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
		}
		return nil
	}
	if _, err := os.Lstat(target); errors.Is(err, fs.ErrNotExist) {
		// An empty directory that somebody makes meanwhile does no harm.
		return "", move(s.path, target, 0)
	}
	lock := lockDir(target)
	if lock == nil {
		return "", fmt.Errorf("%s: another lsf-install is replacing it", target)
	}
	defer lock.Close()
	if how == unix.RENAME_EXCHANGE {
		err := move(s.path, target, unix.RENAME_EXCHANGE)
		if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) {
			return s.path, busy(err)
		}
	}
	old = filepath.Join(filepath.Dir(target), aside(filepath.Base(target), oldMark))
	if err := move(target, old, 0); err != nil {
		return "", busy(err)
	}
	if err := move(s.path, target, 0); err != nil {
		return "", errors.Join(err, move(old, target, 0))
	}
	return old, nil
}

// busy says what keeps a directory from being renamed.
func busy(err error) error {
	switch {
	case errors.Is(err, unix.EBUSY):
		return fmt.Errorf("it is a mount point, and cannot be replaced (choose a directory in it, by --dir): %w", err)
	case errors.Is(err, unix.EXDEV):
		return fmt.Errorf("it is in a lower layer of an overlay, as a container's image is, and cannot be replaced at once (remove it first, or choose another --dir): %w", err)
	}
	return err
}

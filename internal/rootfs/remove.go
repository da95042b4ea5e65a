package rootfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// removeTree removes a directory with all in it, but nothing that is mounted there.
// It makes directories writable if it must.
func removeTree(path string) error {
	parent, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer parent.Close()
	return removeAt(int(parent.Fd()), filepath.Base(path), path)
}

// removeAt removes name in the directory fd; path is for errors.
func removeAt(fd int, name, path string) error {
	err := unix.Unlinkat(fd, name, 0)
	if err == nil || err == unix.ENOENT {
		return nil
	}
	if err != unix.EISDIR && err != unix.EPERM {
		return &os.PathError{Op: "remove", Path: path, Err: err}
	}
	open := func() (int, error) {
		return unix.Openat2(fd, name, &unix.OpenHow{
			Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC,
			Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_SYMLINKS,
		})
	}
	sub, err := open()
	if err == unix.EACCES && unix.Fchmodat(fd, name, 0o700, 0) == nil {
		sub, err = open()
	}
	switch err {
	case nil:
	case unix.ENOENT:
		return nil
	case unix.EXDEV:
		return &os.PathError{Op: "remove", Path: path, Err: errors.New("something is mounted there")}
	default:
		return &os.PathError{Op: "remove", Path: path, Err: err}
	}
	d := os.NewFile(uintptr(sub), path)
	defer d.Close()
	if os.Geteuid() != 0 {
		_ = unix.Fchmod(sub, 0o700) // if that fails, so will what follows
	}
	for {
		names, err := d.Readdirnames(1000)
		for _, n := range names {
			if err := removeAt(sub, n, path+"/"+n); err != nil {
				return err
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		// Some file systems lose their place when entries go.
		if _, err := d.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
	if err := unix.Unlinkat(fd, name, unix.AT_REMOVEDIR); err != nil && err != unix.ENOENT {
		return &os.PathError{Op: "remove", Path: path, Err: err}
	}
	return nil
}

// mounts lists the mount points at a path and below it.
func mounts(path string) ([]string, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("cannot see what is mounted: %w", err)
	}
	var list []string
	for line := range bytes.Lines(text) {
		f := strings.Fields(string(line))
		if len(f) < 5 {
			continue
		}
		at := unescapeOctal(f[4])
		if at == path || strings.HasPrefix(at, strings.TrimSuffix(path, "/")+"/") {
			list = append(list, at)
		}
	}
	return list, nil
}

// unescapeOctal undoes \040 and the like.
func unescapeOctal(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// replaceable says why the directory may not be replaced or removed, whatever is
// in it. path is absolute and without symbolic links.
func replaceable(path string) error {
	if path == "/" {
		return errors.New("/ is the system itself")
	}
	list, err := mounts(path)
	if err != nil {
		return err
	}
	for _, m := range list {
		if m == path {
			return fmt.Errorf("%s is a mount point (unmount it, or choose a directory in it by --dir)", path)
		}
	}
	if len(list) > 0 {
		return fmt.Errorf("something is mounted in %s: %s (unmount it first)", path, strings.Join(list, ", "))
	}
	return nil
}

// precious says why a directory that was not made here is not removed, even if the
// user insists: too much else may depend on it.
func precious(path string) error {
	if filepath.Dir(path) == "/" {
		return fmt.Errorf("%s is a directory of the system's", path)
	}
	var keep []string
	if home, err := os.UserHomeDir(); err == nil {
		keep = append(keep, home)
	}
	if cwd, err := os.Getwd(); err == nil {
		keep = append(keep, cwd)
	}
	if self, err := os.Executable(); err == nil {
		keep = append(keep, self)
	}
	for _, k := range keep {
		if real, err := filepath.EvalSymlinks(k); err == nil {
			k = real
		}
		if k == path || strings.HasPrefix(k, path+"/") {
			return fmt.Errorf("%s is in %s", k, path)
		}
	}
	for _, sys := range []string{"/usr/", "/etc/", "/proc/", "/sys/", "/dev/", "/boot/", "/run/"} {
		if strings.HasPrefix(path, sys) && !strings.HasPrefix(path, "/usr/local/") {
			return fmt.Errorf("%s is a directory of the system's", path)
		}
	}
	return nil
}

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Where the programs are below a prefix, as "make install" has them.
const (
	prefixBinfmt  = "libexec/lsf/lsf-binfmt"
	prefixInstall = "sbin/lsf-install"
	prefixLSF     = "bin/lsf"
	lsfLink       = "../libexec/lsf/lsf-binfmt"
)

// checkPrefix makes the prefix absolute, and refuses what belongs to dpkg.
func (t *tool) checkPrefix() error {
	dir, err := filepath.Abs(t.prefix)
	if err != nil {
		return err
	}
	t.prefix = dir
	if _, err := os.Stat("/var/lib/dpkg/info/lsf.list"); err == nil && dir == "/usr" {
		return errors.New("/usr has the programs of the Debian package lsf: use apt, or another prefix such as /usr/local")
	}
	return nil
}

// copyPrograms copies the programs to the prefix, and returns the path of
// lsf-binfmt there. What is there already, and the same, is left as it is: the
// kernel may have it open.
func (t *tool) copyPrograms(out io.Writer, interpreter string) (string, error) {
	if err := t.checkPrefix(); err != nil {
		return "", err
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	to := filepath.Join(t.prefix, prefixBinfmt)
	for _, f := range []struct{ from, to string }{
		{interpreter, to},
		{self, filepath.Join(t.prefix, prefixInstall)},
	} {
		did, err := copyProgram(f.from, f.to)
		if err != nil {
			return "", err
		}
		if did {
			fmt.Fprintf(out, "copied to %s\n", f.to)
			t.copied = t.copied || f.to == to
		}
	}
	link := filepath.Join(t.prefix, prefixLSF)
	if got, err := os.Readlink(link); err == nil && got == lsfLink {
		return to, nil
	}
	if err := makeDirs(filepath.Dir(link)); err != nil {
		return "", err
	}
	tmp := link + ".new"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err := errors.Join(os.Symlink(lsfLink, tmp), os.Rename(tmp, link)); err != nil {
		return "", err
	}
	fmt.Fprintf(out, "linked %s\n", link)
	return to, nil
}

// copyProgram copies a program, all at once: the old one may be running. It
// says whether there was something to do.
func copyProgram(from, to string) (did bool, err error) {
	text, err := os.ReadFile(from)
	if err != nil {
		return false, err
	}
	if old, err := os.ReadFile(to); err == nil && bytes.Equal(old, text) {
		if info, err := os.Lstat(to); err == nil && info.Mode() == programMode {
			return false, nil
		}
	}
	if err := makeDirs(filepath.Dir(to)); err != nil {
		return false, err
	}
	f, err := os.CreateTemp(filepath.Dir(to), ".lsf-")
	if err != nil {
		return false, err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(programMode), f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), to)
	}
	if err != nil {
		return false, errors.Join(err, os.Remove(f.Name()))
	}
	return true, nil
}

const programMode = 0o755

// makeDirs makes directories that everybody can enter, whatever the umask is.
func makeDirs(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := makeDirs(filepath.Dir(dir)); err != nil {
		return err
	}
	return errors.Join(os.Mkdir(dir, programMode), os.Chmod(dir, programMode))
}

// removePrograms removes what copyPrograms has copied.
func (t *tool) removePrograms(out io.Writer) error {
	if got, err := os.Readlink(filepath.Join(t.prefix, prefixLSF)); err == nil && got != lsfLink {
		return fmt.Errorf("%s is not lsf-install's", filepath.Join(t.prefix, prefixLSF))
	}
	for _, name := range []string{prefixLSF, prefixBinfmt, prefixInstall} {
		path := filepath.Join(t.prefix, name)
		err := os.Remove(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return explain(err)
		}
		fmt.Fprintf(out, "removed %s\n", path)
	}
	// Empty directories of a prefix that is LSF's alone go, too; /usr/local's stay.
	dirs := []string{filepath.Dir(prefixBinfmt)}
	if t.prefix != "/usr/local" && t.prefix != "/usr" {
		dirs = append(dirs, "libexec", "bin", "sbin", ".")
	}
	for _, dir := range dirs {
		err := os.Remove(filepath.Join(t.prefix, dir))
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, unix.EBUSY) {
			return explain(err)
		}
	}
	return nil
}

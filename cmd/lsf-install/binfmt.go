package main

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/lsf-linux/lsf/config/load"
	"github.com/lsf-linux/lsf/internal/binfmt"
)

// install makes the entry, or makes it anew, or finds that it is right.
func (t *tool) install(out io.Writer) error {
	path, err := t.findInterpreter()
	if err != nil {
		return err
	}
	t.entry.Interpreter = path
	if did, err := t.fs.Mount(); err != nil {
		return explain(err)
	} else if did {
		fmt.Fprintf(out, "mounted binfmt_misc on %s\n", t.fs.Dir)
	}
	old, err := t.fs.Entry(t.entry.Name)
	verb := "registered"
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case t.problem(old) == "":
		fmt.Fprintf(out, "%s: already registered: %s\n", t.entry.Name, path)
		return t.activate(out)
	default:
		if err := t.fs.Remove(t.entry.Name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return explain(err)
		}
		verb = "registered anew"
	}
	if err := t.fs.Register(t.entry); err != nil {
		return explain(err)
	}
	fmt.Fprintf(out, "%s: %s: %s\n", t.entry.Name, verb, path)
	return t.activate(out)
}

// activate switches binfmt_misc on as a whole, should it be off.
func (t *tool) activate(out io.Writer) error {
	active, err := t.fs.Active()
	if err != nil || active {
		return err
	}
	if err := t.fs.Activate(); err != nil {
		return explain(err)
	}
	fmt.Fprintln(out, "switched binfmt_misc on")
	return nil
}

// uninstall removes the entry, if there is one.
func (t *tool) uninstall(out io.Writer) error {
	err := t.fs.Mounted()
	if err == nil {
		err = t.fs.Remove(t.entry.Name)
	}
	switch {
	case err == nil:
		fmt.Fprintf(out, "%s: removed\n", t.entry.Name)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, binfmt.ErrNoKernel), errors.Is(err, binfmt.ErrNotMounted):
		fmt.Fprintf(out, "%s: not registered\n", t.entry.Name)
	default:
		return explain(err)
	}
	return nil
}

// status tells how things are, by text and exit status.
func (t *tool) status(out io.Writer) error {
	var entry binfmt.Entry
	err := t.fs.Mounted()
	if err == nil {
		entry, err = t.fs.Entry(t.entry.Name)
	}
	switch {
	case errors.Is(err, binfmt.ErrNoKernel), errors.Is(err, binfmt.ErrNotMounted):
		fmt.Fprintf(out, "%s: not registered (%v)\n", t.entry.Name, err)
		return exitStatus(exitNotRegistered)
	case errors.Is(err, fs.ErrNotExist):
		fmt.Fprintf(out, "%s: not registered\n", t.entry.Name)
		return exitStatus(exitNotRegistered)
	case err != nil:
		return err
	}
	t.entry.Interpreter = entry.Interpreter // any will do
	problem := t.problem(entry)
	if active, err := t.fs.Active(); err == nil && !active {
		problem = "binfmt_misc is switched off"
	}
	if problem != "" {
		fmt.Fprintf(out, "%s: registered, but %s (try: lsf-install install)\n", t.entry.Name, problem)
	} else {
		fmt.Fprintf(out, "%s: registered and enabled\n", t.entry.Name)
	}
	fmt.Fprintf(out, "interpreter: %s (flags %s)\n", entry.Interpreter, entry.Flags)
	c, err := load.Load(t.configDir, os.Environ())
	fmt.Fprintf(out, "settings: root %s, mode %s, engine %s\n", c.Root, c.Mode, c.Engine)
	if err != nil {
		fmt.Fprintf(out, "mistakes in the settings:\n%v\n", err)
	}
	if problem != "" || err != nil {
		return exitStatus(exitProblem)
	}
	return nil
}

// problem says what keeps an entry from doing its work, "" if nothing does.
func (t *tool) problem(e binfmt.Entry) string {
	info, err := os.Stat(e.Interpreter)
	switch {
	case !e.Enabled:
		return "disabled"
	case e.Interpreter != t.entry.Interpreter:
		return "for another interpreter, " + e.Interpreter
	case !sameFlags(e.Flags, t.entry.Flags):
		return "with flags " + e.Flags + " instead of " + t.entry.Flags
	case e.Magic != t.entry.Magic || e.Mask != t.entry.Mask:
		return "for other programs"
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

// findInterpreter returns the absolute path of lsf-binfmt, and an error unless
// that is a program that can run where nothing but itself is to be had.
func (t *tool) findInterpreter() (string, error) {
	path := t.interpreter
	if path == "" {
		path = t.entry.Interpreter
		if self, err := os.Executable(); err == nil {
			beside := filepath.Join(filepath.Dir(self), "lsf-binfmt")
			if _, err := os.Stat(beside); err == nil {
				path = beside
			}
		}
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s: no such file (is lsf-binfmt elsewhere? --interpreter says where)", path)
	}
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
		return "", fmt.Errorf("%s: not an executable file", path)
	}
	f, err := elf.Open(path)
	if err != nil {
		return "", fmt.Errorf("%s: not a program of this machine: %w", path, err)
	}
	defer f.Close()
	if f.Machine != elf.EM_X86_64 {
		return "", fmt.Errorf("%s: not a program of this machine", path)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return "", fmt.Errorf("%s: not a static program: it could not run in a chroot", path)
		}
	}
	return path, nil
}

// explain adds to an error what can be done about it.
func explain(err error) error {
	switch {
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("binfmt_misc is read-only here (in a container, run lsf-install on its host): %w", err)
	case errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0:
		return fmt.Errorf("this needs root (try: sudo lsf-install …): %w", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("not permitted, although root (in a container, run lsf-install on its host): %w", err)
	case errors.Is(err, binfmt.ErrNoKernel):
		return fmt.Errorf("%w (CONFIG_BINFMT_MISC); programs can still be run as: lsf -- PROGRAM", err)
	}
	return err
}

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/internal/binfmt"
)

func (t *tool) installCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Register LSF with the kernel",
		Long: `Register LSF with the kernel, mounting binfmt_misc if need be, and, where there
is systemd, for every boot (/etc/binfmt.d). Does nothing when all is as it should
be. Registers anew when lsf-binfmt has moved or changed: the kernel keeps using
the lsf-binfmt that it was given.

With --prefix the programs are copied first, from where this lsf-install is:
to DIR/libexec/lsf/lsf-binfmt, DIR/bin/lsf and DIR/sbin/lsf-install.

Needs root. In a user namespace, from Linux 6.7 on, the namespace's root is
enough; the entry is the namespace's own then, and ends with it:
unshare -Urm sh -c 'lsf-install install && exec "$SHELL"'.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return t.install(cmd.OutOrStdout()) },
	}
	cmd.Flags().StringVar(&t.interpreter, "interpreter", "",
		"path of lsf-binfmt (default: beside lsf-install, else "+t.entry.Interpreter+")")
	cmd.Flags().StringVar(&t.prefix, "prefix", "", "copy the programs to `DIR` and register them there")
	cmd.Flags().BoolVar(&t.noBoot, "no-boot", false, "register until the next boot only")
	cmd.MarkFlagsMutuallyExclusive("prefix", "interpreter")
	return cmd
}

func (t *tool) uninstallCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Remove LSF from the kernel",
		Long: `Remove LSF's entry from the kernel, and what "lsf-install install" has written to
/etc/binfmt.d. With --prefix also the programs that were copied there. Programs
that run go on running. Needs root.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return t.uninstall(cmd.OutOrStdout()) },
	}
	cmd.Flags().StringVar(&t.prefix, "prefix", "", "remove the programs in `DIR`, too")
	return cmd
}

// install copies the programs if asked to, makes the entry, or makes it anew, or
// finds that it is right, and sees to the next boot.
func (t *tool) install(out io.Writer) error {
	path, err := t.findInterpreter()
	if errors.Is(err, binfmt.ErrUnreadable) {
		fmt.Fprintf(out, "warning: %v (chmod 755)\n", err)
		err = nil
	}
	if err != nil {
		return err
	}
	if t.prefix != "" {
		if path, err = t.copyPrograms(out, path); err != nil {
			return explain(err)
		}
	}
	t.entry.Interpreter = path
	before := time.Now()
	if did, err := t.fs.Mount(); err != nil {
		return explain(err)
	} else if did {
		fmt.Fprintf(out, "mounted binfmt_misc on %s\n", t.fs.Dir)
		switch ends, err := t.endsWithContainer(before); {
		case err != nil:
			return err
		case ends && os.Getpid() == 1: // at once, that is
			return fmt.Errorf("the host has not mounted binfmt_misc: the entry would end with this container (on the host: mount -t binfmt_misc binfmt_misc %s; with systemd, docker run -v %s:%[1]s … does it)",
				binfmt.DefaultDir, binfmt.DefaultDir)
		case ends:
			fmt.Fprintln(out, "warning: this looks like a container: the entry lasts as long as that, unless the host mounts binfmt_misc first")
		}
	}
	if err := t.register(out); err != nil {
		return err
	}
	if err := t.activate(out); err != nil {
		return err
	}
	return t.forBoot(out)
}

// endsWithContainer says that we are in a container whose end will be the end of
// the entry, too: nobody else has binfmt_misc mounted, now that we have, after
// the time before.
func (t *tool) endsWithContainer(before time.Time) (bool, error) {
	const clockTick = time.Second // files have the time of some clock tick before
	since, err := t.fs.Since()
	return err == nil && !binfmt.InUserNamespace() && inContainer() && !since.Before(before.Add(-clockTick)) && unmountForgets(kernelRelease()), err
}

// inContainer says whether an engine has started us in a container.
func inContainer() bool {
	for _, name := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(name); err == nil {
			return true
		}
	}
	return os.Getpid() == 1
}

// unmountForgets says of a Linux release whether binfmt_misc forgets its entries
// when it is unmounted.
func unmountForgets(release string) bool {
	var major, minor int
	n, _ := fmt.Sscanf(release, "%d.%d", &major, &minor)
	return n < 2 || major > 6 || major == 6 && minor >= 7
}

// register makes the entry in the kernel.
func (t *tool) register(out io.Writer) error {
	old, err := t.fs.Entry(t.entry.Name)
	verb := "registered"
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case old.Problem(t.entry) == "" && !t.copied:
		fmt.Fprintf(out, "%s: already registered: %s\n", t.entry.Name, t.entry.Interpreter)
		return nil
	default:
		if err := t.fs.Remove(t.entry.Name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return explain(err)
		}
		verb = "registered anew"
	}
	if err := t.fs.Register(t.entry); err != nil {
		return explain(err)
	}
	fmt.Fprintf(out, "%s: %s: %s\n", t.entry.Name, verb, t.entry.Interpreter)
	return nil
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

// forBoot writes the file for systemd-binfmt, unless this is nothing that
// could last.
func (t *tool) forBoot(out io.Writer) error {
	if t.noBoot || t.passing() {
		return nil
	}
	path, did, err := t.boot.Write(t.entry)
	switch {
	case errors.Is(err, binfmt.ErrNoBoot):
		fmt.Fprintln(out, "until the next boot: there is no systemd-binfmt here to register it again")
		return nil
	case errors.Is(err, binfmt.ErrMasked):
		fmt.Fprintf(out, "until the next boot: %v\n", err)
		return nil
	case err != nil:
		return explain(err)
	case did:
		fmt.Fprintf(out, "at every boot, by %s\n", path)
	}
	return nil
}

// passing says whether the entry ends with a user namespace.
func (t *tool) passing() bool { return t.boot.Root == "" && binfmt.InUserNamespace() }

// uninstall removes what install has made, as far as it is there.
func (t *tool) uninstall(out io.Writer) error {
	if t.prefix != "" {
		if err := t.checkPrefix(); err != nil {
			return err
		}
	}
	// The file first: systemd-binfmt may be started at any time.
	if !t.passing() {
		did, err := t.boot.Remove(t.entry.Name)
		if err != nil {
			return explain(err)
		}
		if did {
			fmt.Fprintf(out, "%s: removed\n", t.boot.Ours(t.entry.Name))
		}
	}
	err := t.fs.Mounted()
	if errors.Is(err, binfmt.ErrNotMounted) && t.fs.Dir == binfmt.DefaultDir && inContainer() {
		_, err = t.fs.Mount() // the host's entry is not to be seen otherwise
	}
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
	if f := t.boot.Find(t.entry.Name); f != nil && !f.Masked && !t.passing() {
		fmt.Fprintf(out, "%s makes it again at the next boot: remove the package, or mask the file (ln -s /dev/null %s)\n",
			f.Path, t.boot.Ours(t.entry.Name))
	}
	if t.prefix != "" {
		return t.removePrograms(out)
	}
	return nil
}

// lookForInterpreter returns the absolute path of lsf-binfmt: as given, else
// where it is beside lsf-install, else where the package has it.
func (t *tool) lookForInterpreter() (string, error) {
	if t.interpreter != "" {
		return filepath.Abs(t.interpreter)
	}
	if self, err := os.Executable(); err == nil {
		dir := filepath.Dir(self)
		for _, name := range []string{"lsf-binfmt", "../libexec/lsf/lsf-binfmt"} {
			path := filepath.Join(dir, name)
			if _, err := os.Stat(path); err == nil {
				return path, nil
			}
		}
	}
	return t.entry.Interpreter, nil
}

// findInterpreter returns the absolute path of lsf-binfmt, and an error unless
// that is a program that can run where nothing but itself is to be had.
func (t *tool) findInterpreter() (string, error) {
	path, err := t.lookForInterpreter()
	if err != nil {
		return "", err
	}
	err = binfmt.CheckInterpreter(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s: no such file (is lsf-binfmt elsewhere? --interpreter says where)", path)
	}
	if t.prefix != "" && (errors.Is(err, binfmt.ErrNoExec) || errors.Is(err, binfmt.ErrUnreadable)) {
		err = nil // the copy will be all right
	}
	return path, err
}

// explain adds to an error what can be done about it.
func explain(err error) error {
	switch {
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("read-only here (in a container: docker run --privileged, or run lsf-install on its host): %w", err)
	case errors.Is(err, fs.ErrPermission) && binfmt.InUserNamespace():
		return fmt.Errorf("a user namespace can have entries of its own from Linux 6.7 on, in a mount namespace of its own (unshare -Urm), and this is Linux %s: %w", kernelRelease(), err)
	case errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0:
		return fmt.Errorf("this needs root (try: sudo lsf-install …): %w", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("not permitted, although root (in a container: docker run --privileged, or run lsf-install on its host): %w", err)
	case errors.Is(err, binfmt.ErrNoKernel):
		return fmt.Errorf("%w (CONFIG_BINFMT_MISC); programs can still be run as: lsf -- PROGRAM", err)
	}
	return err
}

func kernelRelease() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "of unknown release"
	}
	return unix.ByteSliceToString(u.Release[:])
}

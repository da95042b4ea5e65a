package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/config"
	"github.com/lsf-linux/lsf/internal/rootfs"
)

// exitInterrupted is the status of what a signal has ended, as shells have it.
const exitInterrupted = 128 + int(unix.SIGINT)

// rootfsTool holds what the flags of the rootfs commands say.
type rootfsTool struct {
	*tool
	client    rootfs.Client
	maxSize   byteSize
	wish      rootfs.Wish
	name      string
	isDefault bool
	noCache   bool
	remote    bool
	json      bool
	check     bool
	force     bool
	extra     bool
	cache     bool
}

// byteSize is a flag such as 16G.
type byteSize int64

func (s *byteSize) String() string {
	if n := int64(*s); n != 0 && n%(1<<30) == 0 {
		return fmt.Sprintf("%dG", n>>30)
	}
	return strconv.FormatInt(int64(*s), 10)
}

func (s *byteSize) Type() string { return "size" }

func (s *byteSize) Set(text string) error {
	digits := strings.TrimRight(strings.ToUpper(text), "KMGTIB")
	shift := map[byte]int{'K': 10, 'M': 20, 'G': 30, 'T': 40}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 {
		return errors.New("must be a number of bytes, as 16G")
	}
	if unit := strings.ToUpper(text)[len(digits):]; unit != "" {
		by, ok := shift[unit[0]]
		if !ok || n > 1<<62>>by {
			return errors.New("must be a number of bytes, as 16G")
		}
		n <<= by
	}
	*s = byteSize(n)
	return nil
}

// rootfsCommand is "lsf-install rootfs" with all below it.
func rootfsCommand(t *tool) *cobra.Command {
	r := &rootfsTool{tool: t}
	r.client.Limits = rootfs.DefaultLimits()
	r.maxSize = byteSize(r.client.Limits.Size)
	cmd := &cobra.Command{
		Use:   "rootfs",
		Short: "Get and keep FreeBSD root file systems",
		Long: `Get FreeBSD systems into directories, for programs that need FreeBSD's libraries.
As root the place is ` + config.Default().Root + `, else a directory of your own.`,
		Args: cobra.NoArgs, // an unknown command is an error
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	flags := cmd.PersistentFlags()
	flags.StringVar(&r.client.State, "state-dir", "", "where it is kept which trees there are")
	if err := flags.MarkHidden("state-dir"); err != nil {
		panic(err) // no such flag
	}
	cmd.AddCommand(r.getCommand(), r.listCommand())
	for _, c := range []*cobra.Command{r.updateCommand(), r.removeCommand(), r.verifyCommand()} {
		c.ValidArgsFunction = r.complete
		cmd.AddCommand(c)
	}
	return cmd
}

// complete offers shells the systems that are known.
func (r *rootfsTool) complete(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	if err := r.places(); err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	list, _ := r.trees()
	var names []string
	for _, t := range list {
		names = append(names, filepath.Base(t.Dir))
	}
	return names, cobra.ShellCompDirectiveDefault
}

func (r *rootfsTool) mirrorFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.client.Mirror, "mirror", "", "`URL` of the server with FreeBSD's releases (default "+rootfs.DefaultMirror+")")
}

func (r *rootfsTool) cacheFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.client.Cache, "cache-dir", "", "`directory` for downloads (default /var/cache/lsf; not as root: ~/.cache/lsf)")
}

// extractFlags are those of commands that download and extract.
func (r *rootfsTool) extractFlags(cmd *cobra.Command) {
	r.mirrorFlag(cmd)
	r.cacheFlag(cmd)
	f := cmd.Flags()
	f.Var(&r.maxSize, "max-size", "how much to extract at most, 0 for all")
	f.Int64Var(&r.client.Limits.Entries, "max-entries", r.client.Limits.Entries, "how many files to extract at most, 0 for all")
	f.Int64Var(&r.client.Limits.Ratio, "max-ratio", r.client.Limits.Ratio, "how many times larger than the archive its contents may be, 0 for any")
	f.BoolVar(&r.noCache, "no-cache", false, "remove all downloads from the cache afterwards")
}

func (r *rootfsTool) getCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "get SOURCE",
		Short: "Get a FreeBSD system into a directory",
		Long: `Get a FreeBSD system into a directory. SOURCE is

  14.3, 15.0-RC1                 a FreeBSD release
  freebsd/freebsd-runtime:14.3   an OCI image for freebsd/amd64
  ./base.txz                     an archive: txz, tar.gz, tar.zst, tar
  ./layout, ./image.tar          an OCI layout, an archive of one, or what
                                 docker save and podman save make

A release's base.txz comes from FreeBSD's server, or from --mirror, and is held
against the SHA-256 in the release's MANIFEST. Images come from the registry that
they name, else from docker.io.

The directory is --dir, or --name in the usual place. What is there already is
replaced as a whole and at once, if lsf-install has put it there and nobody has
changed it since. If anything fails, it stays as it is. What a broken download has
brought is kept, and the next one goes on there.

Left out are device nodes (LSF supplies the usual ones), file flags, extended
attributes, and set-user-ID and set-group-ID bits of files. Owners are kept as
root only.`,
		Args: exactlyOne("a source, such as 14.3 or freebsd/freebsd-runtime:14.3 or ./base.txz"),
		RunE: r.run(func(ctx context.Context, cmd *cobra.Command, args []string) error {
			return r.get(ctx, cmd.OutOrStdout(), args[0])
		}),
	}
	f := cmd.Flags()
	f.StringVar(&r.wish.Dir, "dir", "", "`directory` for the system (default "+config.Default().Root+"; not as root: ~/.local/share/lsf/rootfs/NAME)")
	f.StringVar(&r.name, "name", "", "`name` of the directory, in the usual place (default: after the source)")
	f.BoolVar(&r.isDefault, "default", false, "make it the root of all FreeBSD programs, by "+filepath.Join(config.Dir, "config.d", dropIn))
	f.StringVar(&r.wish.Ref, "ref", "", "`name` of one of several images in a layout or archive")
	f.BoolVar(&r.wish.Setuid, "keep-setuid", false, "keep set-user-ID and set-group-ID bits of files")
	f.BoolVar(&r.wish.Force, "force", false, "replace it even if it is the same, or has been changed")
	cmd.MarkFlagsMutuallyExclusive("dir", "name")
	r.extractFlags(cmd)
	return cmd
}

func (r *rootfsTool) listCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the FreeBSD systems that are installed",
		Long: `List the FreeBSD systems that are installed. An asterisk marks the one that is
configured for all programs. With --remote, list the releases that can be had, or
the tags of an image: list --remote freebsd/freebsd-runtime.`,
		Args: cobra.MaximumNArgs(1),
		RunE: r.run(func(ctx context.Context, cmd *cobra.Command, args []string) error {
			if r.remote {
				return r.listRemote(ctx, cmd.OutOrStdout(), args)
			}
			if len(args) > 0 {
				return errors.New("an image is named together with --remote")
			}
			return r.list(cmd.OutOrStdout())
		}),
	}
	cmd.Flags().BoolVar(&r.remote, "remote", false, "list what can be had instead")
	cmd.Flags().BoolVar(&r.json, "json", false, "as JSON")
	r.mirrorFlag(cmd)
	return cmd
}

func (r *rootfsTool) updateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "update [NAME|DIRECTORY]...",
		Short: "Get systems again whose sources have changed",
		Long: `Ask the source of a system what it has now, and replace the system if that is
something else. A system that has been changed since it was installed is left
alone without --force. With --check, only tell; the exit status is 1 if there is
something new.

Without a name, the only system that there is.`,
		RunE: r.run(func(ctx context.Context, cmd *cobra.Command, args []string) error {
			return r.update(ctx, cmd.OutOrStdout(), args)
		}),
	}
	cmd.Flags().BoolVar(&r.check, "check", false, "tell only")
	cmd.Flags().BoolVar(&r.force, "force", false, "also replace what has been changed")
	r.extractFlags(cmd)
	return cmd
}

func (r *rootfsTool) removeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "remove NAME|DIRECTORY...",
		Short: "Remove installed systems",
		Long: `Remove systems. Those that lsf-install has not installed, or that have been changed
since, need --force. Mount points, systems in which something is mounted, and /
are never removed.`,
		RunE: r.run(func(ctx context.Context, cmd *cobra.Command, args []string) error {
			return r.remove(ctx, cmd.OutOrStdout(), args)
		}),
	}
	cmd.Flags().BoolVar(&r.force, "force", false, "also what has been changed, or was not installed by lsf-install")
	r.cacheFlag(cmd)
	cmd.Flags().BoolVar(&r.cache, "cache", false, "remove all downloads from the cache")
	return cmd
}

func (r *rootfsTool) verifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify [NAME|DIRECTORY]...",
		Short: "Compare systems with what was installed",
		Long: `Compare every file of a system with what was installed: type, size, mode, owner and
SHA-256. Differences are printed; the exit status is 1 if there are any. Programs
may have caused some of them, in /var and /etc above all.`,
		RunE: r.run(func(ctx context.Context, cmd *cobra.Command, args []string) error {
			return r.verify(ctx, cmd.OutOrStdout(), args)
		}),
	}
	cmd.Flags().BoolVar(&r.extra, "extra", false, "also name what was not installed")
	return cmd
}

// exactlyOne is cobra.ExactArgs(1) that says what is wanted.
func exactlyOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("%s needs %s", cmd.CommandPath(), what)
		}
		return nil
	}
}

// run readies the client and ends a command in good order at SIGINT and SIGTERM; a
// second signal kills.
func (r *rootfsTool) run(f func(context.Context, *cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if os.Geteuid() == 0 {
			unix.Umask(0o022) // directories on the way to a system are for all
		}
		ctx, stop := signal.NotifyContext(cmd.Context(), unix.SIGINT, unix.SIGTERM)
		defer stop()
		context.AfterFunc(ctx, stop)
		if err := r.places(); err != nil {
			return err
		}
		r.client.Limits.Size = int64(r.maxSize)
		r.client.Progress = rootfs.NewProgress(cmd.ErrOrStderr())
		err := f(ctx, cmd, args)
		if r.noCache && err == nil {
			_, err = r.client.CleanCache()
		}
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			fmt.Fprintln(cmd.ErrOrStderr(), "lsf-install: interrupted; what was there is there still")
			return exitStatus(exitInterrupted)
		}
		return err
	}
}

// places fills in where things are kept.
func (r *rootfsTool) places() error {
	if os.Geteuid() == 0 {
		r.client.Cache = or(r.client.Cache, "/var/cache/lsf")
		r.client.State = or(r.client.State, "/var/lib/lsf/rootfs")
		return nil
	}
	if r.client.Cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("%w (or --cache-dir)", err)
		}
		r.client.Cache = filepath.Join(dir, "lsf")
	}
	if r.client.State == "" {
		dir, err := userDataDir()
		if err != nil {
			return err
		}
		r.client.State = filepath.Join(dir, "state")
	}
	return nil
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// userDataDir is where a user's systems are.
func userDataDir() (string, error) {
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "lsf"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".local", "share", "lsf"), nil
}

// dirOf is the directory for a name, in the usual place.
func (r *rootfsTool) dirOf(name string) (string, error) {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		return "", fmt.Errorf("%q is no name for a directory", name)
	}
	if os.Geteuid() == 0 {
		return filepath.Join(filepath.Dir(config.Default().Root), name), nil
	}
	dir, err := userDataDir()
	return filepath.Join(dir, "rootfs", name), err
}

func (r *rootfsTool) get(ctx context.Context, out io.Writer, source string) error {
	src, err := rootfs.ParseSource(source)
	if err != nil {
		return err
	}
	w := r.wish
	w.Source, w.Mirror = src, r.client.Mirror
	switch {
	case w.Dir != "":
	case r.name == "" && os.Geteuid() == 0:
		w.Dir = config.Default().Root
	default:
		if w.Dir, err = r.dirOf(or(r.name, src.ShortName())); err != nil {
			return err
		}
	}
	if r.isDefault {
		if err := r.canConfigure(); err != nil {
			return err
		}
	}
	res, err := r.client.Install(ctx, w)
	if err != nil {
		return err
	}
	r.told(out, res)
	if r.isDefault {
		return r.configure(out, res.Dir)
	}
	if !res.Unchanged {
		fmt.Fprintf(out, "to try it: lsf --root %s -- /bin/sh\n", shellWord(res.Dir))
	}
	return nil
}

// told says what Install has done.
func (r *rootfsTool) told(out io.Writer, res *rootfs.Result) {
	what := or(res.Record.Release, res.Record.Source)
	if res.Record.Release != "" {
		what = "FreeBSD " + what
	}
	if res.Unchanged {
		fmt.Fprintf(out, "%s: %s is there already, and up to date\n", res.Dir, what)
		return
	}
	for _, n := range res.Notes {
		fmt.Fprintf(out, "note: %s\n", n)
	}
	fmt.Fprintf(out, "%s: %s installed, %d entries, %s\n", res.Dir, what, res.Record.Entries, rootfs.BytesText(res.Record.Size))
}

// shellWord quotes a path if a shell would not take it as it is.
func shellWord(s string) string {
	if strings.ContainsFunc(s, func(c rune) bool {
		return !strings.ContainsRune("/._-+:@%,", c) && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	}) {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}

// find turns names into directories. A name without a slash is that of a tree that
// is known, by the last part of its path.
func (r *rootfsTool) find(args []string) (dirs []string, err error) {
	list, _ := r.trees()
	for _, a := range args {
		if strings.Contains(a, "/") || a == "." || a == ".." {
			dirs = append(dirs, a)
			continue
		}
		var found []string
		for _, t := range list {
			if filepath.Base(t.Dir) == a {
				found = append(found, t.Dir)
			}
		}
		switch len(found) {
		case 0:
			return nil, fmt.Errorf("no system of the name %q (lsf-install rootfs list; a directory is named with a slash: ./%s)", a, a)
		case 1:
			dirs = append(dirs, found[0])
		default:
			return nil, fmt.Errorf("several systems of the name %q: %s", a, strings.Join(found, ", "))
		}
	}
	return dirs, nil
}

// findOrAll is find, and without names the only tree that there is.
func (r *rootfsTool) findOrAll(args []string) ([]string, error) {
	if len(args) > 0 {
		return r.find(args)
	}
	list, _ := r.trees()
	var dirs []string
	for _, t := range list {
		dirs = append(dirs, t.Dir)
	}
	switch len(dirs) {
	case 0:
		return nil, errors.New("no system is installed (lsf-install rootfs get SOURCE installs one)")
	case 1:
		return dirs, nil
	}
	return nil, fmt.Errorf("say which: %s", strings.Join(dirs, ", "))
}

func (r *rootfsTool) update(ctx context.Context, out io.Writer, args []string) error {
	dirs, err := r.findOrAll(args)
	if err != nil {
		return err
	}
	news := false
	for _, dir := range dirs {
		if r.check {
			isNew, err := r.client.Outdated(ctx, dir)
			if err != nil {
				return err
			}
			if isNew {
				fmt.Fprintf(out, "%s: its source has something new\n", dir)
				news = true
			} else {
				fmt.Fprintf(out, "%s: up to date\n", dir)
			}
			continue
		}
		res, err := r.client.Update(ctx, dir, r.force)
		if err != nil {
			return err
		}
		r.told(out, res)
	}
	if news {
		return exitStatus(exitProblem)
	}
	return nil
}

func (r *rootfsTool) remove(ctx context.Context, out io.Writer, args []string) error {
	if len(args) == 0 && !r.cache {
		return errors.New("lsf-install rootfs remove needs the name or directory of a system (lsf-install rootfs list)")
	}
	dirs, err := r.find(args)
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		real, err := filepath.EvalSymlinks(dir)
		if err == nil {
			real, err = filepath.Abs(real)
		}
		if err != nil {
			real = dir // Remove says what is wrong
		}
		if err := r.client.Remove(ctx, dir, r.force); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: removed\n", real)
		if err := r.unconfigure(out, real); err != nil {
			return err
		}
	}
	if r.cache {
		n, err := r.client.CleanCache()
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: removed %s of downloads\n", r.client.Cache, rootfs.BytesText(n))
	}
	return nil
}

func (r *rootfsTool) verify(ctx context.Context, out io.Writer, args []string) error {
	dirs, err := r.findOrAll(args)
	if err != nil {
		return err
	}
	bad := false
	for _, dir := range dirs {
		diffs, err := r.client.Verify(ctx, dir, r.extra)
		if err != nil {
			return err
		}
		for _, d := range diffs {
			fmt.Fprintf(out, "%v\n", d)
		}
		if len(diffs) > 0 {
			fmt.Fprintf(out, "%s: %d differences\n", dir, len(diffs))
			bad = true
		} else {
			fmt.Fprintf(out, "%s: as installed\n", dir)
		}
	}
	if bad {
		return exitStatus(exitProblem)
	}
	return nil
}

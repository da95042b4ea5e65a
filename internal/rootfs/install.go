package rootfs

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Wish is a tree that is to be had.
type Wish struct {
	Source
	Options
	Dir    string // where to
	Setuid bool   // keep set-user-ID and set-group-ID bits
	Force  bool   // also in place of a tree that has been changed, or is the same
}

// Result says what Install has done.
type Result struct {
	Dir       string
	Record    *Record
	Unchanged bool // the source has what is there already
	Notes     []string
}

// ChangedError says that a tree has changes that would be lost.
type ChangedError struct {
	Dir     string
	Changes []Difference
}

func (e *ChangedError) Error() string {
	const show = 3
	var b strings.Builder
	fmt.Fprintf(&b, "%s has been changed since it was installed, which would be lost (--force if that is meant): ", e.Dir)
	for i, c := range e.Changes {
		if i == show {
			fmt.Fprintf(&b, ", and %d more", len(e.Changes)-show)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s (%s)", printable(c.Path), c.What)
	}
	return b.String()
}

// resolveDir makes the name of a tree absolute and free of symbolic links; the tree
// itself need not be there.
func resolveDir(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(dir)
	if err == nil {
		return real, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if _, err := os.Lstat(dir); err == nil {
		return "", fmt.Errorf("%s is a symbolic link that leads nowhere", dir)
	}
	parent, err := resolveDir(filepath.Dir(dir))
	return filepath.Join(parent, filepath.Base(dir)), err
}

// look says what is at a place: a tree with its record, nothing (nil), or an error
// if that may not be replaced.
func (c *Client) look(ctx context.Context, dir string) (*Record, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := replaceable(dir); err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return nil, nil
	}
	r, err := readRecord(dir)
	if errors.Is(err, errNoRecord) {
		return nil, fmt.Errorf("%w and is not empty: move it away first, or choose another --dir", err)
	}
	return r, err
}

// changes lists what would be lost with a tree.
func (c *Client) changes(ctx context.Context, dir string, r *Record) ([]Difference, error) {
	m, err := loadManifest(dir, r)
	if err != nil {
		return nil, fmt.Errorf("%w (--force replaces it all the same)", err)
	}
	return compare(ctx, dir, m, comparison{added: true, quiet: true}, silent{})
}

// unchanged is an error unless a tree is as it was installed.
func (c *Client) unchanged(ctx context.Context, dir string, r *Record) error {
	diffs, err := c.changes(ctx, dir, r)
	if err == nil && len(diffs) > 0 {
		err = &ChangedError{dir, diffs}
	}
	return err
}

// Install gets a tree and puts it in place. If that fails, or is interrupted, what was
// there before is there still.
func (c *Client) Install(ctx context.Context, w Wish) (*Result, error) {
	target, err := resolveDir(w.Dir)
	if err != nil {
		return nil, err
	}
	parent, name := filepath.Split(target)
	if name == "" {
		return nil, replaceable(target)
	}
	cleanStages(parent, name)
	old, err := c.look(ctx, target)
	if err != nil {
		return nil, err
	}
	if err := c.prepare(parent); err != nil {
		return nil, err
	}
	got, err := c.resolve(ctx, w.Source, w.Options)
	if err != nil {
		return nil, err
	}
	defer got.close()
	if old != nil && !w.Force {
		if old.Digest == got.digest && old.Source == w.Source.String() && old.Setuid == w.Setuid {
			return &Result{Dir: target, Record: old, Unchanged: true}, c.remember(target)
		}
		if err := c.unchanged(ctx, target, old); err != nil {
			return nil, err
		}
	}
	if err := c.fetch(ctx, got); err != nil {
		return nil, err
	}
	if err := enoughFor(parent, got.layers); err != nil {
		return nil, err
	}
	st, err := newStage(parent, name)
	if err != nil {
		return nil, explain(err)
	}
	res, err := c.build(ctx, st, got, w)
	if err == nil {
		err = c.remember(target)
	}
	if err == nil && old != nil && !w.Force { // it has taken a while
		err = c.unchanged(ctx, target, old)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		st.discard()
		return nil, explain(err)
	}
	// From here on it is too late to be interrupted.
	res.Dir = target
	return res, st.put(target)
}

// prepare makes the directory in which the tree will be.
func (c *Client) prepare(parent string) error {
	if err := os.MkdirAll(parent, 0o755); err != nil {
		if errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0 {
			return fmt.Errorf("%w (--dir names another place)", err)
		}
		return err
	}
	return nil
}

// fetch downloads what of a source is not here yet.
func (c *Client) fetch(ctx context.Context, got *content) error {
	for i := range got.layers {
		b := &got.layers[i]
		if b.path != "" {
			continue
		}
		path, err := c.download(ctx, b.remote)
		if err != nil {
			return err
		}
		b.path = path
	}
	return nil
}

// enoughFor says in time that the disk is too small. What is compressed grows to
// twice its size at least.
func enoughFor(dir string, layers []blob) error {
	var need int64
	for _, b := range layers {
		f, err := b.open()
		if err != nil {
			return err
		}
		need += fileSize(f)
		if compressed(f) {
			need += fileSize(f)
		}
		f.Close()
	}
	return checkSpace(dir, need)
}

// build makes the tree in its stage.
func (c *Client) build(ctx context.Context, st *stage, got *content, w Wish) (*Result, error) {
	x := newExtractor(st.root, c.Limits)
	x.setuid, x.layers = w.Setuid, got.image
	for i, b := range got.layers {
		title := "extracting"
		if len(got.layers) > 1 {
			title = fmt.Sprintf("extracting layer %d of %d", i+1, len(got.layers))
		}
		if err := c.extractBlob(ctx, x, b, title); err != nil {
			return nil, err
		}
	}
	if !got.image && !slices.ContainsFunc([]string{"bin", "lib", "libexec", "rescue", "sbin", "usr"}, func(d string) bool { return x.tree.children[d] != nil }) {
		return nil, errors.New("not a FreeBSD system: it has neither /bin nor /lib nor /usr")
	}
	notes, err := x.furnish(ctx, "/etc/resolv.conf")
	if err != nil {
		return nil, err
	}
	if err := x.finish(); err != nil {
		return nil, err
	}
	r := &Record{Source: w.Source.String(), Ref: w.Ref, Mirror: withoutPassword(w.Mirror), Digest: got.digest,
		Release: x.release(), Installed: time.Now().UTC().Truncate(time.Second), Setuid: w.Setuid}
	if err := x.record(r); err != nil {
		return nil, err
	}
	return &Result{Record: r, Notes: append(x.notes(), notes...)}, nil
}

// withoutPassword is a URL for a file that everybody may read.
func withoutPassword(mirror string) string {
	u, err := url.Parse(mirror)
	if err != nil {
		return ""
	}
	u.User = nil
	return u.String()
}

// furnish adds what programs expect and archives may lack: mount points, /tmp, and
// how to look names up.
func (x *extractor) furnish(ctx context.Context, resolvConf string) (notes []string, err error) {
	if n := x.tree.children[recordDir]; n != nil { // made from a tree of ours
		if _, err := x.clear(&cursor{nodes: []*node{x.tree}}, recordDir); err != nil {
			return nil, err
		}
	}
	for _, d := range []struct {
		name string
		mode uint32
	}{{"dev", 0o755}, {"proc", 0o555}, {"etc", 0o755}, {"tmp", 0o1777}} {
		if x.tree.children[d.name] != nil {
			continue
		}
		n, err := x.implied(&cursor{nodes: []*node{x.tree}}, d.name)
		if err != nil {
			return nil, err
		}
		if n.mode = d.mode; !x.owners {
			n.mode |= 0o700
		}
	}
	etc, err := descend(x.tree, []string{"etc"}, nil)
	if err != nil {
		return []string{"no resolv.conf: /etc is not a directory in there"}, nil
	}
	if etc.node().children["resolv.conf"] == nil {
		text, err := os.ReadFile(resolvConf)
		if err != nil {
			notes = append(notes, fmt.Sprintf("no /etc/resolv.conf: %v", err))
		} else {
			h := &tar.Header{Mode: 0o644, Size: int64(len(text)), ModTime: time.Now()}
			if err := x.regular(ctx, etc, "resolv.conf", h, bytes.NewReader(text)); err != nil {
				return nil, err
			}
		}
	}
	if lib, err := descend(x.tree, []string{"libexec"}, nil); err != nil || lib.node().children["ld-elf.so.1"] == nil {
		notes = append(notes, "it has no run-time linker (/libexec/ld-elf.so.1): only static programs will run in it")
	}
	return notes, nil
}

// notes says what was left out.
func (x *extractor) notes() (notes []string) {
	s := x.skipped
	for _, n := range []struct {
		n    int
		text string
	}{
		{s.setuid, "left out: set-user-ID and set-group-ID bits, of files: %d (--keep-setuid keeps them)"},
		{s.devices, "left out: device nodes: %d (LSF supplies the usual devices)"},
		{s.owners, "owners that do not exist here, replaced by yours: of %d files"},
	} {
		if n.n > 0 {
			notes = append(notes, fmt.Sprintf(n.text, n.n))
		}
	}
	return notes
}

// Update gets a tree again if its source has something else by now. force replaces
// one that has been changed, too, but does no needless work.
func (c *Client) Update(ctx context.Context, dir string, force bool) (*Result, error) {
	w, err := c.again(dir)
	if err != nil {
		return nil, err
	}
	if force {
		if w.Force, err = c.Outdated(ctx, dir); err != nil {
			return nil, err
		}
	}
	return c.Install(ctx, w)
}

// Outdated asks whether the source of a tree has something else by now.
func (c *Client) Outdated(ctx context.Context, dir string) (bool, error) {
	w, err := c.again(dir)
	if err != nil {
		return false, err
	}
	r, err := readRecord(w.Dir)
	if err != nil {
		return false, err
	}
	got, err := c.resolve(ctx, w.Source, w.Options)
	if err != nil {
		return false, err
	}
	got.close()
	return got.digest != r.Digest, nil
}

// again is how a tree was wished for.
func (c *Client) again(dir string) (Wish, error) {
	dir, err := resolveDir(dir)
	if err != nil {
		return Wish{}, err
	}
	r, err := readRecord(dir)
	if err != nil {
		return Wish{}, err
	}
	src, err := ParseSource(r.Source)
	if err != nil {
		return Wish{}, fmt.Errorf("%s: its record: %w", dir, err)
	}
	mirror := r.Mirror
	if c.Mirror != "" {
		mirror = c.Mirror
	}
	return Wish{Source: src, Options: Options{Ref: r.Ref, Mirror: mirror}, Dir: dir, Setuid: r.Setuid}, nil
}

// Verify compares a tree with what was installed.
func (c *Client) Verify(ctx context.Context, dir string, added bool) ([]Difference, error) {
	dir, err := resolveDir(dir)
	if err != nil {
		return nil, err
	}
	r, err := readRecord(dir)
	if err != nil {
		return nil, err
	}
	m, err := loadManifest(dir, r)
	if err != nil {
		return nil, err
	}
	bar := c.progress().Bar("verifying", r.Size)
	defer bar.Done()
	return compare(ctx, dir, m, comparison{sums: true, added: added}, bar)
}

// Remove removes a tree. With force it may have been changed, or be none of ours.
func (c *Client) Remove(ctx context.Context, dir string, force bool) error {
	if info, err := os.Lstat(dir); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return fmt.Errorf("%s is a symbolic link: name the directory itself", dir)
	}
	dir, err := resolveDir(dir)
	if err != nil {
		return err
	}
	if err := replaceable(dir); err != nil {
		return err
	}
	parent, name := filepath.Split(dir)
	cleanStages(parent, name)
	info, err := os.Lstat(dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			c.forget(dir)
		}
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", dir)
	}
	r, err := readRecord(dir)
	switch {
	case err == nil && !force:
		err = c.unchanged(ctx, dir, r)
	case err != nil && force:
		err = precious(dir)
	case errors.Is(err, errNoRecord):
		err = fmt.Errorf("%w (--force removes it all the same)", err)
	}
	if err != nil {
		return err
	}
	lock := lockDir(dir)
	if lock == nil {
		return fmt.Errorf("%s: another lsf-install is replacing it, or it may not be read", dir)
	}
	defer lock.Close()
	gone := filepath.Join(parent, aside(name, delMark))
	switch err := os.Rename(dir, gone); {
	case errors.Is(err, unix.EXDEV): // in a lower layer of an overlay: where it is, then
		gone = dir
	case err != nil:
		return busy(err)
	}
	c.forget(dir)
	return removeTree(gone)
}

// Tree is a directory that is known.
type Tree struct {
	Dir    string
	Record *Record // nil if Err is not
	Err    error
}

// List tells of all trees that are known, and of those in more, if they are some.
func (c *Client) List(more ...string) []Tree {
	dirs := c.remembered()
	for _, d := range more {
		if real, err := resolveDir(d); err == nil {
			if _, err := readRecord(real); !errors.Is(err, errNoRecord) {
				dirs = append(dirs, real)
			}
		}
	}
	slices.Sort(dirs)
	var list []Tree
	for _, d := range slices.Compact(dirs) {
		r, err := readRecord(d)
		if errors.Is(err, errNoRecord) {
			if _, e := os.Stat(d); errors.Is(e, fs.ErrNotExist) {
				c.forget(d)
				continue
			}
		}
		list = append(list, Tree{d, r, err})
	}
	return list
}

package rootfs

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// resolveFile looks at what a local file or directory is.
func (c *Client) resolveFile(ctx context.Context, got *content, name, ref string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	switch {
	case info.IsDir():
		if _, err := os.Stat(filepath.Join(name, "index.json")); err != nil {
			return errors.New("a directory, but not an OCI layout (it has no index.json)")
		}
		return got.resolveLayout(name, ref)
	case !info.Mode().IsRegular():
		return errors.New("neither a file nor a directory")
	}
	isImage, err := c.holdsImage(ctx, name)
	if err != nil {
		return err
	}
	if isImage {
		return c.resolveArchive(ctx, got, name, ref)
	}
	sum, err := hashFile(ctx, name)
	if err != nil {
		return err
	}
	got.digest = "sha256:" + sum
	got.layers = []blob{{path: name, sha256: sum}}
	return nil
}

// imageEntries are what archives of images begin with, and FreeBSD systems do not.
var imageEntries = []string{"oci-layout", "index.json", "blobs", "manifest.json", "repositories"}

// holdsImage tells an archive of an image from that of a system.
func (c *Client) holdsImage(ctx context.Context, name string) (bool, error) {
	f, err := os.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	d, err := decompress(ctx, f, c.Limits)
	if err != nil {
		return false, err
	}
	defer d.Close()
	tr := tar.NewReader(d)
	for {
		h, err := tr.Next()
		if err == io.EOF {
			return false, errors.New("the archive is empty")
		}
		if err != nil {
			return false, archiveError(err)
		}
		list, err := components(h.Name)
		if err != nil {
			return false, fmt.Errorf("%q in the archive: %w", h.Name, err)
		}
		if len(list) > 0 {
			return slices.Contains(imageEntries, list[0]) || dockerEntry.MatchString(list[0]), nil
		}
	}
}

// resolveArchive unpacks an archive of an OCI layout, or one in docker's format, into
// the cache.
func (c *Client) resolveArchive(ctx context.Context, got *content, name, ref string) error {
	if err := os.MkdirAll(c.Cache, 0o755); err != nil {
		return err
	}
	cleanStages(c.Cache, "image")
	st, err := newStage(c.Cache, "image")
	if err != nil {
		return err
	}
	got.close = st.discard
	x := newExtractor(st.root, c.Limits)
	x.owners = false
	if err := c.extractBlob(ctx, x, blob{path: name}, "unpacking "+filepath.Base(name)); err != nil {
		return err
	}
	if x.tree.children["index.json"] == nil {
		return got.resolveDocker(st.root, ref)
	}
	// Who reads a layout would follow links.
	err = x.tree.walk(".", func(path string, n *node) error {
		if n.kind != kindDir && n.kind != kindFile {
			return fmt.Errorf("%s in the archive of an image is a %s", path, n.kind)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return got.resolveLayout(st.path, ref)
}

// extractBlob extracts one archive that is on the disk, and checks its digest.
func (c *Client) extractBlob(ctx context.Context, x *extractor, b blob, title string) error {
	f, err := b.open()
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s: not a file", b.path)
	}
	bar := c.progress().Bar(title, info.Size())
	defer bar.Done()
	sum := newSumReader(f, func(n int64) { bar.Set(n, info.Size()) })
	d, err := decompress(ctx, sum, c.Limits)
	if err == nil {
		// A compressed stream, and what has a digest, cannot end early unnoticed.
		var r io.Reader = d
		inner := newSumReader(d, func(int64) {})
		if b.diffID != "" {
			r = inner
		}
		err = x.apply(ctx, r, d.name != "" || x.layers)
		if err == nil && b.diffID != "" && inner.hex() != b.diffID {
			err = fmt.Errorf("wrong digest: sha256 %s, should be %s (it is damaged)", inner.hex(), b.diffID)
		}
		d.Close()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// Be the archive good or bad: wrong bytes are what is to be told first.
	sum.told = func(int64) {}
	_, rest := io.Copy(io.Discard, &contextReader{ctx, sum})
	switch {
	case rest != nil && err == nil:
		err = rest
	case rest == nil && b.sha256 != "" && sum.hex() != b.sha256:
		err = fmt.Errorf("wrong digest: sha256 %s, should be %s (it is damaged, or has been changed meanwhile)", sum.hex(), b.sha256)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", title, archiveError(err))
	}
	return err
}

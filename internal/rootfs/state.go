package rootfs

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
)

// The state directory holds a symbolic link to each tree, so that list finds those
// in unusual places. Nothing else depends on it.

func (c *Client) linkTo(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join(c.State, "known", hex.EncodeToString(sum[:8]))
}

func (c *Client) remember(dir string) error {
	name := c.linkTo(dir)
	if to, err := os.Readlink(name); err == nil && to == dir {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	os.Remove(name)
	if err := os.Symlink(dir, name); err != nil && !os.IsExist(err) {
		return err
	}
	return nil
}

func (c *Client) forget(dir string) { os.Remove(c.linkTo(dir)) }

func (c *Client) remembered() (dirs []string) {
	known := filepath.Join(c.State, "known")
	entries, err := os.ReadDir(known)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if to, err := os.Readlink(filepath.Join(known, e.Name())); err == nil {
			dirs = append(dirs, to)
		}
	}
	return dirs
}

// CleanCache removes all downloads, and says how many bytes they were.
func (c *Client) CleanCache() (int64, error) {
	var size int64
	for _, sub := range []string{"blobs", "partial"} {
		dir := filepath.Join(c.Cache, sub)
		err := filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err == nil {
				size += info.Size()
			}
			return err
		})
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return size, err
		}
		if err := os.RemoveAll(dir); err != nil {
			return size, fmt.Errorf("the cache: %w", err)
		}
	}
	cleanStages(c.Cache, "image")
	return size, nil
}

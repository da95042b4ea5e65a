package rootfs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// remoteFile is a file whose bytes are known by their digest.
type remoteFile struct {
	name   string // for people
	url    string
	sha256 string // hex
	size   int64  // -1 if it is not known
	client *http.Client
}

// errStalled ends a download from which nothing has come for a while.
var errStalled = errors.New("nothing has come for a while")

// validators are how to know that a server still has the same file.
type validators struct {
	URL  string `json:"url"`
	ETag string `json:"etag,omitempty"`
}

// download brings a file into the cache, or finds it there, and returns its name.
// The file's digest is right. What is there of it already is not asked for again.
func (c *Client) download(ctx context.Context, f remoteFile) (string, error) {
	blobs := filepath.Join(c.Cache, "blobs", "sha256")
	partial := filepath.Join(c.Cache, "partial", f.sha256)
	for _, d := range []string{blobs, filepath.Dir(partial)} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return "", fmt.Errorf("the cache: %w (--cache-dir names another place)", err)
		}
	}
	done := filepath.Join(blobs, f.sha256)
	out, err := c.lockPartial(ctx, partial)
	if err != nil {
		return "", err
	}
	defer out.Close()
	switch sum, err := hashFile(ctx, done); {
	case err == nil && sum == f.sha256:
		removePartial(partial)
		return done, nil
	case err == nil:
		c.say("%s in the cache is damaged and is downloaded again", f.name)
		if err := os.Remove(done); err != nil {
			return "", err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	resumed := fileSize(out) > 0
	for {
		if err := c.complete(ctx, f, out, partial+".json"); err != nil {
			if fileSize(out) == 0 {
				removePartial(partial)
			}
			return "", fmt.Errorf("%s: %w", f.name, explain(err))
		}
		sum, err := hashFile(ctx, partial)
		if err != nil {
			return "", err
		}
		if sum == f.sha256 {
			break
		}
		if err := restart(out, partial+".json"); err != nil {
			return "", err
		}
		if !resumed {
			removePartial(partial)
			return "", fmt.Errorf("%s: wrong digest: sha256 %s, should be %s (the file has been damaged or exchanged on its way)", f.name, sum, f.sha256)
		}
		// Perhaps what an earlier run has left was wrong.
		c.say("%s: what was there of it is damaged; from the beginning", f.name)
		resumed = false
	}
	if err := out.Sync(); err != nil {
		return "", explain(err)
	}
	if err := os.Rename(partial, done); err != nil {
		return "", err
	}
	os.Remove(partial + ".json")
	return done, nil
}

func removePartial(partial string) {
	os.Remove(partial)
	os.Remove(partial + ".json")
}

func fileSize(f *os.File) int64 {
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

// lockPartial opens what there is of a file, so that no other process writes to it.
func (c *Client) lockPartial(ctx context.Context, name string) (*os.File, error) {
	told := false
	for {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, fmt.Errorf("the cache: %w (--cache-dir names another place)", err)
		}
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == nil {
			// Whoever had it may have renamed it meanwhile.
			var a, b unix.Stat_t
			if unix.Fstat(int(f.Fd()), &a) == nil && unix.Stat(name, &b) == nil && a.Ino == b.Ino {
				return f, nil
			}
			f.Close()
			continue
		}
		f.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if !told {
			c.say("another lsf-install downloads the same; waiting for it")
			told = true
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func restart(out *os.File, meta string) error {
	os.Remove(meta)
	return out.Truncate(0)
}

// complete downloads what is missing in out, in as many attempts as get it on.
func (c *Client) complete(ctx context.Context, f remoteFile, out *os.File, meta string) error {
	bar := c.progress().Bar("downloading "+f.name, f.size)
	defer bar.Done()
	return c.retry(ctx, func() (bool, error) {
		have := fileSize(out)
		if f.size >= 0 && have == f.size {
			return true, nil
		}
		if f.size >= 0 && have > f.size {
			have = 0
			if err := restart(out, meta); err != nil {
				return false, err
			}
		}
		err := c.attempt(ctx, f, out, meta, bar)
		return fileSize(out) > have, err
	})
}

// attempt makes one request and takes what comes.
func (c *Client) attempt(ctx context.Context, f remoteFile, out *os.File, meta string, bar Bar) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// The timer ends a request that has gone to sleep.
	watch := time.AfterFunc(c.stall(), func() { cancel(errStalled) })
	defer watch.Stop()

	have := fileSize(out)
	header := http.Header{}
	var known validators
	if text, err := os.ReadFile(meta); err == nil {
		_ = json.Unmarshal(text, &known) // unreadable is as none
	}
	if have > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", have))
		if known.URL == f.url && known.ETag != "" {
			header.Set("If-Range", known.ETag)
		}
	}
	resp, err := get(ctx, f.client, f.url, header, http.StatusOK, http.StatusPartialContent, http.StatusRequestedRangeNotSatisfiable)
	if err != nil {
		return cause(ctx, err)
	}
	defer resp.Body.Close()
	total := int64(-1)
	switch resp.StatusCode {
	case http.StatusPartialContent:
		var from int64
		if n, _ := fmt.Sscanf(resp.Header.Get("Content-Range"), "bytes %d-", &from); n != 1 || from != have || have == 0 {
			return errors.Join(restart(out, meta), fmt.Errorf("%s: asked for a part, got another one: %w", redacted(f.url), io.ErrUnexpectedEOF))
		}
		if resp.ContentLength >= 0 {
			total = have + resp.ContentLength
		}
	case http.StatusRequestedRangeNotSatisfiable:
		if f.size < 0 && resp.Header.Get("Content-Range") == fmt.Sprintf("bytes */%d", have) {
			return nil // all of it is there
		}
		return errors.Join(restart(out, meta), fmt.Errorf("%s: %w", redacted(f.url), io.ErrUnexpectedEOF))
	default:
		have, total = 0, resp.ContentLength
		if err := restart(out, meta); err != nil {
			return err
		}
	}
	if f.size >= 0 && total >= 0 && total != f.size {
		return fmt.Errorf("%s has %d bytes, should have %d: %w", redacted(f.url), total, f.size, errTooBig)
	}
	if f.size < 0 && total > orMax(c.Limits.Size) {
		return tooBig("the file to be downloaded", c.Limits.Size, "--max-size")
	}
	if need := max(total, f.size) - have; need > 0 {
		if err := checkSpace(c.Cache, need); err != nil {
			return err
		}
	}
	if etag := resp.Header.Get("ETag"); etag != "" && !strings.HasPrefix(etag, "W/") {
		text, err := json.Marshal(validators{f.url, etag})
		if err == nil {
			err = os.WriteFile(meta, text, 0o644)
		}
		if err != nil {
			return err
		}
	}
	bar.Set(have, max(total, f.size))
	most := f.size
	if most < 0 {
		most = orMax(c.Limits.Size)
	}
	at, buf := have, make([]byte, 256<<10)
	for {
		n, err := resp.Body.Read(buf)
		if n > 0 {
			watch.Reset(c.stall())
			if at+int64(n) > most {
				return errors.Join(restart(out, meta), fmt.Errorf("%s: more than %d bytes come: %w", redacted(f.url), most, errTooBig))
			}
			if _, err := out.WriteAt(buf[:n], at); err != nil {
				return err
			}
			at += int64(n)
			bar.Set(at, max(total, f.size))
		}
		switch {
		case err == io.EOF && (total >= 0 && at < total || f.size >= 0 && at < f.size):
			return io.ErrUnexpectedEOF
		case err == io.EOF:
			return nil
		case err != nil:
			return cause(ctx, err)
		}
	}
}

// cause is why a context has ended, if it has, else err.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	return err
}

// hashFile is the SHA-256 of a file, in hex.
func hashFile(ctx context.Context, name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.CopyBuffer(sum, &contextReader{ctx, f}, make([]byte, 256<<10)); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// checkSpace says in time that the disk is too small.
func checkSpace(dir string, need int64) error {
	free, err := freeSpace(dir)
	if err != nil || free >= need {
		return err
	}
	return fullError{fmt.Sprintf("not enough room on the disk: %s has %s free, %s are needed", dir, BytesText(free), BytesText(need)), unix.ENOSPC}
}

// fullError says that the disk is full, or too small.
type fullError struct {
	text string
	err  error
}

func (e fullError) Error() string { return e.text }
func (e fullError) Unwrap() error { return e.err }

// fullDisk says so where that is why something failed, and has not been said.
func fullDisk(err error) error {
	var told fullError
	if (errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)) && !errors.As(err, &told) {
		return fullError{"the disk is full: " + err.Error(), err}
	}
	return err
}

func freeSpace(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("%s: %w", dir, err)
	}
	return int64(st.Bavail) * st.Bsize, nil
}

// BytesText is a size for people.
func BytesText(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1000_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}

package rootfs

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// entry is a tar header in short.
type entry struct {
	name string
	data string
	typ  byte // 0 is a file, or a directory if name ends in a slash
	link string
	mode int64
	uid  int
	pax  map[string]string
}

var oldTime = time.Unix(1_600_000_000, 0)

// tarball makes an archive.
func tarball(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Typeflag: e.typ, Linkname: e.link, Mode: e.mode, Uid: e.uid, Size: int64(len(e.data)), ModTime: oldTime, PAXRecords: e.pax, Format: tar.FormatPAX}
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
			if strings.HasSuffix(e.name, "/") {
				h.Typeflag = tar.TypeDir
			}
		}
		if h.Mode == 0 {
			h.Mode = 0o644
			if h.Typeflag == tar.TypeDir {
				h.Mode = 0o755
			}
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// system is a small FreeBSD system of a release.
func system(release string, more ...entry) []entry {
	return append([]entry{
		{name: "./"},
		{name: "./bin/"},
		{name: "./bin/freebsd-version", data: "#!/bin/sh\nUSERLAND_VERSION=\"" + release + "\"\n", mode: 0o555},
		{name: "./libexec/"},
		{name: "./libexec/ld-elf.so.1", data: strings.Repeat("ld", 5000), mode: 0o555},
		{name: "./var/"},
		{name: "./var/empty/", mode: 0o555, pax: map[string]string{"SCHILY.fflags": "schg"}},
		{name: "./sys", typ: tar.TypeSymlink, link: "usr/src/sys"},
	}, more...)
}

func pack(t testing.TB, how string, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	switch how {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "xz":
		w, err = xz.NewWriter(&b)
	case "zstd":
		w, err = zstd.NewWriter(&b)
	case "":
		return data
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func write(t testing.TB, name string, data []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// notes collects what a Client says.
type notes struct {
	silent
	lines []string
}

func (n *notes) Say(line string) { n.lines = append(n.lines, line) }

// newClient for tests: no waiting, and all in a directory of its own.
func testClient(t testing.TB) *Client {
	dir := t.TempDir()
	return &Client{Cache: filepath.Join(dir, "cache"), State: filepath.Join(dir, "state"), Limits: DefaultLimits(),
		Progress: &notes{}, firstPause: time.Millisecond, stallAfter: 30 * time.Second}
}

// extract puts archives into a new directory, as layers of an image if there are several.
func extract(t testing.TB, set func(*extractor), archives ...[]byte) (string, *extractor, error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "in", "tree")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = removeTree(dir) })
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	x := newExtractor(root, DefaultLimits())
	x.layers = len(archives) > 1
	if set != nil {
		set(x)
	}
	for _, a := range archives {
		if err := x.apply(context.Background(), bytes.NewReader(a), false); err != nil {
			return dir, x, err
		}
	}
	return dir, x, x.finish()
}

// listing is a directory's files: names, with contents, where links lead, or a slash.
func listing(t testing.TB, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(full string, d fs.DirEntry, err error) error {
		if err != nil || full == dir {
			return err
		}
		name, err := filepath.Rel(dir, full)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			name += "/"
		case d.Type() == fs.ModeSymlink:
			to, err := os.Readlink(full)
			if err != nil {
				return err
			}
			name += "->" + to
		case d.Type().IsRegular():
			data, err := os.ReadFile(full)
			if err != nil {
				return err
			}
			name += "=" + string(data)
		default:
			name += "?" + d.Type().String()
		}
		list = append(list, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

// only fails unless there is nothing but these in a directory.
func only(t testing.TB, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, names) {
		t.Errorf("in %s: %q, want %q", dir, got, names)
	}
}

// intact fails unless a tree is as installed, of a release.
func intact(t testing.TB, c *Client, dir, release string) {
	t.Helper()
	r, err := readRecord(dir)
	if err != nil {
		t.Fatal(err)
	}
	if r.Release != release {
		t.Errorf("release %q, want %q", r.Release, release)
	}
	diffs, err := c.Verify(context.Background(), dir, true)
	if err != nil || len(diffs) > 0 {
		t.Errorf("verify: %v, %v", diffs, err)
	}
}

func wantErr(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q, want %q", err, p)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error of several lines: %q", err)
	}
}

func hexOf(sum [32]byte) string { return hex.EncodeToString(sum[:]) }

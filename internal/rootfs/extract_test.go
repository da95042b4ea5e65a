package rootfs

import (
	"archive/tar"
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestExtract(t *testing.T) {
	link := func(name, to string) entry { return entry{name: name, typ: tar.TypeSymlink, link: to} }
	hard := func(name, to string) entry { return entry{name: name, typ: tar.TypeLink, link: to} }
	text := func(name, data string) entry { return entry{name: name, data: data} }
	dir := func(name string) entry { return entry{name: name + "/"} }
	tests := []struct {
		name     string
		archives [][]entry
		want     string // listing, or
		err      string // part of the error
	}{
		{"plain", [][]entry{{dir("a"), text("a/b", "1"), text("c/d/e", "2"), text("/abs", "3"), text("./x", "4")}}, "a/ a/b=1 abs=3 c/ c/d/ c/d/e=2 x=4", ""},
		{"dot-dot", [][]entry{{text("../evil", "x")}}, "", "leads out of the tree"},
		{"dot-dot within", [][]entry{{dir("a"), text("a/../../evil", "x")}}, "", "leads out of the tree"},
		{"dot-dot at the end", [][]entry{{dir("a/..")}}, "", "leads out of the tree"},
		{"no name", [][]entry{{text("./.", "x")}}, "", "has no name"},
		{"long name", [][]entry{{text(strings.Repeat("n", 300), "x")}}, "", "name of 300 bytes"},
		{"long path", [][]entry{{text(strings.Repeat("n/", 3000)+"x", "x")}}, "", "name of 6001 bytes"},
		{"through an absolute link", [][]entry{{dir("etc"), link("l", "/etc"), text("l/f", "x")}}, "etc/ etc/f=x l->/etc", ""},
		{"through an absolute link to nowhere", [][]entry{{link("l", "/OUTSIDE"), text("l/f", "x")}}, "OUTSIDE/ OUTSIDE/f=x l->/OUTSIDE", ""},
		{"through dot-dot links", [][]entry{{dir("a"), link("a/l", "../../../../b"), text("a/l/f", "x")}}, "a/ a/l->../../../../b b/ b/f=x", ""},
		{"through a chain", [][]entry{{link("a", "b"), link("b", "/c/."), text("a/f", "x")}}, "a->b b->/c/. c/ c/f=x", ""},
		{"link loop", [][]entry{{link("a", "b"), link("b", "a"), text("a/f", "x")}}, "", "too many symbolic links"},
		{"over a link", [][]entry{{link("l", "/etc/passwd"), text("l", "x")}}, "l=x", ""},
		{"directory over a link", [][]entry{{dir("d"), link("l", "d"), dir("l"), text("l/f", "x")}}, "d/ l/ l/f=x", ""},
		{"file as directory", [][]entry{{text("f", "x"), text("f/g", "x")}}, "", "f is not a directory"},
		{"twice", [][]entry{{text("f", "long"), text("f", "2"), dir("d"), text("d/f", "x"), dir("d")}}, "d/ d/f=x f=2", ""},
		{"file over a directory", [][]entry{{dir("d"), text("d/f", "x"), text("d", "1")}}, "d=1", ""},
		{"hard link", [][]entry{{text("f", "1"), dir("d"), hard("d/g", "./f"), text("f", "2")}}, "d/ d/g=1 f=2", ""},
		{"hard link to itself", [][]entry{{text("f", "1"), hard("f", "f")}}, "f=1", ""},
		{"hard link through a link", [][]entry{{dir("d"), text("d/f", "1"), link("l", "/d"), hard("g", "l/f")}}, "d/ d/f=1 g=1 l->/d", ""},
		{"hard link outside", [][]entry{{hard("g", "../../../etc/passwd")}}, "", "leads out of the tree"},
		{"hard link outside, absolute", [][]entry{{hard("g", "/etc/passwd")}}, "", "not in the archive before it"},
		{"hard link through a link outside", [][]entry{{link("l", "/etc"), hard("g", "l/passwd")}}, "", "not in the archive before it"},
		{"hard link to a link, then written", [][]entry{{link("l", "/etc/passwd"), hard("g", "l"), text("g", "x")}}, "g=x l->/etc/passwd", ""},
		{"hard link to a directory", [][]entry{{dir("d"), hard("g", "d")}}, "", "hard link to the directory"},
		{"hard link over its directory", [][]entry{{dir("d"), text("d/f", "x"), hard("d", "d/f")}}, "", "would replace its directory"},
		{"devices", [][]entry{{entry{name: "null", typ: tar.TypeChar}, entry{name: "da0", typ: tar.TypeBlock}, entry{name: "p", typ: tar.TypeFifo}}}, "p?p---------", ""},
		{"empty link", [][]entry{{entry{name: "l", typ: tar.TypeSymlink}}}, "", `symbolic link to ""`},
		{"unknown type", [][]entry{{entry{name: "l", typ: 'Z'}}}, "", "unknown type"},
		{"no whiteouts in archives", [][]entry{{text(".wh.f", "")}}, ".wh.f=", ""},
		{"empty", [][]entry{{}}, "", "is empty"},

		{"layers", [][]entry{{text("f", "1"), text("g", "1")}, {text("f", "2")}}, "f=2 g=1", ""},
		{"whiteout", [][]entry{{text("d/f", "1"), text("d/g", "1")}, {text("d/.wh.f", "")}}, "d/ d/g=1", ""},
		{"whiteout of a directory", [][]entry{{text("d/e/f", "1")}, {text(".wh.d", "")}}, "", ""},
		{"whiteout of nothing", [][]entry{{text("f", "1")}, {text("x/.wh.f", ""), text(".wh.g", "")}}, "f=1", ""},
		{"whiteout, then anew", [][]entry{{text("d/f", "1")}, {text(".wh.d", ""), text("d/g", "2")}}, "d/ d/g=2", ""},
		{"anew, then whiteout", [][]entry{{text("d/f", "1")}, {dir("d"), text("d/g", "2"), text(".wh.d", "")}}, "d/ d/g=2", ""},
		{"opaque", [][]entry{{text("d/f", "1"), text("d/e/h", "1")}, {dir("d"), text("d/g", "2"), text("d/.wh..wh..opq", "")}}, "d/ d/g=2", ""},
		{"opaque, nested", [][]entry{{text("d/e/h", "1"), text("d/e/i", "1")}, {text("d/e/h", "2"), text("d/.wh..wh..opq", "")}}, "d/ d/e/ d/e/h=2", ""},
		{"whiteout of dot-dot", [][]entry{{text("f", "1")}, {text("d/.wh...", "")}}, "f=1", ""},
		{"whiteout of the tree", [][]entry{{text("f", "1")}, {text(".wh..", "")}}, "", "whiteout of nothing"},
		{"whiteout of a link", [][]entry{{text("d/f", "1"), link("l", "d")}, {text(".wh.l", "")}}, "d/ d/f=1", ""},
		{"whiteout through a link outside", [][]entry{{link("l", "/"), text("f", "1")}, {text("l/.wh.f", "")}}, "l->/", ""},
		{"hard link to a lower layer", [][]entry{{text("f", "1")}, {hard("g", "f"), text(".wh.f", "")}}, "g=1", ""},
		{"three layers", [][]entry{{text("f", "1")}, {text(".wh.f", "")}, {text("f", "3")}}, "f=3", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var archives [][]byte
			for _, a := range tt.archives {
				archives = append(archives, tarball(t, a...))
			}
			dir, _, err := extract(t, nil, archives...)
			only(t, filepath.Join(dir, "..")+"/..", "in")
			only(t, filepath.Join(dir, ".."), "tree")
			if tt.err != "" {
				wantErr(t, err, tt.err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(listing(t, dir), " "); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestAttributes: modes, owners, times, and what is left out.
func TestAttributes(t *testing.T) {
	a := tarball(t,
		entry{name: "ro/", mode: 0o555}, entry{name: "ro/f", data: "x", mode: 0o4755, uid: 7},
		entry{name: "sg/", mode: 0o2775}, entry{name: "t/", mode: 0o1777},
		entry{name: "none", data: "x", mode: 0o1}, entry{name: "l", typ: tar.TypeSymlink, link: "ro", uid: 7},
		entry{name: "h", typ: tar.TypeLink, link: "ro/f"},
		entry{name: "flag", data: "x", pax: map[string]string{"SCHILY.fflags": "schg"}},
		entry{name: "p", typ: tar.TypeFifo, mode: 0o600, uid: 7})
	for _, setuid := range []bool{false, true} {
		dir, x, err := extract(t, func(x *extractor) { x.setuid = setuid }, a)
		if err != nil {
			t.Fatal(err)
		}
		root := os.Geteuid() == 0
		stat := func(name string) (st unix.Stat_t) {
			if err := unix.Lstat(filepath.Join(dir, name), &st); err != nil {
				t.Fatal(err)
			}
			return st
		}
		modes := map[string]uint32{"ro": 0o555, "ro/f": 0o755, "sg": 0o2775, "t": 0o1777, "none": 0o1, "p": 0o600}
		if setuid {
			modes["ro/f"] = 0o4755
		}
		if !root {
			modes["ro"], modes["none"] = 0o755, 0o401
		}
		for name, want := range modes {
			if st := stat(name); st.Mode&0o7777 != want {
				t.Errorf("%s: mode %o, want %o", name, st.Mode&0o7777, want)
			}
		}
		for _, name := range []string{"ro", "ro/f", "l", "p", "h"} {
			if st := stat(name); st.Mtim.Sec != oldTime.Unix() {
				t.Errorf("%s: time %d", name, st.Mtim.Sec)
			}
		}
		if st := stat("h"); st.Ino != stat("ro/f").Ino || st.Nlink != 2 {
			t.Errorf("h is another file")
		}
		if root {
			for _, name := range []string{"ro/f", "l", "p"} {
				if st := stat(name); st.Uid != 7 {
					t.Errorf("%s: owner %d", name, st.Uid)
				}
			}
		}
		want := skipped{flags: 1, setuid: 1}
		if setuid {
			want.setuid = 0
		}
		if x.skipped != want {
			t.Errorf("skipped %+v, want %+v", x.skipped, want)
		}
	}
}

func TestSparse(t *testing.T) {
	const size = 20 << 20
	data := make([]byte, size)
	copy(data[5000:], "five")
	copy(data[size-3:], "end")
	dir, x, err := extract(t, nil, tarball(t, entry{name: "f", data: string(data)}))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "f"))
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("other contents, %v", err)
	}
	var st unix.Stat_t
	if err := unix.Stat(filepath.Join(dir, "f"), &st); err != nil || st.Blocks*512 > size/10 {
		t.Errorf("takes %d bytes, %v", st.Blocks*512, err)
	}
	if n := x.tree.children["f"]; n.size != size || sumOf(data) != hexOf(n.sum) {
		t.Errorf("recorded: %+v", n.attrs)
	}
}

func TestLimits(t *testing.T) {
	with := func(l Limits) func(*extractor) { return func(x *extractor) { x.limits = l } }
	small := tarball(t, entry{name: "a", data: "12345"}, entry{name: "b", data: "12345"}, entry{name: "c/d/e/f", data: "1"})
	for _, tt := range []struct {
		limits Limits
		err    string
	}{
		{Limits{Size: 11, Entries: 6}, ""},
		{Limits{Size: 10}, "--max-size"},
		{Limits{Entries: 5}, "--max-entries"},
		{Limits{}, ""},
	} {
		_, _, err := extract(t, with(tt.limits), small)
		if tt.err == "" && err != nil {
			t.Errorf("%+v: %v", tt.limits, err)
		}
		if tt.err != "" {
			wantErr(t, err, tt.err)
		}
	}
	// A header that promises more than can be.
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: "huge", Size: 1 << 60, Format: tar.FormatGNU}); err != nil {
		t.Fatal(err)
	}
	_, _, err := extract(t, nil, b.Bytes())
	wantErr(t, err, "--max-size")
}

// TestBomb: what grows beyond measure, in the archive and behind its end.
func TestBomb(t *testing.T) {
	c := testClient(t)
	zeros := make([]byte, 70<<20)
	inside := tarball(t, entry{name: "zeros", data: string(zeros)})
	behind := append(tarball(t, entry{name: "f", data: "x"}), zeros...)
	for _, how := range []string{"gzip", "zstd"} {
		for i, data := range [][]byte{inside, behind} {
			c.Limits = Limits{Ratio: 100}
			src := Source{File, write(t, filepath.Join(t.TempDir(), "a.tar"), pack(t, how, data))}
			dir := filepath.Join(t.TempDir(), "d")
			_, err := c.Install(context.Background(), Wish{Source: src, Dir: dir})
			if i == 0 {
				wantErr(t, err, "--max-ratio")
			} else {
				wantErr(t, err, "")
			}
			only(t, filepath.Dir(dir))
		}
	}
}

func TestDecompress(t *testing.T) {
	a := tarball(t, system("14.3-RELEASE")...)
	library := func(ctx context.Context, r *bytes.Reader) ([]byte, error) {
		d, err := openXZLibrary(r)
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		_, err = b.ReadFrom(d)
		return b.Bytes(), err
	}
	for _, how := range []string{"", "gzip", "zstd", "xz", "xz library"} {
		name, _, _ := strings.Cut(how, " ")
		packed := pack(t, name, a)
		for _, cut := range []int{len(packed), len(packed) - 1, len(packed) / 2, 10, 0} {
			in := bytes.NewReader(packed[:cut])
			var err error
			if how == "xz library" {
				_, err = library(context.Background(), in)
			} else {
				var d *decompressor
				if d, err = decompress(context.Background(), in, DefaultLimits()); err == nil {
					root, e := os.OpenRoot(t.TempDir())
					if e != nil {
						t.Fatal(e)
					}
					err = newExtractor(root, DefaultLimits()).apply(context.Background(), d, d.name != "")
					d.Close()
					root.Close()
				}
			}
			if whole := cut == len(packed); whole != (err == nil) {
				t.Errorf("%s, %d of %d bytes: %v", how, cut, len(packed), err)
			}
		}
	}
	if _, _, err := extract(t, nil, bytes.Repeat([]byte("junk"), 1000)); err == nil || !strings.Contains(err.Error(), "not a tar archive") {
		t.Errorf("junk: %v", err)
	}
	// Cut between two entries a plain tar looks complete, but for its mark.
	if _, _, err := extract(t, nil, a[:len(a)-1024]); err == nil || !strings.Contains(err.Error(), "too early") {
		t.Errorf("without mark: %v", err)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := newExtractor(root, DefaultLimits()).apply(ctx, bytes.NewReader(tarball(t, entry{name: "f"})), false); err != context.Canceled {
		t.Errorf("%v", err)
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(tarball(f, system("14.3-RELEASE")...), tarball(f, entry{name: "var/.wh..wh..opq"}))
	f.Add(tarball(f, entry{name: "l", typ: tar.TypeSymlink, link: "/.."}, entry{name: "l/x/", mode: 0o1}), tarball(f, entry{name: ".wh.l"}))
	f.Fuzz(func(t *testing.T, one, two []byte) {
		dir, x, err := extract(t, func(x *extractor) { x.limits = Limits{Size: 1 << 20, Entries: 100} }, one, two)
		only(t, filepath.Join(dir, ".."), "tree")
		if err != nil {
			return
		}
		// The model is what is there.
		var b bytes.Buffer
		if err := writeManifest(&b, x.tree); err != nil {
			t.Fatal(err)
		}
		m, err := readManifest(&b)
		if err != nil {
			t.Fatal(err)
		}
		diffs, err := compare(context.Background(), dir, m, comparison{sums: true, added: true}, silent{})
		diffs = slices.DeleteFunc(diffs, func(d Difference) bool { return strings.HasPrefix(d.Path, recordDir) })
		if err != nil || len(diffs) > 0 {
			t.Fatalf("%v, %v", diffs, err)
		}
	})
}

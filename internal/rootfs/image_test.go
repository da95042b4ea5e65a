package rootfs

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// image makes one for a platform such as "freebsd/amd64".
func image(t testing.TB, platform string, layers ...v1.Layer) v1.Image {
	t.Helper()
	img, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1), layers...)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	cfg = cfg.DeepCopy()
	cfg.OS, cfg.Architecture, _ = strings.Cut(platform, "/")
	if img, err = mutate.ConfigFile(img, cfg); err != nil {
		t.Fatal(err)
	}
	return img
}

// index puts images for platforms together.
func index(images map[string]v1.Image) v1.ImageIndex {
	idx := v1.ImageIndex(empty.Index)
	for _, platform := range slices.Sorted(maps.Keys(images)) {
		os, arch, _ := strings.Cut(platform, "/")
		idx = mutate.AppendManifests(idx, mutate.IndexAddendum{Add: images[platform],
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: os, Architecture: arch}}})
	}
	return idx
}

// layers are an image's: gzip, zstd and none, with a whiteout.
func layers(t testing.TB, release string) []v1.Layer {
	layer := func(how string, mt types.MediaType, e ...entry) v1.Layer {
		return static.NewLayer(pack(t, how, tarball(t, e...)), mt)
	}
	return []v1.Layer{
		layer("gzip", types.OCILayer, system(release, entry{name: "etc/lower", data: "x"}, entry{name: "random", data: incompressible(200_000)})...),
		layer("zstd", types.OCILayerZStd, entry{name: "etc/.wh.lower"}, entry{name: "etc/upper", data: "y"}),
		layer("", types.OCIUncompressedLayer, entry{name: "bin/su", data: "z", mode: 0o4755}),
	}
}

// testRegistry is a registry whose answers may be tampered with.
func testRegistry(t testing.TB, tamper func(w http.ResponseWriter, r *http.Request) bool) string {
	reg := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tamper == nil || r.Method != http.MethodGet || !tamper(w, r) {
			reg.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func push(t testing.TB, ref string, what any) {
	t.Helper()
	r, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	switch x := what.(type) {
	case v1.Image:
		err = remote.Write(r, x)
	case v1.ImageIndex:
		err = remote.WriteIndex(r, x)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestImage(t *testing.T) {
	ctx := context.Background()
	bsd := image(t, platform, layers(t, "14.3-RELEASE")...)
	other := image(t, "linux/amd64", static.NewLayer([]byte("x"), types.OCILayer))
	digest, err := bsd.Digest()
	if err != nil {
		t.Fatal(err)
	}
	host := testRegistry(t, nil)
	push(t, host+"/one:1", bsd)
	push(t, host+"/many:1", index(map[string]v1.Image{"linux/amd64": other, "freebsd/arm64": other, platform: bsd}))
	push(t, host+"/none:1", index(map[string]v1.Image{"linux/amd64": other, "freebsd/arm64": other}))
	push(t, host+"/linux:1", other)
	push(t, host+"/foreign:1", image(t, platform, static.NewLayer([]byte("x"), types.DockerForeignLayer)))
	push(t, host+"/junk:1", image(t, platform, static.NewLayer([]byte(strings.Repeat("junk", 1000)), types.OCILayer)))
	push(t, host+"/strange:1", image(t, platform, static.NewLayer([]byte("junk"), "application/x-strange")))
	push(t, host+"/empty:1", image(t, platform))

	for _, tt := range []struct{ ref, err string }{
		{"one:1", ""},
		{"many:1", ""},
		{"many@" + indexDigest(t, host+"/many:1"), ""},
		{"one@" + digest.String(), ""},
		{"none:1", "no image for freebsd/amd64 in there, only for: freebsd/arm64, linux/amd64"},
		{"linux:1", "the image is for linux/amd64, not for freebsd/amd64"},
		{"foreign:1", "a layer is of an unknown type: application/vnd.docker.image.rootfs.foreign"},
		{"strange:1", "a layer is of an unknown type: application/x-strange"},
		{"junk:1", "not a tar archive"},
		{"empty:1", "no layers"},
		{"absent:1", "there is no such thing"},
		{"one:2", "there is no such thing"},
	} {
		t.Run(tt.ref, func(t *testing.T) {
			c := testClient(t)
			dir := filepath.Join(t.TempDir(), "fb")
			src, err := ParseSource(host + "/" + tt.ref)
			if err != nil {
				t.Fatal(err)
			}
			res, err := c.Install(ctx, Wish{Source: src, Dir: dir})
			if tt.err != "" {
				wantErr(t, err, tt.err)
				only(t, filepath.Dir(dir))
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if res.Record.Digest != digest.String() {
				t.Errorf("digest %s", res.Record.Digest)
			}
			intact(t, c, dir, "14.3-RELEASE")
			if got := listing(t, filepath.Join(dir, "etc")); !slices.Contains(got, "upper=y") || slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "lower") || strings.HasPrefix(s, ".wh") }) {
				t.Errorf("etc: %q", got)
			}
			if !slices.ContainsFunc(res.Notes, func(s string) bool { return strings.Contains(s, "set-user-ID") }) {
				t.Errorf("notes: %q", res.Notes)
			}
		})
	}
	tags, err := testClient(t).Tags(ctx, host+"/one")
	if err != nil || !slices.Equal(tags, []string{"1"}) {
		t.Errorf("tags %q, %v", tags, err)
	}
}

func indexDigest(t testing.TB, ref string) string {
	r, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	d, err := remote.Head(r)
	if err != nil {
		t.Fatal(err)
	}
	return d.Digest.String()
}

// TestUpdateImage: a tag moves; the tree is replaced then, and only then.
func TestUpdateImage(t *testing.T) {
	ctx := context.Background()
	host := testRegistry(t, nil)
	push(t, host+"/bsd:14", image(t, platform, layers(t, "14.2-RELEASE")...))
	c := testClient(t)
	dir := filepath.Join(t.TempDir(), "fb")
	src, err := ParseSource(host + "/bsd:14")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Install(ctx, Wish{Source: src, Dir: dir}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // with and without force
		if res, err := c.Update(ctx, dir, true); err != nil || !res.Unchanged {
			t.Fatalf("%+v, %v", res, err)
		}
	}
	push(t, host+"/bsd:14", image(t, platform, layers(t, "14.3-RELEASE")...))
	if news, err := c.Outdated(ctx, dir); err != nil || !news {
		t.Fatal(news, err)
	}
	intact(t, c, dir, "14.2-RELEASE")
	mine := write(t, filepath.Join(dir, "usr/local/mine"), nil)
	_, err = c.Update(ctx, dir, false)
	wantErr(t, err, "has been changed since", "usr (added)", "--force")
	if _, err := os.Stat(mine); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "usr")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "tmp/rubbish"), nil) // nobody's loss
	if res, err := c.Update(ctx, dir, false); err != nil || res.Unchanged {
		t.Fatalf("%+v, %v", res, err)
	}
	intact(t, c, dir, "14.3-RELEASE")
	only(t, filepath.Dir(dir), "fb")
}

// TestBadRegistry: a registry that misbehaves while layers are downloaded.
func TestBadRegistry(t *testing.T) {
	bsd := image(t, platform, layers(t, "14.3-RELEASE")...)
	m, err := bsd.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	first := "/blobs/" + m.Layers[0].Digest.String()
	for _, tt := range []struct {
		name   string
		tamper func(asked int, w http.ResponseWriter, r *http.Request) bool
		err    string
	}{
		{"cut off", func(n int, w http.ResponseWriter, r *http.Request) bool {
			if n > 0 {
				return false
			}
			w.Header().Set("Content-Length", fmt.Sprint(m.Layers[0].Size))
			w.WriteHeader(200)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, ""},
		{"another blob of the size", func(n int, w http.ResponseWriter, r *http.Request) bool {
			_, _ = w.Write(make([]byte, m.Layers[0].Size))
			return true
		}, "wrong digest"},
		{"more than announced", func(n int, w http.ResponseWriter, r *http.Request) bool {
			_ = http.NewResponseController(w).Flush() // no Content-Length
			_, _ = w.Write(make([]byte, m.Layers[0].Size+1))
			return true
		}, "more than"},
		{"another length", func(n int, w http.ResponseWriter, r *http.Request) bool {
			_, _ = w.Write([]byte("short"))
			return true
		}, "has 5 bytes, should have"},
		{"password", func(n int, w http.ResponseWriter, r *http.Request) bool {
			w.WriteHeader(401)
			return true
		}, "docker login"},
		{"too many", func(n int, w http.ResponseWriter, r *http.Request) bool {
			w.WriteHeader(429)
			return true
		}, "too many requests"},
		{"redirects", func(n int, w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
			return true
		}, "more than 10 redirects"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asked, armed := 0, false
			host := testRegistry(t, func(w http.ResponseWriter, r *http.Request) bool {
				if !armed || !strings.HasSuffix(r.URL.Path, first) {
					return false
				}
				asked++
				return tt.tamper(asked-1, w, r)
			})
			push(t, host+"/bsd:1", bsd)
			armed = true
			c := testClient(t)
			dir := filepath.Join(t.TempDir(), "fb")
			_, err := c.Install(context.Background(), Wish{Source: Source{Image, host + "/bsd:1"}, Dir: dir})
			installed(t, c, dir, err, tt.err)
		})
	}
}

// TestTokens: a registry as the large ones are. It wants a token, and sends who asks
// for a blob elsewhere; the token must not go there.
func TestTokens(t *testing.T) {
	bsd := image(t, platform, layers(t, "14.3-RELEASE")...)
	blobs := map[string][]byte{}
	m, err := bsd.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range m.Layers {
		l, err := bsd.LayerByDigest(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		r, err := l.Compressed()
		if err != nil {
			t.Fatal(err)
		}
		if blobs[d.Digest.String()], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	parts := 0
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the token has been given away")
		}
		data := blobs[path.Base(r.URL.Path)]
		if r.Header.Get("Range") != "" {
			parts++
		} else if len(data) > 100_000 { // cut off once
			w.Header().Set("Content-Length", fmt.Sprint(len(data)))
			_, _ = w.Write(data[:50_000])
			panic(http.ErrAbortHandler)
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}))
	defer store.Close()
	armed := false
	var host string
	host = testRegistry(t, func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case !armed:
			return false
		case r.URL.Path == "/token":
			if got := r.URL.Query().Get("scope"); got != "repository:bsd:pull" && got != "" {
				t.Errorf("scope %q", got)
			}
			fmt.Fprint(w, `{"token":"secret"}`)
			return true
		case r.Header.Get("Authorization") != "Bearer secret":
			w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+host+`/token",service="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		case blobs[path.Base(r.URL.Path)] != nil:
			http.Redirect(w, r, store.URL+"/"+path.Base(r.URL.Path), http.StatusTemporaryRedirect)
			return true
		}
		return false
	})
	push(t, host+"/bsd:1", bsd)
	armed = true
	c := testClient(t)
	dir := filepath.Join(t.TempDir(), "fb")
	if _, err := c.Install(context.Background(), Wish{Source: Source{Image, host + "/bsd:1"}, Dir: dir}); err != nil {
		t.Fatal(err)
	}
	intact(t, c, dir, "14.3-RELEASE")
	if parts != 1 {
		t.Errorf("%d parts asked for, want 1", parts)
	}
}

// TestSlowRegistry: one that never answers keeps nobody.
func TestSlowRegistry(t *testing.T) {
	for _, cancelled := range []bool{true, false} {
		ctx, cancel := context.WithCancel(context.Background())
		host := testRegistry(t, func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, "/manifests/") {
				return false
			}
			if cancelled {
				cancel()
			}
			w.Header().Set("Content-Type", string(types.OCIManifestSchema1))
			w.Header().Set("Content-Length", "1000")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return true
		})
		c := testClient(t)
		if !cancelled {
			c.stallAfter = 50 * time.Millisecond
		}
		dir := filepath.Join(t.TempDir(), "fb")
		_, err := c.Install(ctx, Wish{Source: Source{Image, host + "/bsd:1"}, Dir: dir})
		if cancelled && !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		if !cancelled {
			wantErr(t, err, "nothing has come for a while")
		}
		only(t, filepath.Dir(dir))
		cancel()
	}
}

// writeLayout makes an OCI layout with images of the names.
func writeLayout(t testing.TB, images map[string]v1.Image) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "layout")
	p, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range slices.Sorted(maps.Keys(images)) {
		if err := p.AppendImage(images[ref], layout.WithAnnotations(map[string]string{refName: ref})); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestDockerArchive: what docker save and podman save make.
func TestDockerArchive(t *testing.T) {
	one := image(t, platform, layers(t, "14.3-RELEASE")...)
	cfg, err := one.RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := one.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	id := sumOf(cfg)
	// As podman makes it: layers without compression, and links to them.
	entries := []entry{{name: id + ".json", data: string(cfg)}}
	var names []string
	ls, err := one.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range ls {
		r, err := l.Compressed()
		if err != nil {
			t.Fatal(err)
		}
		d, err := decompress(context.Background(), r, DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(d)
		if err != nil {
			t.Fatal(err)
		}
		d.Close()
		dir := strings.Repeat(fmt.Sprint(i), 64)
		entries = append(entries, entry{name: sumOf(data) + ".tar", data: string(data)}, entry{name: dir + "/layer.tar", typ: tar.TypeSymlink, link: "../" + sumOf(data) + ".tar"})
		names = append(names, dir+"/layer.tar")
		parsed.RootFS.DiffIDs[i] = v1.Hash{Algorithm: "sha256", Hex: sumOf(data)}
	}
	rawConfig, err := json.Marshal(parsed)
	if err != nil {
		t.Fatal(err)
	}
	entries[0].data = string(rawConfig)
	manifest := func(tag string, layers ...string) entry {
		text, err := json.Marshal([]dockerImage{{Config: id + ".json", RepoTags: []string{tag}, Layers: layers}})
		if err != nil {
			t.Fatal(err)
		}
		return entry{name: "manifest.json", data: string(text)}
	}
	archive := func(more ...entry) []byte { return tarball(t, append(slices.Clone(entries), more...)...) }
	for _, tt := range []struct {
		name string
		data []byte
		ref  string
		err  string
	}{
		{"podman", archive(manifest("a:1", names...)), "", ""},
		{"by name", archive(manifest("a:1", names...)), "a:1", ""},
		{"by another name", archive(manifest("a:1", names...)), "a:2", `no image "a:2"`},
		{"layer missing", archive(manifest("a:1", names[:2]...)), "", "has 2 layers, its configuration 3"},
		{"layers swapped", archive(manifest("a:1", names[0], names[2], names[1])), "", "wrong digest"},
		{"layer from outside", archive(manifest("a:1", "../../../etc/passwd", names[1], names[2])), "", "path escapes"},
		{"layer through a link outside", archive(entry{name: "x", typ: tar.TypeSymlink, link: "/etc/passwd"}, manifest("a:1", "x", names[1], names[2])), "", "path escapes"},
		{"layer that is a FIFO", archive(entry{name: "x", typ: tar.TypeFifo}, manifest("a:1", "x", names[1], names[2])), "", "is not a file"},
		{"no manifest", archive(), "", "manifest.json: no such file"},
		{"junk", archive(entry{name: "manifest.json", data: "junk"}), "", "manifest.json: invalid"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := testClient(t)
			to := filepath.Join(t.TempDir(), "fb")
			src := Source{File, write(t, filepath.Join(t.TempDir(), "d.tar"), tt.data)}
			_, err := c.Install(context.Background(), Wish{Source: src, Options: Options{Ref: tt.ref}, Dir: to})
			only(t, c.Cache)
			installed(t, c, to, err, tt.err)
		})
	}
}

// tarDir makes an archive of a directory, as tar -C does.
func tarDir(t testing.TB, dir string, more ...entry) []byte {
	t.Helper()
	entries := []entry{{name: "./"}}
	err := filepath.WalkDir(dir, func(full string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(full)
		rel, _ := filepath.Rel(dir, full)
		entries = append(entries, entry{name: "./" + rel, data: string(data)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tarball(t, append(entries, more...)...)
}

func TestLayout(t *testing.T) {
	ctx := context.Background()
	one := image(t, platform, layers(t, "14.3-RELEASE")...)
	two := image(t, platform, layers(t, "14.2-RELEASE")...)
	dir := writeLayout(t, map[string]v1.Image{"14.3": one})
	both := writeLayout(t, map[string]v1.Image{"14.3": one, "14.2": two})
	damaged := writeLayout(t, map[string]v1.Image{"14.3": one})
	m, err := one.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	blob := filepath.Join(damaged, "blobs", "sha256", m.Layers[1].Digest.Hex)
	data, err := os.ReadFile(blob)
	if err != nil {
		t.Fatal(err)
	}
	write(t, blob, append(bytes.Clone(data), 0))
	badConfig := writeLayout(t, map[string]v1.Image{"14.3": one})
	write(t, filepath.Join(badConfig, "blobs", "sha256", m.Config.Digest.Hex), []byte(`{"os":"freebsd","architecture":"amd64"} `))
	badManifest := writeLayout(t, map[string]v1.Image{"14.3": one})
	digest, err := one.Digest()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := one.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(badManifest, "blobs", "sha256", digest.Hex), append(bytes.Clone(raw), ' '))
	nested := filepath.Join(t.TempDir(), "nested")
	if p, err := layout.Write(nested, empty.Index); err != nil {
		t.Fatal(err)
	} else if err := p.AppendIndex(index(map[string]v1.Image{platform: one, "freebsd/arm64": two}), layout.WithAnnotations(map[string]string{refName: "x"})); err != nil {
		t.Fatal(err)
	}
	file := func(name, how string, data []byte) string {
		return write(t, filepath.Join(t.TempDir(), name), pack(t, how, data))
	}
	for _, tt := range []struct{ name, source, ref, err string }{
		{"directory", dir, "", ""},
		{"archive", file("a.tar", "", tarDir(t, dir)), "", ""},
		{"archive as FreeBSD has it", file("a.txz", "xz", tarDir(t, dir)), "", ""},
		{"several", both, "", "several images for freebsd/amd64 in there (name one by --ref): 14.2, 14.3"},
		{"one of several", both, "14.3", ""},
		{"none of several", both, "15", `no image "15"`},
		{"damaged layer", damaged, "", "wrong digest"},
		{"damaged configuration", badConfig, "", "wrong digest"},
		{"damaged manifest", badManifest, "", "wrong digest"},
		{"index in the index", nested, "", ""},
		{"index in the index, by name", nested, "x", ""},
		{"empty directory", t.TempDir(), "", "no index.json"},
		{"docker archive without images", file("d.tar", "", tarball(t, entry{name: "manifest.json", data: "[]"})), "", "no image for freebsd/amd64"},
		{"archive with a link", file("l.tar", "", tarDir(t, dir, entry{name: "blobs/x", typ: tar.TypeSymlink, link: "/etc/shadow"})), "", "is a link"},
		{"cut archive", file("c.tar", "", tarDir(t, dir)[:4096]), "", "too early"},
		{"something else", file("s.tar", "", tarball(t, entry{name: "src/main.c", data: "x"})), "", "not a FreeBSD system"},
		{"no such file", "/nonexistent/base.txz", "", "no such file"},
		{"device", "/dev/null", "", "neither a file nor a directory"},
		{"empty file", file("e.tar", "", nil), "", "is empty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := testClient(t)
			to := filepath.Join(t.TempDir(), "fb")
			_, err := c.Install(ctx, Wish{Source: Source{File, tt.source}, Options: Options{Ref: tt.ref}, Dir: to})
			if entries, e := os.ReadDir(c.Cache); e == nil && len(entries) > 0 {
				t.Errorf("left in the cache: %v", entries)
			}
			installed(t, c, to, err, tt.err)
			if tt.err != "" {
				return
			}
			if news, err := c.Outdated(ctx, to); news || err != nil {
				t.Errorf("outdated %v, %v", news, err)
			}
		})
	}
}

// installed wants what Install answered to be the error want, with nothing left
// beside dir, or with none a system of 14.3 there.
func installed(t *testing.T, c *Client, dir string, err error, want string) {
	t.Helper()
	if want != "" {
		wantErr(t, err, want)
		only(t, filepath.Dir(dir))
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	intact(t, c, dir, "14.3-RELEASE")
}

package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// TestRootfsRemote gets systems from a mirror and a registry, as a user would.
func TestRootfsRemote(t *testing.T) {
	base := smallSystem(t, "14.3-RELEASE-p1")
	reg := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/releases/amd64/":
			fmt.Fprint(w, `<a href="14.3-RELEASE/">`)
		case "/releases/amd64/14.3-RELEASE/MANIFEST":
			fmt.Fprintf(w, "base.txz\t%x\t1\tbase\t\"x\"\ton\n", sha256.Sum256(base))
		case "/releases/amd64/14.3-RELEASE/base.txz":
			_, _ = w.Write(base)
		default:
			reg.ServeHTTP(w, r)
		}
	}))
	defer s.Close()
	repo := strings.TrimPrefix(s.URL, "http://") + "/freebsd/freebsd-runtime"
	push := func(release string) {
		t.Helper()
		img, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1), static.NewLayer(smallSystem(t, release), types.OCIUncompressedLayer))
		if err != nil {
			t.Fatal(err)
		}
		if img, err = mutate.ConfigFile(img, &v1.ConfigFile{OS: "freebsd", Architecture: "amd64"}); err != nil {
			t.Fatal(err)
		}
		ref, err := name.ParseReference(repo + ":14")
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(ref, img); err != nil {
			t.Fatal(err)
		}
	}
	push("14.2-RELEASE")

	dir := t.TempDir()
	t.Setenv("XDG_DATA_HOME", dir)
	// The machine's own system is none of the test's business.
	if err := os.Mkdir(filepath.Join(dir, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "etc", "config.toml"), []byte("root = \"/nonexistent\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		args   string // after "rootfs"; DIR and REPO are replaced
		status int
		want   string // part of what is printed
		before func()
	}{
		{"list --remote --mirror MIRROR", 0, "14.3-RELEASE\n", nil},
		{"list --remote REPO", 0, "14\n", nil},
		{"list --remote REPO-none", 1, "there is no such thing", nil},
		{"get 14.3 --mirror MIRROR --dir DIR/release --cache-dir DIR/cache", 0, "DIR/release: FreeBSD 14.3-RELEASE-p1 installed", nil},
		{"get 14.4 --mirror MIRROR --dir DIR/none --cache-dir DIR/cache", 1, "rootfs list --remote", nil},
		{"get REPO:14 --dir DIR/image --cache-dir DIR/cache", 0, "DIR/image: FreeBSD 14.2-RELEASE installed", nil},
		{"get REPO:15 --dir DIR/none --cache-dir DIR/cache", 1, "there is no such thing", nil},
		{"update", 1, "say which: DIR/image, DIR/release", nil},
		{"update release --cache-dir DIR/cache", 0, "up to date", nil},
		{"update image --check", 0, "up to date", nil},
		{"update image --check", 1, "something new", func() { push("14.3-RELEASE") }},
		{"update image --cache-dir DIR/cache --no-cache", 0, "DIR/image: FreeBSD 14.3-RELEASE installed", nil},
		{"verify image release", 0, "DIR/release: as installed", nil},
		{"remove image release", 0, "DIR/release: removed", nil},
		{"list", 0, "none installed", nil},
	} {
		if step.before != nil {
			step.before()
		}
		replace := strings.NewReplacer("DIR", dir, "REPO", repo, "MIRROR", s.URL)
		args := append([]string{"--config-dir", filepath.Join(dir, "etc"), "rootfs", "--state-dir", filepath.Join(dir, "state")}, strings.Fields(replace.Replace(step.args))...)
		var out bytes.Buffer
		if status := run(args, &out, &out); status != step.status || !strings.Contains(out.String(), replace.Replace(step.want)) {
			t.Errorf("%s: status %d, want %d, %q\n%s", step.args, status, step.status, step.want, &out)
		}
	}
}

// smallSystem is an archive with little more than a release.
func smallSystem(t *testing.T, release string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	text := "#!/bin/sh\nUSERLAND_VERSION=\"" + release + "\"\n"
	if err := w.WriteHeader(&tar.Header{Name: "bin/freebsd-version", Mode: 0o555, Size: int64(len(text))}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

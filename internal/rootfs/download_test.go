package rootfs

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// mirror is a web server with one release, that misbehaves as told.
type mirror struct {
	*httptest.Server
	mu      sync.Mutex
	base    []byte
	etag    string
	asked   []string                                          // Range of each request for base.txz
	cutOff  []int                                             // after how many bytes each of the next answers ends
	handler func(w http.ResponseWriter, r *http.Request) bool // true if it has answered
	sum     string                                            // what MANIFEST says, "" for the truth
}

func newMirror(t testing.TB, base []byte) *mirror {
	m := &mirror{base: base, etag: `"one"`}
	m.Server = httptest.NewServer(m)
	t.Cleanup(m.Close)
	return m
}

func (m *mirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.handler != nil && m.handler(w, r) {
		return
	}
	switch r.URL.Path {
	case "/releases/amd64/":
		fmt.Fprint(w, `<a href="../">..</a> <a href="14.3-RELEASE/">14.3</a> <a href="/x/9.3-RELEASE/"> <a href="15.0-RC1/"> <a href="amd64/">`)
	case "/releases/amd64/14.3-RELEASE/MANIFEST":
		sum := m.sum
		if sum == "" {
			sum = sumOf(m.base)
		}
		fmt.Fprintf(w, "base-dbg.txz\t%064d\t1\tbase-dbg\t\"x\"\toff\nbase.txz\t%s\t28000\tbase\t\"Base system (MANDATORY)\"\ton\n", 0, sum)
	case "/releases/amd64/14.3-RELEASE/base.txz":
		m.serveBase(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (m *mirror) serveBase(w http.ResponseWriter, r *http.Request) {
	m.asked = append(m.asked, r.Header.Get("Range"))
	from := 0
	w.Header().Set("ETag", m.etag)
	if rng := r.Header.Get("Range"); rng != "" && (r.Header.Get("If-Range") == "" || r.Header.Get("If-Range") == m.etag) {
		from, _ = strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(rng, "bytes="), "-"))
		if from >= len(m.base) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", len(m.base)))
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return
		}
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(m.base)-1, len(m.base)))
		w.Header().Set("Content-Length", strconv.Itoa(len(m.base)-from))
		w.WriteHeader(http.StatusPartialContent)
	} else {
		w.Header().Set("Content-Length", strconv.Itoa(len(m.base)))
	}
	if len(m.cutOff) > 0 {
		n := m.cutOff[0]
		m.cutOff = m.cutOff[1:]
		_, _ = w.Write(m.base[from:min(from+n, len(m.base))])
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(m.base[from:])
}

// ranges are those that have been asked for since the last time.
func (m *mirror) ranges() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	asked := m.asked
	m.asked = nil
	return asked
}

func (m *mirror) wish(dir string) Wish {
	return Wish{Source: Source{Release, "14.3-RELEASE"}, Options: Options{Mirror: m.URL}, Dir: dir}
}

// incompressible is data of a size that no compression changes much.
func incompressible(n int) string {
	b := make([]byte, n)
	x := uint64(88172645463325252)
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x)
	}
	return string(b)
}

func baseTxz(t testing.TB, release string) []byte {
	return pack(t, "xz", tarball(t, system(release, entry{name: "./random", data: incompressible(300_000)})...))
}

// TestDownload: what servers and networks do. The old tree is there before, and must
// be there after a failure, with nothing beside it.
func TestDownload(t *testing.T) {
	base := baseTxz(t, "14.3-RELEASE")
	old := pack(t, "gzip", tarball(t, system("14.2-RELEASE")...))
	tests := []struct {
		name  string
		set   func(*mirror, *Client)
		err   string
		asked string // ranges
	}{
		{"well", func(m *mirror, c *Client) {}, "", ""},
		{"cut off twice", func(m *mirror, c *Client) { m.cutOff = []int{100_000, 50_000} }, "", ",bytes=100000-,bytes=150000-"},
		{"cut off ever again, but getting on", func(m *mirror, c *Client) {
			m.cutOff = []int{30_000, 30_000, 30_000, 30_000, 30_000, 30_000, 30_000, 30_000}
		}, "", "*"},
		{"cut off at once, for ever", func(m *mirror, c *Client) { m.cutOff = make([]int, 100) }, "EOF", "*"},
		{"another file in between", func(m *mirror, c *Client) {
			m.cutOff = []int{100_000}
			m.handler = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Header.Get("Range") != "" {
					m.etag = `"two"`
				}
				return false
			}
		}, "", ",bytes=100000-"},
		{"another part than asked for", func(m *mirror, c *Client) {
			m.cutOff = []int{100_000}
			m.handler = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Header.Get("Range") == "" {
					return false
				}
				m.handler = nil
				w.Header().Set("Content-Range", "bytes 5-9/10")
				w.WriteHeader(http.StatusPartialContent)
				fmt.Fprint(w, "later")
				return true
			}
		}, "", ","},
		{"no ranges", func(m *mirror, c *Client) {
			m.cutOff = []int{100_000}
			m.handler = func(w http.ResponseWriter, r *http.Request) bool { r.Header.Del("Range"); return false }
		}, "", ","},
		{"wrong digest", func(m *mirror, c *Client) { m.sum = strings.Repeat("ab", 32) }, "base.txz: wrong digest: sha256 " + sumOf(base), ""},
		{"no digest", func(m *mirror, c *Client) { m.sum = "junk" }, `"junk" is no SHA-256`, "-"},
		{"truncated archive", func(m *mirror, c *Client) { m.base = m.base[:len(m.base)-1000] }, "xz: ", ""},
		{"no archive", func(m *mirror, c *Client) { m.base = []byte(strings.Repeat("<html>", 1000)) }, "not a tar archive", ""},
		{"gone", func(m *mirror, c *Client) {
			m.handler = func(w http.ResponseWriter, r *http.Request) bool { http.NotFound(w, r); return true }
		}, "rootfs list --remote", "-"},
		{"forbidden", func(m *mirror, c *Client) {
			m.handler = func(w http.ResponseWriter, r *http.Request) bool { w.WriteHeader(403); return true }
		}, "access denied", "-"},
		{"trouble that passes", func(m *mirror, c *Client) {
			n := 0
			m.handler = func(w http.ResponseWriter, r *http.Request) bool {
				if n++; n%2 == 1 {
					w.WriteHeader(503)
				}
				return n%2 == 1
			}
		}, "", ""},
		{"trouble that stays", func(m *mirror, c *Client) {
			m.handler = func(w http.ResponseWriter, r *http.Request) bool { w.WriteHeader(500); return true }
		}, "500 Internal Server Error", "-"},
		{"redirects without end", func(m *mirror, c *Client) {
			m.handler = func(w http.ResponseWriter, r *http.Request) bool {
				http.Redirect(w, r, r.URL.Path+"?"+r.URL.RawQuery+"x", http.StatusFound)
				return true
			}
		}, "more than 10 redirects", "-"},
		{"a few redirects", func(m *mirror, c *Client) {
			m.handler = func(w http.ResponseWriter, r *http.Request) bool {
				if len(r.URL.RawQuery) >= 3 {
					return false
				}
				http.Redirect(w, r, r.URL.Path+"?"+r.URL.RawQuery+"x", http.StatusFound)
				return true
			}
		}, "", ""},
		{"a MANIFEST without end", func(m *mirror, c *Client) {
			m.handler = func(w http.ResponseWriter, r *http.Request) bool {
				_, _ = w.Write(make([]byte, 2<<20))
				return true
			}
		}, "larger than is allowed", "-"},
		{"another MANIFEST", func(m *mirror, c *Client) {
			m.handler = func(w http.ResponseWriter, r *http.Request) bool { fmt.Fprint(w, "<html>"); return true }
		}, "names no base.txz", "-"},
		{"asleep", func(m *mirror, c *Client) {
			c.stallAfter = 50 * time.Millisecond
			m.handler = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, "base.txz") {
					return false
				}
				m.mu.Unlock()
				<-r.Context().Done()
				m.mu.Lock()
				return true
			}
		}, "nothing has come for a while", "-"},
		{"more than is allowed", func(m *mirror, c *Client) { c.Limits.Size = 1000 }, "--max-size", ""},
		{"nobody there", func(m *mirror, c *Client) { m.Close() }, "no connection", "-"},
		{"no host", func(m *mirror, c *Client) {
			c.rt = roundTrip(func(*http.Request) (*http.Response, error) {
				return nil, &net.DNSError{Err: "no such host", Name: "mirror.invalid", IsNotFound: true}
			})
		}, "cannot find the host mirror.invalid", "-"},
		{"disk full in the cache", func(m *mirror, c *Client) {
			rt := c.transport()
			c.rt = roundTrip(func(r *http.Request) (*http.Response, error) {
				resp, err := rt.RoundTrip(r)
				if err == nil && strings.HasSuffix(r.URL.Path, "base.txz") {
					resp.ContentLength = 1 << 60
				}
				return resp, err
			})
			c.Limits.Size = 0
		}, "not enough room", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := testClient(t)
			dir := filepath.Join(t.TempDir(), "fb")
			src := Source{File, write(t, filepath.Join(t.TempDir(), "old.tgz"), old)}
			if _, err := c.Install(context.Background(), Wish{Source: src, Dir: dir}); err != nil {
				t.Fatal(err)
			}
			m := newMirror(t, base)
			tt.set(m, c)
			_, err := c.Install(context.Background(), m.wish(dir))
			only(t, filepath.Dir(dir), "fb")
			if tt.err == "" {
				if err != nil {
					t.Fatal(err)
				}
				intact(t, c, dir, "14.3-RELEASE")
				only(t, filepath.Join(c.Cache, "partial"))
				only(t, filepath.Join(c.Cache, "blobs", "sha256"), sumOf(m.base))
			} else {
				wantErr(t, err, tt.err)
				intact(t, c, dir, "14.2-RELEASE")
			}
			asked := m.ranges()
			if got := strings.Join(asked, ","); tt.asked != "*" && tt.asked != "-" && !strings.HasPrefix(got, tt.asked) {
				t.Errorf("asked for %q, want %q", got, tt.asked)
			}
			if tt.asked == "-" && len(asked) > 0 {
				t.Errorf("asked for %q", asked)
			}
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestResume: a download goes on in a later run, damaged or not, and is not made twice.
func TestResume(t *testing.T) {
	base := baseTxz(t, "14.3-RELEASE")
	m, c := newMirror(t, base), testClient(t)
	dir := filepath.Join(t.TempDir(), "fb")
	partial := filepath.Join(c.Cache, "partial", sumOf(base))
	m.cutOff = []int{100_000, 0, 0, 0, 0, 0}
	_, err := c.Install(context.Background(), m.wish(dir))
	wantErr(t, err, "EOF")
	if got, err := os.ReadFile(partial); err != nil || string(got) != string(base[:100_000]) {
		t.Fatalf("%d bytes kept, %v", len(got), err)
	}
	m.ranges()
	m.mu.Lock()
	m.cutOff = nil
	m.mu.Unlock()
	if _, err := c.Install(context.Background(), m.wish(dir)); err != nil {
		t.Fatal(err)
	}
	if asked := m.ranges(); len(asked) != 1 || asked[0] != "bytes=100000-" {
		t.Errorf("asked for %q", asked)
	}
	intact(t, c, dir, "14.3-RELEASE")

	// Again: out of the cache.
	w := m.wish(dir)
	w.Force = true
	_, err = c.Install(context.Background(), w)
	if asked := m.ranges(); err != nil || len(asked) != 0 {
		t.Errorf("%v, asked for %q", err, asked)
	}
	// The cache is damaged.
	write(t, filepath.Join(c.Cache, "blobs", "sha256", sumOf(base)), base[:len(base)-1])
	_, err = c.Install(context.Background(), w)
	if asked := m.ranges(); err != nil || len(asked) != 1 {
		t.Errorf("%v, asked for %q", err, asked)
	}
	// What an earlier run has left is damaged, complete or even too long.
	for _, left := range [][]byte{[]byte("junk"), append(base[:len(base)-1:len(base)-1], 0), append(base[:len(base):len(base)], 0)} {
		if _, err := c.CleanCache(); err != nil {
			t.Fatal(err)
		}
		write(t, partial, left)
		if _, err := c.Install(context.Background(), w); err != nil {
			t.Errorf("%d bytes left: %v", len(left), err)
		}
	}
	intact(t, c, dir, "14.3-RELEASE")
}

// TestTogether: two at once share a download; one tree results.
func TestTogether(t *testing.T) {
	m, c := newMirror(t, baseTxz(t, "14.3-RELEASE")), testClient(t)
	dir := filepath.Join(t.TempDir(), "fb")
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wg.Go(func() {
			one := &Client{Cache: c.Cache, State: c.State, Limits: c.Limits, firstPause: time.Millisecond}
			_, errs[i] = one.Install(context.Background(), m.wish(dir))
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil && !strings.Contains(err.Error(), "another lsf-install") {
			t.Error(err)
		}
	}
	if asked := m.ranges(); len(asked) != 1 {
		t.Errorf("asked for %q", asked)
	}
	intact(t, c, dir, "14.3-RELEASE")
	only(t, filepath.Dir(dir), "fb")
}

// TestCancelDownload: a server that never ends does not keep a user who has had enough.
func TestCancelDownload(t *testing.T) {
	base := baseTxz(t, "14.3-RELEASE")
	m, c := newMirror(t, base), testClient(t)
	ctx, cancel := context.WithCancel(context.Background())
	m.handler = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "base.txz") {
			return false
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(base)))
		_, _ = w.Write(base[:1000])
		w.(http.Flusher).Flush()
		cancel()
		<-r.Context().Done()
		return true
	}
	dir := filepath.Join(t.TempDir(), "fb")
	if _, err := c.Install(ctx, m.wish(dir)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	only(t, filepath.Dir(dir))
}

func TestExplain(t *testing.T) {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	s.Config.ErrorLog = nil
	c := testClient(t)
	_, err := c.fetchText(context.Background(), s.URL, 10)
	wantErr(t, err, "ca-certificates", "certificate")
	// https to http
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	tlsServer := httptest.NewTLSServer(http.RedirectHandler(plain.URL, http.StatusFound))
	defer tlsServer.Close()
	c.rt = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	_, err = c.fetchText(context.Background(), tlsServer.URL, 10)
	wantErr(t, err, "redirected from https to http")
	if err := explain(fmt.Errorf("write: %w", unix.ENOSPC)); !strings.Contains(err.Error(), "the disk is full") {
		t.Error(err)
	}
}

func TestReleases(t *testing.T) {
	m, c := newMirror(t, nil), testClient(t)
	got, err := c.Releases(context.Background(), m.URL+"/")
	if err != nil || strings.Join(got, " ") != "9.3-RELEASE 14.3-RELEASE 15.0-RC1" {
		t.Errorf("%q, %v", got, err)
	}
	for _, tt := range []struct{ mirror, release, want string }{
		{"", "14.3-RELEASE", "https://download.freebsd.org/releases/amd64/14.3-RELEASE/"},
		{"http://m/pub/", "15.0-CURRENT", "http://m/pub/snapshots/amd64/15.0-CURRENT/"},
		{"http://m/old-releases/amd64/", "9.3-RELEASE", "http://m/old-releases/amd64/9.3-RELEASE/"},
		{"http://m", "", "http://m/releases/amd64/"},
	} {
		if got := releaseURL(tt.mirror, tt.release); got != tt.want {
			t.Errorf("%s, want %s", got, tt.want)
		}
	}
}

func TestParseSource(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "here/f", nil)
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ text, want, short, err string }{
		{"14.3", "release:14.3-RELEASE", "freebsd-14.3", ""},
		{"14.3-release", "release:14.3-RELEASE", "freebsd-14.3", ""},
		{"15.0-RC1", "release:15.0-RC1", "freebsd-15.0-RC1", ""},
		{"release:15.0-CURRENT", "release:15.0-CURRENT", "freebsd-15.0-CURRENT", ""},
		{"14.3-RELEASE-p4", "", "", "get 14.3-RELEASE"},
		{"release:fourteen", "", "", "is no release"},
		{"freebsd/freebsd-runtime:14.3", "image:index.docker.io/freebsd/freebsd-runtime:14.3", "freebsd-runtime-14.3", ""},
		{"ghcr.io/freebsd/freebsd-runtime", "image:ghcr.io/freebsd/freebsd-runtime:latest", "freebsd-runtime-latest", ""},
		{"docker://localhost:5000/x:y", "image:localhost:5000/x:y", "x-y", ""},
		{"x@sha256:" + strings.Repeat("0", 64), "image:index.docker.io/library/x@sha256:" + strings.Repeat("0", 64), "x-000000000000", ""},
		{"base.txz", "file:" + cwd + "/base.txz", "base", ""},
		{"./dir", "file:" + cwd + "/dir", "dir", ""},
		{"/a/../b.tar.zst", "file:/b.tar.zst", "b", ""},
		{"oci:lay", "file:" + cwd + "/lay", "lay", ""},
		{"here", "", "", "say which is meant: ./here"},
		{"https://x/base.txz", "", "", "a URL"},
		{"UPPER", "", "", "neither a release nor a file nor an image"},
		{"", "", "", "no source"},
	} {
		s, err := ParseSource(tt.text)
		if tt.err != "" {
			wantErr(t, err, tt.err)
			continue
		}
		if err != nil || s.String() != tt.want || s.ShortName() != tt.short {
			t.Errorf("%s: %v, %s, %v, want %s, %s", tt.text, s, s.ShortName(), err, tt.want, tt.short)
		}
		if again, err := ParseSource(s.String()); err != nil || again != s {
			t.Errorf("%v again: %v, %v", s, again, err)
		}
	}
}

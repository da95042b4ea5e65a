package rootfs

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"golang.org/x/sys/unix"
)

// DefaultMirror holds FreeBSD's releases.
const DefaultMirror = "https://download.freebsd.org"

// Kind is where a tree can come from.
type Kind string

// The kinds of sources.
const (
	Release Kind = "release" // a release's base.txz
	Image   Kind = "image"   // an OCI image in a registry
	File    Kind = "file"    // an archive or an OCI layout
)

// Source is where a tree comes from. Its text can be given again.
type Source struct {
	Kind Kind
	Name string // "14.3-RELEASE", a full image reference, or an absolute path
}

func (s Source) String() string { return string(s.Kind) + ":" + s.Name }

var (
	releaseName = regexp.MustCompile(`^([0-9]{1,2}\.[0-9]{1,2})(-(RELEASE|RC[0-9]+|BETA[0-9]+|ALPHA[0-9]+|STABLE|CURRENT|PRERELEASE)(-P[0-9]+)?)?$`)
	archiveName = regexp.MustCompile(`\.(tar|txz|tgz|tzst|tbz|tar\.[a-z0-9]+)$`)
)

// ParseSource understands what users call a source: a release ("14.3",
// "15.0-RC1"), the name of a file or directory ("./base.txz"), an image
// ("freebsd/freebsd-runtime:14.3"), or one of these with its kind and a colon before.
func ParseSource(text string) (Source, error) {
	kind, rest, _ := strings.Cut(text, ":")
	switch kind {
	case "release":
		return parseRelease(rest)
	case "image", "docker":
		return parseImage(strings.TrimPrefix(rest, "//"))
	case "file", "oci", "oci-archive", "docker-archive":
		return parseFile(rest)
	case "http", "https":
		return Source{}, fmt.Errorf("%s: a URL (download it and give the file's name; or name a release, and its server by --mirror)", text)
	}
	switch {
	case text == "":
		return Source{}, errors.New("no source given")
	case releaseName.MatchString(strings.ToUpper(text)):
		return parseRelease(text)
	case path.IsAbs(text), text == ".", text == "..", strings.HasPrefix(text, "./"), strings.HasPrefix(text, "../"), archiveName.MatchString(text):
		return parseFile(text)
	}
	if _, err := os.Stat(text); err == nil {
		return Source{}, fmt.Errorf("%s: say which is meant: ./%s (what is here) or image:%s (from a registry)", text, text, text)
	}
	return parseImage(text)
}

func parseRelease(text string) (Source, error) {
	m := releaseName.FindStringSubmatch(strings.ToUpper(text))
	switch {
	case m == nil:
		return Source{}, fmt.Errorf("%q is no release (as 14.3 or 15.0-RC1)", text)
	case m[4] != "":
		return Source{}, fmt.Errorf("%s: patch levels are not published as a whole: get %s", text, strings.TrimSuffix(strings.ToUpper(text), m[4]))
	case m[2] == "":
		return Source{Release, m[1] + "-RELEASE"}, nil
	}
	return Source{Release, m[0]}, nil
}

func parseImage(text string) (Source, error) {
	ref, err := name.ParseReference(text)
	if err != nil {
		return Source{}, fmt.Errorf("%q is neither a release nor a file nor an image: %w", text, err)
	}
	return Source{Image, ref.Name()}, nil
}

func parseFile(text string) (Source, error) {
	abs, err := filepath.Abs(text)
	if err != nil {
		return Source{}, err
	}
	return Source{File, abs}, nil
}

// ShortName is a name for a tree from this source, such as "freebsd-14.3".
func (s Source) ShortName() string {
	var short string
	switch s.Kind {
	case Release:
		short = "freebsd-" + strings.TrimSuffix(s.Name, "-RELEASE")
	case Image:
		repo, digest, _ := strings.Cut(path.Base(s.Name), "@")
		short = strings.ReplaceAll(repo, ":", "-")
		if digest != "" {
			short += "-" + strings.TrimPrefix(digest, "sha256:")[:12]
		}
	default:
		short = archiveName.ReplaceAllString(filepath.Base(s.Name), "")
	}
	return strings.TrimLeft(short, ".")
}

// blob is an archive to be extracted: a local file, or one to be downloaded first.
type blob struct {
	root   *os.Root // what path is in, if it is not nil
	path   string   // "" until it has been downloaded
	sha256 string   // hex, "" if it is not known
	diffID string   // as sha256, of what is in it if it is compressed
	remote remoteFile
}

// open opens a blob that is here.
func (b blob) open() (*os.File, error) {
	if b.root == nil {
		return os.Open(b.path)
	}
	// Were it a FIFO, somebody would have to write to it.
	f, err := b.root.OpenFile(b.path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, fmt.Errorf("%s in the image is not a file", b.path)
	}
	return f, nil
}

// content is what a source has at present.
type content struct {
	digest string // of the whole: "sha256:…"
	layers []blob
	image  bool   // with whiteouts
	close  func() // gives back what holds the blobs
}

// Options are what else there is to say about a source.
type Options struct {
	Ref    string // which of several images in an OCI layout
	Mirror string // instead of DefaultMirror
}

// resolve asks what a source has at present. No layer is downloaded for that.
func (c *Client) resolve(ctx context.Context, s Source, opt Options) (*content, error) {
	got := &content{close: func() {}}
	var err error
	switch s.Kind {
	case Release:
		err = c.resolveRelease(ctx, got, s.Name, opt.Mirror)
	case Image:
		err = c.resolveImage(ctx, got, s.Name)
	case File:
		err = c.resolveFile(ctx, got, s.Name, opt.Ref)
	default:
		err = errors.New("of no known kind")
	}
	if err != nil {
		got.close()
		return nil, fmt.Errorf("%s: %w", s, err)
	}
	return got, nil
}

// releaseURL is the directory of a release. A mirror is what holds releases/ and
// snapshots/, or, when its name ends in /amd64, the directories of releases themselves.
func releaseURL(mirror, release string) string {
	if mirror == "" {
		mirror = DefaultMirror
	}
	mirror = strings.TrimRight(mirror, "/")
	if release != "" {
		release += "/"
	}
	if path.Base(mirror) == "amd64" {
		return mirror + "/" + release
	}
	if slices.ContainsFunc([]string{"-CURRENT/", "-STABLE/", "-PRERELEASE/"}, func(s string) bool { return strings.HasSuffix(release, s) }) {
		return mirror + "/snapshots/amd64/" + release
	}
	return mirror + "/releases/amd64/" + release
}

func (c *Client) resolveRelease(ctx context.Context, got *content, release, mirror string) error {
	base := releaseURL(mirror, release)
	if strings.HasPrefix(base, "http:") {
		c.say("note: %s is asked without TLS: nobody vouches for what it says", redacted(base))
	}
	text, err := c.fetchText(ctx, base+"MANIFEST", 1<<20)
	if err != nil {
		return err
	}
	sum, err := manifestSum(text, "base.txz")
	if err != nil {
		return fmt.Errorf("%sMANIFEST: %w", redacted(base), err)
	}
	got.digest = "sha256:" + sum
	got.layers = []blob{{sha256: sum, remote: remoteFile{
		name: "base.txz", url: base + "base.txz", sha256: sum, size: -1, client: newClient(c.transport()),
	}}}
	return nil
}

// manifestSum finds a set's digest in a release's MANIFEST, whose lines have the
// file's name, its SHA-256, a count of files, and a description, between tabs.
func manifestSum(text []byte, set string) (string, error) {
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != set {
			continue
		}
		if sum, err := hex.DecodeString(f[1]); err != nil || len(sum) != 32 {
			return "", fmt.Errorf("%q is no SHA-256", f[1])
		}
		return strings.ToLower(f[1]), nil
	}
	return "", fmt.Errorf("names no %s (is it FreeBSD's?)", set)
}

// Releases lists the releases that a mirror has.
func (c *Client) Releases(ctx context.Context, mirror string) ([]string, error) {
	dir := releaseURL(mirror, "")
	text, err := c.fetchText(ctx, dir, 4<<20)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", redacted(dir), err)
	}
	var list []string
	for _, m := range regexp.MustCompile(`href="(?:[^"]*/)?([0-9]+\.[0-9]+-[A-Z0-9]+)/?"`).FindAllStringSubmatch(string(text), -1) {
		if releaseName.MatchString(m[1]) && !slices.Contains(list, m[1]) {
			list = append(list, m[1])
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: lists no releases", redacted(dir))
	}
	slices.SortFunc(list, compareReleases)
	return list, nil
}

// compareReleases orders 9.3 before 13.0.
func compareReleases(a, b string) int {
	num := func(s string) (n int) {
		var major, minor int
		_, _ = fmt.Sscanf(s, "%d.%d", &major, &minor)
		return major*1000 + minor
	}
	if d := num(a) - num(b); d != 0 {
		return d
	}
	return strings.Compare(a, b)
}

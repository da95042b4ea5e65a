package rootfs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// The platform of images.
const (
	platformOS   = "freebsd"
	platformArch = "amd64"
	platform     = platformOS + "/" + platformArch
)

// refName is the annotation that names an image in an OCI layout.
const refName = "org.opencontainers.image.ref.name"

func (c *Client) remoteOptions(ctx context.Context) []remote.Option {
	return []remote.Option{remote.WithContext(ctx), remote.WithTransport(c.transport()),
		remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithUserAgent(userAgent)}
}

// resolveImage finds a registry's image for FreeBSD. The layers are left to
// download, which can go on with one that was cut off.
func (c *Client) resolveImage(ctx context.Context, got *content, reference string) error {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return err
	}
	// All that is asked for here is small.
	ctx, cancel := context.WithTimeoutCause(ctx, 3*c.stall(), errStalled)
	defer cancel()
	desc, err := remote.Get(ref, c.remoteOptions(ctx)...)
	if err != nil {
		return explain(err)
	}
	var img v1.Image
	if desc.MediaType.IsIndex() {
		idx, err := desc.ImageIndex()
		if err != nil {
			return explain(err)
		}
		if img, err = pickImage(idx, "", true); err != nil {
			return explain(err)
		}
	} else if img, err = desc.Image(); err != nil {
		return explain(err)
	}
	repo := ref.Context()
	auth, err := authn.Resolve(ctx, authn.DefaultKeychain, repo)
	if err != nil {
		return err
	}
	rt, err := transport.NewWithContext(ctx, repo.Registry, auth, c.transport(), []string{repo.Scope(transport.PullScope)})
	if err != nil {
		return explain(err)
	}
	return got.fromImage(img, func(d v1.Descriptor, name string) (blob, error) {
		url := fmt.Sprintf("%s://%s/v2/%s/blobs/%s", repo.Scheme(), repo.RegistryStr(), repo.RepositoryStr(), d.Digest)
		return blob{sha256: d.Digest.Hex, remote: remoteFile{
			name: name, url: url, sha256: d.Digest.Hex, size: d.Size, client: newClient(rt),
		}}, nil
	})
}

// Tags lists the tags that a registry has of an image.
func (c *Client) Tags(ctx context.Context, repository string) ([]string, error) {
	repo, err := name.NewRepository(repository)
	if err != nil {
		return nil, err
	}
	tags, err := remote.List(repo, c.remoteOptions(ctx)...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", repo.Name(), explain(err))
	}
	slices.SortFunc(tags, compareReleases)
	return tags, nil
}

// pickImage finds the image for FreeBSD in an index. Where there are several, the
// first is taken, or that is an error; ref, if it is not "", narrows them down.
func pickImage(idx v1.ImageIndex, ref string, first bool) (v1.Image, error) {
	var found []v1.Image
	var names, seen []string
	err := eachImage(idx, "", 0, func(name string, p *v1.Platform, load func() (v1.Image, error)) error {
		var img v1.Image
		if p == nil { // the image itself may tell
			var err error
			if img, err = load(); err != nil {
				return err
			}
			cfg, err := img.ConfigFile()
			if err != nil {
				return err
			}
			p = &v1.Platform{OS: cfg.OS, Architecture: cfg.Architecture}
		}
		seen = append(seen, p.OS+"/"+p.Architecture)
		if p.OS != platformOS || p.Architecture != platformArch || ref != "" && name != ref {
			return nil
		}
		if img == nil {
			var err error
			if img, err = load(); err != nil {
				return err
			}
		}
		found, names = append(found, img), append(names, name)
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0 && ref != "":
		return nil, fmt.Errorf("no image %q for %s in there", ref, platform)
	case len(found) == 0:
		slices.Sort(seen)
		return nil, fmt.Errorf("no image for %s in there, only for: %s", platform, strings.Join(slices.Compact(seen), ", "))
	case len(found) > 1 && !first:
		return nil, fmt.Errorf("several images for %s in there (name one by --ref): %s", platform, strings.Join(names, ", "))
	}
	return found[0], nil
}

// eachImage calls f for the images in an index and in those it holds, with their
// names, and their platforms if the index tells. Manifests have the right digests.
func eachImage(idx v1.ImageIndex, name string, depth int, f func(string, *v1.Platform, func() (v1.Image, error)) error) error {
	m, err := idx.IndexManifest()
	if err != nil {
		return err
	}
	if depth > 3 || len(m.Manifests) > 1000 {
		return errors.New("the image index is too deep or too long")
	}
	for _, d := range m.Manifests {
		ref := name
		if a := d.Annotations[refName]; a != "" {
			ref = a
		}
		switch {
		case d.MediaType.IsIndex():
			sub, err := idx.ImageIndex(d.Digest)
			if err == nil {
				err = checkDigest(sub.RawManifest, d.Digest)
			}
			if err == nil {
				err = eachImage(sub, ref, depth+1, f)
			}
			if err != nil {
				return err
			}
		case d.MediaType.IsImage():
			if d.Platform != nil && d.Platform.OS == "unknown" {
				continue // an attestation
			}
			if err := f(ref, d.Platform, func() (v1.Image, error) {
				img, err := idx.Image(d.Digest)
				if err != nil {
					return nil, err
				}
				return img, checkDigest(img.RawManifest, d.Digest)
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkDigest holds a manifest or configuration against its digest: those who read
// layouts do not.
func checkDigest(read func() ([]byte, error), want v1.Hash) error {
	text, err := read()
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(text); want.Algorithm != "sha256" || hex.EncodeToString(sum[:]) != want.Hex {
		return fmt.Errorf("wrong digest of a manifest or configuration, should be %s", want)
	}
	return nil
}

// fromImage takes over what an image's manifest says.
func (got *content) fromImage(img v1.Image, find func(v1.Descriptor, string) (blob, error)) error {
	m, err := img.Manifest()
	if err != nil {
		return explain(err)
	}
	if err := checkDigest(img.RawConfigFile, m.Config.Digest); err != nil {
		return explain(err)
	}
	cfg, err := img.ConfigFile()
	if err != nil {
		return explain(err)
	}
	if cfg.OS != platformOS || cfg.Architecture != platformArch {
		return fmt.Errorf("the image is for %s/%s, not for %s", cfg.OS, cfg.Architecture, platform)
	}
	digest, err := img.Digest()
	if err != nil {
		return err
	}
	got.digest, got.image = digest.String(), true
	for i, d := range m.Layers {
		switch {
		case d.Digest.Algorithm != "sha256":
			return fmt.Errorf("a layer has a digest of an unknown kind: %s", d.Digest)
		case !d.MediaType.IsLayer() || !d.MediaType.IsDistributable():
			return fmt.Errorf("a layer is of an unknown type: %s", d.MediaType)
		}
		b, err := find(d, fmt.Sprintf("layer %d of %d", i+1, len(m.Layers)))
		if err != nil {
			return err
		}
		got.layers = append(got.layers, b)
	}
	if len(got.layers) == 0 {
		return errors.New("the image has no layers")
	}
	return nil
}

// resolveLayout finds the image for FreeBSD in an OCI layout.
func (got *content) resolveLayout(dir, ref string) error {
	idx, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return fmt.Errorf("not an OCI layout: %w", err)
	}
	img, err := pickImage(idx, ref, false)
	if err != nil {
		return err
	}
	return got.fromImage(img, func(d v1.Descriptor, _ string) (blob, error) {
		return blob{sha256: d.Digest.Hex, path: filepath.Join(dir, "blobs", "sha256", d.Digest.Hex)}, nil
	})
}

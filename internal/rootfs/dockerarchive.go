package rootfs

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// dockerEntry is what archives in docker's own format begin with: names by digest.
var dockerEntry = regexp.MustCompile(`^(sha256:)?[0-9a-f]{64}(\.json|\.tar|\.tar\.gz)?$`)

// dockerImage is an image in manifest.json of such an archive, as "docker save" and
// "podman save" make them. Its names are files of the archive.
type dockerImage struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// resolveDocker finds the image for FreeBSD in an archive that is unpacked in root. Its
// digest is the image's ID, that of its configuration, which has those of the layers.
func (got *content) resolveDocker(root *os.Root, ref string) error {
	text, err := readSmall(root, "manifest.json")
	if err != nil {
		return err
	}
	var images []dockerImage
	if err := json.Unmarshal(text, &images); err != nil {
		return fmt.Errorf("manifest.json: %w", err)
	}
	found := 0
	var seen, names []string
	for _, img := range images {
		text, err := readSmall(root, img.Config)
		if err != nil {
			return err
		}
		var cfg v1.ConfigFile
		if err := json.Unmarshal(text, &cfg); err != nil {
			return fmt.Errorf("the image's configuration: %w", err)
		}
		seen = append(seen, cfg.OS+"/"+cfg.Architecture)
		if cfg.OS != platformOS || cfg.Architecture != platformArch || ref != "" && !slices.Contains(img.RepoTags, ref) {
			continue
		}
		if len(cfg.RootFS.DiffIDs) != len(img.Layers) || len(img.Layers) == 0 {
			return fmt.Errorf("the image has %d layers, its configuration %d", len(img.Layers), len(cfg.RootFS.DiffIDs))
		}
		found++
		names = append(names, img.RepoTags...)
		sum := sha256.Sum256(text)
		got.digest, got.image, got.layers = "sha256:"+hex.EncodeToString(sum[:]), true, nil
		for i, name := range img.Layers {
			if cfg.RootFS.DiffIDs[i].Algorithm != "sha256" {
				return fmt.Errorf("a layer has a digest of an unknown kind: %s", cfg.RootFS.DiffIDs[i])
			}
			got.layers = append(got.layers, blob{root: root, path: name, diffID: cfg.RootFS.DiffIDs[i].Hex})
		}
	}
	switch {
	case found == 0 && ref != "":
		return fmt.Errorf("no image %q for %s in there", ref, platform)
	case found == 0:
		return fmt.Errorf("no image for %s in there, only for: %s", platform, strings.Join(seen, ", "))
	case found > 1:
		return fmt.Errorf("several images for %s in there (name one by --ref): %s", platform, strings.Join(names, ", "))
	}
	return nil
}

// readSmall reads a manifest or configuration.
func readSmall(root *os.Root, name string) ([]byte, error) {
	const limit = 4 << 20
	f, err := blob{root: root, path: name}.open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && len(text) > limit {
		err = errors.New("the image's manifest or configuration is too large")
	}
	return text, err
}

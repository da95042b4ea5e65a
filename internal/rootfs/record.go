package rootfs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lsf-linux/lsf/emul/freebsd"
)

// recordDir is where a tree keeps what is known of it.
const recordDir = ".lsf"

// Record says where a tree is from.
type Record struct {
	Source    string    `json:"source"` // as ParseSource understands it
	Ref       string    `json:"ref,omitempty"`
	Mirror    string    `json:"mirror,omitempty"`
	Digest    string    `json:"digest"`            // of what the source had
	Release   string    `json:"release,omitempty"` // such as "14.3-RELEASE-p2", if the tree tells
	Installed time.Time `json:"installed"`
	Size      int64     `json:"size"` // bytes of all files
	Entries   int       `json:"entries"`
	Setuid    bool      `json:"setuid,omitempty"` // set-ID bits were kept
	Manifest  string    `json:"manifest"`         // SHA-256 of the manifest
}

// errNoRecord says that a directory is not one of ours.
var errNoRecord = errors.New("was not installed by lsf-install")

// noTree is errNoRecord for a directory that is not there at all.
type noTree struct{ error }

func (noTree) Is(err error) bool { return err == errNoRecord }

// readRecord reads a tree's record.
func readRecord(dir string) (*Record, error) {
	text, err := os.ReadFile(filepath.Join(dir, recordDir, "rootfs.json"))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(dir); err != nil {
			return nil, noTree{err}
		}
		return nil, fmt.Errorf("%s %w", dir, errNoRecord)
	}
	if err != nil {
		return nil, err
	}
	r := &Record{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s: its record is damaged: %w", dir, err)
	}
	return r, nil
}

// loadManifest reads a tree's manifest, which must be the one that the record names.
func loadManifest(dir string, r *Record) (map[string]*attrs, error) {
	name := filepath.Join(dir, recordDir, "manifest")
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != r.Manifest {
		return nil, fmt.Errorf("%s has been changed: what it says is worth nothing", name)
	}
	m, err := readManifest(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

// record writes record and manifest into a tree that is otherwise ready.
func (x *extractor) record(r *Record) error {
	if err := x.root.Mkdir(recordDir, 0o755); err != nil {
		return err
	}
	var m bytes.Buffer
	if err := writeManifest(&m, x.tree); err != nil {
		return err
	}
	sum := sha256.Sum256(m.Bytes())
	r.Manifest = hex.EncodeToString(sum[:])
	_ = x.tree.walk(".", func(string, *node) error { r.Entries++; return nil })
	r.Size = x.size
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	if err := x.root.WriteFile(recordDir+"/manifest", m.Bytes(), 0o644); err != nil {
		return err
	}
	return x.root.WriteFile(recordDir+"/rootfs.json", append(text, '\n'), 0o644)
}

// release is what a tree says of itself, "" if nothing.
func (x *extractor) release() string {
	at, err := descend(x.tree, []string{"bin"}, nil)
	if err != nil {
		return ""
	}
	n := at.node().children["freebsd-version"]
	if n == nil || n.kind != kindFile || n.size > 1<<20 {
		return ""
	}
	text, err := x.root.ReadFile(join(at.path(), "freebsd-version"))
	if err != nil {
		return ""
	}
	v := freebsd.UserlandRelease(string(text))
	if len(v) > 64 || strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return ""
	}
	return v
}

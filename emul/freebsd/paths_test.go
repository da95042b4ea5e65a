package freebsd_test

import (
	"os"
	"path/filepath"
	"testing"
)

// TestGuestPaths runs a guest with a prefix, which it uses up.
func TestGuestPaths(t *testing.T) {
	prog, err := os.ReadFile(buildGuest(t, "paths"))
	if err != nil {
		t.Fatal(err)
	}
	var prefix, host string
	make := func(t *testing.T) []string {
		prefix, host = t.TempDir(), t.TempDir()
		for name, text := range map[string]string{
			"etc/only":            "only in the prefix",
			"etc/passwd":          "the prefix's passwd",
			"dir/f":               "f",
			"bin/paths":           string(prog),
			"bin/script":          "#!/bin/paths interpreted\n",
			"bin/freebsd-version": "#!/bin/sh\n\nUSERLAND_VERSION=\"14.0-RELEASE-p3\"\n",
			host + "/file":        "on the host",
			host + "/script":      "#!/bin/paths interpreted\n",
		} {
			if !filepath.IsAbs(name) {
				name = filepath.Join(prefix, name)
			}
			if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(text), 0o777); err != nil {
				t.Fatal(err)
			}
		}
		for name, to := range map[string]string{
			"abs": "/etc/only", "rel": "etc/only", "up": "../../../../etc/only", "dirlink": "/dir",
			"dangling": "/nowhere/x", "tohost": host + "/file", "loop1": "/loop2", "loop2": "loop1",
			"mk": "/dir/made", "link-to-paths": "/bin/paths",
		} {
			if err := os.Symlink(to, filepath.Join(prefix, name)); err != nil {
				t.Fatal(err)
			}
		}
		return []string{"--root", prefix, "--", "/bin/paths", host}
	}
	runLSF(t, make, func(t *testing.T, out string) {
		wantLines(t, "paths", out, os.Geteuid() != 0)
		for _, name := range []string{prefix + "/dir/made", prefix + "/dir/m", host + "/new", host + "/moved", host + "/d"} {
			if _, err := os.Lstat(name); err != nil {
				t.Error(err)
			}
		}
	})
}

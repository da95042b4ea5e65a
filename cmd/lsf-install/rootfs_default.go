package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/config"
	"github.com/lsf-linux/lsf/config/load"
)

// dropIn is the configuration file that "rootfs get --default" writes.
const dropIn = "50-rootfs.toml"

// canConfigure says before a long download that the settings cannot be written.
func (r *rootfsTool) canConfigure() error {
	dir := filepath.Join(r.configDir, "config.d")
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		err = unix.Access(dir, unix.W_OK)
	}
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("--default writes to %s, which needs root (LSF_ROOT=DIRECTORY in your environment does the same for you alone): %w", dir, err)
	}
	return err
}

// configure makes a directory the root of all programs.
func (r *rootfsTool) configure(out io.Writer, dir string) error {
	name := filepath.Join(r.configDir, "config.d", dropIn)
	if c, _ := load.Load(r.configDir, nil); c.Root != dir {
		text := "# Written by lsf-install rootfs get --default.\nroot = " + tomlString(dir) + "\n"
		check := config.Default()
		if err := check.Parse([]byte(text)); err != nil || check.Root != dir {
			return fmt.Errorf("%s cannot be configured: its name cannot be written in a setting: %w", dir, err)
		}
		if err := writeFile(name, []byte(text)); err != nil {
			return err
		}
		if c, _ := load.Load(r.configDir, nil); c.Root != dir {
			return fmt.Errorf("%s is written, but a later file in there sets the root to %s", name, c.Root)
		}
	}
	fmt.Fprintf(out, "%s is the root of FreeBSD programs now\n", dir)
	return nil
}

// tomlString quotes as TOML and JSON agree on.
func tomlString(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string can be encoded
	return strings.TrimSuffix(b.String(), "\n")
}

// writeFile replaces a file as a whole.
func writeFile(name string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".rootfs-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if err2 := f.Close(); err == nil {
		err = err2
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// unconfigure takes back what configure has written, if it names dir.
func (r *rootfsTool) unconfigure(out io.Writer, dir string) error {
	name := filepath.Join(r.configDir, "config.d", dropIn)
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	c := config.Default()
	if err != nil || c.Parse(text) != nil || c.Root != dir {
		return err
	}
	if err := os.Remove(name); err != nil {
		return fmt.Errorf("the settings still name %s: %w", dir, err)
	}
	fmt.Fprintf(out, "removed %s, which named it\n", name)
	return nil
}

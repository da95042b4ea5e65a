package freebsd_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// makeTree makes files, and with "-> target" as contents symbolic links, below
// dir. Their directories are made, too.
func makeTree(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		text := files[name]
		name = filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(name), 0o777)
		if to, ok := strings.CutPrefix(text, "-> "); ok && err == nil {
			err = os.Symlink(to, name)
		} else if err == nil {
			err = os.WriteFile(name, []byte(text), 0o777)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestGuestPaths runs a guest with a prefix, which it uses up.
func TestGuestPaths(t *testing.T) {
	prog := readFile(t, buildGuest(t, "paths"))
	var prefix, host string
	args := func(t *testing.T) []string {
		prefix, host = t.TempDir(), t.TempDir()
		const script = "#!/bin/paths interpreted\n"
		makeTree(t, host, map[string]string{"file": "on the host", "script": script})
		makeTree(t, prefix, map[string]string{
			"etc/only":            "only in the prefix",
			"etc/passwd":          "the prefix's passwd",
			"dir/f":               "f",
			"bin/paths":           prog,
			"bin/script":          script,
			"bin/freebsd-version": "#!/bin/sh\n\nUSERLAND_VERSION=\"14.0-RELEASE-p3\"\n",
			"abs":                 "-> /etc/only",
			"rel":                 "-> etc/only",
			"up":                  "-> ../../../../etc/only",
			"dirlink":             "-> /dir",
			"dangling":            "-> /nowhere/x",
			"tohost":              "-> " + host + "/file",
			"loop1":               "-> /loop2",
			"loop2":               "-> loop1",
			"mk":                  "-> /dir/made",
			"link-to-paths":       "-> /bin/paths",
		})
		return []string{"--root", prefix, "--", "/bin/paths", host}
	}
	runLSF(t, args, func(t *testing.T, out string) {
		wantLines(t, "paths", out, os.Geteuid() != 0)
		for _, name := range []string{prefix + "/dir/made", prefix + "/dir/m", host + "/new", host + "/moved", host + "/d"} {
			if _, err := os.Lstat(name); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestChrootMode: the root directory is changed before the program starts.
func TestChrootMode(t *testing.T) {
	prog := buildGuest(t, "paths")
	t.Setenv("LSF_MODE", "chroot")
	root := t.TempDir()
	makeTree(t, root, map[string]string{"bin/paths": readFile(t, prog), "etc/only": "in the root"})
	tool, err := lsf()
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		out, err := exec.Command(tool, "--root", root, "--", "/bin/paths", "where").CombinedOutput()
		if err == nil || !strings.Contains(string(out), "chroot to "+root) {
			t.Errorf("without privilege: %v, %s", err, out)
		}
		return
	}
	t.Setenv("LSF_RELEASE", "12.4-RELEASE-p1")
	runLSF(t, func(*testing.T) []string { return []string{"--root", root, "--", "/bin/paths", "where"} }, func(t *testing.T, out string) {
		const want = "osrelease: 12.4-RELEASE-p1\nosreldate: 1204000\ncd .: /\nread /etc/only: in the root\n"
		if out != want {
			t.Errorf("got\n%swant\n%s", out, want)
		}
	})
}

// TestAutoMode: a program whose run-time linker is in the configured root only
// runs with that as its prefix. The configuration file is put into a mount
// namespace of its own.
func TestAutoMode(t *testing.T) {
	dir := t.TempDir()
	prog, linker := filepath.Join(dir, "prog"), filepath.Join(dir, "root/libexec/ld-elf.so.1")
	if err := os.MkdirAll(filepath.Dir(linker), 0o777); err != nil {
		t.Fatal(err)
	}
	for out, flags := range map[string][]string{
		prog: {"-pie", "-Wl,--dynamic-linker=/libexec/ld-elf.so.1"}, linker: {"-shared", "-Wl,-e_start"}} {
		cmd := exec.Command("clang", append(flags, "--target=x86_64-unknown-freebsd13", "-nostdlib", "-fuse-ld=lld",
			"-o", out, "testdata/dynamic/say.s")...)
		if b, err := cmd.CombinedOutput(); err != nil {
			t.Skipf("no clang and lld: %v\n%s", err, b)
		}
	}
	tool, err := lsf()
	if err != nil {
		t.Fatal(err)
	}
	run := func(config string) (string, error) {
		const script = `mount -t tmpfs none /etc && mkdir /etc/lsf && echo "$1" >/etc/lsf/config.toml && exec "$2" -- "$3"`
		cmd := exec.Command("/bin/sh", "-c", script, "sh", config, tool, prog)
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}},
		}
		out, err := cmd.CombinedOutput()
		if strings.Contains(string(out), "mount:") || err != nil && cmd.ProcessState == nil {
			t.Skipf("no mount namespaces here: %v %s", err, out)
		}
		return string(out), err
	}
	if out, err := run(`root = "` + dir + `/root"`); out != "loaded\n" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := run(`root = "/nonexistent"`); !strings.Contains(out, "it needs /libexec/ld-elf.so.1") || err == nil {
		t.Errorf("without a root: %q, %v", out, err)
	}
}

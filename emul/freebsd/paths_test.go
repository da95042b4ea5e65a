package freebsd_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
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

// TestHostLinks: a symbolic link of the host in a directory that both sides
// have leads to what the prefix has behind it.
func TestHostLinks(t *testing.T) {
	prog := readFile(t, buildGuest(t, "paths"))
	prefix, host := t.TempDir(), t.TempDir()
	makeTree(t, host, map[string]string{"real/x": "", "alias": "-> real", "loop": "-> " + host + "/loop"})
	makeTree(t, prefix, map[string]string{host + "/real/paths": prog})
	args := func(*testing.T) []string { return []string{"--root", prefix, "--", host + "/alias/paths", "a", "b"} }
	runLSF(t, args, func(t *testing.T, out string) {
		if want := "pathname " + host + "/real/paths\n"; !strings.HasSuffix(out, want) {
			t.Errorf("%q, want %q at its end", out, want)
		}
	})
	tool, _ := lsf()
	for _, name := range []string{"loop", "alias/nothing"} {
		if out, err := exec.Command(tool, "--root", prefix, "--", host+"/"+name).CombinedOutput(); err == nil {
			t.Errorf("%s: %s", name, out)
		}
	}
}

// TestLookup compares where random paths in a random tree lead under a prefix
// with what Linux's own openat2(RESOLVE_IN_ROOT) says. The host has none of
// the names.
func TestLookup(t *testing.T) {
	prog := buildGuest(t, "lookup")
	rnd := rand.New(rand.NewPCG(1, 2))
	root := t.TempDir()
	names := []string{"lsf-a", "lsf-b", "lsf-c", "lsf-d"}
	anyPath := func() string {
		parts := append([]string{".", "..", ""}, names...)
		var p []string
		for range 1 + rnd.IntN(5) {
			p = append(p, parts[rnd.IntN(len(parts))])
		}
		s := strings.Join(p, "/")
		if rnd.IntN(2) == 0 {
			s = "/" + s
		}
		if s == "" {
			return "."
		}
		return s
	}
	dirs := []string{"/"}
	for len(dirs) < 8 {
		d := filepath.Join(dirs[rnd.IntN(len(dirs))], names[rnd.IntN(len(names))])
		if os.Mkdir(root+d, 0o777) == nil {
			dirs = append(dirs, d)
		}
	}
	for range 40 { // of which some are there already
		name := root + filepath.Join(dirs[rnd.IntN(len(dirs))], names[rnd.IntN(len(names))])
		if rnd.IntN(4) == 0 {
			if f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL, 0o666); err == nil {
				f.Close()
			}
		} else {
			os.Symlink(anyPath(), name)
		}
	}
	rootFD, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(rootFD)
	leads := func(path string, flags uint64) string {
		fd, err := unix.Openat2(rootFD, path, &unix.OpenHow{Flags: unix.O_PATH | flags, Resolve: unix.RESOLVE_IN_ROOT})
		if err == unix.ELOOP {
			return "too many levels of symbolic links"
		} else if err != nil {
			return err.Error()
		}
		defer unix.Close(fd)
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			t.Fatal(err)
		}
		return strconv.FormatUint(st.Ino, 10)
	}
	var in, want strings.Builder
	for range 600 {
		dir, path := dirs[rnd.IntN(len(dirs))], anyPath()
		fmt.Fprintln(&in, dir, path)
		abs := path
		if path[0] != '/' {
			abs = dir + "/" + path
		}
		follow := leads(abs, 0)
		link := leads(abs, unix.O_NOFOLLOW)
		if strings.HasSuffix(path, "/") {
			link = follow
		}
		fmt.Fprintf(&want, "%s; %s; %s; %s; \n", follow, link, follow, link)
	}
	args := func(*testing.T) []string { return []string{"--root", root, "--", prog} }
	runLSFWith(t, in.String(), args, func(t *testing.T, out string) {
		asked, wanted, got := strings.Split(in.String(), "\n"), strings.Split(want.String(), "\n"), strings.Split(out, "\n")
		for i := range wanted {
			if i >= len(got) || got[i] != wanted[i] {
				t.Fatalf("%s\ngot  %v\nwant %s", asked[i], got[i:min(i+1, len(got))], wanted[i])
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
		const want = "osrelease: 12.4-RELEASE-p1\nosreldate: 1204000\ncd .: /\nread /etc/only: in the root\n" +
			"cwd: /\nroot: /\nopen: /etc/only\nmapped: /bin/paths\n"
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

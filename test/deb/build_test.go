package deb

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lsf-linux/lsf/internal/lsftest"
)

// version of the package that is built for the tests.
const version = "0.1~test1"

// built is where the packages are, for all tests.
var built struct {
	sync.Once
	dir string
	err error
}

// TestMain removes the packages.
func TestMain(m *testing.M) {
	status := m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(status)
}

// need skips the test where a program is missing.
func need(t *testing.T, programs map[string]string) {
	t.Helper()
	for program, pkg := range programs {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("no %s here (apt-get install %s)", program, pkg)
		}
	}
}

// pkg returns the path of the package, which is built once.
func pkg(t *testing.T) string {
	t.Helper()
	need(t, map[string]string{"dpkg-buildpackage": "dpkg-dev", "dh": "debhelper"})
	built.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "lsf-deb"); built.err == nil {
			built.err = buildPackage(built.dir, "TZ=UTC")
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "lsf_"+version+"_amd64.deb")
}

// later returns the path of a later version of the package. It differs in its
// number, and its files are others to the kernel: what counts for an upgrade.
func later(t *testing.T) string {
	t.Helper()
	deb := pkg(t)
	repacked.Do(func() {
		tree, control := filepath.Join(built.dir, "tree"), filepath.Join(built.dir, "tree/DEBIAN/control")
		if out, err := exec.Command("dpkg-deb", "-R", deb, tree).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		text := strings.Replace(read(t, control), "Version: "+version, "Version: 0.2", 1)
		if err := os.WriteFile(control, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("dpkg-deb", "-Znone", "-b", tree, filepath.Join(built.dir, "later.deb")).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	})
	return filepath.Join(built.dir, "later.deb")
}

var repacked sync.Once

func buildPackage(out string, env ...string) error {
	cmd := exec.Command(filepath.Join(lsftest.Root(), "packaging/deb/build.sh"))
	cmd.Env = append(os.Environ(), "OUT="+out, "VERSION="+version, "SOURCE_DATE_EPOCH=1795762800")
	cmd.Env = append(cmd.Env, env...)
	if msg, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build.sh: %w\n%s", err, msg)
	}
	return nil
}

// TestReproducible builds twice, in different surroundings.
func TestReproducible(t *testing.T) {
	first := pkg(t)
	again := t.TempDir()
	if err := buildPackage(again, "TZ=Asia/Kathmandu", "LC_ALL=C.UTF-8", "TMPDIR="+t.TempDir(), "USER=somebody"); err != nil {
		t.Fatal(err)
	}
	a, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(again, filepath.Base(first)))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Errorf("two builds of one version differ")
	}
}

// TestContents shows that all that belongs in the package is in it, and nothing
// else, with owner and mode.
func TestContents(t *testing.T) {
	cmd := exec.Command("dpkg-deb", "--contents", pkg(t))
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line) // mode, owner, size, date, time, name
		if f[1] != "root/root" {
			t.Errorf("not root's: %s", line)
		}
		switch name := strings.Join(f[5:], " "); f[0][0] {
		case 'd':
			if f[0] != "drwxr-xr-x" {
				t.Errorf("mode: %s", line)
			}
		default:
			got = append(got, f[0]+" "+strings.TrimPrefix(name, "."))
		}
	}
	want := []string{
		"-rw-r--r-- /etc/lsf/config.toml",
		"lrwxrwxrwx /usr/bin/lsf -> ../libexec/lsf/lsf-binfmt",
		"-rw-r--r-- /usr/lib/binfmt.d/lsf-freebsd.conf",
		"-rwxr-xr-x /usr/libexec/lsf/lsf-binfmt",
		"-rwxr-xr-x /usr/sbin/lsf-install",
		"-rw-r--r-- /usr/share/bash-completion/completions/lsf-install",
		"-rw-r--r-- /usr/share/doc/lsf/README.md",
		"-rw-r--r-- /usr/share/doc/lsf/changelog.gz",
		"-rw-r--r-- /usr/share/doc/lsf/copyright",
		"-rw-r--r-- /usr/share/doc/lsf/third-party-notices.gz",
		"-rw-r--r-- /usr/share/fish/vendor_completions.d/lsf-install.fish",
		"-rw-r--r-- /usr/share/lintian/overrides/lsf",
		"-rw-r--r-- /usr/share/man/man1/lsf.1.gz",
		"-rw-r--r-- /usr/share/man/man5/lsf.toml.5.gz",
		"-rw-r--r-- /usr/share/man/man8/lsf-binfmt.8.gz",
		"-rw-r--r-- /usr/share/man/man8/lsf-install.8.gz",
		"-rw-r--r-- /usr/share/zsh/vendor-completions/_lsf-install",
	}
	docs, err := filepath.Glob(filepath.Join(lsftest.Root(), "docs/*"))
	if err != nil || len(docs) == 0 {
		t.Fatalf("no docs: %v", err)
	}
	for _, doc := range docs {
		want = append(want, "-rw-r--r-- /usr/share/doc/lsf/docs/"+filepath.Base(doc))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("contents:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	unpacked := t.TempDir()
	for _, args := range [][]string{{"--extract", pkg(t), unpacked}, {"--control", pkg(t), filepath.Join(unpacked, "DEBIAN")}} {
		if out, err := exec.Command("dpkg-deb", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	for name, text := range map[string]string{
		"DEBIAN/conffiles":                  "/etc/lsf/config.toml\n",
		"usr/lib/binfmt.d/lsf-freebsd.conf": read(t, filepath.Join(lsftest.Root(), "systemd/lsf-freebsd.conf")),
		"etc/lsf/config.toml":               read(t, filepath.Join(lsftest.Root(), "packaging/config.toml")),
	} {
		if got := read(t, filepath.Join(unpacked, name)); got != text {
			t.Errorf("%s:\n%s\nwant:\n%s", name, got, text)
		}
	}
	for name, word := range map[string]string{
		"usr/share/bash-completion/completions/lsf-install":    "complete -o default -F __start_lsf-install lsf-install",
		"usr/share/zsh/vendor-completions/_lsf-install":        "#compdef lsf-install\n",
		"usr/share/fish/vendor_completions.d/lsf-install.fish": "complete -c lsf-install",
	} {
		if !strings.Contains(read(t, filepath.Join(unpacked, name)), word) {
			t.Errorf("%s: no %q", name, word)
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestLintian has Debian's own judge look at the package. What it knows to be
// wrong but is not is in lsf.lintian-overrides, with the reason.
func TestLintian(t *testing.T) {
	need(t, map[string]string{"lintian": "lintian"})
	out, err := exec.Command("lintian", "--allow-root", "--no-cfg", "--display-info", "--pedantic", "--fail-on=error,warning", pkg(t)).CombinedOutput()
	if err != nil || len(out) != 0 {
		t.Errorf("lintian: %v\n%s", err, out)
	}
}

// TestMissingTool shows what is said where the tools are not installed.
func TestMissingTool(t *testing.T) {
	bin := t.TempDir()
	for _, program := range []string{"sh", "dirname"} {
		path, err := exec.LookPath(program)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, program)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(filepath.Join(lsftest.Root(), "packaging/deb/build.sh"))
	cmd.Env = []string{"PATH=" + bin}
	out, err := cmd.CombinedOutput()
	if want := "make deb: missing programs; try: apt-get install dpkg-dev debhelper\n"; err == nil || string(out) != want {
		t.Errorf("%v, %q, want %q", err, out, want)
	}
}

// Package buildtest checks what LSF's programs are made of.
package buildtest

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	module = "github.com/lsf-linux/lsf/"
	root   = "../.."
)

// TestImports keeps out of lsf-binfmt, which starts for every exec, what makes
// it start slowly, and keeps the layers apart.
func TestImports(t *testing.T) {
	// Why each may not be imported, from where: itself or any dependency.
	rules := []struct{ from, forbidden, reason string }{
		{"cmd/lsf-binfmt", "github.com/spf13/", "costs 0.75 ms at every start; config has a reader of its own"},
		{"cmd/lsf-binfmt", "github.com/pelletier/", "costs 0.1 ms at every start; config has a reader of its own"},
		{"cmd/lsf-binfmt", "net/http", "costs time and memory at every start"},
		{"cmd/lsf-binfmt", "net", "looks names up; the supervisor talks to nobody"},
		{"cmd/lsf-binfmt", "net/netip", "costs 0.02 ms at every start"},
		{"cmd/lsf-binfmt", "regexp", "patterns are compiled at start"},
		{"cmd/lsf-binfmt", "text/template", "costs time and memory at every start"},
		{"cmd/lsf-binfmt", "encoding/json", "costs time and memory at every start"},
		{"cmd/lsf-binfmt", "debug/elf", "brings a DWARF reader and a decompressor; loader knows ELF by itself"},
		{"cmd/lsf-binfmt", "os/exec", "the supervisor starts nothing"},
		{"cmd/lsf-binfmt", "crypto/rand", "brings the FIPS module and its self-tests; getrandom(2) is one call"},
		{"cmd/lsf-binfmt", module + "systemd", "for the installer"},
		{"loader", module, "a pure function of bytes: it knows nothing of LSF"},
		{"config", module, "rules and values only"},
		{"emul/guest", module, "memory only: no operating system, no tracing"},
		{"emul/host", module + "emul/freebsd", "knows no guest operating system"},
		{"emul", module + "emul/freebsd", "knows no guest operating system"},
		{"emul/freebsd/abi", module, "FreeBSD's numbers and structs: they depend on nothing"},
		{"emul/freebsd/abi", "golang.org/x/sys/unix", "has Linux's numbers, which must not be mixed up with FreeBSD's"},
		{"emul/freebsd/xlat", module + "emul/host", "pure conversions"},
	}
	deps := map[string][]string{}
	for _, rule := range rules {
		if deps[rule.from] == nil {
			deps[rule.from] = dependencies(t, rule.from)
		}
		for _, dep := range deps[rule.from] {
			if dep == module+rule.from {
				continue
			}
			prefix := strings.HasSuffix(rule.forbidden, "/")
			if dep == rule.forbidden || prefix && strings.HasPrefix(dep, rule.forbidden) {
				t.Errorf("%s must not import %s: %s", rule.from, dep, rule.reason)
			}
		}
	}
}

// dependencies returns all packages that go into one, itself included.
func dependencies(t *testing.T, pkg string) []string {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", module+pkg)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list -deps %s: %v", pkg, err)
	}
	return strings.Fields(string(out))
}

// TestTableIsData shows that no code runs at start for the table of system
// calls: that the linker has laid it out, whole. One row with a call in it, or
// anything else that is not constant, makes it a function of 170 KB.
func TestTableIsData(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "lsf-binfmt")
	build := exec.Command("go", "build", "-o", bin, "./cmd/lsf-binfmt")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	f, err := elf.Open(bin)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	const pkg = module + "emul/freebsd."
	var inData bool
	for _, s := range symbols {
		switch {
		case s.Name == pkg+"table":
			inData = f.Sections[s.Section].Type == elf.SHT_PROGBITS
		case strings.HasPrefix(s.Name, pkg+"init") || strings.HasPrefix(s.Name, pkg+"map.init"):
			if s.Size > 4<<10 {
				t.Errorf("%s takes %d bytes of code", s.Name, s.Size)
			}
		}
	}
	if !inData {
		t.Errorf("%stable is filled at start", pkg)
	}
}

// TestStatic builds as "make" does and looks at what comes out: LSF's programs
// run in chroots that have no libraries, lsf-binfmt where there is no /proc.
func TestStatic(t *testing.T) {
	bin := t.TempDir()
	cmd := exec.Command("make", "-s", "-C", root, "BIN="+bin, "all")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make: %v\n%s", err, out)
	}
	for _, name := range []string{"lsf-binfmt", "lsf-install"} {
		f, err := elf.Open(filepath.Join(bin, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if f.Type != elf.ET_EXEC || f.Machine != elf.EM_X86_64 {
			t.Errorf("%s: %v for %v, want ET_EXEC for EM_X86_64", name, f.Type, f.Machine)
		}
		if slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC }) {
			t.Errorf("%s is not static", name)
		}
	}
	if to, err := os.Readlink(filepath.Join(bin, "lsf")); to != "lsf-binfmt" {
		t.Errorf("lsf is a link to %q, %v", to, err)
	}
}

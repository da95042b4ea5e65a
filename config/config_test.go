package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	with := func(change func(*Config)) Config {
		c := Default()
		change(&c)
		return c
	}
	root := func(r string) Config { return with(func(c *Config) { c.Root = r }) }
	tests := []struct {
		text string
		want Config
		err  string // part of the error
	}{
		{"", Default(), ""},
		{"# nothing\n\n \t\r\n# é\n", Default(), ""},
		{"root = \"/a\"\nmode='chroot'\r\ntrace = \"-\" # here\n  debug\t=\ttrue#x\nengine = \"ptrace\"",
			Config{Root: "/a", Mode: ModeChroot, Trace: "-", Debug: true, Engine: EnginePtrace}, ""},
		{`release = "14.1-RELEASE"`, with(func(c *Config) { c.Release = "14.1-RELEASE" }), ""},
		{`release = "14"`, Default(), "release: must be"},
		{`release = 14.1`, Default(), "neither"},
		{`root = "/a//b/../c/"`, root("/a/c"), ""},
		{`root = "/\u0061\U00000062\t\"\\\u00e9"`, root("/ab\t\"\\é"), ""},
		{`root = '/a\b'`, root(`/a\b`), ""},
		{`root = "rel"`, Default(), "absolute"},
		{`root = ""`, Default(), "absolute"},
		{`trace = "rel"`, Default(), "absolute"},
		{`trace = ""`, Default(), ""},
		{`mode = "jail"`, Default(), "mode: must be"},
		{`engine = "kvm"`, Default(), "engine: must be"},
		{`debug = "true"`, Default(), "true or false"},
		{`debug = 1`, Default(), "neither"},
		{`debug = truely`, Default(), "neither"},
		{`debug = TRUE`, Default(), "neither"},
		{`debug = true false`, Default(), "after the value"},
		{`root = true`, Default(), "string in quotes"},
		{`Root = "/a"`, Default(), "no such setting"},
		{`colour = true`, Default(), "no such setting"},
		{"root = \"/a\"\nroot = \"/b\"", root("/a"), "line 2: root: given twice"},
		{"mode = 1\nroot = \"/a\"", root("/a"), "line 1"},
		{`root = "/a`, Default(), "does not end"},
		{`root = '/a`, Default(), "does not end"},
		{`root = "/a\`, Default(), "does not end"},
		{`root = "/a\x41"`, Default(), "unknown escape"},
		{`root = "/\ud800"`, Default(), "malformed"},
		{`root = "/\U00110000"`, Default(), "malformed"},
		{`root = "/\u12"`, Default(), "escape does not end"},
		{`root = "/\u0000"`, Default(), "NUL"},
		{`root = "/\u_123"`, Default(), "malformed"},
		{`root = """/a"""`, Default(), "several lines"},
		{`[lsf]`, Default(), "want"},
		{`a.b = true`, Default(), "want"},
		{`"root" = "/a"`, Default(), "want"},
		{`root`, Default(), "want"},
		{`root =`, Default(), "neither"},
		{`= "/a"`, Default(), "want"},
		{"root = \"/a\x01\"", Default(), "control"},
		{"# \x7f", Default(), "control"},
		{"# a\rb", Default(), "control"},
		{"# \xff", Default(), "UTF-8"},
	}
	for _, tt := range tests {
		c := Default()
		err := c.Parse([]byte(tt.text))
		if c != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%q: %+v, %v, want %+v, %q", tt.text, c, err, tt.want, tt.err)
		}
	}
}

func TestApplyEnv(t *testing.T) {
	c := Default()
	err := c.ApplyEnv([]string{"PATH=/bin", "LSF_ROOT=/r/", "LSF_TRACE=1", "LSF_DEBUG=1", "LSF_ENGINE=sud",
		"LSF_ROOT=/second", "LSF_X=y", "LSF_BARE"})
	if want := (Config{Root: "/r", Mode: ModePrefix, Trace: TraceStderr, Debug: true, Engine: EngineSUD}); err != nil || c != want {
		t.Errorf("%+v, %v", c, err)
	}
	if err := c.ApplyEnv([]string{"LSF_ROOT=", "LSF_TRACE=0", "LSF_DEBUG=0", "LSF_ENGINE="}); err != nil ||
		c != (Config{Root: "/r", Mode: ModePrefix, Engine: EngineSUD}) {
		t.Errorf("%+v, %v", c, err)
	}
	if err := c.ApplyEnv([]string{"LSF_TRACE=/tmp/t"}); err != nil || c.Trace != "/tmp/t" {
		t.Errorf("%+v, %v", c, err)
	}
	if err := c.ApplyEnv([]string{"LSF_MODE=chroot", "LSF_RELEASE=15.0-RELEASE"}); err != nil || c.Mode != ModeChroot || c.Release != "15.0-RELEASE" {
		t.Errorf("%+v, %v", c, err)
	}
	c = Default()
	before := c
	if err := c.ApplyEnv([]string{"LSF_ENGINE=vm"}); err == nil || c != before {
		t.Errorf("no such engine: %+v, %v", c, err)
	}
	if err := c.ApplyEnv([]string{"LSF_ROOT=r/", "LSF_TRACE=t", "LSF_DEBUG=yes"}); err != nil ||
		c != (Config{Root: "r", Mode: ModePrefix, Trace: "t", Debug: true, Engine: EngineAuto}) {
		t.Errorf("relative: %+v, %v", c, err)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	if c, err := Load(filepath.Join(dir, "none"), nil); err != nil || c != Default() {
		t.Errorf("nothing there: %+v, %v", c, err)
	}
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("config.toml", "root = \"/1\"\ndebug = true\nmode = \"prefix\"\n")
	write("config.d/20-b.toml", "root = \"/3\"\n")
	write("config.d/10-a.toml", "root = \"/2\"\nengine = \"sud\"\n")
	write("config.d/.30.toml", "root = \"/4\"\n")
	write("config.d/30.toml~", "root = \"/5\"\n")
	c, err := Load(dir, []string{"LSF_ENGINE=ptrace"})
	if want := (Config{Root: "/3", Mode: ModePrefix, Debug: true, Engine: EnginePtrace}); err != nil || c != want {
		t.Errorf("%+v, %v, want %+v", c, err, want)
	}
	write("config.d/15.toml", "root = 7\n")
	c, err = Load(dir, []string{"LSF_ENGINE=x"})
	if c.Root != "/3" || err == nil || !strings.Contains(err.Error(), "15.toml: line 1: root: ") || !strings.Contains(err.Error(), "LSF_ENGINE") {
		t.Errorf("with mistakes: %+v, %v", c, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("root = \"/a\"\ndebug = true # x\n")
	f.Fuzz(func(t *testing.T, text string) {
		c := Default()
		_ = c.Parse([]byte(text))
		if !filepath.IsAbs(c.Root) || c.Mode == "" || c.Engine == "" {
			t.Fatalf("%+v", c)
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		Load("/nonexistent/lsf", []string{"HOME=/root", "LSF_ENGINE=sud"})
	}
}

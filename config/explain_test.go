package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExplain(t *testing.T) {
	dir := t.TempDir()
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
	show := func(env ...string) (string, error) {
		list, err := Explain(dir, env)
		var b strings.Builder
		for _, s := range list {
			fmt.Fprintf(&b, "%s=%s %s\n", s.Key, s.Value, strings.ReplaceAll(s.Origin, dir, "DIR"))
		}
		return b.String(), err
	}
	got, err := show()
	want := `root="/compat/freebsd" default
mode="auto" default
trace="" default
debug=false default
engine="auto" default
release="" default
`
	if got != want || err != nil {
		t.Errorf("nothing there: %v\n%s", err, got)
	}
	write("config.toml", "# nothing\nroot = \"/a\\\"b\"\ndebug = true\nengine = \"sud\"\n")
	write("config.d/10.toml", "debug = true\nengine = \"no\"\n")
	got, err = show("LSF_ROOT=/c", "LSF_ROOT=/d", "LSF_TRACE=", "LSF_RELEASE=x", "LSF_ELSE=1", "lsf_mode=chroot", "LSF_mode=chroot")
	want = `root="/c" environment: LSF_ROOT
mode="prefix" environment: LSF_ROOT
trace="" default
debug=true DIR/config.d/10.toml:1
engine="sud" DIR/config.toml:4
release="" default
`
	if got != want || err == nil || !strings.Contains(err.Error(), "10.toml: line 2: engine: ") || !strings.Contains(err.Error(), "LSF_RELEASE") {
		t.Errorf("%v\n%s", err, got)
	}
	got, _ = show("LSF_MODE=chroot", "LSF_TRACE=/t")
	want = `root="/a\"b" DIR/config.toml:2
mode="chroot" environment: LSF_MODE
trace="/t" environment: LSF_TRACE
debug=true DIR/config.d/10.toml:1
engine="sud" DIR/config.toml:4
release="" default
`
	if got != want {
		t.Errorf("%s", got)
	}
	// What is shown can be read, and means the same.
	c := Config{Root: "/\x7f\"\\é", Trace: "/a\tb"}
	for _, key := range []string{"root", "trace"} {
		val, _ := c.value(key)
		again := Default()
		if err := again.Parse([]byte(key + "=" + val)); err != nil || key == "root" && again.Root != c.Root || key == "trace" && again.Trace != c.Trace {
			t.Errorf("%s = %s: %+v, %v", key, val, again, err)
		}
	}
}

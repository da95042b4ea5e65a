package deb

import (
	"bytes"
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lsf-linux/lsf/config"
	"github.com/lsf-linux/lsf/internal/lsftest"
)

// defaults are the settings' keys with their defaults, as they are written in a
// file: root = "/compat/freebsd".
func defaults() (lines []string) {
	v := reflect.ValueOf(config.Default())
	for i := range v.NumField() {
		key := strings.ToLower(v.Type().Field(i).Name)
		if f := v.Field(i); f.Kind() == reflect.String {
			lines = append(lines, fmt.Sprintf("%s = %q", key, f.String()))
		} else {
			lines = append(lines, fmt.Sprintf("%s = %v", key, f))
		}
	}
	slices.Sort(lines)
	return lines
}

// TestConffile shows that the file that is installed names every setting with
// its default, and sets none.
func TestConffile(t *testing.T) {
	text := read(t, filepath.Join(lsftest.Root(), "packaging/config.toml"))
	c := config.Config{}
	if err := c.Parse([]byte(text)); err != nil || c != (config.Config{}) {
		t.Errorf("sets something: %+v, %v", c, err)
	}
	var got []string
	for line := range strings.Lines(text) {
		if setting, ok := strings.CutPrefix(line, "#"); ok && !strings.HasPrefix(setting, " ") {
			got = append(got, strings.TrimSpace(setting))
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, defaults()) {
		t.Errorf("settings in the file:\n%s\nin package config:\n%s", strings.Join(got, "\n"), strings.Join(defaults(), "\n"))
	}
	// Without its comment signs it is a file that is understood.
	c = config.Config{Mode: config.ModeChroot, Debug: true, Trace: config.TraceStderr}
	if err := c.Parse(regexp.MustCompile(`(?m)^#(\w)`).ReplaceAll([]byte(text), []byte("$1"))); err != nil || c != config.Default() {
		t.Errorf("with the settings in force: %+v, %v", c, err)
	}
}

// TestManualOfSettings shows the same of lsf.toml(5).
func TestManualOfSettings(t *testing.T) {
	page := read(t, filepath.Join(lsftest.Root(), "man/lsf.toml.5"))
	var got []string
	for _, m := range regexp.MustCompile(`(?m)^\.It Cm (\w+) No = (?:(Qq) )?(.*)$`).FindAllStringSubmatch(page, -1) {
		val := strings.ReplaceAll(m[3], `\&`, "")
		if m[2] != "" {
			val = `"` + val + `"`
		}
		got = append(got, m[1]+" = "+val)
	}
	slices.Sort(got)
	if !slices.Equal(got, defaults()) {
		t.Errorf("settings in the manual:\n%s\nin package config:\n%s", strings.Join(got, "\n"), strings.Join(defaults(), "\n"))
	}
}

// TestManualOfEnvironment shows that lsf(1) names the variables that count.
func TestManualOfEnvironment(t *testing.T) {
	page := []byte(read(t, filepath.Join(lsftest.Root(), "man/lsf.1")))
	v := reflect.TypeFor[config.Config]()
	for i := range v.NumField() {
		name := "LSF_" + strings.ToUpper(v.Field(i).Name)
		if !bytes.Contains(page, []byte(".It Ev "+name+"\n")) {
			t.Errorf("lsf(1) does not know %s", name)
		}
	}
}

package config

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Setting is one setting and where its value comes from.
type Setting struct {
	Key    string
	Value  string // as in a file: a TOML string or boolean
	Origin string // "default", FILE:LINE, or the variable of the environment
}

// Explain returns all settings as Load does, each with its origin. For the
// administrator's tool: lsf-binfmt has no time for it.
func Explain(dir string, env []string) ([]Setting, error) {
	c := Default()
	origin := map[string]string{}
	var errs []error
	for _, name := range Files(dir) {
		text, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = c.parse(text, func(key string, line int) { origin[key] = fmt.Sprintf("%s:%d", name, line) })
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	wasAuto := c.Mode == ModeAuto
	named := map[string]bool{}
	for _, kv := range env {
		name, val, _ := strings.Cut(kv, "=")
		first := !named[name]
		named[name] = true
		if !first || val == "" {
			continue
		}
		for _, key := range keys {
			// A value with a mistake changes nothing.
			if c := Default(); name == "LSF_"+strings.ToUpper(key) && c.ApplyEnv([]string{kv}) == nil {
				origin[key] = "environment: " + name
			}
		}
	}
	if err := c.ApplyEnv(env); err != nil {
		errs = append(errs, err)
	}
	if wasAuto && c.Mode == ModePrefix && !strings.HasPrefix(origin["mode"], "environment") {
		origin["mode"] = "environment: LSF_ROOT" // see Want
	}
	var list []Setting
	for _, key := range keys {
		val, _ := c.value(key)
		s := Setting{key, val, origin[key]}
		if s.Origin == "" {
			s.Origin = "default"
		}
		list = append(list, s)
	}
	return list, errors.Join(errs...)
}

// keys are the settings, in the order of Config.
var keys = [...]string{"root", "mode", "trace", "debug", "engine", "release"}

// value returns a setting by its key, as it would be in a file.
func (c *Config) value(key string) (val string, ok bool) {
	switch key {
	case "root":
		return quote(c.Root), true
	case "mode":
		return quote(string(c.Mode)), true
	case "trace":
		return quote(c.Trace), true
	case "debug":
		return strconv.FormatBool(c.Debug), true
	case "engine":
		return quote(string(c.Engine)), true
	case "release":
		return quote(c.Release), true
	}
	return "", false
}

// quote writes a string as TOML does.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, "\\u%04x", r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

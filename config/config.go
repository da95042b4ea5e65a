package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Dir is where the configuration files are.
const Dir = "/etc/lsf"

// Mode says how a program finds its files under Root.
type Mode string

// The modes.
const (
	// ModeAuto is ModePrefix for a program whose run-time linker is not where
	// it should be, but under Root, and for all that it starts. Other programs
	// need no root: static ones, and those that are in one already.
	ModeAuto Mode = "auto"
	// ModePrefix looks up every path under Root first, then on the host.
	ModePrefix Mode = "prefix"
	// ModeChroot changes the program's root to Root, which needs privilege.
	ModeChroot Mode = "chroot"
)

// Engine says how system calls are intercepted.
type Engine string

// The engines.
const (
	EngineAuto   Engine = "auto"   // the best one that the kernel has
	EngineSUD    Engine = "sud"    // Syscall User Dispatch, Linux 5.11
	EnginePtrace Engine = "ptrace" // PTRACE_SYSEMU
)

// TraceStderr as Config.Trace sends the trace to standard error.
const TraceStderr = "-"

// Config is the settings. Its zero value is not valid; see Default. Paths are
// absolute unless they come from the environment.
type Config struct {
	Root   string // directory of the FreeBSD system
	Mode   Mode
	Trace  string // "" is off, TraceStderr, or a file
	Debug  bool   // say what LSF itself does
	Engine Engine
	// Release is what all programs are told the kernel is, such as
	// "13.2-RELEASE". If it is empty, Root and the programs tell.
	Release string
}

// Default returns the settings of a system without any configuration.
func Default() Config {
	return Config{Root: "/compat/freebsd", Mode: ModeAuto, Engine: EngineAuto}
}

// Load returns the settings from the files in dir (normally Dir) and from env,
// a list of KEY=value. A file or directory that is not there is no error. On
// any error Load goes on, leaves the setting in question as it was, and returns
// all errors joined together with settings that can be used.
func Load(dir string, env []string) (Config, error) {
	c := Default()
	var errs []error
	for _, name := range Files(dir) {
		text, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = c.Parse(text)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	if err := c.ApplyEnv(env); err != nil {
		errs = append(errs, err)
	}
	return c, errors.Join(errs...)
}

// Files returns the names of the configuration files in dir, in the order in
// which they are read. The first is named whether or not it is there.
func Files(dir string) []string {
	names := []string{filepath.Join(dir, "config.toml")}
	sub := filepath.Join(dir, "config.d")
	entries, err := os.ReadDir(sub) // sorted
	if err != nil {
		return names
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".toml") && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, filepath.Join(sub, e.Name()))
		}
	}
	return names
}

// ApplyEnv takes over LSF_ROOT, LSF_MODE, LSF_TRACE, LSF_DEBUG, LSF_ENGINE and
// LSF_RELEASE from env, a list of KEY=value. An empty value is as none.
// LSF_TRACE=0 switches the trace off, 1 sends it to standard error, anything
// else is a file; LSF_DEBUG=0 is off, anything else on. Unlike in the files,
// paths may be relative: to the working directory of whoever has this
// environment. Who names a root there wants it: see Want.
// Of several values for a key the first counts, as for getenv(3).
func (c *Config) ApplyEnv(env []string) error {
	var errs []error
	var seen []string
	var root string
	for _, kv := range env {
		if !strings.HasPrefix(kv, "LSF_") {
			continue
		}
		name, val, ok := strings.Cut(kv, "=")
		if !ok || slices.Contains(seen, name) {
			continue
		}
		seen = append(seen, name)
		if val == "" {
			continue
		}
		var err error
		switch name {
		case "LSF_ROOT":
			root = val
		case "LSF_MODE":
			err = c.set("mode", val)
		case "LSF_RELEASE":
			err = c.set("release", val)
		case "LSF_TRACE":
			switch val {
			case "0":
				val = ""
			case "1":
				val = TraceStderr
			}
			c.Trace = val
		case "LSF_DEBUG":
			c.Debug = val != "0"
		case "LSF_ENGINE":
			err = c.set("engine", val)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	if root != "" {
		c.Want(root)
	}
	return errors.Join(errs...)
}

// Want sets the root that somebody has named for one program. All programs
// look their files up there then, also those that could do without.
func (c *Config) Want(root string) {
	c.Root = filepath.Clean(root)
	if c.Mode == ModeAuto {
		c.Mode = ModePrefix
	}
}

// set sets one setting that is a string, by its key in the files.
func (c *Config) set(key, val string) error {
	if strings.IndexByte(val, 0) >= 0 {
		return errors.New("NUL in the value")
	}
	switch key {
	case "root":
		if !filepath.IsAbs(val) {
			return fmt.Errorf("must be an absolute path, not %q", val)
		}
		c.Root = filepath.Clean(val)
	case "mode":
		switch m := Mode(val); m {
		case ModeAuto, ModePrefix, ModeChroot:
			c.Mode = m
		default:
			return fmt.Errorf("must be auto, prefix or chroot, not %q", val)
		}
	case "trace":
		if val != "" && val != TraceStderr && !filepath.IsAbs(val) {
			return fmt.Errorf("must be empty, %q or an absolute path, not %q", TraceStderr, val)
		}
		c.Trace = val
	case "engine":
		switch e := Engine(val); e {
		case EngineAuto, EngineSUD, EnginePtrace:
			c.Engine = e
		default:
			return fmt.Errorf("must be auto, sud or ptrace, not %q", val)
		}
	case "release":
		var major, minor uint16
		if n, _ := fmt.Sscanf(val, "%d.%d-", &major, &minor); val != "" && (n < 2 || len(val) > 64) {
			return fmt.Errorf("must be empty or as \"13.2-RELEASE\", not %q", val)
		}
		c.Release = val
	case "debug":
		return errors.New("must be true or false, without quotes")
	default:
		return errUnknownKey
	}
	return nil
}

// setBool sets one setting that is a boolean.
func (c *Config) setBool(key string, val bool) error {
	switch key {
	case "debug":
		c.Debug = val
	case "root", "mode", "trace", "engine", "release":
		return errors.New("must be a string in quotes")
	default:
		return errUnknownKey
	}
	return nil
}

var errUnknownKey = errors.New("no such setting (there are root, mode, trace, debug, engine, release)")

// Clean brings paths into the form that Load gives them.
func (c *Config) Clean() { c.Root = filepath.Clean(c.Root) }

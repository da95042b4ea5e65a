package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/config"
	"github.com/lsf-linux/lsf/emul/freebsd"
)

const usage = `usage: lsf [--root DIR] [--trace[=FILE]] [--] PROGRAM [ARGUMENT...]
Runs a FreeBSD/amd64 program.
  --root DIR      look absolute paths up under DIR first (LSF_ROOT)
  --trace[=FILE]  print system calls to FILE or standard error (LSF_TRACE)
LSF_DEBUG=1 tells on standard error what is not served, and why.
LSF_ENGINE=sud|ptrace chooses how system calls are intercepted.
`

const (
	atExecFD = 2
	atFlags  = 8
	atSecure = 23
)

// settings reads the configuration files and the environment. Mistakes in the
// files do not keep programs from running: lsf-install status tells of them,
// and so does the debug log.
func settings(s startInfo) (c config.Config, mistakes, err error) {
	c, mistakes = config.Load(config.Dir, nil)
	if secure, _ := s.aux(atSecure); secure != 0 {
		return c, mistakes, nil // more rights than the environment's owner has
	}
	return c, mistakes, c.ApplyEnv(s.envv)
}

// rootDir is the absolute name, without symbolic links, of a directory.
func rootDir(name string) (string, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	dir, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return "", err
	}
	if st, err := os.Stat(dir); err != nil {
		return "", err
	} else if !st.IsDir() {
		return "", &os.PathError{Op: "root", Path: name, Err: unix.ENOTDIR}
	}
	return dir, nil
}

// findRoot makes set's root what the personality expects. A root that is not
// there is none: a program may have got LSF_ROOT from outside the root that it
// is in.
func findRoot(set *config.Config) error {
	if set.Mode == config.ModeAuto {
		return nil // looked at when it is needed
	}
	dir, err := rootDir(set.Root)
	set.Root = dir
	return err
}

// arguments tells apart the two ways to be started: by binfmt_misc, with
// [interpreter, path, argv[0], arguments…], and as the command lsf, which may
// change settings.
func arguments(s startInfo, c *config.Config) (freebsd.Spec, error) {
	spec := freebsd.Spec{FD: -1, Envv: s.envv}
	if fd, ok := s.aux(atExecFD); ok && len(s.argv) >= 2 {
		spec.FD = int(fd)
		spec.Path = s.argv[1]
		spec.Argv = s.argv[1:]
		if flags, _ := s.aux(atFlags); flags&1 != 0 && len(s.argv) >= 3 { // argv[0] was preserved (flag P)
			spec.Argv = s.argv[2:]
		}
		return spec, nil
	}
	args := s.argv[1:]
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		a := args[0]
		args = args[1:]
		name, val, has := strings.Cut(a, "=")
		switch {
		case a == "--":
			return command(spec, c, args, s.envv)
		case a == "-h" || a == "--help":
			return spec, nil
		case name == "--root":
			if !has {
				if len(args) == 0 {
					return spec, errors.New("--root needs a directory")
				}
				val, args = args[0], args[1:]
			}
			dir, err := rootDir(val)
			if err != nil {
				return spec, fmt.Errorf("--root: %w", err)
			}
			c.Want(dir)
		case name == "--trace":
			if c.Trace = val; !has {
				c.Trace = config.TraceStderr
			}
		default:
			return spec, fmt.Errorf("unknown option %s", a)
		}
	}
	return command(spec, c, args, s.envv)
}

func command(spec freebsd.Spec, c *config.Config, args, envv []string) (freebsd.Spec, error) {
	if len(args) == 0 {
		return spec, errors.New("no program given")
	}
	spec.Path, spec.Argv = lookPath(args[0], searchRoot(c), envv), args
	return spec, nil
}

// searchRoot is where a program that is given by its name is looked for first.
func searchRoot(c *config.Config) string {
	if c.Mode == config.ModeAuto {
		return ""
	}
	return c.Root
}

// lookPath finds a name without a slash in PATH, as execvp does; in root first,
// unless that is "".
func lookPath(name, root string, envv []string) string {
	if strings.Contains(name, "/") {
		return name
	}
	for _, e := range envv {
		list, ok := strings.CutPrefix(e, "PATH=")
		if !ok {
			continue
		}
		for _, dir := range filepath.SplitList(list) {
			p := filepath.Join(dir, name)
			if root != "" && isProgram(root+"/"+p) || isProgram(p) {
				return p
			}
		}
	}
	return name
}

func isProgram(p string) bool {
	st, err := os.Stat(p)
	return err == nil && st.Mode().IsRegular() && unix.Access(p, unix.X_OK) == nil
}

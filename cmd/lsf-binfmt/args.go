package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd"
)

const usage = `usage: lsf [--root DIR] [--trace[=FILE]] [--] PROGRAM [ARGUMENT...]
Runs a FreeBSD/amd64 program.
  --root DIR      look absolute paths up under DIR first (LSF_ROOT)
  --trace[=FILE]  print system calls to FILE or standard error (LSF_TRACE)
LSF_DEBUG=1 tells on standard error what is not served, and why.
LSF_ENGINE=sud|ptrace chooses how system calls are intercepted.
`

// options are what the environment and the command line say.
type options struct {
	engine    string
	root      string
	trace     string // file, "-" for standard error, "" for none
	debug     bool
	osreldate int32
}

const (
	atExecFD = 2
	atFlags  = 8

	defaultOsreldate = 1302001 // 13.2-RELEASE
)

// arguments tells apart the two ways to be started: by binfmt_misc, with
// [interpreter, path, argv[0], arguments…], and as the command lsf.
func arguments(s startInfo) (freebsd.Spec, options, error) {
	o := options{osreldate: defaultOsreldate}
	for _, e := range s.envv {
		k, v, _ := strings.Cut(e, "=")
		switch k {
		case "LSF_ENGINE":
			o.engine = v
		case "LSF_ROOT":
			o.root = v
		case "LSF_TRACE":
			o.trace = v
			if v == "1" {
				o.trace = "-"
			} else if v == "0" {
				o.trace = ""
			}
		case "LSF_DEBUG":
			o.debug = v != "" && v != "0"
		}
	}
	spec := freebsd.Spec{FD: -1, Envv: s.envv}
	if fd, ok := s.auxv[atExecFD]; ok && len(s.argv) >= 2 {
		spec.FD = int(fd)
		spec.Path = s.argv[1]
		spec.Argv = s.argv[1:]
		if s.auxv[atFlags]&1 != 0 && len(s.argv) >= 3 { // argv[0] was preserved (flag P)
			spec.Argv = s.argv[2:]
		}
		return spec, o, nil
	}
	args := s.argv[1:]
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		a := args[0]
		args = args[1:]
		name, val, has := strings.Cut(a, "=")
		switch {
		case a == "--":
			return command(spec, o, args, s.envv)
		case a == "-h" || a == "--help":
			return spec, o, nil
		case name == "--root":
			if !has {
				if len(args) == 0 {
					return spec, o, errors.New("--root needs a directory")
				}
				val, args = args[0], args[1:]
			}
			o.root = val
		case name == "--trace":
			if o.trace = val; !has {
				o.trace = "-"
			}
		default:
			return spec, o, fmt.Errorf("unknown option %s", a)
		}
	}
	return command(spec, o, args, s.envv)
}

func command(spec freebsd.Spec, o options, args, envv []string) (freebsd.Spec, options, error) {
	if len(args) == 0 {
		return spec, o, errors.New("no program given")
	}
	spec.Path, spec.Argv = lookPath(args[0], envv), args
	return spec, o, nil
}

// lookPath finds a name without a slash in PATH, as execvp does.
func lookPath(name string, envv []string) string {
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
			if st, err := os.Stat(p); err == nil && st.Mode().IsRegular() && unix.Access(p, unix.X_OK) == nil {
				return p
			}
		}
	}
	return name
}

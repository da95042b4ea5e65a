package doctor

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/lsf-linux/lsf/config"
	"github.com/lsf-linux/lsf/internal/probe"
)

// runs runs the tiny program, through lsf-binfmt and by its name.
func (m Machine) runs(ctx context.Context, set config.Config) (direct, byName Finding) {
	const checkDirect, checkByName = "run by lsf", "run by name"
	f, err := probe.Create(m.Want.Magic[osabiByte])
	if err != nil {
		const mend = "set TMPDIR to a directory where programs can be written and run"
		return bad(checkDirect, Warning, mend, "not tried: %v", err), bad(checkByName, Warning, mend, "not tried: %v", err)
	}
	defer f.Close()

	if path := m.registeredInterpreter(); path == "" {
		direct = bad(checkDirect, Failure, "lsf-install install --interpreter PATH", "not tried: there is no lsf-binfmt")
	} else if release, err := probe.Run(ctx, directEnv(m.Env, set), path, "--", f.Path); err != nil {
		direct = bad(checkDirect, Failure, mendRun(err), "%s: %s", path, oneLine(err))
	} else {
		direct = fine(checkDirect, "%s runs a FreeBSD program; it sees FreeBSD %s", path, release)
	}
	release, err := probe.Run(ctx, m.Env, f.Path)
	var fail *probe.Failure
	switch {
	case err == nil:
		byName = fine(checkByName, "a FreeBSD program runs like any other; it sees FreeBSD %s", release)
	case errors.As(err, &fail) && fail.AsLinux():
		byName = bad(checkByName, Failure, register(), "%v", err)
	default:
		byName = bad(checkByName, Failure, mendRun(err), "%s", oneLine(err))
	}
	return direct, byName
}

// directEnv is the environment for a program that is given to lsf by its path:
// in a chroot it would not be found by that. (binfmt_misc passes a descriptor.)
func directEnv(env []string, set config.Config) []string {
	if set.Mode != config.ModeChroot {
		return env
	}
	return append(slices.Clone(env), "LSF_MODE="+string(config.ModeAuto)) // os/exec keeps the last
}

// mendRun knows what lsf-binfmt says.
func mendRun(err error) string {
	text := err.Error()
	switch {
	case strings.Contains(text, "without its own entry point"):
		return "make && " + register() + " (plain go build lacks a linker flag)"
	case strings.Contains(text, "cannot trace"):
		return "see ptrace above"
	case strings.Contains(text, "chroot to "):
		return `use mode = "prefix", or be root`
	case strings.Contains(text, "engine"):
		return "see kernel above"
	}
	return "LSF_DEBUG=1 shows more: LSF_DEBUG=1 lsf -- PROGRAM"
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

package doctor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/config"
	"github.com/lsf-linux/lsf/emul/host"
)

// Kernel returns Linux's release.
func Kernel() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Release[:])
}

// Engine is the engine that programs would be run with, given the setting.
func Engine(set config.Engine) (config.Engine, error) {
	e, err := host.NewEngine(string(set))
	if err != nil {
		return "", err
	}
	if e.Kind() == host.SUD {
		return config.EngineSUD, nil
	}
	return config.EnginePtrace, nil
}

// tooOld says whether a kernel's release is older than 5.6, which has openat2
// and pidfd_getfd, and is what LSF is made for.
func tooOld(release string) bool {
	var major, minor int
	if n, _ := fmt.Sscanf(release, "%d.%d", &major, &minor); n < 2 {
		return false
	}
	return major < 5 || major == 5 && minor < 6
}

// kernel looks at what Linux has.
func (m Machine) kernel(set config.Config) Finding {
	const check = "kernel"
	release := Kernel()
	engine, err := Engine(set.Engine)
	switch {
	case tooOld(release):
		return bad(check, Failure, "use Linux 5.6 or later", "Linux %s is too old", release)
	case err != nil:
		return bad(check, Failure, "unset LSF_ENGINE, or "+sudo("editor "+config.Files(m.ConfigDir)[0])+`: engine = "auto"`, "Linux %s: %v", release, err)
	case engine == config.EnginePtrace && set.Engine == config.EngineAuto:
		return bad(check, Warning, "use Linux 5.11 or later for the faster engine (in a container: its seccomp profile may forbid it)",
			"Linux %s, engine ptrace: no Syscall User Dispatch, each system call is slower", release)
	}
	return fine(check, "Linux %s, engine %s", release, engine)
}

// ptracing finds out whether ptrace is permitted, by having a child ask for it
// that has nothing to execute.
func ptracing() Finding {
	const check = "ptrace"
	_, err := syscall.ForkExec("/nonexistent", []string{"nothing"},
		&syscall.ProcAttr{Sys: &syscall.SysProcAttr{Ptrace: true}})
	if !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EACCES) && !errors.Is(err, unix.ENOSYS) {
		return fine(check, "permitted")
	}
	scope, _ := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope") // not there without Yama
	return whyNoPtrace(err, strings.TrimSpace(string(scope)), seccomp())
}

// whyNoPtrace names what forbids ptrace, given Yama's setting, "" without Yama.
func whyNoPtrace(err error, scope string, seccomp bool) Finding {
	const check = "ptrace"
	switch {
	case scope == "2":
		return bad(check, Failure, sudo("sysctl kernel.yama.ptrace_scope=1"), "kernel.yama.ptrace_scope = 2 forbids it to all but root")
	case scope == "3":
		return bad(check, Failure, "set kernel.yama.ptrace_scope = 1 in /etc/sysctl.d and boot again", "kernel.yama.ptrace_scope = 3 forbids it until the next boot")
	case seccomp:
		return bad(check, Failure, "docker run --cap-add SYS_PTRACE … (or a seccomp profile that permits ptrace)", "a seccomp filter forbids it (%v)", err)
	}
	return bad(check, Failure, "see the security module's log: "+sudo("dmesg"), "forbidden (%v)", err)
}

// seccomp says whether this process is under a seccomp filter.
func seccomp() bool {
	text, err := os.ReadFile(filepath.Join("/proc", "self", "status"))
	return err == nil && strings.Contains(string(text), "\nSeccomp:\t2\n")
}

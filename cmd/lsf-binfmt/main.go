// Else Go's runtime keeps files of /sys/fs/cgroup open.
//
//go:debug containermaxprocs=0
package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/config"
	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd"
	"github.com/lsf-linux/lsf/emul/host"
)

// Exit statuses, as shells use them. The waiting process passes them on.
const (
	exitUsage  = 125 // 2 is what Go's runtime exits with when it gives up
	exitCannot = 126
)

// elsewhere is the parent's PID where the parent is not in our PID namespace.
const elsewhere = 0

func main() {
	roomy(0)
	runtime.LockOSThread() // ptrace belongs to one thread
	ignoreSignals()
	if initialStack == 0 {
		stderr = 2 // nobody has moved it
		die(exitCannot, "lsf: built without its own entry point; build with make (linker flag -E _lsf_entry)")
	}
	startedUp()
	start := readStart()
	retitle(fmt.Sprintf("%s of %d", host.SupervisorName, guestPID))
	set, mistakes, err := settings(start)
	if err != nil {
		die(exitCannot, "lsf: %v", err)
	}
	mistakes = errors.Join(mistakes, findRoot(&set))
	spec, err := arguments(start, &set)
	if err != nil {
		die(exitUsage, "lsf: %v\n%s", err, usage)
	}
	if spec.Path == "" {
		unix.Write(stdout, []byte(usage))
		os.Exit(0)
	}
	if err := supervise(spec, set, mistakes); err != nil {
		if p := unix.Getppid(); p != guestPID && p != elsewhere {
			os.Exit(0) // the program has been killed meanwhile: there is nobody to tell
		}
		die(exitCannot, "lsf: %v", err)
	}
}

// ignoreSignals ignores what would end the supervisor though its entry code has
// blocked it: Go's runtime unblocks these in every thread. systemd sends them to
// all processes of a service that it stops; what the guests make of that is
// their affair, and the supervisor ends with them.
func ignoreSignals() {
	signal.Ignore(unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGABRT, unix.SIGSTKFLT, unix.SIGTERM)
}

// roomy makes the stack as large as it is going to be: Go's runtime would
// double it, and copy it, time and again.
//
//go:noinline
func roomy(n int) (sum byte) {
	if n > 0 { // never: it is the frame that counts
		var room [24 << 10]byte
		for i := range n {
			room[i]++
			sum += room[n-i]
		}
	}
	return sum
}

// startedUp takes back what the entry code has arranged for the time in which Go
// starts: timers of this thread are exact, and files can be opened.
func startedUp() {
	unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0)
	var files unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &files) == nil && files.Cur < files.Max {
		files.Cur = files.Max
		unix.Setrlimit(unix.RLIMIT_NOFILE, &files)
	}
}

func die(status int, format string, args ...any) {
	unix.Write(stderr, fmt.Appendf(nil, format+"\n", args...))
	os.Exit(status)
}

// supervise turns the parent into the program and serves it and all that
// descends from it until the last of them is gone.
func supervise(spec freebsd.Spec, set config.Config, mistakes error) error {
	eng, err := host.NewEngine(string(set.Engine))
	if err != nil {
		return err
	}
	logs, err := openLogs(set)
	if err != nil {
		return err
	}
	tr, err := eng.Seize(guestPID)
	switch unix.Getppid() {
	case guestPID:
	case elsewhere:
		return errors.New("the program's PID namespace is not that of its children: unshare needs --fork")
	default: // and we may have seized the wrong one
		return errors.New("the program has been killed")
	}
	if err != nil {
		return fmt.Errorf("cannot trace the program (%w): ptrace is not permitted here: see yama.ptrace_scope, or the container's seccomp profile", err)
	}
	personality := &freebsd.OS{Release: set.Release, Root: set.Root, Mode: set.Mode, Ignored: ignoredSignals}
	loop := emul.NewLoop(eng, personality, logs.tracer(), logs.debug())
	if mistakes != nil {
		loop.Debugf("%v", mistakes)
	}
	t, err := loop.Adopt(tr)
	if err != nil {
		return err
	}
	leave(logs.debugFD)
	defer func() {
		// Whatever goes wrong in here, guests die with us (EXITKILL), and
		// nobody waits for a supervisor that cannot serve.
		if r := recover(); r != nil {
			loop.Debugf("supervisor panic: %v\n%s", r, debug.Stack())
			os.Exit(70)
		}
	}()
	t.Resume(personality.Start(t, spec))
	if err := loop.Run(); err != nil {
		loop.Debugf("%v", err)
		os.Exit(70)
	}
	os.Exit(0)
	return nil
}

// leave gets out of the way of terminal, pipes and file systems: an own
// session, the root directory, and none of the inherited descriptors, most of
// which the entry code has closed. With debug >= 0 Go's runtime complains there.
func leave(debug int) {
	unix.Setsid()
	unix.Chdir("/")
	unix.Close(stdout)
	unix.Close(stderr)
	if debug >= 0 {
		unix.Dup2(debug, 2)
	}
}

func absolute(p string) string {
	if a, err := filepath.Abs(p); err == nil {
		return a
	}
	return p
}

package probe

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// File is the program in a file that everybody may run.
type File struct{ Path string }

// Create writes the program to the first of the usual temporary directories
// where programs can be run. Close removes it.
func Create(osabi byte) (*File, error) {
	var errs []error
	for _, parent := range []string{os.TempDir(), "/var/tmp", "/dev/shm", "/run", "."} {
		f, err := create(parent, Program(osabi))
		if err == nil {
			return f, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func create(parent string, text []byte) (*File, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(parent, &st); err != nil {
		return nil, &os.PathError{Op: "statfs", Path: parent, Err: err}
	}
	if st.Flags&unix.ST_NOEXEC != 0 {
		return nil, fmt.Errorf("%s: mounted noexec", parent)
	}
	dir, err := os.MkdirTemp(parent, "lsf-probe-")
	if err != nil {
		return nil, err
	}
	f := &File{filepath.Join(dir, "probe")}
	err = errors.Join(os.Chmod(dir, 0o755), os.WriteFile(f.Path, text, 0o755), os.Chmod(f.Path, 0o755))
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if f.Path, err = filepath.Abs(f.Path); err != nil {
		return nil, err
	}
	return f, nil
}

// Close removes the file.
func (f *File) Close() error { return os.RemoveAll(filepath.Dir(f.Path)) }

// Failure says how the program failed, if it was started at all.
type Failure struct {
	Status syscall.WaitStatus
	Stderr string // what was said there, without the last newline
	Reason string
}

func (f *Failure) Error() string {
	if f.Stderr != "" {
		return fmt.Sprintf("%s: %s", f.Reason, f.Stderr)
	}
	return f.Reason
}

// AsLinux says that Linux took the program for one of its own.
func (f *Failure) AsLinux() bool {
	return f.Status.Signaled() && f.Status.Signal() == syscall.SIGSEGV
}

// timeout is for a machine under load: the program takes milliseconds.
const timeout = 20 * time.Second

// Run runs the program, by name[0] with the arguments that follow, and returns
// the release of FreeBSD that it saw. An error is a *Failure, or why nothing
// could be started. The program must have the PID of the process that was
// started: a guest is the process itself.
func Run(ctx context.Context, env []string, name ...string) (release string, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name[0], name[1:]...)
	var stdout, stderr bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &stdout, &stderr
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	if cmd.ProcessState == nil {
		return "", err
	}
	f := &Failure{Status: cmd.ProcessState.Sys().(syscall.WaitStatus), Stderr: strings.TrimSpace(stderr.String())}
	switch out := stdout.Bytes(); {
	case ctx.Err() != nil:
		f.Reason = fmt.Sprintf("it did not end (%v)", ctx.Err())
	case f.AsLinux():
		f.Reason = "Linux ran it as a program of its own (SIGSEGV, 139 in shells)"
	case err != nil:
		f.Reason = err.Error()
	case len(out) < 5:
		f.Reason = fmt.Sprintf("it wrote %q instead of its PID and release", out)
	case int(binary.LittleEndian.Uint32(out)) != cmd.Process.Pid:
		f.Reason = fmt.Sprintf("it is not the process that was started (PID %d, not %d)",
			binary.LittleEndian.Uint32(out), cmd.Process.Pid)
	default:
		return strings.TrimRight(string(out[4:]), "\x00\n"), nil
	}
	return "", f
}

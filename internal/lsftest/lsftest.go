// Package lsftest runs LSF in tests of other packages, and single instructions of
// processes.
package lsftest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
)

// Root returns the top directory of the source.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

var build = sync.OnceValues(func() (string, error) {
	bin := filepath.Join(Root(), "bin")
	if out, err := exec.Command("make", "-s", "-C", Root(), "all").CombinedOutput(); err != nil {
		return "", fmt.Errorf("make: %w\n%s", err, out)
	}
	return bin, nil
})

// Bin builds LSF, once, and returns the absolute path of the directory with
// lsf, lsf-binfmt and lsf-install.
func Bin(t testing.TB) string {
	t.Helper()
	bin, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// Registered makes a command that runs where FreeBSD programs are started by
// their name: in a user namespace with a binfmt_misc of its own (Linux 6.7), so
// that neither root is needed nor anybody else's programs are touched. User
// and group IDs are as outside when the test is root, else the user is root
// in there. PIDs are its own, too: when the command ends, or the test is killed,
// nothing is left behind. The test is skipped where there are no such namespaces.
func Registered(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	bin := Bin(t)
	probe := inNamespace("true")
	probe.Env = append(os.Environ(), "LSF_BIN="+bin)
	if out, err := probe.CombinedOutput(); err != nil {
		t.Skipf("no user namespace with binfmt_misc here: %v\n%s", err, out)
	}
	cmd := inNamespace(name, args...)
	cmd.Env = append(os.Environ(), "LSF_BIN="+bin)
	return cmd
}

func inNamespace(name string, args ...string) *exec.Cmd {
	// The shell stays, as the namespace's PID 1.
	const script = `mount -t proc proc /proc &&
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc &&
"$LSF_BIN/lsf-install" install >/dev/null && unset LSF_BIN || exit
"$@"
exit`
	cmd := exec.Command("/bin/sh", append([]string{"-c", script, "sh", name}, args...)...)
	mapping := func(id int) []syscall.SysProcIDMap {
		if os.Geteuid() == 0 {
			return []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1<<31 - 1}}
		}
		return []syscall.SysProcIDMap{{ContainerID: 0, HostID: id, Size: 1}}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:                 syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		Pdeathsig:                  syscall.SIGKILL,
		UidMappings:                mapping(os.Geteuid()),
		GidMappings:                mapping(os.Getegid()),
		GidMappingsEnableSetgroups: os.Geteuid() == 0,
	}
	return cmd
}

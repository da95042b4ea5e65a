package freebsd_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// copyFile copies a file with its permissions.
func copyFile(t *testing.T, to, from string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o755); err != nil {
		t.Fatal(err)
	}
}

// TestGuestDevices runs a program in a root directory with an empty /dev: as
// root of the machine, as root of a user namespace, and as one who may nothing.
func TestGuestDevices(t *testing.T) {
	prog := buildGuest(t, "devices")
	tool, err := lsf()
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"dev", "tmp"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
		os.Chmod(filepath.Join(root, dir), 0o777)
	}
	copyFile(t, filepath.Join(root, "lsf"), tool)
	copyFile(t, filepath.Join(root, "devices"), prog)
	uid := os.Getuid()
	namespace := func(uid int) *syscall.SysProcAttr {
		return &syscall.SysProcAttr{
			Chroot: root, Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: uid, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: uid, HostID: os.Getgid(), Size: 1}},
		}
	}
	for _, who := range []struct {
		name string
		attr *syscall.SysProcAttr
		ptys bool
	}{
		{"root", &syscall.SysProcAttr{Chroot: root}, true},
		{"dropped", &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 1000, Gid: 1000}}, false},
		{"namespace", namespace(0), true},
		{"user", namespace(1000), false},
	} {
		for _, engine := range []string{"sud", "ptrace"} {
			t.Run(who.name+"/"+engine, func(t *testing.T) {
				if uid != 0 && who.attr.Cloneflags == 0 {
					t.Skip("needs root")
				}
				cmd := exec.Command("/lsf", "--", "/devices")
				cmd.Dir = "/"
				cmd.Env = []string{"LSF_ENGINE=" + engine}
				cmd.SysProcAttr = who.attr
				var out, errs bytes.Buffer
				cmd.Stdout, cmd.Stderr = &out, &errs
				if err := cmd.Run(); err != nil {
					if strings.Contains(err.Error(), "fork/exec") {
						t.Skip(err)
					}
					t.Errorf("%v\n%s", err, errs.String())
				}
				got := out.String()
				if !who.ptys {
					got = strings.Replace(got, "posix_openpt: ENOENT\n", "", 1)
				}
				wantLines(t, "devices", got, !who.ptys)
				if left, _ := os.ReadDir(filepath.Join(root, "dev")); len(left) > 0 {
					t.Errorf("/dev is no longer empty: %v", left)
				}
			})
		}
	}
}

func TestGuestJobs(t *testing.T) {
	if _, err := os.Stat("/dev/ptmx"); err != nil {
		t.Skip(err)
	}
	runGuest(t, "jobs", func(t *testing.T, out string) { wantLines(t, "jobs", out, false) })
}

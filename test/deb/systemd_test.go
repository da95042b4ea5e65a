package deb

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// systemdBinary is PID 1.
const systemdBinary = "/lib/systemd/systemd"

// prepareBoot makes systemd start the test, as a service, and be done with
// that. binfmt_misc is mounted by systemd's own unit for it, but at once: there
// are no automounts in a user namespace. What would look for hardware is left
// out.
const prepareBoot = `
for unit in systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udev-trigger.service \
	systemd-firstboot.service systemd-hwdb-update.service systemd-timesyncd.service systemd-networkd.service \
	proc-sys-fs-binfmt_misc.automount dev-hugepages.mount sys-kernel-config.mount sys-kernel-debug.mount \
	sys-kernel-tracing.mount sys-fs-fuse-connections.mount dev-mqueue.mount systemd-journal-flush.service \
	systemd-update-utmp.service systemd-sysctl.service systemd-modules-load.service systemd-random-seed.service \
	systemd-remount-fs.service systemd-pcrphase.service systemd-pcrphase-sysinit.service; do
	ln -sf /dev/null "etc/systemd/system/$unit"
done
mkdir -p etc/systemd/system/sysinit.target.wants
ln -sf /lib/systemd/system/proc-sys-fs-binfmt_misc.mount etc/systemd/system/sysinit.target.wants/
: >etc/fstab
cat >etc/systemd/system/lsf-test.service <<END
[Unit]
SuccessAction=exit
FailureAction=exit
[Service]
Type=exec
ExecStart=` + share + `/test -test.run=^%[1]s$ -test.v
Environment=` + phaseEnv + `=%[2]s
StandardOutput=file:` + share + `/output
StandardError=inherit
KillMode=process
END
`

// boot runs the present test in the sandbox as a service of systemd and returns
// when that is down again.
func (s *sandbox) boot(t *testing.T, phase, before string) {
	t.Helper()
	group := cgroup(t)
	s.copyIn(t, os.Args[0], "test")
	output := filepath.Join(s.dir, "share/output")
	if err := os.WriteFile(output, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := s.command(fmt.Sprintf(prepareBoot, t.Name(), phase)+before, "unshare", "--cgroup", "/bin/sh", "-c",
		`mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"`, "sh", systemdBinary, "--unit=lsf-test.service", "--log-target=journal")
	cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, group
	said, err := s.run(cmd)
	out := read(t, output)
	if err != nil && !bytes.Contains([]byte(out), []byte("--- FAIL")) {
		err = fmt.Errorf("%w\n%s\n%s", err, said, s.journal())
	}
	judge(t, phase, []byte(out), err)
}

// journal is what systemd has noted in the sandbox, for a failed test.
func (s *sandbox) journal() []byte {
	out, _ := exec.Command("journalctl", "-D", filepath.Join(s.dir, "upper/var/log/journal"), "--no-pager", "-n", "200").CombinedOutput()
	return out
}

// cgroup makes a control group, which is removed after the test, and returns a
// descriptor of it. The test is skipped where that is not possible.
func cgroup(t *testing.T) int {
	t.Helper()
	if _, err := os.Stat(systemdBinary); err != nil {
		t.Skip("no systemd here (apt-get install systemd)")
	}
	mounts := read(t, "/proc/self/mounts")
	for line := range strings.Lines(mounts) {
		f := strings.Fields(line)
		if f[2] != "cgroup2" {
			continue
		}
		dir, err := os.MkdirTemp(f[1], "lsf-test-")
		if err != nil {
			t.Skipf("no control groups can be made here: %v", err)
		}
		t.Cleanup(func() { removeCgroup(t, dir) })
		fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		return fd
	}
	t.Skip("no control groups of version 2 here")
	return -1
}

// removeCgroup removes a control group and those within. All processes in it
// have ended with their PID namespace.
func removeCgroup(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() {
			removeCgroup(t, filepath.Join(dir, e.Name()))
		}
	}
	if err := errors.Join(err, unix.Rmdir(dir)); err != nil {
		t.Errorf("%s: %v", dir, err)
	}
}

// TestSystemd installs, upgrades, boots, removes and purges where systemd runs.
func TestSystemd(t *testing.T) {
	const active = "systemctl is-active systemd-binfmt || :"
	switch phase() {
	case "":
		t.Parallel()
		s := newSandbox(t)
		s.packages(t)
		s.boot(t, "install", "rm -f usr/lib/binfmt.d/* etc/binfmt.d/*") // as on a machine that has no other use for it
		s.boot(t, "boot", "")
		s.boot(t, "after", "")
	case "install":
		contains(t, sh(t, active), "inactive") // so that its trigger does nothing
		contains(t, sh(t, "apt-get -o APT::Sandbox::User=root install -y "+share+"/lsf_1.deb"), "lsf-freebsd: registered: "+interpreter)
		contains(t, sh(t, active), "inactive")
		registered(t)
	case "boot":
		contains(t, sh(t, active), "active")
		registered(t)
		g := newGuest(t, share+"/guest")
		defer g.end(t)
		sh(t, "dpkg -i "+share+"/lsf_2.deb")
		g.answers(t, "after the upgrade")
		registered(t)
		sh(t, "systemctl restart systemd-binfmt")
		registered(t)
		sh(t, "dpkg -r lsf")
		notRegistered(t)
		g.answers(t, "after the removal")
	case "after":
		notRegistered(t)
		sh(t, "test -e /etc/lsf/config.toml; dpkg -P lsf; test ! -e /etc/lsf")
	}
}

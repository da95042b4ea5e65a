package deb

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// phaseEnv is set within a sandbox: which start of it this is.
const phaseEnv = "LSF_TEST_DEB_PHASE"

// share is a directory in the sandbox that outlives it, with the packages, the
// guests and the test program.
const share = "/lsf-test"

// patience is how long a start of a sandbox may take before it is said to hang.
const patience = 3 * time.Minute

// sandbox is a copy of this machine's root file system that is written to by
// nobody else, for processes that are root and have a binfmt_misc of their own.
// It may be started several times.
type sandbox struct{ dir string }

// setup becomes PID 1 of a sandbox. $1 is its directory, $2 says what to do in
// it at first, and the rest is the program.
const setup = `set -e
dir=$1 before=$2; shift 2
mount --bind "$dir/root" "$dir/root" # what comes from outside cannot become the root
cd "$dir/root"
mkdir -p old ` + share + `
rm -f var/lib/man-db/auto-update # takes long
mount --bind "$dir/share" .` + share + `
mount -t proc -o nosuid,nodev,noexec proc proc
mount -t sysfs -o nosuid,nodev,noexec sysfs sys
mount -t tmpfs -o mode=755 tmpfs dev
for node in null zero full random urandom tty; do
	: >"dev/$node"
	mount --bind "/dev/$node" "dev/$node"
done
: >dev/console
mount --bind /dev/null dev/console
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs tmpfs dev/shm
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs tmpfs tmp
eval "$before"
pivot_root . old
umount -l old
cd /
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive container=lsf-test
exec "$@"`

// newSandbox makes a sandbox. The test is skipped where there can be none.
func newSandbox(t *testing.T) *sandbox {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("the package is tried as root")
	}
	base := t.TempDir()
	// An overlay cannot write to another one, as a container's /tmp is.
	if dir, err := os.MkdirTemp("/dev/shm", "lsf-deb"); err == nil {
		t.Cleanup(func() { os.RemoveAll(dir) })
		base = dir
	}
	s := &sandbox{base}
	for _, d := range []string{"", "upper", "work", "root", "share", "without"} {
		if err := errors.Join(os.MkdirAll(filepath.Join(base, d), 0o755), os.Chmod(filepath.Join(base, d), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	s.hide(t)
	probe := s.command("mount -t binfmt_misc binfmt_misc proc/sys/fs/binfmt_misc", "test", "-x", "/usr/bin/dpkg", "-a", "-d", "/var/lib/dpkg/info")
	if out, err := s.run(probe); err != nil {
		t.Skipf("no namespaces with an overlay of / and a binfmt_misc here: %v\n%s", err, out)
	}
	return s
}

// hide takes out of the sandbox what this machine has of an LSF that was
// installed by hand: a layer of the overlay says that it is not there.
func (s *sandbox) hide(t *testing.T) {
	t.Helper()
	for _, path := range []string{"/etc/binfmt.d/lsf-freebsd.conf", "/etc/lsf", "/var/cache/lsf", "/compat/freebsd"} {
		if _, err := os.Lstat(path); err != nil {
			continue
		}
		at := filepath.Join(s.dir, "without", path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), unix.Mknod(at, unix.S_IFCHR, 0)); err != nil {
			t.Fatal(err)
		}
	}
}

// command makes a command that starts the sandbox.
func (s *sandbox) command(before, name string, args ...string) *exec.Cmd {
	cmd := exec.Command("/bin/sh", append([]string{"-c", setup, "sh", s.dir, before, name}, args...)...)
	all := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1<<31 - 1}}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID |
			syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
		Pdeathsig:                  syscall.SIGKILL,
		UidMappings:                all,
		GidMappings:                all,
		GidMappingsEnableSetgroups: true,
	}
	return cmd
}

// start runs the present test in the sandbox and returns when that is down
// again. phase is told to it.
func (s *sandbox) start(t *testing.T, phase, before string) {
	t.Helper()
	s.copyIn(t, os.Args[0], "test")
	cmd := s.command(before, "/bin/sh", "-c", `"$@"; exit`, "sh", share+"/test", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), phaseEnv+"="+phase)
	out, err := s.run(cmd)
	judge(t, phase, out, err)
}

// run runs a command of the sandbox, for as long as there is patience, and
// returns what it prints.
func (s *sandbox) run(cmd *exec.Cmd) ([]byte, error) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	done := make(chan error)
	go func() {
		// The thread ends with the goroutine, and the mounts with the command.
		runtime.LockOSThread()
		err := s.overlay()
		if err == nil {
			err = cmd.Start()
		}
		if err == nil {
			hang := time.AfterFunc(patience, func() { cmd.Process.Kill() })
			err = cmd.Wait()
			hang.Stop()
		}
		done <- err
	}()
	err := <-done
	return out.Bytes(), err
}

// overlay gives this thread a mount namespace in which the sandbox's root is
// mounted. In the user namespace that would be too late: there nothing can be
// told apart from what is mounted below it.
func (s *sandbox) overlay() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	options := fmt.Sprintf("lowerdir=%[1]s/without:/,upperdir=%[1]s/upper,workdir=%[1]s/work", s.dir)
	if err := unix.Mount("overlay", s.dir+"/root", "overlay", 0, options); err != nil {
		return fmt.Errorf("overlay: %w", err)
	}
	return nil
}

// judge looks at what a test has printed inside of a sandbox.
func judge(t *testing.T, phase string, out []byte, err error) {
	t.Helper()
	switch {
	case err != nil:
		t.Fatalf("phase %s: %v\n%s", phase, err, out)
	case bytes.Contains(out, []byte("--- SKIP: "+t.Name()+" ")):
		t.Skipf("%s", out)
	case !bytes.Contains(out, []byte("--- PASS: "+t.Name()+" ")):
		t.Fatalf("phase %s: did not run:\n%s", phase, out)
	default:
		t.Logf("phase %s:\n%s", phase, out)
	}
}

// copyIn puts a file into the shared directory.
func (s *sandbox) copyIn(t *testing.T, from, name string) {
	t.Helper()
	to := filepath.Join(s.dir, "share", name)
	b, err := os.ReadFile(from)
	if err == nil {
		err = errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, b, 0o755))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// packages puts the package, a later version of it, and a FreeBSD program into
// the shared directory.
func (s *sandbox) packages(t *testing.T) {
	t.Helper()
	deb := pkg(t)
	s.copyIn(t, deb, "lsf_1.deb")
	s.copyIn(t, later(t), "lsf_2.deb")
	s.guest(t, "guest")
}

// guest builds a program in testdata for FreeBSD.
func (s *sandbox) guest(t *testing.T, name string) {
	t.Helper()
	cmd := exec.Command("go", "build", "-o", filepath.Join(s.dir, "share", name), "./testdata/"+name)
	cmd.Env = append(os.Environ(), "GOOS=freebsd", "GOARCH=amd64", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// In the sandbox:

// phase is which start of the sandbox this is, "" outside.
func phase() string { return os.Getenv(phaseEnv) }

// sh runs a shell script, which must succeed, and returns what it prints.
func sh(t *testing.T, script string) string {
	t.Helper()
	out, err := command(script).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

func command(script string) *exec.Cmd { return exec.Command("/bin/sh", "-ec", script) }

// contains checks that what was printed has a certain line.
func contains(t *testing.T, out, line string) {
	t.Helper()
	for l := range strings.Lines(out) {
		if strings.TrimRight(l, "\r\n") == line {
			return
		}
	}
	t.Errorf("no line %q in\n%s", line, out)
}

const (
	interpreter = "/usr/libexec/lsf/lsf-binfmt"
	entry       = "/proc/sys/fs/binfmt_misc/lsf-freebsd"
)

// registered checks that the kernel starts FreeBSD programs by the lsf-binfmt
// that is installed now.
func registered(t *testing.T) {
	t.Helper()
	g := newGuest(t, share+"/guest")
	defer g.end(t)
	if got, want := inode(t, fmt.Sprintf("/proc/%d/exe", g.supervisor(t))), inode(t, interpreter); got != want {
		t.Errorf("programs are run by the file with inode %d, installed is %d", got, want)
	}
}

// notRegistered checks that there is no entry.
func notRegistered(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(entry); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: %v", entry, err)
	}
}

func inode(t *testing.T, name string) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(name, &st); err != nil {
		t.Fatal(name, err)
	}
	return st.Ino
}

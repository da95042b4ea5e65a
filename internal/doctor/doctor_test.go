package doctor_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/internal/lsftest"
	"github.com/lsf-linux/lsf/internal/probe"
)

// helper makes the test program set a seccomp filter and execute its arguments.
// Its value says what the filter forbids.
const helper = "LSF_TEST_FORBID"

func TestMain(m *testing.M) {
	what := os.Getenv(helper)
	if what == "" {
		os.Exit(m.Run())
	}
	os.Unsetenv(helper)
	if err := forbid(filters[what]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, syscall.Exec(os.Args[1], os.Args[1:], os.Environ()))
	os.Exit(1)
}

// What the filters are made of.
const (
	load        = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	jumpIfEqual = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	ret         = unix.BPF_RET | unix.BPF_K
	dataNR      = 0  // offsets in struct seccomp_data
	dataArg0    = 16 //
	prSetSUD    = 59 // PR_SET_SYSCALL_USER_DISPATCH
)

var filters = map[string][]unix.SockFilter{
	// As Docker's profile before 19.03.
	"ptrace": {
		{Code: load, K: dataNR},
		{Code: jumpIfEqual, K: unix.SYS_PTRACE, Jf: 1},
		{Code: ret, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: ret, K: unix.SECCOMP_RET_ALLOW},
	},
	// As Linux before 5.11.
	"sud": {
		{Code: load, K: dataNR},
		{Code: jumpIfEqual, K: unix.SYS_PRCTL, Jf: 3},
		{Code: load, K: dataArg0},
		{Code: jumpIfEqual, K: prSetSUD, Jf: 1},
		{Code: ret, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EINVAL)},
		{Code: ret, K: unix.SECCOMP_RET_ALLOW},
	},
}

func forbid(filter []unix.SockFilter) error {
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	// For all threads: which one will execute is not known.
	if _, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog))); e != 0 {
		return e
	}
	return nil
}

// preamble is what the cases' scripts are made of. They run where FreeBSD
// programs run, in a directory of their own.
const preamble = `
misc=/proc/sys/fs/binfmt_misc
entry=$misc/lsf-freebsd
doctor() { "$BIN/lsf-install" "$@" doctor; exit; }
register() { # INTERPRETER FLAGS
	tail -n 1 "$SRC/systemd/lsf-freebsd.conf" | sed "s|/usr/libexec/lsf/lsf-binfmt|$1|; s|OPF|$2|" | tr -d '\n' >$misc/register
}
instead() { echo -1 >$entry && register "$@"; } # of the right entry
system() { # RELEASE: makes a FreeBSD system in ./root
	mkdir -p root/libexec root/bin
	cp rtld root/libexec/ld-elf.so.1
	printf '#!/bin/sh\n\nUSERLAND_VERSION="%s"\n' "$1" >root/bin/freebsd-version
}
`

// cases are set-ups, each broken in one way, and what the doctor must say.
var cases = []struct {
	name   string
	script string
	status int    // exit status of lsf-install doctor
	says   string // a line, as a regular expression
	mend   string // contained in the next line; "" if there is none
}{
	{"nothing", `doctor`, 0, `✓ run by name: a FreeBSD program runs like any other; it sees FreeBSD 1.*`, ""},
	{"a system", `system 14.1-RELEASE; export LSF_ROOT=$PWD/root; doctor`, 0, `✓ FreeBSD system: .*/root: FreeBSD 14.1-RELEASE`, ""},
	{"a system to chroot to", `system 14.1-RELEASE; export LSF_ROOT=$PWD/root LSF_MODE=chroot; doctor`, 0, `✓ run by lsf: .* runs a FreeBSD program; .*`, ""},

	{"not in the kernel", `umount $misc; doctor --binfmt-dir /nonexistent`, 2, `✗ binfmt_misc: this kernel has no binfmt_misc`, "CONFIG_BINFMT_MISC"},
	{"not mounted", `echo -1 >$entry; umount $misc; doctor`, 2, `✗ binfmt_misc: not mounted on .*`, "lsf-install install"},
	{"read-only", `echo -1 >$entry; mount -o remount,bind,ro $misc; doctor`, 2, `✗ binfmt_misc: mounted read-only: .*`, "remount,rw"},
	{"switched off", `echo 0 >$misc/status; doctor`, 2, `✗ binfmt_misc: switched off, .*`, "lsf-install install"},
	{"no entry", `echo -1 >$entry; doctor`, 2, `✗ entry: lsf-freebsd is not registered`, "lsf-install install"},
	{"no entry: run", `echo -1 >$entry; doctor`, 2, `✗ run by name: Linux ran it as a program of its own \(SIGSEGV, 139 in shells\)`, "lsf-install install"},
	{"disabled", `echo 0 >$entry; doctor`, 2, `✗ entry: lsf-freebsd: disabled`, "lsf-install install"},
	{"other flags", `instead "$BIN/lsf-binfmt" F; doctor`, 1, `! entry: lsf-freebsd: with flags F instead of OPF`, "lsf-install install"},
	{"another interpreter", `cp "$BIN/lsf-binfmt" other; instead $PWD/other OPF; doctor`, 1, `! entry: lsf-freebsd: for another interpreter, .*/other`, "lsf-install install"},
	{"somebody else's interpreter", `instead $(readlink -f /bin/true) OPF; doctor`, 2, `✗ entry: lsf-freebsd: for another interpreter, .*/true`, "lsf-install install"},
	{"stale", `mkdir d; cp "$BIN/lsf-install" "$BIN/lsf-binfmt" d; d/lsf-install install >/dev/null
		until [ "$(find d/lsf-binfmt -newer $entry)" ]; do touch d/lsf-binfmt; done; d/lsf-install doctor`, 1, `! entry: lsf-freebsd: its interpreter has been replaced since`, "lsf-install install"},
	{"removed", `mkdir d; cp "$BIN/lsf-install" "$BIN/lsf-binfmt" d; d/lsf-install install >/dev/null
		rm d/lsf-binfmt; d/lsf-install doctor`, 2, `✗ interpreter: .*/lsf-binfmt has been removed`, "lsf-install install"},
	{"a rival comes first", `printf ':rival:M::\\x7fELF\\x02\\x01\\x01\\x09::/bin/true:' >$misc/register; doctor`, 2, `✗ other entries: rival comes first and takes FreeBSD's programs: /bin/true`, "echo -1"},
	{"a rival behind", `echo -1 >$entry; printf ':rival:M:2:LF\\x02\\x01\\x01\\x09::/bin/true:' >$misc/register
		until [ "$(find $misc -name lsf-freebsd -newer $misc/rival)" ]; do "$BIN/lsf-install" uninstall; "$BIN/lsf-install" install; done >/dev/null
		doctor`, 1, `! other entries: rival is for FreeBSD's programs, too, .*`, "echo -1"},

	{"not static", `instead $(readlink -f /bin/sh) OPF; doctor`, 2, `✗ interpreter: .*: not a static program: .*`, "lsf-install install"},
	{"not executable", `cp "$BIN/lsf-binfmt" other; instead $PWD/other OPF; chmod 644 other; doctor`, 2, `✗ interpreter: .*/other: not an executable file`, "chmod 755"},
	{"unreadable", `cp "$BIN/lsf-binfmt" other; instead $PWD/other OPF; chmod 711 other; doctor`, 1, `! interpreter: .*/other: not readable and executable for everybody: .*`, "chmod 755"},
	{"noexec", `mkdir m; mount -t tmpfs tmpfs m; cp "$BIN/lsf-binfmt" m; instead $PWD/m/lsf-binfmt OPF; mount -o remount,noexec m; doctor`, 2, `✗ interpreter: .*/m/lsf-binfmt: its file system is mounted noexec`, "--prefix"},
	{"without its entry point", `instead $PWD/plain OPF; doctor`, 2, `✗ run by lsf: .*/plain: exit status 126: lsf: built without its own entry point; .*`, "make"},

	{"no file for the boot", `mkdir -p sys/usr/lib/binfmt.d; doctor --destdir $PWD/sys`, 1, `! at boot: no file .*/sys/etc/binfmt.d/lsf-freebsd.conf: .*`, "lsf-install install"},
	{"another one at boot", `mkdir -p sys/etc/binfmt.d; sed "s|:/usr[^:]*:|:/bin/true:|" "$SRC/systemd/lsf-freebsd.conf" >sys/etc/binfmt.d/lsf-freebsd.conf
		doctor --destdir $PWD/sys`, 1, `! at boot: .* names /bin/true, which is not the one that is registered`, "lsf-install install"},
	{"at boot: not there", `mkdir -p sys/usr/lib/binfmt.d; sed "s|:/usr[^:]*:|:/nonexistent/lsf-binfmt:|" "$SRC/systemd/lsf-freebsd.conf" >sys/usr/lib/binfmt.d/lsf-freebsd.conf
		doctor --destdir $PWD/sys`, 2, `✗ at boot: .* names /nonexistent/lsf-binfmt, which is not there`, "lsf-install install"},
	{"a foreign file", `mkdir -p sys/etc/binfmt.d; echo hello >sys/etc/binfmt.d/lsf-freebsd.conf; doctor --destdir $PWD/sys`, 2, `✗ at boot: .*/sys/etc/binfmt.d/lsf-freebsd.conf: .*`, "rm "},
	{"masked", `mkdir -p sys/etc/binfmt.d; ln -s /dev/null sys/etc/binfmt.d/lsf-freebsd.conf; doctor --destdir $PWD/sys`, 1, `! at boot: .* is masked: .*`, "rm "},

	{"a mistake in a file", `mkdir etc; echo 'colour = "red"' >etc/config.toml; doctor --config-dir $PWD/etc`, 1, `! settings: this is ignored: .*/etc/config.toml: line 1: colour: no such setting.*`, "editor "},
	{"a mistake in the environment", `export LSF_MODE=no; doctor`, 2, `✗ settings: in the environment: LSF_MODE: must be .*`, "unset LSF_MODE"},
	{"a trace for all", `mkdir etc; echo 'trace = "/dev/null"' >etc/config.toml; doctor --config-dir $PWD/etc`, 1, `! settings: trace = "/dev/null": .*`, "editor "},

	{"the root is not there", `export LSF_ROOT=/nonexistent; doctor`, 2, `✗ FreeBSD system: /nonexistent, as configured, is not there`, "rootfs get"},
	{"the root is empty", `mkdir root; export LSF_ROOT=$PWD/root; doctor`, 2, `✗ FreeBSD system: .*/root is an empty directory`, "rootfs get"},
	{"the root is no system", `mkdir -p root/bin; export LSF_ROOT=$PWD/root; doctor`, 2, `✗ FreeBSD system: .*/root is no FreeBSD system: there is no /libexec/ld-elf.so.1`, "rootfs get"},
	{"the root is another machine's", `system 14.1-RELEASE; cp arm root/libexec/ld-elf.so.1; export LSF_ROOT=$PWD/root; doctor`, 2, `✗ FreeBSD system: .*/root is not a FreeBSD system for amd64: .* is for EM_AARCH64, .*`, "rootfs get"},
	{"the root is noexec", `mkdir root; mount -t tmpfs -o noexec tmpfs root; system 14.1-RELEASE; export LSF_ROOT=$PWD/root; doctor`, 2, `✗ FreeBSD system: .*/root is mounted noexec: .*`, "remount,exec"},
	{"the root is too old", `system 9.3-RELEASE; export LSF_ROOT=$PWD/root; doctor`, 2, `✗ FreeBSD system: .*/root is FreeBSD 9.3-RELEASE: older than .*`, "rootfs get"},
	{"the root is too new", `system 99.0-CURRENT; export LSF_ROOT=$PWD/root; doctor`, 1, `! FreeBSD system: .*/root is FreeBSD 99.0-CURRENT: newer than .*`, "rootfs get"},
	{"the root does not tell", `system 14.1-RELEASE; rm root/bin/freebsd-version; export LSF_ROOT=$PWD/root; doctor`, 1, `! FreeBSD system: .*/root does not say which release it is: .*`, "release ="},

	{"seccomp", `export ` + helper + `=ptrace; exec "$SELF" "$BIN/lsf-install" doctor`, 2, `✗ ptrace: a seccomp filter forbids it .*`, "--cap-add SYS_PTRACE"},
	{"an old kernel", `export ` + helper + `=sud; exec "$SELF" "$BIN/lsf-install" doctor`, 1, `! kernel: Linux .*, engine ptrace: no Syscall User Dispatch, .*`, "Linux 5.11"},
	{"an engine that is not there", `export LSF_ENGINE=sud ` + helper + `=sud; exec "$SELF" "$BIN/lsf-install" doctor`, 2, `✗ kernel: Linux .*: engine sud: this kernel has no Syscall User Dispatch .*`, "LSF_ENGINE"},
	{"writable by all", `mkdir d; cp "$BIN/lsf-install" "$BIN/lsf-binfmt" d; d/lsf-install install >/dev/null; chmod 777 d; d/lsf-install doctor`, 1, `! interpreter: .*/d can be written by others than root: .*`, "--prefix"},
	{"seccomp: run", `export ` + helper + `=ptrace; exec "$SELF" "$BIN/lsf-install" doctor`, 2, `✗ run by name: exit status 126: lsf: cannot trace the program .*`, "see ptrace above"},
}

// TestBroken shows that the doctor names what is wrong, and nothing else is.
func TestBroken(t *testing.T) {
	bin := lsftest.Bin(t)
	top := t.TempDir()
	plain := filepath.Join(top, "plain")
	build := exec.Command("go", "build", "-o", plain, "./cmd/lsf-binfmt")
	build.Dir = lsftest.Root()
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	rtld := probe.Program(9)
	arm := append([]byte{}, rtld...)
	arm[18] = 183 // EM_AARCH64
	for i, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(top, fmt.Sprint(i))
			if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(dir, "rtld"), rtld, 0o755),
				os.WriteFile(filepath.Join(dir, "arm"), arm, 0o755), os.Link(plain, filepath.Join(dir, "plain"))); err != nil {
				t.Fatal(err)
			}
			cmd := lsftest.Registered(t, "/bin/sh", "-c", preamble+tt.script)
			cmd.Dir = dir
			cmd.Env = append(cmd.Env, "BIN="+bin, "SRC="+lsftest.Root(), "SELF="+self)
			out, err := cmd.CombinedOutput()
			status := 0
			if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
				status = exit.ExitCode()
			} else if err != nil {
				t.Fatal(err)
			}
			if status != tt.status {
				t.Errorf("exit status %d, want %d", status, tt.status)
			}
			lines := strings.Split(string(out), "\n")
			says := regexp.MustCompile("^" + tt.says + "$")
			found := false
			for i, line := range lines {
				if says.MatchString(line) {
					found = true
					if tt.mend != "" && (!strings.HasPrefix(lines[i+1], "    mend: ") || !strings.Contains(lines[i+1], tt.mend)) {
						t.Errorf("no way to mend it: %s", lines[i+1])
					}
				}
			}
			if !found {
				t.Errorf("does not say: %s", tt.says)
			}
			if t.Failed() {
				t.Logf("%s", out)
			}
		})
	}
}

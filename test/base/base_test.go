package base

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lsf-linux/lsf/internal/lsftest"
)

// rootfs returns the base system's directory.
func rootfs(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("LSF_TEST_ROOTFS")
	if dir == "" {
		t.Skip("LSF_TEST_ROOTFS names no FreeBSD base system")
	}
	if _, err := os.Stat(filepath.Join(dir, "libexec/ld-elf.so.1")); err != nil {
		t.Fatalf("LSF_TEST_ROOTFS: %v", err)
	}
	return dir
}

const path = "PATH=/bin:/usr/bin:/sbin:/usr/sbin"

// inRoot makes a command that runs in the base system; user is root, or what
// chroot(8) takes.
func inRoot(t testing.TB, engine, user string, args ...string) *exec.Cmd {
	t.Helper()
	full := []string{"--", rootfs(t)}
	if user != "" {
		full = append([]string{"--userspec=" + user}, full...)
	}
	cmd := lsftest.Registered(t, "chroot", append(full, args...)...)
	cmd.Env = append(cmd.Env, "LSF_ENGINE="+engine, path, "LANG=C", "TERM=dumb")
	return cmd
}

// run runs a command, at most for a minute.
func run(t *testing.T, cmd *exec.Cmd) (stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := context.AfterFunc(ctx, func() { cmd.Process.Kill() })
	defer stop()
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v", err)
	}
	if ctx.Err() != nil {
		t.Error("does not end")
	}
	return out.String(), errs.String()
}

// scripts are run by /bin/sh -e in an empty directory of their own.
var scripts = []struct {
	name, needs string // programs, by their names in the base system
	script      string
	want        string
}{
	{"arithmetic", "", `echo $((6*7))`, "42\n"},
	{"status", "", `sh -c 'exit 3' || echo $?; sh -c 'kill -9 $$' 2>/dev/null || echo $?`, "3\n137\n"},
	{"pipeline", "", `for i in 3 1 2; do echo $i; done | cat | cat`, "3\n1\n2\n"},
	{"background", "", `sleep 0.1 & wait $!; echo $?; (exit 5) & wait $! || echo $?`, "0\n5\n"},
	{"trap", "", `trap 'echo caught' USR1; kill -USR1 $$; echo on`, "caught\non\n"},
	{"null", "", `echo x >/dev/null; cat /dev/null; [ -c /dev/null ] && echo char`, "char\n"},
	{"zero", "/bin/dd /usr/bin/wc", `dd if=/dev/zero bs=1k count=100 2>/dev/null | wc -c | tr -d ' '`, "102400\n"},
	{"random", "/bin/dd /usr/bin/cmp", `for i in 1 2; do dd if=/dev/urandom of=$i bs=64 count=1 2>/dev/null; done; cmp -s 1 2 || echo differ`, "differ\n"},
	{"stdin", "", `echo through | cat /dev/stdin`, "through\n"},
	{"uname", "/usr/bin/uname", `uname -sm`, "FreeBSD amd64\n"},
	{"files", "/bin/ls /bin/cp /bin/mv", `echo a >f; cp f g; mv g h; ln -s f s; ln f l; mkdir -p d/e; ls -F; rm -r d; ls`, "d/\nf\nh\nl\ns@\nf\nh\nl\ns\n"},
	{"exec", "", `printf '#!/bin/sh\necho "$0 $1"\n' >x; chmod +x x; ./x arg`, "./x arg\n"},
	{"sort", "/usr/bin/sort /usr/bin/jot", `jot -r 20000 1 100000 | sort -n >s; sort -cn s && echo sorted; wc -l <s | tr -d ' '`, "sorted\n20000\n"},
	{"text", "/usr/bin/awk /usr/bin/sed /usr/bin/jot", `jot 2000 | sed 's/0/o/g' | awk '/o/ {n++} END {print n}'`, "452\n"},
	{"find", "/usr/bin/find /usr/bin/xargs", `mkdir a b; for i in 1 2 3; do echo $i >a/$i; done; find a -type f | sort | xargs -n1 cat`, "1\n2\n3\n"},
	{"tar", "/usr/bin/tar /usr/bin/gzip", `mkdir -p t/u; echo hi >t/u/f; ln -s f t/u/s; tar czf t.tgz t; rm -r t; tar xzf t.tgz; cat t/u/s; readlink t/u/s`, "hi\nf\n"},
	{"xz", "/usr/bin/xz /usr/bin/jot", `jot 5000 >n; xz -T2 n; xz -dc n.xz | tail -1`, "5000\n"},
	{"make", "/usr/bin/make", "printf 'all: a b c d\\na b c d:\\n\\t@echo $@ > $@\\n' >Makefile; make -j4 >/dev/null; cat a b c d", "a\nb\nc\nd\n"},
	{"timeout", "/bin/timeout", `timeout 0.2 sleep 60 || echo $?; timeout 60 true; echo $?`, "124\n0\n"},
	{"csh", "/bin/csh", `csh -fc 'set x=(1 2 3); @ y = $#x * 2; echo $y; echo a | cat'`, "6\na\n"},
	{"ps", "/bin/ps", `sleep 60 & until [ "$(ps -o comm= -p $!)" = sleep ]; do :; done; echo found; kill $!`, "found\n"},
	{"pgrep", "/bin/pgrep", `cp /bin/sleep ./zzz; ./zzz 60 & until [ "$(pgrep -x zzz)" = $! ]; do :; done; echo found; kill $!`, "found\n"},
	{"sysctl", "/sbin/sysctl", `sysctl -n kern.ostype hw.machine`, "FreeBSD\namd64\n"},
	{"rtld", "/usr/bin/uname", `/libexec/ld-elf.so.1 /usr/bin/uname -s`, "FreeBSD\n"},
	{"preload", "/usr/bin/uname", `LD_PRELOAD=/lib/libthr.so.3 uname -s`, "FreeBSD\n"},
	{"ldd", "/usr/bin/ldd", `ldd /bin/cat | grep -c 'libc.so.7 =>'`, "1\n"},
	{"df", "/bin/df", `df / | tail -1 | sed 's/.* //'`, "/\n"},
	{"id", "/usr/bin/id", `[ $(id -u) -ge 0 ] && echo ok`, "ok\n"},
	{"fifo", "/usr/bin/mkfifo", `mkfifo p; echo through >p & cat p; wait`, "through\n"},
	{"lock", "/usr/bin/lockf", `lockf -t 5 l echo held`, "held\n"},
}

func TestScripts(t *testing.T) {
	root := rootfs(t)
	for _, engine := range []string{"sud", "ptrace"} {
		for _, user := range []string{"", "1000:1000"} {
			if user != "" && os.Geteuid() != 0 {
				continue // nobody else to become
			}
			for _, s := range scripts {
				t.Run(strings.Join([]string{engine, "root" + user, s.name}, "/"), func(t *testing.T) {
					for _, prog := range strings.Fields(s.needs) {
						if _, err := os.Stat(filepath.Join(root, prog)); err != nil {
							t.Skip(err)
						}
					}
					script := `set -e; d=$(mktemp -d /tmp/base.XXXXXX); cd $d; trap 'rm -rf $d' EXIT; ` + s.script
					out, errs := run(t, inRoot(t, engine, user, "/bin/sh", "-c", script))
					if out != s.want {
						t.Errorf("got  %q\nwant %q\n%s", out, s.want, errs)
					}
				})
			}
		}
	}
}

// TestRtld starts the dynamic linker as a program, with nothing of the base
// system in its place.
func TestRtld(t *testing.T) {
	root := rootfs(t)
	cmd := exec.Command(filepath.Join(lsftest.Bin(t), "lsf"), "--", "libexec/ld-elf.so.1", "bin/echo", "a", "b")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+filepath.Join(root, "lib"))
	if out, errs := run(t, cmd); out != "a b\n" {
		t.Errorf("got %q\n%s", out, errs)
	}
}

package deb

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// files are the package's files, and what there may be besides.
func files(t *testing.T) string {
	t.Helper()
	return sh(t, "ls -d /etc/lsf /etc/lsf/* /var/cache/lsf /compat/freebsd/bin /usr/sbin/lsf-install "+interpreter+" 2>/dev/null || :")
}

// TestAdmin installs, upgrades, removes and purges as an administrator does,
// where systemd does not run and nobody has mounted binfmt_misc.
func TestAdmin(t *testing.T) {
	if phase() == "" {
		t.Parallel()
		s := newSandbox(t)
		s.packages(t)
		s.start(t, "1", "")
		return
	}
	out := sh(t, "apt-get -o APT::Sandbox::User=root install -y "+share+"/lsf_1.deb")
	contains(t, out, "lsf-freebsd: registered: "+interpreter)
	registered(t)
	contains(t, sh(t, "lsf-install status"), "lsf-freebsd: registered and enabled")

	// While a guest runs, LSF is replaced.
	g := newGuest(t, share+"/guest")
	defer g.end(t)
	old := inode(t, interpreter)
	sh(t, "echo 'debug = false' >>/etc/lsf/config.toml")
	contains(t, sh(t, "dpkg -i "+share+"/lsf_2.deb"), "lsf-freebsd: registered anew: "+interpreter)
	if inode(t, interpreter) == old {
		t.Fatal("the upgrade has replaced nothing")
	}
	g.answers(t, "after the upgrade")
	registered(t)
	if got := inode(t, fmt.Sprintf("/proc/%d/exe", g.supervisor(t))); got != old {
		t.Errorf("the guest's supervisor has changed: inode %d, was %d", got, old)
	}
	contains(t, sh(t, "tail -n 1 /etc/lsf/config.toml"), "debug = false")
	contains(t, sh(t, "dpkg-reconfigure lsf"), "lsf-freebsd: already registered: "+interpreter)
	registered(t)
	contains(t, sh(t, "dpkg -i "+share+"/lsf_1.deb"), "lsf-freebsd: registered anew: "+interpreter) // downgrade
	registered(t)

	// What a purge must and must not remove.
	sh(t, `mkdir -p /etc/lsf/config.d /var/cache/lsf/x /compat/freebsd/bin
		echo 'debug = false' >/etc/lsf/config.d/10.toml`)
	sh(t, "dpkg -r lsf")
	notRegistered(t)
	g.answers(t, "after the removal")
	if got, want := files(t), "/compat/freebsd/bin\n/etc/lsf\n/etc/lsf/config.d\n/etc/lsf/config.toml\n/var/cache/lsf\n"; got != want {
		t.Errorf("after the removal there are\n%s", got)
	}
	sh(t, "dpkg -i "+share+"/lsf_2.deb")
	registered(t)
	sh(t, "apt-get purge -y lsf")
	notRegistered(t)
	if got, want := files(t), "/compat/freebsd/bin\n"; got != want {
		t.Errorf("after the purge there are\n%s", got)
	}
	g.answers(t, "after the purge")
	// Nothing refers to the package any more.
	if got := sh(t, "dpkg -l lsf 2>/dev/null | grep lsf || :"); got != "" {
		t.Errorf("dpkg still knows %s", got)
	}
}

// TestNoRegistering installs where nothing can or should be registered. That is
// no reason to fail, but worth a line. What lsf-install says about the cause is
// its own affair.
func TestNoRegistering(t *testing.T) {
	cases := map[string]struct{ before, in, told string }{
		"read-only": {
			before: "mount -t binfmt_misc binfmt_misc proc/sys/fs/binfmt_misc; mount -o remount,bind,ro proc/sys/fs/binfmt_misc",
			told:   "lsf: FreeBSD programs do not start by their name: ",
		},
		"container": { // as in Docker: not mounted, and no right to
			in:   "setpriv --bounding-set=-sys_admin ",
			told: "lsf: FreeBSD programs do not start by their name: ",
		},
		"masked": {
			before: "ln -s /dev/null etc/binfmt.d/lsf-freebsd.conf",
			told:   "lsf: /etc/binfmt.d/lsf-freebsd.conf is there: left the registration of FreeBSD programs as it is",
		},
		"chroot": {
			before: "mount -t binfmt_misc binfmt_misc proc/sys/fs/binfmt_misc; mkdir old/chroot; mount --rbind . old/chroot",
			in:     "chroot /old/chroot ",
			told:   "lsf: in a chroot: left the kernel's registration of FreeBSD programs as it is",
		},
		"other root": { // dpkg --root
			in:   "DPKG_ROOT=/elsewhere ",
			told: "lsf: in a chroot: left the kernel's registration of FreeBSD programs as it is",
		},
	}
	if phase() == "" {
		t.Parallel()
		s := newSandbox(t)
		s.packages(t)
		for name, c := range cases {
			s.start(t, name, c.before)
			if err := os.RemoveAll(s.dir + "/upper"); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(s.dir+"/upper", 0o755); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	c := cases[phase()]
	if phase() == "other root" {
		sh(t, "dpkg-deb -R "+share+"/lsf_1.deb /tmp/lsf")
		contains(t, sh(t, c.in+"/tmp/lsf/DEBIAN/postinst configure"), c.told)
		notRegistered(t)
		return
	}
	out := sh(t, c.in+"dpkg -i "+share+"/lsf_1.deb")
	if !strings.Contains(out, "\n"+c.told) {
		t.Errorf("not told that %q:\n%s", c.told, out)
	}
	if n := strings.Count(out, "\nlsf"); n != 1 {
		t.Errorf("%d lines where one would do:\n%s", n, out)
	}
	notRegistered(t)
	contains(t, sh(t, "lsf -- "+share+"/guest </dev/null"), "ready freebsd")
	sh(t, c.in+"dpkg -P lsf")
}

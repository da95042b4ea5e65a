package xlat

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

func TestTermiosRoundTrip(t *testing.T) {
	in := abi.Termios{
		Iflag: abi.BRKINT | abi.ICRNL | abi.IMAXBEL | abi.IXON | abi.IXANY, Oflag: abi.OPOST | abi.ONLCR,
		Cflag:  abi.CREAD | abi.CS8 | abi.HUPCL,
		Lflag:  abi.ICANON | abi.ISIG | abi.IEXTEN | abi.ECHO | abi.ECHOE | abi.ECHOKE | abi.ECHOCTL | abi.NOKERNINFO,
		Ispeed: 9600, Ospeed: 115200,
	}
	for i := range in.Cc {
		in.Cc[i] = abi.VDISABLE
	}
	in.Cc[abi.VINTR], in.Cc[abi.VEOF], in.Cc[abi.VMIN], in.Cc[abi.VTIME] = 3, 4, 1, 0
	l := TermiosToLinux(&in, unix.Termios{Iflag: unix.IUTF8 | unix.IGNBRK, Cflag: unix.B38400})
	if l.Iflag&unix.IUTF8 == 0 || l.Iflag&unix.IGNBRK != 0 {
		t.Errorf("c_iflag %#x: IUTF8 is to stay, IGNBRK to go", l.Iflag)
	}
	if l.Cflag&linuxCBAUD != unix.B115200 || l.Cflag>>inputShift&linuxCBAUD != unix.B9600 {
		t.Errorf("speeds in c_cflag %#x", l.Cflag)
	}
	if l.Cc[unix.VINTR] != 3 || l.Cc[unix.VQUIT] != 0 || l.Cc[unix.VMIN] != 1 {
		t.Errorf("c_cc %v", l.Cc)
	}
	l.Iflag &^= unix.IUTF8
	if got := Termios(&l); got != in {
		t.Errorf("got  %+v\nwant %+v", got, in)
	}
}

// TestTermiosFlags converts each flag alone, both ways.
func TestTermiosFlags(t *testing.T) {
	for _, table := range [][]bitPair{inputFlags, outputFlags, controlFlags, localFlags} {
		for _, p := range table {
			if got := toFreeBSD(toLinux(p.freebsd, table), table); got != p.freebsd {
				t.Errorf("%#x comes back as %#x", p.freebsd, got)
			}
		}
	}
	if got := toLinux(abi.CS8, controlFlags); got != unix.CS8 {
		t.Errorf("CS8 is %#x", got)
	}
}

func TestSpeedWithoutCode(t *testing.T) {
	in := abi.Termios{Ispeed: 7200, Ospeed: 7200}
	l := TermiosToLinux(&in, unix.Termios{})
	if l.Cflag&linuxCBAUD != linuxBOTHER || l.Ospeed != 7200 || l.Ispeed != 7200 {
		t.Errorf("%+v", l)
	}
}

func TestPollEvents(t *testing.T) {
	all := int16(abi.POLLIN | abi.POLLOUT | abi.POLLWRBAND | abi.POLLRDHUP | abi.POLLRDNORM)
	if got := PollRevents(PollEvents(all), all); got != all {
		t.Errorf("%#x comes back as %#x", all, got)
	}
	if got := PollRevents(unix.POLLIN, abi.POLLINIGNEOF); got != abi.POLLINIGNEOF {
		t.Errorf("POLLINIGNEOF: %#x", got)
	}
}

func TestMounts(t *testing.T) {
	const text = "25 30 0:23 / /proc rw,nosuid shared:13 - proc proc rw\n" +
		"broken\n" +
		`30 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw` + "\n" +
		`99 30 0:50 /a /mnt/with\040space rw - fuse.sshfs user@h:/x\134y rw` + "\n"
	m := Mounts(text)
	if len(m) != 3 || m[1] != (Mount{30, 8, 1, "/", "ext4", "/dev/sda1"}) ||
		m[2].On != "/mnt/with space" || m[2].From != `user@h:/x\y` {
		t.Fatalf("%+v", m)
	}
	if n := FSName(m[2].Type); n != "fusefs" {
		t.Error(n)
	}
}

func TestStatfs(t *testing.T) {
	in := unix.Statfs_t{Type: unix.EXT4_SUPER_MAGIC, Bsize: 65536, Frsize: 4096, Blocks: 10, Bfree: 5, Bavail: 4,
		Files: 3, Ffree: 2, Namelen: 255, Flags: unix.ST_RDONLY | unix.ST_NOSUID}
	got := Statfs(&in, Mount{On: "/mnt", Type: "ext4", From: "/dev/x"})
	if got.Bsize != 4096 || got.Iosize != 65536 || got.Flags != abi.MNT_RDONLY|abi.MNT_NOSUID|abi.MNT_LOCAL ||
		string(got.Fstypename[:7]) != "ext2fs\x00" || string(got.Mntonname[:5]) != "/mnt\x00" {
		t.Errorf("%+v", got)
	}
	old := Statfs11(&got)
	if old.Version != abi.FREEBSD11_STATFS_VERSION || string(old.Mntfromname[:7]) != "/dev/x\x00" {
		t.Errorf("%+v", old)
	}
	if o := OStatfs(&got); o.Bsize != 4096 || string(o.Mntonname[:5]) != "/mnt\x00" {
		t.Errorf("%+v", o)
	}
	if u := Statfs(&in, Mount{}); string(u.Fstypename[:7]) != "ext2fs\x00" || u.Mntonname[0] != '/' {
		t.Errorf("without mountinfo: %+v", u)
	}
}

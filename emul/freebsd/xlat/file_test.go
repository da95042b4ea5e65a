package xlat

import (
	"encoding/binary"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

func TestOpenFlags(t *testing.T) {
	for _, c := range []struct {
		in   int32
		want uint64
	}{
		{abi.O_RDONLY, unix.O_NOCTTY},
		{abi.O_RDWR | abi.O_CREAT | abi.O_TRUNC, unix.O_NOCTTY | unix.O_RDWR | unix.O_CREAT | unix.O_TRUNC},
		{abi.O_WRONLY | abi.O_SYNC, unix.O_NOCTTY | unix.O_WRONLY | unix.O_SYNC},
		{abi.O_DSYNC, unix.O_NOCTTY | unix.O_DSYNC},
		{abi.O_CLOEXEC | abi.O_DIRECTORY | abi.O_NOFOLLOW, unix.O_NOCTTY | unix.O_CLOEXEC | unix.O_DIRECTORY | unix.O_NOFOLLOW},
		{abi.O_DIRECT | abi.O_TTY_INIT | abi.O_VERIFY | abi.O_EXLOCK, unix.O_NOCTTY},
	} {
		if got := OpenFlags(c.in); got != c.want {
			t.Errorf("OpenFlags(%#x) = %#x, want %#x", c.in, got, c.want)
		}
	}
}

func TestStatusFlags(t *testing.T) {
	for _, f := range []int32{
		0, abi.O_WRONLY, abi.O_RDWR | abi.O_APPEND, abi.O_NONBLOCK | abi.O_ASYNC,
		abi.O_SYNC, abi.O_DSYNC, abi.O_PATH,
	} {
		const largefile = 0x8000
		if got := StatusFlags(OpenFlags(f) | largefile); got != f {
			t.Errorf("StatusFlags of OpenFlags(%#x) = %#x", f, got)
		}
	}
}

func TestFlock(t *testing.T) {
	for _, typ := range []int16{abi.F_RDLCK, abi.F_WRLCK, abi.F_UNLCK} {
		in := abi.Flock{Start: 5, Len: 7, Pid: 9, Type: typ, Whence: abi.SEEK_END}
		l, ok := FlockToLinux(in)
		if got := Flock(l); !ok || got != in {
			t.Errorf("type %d: %+v, %v", typ, got, ok)
		}
	}
	for _, typ := range []int16{0, abi.F_UNLCKSYS, abi.F_CANCEL, 77} {
		if _, ok := FlockToLinux(abi.Flock{Type: typ}); ok {
			t.Errorf("lock type %d accepted", typ)
		}
	}
}

func TestDev(t *testing.T) {
	// Bytes MMMmmmMm: 00 00 01 45 00 00 23 67.
	if got := Dev(0x123, 0x4567); got != 0x01_45_0000_2367 {
		t.Errorf("Dev = %#x", got)
	}
	for _, c := range [][2]uint32{{0, 0}, {8, 1}, {0x123, 0x4567}, {0xfff, 0xfffff}} {
		if got := LinuxDev(Dev(c[0], c[1])); got != unix.Mkdev(c[0], c[1]) {
			t.Errorf("LinuxDev(Dev(%#x)) = %#x", c, got)
		}
	}
}

func TestStatBirthtime(t *testing.T) {
	sx := unix.Statx_t{Mask: unix.STATX_BASIC_STATS, Mode: unix.S_IFREG | 0644, Size: 1 << 40,
		Attributes: unix.STATX_ATTR_APPEND | unix.STATX_ATTR_IMMUTABLE, Attributes_mask: unix.STATX_ATTR_APPEND}
	st := Stat(&sx)
	if st.Birthtim.Sec != -1 || st.Size != 1<<40 || st.Flags != abi.SF_APPEND {
		t.Errorf("%+v", st)
	}
	sx.Mask |= unix.STATX_BTIME
	sx.Btime = unix.StatxTimestamp{Sec: 5, Nsec: 6}
	if st = Stat(&sx); st.Birthtim != (abi.Timespec{Sec: 5, Nsec: 6}) {
		t.Errorf("%+v", st)
	}
}

func TestTimens(t *testing.T) {
	for in, want := range map[int64]int64{
		abi.UTIME_NOW: unix.UTIME_NOW, abi.UTIME_OMIT: unix.UTIME_OMIT, 5: 5,
		unix.UTIME_NOW: -1, unix.UTIME_OMIT: -1,
	} {
		if got := Timens(abi.Timespec{Sec: 1, Nsec: in}); got.Nsec != want || got.Sec != 1 {
			t.Errorf("%d: %+v", in, got)
		}
	}
}

// linuxDirents builds a getdents64 block.
func linuxDirents(names ...string) []byte {
	var b []byte
	for i, n := range names {
		reclen := (linuxDirentHeader + len(n) + 1 + 7) &^ 7
		r := make([]byte, reclen)
		binary.LittleEndian.PutUint64(r, uint64(i+100))
		binary.LittleEndian.PutUint64(r[8:], uint64(i+1)*1000)
		binary.LittleEndian.PutUint16(r[16:], uint16(reclen))
		r[18] = unix.DT_REG
		copy(r[linuxDirentHeader:], n)
		b = append(b, r...)
	}
	return b
}

func TestDirents(t *testing.T) {
	names := []string{"a", "1234", "12345", "12345678901", strings.Repeat("x", 255)}
	src := linuxDirents(names...)
	d := DirentsOf(src, len(src)*4/3+8)
	if !d.All {
		t.Fatal("not all entries fit into four thirds of the space")
	}
	b := d.Buf
	for i, n := range names {
		reclen := int(binary.LittleEndian.Uint16(b[16:]))
		namlen := int(binary.LittleEndian.Uint16(b[20:]))
		if reclen%8 != 0 || namlen != len(n) || string(b[24:24+namlen]) != n || b[24+namlen] != 0 ||
			binary.LittleEndian.Uint64(b) != uint64(i+100) ||
			binary.LittleEndian.Uint64(b[8:]) != uint64(i+1)*1000 || b[18] != 8 {
			t.Errorf("entry %d: %x", i, b[:reclen])
		}
		b = b[reclen:]
	}
	if len(b) != 0 {
		t.Errorf("%d bytes left over", len(b))
	}
	if d = DirentsOf(src, 70); d.All || len(d.Buf) != 64 || d.Next != 2000 {
		t.Errorf("in 70 bytes: %d bytes, next %d", len(d.Buf), d.Next)
	}
}

func TestDirents11(t *testing.T) {
	src := linuxDirents("a", "123", "1234")
	d := Dirents11Of(src, len(src))
	if !d.All || len(d.Buf) != 12+12+16 {
		t.Fatalf("%x", d.Buf)
	}
	b := d.Buf[12:]
	if b[7] != 3 || b[6] != 8 || string(b[8:12]) != "123\x00" || binary.LittleEndian.Uint32(b) != 101 {
		t.Errorf("%x", b)
	}
}

// FuzzDirents: whatever bytes come, the result stays within its bound.
func FuzzDirents(f *testing.F) {
	f.Add(linuxDirents("a", "b"), 100)
	f.Fuzz(func(t *testing.T, src []byte, max int) {
		max &= 0xffff
		if d := DirentsOf(src, max); len(d.Buf) > max {
			t.Errorf("%d bytes, at most %d", len(d.Buf), max)
		}
		if d := Dirents11Of(src, max); len(d.Buf) > max {
			t.Errorf("%d bytes, at most %d", len(d.Buf), max)
		}
	})
}

func TestClock(t *testing.T) {
	for c, want := range map[abi.Clock]int32{
		abi.CLOCK_MONOTONIC:         unix.CLOCK_MONOTONIC,
		abi.CLOCK_UPTIME_FAST:       unix.CLOCK_MONOTONIC_COARSE,
		abi.CLOCK_REALTIME_FAST:     unix.CLOCK_REALTIME_COARSE,
		abi.CLOCK_THREAD_CPUTIME_ID: unix.CLOCK_THREAD_CPUTIME_ID,
		-1 << 31:                    ^0<<3 | 6, // thread 0
		-1<<31 | 1<<30 | 77:         ^77<<3 | 2,
	} {
		if got, ok := Clock(c); !ok || got != want {
			t.Errorf("Clock(%d) = %d, %v, want %d", c, got, ok, want)
		}
	}
	for _, c := range []abi.Clock{1, 2, 3, 6, 13, 17, 1000} {
		if got, ok := Clock(c); ok {
			t.Errorf("Clock(%d) = %d", c, got)
		}
	}
}

func TestRlimit(t *testing.T) {
	in := abi.Rlimit{Cur: 100, Max: abi.RLIM_INFINITY}
	if got := Rlimit(RlimitToLinux(in)); got != in {
		t.Errorf("%+v", got)
	}
	if got := RlimitToLinux(abi.Rlimit{Cur: -1, Max: 50}); got != (unix.Rlimit{Cur: 50, Max: 50}) {
		t.Errorf("%+v", got)
	}
}

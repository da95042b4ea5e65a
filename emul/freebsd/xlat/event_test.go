package xlat_test

import (
	"math"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
)

func TestTimerPeriod(t *testing.T) {
	for _, c := range []struct {
		data   int64
		fflags uint32
		want   time.Duration
		ok     bool
	}{
		{1500, 0, 1500 * time.Millisecond, true},
		{2, abi.NOTE_SECONDS, 2 * time.Second, true},
		{7, abi.NOTE_USECONDS, 7 * time.Microsecond, true},
		{7, abi.NOTE_NSECONDS | abi.NOTE_ABSTIME, 7, true},
		{math.MaxInt64, abi.NOTE_SECONDS, math.MaxInt64, true},
		{0, 0, 0, true},
		{-1, 0, 0, false},
		{1, abi.NOTE_SECONDS | abi.NOTE_MSECONDS, 0, false},
		{1, 0x20, 0, false},
	} {
		got, ok := xlat.TimerPeriod(c.data, c.fflags)
		if got != c.want || ok != c.ok {
			t.Errorf("TimerPeriod(%d, %#x) = %v, %v; want %v, %v", c.data, c.fflags, got, ok, c.want, c.ok)
		}
	}
}

func TestVnodeNotes(t *testing.T) {
	st := func(size int64, nlink uint64) xlat.FileState { return xlat.FileState{Size: size, Nlink: nlink} }
	for _, c := range []struct {
		name          string
		mask          uint32
		named         bool
		before, after xlat.FileState
		want          uint32
	}{
		{"append", unix.IN_MODIFY, false, st(1, 1), st(5, 1), abi.NOTE_WRITE | abi.NOTE_EXTEND},
		{"overwrite", unix.IN_MODIFY, false, st(5, 1), st(5, 1), abi.NOTE_WRITE},
		{"truncate", unix.IN_MODIFY, false, st(5, 1), st(0, 1), abi.NOTE_ATTRIB},
		{"chmod", unix.IN_ATTRIB, false, st(5, 1), st(5, 1), abi.NOTE_ATTRIB},
		{"unlink", unix.IN_ATTRIB, false, st(5, 1), st(5, 0), abi.NOTE_DELETE},
		{"link", unix.IN_ATTRIB, false, st(5, 1), st(5, 2), abi.NOTE_LINK},
		{"rename", unix.IN_MOVE_SELF, false, st(5, 1), st(5, 1), abi.NOTE_RENAME},
		{"create in dir", unix.IN_CREATE, true, st(0, 2), st(0, 2), abi.NOTE_WRITE},
		{"mkdir in dir", unix.IN_CREATE | unix.IN_ISDIR, true, st(0, 2), st(0, 3), abi.NOTE_WRITE | abi.NOTE_LINK},
		{"child written", unix.IN_MODIFY, true, st(0, 2), st(0, 2), 0},
		{"close after write", unix.IN_CLOSE_WRITE, false, st(0, 1), st(0, 1), abi.NOTE_CLOSE_WRITE},
	} {
		if got := xlat.VnodeNotes(c.mask, c.named, c.before, c.after); got != c.want {
			t.Errorf("%s: %#x, want %#x", c.name, got, c.want)
		}
	}
}

package freebsd

import (
	"testing"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

func TestLeftOfSleep(t *testing.T) {
	for _, c := range []struct{ asked, linux, want abi.Timespec }{
		{abi.Timespec{Sec: 8}, abi.Timespec{Sec: 2, Nsec: 150e3}, abi.Timespec{Sec: 1, Nsec: 999.15e6}},
		{abi.Timespec{Sec: 8}, abi.Timespec{Sec: 8, Nsec: 50e3}, abi.Timespec{Sec: 7, Nsec: 999e6}},
		{abi.Timespec{Sec: 8}, abi.Timespec{Nsec: 1e6}, abi.Timespec{}},
		{abi.Timespec{Sec: 8}, abi.Timespec{Nsec: 5e5}, abi.Timespec{}},
		{abi.Timespec{Nsec: 16e6}, abi.Timespec{Nsec: 5e6}, abi.Timespec{Nsec: 4e6}},
		{abi.Timespec{Nsec: 15e6}, abi.Timespec{Nsec: 5e6}, abi.Timespec{Nsec: 5e6}},
		{abi.Timespec{Nsec: 1e3}, abi.Timespec{Nsec: 51e3}, abi.Timespec{Nsec: 1e3}},
	} {
		if got := leftOfSleep(c.asked, c.linux); got != c.want {
			t.Errorf("asked for %v, Linux says %v: %v, want %v", c.asked, c.linux, got, c.want)
		}
	}
}

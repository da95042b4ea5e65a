package freebsd

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
)

// Interval timers and adjusting the clock. struct itimerval and the timers'
// numbers are the same on both systems, and so are the signals they send.

// setitimer without a new value is getitimer (kern_time.c sys_setitimer).
func setitimer(_ *emul.Task, which Int, value, old Addr) emul.Action {
	if value == 0 {
		return emul.Tail(unix.SYS_GETITIMER, uint64(which), uint64(old))
	}
	return emul.Tail(unix.SYS_SETITIMER, uint64(which), uint64(value), uint64(old))
}

// adjtime slews the host's clock, which takes privilege; asking for what is
// left does not.
func adjtime(t *emul.Task, delta, old guest.Ptr[abi.Timeval]) emul.Action {
	const (
		singleShot = 0x8001 // ADJ_OFFSET_SINGLESHOT
		read       = 0xa001 // ADJ_OFFSET_SS_READ
	)
	tx := unix.Timex{Modes: read}
	if delta != 0 {
		d, err := delta.Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		tx.Modes, tx.Offset = singleShot, d.Sec*1e6+d.Usec
	}
	buf, err := emul.AllocStore(t, tx)
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Host(unix.SYS_ADJTIMEX, uint64(buf)).Then(func(r emul.Ret) emul.Action {
		if err := r.Err(); err != nil {
			return emul.Fail(err)
		}
		if old == 0 {
			return emul.Return(0)
		}
		tx, err := buf.Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		return storeOrFail(t, old, abi.Timeval{Sec: tx.Offset / 1e6, Usec: tx.Offset % 1e6})
	})
}

// ntpGettime reads the host's clock state. Its states have the same numbers.
func ntpGettime(t *emul.Task, out guest.Ptr[abi.Ntptimeval]) emul.Action {
	buf, err := emul.AllocStore(t, unix.Timex{})
	if err != nil {
		return emul.Fail(err)
	}
	return emul.Host(unix.SYS_ADJTIMEX, uint64(buf)).Then(func(r emul.Ret) emul.Action {
		if err := r.Err(); err != nil {
			return emul.Fail(err)
		}
		tx, err := buf.Load(t)
		if err != nil {
			return emul.Fail(err)
		}
		ns := tx.Time.Usec
		const nano = 0x2000 // STA_NANO
		if tx.Status&nano == 0 {
			ns *= 1000
		}
		err = out.Store(t, abi.Ntptimeval{
			Time: abi.Timespec{Sec: tx.Time.Sec, Nsec: ns}, Maxerror: tx.Maxerror, Esterror: tx.Esterror,
			Tai: int64(tx.Tai), State: int32(r.Val),
		})
		if err != nil {
			return emul.Fail(err)
		}
		return emul.Return(uint64(r.Val))
	})
}

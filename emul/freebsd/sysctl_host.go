package freebsd

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// Where the values come from: the supervisor asks the kernel it runs on. What
// needs /proc or /sys fails with ENOENT where there is none, as a sysctl that
// the kernel does not have; nothing is made up.

// procFile returns the contents of a file below /proc or /sys without white
// space around it.
func procFile(path string) (string, error) {
	b, err := readSmall(hostProc(path))
	if err != nil {
		return "", abi.ENOENT
	}
	return strings.TrimSpace(string(b)), nil
}

// readSmall reads a file of the kernel's: os.ReadFile would set up its poller
// for it, which takes longer than all the rest.
func readSmall(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var b []byte
	for {
		b = slices.Grow(b, 512)
		n, err := unix.Read(fd, b[len(b):cap(b)])
		switch {
		case err == unix.EINTR:
		case err != nil:
			return nil, err
		case n == 0:
			return b, nil
		}
		b = b[:len(b)+max(n, 0)]
	}
}

// procNum is the source of a number that a file holds.
func procNum(path string) numFunc {
	return func(*sysctlReq) (int64, error) { return readNum(path) }
}

func readNum(path string) (int64, error) { return readField(path, 0) }

// readField reads the i-th number, from 0, of a file.
func readField(path string, i int) (int64, error) {
	s, err := procFile(path)
	if err != nil {
		return 0, err
	}
	f := strings.Fields(s)
	if i >= len(f) {
		return 0, abi.ENOENT
	}
	v, err := strconv.ParseInt(f[i], 10, 64)
	if err != nil {
		// Some limits are unsigned and larger than FreeBSD's types.
		u, err := strconv.ParseUint(f[i], 10, 64)
		if err != nil {
			return 0, abi.ENOENT
		}
		v = int64(min(u, 1<<63-1))
	}
	return v, nil
}

// procText is the source of a string that a file holds.
func procText(path string) func(*sysctlReq) (string, error) {
	return func(*sysctlReq) (string, error) { return procFile(path) }
}

// capped limits a source to what an int can hold.
func capped(f numFunc) numFunc {
	return func(r *sysctlReq) (int64, error) {
		v, err := f(r)
		return min(v, 1<<31-1), err
	}
}

// meminfo returns a line of /proc/meminfo in bytes.
func meminfo(key string) (int64, error) {
	s, err := procFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(s) {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			f := strings.Fields(rest)
			if len(f) > 0 {
				kb, err := strconv.ParseInt(f[0], 10, 64)
				if err == nil {
					return kb << 10, nil
				}
			}
		}
	}
	return 0, abi.ENOENT
}

// memPages is the source of a memory figure in pages.
func memPages(key string) numFunc {
	return func(*sysctlReq) (int64, error) {
		v, err := meminfo(key)
		return v / pageSize, err
	}
}

const pageSize = 4096

// ncpu is how many CPUs are on line, or without /sys how many the guests may use.
func ncpu(r *sysctlReq) (int64, error) {
	if s, err := procFile("/sys/devices/system/cpu/online"); err == nil {
		if n := listLen(s); n > 0 {
			return n, nil
		}
	}
	return int64(r.t.Loop().CPUs()), nil
}

// listLen counts the members of a list such as "0-3,8".
func listLen(s string) int64 {
	var n int64
	for part := range strings.SplitSeq(s, ",") {
		lo, hi, ranged := strings.Cut(part, "-")
		if !ranged {
			hi = lo
		}
		a, err1 := strconv.ParseInt(lo, 10, 32)
		b, err2 := strconv.ParseInt(hi, 10, 32)
		if err1 != nil || err2 != nil || b < a {
			return 0
		}
		n += b - a + 1
	}
	return n
}

func sysinfo() (unix.Sysinfo_t, error) {
	var si unix.Sysinfo_t
	err := unix.Sysinfo(&si)
	return si, err
}

// physmem is the memory of the machine in bytes.
func physmem(*sysctlReq) (int64, error) {
	si, err := sysinfo()
	return int64(si.Totalram) * int64(max(si.Unit, 1)), err
}

// usermem is the memory in bytes that the kernel has not pinned for itself.
func usermem(r *sysctlReq) (int64, error) {
	total, err := physmem(r)
	if err != nil {
		return 0, err
	}
	wired, err := wiredMem()
	if err != nil {
		si, err := sysinfo()
		return int64(si.Freeram) * int64(max(si.Unit, 1)), err
	}
	return total - wired, nil
}

// wiredMem is what can neither be paged out nor thrown away, in bytes: the
// kernel's own memory and what is locked.
func wiredMem() (int64, error) {
	var sum int64
	for _, key := range []string{"SUnreclaim", "KernelStack", "PageTables", "Mlocked"} {
		v, err := meminfo(key)
		if err != nil {
			return 0, err
		}
		sum += v
	}
	return sum, nil
}

// cpuinfo returns a line of /proc/cpuinfo's first CPU.
func cpuinfo(key string) (string, error) {
	s, err := procFile("/proc/cpuinfo")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(s) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v), nil
		}
	}
	return "", abi.ENOENT
}

// boottime is when the machine was started, as time since 1970.
func boottime() (time.Duration, error) {
	var now, up unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_REALTIME, &now); err != nil {
		return 0, err
	}
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &up); err != nil {
		return 0, err
	}
	// The two readings are some time apart: do not let that show as a boot
	// time that changes with each call.
	return time.Duration(now.Nano() - up.Nano()).Round(10 * time.Millisecond), nil
}

// utsname reads a field of uname(2).
func utsname(field func(*unix.Utsname) []byte) (string, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", err
	}
	return unix.ByteSliceToString(field(&u)), nil
}

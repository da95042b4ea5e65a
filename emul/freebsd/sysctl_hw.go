package freebsd

import (
	"strconv"
	"strings"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// sysctlHW is hw.*, as far as it is not in sysctlEarly.
func sysctlHW() []ctl {
	const (
		rd  = abi.CTLFLAG_RD
		any = abi.CTLFLAG_RD | abi.CTLFLAG_CAPRD
	)
	return []ctl{
		{"hw.model", abi.HW_MODEL, any, ctlStr(hwModel), "Machine model"},
		{"hw.byteorder", abi.HW_BYTEORDER, any, ctlInt(konst(1234)), "System byte order"},
		{"hw.physmem", abi.HW_PHYSMEM, rd, ctlUlong(physmem), "Amount of physical memory (in bytes)"},
		{"hw.usermem", abi.HW_USERMEM, rd, ctlUlong(usermem), "Amount of memory (in bytes) which is not wired"},
		{"hw.floatingpoint", abi.HW_FLOATINGPT, any, ctlInt(konst(1)), "Floating point instructions executed in hardware"},
		{"hw.realmem", abi.HW_REALMEM, rd, ctlUlong(physmem), "Amount of memory (in bytes) reported by the firmware"},
		{"hw.clockrate", auto, rd, ctlInt(hwClockrate), "CPU instruction clock rate"},
		{"hw.availpages", auto, rd, ctlUlong(hwAvailPages), "Amount of physical memory (in pages)"},
		{"hw.intrnames", auto, rd, ctlOpaque("", hwIntrNames), "Interrupt Names"},
		{"hw.intrcnt", auto, rd, ctlOpaque("", hwIntrCounts), "Interrupt Counts"},
		{"hw.pagesizes", auto, rd, ctlOpaque("LU", hwPageSizes), "Supported page sizes"},
	}
}

func hwModel(*sysctlReq) (string, error) { return cpuinfo("model name") }

func hwAvailPages(r *sysctlReq) (int64, error) {
	v, err := physmem(r)
	return v / pageSize, err
}

// hwPageSizes: MAXPAGESIZES is 3 on amd64, as in AT_PAGESIZES.
func hwPageSizes(*sysctlReq) ([]byte, error) { return int64s(pageSize, 2<<20, 1<<30), nil }

// hwClockrate is the first CPU's present clock rate in MHz.
func hwClockrate(*sysctlReq) (int64, error) {
	s, err := cpuinfo("cpu MHz")
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, abi.ENOENT
	}
	return int64(v), nil
}

// interrupt is a line of /proc/interrupts.
type interrupt struct {
	name  string // as vmstat(8) prints it: irqN and the device
	count int64  // by all CPUs
}

// parseInterrupts reads /proc/interrupts: a heading with the CPUs, then for each
// interrupt its name, a count for each CPU, and for those of devices controller,
// line and devices.
func parseInterrupts(text string) []interrupt {
	var out []interrupt
	cpus := 0
	for line := range strings.Lines(text) {
		name, rest, ok := strings.Cut(line, ":")
		if !ok {
			cpus = len(strings.Fields(line))
			continue
		}
		f := strings.Fields(rest)
		i := interrupt{name: strings.TrimSpace(name)}
		n := 0
		for ; n < len(f) && n < cpus; n++ {
			v, err := strconv.ParseInt(f[n], 10, 64)
			if err != nil {
				break
			}
			i.count += v
		}
		if _, err := strconv.Atoi(i.name); err == nil {
			i.name = "irq" + i.name + ":"
			if n < len(f) {
				i.name += " " + f[len(f)-1]
			}
		}
		out = append(out, i)
	}
	return out
}

func interrupts() ([]interrupt, error) {
	text, err := procFile("/proc/interrupts")
	return parseInterrupts(text), err
}

// hwIntrNames and hwIntrCounts are two lists in the same order.
func hwIntrNames(*sysctlReq) ([]byte, error) {
	list, err := interrupts()
	var out []byte
	for _, i := range list {
		out = append(out, cstring(i.name)...)
	}
	return out, err
}

func hwIntrCounts(*sysctlReq) ([]byte, error) {
	list, err := interrupts()
	var out []byte
	for _, i := range list {
		out = append(out, int64s(i.count)...)
	}
	return out, err
}

package freebsd

import (
	"strconv"

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
		{"hw.pagesizes", auto, rd, ctlOpaque("LU", hwPageSizes), "Supported page sizes"},
	}
}

func hwModel(*sysctlReq) (string, error) { return cpuinfo("model name") }

func hwAvailPages(r *sysctlReq) (int64, error) {
	v, err := physmem(r)
	return v / pageSize, err
}

// hwPageSizes: MAXPAGESIZES is 3 on amd64; unused places hold 0.
func hwPageSizes(*sysctlReq) ([]byte, error) { return int64s(pageSize, 2<<20, 0), nil }

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

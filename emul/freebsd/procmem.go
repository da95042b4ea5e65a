package freebsd

import (
	"strconv"
	"strings"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
)

// psStrings reads the environment that the struct ps_strings (sys/exec.h) at
// addr tells of: strings one behind the other, each with its zero. What a
// program has made of it counts, within limits.
func psStrings(m guest.Memory, addr uint64) ([]byte, error) {
	ps, err := guest.Ptr[[4]uint64](addr).Load(m) // argv, argc, env, envc
	if err != nil {
		return nil, err
	}
	const most, bytes = 4096, argMax
	ptrs, err := guest.Ptr[uint64](ps[2]).LoadN(m, int(min(uint32(ps[3]), most)))
	if err != nil {
		return nil, err
	}
	var out []byte
	for _, p := range ptrs {
		if p == 0 || len(out) >= bytes {
			break
		}
		s, err := guest.LoadString(m, guest.Addr(p), bytes)
		if err != nil {
			return nil, err
		}
		out = append(out, cstring(s)...)
	}
	return out, nil
}

// vmEntry makes a struct kinfo_vmentry of a line of /proc/PID/maps; root is
// what paths there begin with. It is nil for LSF's own mappings and for what
// is no mapping of FreeBSD's.
func vmEntry(line string, root prefix) []byte {
	f := strings.Fields(line)
	if len(f) < 5 {
		return nil
	}
	lo, hi, _ := strings.Cut(f[0], "-")
	start, err1 := strconv.ParseUint(lo, 16, 64)
	end, err2 := strconv.ParseUint(hi, 16, 64)
	offset, err3 := strconv.ParseUint(f[2], 16, 64)
	inode, err4 := strconv.ParseUint(f[4], 10, 64)
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil || host.Overlaps(start, end-start) {
		return nil
	}
	e := abi.KinfoVmentry{Type: abi.KVME_TYPE_DEFAULT, Start: start, End: end, RefCount: 1}
	for i, bit := range []int32{abi.KVME_PROT_READ, abi.KVME_PROT_WRITE, abi.KVME_PROT_EXEC} {
		if len(f[1]) > i && f[1][i] != '-' {
			e.Protection |= bit
		}
	}
	var path string
	if len(f) > 5 {
		path = strings.TrimSuffix(strings.Join(f[5:], " "), " (deleted)")
	}
	switch {
	case strings.HasPrefix(path, "/"):
		e.Type, e.Offset, e.Fileid, e.VnType = abi.KVME_TYPE_VNODE, offset, inode, abi.KF_VTYPE_VREG
		if strings.HasSuffix(f[1], "p") {
			e.Flags |= abi.KVME_FLAG_COW
		}
	case path == "[stack]":
		e.Flags |= abi.KVME_FLAG_GROWS_DOWN
		path = ""
	case strings.HasPrefix(path, "[v"):
		return nil // vdso, vvar, vsyscall: Linux's own
	default:
		path = ""
		if e.Protection == 0 {
			e.Type = abi.KVME_TYPE_GUARD
		}
	}
	return packPath(structBytes(e), root.guest(path))
}

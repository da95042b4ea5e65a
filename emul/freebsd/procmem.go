package freebsd

import (
	"strconv"
	"strings"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
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

// mapping makes a struct kinfo_vmentry and a path of a line of /proc/PID/maps.
// It is false for other lines, for LSF's own mappings and for what is no
// mapping of FreeBSD's.
func mapping(line string) (e abi.KinfoVmentry, path string, ok bool) {
	f := strings.Fields(line)
	if len(f) < 5 {
		return e, "", false
	}
	lo, hi, _ := strings.Cut(f[0], "-")
	start, err1 := strconv.ParseUint(lo, 16, 64)
	end, err2 := strconv.ParseUint(hi, 16, 64)
	offset, err3 := strconv.ParseUint(f[2], 16, 64)
	inode, err4 := strconv.ParseUint(f[4], 10, 64)
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil || host.Overlaps(start, end-start) {
		return e, "", false
	}
	e = abi.KinfoVmentry{Type: abi.KVME_TYPE_DEFAULT, Start: start, End: end, RefCount: 1}
	for i, bit := range []int32{abi.KVME_PROT_READ, abi.KVME_PROT_WRITE, abi.KVME_PROT_EXEC} {
		if len(f[1]) > i && f[1][i] != '-' {
			e.Protection |= bit
		}
	}
	if len(f) > 5 {
		path = strings.TrimSuffix(strings.Join(f[5:], " "), " (deleted)")
	}
	switch {
	case strings.HasPrefix(path, "/"):
		e.Type, e.Offset, e.Fileid, e.VnType = abi.KVME_TYPE_VNODE, offset, inode, abi.KF_VTYPE_VREG
		e.Fsid = deviceOf(f[3])
		e.Fsid11 = uint32(e.Fsid)
		if strings.HasSuffix(f[1], "p") {
			e.Flags |= abi.KVME_FLAG_COW
		}
	case path == "[stack]":
		e.Flags |= abi.KVME_FLAG_GROWS_DOWN
		path = ""
	case strings.HasPrefix(path, "[v"):
		return e, "", false // vdso, vvar, vsyscall: Linux's own
	default:
		path = ""
		if e.Protection == 0 {
			e.Type = abi.KVME_TYPE_GUARD
		}
	}
	return e, path, true
}

// vmEntries makes the list of struct kinfo_vmentry of /proc/PID/smaps; root is
// what paths there begin with.
func vmEntries(smaps string, root prefix) []byte {
	var out []byte
	var e abi.KinfoVmentry
	var path string
	open := false
	flush := func() {
		if open {
			out = append(out, packPath(structBytes(e), root.guest(path))...)
		}
	}
	for line := range strings.Lines(smaps) {
		f := strings.Fields(line)
		if len(f) == 0 || !strings.HasSuffix(f[0], ":") {
			flush()
			e, path, open = mapping(line)
			continue
		}
		if len(f) < 2 {
			continue
		}
		kb, err := strconv.ParseInt(f[1], 10, 64)
		if err != nil {
			continue
		}
		pages := int32(kb << 10 / pageSize)
		switch f[0] {
		case "Rss:":
			e.Resident = pages
		case "Private_Clean:", "Private_Dirty:":
			e.PrivateResident += pages
		}
	}
	flush()
	return out
}

// deviceOf converts a device number as in /proc/PID/maps.
func deviceOf(s string) uint64 {
	hi, lo, _ := strings.Cut(s, ":")
	major, _ := strconv.ParseUint(hi, 16, 32)
	minor, _ := strconv.ParseUint(lo, 16, 32)
	return xlat.Dev(uint32(major), uint32(minor))
}

package freebsd

import "github.com/lsf-linux/lsf/emul/trace"

// ProtFlags are PROT_* of mmap and mprotect.
type ProtFlags int32

// MapFlags are MAP_* of mmap.
type MapFlags int32

// TraceArg names the flags.
func (p ProtFlags) TraceArg(*trace.Ctx) string {
	if p == 0 {
		return "PROT_NONE"
	}
	return trace.Flags(uint64(uint32(p)), []trace.Name{{1, "PROT_READ"}, {2, "PROT_WRITE"}, {4, "PROT_EXEC"}})
}

// TraceArg names the flags.
func (m MapFlags) TraceArg(*trace.Ctx) string {
	return trace.Flags(uint64(uint32(m)), []trace.Name{
		{mapShared, "MAP_SHARED"}, {mapPrivate, "MAP_PRIVATE"}, {mapFixed, "MAP_FIXED"}, {mapStack, "MAP_STACK"},
		{mapAnon, "MAP_ANON"}, {mapGuard, "MAP_GUARD"}, {mapExcl, "MAP_EXCL"}, {mapNocore, "MAP_NOCORE"},
		{mapPrefault, "MAP_PREFAULT_READ"}, {map32Bit, "MAP_32BIT"}})
}

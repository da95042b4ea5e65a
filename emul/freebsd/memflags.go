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
	return trace.Flags(uint64(uint32(p)), []trace.Name{{Bits: 1, Name: "PROT_READ"}, {Bits: 2, Name: "PROT_WRITE"}, {Bits: 4, Name: "PROT_EXEC"}})
}

// TraceArg names the flags.
func (m MapFlags) TraceArg(*trace.Ctx) string {
	return trace.Flags(uint64(uint32(m)), []trace.Name{
		{Bits: mapShared, Name: "MAP_SHARED"}, {Bits: mapPrivate, Name: "MAP_PRIVATE"}, {Bits: mapFixed, Name: "MAP_FIXED"}, {Bits: mapStack, Name: "MAP_STACK"},
		{Bits: mapAnon, Name: "MAP_ANON"}, {Bits: mapGuard, Name: "MAP_GUARD"}, {Bits: mapExcl, Name: "MAP_EXCL"}, {Bits: mapNocore, Name: "MAP_NOCORE"},
		{Bits: mapPrefault, Name: "MAP_PREFAULT_READ"}, {Bits: map32Bit, Name: "MAP_32BIT"}})
}

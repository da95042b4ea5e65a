package loader

import "slices"

// Auxv is an entry of the auxiliary vector.
type Auxv struct{ Type, Val uint64 }

const auxvSize = 16

// Types of entries of the auxiliary vector (sys/elf_common.h AT_*; 38 and 39
// are FreeBSD 15's).
const (
	ATNull         = 0
	ATExecFD       = 2
	ATPhdr         = 3
	ATPhent        = 4
	ATPhnum        = 5
	ATPageSz       = 6
	ATBase         = 7
	ATFlags        = 8
	ATEntry        = 9
	ATExecPath     = 15
	ATCanary       = 16
	ATCanaryLen    = 17
	ATOSRelDate    = 18
	ATNCPUs        = 19
	ATPageSizes    = 20
	ATPageSizesLen = 21
	ATTimekeep     = 22
	ATStackProt    = 23
	ATEhdrFlags    = 24
	ATHWCap        = 25
	ATHWCap2       = 26
	ATBSDFlags     = 27
	ATArgc         = 28
	ATArgv         = 29
	ATEnvc         = 30
	ATEnvv         = 31
	ATPSStrings    = 32
	ATFXRNG        = 33
	ATKPreload     = 34
	ATUsrStackBase = 35
	ATUsrStackLim  = 36
	ATHWCap3       = 38
	ATHWCap4       = 39
)

const (
	// auxCount is AT_COUNT of 13.2: how many entries there is room for.
	auxCount = 37
	// ownAuxv is how many entries BuildStack makes by itself, with AT_NULL.
	ownAuxv = 11
)

// auxvOrder is the order in which elf64_freebsd_copyout_auxargs writes the
// entries. Programs look them up by type; the order is kept for those that
// print them.
var auxvOrder = [...]uint8{
	ATExecFD, ATPhdr, ATPhent, ATPhnum, ATPageSz, ATFlags, ATEntry, ATBase, ATEhdrFlags,
	ATExecPath, ATOSRelDate, ATCanary, ATCanaryLen, ATNCPUs, ATPageSizes, ATPageSizesLen,
	ATTimekeep, ATStackProt, ATHWCap, ATHWCap2, ATBSDFlags, ATArgc, ATArgv, ATEnvc, ATEnvv,
	ATPSStrings, ATFXRNG, ATKPreload, ATUsrStackBase, ATUsrStackLim,
}

func auxvRank(typ uint64) int {
	if typ > 255 {
		return len(auxvOrder)
	}
	if i := slices.Index(auxvOrder[:], uint8(typ)); i >= 0 {
		return i
	}
	return len(auxvOrder)
}

// completeAuxv joins the caller's entries with those that BuildStack makes:
// the optional ones unless their value is 0, and the others; AT_NULL is last.
func completeAuxv(caller, optional, own []Auxv) ([]Auxv, error) {
	all := make([]Auxv, 0, len(caller)+ownAuxv)
	for _, a := range optional {
		if a.Val != 0 {
			all = append(all, a)
		}
	}
	all = append(all, own...)
	made := func(typ uint64) bool {
		same := func(a Auxv) bool { return a.Type == typ }
		return typ == ATNull || slices.ContainsFunc(optional, same) || slices.ContainsFunc(own, same)
	}
	for _, a := range caller {
		if made(a.Type) {
			return nil, fail(ErrInval, "auxv entry %d is not for the caller to give", a.Type)
		}
		all = append(all, a)
	}
	slices.SortStableFunc(all, func(a, b Auxv) int { return auxvRank(a.Type) - auxvRank(b.Type) })
	return append(all, Auxv{Type: ATNull}), nil
}

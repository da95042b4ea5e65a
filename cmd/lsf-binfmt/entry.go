package main

import (
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/host"
)

// Set by the entry code before Go starts (entry_amd64.s).
var (
	initialStack   uintptr // the process's own argc, argv, environment and auxv; 0 without our entry point
	ignoredSignals uint64  // Linux signals that were ignored, bit n-1 for signal n
	guestPID       int     // the process that waits to become the guest
	stdout, stderr int     // where its standard output and error are here; negative if it has none
)

// Read by the entry code.
var (
	codeBase    uint64 = host.InitialCode
	codeSize    uint64 = host.InitialCodeSize
	codeProt    uint64 = host.InitialProt
	scratchBase uint64 = host.InitialScratch
	scratchSize uint64 = host.ChunkSize
)

// startInfo is what Linux gave the process at its start.
type startInfo struct {
	argv, envv []string
	auxv       uintptr // where it lies
}

// aux gives the auxiliary vector's value of a type.
func (s *startInfo) aux(typ uint64) (val uint64, ok bool) {
	for p := s.auxv; word(p) != 0; p += 16 {
		if word(p) == typ {
			return word(p + 8), true
		}
	}
	return 0, false
}

// readStart reads the process's original stack.
func readStart() startInfo {
	var s startInfo
	p := initialStack + 8 // argc is not needed
	words := func() []string {
		n := 0
		for word(p+8*uintptr(n)) != 0 {
			n++
		}
		v := make([]string, n)
		for i := range v {
			v[i] = cstring(uintptr(word(p + 8*uintptr(i))))
		}
		p += 8 * uintptr(n+1)
		return v
	}
	s.argv = words()
	for i, a := range s.argv {
		s.argv[i] = strings.Clone(a) // retitle overwrites it
	}
	s.envv = words()
	s.auxv = p
	return s
}

// retitle makes ps(1) show the supervisor as what it is, instead of as a twin
// of the program it serves: the command line is overwritten in place (this
// process's copy of it), as far as there is room.
func retitle(title string) {
	name := append([]byte(host.SupervisorName), 0)
	unix.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_NAME, uintptr(unsafe.Pointer(&name[0])), 0)
	argc := word(initialStack)
	if argc == 0 {
		return
	}
	at := func(i uint64) uintptr { return uintptr(word(initialStack + 8 + 8*uintptr(i))) }
	last := at(argc - 1)
	area := bytesAt(at(0), last+uintptr(len(cstring(last)))-at(0))
	clear(area)
	copy(area, title)
}

// The addresses come from Linux and stay valid: they are the stack that this
// process was started with, which is not Go's.
//
//go:nocheckptr
func word(p uintptr) uint64 { return *(*uint64)(*(*unsafe.Pointer)(unsafe.Pointer(&p))) }

//go:nocheckptr
func bytesAt(p, n uintptr) []byte {
	return unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&p))), n)
}

//go:nocheckptr
func cstring(p uintptr) string {
	base := (*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&p)))
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(base), n)) != 0 {
		n++
	}
	return unsafe.String(base, n)
}

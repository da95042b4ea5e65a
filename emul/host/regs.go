package host

import "golang.org/x/sys/unix"

// Regs are the general registers of an amd64 thread.
type Regs unix.PtraceRegs

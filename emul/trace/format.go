package trace

import "github.com/lsf-linux/lsf/emul/guest"

// Ctx is what an argument may look at to print itself. Arguments are printed
// after the call, as truss(1) does, so that outputs can be shown.
type Ctx struct {
	Mem   guest.Memory
	Raw   []uint64 // all raw arguments
	Index int      // which one is being printed
	Ret   uint64   // first result; valid when Err is nil
	Err   error    // the call's error
}

// Formatter is implemented by argument types of handlers and pass rows that
// know how to print themselves; the receiver is the argument. Other types are
// printed as numbers, addresses in hexadecimal.
type Formatter interface {
	TraceArg(c *Ctx) string
}

package emul

// Args are the raw arguments of a guest system call.
type Args [8]uint64

// Word is what an argument type of a call may be. guest.Ptr[T] is one.
// The raw register is converted to it, so an int32 sees the low half only.
type Word interface {
	~int32 | ~uint32 | ~int64 | ~uint64
}

// Level says how well a system call is served.
type Level uint8

const (
	// Unknown numbers (the zero Row) get what the guest's own kernel gives
	// them: SIGSYS on FreeBSD.
	LevelUnknown Level = iota
	// Missing calls exist in the guest's kernel and fail here with the row's errno.
	LevelMissing
	// Pass rows run one Linux call with the same arguments.
	LevelPass
	// Handled rows have a handler.
	LevelHandled
)

// Handler is a function that serves a call: one of H0…H8.
type Handler interface {
	nargs() int
	types(a *Args) []any
	call(t *Task, a *Args) Action
}

// Pass is a Linux call that serves a guest's as it stands: one of P0…P5.
type Pass interface {
	nargs() int
	types(a *Args) []any
	host() HostNR
}

// Row declares one system call: its name and how it is served. Its number is
// its index in the personality's table.
//
// It is made of constants, functions and addresses only: then the table is data
// that the linker lays out, and no code runs for it at start (internal/buildtest
// watches).
type Row struct {
	Name string
	// Pass or Handler serves the call. A missing row has neither.
	Pass    Pass
	Handler Handler
	// Err is what a missing row answers.
	Err error
	// Note is the reason of a missing row, or a limit of a served one.
	Note string
	// Local is where in our own memory the address of the local routine lies
	// that makes the call at patched call sites, without the supervisor
	// (host.Local).
	Local *uintptr
	// UsesIDs says of a pass row that its answer depends on the caller's user
	// and group IDs. A guest's threads share them, Linux's do not.
	UsesIDs bool
}

// Level says how well the call is served.
func (r *Row) Level() Level {
	switch {
	case r.Pass != nil:
		return LevelPass
	case r.Handler != nil:
		return LevelHandled
	case r.Name != "":
		return LevelMissing
	}
	return LevelUnknown
}

// Host is the Linux number of a pass row.
func (r *Row) Host() HostNR { return r.Pass.host() }

// NArgs is how many arguments the call has, 0 if it is not served.
func (r *Row) NArgs() int {
	switch r.Level() {
	case LevelPass:
		return r.Pass.nargs()
	case LevelHandled:
		return r.Handler.nargs()
	}
	return 0
}

// Types converts raw arguments to the values of the call's own types, for the
// trace and for path translation.
func (r *Row) Types(a *Args) []any {
	switch r.Level() {
	case LevelPass:
		return r.Pass.types(a)
	case LevelHandled:
		return r.Handler.types(a)
	}
	return nil
}

// Call serves the call, or fails as a missing row.
func (r *Row) Call(t *Task, a *Args) Action {
	switch r.Level() {
	case LevelPass:
		return Tail(r.Pass.host(), a[:r.Pass.nargs()]...)
	case LevelHandled:
		return r.Handler.call(t, a)
	}
	return Fail(r.Err)
}

package emul

// Args are the raw arguments of a guest system call.
type Args [8]uint64

// Word is what an argument type of a handler may be. guest.Ptr[T] is one.
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

// Impl is how a row is served. Make one with H0…H8, P0…P5 or NotServed.
type Impl struct {
	Level Level
	// NArgs is how many arguments the call has.
	NArgs int
	// Note is the reason of a missing row, or a limit of a served one.
	Note string
	// Err is what a missing row answers.
	Err error
	// Host is the Linux number of a pass row.
	Host HostNR
	// ByID says that the answer depends on the caller's user and group IDs.
	ByID bool
	// Routine is where in our own memory the local routine lies that makes
	// the call at patched call sites, without the supervisor (host.Local).
	Routine *uintptr
	// Call runs the handler.
	Call func(t *Task, a *Args) Action
	// Types converts raw arguments to the values of the handler's own types,
	// for trace and for path translation.
	Types func(a *Args) []any
}

// Noted adds a note about a limit to a served row.
//
//go:noinline
func (i Impl) Noted(note string) Impl {
	i.Note = note
	return i
}

// Local says that the local routine at *code makes the call where it can.
func (i Impl) Local(code *uintptr) Impl {
	i.Routine = code
	return i
}

// UsesIDs says of a pass row that its answer depends on the caller's IDs. A
// guest's threads share them, Linux's do not.
func (i Impl) UsesIDs() Impl {
	i.ByID = true
	return i
}

// NotServed declares a call that the guest's kernel has and LSF does not serve.
//
//go:noinline
func NotServed(err error, reason string) Impl {
	return Impl{
		Level: LevelMissing, Err: err, Note: reason,
		Call:  func(t *Task, a *Args) Action { return Fail(err) },
		Types: func(a *Args) []any { return nil },
	}
}

// Row declares one system call: its name and how it is served. Its number is
// its index in the personality's table.
type Row struct {
	Name string
	Impl
}

// Sys makes a Row.
//
//go:noinline
func Sys(name string, i Impl) Row { return Row{name, i} }

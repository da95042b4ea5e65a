// Package guest gives typed, bounds-checked access to a guest's memory.
//
// A guest address is never a Go pointer: Addr and Ptr[T] are numbers that only
// Load and Store, through a Memory, turn into data. Every failure to reach the
// memory is ErrFault, which a personality reports as EFAULT; a wild pointer can
// therefore never hurt the supervisor.
//
// The package knows no operating system and holds no state. It may be called
// from any goroutine, as far as the Memory allows it (the Memory of a running
// guest belongs to the tracer thread).
package guest

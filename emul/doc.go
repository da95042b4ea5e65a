// Package emul runs guests: tasks and processes, the event loop that serves
// their stops, the syscall table type and the actions that handlers answer
// with. It knows no guest operating system by name; a personality (package
// freebsd) plugs in.
//
// The loop runs on one locked OS thread, and so does every handler, every
// continuation and every hook of the personality: nothing here needs a lock.
// Only Loop.Post may be called from other goroutines.
package emul

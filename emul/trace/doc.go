// Package trace prints system calls, signals, forks and exits in the manner of
// FreeBSD's truss(1), from the metadata of the syscall table.
//
// It knows no operating system. It is called on the tracer thread only.
package trace

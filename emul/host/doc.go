// Package host is the only package that traces: it seizes processes, runs
// Linux system calls in their context, reads and writes their registers and
// memory, and hides which engine (Syscall User Dispatch or PTRACE_SYSEMU)
// intercepts their system calls. It knows no guest operating system.
//
// Everything that touches a Tracee must be called on the one locked OS thread
// that seized it (a ptrace rule). There is no lock anywhere.
package host

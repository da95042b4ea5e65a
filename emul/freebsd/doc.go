// Package freebsd is the FreeBSD/amd64 personality: the syscall table and the
// handlers, one file per topic, and what the loop asks of a personality
// (registers, signal frames, starting programs).
//
// A handler reads decode → act → encode, never blocks, and returns an
// emul.Action. All of it runs on the loop's thread: no locks, no goroutines.
package freebsd

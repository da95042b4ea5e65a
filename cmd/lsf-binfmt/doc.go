// Lsf-binfmt runs FreeBSD programs: Linux's binfmt_misc starts it in place of
// one, and as the command lsf it starts one by name.
//
// Its entry point is our own (entry_amd64.s), before the Go runtime: the
// process forks there. The child becomes the supervisor and goes on into Go;
// the parent waits until the supervisor turns it into the FreeBSD program.
package main

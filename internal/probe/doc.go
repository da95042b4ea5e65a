// Package probe makes a tiny FreeBSD program and runs it, to see with the real
// thing whether FreeBSD programs run. The program asks for its PID, makes a call
// that must fail as FreeBSD's do (carry flag, positive error number), asks which
// release it is on, and writes what it got. Linux, should it take the program for
// one of its own, kills it by SIGSEGV.
//
// For internal/doctor and tests. Nothing here outlives a call.
package probe

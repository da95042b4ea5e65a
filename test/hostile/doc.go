// Package hostile tests LSF with guests that mean harm or make no sense: bad
// pointers in every argument, random system calls, absurd sizes, broken
// programs. Whatever they do, the supervisor goes on and serves the others.
//
// The guests run where they can hurt nothing: in user, PID, mount and network
// namespaces of their own, chrooted into a tmpfs that holds nothing but
// themselves and LSF, without capabilities, as nobody where the test is root.
// PID 1 of that place is the test binary again (inside.go of the tests): it
// starts the guest, removes what it leaves behind, and watches the supervisor.
//
//	LSF_HOSTILE_SECONDS=60   how long random calls are made, for each engine
//	LSF_HOSTILE_SEED=1       with which numbers
package hostile

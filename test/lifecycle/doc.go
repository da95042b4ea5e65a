// Package lifecycle tests from outside that a FreeBSD program is an ordinary
// process: who it is, how it lives among other programs, and how it ends.
//
// Every test runs in a PID namespace of its own, where FreeBSD programs are
// started by their name (internal/lsftest). So a test sees all that it has
// left behind, and when it hangs or is killed everything goes with it.
package lifecycle

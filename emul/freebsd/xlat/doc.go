// Package xlat converts between FreeBSD's and Linux's numbers and structures:
// pure functions and tables, no state, no system calls. abi.* is always
// FreeBSD, unix.* always Linux. Safe from any goroutine.
package xlat

// Package doctor finds out why FreeBSD programs do not run as they should. Each
// check is one Finding: fine, a warning, or a failure with the command that mends
// it. It looks at the machine and runs a tiny FreeBSD program (internal/probe), but
// changes nothing.
//
// For lsf-install. Not part of lsf-binfmt, and safe to run by anyone: what needs
// root to be looked at is said to be unknown.
package doctor

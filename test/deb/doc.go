// Package deb tests the Debian package as an administrator meets it: it is
// built, looked at, installed, upgraded, removed and purged, with and without
// systemd; and FreeBSD programs run as services of systemd.
//
// The package is tried on the machine that the tests run on, but in namespaces:
// its root file system is overlaid by one in memory, PIDs, binfmt_misc and
// control groups are its own. So dpkg and systemd are the real ones, and the
// machine does not change.
package deb

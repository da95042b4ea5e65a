// Package base runs a FreeBSD base system, where one is at hand: the directory
// that LSF_TEST_ROOTFS names. Without it all tests are skipped.
//
// The root directory is used as it is: nothing is mounted in it, and its /dev
// may be empty. Programs that it does not have are skipped. Its /tmp is written to.
package base

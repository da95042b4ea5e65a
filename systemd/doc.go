// Package systemd holds the file that LSF gives to systemd, and makes what is
// said in it known to Go: lsf-freebsd.conf, for binfmt.d, is the only place
// where the magic of FreeBSD's programs is written down. For lsf-install and
// internal/binfmt.
//
// There are no units, because there is nothing that one would be for:
//
//   - The entry is made at boot by systemd-binfmt.service, which reads
//     lsf-freebsd.conf, before anything that may want to run FreeBSD programs
//     (sysinit.target).
//   - It is made anew when the program behind it changes, by whoever changes
//     it: the package's postinst, or "lsf-install install". A unit that
//     watches the file would do it while that is only half there.
//   - LSF has no daemon. A supervisor belongs to one tree of FreeBSD processes,
//     begins and ends with it, and is in its control group.
//
// What systemd's own dpkg trigger does for files in binfmt.d does not suffice
// on Debian 12: see packaging/deb/debian/lsf.postinst.
package systemd

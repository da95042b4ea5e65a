// Package binfmt talks to the kernel's binfmt_misc file system (the kernel's
// Documentation/admin-guide/binfmt-misc.rst): it mounts it, reads, makes and
// removes entries. It knows the files from which systemd-binfmt makes entries at
// boot (binfmt.d(5)), and what an interpreter must be like. It keeps no state and
// knows nothing of FreeBSD. For lsf-install and its doctor.
package binfmt

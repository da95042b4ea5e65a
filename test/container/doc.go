// Package container tests LSF in containers: under Docker's default seccomp
// profile, as a container's entry, by docker exec, by the kernel's entry that an
// installer image makes, and with docker stop.
//
// It needs a container engine that works, docker or podman (LSF_TEST_ENGINE names
// another, with arguments), and root; no registry and no network: the images are
// imported. Without an engine the tests skip.
package container

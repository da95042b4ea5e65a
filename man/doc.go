// Package man holds the manual pages. Those of lsf(1), lsf-binfmt(8) and
// lsf.toml(5) are files; that of lsf-install(8) is made from a frame and the
// program's own commands, so that it never says anything else than the program.
// For cmd/lsf-install.
package man

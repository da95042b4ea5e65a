// Package loader says what a program file is and how it is put into memory:
// a FreeBSD ELF file becomes a plan of mappings (Load), arguments and
// auxiliary vector become the bytes of an initial stack (BuildStack), a "#!"
// line becomes an interpreter and its argument (Classify).
//
// Everything here is a pure function over bytes or an io.ReaderAt: nothing is
// mapped, opened or executed, and any goroutine may call it. Input is hostile
// by assumption. Whatever a file says, at most a few pages of it are read and
// the result has at most a few hundred mappings.
//
// The rules, limits and errors are those of FreeBSD 13.2's sys/kern
// imgact_elf.c, imgact_shell.c and kern_exec.c; comments name the functions.
package loader

// PageSize is the size of a page in bytes on amd64.
const PageSize = 4096

const pageMask = PageSize - 1

func truncPage(a uint64) uint64 { return a &^ pageMask }

// roundPage wraps around to 0 for addresses in the last page.
func roundPage(a uint64) uint64 { return (a + pageMask) &^ pageMask }

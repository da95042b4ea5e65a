package loader

// maxInterp is MAXINTERP, the size in bytes of the longest name of a script's
// interpreter with its NUL (sys/param.h; PATH_MAX).
const maxInterp = 1024

// Script is the first line of a "#!" file. The interpreter is run as
//
//	Interp [Arg] path-of-the-script argv[1] argv[2] …
//
// where argv[0] is Interp as written in the script. An interpreter that is a
// script itself is refused with ENOEXEC (imgact_shell.c), which is for the
// caller to see to.
type Script struct {
	Interp string // as written: may be relative
	Arg    string // the whole rest of the line as one argument, blanks trimmed at both ends
	HasArg bool   // whether there is an Arg at all
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// parseScript reads the first line of a file that begins with "#!". head is
// the first page of the file, or all of a shorter file: a line that does not
// end in it, by newline or NUL, is refused, also when the file ends
// (imgact_shell.c exec_shell_imgact).
func parseScript(head []byte) (*Script, error) {
	line := head[2:min(len(head), PageSize)]
	skip := func(i int, while func(byte) bool) int {
		for i < len(line) && while(line[i]) {
			i++
		}
		return i
	}
	eol := func(c byte) bool { return c == '\n' || c == 0 }

	begin := skip(0, blank)
	end := skip(begin, func(c byte) bool { return !blank(c) && !eol(c) })
	if begin == end {
		return nil, fail(ErrNoExec, "script names no interpreter")
	}
	if end-begin >= maxInterp {
		return nil, fail(ErrNameTooLong, "script's interpreter has a name of %d bytes", end-begin)
	}
	arg := skip(end, blank)
	argEnd := skip(arg, func(c byte) bool { return !eol(c) })
	if argEnd == len(line) {
		return nil, fail(ErrNoExec, "script's first line does not end within %d bytes", len(head))
	}
	for argEnd > arg && blank(line[argEnd-1]) {
		argEnd--
	}
	return &Script{
		Interp: string(line[begin:end]),
		Arg:    string(line[arg:argEnd]),
		HasArg: argEnd > arg,
	}, nil
}

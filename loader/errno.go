package loader

import "fmt"

// Errno is an error with FreeBSD's number (sys/errno.h). Errors of this
// package wrap one: errors.Is(err, loader.ErrNoExec).
type Errno int

// The errors that loading can end with.
const (
	// Err2Big (E2BIG): arguments and environment exceed ARG_MAX.
	Err2Big Errno = 7
	// ErrNoExec (ENOEXEC): not a program, or one that is malformed.
	ErrNoExec Errno = 8
	// ErrIO (EIO): the file could not be read, or ends too early.
	ErrIO Errno = 5
	// ErrNoMem (ENOMEM): a resource limit is exceeded, or the image needs
	// addresses that the caller keeps for itself (Options.Forbidden).
	ErrNoMem Errno = 12
	// ErrFault (EFAULT): the initial stack does not fit below its top.
	ErrFault Errno = 14
	// ErrInval (EINVAL): segments overlap or lie outside user memory.
	ErrInval Errno = 22
	// ErrNameTooLong (ENAMETOOLONG): the interpreter of a script has a name
	// of MAXINTERP (1024) bytes or more.
	ErrNameTooLong Errno = 63
)

// Error returns FreeBSD's text for the error.
func (e Errno) Error() string {
	switch e {
	case ErrIO:
		return "input/output error"
	case Err2Big:
		return "argument list too long"
	case ErrNoExec:
		return "exec format error"
	case ErrNoMem:
		return "cannot allocate memory"
	case ErrFault:
		return "bad address"
	case ErrInval:
		return "invalid argument"
	case ErrNameTooLong:
		return "file name too long"
	}
	return fmt.Sprintf("errno %d", int(e))
}

// Error is what this package's functions fail with.
type Error struct {
	Errno  Errno
	Detail string // what is wrong, for people
	// Late says that FreeBSD notices this only when it has already given up
	// the old address space: the caller of execve(2) does not get Errno but
	// dies of SIGABRT (kern_exec.c do_execve, exec_fail).
	Late bool
	Err  error // the reader's own error, or nil
}

// Error returns the detail followed by FreeBSD's text for the errno.
func (e *Error) Error() string {
	s := e.Detail + ": " + e.Errno.Error()
	if e.Err != nil {
		s += " (" + e.Err.Error() + ")"
	}
	return s
}

// Unwrap makes errors.Is find the Errno and the reader's error.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Errno}
	}
	return []error{e.Errno, e.Err}
}

func fail(errno Errno, format string, args ...any) *Error {
	return &Error{Errno: errno, Detail: fmt.Sprintf(format, args...)}
}

// failLate is fail for what FreeBSD finds out after the point of no return.
func failLate(errno Errno, format string, args ...any) *Error {
	e := fail(errno, format, args...)
	e.Late = true
	return e
}

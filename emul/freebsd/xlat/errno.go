package xlat

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
)

// errnos maps Linux's error numbers. Those that FreeBSD has no twin of get
// what FreeBSD's own code answers in the same situation.
var errnos = [134]abi.Errno{
	unix.EPERM:           abi.EPERM,
	unix.ENOENT:          abi.ENOENT,
	unix.ESRCH:           abi.ESRCH,
	unix.EINTR:           abi.EINTR,
	unix.EIO:             abi.EIO,
	unix.ENXIO:           abi.ENXIO,
	unix.E2BIG:           abi.E2BIG,
	unix.ENOEXEC:         abi.ENOEXEC,
	unix.EBADF:           abi.EBADF,
	unix.ECHILD:          abi.ECHILD,
	unix.EAGAIN:          abi.EAGAIN,
	unix.ENOMEM:          abi.ENOMEM,
	unix.EACCES:          abi.EACCES,
	unix.EFAULT:          abi.EFAULT,
	unix.ENOTBLK:         abi.ENOTBLK,
	unix.EBUSY:           abi.EBUSY,
	unix.EEXIST:          abi.EEXIST,
	unix.EXDEV:           abi.EXDEV,
	unix.ENODEV:          abi.ENODEV,
	unix.ENOTDIR:         abi.ENOTDIR,
	unix.EISDIR:          abi.EISDIR,
	unix.EINVAL:          abi.EINVAL,
	unix.ENFILE:          abi.ENFILE,
	unix.EMFILE:          abi.EMFILE,
	unix.ENOTTY:          abi.ENOTTY,
	unix.ETXTBSY:         abi.ETXTBSY,
	unix.EFBIG:           abi.EFBIG,
	unix.ENOSPC:          abi.ENOSPC,
	unix.ESPIPE:          abi.ESPIPE,
	unix.EROFS:           abi.EROFS,
	unix.EMLINK:          abi.EMLINK,
	unix.EPIPE:           abi.EPIPE,
	unix.EDOM:            abi.EDOM,
	unix.ERANGE:          abi.ERANGE,
	unix.EDEADLK:         abi.EDEADLK,
	unix.ENAMETOOLONG:    abi.ENAMETOOLONG,
	unix.ENOLCK:          abi.ENOLCK,
	unix.ENOSYS:          abi.ENOSYS,
	unix.ENOTEMPTY:       abi.ENOTEMPTY,
	unix.ELOOP:           abi.ELOOP,
	unix.ENOMSG:          abi.ENOMSG,
	unix.EIDRM:           abi.EIDRM,
	unix.ECHRNG:          abi.EINVAL,
	unix.EL2NSYNC:        abi.EINVAL,
	unix.EL3HLT:          abi.EINVAL,
	unix.EL3RST:          abi.EINVAL,
	unix.ELNRNG:          abi.EINVAL,
	unix.EUNATCH:         abi.EINVAL,
	unix.ENOCSI:          abi.EINVAL,
	unix.EL2HLT:          abi.EINVAL,
	unix.EBADE:           abi.EINVAL,
	unix.EBADR:           abi.EINVAL,
	unix.EXFULL:          abi.ENOBUFS,
	unix.ENOANO:          abi.EINVAL,
	unix.EBADRQC:         abi.EINVAL,
	unix.EBADSLT:         abi.EINVAL,
	unix.EBFONT:          abi.EINVAL,
	unix.ENOSTR:          abi.ENOTTY,
	unix.ENODATA:         abi.ENOATTR,
	unix.ETIME:           abi.ETIMEDOUT,
	unix.ENOSR:           abi.ENOBUFS,
	unix.ENONET:          abi.ENETDOWN,
	unix.ENOPKG:          abi.ENOENT,
	unix.EREMOTE:         abi.EREMOTE,
	unix.ENOLINK:         abi.ENOLINK,
	unix.EADV:            abi.EINVAL,
	unix.ESRMNT:          abi.EINVAL,
	unix.ECOMM:           abi.EIO,
	unix.EPROTO:          abi.EPROTO,
	unix.EMULTIHOP:       abi.EMULTIHOP,
	unix.EDOTDOT:         abi.EINVAL,
	unix.EBADMSG:         abi.EBADMSG,
	unix.EOVERFLOW:       abi.EOVERFLOW,
	unix.ENOTUNIQ:        abi.EADDRINUSE,
	unix.EBADFD:          abi.EBADF,
	unix.EREMCHG:         abi.EIO,
	unix.ELIBACC:         abi.ENOENT,
	unix.ELIBBAD:         abi.ENOEXEC,
	unix.ELIBSCN:         abi.ENOEXEC,
	unix.ELIBMAX:         abi.EMFILE,
	unix.ELIBEXEC:        abi.EACCES,
	unix.EILSEQ:          abi.EILSEQ,
	unix.ERESTART:        abi.EINVAL,
	unix.ESTRPIPE:        abi.EPIPE,
	unix.EUSERS:          abi.EUSERS,
	unix.ENOTSOCK:        abi.ENOTSOCK,
	unix.EDESTADDRREQ:    abi.EDESTADDRREQ,
	unix.EMSGSIZE:        abi.EMSGSIZE,
	unix.EPROTOTYPE:      abi.EPROTOTYPE,
	unix.ENOPROTOOPT:     abi.ENOPROTOOPT,
	unix.EPROTONOSUPPORT: abi.EPROTONOSUPPORT,
	unix.ESOCKTNOSUPPORT: abi.ESOCKTNOSUPPORT,
	unix.EOPNOTSUPP:      abi.EOPNOTSUPP,
	unix.EPFNOSUPPORT:    abi.EPFNOSUPPORT,
	unix.EAFNOSUPPORT:    abi.EAFNOSUPPORT,
	unix.EADDRINUSE:      abi.EADDRINUSE,
	unix.EADDRNOTAVAIL:   abi.EADDRNOTAVAIL,
	unix.ENETDOWN:        abi.ENETDOWN,
	unix.ENETUNREACH:     abi.ENETUNREACH,
	unix.ENETRESET:       abi.ENETRESET,
	unix.ECONNABORTED:    abi.ECONNABORTED,
	unix.ECONNRESET:      abi.ECONNRESET,
	unix.ENOBUFS:         abi.ENOBUFS,
	unix.EISCONN:         abi.EISCONN,
	unix.ENOTCONN:        abi.ENOTCONN,
	unix.ESHUTDOWN:       abi.ESHUTDOWN,
	unix.ETOOMANYREFS:    abi.ETOOMANYREFS,
	unix.ETIMEDOUT:       abi.ETIMEDOUT,
	unix.ECONNREFUSED:    abi.ECONNREFUSED,
	unix.EHOSTDOWN:       abi.EHOSTDOWN,
	unix.EHOSTUNREACH:    abi.EHOSTUNREACH,
	unix.EALREADY:        abi.EALREADY,
	unix.EINPROGRESS:     abi.EINPROGRESS,
	unix.ESTALE:          abi.ESTALE,
	unix.EUCLEAN:         abi.EINTEGRITY,
	unix.ENOTNAM:         abi.EINVAL,
	unix.ENAVAIL:         abi.EINVAL,
	unix.EISNAM:          abi.EISDIR,
	unix.EREMOTEIO:       abi.EIO,
	unix.EDQUOT:          abi.EDQUOT,
	unix.ENOMEDIUM:       abi.ENXIO,
	unix.EMEDIUMTYPE:     abi.ENXIO,
	unix.ECANCELED:       abi.ECANCELED,
	unix.ENOKEY:          abi.EACCES,
	unix.EKEYEXPIRED:     abi.EACCES,
	unix.EKEYREVOKED:     abi.EACCES,
	unix.EKEYREJECTED:    abi.EACCES,
	unix.EOWNERDEAD:      abi.EOWNERDEAD,
	unix.ENOTRECOVERABLE: abi.ENOTRECOVERABLE,
	unix.ERFKILL:         abi.EPERM,
	unix.EHWPOISON:       abi.EIO,
}

// Errno converts a Linux error number. An unknown one becomes EINVAL.
func Errno(e unix.Errno) abi.Errno {
	if int(e) < len(errnos) && errnos[e] != 0 {
		return errnos[e]
	}
	return abi.EINVAL
}

// ErrnoOf gives the FreeBSD error number for any error that a handler answers
// with: an abi.Errno as it is, a unix.Errno converted, EFAULT for a bad guest
// address, ENAMETOOLONG for a string without end, EINVAL for the rest.
func ErrnoOf(err error) abi.Errno {
	switch e := err.(type) {
	case abi.Errno:
		return e
	case unix.Errno:
		return Errno(e)
	}
	var a abi.Errno
	var u unix.Errno
	switch {
	case errors.Is(err, guest.ErrFault):
		return abi.EFAULT
	case errors.Is(err, guest.ErrTooLong):
		return abi.ENAMETOOLONG
	case errors.As(err, &a):
		return a
	case errors.As(err, &u):
		return Errno(u)
	}
	return abi.EINVAL
}

// LinuxErrno converts back, for the few places where a guest hands us an error
// number. Where several Linux numbers map to one, the lowest is taken; a number
// without a twin becomes EINVAL.
func LinuxErrno(e abi.Errno) unix.Errno {
	for l, f := range errnos {
		if f == e && l != 0 {
			return unix.Errno(l)
		}
	}
	return unix.EINVAL
}

package xlat

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// Sizes of socket addresses that have one.
const (
	sizeofSockaddrIn  = 16 // both systems
	sizeofSockaddrIn6 = 28 // both systems
	sizeofNoname      = 16 // what FreeBSD calls a socket without a name
	sunPath           = 2  // where sun_path begins, both systems
)

// SockaddrToHost converts a socket address of len(b) bytes as a guest gave it.
// Linux tells from the result what FreeBSD would have told: addresses that
// FreeBSD takes for malformed stay malformed, and families without a twin get
// a number that Linux has no family for. Only errors that FreeBSD reports
// before it looks at the descriptor are returned: ENAMETOOLONG, EINVAL.
//
// Linux puts names that begin with a zero, or are empty, into a name space of
// their own, which FreeBSD does not have; ENOENT and EINVAL is what it says
// about them, and so does this.
func SockaddrToHost(b []byte) ([]byte, error) {
	switch {
	case len(b) > abi.SOCK_MAXADDRLEN:
		return nil, abi.ENAMETOOLONG
	case len(b) < 2:
		return nil, abi.EINVAL
	}
	switch b[1] {
	case abi.AF_UNSPEC:
		return hostSockaddr(unix.AF_UNSPEC, b[:min(len(b), sizeofSockaddrIn)]), nil
	case abi.AF_INET:
		if len(b) != sizeofSockaddrIn {
			return hostSockaddr(unix.AF_INET, b)[:2], nil
		}
		return hostSockaddr(unix.AF_INET, b), nil
	case abi.AF_INET6:
		if len(b) != sizeofSockaddrIn6 {
			return hostSockaddr(unix.AF_INET6, b)[:2], nil
		}
		return hostSockaddr(unix.AF_INET6, b), nil
	case abi.AF_UNIX:
		path, _, _ := bytes.Cut(b[sunPath:], []byte{0})
		switch {
		case len(b) == sunPath:
			return nil, abi.EINVAL
		case len(path) == 0:
			return nil, abi.ENOENT
		case len(path) > abi.SUNPATHLEN:
			// FreeBSD has room for longer ones in kernel; Linux has not.
			return nil, abi.ENAMETOOLONG
		}
		out := binary.NativeEndian.AppendUint16(nil, unix.AF_UNIX)
		return append(append(out, path...), 0), nil
	}
	return hostSockaddr(0xff, make([]byte, sizeofSockaddrIn6)), nil
}

// hostSockaddr replaces length and family by Linux's family.
func hostSockaddr(family uint16, b []byte) []byte {
	out := bytes.Clone(b)
	binary.NativeEndian.PutUint16(out, family)
	return out
}

// SockaddrFromHost converts a socket address as Linux gave it. No address (nil)
// stays none.
func SockaddrFromHost(b []byte) []byte {
	if len(b) < 2 {
		return nil
	}
	switch family := binary.NativeEndian.Uint16(b); family {
	case unix.AF_INET:
		return guestSockaddr(abi.AF_INET, b, sizeofSockaddrIn)
	case unix.AF_INET6:
		return guestSockaddr(abi.AF_INET6, b, sizeofSockaddrIn6)
	case unix.AF_UNIX:
		path, _, _ := bytes.Cut(b[sunPath:], []byte{0})
		if len(path) == 0 {
			// Without a name, or one of Linux's own name space.
			return guestSockaddr(abi.AF_UNIX, nil, sizeofNoname)
		}
		path = path[:min(len(path), abi.SUNPATHLEN)]
		n := min(sunPath+len(path)+1, sunPath+abi.SUNPATHLEN)
		return guestSockaddr(abi.AF_UNIX, b[:sunPath+len(path)], n)
	}
	return guestSockaddr(abi.AF_UNSPEC, nil, sizeofNoname)
}

// guestSockaddr gives n bytes with FreeBSD's length and family before what
// follows the family in b, zeros where b is shorter.
func guestSockaddr(family byte, b []byte, n int) []byte {
	out := make([]byte, n)
	copy(out, b)
	out[0], out[1] = byte(n), family
	return out
}

// SockaddrDL makes a struct sockaddr_dl (net/if_dl.h) with an interface's
// number, type, name and hardware address. Without name and address it is the
// short form that names an interface by its number only.
func SockaddrDL(index uint16, ifType byte, name string, lladdr []byte) []byte {
	const fixed = 8
	name = name[:min(len(name), 255-fixed)]
	lladdr = lladdr[:min(len(lladdr), 255-fixed-len(name))]
	out := make([]byte, fixed, 54)
	binary.LittleEndian.PutUint16(out[2:], index)
	out[4], out[5], out[6] = ifType, byte(len(name)), byte(len(lladdr))
	out = append(append(out, name...), lladdr...)
	out[0], out[1] = byte(len(out)), abi.AF_LINK
	return out
}

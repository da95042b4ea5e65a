package abi

// DirentHeader is struct dirent before its name (sys/dirent.h, FreeBSD 12).
// The name follows, ends in a zero and is padded with zeros to 8 bytes.
type DirentHeader struct {
	Fileno uint64
	Off    int64 // of the entry after this one
	Reclen uint16
	Type   uint8
	_      uint8
	Namlen uint16
	_      uint16
}

// Dirent11Header is struct freebsd11_dirent before its name (sys/dirent.h);
// records are padded to 4 bytes.
type Dirent11Header struct {
	Fileno uint32
	Reclen uint16
	Type   uint8
	Namlen uint8
}

// Sizes of the headers in bytes.
const (
	DirentHeaderSize   = 24
	Dirent11HeaderSize = 8
)

package guest

import (
	"bytes"
	"errors"
	"unsafe"
)

// ErrFault says that some byte of a range is not readable or writable guest memory.
var ErrFault = errors.New("guest address not accessible")

// ErrTooLong says that no terminating zero was found within the limit.
var ErrTooLong = errors.New("guest string too long")

// Addr is an address in the guest.
type Addr uint64

// Ptr is the guest address of a T. T must be of fixed size and free of Go pointers.
type Ptr[T any] uint64

// Memory is one guest address space.
// Both calls either move all of b or return an error (ErrFault for a bad address).
type Memory interface {
	ReadMem(addr Addr, b []byte) error
	WriteMem(addr Addr, b []byte) error
}

// MaxCopy bounds what one Load or Store moves (bytes), so that an absurd count
// given by a guest cannot exhaust the supervisor.
const MaxCopy = 64 << 20

// Addr returns the address without its type.
func (p Ptr[T]) Addr() Addr { return Addr(p) }

// Add returns the address of the element n places further.
func (p Ptr[T]) Add(n int) Ptr[T] {
	var v T
	return p + Ptr[T](uint64(n)*uint64(unsafe.Sizeof(v)))
}

// Load reads the T at p.
func (p Ptr[T]) Load(m Memory) (T, error) {
	var v T
	err := m.ReadMem(Addr(p), bytesOf(&v))
	return v, err
}

// LoadAny is Load for printing.
func (p Ptr[T]) LoadAny(m Memory) (any, error) { return p.Load(m) }

// Store writes v at p.
func (p Ptr[T]) Store(m Memory, v T) error {
	return m.WriteMem(Addr(p), bytesOf(&v))
}

// LoadN reads n consecutive T. n beyond MaxCopy bytes is ErrFault.
func (p Ptr[T]) LoadN(m Memory, n int) ([]T, error) {
	var v T
	if n < 0 || uint64(n)*uint64(unsafe.Sizeof(v)) > MaxCopy {
		return nil, ErrFault
	}
	if n == 0 {
		return nil, nil
	}
	s := make([]T, n)
	if err := m.ReadMem(Addr(p), bytesOfSlice(s)); err != nil {
		return nil, err
	}
	return s, nil
}

// StoreN writes all of s at p.
func (p Ptr[T]) StoreN(m Memory, s []T) error {
	if len(s) == 0 {
		return nil
	}
	return m.WriteMem(Addr(p), bytesOfSlice(s))
}

// Bytes returns a copy of v's memory representation.
func Bytes[T any](v *T) []byte { return bytes.Clone(bytesOf(v)) }

const page = 4096

// LoadString reads the zero-terminated string at a, without its zero, reading
// no page beyond the one the zero is in. A string of max or more bytes is ErrTooLong.
func LoadString(m Memory, a Addr, max int) (string, error) {
	var out []byte
	var buf [512]byte
	for len(out) < max {
		n := min(page-int(a%page), len(buf), max-len(out))
		if err := m.ReadMem(a, buf[:n]); err != nil {
			return "", err
		}
		if i := bytes.IndexByte(buf[:n], 0); i >= 0 {
			return string(append(out, buf[:i]...)), nil
		}
		out = append(out, buf[:n]...)
		a += Addr(n)
	}
	return "", ErrTooLong
}

package freebsd

import (
	"encoding/binary"
	"strconv"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
)

// The kinds of values in the sysctl tables. A numeric source gives an int64;
// its constructor says how FreeBSD represents it.

type numFunc = func(r *sysctlReq) (int64, error)

// konst is the source of a number that never changes.
func konst(v int64) numFunc { return func(*sysctlReq) (int64, error) { return v, nil } }

func number(kind uint32, format string, size int, f numFunc) ctlVal {
	return ctlVal{kind: kind, fmt: format, get: func(r *sysctlReq) ([]byte, error) {
		v, err := f(r)
		if err != nil {
			return nil, err
		}
		return binary.LittleEndian.AppendUint64(nil, uint64(v))[:size], nil
	}}
}

func ctlInt(f numFunc) ctlVal   { return number(abi.CTLTYPE_INT, "I", 4, f) }
func ctlUint(f numFunc) ctlVal  { return number(abi.CTLTYPE_UINT, "IU", 4, f) }
func ctlLong(f numFunc) ctlVal  { return number(abi.CTLTYPE_LONG, "L", 8, f) }
func ctlUlong(f numFunc) ctlVal { return number(abi.CTLTYPE_ULONG, "LU", 8, f) }
func ctlU64(f numFunc) ctlVal   { return number(abi.CTLTYPE_U64, "QU", 8, f) }

// ctlStr is a string.
func ctlStr(f func(r *sysctlReq) (string, error)) ctlVal {
	return ctlVal{kind: abi.CTLTYPE_STRING, fmt: "A", get: func(r *sysctlReq) ([]byte, error) {
		s, err := f(r)
		if err != nil {
			return nil, err
		}
		return cstring(s), nil
	}}
}

// ctlText is a string that never changes.
func ctlText(s string) ctlVal {
	return ctlStr(func(*sysctlReq) (string, error) { return s, nil })
}

// ctlOpaque is a structure; format is "S," and its name.
func ctlOpaque(format string, f func(r *sysctlReq) ([]byte, error)) ctlVal {
	return ctlVal{kind: abi.CTLTYPE_OPAQUE, fmt: format, get: f}
}

// settable adds a way to change the value; size is explained at ctlVal.max.
func (v ctlVal) settable(size int, f func(r *sysctlReq, b []byte) emul.Action) ctlVal {
	v.max, v.set = size, f
	return v
}

// branch is a node that only has children.
func branch() ctlVal { return ctlVal{kind: abi.CTLTYPE_NODE, fmt: "N"} }

// nodeOf is a node that takes the rest of the name as its argument.
func nodeOf(f func(r *sysctlReq) ([]byte, error)) ctlVal {
	return ctlVal{kind: abi.CTLTYPE_NODE, fmt: "N", get: f}
}

// nodeActing is such a node that needs the host to answer.
func nodeActing(f func(r *sysctlReq) emul.Action) ctlVal {
	return ctlVal{kind: abi.CTLTYPE_NODE, fmt: "N", act: f}
}

func cstring(s string) []byte { return append([]byte(s), 0) }

func itoa(v int64) string { return strconv.FormatInt(v, 10) }

func int32s(v ...int32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, uint32(x))
	}
	return b
}

func int64s(v ...int64) []byte {
	b := make([]byte, 0, 8*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, uint64(x))
	}
	return b
}

// structBytes is a structure's representation.
func structBytes[T any](v T) []byte { return guest.Bytes(&v) }

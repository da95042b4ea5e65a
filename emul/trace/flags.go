package trace

import (
	"fmt"
	"strings"
)

// Name gives the name of one value or of one set of bits.
type Name struct {
	Bits uint64
	Name string
}

// Flags prints v as names joined by '|', in the order of names. An entry
// matches when all of its bits are set and none was printed before, so a name
// for several bits goes before those for single ones. What is left over is
// printed in hexadecimal; an entry with no bits is printed for v = 0.
func Flags(v uint64, names []Name) string {
	var out []string
	rest := v
	for _, n := range names {
		if n.Bits != 0 && rest&n.Bits == n.Bits {
			out = append(out, n.Name)
			rest &^= n.Bits
		}
		if n.Bits == 0 && v == 0 {
			return n.Name
		}
	}
	if rest != 0 || len(out) == 0 {
		out = append(out, fmt.Sprintf("0x%x", rest))
	}
	return strings.Join(out, "|")
}

// Enum prints the name of v, or v in decimal if it has none.
func Enum(v int64, names []Name) string {
	for _, n := range names {
		if int64(n.Bits) == v {
			return n.Name
		}
	}
	return fmt.Sprint(v)
}

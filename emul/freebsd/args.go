package freebsd

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/trace"
)

// The types of system call arguments. A handler's signature is the call's
// declaration: trace prints by these types, and a Path is translated when
// the guest runs under a prefix.

// FD is a file descriptor, or AT_FDCWD where a call allows it.
type FD int32

// Int is a plain int argument.
type Int int32

// Uint is a plain unsigned int argument.
type Uint uint32

// Long is a 64-bit signed argument: off_t, ssize_t, long.
type Long int64

// Size is a size_t argument.
type Size uint64

// Mode is a mode_t argument, printed in octal.
type Mode uint32

// Path is the guest address of a path name that the call looks up. If its last
// component is a symbolic link, that is followed unless a flag says otherwise.
type Path uint64

// Name is a Path of which the last component itself is meant, also if it is a
// symbolic link, or will be made.
type Name uint64

// Str is the guest address of a string that is not looked up as a path.
type Str uint64

// OutBuf is a buffer that the call fills with as many bytes as it returns.
type OutBuf uint64

// InBuf is a buffer of as many bytes as the next argument says.
type InBuf uint64

// Addr is any other address.
type Addr uint64

// TraceArg prints octal, as truss does.
func (m Mode) TraceArg(*trace.Ctx) string { return fmt.Sprintf("0%o", uint32(m)) }

// TraceArg prints the path in quotes.
func (p Path) TraceArg(c *trace.Ctx) string { return traceString(c, uint64(p)) }

// TraceArg prints the path in quotes.
func (n Name) TraceArg(c *trace.Ctx) string { return traceString(c, uint64(n)) }

// TraceArg prints the string in quotes.
func (s Str) TraceArg(c *trace.Ctx) string { return traceString(c, uint64(s)) }

// TraceArg prints what was read: as many bytes as the call has returned.
func (b OutBuf) TraceArg(c *trace.Ctx) string {
	if c.Err != nil || int64(c.Ret) < 0 {
		return fmt.Sprintf("0x%x", uint64(b))
	}
	return trace.Buffer(c, uint64(b), c.Ret)
}

// TraceArg prints as many bytes as the next argument says.
func (b InBuf) TraceArg(c *trace.Ctx) string { return trace.Buffer(c, uint64(b), c.Raw[c.Index+1]) }

// Vector is a vector of strings that a zero ends: argv, envp.
type Vector uint64

// TraceArg prints the strings, a dozen at most.
func (v Vector) TraceArg(c *trace.Ctx) string {
	var out []string
	for i := range uint64(13) {
		p, err := guest.Ptr[uint64](uint64(v) + 8*i).Load(c.Mem)
		if err != nil || i == 0 && v == 0 {
			return fmt.Sprintf("0x%x", uint64(v))
		}
		if p == 0 {
			break
		}
		if i == 12 {
			out = append(out, "...")
			break
		}
		out = append(out, traceString(c, p))
	}
	return "[ " + strings.Join(out, ", ") + " ]"
}

// Sig is a signal number.
type Sig int32

// TraceArg names the signal.
func (s Sig) TraceArg(*trace.Ctx) string {
	if s == 0 {
		return "0"
	}
	return abi.Signal(s).String()
}

// MaskHow is the first argument of sigprocmask.
type MaskHow int32

// TraceArg names it.
func (h MaskHow) TraceArg(*trace.Ctx) string {
	return trace.Enum(int64(h), []trace.Name{{Bits: abi.SIG_BLOCK, Name: "SIG_BLOCK"},
		{Bits: abi.SIG_UNBLOCK, Name: "SIG_UNBLOCK"}, {Bits: abi.SIG_SETMASK, Name: "SIG_SETMASK"}})
}

// TraceArg prints the address, or "NULL"-like 0x0 as truss does.
func (a Addr) TraceArg(*trace.Ctx) string { return fmt.Sprintf("0x%x", uint64(a)) }

// TraceArg names AT_FDCWD.
func (fd FD) TraceArg(*trace.Ctx) string {
	if fd == -100 {
		return "AT_FDCWD"
	}
	return strconv.Itoa(int(fd))
}

func traceString(c *trace.Ctx, a uint64) string {
	if a == 0 {
		return "0x0"
	}
	s, err := guest.LoadString(c.Mem, guest.Addr(a), 1024)
	if err != nil {
		return fmt.Sprintf("0x%x", a)
	}
	return strconv.Quote(s)
}

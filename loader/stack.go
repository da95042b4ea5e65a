package loader

import "strings"

// ArgMax is ARG_MAX, the most bytes that arguments and environment, each with
// its NUL, may have together (sys/syslimits.h).
const ArgMax = 512 * 1024

// psStringsSize is sizeof(struct ps_strings) (sys/exec.h).
const psStringsSize = 32

// StackSpec says what is on the initial stack of a program.
type StackSpec struct {
	Top        uint64 // first address behind the stack, a multiple of 8
	Argv, Envv []string
	ExecPath   string // AT_EXECPATH; "" leaves it out
	// Auxv are the entries with values that the caller knows. BuildStack
	// puts them into FreeBSD's order and adds those that point into the
	// stack: AT_EXECPATH, AT_CANARY(LEN), AT_PAGESIZES(LEN), AT_ARGC, AT_ARGV,
	// AT_ENVC, AT_ENVV, AT_PS_STRINGS, AT_NULL.
	Auxv      []Auxv
	Canary    []byte   // 64 random bytes for the stack protector; nil leaves it out
	PageSizes []uint64 // in bytes, ascending; nil leaves it out
}

// Stack is the content of an initial stack. All addresses are the guest's.
type Stack struct {
	SP        uint64 // address of the argc word: RDI at the entry point
	Base      uint64 // where Data goes: the lowest address written
	Data      []byte // Base to Top
	PsStrings uint64 // struct ps_strings
	Auxv      uint64 // the auxiliary vector
	AuxvLen   uint64 // its length in bytes, AT_NULL included

	ArgStart, ArgEnd uint64 // the strings of argv
	EnvStart, EnvEnd uint64 // the strings of the environment
}

// EntrySP returns RSP at the entry point: SP aligned as if by a call
// instruction (amd64/amd64/exec_machdep.c exec_setregs).
func (s *Stack) EntrySP() uint64 { return ((s.SP - 8) &^ 15) + 8 }

// BuildStack lays out an initial stack, from the top down: ps_strings, the
// path of the program, the canary, the page sizes, the strings, the auxiliary
// vector, the vectors of pointers, argc (kern_exec.c exec_copyout_strings,
// imgact_elf.c elf64_freebsd_fixup).
//
// Errors are *Error. Err2Big: the strings exceed ArgMax. ErrFault: there are
// not that many addresses below Top. ErrInval: a string holds a NUL, or Auxv
// an entry that BuildStack makes itself.
func BuildStack(s StackSpec) (*Stack, error) {
	strs, args := 0, 0
	for i, list := range [][]string{s.Argv, s.Envv} {
		for _, str := range list {
			if strings.IndexByte(str, 0) >= 0 {
				return nil, fail(ErrInval, "NUL in an argument")
			}
			if strs += len(str) + 1; strs > ArgMax {
				return nil, fail(Err2Big, "arguments and environment of more than %d bytes", ArgMax)
			}
		}
		if i == 0 {
			args = strs
		}
	}
	if strings.IndexByte(s.ExecPath, 0) >= 0 {
		return nil, fail(ErrInval, "NUL in the program's path")
	}

	const word = 8
	p := layoutDown{at: s.Top}
	st := &Stack{PsStrings: p.take(psStringsSize)}
	var execPath, canary, pageSizes uint64
	if s.ExecPath != "" {
		execPath = p.take(uint64(len(s.ExecPath)) + 1)
	}
	if s.Canary != nil {
		canary = p.take(uint64(len(s.Canary)))
	}
	if s.PageSizes != nil {
		pageSizes = p.take(uint64(len(s.PageSizes)) * word)
	}
	st.ArgStart = p.take(uint64(strs))
	st.ArgEnd = st.ArgStart + uint64(args)
	st.EnvStart = st.ArgEnd
	st.EnvEnd = st.ArgStart + uint64(strs)
	// FreeBSD keeps room for one entry of every type; a caller may know more.
	aux := p.take(uint64(max(auxCount, len(s.Auxv)+ownAuxv)) * auxvSize)
	argv := p.take(uint64(len(s.Argv)+1+len(s.Envv)+1) * word)
	envv := argv + uint64(len(s.Argv)+1)*word
	st.SP = p.take(word)
	st.Base = st.SP
	if p.overflow || st.SP < PageSize || s.Top%word != 0 {
		return nil, fail(ErrFault, "no room for the stack below %#x", s.Top)
	}

	auxv, err := completeAuxv(s.Auxv, []Auxv{
		{ATExecPath, execPath},
		{ATCanary, canary},
		{ATCanaryLen, uint64(len(s.Canary))},
		{ATPageSizes, pageSizes},
		{ATPageSizesLen, uint64(len(s.PageSizes)) * word},
	}, []Auxv{
		{ATArgc, uint64(len(s.Argv))},
		{ATArgv, argv},
		{ATEnvc, uint64(len(s.Envv))},
		{ATEnvv, envv},
		{ATPSStrings, st.PsStrings},
	})
	if err != nil {
		return nil, err
	}

	st.Data = make([]byte, s.Top-st.Base)
	put := func(addr, v uint64) { le.PutUint64(st.Data[addr-st.Base:], v) }
	put(st.SP, uint64(len(s.Argv)))
	vec, str := argv, st.ArgStart
	for _, list := range [][]string{s.Argv, s.Envv} {
		for _, v := range list {
			put(vec, str)
			copy(st.Data[str-st.Base:], v)
			vec, str = vec+word, str+uint64(len(v))+1
		}
		vec += word // a null pointer ends each vector
	}
	st.Auxv, st.AuxvLen = aux, uint64(len(auxv))*auxvSize
	for i, a := range auxv {
		put(aux+uint64(i)*auxvSize, a.Type)
		put(aux+uint64(i)*auxvSize+word, a.Val)
	}
	for i, size := range s.PageSizes {
		put(pageSizes+uint64(i)*word, size)
	}
	if s.Canary != nil {
		copy(st.Data[canary-st.Base:], s.Canary)
	}
	if s.ExecPath != "" {
		copy(st.Data[execPath-st.Base:], s.ExecPath)
	}
	put(st.PsStrings, argv)
	put(st.PsStrings+8, uint64(len(s.Argv))) // 32 bits and padding
	put(st.PsStrings+16, envv)
	put(st.PsStrings+24, uint64(len(s.Envv)))
	return st, nil
}

// layoutDown hands out space from the top down, each piece aligned to a word.
type layoutDown struct {
	at       uint64
	overflow bool
}

func (l *layoutDown) take(n uint64) uint64 {
	if n > l.at {
		l.overflow = true
		return 0
	}
	l.at = (l.at - n) &^ 7
	return l.at
}

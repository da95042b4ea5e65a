package loader

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

const testTop = 0x7ffffffff000 - PageSize

// readStack takes a stack apart as a program's start-up code does.
type readStack struct {
	*Stack
	t *testing.T
}

func (s readStack) word(a uint64) uint64 {
	s.t.Helper()
	if a < s.Base || a-s.Base > uint64(len(s.Data)-8) || a%8 != 0 {
		s.t.Fatalf("word at %#x: stack is [%#x, %#x)", a, s.Base, s.Base+uint64(len(s.Data)))
	}
	return le.Uint64(s.Data[a-s.Base:])
}

func (s readStack) str(a uint64) string {
	s.t.Helper()
	if a < s.Base || a-s.Base >= uint64(len(s.Data)) {
		s.t.Fatalf("string at %#x", a)
	}
	return cstring(s.Data[a-s.Base:])
}

func (s readStack) vector(a uint64) (list []string, end uint64) {
	s.t.Helper()
	for ; s.word(a) != 0; a += 8 {
		list = append(list, s.str(s.word(a)))
	}
	return list, a + 8
}

// check walks from argc to AT_NULL and compares with what was asked for.
func (s readStack) check(spec StackSpec) map[uint64]uint64 {
	t := s.t
	t.Helper()
	if s.Base+uint64(len(s.Data)) != spec.Top || s.SP < s.Base {
		t.Fatalf("stack [%#x, +%#x), SP %#x, top %#x", s.Base, len(s.Data), s.SP, spec.Top)
	}
	if sp := s.EntrySP(); sp%16 != 8 || sp > s.SP || s.SP-sp >= 16 {
		t.Errorf("RSP %#x for SP %#x", sp, s.SP)
	}
	if argc := s.word(s.SP); argc != uint64(len(spec.Argv)) {
		t.Errorf("argc %d", argc)
	}
	argv, next := s.vector(s.SP + 8)
	envv, aux := s.vector(next)
	if !slices.Equal(argv, spec.Argv) || !slices.Equal(envv, spec.Envv) {
		t.Errorf("argv %q, environment %q", argv, envv)
	}
	auxv := map[uint64]uint64{}
	for ; s.word(aux) != ATNull; aux += auxvSize {
		if _, dup := auxv[s.word(aux)]; dup {
			t.Errorf("auxv entry %d twice", s.word(aux))
		}
		auxv[s.word(aux)] = s.word(aux + 8)
	}
	if auxv[ATArgc] != uint64(len(spec.Argv)) || auxv[ATArgv] != s.SP+8 || auxv[ATEnvc] != uint64(len(spec.Envv)) ||
		auxv[ATEnvv] != next || auxv[ATPSStrings] != s.PsStrings || s.PsStrings != spec.Top-32 {
		t.Errorf("auxv %x, vectors at %#x and %#x", auxv, s.SP+8, next)
	}
	if ps := s.PsStrings; s.word(ps) != s.SP+8 || s.word(ps+8) != uint64(len(argv)) || s.word(ps+16) != next || s.word(ps+24) != uint64(len(envv)) {
		t.Errorf("ps_strings %#x %d %#x %d", s.word(ps), s.word(ps+8), s.word(ps+16), s.word(ps+24))
	}
	var args, envs string
	for _, a := range spec.Argv {
		args += a + "\x00"
	}
	for _, e := range spec.Envv {
		envs += e + "\x00"
	}
	if got := string(s.Data[s.ArgStart-s.Base : s.ArgEnd-s.Base]); got != args {
		t.Errorf("argument strings %q", got)
	}
	if got := string(s.Data[s.EnvStart-s.Base : s.EnvEnd-s.Base]); got != envs {
		t.Errorf("environment strings %q", got)
	}
	return auxv
}

func TestBuildStack(t *testing.T) {
	canary := bytes.Repeat([]byte{0xc5}, 64)
	spec := StackSpec{
		Top:      testTop,
		Argv:     []string{"/bin/echo", "", "hello world"},
		Envv:     []string{"PATH=/bin", "X="},
		ExecPath: "/bin/echo",
		Auxv: []Auxv{
			{ATUsrStackLim, 8 << 20}, {ATPhdr, 0x400040}, {ATBase, 0}, {ATHWCap3, 3}, {ATEntry, 0x401000}, {ATNCPUs, 2},
		},
		Canary:    canary,
		PageSizes: []uint64{4096, 2 << 20, 1 << 30},
	}
	st, err := BuildStack(spec)
	if err != nil {
		t.Fatal(err)
	}
	s := readStack{st, t}
	auxv := s.check(spec)
	if s.str(auxv[ATExecPath]) != "/bin/echo" {
		t.Errorf("AT_EXECPATH %q", s.str(auxv[ATExecPath]))
	}
	if c := auxv[ATCanary] - s.Base; auxv[ATCanaryLen] != 64 || !bytes.Equal(s.Data[c:c+64], canary) {
		t.Errorf("canary of %d bytes", auxv[ATCanaryLen])
	}
	if p := auxv[ATPageSizes]; auxv[ATPageSizesLen] != 24 || s.word(p) != 4096 || s.word(p+16) != 1<<30 {
		t.Errorf("page sizes %d", auxv[ATPageSizesLen])
	}
	if v, ok := auxv[ATBase]; !ok || v != 0 || auxv[ATHWCap3] != 3 || auxv[ATPhdr] != 0x400040 {
		t.Errorf("auxv %x", auxv)
	}
	var order []uint64
	for a := auxv[ATEnvv] + 8*3; s.word(a) != 0; a += 16 {
		order = append(order, s.word(a))
	}
	want := []uint64{ATPhdr, ATEntry, ATBase, ATExecPath, ATCanary, ATCanaryLen, ATNCPUs, ATPageSizes, ATPageSizesLen,
		ATArgc, ATArgv, ATEnvc, ATEnvv, ATPSStrings, ATUsrStackLim, ATHWCap3}
	if !slices.Equal(order, want) {
		t.Errorf("order %d, want %d", order, want)
	}
}

func TestBuildStackBare(t *testing.T) {
	spec := StackSpec{Top: testTop}
	st, err := BuildStack(spec)
	if err != nil {
		t.Fatal(err)
	}
	auxv := readStack{st, t}.check(spec)
	for _, typ := range []uint64{ATExecPath, ATCanary, ATCanaryLen, ATPageSizes, ATPageSizesLen} {
		if _, ok := auxv[typ]; ok {
			t.Errorf("auxv entry %d without a value", typ)
		}
	}
}

func TestBuildStackErrors(t *testing.T) {
	half := strings.Repeat("x", ArgMax/2-1)
	tests := []struct {
		name string
		spec StackSpec
		err  error
	}{
		{"just fits", StackSpec{Top: testTop, Argv: []string{half}, Envv: []string{half}}, nil},
		{"one byte too many", StackSpec{Top: testTop, Argv: []string{half}, Envv: []string{half + "y"}}, Err2Big},
		{"many empty strings", StackSpec{Top: testTop, Argv: make([]string, ArgMax)}, nil},
		{"one empty string too many", StackSpec{Top: testTop, Argv: make([]string, ArgMax), Envv: []string{""}}, Err2Big},
		{"NUL", StackSpec{Top: testTop, Argv: []string{"a\x00b"}}, ErrInval},
		{"NUL in the path", StackSpec{Top: testTop, ExecPath: "a\x00"}, ErrInval},
		{"AT_NULL", StackSpec{Top: testTop, Auxv: []Auxv{{ATNull, 0}}}, ErrInval},
		{"AT_ARGC", StackSpec{Top: testTop, Auxv: []Auxv{{ATArgc, 0}}}, ErrInval},
		{"AT_CANARY", StackSpec{Top: testTop, Auxv: []Auxv{{ATCanary, 0}}}, ErrInval},
		{"no room", StackSpec{Top: 512}, ErrFault},
		{"no top", StackSpec{}, ErrFault},
		{"top unaligned", StackSpec{Top: testTop + 1}, ErrFault},
	}
	for _, tt := range tests {
		if _, err := BuildStack(tt.spec); !errors.Is(err, tt.err) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.err)
		}
	}
}

func FuzzBuildStack(f *testing.F) {
	f.Add(uint64(testTop), "a\nb", "X=1\nY=2", "/bin/a", []byte("0123456789abcdef"), uint8(3), uint8(20))
	f.Add(uint64(4096), "", "", "", []byte(nil), uint8(0), uint8(0))
	f.Fuzz(func(t *testing.T, top uint64, args, env, path string, canary []byte, sizes, aux uint8) {
		split := func(s string) []string {
			if s == "" {
				return nil
			}
			return strings.Split(s, "\n")
		}
		spec := StackSpec{Top: top, Argv: split(args), Envv: split(env), ExecPath: path, Canary: canary}
		for i := range sizes {
			spec.PageSizes = append(spec.PageSizes, uint64(i))
		}
		for i := range aux {
			spec.Auxv = append(spec.Auxv, Auxv{uint64(i) + 40, uint64(i)})
		}
		st, err := BuildStack(spec)
		if err != nil {
			return
		}
		auxv := readStack{st, t}.check(spec)
		if path != "" && (readStack{st, t}).str(auxv[ATExecPath]) != path {
			t.Errorf("path %q", path)
		}
	})
}

func BenchmarkBuildStack(b *testing.B) {
	spec := StackSpec{Top: testTop, Argv: []string{"prog", "arg"}, Envv: slices.Repeat([]string{"SOME_VARIABLE=value"}, 40),
		ExecPath: "/usr/bin/prog", Canary: make([]byte, 64), PageSizes: []uint64{4096, 2 << 20, 1 << 30}}
	for b.Loop() {
		if _, err := BuildStack(spec); err != nil {
			b.Fatal(err)
		}
	}
}

package trace

import "testing"

func TestFlags(t *testing.T) {
	names := []Name{{0, "NONE"}, {3, "AB"}, {1, "A"}, {2, "B"}, {8, "D"}}
	for v, want := range map[uint64]string{
		0: "NONE", 1: "A", 3: "AB", 2 | 8: "B|D", 4: "0x4", 1 | 16: "A|0x10",
	} {
		if got := Flags(v, names); got != want {
			t.Errorf("Flags(%#x) = %q, want %q", v, got, want)
		}
	}
	if got := Flags(0, names[1:]); got != "0x0" {
		t.Errorf("Flags(0) without a name = %q", got)
	}
}

func TestEnum(t *testing.T) {
	names := []Name{{1, "ONE"}, {2, "TWO"}}
	if got := Enum(2, names); got != "TWO" {
		t.Error(got)
	}
	if got := Enum(-7, names); got != "-7" {
		t.Error(got)
	}
}

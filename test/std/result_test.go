package std

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

const v = "\x16"

func TestParse(t *testing.T) {
	res := parse(strings.Join([]string{
		v + "=== RUN   TestA\n",
		"no newline" + v + "--- PASS: TestA (0.00s)\n",
		v + "=== RUN   TestB\n" + v + "=== RUN   TestB/sub\n" + "why\n",
		"    " + v + "--- FAIL: TestB/sub (0.00s)\n" + v + "--- FAIL: TestB (0.00s)\n",
		v + "=== RUN   TestC\n" + v + "--- SKIP: TestC (0.00s)\n",
		v + "=== RUN   TestD\nfatal error: x\n",
	}, ""), errors.New("exit status 2"), 0)
	want := map[string]state{"TestA": passed, "TestB": failed, "TestC": skipped, "TestD": failed}
	for name, s := range want {
		if res.tests[name] != s {
			t.Errorf("%s: %v, want %v", name, res.tests[name], s)
		}
	}
	if len(res.tests) != len(want) || res.broken() {
		t.Errorf("%+v", res)
	}
	if !strings.Contains(res.logs["TestB"], "why\n") || !strings.Contains(res.logs["TestD"], "fatal error") {
		t.Errorf("logs: %q", res.logs)
	}
}

func TestCompare(t *testing.T) {
	list, err := readKnown(strings.NewReader("# list\nos TestA any some reason\nos TestB sud? at times\nos TestC ptrace not here\nnet * any all of it\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		pkg  string
		res  result
		want []string // what each line begins with
	}{
		{"os", result{tests: map[string]state{"TestA": failed, "TestB": passed}}, nil},
		{"os", result{tests: map[string]state{"TestA": passed, "TestB": failed}}, []string{"os TestA does not fail now"}},
		{"os", result{tests: map[string]state{"TestA": failed, "TestC": failed}}, []string{"os TestC fails"}},
		{"os", result{tests: map[string]state{"TestB": passed}}, nil},
		{"os", result{tests: map[string]state{"TestB": passed}, err: errors.New("exit status 1")}, []string{"os * fails"}},
		{"os", result{tests: map[string]state{"TestB": passed}, left: "1 supervisor"}, []string{"os * fails"}},
		{"net", result{tests: map[string]state{"TestB": failed}}, nil},
		{"net", result{tests: map[string]state{"TestB": passed}}, []string{"net * does not fail now"}},
	} {
		got := compare(c.pkg, "sud", c.res, list)
		if !slices.EqualFunc(got, c.want, strings.HasPrefix) {
			t.Errorf("%s %v: %q, want %q", c.pkg, c.res, got, c.want)
		}
	}
	for _, bad := range []string{"os TestA\n", "os TestA qemu reason\n"} {
		if _, err := readKnown(strings.NewReader(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

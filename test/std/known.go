package std

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// known is a line of known-failures.txt.
type known struct {
	pkg, test string // test is "*" for a package that fails as a whole
	engine    string // "sud", "ptrace" or "any"
	flaky     bool   // may pass, too
	reason    string
}

// readKnown reads a list of known failures.
func readKnown(r io.Reader) ([]known, error) {
	var list []known
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) < 4 {
			return nil, fmt.Errorf("line %d: want: package test engine reason", n)
		}
		k := known{pkg: fields[0], test: fields[1], engine: fields[2], reason: strings.Join(fields[3:], " ")}
		k.engine, k.flaky = strings.CutSuffix(k.engine, "?")
		if !slices.Contains([]string{"any", "sud", "ptrace"}, k.engine) {
			return nil, fmt.Errorf("line %d: no such engine: %s", n, k.engine)
		}
		list = append(list, k)
	}
	return list, lines.Err()
}

// compare returns what a package's results have against the list, a line each.
// If the run was cut down to some tests, those that did not run do not count.
func compare(pkg, engine string, res result, list []known) []string {
	var wrong []string
	unexpected := map[string]bool{}
	for test, state := range res.tests {
		if state == failed {
			unexpected[test] = true
		}
	}
	if res.broken() {
		unexpected["*"] = true
	}
	for _, k := range list {
		if k.pkg != pkg || k.engine != "any" && k.engine != engine {
			continue
		}
		if k.test == "*" && len(unexpected) > 0 {
			clear(unexpected) // whatever it is
			continue
		}
		state, ran := res.tests[k.test]
		if k.test == "*" || ran && state != failed {
			if !k.flaky {
				wrong = append(wrong, fmt.Sprintf("%s %s does not fail now: take it off known-failures.txt (%s)", pkg, k.test, k.reason))
			}
		}
		delete(unexpected, k.test)
	}
	for test := range unexpected {
		wrong = append(wrong, fmt.Sprintf("%s %s fails\n%s", pkg, test, tail(res.logs[test], 4000)))
	}
	slices.Sort(wrong)
	return wrong
}

func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return "…" + s[len(s)-n:]
}

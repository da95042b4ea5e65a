package std

import (
	"fmt"
	"strings"
	"time"
)

// state is how a test ended.
type state int

const (
	running state = iota // never ended: a crash cut it short
	passed
	skipped
	failed
)

// result is what a package's test program said.
type result struct {
	err     error            // how the program ended
	left    string           // processes that were there after it, one a line
	seconds float64          // how long it took
	tests   map[string]state // top-level tests
	logs    map[string]string
}

// parse reads what a test program run with -test.v=test2json prints. Lines
// of the framework have a ^V in front there. Tests that had no end have failed.
// What no test printed is under "*".
func parse(out string, err error, took time.Duration) result {
	res := result{err: err, seconds: took.Seconds(), tests: map[string]state{}, logs: map[string]string{}}
	current := "*"
	for i, chunk := range strings.Split(out, "\x16") {
		if i == 0 {
			res.logs["*"] += chunk
			continue
		}
		line, rest, _ := strings.Cut(chunk, "\n")
		kind, name := frame(line)
		top, _, sub := strings.Cut(name, "/")
		switch kind {
		case "=== RUN", "=== CONT", "=== NAME":
			current = top
			if top == "" {
				current = "*"
			}
			if kind == "=== RUN" && !sub {
				res.tests[top] = running
			}
		case "--- PASS", "--- FAIL", "--- SKIP":
			if current = top; !sub {
				res.tests[top] = map[string]state{"--- PASS": passed, "--- FAIL": failed, "--- SKIP": skipped}[kind]
			}
		case "=== PAUSE":
		default:
			current = "*"
		}
		if kind == "=== NAME" || kind == "=== CONT" || kind == "=== PAUSE" {
			line = ""
		} else {
			line += "\n"
		}
		res.logs[current] += line + rest
	}
	for test, s := range res.tests {
		if s == running {
			res.tests[test] = failed
			res.logs[test] += "(did not end)\n" + tail(res.logs["*"], 3000)
		}
	}
	return res
}

// frame splits a line of the framework: "--- PASS: TestA/b (0.00s)".
func frame(line string) (kind, name string) {
	line = strings.TrimLeft(line, " ")
	if len(line) < 8 {
		return "", ""
	}
	if strings.HasPrefix(line, "--- ") {
		kind, name, _ = strings.Cut(line, ": ")
		name, _, _ = strings.Cut(name, " (")
		return kind, name
	}
	if strings.HasPrefix(line, "=== ") {
		fields := strings.Fields(line)
		if len(fields) > 2 {
			name = fields[2]
		}
		return "=== " + fields[1], name
	}
	return "", ""
}

// broken tells whether the package failed although no test of it did: it
// crashed outside any, or left processes behind.
func (r result) broken() bool {
	return r.left != "" || r.err != nil && r.count(failed) == 0
}

func (r result) count(s state) int {
	n := 0
	for _, is := range r.tests {
		if is == s {
			n++
		}
	}
	return n
}

// row is a line of the summary: engine, package, passed, failed, skipped,
// seconds, and what the program made of it.
func (r result) row(engine, pkg string) string {
	end := "ok"
	if r.err != nil {
		end = r.err.Error()
	}
	if r.left != "" {
		end += ", left processes behind"
	}
	return fmt.Sprintf("%s\t%s\t%d\t%d\t%d\t%.1f\t%s\n", engine, pkg, r.count(passed), r.count(failed), r.count(skipped), r.seconds, end)
}

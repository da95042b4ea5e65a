package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Parse takes over the settings in text. It understands what the settings
// need of TOML 1.0: comments, and lines of
//
//	key = "string"    # with TOML's escapes
//	key = 'string'
//	key = true
//
// Whatever else TOML has (tables, numbers, arrays, strings over several lines,
// quoted keys) is an error, and so are unknown keys, a key given twice, and
// values that break a setting's rules. Lines with an error leave their setting
// as it was; all errors are joined.
func (c *Config) Parse(text []byte) error { return c.parse(text, nil) }

// parse tells took of each setting that it takes over, unless that is nil.
func (c *Config) parse(text []byte, took func(key string, line int)) error {
	if !utf8.Valid(text) {
		return errors.New("not UTF-8")
	}
	var errs []error
	var seen []string
	n := 0
	for line := range strings.SplitSeq(string(text), "\n") {
		n++
		line = strings.TrimSuffix(line, "\r")
		was := len(seen)
		if err := c.parseLine(line, &seen); err != nil {
			errs = append(errs, fmt.Errorf("line %d: %w", n, err))
		} else if took != nil && len(seen) > was {
			took(seen[was], n)
		}
	}
	return errors.Join(errs...)
}

func (c *Config) parseLine(line string, seen *[]string) error {
	for _, r := range line {
		// TOML forbids control characters everywhere, also in comments.
		if r < ' ' && r != '\t' || r == 0x7f {
			return fmt.Errorf("control character %#02x", r)
		}
	}
	line = trimBlanks(line)
	if line == "" || line[0] == '#' {
		return nil
	}
	key, rest := cutKey(line)
	rest = trimBlanks(rest)
	if key == "" || rest == "" || rest[0] != '=' {
		return errors.New(`want: key = "value"`)
	}
	rest = trimBlanks(rest[1:])
	str, isStr, val, rest, err := cutValue(rest)
	if err == nil {
		if rest = trimBlanks(rest); rest != "" && rest[0] != '#' {
			err = fmt.Errorf("%q after the value", rest)
		}
	}
	if err == nil && slices.Contains(*seen, key) {
		err = errors.New("given twice")
	}
	*seen = append(*seen, key)
	if err == nil {
		if isStr {
			err = c.set(key, str)
		} else {
			err = c.setBool(key, val)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

func trimBlanks(s string) string { return strings.Trim(s, " \t") }

// cutKey cuts a bare key off the front of a line.
func cutKey(line string) (key, rest string) {
	i := 0
	for i < len(line) && (line[i] == '_' || line[i] == '-' || isAlnum(line[i])) {
		i++
	}
	return line[:i], line[i:]
}

func isAlnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// cutValue cuts a string or a boolean off the front of s.
func cutValue(s string) (str string, isStr, val bool, rest string, err error) {
	switch {
	case strings.HasPrefix(s, `"""`), strings.HasPrefix(s, "'''"):
		err = errors.New("a string over several lines")
	case strings.HasPrefix(s, `"`):
		str, rest, err = cutBasicString(s[1:])
		return str, true, false, rest, err
	case strings.HasPrefix(s, "'"):
		var ok bool
		if str, rest, ok = strings.Cut(s[1:], "'"); !ok {
			err = errors.New("string does not end")
		}
		return str, true, false, rest, err
	default:
		word, more := cutKey(s)
		switch word {
		case "true", "false":
			return "", false, word == "true", more, nil
		}
		err = errors.New("value is neither a string in quotes nor true nor false")
	}
	return "", false, false, "", err
}

// cutBasicString reads a string in double quotes, from behind the first.
func cutBasicString(s string) (str, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], nil
		case '\\':
			r, n, err := unescape(s[i+1:])
			if err != nil {
				return "", "", err
			}
			b.WriteRune(r)
			i += n
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", errors.New("string does not end")
}

// unescape reads what follows a backslash and says how long it is in bytes.
func unescape(s string) (r rune, n int, err error) {
	if s == "" {
		return 0, 0, errors.New("string does not end")
	}
	const names, values = `btnfr"\`, "\b\t\n\f\r\"\\"
	if i := strings.IndexByte(names, s[0]); i >= 0 {
		return rune(values[i]), 1, nil
	}
	digits := 0
	switch s[0] {
	case 'u':
		digits = 4
	case 'U':
		digits = 8
	default:
		return 0, 0, fmt.Errorf("unknown escape \\%c", s[0])
	}
	if len(s) <= digits {
		return 0, 0, errors.New("escape does not end")
	}
	for _, c := range []byte(s[1 : 1+digits]) {
		if !isAlnum(c) { // ParseUint would accept an underscore or a sign
			return 0, 0, errors.New("malformed escape")
		}
	}
	v, err := strconv.ParseUint(s[1:1+digits], 16, 32)
	if err != nil || v > utf8.MaxRune || !utf8.ValidRune(rune(v)) {
		return 0, 0, errors.New("malformed escape")
	}
	return rune(v), 1 + digits, nil
}

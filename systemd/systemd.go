package systemd

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
)

// BinfmtConf is the file lsf-freebsd.conf.
//
//go:embed lsf-freebsd.conf
var BinfmtConf string

// Binfmt is one entry of binfmt_misc.
type Binfmt struct {
	Name        string
	Magic, Mask string // bytes at the start of a program, and which bits of them count
	Interpreter string // absolute path of the program that runs it
	Flags       string // letters: see the kernel's binfmt-misc.rst
}

// Freebsd returns the entry that BinfmtConf describes. It panics when the file
// is malformed, which a test rules out.
func Freebsd() Binfmt {
	b, err := Parse(BinfmtConf)
	if err != nil {
		panic(err)
	}
	return b
}

// Parse reads the one entry of a binfmt.d file. A file without an entry, or with
// one that goes by file names, is an error.
func Parse(conf string) (Binfmt, error) {
	for line := range strings.SplitSeq(conf, "\n") {
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		f := strings.Split(line, line[:1])
		if len(f) != 8 || f[2] != "M" || f[3] != "" {
			return Binfmt{}, fmt.Errorf("binfmt line of %d fields: %q", len(f), line)
		}
		magic, err := unescape(f[4])
		if err != nil {
			return Binfmt{}, fmt.Errorf("binfmt magic: %w", err)
		}
		mask, err := unescape(f[5])
		if err != nil {
			return Binfmt{}, fmt.Errorf("binfmt mask: %w", err)
		}
		return Binfmt{Name: f[1], Magic: magic, Mask: mask, Interpreter: f[6], Flags: f[7]}, nil
	}
	return Binfmt{}, fmt.Errorf("no binfmt line")
}

// unescape resolves the \xNN of a magic or mask.
func unescape(s string) (string, error) { return strconv.Unquote(`"` + s + `"`) }

// escape writes everything but letters as \xNN.
func escape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return b.String()
}

// Line returns what is written to binfmt_misc's register file to make the
// entry, without a newline. The fields' delimiter is a colon unless the path
// has one.
func (b Binfmt) Line() (string, error) {
	for _, delim := range []string{":", "|", "!", ",", ";"} {
		if !strings.Contains(b.Name+b.Interpreter, delim) {
			return delim + strings.Join([]string{b.Name, "M", "", escape(b.Magic), escape(b.Mask), b.Interpreter, b.Flags}, delim), nil
		}
	}
	return "", fmt.Errorf("%s: no delimiter left for a binfmt line", b.Interpreter)
}

// Conf returns the text of BinfmtConf with this entry in place of its own.
func (b Binfmt) Conf() (string, error) {
	line, err := b.Line()
	if err != nil {
		return "", err
	}
	if strings.Contains(line, "\n") {
		return "", fmt.Errorf("%q: not in a file of lines", b.Interpreter)
	}
	i := strings.LastIndex(strings.TrimSpace(BinfmtConf), "\n")
	return BinfmtConf[:i+1] + line + "\n", nil
}

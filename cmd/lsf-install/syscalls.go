package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

//go:generate sh -c "go run . syscalls --markdown >../../docs/syscalls.md"

// Support is how well a system call is served, as users are told.
type support string

const (
	supportFull    support = "full"    // no limit is known
	supportLimited support = "limited" // with a limit that the note tells
	supportNone    support = "none"    // fails, for the reason that the note tells
)

var supports = []string{string(supportFull), string(supportLimited), string(supportNone)}

// Ways in which a call is served, as users are told.
const (
	wayPassed     = "passed"     // Linux's call with another number
	wayTranslated = "translated" // arguments or results differ
	wayFast       = "fast"       // translated, and without a stop once it is made often
)

// syscallInfo is a row of the table, for users.
type syscallInfo struct {
	Number  int     `json:"number"`
	Name    string  `json:"name"`
	Support support `json:"support"`
	Way     string  `json:"way,omitempty"`   // of those that are served
	Errno   string  `json:"errno,omitempty"` // of those that are not
	Note    string  `json:"note,omitempty"`
}

func syscallsCommand() *cobra.Command {
	var asJSON, asMarkdown bool
	var levels []string
	cmd := &cobra.Command{
		Use:   "syscalls [NAME|NUMBER|PATTERN]...",
		Short: "List FreeBSD's system calls and how well they are served",
		Long: `List the system calls of FreeBSD 12 to 15, or those that are named (by name, number
or pattern such as 'aio_*'), and how well each is served:
  full     no limit is known
  limited  with the limit that is told
  none     the call fails with the error that is told; the reason is told, too
and in which way:
  passed      Linux's call, with another number
  fast        translated, without the supervisor once a program makes it often
  translated  by the supervisor`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, s := range syscalls() {
				names = append(names, s.Name)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			list, err := filterSyscalls(syscalls(), args, levels)
			if err != nil {
				return err
			}
			switch out := cmd.OutOrStdout(); {
			case asJSON:
				enc := json.NewEncoder(out)
				enc.SetIndent("", "  ")
				enc.SetEscapeHTML(false)
				return enc.Encode(list)
			case asMarkdown:
				return markdownSyscalls(out, list)
			default:
				return printSyscalls(out, list)
			}
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	cmd.Flags().BoolVar(&asMarkdown, "markdown", false, "as the page docs/syscalls.md")
	cmd.Flags().StringSliceVar(&levels, "support", nil, "only those of `LEVEL`: "+strings.Join(supports, ", "))
	cmd.MarkFlagsMutuallyExclusive("json", "markdown")
	for name, vals := range map[string][]string{"support": supports} {
		if err := cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(vals, cobra.ShellCompDirectiveNoFileComp)); err != nil {
			panic(err) // no such flag
		}
	}
	return cmd
}

// syscalls returns the table, for users.
func syscalls() []syscallInfo {
	var list []syscallInfo
	for nr, row := range freebsd.Table() {
		s := syscallInfo{Number: nr, Name: row.Name, Support: supportFull, Way: wayTranslated, Note: row.Note}
		if row.Note != "" {
			s.Support = supportLimited
		}
		switch row.Level() {
		case emul.LevelUnknown:
			continue
		case emul.LevelMissing:
			s.Support, s.Way = supportNone, ""
			if errno, ok := row.Err.(abi.Errno); ok {
				s.Errno = errno.Name()
			}
		case emul.LevelPass:
			s.Way = wayPassed
		case emul.LevelHandled:
			if row.Local != nil {
				s.Way = wayFast
			}
		}
		list = append(list, s)
	}
	return list
}

// filterSyscalls keeps those that one of the patterns is for and that have one
// of the levels; without any, all.
func filterSyscalls(list []syscallInfo, patterns, levels []string) ([]syscallInfo, error) {
	for _, l := range levels {
		if !slices.Contains(supports, l) {
			return nil, fmt.Errorf("--support %s: must be one of %s", l, strings.Join(supports, ", "))
		}
	}
	matched := make([]bool, len(patterns))
	kept := []syscallInfo{}
	for _, s := range list {
		keep := len(patterns) == 0
		for i, p := range patterns {
			ok, err := path.Match(p, s.Name)
			if err != nil {
				return nil, fmt.Errorf("%q: %w", p, err)
			}
			if ok || p == fmt.Sprint(s.Number) {
				keep, matched[i] = true, true
			}
		}
		if keep && (len(levels) == 0 || slices.Contains(levels, string(s.Support))) {
			kept = append(kept, s)
		}
	}
	if i := slices.Index(matched, false); i >= 0 {
		return nil, fmt.Errorf("%s: FreeBSD 12 to 15 have no such system call: a program that makes it gets SIGSYS", patterns[i])
	}
	return kept, nil
}

// detail is the way, or the error.
func (s syscallInfo) detail() string {
	if s.Support == supportNone {
		return s.Errno
	}
	return s.Way
}

func printSyscalls(out io.Writer, list []syscallInfo) error {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NR\tNAME\tSUPPORT\tWAY\tNOTE")
	for _, s := range list {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\n", s.Number, s.Name, s.Support, s.detail(), s.Note)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(b.String()) {
		if _, err := fmt.Fprintln(out, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

func markdownSyscalls(out io.Writer, list []syscallInfo) error {
	count := map[support]int{}
	for _, s := range list {
		count[s.Support]++
	}
	var b strings.Builder
	fmt.Fprintf(&b, `# System calls

<!-- Made by "go generate ./cmd/lsf-install" from emul/freebsd/table.go. Do not edit. -->

FreeBSD 12 to 15 have %d system calls. LSF serves %d of them without a limit that is
known (full) and %d with one (limited). %d fail with the error in the table, for the
reason beside it (none). A number that is not here gets SIGSYS, as on FreeBSD.

*passed*: Linux's call with another number, without the supervisor once a program
makes it often. *fast*: so, too, but translated. *translated*: by the supervisor.
`+"`lsf-install syscalls`"+` prints the table, `+"`--json`"+` for programs.

| number | name | support | way or error | note |
|---|---|---|---|---|
`, len(list), count[supportFull], count[supportLimited], count[supportNone])
	escape := strings.NewReplacer("|", `\|`, "_", `\_`, "*", `\*`, "<", `\<`)
	for _, s := range list {
		fmt.Fprintf(&b, "| %d | `%s` | %s | %s | %s |\n", s.Number, s.Name, s.Support, s.detail(), escape.Replace(s.Note))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

package man

import (
	_ "embed"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var sentence = regexp.MustCompile(`([.?!]) +([A-Z])`)

// frame is all of lsf-install(8) but the commands and global flags.
//
//go:embed lsf-install.8.in
var frame string

// InstallPage returns lsf-install(8), in mdoc(7), for the program whose root
// command is given. Hidden commands and flags are left out.
func InstallPage(root *cobra.Command) string {
	var synopsis, commands strings.Builder
	page(&synopsis, &commands, root, "")
	global := flags(root.PersistentFlags())
	if global != "" {
		global = ".Pp\nAll commands take:\n" + global
	}
	return strings.NewReplacer(
		"@SYNOPSIS@\n", synopsis.String(),
		"@COMMANDS@\n", commands.String(),
		"@FLAGS@\n", global,
	).Replace(frame)
}

// page writes a command's subcommands. path is the command's name without that
// of the program.
func page(synopsis, commands *strings.Builder, cmd *cobra.Command, path string) {
	for _, c := range cmd.Commands() {
		if c.Hidden || c.Name() == "help" || c.Name() == "completion" {
			continue
		}
		name := strings.TrimSpace(path + " " + c.Name())
		if c.Runnable() {
			usage := arguments(c)
			fmt.Fprintf(synopsis, ".Nm\n.Cm %s\n%s", text(name), usage)
			fmt.Fprintf(commands, ".It Xo\n.Cm %s\n%s.Xc\n%s", text(name), usage, paragraphs(description(c)))
			if list := flags(c.LocalNonPersistentFlags()); list != "" {
				commands.WriteString(list)
			}
			if c.Example != "" {
				fmt.Fprintf(commands, ".Bd -literal -offset indent\n%s\n.Ed\n", text(strings.Trim(c.Example, "\n")))
			}
		}
		page(synopsis, commands, c, name)
	}
}

// arguments returns what follows a command's name: its flags and what its Use
// line says.
func arguments(c *cobra.Command) string {
	var b strings.Builder
	if flags(c.LocalNonPersistentFlags()) != "" {
		b.WriteString(".Op Ar flags\n")
	}
	_, args, _ := strings.Cut(c.Use, " ")
	for _, arg := range strings.Fields(args) {
		if arg == "[flags]" {
			continue
		}
		inner, optional := strings.CutPrefix(arg, "[")
		inner = strings.TrimSuffix(inner, "]")
		if optional {
			fmt.Fprintf(&b, ".Op Ar %s\n", text(inner))
		} else {
			fmt.Fprintf(&b, ".Ar %s\n", text(arg))
		}
	}
	return b.String()
}

func description(c *cobra.Command) string {
	if c.Long != "" {
		return c.Long
	}
	return strings.TrimSuffix(c.Short, ".") + "."
}

// flags returns a list of the flags, "" if there is none to show.
func flags(set *pflag.FlagSet) string {
	var b strings.Builder
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		arg, usage := pflag.UnquoteUsage(f)
		b.WriteString(".It ")
		if f.Shorthand != "" {
			fmt.Fprintf(&b, "Fl %s , ", f.Shorthand)
		}
		b.WriteString("Fl \\-" + text(f.Name))
		if arg != "" {
			b.WriteString(" Ar " + text(arg))
		}
		b.WriteString("\n" + paragraphs(strings.ToUpper(usage[:1])+usage[1:]+"."))
	})
	if b.Len() == 0 {
		return ""
	}
	return ".Bl -tag -width Ds\n" + b.String() + ".El\n"
}

// paragraphs turns plain text into mdoc. Lines that are indented stay as they
// are.
func paragraphs(s string) string {
	var b strings.Builder
	literal := false
	set := func(want bool) {
		switch {
		case want && !literal:
			b.WriteString(".Bd -literal -offset indent\n")
		case !want && literal:
			b.WriteString(".Ed\n")
		}
		literal = want
	}
	gap := false
	for line := range strings.SplitSeq(strings.TrimSpace(s), "\n") {
		if strings.TrimSpace(line) == "" {
			gap = true
			continue
		}
		indented := line[0] == ' ' || line[0] == '\t'
		if gap && literal && indented {
			b.WriteString("\n")
		}
		set(indented)
		if gap && !indented {
			b.WriteString(".Pp\n")
		}
		gap = false
		line = text(strings.TrimRight(line, " "))
		if !literal {
			line = sentence.ReplaceAllString(line, "$1\n$2") // roff wants it
		}
		b.WriteString(line + "\n")
	}
	set(false)
	return b.String()
}

// text escapes what has a meaning in roff.
func text(s string) string {
	var b strings.Builder
	for i, line := range strings.Split(s, "\n") {
		if i > 0 {
			b.WriteString("\n")
		}
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			b.WriteString(`\&`)
		}
		b.WriteString(strings.NewReplacer(`\`, `\e`, "-", `\-`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(line))
	}
	return b.String()
}

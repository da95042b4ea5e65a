package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/lsf-linux/lsf/internal/binfmt"
	"github.com/lsf-linux/lsf/internal/doctor"
)

// Exit statuses of lsf-install doctor.
const (
	exitWarnings = 1
	exitFailures = 2
)

func (t *tool) doctorCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Find out why FreeBSD programs do not run",
		Long: `Check everything that FreeBSD programs need, and run a tiny one. Each check is a
line: ✓ fine, ! a warning, ✗ a failure; below the latter two is the command that
mends it. Nothing is changed. The exit status is 0 when all is fine, 1 when there
are warnings, 2 when there are failures.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.doctor(cmd.Context(), cmd.OutOrStdout(), asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func (t *tool) doctor(ctx context.Context, out io.Writer, asJSON bool) error {
	if ctx == nil {
		ctx = context.Background()
	}
	want := t.entry
	path, err := t.lookForInterpreter()
	if err != nil {
		return err
	}
	if want.Interpreter = path; binfmt.CheckInterpreter(path) != nil {
		want.Interpreter = "" // nothing that could be registered instead
	}
	m := doctor.Machine{FS: t.fs, Boot: t.boot, Want: want, ConfigDir: t.configDir, Env: os.Environ()}
	list := m.Examine(ctx)
	if asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		if err := enc.Encode(list); err != nil {
			return err
		}
	} else {
		for _, f := range list {
			fmt.Fprintf(out, "%s %s: %s\n", f.Level.Mark(), f.Check, f.Text)
			if f.Mend != "" {
				fmt.Fprintf(out, "    mend: %s\n", f.Mend)
			}
		}
	}
	switch doctor.Worst(list) {
	case doctor.Failure:
		return exitStatus(exitFailures)
	case doctor.Warning:
		return exitStatus(exitWarnings)
	}
	return nil
}

package main

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/lsf-linux/lsf/config"
)

func (t *tool) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Look at the settings",
		Args:  cobra.NoArgs,
	}
	var origin bool
	show := &cobra.Command{
		Use:   "show",
		Short: "Print the settings that programs get",
		Long: `Print the settings that programs started from here get, as they would stand in
a configuration file; with --origin also where each comes from. Mistakes are
told on standard error and make the exit status 1.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.showConfig(cmd.OutOrStdout(), cmd.ErrOrStderr(), origin)
		},
	}
	show.Flags().BoolVar(&origin, "origin", false, "also where each setting comes from")
	cmd.AddCommand(show)
	return cmd
}

func (t *tool) showConfig(out, errOut io.Writer, origin bool) error {
	list, mistakes := config.Explain(t.configDir, os.Environ())
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, s := range list {
		if origin {
			fmt.Fprintf(w, "%s = %s\t# %s\n", s.Key, s.Value, s.Origin)
		} else {
			fmt.Fprintf(w, "%s = %s\n", s.Key, s.Value)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if mistakes != nil {
		fmt.Fprintf(errOut, "mistakes in the settings:\n%v\n", mistakes)
		return exitStatus(exitProblem)
	}
	return nil
}

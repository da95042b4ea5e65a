package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lsf-linux/lsf/man"
)

// manCommand prints lsf-install(8): for whoever builds packages.
func manCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "man",
		Short:  "Print the manual page",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(cmd.OutOrStdout(), man.InstallPage(cmd.Root()))
			return err
		},
	}
}

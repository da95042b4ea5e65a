// Command lsf-install is the administrator's tool: it makes the kernel run
// FreeBSD programs through lsf-binfmt, undoes that, and says how things are.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/lsf-linux/lsf/config"
	"github.com/lsf-linux/lsf/internal/binfmt"
	"github.com/lsf-linux/lsf/systemd"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// exitStatus is an error that has been told already and ends the program.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// Exit statuses of lsf-install status, as systemctl status and LSB have them.
const (
	exitProblem       = 1 // registered, but programs will not run as they should
	exitNotRegistered = 3
)

// run is the whole program.
func run(args []string, stdout, stderr io.Writer) int {
	cmd := rootCommand()
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err := cmd.Execute()
	var status exitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	}
	fmt.Fprintf(stderr, "lsf-install: %v\n", err)
	return 1
}

// tool holds what the flags say.
type tool struct {
	fs          binfmt.FS
	entry       systemd.Binfmt
	interpreter string // as given; "" means to look for it
	osabi       uint8
	configDir   string
}

func rootCommand() *cobra.Command {
	t := &tool{entry: systemd.Freebsd()}
	const osabiByte = 7
	cmd := &cobra.Command{
		Use:           "lsf-install",
		Short:         "Make Linux run FreeBSD programs",
		Long:          "lsf-install registers LSF with the kernel (binfmt_misc), so that FreeBSD/amd64\nprograms are started like any other program.",
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRun: func(*cobra.Command, []string) {
			magic := []byte(t.entry.Magic)
			magic[osabiByte] = t.osabi
			t.entry.Magic = string(magic)
		},
	}
	// The hidden flags let tests leave the system's own entry alone.
	hidden := cmd.PersistentFlags()
	hidden.StringVar(&t.fs.Dir, "binfmt-dir", binfmt.DefaultDir, "where binfmt_misc is mounted")
	hidden.StringVar(&t.entry.Name, "name", t.entry.Name, "name of the entry")
	hidden.Uint8Var(&t.osabi, "osabi", t.entry.Magic[osabiByte], "OSABI of the programs")
	hidden.StringVar(&t.configDir, "config-dir", config.Dir, "where the configuration is")
	for _, name := range []string{"binfmt-dir", "name", "osabi", "config-dir"} {
		if err := hidden.MarkHidden(name); err != nil {
			panic(err) // no such flag
		}
	}
	install := &cobra.Command{
		Use:   "install",
		Short: "Register LSF with the kernel",
		Long: `Register LSF with the kernel, mounting binfmt_misc if need be. Does nothing when
all is as it should be. Registers anew when lsf-binfmt has moved or changed:
the kernel keeps using the lsf-binfmt that it was given. Needs root.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return t.install(cmd.OutOrStdout()) },
	}
	install.Flags().StringVar(&t.interpreter, "interpreter", "",
		"path of lsf-binfmt (default: beside lsf-install, else "+t.entry.Interpreter+")")
	cmd.AddCommand(rootfsCommand(t))
	cmd.AddCommand(install, &cobra.Command{
		Use:   "uninstall",
		Short: "Remove LSF from the kernel",
		Long:  "Remove LSF's entry from the kernel. Programs that run go on running. Needs root.",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return t.uninstall(cmd.OutOrStdout()) },
	}, &cobra.Command{
		Use:   "status",
		Short: "Say whether FreeBSD programs run",
		Long: `Say whether FreeBSD programs run, and with which settings. The exit status is 0
when they do, 1 when the entry needs "lsf-install install" again, 3 when there
is no entry.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return t.status(cmd.OutOrStdout()) },
	})
	cmd.AddCommand(manCommand())
	return cmd
}

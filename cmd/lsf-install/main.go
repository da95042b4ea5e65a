// Command lsf-install is the administrator's tool: it makes the kernel run
// FreeBSD programs through lsf-binfmt, undoes that, and says how things are.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/lsf-linux/lsf/config"
	"github.com/lsf-linux/lsf/internal/binfmt"
	"github.com/lsf-linux/lsf/systemd"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// exitStatus is an error that has been told already and ends the program.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// run is the whole program.
func run(args []string, stdout, stderr io.Writer) int {
	cmd := rootCommand()
	cmd.SetArgs(withoutDashes(args))
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

// withoutDashes lets --install and --uninstall stand for the commands, as images
// are used that register something: docker run --privileged lsf-binfmt --install.
func withoutDashes(args []string) []string {
	args = slices.Clone(args)
	for i, a := range args {
		if a == "--install" || a == "--uninstall" {
			args[i] = a[2:]
			break
		}
	}
	return args
}

// tool holds what the flags say.
type tool struct {
	fs          binfmt.FS
	entry       systemd.Binfmt
	boot        binfmt.Boot
	interpreter string // as given; "" means to look for it
	prefix      string // where to copy the programs; "" for nowhere
	copied      bool   // lsf-binfmt, just now
	noBoot      bool   // not for the next boot
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
	hidden.StringVar(&t.boot.Root, "destdir", "", "below which directory binfmt.d is looked for")
	for _, name := range []string{"binfmt-dir", "name", "osabi", "config-dir", "destdir"} {
		if err := hidden.MarkHidden(name); err != nil {
			panic(err) // no such flag
		}
	}
	cmd.AddCommand(t.installCommand(), t.uninstallCommand(), t.statusCommand(), t.doctorCommand(),
		rootfsCommand(t), t.configCommand(), syscallsCommand(), manCommand())
	return cmd
}

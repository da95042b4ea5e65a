package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lsf-linux/lsf/config"
	"github.com/lsf-linux/lsf/config/load"
	"github.com/lsf-linux/lsf/internal/binfmt"
	"github.com/lsf-linux/lsf/internal/doctor"
)

// Exit statuses of lsf-install status, as systemctl status and LSB have them.
const (
	exitProblem       = 1 // registered, but programs will not run as they should
	exitNotRegistered = 3
)

func (t *tool) statusCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say whether FreeBSD programs run",
		Long: `Say whether FreeBSD programs run, and with which settings. The exit status is 0
when they do, 1 when the entry needs "lsf-install install" again or there are
mistakes in the settings, 3 when there is no entry. "lsf-install doctor" says more.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return t.status(cmd.OutOrStdout(), asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

// status is how things are, as lsf-install status --json tells it.
type status struct {
	Entry       string   `json:"entry"`
	Registered  bool     `json:"registered"`
	Problem     string   `json:"problem,omitempty"` // why programs do not run as they should
	Interpreter string   `json:"interpreter,omitempty"`
	Flags       string   `json:"flags,omitempty"`
	BootFile    string   `json:"boot_file,omitempty"` // what makes the entry at boot
	Root        string   `json:"root"`
	RootRelease string   `json:"root_release,omitempty"` // of the FreeBSD system in Root
	RootProblem string   `json:"root_problem,omitempty"` // why there is none
	Mode        string   `json:"mode"`
	Engine      string   `json:"engine"`                // the setting
	UsedEngine  string   `json:"used_engine,omitempty"` // what that means on this kernel
	Kernel      string   `json:"kernel"`
	Mistakes    []string `json:"mistakes,omitempty"` // in the settings
}

// status tells how things are, by text and exit status.
func (t *tool) status(out io.Writer, asJSON bool) error {
	s, err := t.look()
	if err != nil {
		return err
	}
	if asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		err = enc.Encode(s)
	} else {
		s.print(out)
	}
	switch {
	case err != nil:
		return err
	case !s.Registered:
		return exitStatus(exitNotRegistered)
	case s.Problem != "" || s.Mistakes != nil:
		return exitStatus(exitProblem)
	}
	return nil
}

// look finds out how things are.
func (t *tool) look() (status, error) {
	s := status{Entry: t.entry.Name, Kernel: doctor.Kernel()}
	var entry binfmt.Entry
	err := t.fs.Mounted()
	if err == nil {
		entry, err = t.fs.Entry(t.entry.Name)
	}
	switch {
	case errors.Is(err, binfmt.ErrNoKernel), errors.Is(err, binfmt.ErrNotMounted):
		s.Problem = err.Error()
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return s, err
	default:
		s.Registered, s.Interpreter, s.Flags = true, entry.Interpreter, entry.Flags
		want := t.entry
		want.Interpreter = entry.Interpreter // any will do
		s.Problem = entry.Problem(want)
		if active, err := t.fs.Active(); err == nil && !active {
			s.Problem = "binfmt_misc is switched off"
		}
	}
	if f := t.boot.Find(t.entry.Name); f != nil && !f.Masked && f.Err == nil && !t.passing() {
		s.BootFile = f.Path
	}
	c, err := load.Load(t.configDir, os.Environ())
	if err != nil {
		s.Mistakes = strings.Split(err.Error(), "\n")
	}
	s.Root, s.Mode, s.Engine = c.Root, string(c.Mode), string(c.Engine)
	if used, err := doctor.Engine(c.Engine); err == nil {
		s.UsedEngine = string(used)
	} else {
		s.Mistakes = append(s.Mistakes, err.Error())
	}
	s.RootRelease, err = doctor.Release(c.Root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.RootProblem = "not there; static programs need none"
	case err != nil:
		s.RootProblem = err.Error()
	}
	return s, nil
}

func (s status) print(out io.Writer) {
	switch {
	case !s.Registered && s.Problem != "":
		fmt.Fprintf(out, "%s: not registered (%s)\n", s.Entry, s.Problem)
	case !s.Registered:
		fmt.Fprintf(out, "%s: not registered\n", s.Entry)
	case s.Problem != "":
		fmt.Fprintf(out, "%s: registered, but %s (try: lsf-install install)\n", s.Entry, s.Problem)
	default:
		fmt.Fprintf(out, "%s: registered and enabled\n", s.Entry)
	}
	if s.Registered {
		fmt.Fprintf(out, "interpreter: %s (flags %s)\n", s.Interpreter, s.Flags)
	}
	if s.BootFile != "" {
		fmt.Fprintf(out, "at boot: %s\n", s.BootFile)
	} else {
		fmt.Fprintln(out, "at boot: nothing registers it")
	}
	fmt.Fprintf(out, "settings: root %s, mode %s, engine %s\n", s.Root, s.Mode, s.Engine)
	switch {
	case s.RootProblem != "":
		fmt.Fprintf(out, "FreeBSD system: %s\n", s.RootProblem)
	case s.RootRelease == "":
		fmt.Fprintln(out, "FreeBSD system: of unknown release")
	default:
		fmt.Fprintf(out, "FreeBSD system: %s\n", s.RootRelease)
	}
	fmt.Fprintf(out, "kernel: Linux %s", s.Kernel)
	if s.UsedEngine != "" && s.Engine == string(config.EngineAuto) {
		fmt.Fprintf(out, ", engine %s", s.UsedEngine)
	}
	fmt.Fprintln(out)
	if s.Mistakes != nil {
		fmt.Fprintf(out, "mistakes in the settings:\n%s\n", strings.Join(s.Mistakes, "\n"))
	}
}

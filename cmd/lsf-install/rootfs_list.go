package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/lsf-linux/lsf/config/load"
	"github.com/lsf-linux/lsf/internal/rootfs"
)

// trees lists what is known: what was installed, and the usual places.
func (r *rootfsTool) trees() (list []rootfs.Tree, configured string) {
	c, _ := load.Load(r.configDir, nil) // mistakes are for status to tell
	more := []string{c.Root}
	if dir, err := userDataDir(); err == nil {
		if found, err := filepath.Glob(filepath.Join(dir, "rootfs", "*")); err == nil {
			more = append(more, found...)
		}
	}
	if real, err := filepath.EvalSymlinks(c.Root); err == nil {
		c.Root = real
	}
	return r.client.List(more...), c.Root
}

func (r *rootfsTool) list(out io.Writer) error {
	list, configured := r.trees()
	if r.json {
		return r.listJSON(out, list, configured)
	}
	if len(list) == 0 {
		fmt.Fprintln(out, "none installed (lsf-install rootfs get SOURCE installs one)")
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, " \tDIRECTORY\tRELEASE\tSIZE\tINSTALLED\tSOURCE")
	bad := false
	for _, t := range list {
		mark := " "
		if t.Dir == configured {
			mark = "*"
		}
		if t.Err != nil {
			fmt.Fprintf(w, "%s\t%s\t-\t-\t-\t%v\n", mark, t.Dir, t.Err)
			bad = true
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", mark, t.Dir, or(t.Record.Release, "-"), rootfs.BytesText(t.Record.Size),
			t.Record.Installed.Local().Format(time.DateOnly), t.Record.Source)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if bad {
		return exitStatus(exitProblem)
	}
	return nil
}

func (r *rootfsTool) listJSON(out io.Writer, list []rootfs.Tree, configured string) error {
	type entry struct {
		Dir        string `json:"dir"`
		Configured bool   `json:"configured"`
		*rootfs.Record
		Error string `json:"error,omitempty"`
	}
	entries := []entry{}
	for _, t := range list {
		e := entry{Dir: t.Dir, Configured: t.Dir == configured, Record: t.Record}
		if t.Err != nil {
			e.Error = t.Err.Error()
		}
		entries = append(entries, e)
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "\t")
	return e.Encode(entries)
}

func (r *rootfsTool) listRemote(ctx context.Context, out io.Writer, args []string) error {
	var names []string
	var err error
	if len(args) == 0 {
		names, err = r.client.Releases(ctx, r.client.Mirror)
	} else {
		names, err = r.client.Tags(ctx, args[0])
	}
	if err != nil {
		return err
	}
	if r.json {
		return json.NewEncoder(out).Encode(names)
	}
	for _, n := range names {
		fmt.Fprintln(out, n)
	}
	return nil
}

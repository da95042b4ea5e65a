// Command bench prints what operations cost a FreeBSD program on LSF, beside
// the same program built for Linux, and that one traced the plain way: two
// PTRACE_SYSCALL stops for each system call, registers read and written at
// both, which is what an emulator without Syscall User Dispatch pays.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

func main() {
	lsf := flag.String("lsf", "bin/lsf", "path of lsf")
	flag.Parse()
	if err := run(*lsf); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type column struct {
	name    string
	command func(args ...string) *exec.Cmd
	locks   func() *exec.Cmd              // test/bench/locks, nil where it is not measured
	shell   func(script string) *exec.Cmd // a dynamic shell, nil where it is not measured
	run     func(*exec.Cmd) error
	ns      map[string]float64
}

func run(lsf string) error {
	lsf, err := filepath.Abs(lsf)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "lsf-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, goos := range []string{"linux", "freebsd"} {
		cmd := exec.Command("go", "build", "-o", filepath.Join(dir, goos), "./test/bench/prog")
		cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH=amd64", "CGO_ENABLED=0")
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("go build: %w", err)
		}
	}
	locks, err := buildLocks(dir)
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: no locks: %v\n", err)
	}
	linux := func(args ...string) *exec.Cmd { return exec.Command(filepath.Join(dir, "linux"), args...) }
	freebsd := func(engine string) func(args ...string) *exec.Cmd {
		return func(args ...string) *exec.Cmd {
			cmd := exec.Command(lsf, append([]string{"--", filepath.Join(dir, "freebsd")}, args...)...)
			cmd.Env = append(os.Environ(), "LSF_ENGINE="+engine)
			return cmd
		}
	}
	columns := []*column{
		{name: "Linux", command: linux, run: (*exec.Cmd).Run},
		{name: "LSF (sud)", command: freebsd("sud"), run: (*exec.Cmd).Run},
		{name: "LSF (ptrace)", command: freebsd("ptrace"), run: (*exec.Cmd).Run},
		{name: "two stops", command: linux, run: twoStops},
	}
	for i, engine := range []string{"", "sud", "ptrace"} {
		if columns[i].shell = dynamic(lsf, engine); columns[i].shell == nil {
			break
		}
	}
	if locks {
		for _, c := range columns[:3] {
			c.locks = func() *exec.Cmd {
				cmd := c.command()
				prog := &cmd.Args[len(cmd.Args)-1]
				*prog += ".locks"
				if len(cmd.Args) == 1 {
					cmd.Path = *prog
				}
				return cmd
			}
		}
	}
	var order []string
	const start = "start, exit"
	for i, c := range columns {
		names, err := c.measure()
		if err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s: %v\n", c.name, err)
		}
		if i == 0 {
			order = append([]string{start}, names...)
			if c.shell != nil {
				order = append(order, shellStart, shellExec)
			}
		}
		c.ns[start], err = median(func() error { return c.run(c.command("exit")) })
		if err = errors.Join(err, c.measureDynamic()); err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s: %v\n", c.name, err)
		}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "µs\t")
	for _, c := range columns {
		fmt.Fprintf(w, "%s\t\t", c.name)
	}
	fmt.Fprintln(w)
	for _, op := range order {
		fmt.Fprintf(w, "%s\t", op)
		for _, c := range columns {
			if ns := c.ns[op]; ns == 0 {
				fmt.Fprint(w, "-\t\t")
			} else {
				fmt.Fprintf(w, "%.2f\t×%.1f\t", ns/1000, ns/columns[0].ns[op])
			}
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// buildLocks builds test/bench/locks, which has no C library, as linux.locks
// and freebsd.locks.
func buildLocks(dir string) (bool, error) {
	for goos, target := range map[string]string{"linux": "x86_64-linux-gnu", "freebsd": "x86_64-unknown-freebsd13"} {
		cmd := exec.Command("clang", "--target="+target, "-O2", "-ffreestanding", "-fno-builtin", "-fno-stack-protector",
			"-nostdlib", "-static", "-fuse-ld=lld", "-o", filepath.Join(dir, goos+".locks"), "test/bench/locks/main.c")
		if out, err := cmd.CombinedOutput(); err != nil {
			return false, fmt.Errorf("clang: %w\n%s", err, out)
		}
	}
	return true, nil
}

// measure runs the program and reads what it prints, also when it fails at some point.
func (c *column) measure() (names []string, err error) {
	var out bytes.Buffer
	cmds := []*exec.Cmd{c.command()}
	if c.locks != nil {
		cmds = append(cmds, c.locks())
	}
	for _, cmd := range cmds {
		cmd.Stdout, cmd.Stderr = &out, os.Stderr
		err = errors.Join(err, c.run(cmd))
	}
	c.ns = map[string]float64{}
	for lines := bufio.NewScanner(&out); lines.Scan(); {
		name, val, _ := strings.Cut(lines.Text(), "\t")
		ns, err := strconv.ParseFloat(val, 64)
		if err != nil {
			return names, err
		}
		names = append(names, name)
		c.ns[name] = ns
	}
	return names, err
}

// median returns how long it takes to start a program and see it end, in ns.
func median(run func() error) (float64, error) {
	var times []time.Duration
	for range 100 {
		begin := time.Now()
		if err := run(); err != nil {
			return 0, err
		}
		times = append(times, time.Since(begin))
	}
	slices.Sort(times)
	return float64(times[len(times)/2]), nil
}

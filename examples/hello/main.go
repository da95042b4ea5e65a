// Command hello is a small program for demonstrations. Built for FreeBSD it
// shows that it believes to run there.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const usage = `usage: hello facts | lines N | upper | count | exit STATUS
`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "hello:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	command, arg := "facts", ""
	if len(args) > 0 {
		command = args[0]
	}
	if len(args) > 1 {
		arg = args[1]
	}
	out := bufio.NewWriter(os.Stdout)
	switch command {
	case "facts":
		if err := facts(out); err != nil {
			return err
		}
	case "lines":
		n, err := strconv.Atoi(arg)
		if err != nil {
			return err
		}
		for i := range n {
			if _, err := fmt.Fprintln(out, "line", i+1, "from process", os.Getpid()); err != nil {
				return err
			}
		}
	case "upper", "count":
		n := 0
		in := bufio.NewScanner(os.Stdin)
		for in.Scan() {
			n++
			if command == "upper" {
				if _, err := fmt.Fprintln(out, strings.ToUpper(in.Text())); err != nil {
					return err
				}
			}
		}
		if err := in.Err(); err != nil {
			return err
		}
		if command == "count" {
			fmt.Fprintln(out, n, "lines")
		}
	case "exit":
		n, err := strconv.Atoi(arg)
		if err != nil {
			return err
		}
		os.Exit(n)
	default:
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	return out.Flush()
}

func facts(out *bufio.Writer) error {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return fmt.Errorf("uname: %w", err)
	}
	str := func(b []byte) string { return unix.ByteSliceToString(b) }
	fmt.Fprintf(out, "system:    %s %s %s\n", str(u.Sysname[:]), str(u.Release[:]), str(u.Machine[:]))
	fmt.Fprintf(out, "version:   %s\n", strings.TrimSpace(str(u.Version[:])))
	fmt.Fprintf(out, "host:      %s\n", str(u.Nodename[:]))
	fmt.Fprintf(out, "program:   %s, for %s/%s, by %s\n", os.Args[0], runtime.GOOS, runtime.GOARCH, runtime.Version())
	fmt.Fprintf(out, "processes: I am %d, started by %d, in group %d\n", os.Getpid(), os.Getppid(), unix.Getpgrp())
	fmt.Fprintf(out, "CPUs:      %d\n", runtime.NumCPU())
	wd, err := os.Getwd()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "directory: %s\n", wd)
	return nil
}

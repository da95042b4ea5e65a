package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// Operations of dynamically linked programs: the host's, and those of the
// FreeBSD base system that LSF_TEST_ROOTFS names.
const (
	shellStart = "sh -c true"
	shellExec  = "fork+exec+wait (dynamic)"
)

// shellRounds is how many programs the shell starts.
const shellRounds = 200

// dynamic returns how to run a column's shell, nil where there is none.
func dynamic(lsf, engine string) func(script string) *exec.Cmd {
	root := os.Getenv("LSF_TEST_ROOTFS")
	switch {
	case root == "":
		fmt.Fprintln(os.Stderr, "bench: no dynamic programs: LSF_TEST_ROOTFS names no FreeBSD base system")
		return nil
	case os.Geteuid() != 0:
		fmt.Fprintln(os.Stderr, "bench: no dynamic programs: a chroot needs root")
		return nil
	case engine == "":
		return func(script string) *exec.Cmd { return exec.Command("/bin/sh", "-c", script) }
	}
	return func(script string) *exec.Cmd {
		cmd := exec.Command(lsf, "--root", root, "--", "/bin/sh", "-c", script)
		cmd.Env = append(os.Environ(), "LSF_ENGINE="+engine, "LSF_MODE=chroot")
		cmd.Dir = "/"
		return cmd
	}
}

// measureDynamic adds what a column's shell takes.
func (c *column) measureDynamic() error {
	if c.shell == nil {
		return nil
	}
	var err1, err2 error
	c.ns[shellStart], err1 = median(func() error { return c.run(c.shell("true")) })
	loop := "i=0; while [ $i -lt " + strconv.Itoa(shellRounds) + " ]; do /usr/bin/true; i=$((i+1)); done"
	begin := time.Now()
	err2 = c.run(c.shell(loop))
	c.ns[shellExec] = float64(time.Since(begin)) / shellRounds
	return errors.Join(err1, err2)
}

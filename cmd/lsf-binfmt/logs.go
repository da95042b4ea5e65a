package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/config"
	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/trace"
)

// logs are the descriptors that the user asked the supervisor to write to.
type logs struct {
	debugFD, traceFD int // -1 for none
}

func openLogs(c config.Config) (*logs, error) {
	l := &logs{-1, -1}
	var err error
	if c.Debug {
		if l.debugFD, err = unix.FcntlInt(uintptr(stderr), unix.F_DUPFD_CLOEXEC, 100); err != nil {
			l.debugFD = -1 // started without standard error
		}
	}
	switch c.Trace {
	case "":
	case config.TraceStderr:
		if l.traceFD, err = unix.FcntlInt(uintptr(stderr), unix.F_DUPFD_CLOEXEC, 100); err != nil {
			l.traceFD = -1
		}
	default:
		l.traceFD, err = unix.Open(absolute(c.Trace), unix.O_WRONLY|unix.O_CREAT|unix.O_APPEND|unix.O_CLOEXEC, 0o666)
		if err != nil {
			return nil, fmt.Errorf("trace file: %w", &os.PathError{Op: "open", Path: c.Trace, Err: err})
		}
	}
	return l, nil
}

func (l *logs) debug() func(string) {
	if l.debugFD < 0 {
		return nil
	}
	return func(s string) { unix.Write(l.debugFD, []byte("lsf: "+s+"\n")) }
}

func (l *logs) tracer() emul.Tracer {
	if l.traceFD < 0 {
		return nil
	}
	return emul.NewTracer(trace.NewWriter(func(line string) { unix.Write(l.traceFD, []byte(line)) }))
}

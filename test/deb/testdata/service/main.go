// A FreeBSD program that is a service of systemd. What it does at first is said
// by its argument; then it does what signals tell it, until SIGTERM.
//
// It sends what happens to the socket in REPORT: "started PID", "SIGHUP",
// "SIGTERM" and so on.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
)

func main() {
	if runtime.GOOS != "freebsd" {
		fail(fmt.Errorf("built for %s", runtime.GOOS))
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1)
	arg := ""
	if len(os.Args) > 2 {
		arg = os.Args[2]
	}
	switch os.Args[1] {
	case "simple":
	case "exit":
		status, err := strconv.Atoi(arg)
		fail(err)
		fmt.Println("one more", runtime.GOOS)
		os.Exit(status)
	case "fork": // a daemon, with a PID file if one is named
		fork(arg)
		return
	case "family": // with children of both systems
		for _, args := range [][]string{{os.Args[0], "quiet"}, {"/bin/sleep", "infinity"}} {
			fail(exec.Command(args[0], args[1:]...).Start())
		}
	case "quiet":
		signal.Reset() // SIGTERM kills
		select {}
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
	case "notify":
		notify(daemon.SdNotifyReady + "\nSTATUS=Running on FreeBSD")
	case "listen":
		listen()
	case "inetd":
		_, err := io.Copy(os.Stdout, os.Stdin)
		fail(err)
		return
	case "journal":
		fmt.Println("to standard output")
		fmt.Fprintln(os.Stderr, "<3>to standard error")
		// By hand: go-systemd's journal.Send binds its socket to no name, which
		// is for Linux only.
		c, err := net.Dial("unixgram", "/run/systemd/journal/socket")
		fail(err)
		_, err = c.Write([]byte("MESSAGE=in the journal's own protocol\nPRIORITY=4\nLSF_FIELD\n\x03\x00\x00\x00\x00\x00\x00\x00a\nb\n"))
		fail(err)
		fail(c.Close())
	default:
		fail(fmt.Errorf("unknown: %s", os.Args[1]))
	}
	report(fmt.Sprint("started ", os.Getpid()))
	for s := range signals {
		switch s {
		case syscall.SIGTERM:
			if os.Args[1] == "notify" {
				notify(daemon.SdNotifyStopping)
			}
			fmt.Println("stopped by SIGTERM")
			report("SIGTERM")
			os.Exit(0)
		case syscall.SIGHUP:
			if os.Args[1] == "notify" {
				notify(daemon.SdNotifyReloading)
				notify(daemon.SdNotifyReady + "\nSTATUS=Reloaded")
			}
			report("SIGHUP")
		case syscall.SIGUSR1:
			report("SIGUSR1")
			os.Exit(3)
		}
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "service:", err)
		os.Exit(1)
	}
}

func report(text string) {
	name := os.Getenv("REPORT")
	if name == "" {
		return
	}
	c, err := net.Dial("unixgram", name)
	fail(err)
	_, err = c.Write([]byte(text))
	fail(err)
	fail(c.Close())
}

func notify(state string) {
	sent, err := daemon.SdNotify(false, state)
	fail(err)
	if !sent {
		fail(fmt.Errorf("NOTIFY_SOCKET is not set"))
	}
}

func fork(pidFile string) {
	child := exec.Command(os.Args[0], "simple")
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	fail(child.Start())
	if pidFile != "" {
		fail(os.WriteFile(pidFile, []byte(fmt.Sprintln(child.Process.Pid)), 0o644))
	}
}

// listen echoes on every socket that systemd hands over.
func listen() {
	listeners, err := activation.Listeners()
	fail(err)
	if len(listeners) == 0 {
		fail(fmt.Errorf("no sockets handed over"))
	}
	for _, l := range listeners {
		go func() {
			for {
				c, err := l.Accept()
				fail(err)
				fmt.Fprintf(c, "%s %s\n", l.Addr().Network(), l.Addr())
				_, err = io.Copy(c, c)
				fail(err)
				fail(c.Close())
			}
		}()
	}
}

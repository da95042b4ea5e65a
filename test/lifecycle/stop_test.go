package lifecycle

import (
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Parents see stops and continuations, Linux's as well as the guest's own.
func TestStop(t *testing.T) {
	inside(t, func(t *testing.T) {
		for _, cmdline := range [][]string{{"pause"}, {"catch", "30"}, {"storm"}} {
			cmd := guest(cmdline...)
			// In a process group of its own: one without a parent in the session
			// but outside the group does not stop by a terminal's signals.
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			ready(t, cmd)
			pid := cmd.Process.Pid
			for i := range 12 {
				stop := [...]unix.Signal{unix.SIGSTOP, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU}[i%4]
				await := func(sig unix.Signal, options int, want string) {
					unix.Kill(pid, sig)
					var ws unix.WaitStatus
					for {
						_, err := unix.Wait4(pid, &ws, options, nil)
						if err == unix.EINTR {
							continue
						}
						if err != nil || statusText(syscall.WaitStatus(ws)) != want {
							t.Fatalf("%v: after %v: %s, %v; want %s", cmdline, sig, statusText(syscall.WaitStatus(ws)), err, want)
						}
						return
					}
				}
				await(stop, unix.WUNTRACED, "stopped by "+unix.SignalName(stop))
				if p, _ := readProc(pid); p.state != 'T' && p.state != 't' {
					t.Errorf("state %c while stopped", p.state)
				}
				await(unix.SIGCONT, unix.WCONTINUED, "continued")
			}
			unix.Kill(-pid, unix.SIGKILL) // all at once: the storm goes on forking
			finish(t, cmd, "SIGKILL")
		}
		want := "stopped 4479\ncontinued 19\nstopped 4479\ncontinued 19\nstopped 4479\ncontinued 19\ndied 15\n"
		if got := output(t, guest("stopping"), "exit 0"); got != want {
			t.Errorf("a guest sees\n%swant\n%s", got, want)
		}
	})
}

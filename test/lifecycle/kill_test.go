package lifecycle

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// seed is logged; LSF_TEST_SEED repeats a run, as far as chance allows.
func seed(t *testing.T) *rand.Rand {
	t.Helper()
	n, err := strconv.ParseUint(os.Getenv("LSF_TEST_SEED"), 0, 64)
	if err != nil {
		n = rand.Uint64()
	}
	t.Logf("LSF_TEST_SEED=%#x", n)
	return rand.New(rand.NewPCG(n, 0))
}

// SIGKILL at any moment, to any process of a tree, the supervisor included:
// nothing hangs, and nothing is left behind. Who loses its supervisor dies of
// SIGKILL.
func TestKill(t *testing.T) {
	inside(t, func(t *testing.T) {
		r := seed(t)
		for _, cmdline := range [][]string{
			{"guest", "storm"}, // forks and execs without end
			{"guest", "chain", "1000000"},
			{"guest", "spawn", program("guest"), "exec", program("guest"), "storm"},
			{"gothreads", "30"},
			{"guest", "restart", "1000000", "restart"},
		} {
			for _, victim := range []string{"guest", "any guest", "supervisor"} {
				for range count(12) {
					killAt(t, r, cmdline, victim, time.Duration(r.IntN(30_000))*time.Microsecond)
					if t.Failed() {
						t.Fatalf("%v, kill %s", cmdline, victim)
					}
				}
			}
		}
	})
}

// The same while a program is being started.
func TestKillAtStart(t *testing.T) {
	inside(t, func(t *testing.T) {
		r := seed(t)
		for i := range count(300) {
			victim := [...]string{"guest", "any guest", "supervisor"}[i%3]
			killAt(t, r, []string{"guest", "chain", "20"}, victim, time.Duration(r.IntN(4000))*time.Microsecond)
			if t.Failed() {
				t.Fatalf("start %d, kill %s", i, victim)
			}
		}
	})
}

func killAt(t *testing.T, r *rand.Rand, cmdline []string, victim string, after time.Duration) {
	t.Helper()
	cmd := exec.Command(program(cmdline[0]), cmdline[1:]...)
	stdin, err := cmd.StdinPipe() // never written to
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after)
	killed := victim == "guest"
	if !killed {
		killed = killOne(r, cmd.Process.Pid, victim == "supervisor")
	}
	if victim == "any guest" || !killed {
		time.Sleep(time.Duration(r.IntN(1000)) * time.Microsecond)
	}
	if victim != "supervisor" || !killed {
		unix.Kill(cmd.Process.Pid, unix.SIGKILL)
	}
	cmd.Wait()
	switch got := ending(cmd.ProcessState); {
	case got == "SIGKILL":
	case got == "exit 0" && (victim != "guest" || cmdline[1] == "chain"): // it was faster
	case got == "exit 126" && victim == "supervisor": // before it had taken over
	case victim == "any guest": // what it does then is its own affair
	default:
		t.Errorf("%v ended with %s", cmdline, got)
	}
	// Guests that were not killed live on, as they do when a parent dies. All
	// are in one process group, unlike their supervisor, which must end by itself.
	unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
	nothingLeft(t)
}

// killOne kills a guest, or the supervisor that is root's child, and reports
// whether there was one.
func killOne(r *rand.Rand, root int, supervisor bool) bool {
	var all []int
	for _, p := range processes() {
		if p.state == 'Z' || p.state == 'X' {
			continue
		}
		if supervisor == (p.comm == "lsf-supervisor") && (!supervisor || p.ppid == root) {
			all = append(all, p.pid)
		}
	}
	if len(all) == 0 {
		return false
	}
	return unix.Kill(all[r.IntN(len(all))], unix.SIGKILL) == nil
}

// Whoever kills everybody lives on, and so does his supervisor.
func TestKillAll(t *testing.T) {
	inside(t, func(t *testing.T) {
		cmd := exec.Command("unshare", "--pid", "--fork", "--mount-proc", program("guest"), "killall")
		if got, want := output(t, cmd, "exit 0"), "kill 0\ndied 9\ndied 9\nkill -3\n"; got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	})
}

// Who stops a service sends signals to all its processes (systemd does), also to
// the supervisor, which is there until the last guest has made up its mind.
func TestSupervisorIsSignalled(t *testing.T) {
	inside(t, func(t *testing.T) {
		cmd := guest("pause")
		ready(t, cmd)
		s := supervisorOf(t, cmd.Process.Pid).pid
		for _, sig := range []unix.Signal{
			unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGABRT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGPIPE, unix.SIGALRM,
			unix.SIGTERM, unix.SIGSTKFLT, unix.SIGCHLD, unix.SIGCONT, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, unix.SIGURG,
			unix.SIGXCPU, unix.SIGXFSZ, unix.SIGVTALRM, unix.SIGWINCH, unix.SIGIO, unix.SIGPWR, 40, 64,
		} {
			if err := unix.Kill(s, sig); err != nil {
				t.Errorf("%v: %v", sig, err)
			}
		}
		unix.Kill(cmd.Process.Pid, unix.SIGUSR1)
		finish(t, cmd, "SIGUSR1")
	})
}

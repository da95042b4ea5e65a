package deb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
	"github.com/coreos/go-systemd/v22/unit"
	"golang.org/x/sys/unix"
)

// manager talks to systemd, about one service at a time.
type manager struct {
	conn    *dbus.Conn
	reports *net.UnixConn // what guests say
}

const reportSocket = "/run/lsf-test.report"

func newManager(t *testing.T) *manager {
	t.Helper()
	conn, err := dbus.NewSystemdConnectionContext(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	m := &manager{conn: conn}
	if m.reports, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: reportSocket, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(reportSocket, 0o666); err != nil {
		t.Fatal(err)
	}
	return m
}

// ends stops a service and looks how it went: the guest has had its signal,
// systemd is content (with these properties, too), and nobody is left.
func (m *manager) ends(t *testing.T, name string, properties ...string) {
	t.Helper()
	m.stop(t, name)
	m.reported(t, "SIGTERM")
	m.is(t, name, append(properties, "SubState=dead", "Result=success")...)
	empty(t, name)
	quiet(t, name)
}

// write makes a unit out of lines "Section.Option=value".
func (m *manager) write(t *testing.T, name string, lines ...string) {
	t.Helper()
	var options []*unit.UnitOption
	for _, line := range lines {
		key, value, _ := strings.Cut(line, "=")
		section, option, _ := strings.Cut(key, ".")
		options = append(options, unit.NewUnitOption(section, option, value))
	}
	text, err := io.ReadAll(unit.Serialize(options))
	if err == nil {
		err = os.WriteFile("/run/systemd/system/"+name, text, 0o644)
	}
	if err := errors.Join(err, m.conn.ReloadContext(context.Background())); err != nil {
		t.Fatal(err)
	}
}

// service makes a service of the guest in testdata/service.
func (m *manager) service(t *testing.T, name, args string, lines ...string) {
	t.Helper()
	m.write(t, name, append([]string{"Service.ExecStart=" + share + "/service " + args, "Service.Environment=REPORT=" + reportSocket}, lines...)...)
}

// job does something with a unit by one of the connection's methods and waits
// until systemd is done with it.
func (m *manager) job(t *testing.T, want string, do func(context.Context, string, string, chan<- string) (int, error), name string) {
	t.Helper()
	done := make(chan string, 1)
	if _, err := do(context.Background(), name, "replace", done); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	select {
	case got := <-done:
		if got != want {
			t.Errorf("%s: the job is %s, want %s\n%s", name, got, want, status(name))
		}
	case <-time.After(patience / 6):
		t.Fatalf("%s: the job does not end\n%s", name, status(name))
	}
}

func status(name string) string {
	return output("systemctl status --no-pager --full -n 50 " + name)
}

func (m *manager) start(t *testing.T, name string) { m.job(t, "done", m.conn.StartUnitContext, name) }
func (m *manager) stop(t *testing.T, name string)  { m.job(t, "done", m.conn.StopUnitContext, name) }

// is checks properties of a service: "MainPID=12".
func (m *manager) is(t *testing.T, name string, want ...string) {
	t.Helper()
	all, err := m.conn.GetAllPropertiesContext(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range want {
		key, _, _ := strings.Cut(w, "=")
		if got := fmt.Sprintf("%s=%v", key, all[key]); got != w {
			t.Errorf("%s: %s, want %s\n%s", name, got, w, status(name))
		}
	}
}

// reported waits for the next report, which must begin as wanted, and returns
// the number behind.
func (m *manager) reported(t *testing.T, want string) (n int) {
	t.Helper()
	b := make([]byte, 100)
	if err := m.reports.SetReadDeadline(time.Now().Add(patience / 6)); err != nil {
		t.Fatal(err)
	}
	k, err := m.reports.Read(b)
	if err != nil {
		t.Fatalf("no report, want %q: %v\n%s", want, err, output("systemctl --no-pager --full status 'lsf-*.service'; journalctl --no-pager -n 40; ps axjf"))
	}
	rest, ok := strings.CutPrefix(string(b[:k]), want)
	if !ok {
		t.Fatalf("reported: %q, want %q", b[:k], want)
	}
	n, _ = strconv.Atoi(strings.TrimSpace(rest))
	return n
}

// await waits until a service's property has a value. It asks again and again:
// systemd's news of changes tell when to look, not what has been.
func (m *manager) await(t *testing.T, name, property, want string) {
	t.Helper()
	deadline := time.Now().Add(patience / 6)
	for {
		all, err := m.conn.GetAllPropertiesContext(context.Background(), name)
		if err != nil {
			t.Fatal(err)
		}
		if all[property] == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %s is %v, not %s\n%s", name, property, all[property], want, status(name))
		}
		time.Sleep(time.Millisecond)
	}
}

// group is the processes in a service's control group.
func group(t *testing.T, name string) []string {
	t.Helper()
	b, err := os.ReadFile("/sys/fs/cgroup/system.slice/" + name + "/cgroup.procs")
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENODEV) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(b))
}

// empty checks that nothing is left of a service.
func empty(t *testing.T, name string) {
	t.Helper()
	for _, pid := range group(t, name) {
		comm, _ := os.ReadFile("/proc/" + pid + "/comm")
		t.Errorf("%s: %s (%s) is left", name, pid, strings.TrimSpace(string(comm)))
	}
}

// quiet checks that systemd had nothing to complain about. What is left of a
// service when its main process has ended it kills without ado, and says so
// also of threads that are about to end: no supervisor must be among these.
func quiet(t *testing.T, name string) {
	t.Helper()
	log := output("journalctl --sync; journalctl --no-pager -o cat _PID=1 UNIT=" + name)
	for line := range strings.Lines(log) {
		for _, word := range []string{"(lsf-supervisor) with signal SIGKILL", "remains running", "timed out", "left-over", "Failed", "not belong", "Supervising process", "Refusing", "Can't"} {
			if strings.Contains(line, word) {
				t.Errorf("%s: systemd says: %s", name, line)
			}
		}
	}
}

// output is what a script prints, whether or not it succeeds.
func output(script string) string {
	out, err := command(script).CombinedOutput()
	if err != nil {
		out = fmt.Appendf(out, "(%v)\n", err)
	}
	return string(out)
}

// TestServices runs FreeBSD programs as services.
func TestServices(t *testing.T) {
	if phase() == "" {
		t.Parallel()
		s := newSandbox(t)
		s.packages(t)
		s.guest(t, "service")
		s.boot(t, "1", "")
		return
	}
	sh(t, "dpkg -i "+share+"/lsf_1.deb")
	m := newManager(t)
	for _, c := range []struct {
		name string
		test func(*testing.T, *manager, string)
	}{
		{"simple", testSimple}, {"oneshot", testOneshot}, {"forking", testForking}, {"guess", testGuess},
		{"notify", testNotify}, {"sockets", testSockets}, {"inetd", testInetd}, {"restart", testRestart},
		{"family", testFamily}, {"stubborn", testStubborn}, {"kill", testKillModes}, {"journal", testJournal},
		{"hardening", testHardening},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, m, "lsf-"+c.name+".service") })
	}
}

func testSimple(t *testing.T, m *manager, name string) {
	m.service(t, name, "simple", "Service.ExecReload=/bin/kill -HUP $MAINPID")
	m.start(t, name)
	pid := m.reported(t, "started ")
	m.is(t, name, fmt.Sprint("MainPID=", pid), "SubState=running")
	m.job(t, "done", m.conn.ReloadUnitContext, name)
	m.reported(t, "SIGHUP")
	supervisor := supervisorOf(t, pid)
	if got, err := m.conn.GetUnitNameByPID(context.Background(), uint32(supervisor)); err != nil || got != name {
		t.Errorf("the supervisor is in %s, %v", got, err)
	}
	m.ends(t, name, "ExecMainStatus=0")
}

func testOneshot(t *testing.T, m *manager, name string) {
	m.service(t, name, "exit 0", "Service.Type=oneshot")
	m.start(t, name)
	m.is(t, name, "SubState=dead", "Result=success")
	empty(t, name)
	quiet(t, name)
	m.service(t, name, "exit 7", "Service.Type=oneshot")
	m.job(t, "failed", m.conn.StartUnitContext, name)
	m.is(t, name, "SubState=failed", "Result=exit-code", "ExecMainStatus=7")
	empty(t, name)
}

func testForking(t *testing.T, m *manager, name string) {
	const pidFile = "/run/lsf-forking.pid"
	m.service(t, name, "fork "+pidFile, "Service.Type=forking", "Service.PIDFile="+pidFile)
	m.start(t, name)
	pid := m.reported(t, "started ")
	m.is(t, name, fmt.Sprint("MainPID=", pid), "SubState=running")
	m.ends(t, name)
	if _, err := os.Stat(pidFile); err == nil {
		t.Error("systemd has not removed the PID file")
	}
}

// Without a PID file systemd guesses the main process, but not if there are two
// that it might be: the supervisor is its child by then, as the daemon is. The
// service works, without a main process. lsf-binfmt(8) says so.
func testGuess(t *testing.T, m *manager, name string) {
	m.service(t, name, "fork", "Service.Type=forking")
	m.start(t, name)
	m.reported(t, "started ")
	m.is(t, name, "SubState=running", "MainPID=0")
	m.ends(t, name)
}

func testNotify(t *testing.T, m *manager, name string) {
	m.service(t, name, "notify", "Service.Type=notify", "Service.ExecReload=/bin/kill -HUP $MAINPID")
	m.start(t, name)
	pid := m.reported(t, "started ")
	m.is(t, name, fmt.Sprint("MainPID=", pid), "SubState=running", "StatusText=Running on FreeBSD")
	m.job(t, "done", m.conn.ReloadUnitContext, name)
	m.reported(t, "SIGHUP")
	m.await(t, name, "StatusText", "Reloaded")
	m.ends(t, name)
}

func testSockets(t *testing.T, m *manager, name string) {
	socket := strings.TrimSuffix(name, "service") + "socket"
	m.service(t, name, "listen")
	m.write(t, socket, "Socket.ListenStream=/run/lsf-sockets", "Socket.ListenStream=127.0.0.1:7", "Socket.ListenStream=@lsf-sockets")
	m.start(t, socket)
	loopbackUp(t)
	m.is(t, name, "SubState=dead")
	for i, c := range []struct{ network, addr, said string }{
		{"unix", "/run/lsf-sockets", "unix /run/lsf-sockets\n"},
		{"tcp", "127.0.0.1:7", "tcp 127.0.0.1:7\n"},
		{"unix", "@lsf-sockets", "unix \n"},
	} {
		got := echo(t, c.network, c.addr)
		if want := c.said + "hello"; got != want {
			t.Errorf("%s: %q, want %q", c.addr, got, want)
		}
		if i == 0 {
			pid := m.reported(t, "started ")
			m.is(t, name, "SubState=running", fmt.Sprint("MainPID=", pid))
		}
	}
	m.stop(t, socket)
	m.stop(t, name)
	m.reported(t, "SIGTERM")
	empty(t, name)
	quiet(t, name)
}

// loopbackUp lets the sandbox's network have 127.0.0.1.
func loopbackUp(t *testing.T) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	lo.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		t.Fatal(err)
	}
}

// echo connects, says hello and returns all that comes back.
func echo(t *testing.T, network, addr string) string {
	t.Helper()
	c, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience / 6)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "hello"); err != nil {
		t.Fatal(err)
	}
	if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil {
		t.Errorf("%s: %v", addr, err)
	}
	return string(b)
}

// A service for each connection.
func testInetd(t *testing.T, m *manager, name string) {
	base := strings.TrimSuffix(name, ".service")
	m.service(t, base+"@.service", "inetd", "Service.StandardInput=socket", "Service.StandardError=journal")
	m.write(t, base+".socket", "Socket.ListenStream=/run/lsf-inetd", "Socket.Accept=yes")
	m.start(t, base+".socket")
	for range 3 {
		if got := echo(t, "unix", "/run/lsf-inetd"); got != "hello" {
			t.Errorf("%q", got)
		}
	}
	m.stop(t, base+".socket")
}

func testRestart(t *testing.T, m *manager, name string) {
	m.service(t, name, "simple", "Service.Restart=always", "Service.RestartSec=0")
	m.start(t, name)
	pid := m.reported(t, "started ")
	for i, how := range []func(){
		func() { unix.Kill(pid, unix.SIGKILL) },
		func() { unix.Kill(pid, unix.SIGUSR1); m.reported(t, "SIGUSR1") },
		func() { unix.Kill(supervisorOf(t, pid), unix.SIGKILL) },
	} {
		how()
		next := m.reported(t, "started ")
		if next == pid {
			t.Error("it is the same process")
		}
		pid = next
		m.is(t, name, fmt.Sprint("MainPID=", pid), fmt.Sprint("NRestarts=", i+1))
	}
	m.job(t, "done", m.conn.RestartUnitContext, name)
	m.reported(t, "SIGTERM")
	m.reported(t, "started ")
	m.stop(t, name)
	m.reported(t, "SIGTERM")
	empty(t, name)
}

// All processes of a service are stopped, of both systems.
func testFamily(t *testing.T, m *manager, name string) {
	m.service(t, name, "family")
	m.start(t, name)
	m.reported(t, "started ")
	if n := len(group(t, name)); n != 4 {
		t.Errorf("%d processes in the control group, want 4", n)
	}
	m.ends(t, name)
}

func testStubborn(t *testing.T, m *manager, name string) {
	m.service(t, name, "stubborn", "Service.TimeoutStopSec=100ms")
	m.start(t, name)
	m.reported(t, "started ")
	m.stop(t, name)
	m.is(t, name, "SubState=failed", "Result=timeout")
	empty(t, name)
}

func testKillModes(t *testing.T, m *manager, name string) {
	for _, mode := range []string{"control-group", "mixed", "process"} {
		t.Run(mode, func(t *testing.T) {
			name := "lsf-kill-" + mode + ".service"
			m.service(t, name, "simple", "Service.KillMode="+mode)
			for range 5 {
				m.start(t, name)
				m.reported(t, "started ")
				m.stop(t, name)
				m.reported(t, "SIGTERM")
				m.is(t, name, "SubState=dead", "Result=success")
			}
			if mode == "control-group" { // else the supervisor is killed, or left alone, if it is still there
				empty(t, name)
				quiet(t, name)
			}
		})
	}
}

func testJournal(t *testing.T, m *manager, name string) {
	m.service(t, name, "journal", "Service.SyslogIdentifier=freebsd")
	m.start(t, name)
	pid := m.reported(t, "started ")
	m.stop(t, name)
	m.reported(t, "SIGTERM")
	log := output("journalctl --sync; journalctl --no-pager --all -o export _SYSTEMD_UNIT=" + name)
	for _, want := range []string{
		"MESSAGE=to standard output\n", "MESSAGE=to standard error\n", "PRIORITY=3\n", "SYSLOG_IDENTIFIER=freebsd\n",
		"MESSAGE=in the journal's own protocol\n", "PRIORITY=4\n", "MESSAGE=stopped by SIGTERM\n", fmt.Sprintf("_PID=%d\n", pid),
		"LSF_FIELD\n\x03\x00\x00\x00\x00\x00\x00\x00a\nb\n",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("no %.80q in the journal", want)
		}
	}
	if t.Failed() && len(log) < 20000 {
		t.Log(log)
	}
}

// What may be taken away from a service without harm to LSF, and what not.
func testHardening(t *testing.T, m *manager, name string) {
	for option, want := range map[string]string{
		"User=nobody":                             "done",
		"DynamicUser=yes":                         "done",
		"NoNewPrivileges=yes":                     "done",
		"CapabilityBoundingSet=":                  "done",
		"PrivateTmp=yes":                          "done",
		"PrivateDevices=yes":                      "done",
		"PrivateNetwork=yes":                      "done",
		"ProtectSystem=strict":                    "done",
		"ProtectHome=yes":                         "done",
		"ProtectProc=invisible":                   "done",
		"ProcSubset=pid":                          "done",
		"ProtectKernelTunables=yes":               "done",
		"ProtectControlGroups=yes":                "done",
		"RestrictNamespaces=yes":                  "done",
		"RestrictRealtime=yes":                    "done",
		"RestrictSUIDSGID=yes":                    "done",
		"LockPersonality=yes":                     "done",
		"SystemCallArchitectures=native":          "done",
		"MemoryDenyWriteExecute=yes":              "failed", // LSF writes code
		"RestrictAddressFamilies=AF_UNIX":         "done",
		"SystemCallFilter=@system-service":        "failed",
		"SystemCallFilter=@system-service @debug": "done",
		"LimitNPROC=64":                           "done",
		"TasksMax=16":                             "done",
	} {
		t.Run(option, func(t *testing.T) {
			m.service(t, name, "exit 0", "Service.Type=oneshot", "Service."+option)
			m.job(t, want, m.conn.StartUnitContext, name)
		})
	}
}

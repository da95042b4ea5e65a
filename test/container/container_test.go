package container

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lsf-linux/lsf/internal/lsftest"
	"github.com/lsf-linux/lsf/internal/probe"
)

// testOSABI marks the programs of the entry that these tests make: nobody
// else's are touched.
const testOSABI = 253

// engine is a container engine's command line.
type engine []string

// forEngines runs a test with each engine that works here.
func forEngines(t *testing.T, test func(t *testing.T, e engine)) {
	if os.Geteuid() != 0 {
		t.Skip("needs root for a container engine")
	}
	candidates := []engine{{"docker"}, {"podman"}}
	if e := strings.Fields(os.Getenv("LSF_TEST_ENGINE")); len(e) > 0 {
		candidates = []engine{e}
	}
	var why []string
	for _, e := range candidates {
		if out, err := e.command("info").CombinedOutput(); err != nil {
			why = append(why, fmt.Sprintf("%s: %v: %.200s", e[0], err, bytes.TrimSpace(out)))
			continue
		}
		t.Run(e[0], func(t *testing.T) { test(t, e) })
	}
	if len(why) == len(candidates) {
		t.Skipf("no container engine works here:\n%s", strings.Join(why, "\n"))
	}
}

func (e engine) command(args ...string) *exec.Cmd {
	return exec.Command(e[0], append(e[1:len(e):len(e)], args...)...)
}

// run runs a command of the engine and returns what it wrote and its status.
func (e engine) run(t *testing.T, args ...string) (out string, status int) {
	t.Helper()
	b, err := e.command(args...).CombinedOutput()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		status = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return string(b), status
}

// must is run for what must succeed.
func (e engine) must(t *testing.T, args ...string) string {
	t.Helper()
	out, status := e.run(t, args...)
	if status != 0 {
		t.Fatalf("%s %q: exit status %d\n%s", e[0], args, status, out)
	}
	return out
}

// image imports an image of a few files and returns its name. An engine that
// can't run any container here makes the test skip.
func (e engine) image(t *testing.T, kind string, files map[string][]byte) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, text := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("lsf-test-%d-%s", os.Getpid(), kind)
	cmd := e.command("import", "-", name)
	cmd.Stdin = &b
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("import: %v\n%s", err, out)
	}
	t.Cleanup(func() { e.must(t, "rmi", "-f", name) })
	if out, status := e.run(t, e.args(name, "/native")...); status != 0 {
		t.Skipf("%s can't run a Linux program in a container here: %s", e[0], out)
	}
	return name
}

// args are those of a run command. There need be no network.
func (e engine) args(image string, args ...string) []string {
	return append([]string{"run", "--rm", "--network=none", image}, args...)
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// files are what the images are made of.
func files(t *testing.T) map[string][]byte {
	t.Helper()
	dir := t.TempDir()
	build := func(goos, src string) []byte {
		t.Helper()
		out := filepath.Join(dir, goos)
		cmd := exec.Command("go", "build", "-o", out, src)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH=amd64")
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		return read(t, out)
	}
	bin := lsftest.Bin(t)
	return map[string][]byte{
		"lsf":         read(t, filepath.Join(bin, "lsf-binfmt")),
		"lsf-binfmt":  read(t, filepath.Join(bin, "lsf-binfmt")),
		"lsf-install": read(t, filepath.Join(bin, "lsf-install")),
		"guest":       build("freebsd", "./testdata/guest"),
		"native":      build("linux", "./testdata/native"),
		"probe":       probe.Program(testOSABI),
	}
}

// TestEntry runs LSF as a container's entry: nothing is registered, and the
// engine's default seccomp profile is in force.
func TestEntry(t *testing.T) {
	forEngines(t, func(t *testing.T, e engine) {
		all := files(t)
		image := e.image(t, "all", all)
		if out := e.must(t, e.args(image, "/native")...); !strings.Contains(out, "seccomp 2") {
			t.Skipf("this engine has no seccomp profile: %s", out)
		}
		for _, which := range []string{"sud", "ptrace"} {
			out, status := e.run(t, "run", "--rm", "--network=none", "-e", "LSF_ENGINE="+which, image,
				"/lsf", "--", "/guest", "pid", "files", "7")
			if status != 7 || !strings.HasPrefix(out, "freebsd ") || !strings.Contains(out, "\npid 1\nfile text <nil> <nil>\n") {
				t.Errorf("%s: exit status %d\n%s", which, status, out)
			}
		}
		// As somebody without any rights.
		out, status := e.run(t, "run", "--rm", "--network=none", "--user=1000:1000", "--cap-drop=ALL",
			"--security-opt=no-new-privileges", image, "/lsf", "--", "/guest", "pid", "3")
		if status != 3 || !strings.Contains(out, "\npid 1\n") {
			t.Errorf("without rights: exit status %d\n%s", status, out)
		}
		out, status = e.run(t, e.args(image, "/lsf", "--", "/nothing")...)
		if status == 0 || !strings.Contains(out, "/nothing") {
			t.Errorf("no program: exit status %d\n%s", status, out)
		}
	})
}

// TestExec looks at a container that runs for a while: another program in it,
// and its end by the engine's signal.
func TestExec(t *testing.T) {
	forEngines(t, func(t *testing.T, e engine) {
		all := files(t)
		image := e.image(t, "all", all)
		name := image + "-c"
		cmd := e.command("run", "--rm", "--network=none", "--name", name, image, "/lsf", "--", "/guest", "wait", "5")
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { e.run(t, "rm", "-f", name) })
		lines := bufio.NewScanner(stdout)
		for lines.Scan() && lines.Text() != "ready" {
		}
		out, status := e.run(t, "exec", name, "/lsf", "--", "/guest", "pid", "4")
		if status != 4 || !strings.HasPrefix(out, "freebsd ") || strings.Contains(out, "pid 1\n") {
			t.Errorf("exec: exit status %d\n%s", status, out)
		}
		e.must(t, "stop", "-t", "60", name)
		var rest []string
		for lines.Scan() {
			rest = append(rest, lines.Text())
		}
		err = cmd.Wait()
		if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 5 || fmt.Sprint(rest) != "[got terminated]" {
			t.Errorf("stop: %v, %q", err, rest)
		}
	})
}

// TestInstaller registers LSF by an image, for programs of the test's alone, and
// runs one in a container that knows nothing of LSF.
func TestInstaller(t *testing.T) {
	forEngines(t, func(t *testing.T, e engine) {
		all := files(t)
		image := e.image(t, "all", all)
		name := fmt.Sprintf("lsf-test-%d", os.Getpid())
		// Where --privileged is not to be had, because the tests themselves have not
		// all rights, what an installer needs of it.
		rights := []string{"--privileged"}
		install := func(args ...string) (string, int) {
			args = append([]string{"--entrypoint=/lsf-install", image, "--name=" + name, fmt.Sprintf("--osabi=%d", testOSABI)}, args...)
			return e.run(t, append(append([]string{"run", "--rm", "--network=none"}, rights...), args...)...)
		}
		if _, status := install("status"); status != 3 {
			rights = []string{"--cap-add=SYS_ADMIN", "--security-opt=systempaths=unconfined"}
			if out, status := install("status"); status != 3 {
				t.Skipf("no container has the rights here: exit status %d\n%s", status, out)
			}
		}
		// As on a host: entries live as long as one has them mounted.
		host := t.TempDir()
		if out, err := exec.Command("mount", "-t", "binfmt_misc", "binfmt_misc", host).CombinedOutput(); err != nil {
			t.Skipf("binfmt_misc can't be mounted here: %v\n%s", err, out)
		}
		t.Cleanup(func() {
			if out, err := exec.Command("umount", host).CombinedOutput(); err != nil {
				t.Errorf("umount: %v\n%s", err, out)
			}
		})
		out, status := install("--install")
		if strings.Contains(out, "would end with this container") {
			// The mount is younger than what files' times tell.
			for deadline := time.Now().Add(10 * time.Second); status != 0 && time.Now().Before(deadline); {
				out, status = install("--install")
			}
		}
		t.Cleanup(func() {
			if out, status := install("--uninstall"); status != 0 || !strings.Contains(out, "removed") {
				t.Errorf("uninstall: exit status %d\n%s", status, out)
			}
		})
		if status != 0 || !strings.Contains(out, "registered: /lsf-binfmt") || !strings.Contains(out, "until the next boot") {
			t.Fatalf("install: exit status %d\n%s", status, out)
		}
		bare := e.image(t, "bare", map[string][]byte{"native": all["native"], "probe": all["probe"]})
		out, status = e.run(t, e.args(bare, "/probe")...)
		if status != 0 || !strings.Contains(out, "-RELEASE") {
			t.Errorf("run: exit status %d\n%s", status, out)
		}
	})
}

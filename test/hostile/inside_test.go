package hostile

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The stage is the process that runs as PID 1 inside the namespaces. It gets
// its orders as arguments: the directory to build the place in, how long the
// guest may take, and the guest's arguments.
const stageEnv = "LSF_HOSTILE_STAGE"

func TestMain(m *testing.M) {
	if os.Getenv(stageEnv) != "" {
		os.Exit(stage(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// nobody is the guest's user and group ID where the test may choose.
const nobody = 65534

// Statuses of the stage; the guest's own are below.
const (
	stageFailed   = 120
	stageNoPlace  = 121 // the namespaces do not allow what is needed
	guestHung     = 122
	guestKilled   = 123
	supervisorOff = 124
)

func stage(args []string) int {
	runtime.LockOSThread()
	dir, files := args[0], args[1]
	limit, err := time.ParseDuration(args[2])
	if err != nil {
		return stageFailed
	}
	if err := furnish(dir, files); err != nil {
		fmt.Fprintln(os.Stderr, "stage:", err)
		return stageNoPlace
	}
	attr := &syscall.SysProcAttr{Chroot: dir, Pdeathsig: syscall.SIGKILL}
	if os.Getenv("LSF_HOSTILE_NOBODY") != "" {
		attr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	for c := range uintptr(64) {
		_ = unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
	}
	cmd := exec.Command("/lsf", args[3:]...)
	cmd.Path = "/lsf"
	cmd.Dir, cmd.SysProcAttr = "/tmp", attr
	cmd.Env = []string{"LSF_DEBUG=1", "LSF_ENGINE=" + os.Getenv("LSF_ENGINE"), "LSF_TRACE=" + os.Getenv("LSF_HOSTILE_TRACE")}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "stage:", err)
		return stageFailed
	}
	return watch(cmd.Process.Pid, limit)
}

// furnish builds the place: a tmpfs with LSF, the guest's files, and a
// directory that anybody may write to.
func furnish(dir, files string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount proc: %w", err)
	}
	list, err := os.ReadDir(files)
	if err != nil {
		return err
	}
	contents := map[string][]byte{}
	for _, e := range list {
		if contents[e.Name()], err = os.ReadFile(filepath.Join(files, e.Name())); err != nil {
			return err
		}
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "size=256m,nr_inodes=20000,mode=755"); err != nil {
		return fmt.Errorf("mount tmpfs: %w", err)
	}
	for name, b := range contents {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o755); err != nil {
			return err
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "tmp"), 0o777); err != nil {
		return err
	}
	return os.Chmod(filepath.Join(dir, "tmp"), 0o777)
}

// process is what the stage knows of somebody in the place.
type process struct {
	pid        int
	supervisor bool
	rss        int // KiB
	threads    int
}

func processes() []process {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	var list []process
	for _, d := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(d))
		b, err := os.ReadFile(d + "/status")
		if err != nil || pid == 1 {
			continue
		}
		p := process{pid: pid}
		for line := range strings.Lines(string(b)) {
			k, v, _ := strings.Cut(line, ":")
			v = strings.TrimSpace(v)
			switch k {
			case "Name":
				p.supervisor = strings.HasPrefix(v, "lsf-supervisor")
			case "VmRSS":
				p.rss, _ = strconv.Atoi(strings.TrimSuffix(v, " kB"))
			case "Threads":
				p.threads, _ = strconv.Atoi(v)
			}
		}
		list = append(list, p)
	}
	return list
}

// watch waits for the guest, reaps whom it leaves behind, and kills those that
// are older than any guest that means to end; only the supervisor may stay.
func watch(guest int, limit time.Duration) int {
	const oldest = 5 * time.Second
	seen := map[int]time.Time{}
	begun := time.Now()
	var last process // the supervisor as it was seen last
	ended, status := time.Time{}, unix.WaitStatus(0)
	for {
		for {
			var ws unix.WaitStatus
			pid, err := unix.Wait4(-1, &ws, unix.WNOHANG, nil)
			if pid <= 0 || err != nil {
				break
			}
			delete(seen, pid)
			if pid == guest {
				ended, status = time.Now(), ws
			}
		}
		now := time.Now()
		there, others := false, 0
		for _, p := range processes() {
			if p.supervisor {
				there = true
				if p.rss > 0 {
					last = p
				}
				continue
			}
			if p.pid == guest {
				continue
			}
			others++
			if t, ok := seen[p.pid]; !ok {
				seen[p.pid] = now
			} else if now.Sub(t) > oldest || !ended.IsZero() {
				_ = unix.Kill(p.pid, unix.SIGKILL)
			}
		}
		switch {
		case ended.IsZero() && now.Sub(begun) > limit:
			fmt.Printf("hung: %d others, supervisor there: %v\n", others, there)
			for _, p := range processes() {
				for _, f := range []string{"cmdline", "wchan", "syscall"} {
					b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.pid, f))
					fmt.Printf("%d %s %q\n", p.pid, f, bytes.TrimSpace(b))
				}
			}
			return guestHung
		case !ended.IsZero() && !there && others == 0:
			fmt.Printf("supervisor: %d KiB, %d threads at the end\n", last.rss, last.threads)
			if status.Signaled() {
				fmt.Printf("the guest died of %v\n", status.Signal())
				return guestKilled
			}
			return status.ExitStatus()
		case !ended.IsZero() && now.Sub(ended) > 15*time.Second:
			fmt.Printf("left behind: %d others, supervisor: %v\n", others, there)
			return supervisorOff
		}
		time.Sleep(20 * time.Millisecond)
	}
}

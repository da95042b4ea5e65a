package rootfs

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain is, as a child of TestKill, a run of Install that will be killed.
func TestMain(m *testing.M) {
	if args := strings.Split(os.Getenv("LSF_TEST_ROOTFS_INSTALL"), "|"); len(args) == 4 {
		c := &Client{Cache: args[0], State: args[1], Limits: DefaultLimits(), Progress: shout{}}
		src, err := ParseSource(args[2])
		if err == nil {
			_, err = c.Install(context.Background(), Wish{Source: src, Dir: args[3], Force: true})
		}
		fmt.Println("ended", err)
		return
	}
	os.Exit(m.Run())
}

// shout is a progress that whoever has started the process can wait for.
type shout struct{ silent }

func (shout) Bar(string, int64) Bar { return shout{} }
func (shout) Set(done, _ int64)     { fmt.Println("at", done) }
func (shout) Done()                 { fmt.Println("done") }

// TestKill kills a run at many moments: while it extracts, exchanges, and removes the
// old tree. Old or new, the tree is whole, and the next run leaves nothing of it.
func TestKill(t *testing.T) {
	c := testClient(t)
	work, err := os.MkdirTemp("/dev/shm", "lsf-test") // where nothing waits for a disk
	if err != nil {
		work = t.TempDir()
	}
	t.Cleanup(func() { _ = removeTree(work) })
	dir := filepath.Join(work, "in", "fb")
	archive := func(release string) string {
		e := system(release)
		for i := range 300 {
			e = append(e, entry{name: fmt.Sprintf("./usr/d%d/f%d", i%50, i), data: release + incompressible(3000)})
		}
		return write(t, filepath.Join(work, release+".tar"), tarball(t, e...))
	}
	releases := []string{"14.2-RELEASE", "14.3-RELEASE"}
	sources := map[string]string{}
	for _, r := range releases {
		sources[r] = archive(r)
	}
	if _, err := c.Install(context.Background(), Wish{Source: Source{File, sources[releases[0]]}, Dir: dir}); err != nil {
		t.Fatal(err)
	}
	now, outcomes := releases[0], map[string]int{}
	for i := range 30 {
		next := releases[0]
		if now == next {
			next = releases[1]
		}
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "LSF_TEST_ROOTFS_INSTALL="+strings.Join([]string{c.Cache, c.State, sources[next], dir}, "|"))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		s := bufio.NewScanner(out)
		for n := 0; s.Scan() && s.Text() != "done"; n++ {
			if i < 8 && n == i {
				break
			}
		}
		if i >= 8 { // somewhere in what comes after the extraction
			time.Sleep(time.Duration(i-8) * time.Millisecond)
		}
		_ = cmd.Process.Kill()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
		r, err := readRecord(dir)
		if err != nil {
			t.Fatalf("killed at %d: %v", i, err)
		}
		switch r.Release {
		case now:
			outcomes["old"]++
		case next:
			outcomes["new"]++
		}
		intact(t, c, dir, r.Release)
		now = r.Release
		if i%5 == 4 { // the next run cleans up
			if _, err := c.Update(context.Background(), dir, false); err != nil {
				t.Fatal(err)
			}
			only(t, filepath.Dir(dir), "fb")
		}
	}
	t.Logf("%v", outcomes)
	if outcomes["old"] == 0 {
		t.Error("never too early")
	}
}

// TestLeftovers: what an interrupted run may have left, and what is somebody's.
func TestLeftovers(t *testing.T) {
	c := testClient(t)
	parent := filepath.Join(t.TempDir(), "in")
	dir := filepath.Join(parent, "fb")
	for _, name := range []string{".fb.lsf-new.1/ro/x", ".fb.lsf-del.2/x", ".fb.lsf-old.3/x", ".fb.lsf-new.held/x", ".other.lsf-new.4/x", ".fb.lsf-new", "fb.lsf-new.5/x"} {
		write(t, filepath.Join(parent, name), nil)
	}
	if err := os.Chmod(filepath.Join(parent, ".fb.lsf-new.1/ro"), 0o500); err != nil {
		t.Fatal(err)
	}
	held := lockDir(filepath.Join(parent, ".fb.lsf-new.held"))
	if held == nil {
		t.Fatal("cannot lock")
	}
	defer held.Close()
	cleanStages(parent, "fb")
	// The old tree is back, as there was none.
	only(t, parent, ".fb.lsf-new", ".fb.lsf-new.held", ".other.lsf-new.4", "fb", "fb.lsf-new.5")
	only(t, dir, "x")
	write(t, filepath.Join(parent, ".fb.lsf-old.6/y"), nil)
	cleanStages(parent, "fb")
	only(t, dir, "x")
	only(t, parent, ".fb.lsf-new", ".fb.lsf-new.held", ".other.lsf-new.4", "fb", "fb.lsf-new.5")
	_ = c
}

// TestExchange: also where the file system cannot exchange.
func TestExchange(t *testing.T) {
	for _, how := range []uint{unix.RENAME_EXCHANGE, 0} {
		parent := t.TempDir()
		target := filepath.Join(parent, "fb")
		for i := range 2 {
			st, err := newStage(parent, "fb")
			if err != nil {
				t.Fatal(err)
			}
			if err := st.root.WriteFile(fmt.Sprint(i), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			old, err := st.exchange(target, how)
			if err != nil {
				t.Fatal(err)
			}
			if i == 1 {
				only(t, old, "0")
				if err := removeTree(old); err != nil {
					t.Fatal(err)
				}
			}
			st.root.Close()
			st.lock.Close()
		}
		only(t, target, "1")
		only(t, parent, "fb")
	}
}

// mountTmpfs makes a small file system.
func mountTmpfs(t *testing.T, dir, options string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("cannot mount a tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

func TestDiskFull(t *testing.T) {
	ctx := context.Background()
	c := testClient(t)
	small := filepath.Join(t.TempDir(), "small")
	mountTmpfs(t, small, "size=1m")
	dir := filepath.Join(small, "fb")
	old := write(t, filepath.Join(t.TempDir(), "old.tar"), tarball(t, system("14.2-RELEASE")...))
	if _, err := c.Install(ctx, Wish{Source: Source{File, old}, Dir: dir}); err != nil {
		t.Fatal(err)
	}
	check := func(err error, text string) {
		t.Helper()
		wantErr(t, err, text)
		only(t, small, "fb")
		intact(t, c, dir, "14.2-RELEASE")
	}
	// It is small as long as it is compressed.
	grown := system("14.3-RELEASE", entry{name: "big", data: strings.Repeat("big ", 1<<20)})
	src := Source{File, write(t, filepath.Join(t.TempDir(), "big.tgz"), pack(t, "gzip", tarball(t, grown...)))}
	_, err := c.Install(ctx, Wish{Source: src, Dir: dir})
	check(err, "the disk is full")
	if !errors.Is(err, unix.ENOSPC) {
		t.Errorf("%v", err)
	}
	// It is known beforehand.
	src.Name = write(t, filepath.Join(t.TempDir(), "big.tar"), tarball(t, grown...))
	_, err = c.Install(ctx, Wish{Source: src, Dir: dir})
	check(err, "not enough room on the disk")
	// No inodes, but room.
	few := filepath.Join(t.TempDir(), "few")
	mountTmpfs(t, few, "nr_inodes=20")
	many := system("14.3-RELEASE")
	for i := range 30 {
		many = append(many, entry{name: fmt.Sprint("f", i)})
	}
	src.Name = write(t, filepath.Join(t.TempDir(), "many.tar"), tarball(t, many...))
	_, err = c.Install(ctx, Wish{Source: src, Dir: filepath.Join(few, "fb")})
	wantErr(t, err, "the disk is full")
	only(t, few)
	// The cache is full: announced, and not.
	cache := filepath.Join(t.TempDir(), "cache")
	mountTmpfs(t, cache, "size=100k")
	m := newMirror(t, baseTxz(t, "14.3-RELEASE"))
	c.Cache = cache
	_, err = c.Install(ctx, m.wish(dir))
	check(err, "not enough room on the disk")
	m.handler = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "MANIFEST") {
			return false
		}
		_ = http.NewResponseController(w).Flush()
		_, _ = w.Write(m.base)
		return true
	}
	_, err = c.Install(ctx, m.wish(dir))
	check(err, "the disk is full")
}

// TestMounted: what is mounted in a tree is none of our business.
func TestMounted(t *testing.T) {
	ctx := context.Background()
	c := testClient(t)
	parent := t.TempDir()
	dir := filepath.Join(parent, "fb")
	src := Source{File, write(t, filepath.Join(t.TempDir(), "a.tar"), tarball(t, system("14.3-RELEASE")...))}
	if _, err := c.Install(ctx, Wish{Source: src, Dir: dir}); err != nil {
		t.Fatal(err)
	}
	in := filepath.Join(dir, "var", "a b")
	mountTmpfs(t, in, "size=100k")
	write(t, filepath.Join(in, "precious"), nil)
	for _, err := range []error{
		c.Remove(ctx, dir, true),
		func() error { _, err := c.Install(ctx, Wish{Source: src, Dir: dir, Force: true}); return err }(),
	} {
		wantErr(t, err, "something is mounted in", in)
	}
	wantErr(t, c.Remove(ctx, in, true), "is a mount point")
	_, err := c.Install(ctx, Wish{Source: src, Dir: in, Force: true})
	wantErr(t, err, "is a mount point")
	// Even if that is not seen in time.
	wantErr(t, removeTree(dir), "mounted")
	only(t, in, "precious")
}

// TestOverlay: a tree in a container's image cannot be exchanged at once.
func TestOverlay(t *testing.T) {
	ctx := context.Background()
	c := testClient(t)
	top := t.TempDir()
	lower, upper, merged := filepath.Join(top, "lower"), filepath.Join(top, "upper"), filepath.Join(top, "merged")
	src := Source{File, write(t, filepath.Join(t.TempDir(), "a.tar"), tarball(t, system("14.3-RELEASE")...))}
	if _, err := c.Install(ctx, Wish{Source: src, Dir: filepath.Join(lower, "fb")}); err != nil {
		t.Fatal(err)
	}
	mountTmpfs(t, upper, "size=1m")
	for _, d := range []string{merged, filepath.Join(upper, "u"), filepath.Join(upper, "w")} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s/u,workdir=%s/w,redirect_dir=off", lower, upper, upper)
	if err := unix.Mount("overlay", merged, "overlay", 0, options); err != nil {
		t.Skipf("cannot mount an overlay: %v", err)
	}
	defer func() {
		if err := unix.Unmount(merged, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}()
	dir := filepath.Join(merged, "fb")
	_, err := c.Install(ctx, Wish{Source: src, Dir: dir, Force: true})
	wantErr(t, err, "lower layer of an overlay")
	intact(t, c, dir, "14.3-RELEASE")
	only(t, merged, "fb")
	if err := c.Remove(ctx, dir, false); err != nil {
		t.Fatal(err)
	}
	only(t, merged)
	for range 2 { // in the upper layer all is as ever
		if _, err := c.Install(ctx, Wish{Source: src, Dir: dir, Force: true}); err != nil {
			t.Fatal(err)
		}
	}
	intact(t, c, dir, "14.3-RELEASE")
	only(t, merged, "fb")
}

func TestRemove(t *testing.T) {
	ctx := context.Background()
	c := testClient(t)
	parent := t.TempDir()
	dir := filepath.Join(parent, "fb")
	src := Source{File, write(t, filepath.Join(t.TempDir(), "a.tar"), tarball(t, system("14.3-RELEASE")...))}
	install := func() {
		t.Helper()
		if _, err := c.Install(ctx, Wish{Source: src, Dir: dir}); err != nil {
			t.Fatal(err)
		}
	}
	install()
	wantErr(t, c.Remove(ctx, "/", true), "is the system itself")
	wantErr(t, c.Remove(ctx, filepath.Join(parent, "none"), false), "no such file")
	wantErr(t, c.Remove(ctx, "/etc", false), "was not installed by lsf-install")
	for _, sys := range []string{"/etc", "/usr/lib", "/usr", parent} {
		if sys == parent {
			t.Chdir(parent)
		}
		if err := c.Remove(ctx, sys, true); err == nil {
			t.Fatalf("%s removed", sys)
		}
	}
	other := filepath.Join(parent, "other")
	write(t, filepath.Join(other, "f"), nil)
	wantErr(t, c.Remove(ctx, other, false), "was not installed by lsf-install", "--force")
	_, err := c.Install(ctx, Wish{Source: src, Dir: other, Force: true})
	wantErr(t, err, "is not empty")
	if err := c.Remove(ctx, other, true); err != nil {
		t.Error(err)
	}
	if err := os.Symlink("fb", other); err != nil {
		t.Fatal(err)
	}
	wantErr(t, c.Remove(ctx, other, true), "is a symbolic link")
	os.Remove(other)
	// It has been changed.
	write(t, filepath.Join(dir, "etc/rc.conf"), nil)
	wantErr(t, c.Remove(ctx, dir, false), "etc/rc.conf (added)", "--force")
	os.Remove(filepath.Join(dir, "etc/rc.conf"))
	// Its record cannot be trusted.
	name := filepath.Join(dir, recordDir, "manifest")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	write(t, name, append(text, "# more\n"...))
	wantErr(t, c.Remove(ctx, dir, false), "manifest has been changed")
	_, err = c.Verify(ctx, dir, false)
	wantErr(t, err, "manifest has been changed")
	write(t, name, text)
	if err := c.Remove(ctx, dir, false); err != nil {
		t.Error(err)
	}
	only(t, parent)
	if list := c.List(); len(list) != 0 {
		t.Errorf("%+v", list)
	}
	// Into an empty directory, and through a link.
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	install()
	if err := os.Symlink("fb", other); err != nil {
		t.Fatal(err)
	}
	res, err := c.Install(ctx, Wish{Source: src, Dir: other, Force: true})
	if err != nil || res.Dir != dir {
		t.Errorf("%+v, %v", res, err)
	}
	if list := c.List(other, dir, parent); len(list) != 1 || list[0].Dir != dir {
		t.Errorf("%+v", list)
	}
	if err := os.Rename(dir, dir+"2"); err != nil {
		t.Fatal(err)
	}
	if list := c.List(); len(list) != 0 {
		t.Errorf("gone, but listed: %+v", list)
	}
}

func TestVerify(t *testing.T) {
	ctx := context.Background()
	c := testClient(t)
	dir := filepath.Join(t.TempDir(), "fb")
	odd := "odd \\ #=\n\xff name"
	src := Source{File, write(t, filepath.Join(t.TempDir(), "a.tar"), tarball(t, system("14.3-RELEASE",
		entry{name: "d/" + odd, data: "x"}, entry{name: "d/l", typ: '2', link: odd}, entry{name: "d/same", data: "abc"},
		entry{name: "d/kind", data: "abc"}, entry{name: "d/p", typ: '6'}, entry{name: "d/mode", data: "m"})...))}
	if _, err := c.Install(ctx, Wish{Source: src, Dir: dir}); err != nil {
		t.Fatal(err)
	}
	intact(t, c, dir, "14.3-RELEASE")
	at := func(name string) string { return filepath.Join(dir, "d", name) }
	write(t, at("same"), []byte("abd"))
	if err := errors.Join(os.Chtimes(at("same"), oldTime, oldTime), os.Remove(at(odd)), os.Remove(at("l")), os.Symlink("x", at("l")),
		os.Remove(at("kind")), os.Mkdir(at("kind"), 0o755), os.Chmod(at("mode"), 0o600)); err != nil {
		t.Fatal(err)
	}
	write(t, at("new"), nil)
	diffs, err := c.Verify(ctx, dir, true)
	var got []string
	for _, d := range diffs {
		got = append(got, d.String())
	}
	want := []string{
		"changed: d/kind: is no file", "changed: d/l: leads to x instead of " + strconv.Quote(odd), "changed: d/mode: mode 0600 instead of 0644",
		"added: d/new", "missing: " + strconv.Quote("d/"+odd), "changed: d/same: other contents",
	}
	if strings.Join(got, "|") != strings.Join(want, "|") || err != nil {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}

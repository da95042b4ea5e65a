package rootfs

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// writeManifest lists a tree in mtree(5)'s format, each entry with its full path.
func writeManifest(w io.Writer, tree *node) error {
	b := bufio.NewWriter(w)
	fmt.Fprintln(b, "#mtree v2.0")
	_ = tree.walk(".", func(path string, n *node) error {
		if path != "." {
			path = "./" + path
		}
		fmt.Fprintf(b, "%s type=%s mode=%04o uid=%d gid=%d time=%d.%09d", escapeOctal(path), n.kind, n.mode, n.uid, n.gid, n.mtime.Unix(), n.mtime.Nanosecond())
		switch n.kind {
		case kindFile:
			fmt.Fprintf(b, " size=%d sha256digest=%x", n.size, n.sum)
		case kindLink:
			fmt.Fprintf(b, " link=%s", escapeOctal(n.link))
		}
		return b.WriteByte('\n')
	})
	return b.Flush()
}

// escapeOctal is vis(3)'s VIS_OCTAL, as mtree(8) has it.
func escapeOctal(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || c == '\\' || c == '#' {
			fmt.Fprintf(&b, `\%03o`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// readManifest reads what writeManifest has written.
func readManifest(r io.Reader) (map[string]*attrs, error) {
	list := map[string]*attrs{}
	s := bufio.NewScanner(r)
	s.Buffer(nil, 8*maxPath+1024)
	for line := 1; s.Scan(); line++ {
		if strings.HasPrefix(s.Text(), "#") {
			continue
		}
		path, a, err := parseEntry(strings.Fields(s.Text()))
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		list[path] = a
	}
	return list, s.Err()
}

func parseEntry(fields []string) (path string, a *attrs, err error) {
	if len(fields) == 0 {
		return "", nil, errors.New("empty")
	}
	if path = unescapeOctal(fields[0]); path != "." {
		path = strings.TrimPrefix(path, "./")
	}
	a = &attrs{}
	for _, f := range fields[1:] {
		key, val, _ := strings.Cut(f, "=")
		var n uint64
		switch key {
		case "type":
			i := slices.Index(kindNames[:], val)
			if i < 0 {
				return "", nil, fmt.Errorf("unknown type %q", val)
			}
			a.kind = kind(i)
		case "mode":
			n, err = strconv.ParseUint(val, 8, 32)
			a.mode = uint32(n)
		case "uid":
			a.uid, err = strconv.Atoi(val)
		case "gid":
			a.gid, err = strconv.Atoi(val)
		case "size":
			a.size, err = strconv.ParseInt(val, 10, 64)
		case "time":
			sec, _, _ := strings.Cut(val, ".")
			var t int64
			t, err = strconv.ParseInt(sec, 10, 64)
			a.mtime = time.Unix(t, 0)
		case "link":
			a.link = unescapeOctal(val)
		case "sha256digest":
			var sum []byte
			if sum, err = hex.DecodeString(val); err == nil && copy(a.sum[:], sum) != len(a.sum) {
				err = errors.New("digest of another length")
			}
		}
		if err != nil {
			return "", nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	return path, a, nil
}

// Difference is what a tree has otherwise than its manifest.
type Difference struct {
	Path string
	What string // "missing", "added", or what has changed
}

func (d Difference) String() string {
	if d.What == "missing" || d.What == "added" {
		return d.What + ": " + printable(d.Path)
	}
	return "changed: " + printable(d.Path) + ": " + d.What
}

// printable quotes a name that would do something to a terminal.
func printable(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }) {
		return strconv.Quote(name)
	}
	return name
}

// comparison says how closely to look.
type comparison struct {
	sums  bool // read files; else their times are believed
	added bool // tell what is not in the manifest
	quiet bool // leave out what changes by itself
}

// volatile is where programs keep what nobody would miss.
var volatile = []string{"tmp", "dev", "proc", "var/tmp", "var/run", "var/log", "var/cache"}

// compare looks for differences between a tree and its manifest.
func compare(ctx context.Context, dir string, manifest map[string]*attrs, how comparison, bar Bar) ([]Difference, error) {
	var list []Difference
	seen := make(map[string]bool, len(manifest))
	var done, total int64
	for _, a := range manifest {
		total += a.size
	}
	err := filepath.WalkDir(dir, func(full string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		path, e := filepath.Rel(dir, full)
		if e != nil {
			return e
		}
		seen[path] = true
		if err != nil {
			list = append(list, Difference{path, "cannot be read: " + reason(err)})
			return nil
		}
		if path == recordDir || how.quiet && slices.Contains(volatile, path) {
			for p := range manifest { // nothing in there counts
				if p == path || strings.HasPrefix(p, path+"/") {
					seen[p] = true
				}
			}
			return skip(d)
		}
		a := manifest[path]
		if a == nil {
			if how.added {
				list = append(list, Difference{path, "added"})
			}
			return skip(d)
		}
		what, err := differs(ctx, full, a, how)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			what = append(what, "cannot be read: "+reason(err))
		}
		if len(what) > 0 {
			list = append(list, Difference{path, strings.Join(what, ", ")})
		}
		if done += a.size; a.kind == kindFile {
			bar.Set(done, total)
		}
		return nil
	})
	for path := range manifest {
		if !seen[path] {
			list = append(list, Difference{path, "missing"})
		}
	}
	slices.SortFunc(list, func(a, b Difference) int { return strings.Compare(a.Path, b.Path) })
	return list, err
}

// skip does not look into a directory.
func skip(d fs.DirEntry) error {
	if d.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// reason is an error without the path, which is told already.
func reason(err error) string {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err.Error()
	}
	return err.Error()
}

// differs says in what a file is otherwise than it was.
func differs(ctx context.Context, full string, a *attrs, how comparison) (what []string, err error) {
	var st unix.Stat_t
	if err := unix.Lstat(full, &st); err != nil {
		return nil, err
	}
	kinds := map[uint32]kind{syscall.S_IFDIR: kindDir, syscall.S_IFREG: kindFile, syscall.S_IFLNK: kindLink, syscall.S_IFIFO: kindFifo}
	if k, ok := kinds[st.Mode&syscall.S_IFMT]; !ok || k != a.kind {
		return []string{"is no " + a.kind.String()}, nil
	}
	if mode := st.Mode & 0o7777; mode != a.mode && a.kind != kindLink {
		what = append(what, fmt.Sprintf("mode %04o instead of %04o", mode, a.mode))
	}
	if int(st.Uid) != a.uid || int(st.Gid) != a.gid {
		what = append(what, fmt.Sprintf("owner %d:%d instead of %d:%d", st.Uid, st.Gid, a.uid, a.gid))
	}
	switch {
	case a.kind == kindLink:
		if to, err := os.Readlink(full); err != nil || to != a.link {
			return append(what, fmt.Sprintf("leads to %s instead of %s", printable(to), printable(a.link))), err
		}
	case a.kind != kindFile:
	case st.Size != a.size:
		what = append(what, fmt.Sprintf("%d bytes instead of %d", st.Size, a.size))
	case how.sums:
		sum, err := hashFile(ctx, full)
		if err != nil {
			return what, err
		}
		if sum != hex.EncodeToString(a.sum[:]) {
			what = append(what, "other contents")
		}
	case st.Mtim.Sec != a.mtime.Unix():
		what = append(what, "written to at "+time.Unix(st.Mtim.Sec, 0).Format(time.DateTime))
	}
	return what, nil
}

package rootfs

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// extractor writes archives into a directory that nobody else knows of yet. Not
// for concurrent use.
type extractor struct {
	root    *os.Root
	tree    *node
	limits  Limits
	setuid  bool // keep set-user-ID and set-group-ID of files
	owners  bool // entries get their owners: the caller is root
	layers  bool // names that begin with .wh. are whiteouts of an OCI image
	layer   int  // which one is being extracted, from 1
	size    int64
	entries int64
	skipped skipped
	buf     []byte
}

// skipped counts what was not taken over from an archive.
type skipped struct{ devices, setuid, flags, owners int }

func newExtractor(root *os.Root, limits Limits) *extractor {
	x := &extractor{root: root, limits: limits, owners: os.Geteuid() == 0, buf: make([]byte, 256<<10)}
	x.tree = &node{attrs: x.ownDir(), children: map[string]*node{}}
	return x
}

// apply extracts one archive over what is there. complete says that an end without
// tar's mark is no error: the reader's own end is to be trusted.
func (x *extractor) apply(ctx context.Context, r io.Reader, complete bool) error {
	x.layer++
	end := &lastBlock{Reader: r}
	tr := tar.NewReader(end)
	found := false
	for {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err != nil {
			return archiveError(err)
		}
		found = true
		if err := x.entry(ctx, h, tr); err != nil {
			return fmt.Errorf("%q in the archive: %w", h.Name, archiveError(err))
		}
	}
	if !complete && !end.zero() {
		return errors.New("the archive ends too early: it has no end-of-archive mark")
	}
	if !found && !x.layers {
		return errors.New("the archive is empty")
	}
	// What follows is padding, and the checksum of the compression.
	n, err := io.CopyBuffer(io.Discard, &contextReader{ctx, io.LimitReader(r, 64<<20)}, x.buf)
	if err == nil && n == 64<<20 {
		err = errors.New("there is more behind the end of the archive")
	}
	return archiveError(err)
}

// archiveError makes plain what archive/tar and the decompressors say.
func archiveError(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the archive ends too early: it is incomplete")
	case errors.Is(err, tar.ErrHeader):
		return errors.New("not a tar archive, or a damaged one")
	}
	return fullDisk(err)
}

// contextReader ends when its context does.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r *contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// lastBlock remembers the last of what is read: tar's mark at the end is zeros.
type lastBlock struct {
	io.Reader
	last []byte
}

func (r *lastBlock) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.last = append(r.last, p[max(0, n-512):n]...)
	r.last = r.last[max(0, len(r.last)-512):]
	return n, err
}

func (r *lastBlock) zero() bool {
	return len(r.last) == 512 && !slices.ContainsFunc(r.last, func(b byte) bool { return b != 0 })
}

// entry extracts one entry.
func (x *extractor) entry(ctx context.Context, h *tar.Header, data io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	if x.entries++; x.entries > orMax(x.limits.Entries) {
		return tooBig("more entries than can be meant", x.limits.Entries, "--max-entries")
	}
	list, err := components(h.Name)
	if err != nil {
		return err
	}
	if h.PAXRecords["SCHILY.fflags"] != "" {
		x.skipped.flags++
	}
	if len(list) == 0 {
		if h.Typeflag != tar.TypeDir {
			return errors.New("has no name")
		}
		a, err := x.attrs(h, kindDir)
		if err == nil {
			x.tree.attrs, x.tree.layer = a, x.layer
		}
		return err
	}
	base := list[len(list)-1]
	if x.layers && strings.HasPrefix(base, ".wh.") {
		return x.whiteout(list[:len(list)-1], strings.TrimPrefix(base, ".wh."))
	}
	switch h.Typeflag {
	case tar.TypeChar, tar.TypeBlock:
		x.skipped.devices++
		return nil
	}
	parent, err := descend(x.tree, list[:len(list)-1], x.implied)
	if err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return x.directory(parent, base, h)
	case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse, '\x00':
		return x.regular(ctx, parent, base, h, data)
	case tar.TypeSymlink:
		return x.symlink(parent, base, h)
	case tar.TypeLink:
		return x.hardLink(parent, base, h)
	case tar.TypeFifo:
		return x.fifo(parent, base, h)
	}
	return fmt.Errorf("is of an unknown type, %q", h.Typeflag)
}

// attrs are what a header says of an entry, as far as it is taken over.
func (x *extractor) attrs(h *tar.Header, k kind) (*attrs, error) {
	const setID = unix.S_ISUID | unix.S_ISGID
	a := &attrs{kind: k, mode: uint32(h.Mode) & 0o7777, mtime: h.ModTime, uid: h.Uid, gid: h.Gid}
	if h.Uid < 0 || h.Gid < 0 || int64(h.Uid) >= math.MaxUint32 || int64(h.Gid) >= math.MaxUint32 {
		return nil, fmt.Errorf("has the owner %d:%d", h.Uid, h.Gid)
	}
	if y := h.ModTime.Year(); y < 1902 || y > 2400 { // what file systems can keep
		a.mtime = time.Unix(0, 0)
	}
	switch {
	case k == kindDir:
		a.mode &^= unix.S_ISUID
	case k == kindLink:
		a.mode = 0o777
	case a.mode&setID != 0 && !x.setuid:
		a.mode &^= setID
		x.skipped.setuid++
	}
	if !x.owners { // the user must be able to read and remove what is theirs
		a.uid, a.gid = os.Geteuid(), os.Getegid()
		switch k {
		case kindDir:
			a.mode |= 0o700
		case kindFile:
			a.mode |= 0o400
		}
	}
	return a, nil
}

// implied makes a directory that has no entry, or none yet.
func (x *extractor) implied(at *cursor, name string) (*node, error) {
	if x.entries++; x.entries > orMax(x.limits.Entries) {
		return nil, tooBig("more entries than can be meant", x.limits.Entries, "--max-entries")
	}
	full := join(at.path(), name)
	if len(full) >= maxPath {
		return nil, errors.New("name too long")
	}
	if err := x.root.Mkdir(full, 0o700); err != nil {
		return nil, err
	}
	return x.add(at, name, x.ownDir()), nil
}

// ownDir is what a directory is like that no entry tells of.
func (x *extractor) ownDir() *attrs {
	a := &attrs{kind: kindDir, mode: 0o755, mtime: time.Now()}
	if !x.owners {
		a.uid, a.gid = os.Geteuid(), os.Getegid()
	}
	return a
}

func (x *extractor) add(at *cursor, name string, a *attrs) *node {
	n := &node{attrs: a, layer: x.layer}
	if a.kind == kindDir {
		n.children = map[string]*node{}
	}
	at.node().children[name] = n
	return n
}

// clear removes what is in the way of a new entry.
func (x *extractor) clear(at *cursor, name string) (full string, err error) {
	full = join(at.path(), name)
	if len(full) >= maxPath {
		return "", errors.New("name too long")
	}
	if at.node().children[name] == nil {
		return full, nil
	}
	delete(at.node().children, name)
	return full, x.root.RemoveAll(full)
}

func (x *extractor) directory(at *cursor, name string, h *tar.Header) error {
	a, err := x.attrs(h, kindDir)
	if err != nil {
		return err
	}
	if old := at.node().children[name]; old != nil && old.kind == kindDir {
		old.attrs, old.layer = a, x.layer
		return nil
	}
	full, err := x.clear(at, name)
	if err != nil {
		return err
	}
	if err := x.root.Mkdir(full, 0o700); err != nil { // gets its mode in finish
		return err
	}
	x.add(at, name, a)
	return nil
}

func (x *extractor) regular(ctx context.Context, at *cursor, name string, h *tar.Header, data io.Reader) error {
	a, err := x.attrs(h, kindFile)
	if err != nil {
		return err
	}
	full, err := x.clear(at, name)
	if err != nil {
		return err
	}
	if h.Size < 0 || x.size+h.Size < x.size || x.size+h.Size > orMax(x.limits.Size) {
		return tooBig("more bytes than can be meant", x.limits.Size, "--max-size")
	}
	x.size += h.Size
	f, err := x.root.OpenFile(full, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err = x.fill(ctx, f, data, h.Size, a); err == nil {
		err = x.dress(f, a)
	}
	if err2 := f.Close(); err == nil {
		err = err2
	}
	if err == nil {
		err = x.root.Chtimes(full, a.mtime, a.mtime)
	}
	x.add(at, name, a)
	return err
}

// fill writes a file, blocks of zeros as holes.
func (x *extractor) fill(ctx context.Context, f *os.File, data io.Reader, size int64, a *attrs) error {
	const block = 4096
	sum := sha256.New()
	for a.size < size {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.ReadFull(data, x.buf[:min(int64(len(x.buf)), size-a.size)])
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		chunk := x.buf[:n]
		sum.Write(chunk)
		for len(chunk) > 0 {
			zeros := isZero(chunk[:min(block, len(chunk))])
			end := min(block, len(chunk))
			for end < len(chunk) && isZero(chunk[end:min(end+block, len(chunk))]) == zeros {
				end = min(end+block, len(chunk))
			}
			if !zeros {
				if _, err := f.WriteAt(chunk[:end], a.size); err != nil {
					return err
				}
			}
			a.size += int64(end)
			chunk = chunk[end:]
		}
	}
	sum.Sum(a.sum[:0])
	return f.Truncate(size)
}

func isZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// dress gives an open file its owner and mode, in this order: chown clears bits.
func (x *extractor) dress(f *os.File, a *attrs) error {
	if x.owners {
		if err := x.ownable(f.Chown(a.uid, a.gid), a); err != nil {
			return err
		}
	}
	return unix.Fchmod(int(f.Fd()), a.mode)
}

// ownable forgives chown where the owner does not exist: root of a user namespace
// has few.
func (x *extractor) ownable(err error, a *attrs) error {
	if errors.Is(err, unix.EINVAL) {
		a.uid, a.gid = os.Geteuid(), os.Getegid()
		x.skipped.owners++
		return nil
	}
	return err
}

func (x *extractor) symlink(at *cursor, name string, h *tar.Header) error {
	a, err := x.attrs(h, kindLink)
	if err != nil {
		return err
	}
	if h.Linkname == "" || len(h.Linkname) >= maxPath || strings.IndexByte(h.Linkname, 0) >= 0 {
		return fmt.Errorf("is a symbolic link to %q", h.Linkname)
	}
	a.link = h.Linkname
	full, err := x.clear(at, name)
	if err != nil {
		return err
	}
	if err := x.root.Symlink(a.link, full); err != nil {
		return err
	}
	x.add(at, name, a)
	if x.owners {
		if err := x.ownable(x.root.Lchown(full, a.uid, a.gid), a); err != nil {
			return err
		}
	}
	return x.at(full, func(fd int, base string) error {
		ts := unix.NsecToTimespec(a.mtime.UnixNano())
		return unix.UtimesNanoAt(fd, base, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
	})
}

// at calls f with the directory of a path, for what os.Root cannot do.
func (x *extractor) at(full string, f func(fd int, base string) error) error {
	d, err := x.root.Open(path.Dir(full))
	if err != nil {
		return err
	}
	defer d.Close()
	return f(int(d.Fd()), path.Base(full))
}

// hardLink makes another name of a file that is in the tree already.
func (x *extractor) hardLink(at *cursor, name string, h *tar.Header) error {
	list, err := components(h.Linkname)
	if err != nil || len(list) == 0 {
		return fmt.Errorf("is a hard link to %q: %w", h.Linkname, errOutside)
	}
	to, err := descend(x.tree, list[:len(list)-1], nil)
	var target *node
	if err == nil {
		target = to.node().children[list[len(list)-1]]
	}
	if target == nil {
		return fmt.Errorf("is a hard link to %q, which is not in the archive before it", h.Linkname)
	}
	if target.kind == kindDir {
		return fmt.Errorf("is a hard link to the directory %q", h.Linkname)
	}
	if at.node().children[name] == target {
		return nil // to itself
	}
	from := join(to.path(), list[len(list)-1])
	// What is in the way may be what holds the target.
	if full := join(at.path(), name); strings.HasPrefix(from, full+"/") {
		return fmt.Errorf("is a hard link to %q, and would replace its directory", h.Linkname)
	}
	full, err := x.clear(at, name)
	if err != nil {
		return err
	}
	if err := x.root.Link(from, full); err != nil {
		return err
	}
	x.add(at, name, target.attrs)
	return nil
}

func (x *extractor) fifo(at *cursor, name string, h *tar.Header) error {
	a, err := x.attrs(h, kindFifo)
	if err != nil {
		return err
	}
	full, err := x.clear(at, name)
	if err != nil {
		return err
	}
	if err := x.at(full, func(fd int, base string) error { return unix.Mkfifoat(fd, base, 0o600) }); err != nil {
		return err
	}
	x.add(at, name, a)
	return x.byName(full, a)
}

// byName gives what cannot be opened its attributes. It is no symbolic link.
func (x *extractor) byName(full string, a *attrs) error {
	return x.at(full, func(fd int, base string) error {
		if x.owners {
			if err := x.ownable(unix.Fchownat(fd, base, a.uid, a.gid, unix.AT_SYMLINK_NOFOLLOW), a); err != nil {
				return err
			}
		}
		if err := unix.Fchmodat(fd, base, a.mode, 0); err != nil {
			return err
		}
		ts := unix.NsecToTimespec(a.mtime.UnixNano())
		return unix.UtimesNanoAt(fd, base, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
	})
}

// whiteout removes what lower layers have put at a name, or into a directory.
func (x *extractor) whiteout(list []string, name string) error {
	at, err := descend(x.tree, list, nil)
	if errors.Is(err, errMissing) {
		return nil
	}
	if err != nil {
		return err
	}
	switch {
	case name == ".wh..opq":
		for _, c := range at.node().names() {
			if err := x.hide(at, c); err != nil {
				return err
			}
		}
		return nil
	case strings.HasPrefix(name, ".wh."): // aufs' own
		return nil
	case name == "" || name == "." || name == "..":
		return errors.New("is a whiteout of nothing")
	}
	return x.hide(at, name)
}

// hide removes a name, but not what the present layer has put there.
func (x *extractor) hide(at *cursor, name string) error {
	n := at.node().children[name]
	if n == nil {
		return nil
	}
	if n.kind == kindDir {
		at.enter(name, n)
		for _, c := range n.names() {
			if err := x.hide(at, c); err != nil {
				return err
			}
		}
		at.up()
	}
	if n.layer == x.layer || len(n.children) > 0 {
		return nil
	}
	delete(at.node().children, name)
	return x.root.Remove(join(at.path(), name))
}

// finish gives directories their attributes, the deepest first: some forbid to write
// into them, and writing changes their times.
func (x *extractor) finish() error {
	type entry struct {
		path string
		*attrs
	}
	var dirs []entry
	_ = x.tree.walk(".", func(path string, n *node) error {
		if n.kind == kindDir {
			dirs = append(dirs, entry{path, n.attrs})
		}
		return nil
	})
	// Whatever the archive says, the tree itself belongs to whoever installs it, who
	// can enter and replace it.
	x.tree.mode |= 0o700
	x.tree.uid, x.tree.gid = os.Geteuid(), os.Getegid()
	for _, d := range slices.Backward(dirs) {
		f, err := x.root.Open(d.path)
		if err != nil {
			return err
		}
		err = x.dress(f, d.attrs)
		f.Close()
		if err == nil {
			err = x.root.Chtimes(d.path, d.mtime, d.mtime)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

package freebsd

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
)

// Where paths lead when a FreeBSD system lies in a directory of the host: its
// files come first, then the host's, as Linux programs see theirs on FreeBSD
// (kern_alternate_path).
//
//   - An absolute path is looked up under the prefix. What is not there is
//     looked up on the host. What is nowhere, and may be about to be created,
//     belongs where its directory was found.
//   - A relative path stays on the side where its directory is: who walks a
//     tree never leaves it.
//   - Symbolic links under the prefix mean what they mean to FreeBSD: an
//     absolute one is looked up as any absolute path is. So do the host's in
//     a directory that both have.
//   - The prefix is the root: ".." does not lead out of it.
//   - The prefix's own name on the host, "/compat/freebsd/etc", means the file
//     under the prefix and no other.
//
// The walk is done here, one component after another, with readlink(2) in the
// guest's own thread: all components of a path take one stop. The kernel then
// gets a path on the host in which no symbolic link is left that it would
// take for one of the host's.

// prefix is a host directory, absolute and without symbolic links, that is
// the root directory of a FreeBSD system; "" is none.
type prefix string

// cut gives the guest's name of a file on the host if it lies under the prefix.
func (p prefix) cut(host string) (string, bool) {
	rest, ok := strings.CutPrefix(host, string(p))
	switch {
	case p == "" || !ok:
		return "", false
	case rest == "":
		return "/", true
	}
	return rest, rest[0] == '/'
}

// guest is the name by which a guest knows a file of the host.
func (p prefix) guest(host string) string {
	if in, ok := p.cut(host); ok {
		return in
	}
	return host
}

// lookup is one path being resolved.
type lookup struct {
	t      *emul.Task
	prefix prefix
	follow bool // the last component, too, if it is a symbolic link
	under  bool // the host does not count
	// What is left of the path, and what has been resolved, below the prefix.
	rest, dir []string
	slash     bool   // the path ends in a slash
	links     int    // symbolic links followed so far
	plain     bool   // the path as given leads to the same file
	given     uint64 // where that is
	mark      int
	then      func(path uint64) emul.Action
}

// resolve goes on with a path for Linux that leads where the guest's path at
// the address given, relative to dir, leads under the prefix. follow says
// whether it does so through a symbolic link that is its last component. A
// path that cannot be read is left for the call itself to complain of.
func (p prefix) resolve(t *emul.Task, dir, given uint64, follow bool, then func(path uint64) emul.Action) emul.Action {
	s, err := guest.LoadString(t, guest.Addr(given), maxPath)
	switch {
	case p == "" || s == "" && err != guest.ErrTooLong:
		return then(given)
	case err != nil:
		return emul.Fail(abi.ENAMETOOLONG)
	}
	l := &lookup{t: t, prefix: p, follow: follow, given: given, mark: t.Mark(), then: then}
	if strings.HasPrefix(s, "/") {
		l.splice(s)
		return l.walk()
	}
	return directory(t, dir, func(host string, err error) emul.Action {
		in, ok := p.cut(host)
		if err != nil || !ok {
			return l.asGiven()
		}
		l.dir, l.under, l.plain = components(in), true, true
		l.splice(s)
		return l.walk()
	})
}

// directory goes on with the host's path of an open directory or AT_FDCWD.
func directory(t *emul.Task, dir uint64, then func(string, error) emul.Action) emul.Action {
	if int32(dir) != abi.AT_FDCWD {
		return hostPath(t, int64(int32(dir)), then)
	}
	buf, ok := t.AllocBytes(unix.PathMax)
	if !ok {
		return emul.Fail(abi.ENOMEM)
	}
	return emul.Host(unix.SYS_GETCWD, uint64(buf), unix.PathMax).Atomic().Then(func(r emul.Ret) emul.Action {
		if r.Err() != nil {
			return then("", r.Err())
		}
		s, err := guest.LoadString(t, buf, unix.PathMax)
		return then(s, err)
	})
}

func components(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

// splice puts a path, the guest's or a symbolic link's, before the rest.
func (l *lookup) splice(s string) {
	if strings.HasPrefix(s, "/") {
		l.dir = nil
		s, l.under = l.prefix.cutName(s)
	}
	if len(l.rest) == 0 && strings.HasSuffix(s, "/") {
		l.slash, l.follow = true, true
	}
	l.rest = append(components(s), l.rest...)
	for _, c := range l.rest {
		l.plain = l.plain && c != ".."
	}
}

// cutName is cut for a path that a guest has written.
func (p prefix) cutName(s string) (string, bool) {
	if in, ok := p.cut(s); ok {
		return in, true
	}
	return s, false
}

// enter is the directory that a component leads to.
func enter(dir []string, c string) []string {
	switch c {
	case ".":
		return dir
	case "..":
		return dir[:max(len(dir)-1, 0)]
	}
	return append(dir[:len(dir):len(dir)], c)
}

func (l *lookup) hostName(dir []string, rest ...string) string {
	if len(rest) == 1 && rest[0] == ".." && len(dir) == 0 {
		rest[0] = "."
	}
	return string(l.prefix) + "/" + strings.Join(append(dir[:len(dir):len(dir)], rest...), "/")
}

func (l *lookup) guestName() string {
	return "/" + strings.Join(append(l.dir[:len(l.dir):len(l.dir)], l.rest...), "/")
}

// store puts a path into scratch memory, 0 when there is no room.
func (l *lookup) store(s string) uint64 {
	at, ok := l.t.AllocBytes(len(s) + 1)
	if !ok || l.t.WriteMem(at, append([]byte(s), 0)) != nil {
		return 0
	}
	return uint64(at)
}

// walkRoom is how many bytes of names are looked at in one stop.
const walkRoom = 8 << 10

// walk resolves the rest: it asks of each component whether it is a symbolic
// link. EINVAL says that it is there and is none.
func (l *lookup) walk() emul.Action {
	l.t.Release(l.mark)
	buf, ok := l.t.AllocBytes(1)
	if !ok {
		return emul.Fail(abi.ENOMEM)
	}
	var calls []emul.Call
	ask := func(name string) bool {
		at := l.store(name)
		calls = append(calls, emul.NewCall(unix.SYS_READLINK, at, uint64(buf), 1))
		return at != 0
	}
	if !ask(l.guestName()) { // on the host
		return emul.Fail(abi.ENOMEM)
	}
	dir, n := l.dir, 0
	for _, c := range l.rest {
		if n > 0 && l.t.Mark()-l.mark > walkRoom {
			break
		}
		if !ask(l.hostName(dir, c)) {
			return emul.Fail(abi.ENOMEM)
		}
		dir = enter(dir, c)
		n++
	}
	return emul.Batch(calls...).ThenAll(func(rets []emul.Ret) emul.Action { return l.walked(rets[0], rets[1:]) })
}

// walked goes on with what walk has learnt: of the path on the host, and of
// components under the prefix.
func (l *lookup) walked(onHost emul.Ret, rets []emul.Ret) emul.Action {
	there := onHost.Err() == nil || onHost.Err() == unix.EINVAL
	for _, r := range rets {
		c, last := l.rest[0], len(l.rest) == 1
		switch {
		case r.Err() == unix.EINVAL && last && (c == "." || c == ".."):
			return l.found() // the name counts for rmdir and rename
		case r.Err() == unix.EINVAL:
			l.dir, l.rest = enter(l.dir, c), l.rest[1:]
		case r.Err() == nil && len(l.dir) > 0 && l.dir[0] == "proc":
			return l.found() // in a mounted procfs, what a link says is not where it leads
		case r.Err() == nil && (!last || l.follow):
			return l.readLink(l.hostName(l.dir, c), "", l.rest[1:])
		case r.Err() == unix.ENOENT && !l.under && (!last || there):
			return l.host()
		default:
			return l.found() // or the kernel will say what is wrong
		}
	}
	if len(l.rest) > 0 {
		return l.walk()
	}
	return l.found()
}

// readLink goes on behind a symbolic link. name is the host's for it; what it
// says is put before the rest, behind the directory dir where it is relative.
func (l *lookup) readLink(name, dir string, rest []string) emul.Action {
	if l.links++; l.links > maxLinks {
		return emul.Fail(abi.ELOOP)
	}
	l.t.Release(l.mark)
	at := l.store(name)
	buf, ok := l.t.AllocBytes(maxPath)
	if at == 0 || !ok {
		return emul.Fail(abi.ENOMEM)
	}
	return emul.Host(unix.SYS_READLINK, at, uint64(buf), maxPath).Atomic().Then(func(r emul.Ret) emul.Action {
		if r.Err() != nil {
			return emul.Fail(r.Err())
		}
		b, err := guest.Ptr[byte](buf).LoadN(l.t, int(r.Val))
		if err != nil {
			return emul.Fail(err)
		}
		if len(b) == 0 || len(b) == maxPath {
			return emul.Fail(abi.ENOENT)
		}
		if b[0] != '/' {
			b = append([]byte(dir), b...)
		}
		l.plain, l.rest = false, rest
		l.splice(string(b))
		return l.walk()
	})
}

// found goes on with the path under the prefix.
func (l *lookup) found() emul.Action {
	if l.plain {
		return l.asGiven()
	}
	return l.done(l.hostName(l.dir, l.rest...))
}

// host goes on with the path on the host. If both sides have its first
// directory, symbolic links of the host count as those under the prefix do:
// where /bin is one, /bin/uname is /usr/bin/uname, which the prefix may have.
func (l *lookup) host() emul.Action {
	if len(l.dir) == 0 || l.dir[0] == "proc" {
		return l.onHost()
	}
	parts := append(l.dir[:len(l.dir):len(l.dir)], l.rest...)
	last := len(parts)
	if !l.follow {
		last--
	}
	l.t.Release(l.mark)
	buf, ok := l.t.AllocBytes(1)
	if !ok {
		return emul.Fail(abi.ENOMEM)
	}
	var calls []emul.Call
	for i := 0; i < last && l.t.Mark()-l.mark < walkRoom; i++ {
		at := l.store("/" + strings.Join(parts[:i+1], "/"))
		if at == 0 {
			return emul.Fail(abi.ENOMEM)
		}
		calls = append(calls, emul.NewCall(unix.SYS_READLINK, at, uint64(buf), 1))
	}
	return emul.Batch(calls...).ThenAll(func(rets []emul.Ret) emul.Action {
		for i, r := range rets {
			if r.Err() == nil {
				dir := "/" + strings.Join(append(parts[:i:i], ""), "/")
				return l.readLink("/"+strings.Join(parts[:i+1], "/"), dir, parts[i+1:])
			}
		}
		return l.onHost()
	})
}

func (l *lookup) onHost() emul.Action {
	if l.links == 0 {
		return l.asGiven()
	}
	return l.done(l.guestName())
}

func (l *lookup) done(s string) emul.Action {
	if l.slash && !strings.HasSuffix(s, "/") {
		s += "/"
	}
	l.t.Release(l.mark)
	at := l.store(s)
	if at == 0 {
		return emul.Fail(abi.ENOMEM)
	}
	return l.then(at)
}

func (l *lookup) asGiven() emul.Action {
	l.t.Release(l.mark)
	return l.then(l.given)
}

// lookupRules is a flag argument that says how a call looks its paths up.
type lookupRules interface {
	noFollow() bool // the last component is meant itself
	beneath() bool  // the path may not leave its directory at all
}

// translate replaces the path arguments of a call by those that lead where
// they lead under the process's prefix, then goes on. Args stay the guest's,
// for the trace.
func translate(t *emul.Task, row *emul.Row) emul.Action {
	args := t.Args
	types := row.Types(&args)
	flags := lookupFlags(types)
	var next func(i int) emul.Action
	next = func(i int) emul.Action {
		for ; i < len(types); i++ {
			var follow bool
			switch types[i].(type) {
			case Path:
				follow = flags == nil || !flags.noFollow()
			case Name:
			default:
				continue
			}
			dir := cwd
			if i > 0 {
				if fd, ok := types[i-1].(FD); ok {
					dir = uint64(fd)
				}
			}
			return procOf(t).prefix.resolve(t, dir, args[i], follow, func(at uint64) emul.Action {
				args[i] = at
				return next(i + 1)
			})
		}
		return serve(t, row, &args)
	}
	if flags != nil && flags.beneath() {
		return serve(t, row, &args)
	}
	return next(0)
}

func lookupFlags(types []any) lookupRules {
	for _, a := range types {
		if f, ok := a.(lookupRules); ok {
			return f
		}
	}
	return nil
}

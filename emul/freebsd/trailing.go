package freebsd

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
)

// maxLinks is MAXSYMLINKS (sys/param.h).
const maxLinks = 32

// followTrailing goes on with a path whose last component is no symbolic link
// if a slash follows it. FreeBSD follows such a link in every call
// (vfs_lookup.c, TRAILINGSLASH): mkdir("link/") makes the directory that link
// points to. Linux does so in some, and not when it makes, removes or renames.
func followTrailing(t *emul.Task, fd FD, path Name, then func(Name) emul.Action) emul.Action {
	s, err := guest.LoadString(t, guest.Addr(path), maxPath)
	if err != nil || !strings.HasSuffix(s, "/") {
		return then(path)
	}
	name := strings.TrimRight(s, "/")
	if name == "" {
		return then(path)
	}
	at, ok1 := t.AllocBytes(2 * maxPath)
	out, ok2 := t.AllocBytes(maxPath)
	if !ok1 || !ok2 {
		return emul.Fail(abi.ENOMEM)
	}
	var step func(name string, links int) emul.Action
	step = func(name string, links int) emul.Action {
		if len(name) >= 2*maxPath-2 {
			return emul.Fail(abi.ENAMETOOLONG)
		}
		if err := t.WriteMem(at, append([]byte(name), 0)); err != nil {
			return emul.Fail(err)
		}
		return emul.Host(unix.SYS_READLINKAT, uint64(fd), uint64(at), uint64(out), maxPath).
			Then(func(r emul.Ret) emul.Action {
				switch {
				case r.Interrupted:
					return emul.Finish(r)
				case r.Err() != nil && links == 0:
					return then(path)
				case r.Err() != nil:
					if err := t.WriteMem(at, append([]byte(name), '/', 0)); err != nil {
						return emul.Fail(err)
					}
					return then(Name(at))
				case links == maxLinks:
					return emul.Fail(abi.ELOOP)
				}
				b, err := guest.Ptr[byte](out).LoadN(t, int(r.Val))
				if err != nil {
					return emul.Fail(err)
				}
				return step(linkTarget(name, string(b)), links+1)
			})
	}
	return step(name, 0)
}

// linkTarget is the path that a link's target means, without slashes at its end.
func linkTarget(link, target string) string {
	if !strings.HasPrefix(target, "/") {
		target = link[:strings.LastIndexByte(link, '/')+1] + target
	}
	if t := strings.TrimRight(target, "/"); t != "" {
		return t
	}
	return "/"
}

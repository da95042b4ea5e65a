package freebsd

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/config"
	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/guest"
)

// Which directory is a process's root, and which one its prefix.

// fallback is the prefix for programs whose interpreter is not where they say
// (config.ModeAuto), "" if there is none.
func (o *OS) fallback() prefix {
	if o.Mode != config.ModeAuto || o.Root == "" {
		return ""
	}
	root, err := filepath.EvalSymlinks(o.Root)
	if err != nil {
		return ""
	}
	return newPrefix(root)
}

// newPrefix: under "/" everything is where it is anyway.
func newPrefix(dir string) prefix {
	if dir == "/" {
		return ""
	}
	return prefix(dir)
}

// enterRoot gives the first program of a tree its prefix or root, as
// configured, and goes on with then.
func (p *program) enterRoot(then func() emul.Action) emul.Action {
	o := procOf(p.t).os
	switch {
	case o.Root == "" || o.Root == "/" || o.Mode == config.ModeAuto:
		return then()
	case o.Mode == config.ModePrefix:
		p.prefix = newPrefix(o.Root)
		return then()
	}
	dir := fmt.Sprintf("%s\x00/\x00", o.Root)
	at, err := allocBytes(p.t, []byte(dir))
	if err != nil {
		return p.fail(err)
	}
	return emul.Host(unix.SYS_CHROOT, uint64(at)).Atomic().Then(func(r emul.Ret) emul.Action {
		if err := r.Err(); err != nil {
			return p.abandon(fmt.Errorf("chroot to %s: %w", o.Root, err))
		}
		// A working directory that is in there stays.
		return directory(p.t, cwd, func(now string, err error) emul.Action {
			if err == nil && strings.HasPrefix(now, "/") {
				return then()
			}
			return emul.Host(unix.SYS_CHDIR, uint64(at)+uint64(len(o.Root))+1).Atomic().
				Then(func(emul.Ret) emul.Action { return then() })
		})
	})
}

// rerooted is told that the process has changed its root directory: there is
// no prefix any more, and perhaps another release.
func (p *process) rerooted() {
	p.prefix = ""
	p.release.rooted = p.os.Release != ""
}

// release is a version of FreeBSD.
type release struct {
	name   string // kern.osrelease, such as "13.2-RELEASE"
	date   int32  // kern.osreldate, such as 1302001
	rooted bool   // the root directory's, or configured: whatever programs were made for
}

// defaultRelease is for programs that need no root directory and do not tell.
const defaultRelease = "13.2-RELEASE"

func (o *OS) firstRelease() release {
	if o.Release != "" {
		return release{o.Release, releaseDate(o.Release), true}
	}
	return release{defaultRelease, releaseDate(defaultRelease), false}
}

// releaseDates are the dates (__FreeBSD_version, sys/param.h) of the releases
// that did not come out with a round one.
var releaseDates = [...]struct{ round, date int32 }{
	{1300000, 1300139}, {1302000, 1302001}, {1303000, 1303001}, {1400000, 1400097}, {1500000, 1500068},
}

// releaseDate is the date that belongs to a name, 0 if it is none.
func releaseDate(name string) int32 {
	number, _, ok := strings.Cut(name, "-")
	x, y, ok2 := strings.Cut(number, ".")
	major, err1 := strconv.ParseUint(x, 10, 8)
	minor, err2 := strconv.ParseUint(y, 10, 8)
	if !ok || !ok2 || err1 != nil || err2 != nil {
		return 0
	}
	round := int32(major)*100000 + int32(minor)*1000
	for _, r := range releaseDates {
		if r.round == round {
			return r.date
		}
	}
	return round
}

// releaseName is the name that belongs to a date.
func releaseName(date int32) string {
	return fmt.Sprintf("%d.%d-RELEASE", date/100000, date/1000%100)
}

// userlandVersion is how /bin/freebsd-version, a shell script, tells which
// release it belongs to.
const userlandVersion = "\nUSERLAND_VERSION=\""

// UserlandRelease is the release, such as "13.2-RELEASE", of the FreeBSD system
// whose bin/freebsd-version begins with text; "" if it does not say.
func UserlandRelease(text string) string {
	_, name, ok := strings.Cut(text, userlandVersion)
	name, _, end := strings.Cut(name, "\"")
	if !ok || !end {
		return ""
	}
	return name
}

// learnRelease decides what the program will be told. With a root directory
// of FreeBSD's it is that one's release, by bin/freebsd-version and the ABI
// note of the run-time linker: libc and others judge the kernel by it. Else it
// is at least what the program was built for, and no older than before. (Go
// programs say 12.3, for the sake of old kernels.)
func (p *program) learnRelease(then func() emul.Action) emul.Action {
	was := procOf(p.t).release
	p.release = was
	if was.rooted {
		return then()
	}
	if p.image.Osreldate > was.date {
		p.release = release{name: releaseName(p.image.Osreldate), date: p.image.Osreldate}
	}
	if p.prefix == "" && p.interp == nil {
		return then()
	}
	var note int32
	if p.interp != nil {
		note = p.interp.image.Osreldate
	}
	return p.readVersion(func(name string) emul.Action {
		switch date := releaseDate(name); {
		case date == 0 && note == 0:
		case date == 0:
			p.release = release{releaseName(note), note, true}
		case note/1000 == date/1000: // it knows better
			p.release = release{name, note, true}
		default:
			p.release = release{name, date, true}
		}
		return then()
	})
}

// readVersion goes on with what bin/freebsd-version says, "" if it cannot be read.
func (p *program) readVersion(then func(name string) emul.Action) emul.Action {
	t, mark := p.t, p.t.Mark()
	none := func() emul.Action {
		t.Release(mark)
		return then("")
	}
	at, err := allocBytes(t, []byte(string(p.prefix)+"/bin/freebsd-version\x00"))
	buf, ok := t.AllocBytes(pageSize)
	if err != nil || !ok {
		return none()
	}
	return emul.Host(unix.SYS_OPENAT, cwd, uint64(at), unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0).Atomic().Then(func(r emul.Ret) emul.Action {
		if r.Err() != nil {
			return none()
		}
		fd := uint64(r.Val)
		return emul.Batch(
			emul.NewCall(unix.SYS_PREAD64, fd, uint64(buf), pageSize, 0),
			emul.NewCall(unix.SYS_CLOSE, fd),
		).ThenAll(func(rets []emul.Ret) emul.Action {
			if rets[0].Err() != nil {
				return none()
			}
			text, err := guest.Ptr[byte](buf).LoadN(t, int(rets[0].Val))
			if err != nil {
				return none()
			}
			t.Release(mark)
			return then(UserlandRelease(string(text)))
		})
	})
}

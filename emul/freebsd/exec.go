package freebsd

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
	"github.com/lsf-linux/lsf/emul/host"
	"github.com/lsf-linux/lsf/loader"
)

// procImage is what is known of the program that runs.
type procImage struct {
	path                           string // absolute where possible, and without symbolic links
	argv                           []string
	psStrings, usrstack, stackSize uint64
	auxv, auxvLen                  uint64 // where the auxiliary vector was put
}

// Where programs are put (amd64/include/vmparam.h, imgact_elf.c).
const (
	usrstack   = host.AddrMax // USRSTACK of FreeBSD/amd64, which is Linux's end of user space too
	pieBase    = 0x1021000    // ET_DYN_LOAD_ADDR
	interpBase = 0x800000000
	maxStack   = 512 << 20 // maxssiz
)

// openToLoad are the flags by which programs are opened: a FIFO or a terminal
// among them must do no harm.
const openToLoad = unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NOCTTY | unix.O_NONBLOCK

// reserved is where no program may lie: LSF's region and the stack.
func reserved() [][2]uint64 {
	return append(host.Regions[:len(host.Regions):len(host.Regions)], [2]uint64{usrstack - maxStack, usrstack})
}

// program is an execve under way.
type program struct {
	t        *emul.Task
	path     string // the file being loaded, as given
	absPath  string // the same, absolute
	realPath string // without symbolic links
	pathAt   uint64 // and where the guest has it, 0 if it does not
	dirfd    int32
	argv     []string
	envv     []string
	argvAt   uint64 // the guest's own vectors, for a Linux program
	envvAt   uint64
	prefix   prefix // where the program will look paths up first
	byFD     bool   // fexecve: path is made up
	script   bool   // an interpreter of a script is being loaded
	initial  bool   // there is no program to go back to: failure ends the process
	late     bool   // it is an interpreter, which FreeBSD loads when the old program is gone
	fd       int32
	size     int64
	pages    filePages
	image    *loader.Image
	interp   *program // the image's interpreter, when it has one
	scratch  guest.Addr
	release  release // what the program will be told
}

func execve(t *emul.Task, path Path, argv, envv Vector) emul.Action {
	return execAt(t, unix.AT_FDCWD, path, argv, envv)
}

func fexecve(t *emul.Task, fd FD, argv, envv Vector) emul.Action {
	p, err := newProgram(t, argv, envv)
	if err != nil {
		return emul.Fail(err)
	}
	p.path, p.byFD = fmt.Sprintf("/dev/fd/%d", fd), true
	return emul.Host(unix.SYS_FCNTL, uint64(fd), unix.F_DUPFD_CLOEXEC, 0).Atomic().Then(func(r emul.Ret) emul.Action {
		if r.Err() != nil {
			return emul.Finish(r)
		}
		p.fd = int32(r.Val)
		return p.inspect()
	})
}

func execAt(t *emul.Task, dirfd int32, path Path, argv, envv Vector) emul.Action {
	// The dispatcher may have translated path: t.Args has what the guest gave.
	// It is read before the arguments (exec_copyin_args).
	name, err := guest.LoadString(t, guest.Addr(t.Args[0]), maxPath)
	if err != nil {
		return emul.Fail(err)
	}
	p, err := newProgram(t, argv, envv)
	if err != nil {
		return emul.Fail(err)
	}
	p.path, p.dirfd, p.pathAt = name, dirfd, uint64(path)
	return p.open(uint64(path))
}

func newProgram(t *emul.Task, argv, envv Vector) (*program, error) {
	p := &program{t: t, prefix: procOf(t).prefix, argvAt: uint64(argv), envvAt: uint64(envv)}
	room := argMax
	if argv == 0 {
		return nil, abi.EFAULT
	}
	var err error
	if p.argv, err = loadVector(t, argv, &room); err != nil {
		return nil, err
	}
	if envv != 0 {
		p.envv, err = loadVector(t, envv, &room)
	}
	if err == nil && len(p.argv) == 0 {
		err = abi.EINVAL
	}
	return p, err
}

// loadVector reads a vector of strings; room is how many bytes it may take
// with its terminators (E2BIG, exec_copyin_args).
func loadVector(t *emul.Task, at Vector, room *int) ([]string, error) {
	var v []string
	for {
		var ptrs [64]uint64
		n := min(len(ptrs), (pageSize-int(at%pageSize))/8)
		if n == 0 {
			n = 1 // an unaligned pointer across a page's end
		}
		got, err := guest.Ptr[uint64](at).LoadN(t, n)
		if err != nil {
			return nil, err
		}
		for _, a := range got {
			if a == 0 {
				return v, nil
			}
			s, err := guest.LoadString(t, guest.Addr(a), *room)
			if err == guest.ErrTooLong {
				return nil, abi.E2BIG
			} else if err != nil {
				return nil, err
			}
			if *room -= len(s) + 1; *room <= 0 {
				return nil, abi.E2BIG
			}
			v = append(v, s)
		}
		at += Vector(8 * n)
	}
}

// fail ends the attempt: the guest gets the error, unless there is none left
// to get it, or FreeBSD would have given up the old program by then.
func (p *program) fail(err error) emul.Action {
	var e *loader.Error
	late := p.late || errors.As(err, &e) && e.Late
	var le loader.Errno
	if errors.As(err, &le) {
		p.t.Loop().Debugf("pid %d: exec %s: %v", p.t.Proc.Pid, p.path, err)
		err = abi.Errno(le)
	}
	switch {
	case p.initial:
		return p.abandon(err)
	case late: // kern_exec.c do_execve
		p.t.Loop().Debugf("pid %d: exec %s: %v: there is no way back", p.t.Proc.Pid, p.path, err)
		return die(p.t, abi.SIGABRT)
	}
	var calls []emul.Call
	for _, q := range []*program{p, p.interp} {
		if q != nil && q.fd >= 0 {
			calls = append(calls, emul.NewCall(unix.SYS_CLOSE, uint64(q.fd)))
		}
	}
	return emul.Batch(calls...).ThenAll(func([]emul.Ret) emul.Action { return emul.Fail(err) })
}

// abandon prints one line on the process's own standard error and ends it
// with a shell's status for a command that cannot be run.
func (p *program) abandon(err error) emul.Action {
	status := uint64(126)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, abi.ENOENT) {
		status = 127
	}
	msg := fmt.Sprintf("lsf: %s: %v\n", p.path, err)
	at, ok := p.t.AllocBytes(len(msg))
	if !ok || p.t.WriteMem(at, []byte(msg)) != nil {
		return emul.Tail(unix.SYS_EXIT_GROUP, status)
	}
	return emul.Batch(emul.NewCall(unix.SYS_WRITE, 2, uint64(at), uint64(len(msg))),
		emul.NewCall(unix.SYS_EXIT_GROUP, status))
}

// open opens the file for reading, after the checks of exec_check_permissions:
// it must be a regular file and executable.
func (p *program) open(pathAt uint64) emul.Action {
	p.fd = -1
	return emul.Host(unix.SYS_OPENAT, uint64(p.dirfd), pathAt, openToLoad, 0).
		Atomic().Then(func(r emul.Ret) emul.Action {
		if err := r.Err(); err == unix.EACCES && p.pathAt != 0 {
			// Perhaps it may be executed but not read: then only Linux can,
			// through the binfmt_misc entry.
			return p.native(err)
		} else if err != nil {
			return p.fail(err)
		}
		p.fd = int32(r.Val)
		return p.inspect()
	})
}

// inspect checks permissions and reads the first page.
func (p *program) inspect() emul.Action {
	t := p.t
	empty, err := emul.AllocStore(t, [8]byte{})
	if err != nil {
		return p.fail(err)
	}
	st := emul.Alloc[unix.Stat_t](t)
	if p.scratch == 0 {
		p.scratch, _ = t.AllocBytes(pageSize)
	}
	cwd, _ := t.AllocBytes(maxPath)
	fd := uint64(p.fd)
	link, err := allocBytes(t, []byte("/proc/self/fd/"+itoa(int64(p.fd))+"\x00"))
	real, ok := t.AllocBytes(maxPath)
	if err != nil || !ok {
		return p.fail(abi.ENOMEM)
	}
	return emul.Batch(
		emul.NewCall(unix.SYS_FSTAT, fd, uint64(st)),
		emul.NewCall(unix.SYS_FACCESSAT2, fd, uint64(empty), unix.X_OK, unix.AT_EACCESS|unix.AT_EMPTY_PATH),
		emul.NewCall(unix.SYS_PREAD64, fd, uint64(p.scratch), pageSize, 0),
		emul.NewCall(unix.SYS_GETCWD, uint64(cwd), maxPath),
		emul.NewCall(unix.SYS_READLINK, uint64(link), uint64(real), maxPath),
	).ThenAll(func(r []emul.Ret) emul.Action {
		s, err := st.Load(t)
		switch {
		case err != nil:
			return p.fail(err)
		case r[0].Err() != nil:
			return p.fail(r[0].Err())
		case s.Mode&unix.S_IFMT != unix.S_IFREG:
			return p.fail(abi.EACCES)
		case r[1].Err() == unix.EACCES:
			return p.fail(abi.EACCES)
		case r[1].Err() != nil && s.Mode&0o111 == 0: // a kernel without faccessat2
			return p.fail(abi.EACCES)
		case r[2].Err() != nil:
			return p.fail(r[2].Err())
		}
		p.size = s.Size
		p.absPath = p.path
		if dir, err := guest.LoadString(t, cwd, maxPath); err == nil && r[3].Err() == nil && p.path != "" && p.path[0] != '/' && p.dirfd == unix.AT_FDCWD {
			p.absPath = path.Join(dir, p.path)
		}
		p.absPath = p.prefix.guest(p.absPath)
		p.realPath = p.absPath
		if n := r[4].Val; n > 0 && n < maxPath { // else there is no /proc
			b, err := guest.Ptr[byte](real).LoadN(t, int(n))
			if err != nil {
				return p.fail(err)
			}
			if s := string(b); s[0] == '/' && !strings.HasSuffix(s, " (deleted)") {
				p.realPath = p.prefix.guest(s)
			}
		} else if s, err := os.Readlink(hostProc(fmt.Sprintf("/proc/%d/fd/%d", t.Tid, p.fd))); err == nil && s[0] == '/' {
			p.realPath = procOf(t).rootSeen().guest(s)
		}
		if p.byFD {
			p.absPath = p.realPath
		}
		if err := p.keep(0, int(r[2].Val)); err != nil {
			return p.fail(err)
		}
		return p.activate()
	})
}

// activate chooses by the first page what kind of program it is.
func (p *program) activate() emul.Action {
	kind, script, err := loader.Classify(p.pages.data[0])
	if err != nil {
		return p.fail(err)
	}
	switch kind {
	case loader.KindFreeBSD:
		return p.load()
	case loader.KindScript:
		return p.interpret(script)
	case loader.KindLinux:
		if p.script || p.pathAt == 0 {
			return p.native(abi.ENOEXEC)
		}
		return p.native(nil)
	}
	return p.fail(abi.ENOEXEC)
}

// interpret goes on with a script's interpreter (imgact_shell.c).
func (p *program) interpret(s *loader.Script) emul.Action {
	if p.script {
		return p.fail(abi.ENOEXEC) // a script cannot interpret scripts
	}
	q := *p
	q.script, q.path = true, s.Interp
	q.argv = []string{s.Interp}
	if s.HasArg {
		q.argv = append(q.argv, s.Arg)
	}
	q.argv = append(q.argv, p.path)
	if len(p.argv) > 1 {
		q.argv = append(q.argv, p.argv[1:]...)
	}
	q.pages, q.scratch, q.dirfd = filePages{}, 0, unix.AT_FDCWD
	at, ok := p.t.AllocBytes(len(s.Interp) + 1)
	if !ok {
		return p.fail(abi.ENAMETOOLONG)
	}
	if err := p.t.WriteMem(at, append([]byte(s.Interp), 0)); err != nil {
		return p.fail(err)
	}
	return emul.Host(unix.SYS_CLOSE, uint64(p.fd)).Atomic().Then(func(emul.Ret) emul.Action {
		return q.prefix.resolve(p.t, cwd, uint64(at), true, q.open)
	})
}

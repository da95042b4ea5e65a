package freebsd

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/freebsd/xlat"
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

// native has Linux execute the file, because it is a Linux program or the
// interpreter of a script is one. cause, if any, is what to answer when even
// Linux refuses.
func (p *program) native(cause error) emul.Action {
	t := p.t
	t.Note()
	calls := procOf(t).hostDispositions()
	args := [5]uint64{uint64(uint32(p.dirfd)), p.pathAt, p.argvAt, p.envvAt, 0}
	if p.initial {
		var err error
		if args, err = p.buildNative(); err != nil {
			return p.fail(err)
		}
	}
	exec := emul.ExecNative(args, func(err error) emul.Action {
		if p.initial {
			return p.abandon(err)
		}
		return emul.Fail(err)
	})
	if p.fd >= 0 {
		calls = append(calls, emul.NewCall(unix.SYS_CLOSE, uint64(p.fd)))
	}
	return emul.Batch(calls...).ThenAll(func([]emul.Ret) emul.Action { return exec })
}

// buildNative writes the vectors of the first program of a tree to scratch
// memory: there is no guest yet that would hold them.
func (p *program) buildNative() (args [5]uint64, err error) {
	vec := func(v []string) uint64 {
		ptrs := make([]uint64, len(v)+1)
		for i, s := range v {
			at, ok := p.t.AllocBytes(len(s) + 1)
			if !ok {
				err = abi.E2BIG
				return 0
			}
			if e := p.t.WriteMem(at, append([]byte(s), 0)); e != nil {
				err = e
			}
			ptrs[i] = uint64(at)
		}
		at, ok := p.t.AllocBytes(8 * len(ptrs))
		if !ok {
			err = abi.E2BIG
			return 0
		}
		if e := guest.Ptr[uint64](at).StoreN(p.t, ptrs); e != nil {
			err = e
		}
		return uint64(at)
	}
	path := guest.Addr(p.pathAt)
	if path == 0 {
		path, err = allocBytes(p.t, append([]byte(p.path), 0))
	}
	argv, envv := vec(p.argv), vec(p.envv)
	return [5]uint64{cwd, uint64(path), argv, envv, 0}, err
}

// hostDispositions are the calls that make Linux ignore what the guest
// ignores, for a program that will be Linux's alone.
func (p *process) hostDispositions() []emul.Call {
	t := p.Any()
	var calls []emul.Call
	var ign uint64
	for s := abi.Signal(1); s <= abi.SIGRTMAX; s++ {
		h := xlat.HostSignal(s)
		if h == 0 || p.sig.acts[s].Handler != abi.SIG_IGN || p.sig.hostIgnored&(1<<(h-1)) != 0 {
			continue
		}
		if ign == 0 {
			at, err := emul.AllocStore(t, hostAct{handler: abi.SIG_IGN})
			if err != nil {
				return calls
			}
			ign = uint64(at)
		}
		calls = append(calls, emul.NewCall(unix.SYS_RT_SIGACTION, uint64(h), ign, 0, 8))
	}
	return calls
}

// filePages is the part of a file that has been read so far. As an
// io.ReaderAt it fails with *missing for the rest: the program then reads
// that page in the guest's context and tries again.
type filePages struct {
	data map[int64][]byte // by page number; shorter than a page at the end of the file
	size int64
}

type missing struct{ page int64 }

func (m *missing) Error() string { return fmt.Sprintf("page %d of the file is not read yet", m.page) }

// ReadAt implements io.ReaderAt.
func (f *filePages) ReadAt(b []byte, off int64) (int, error) {
	n := 0
	for n < len(b) {
		pos := off + int64(n)
		if pos < 0 || pos >= f.size {
			return n, io.EOF
		}
		pg, ok := f.data[pos/pageSize]
		if !ok {
			return n, &missing{pos / pageSize}
		}
		in := int(pos % pageSize)
		if in >= len(pg) {
			return n, io.EOF
		}
		n += copy(b[n:], pg[in:])
	}
	return n, nil
}

// keep copies n bytes of scratch memory to the pages read.
func (p *program) keep(page int64, n int) error {
	b := make([]byte, n)
	if p.pages.data == nil {
		p.pages = filePages{data: map[int64][]byte{}, size: p.size}
	}
	p.pages.data[page] = b
	return p.t.ReadMem(p.scratch, b)
}

// load parses the file, as often as it takes to have read what that needs.
func (p *program) load() emul.Action {
	opts := loader.Options{Bias: pieBase, Forbidden: reserved(), Size: p.size}
	img, err := loader.Load(&p.pages, opts)
	var m *missing
	if errors.As(err, &m) {
		return p.fetch(m.page, p.load)
	}
	if err != nil {
		return p.fail(err)
	}
	p.image = img
	if img.Interp != "" {
		return p.openInterp()
	}
	return p.replace()
}

// fetch reads a page of the file, then goes on.
func (p *program) fetch(page int64, then func() emul.Action) emul.Action {
	if len(p.pages.data) > 64 {
		return p.fail(abi.ENOEXEC) // no sane program needs so many pages for its headers
	}
	return emul.Host(unix.SYS_PREAD64, uint64(p.fd), uint64(p.scratch), pageSize, uint64(page*pageSize)).
		Atomic().Then(func(r emul.Ret) emul.Action {
		if r.Err() != nil {
			return p.fail(r.Err())
		}
		if err := p.keep(page, int(r.Val)); err != nil {
			return p.fail(err)
		}
		return then()
	})
}

// openInterp loads the dynamic linker that the program asks for. Where there is
// none, the one under the configured root is taken, and what else the program
// will look for is looked up there, too.
func (p *program) openInterp() emul.Action {
	return p.tryInterp(func(err error) emul.Action {
		root := procOf(p.t).os.fallback()
		if err != unix.ENOENT || p.prefix != "" || root == "" {
			return p.noInterp(err)
		}
		p.prefix = root
		return p.tryInterp(p.noInterp)
	})
}

func (p *program) noInterp(err error) emul.Action {
	if p.initial {
		return p.abandon(fmt.Errorf("it needs %s, and no directory of a FreeBSD system that has it is configured: %w", p.image.Interp, err))
	}
	return p.interp.fail(err)
}

func (p *program) tryInterp(failed func(error) emul.Action) emul.Action {
	q := &program{t: p.t, path: p.image.Interp, dirfd: unix.AT_FDCWD, fd: -1, initial: p.initial, late: true}
	p.interp = q
	at, ok := p.t.AllocBytes(len(q.path) + 1)
	if !ok || p.t.WriteMem(at, append([]byte(q.path), 0)) != nil {
		return q.fail(abi.ENOMEM)
	}
	st := emul.Alloc[unix.Stat_t](p.t)
	q.scratch, ok = p.t.AllocBytes(pageSize)
	if !ok {
		return q.fail(abi.ENOMEM)
	}
	opened := func(r emul.Ret) emul.Action {
		if r.Err() != nil {
			p.t.Loop().Debugf("pid %d: ELF interpreter %s%s: %v", p.t.Proc.Pid, p.prefix, q.path, r.Err())
			return failed(r.Err())
		}
		q.fd = int32(r.Val)
		return emul.Host(unix.SYS_FSTAT, uint64(q.fd), uint64(st)).Atomic().Then(func(r emul.Ret) emul.Action {
			s, err := st.Load(p.t)
			if err != nil || r.Err() != nil || s.Mode&unix.S_IFMT != unix.S_IFREG {
				return q.fail(abi.EACCES)
			}
			q.size = s.Size
			q.pages = filePages{data: map[int64][]byte{}, size: q.size}
			return q.loadInterp(p)
		})
	}
	return p.prefix.resolve(p.t, cwd, uint64(at), true, func(at uint64) emul.Action {
		return emul.Host(unix.SYS_OPENAT, cwd, at, openToLoad, 0).Atomic().Then(opened)
	})
}

func (q *program) loadInterp(p *program) emul.Action {
	opts := loader.Options{Bias: interpBase, Interp: true, Size: q.size,
		Forbidden: append(reserved(), [2]uint64{p.image.Start, p.image.End})}
	img, err := loader.Load(&q.pages, opts)
	var m *missing
	if errors.As(err, &m) {
		return q.fetch(m.page, func() emul.Action { return q.loadInterp(p) })
	}
	if err != nil {
		return q.fail(err)
	}
	q.image = img
	return p.replace()
}

// replace is the point of no return: the old program goes, an empty address
// space comes.
func (p *program) replace() emul.Action {
	return p.learnRelease(p.replaceNow)
}

func (p *program) replaceNow() emul.Action {
	if p.initial {
		return p.enter()
	}
	p.t.Note()
	// The files must survive the exec.
	calls := []emul.Call{emul.NewCall(unix.SYS_FCNTL, uint64(p.fd), unix.F_SETFD, 0)}
	if p.interp != nil {
		calls = append(calls, emul.NewCall(unix.SYS_FCNTL, uint64(p.interp.fd), unix.F_SETFD, 0))
	}
	return emul.Batch(calls...).ThenAll(func([]emul.Ret) emul.Action {
		return leaveRobust(p.t, func() emul.Action {
			// A signal may come when the old program's memory is gone already.
			th := threadOf(p.t)
			fast := th.sig.fast
			th.sig.fast = fastblock{}
			failed := func(err error) emul.Action {
				th.sig.fast = fast
				return p.fail(err)
			}
			return emul.ExecStub(p.t, p.comm(), failed, func() emul.Action {
				procOf(p.t).execed()
				return kqExec(p.t, p.enter)
			})
		})
	})
}

// comm is what ps(1) shows as the command's name.
func (p *program) comm() string {
	c := path.Base(cmp.Or(p.realPath, p.path))
	if len(c) > 15 {
		c = c[:15]
	}
	return c
}

// enter maps the program into the empty address space and starts it.
func (p *program) enter() emul.Action {
	t := p.t
	stack, err := p.buildStack()
	if err != nil {
		return p.doomed(err)
	}
	size := uint64(maxStack)
	var calls []emul.Call
	for _, r := range host.Outside(0, host.AddrMax) {
		calls = append(calls, emul.NewCall(unix.SYS_MUNMAP, r[0], r[1]))
	}
	if p.initial {
		calls = append(calls, host.ProtectCalls(func(nr int, a ...uint64) emul.Call { return emul.NewCall(emul.HostNR(nr), a...) })...)
	}
	first := len(calls)
	calls = append(calls, emul.NewCall(unix.SYS_MMAP, usrstack-size, size, uint64(p.image.StackProt),
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_FIXED|unix.MAP_NORESERVE, ^uint64(0), 0))
	calls = append(calls, mapCalls(p.image, p.fd)...)
	if p.interp != nil {
		calls = append(calls, mapCalls(p.interp.image, p.interp.fd)...)
	}
	mapped := len(calls)
	calls = append(calls, emul.NewCall(unix.SYS_CLOSE, uint64(p.fd)))
	if p.interp != nil {
		calls = append(calls, emul.NewCall(unix.SYS_CLOSE, uint64(p.interp.fd)))
	}
	name, err := emul.AllocStore(t, nameBytes(p.comm()))
	if err != nil {
		return p.doomed(err)
	}
	calls = append(calls, emul.NewCall(unix.SYS_PRCTL, unix.PR_SET_NAME, uint64(name)))
	mm, err := emul.AllocStore(t, p.mmMap(stack))
	if err != nil {
		return p.doomed(err)
	}
	calls = append(calls, emul.NewCall(unix.SYS_PRCTL, unix.PR_SET_MM, unix.PR_SET_MM_MAP, uint64(mm), mmMapSize, 0))
	if p.initial {
		calls = append(calls, emul.NewCall(unix.SYS_PRCTL, unix.PR_SET_PTRACER, 0))
	}
	arm, needed := t.Loop().Engine().ArmCall()
	if needed {
		calls = append(calls, emul.NewCall(unix.SYS_PRCTL, arm[:]...))
	}
	return emul.Batch(calls...).ThenAll(func(rets []emul.Ret) emul.Action {
		for i, r := range rets[first:mapped] {
			if r.Err() != nil {
				return p.doomed(fmt.Errorf("map part %d: %w", i, r.Err()))
			}
		}
		if needed && rets[len(rets)-1].Err() != nil {
			return p.doomed(fmt.Errorf("arm syscall user dispatch: %w", rets[len(rets)-1].Err()))
		}
		return p.start(stack)
	})
}

// doomed ends a process that has lost its old program and cannot get the new one.
func (p *program) doomed(err error) emul.Action {
	p.t.Loop().Debugf("pid %d: exec %s: %v", p.t.Proc.Pid, p.path, err)
	return p.abandon(fmt.Errorf("cannot load: %w", err))
}

func nameBytes(s string) (b [16]byte) {
	copy(b[:15], s)
	return b
}

func mapCalls(img *loader.Image, fd int32) []emul.Call {
	var calls []emul.Call
	for _, m := range img.Mappings {
		flags, f := uint64(unix.MAP_PRIVATE|unix.MAP_FIXED), uint64(fd)
		if m.Anon {
			flags, f = flags|unix.MAP_ANONYMOUS, ^uint64(0)
		}
		calls = append(calls, emul.NewCall(unix.SYS_MMAP, m.Addr, m.Len, uint64(m.Prot), flags, f, m.Offset))
	}
	return calls
}

// start writes what the kernel puts into a new program's memory, and its registers.
func (p *program) start(stack *loader.Stack) emul.Action {
	t := p.t
	if err := t.WriteMem(guest.Addr(stack.Base), stack.Data); err != nil {
		return p.doomed(err)
	}
	entry := p.image.Entry
	imgs := []*loader.Image{p.image}
	if p.interp != nil {
		entry = p.interp.image.Entry
		imgs = append(imgs, p.interp.image)
	}
	var fix []emul.Call
	for _, img := range imgs {
		for _, m := range img.Mappings {
			if m.ZeroFrom == 0 {
				continue
			}
			zero := make([]byte, m.End()-m.ZeroFrom)
			if t.WriteMem(guest.Addr(m.ZeroFrom), zero) == nil {
				continue
			}
			// A mapping that is not writable: open it for the moment.
			fix = append(fix, emul.NewCall(unix.SYS_MPROTECT, m.Addr, m.Len, unix.PROT_READ|unix.PROT_WRITE))
		}
	}
	pr := procOf(t)
	pr.image = procImage{path: p.realPath, argv: p.argv, psStrings: stack.PsStrings, usrstack: usrstack, stackSize: maxStack,
		auxv: stack.Auxv, auxvLen: stack.AuxvLen}
	pr.prefix, pr.release = p.prefix, p.release
	pr.mem.brk, pr.mem.brkStart = p.image.Brk, p.image.Brk
	th := threadOf(t)
	th.sig.alt = abi.StackT{Flags: abi.SS_DISABLE}
	r := host.Regs{Cs: t.Regs.Cs, Ss: t.Regs.Ss, Ds: t.Regs.Ds, Es: t.Regs.Es, Eflags: 0x202}
	r.Rip, r.Rdi, r.Rsp = entry, stack.SP, stack.EntrySP()
	t.Begin(r)
	if pr.prefix != "" {
		t.Guard() // paths are translated
	}
	if len(fix) == 0 {
		return emul.Go()
	}
	return emul.Batch(fix...).ThenAll(func([]emul.Ret) emul.Action {
		var back []emul.Call
		for _, img := range imgs {
			for _, m := range img.Mappings {
				if m.ZeroFrom != 0 {
					t.WriteMem(guest.Addr(m.ZeroFrom), make([]byte, m.End()-m.ZeroFrom))
					back = append(back, emul.NewCall(unix.SYS_MPROTECT, m.Addr, m.Len, uint64(m.Prot)))
				}
			}
		}
		return emul.Batch(back...).ThenAll(func([]emul.Ret) emul.Action { return emul.Go() })
	})
}

// auxiliary vector types (sys/elf_common.h)
const (
	atPhdr         = 3
	atPhent        = 4
	atPhnum        = 5
	atPagesz       = 6
	atBase         = 7
	atFlags        = 8
	atEntry        = 9
	atOsreldate    = 18
	atNcpus        = 19
	atStackprot    = 23
	atEhdrflags    = 24
	atHwcap        = 25
	atHwcap2       = 26
	atBsdflags     = 27
	atUsrstackbase = 35
	atUsrstacklim  = 36
)

func (p *program) buildStack() (*loader.Stack, error) {
	img := p.image
	base := img.Base
	if p.interp != nil {
		base = p.interp.image.Base
	}
	cpus, err := ncpu(&sysctlReq{t: p.t})
	if err != nil {
		cpus = 1
	}
	var canary [64]byte
	unix.Getrandom(canary[:], 0)
	exec := p.absPath
	if !strings.HasPrefix(exec, "/") {
		exec = ""
	}
	return loader.BuildStack(loader.StackSpec{
		Top: usrstack, Argv: p.argv, Envv: p.envv, ExecPath: exec,
		Canary: canary[:], PageSizes: []uint64{4096, 2 << 20, 1 << 30},
		Auxv: []loader.Auxv{
			{Type: atPhdr, Val: img.Phdr}, {Type: atPhent, Val: uint64(img.Phent)}, {Type: atPhnum, Val: uint64(img.Phnum)},
			{Type: atPagesz, Val: pageSize}, {Type: atFlags}, {Type: atEntry, Val: img.Entry}, {Type: atBase, Val: base},
			{Type: atEhdrflags, Val: uint64(img.EhdrFlags)}, {Type: atOsreldate, Val: uint64(p.release.date)},
			{Type: atNcpus, Val: uint64(cpus)}, {Type: atStackprot, Val: uint64(img.StackProt)},
			{Type: atBsdflags, Val: bsdfSigfastblk},
			{Type: atUsrstackbase, Val: usrstack}, {Type: atUsrstacklim, Val: maxStack},
		},
	})
}

// mmMapSize is sizeof(struct prctl_mm_map).
const mmMapSize = 13 * 8

// mmMap tells Linux where the program's arguments are, for ps(1) and /proc.
func (p *program) mmMap(s *loader.Stack) [mmMapSize / 8]uint64 {
	img := p.image
	brk := img.End + pageSize
	noExe := uint64(0xffffffff) // exe_fd -1, no auxv
	return [...]uint64{img.Start, img.End - 1, img.Start, img.End - 1, brk, brk, s.SP,
		s.ArgStart, s.ArgEnd, s.EnvStart, s.EnvEnd, 0, noExe << 32}
}

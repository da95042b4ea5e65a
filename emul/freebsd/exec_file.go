package freebsd

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/loader"
)

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

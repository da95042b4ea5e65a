package rootfs

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// compression is how a stream is compressed, as its first bytes tell.
type compression struct {
	name  string
	magic string
	open  func(context.Context, io.Reader) (io.ReadCloser, error)
}

// maxDecoderMemory bounds what a decompressor may take: above what zstd --long and
// xz -9 need.
const maxDecoderMemory = 256 << 20

var compressions = []compression{
	{"gzip", "\x1f\x8b", func(_ context.Context, r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }},
	{"xz", "\xfd7zXZ\x00", openXZ},
	{"zstd", "\x28\xb5\x2f\xfd", openZstd},
	{"zstd", "\x50\x2a\x4d\x18", openZstd}, // a skippable frame
	{"bzip2", "BZh", func(_ context.Context, r io.Reader) (io.ReadCloser, error) {
		return io.NopCloser(bzip2.NewReader(r)), nil
	}},
}

func openZstd(_ context.Context, r io.Reader) (io.ReadCloser, error) {
	d, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(maxDecoderMemory))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}

// openXZ prefers xz(1), which is twice as fast as the library.
func openXZ(ctx context.Context, r io.Reader) (io.ReadCloser, error) {
	if path, err := exec.LookPath("xz"); err == nil {
		return startXZ(ctx, path, r)
	}
	return openXZLibrary(r)
}

func openXZLibrary(r io.Reader) (io.ReadCloser, error) {
	d, err := xz.NewReader(bufio.NewReaderSize(r, 1<<16))
	if err != nil {
		return nil, err
	}
	return io.NopCloser(d), nil
}

// program is the output of a decompressor that is a process.
type program struct {
	cmd    *exec.Cmd
	cancel context.CancelFunc
	out    io.ReadCloser
	stderr bytes.Buffer
	err    error // how it ended, when it has
	ended  bool
}

func startXZ(ctx context.Context, path string, r io.Reader) (*program, error) {
	ctx, cancel := context.WithCancel(ctx)
	p := &program{cmd: exec.CommandContext(ctx, path, "-dc", fmt.Sprintf("--memlimit-decompress=%d", maxDecoderMemory)), cancel: cancel}
	p.cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}
	p.cmd.Stdin, p.cmd.Stderr = r, &p.stderr
	// The terminal's signals are for us, who end it in good order.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var err error
	if p.out, err = p.cmd.StdoutPipe(); err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		cancel()
		return nil, err
	}
	return p, nil
}

// Read turns a failure of the process into the error of the last read: what it
// printed before must not pass for all.
func (p *program) Read(b []byte) (int, error) {
	n, err := p.out.Read(b)
	if err == io.EOF {
		if !p.ended {
			p.ended = true
			p.err = p.wait()
		}
		if p.err != nil {
			err = p.err
		}
	}
	return n, err
}

func (p *program) wait() error {
	err := p.cmd.Wait()
	if err == nil {
		return nil
	}
	var exit *exec.ExitError
	if msg := strings.TrimSpace(p.stderr.String()); errors.As(err, &exit) && msg != "" {
		msg = strings.TrimPrefix(strings.TrimPrefix(msg, p.cmd.Path+": "), "xz: ")
		return errors.New(strings.TrimPrefix(msg, "(stdin): "))
	}
	return err
}

func (p *program) Close() error {
	p.cancel()
	if !p.ended {
		p.ended = true
		p.err = p.wait()
	}
	return nil
}

// decompressor is a stream that has been decompressed if it was compressed.
type decompressor struct {
	io.Reader
	name  string // of the compression, "" for none
	close func() error
}

func (d *decompressor) Close() error { return d.close() }

// decompress looks at the first bytes of r, whatever its name, and returns what is
// in it. Close it before r.
func decompress(ctx context.Context, r io.Reader, limits Limits) (*decompressor, error) {
	in := &countingReader{Reader: r}
	br := bufio.NewReaderSize(in, 1<<18)
	head, err := br.Peek(8)
	if err != nil && err != io.EOF {
		return nil, err
	}
	for _, c := range compressions {
		if !bytes.HasPrefix(head, []byte(c.magic)) {
			continue
		}
		d, err := c.open(ctx, br)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		named := &namedErrors{d, c.name}
		return &decompressor{&ratioReader{Reader: named, in: in, limit: limits.Ratio}, c.name, d.Close}, nil
	}
	return &decompressor{br, "", func() error { return nil }}, nil
}

// namedErrors says whose errors they are.
type namedErrors struct {
	io.Reader
	name string
}

func (r *namedErrors) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%s: %w", r.name, err)
	}
	return n, err
}

// compressed tells whether a file is.
func compressed(f io.ReaderAt) bool {
	head := make([]byte, 8)
	n, _ := f.ReadAt(head, 0)
	return slices.ContainsFunc(compressions, func(c compression) bool { return bytes.HasPrefix(head[:n], []byte(c.magic)) })
}

package rootfs

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
)

// Limits keep an archive from filling the disk. Zero means no limit.
type Limits struct {
	Size    int64 // bytes of all files together, as ls -l counts them
	Entries int64 // files, directories, links …
	Ratio   int64 // bytes that come out of a decompressor for one that goes in
}

// DefaultLimits are several times what FreeBSD's base system needs.
func DefaultLimits() Limits {
	return Limits{Size: 16 << 30, Entries: 1_000_000, Ratio: 250}
}

// ratioGrace is how much may come out before the ratio is looked at: files of
// zeros are small when compressed.
const ratioGrace = 64 << 20

// errTooBig is in the chain of errors about limits.
var errTooBig = errors.New("larger than is allowed")

func tooBig(what string, limit int64, flag string) error {
	return fmt.Errorf("%w: %s (if that is meant, raise %s, now %d)", errTooBig, what, flag, limit)
}

// orMax is the limit, or as good as none.
func orMax(limit int64) int64 {
	if limit <= 0 {
		return math.MaxInt64
	}
	return limit
}

// countingReader counts what is read.
type countingReader struct {
	io.Reader
	n int64
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.n += int64(n)
	return n, err
}

// ratioReader is a decompressor's output, held against what went in. Decompressors
// read ahead: the count of in may be too large by some buffers, never too small.
type ratioReader struct {
	io.Reader
	in    *countingReader
	out   int64
	limit int64
}

func (r *ratioReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.out += int64(n)
	if limit := orMax(r.limit); r.out > ratioGrace && r.out/limit > r.in.n {
		return n, tooBig(fmt.Sprintf("more than %d bytes come out of one compressed one", r.limit), r.limit, "--max-ratio")
	}
	return n, err
}

// sumReader hashes what is read and tells how much that is.
type sumReader struct {
	r    io.Reader
	sum  hash.Hash
	n    int64
	told func(int64)
}

func newSumReader(r io.Reader, told func(int64)) *sumReader {
	return &sumReader{r: r, sum: sha256.New(), told: told}
}

func (r *sumReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.sum.Write(p[:n])
	r.n += int64(n)
	r.told(r.n)
	return n, err
}

func (r *sumReader) hex() string { return hex.EncodeToString(r.sum.Sum(nil)) }

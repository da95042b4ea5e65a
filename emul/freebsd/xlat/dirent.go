package xlat

import (
	"bytes"
	"encoding/binary"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// linuxDirentHeader is the size of struct linux_dirent64 before its name:
// d_ino 8, d_off 8, d_reclen 2, d_type 1.
const linuxDirentHeader = 19

// Dirents is a converted block of directory entries.
type Dirents struct {
	Buf []byte
	// Next is the directory offset after the last entry in Buf, to seek to
	// if not All entries fitted.
	Next int64
	All  bool
}

type linuxDirent struct {
	ino  uint64
	off  int64
	typ  uint8
	name []byte
}

// next cuts the first record off a getdents64(2) block.
func (d *linuxDirent) next(b []byte) ([]byte, bool) {
	if len(b) < linuxDirentHeader {
		return nil, false
	}
	n := int(binary.LittleEndian.Uint16(b[16:]))
	if n < linuxDirentHeader || n > len(b) {
		return nil, false
	}
	d.ino = binary.LittleEndian.Uint64(b)
	d.off = int64(binary.LittleEndian.Uint64(b[8:]))
	d.typ = b[18]
	d.name = b[linuxDirentHeader:n]
	if i := bytes.IndexByte(d.name, 0); i >= 0 {
		d.name = d.name[:i]
	}
	return b[n:], true
}

// DirentsOf converts a block of Linux getdents64(2) records to struct dirent
// (sys/dirent.h), at most max bytes of it. The file types have the same numbers.
func DirentsOf(src []byte, max int) Dirents {
	var e linuxDirent
	out := make([]byte, 0, min(max, len(src)*4/3+8))
	r := Dirents{All: true}
	for {
		rest, ok := e.next(src)
		if !ok {
			r.Buf = out
			return r
		}
		reclen := (abi.DirentHeaderSize + len(e.name) + 1 + 7) &^ 7
		if len(out)+reclen > max {
			r.All, r.Buf = false, out
			return r
		}
		at := len(out)
		out = append(out, make([]byte, reclen)...)
		h := out[at:]
		binary.LittleEndian.PutUint64(h[0:], e.ino)
		binary.LittleEndian.PutUint64(h[8:], uint64(e.off))
		binary.LittleEndian.PutUint16(h[16:], uint16(reclen))
		h[18] = e.typ
		binary.LittleEndian.PutUint16(h[20:], uint16(len(e.name)))
		copy(h[abi.DirentHeaderSize:], e.name)
		r.Next = e.off
		src = rest
	}
}

// Dirents11Of is DirentsOf for struct freebsd11_dirent: 32-bit file numbers
// (cut off) and no offsets.
func Dirents11Of(src []byte, max int) Dirents {
	var e linuxDirent
	out := make([]byte, 0, min(max, len(src)))
	r := Dirents{All: true}
	for {
		rest, ok := e.next(src)
		if !ok {
			r.Buf = out
			return r
		}
		reclen := (abi.Dirent11HeaderSize + len(e.name) + 1 + 3) &^ 3
		if len(out)+reclen > max || len(e.name) > 255 {
			r.All, r.Buf = false, out
			return r
		}
		at := len(out)
		out = append(out, make([]byte, reclen)...)
		h := out[at:]
		binary.LittleEndian.PutUint32(h[0:], uint32(e.ino))
		binary.LittleEndian.PutUint16(h[4:], uint16(reclen))
		h[6] = e.typ
		h[7] = uint8(len(e.name))
		copy(h[abi.Dirent11HeaderSize:], e.name)
		r.Next = e.off
		src = rest
	}
}

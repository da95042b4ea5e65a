package probe

import (
	"bytes"
	"encoding/binary"
)

// Where things are in the file, and in memory above base.
const (
	base       = 0x400000
	ehdrSize   = 64
	phdrSize   = 56
	noteOff    = ehdrSize + 2*phdrSize
	noteSize   = 24
	codeOff    = noteOff + noteSize
	osreldate  = 1203000 // 12.3, the oldest that Go builds for
	elfFreeBSD = 9
)

// System calls of FreeBSD and what the program knows about them.
const (
	sysExit   = 1
	sysWrite  = 4
	sysClose  = 6
	sysGetpid = 20
	sysSysctl = 202
	ebadf     = 9
)

// Program returns a static FreeBSD/amd64 program with the given OSABI byte:
// FreeBSD's is 9; its ABI note says FreeBSD whatever the byte is.
func Program(osabi byte) []byte {
	code := code()
	size := uint64(codeOff + len(code))
	var b bytes.Buffer
	put := func(vals ...any) {
		for _, v := range vals {
			// Fixed-size values into memory: nothing can fail.
			_ = binary.Write(&b, binary.LittleEndian, v)
		}
	}
	const exec, amd64, ptLoad, ptNote, readExec, read = 2, 62, 1, 4, 5, 4
	put([]byte("\x7fELF\x02\x01\x01"), osabi, [8]byte{},
		uint16(exec), uint16(amd64), uint32(1), uint64(base+codeOff), uint64(ehdrSize), uint64(0),
		uint32(0), uint16(ehdrSize), uint16(phdrSize), uint16(2), uint16(0), uint16(0), uint16(0))
	put(uint32(ptLoad), uint32(readExec), uint64(0), uint64(base), uint64(base), size, size, uint64(0x1000))
	put(uint32(ptNote), uint32(read), uint64(noteOff), uint64(base+noteOff), uint64(base+noteOff),
		uint64(noteSize), uint64(noteSize), uint64(4))
	put(uint32(8), uint32(4), uint32(1), []byte("FreeBSD\x00"), uint32(osreldate)) // NT_FREEBSD_ABI_TAG
	put(code)
	return b.Bytes()
}

// code assembles the program. The stack holds, from RSP: the PID (4 bytes), the
// release, at 0x1e0 the sysctl's name and at 0x1e8 the length of the release.
func code() []byte {
	var a assembler
	a.op(0x48, 0x81, 0xec).imm(0x200) // sub $0x200, %rsp
	a.call(sysGetpid).jump(carry, "fail")
	a.op(0x89, 0x04, 0x24)     // mov %eax, (%rsp)
	a.op(0xbf).imm(0xffffffff) // mov $-1, %edi
	a.call(sysClose).jump(noCarry, "fail")
	a.op(0x83, 0xf8, ebadf).jump(notEqual, "fail") // cmp $EBADF, %eax

	const ctlKern, kernOsrelease = 1, 2
	a.op(0xc7, 0x84, 0x24).imm(0x1e0).imm(ctlKern)       // movl $CTL_KERN, 0x1e0(%rsp)
	a.op(0xc7, 0x84, 0x24).imm(0x1e4).imm(kernOsrelease) // movl $KERN_OSRELEASE, 0x1e4(%rsp)
	a.op(0x48, 0xc7, 0x84, 0x24).imm(0x1e8).imm(0x1d0)   // movq $0x1d0, 0x1e8(%rsp)
	a.op(0x48, 0x8d, 0xbc, 0x24).imm(0x1e0)              // lea 0x1e0(%rsp), %rdi
	a.op(0xbe).imm(2)                                    // mov $2, %esi
	a.op(0x48, 0x8d, 0x54, 0x24, 4)                      // lea 4(%rsp), %rdx
	a.op(0x4c, 0x8d, 0x94, 0x24).imm(0x1e8)              // lea 0x1e8(%rsp), %r10
	a.op(0x45, 0x31, 0xc0)                               // xor %r8d, %r8d
	a.op(0x45, 0x31, 0xc9)                               // xor %r9d, %r9d
	a.call(sysSysctl).jump(carry, "fail")

	a.op(0x48, 0x8b, 0x94, 0x24).imm(0x1e8) // mov 0x1e8(%rsp), %rdx
	a.op(0x48, 0x83, 0xc2, 4)               // add $4, %rdx
	a.op(0x48, 0x89, 0xe6)                  // mov %rsp, %rsi
	a.op(0xbf).imm(1)                       // mov $1, %edi
	a.call(sysWrite).jump(carry, "fail")

	a.op(0x31, 0xff) // xor %edi, %edi
	a.call(sysExit)
	a.label("fail")
	a.op(0xbf).imm(1) // mov $1, %edi
	a.call(sysExit)
	a.op(0xf4) // hlt: whoever comes here is not on FreeBSD
	return a.bytes()
}

// Condition codes, as in the second byte of a long conditional jump.
const (
	carry    = 0x82
	noCarry  = 0x83
	notEqual = 0x85
)

// assembler puts instructions together. Jumps go forward to labels.
type assembler struct {
	b     []byte
	jumps map[string][]int // where the distance to a label is to be written
}

func (a *assembler) op(b ...byte) *assembler {
	a.b = append(a.b, b...)
	return a
}

func (a *assembler) imm(v uint32) *assembler {
	a.b = binary.LittleEndian.AppendUint32(a.b, v)
	return a
}

// call makes a system call; its arguments are in place.
func (a *assembler) call(nr uint32) *assembler {
	return a.op(0xb8).imm(nr).op(0x0f, 0x05) // mov $nr, %eax; syscall
}

func (a *assembler) jump(cond byte, label string) {
	a.op(0x0f, cond)
	if a.jumps == nil {
		a.jumps = map[string][]int{}
	}
	a.jumps[label] = append(a.jumps[label], len(a.b))
	a.imm(0)
}

func (a *assembler) label(name string) {
	for _, at := range a.jumps[name] {
		binary.LittleEndian.PutUint32(a.b[at:], uint32(len(a.b)-at-4))
	}
	delete(a.jumps, name)
}

func (a *assembler) bytes() []byte {
	if len(a.jumps) > 0 {
		panic("probe: a jump to nowhere")
	}
	return a.b
}

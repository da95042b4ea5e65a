package abi

import "encoding/binary"

// ThrParam is struct thr_param (sys/thr.h).
type ThrParam struct {
	StartFunc, Arg       uint64
	StackBase, StackSize uint64
	TLSBase, TLSSize     uint64
	ChildTID, ParentTID  uint64
	Flags                int32
	RTP                  uint64
}

// ThrParamSize is sizeof(struct thr_param) in bytes.
const ThrParamSize = 104

// Decode fills p from the structure's memory; b has ThrParamSize bytes.
func (p *ThrParam) Decode(b []byte) {
	u := func(i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }
	*p = ThrParam{u(0), u(1), u(2), u(3), u(4), u(5), u(6), u(7), int32(u(8)), u(9)}
}

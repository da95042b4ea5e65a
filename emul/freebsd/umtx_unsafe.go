package freebsd

import "unsafe"

// umtxCode is where the code of umtx_amd64.s begins, and its main part.
var umtxCode [2]*[umtxCodeMax]byte

const umtxCodeMax = 4096

// umtxRoutine returns the code, and what lies behind it. It cannot be called
// here: it is copied into guests.
func umtxRoutine() []byte { return unsafe.Slice(&umtxCode[0][0], umtxCodeMax) }

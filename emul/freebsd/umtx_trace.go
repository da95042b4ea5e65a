package freebsd

import (
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/trace"
)

// UmtxOp is the operation of _umtx_op.
type UmtxOp int32

// TraceArg names it.
func (o UmtxOp) TraceArg(*trace.Ctx) string {
	const narrow = abi.UMTX_OP__I386 | abi.UMTX_OP__32BIT
	s := trace.Enum(int64(uint32(o)&^narrow), umtxOpNames())
	if uint32(o)&narrow != 0 {
		s += "|" + trace.Flags(uint64(uint32(o)&narrow), []trace.Name{
			{Bits: abi.UMTX_OP__I386, Name: "UMTX_OP__I386"}, {Bits: abi.UMTX_OP__32BIT, Name: "UMTX_OP__32BIT"}})
	}
	return s
}

func umtxOpNames() []trace.Name {
	return []trace.Name{
		{Bits: abi.UMTX_OP_LOCK, Name: "UMTX_OP_LOCK"},
		{Bits: abi.UMTX_OP_UNLOCK, Name: "UMTX_OP_UNLOCK"},
		{Bits: abi.UMTX_OP_WAIT, Name: "UMTX_OP_WAIT"},
		{Bits: abi.UMTX_OP_WAKE, Name: "UMTX_OP_WAKE"},
		{Bits: abi.UMTX_OP_MUTEX_TRYLOCK, Name: "UMTX_OP_MUTEX_TRYLOCK"},
		{Bits: abi.UMTX_OP_MUTEX_LOCK, Name: "UMTX_OP_MUTEX_LOCK"},
		{Bits: abi.UMTX_OP_MUTEX_UNLOCK, Name: "UMTX_OP_MUTEX_UNLOCK"},
		{Bits: abi.UMTX_OP_SET_CEILING, Name: "UMTX_OP_SET_CEILING"},
		{Bits: abi.UMTX_OP_CV_WAIT, Name: "UMTX_OP_CV_WAIT"},
		{Bits: abi.UMTX_OP_CV_SIGNAL, Name: "UMTX_OP_CV_SIGNAL"},
		{Bits: abi.UMTX_OP_CV_BROADCAST, Name: "UMTX_OP_CV_BROADCAST"},
		{Bits: abi.UMTX_OP_WAIT_UINT, Name: "UMTX_OP_WAIT_UINT"},
		{Bits: abi.UMTX_OP_RW_RDLOCK, Name: "UMTX_OP_RW_RDLOCK"},
		{Bits: abi.UMTX_OP_RW_WRLOCK, Name: "UMTX_OP_RW_WRLOCK"},
		{Bits: abi.UMTX_OP_RW_UNLOCK, Name: "UMTX_OP_RW_UNLOCK"},
		{Bits: abi.UMTX_OP_WAIT_UINT_PRIVATE, Name: "UMTX_OP_WAIT_UINT_PRIVATE"},
		{Bits: abi.UMTX_OP_WAKE_PRIVATE, Name: "UMTX_OP_WAKE_PRIVATE"},
		{Bits: abi.UMTX_OP_MUTEX_WAIT, Name: "UMTX_OP_MUTEX_WAIT"},
		{Bits: abi.UMTX_OP_MUTEX_WAKE, Name: "UMTX_OP_MUTEX_WAKE"},
		{Bits: abi.UMTX_OP_SEM_WAIT, Name: "UMTX_OP_SEM_WAIT"},
		{Bits: abi.UMTX_OP_SEM_WAKE, Name: "UMTX_OP_SEM_WAKE"},
		{Bits: abi.UMTX_OP_NWAKE_PRIVATE, Name: "UMTX_OP_NWAKE_PRIVATE"},
		{Bits: abi.UMTX_OP_MUTEX_WAKE2, Name: "UMTX_OP_MUTEX_WAKE2"},
		{Bits: abi.UMTX_OP_SEM2_WAIT, Name: "UMTX_OP_SEM2_WAIT"},
		{Bits: abi.UMTX_OP_SEM2_WAKE, Name: "UMTX_OP_SEM2_WAKE"},
		{Bits: abi.UMTX_OP_SHM, Name: "UMTX_OP_SHM"},
		{Bits: abi.UMTX_OP_ROBUST_LISTS, Name: "UMTX_OP_ROBUST_LISTS"},
		{Bits: abi.UMTX_OP_GET_MIN_TIMEOUT, Name: "UMTX_OP_GET_MIN_TIMEOUT"},
		{Bits: abi.UMTX_OP_SET_MIN_TIMEOUT, Name: "UMTX_OP_SET_MIN_TIMEOUT"},
	}
}

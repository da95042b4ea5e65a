package abi

// Aiocb is struct aiocb (sys/aio.h).
type Aiocb struct {
	Fildes   int32
	_        int32
	Offset   int64
	Buf      uint64 // an iovec for aio_readv and aio_writev
	Nbytes   uint64 // how many of them
	_        [2]int32
	_        uint64
	Opcode   int32
	Reqprio  int32
	Status   int64 // from here on the kernel's own
	Error    int64
	Kinfo    int64
	Sigevent Sigevent
}

// Operations: Aiocb.Opcode for LIO_NOP, LIO_WRITE and LIO_READ.
const (
	LIO_NOP    = 0
	LIO_WRITE  = 1
	LIO_READ   = 2
	LIO_WRITEV = 5
	LIO_READV  = 6
	LIO_SYNC   = 8
	LIO_DSYNC  = 0x18
	LIO_MLOCK  = 0x20

	LIO_NOWAIT = 0
	LIO_WAIT   = 1
)

// Results of aio_cancel(2).
const (
	AIO_NOTCANCELED = 2
	AIO_ALLDONE     = 3
)

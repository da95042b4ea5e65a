package freebsd

import (
	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
)

// umtxThread is what a thread has told about the robust mutexes that it holds.
type umtxThread struct {
	robust abi.UmtxRobustLists
	narrow bool // pointers in them have 32 bits
}

// robustLists is UMTX_OP_ROBUST_LISTS.
func (c *umtxCall) robustLists() emul.Action {
	th := &threadOf(c.t).umtx
	size := 8
	if c.narrow {
		size = 4
	}
	if th.robust != (abi.UmtxRobustLists{}) && th.narrow != c.narrow {
		return emul.Fail(abi.EBUSY)
	}
	if c.val > uint64(3*size) {
		return emul.Fail(abi.EINVAL)
	}
	var b [24]byte
	if err := c.t.ReadMem(guest.Addr(c.uaddr1), b[:c.val]); err != nil {
		return emul.Fail(err)
	}
	word := func(i int) uint64 {
		if c.narrow {
			return uint64(le.Uint32(b[4*i:]))
		}
		return le.Uint64(b[8*i:])
	}
	th.robust, th.narrow = abi.UmtxRobustLists{List: word(0), Priv: word(1), Inact: word(2)}, c.narrow
	return emul.Return(0)
}

package freebsd

import (
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
)

// uuidgen makes time-based UUIDs (version 1, kern_uuid.c), in the host's byte
// order. The node is a random one, marked as such, so that calls need not
// know of each other.
func uuidgen(t *emul.Task, store guest.Ptr[[16]byte], n Int) emul.Action {
	if n < 1 || n > 2048 {
		return emul.Fail(abi.EINVAL)
	}
	var random [8]byte
	unix.Getrandom(random[:], 0)
	const toUnix = 0x01b21dd213814000 // 15 October 1582 to 1970, in 100 ns
	now := uint64(time.Now().UnixNano()/100) + toUnix
	out := make([][16]byte, n)
	for i := range out {
		u := &out[i]
		at := now + uint64(i)
		binary.LittleEndian.PutUint32(u[0:], uint32(at))
		binary.LittleEndian.PutUint16(u[4:], uint16(at>>32))
		binary.LittleEndian.PutUint16(u[6:], uint16(at>>48)&0x0fff|0x1000)
		copy(u[8:], random[:])
		u[8] = u[8]&0x3f | 0x80
		u[10] |= 1 // a multicast address: no real node
	}
	return emul.Fail(store.StoreN(t, out))
}

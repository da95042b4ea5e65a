package xlat

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// Linux keeps an access control list as an attribute (linux/posix_acl_xattr.h):
// a version and, for each entry, tag, permissions and ID. Tags and permissions
// have the same numbers as FreeBSD's.
const (
	aclVersion   = 2
	aclHead      = 4
	aclEntrySize = 8

	// ACLAttrMax is the size of the longest such attribute in bytes.
	ACLAttrMax = aclHead + abi.ACL_MAX_ENTRIES*aclEntrySize
)

// ACL reads the attribute; false if it is none.
func ACL(b []byte) (l abi.ACL, ok bool) {
	if len(b) < aclHead || len(b) > ACLAttrMax || (len(b)-aclHead)%aclEntrySize != 0 || binary.LittleEndian.Uint32(b) != aclVersion {
		return l, false
	}
	for b = b[aclHead:]; len(b) > 0; b = b[aclEntrySize:] {
		l.Entry[l.Cnt] = abi.ACLEntry{
			Tag: uint32(binary.LittleEndian.Uint16(b)), Perm: uint32(binary.LittleEndian.Uint16(b[2:])),
			ID: binary.LittleEndian.Uint32(b[4:]),
		}
		l.Cnt++
	}
	return l, true
}

// ACLToHost makes the attribute. Linux insists on an order, which is that of
// tags and IDs.
func ACLToHost(l *abi.ACL) []byte {
	entries := slices.Clone(l.Entry[:min(l.Cnt, abi.ACL_MAX_ENTRIES)])
	slices.SortStableFunc(entries, func(a, b abi.ACLEntry) int {
		return cmp.Or(cmp.Compare(a.Tag, b.Tag), cmp.Compare(a.ID, b.ID))
	})
	b := binary.LittleEndian.AppendUint32(nil, aclVersion)
	for _, e := range entries {
		id := e.ID
		if e.Tag != abi.ACL_USER && e.Tag != abi.ACL_GROUP {
			id = abi.ACL_UNDEFINED_ID
		}
		b = binary.LittleEndian.AppendUint16(b, uint16(min(e.Tag, 0xffff)))
		b = binary.LittleEndian.AppendUint16(b, uint16(min(e.Perm, 0xffff)))
		b = binary.LittleEndian.AppendUint32(b, id)
	}
	return b
}

// ACLOfMode is the list of a file that has nothing but a mode.
func ACLOfMode(mode uint16) abi.ACL {
	entry := func(tag uint32, shift int) abi.ACLEntry {
		return abi.ACLEntry{Tag: tag, ID: abi.ACL_UNDEFINED_ID, Perm: uint32(mode>>shift) & 7}
	}
	l := abi.ACL{Cnt: 3}
	copy(l.Entry[:], []abi.ACLEntry{entry(abi.ACL_USER_OBJ, 6), entry(abi.ACL_GROUP_OBJ, 3), entry(abi.ACL_OTHER, 0)})
	return l
}

package xlat

import (
	"testing"
	"unsafe"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

func TestACL(t *testing.T) {
	if n := unsafe.Sizeof(abi.ACL{}); n != 24+254*16 {
		t.Errorf("struct acl has %d bytes", n)
	}
	l := ACLOfMode(abi.S_IFREG | 0o640)
	l.Entry[3] = abi.ACLEntry{Tag: abi.ACL_MASK, ID: 7, Perm: 6}
	l.Entry[4] = abi.ACLEntry{Tag: abi.ACL_USER, ID: 1001, Perm: 4}
	l.Entry[5] = abi.ACLEntry{Tag: abi.ACL_USER, ID: 1000, Perm: 5}
	l.Cnt = 6
	got, ok := ACL(ACLToHost(&l))
	want := []abi.ACLEntry{
		{Tag: abi.ACL_USER_OBJ, ID: abi.ACL_UNDEFINED_ID, Perm: 6}, {Tag: abi.ACL_USER, ID: 1000, Perm: 5},
		{Tag: abi.ACL_USER, ID: 1001, Perm: 4}, {Tag: abi.ACL_GROUP_OBJ, ID: abi.ACL_UNDEFINED_ID, Perm: 4},
		{Tag: abi.ACL_MASK, ID: abi.ACL_UNDEFINED_ID, Perm: 6}, {Tag: abi.ACL_OTHER, ID: abi.ACL_UNDEFINED_ID},
	}
	if !ok || got.Cnt != 6 {
		t.Fatalf("%v, %d entries", ok, got.Cnt)
	}
	for i, e := range want {
		if got.Entry[i] != e {
			t.Errorf("entry %d: %+v, want %+v", i, got.Entry[i], e)
		}
	}
	for _, b := range [][]byte{nil, {2, 0, 0}, {1, 0, 0, 0}, {2, 0, 0, 0, 1}, make([]byte, ACLAttrMax+8)} {
		if _, ok := ACL(b); ok {
			t.Errorf("%x is a list", b)
		}
	}
}

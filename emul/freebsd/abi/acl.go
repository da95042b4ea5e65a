package abi

// ACLEntry is struct acl_entry (sys/acl.h). Tags and permissions are those of
// POSIX.1e's draft.
type ACLEntry struct {
	Tag   uint32 // ACL_USER_OBJ …
	ID    uint32 // all ones where the tag has none
	Perm  uint32 // read 4, write 2, execute 1
	Type  uint16 // of NFSv4 only
	Flags uint16 // of NFSv4 only
}

// ACL is struct acl (sys/acl.h).
type ACL struct {
	Maxcnt, Cnt uint32
	_           [4]int32
	Entry       [ACL_MAX_ENTRIES]ACLEntry
}

// Of access control lists (sys/acl.h).
const (
	ACL_MAX_ENTRIES  = 254
	ACL_TYPE_ACCESS  = 2
	ACL_TYPE_DEFAULT = 3

	ACL_USER_OBJ  = 0x01
	ACL_USER      = 0x02
	ACL_GROUP_OBJ = 0x04
	ACL_GROUP     = 0x08
	ACL_MASK      = 0x10
	ACL_OTHER     = 0x20

	ACL_UNDEFINED_ID = ^uint32(0)
)

// Command acl gives a file and a directory access control lists.
package main

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

type entry struct {
	tag, id, perm uint32
	_             uint32
}

type acl struct {
	maxcnt, cnt uint32
	_           [4]int32
	entry       [254]entry
}

const (
	getFile, setFile, getFD, deleteFile = 347, 348, 349, 351
	getLink                             = 425
	access, deflt, nfs4                 = 2, 3, 4
	pathconf, aclExtended, aclNFS4      = 191, 59, 64
	none                                = ^uint32(0)
)

func call(nr uintptr, path string, kind int, l *acl) error {
	p, _ := syscall.BytePtrFromString(path)
	_, _, e := syscall.Syscall(nr, uintptr(unsafe.Pointer(p)), uintptr(kind), uintptr(unsafe.Pointer(l)))
	if e != 0 {
		return e
	}
	return nil
}

func show(what, path string, kind int) {
	l := &acl{maxcnt: 254}
	err := call(getFile, path, kind, l)
	fmt.Print(what, ": ", err)
	for _, e := range l.entry[:l.cnt] {
		fmt.Printf(" %#x/%d/%d", e.tag, int32(e.id), e.perm)
	}
	fmt.Println()
}

func main() {
	dir, err := os.MkdirTemp("", "acl")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	file := dir + "/f"
	os.WriteFile(file, nil, 0o600)
	os.Chmod(file, 0o640)
	p, _ := syscall.BytePtrFromString(file)
	r, _, _ := syscall.Syscall(pathconf, uintptr(unsafe.Pointer(p)), aclExtended, 0)
	if r == 0 {
		fmt.Println("none here")
		return
	}
	nfs, _, e := syscall.Syscall(pathconf, uintptr(unsafe.Pointer(p)), aclNFS4, 0)
	fmt.Println("pathconf", r, nfs, e)
	show("of a mode", file, access)
	l := &acl{maxcnt: 254, cnt: 5}
	copy(l.entry[:], []entry{{tag: 0x20, id: none}, {tag: 0x10, id: none, perm: 6}, {tag: 1, id: none, perm: 6}, {tag: 2, id: 1001, perm: 4}, {tag: 4, id: none, perm: 4}})
	fmt.Println("set:", call(setFile, file, access, l))
	show("get", file, access)
	st, _ := os.Stat(file)
	fmt.Println("mode", st.Mode())
	l.cnt = 2
	fmt.Println("set half of it:", call(setFile, file, access, l))
	l.maxcnt = 32
	fmt.Println("set too short:", call(setFile, file, access, l))
	fmt.Println("get too short:", call(getFile, file, access, l))
	show("default of a file", file, deflt)
	show("default of a directory", dir, deflt)
	l = &acl{maxcnt: 254, cnt: 3}
	copy(l.entry[:], []entry{{tag: 1, id: none, perm: 7}, {tag: 4, id: none, perm: 5}, {tag: 0x20, id: none}})
	fmt.Println("set default:", call(setFile, dir, deflt, l))
	show("default", dir, deflt)
	fmt.Println("delete default:", call(deleteFile, dir, deflt, nil))
	fmt.Println("delete default again:", call(deleteFile, dir, deflt, nil))
	fmt.Println("delete access:", call(deleteFile, dir, access, nil))
	show("gone", dir, deflt)
	show("of NFSv4", file, nfs4)
	show("of nothing", dir+"/no", access)
	os.Symlink("no", dir+"/link")
	l = &acl{maxcnt: 254}
	fmt.Println("of a symbolic link:", call(getLink, dir+"/link", access, l), l.cnt)
	fmt.Println("default of one:", call(getLink, dir+"/link", deflt, l))
}

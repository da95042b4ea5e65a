// Command sysctl walks the whole tree as sysctl(8) -a does and tries the rules
// for old and new values. With -a it prints all values; else only what is the
// same on every machine.
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"syscall"
	"unsafe"
)

func sysctl(mib []int32, old unsafe.Pointer, oldlen *uintptr, new unsafe.Pointer, newlen uintptr) error {
	_, _, e := syscall.Syscall6(syscall.SYS___SYSCTL, uintptr(unsafe.Pointer(&mib[0])), uintptr(len(mib)),
		uintptr(old), uintptr(unsafe.Pointer(oldlen)), uintptr(new), newlen)
	if e != 0 {
		return e
	}
	return nil
}

// get reads a value: its size first, then itself.
func get(mib ...int32) ([]byte, error) {
	var n uintptr
	if err := sysctl(mib, nil, &n, nil, 0); err != nil {
		return nil, err
	}
	n += n/8 + 64
	b := make([]byte, n)
	err := sysctl(mib, unsafe.Pointer(&b[0]), &n, nil, 0)
	return b[:n], err
}

func byName(name string) ([]int32, error) {
	mib := make([]int32, 24)
	n := uintptr(len(mib) * 4)
	b := []byte(name)
	err := sysctl([]int32{0, 3}, unsafe.Pointer(&mib[0]), &n, unsafe.Pointer(&b[0]), uintptr(len(b)))
	return mib[:n/4], err
}

func walk(print bool) (leaves, failed int) {
	mib := []int32{1}
	for {
		b := make([]int32, 24)
		n := uintptr(len(b) * 4)
		if err := sysctl(append([]int32{0, 2}, mib...), unsafe.Pointer(&b[0]), &n, nil, 0); err != nil {
			if err != syscall.ENOENT {
				fmt.Println("next:", err)
			}
			return
		}
		mib = b[:n/4]
		name, err := get(append([]int32{0, 1}, mib...)...)
		format, err2 := get(append([]int32{0, 4}, mib...)...)
		if err != nil || err2 != nil {
			fmt.Println("name and format of", mib, err, err2)
			return
		}
		leaves++
		kind := binary.LittleEndian.Uint32(format) & 15
		if kind == 1 {
			continue // a node that wants arguments
		}
		s := strings.TrimSuffix(string(name), "\x00")
		again, err := byName(s)
		if err != nil || fmt.Sprint(again) != fmt.Sprint(mib) {
			fmt.Println(s, "is", mib, "but by name", again, err)
		}
		v, err := get(mib...)
		if err != nil {
			failed++
		}
		if !print {
			continue
		}
		switch f := strings.TrimSuffix(string(format[4:]), "\x00"); {
		case err != nil:
			fmt.Printf("%s: %v\n", s, err)
		case kind == 3:
			fmt.Printf("%s: %s\n", s, strings.TrimSuffix(string(v), "\x00"))
		case kind != 5 && len(v) == 4 && f != "IU":
			fmt.Printf("%s: %d\n", s, int32(binary.LittleEndian.Uint32(v)))
		case kind != 5 && len(v) == 4:
			fmt.Printf("%s: %d\n", s, binary.LittleEndian.Uint32(v))
		case kind != 5 && len(v) == 8:
			fmt.Printf("%s: %d\n", s, int64(binary.LittleEndian.Uint64(v)))
		default:
			fmt.Printf("%s: [%s] %d bytes %x\n", s, f, len(v), v[:min(len(v), 32)])
		}
	}
}

func rules() {
	show := fmt.Println
	var v [2]int32
	hw := []int32{6, 7} // hw.pagesize
	n := uintptr(8)
	err := sysctl(hw, unsafe.Pointer(&v), &n, nil, 0)
	show("pagesize", v[0], n, err)
	n = 2
	err = sysctl(hw, unsafe.Pointer(&v), &n, nil, 0)
	show("short", n, err)
	n = 0
	err = sysctl(hw, nil, &n, nil, 0)
	show("size", n, err)
	err = sysctl(hw, unsafe.Pointer(&v), nil, nil, 0)
	show("no length", err)
	n = 8
	err = sysctl(hw, unsafe.Pointer(uintptr(8)), &n, nil, 0)
	show("bad address", err)
	err = sysctl(hw, unsafe.Pointer(&v), (*uintptr)(unsafe.Pointer(uintptr(8))), nil, 0)
	show("bad length", err)
	n = 8
	show("read only", sysctl(hw, nil, nil, unsafe.Pointer(&v), 4))
	show("node", sysctl([]int32{1, 30}, unsafe.Pointer(&v), &n, nil, 0))
	show("below a leaf", sysctl([]int32{6, 7, 1}, unsafe.Pointer(&v), &n, nil, 0))
	show("missing", sysctl([]int32{6, 9999}, unsafe.Pointer(&v), &n, nil, 0))
	show("too short a name", sysctl([]int32{6}, unsafe.Pointer(&v), &n, nil, 0))
	show("too long a name", sysctl(make([]int32, 25), unsafe.Pointer(&v), &n, nil, 0))
	_, err = byName("kern.nothing")
	show("no such name", err)
	mib, err := byName("kern.ostype.")
	show("dot behind", mib, err)
	os1, err := get(1, 1)
	show(fmt.Sprintf("%q", os1), err)
	b := []byte("hw.machine\x00")
	buf := make([]byte, 10)
	n = 10
	_, _, e := syscall.Syscall6(570, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), uintptr(unsafe.Pointer(&buf[0])), uintptr(unsafe.Pointer(&n)), 0, 0)
	show("by name", fmt.Sprintf("%q", buf[:n]), e == 0)
	n = 3
	_, _, e = syscall.Syscall6(570, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), uintptr(unsafe.Pointer(&buf[0])), uintptr(unsafe.Pointer(&n)), 0, 0)
	show("by name, short", n, e)
	descr, err := get(0, 5, 1, 1)
	show(fmt.Sprintf("%q", descr), err)
	mine, err := get(1, 14, 1, int32(os.Getpid()))
	show("kinfo_proc", len(mine) >= 1088, err)
	show("own pid, parent", binary.LittleEndian.Uint32(mine[72:]) == uint32(os.Getpid()), binary.LittleEndian.Uint32(mine[76:]) == uint32(os.Getppid()))
	cwd, _ := os.Getwd()
	kf, err := get(1, 14, 42, -1)
	show("cwd", strings.TrimRight(string(kf[368:]), "\x00") == cwd, err)
	exe, err := os.Executable()
	show("pathname", strings.HasSuffix(exe, "/sysctl"), err)
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "-a" {
		walk(true)
		return
	}
	rules()
	leaves, failed := walk(false)
	fmt.Println("hundreds of values, nearly all there:", leaves > 250, failed < leaves/4)
}

package freebsd

import (
	"slices"
	"testing"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// testRows is a small tree: fixed and automatic numbers, a hidden sysctl, an
// empty branch, and a node that takes arguments.
func testRows() []ctl {
	const rd = abi.CTLFLAG_RD
	return []ctl{
		{"a", 1, rd, branch(), "first"},
		{"a.two", 2, rd, ctlInt(konst(2)), ""},
		{"a.one", 1, rd, ctlInt(konst(1)), ""},
		{"a.hidden", 3, rd | abi.CTLFLAG_SKIP, ctlInt(konst(3)), ""},
		{"a.empty", 4, rd, branch(), ""},
		{"a.node", 5, rd, nodeOf(func(r *sysctlReq) ([]byte, error) { return int32s(r.rest...), nil }), ""},
		{"b.deep.leaf", auto, rd, ctlText("x"), ""},
	}
}

func TestSysctlNumber(t *testing.T) {
	root := buildSysctls(testRows())
	for _, c := range []struct {
		name string
		want []int32
	}{
		{"a", []int32{1}},
		{"a.", []int32{1}},
		{"a.one", []int32{1, 1}},
		{"a.node", []int32{1, 5}},
		{"a.node.x", nil},
		{"a.one.x", nil},
		{"", nil},
		{".a", nil},
		{"a..one", nil},
		{"b.deep.leaf", []int32{0x100, 0x101, 0x102}},
	} {
		got, err := root.number(c.name)
		if !slices.Equal(got, c.want) || (err == nil) != (c.want != nil) {
			t.Errorf("number(%q) = %v, %v; want %v", c.name, got, err, c.want)
		}
	}
}

func TestSysctlFind(t *testing.T) {
	root := buildSysctls(testRows())
	for _, c := range []struct {
		name []int32
		want string
		rest []int32
		err  error
	}{
		{[]int32{1}, "a", nil, nil},
		{[]int32{1, 1}, "a.one", nil, nil},
		{[]int32{1, 1, 7}, "", nil, abi.ENOTDIR},
		{[]int32{1, 9}, "", nil, abi.ENOENT},
		{[]int32{1, 5, 8, 9}, "a.node", []int32{8, 9}, nil},
		{[]int32{9, 9}, "", nil, abi.ENOENT},
		{nil, "", nil, abi.ENOENT},
	} {
		n, rest, err := root.find(c.name)
		if err != c.err {
			t.Errorf("find(%v): error %v, want %v", c.name, err, c.err)
		}
		if err == nil && (n.name != c.want || !slices.Equal(rest, c.rest)) {
			t.Errorf("find(%v) = %s %v, want %s %v", c.name, n.name, rest, c.want, c.rest)
		}
	}
}

func TestSysctlNext(t *testing.T) {
	root := buildSysctls(testRows())
	walk := func(skip bool) (names []string) {
		for cur := root.next(nil, skip); cur != nil; cur = root.next(cur, skip) {
			n, _, err := root.find(cur)
			if err != nil {
				t.Fatalf("%v: %v", cur, err)
			}
			names = append(names, n.name)
			if len(names) > 100 {
				t.Fatalf("endless: %v", names)
			}
		}
		return names
	}
	if got, want := walk(true), []string{"a.one", "a.two", "a.node", "b.deep.leaf"}; !slices.Equal(got, want) {
		t.Errorf("skipping: %v, want %v", got, want)
	}
	want := []string{"a", "a.one", "a.two", "a.hidden", "a.empty", "a.node", "b", "b.deep", "b.deep.leaf"}
	if got := walk(false); !slices.Equal(got, want) {
		t.Errorf("all: %v, want %v", got, want)
	}
	if got := root.next([]int32{1, 99}, true); !slices.Equal(got, []int32{0x100, 0x101, 0x102}) {
		t.Errorf("behind a: %v", got)
	}
}

// TestSysctlTree: rows must have distinct names and numbers, and every value
// must be readable or fail with an error, on whatever machine this is.
func TestSysctlTree(t *testing.T) {
	seen := map[string]bool{}
	var walk func(n *ctlNode)
	walk = func(n *ctlNode) {
		nums := map[int32]string{}
		for _, k := range n.kids {
			if seen[k.name] {
				t.Errorf("%s is declared twice", k.name)
			}
			seen[k.name] = true
			if other := nums[k.num]; other != "" {
				t.Errorf("%s and %s have the same number", k.name, other)
			}
			nums[k.num] = k.name
			walk(k)
		}
	}
	root := sysctlTree()
	walk(root)
	for _, name := range []string{"kern.smp.maxcpus", "hw.ncpu", "hw.pagesize", "kern.osreldate", "kern.hostname", "kern.boottime", "hw.physmem"} {
		mib, err := root.number(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		n, _, _ := root.find(mib)
		b, err := n.val.get(&sysctlReq{p: &process{release: release{name: "13.2-RELEASE", date: 1302001}}, node: n})
		if err != nil || len(b) == 0 {
			t.Errorf("%s: %x, %v", name, b, err)
		}
	}
}

// TestSysctlEarly: the early tree is a part of the whole one.
func TestSysctlEarly(t *testing.T) {
	var walk func(n *ctlNode, mib []int32)
	walk = func(n *ctlNode, mib []int32) {
		for _, k := range n.kids {
			at := append(slices.Clone(mib), k.num)
			if got, err := sysctlTree().number(k.name); err != nil || !slices.Equal(got, at) {
				t.Errorf("%s is %v early, %v later (%v)", k.name, at, got, err)
			}
			walk(k, at)
		}
	}
	walk(earlyTree(), nil)
	if mib, err := sysctlNumber("kern.smp.maxcpus"); err != nil || len(mib) != 3 {
		t.Errorf("%v, %v", mib, err)
	}
	if n, _, err := sysctlFind([]int32{abi.CTL_HW, abi.HW_PHYSMEM}); err != nil || n.name != "hw.physmem" {
		t.Errorf("%v, %v", n, err)
	}
}

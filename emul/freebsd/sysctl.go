package freebsd

import (
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul"
	"github.com/lsf-linux/lsf/emul/freebsd/abi"
	"github.com/lsf-linux/lsf/emul/guest"
)

// sysctl(3): one tree of names, built from the declarative tables in
// sysctl_*.go, and FreeBSD's rules for moving old and new values
// (sys/kern/kern_sysctl.c).

// auto is the number of a sysctl that FreeBSD numbers by itself (OID_AUTO).
const auto = -1

// ctl declares one sysctl: a row of the tables.
type ctl struct {
	name  string // dotted
	num   int32  // number within its parent, or auto
	flags uint32 // abi.CTLFLAG_*
	val   ctlVal
	descr string
}

// ctlVal says what a sysctl holds and where it comes from. Exactly one of get
// and act is set for a leaf or a node that answers; neither for a plain node.
type ctlVal struct {
	kind uint32 // abi.CTLTYPE_*
	fmt  string // as CTL_SYSCTL_OIDFMT gives it
	// get gives the present value, in FreeBSD's representation.
	get func(r *sysctlReq) ([]byte, error)
	// act serves the whole request and answers with sysctlReq.out.
	act func(r *sysctlReq) emul.Action
	// max is how long a new value may be: exactly this for numbers and
	// structures, at most this for strings. Only with set.
	max int
	// set takes a new value. A sysctl that FreeBSD lets root change and that
	// has no set here fails with EPERM, as in a jail.
	set func(r *sysctlReq, b []byte) emul.Action
}

func (v *ctlVal) isNode() bool   { return v.kind == abi.CTLTYPE_NODE }
func (v *ctlVal) isBranch() bool { return v.isNode() && v.get == nil && v.act == nil }

// ctlNode is a sysctl in the tree.
type ctlNode struct {
	ctl
	leaf string     // last component of its name
	kids []*ctlNode // by number
}

// sysctlTree holds all sysctls. Trees are built at their first use and never
// changed.
var sysctlTree = sync.OnceValue(func() *ctlNode {
	return buildSysctls(slices.Concat(sysctlEarly(), sysctlNodes(), sysctlKern(), sysctlProc(), sysctlHW(), sysctlNet(),
		sysctlVM(), sysctlSockets(), sysctlJail(), sysctlMisc(), sysctlIPC()))
})

// earlyTree holds the few that programs ask for when they start, which most of
// them leave it at. Its rows come first in sysctlTree too, so that numbers are
// the same in both.
var earlyTree = sync.OnceValue(func() *ctlNode { return buildSysctls(sysctlEarly()) })

// sysctlNumber looks a dotted name up. Error: ENOENT.
func sysctlNumber(name string) ([]int32, error) {
	if mib, err := earlyTree().number(name); err == nil {
		return mib, nil
	}
	return sysctlTree().number(name)
}

// sysctlFind looks a number sequence up, as ctlNode.find does.
func sysctlFind(mib []int32) (*ctlNode, []int32, error) {
	if n, rest, err := earlyTree().find(mib); err == nil && !n.val.isBranch() {
		return n, rest, nil
	}
	return sysctlTree().find(mib)
}

func buildSysctls(rows []ctl) *ctlNode {
	root := &ctlNode{ctl: ctl{val: ctlVal{kind: abi.CTLTYPE_NODE, fmt: "N"}}}
	byName := make(map[string]*ctlNode, len(rows)+64)
	byName[""] = root
	next := int32(abi.CTL_AUTO_START)
	var add func(c ctl) *ctlNode
	add = func(c ctl) *ctlNode {
		i := strings.LastIndexByte(c.name, '.')
		parent := byName[c.name[:max(i, 0)]]
		if parent == nil {
			parent = add(ctl{c.name[:i], auto, abi.CTLFLAG_RW, branch(), ""})
		}
		if c.num == auto {
			c.num = next
			next++
		}
		n := &ctlNode{ctl: c, leaf: c.name[i+1:]}
		byName[c.name] = n
		parent.kids = append(parent.kids, n)
		return n
	}
	for _, c := range rows {
		add(c)
	}
	for _, n := range byName {
		slices.SortFunc(n.kids, func(a, b *ctlNode) int { return int(a.num) - int(b.num) })
	}
	return root
}

func (n *ctlNode) kid(num int32) *ctlNode {
	for _, k := range n.kids {
		if k.num == num {
			return k
		}
	}
	return nil
}

// find returns the sysctl of that number sequence and what of it is left for
// the sysctl itself to look at. Errors: ENOENT, ENOTDIR.
func (n *ctlNode) find(name []int32) (*ctlNode, []int32, error) {
	for i, num := range name {
		k := n.kid(num)
		switch {
		case k == nil:
			return nil, nil, abi.ENOENT
		case k.val.isNode() && (!k.val.isBranch() || i == len(name)-1):
			return k, name[i+1:], nil
		case !k.val.isNode() && i == len(name)-1:
			return k, nil, nil
		case !k.val.isNode():
			return nil, nil, abi.ENOTDIR
		}
		n = k
	}
	return nil, nil, abi.ENOENT
}

// number returns the number sequence of a dotted name; like FreeBSD it puts up
// with one dot at the end. Error: ENOENT.
func (n *ctlNode) number(name string) ([]int32, error) {
	var out []int32
	for len(out) < abi.CTL_MAXNAME {
		part, rest, more := strings.Cut(name, ".")
		i := slices.IndexFunc(n.kids, func(k *ctlNode) bool { return k.leaf == part })
		if i < 0 {
			break
		}
		n = n.kids[i]
		out = append(out, n.num)
		if !more || rest == "" {
			return out, nil
		}
		if !n.val.isBranch() {
			break
		}
		name = rest
	}
	return nil, abi.ENOENT
}

// path returns the dotted name of a number sequence. Components that are not
// there become numbers.
func (n *ctlNode) path(mib []int32) string {
	var parts []string
	for _, num := range mib {
		if n != nil {
			n = n.kid(num)
		}
		if n == nil {
			parts = append(parts, itoa(int64(num)))
			continue
		}
		parts = append(parts, n.leaf)
		if !n.val.isBranch() {
			n = nil
		}
	}
	return strings.Join(parts, ".")
}

// next returns the number sequence that follows name in the tree; with
// honorSkip as sysctl(8) -a walks it: only what has a value, without those
// that are flagged to be skipped. nil when there is none.
func (n *ctlNode) next(name []int32, honorSkip bool) []int32 {
	for _, k := range n.kids {
		if honorSkip && k.flags&abi.CTLFLAG_SKIP != 0 {
			continue
		}
		if len(name) > 0 && k.num < name[0] {
			continue
		}
		exact := len(name) > 0 && k.num == name[0]
		if exact && !k.val.isBranch() {
			continue
		}
		if !exact && (!honorSkip || !k.val.isBranch()) {
			return []int32{k.num}
		}
		var rest []int32
		if exact {
			rest = name[1:]
		}
		if found := k.next(rest, honorSkip); found != nil {
			return append([]int32{k.num}, found...)
		}
		// All that is left lies behind name.
		name = nil
	}
	return nil
}

// sysctlReq is one call of sysctl(3).
type sysctlReq struct {
	t       *emul.Task
	p       *process
	node    *ctlNode
	rest    []int32 // what follows the node's own number in the name
	old     guest.Addr
	oldlenp guest.Ptr[uint64]
	oldlen  uint64
	newp    guest.Addr
	newlen  uint64
	byName  bool
	tree    sysctlTrees
}

// sysctlTrees is how sysctls that are about sysctls look others up. It goes
// with the request because their rows are part of the trees.
type sysctlTrees struct {
	all    func() *ctlNode
	number func(string) ([]int32, error)
}

// sizing says that the caller asks only how long the value is.
func (r *sysctlReq) sizing() bool { return r.old == 0 }

// __sysctl reads or changes the value with the number sequence name[:namelen].
func sysctl(t *emul.Task, name MIB, namelen Uint, old Addr, oldlenp guest.Ptr[uint64], newp Addr, newlen Size) emul.Action {
	if namelen < 2 || namelen > abi.CTL_MAXNAME {
		return emul.Fail(abi.EINVAL)
	}
	mib, err := guest.Ptr[int32](name).LoadN(t, int(namelen))
	if err != nil {
		return emul.Fail(err)
	}
	r := &sysctlReq{t: t, old: guest.Addr(old), oldlenp: oldlenp, newp: guest.Addr(newp), newlen: uint64(newlen)}
	return r.serve(mib)
}

// sysctlbyname does the same for a dotted name of namelen bytes.
func sysctlbyname(t *emul.Task, name Str, namelen Size, old Addr, oldlenp guest.Ptr[uint64], newp Addr, newlen Size) emul.Action {
	if namelen == 0 || namelen > abi.MAXPATHLEN {
		return emul.Fail(abi.EINVAL)
	}
	mib, err := loadOID(sysctlNumber, t, guest.Addr(name), uint64(namelen))
	if err != nil {
		return emul.Fail(err)
	}
	r := &sysctlReq{t: t, old: guest.Addr(old), oldlenp: oldlenp, newp: guest.Addr(newp), newlen: uint64(newlen), byName: true}
	return r.serve(mib)
}

// loadOID reads a dotted name, which may or may not end in a zero, and looks it up.
func loadOID(number func(string) ([]int32, error), t guest.Memory, a guest.Addr, n uint64) ([]int32, error) {
	switch {
	case n == 0:
		return nil, abi.ENOENT
	case n >= abi.MAXPATHLEN:
		return nil, abi.ENAMETOOLONG
	}
	b := make([]byte, n)
	if err := t.ReadMem(a, b); err != nil {
		return nil, err
	}
	name, _, _ := strings.Cut(string(b), "\x00")
	return number(name)
}

func (r *sysctlReq) serve(mib []int32) emul.Action {
	r.p = procOf(r.t)
	r.tree = sysctlTrees{sysctlTree, sysctlNumber}
	if r.oldlenp != 0 {
		n, err := r.oldlenp.Load(r.t)
		if err != nil {
			return emul.Fail(err)
		}
		r.oldlen = n
	}
	if r.newp == 0 {
		r.newlen = 0
	}
	var err error
	r.node, r.rest, err = sysctlFind(mib)
	switch {
	case err != nil:
		return emul.Fail(err)
	case r.node.val.isBranch():
		return emul.Fail(abi.EISDIR)
	case r.newp == 0:
		return r.answer()
	case r.node.flags&abi.CTLFLAG_WR == 0:
		return emul.Fail(abi.EPERM)
	case r.node.flags&abi.CTLFLAG_ANYBODY != 0:
		return r.answer()
	}
	return emul.Host(unix.SYS_GETEUID).Then(func(ret emul.Ret) emul.Action {
		if ret.Val != 0 {
			return emul.Fail(abi.EPERM)
		}
		return r.answer()
	})
}

func (r *sysctlReq) answer() emul.Action {
	v := &r.node.val
	if v.act != nil {
		return v.act(r)
	}
	b, err := v.get(r)
	if err != nil {
		return emul.Fail(err)
	}
	if r.newp == 0 {
		return r.out(b)
	}
	// The old value goes out first; only when it fitted is the new one taken.
	if err := r.store(b); err != nil {
		return emul.Fail(err)
	}
	nb, err := r.newValue(v)
	if err != nil {
		return emul.Fail(err)
	}
	return v.set(r, nb)
}

func (r *sysctlReq) newValue(v *ctlVal) ([]byte, error) {
	switch {
	case v.set == nil:
		return nil, abi.EPERM
	case v.kind == abi.CTLTYPE_STRING && r.newlen >= uint64(v.max):
		return nil, abi.EINVAL
	case v.kind != abi.CTLTYPE_STRING && r.newlen < uint64(v.max):
		return nil, abi.EINVAL
	}
	b := make([]byte, min(r.newlen, uint64(v.max)))
	return b, r.t.ReadMem(r.newp, b)
}

// out answers with the value b.
func (r *sysctlReq) out(b []byte) emul.Action { return emul.Fail(r.store(b)) }

// outSize answers with how long the value may become, which a growing list
// rounds up; only for a request that is sizing.
func (r *sysctlReq) outSize(n int) emul.Action {
	if r.oldlenp == 0 {
		return emul.Return(0)
	}
	return emul.Fail(r.oldlenp.Store(r.t, uint64(n)))
}

// store writes the old value and its length as FreeBSD does: with too small a
// buffer what fits, and ENOMEM.
func (r *sysctlReq) store(b []byte) error {
	n := uint64(len(b))
	var short bool
	if r.old != 0 {
		if n > r.oldlen {
			n, short = r.oldlen, true
		}
		if n > 0 {
			if err := r.t.WriteMem(r.old, b[:n]); err != nil {
				return err
			}
		}
	}
	// __sysctlbyname(2) leaves the length alone when it fails.
	if r.oldlenp != 0 && !(short && r.byName) {
		if err := r.oldlenp.Store(r.t, n); err != nil {
			return err
		}
	}
	if short {
		return abi.ENOMEM
	}
	return nil
}

// sysctlNodes are the sysctls about sysctls, and nodes with fixed numbers.
func sysctlNodes() []ctl {
	const rd, rw = abi.CTLFLAG_RD, abi.CTLFLAG_RW
	return []ctl{
		{"sysctl.name", abi.CTL_SYSCTL_NAME, rd, nodeOf(sysctlName), ""},
		{"sysctl.next", abi.CTL_SYSCTL_NEXT, rd, nodeOf(sysctlNext), ""},
		{"sysctl.oidfmt", abi.CTL_SYSCTL_OIDFMT, rd, nodeOf(sysctlOIDFmt), ""},
		{"sysctl.oiddescr", abi.CTL_SYSCTL_OIDDESCR, rd, nodeOf(sysctlOIDDescr), ""},
		{"sysctl.oidlabel", abi.CTL_SYSCTL_OIDLABEL, rd, nodeOf(sysctlOIDLabel), ""},
		{"sysctl.nextnoskip", abi.CTL_SYSCTL_NEXTNOSKIP, rd, nodeOf(sysctlNext), ""},
		{"vfs", abi.CTL_VFS, rw, branch(), "File system"},
		{"net", abi.CTL_NET, rw, branch(), "Network"},
		{"debug", abi.CTL_DEBUG, rw, branch(), "Debugging"},
		{"machdep", abi.CTL_MACHDEP, rw, branch(), "Machine dependent"},
		{"user", abi.CTL_USER, rw, branch(), "User level"},
		{"p1003_1b", abi.CTL_P1003_1B, rw, branch(), "POSIX 1003.1B"},
		{"kern.proc", abi.KERN_PROC, rd, branch(), "Process table"},
		{"kern.ipc", abi.KERN_IPC, rw, branch(), "IPC"},
	}
}

// sysctlName gives the dotted name of a number sequence.
func sysctlName(r *sysctlReq) ([]byte, error) {
	return cstring(r.tree.all().path(r.rest)), nil
}

func sysctlNext(r *sysctlReq) ([]byte, error) {
	next := r.tree.all().next(r.rest, r.node.num == abi.CTL_SYSCTL_NEXT)
	if next == nil {
		return nil, abi.ENOENT
	}
	return int32s(next...), nil
}

func sysctlName2OID(r *sysctlReq) emul.Action {
	mib, err := loadOID(r.tree.number, r.t, r.newp, r.newlen)
	if err != nil {
		return emul.Fail(err)
	}
	return r.out(int32s(mib...))
}

func sysctlOIDFmt(r *sysctlReq) ([]byte, error) {
	n, _, err := r.tree.all().find(r.rest)
	if err != nil {
		return nil, err
	}
	return append(int32s(int32(n.val.kind|n.flags|abi.CTLFLAG_MPSAFE)), cstring(n.val.fmt)...), nil
}

func sysctlOIDDescr(r *sysctlReq) ([]byte, error) {
	n, _, err := r.tree.all().find(r.rest)
	if err != nil {
		return nil, err
	}
	return cstring(n.descr), nil
}

// sysctlOIDLabel: no sysctl of ours has an aggregation label.
func sysctlOIDLabel(r *sysctlReq) ([]byte, error) { return nil, abi.ENOENT }

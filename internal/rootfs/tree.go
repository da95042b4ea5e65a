package rootfs

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// kind is what an entry of a tree is.
type kind uint8

const (
	kindDir kind = iota
	kindFile
	kindLink // symbolic
	kindFifo
)

var kindNames = [...]string{"dir", "file", "link", "fifo"} // as mtree(5) calls them

func (k kind) String() string { return kindNames[k] }

// attrs is what is known of an entry besides its name. Hard links share one.
type attrs struct {
	kind     kind
	mode     uint32 // permissions, set-ID and sticky bits, as in st_mode
	uid, gid int
	mtime    time.Time
	size     int64
	link     string   // where a symbolic link leads
	sum      [32]byte // SHA-256 of a file
}

// node is a name in a tree.
type node struct {
	*attrs
	layer    int // which layer of an image it is from
	children map[string]*node
}

// names are those in a directory, sorted.
func (n *node) names() []string { return slices.Sorted(maps.Keys(n.children)) }

// walk calls f for n and all below it, a directory before what is in it.
func (n *node) walk(path string, f func(path string, n *node) error) error {
	if err := f(path, n); err != nil {
		return err
	}
	for _, name := range n.names() {
		if err := n.children[name].walk(join(path, name), f); err != nil {
			return err
		}
	}
	return nil
}

// join is path.Join for clean relative paths, where "." is the tree itself.
func join(dir, name string) string {
	if dir == "." {
		return name
	}
	return dir + "/" + name
}

const (
	maxLinks = 32   // as FreeBSD's MAXSYMLINKS
	maxPath  = 4096 // Linux's PATH_MAX
	maxName  = 255
)

var errOutside = errors.New("leads out of the tree")

// components takes a name in an archive apart. A leading slash means the tree's
// root, as for tar(1); ".." is what no honest archive has.
func components(name string) ([]string, error) {
	if len(name) >= maxPath {
		return nil, fmt.Errorf("name of %d bytes", len(name))
	}
	var list []string
	for c := range strings.SplitSeq(name, "/") {
		switch {
		case c == "" || c == ".":
		case c == "..":
			return nil, errOutside
		case len(c) > maxName:
			return nil, fmt.Errorf("name of %d bytes", len(c))
		case strings.IndexByte(c, 0) >= 0:
			return nil, errors.New("NUL in the name")
		default:
			list = append(list, c)
		}
	}
	return list, nil
}

// cursor is a place in a tree: the nodes from the root to a directory.
type cursor struct {
	nodes []*node
	names []string
}

func (c *cursor) node() *node { return c.nodes[len(c.nodes)-1] }

// path is where the cursor is; no component of it is a symbolic link.
func (c *cursor) path() string {
	if len(c.names) == 0 {
		return "."
	}
	return strings.Join(c.names, "/")
}

func (c *cursor) enter(name string, n *node) {
	c.nodes, c.names = append(c.nodes, n), append(c.names, name)
}

func (c *cursor) up() {
	if len(c.names) > 0 {
		c.nodes, c.names = c.nodes[:len(c.nodes)-1], c.names[:len(c.names)-1]
	}
}

// errMissing is a directory that is not there. descend stops at it.
var errMissing = errors.New("no such directory")

// descend follows the components of a directory's name from root, through symbolic
// links as a process would whose root directory the tree is: an absolute link begins
// at the tree's root and ".." there stays there. missing, if not nil, makes a
// directory that is not there.
func descend(root *node, list []string, missing func(*cursor, string) (*node, error)) (*cursor, error) {
	c := &cursor{nodes: []*node{root}}
	links := 0
	list = slices.Clone(list)
	for len(list) > 0 {
		name := list[0]
		list = list[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			c.up()
			continue
		}
		child := c.node().children[name]
		switch {
		case child == nil && missing == nil:
			return c, errMissing
		case child == nil:
			made, err := missing(c, name)
			if err != nil {
				return c, err
			}
			c.enter(name, made)
		case child.kind == kindDir:
			c.enter(name, child)
		case child.kind == kindLink:
			if links++; links > maxLinks || len(list) > maxPath {
				return c, errors.New("too many symbolic links")
			}
			if strings.HasPrefix(child.link, "/") {
				c = &cursor{nodes: []*node{root}}
			}
			list = append(strings.Split(child.link, "/"), list...)
		default:
			return c, fmt.Errorf("%s is not a directory", join(c.path(), name))
		}
	}
	return c, nil
}

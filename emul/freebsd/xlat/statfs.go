package xlat

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// Mount is one line of mountinfo (proc(5)).
type Mount struct {
	ID           uint64
	Major, Minor uint32
	On           string // where it is mounted, below the reader's root
	Type         string
	From         string
}

// Mounts reads the text of a mountinfo file; lines it cannot read are left out.
func Mounts(text string) []Mount {
	var out []Mount
	for line := range strings.Lines(text) {
		// id parent major:minor root on options [optional…] - type from options
		head, tail, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " - ")
		h, t := strings.Fields(head), strings.Fields(tail)
		if !ok || len(h) < 6 || len(t) < 2 {
			continue
		}
		major, minor, _ := strings.Cut(h[2], ":")
		out = append(out, Mount{
			ID: number(h[0]), Major: uint32(number(major)), Minor: uint32(number(minor)),
			On: unescape(h[4]), Type: t[0], From: unescape(t[1]),
		})
	}
	return out
}

func number(s string) uint64 {
	var n uint64
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return n
		}
		n = n*10 + uint64(c-'0')
	}
	return n
}

// unescape undoes mountinfo's \ooo for space, tab, newline and backslash.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// FSName gives FreeBSD's name for a Linux file system type, or the same name.
func FSName(linux string) string {
	switch linux {
	case "ext2", "ext3", "ext4":
		return "ext2fs"
	case "proc":
		return "linprocfs"
	case "sysfs":
		return "linsysfs"
	case "devtmpfs", "devpts":
		return "devfs"
	case "mqueue":
		return "mqueuefs"
	case "vfat", "msdos":
		return "msdosfs"
	case "iso9660":
		return "cd9660"
	case "nfs4":
		return "nfs"
	case "cifs", "smb3":
		return "smbfs"
	case "fuse", "fuseblk":
		return "fusefs"
	}
	if strings.HasPrefix(linux, "fuse.") {
		return "fusefs"
	}
	return linux
}

// fsMagic names the types that are told by statfs alone, where mountinfo is
// not to be had.
var fsMagic = [...]struct {
	magic int64
	name  string
}{
	{unix.EXT4_SUPER_MAGIC, "ext4"}, {unix.TMPFS_MAGIC, "tmpfs"}, {unix.PROC_SUPER_MAGIC, "proc"},
	{unix.SYSFS_MAGIC, "sysfs"}, {unix.DEVPTS_SUPER_MAGIC, "devpts"}, {unix.NFS_SUPER_MAGIC, "nfs"},
	{unix.BTRFS_SUPER_MAGIC, "btrfs"}, {unix.XFS_SUPER_MAGIC, "xfs"}, {unix.OVERLAYFS_SUPER_MAGIC, "overlay"},
	{unix.MSDOS_SUPER_MAGIC, "vfat"}, {unix.ISOFS_SUPER_MAGIC, "iso9660"}, {unix.SQUASHFS_MAGIC, "squashfs"},
	{unix.FUSE_SUPER_MAGIC, "fuse"}, {0x2fc12fc1, "zfs"},
}

// remote are the types that are not MNT_LOCAL.
var remote = [...]string{"nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "afs"}

// Statfs converts statfs(2)'s result; m says what mountinfo knows, or is empty.
func Statfs(s *unix.Statfs_t, m Mount) abi.Statfs {
	if m.Type == "" {
		m.Type = "unknown"
		for _, f := range fsMagic {
			if f.magic == s.Type {
				m.Type = f.name
			}
		}
		m.From, m.On = m.Type, "/"
	}
	var flags uint64
	for _, f := range []struct{ linux, freebsd uint64 }{
		{unix.ST_RDONLY, abi.MNT_RDONLY}, {unix.ST_SYNCHRONOUS, abi.MNT_SYNCHRONOUS},
		{unix.ST_NOEXEC, abi.MNT_NOEXEC}, {unix.ST_NOSUID, abi.MNT_NOSUID},
		{unix.ST_NOATIME, abi.MNT_NOATIME}, {0x2000, abi.MNT_NOSYMFOLLOW},
	} {
		if uint64(s.Flags)&f.linux != 0 {
			flags |= f.freebsd
		}
	}
	if !slices.Contains(remote[:], m.Type) {
		flags |= abi.MNT_LOCAL
	}
	if m.On == "/" {
		flags |= abi.MNT_ROOTFS
	}
	unit := s.Frsize
	if unit <= 0 {
		unit = s.Bsize
	}
	out := abi.Statfs{
		Version: abi.STATFS_VERSION,
		Type:    uint32(s.Type) & 0xff,
		Flags:   flags,
		Bsize:   uint64(unit),
		Iosize:  uint64(s.Bsize),
		Blocks:  s.Blocks,
		Bfree:   s.Bfree,
		Bavail:  int64(s.Bavail),
		Files:   s.Files,
		Ffree:   int64(s.Ffree),
		Namemax: uint32(s.Namelen),
		Fsid:    s.Fsid.Val,
	}
	cut(out.Fstypename[:], FSName(m.Type))
	cut(out.Mntfromname[:], m.From)
	cut(out.Mntonname[:], m.On)
	return out
}

// cut copies s, leaving at least one zero at the end.
func cut(dst []byte, s string) { copy(dst[:len(dst)-1], s) }

// cutBytes is cut for a string in a longer array.
func cutBytes(dst, src []byte) { copy(dst[:len(dst)-1], src) }

// Statfs11 cuts a struct statfs down to FreeBSD 11's.
func Statfs11(s *abi.Statfs) abi.Statfs11 {
	out := abi.Statfs11{
		Version: abi.FREEBSD11_STATFS_VERSION, Type: s.Type, Flags: s.Flags, Bsize: s.Bsize, Iosize: s.Iosize,
		Blocks: s.Blocks, Bfree: s.Bfree, Bavail: s.Bavail, Files: s.Files, Ffree: s.Ffree,
		Namemax: s.Namemax, Owner: s.Owner, Fsid: s.Fsid, Fstypename: s.Fstypename,
	}
	cutBytes(out.Mntfromname[:], s.Mntfromname[:])
	cutBytes(out.Mntonname[:], s.Mntonname[:])
	return out
}

// OStatfs cuts a struct statfs down to FreeBSD 4's. What does not fit into its
// longs cannot occur (vfs_syscalls.c freebsd4_cvtstatfs).
func OStatfs(s *abi.Statfs) abi.OStatfs {
	out := abi.OStatfs{
		Bsize: int64(s.Bsize), Iosize: int64(s.Iosize), Blocks: int64(s.Blocks), Bfree: int64(s.Bfree),
		Bavail: s.Bavail, Files: int64(s.Files), Ffree: s.Ffree, Fsid: s.Fsid, Owner: s.Owner,
		Type: int32(s.Type), Flags: int32(s.Flags), Fstypename: s.Fstypename,
	}
	cutBytes(out.Mntfromname[:], s.Mntfromname[:])
	cutBytes(out.Mntonname[:], s.Mntonname[:])
	return out
}

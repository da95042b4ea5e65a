// Package rootfs keeps FreeBSD root file systems: it gets them from registries,
// mirrors and local archives, puts them in place, tells what is there, and takes
// them away. lsf-install is its only caller; it uses net/http and must not come
// into lsf-binfmt.
//
// What must hold:
//
//   - A tree is the old one or the new one, never half of either. It is extracted
//     beside its place into a directory that is locked as long as the process
//     lives, and exchanged by one renameat2. What an interrupted run leaves is
//     found by its name and its missing lock, and cleaned by the next one (commit.go).
//   - Nothing outside the tree is written, whatever an archive says. Paths are
//     resolved in a model of the tree that is kept in memory (tree.go), symbolic links
//     as a process in the tree would see them; the file system is then only asked for
//     names without links, through os.Root (extract.go).
//   - Bytes are believed when their SHA-256 is right. What comes from the network is
//     kept in a cache by that digest; a broken download goes on where it ended (download.go).
//   - A tree that is replaced or removed was made here and is as it was, or the user
//     has insisted. Nothing that is mounted in it is touched (remove.go).
//
// What is known of a tree lies in the tree, in .lsf: a record of where it is from
// and a manifest in mtree(5)'s format. So both are exchanged together with it.
//
// Not taken over from archives, on purpose: device nodes (their numbers mean other
// devices on Linux; LSF supplies what is missing), set-user-ID and set-group-ID of
// files unless asked for (they have no effect on FreeBSD programs here, but would on
// a Linux program that an image brings), file flags such as schg, ACLs and extended
// attributes.
package rootfs

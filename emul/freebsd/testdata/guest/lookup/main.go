// Lookup reads lines of a directory and a path, and says where the path leads
// from there in four ways: as an inode number or an error.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

func main() {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		dir, path, _ := strings.Cut(in.Text(), " ")
		fd, err := unix.Open(dir, unix.O_DIRECTORY|unix.O_RDONLY, 0)
		if err == nil {
			err = syscall.Chdir(dir)
		}
		if err != nil {
			fmt.Fprintln(out, dir, err)
			continue
		}
		var st [4]unix.Stat_t
		errs := [4]error{
			unix.Stat(path, &st[0]), unix.Lstat(path, &st[1]),
			unix.Fstatat(fd, path, &st[2], 0), unix.Fstatat(fd, path, &st[3], unix.AT_SYMLINK_NOFOLLOW),
		}
		for i, err := range errs {
			if err != nil {
				fmt.Fprint(out, err, "; ")
			} else {
				fmt.Fprint(out, st[i].Ino, "; ")
			}
		}
		fmt.Fprintln(out)
		unix.Close(fd)
	}
}

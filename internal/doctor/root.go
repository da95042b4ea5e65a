package doctor

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/config"
	"github.com/lsf-linux/lsf/emul/freebsd"
	"github.com/lsf-linux/lsf/internal/binfmt"
	"github.com/lsf-linux/lsf/loader"
)

// What can be wrong with a FreeBSD system.
var (
	ErrEmpty  = errors.New("an empty directory")
	ErrNoRtld = errors.New("no FreeBSD system: there is no " + loader.FreeBSDInterp)
	ErrArch   = errors.New("not a FreeBSD system for amd64")
	ErrNoExec = errors.New("mounted noexec: its libraries can't be used")
)

// Release looks at the FreeBSD system in a directory and returns its release,
// such as "14.1-RELEASE"; "" if the system does not say. Symbolic links are
// followed as in a chroot.
func Release(dir string) (string, error) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	if len(names) == 0 {
		return "", ErrEmpty
	}
	top, err := os.Open(dir)
	if err != nil {
		return "", err
	}
	defer top.Close()
	rtld, err := openIn(top, loader.FreeBSDInterp)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return "", ErrNoRtld
	}
	if err != nil {
		return "", err
	}
	defer rtld.Close()
	f, err := elf.NewFile(rtld)
	if err != nil {
		return "", fmt.Errorf("%s%s: %w", dir, loader.FreeBSDInterp, err)
	}
	if f.Machine != elf.EM_X86_64 || f.Class != elf.ELFCLASS64 || f.OSABI != elf.ELFOSABI_FREEBSD {
		return "", fmt.Errorf("%w: %s is for %v, %v", ErrArch, loader.FreeBSDInterp, f.Machine, f.OSABI)
	}
	if binfmt.NoExec(dir) {
		return "", ErrNoExec
	}
	version, err := openIn(top, "/bin/freebsd-version")
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer version.Close()
	text, err := io.ReadAll(io.LimitReader(version, loader.PageSize))
	return freebsd.UserlandRelease(string(text)), err
}

// openIn opens a file below a directory as if that were the root.
func openIn(dir *os.File, name string) (*os.File, error) {
	fd, err := unix.Openat2(int(dir.Fd()), name, &unix.OpenHow{
		Flags: unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK, Resolve: unix.RESOLVE_IN_ROOT,
	})
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: dir.Name() + name, Err: err}
	}
	return os.NewFile(uintptr(fd), dir.Name()+name), nil
}

// The releases whose system calls the table has (emul/freebsd/table.go).
const oldestMajor, newestMajor = 12, 15

// root looks at the configured FreeBSD system.
func (m Machine) root(set config.Config) Finding {
	const check = "FreeBSD system"
	const get = "lsf-install rootfs get"
	release, err := Release(set.Root)
	def := config.Default()
	switch {
	case errors.Is(err, fs.ErrNotExist) && set.Root == def.Root && set.Mode == def.Mode:
		return fine(check, "none in %s: static programs run without; for others: %s", set.Root, sudo(get))
	case errors.Is(err, fs.ErrNotExist):
		return bad(check, Failure, sudo(get), "%s, as configured, is not there", set.Root)
	case errors.Is(err, ErrNoExec):
		return bad(check, Failure, sudo("mount -o remount,exec "+set.Root), "%s is %v", set.Root, err)
	case errors.Is(err, ErrEmpty), errors.Is(err, ErrNoRtld), errors.Is(err, ErrArch):
		return bad(check, Failure, sudo(get), "%s is %v", set.Root, err)
	case errors.Is(err, fs.ErrPermission):
		return bad(check, Failure, sudo("chmod 755 "+set.Root), "%v", err)
	case err != nil:
		return bad(check, Failure, sudo(get), "%v", err)
	case release == "":
		return bad(check, Warning, `set release = "…" in `+config.Files(m.ConfigDir)[0], "%s does not say which release it is: no bin/freebsd-version", set.Root)
	}
	var major int
	fmt.Sscanf(release, "%d.", &major)
	switch {
	case major < oldestMajor:
		return bad(check, Failure, sudo(get), "%s is FreeBSD %s: older than %d, whose system calls LSF serves", set.Root, release, oldestMajor)
	case major > newestMajor:
		return bad(check, Warning, sudo(get), "%s is FreeBSD %s: newer than %d, what has been added since is not served", set.Root, release, newestMajor)
	case set.Mode == config.ModeChroot && os.Geteuid() != 0:
		return bad(check, Warning, `use mode = "prefix"`, "%s is FreeBSD %s, but mode chroot needs root", set.Root, release)
	}
	return fine(check, "%s: FreeBSD %s", set.Root, release)
}

package abi

import (
	"testing"
	"unsafe"
)

// TestFileLayouts compares sizes and offsets with those of FreeBSD's headers
// on amd64.
func TestFileLayouts(t *testing.T) {
	var (
		st   Stat
		st11 Stat11
		nst  NStat
		fl   Flock
		ofl  OFlock
	)
	for _, c := range []struct {
		name      string
		got, want uintptr
	}{
		{"stat", unsafe.Sizeof(st), 224},
		{"stat.st_mode", unsafe.Offsetof(st.Mode), 24},
		{"stat.st_rdev", unsafe.Offsetof(st.Rdev), 40},
		{"stat.st_atim", unsafe.Offsetof(st.Atim), 48},
		{"stat.st_birthtim", unsafe.Offsetof(st.Birthtim), 96},
		{"stat.st_size", unsafe.Offsetof(st.Size), 112},
		{"stat.st_gen", unsafe.Offsetof(st.Gen), 136},
		{"freebsd11_stat", unsafe.Sizeof(st11), 120},
		{"freebsd11_stat.st_uid", unsafe.Offsetof(st11.Uid), 12},
		{"freebsd11_stat.st_atim", unsafe.Offsetof(st11.Atim), 24},
		{"freebsd11_stat.st_size", unsafe.Offsetof(st11.Size), 72},
		{"freebsd11_stat.st_birthtim", unsafe.Offsetof(st11.Birthtim), 104},
		{"nstat", unsafe.Sizeof(nst), 128},
		{"nstat.st_atim", unsafe.Offsetof(nst.Atim), 32},
		{"nstat.st_birthtim", unsafe.Offsetof(nst.Birthtim), 112},
		{"flock", unsafe.Sizeof(fl), 32},
		{"flock.l_sysid", unsafe.Offsetof(fl.Sysid), 24},
		{"__oflock", unsafe.Sizeof(ofl), 24},
		{"procctl_reaper_status", unsafe.Sizeof(ReaperStatus{}), 80},
		{"procctl_reaper_pids", unsafe.Sizeof(ReaperPids{}), 72},
		{"procctl_reaper_pidinfo", unsafe.Sizeof(ReaperPidinfo{}), 72},
		{"procctl_reaper_kill", unsafe.Sizeof(ReaperKill{}), 80},
		{"dirent header", unsafe.Sizeof(DirentHeader{}), DirentHeaderSize},
		{"freebsd11_dirent header", unsafe.Sizeof(Dirent11Header{}), Dirent11HeaderSize},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, FreeBSD has %d", c.name, c.got, c.want)
		}
	}
}

// TestFileSystemLayouts is the same for mounts, terminals and polling.
func TestFileSystemLayouts(t *testing.T) {
	var (
		sf   Statfs
		sf11 Statfs11
		osf  OStatfs
		tio  Termios
	)
	for _, c := range []struct {
		name      string
		got, want uintptr
	}{
		{"statfs", unsafe.Sizeof(sf), 2344},
		{"statfs.f_namemax", unsafe.Offsetof(sf.Namemax), 184},
		{"statfs.f_fstypename", unsafe.Offsetof(sf.Fstypename), 280},
		{"statfs.f_mntonname", unsafe.Offsetof(sf.Mntonname), 1320},
		{"freebsd11_statfs", unsafe.Sizeof(sf11), 472},
		{"freebsd11_statfs.f_mntonname", unsafe.Offsetof(sf11.Mntonname), 384},
		{"ostatfs", unsafe.Sizeof(osf), 304},
		{"ostatfs.f_fsid", unsafe.Offsetof(osf.Fsid), 64},
		{"ostatfs.f_mntonname", unsafe.Offsetof(osf.Mntonname), 120},
		{"ostatfs.f_mntfromname", unsafe.Offsetof(osf.Mntfromname), 210},
		{"termios", unsafe.Sizeof(tio), 44},
		{"termios.c_ispeed", unsafe.Offsetof(tio.Ispeed), 36},
		{"kinfo_file", unsafe.Sizeof(KinfoFile{}), 1392},
		{"kinfo_file.kf_file_nlink", unsafe.Offsetof(KinfoFile{}.Nlink), 280},
		{"kinfo_file.kf_status", unsafe.Offsetof(KinfoFile{}.Status), 336},
		{"kinfo_file.kf_path", unsafe.Offsetof(KinfoFile{}.Path), 368},
		{"pollfd", unsafe.Sizeof(Pollfd{}), 8},
		{"fiodgname_arg", unsafe.Sizeof(FiodgnameArg{}), 16},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, FreeBSD has %d", c.name, c.got, c.want)
		}
	}
}

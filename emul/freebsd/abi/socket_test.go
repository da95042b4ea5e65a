package abi

import (
	"testing"
	"unsafe"
)

func TestSocketLayout(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want uintptr
	}{
		{"msghdr", unsafe.Sizeof(Msghdr{}), 48},
		{"msghdr.msg_iov", unsafe.Offsetof(Msghdr{}.Iov), 16},
		{"msghdr.msg_control", unsafe.Offsetof(Msghdr{}.Control), 32},
		{"msghdr.msg_flags", unsafe.Offsetof(Msghdr{}.Flags), 44},
		{"cmsgcred", unsafe.Sizeof(Cmsgcred{}), 84},
		{"xucred", unsafe.Sizeof(Xucred{}), 88},
		{"xucred.cr_pid", unsafe.Offsetof(Xucred{}.Pid), 80},
		{"sf_hdtr", unsafe.Sizeof(SfHdtr{}), 32},
		{"sf_hdtr.trailers", unsafe.Offsetof(SfHdtr{}.Trailers), 16},
		{"tcp_info", unsafe.Sizeof(TCPInfo{}), 236},
		{"tcp_info.tcpi_last_data_recv", unsafe.Offsetof(TCPInfo{}.LastDataRecv), 52},
		{"tcp_info.tcpi_rtt", unsafe.Offsetof(TCPInfo{}.Rtt), 68},
		{"tcp_info.tcpi_snd_wnd", unsafe.Offsetof(TCPInfo{}.SndWnd), 100},
		{"if_data", unsafe.Sizeof(IfData{}), SizeofIfData},
		{"if_msghdr", unsafe.Sizeof(IfMsghdr{}), 168},
		{"if_msghdrl", unsafe.Sizeof(IfMsghdrl{}), 176},
		{"ifa_msghdr", unsafe.Sizeof(IfaMsghdr{}), 20},
		{"ifa_msghdrl", unsafe.Sizeof(IfaMsghdrl{}), 176},
		{"ifma_msghdr", unsafe.Sizeof(IfmaMsghdr{}), 16},
		{"rt_msghdr", unsafe.Sizeof(RtMsghdr{}), 152},
		{"rt_msghdr.rtm_rmx", unsafe.Offsetof(RtMsghdr{}.Rmx), 40},
		{"kinfo_proc", unsafe.Sizeof(KinfoProc{}), SizeofKinfoProc},
		{"kinfo_proc.ki_uid", unsafe.Offsetof(KinfoProc{}.Uid), 168},
		{"kinfo_proc.ki_stat", unsafe.Offsetof(KinfoProc{}.Stat), 388},
		{"kinfo_proc.ki_comm", unsafe.Offsetof(KinfoProc{}.Comm), 447},
		{"kinfo_proc.ki_numthreads", unsafe.Offsetof(KinfoProc{}.Numthreads), 596},
		{"kinfo_proc.ki_rusage", unsafe.Offsetof(KinfoProc{}.Rusage), 608},
		{"kinfo_proc.ki_sflag", unsafe.Offsetof(KinfoProc{}.Sflag), 1072},
		{"kinfo_file.kf_path", unsafe.Offsetof(KinfoFile{}.Path), SizeofKinfoFileHead},
		{"kinfo_vmentry.kve_path", unsafe.Sizeof(KinfoVmentry{}), 136},
		{"vmtotal", unsafe.Sizeof(Vmtotal{}), 88},
		{"xswdev", unsafe.Sizeof(Xswdev{}), 32},
		{"clockinfo", unsafe.Sizeof(Clockinfo{}), 20},
		{"loadavg", unsafe.Sizeof(Loadavg{}), 24},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", c.name, c.got, c.want)
		}
	}
}

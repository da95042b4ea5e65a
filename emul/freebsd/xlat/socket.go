package xlat

import (
	"golang.org/x/sys/unix"

	"github.com/lsf-linux/lsf/emul/freebsd/abi"
)

// AddressFamily converts a FreeBSD address family. Only those that LSF serves
// have a twin.
func AddressFamily(af int32) (int, bool) {
	switch af {
	case abi.AF_UNSPEC:
		return unix.AF_UNSPEC, true
	case abi.AF_UNIX:
		return unix.AF_UNIX, true
	case abi.AF_INET:
		return unix.AF_INET, true
	case abi.AF_INET6:
		return unix.AF_INET6, true
	}
	return 0, false
}

// AddressFamilyFromHost converts a Linux address family; one without a twin
// becomes AF_UNSPEC.
func AddressFamilyFromHost(af int) int32 {
	switch af {
	case unix.AF_UNIX:
		return abi.AF_UNIX
	case unix.AF_INET:
		return abi.AF_INET
	case unix.AF_INET6:
		return abi.AF_INET6
	case unix.AF_PACKET:
		return abi.AF_LINK
	}
	return abi.AF_UNSPEC
}

// SocketFlags splits what socket(2) and its like take as type: the bare type,
// which has the same number on Linux, and Linux's flags.
func SocketFlags(typ int32) (bare int32, flags int) {
	if typ&abi.SOCK_CLOEXEC != 0 {
		flags |= unix.SOCK_CLOEXEC
	}
	if typ&abi.SOCK_NONBLOCK != 0 {
		flags |= unix.SOCK_NONBLOCK
	}
	return typ &^ (abi.SOCK_CLOEXEC | abi.SOCK_NONBLOCK), flags
}

var msgFlags = [...]struct{ guest, host int32 }{
	{abi.MSG_OOB, unix.MSG_OOB},
	{abi.MSG_PEEK, unix.MSG_PEEK},
	{abi.MSG_DONTROUTE, unix.MSG_DONTROUTE},
	{abi.MSG_EOR, unix.MSG_EOR},
	{abi.MSG_TRUNC, unix.MSG_TRUNC},
	{abi.MSG_CTRUNC, unix.MSG_CTRUNC},
	{abi.MSG_WAITALL, unix.MSG_WAITALL},
	{abi.MSG_DONTWAIT, unix.MSG_DONTWAIT},
	{abi.MSG_NOSIGNAL, unix.MSG_NOSIGNAL},
	{abi.MSG_CMSG_CLOEXEC, unix.MSG_CMSG_CLOEXEC},
}

// MsgFlags converts the flags of a send or receive call. MSG_TRUNC and
// MSG_CTRUNC are results only: FreeBSD ignores them as arguments, Linux does
// not. MSG_EOF is left to the caller. Like FreeBSD's kernel it lets unknown
// bits pass unnoticed.
func MsgFlags(f int32) int {
	var out int32
	for _, m := range msgFlags {
		if f&m.guest != 0 {
			out |= m.host
		}
	}
	if f&abi.MSG_NBIO != 0 {
		out |= unix.MSG_DONTWAIT
	}
	return int(out &^ (unix.MSG_TRUNC | unix.MSG_CTRUNC))
}

// MsgFlagsFromHost converts msg_flags as recvmsg(2) gives them.
func MsgFlagsFromHost(f int32) int32 {
	var out int32
	for _, m := range msgFlags {
		if f&m.host != 0 {
			out |= m.guest
		}
	}
	return out
}

var tcpStates = [...]uint8{
	1:  abi.TCPS_ESTABLISHED,
	2:  abi.TCPS_SYN_SENT,
	3:  abi.TCPS_SYN_RECEIVED,
	4:  abi.TCPS_FIN_WAIT_1,
	5:  abi.TCPS_FIN_WAIT_2,
	6:  abi.TCPS_TIME_WAIT,
	7:  abi.TCPS_CLOSED,
	8:  abi.TCPS_CLOSE_WAIT,
	9:  abi.TCPS_LAST_ACK,
	10: abi.TCPS_LISTEN,
	11: abi.TCPS_CLOSING,
	12: abi.TCPS_SYN_RECEIVED,
}

// TCPState converts the state of a TCP connection.
func TCPState(s uint8) uint8 {
	if int(s) < len(tcpStates) {
		return tcpStates[s]
	}
	return abi.TCPS_CLOSED
}

// TCPInfo converts the state of a TCP connection with its figures: Linux
// counts windows in segments and idle times in ms. wscale is the byte behind
// Options in Linux's structure, which unix.TCPInfo does not name.
func TCPInfo(in *unix.TCPInfo, wscale uint8) abi.TCPInfo {
	const infinite = 0x7fffffff
	thresh := uint32(infinite)
	if in.Snd_ssthresh < infinite {
		thresh = in.Snd_ssthresh * in.Snd_mss
	}
	return abi.TCPInfo{
		State: TCPState(in.State),
		Options: in.Options & (abi.TCPI_OPT_TIMESTAMPS | abi.TCPI_OPT_SACK | abi.TCPI_OPT_WSCALE |
			abi.TCPI_OPT_ECN | abi.TCPI_OPT_TFO),
		Wscale:        wscale,
		Rto:           in.Rto,
		SndMss:        in.Snd_mss,
		RcvMss:        in.Rcv_mss,
		LastDataRecv:  in.Last_data_recv * 1000,
		Rtt:           in.Rtt,
		Rttvar:        in.Rttvar,
		SndSsthresh:   thresh,
		SndCwnd:       in.Snd_cwnd * in.Snd_mss,
		RcvSpace:      in.Rcv_space,
		SndWnd:        in.Snd_wnd,
		SndRexmitpack: in.Total_retrans,
		RcvOoopack:    in.Rcv_ooopack,
	}
}

// In6Flags converts the flags of an IPv6 address.
func In6Flags(f uint32) int32 {
	return int32(toLinux(uint64(f), []bitPair{
		{unix.IFA_F_TENTATIVE, abi.IN6_IFF_TENTATIVE}, {unix.IFA_F_DADFAILED, abi.IN6_IFF_DUPLICATED},
		{unix.IFA_F_DEPRECATED, abi.IN6_IFF_DEPRECATED}, {unix.IFA_F_NODAD, abi.IN6_IFF_NODAD},
		{unix.IFA_F_TEMPORARY, abi.IN6_IFF_TEMPORARY},
	}))
}

package abi

// Address families (sys/socket.h). Protocol families have the same numbers.
const (
	AF_UNSPEC  = 0
	AF_UNIX    = 1
	AF_INET    = 2
	AF_ROUTE   = 17
	AF_LINK    = 18
	AF_INET6   = 28
	AF_NETLINK = 38
)

// Socket types and the flags that may be added to them (sys/socket.h).
const (
	SOCK_STREAM    = 1
	SOCK_DGRAM     = 2
	SOCK_RAW       = 3
	SOCK_RDM       = 4
	SOCK_SEQPACKET = 5
	SOCK_CLOEXEC   = 0x10000000
	SOCK_NONBLOCK  = 0x20000000
)

// SOCK_MAXADDRLEN is the longest socket address (sys/socket.h).
const SOCK_MAXADDRLEN = 255

// SUNPATHLEN is the size of sun_path (sys/un.h).
const SUNPATHLEN = 104

// MSG_* flags of send and receive calls (sys/socket.h).
const (
	MSG_OOB          = 0x00000001
	MSG_PEEK         = 0x00000002
	MSG_DONTROUTE    = 0x00000004
	MSG_EOR          = 0x00000008
	MSG_TRUNC        = 0x00000010
	MSG_CTRUNC       = 0x00000020
	MSG_WAITALL      = 0x00000040
	MSG_DONTWAIT     = 0x00000080
	MSG_EOF          = 0x00000100
	MSG_NBIO         = 0x00004000
	MSG_NOSIGNAL     = 0x00020000
	MSG_CMSG_CLOEXEC = 0x00040000
	MSG_WAITFORONE   = 0x00080000
)

// Option levels (sys/socket.h, sys/un.h). SOL_LOCAL has the number of
// IPPROTO_IP: which one is meant depends on the socket.
const (
	SOL_SOCKET = 0xffff
	SOL_LOCAL  = 0
)

// Options of SOL_SOCKET (sys/socket.h).
const (
	SO_DEBUG           = 0x00000001
	SO_ACCEPTCONN      = 0x00000002
	SO_REUSEADDR       = 0x00000004
	SO_KEEPALIVE       = 0x00000008
	SO_DONTROUTE       = 0x00000010
	SO_BROADCAST       = 0x00000020
	SO_USELOOPBACK     = 0x00000040
	SO_LINGER          = 0x00000080
	SO_OOBINLINE       = 0x00000100
	SO_REUSEPORT       = 0x00000200
	SO_TIMESTAMP       = 0x00000400
	SO_NOSIGPIPE       = 0x00000800
	SO_ACCEPTFILTER    = 0x00001000
	SO_BINTIME         = 0x00002000
	SO_NO_OFFLOAD      = 0x00004000
	SO_NO_DDP          = 0x00008000
	SO_REUSEPORT_LB    = 0x00010000
	SO_RERROR          = 0x00020000
	SO_SNDBUF          = 0x1001
	SO_RCVBUF          = 0x1002
	SO_SNDLOWAT        = 0x1003
	SO_RCVLOWAT        = 0x1004
	SO_SNDTIMEO        = 0x1005
	SO_RCVTIMEO        = 0x1006
	SO_ERROR           = 0x1007
	SO_TYPE            = 0x1008
	SO_LABEL           = 0x1009
	SO_PEERLABEL       = 0x1010
	SO_LISTENQLIMIT    = 0x1011
	SO_LISTENQLEN      = 0x1012
	SO_LISTENINCQLEN   = 0x1013
	SO_SETFIB          = 0x1014
	SO_USER_COOKIE     = 0x1015
	SO_PROTOCOL        = 0x1016
	SO_TS_CLOCK        = 0x1017
	SO_MAX_PACING_RATE = 0x1018
	SO_DOMAIN          = 0x1019
)

// Values of SO_TS_CLOCK (sys/socket.h).
const (
	SO_TS_REALTIME_MICRO = 0
	SO_TS_BINTIME        = 1
	SO_TS_REALTIME       = 2
	SO_TS_MONOTONIC      = 3
)

// Options of SOL_LOCAL (sys/un.h).
const (
	LOCAL_PEERCRED         = 1
	LOCAL_CREDS            = 2
	LOCAL_CREDS_PERSISTENT = 3
	LOCAL_CONNWAIT         = 4
)

// Types of control messages of SOL_SOCKET (sys/socket.h).
const (
	SCM_RIGHTS    = 1
	SCM_TIMESTAMP = 2
	SCM_CREDS     = 3
	SCM_BINTIME   = 4
	SCM_REALTIME  = 5
	SCM_MONOTONIC = 6
	SCM_TIME_INFO = 7
	SCM_CREDS2    = 8
)

// Msghdr is struct msghdr (sys/socket.h).
type Msghdr struct {
	Name       uint64
	Namelen    uint32
	_          uint32
	Iov        uint64
	Iovlen     int32
	_          int32
	Control    uint64
	Controllen uint32
	Flags      int32
}

// SizeofCmsghdr is the size of struct cmsghdr: length, level, type. Its data
// follows at CMSG_ALIGN of it.
const SizeofCmsghdr = 12

// CMSG_ALIGN rounds n up to the alignment of control messages (sys/socket.h).
func CMSG_ALIGN(n int) int { return (n + 7) &^ 7 }

// CMGROUP_MAX is how many groups a struct cmsgcred holds.
const CMGROUP_MAX = 16

// Cmsgcred is struct cmsgcred (sys/socket.h), the data of SCM_CREDS as a
// sender asks for it.
type Cmsgcred struct {
	Pid     int32
	Uid     uint32
	Euid    uint32
	Gid     uint32
	Ngroups int16
	_       int16
	Groups  [CMGROUP_MAX]uint32
}

// XU_NGROUPS is how many groups a struct xucred holds (sys/ucred.h).
const XU_NGROUPS = 16

// Xucred is struct xucred (sys/ucred.h), the credentials of a socket's peer.
type Xucred struct {
	Version uint32
	Uid     uint32
	Ngroups int16
	_       int16
	Groups  [XU_NGROUPS]uint32
	_       uint32
	Pid     int32
	_       int32
}

// SfHdtr is struct sf_hdtr (sys/socket.h), headers and trailers of sendfile(2).
type SfHdtr struct {
	Headers  uint64
	HdrCnt   int32
	_        int32
	Trailers uint64
	TrlCnt   int32
	_        int32
}

package abi

// Lists of sockets, as sysctl gives them to netstat(1) and sockstat(1). Kernel
// addresses in them tell sockets apart and serve for nothing else.

// Xsockbuf is struct xsockbuf (sys/socketvar.h); sizes in bytes.
type Xsockbuf struct {
	Cc, Hiwat, Mbcnt, Mcnt, Ccnt, Mbmax uint32
	Lowat, Timeo                        int32
	Flags                               int16
	_                                   int16
}

// Xsocket is struct xsocket (sys/socketvar.h).
type Xsocket struct {
	Len      uint64
	So       uint64 // kernel address of the socket
	Pcb      uint64 // kernel address of its protocol's part
	Oobmark  uint64
	_        [8]int64
	Protocol int32
	Family   int32
	Qlen     uint32 // connections to be accepted
	Incqlen  uint32
	Qlimit   uint32
	Pgid     int32
	Uid      uint32
	_        [8]int32
	Type     int16
	Options  int16
	Linger   int16
	State    int16
	Timeo    int16
	Error    uint16
	Rcv, Snd Xsockbuf
}

// Xinpgen is struct xinpgen (netinet/in_pcb.h), first and last of a list.
type Xinpgen struct {
	Len   uint64
	Count uint32
	_     uint32
	Gen   uint64
	Sogen uint64
	_     [4]uint64
}

// Xinpcb is struct xinpcb (netinet/in_pcb.h). Ports are in network byte order;
// IPv4 addresses lie at the end of their 16 bytes.
type Xinpcb struct {
	Len          uint64
	Socket       Xsocket
	IncFlags     uint8
	IncLen       uint8
	Fib          uint16
	Fport, Lport [2]byte
	Faddr, Laddr [16]byte
	Zone         uint32
	_            uint32
	Gencnt       uint64
	Ppcb         uint64
	_            [4]int64
	_            [3]uint32
	Flags        int32
	_            [7]int32
	_            uint16
	_            [2]uint8
	Vflag        uint8 // INP_IPV4, INP_IPV6
	TTL          uint8
	Proto        uint8
	MinTTL       uint8
	_            [4]int8
}

// Xtcpcb is struct xtcpcb (netinet/tcp_var.h).
type Xtcpcb struct {
	Len   uint64
	Inp   Xinpcb
	Stack [32]byte
	Logid [64]byte
	CC    [16]byte
	_     [6]int64
	State int32
	_     [43]int32
}

// Xunpgen is struct xunpgen (sys/unpcb.h), first and last of a list.
type Xunpgen struct {
	Len   uint64
	Count uint32
	_     uint32
	Gen   uint64
	Sogen uint64
}

// Xunpcb is struct xunpcb (sys/unpcb.h).
type Xunpcb struct {
	Len         uint64
	Unpp        uint64 // its own address
	Vnode       uint64 // not 0 for a bound socket
	Conn        uint64 // the peer's
	Firstref    uint64
	Nextref     uint64
	Gencnt      uint64
	_           [8]int64
	_           [8]int32
	Addr, Caddr [256]byte // struct sockaddr_un
	Socket      Xsocket
}

// Xfile is struct xfile (sys/file.h), an open descriptor of a process.
type Xfile struct {
	Size     uint64
	Pid      int32
	Uid      uint32
	FD       int32
	_        int32
	File     uint64 // kernel address of the open file
	Type     int16  // KF_TYPE_*
	_        int16
	Count    int32
	Msgcount int32
	_        int32
	Offset   int64
	Data     uint64 // kernel address of what it is, as Xsocket.So
	Vnode    uint64
	Flag     uint32 // FREAD, FWRITE and O_*
	_        int32
	_        [6]int64
}

// Numbers of sysctls (netinet/tcp_var.h, netinet/udp_var.h).
const (
	TCPCTL_PCBLIST = 11
	UDPCTL_PCBLIST = 5
)

// Bits of Xinpcb.Vflag (netinet/in_pcb.h).
const (
	INP_IPV4 = 1
	INP_IPV6 = 2
)

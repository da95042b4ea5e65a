package freebsd

import "github.com/lsf-linux/lsf/emul/freebsd/abi"

// Where Linux keeps the settings of its network protocols.
const (
	procIPv4 = "/proc/sys/net/ipv4/"
	procIPv6 = "/proc/sys/net/ipv6/"
	procCore = "/proc/sys/net/core/"
)

// scaled is a source in other units.
func scaled(f numFunc, mul, div int64) numFunc {
	return func(r *sysctlReq) (int64, error) {
		v, err := f(r)
		return v * mul / div, err
	}
}

// procField is the source of one number of several in a file.
func procField(path string, i int) numFunc {
	return func(*sysctlReq) (int64, error) { return readField(path, i) }
}

// sysctlNet is net.*. Settings have the values of Linux's own, where there is
// one that means the same.
func sysctlNet() []ctl {
	const (
		rd = abi.CTLFLAG_RD
		rw = abi.CTLFLAG_RW | abi.CTLFLAG_VNET
	)
	return []ctl{
		{"net.local", abi.AF_UNIX, rw, branch(), "Local domain"},
		{"net.inet", abi.AF_INET, rw, branch(), "Internet family"},
		{"net.routetable", abi.AF_ROUTE, rd, nodeOf(sysctlRouteTable), "Return route tables and interface/address lists"},
		{"net.link", abi.AF_LINK, rw, branch(), "Link layers"},
		{"net.inet6", abi.AF_INET6, rw, branch(), "Internet6 family"},
		{"net.inet.ip", abi.IPPROTO_IP, rw, branch(), "IP"},
		{"net.inet.icmp", abi.IPPROTO_ICMP, rw, branch(), "ICMP"},
		{"net.inet.tcp", abi.IPPROTO_TCP, rw, branch(), "TCP"},
		{"net.inet.udp", abi.IPPROTO_UDP, rw, branch(), "UDP"},
		{"net.inet.raw", abi.IPPROTO_RAW, rw, branch(), "RAW"},
		{"net.inet6.ip6", abi.IPPROTO_IPV6, rw, branch(), "IP6"},
		{"net.inet6.icmp6", abi.IPPROTO_ICMPV6, rw, branch(), "ICMPv6"},
		{"net.link.generic", 0, rw, branch(), "Generic link-management"},
		{"net.link.generic.system", 1, rw, branch(), "Variables global to all interfaces"},
		{"net.link.generic.system.ifcount", 1, rd, ctlInt(ifCount), "Maximum known interface index"},

		{"net.local.stream", abi.SOCK_STREAM, rw, branch(), "SOCK_STREAM"},
		{"net.local.dgram", abi.SOCK_DGRAM, rw, branch(), "SOCK_DGRAM"},
		{"net.local.seqpacket", abi.SOCK_SEQPACKET, rw, branch(), "SOCK_SEQPACKET"},
		{"net.local.dgram.maxdgram", auto, rw, ctlUlong(procNum(procCore + "wmem_default")), "Maximum datagram size"},
		{"net.local.dgram.recvspace", auto, rw, ctlUlong(procNum(procCore + "rmem_default")), "Default datagram receive space"},
		{"net.local.stream.recvspace", auto, rw, ctlUlong(procNum(procCore + "rmem_default")), "Default stream receive space"},
		{"net.local.stream.sendspace", auto, rw, ctlUlong(procNum(procCore + "wmem_default")), "Default stream send space"},

		{"net.inet.ip.forwarding", 1, rw, ctlInt(procNum(procIPv4 + "ip_forward")), "Enable IP forwarding between interfaces"},
		{"net.inet.ip.redirect", 2, rw, ctlInt(procNum(procIPv4 + "conf/all/send_redirects")), "Enable sending IP redirects"},
		{"net.inet.ip.ttl", 3, rw, ctlInt(procNum(procIPv4 + "ip_default_ttl")), "Default TTL"},
		{"net.inet.ip.portrange.first", auto, rw, ctlInt(procField(procIPv4+"ip_local_port_range", 0)), ""},
		{"net.inet.ip.portrange.last", auto, rw, ctlInt(procField(procIPv4+"ip_local_port_range", 1)), ""},
		{"net.inet.ip.portrange.hifirst", auto, rw, ctlInt(procField(procIPv4+"ip_local_port_range", 0)), ""},
		{"net.inet.ip.portrange.hilast", auto, rw, ctlInt(procField(procIPv4+"ip_local_port_range", 1)), ""},
		{"net.inet.ip.portrange.reservedlow", auto, rw, ctlInt(konst(0)), ""},
		{"net.inet.ip.portrange.reservedhigh", auto, rw, ctlInt(lastReservedPort), ""},
		{"net.inet.icmp.bmcastecho", 2, rw, ctlInt(negated(procNum(procIPv4 + "icmp_echo_ignore_broadcasts"))), "Reply to multicast ICMP Echo Request and Timestamp packets"},

		{"net.inet.tcp.rfc1323", 1, rw, ctlInt(procNum(procIPv4 + "tcp_window_scaling")), "Enable rfc1323 (high performance TCP) extensions"},
		{"net.inet.tcp.keepidle", 6, rw, ctlInt(scaled(procNum(procIPv4+"tcp_keepalive_time"), 1000, 1)), "time before keepalive probes begin"},
		{"net.inet.tcp.keepintvl", 7, rw, ctlInt(scaled(procNum(procIPv4+"tcp_keepalive_intvl"), 1000, 1)), "time between keepalive probes"},
		{"net.inet.tcp.sendspace", 8, rw, ctlInt(procField(procIPv4+"tcp_wmem", 1)), "Initial send socket buffer size"},
		{"net.inet.tcp.recvspace", 9, rw, ctlInt(procField(procIPv4+"tcp_rmem", 1)), "Initial receive socket buffer size"},
		{"net.inet.tcp.keepcnt", auto, rw, ctlInt(procNum(procIPv4 + "tcp_keepalive_probes")), "Number of keepalive probes to send"},
		{"net.inet.tcp.always_keepalive", auto, rw, ctlInt(konst(0)), "Assume SO_KEEPALIVE on all TCP connections"},
		{"net.inet.tcp.finwait2_timeout", auto, rw, ctlInt(scaled(procNum(procIPv4+"tcp_fin_timeout"), 1000, 1)), "FIN-WAIT2 timeout"},
		{"net.inet.tcp.sack.enable", auto, rw, ctlInt(procNum(procIPv4 + "tcp_sack")), "Enable/Disable TCP SACK support"},
		{"net.inet.tcp.sendbuf_max", auto, rw, ctlInt(procField(procIPv4+"tcp_wmem", 2)), "Max size of automatic send buffer"},
		{"net.inet.tcp.recvbuf_max", auto, rw, ctlInt(procField(procIPv4+"tcp_rmem", 2)), "Max size of automatic receive buffer"},
		{"net.inet.tcp.recvbuf_auto", auto, rw, ctlInt(procNum(procIPv4 + "tcp_moderate_rcvbuf")), "Enable automatic receive buffer sizing"},
		{"net.inet.tcp.syncookies", auto, rw, ctlInt(procNum(procIPv4 + "tcp_syncookies")), "Use TCP SYN cookies if the syncache overflows"},
		{"net.inet.tcp.ecn.enable", auto, rw, ctlInt(procNum(procIPv4 + "tcp_ecn")), "TCP ECN support"},
		{"net.inet.tcp.path_mtu_discovery", auto, rw, ctlInt(negated(procNum(procIPv4 + "ip_no_pmtu_disc"))), "Enable Path MTU Discovery"},
		{"net.inet.tcp.fastopen.server_enable", auto, rw, ctlUint(masked(procNum(procIPv4+"tcp_fastopen"), 2)), "Enable/disable TCP Fast Open server functionality"},
		{"net.inet.tcp.fastopen.client_enable", auto, rw, ctlUint(masked(procNum(procIPv4+"tcp_fastopen"), 1)), "Enable/disable TCP Fast Open client functionality"},
		{"net.inet.tcp.cc.available", auto, rd, ctlStr(procText(procIPv4 + "tcp_available_congestion_control")), "List available congestion control algorithms"},
		{"net.inet.tcp.cc.algorithm", auto, rw, ctlStr(procText(procIPv4 + "tcp_congestion_control")), "Default congestion control algorithm"},

		{"net.inet.udp.checksum", 1, rw, ctlInt(konst(1)), "compute udp checksum"},
		{"net.inet.udp.recvspace", 4, rw, ctlUlong(procNum(procCore + "rmem_default")), "Maximum space for incoming UDP datagrams"},
		{"net.inet.udp.maxdgram", 3, rw, ctlUlong(konst(65507)), "Maximum outgoing UDP datagram size"},

		{"net.inet6.ip6.forwarding", 1, rw, ctlInt(procNum(procIPv6 + "conf/all/forwarding")), "Enable forwarding of IPv6 packets between interfaces"},
		{"net.inet6.ip6.hlim", 3, rw, ctlInt(procNum(procIPv6 + "conf/default/hop_limit")), "Default hop limit to use for outgoing IPv6 packets"},
		{"net.inet6.ip6.accept_rtadv", 12, rw, ctlInt(procNum(procIPv6 + "conf/default/accept_ra")), "Default value of per-interface flag for accepting ICMPv6 RA messages"},
		{"net.inet6.ip6.v6only", 24, rw, ctlInt(konst(1)), "Restrict AF_INET6 sockets to IPv6 addresses only"},
		{"net.inet6.ip6.use_tempaddr", 32, rw, ctlInt(procNum(procIPv6 + "conf/default/use_tempaddr")), "Create RFC3041 temporary addresses for autoconfigured addresses"},
		{"net.inet6.ip6.dad_count", 16, rw, ctlInt(procNum(procIPv6 + "conf/default/dad_transmits")), "Number of ICMPv6 NS messages sent during duplicate address detection"},

		{"net.fibs", auto, abi.CTLFLAG_RDTUN, ctlUint(konst(1)), "set number of fibs"},
		{"net.my_fibnum", auto, rd, ctlInt(konst(0)), "default FIB of caller"},
		{"net.add_addr_allfibs", auto, rw, ctlUint(konst(0)), ""},
		{"net.ifdescr_maxlen", auto, rw, ctlInt(konst(1024)), "administrative maximum length for interface description"},
	}
}

// negated is the opposite of a setting that is 0 or not.
func negated(f numFunc) numFunc {
	return func(r *sysctlReq) (int64, error) {
		v, err := f(r)
		if v != 0 {
			return 0, err
		}
		return 1, err
	}
}

// masked is one bit of a setting, as 0 or 1.
func masked(f numFunc, bit int64) numFunc {
	return func(r *sysctlReq) (int64, error) {
		v, err := f(r)
		if v&bit != 0 {
			return 1, err
		}
		return 0, err
	}
}

// lastReservedPort is the highest port that takes privilege to bind.
func lastReservedPort(*sysctlReq) (int64, error) {
	first, err := readNum(procIPv4 + "ip_unprivileged_port_start")
	return first - 1, err
}

func ifCount(*sysctlReq) (int64, error) {
	links, err := netLinks()
	var highest int
	for _, l := range links {
		highest = max(highest, l.index)
	}
	return int64(highest), err
}

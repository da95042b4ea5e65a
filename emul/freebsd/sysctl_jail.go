package freebsd

import "github.com/lsf-linux/lsf/emul/freebsd/abi"

// sysctlJail is security.jail.*: nobody is in a jail and nobody can make one.
// The parameters describe what libjail may ask about jails; their values say
// how long one may be, for strings and structures (kern_jail.c sysctl_jail_param).
func sysctlJail() []ctl {
	const rd, rw, tun = abi.CTLFLAG_RD, abi.CTLFLAG_RW, abi.CTLFLAG_RDTUN
	const root = "security.jail.param."
	rows := []ctl{
		{"security.jail.jailed", auto, rd, ctlInt(konst(0)), "Process in jail?"},
		{"security.jail.vnet", auto, rd, ctlInt(konst(0)), "Jail owns vnet?"},
		{"security.jail.jail_max_af_ips", auto, rw, ctlUint(konst(255)), "Number of IP addresses a jail may have at most per address family"},
		{root + "host.hostid", auto, rw, ctlUlong(konst(0)), "Jail host ID"},
		{root + "ip4.addr", auto, rw, ctlOpaque("S,in_addr,a", func(*sysctlReq) ([]byte, error) { return int64s(4), nil }), "Jail IPv4 addresses"},
		{root + "ip6.addr", auto, rw, ctlOpaque("S,in6_addr,a", func(*sysctlReq) ([]byte, error) { return int64s(16), nil }), "Jail IPv6 addresses"},
	}
	for _, c := range []struct {
		name  string
		flags uint32
		max   string
		descr string
	}{
		{"name", rw, "256", "Jail name"}, {"path", tun, "1024", "Jail root path"}, {"osrelease", tun, "32", "Jail value for kern.osrelease and uname -r"},
		{"host.hostname", rw, "256", "Jail hostname"}, {"host.domainname", rw, "256", "Jail NIS domainname"}, {"host.hostuuid", rw, "64", "Jail host UUID"},
	} {
		rows = append(rows, ctl{root + c.name, auto, c.flags, ctlText(c.max), c.descr})
	}
	for _, c := range []struct {
		name   string
		flags  uint32
		format string
		descr  string
	}{
		{"jid", tun, "I", "Jail ID"}, {"parent", rd, "I", "Jail parent ID"}, {"securelevel", rw, "I", "Jail secure level"},
		{"osreldate", tun, "I", "Jail value for kern.osreldate and uname -K"}, {"enforce_statfs", rw, "I", "Jail cannot see all mounted file systems"},
		{"devfs_ruleset", rw, "I", "Ruleset for in-jail devfs mounts"}, {"persist", rw, "B", "Jail persistence"}, {"dying", rd, "B", "Jail is in the process of shutting down"},
		{"children.cur", rd, "I", "Current number of child jails"}, {"children.max", rw, "I", "Maximum number of child jails"},
		{"cpuset.id", rd, "I", "Jail cpuset ID"},
		{"ip4.saddrsel", rw, "B", "Do (not) use IPv4 source address selection rather than the primary jail IPv4 address."},
		{"ip6.saddrsel", rw, "B", "Do (not) use IPv6 source address selection rather than the primary jail IPv6 address."},
	} {
		v := ctlInt(konst(0))
		v.fmt = c.format
		rows = append(rows, ctl{root + c.name, auto, c.flags, v, c.descr})
	}
	return rows
}

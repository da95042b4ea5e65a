// What threads sleep on, as ps(1) shows it (sys/user.h).

// What is of use here in a struct kinfo_proc.
struct kinfo_proc {
	u8 other[411];
	char wmesg[9];
	u8 more[180];
	u32 tid;
	u8 rest[484];
};

STUB(sys_sysctl, 202)

// asleep says whether a thread of ours sleeps on something of which the name
// begins like this.
static int asleep(u32 tid, char wmesg)
{
	static struct kinfo_proc ps[8];
	int mib[] = {1, 14, 1 | 0x10, (int)sys_getpid()};	// kern.proc.pid, with threads
	u64 n = sizeof ps;

	if (sys_sysctl(mib, 4, ps, &n, NULL, 0) != 0)
		say(" (sysctl)");
	for (int i = 0; i < n / sizeof ps[0]; i++)
		if (ps[i].tid == tid)
			return ps[i].wmesg[0] == wmesg;
	return 0;
}

// Every pointer argument of every system call gets addresses that are no good.
#include "lib.h"

static struct progress *here;

#define ARENA (64 * PAGE)

static char *arena;    // zeroed memory that plausible pointers point to
static char *edge;     // the last byte of a page, the next is not mapped
static char *none;     // PROT_NONE
static char *readonly;

static u64 values[] = {
	0, 1, 0x8000, 1UL << 47, -1UL, -4096UL, 0x800000000000UL - PAGE, 1UL << 63,
	CODE, ENGINE, CODE_END - 1, SCRATCH, SCRATCH + 8, SCRATCH + SLOT - 1, SCRATCH - 4,
	0, 0, 0, 0, // edge, none, none's end, readonly
};
#define NVALUES ((int)(sizeof values / sizeof values[0]))

static void prepare(void) {
	here = (struct progress *)map(0, PAGE, PROT_RW, SHARED | ANON);
	arena = map(0, ARENA, PROT_RW, PRIVATE | ANON);
	char *p = map(0, 8 * PAGE, PROT_RW, PRIVATE | ANON);
	SYS2(SYS_munmap, p + PAGE, PAGE);
	SYS3(SYS_mprotect, p + 2 * PAGE, PAGE, PROT_NONE);
	SYS3(SYS_mprotect, p + 4 * PAGE, PAGE, PROT_R);
	edge = p + PAGE - 1;
	none = p + 2 * PAGE;
	readonly = p + 4 * PAGE;
	u64 *v = values + NVALUES - 4;
	v[0] = (u64)edge, v[1] = (u64)none, v[2] = (u64)none + PAGE - 1, v[3] = (u64)readonly;
}

static void ignore(void) {}

// interrupt makes calls that wait end soon.
static void interrupt(void) {
	struct {
		void (*handler)(void);
		int flags;
		u32 mask[4];
	} act = {ignore, 0, {}};
	SYS3(SYS_sigaction, 14, &act, 0);
	u32 set[4] = {};
	SYS3(SYS_sigprocmask, 3, set, 0);
	long every[4] = {0, 3000, 0, 3000};
	SYS3(SYS_setitimer, 0, every, 0);
}

static long fds[4];

static void open_fds(void) {
	int two[2];
	fds[0] = SYS3(SYS_open, "wild", 0x202, 0600).v;
	SYS3(SYS_write, fds[0], "some contents", 13);
	fds[1] = SYS3(SYS_open, ".", 0, 0).v;
	SYS4(SYS_socketpair, 1, 1, 0, two);
	fds[2] = two[0];
	fds[3] = SYS0(SYS_kqueue).v;
}

static long plausible(char kind, int template) {
	switch (kind) {
	case 'f':
		return fds[template];
	case 'p':
	case 'v':
		return (long)arena;
	case 's':
		return (long)"name";
	case 'z':
		return 32;
	}
	return template;
}

// one tries one call with all values for one argument, from value on.
static void one(const struct call *c, int arg, int value, int template) {
	open_fds();
	for (; value < NVALUES; value++) {
		long a[6];
		for (int i = 0; i < 6; i++)
			a[i] = i < c->nargs ? plausible(c->kinds[i], template) : 0;
		if (arg < 6)
			a[arg] = values[value];
		else // all at once
			for (int i = 0; i < 6; i++)
				a[i] = values[value];
		here->value = value;
		here->calls++;
		interrupt();
		long self = SYS0(SYS_getpid).v;
		struct ret r = SYS6(c->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
		if (SYS0(SYS_getpid).v != self)
			SYS1(SYS_exit, 0); // a child that was just made
		(void)r;
	}
}

// all tries one argument in children, again behind the value that one of them died of.
static int all(const struct call *c, int arg, int template) {
	for (int value = 0; value < NVALUES; value++) {
		here->nr = c->nr;
		here->arg = arg;
		struct ret r = SYS0(SYS_fork);
		if (r.e)
			die("fork", r.e);
		if (r.v == 0) {
			SYS0(SYS_setsid); // signals to its group are its own
			one(c, arg, value, template);
			SYS1(SYS_exit, 0);
		}
		int stuck = 0;
		int status = await(r.v, here, 300, &stuck);
		if (status == 0)
			return 0;
		if (stuck)
			say("stuck %d arg %d value %x\n", (long)c->nr, (long)arg, values[here->value]);
		else
			say("status %d of %d arg %d value %x\n", (long)status, (long)c->nr, (long)arg, values[here->value]);
		if (c->level < 2)
			return 0; // all the same
		value = here->value;
	}
	return 0;
}

int wild(int first, int last) {
	prepare();
	for (int i = 0; i < ncalls; i++) {
		const struct call *c = &calls[i];
		if (c->nr < first || c->nr > last || c->nr == SYS_exit)
			continue;
		all(c, 6, 0);
		if (c->level < 2)
			continue; // looks at nothing
		for (int arg = 0; arg < c->nargs && arg < 6; arg++)
			if (c->kinds[arg] == 'p' || c->kinds[arg] == 's' || c->kinds[arg] == 'v') {
				int takes_fd = 0;
				for (int k = 0; k < c->nargs; k++)
					takes_fd |= c->kinds[k] == 'f';
				for (int template = 0; template < (takes_fd ? 4 : 2); template++)
					all(c, arg, template);
			}
	}
	return 0;
}

// What FreeBSD answers EFAULT for.

static int wrong;

// expect makes a call whose argument at is to be a bad pointer, in turn all
// that are bad for reading ('r') or writing ('w'). Some calls return the error
// as their result ('p').
static void expect(const char *name, char mode, int at, long nr, long a0, long a1, long a2, long a3, long a4, long a5) {
	u64 bad[] = {1, 0x8000, 1UL << 47, -1UL, -4096UL, (u64)none, (u64)edge + 1, SCRATCH, 0, (u64)readonly, CODE};
	int n = mode == 'w' ? 11 : 9;
	if (mode == 'R' || mode == 'W') // NULL means something else
		n = 8;
	for (int i = 0; i < n; i++) {
		long a[6] = {a0, a1, a2, a3, a4, a5};
		a[at] = bad[i];
		struct ret r = sys6(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
		if (r.e != EFAULT && !(mode == 'p' && !r.e && r.v == EFAULT)) {
			say("%s arg %d = 0x%x: result %d errno %d\n", name, (long)at, bad[i], r.v, (long)r.e);
			wrong++;
		}
	}
}

#define E(name, mode, at, nr, a, b, c, d, e, f) expect(name, mode, at, nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

int efault(void) {
	prepare();
	open_fds();
	char *buf = arena + PAGE;
	long file = fds[0], dir = fds[1], sock = fds[2], kq = fds[3];
	int pipe[2];
	SYS2(SYS_pipe2, pipe, 0);
	SYS3(SYS_write, pipe[1], "0123456789abcdefghij", 20);
	long udp = SYS3(SYS_socket, 2, 2, 0).v;

	E("read", 'w', 1, 3, pipe[0], 0, 8, 0, 0, 0);
	E("write", 'r', 1, 4, pipe[1], 0, 8, 0, 0, 0);
	E("pread", 'w', 1, 475, file, 0, 8, 0, 0, 0);
	E("pwrite", 'r', 1, 476, file, 0, 8, 0, 0, 0);
	E("readv", 'r', 1, 120, pipe[0], 0, 1, 0, 0, 0);
	E("writev", 'r', 1, 121, pipe[1], 0, 1, 0, 0, 0);
	E("preadv", 'r', 1, 289, file, 0, 1, 0, 0, 0);
	E("pwritev", 'r', 1, 290, file, 0, 1, 0, 0, 0);
	E("open", 'r', 0, 5, 0, 0, 0, 0, 0, 0);
	E("openat", 'r', 1, 499, -100, 0, 0, 0, 0, 0);
	E("link", 'r', 0, 9, 0, "b", 0, 0, 0, 0);
	E("link", 'r', 1, 9, "wild", 0, 0, 0, 0, 0);
	E("unlink", 'r', 0, 10, 0, 0, 0, 0, 0, 0);
	E("chdir", 'r', 0, 12, 0, 0, 0, 0, 0, 0);
	E("chmod", 'r', 0, 15, 0, 0600, 0, 0, 0, 0);
	E("chown", 'r', 0, 16, 0, -1, -1, 0, 0, 0);
	E("access", 'r', 0, 33, 0, 0, 0, 0, 0, 0);
	E("symlink", 'r', 0, 57, 0, "s", 0, 0, 0, 0);
	E("symlink", 'r', 1, 57, "s", 0, 0, 0, 0, 0);
	E("readlink", 'r', 0, 58, 0, buf, 64, 0, 0, 0);
	E("execve", 'r', 0, 59, 0, buf, buf, 0, 0, 0);
	E("execve", 'r', 1, 59, "/guest", 0, buf, 0, 0, 0);
	E("execve", 'R', 2, 59, "/guest", buf, 0, 0, 0, 0);
	E("getgroups", 'w', 1, 79, 16, 0, 0, 0, 0, 0);
	E("setitimer", 'R', 1, 83, 0, 0, 0, 0, 0, 0);
	E("getitimer", 'w', 1, 86, 0, 0, 0, 0, 0, 0);
	E("select", 'R', 1, 93, 8, 0, 0, 0, buf, 0);
	E("select", 'R', 2, 93, 8, 0, 0, 0, buf, 0);
	E("select", 'R', 4, 93, 0, 0, 0, 0, 0, 0);
	E("connect", 'r', 1, 98, sock, 0, 16, 0, 0, 0);
	E("bind", 'r', 1, 104, udp, 0, 16, 0, 0, 0);
	E("setsockopt", 'r', 3, 105, sock, 0xffff, 0x1001, 0, 4, 0);
	E("gettimeofday", 'W', 0, 116, 0, 0, 0, 0, 0, 0);
	E("getrusage", 'w', 1, 117, 0, 0, 0, 0, 0, 0);
	*(u32 *)buf = 4;
	E("getsockopt", 'W', 3, 118, sock, 0xffff, 0x1001, 0, buf, 0);
	E("rename", 'r', 0, 128, 0, "b", 0, 0, 0, 0);
	E("rename", 'r', 1, 128, "wild", 0, 0, 0, 0, 0);
	E("mkfifo", 'r', 0, 132, 0, 0600, 0, 0, 0, 0);
	E("sendto", 'r', 1, 133, sock, 0, 8, 0, 0, 0);
	E("sendto", 'R', 4, 133, udp, buf, 8, 0, 0, 16);
	E("socketpair", 'w', 3, 135, 1, 1, 0, 0, 0, 0);
	E("mkdir", 'r', 0, 136, 0, 0700, 0, 0, 0, 0);
	E("rmdir", 'r', 0, 137, 0, 0, 0, 0, 0, 0);
	E("utimes", 'r', 0, 138, 0, 0, 0, 0, 0, 0);
	E("utimes", 'R', 1, 138, "wild", 0, 0, 0, 0, 0);
	E("freebsd11_stat", 'w', 1, 188, "wild", 0, 0, 0, 0, 0);
	E("getrlimit", 'w', 1, 194, 8, 0, 0, 0, 0, 0);
	E("setrlimit", 'r', 1, 195, 8, 0, 0, 0, 0, 0);
	u32 mib[4] = {1, 1};
	u64 len = 64;
	E("__sysctl", 'r', 0, 202, 0, 2, buf, &len, 0, 0);
	E("__sysctl", 'W', 2, 202, mib, 2, 0, &len, 0, 0);
	E("__sysctl", 'R', 3, 202, mib, 2, buf, 0, 0, 0);
	E("poll", 'w', 0, 209, 0, 1, 0, 0, 0, 0);
	E("clock_gettime", 'w', 1, 232, 0, 0, 0, 0, 0, 0);
	E("clock_gettime", 'w', 1, 232, 4, 0, 0, 0, 0, 0);
	E("clock_getres", 'W', 1, 234, 0, 0, 0, 0, 0, 0);
	E("nanosleep", 'r', 0, 240, 0, 0, 0, 0, 0, 0);
	E("clock_nanosleep", 'p', 2, 244, 0, 0, 0, 0, 0, 0);
	E("getresuid", 'W', 0, 360, 0, buf, buf, 0, 0, 0);
	E("__getcwd", 'w', 0, 326, 0, 64, 0, 0, 0, 0);
	E("sigprocmask", 'R', 1, 340, 1, 0, 0, 0, 0, 0);
	E("sigprocmask", 'W', 2, 340, 1, 0, 0, 0, 0, 0);
	E("sigsuspend", 'r', 0, 341, 0, 0, 0, 0, 0, 0);
	E("sigpending", 'w', 0, 343, 0, 0, 0, 0, 0, 0);
	E("sigtimedwait", 'r', 0, 345, 0, buf, buf, 0, 0, 0);
	E("sigaction", 'R', 1, 416, 10, 0, 0, 0, 0, 0);
	E("sigaction", 'W', 2, 416, 10, 0, 0, 0, 0, 0);
	E("sigreturn", 'r', 0, 417, 0, 0, 0, 0, 0, 0);
	E("sigaltstack", 'R', 0, 53, 0, 0, 0, 0, 0, 0);
	E("getcontext", 'W', 0, 421, 0, 0, 0, 0, 0, 0);
	E("thr_self", 'w', 0, 432, 0, 0, 0, 0, 0, 0);
	E("thr_new", 'r', 0, 455, 0, 104, 0, 0, 0, 0);
	E("truncate", 'r', 0, 479, 0, 0, 0, 0, 0, 0);
	E("cpuset_getaffinity", 'w', 4, 487, 3, 1, -1, 32, 0, 0);
	E("fstatat", 'r', 1, 552, -100, 0, buf, 0, 0, 0);
	E("fstatat", 'w', 2, 552, -100, "wild", 0, 0, 0, 0);
	E("fstat", 'w', 1, 551, file, 0, 0, 0, 0, 0);
	E("getdirentries", 'w', 1, 554, dir, 0, 4096, 0, 0, 0);
	E("statfs", 'w', 1, 555, "/", 0, 0, 0, 0, 0);
	E("fstatfs", 'w', 1, 556, file, 0, 0, 0, 0, 0);
	E("pipe2", 'w', 0, 542, 0, 0, 0, 0, 0, 0);
	long zero[2] = {0, 0};
	E("kevent", 'R', 1, 560, kq, 0, 1, 0, 0, zero);
	E("kevent", 'R', 5, 560, kq, 0, 0, buf, 1, 0);
	E("getrandom", 'w', 0, 563, 0, 8, 0, 0, 0, 0);
	E("__sysctlbyname", 'r', 0, 570, 0, 11, buf, &len, 0, 0);
	E("utimensat", 'r', 1, 547, -100, 0, 0, 0, 0, 0);
	E("utimensat", 'R', 2, 547, -100, "wild", 0, 0, 0, 0);
	E("uuidgen", 'w', 0, 392, 0, 1, 0, 0, 0, 0);
	E("recvmsg", 'r', 1, 27, sock, 0, 0, 0, 0, 0);
	E("sendmsg", 'r', 1, 28, sock, 0, 0, 0, 0, 0);
	return wrong;
}

// LSF's region is not the guest's to change.

static void try(int *at, int from, long nr, u64 a0, u64 a1, long a2, long a3, long a4) {
	static char st[PAGE];
	int n = (*at)++;
	if (n < from)
		return;
	here->nr = nr;
	here->arg = a2;
	here->value = n;
	SYS6(nr, a0, a1, a2, a3, a4, 0);
	// Answered at once, by a batch, by a tail call, and by patched code.
	for (int i = 0; i < 3; i++) {
		if (SYS2(555, "/", st).e == EFAULT || SYS2(SYS_fstat, 1, st).e || SYS0(SYS_getpid).e ||
		    SYS2(SYS_clock_gettime, 0, st).e || SYS0(331).e)
			SYS1(SYS_exit, 3);
	}
}

static void tries(u64 a, u64 n, int from) {
	int at = 0;
	try(&at, from, SYS_munmap, a, n, 0, 0, 0);
	try(&at, from, SYS_mprotect, a, n, PROT_NONE, 0, 0);
	try(&at, from, SYS_mprotect, a, n, PROT_R, 0, 0);
	try(&at, from, SYS_mprotect, a, n, 7, 0, 0);
	try(&at, from, SYS_mmap, a, n, PROT_RW, PRIVATE | ANON | FIXED, -1);
	try(&at, from, SYS_mmap, a, n, PROT_NONE, SHARED | ANON | FIXED, -1);
	try(&at, from, SYS_mmap, a, n, PROT_RW, PRIVATE | ANON | FIXED | 0x4000, -1);
	try(&at, from, SYS_mmap, a, n, PROT_NONE, 0x2000 | FIXED, -1);
	try(&at, from, SYS_mmap, a, n, PROT_RW, PRIVATE | ANON, -1);
	for (long advice = 0; advice <= 10; advice++)
		try(&at, from, 75, a, n, advice, 0, 0);
	for (long how = 0; how <= 3; how++)
		try(&at, from, 250, a, n, how, 0, 0);
	try(&at, from, 65, a, n, 2, 0, 0);
	try(&at, from, 203, a, n < 1 << 20 ? n : PAGE, 0, 0, 0);
	try(&at, from, 204, a, n, 0, 0, 0);
	try(&at, from, 17, a, 0, 0, 0, 0);
	try(&at, from, SYS_munmap, a, n, 0, 0, 0);
}

int region(void) {
	prepare();
	int bad = 0;
	u64 spans[][2] = {
		{CODE, CODE_END - CODE}, {ENGINE, PAGE}, {CODE_END - PAGE, 2 * PAGE}, {CODE - PAGE, 2 * PAGE}, {CODE - 4 * PAGE, 0x40000},
		{SCRATCH, PAGE}, {SCRATCH, SLOT}, {SCRATCH - PAGE, 2 * PAGE}, {SCRATCH, 0x800000}, {SCRATCH - PAGE, 64UL << 30},
		{SCRATCH + 0x800000, PAGE}, {SCRATCH + 1, 1}, {-1UL, 1}, {-4096UL, PAGE}, {0, 0x180000}, {0x7ffffffff000, PAGE},
	};
	for (u64 i = 0; i < sizeof spans / sizeof spans[0]; i++)
		for (int from = 0; from < 100;) {
			struct ret r = SYS0(SYS_fork);
			if (r.e)
				die("fork", r.e);
			if (r.v == 0) {
				tries(spans[i][0], spans[i][1], from);
				SYS1(SYS_exit, 0);
			}
			int status = -1;
			SYS4(SYS_wait4, r.v, &status, 0, 0);
			if (status == 0)
				break;
			say("call %d(0x%x, 0x%x, %d): status %d\n", here->nr, spans[i][0], spans[i][1], here->arg, (long)status);
			bad++;
			from = here->value + 1;
		}
	return bad;
}

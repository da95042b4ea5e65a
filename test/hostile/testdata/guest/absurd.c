// Sizes and counts that no program means.
#include "lib.h"

static int wrong;

enum { OK = 0, ENOENT = 2, E2BIG = 7, EBADF = 9, EINTR = 4, EPERM = 1, ERANGE = 34, EMSGSIZE = 40, ENAMETOOLONG = 63, EFBIG = 27, ANY = -1, EAFNOSUPPORT = 47, ENOTSOCK = 38 };

// want makes a call that is to fail with e1, or e2 where that is as good; OK
// is any success, ANY any answer.
static void want(const char *name, int e1, int e2, long nr, long a, long b, long c, long d, long e, long f) {
	struct ret r = sys6(nr, a, b, c, d, e, f);
	if (e1 != ANY && r.e != e1 && r.e != e2) {
		say("%s(%x, %x, %x, %x): result %d errno %d, want %d\n", name, a, b, c, d, r.v, (long)r.e, (long)e1);
		wrong++;
	}
}

#define W(name, e1, e2, nr, a, b, c, d, e, f) want(name, e1, e2, nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

static char *buf;

#define SIZE (64 * PAGE)

static void control(long sock) {
	struct msg {
		void *name;
		u32 namelen;
		void *iov;
		int iovlen;
		void *control;
		u32 controllen;
		int flags;
	} m;
	struct {
		char *base;
		u64 len;
	} iov = {buf, 1};
	u32 *c = (u32 *)(buf + PAGE);
	static const u32 lens[] = {0, 1, 11, 12, 13, 16, 17, 20, 4096, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff};
	static const u32 types[] = {1 /* SCM_RIGHTS */, 2, 3 /* SCM_CREDS */, 0, 0xffffffff};
	for (u32 i = 0; i < sizeof lens / 4; i++)
		for (u32 k = 0; k < sizeof types / 4; k++)
			for (int send = 0; send < 2; send++)
				for (u32 room = 0; room < 64; room += 4) {
					m = (struct msg){0, 0, &iov, 1, c, room, 0};
					c[0] = lens[i], c[1] = 0xffff, c[2] = types[k], c[3] = 0xfffffff0, c[4] = lens[i], c[5] = 0xffff;
					struct ret r = SYS3(send ? 28 : 27, sock, &m, 0x80 /* MSG_DONTWAIT */);
					if (send && !r.e && lens[i] > room) {
						say("sendmsg took %d bytes of control data for %d\n", (long)room, (long)lens[i]);
						wrong++;
					}
				}
	for (u32 i = 0; i < sizeof lens / 4; i++) {
		m = (struct msg){buf, lens[i], &iov, 1, c, lens[i], 0};
		SYS3(27, sock, &m, 0x80);
		SYS3(28, sock, &m, 0x80);
		m = (struct msg){0, 0, &iov, lens[i], 0, 0, 0};
		struct ret r = SYS3(27, sock, &m, 0x80), s = SYS3(28, sock, &m, 0x80);
		if (lens[i] > 1024 && (r.e != EMSGSIZE || s.e != EMSGSIZE)) {
			say("%d iovecs: errno %d, %d\n", (long)lens[i], (long)r.e, (long)s.e);
			wrong++;
		}
	}
}

static void addresses(void) {
	static const int families[] = {0, 1, 2, 28, 17, 18, 32, 255};
	u8 *sa = (u8 *)buf;
	for (int f = 0; f < 8; f++) {
		long s = SYS3(SYS_socket, families[f], 2, 0).v;
		struct ret made = SYS3(SYS_socket, families[f], 2, 0);
		if (made.e)
			s = SYS3(SYS_socket, 2, 2, 0).v;
		for (long len = 0; len < 300; len += len < 32 || len > 250 || (len > 104 && len < 112) ? 1 : 6)
			for (int lie = 0; lie < 4; lie++) {
				memset(sa, lie == 3 ? 0xff : 0, 300);
				static const int lies[] = {0, 16, 255, 106};
				sa[0] = lies[lie];
				sa[1] = families[f];
				struct ret b = SYS3(104, s, sa, len), c = SYS3(98, s, sa, len);
				if (len > 255 && (b.e != ENAMETOOLONG || c.e != ENAMETOOLONG)) {
					say("address of %d bytes: errno %d, %d\n", len, (long)b.e, (long)c.e);
					wrong++;
				}
				u32 l = len;
				SYS6(133, s, buf, 1, 0x80, sa, len);
				SYS3(31, s, sa, &l);
				l = len;
				SYS3(32, s, sa, &l);
			}
		for (int i = 0; i < 3; i++) {
			static const long huge[] = {0x7fffffff, 0x80000000, 0xffffffff};
			W("bind", ENAMETOOLONG, EINVAL, 104, s, sa, huge[i], 0, 0, 0);
			W("connect", ENAMETOOLONG, EINVAL, 98, s, sa, huge[i], 0, 0, 0);
			W("sendto", ENAMETOOLONG, EINVAL, 133, s, buf, 1, 0x80, sa, huge[i]);
		}
		SYS1(SYS_close, s);
		if (!made.e)
			SYS1(SYS_close, made.v);
	}
}

static void arguments(void) {
	char *big = map(0, 2 << 20, PROT_RW, PRIVATE | ANON);
	memset(big, 'x', 700 << 10);
	char *one[] = {big, 0};
	char *none[] = {0};
	W("execve, long argument", E2BIG, E2BIG, SYS_execve, "/guest", one, none, 0, 0, 0);
	W("execve, long variable", E2BIG, E2BIG, SYS_execve, "/guest", none, one, 0, 0, 0);
	char **many = (char **)(big + (1 << 20));
	for (int i = 0; i < (1 << 20) / 8 - 1; i++)
		many[i] = "12345678";
	many[(1 << 20) / 8 - 1] = 0;
	W("execve, many arguments", E2BIG, E2BIG, SYS_execve, "/guest", many, none, 0, 0, 0);
	W("execve, many variables", E2BIG, E2BIG, SYS_execve, "/guest", none, many, 0, 0, 0);
	many[(1 << 20) / 8 - 1] = "endless";
	W("execve, no end", E2BIG, EFAULT, SYS_execve, "/guest", many, none, 0, 0, 0);
	char **wild = (char **)buf;
	wild[0] = (char *)1, wild[1] = 0;
	W("execve, bad argument", EFAULT, EFAULT, SYS_execve, "/guest", wild, none, 0, 0, 0);
	big[1023] = 0;
	W("open, long path", ENAMETOOLONG, ENOENT, SYS_open, big, 0, 0, 0, 0, 0);
	big[1023] = 'x';
	W("open, longer path", ENAMETOOLONG, ENAMETOOLONG, SYS_open, big, 0, 0, 0, 0, 0);
	W("execve, long path", ENAMETOOLONG, ENAMETOOLONG, SYS_execve, big, none, none, 0, 0, 0);
}

int absurd(void) {
	buf = map(0, SIZE, PROT_RW, PRIVATE | ANON);
	long file = SYS3(SYS_open, "absurd", 0x202, 0600).v, dir = SYS3(SYS_open, ".", 0, 0).v, kq = SYS0(SYS_kqueue).v;
	int pair[2], pipe[2];
	SYS4(SYS_socketpair, 1, 1, 0, pair);
	SYS2(SYS_pipe2, pipe, 4 /* O_NONBLOCK */);
	long zero[2] = {0, 0};
	static const u64 huge[] = {1UL << 63, -1UL, (1UL << 63) + 1, -4096UL};
	for (int i = 0; i < 4; i++) {
		// Linux looks at the buffer first.
		W("read", EINVAL, EFAULT, 3, file, buf, huge[i], 0, 0, 0);
		W("write", EINVAL, EFAULT, 4, file, buf, huge[i], 0, 0, 0);
		W("pread", EINVAL, EFAULT, 475, file, buf, huge[i], 0, 0, 0);
		W("pwrite", EINVAL, EFAULT, 476, file, buf, huge[i], 0, 0, 0);
		u64 iov[4] = {(u64)buf, huge[i], (u64)buf, 1};
		W("readv", EINVAL, EINVAL, 120, file, iov, 2, 0, 0, 0);
		W("writev", EINVAL, EINVAL, 121, file, iov, 2, 0, 0, 0);
		W("preadv", EINVAL, EINVAL, 289, file, iov, 2, 0, 0, 0);
		W("pwritev", EINVAL, EINVAL, 290, file, iov, 2, 0, 0, 0);
		W("getdirentries", EINVAL, EINVAL, 554, dir, buf, huge[i], 0, 0, 0);
		W("readlink", EINVAL, EINVAL, 58, "absurd", buf, huge[i], 0, 0, 0);
		W("mmap", ENOMEM, EINVAL, SYS_mmap, 0, huge[i], 3, PRIVATE | ANON, -1, 0);
		W("mmap fixed", ENOMEM, EINVAL, SYS_mmap, 0x40000000, huge[i], 3, PRIVATE | ANON | FIXED, -1, 0);
		W("mmap aligned", ENOMEM, EINVAL, SYS_mmap, 0, huge[i], 3, PRIVATE | ANON | 21 << 24, -1, 0);
		W("mmap file", ENOMEM, EINVAL, SYS_mmap, 0, huge[i], 1, PRIVATE, file, 0);
		W("munmap", EINVAL, EINVAL, SYS_munmap, 0x40000000, huge[i], 0, 0, 0, 0);
		W("mprotect", ENOMEM, EINVAL, SYS_mprotect, 0x40000000, huge[i], 1, 0, 0, 0);
		W("madvise", ANY, EINVAL, 75, 0x40000000, huge[i], 0, 0, 0, 0);
		W("mincore", ENOMEM, EINVAL, 78, 0x40000000, huge[i], buf, 0, 0, 0);
		W("ftruncate", EINVAL, EFBIG, 480, file, huge[i], 0, 0, 0, 0);
		W("lseek", EINVAL, EINVAL, 478, file, huge[i], 0, 0, 0, 0);
		W("getfsstat", ANY, 0, 557, buf, huge[i], 2, 0, 0, 0);
		W("copy_file_range", ANY, 0, 569, file, 0, file, 0, huge[i], 0);
		W("extattr_set_fd", ANY, 0, 371, file, 1, "x", buf, huge[i], 0);
		W("extattr_get_fd", ANY, 0, 372, file, 1, "x", buf, huge[i], 0);
		W("extattr_list_fd", ANY, 0, 437, file, 1, buf, huge[i], 0, 0);
		W("cpuset_getaffinity", ERANGE, EFAULT, 487, 3, 1, -1, huge[i], buf, 0);
		W("cpuset_setaffinity", ERANGE, EFAULT, 488, 3, 1, -1, huge[i], buf, 0);
		W("sendfile", ANY, 0, 393, file, pair[0], 0, huge[i], 0, 0);
		W("__getcwd", ANY, 0, 326, buf, huge[i], 0, 0, 0, 0);
		W("getrandom", ANY, 0, 563, buf, huge[i] & 0xff, 0, 0, 0, 0);
		W("pathconf", ANY, 0, 191, "/", huge[i], 0, 0, 0, 0);
		u32 mib[24] = {1, 1};
		u64 len = huge[i];
		W("__sysctl, length", ANY, 0, 202, mib, 2, buf, &len, 0, 0);
		W("__sysctl, new length", EPERM, EINVAL, 202, mib, 2, 0, 0, buf, huge[i]);
		mib[1] = 10;
		W("__sysctl, host name", EPERM, EINVAL, 202, mib, 2, 0, 0, buf, huge[i]);
		W("__sysctlbyname", ENAMETOOLONG, EINVAL, 570, "kern.ostype", huge[i], buf, &len, 0, 0);
		W("wait6", ANY, 0, 532, 0, huge[i], 0, 0x11, 0, 0);
		W("thr_kill", ANY, 0, 433, huge[i], 0, 0, 0, 0, 0);
		W("sigqueue", ANY, 0, 456, huge[i], 0, 0, 0, 0, 0);
		W("posix_fallocate", ANY, 0, 530, file, huge[i], huge[i], 0, 0, 0);
	}
	static const long counts[] = {-1, 0x7fffffff, 0x80000000, 0xffffffff, 1025};
	for (int i = 0; i < 5; i++) {
		long n = counts[i];
		W("readv", EINVAL, EINVAL, 120, file, buf, n, 0, 0, 0);
		W("writev", EINVAL, EINVAL, 121, file, buf, n, 0, 0, 0);
		W("thr_new", EINVAL, EINVAL, 455, buf, n, 0, 0, 0, 0);
		W("fcntl F_DUPFD", EINVAL, EINVAL + 2, 92, file, 0, n == 1025 ? -1 : n, 0, 0, 0);
		W("__sysctl", EINVAL, EINVAL, 202, buf, n, 0, 0, 0, 0);
		if (n == 1025)
			continue;
		W("poll", EINVAL, EINVAL, 209, buf, n, 0, 0, 0, 0);
		W("getgroups", n == 0x7fffffff ? ANY : EINVAL, EINVAL, 79, n, buf, 0, 0, 0, 0);
		W("setgroups", EINVAL, EPERM, 80, n, buf, 0, 0, 0, 0);
		W("kevent, changes", ANY, 0, SYS_kevent, kq, buf, n, 0, 0, zero);
		W("kevent, events", ANY, 0, SYS_kevent, kq, 0, 0, buf, n, zero);
		W("kevent11, events", ANY, 0, 363, kq, buf, n, buf, n, zero);
		W("select", ANY, 0, 93, n, buf, buf, buf, zero, 0);
		W("pselect", ANY, 0, 522, n, buf, buf, buf, zero, 0);
		W("uuidgen", EINVAL, EINVAL, 392, buf, n, 0, 0, 0, 0);
		W("setsockopt", ANY, 0, 105, pair[0], 0xffff, 0x1001, buf, n, 0);
		*(u32 *)buf = n;
		W("getsockopt", ANY, 0, 118, pair[0], 0xffff, 0x1001, buf + 8, buf, 0);
		*(u32 *)buf = 0;
		W("close_range", ANY, 0, 575, 0x7ffffff0, n, 0, 0, 0, 0);
		W("dup2", EBADF, EBADF, 90, file, n, 0, 0, 0, 0);
		W("listen", ANY, 0, 106, pair[0], n, 0, 0, 0, 0);
		W("procctl", EINVAL, EINVAL, 544, n, 0, n, buf, 0, 0);
		W("ioctl", ANY, 0, 54, file, n, buf, 0, 0, 0);
		W("getpriority", EINVAL, EINVAL, 100, n, 0, 0, 0, 0, 0);
		W("sched_get_priority_max", EINVAL, EINVAL, 332, n, 0, 0, 0, 0, 0);
		W("clock_gettime", EINVAL, EINVAL, SYS_clock_gettime, n, buf, 0, 0, 0, 0);
		W("socket", ANY, 0, SYS_socket, n, n, n, 0, 0, 0);
		W("getrlimit", EINVAL, EINVAL, 194, n, buf, 0, 0, 0, 0);
		W("sigaction", EINVAL, EINVAL, SYS_sigaction, n, 0, buf, 0, 0, 0);
		W("sysarch", ANY, 0, 165, n, buf, 0, 0, 0, 0);
		W("_umtx_op", EINVAL, EINVAL, 454, buf, n | 0x1000, 0, 0, 0, 0);
		W("shutdown", ANY, 0, 134, pair[0], n, 0, 0, 0, 0);
	}
	for (long n = 0; n < 24; n++)
		W("getdirentries", EINVAL, EINVAL, 554, dir, buf, n, 0, 0, 0);
	for (u64 n = 1; n; n <<= 1) {
		W("getdirentries", ANY, 0, 554, dir, buf, n, 0, 0, 0);
		SYS3(478, dir, 0, 0);
		W("freebsd11_getdirentries", ANY, 0, 196, dir, buf, n, 0, 0, 0);
		SYS3(478, dir, n, 0);
	}
	long times[][2] = {{0, 1000000000}, {0, -1}, {-1, 0}, {0, 1L << 62}, {(long)(1UL << 63), 0}};
	for (int i = 0; i < 5; i++) {
		W("nanosleep", times[i][0] < 0 ? OK : EINVAL, EINVAL, SYS_nanosleep, times[i], 0, 0, 0, 0, 0);
		W("kevent", EINVAL, EINVAL, SYS_kevent, kq, 0, 0, buf, 1, times[i]);
		W("ppoll", EINVAL, EINVAL, 545, buf, 0, times[i], 0, 0, 0);
		W("select", EINVAL, EINVAL, 93, 0, 0, 0, 0, times[i], 0);
		W("pselect", EINVAL, EINVAL, 522, 0, 0, 0, 0, times[i], 0);
	}
	addresses();
	arguments();
	control(pair[0]);
	return wrong;
}

// FreeBSD's system calls for a freestanding program.
typedef unsigned long u64;
typedef unsigned int u32;
typedef unsigned char u8;

// A call whose site LSF never patches: the instruction before it is too short.
static inline long sys6(long n, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	__asm__ volatile("syscall; jnc 1f; neg %0; 1:"
	    : "+a"(n), "+d"(c), "+r"(r10), "+r"(r8), "+r"(r9)
	    : "D"(a), "S"(b) : "rcx", "r11", "memory", "cc");
	return n; // or -errno
}

// A call whose site is patched once it is hot.
#define HOT(nr, a, b, c) ({ \
	long n_; \
	__asm__ volatile("mov %1, %%eax; syscall; jnc 1f; neg %0; 1:" \
	    : "=&a"(n_) : "i"(nr), "D"((long)(a)), "S"((long)(b)), "d"((long)(c)) \
	    : "rcx", "r8", "r9", "r10", "r11", "memory", "cc"); \
	n_; })

#define sys(n, ...) sys_(n, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define sys_(n, a, b, c, d, e, f, ...) sys6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

enum {
	SYS_exit = 1, SYS_fork = 2, SYS_read = 3, SYS_write = 4, SYS_open = 5, SYS_close = 6, SYS_wait4 = 7,
	SYS_chdir = 12, SYS_getpid = 20, SYS_kill = 37, SYS_getppid = 39, SYS_sigaltstack = 53, SYS_ioctl = 54,
	SYS_execve = 59, SYS_vfork = 66, SYS_getpgrp = 81, SYS_setpgid = 82, SYS_setitimer = 83, SYS_dup2 = 90,
	SYS_setsid = 147, SYS_sigpending = 343, SYS_nanosleep = 240, SYS_getsid = 310, SYS_sigprocmask = 340,
	SYS_sigsuspend = 341, SYS_sigaction = 416, SYS_thr_self = 432, SYS_thr_kill = 433, SYS_sigqueue = 456,
	SYS_mmap = 477, SYS_closefrom = 509, SYS_wait6 = 532, SYS_pipe2 = 542,
};

enum {
	SIGHUP = 1, SIGINT = 2, SIGQUIT = 3, SIGILL = 4, SIGTRAP = 5, SIGABRT = 6, SIGFPE = 8, SIGKILL = 9, SIGBUS = 10,
	SIGSEGV = 11, SIGSYS = 12, SIGPIPE = 13, SIGALRM = 14, SIGTERM = 15, SIGSTOP = 17, SIGTSTP = 18, SIGCONT = 19,
	SIGCHLD = 20, SIGUSR1 = 30, SIGUSR2 = 31,
	SA_ONSTACK = 1, SA_RESTART = 2, SA_NODEFER = 16, SA_SIGINFO = 64,
	EINTR = 4, ECHILD = 10, EAGAIN = 35,
	WNOHANG = 1, WUNTRACED = 2, WCONTINUED = 4,
};

struct sigset { u32 bits[4]; };
struct sigaction { void *handler; int flags; struct sigset mask; };
struct siginfo { int signo, err, code, pid; u32 uid; int status; void *addr; u64 value; u8 rest[40]; };
struct timeval { long sec, usec; };
struct itimerval { struct timeval interval, value; };
struct timespec { long sec, nsec; };

static long getpid(void) { return sys(SYS_getpid); }
static long getppid(void) { return sys(SYS_getppid); }

static u64 length(const char *s) { u64 n = 0; while (s[n]) n++; return n; }
static int same(const char *a, const char *b) { while (*a && *a == *b) a++, b++; return *a == *b; }

static void put(int fd, const char *s)
{
	for (u64 n = length(s); n > 0; ) {
		long w = sys(SYS_write, fd, s, n);
		if (w == -EINTR)
			continue;
		if (w < 0)
			sys(SYS_exit, 99);
		s += w, n -= w;
	}
}

static long number(const char *s)
{
	long v = 0;
	int neg = *s == '-';
	for (s += neg; *s >= '0' && *s <= '9'; s++)
		v = v * 10 + *s - '0';
	return neg ? -v : v;
}

static char *format(char *end, long v)
{
	u64 u = v < 0 ? -(u64)v : (u64)v;
	*--end = 0;
	do
		*--end = '0' + u % 10;
	while (u /= 10);
	if (v < 0)
		*--end = '-';
	return end;
}

// line prints words and numbers up to a 0 word: line("a=", 1, " b=", 2, (char *)0).
static void line(const char *w, ...)
{
	char buf[512], num[24];
	u64 n = 0;
	__builtin_va_list ap;
	__builtin_va_start(ap, w);
	while (w) {
		for (; *w && n < sizeof buf - 32; w++)
			buf[n++] = *w;
		for (char *s = format(num + sizeof num, __builtin_va_arg(ap, long)); *s; s++)
			buf[n++] = *s;
		w = __builtin_va_arg(ap, const char *);
	}
	__builtin_va_end(ap);
	buf[n++] = '\n', buf[n] = 0;
	put(1, buf);
}
#define say(...) line(__VA_ARGS__, (char *)0)

_Noreturn static void quit(int status) { for (;;) sys(SYS_exit, status); }
_Noreturn static void die(const char *what, long v) { say(what, v); quit(1); }

static void on(int sig, void *handler, int flags)
{
	struct sigaction a = { handler, flags };
	if (sys(SYS_sigaction, sig, &a, 0) < 0)
		die("sigaction ", sig);
}

// block sleeps for ever, but for signals.
_Noreturn static void block(void)
{
	struct sigset none = {};
	for (;;)
		sys(SYS_sigsuspend, &none);
}

static long wait_for(long pid, int *status)
{
	long r;
	while ((r = sys(SYS_wait4, pid, status, 0, 0)) == -EINTR)
		;
	return r;
}

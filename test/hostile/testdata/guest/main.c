#include "lib.h"

void *memset(void *p, int c, u64 n) {
	for (u64 i = 0; i < n; i++)
		((volatile u8 *)p)[i] = c;
	return p;
}

void *memcpy(void *d, const void *s, u64 n) {
	for (u64 i = 0; i < n; i++)
		((volatile u8 *)d)[i] = ((const u8 *)s)[i];
	return d;
}

int equal(const char *a, const char *b) {
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

long number(const char *s) {
	long n = 0;
	for (; *s >= '0' && *s <= '9'; s++)
		n = 10 * n + *s - '0';
	return n;
}

void say(const char *f, ...) {
	char out[512];
	u64 n = 0;
	__builtin_va_list ap;
	__builtin_va_start(ap, f);
	for (; *f && n < sizeof out - 32; f++) {
		if (*f != '%') {
			out[n++] = *f;
			continue;
		}
		if (*++f == 's') {
			for (const char *s = __builtin_va_arg(ap, const char *); *s && n < sizeof out - 32; s++)
				out[n++] = *s;
			continue;
		}
		u64 v = __builtin_va_arg(ap, u64), base = *f == 'x' ? 16 : 10;
		if (*f == 'd' && (long)v < 0)
			out[n++] = '-', v = -v;
		char digits[24];
		int k = 0;
		do
			digits[k++] = "0123456789abcdef"[v % base];
		while (v /= base);
		while (k)
			out[n++] = digits[--k];
	}
	__builtin_va_end(ap);
	SYS3(SYS_write, 1, out, n);
}

void die(const char *why, long n) {
	say("%s: %d\n", why, n);
	SYS1(SYS_exit, 99);
}

char *map(u64 at, u64 size, int prot, int flags) {
	struct ret r = SYS6(SYS_mmap, at, size, prot, flags, -1, 0);
	if (r.e)
		die("mmap", r.e);
	return (char *)r.v;
}

void pause_ms(long ms) {
	long ts[2] = {ms / 1000, ms % 1000 * 1000000};
	SYS2(SYS_nanosleep, ts, 0);
}

int await(long pid, struct progress *p, long ms, int *stuck) {
	int status = 0;
	u64 last = p->calls;
	long quiet = 0;
	for (;;) {
		struct ret r = SYS4(SYS_wait4, pid, &status, 1 /* WNOHANG */, 0);
		if (r.e)
			die("wait4", r.e);
		if (r.v == pid)
			return status;
		pause_ms(1);
		quiet = p->calls == last ? quiet + 1 : 0;
		last = p->calls;
		if (quiet >= ms) {
			*stuck = 1;
			SYS2(SYS_kill, pid, 9);
			if (SYS4(SYS_wait4, pid, &status, 0, 0).e)
				die("wait4 for a killed child", pid);
			return status;
		}
	}
}

// sane uses what the preceding calls may have broken, and what they may have
// broken in the supervisor.
int sane(void) {
	struct ret r = SYS3(SYS_open, "sane", 0x602 /* O_RDWR|O_CREAT|O_TRUNC */, 0600);
	if (r.e)
		die("open", r.e);
	long fd = r.v;
	char buf[256];
	if ((r = SYS3(SYS_write, fd, "hello", 5)).v != 5 || r.e)
		die("write", r.e);
	if ((r = SYS4(475, fd, buf, 5, 0)).v != 5 || r.e || buf[4] != 'o')
		die("pread", r.e);
	if ((r = SYS2(SYS_fstat, fd, buf)).e)
		die("fstat", r.e);
	int pipe[2];
	if ((r = SYS2(SYS_pipe2, pipe, 0)).e)
		die("pipe2", r.e);
	if ((r = SYS0(SYS_kqueue)).e)
		die("kqueue", r.e);
	long kq = r.v;
	if ((r = SYS0(SYS_fork)).e)
		die("fork", r.e);
	if (r.v == 0) {
		SYS3(SYS_read, pipe[0], buf, 1);
		const char *argv[] = {"guest", "exit", "42", 0};
		SYS3(SYS_execve, "/guest", argv, argv + 3);
		SYS1(SYS_exit, 1);
	}
	long pid = r.v;
	struct kev {
		u64 ident;
		short filter;
		u16 flags;
		u32 fflags;
		long data;
		void *udata;
		u64 ext[4];
	} ch = {pid, -5 /* EVFILT_PROC */, 1 /* EV_ADD */, 0x80000000 /* NOTE_EXIT */, 0, 0, {}}, ev = {};
	if ((r = SYS6(SYS_kevent, kq, &ch, 1, 0, 0, 0)).e)
		die("kevent", r.e);
	if ((r = SYS3(SYS_write, pipe[1], "x", 1)).e)
		die("write to a pipe", r.e);
	long ten[2] = {10, 0};
	if ((r = SYS6(SYS_kevent, kq, 0, 0, &ev, 1, ten)).v != 1 || r.e || (long)ev.ident != pid)
		die("kevent's event", r.e);
	int status = 0;
	if ((r = SYS4(SYS_wait4, pid, &status, 0, 0)).v != pid || status != 42 << 8)
		die("wait4: status", status);
	SYS1(SYS_close, kq);
	SYS1(SYS_close, pipe[0]);
	SYS1(SYS_close, pipe[1]);
	SYS1(SYS_close, fd);
	return 0;
}

static int run(int argc, char **argv) {
	const char *what = argc > 1 ? argv[1] : "";
	int bad;
	if (equal(what, "exit"))
		return argc > 2 ? number(argv[2]) : 0;
	if (equal(what, "wild"))
		bad = wild(number(argv[2]), number(argv[3]));
	else if (equal(what, "efault"))
		bad = efault();
	else if (equal(what, "region"))
		bad = region();
	else if (equal(what, "absurd"))
		bad = absurd();
	else if (equal(what, "execs"))
		bad = execs(argv + 2);
	else if (equal(what, "fuzz"))
		bad = fuzz(number(argv[2]), number(argv[3]));
	else
		return 98;
	sane();
	say("sane\n");
	return bad != 0;
}

__attribute__((used)) static void begin(long *stack) {
	SYS1(SYS_exit, run(stack[0], (char **)(stack + 1)));
}

// FreeBSD starts programs with the stack's address in RDI.
__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tand $-16, %rsp\n\tcall begin\n\thlt\n");

// What a FreeBSD program without a C library needs: system calls, threads,
// printing. A call answers its result or -errno.

typedef unsigned char u8;
typedef unsigned int u32;
typedef int i32;
typedef unsigned long u64;
typedef long i64;

#define NULL ((void *)0)

#define EPERM 1
#define ESRCH 3
#define EINTR 4
#define ENOMEM 12
#define EFAULT 14
#define EBUSY 16
#define EINVAL 22
#define EDEADLK 11
#define ENOTTY 25
#define EAGAIN 35
#define EOPNOTSUPP 45
#define ETIMEDOUT 60
#define ENOTRECOVERABLE 95
#define EOWNERDEAD 96

// Stubs as those of FreeBSD's libc: the number, the fourth argument, syscall.
#define STUB(name, nr) \
	__asm__(".text\n.globl " #name "\n" #name ":\n" \
	    "mov $" #nr ",%eax\nmov %rcx,%r10\nsyscall\njb 1f\nret\n1: neg %rax\nret\n"); \
	i64 name();

STUB(sys_exit, 1)
STUB(sys_fork, 2)
STUB(sys_read, 3)
STUB(sys_write, 4)
STUB(sys_close, 6)
STUB(sys_wait4, 7)
STUB(sys_getpid, 20)
STUB(sys_kill, 37)
STUB(sys_pipe2, 542)
STUB(sys_munmap, 73)
STUB(sys_mprotect, 74)
STUB(sys_clock_gettime, 232)
STUB(sys_nanosleep, 240)
STUB(sys_sched_yield, 331)
STUB(sys_sigprocmask, 340)
STUB(sys_sigaction, 416)
STUB(sys_sigqueue, 456)
STUB(sys_thr_exit, 431)
STUB(sys_thr_self, 432)
STUB(sys_thr_kill, 433)
STUB(sys_thr_suspend, 442)
STUB(sys_thr_wake, 443)
STUB(sys_umtx, 454)
STUB(sys_thr_new, 455)
STUB(sys_thr_set_name, 464)
STUB(sys_rtprio_thread, 466)
STUB(sys_mmap6, 477)
STUB(sys_thr_kill2, 481)
STUB(sys_sigfastblock, 573)

__asm__(".globl _start\n_start: mov %rdi,%rbx\nand $-16,%rsp\nmov %rbx,%rdi\ncall start\nhlt\n");

void *memset(void *p, int c, u64 n)
{
	u8 *b = p;
	while (n--)
		*b++ = c;
	return p;
}

void *memcpy(void *d, const void *s, u64 n)
{
	u8 *a = d;
	const u8 *b = s;
	while (n--)
		*a++ = *b++;
	return d;
}

static void puts_(const char *s)
{
	u64 n = 0;
	while (s[n])
		n++;
	sys_write(1, s, n);
}

// print understands %d (i64), %x (u64) and %s.
static void print(const char *f, ...)
{
	__builtin_va_list ap;
	char buf[512];
	int n = 0;

	__builtin_va_start(ap, f);
	for (; *f && n < 480; f++) {
		if (*f != '%') {
			buf[n++] = *f;
			continue;
		}
		f++;
		if (*f == 's') {
			const char *s = __builtin_va_arg(ap, const char *);
			while (*s && n < 480)
				buf[n++] = *s++;
			continue;
		}
		i64 v = __builtin_va_arg(ap, i64);
		u64 u = v;
		int base = *f == 'x' ? 16 : 10;
		if (base == 10 && v < 0) {
			buf[n++] = '-';
			u = -v;
		}
		char d[24];
		int k = 0;
		do {
			d[k++] = "0123456789abcdef"[u % base];
			u /= base;
		} while (u);
		while (k)
			buf[n++] = d[--k];
	}
	sys_write(1, buf, n);
	__builtin_va_end(ap);
}

#define say(...) print(__VA_ARGS__)

static void *map(u64 n, int shared)
{
	return (void *)sys_mmap6(0, n, 3, 0x1000 | (shared ? 1 : 2), (i64)-1, (i64)0);
}

struct timespec {
	i64 sec, nsec;
};

struct thr_param {
	void (*start)(void *);
	void *arg;
	char *stack;
	u64 stack_size;
	char *tls;
	u64 tls_size;
	i64 *child_tid, *parent_tid;
	i32 flags, pad;
	void *rtp;
	void *spare[3];
};

#define STACK 65536

struct thread {
	i64 tid;	// of the thread, as its parent is told
	i64 state;	// set by thr_exit
	void (*f)(void *);
	void *arg;
};

static void thread_main(void *p)
{
	struct thread *t = p;
	t->f(t->arg);
	sys_thr_exit(&t->state);
}

static void spawn(struct thread *t, void (*f)(void *), void *arg)
{
	struct thr_param p;
	memset(&p, 0, sizeof p);
	t->state = 0;
	t->f = f;
	t->arg = arg;
	p.start = thread_main;
	p.arg = t;
	p.stack = map(STACK, 0);
	p.stack_size = STACK;
	p.parent_tid = &t->tid;
	i64 r = sys_thr_new(&p, sizeof p);
	if (r != 0) {
		say("thr_new: %d\n", r);
		sys_exit(1);
	}
}

#define UMTX_OP_WAIT 2
static void join(struct thread *t)
{
	while (__atomic_load_n(&t->state, __ATOMIC_ACQUIRE) == 0)
		sys_umtx(&t->state, UMTX_OP_WAIT, 0L, NULL, NULL);
}

static u32 self(void)
{
	i64 id;
	sys_thr_self(&id);
	return id;
}

static i64 now(void)
{
	struct timespec ts;
	sys_clock_gettime(4, &ts);
	return ts.sec * 1000000000 + ts.nsec;
}

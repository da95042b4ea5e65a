// What threads cost each other: a mutex that four fight for, and two that take
// turns at a condition variable. For FreeBSD the locks are the kernel's, used
// as libthr uses them; for Linux those that its C libraries make of futexes.

typedef unsigned int u32;
typedef long i64;

#define ROUNDS 100000
#define TURNS 20000
#define THREADS 4

i64 syscall_(i64 nr, i64 a, i64 b, i64 c, i64 d, i64 e);

#ifdef __FreeBSD__

__asm__(".globl syscall_\nsyscall_: mov %rdi,%rax\nmov %rsi,%rdi\nmov %rdx,%rsi\nmov %rcx,%rdx\nmov %r8,%r10\nmov %r9,%r8\nsyscall\njnc 1f\nneg %rax\n1: ret\n"
	".globl umtx\numtx: mov $454,%eax\nmov %rcx,%r10\nsyscall\nret\n");
i64 umtx(void *, i64, i64, void *, void *);

enum { EXIT = 1, WRITE = 4, CLOCK_GETTIME = 232, THR_EXIT = 431, THR_SELF = 432, THR_NEW = 455, MONOTONIC = 4 };
enum { WAIT = 2, CV_WAIT = 8, CV_SIGNAL = 9, WAIT_UINT = 15, WAKE = 16, MUTEX_WAIT = 17, MUTEX_WAKE2 = 22 };
#define CONTESTED 0x80000000u

struct mutex {
	volatile u32 owner;
	u32 rest[11];
};

struct cond {
	volatile u32 has_waiters;
	u32 rest[3];
};

static u32 self(void)
{
	i64 id;
	syscall_(THR_SELF, (i64)&id, 0, 0, 0, 0);
	return id;
}

static void lock(struct mutex *m, u32 id)
{
	for (;;) {
		u32 o = m->owner;
		if ((o & ~CONTESTED) != 0)
			umtx(m, MUTEX_WAIT, 0, 0, 0);
		else if (__sync_bool_compare_and_swap(&m->owner, o, id | o))
			return;
	}
}

static void unlock(struct mutex *m)
{
	if (__atomic_exchange_n(&m->owner, 0, __ATOMIC_SEQ_CST) & CONTESTED)
		umtx(m, MUTEX_WAKE2, 0, 0, 0);
}

static void wait(struct cond *c, struct mutex *m, u32 id)
{
	umtx(c, CV_WAIT, 0, m, 0);
	lock(m, id);
}

static void signal(struct cond *c)
{
	if (c->has_waiters)
		umtx(c, CV_SIGNAL, 0, 0, 0);
}

static void sleep_on(volatile u32 *p, u32 v) { umtx((void *)p, WAIT_UINT, v, 0, 0); }
static void wake(volatile u32 *p) { umtx((void *)p, WAKE, 1, 0, 0); }

struct thread {
	volatile i64 over;
	void (*f)(i64);
	i64 arg;
};

static void run(struct thread *t)
{
	t->f(t->arg);
	syscall_(THR_EXIT, (i64)&t->over, 0, 0, 0, 0);
}

static void spawn(struct thread *t, char *stack, i64 size)
{
	i64 p[13] = {(i64)run, (i64)t, (i64)stack, size};
	syscall_(THR_NEW, (i64)p, sizeof p, 0, 0, 0);
}

static void join(struct thread *t)
{
	while (!t->over)
		umtx((void *)&t->over, WAIT, 0, 0, 0);
}

#else

__asm__(".globl syscall_\nsyscall_: mov %rdi,%rax\nmov %rsi,%rdi\nmov %rdx,%rsi\nmov %rcx,%rdx\nmov %r8,%r10\nmov %r9,%r8\nsyscall\nret\n"
	".globl clone_\nclone_: mov $56,%eax\nmov %rcx,%r10\nsyscall\ntest %rax,%rax\njz 1f\nret\n1: pop %rdi\ncall run\n");
i64 clone_(i64 flags, void *stack, void *ptid, void *ctid);

enum { EXIT = 231, WRITE = 1, CLOCK_GETTIME = 228, FUTEX = 202, MONOTONIC = 1 };
enum { FUTEX_WAIT = 128, FUTEX_WAKE = 129 };

struct mutex {
	volatile u32 state;	// 0 free, 1 locked, 2 locked and somebody sleeps
};

struct cond {
	volatile u32 seq, waiters;
};

static u32 self(void) { return 1; }
static void sleep_on(volatile u32 *p, u32 v) { syscall_(FUTEX, (i64)p, FUTEX_WAIT, v, 0, 0); }
static void wake(volatile u32 *p) { syscall_(FUTEX, (i64)p, FUTEX_WAKE, 1, 0, 0); }

static void lock(struct mutex *m, u32 id)
{
	u32 s = __sync_val_compare_and_swap(&m->state, 0, 1);
	if (s == 0)
		return;
	if (s != 2)
		s = __atomic_exchange_n(&m->state, 2, __ATOMIC_SEQ_CST);
	while (s != 0) {
		sleep_on(&m->state, 2);
		s = __atomic_exchange_n(&m->state, 2, __ATOMIC_SEQ_CST);
	}
}

static void unlock(struct mutex *m)
{
	if (__atomic_exchange_n(&m->state, 0, __ATOMIC_SEQ_CST) == 2)
		wake(&m->state);
}

static void wait(struct cond *c, struct mutex *m, u32 id)
{
	u32 s = c->seq;
	__sync_fetch_and_add(&c->waiters, 1);
	unlock(m);
	sleep_on(&c->seq, s);
	__sync_fetch_and_sub(&c->waiters, 1);
	lock(m, id);
}

static void signal(struct cond *c)
{
	__sync_fetch_and_add(&c->seq, 1);
	if (c->waiters)
		wake(&c->seq);
}

struct thread {
	volatile u32 tid;
	void (*f)(i64);
	i64 arg;
};

void run(struct thread *t)
{
	t->f(t->arg);
	syscall_(60, 0, 0, 0, 0, 0);
}

static void spawn(struct thread *t, char *stack, i64 size)
{
	void **top = (void **)(stack + size) - 2;
	top[0] = t;
	t->tid = 1;
	// VM, FS, FILES, SIGHAND, THREAD, SYSVSEM, CHILD_CLEARTID
	clone_(0x250f00, top, 0, (void *)&t->tid);
}

static void join(struct thread *t)
{
	u32 id;
	while ((id = t->tid) != 0)
		syscall_(FUTEX, (i64)&t->tid, 0, id, 0, 0);
}

#endif

static struct mutex m;
static struct cond c;
static volatile i64 n, turn;
static volatile u32 word;

static void fight(i64 me)
{
	u32 id = self();
	for (int i = 0; i < ROUNDS; i++) {
		lock(&m, id);
		n++;
		unlock(&m);
	}
}

static void take_turns(i64 me)
{
	u32 id = self();
	for (int i = 0; i < TURNS; i++) {
		lock(&m, id);
		while (turn != me)
			wait(&c, &m, id);
		turn = !me;
		signal(&c);
		unlock(&m);
	}
}

static void ping(i64 me)
{
	for (int i = 0; i < TURNS; i++) {
		while (word != me)
			sleep_on(&word, !me);
		__atomic_store_n(&word, !me, __ATOMIC_SEQ_CST);
		wake(&word);
	}
}

static i64 now(void)
{
	i64 t[2];
	syscall_(CLOCK_GETTIME, MONOTONIC, (i64)t, 0, 0, 0);
	return t[0] * 1000000000 + t[1];
}

static void print(const char *name, i64 v)
{
	char b[80];
	int k = 0;
	while (name[k]) {
		b[k] = name[k];
		k++;
	}
	b[k++] = '\t';
	char d[20];
	int e = 0;
	do
		d[e++] = '0' + v % 10;
	while ((v /= 10) != 0);
	while (e)
		b[k++] = d[--e];
	b[k++] = '\n';
	syscall_(WRITE, 1, (i64)b, k, 0, 0);
}

static char stacks[THREADS][65536] __attribute__((aligned(64)));

static void measure(const char *name, void (*f)(i64), int threads, i64 rounds)
{
	struct thread t[THREADS];
	i64 begin = now();
	for (int i = 0; i < threads; i++) {
		t[i] = (struct thread){0, f, i};
		spawn(&t[i], stacks[i], sizeof stacks[i]);
	}
	for (int i = 0; i < threads; i++)
		join(&t[i]);
	print(name, (now() - begin) / rounds);
}

__asm__(".globl _start\n_start: and $-16,%rsp\ncall start\n");

void start(void)
{
	measure("mutex, 4 threads", fight, THREADS, THREADS * ROUNDS);
	measure("condvar ping-pong", take_turns, 2, TURNS);
	measure("wait and wake", ping, 2, TURNS);
	syscall_(EXIT, 0, 0, 0, 0, 0);
}

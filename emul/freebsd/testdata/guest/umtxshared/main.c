// Locks that processes share, and robust ones whose owner goes away: by
// thr_exit, by exit, by a signal.

#include "../freestanding.h"
#include "../umtx.h"

#define SIGKILL 9

struct robust_lists {
	u64 list, priv, inact;
};

// What a thread keeps about the robust mutexes that it holds, as libthr does.
struct held {
	struct umutex *list, *priv, *inact;
};

static struct shared {
	struct umutex mx, rb[3];
	struct ucond cv;
	struct urwlock rw;
	struct usem2 sem;
	volatile i64 n, turn;
	volatile u32 ready;
} *sh;

static void with_lists(struct held *h)
{
	struct robust_lists rl = {(u64)&h->list, (u64)&h->priv, (u64)&h->inact};
	i64 r = op(NULL, UMTX_OP_ROBUST_LISTS, sizeof rl, &rl, NULL);
	if (r != 0)
		say("robust_lists %d\n", r);
}

static void take(struct held *h, struct umutex *m)
{
	h->inact = m;
	if (op(m, UMTX_OP_MUTEX_LOCK, 0, NULL, NULL) != 0)
		say("not got\n");
	m->link = (u64)h->list;
	h->list = m;
	h->inact = NULL;
}

static i64 wait_for(i64 pid)
{
	i32 status = 0;
	sys_wait4(pid, &status, 0L, NULL);
	return status;
}

// child runs f in a new process.
static i64 child(void (*f)(void))
{
	i64 pid = sys_fork();
	if (pid == 0) {
		f();
		sys_exit(0L);
	}
	return pid;
}

static void hold(struct held *h)
{
	for (int i = 0; i < 3; i++)
		take(h, &sh->rb[i]);
	__atomic_store_n(&sh->ready, 1, __ATOMIC_SEQ_CST);
	// until one sleeps in each, so that there is somebody to wake
	for (int i = 0; i < 3; i++)
		while (!(sh->rb[i].owner & CONTESTED))
			sys_sched_yield();
	struct timespec ms = {0, 3000000};
	sys_nanosleep(&ms, NULL);
}

static struct held mine;

static void exits(void)
{
	with_lists(&mine);
	hold(&mine);
}

// inherits has its parent's lists: of its own memory.
static void inherits(void)
{
	hold(&mine);
	sys_kill(sys_getpid(), SIGKILL);
}

static void is_killed(void)
{
	with_lists(&mine);
	hold(&mine);
	sys_kill(sys_getpid(), SIGKILL);
}

static void faults(void)
{
	with_lists(&mine);
	hold(&mine);
	*(volatile int *)8 = 1;
}

static struct held threads;

static void thread_holds(void *arg)
{
	with_lists(&threads);
	hold(&threads);
}

static void thread_exits(void)
{
	struct thread t;
	spawn(&t, thread_holds, NULL);
	join(&t);
}

static i64 got[3];

static void waiter(void *arg)
{
	i64 k = (i64)arg;
	got[k] = op(&sh->rb[k], UMTX_OP_MUTEX_LOCK, 0, NULL, NULL);
}

static void dies(const char *name, void (*f)(void), u32 flags)
{
	struct thread t[3];

	for (int i = 0; i < 3; i++) {
		memset(&sh->rb[i], 0, sizeof sh->rb[i]);
		sh->rb[i].flags = flags | ROBUST | SHARED;
		sh->rb[i].ceilings[1] = -1;
		if (flags & PRIO_PROTECT)
			sh->rb[i].owner = CONTESTED;
	}
	sh->ready = 0;
	i64 pid = child(f);
	while (!sh->ready)
		sys_sched_yield();
	for (i64 i = 0; i < 3; i++)
		spawn(&t[i], waiter, (void *)i);
	for (int i = 0; i < 3; i++)
		join(&t[i]);
	i64 status = wait_for(pid);
	say("%s: %d %d %d, status %x\n", name, got[0], got[1], got[2], status & 0x7f);
}

static void count(void)
{
	u32 me = self();
	for (int i = 0; i < 1000; i++) {
		thr_lock(&sh->mx, me);
		sh->n++;
		thr_unlock(&sh->mx);
		op(&sh->rw, UMTX_OP_RW_WRLOCK, 0, NULL, NULL);
		sh->n++;
		op(&sh->rw, UMTX_OP_RW_UNLOCK, 0, NULL, NULL);
	}
}

static void answer(void)
{
	for (int i = 0; i < 300; i++) {
		op(&sh->mx, UMTX_OP_MUTEX_LOCK, 0, NULL, NULL);
		while (sh->turn != 1) {
			op(&sh->cv, UMTX_OP_CV_WAIT, 0, &sh->mx, NULL);
			op(&sh->mx, UMTX_OP_MUTEX_LOCK, 0, NULL, NULL);
		}
		sh->turn = 0;
		op(&sh->cv, UMTX_OP_CV_SIGNAL, 0, NULL, NULL);
		op(&sh->mx, UMTX_OP_MUTEX_UNLOCK, 0, NULL, NULL);
	}
}

// Pages that belong to places in memory.

#define CREAT 1
#define LOOKUP 2
#define DESTROY 4
#define ALIVE 8

static i64 shm(int flags, volatile void *key) { return op(NULL, UMTX_OP_SHM, flags, (void *)key, NULL); }

static u32 *page(i64 fd)
{
	void *p = (void *)sys_mmap6(0, 4096, 3, 1, fd, (i64)0);
	sys_close(fd);
	return p;
}

static u64 own;

static void looks(void)
{
	i64 fd = shm(LOOKUP, &sh->n);
	say("in a child: found %d", (i64)(fd >= 0));
	u32 *p = page(fd);
	say(" holds %x", (u64)*p);
	*p = 0xabcd;
	say(" another place %d own memory %d\n", shm(LOOKUP, &sh->turn), shm(LOOKUP, &own));
}

static void pages(void)
{
	say("shm: no flag %d two %d", shm(0, &own), shm(CREAT | LOOKUP, &own));
	say(" nowhere %d %d", shm(CREAT, (void *)16), shm(ALIVE, (void *)16));
	say(" not there %d %d\n", shm(LOOKUP, &sh->n), shm(DESTROY, &sh->n));
	i64 a = shm(CREAT, &sh->n), b = shm(CREAT, &sh->n), c = shm(LOOKUP, &sh->n), d = shm(CREAT, &own);
	say("descriptors: %d %d %d %d\n", a, b - a, c - a, d - a);
	u32 *p = page(a), *q = page(b), *r = page(d);
	sys_close(c);
	*p = 0x1234;
	say("the same page %x another %x\n", (u64)*q, (u64)*r);
	wait_for(child(looks));
	say("changed there %x\n", (u64)*p);
	say("alive %d", shm(ALIVE, p));
	say(" destroy %d again %d lookup %d", shm(DESTROY, &sh->n), shm(DESTROY, &sh->n), shm(LOOKUP, &sh->n));
	say(" alive %d the other %d\n", shm(ALIVE, q), shm(ALIVE, r));
}

void start(u64 *args)
{
	sh = map(4096, 1);
	memset(sh, 0, sizeof *sh);
	sh->mx.flags = sh->cv.flags = sh->rw.flags = sh->sem.flags = SHARED;

	i64 p[4];
	for (int i = 0; i < 4; i++)
		p[i] = child(count);
	for (int i = 0; i < 4; i++)
		wait_for(p[i]);
	say("processes: %d\n", sh->n);
	p[0] = child(answer);
	for (int i = 0; i < 300; i++) {
		op(&sh->mx, UMTX_OP_MUTEX_LOCK, 0, NULL, NULL);
		sh->turn = 1;
		op(&sh->cv, UMTX_OP_CV_SIGNAL, 0, NULL, NULL);
		while (sh->turn != 0) {
			op(&sh->cv, UMTX_OP_CV_WAIT, 0, &sh->mx, NULL);
			op(&sh->mx, UMTX_OP_MUTEX_LOCK, 0, NULL, NULL);
		}
		op(&sh->mx, UMTX_OP_MUTEX_UNLOCK, 0, NULL, NULL);
	}
	say("answered: %x\n", wait_for(p[0]));

	pages();
	static const u32 kinds[] = {0, PRIO_INHERIT};
	for (int k = 0; k < 2; k++) {
		say("protocol %x\n", (u64)kinds[k]);
		dies("thr_exit", thread_exits, kinds[k]);
		dies("exit", exits, kinds[k]);
		dies("SIGKILL", is_killed, kinds[k]);
		dies("SIGSEGV", faults, kinds[k]);
	}
	with_lists(&mine);
	dies("lists inherited", inherits, 0);
	struct robust_lists rl = {0, 0, 0};
	say("too long %d", op(NULL, UMTX_OP_ROBUST_LISTS, 25, &rl, NULL));
	say(" nowhere %d", op(NULL, UMTX_OP_ROBUST_LISTS, 24, (void *)16, NULL));
	say(" other architecture %d", op(NULL, (int)(0x80000000u | UMTX_OP_ROBUST_LISTS), 12, &rl, NULL));
	say(" %d\n", op(NULL, UMTX_OP_ROBUST_LISTS, 24, &rl, NULL));
	sys_exit(0L);
}

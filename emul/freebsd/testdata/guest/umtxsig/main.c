// Signals that come to threads which sleep in locks: which calls start again,
// which are interrupted, and that nothing is lost in a storm of them.

#include "../freestanding.h"
#include "../kinfo.h"
#include "../umtx.h"

#define SIGUSR1 30
#define SA_RESTART 2
#define THREADS 4

struct sigaction {
	void (*handler)(int);
	u32 flags;
	u32 mask[4];
};

static volatile u32 handled;

static void handler(int sig)
{
	__atomic_add_fetch(&handled, 1, __ATOMIC_SEQ_CST);
}

static void catch(int flags)
{
	struct sigaction sa;
	memset(&sa, 0, sizeof sa);
	sa.handler = handler;
	sa.flags = flags;
	sys_sigaction(SIGUSR1, &sa, NULL);
}

static struct umutex mx;
static struct ucond cv;
static struct urwlock rw;
static struct usem2 sem;
static struct usem oldsem;
static u32 word;
static u64 old;

// One call that will sleep, and how to end the sleep.
static struct call {
	const char *name;
	void *obj;
	int op;
	u64 val;
	void *a1, *a2;
	int restarts;	// 0 never, 1 if SA_RESTART, 2 always
} *cur;

static struct umtx_time hour = {{3600, 0}, 0, 4};
static struct {
	struct umtx_time t;
	struct timespec left;
} semhour = {{{3600, 0}, 0, 4}, {0, 0}};

static volatile i64 result;
static volatile u32 begun, ended;
static volatile u32 tid;

static void sleeper(void *arg)
{
	tid = self();
	if (cur->op == UMTX_OP_CV_WAIT)
		mx.owner = tid;
	__atomic_store_n(&begun, 1, __ATOMIC_SEQ_CST);
	result = op(cur->obj, cur->op, cur->val, cur->a1, cur->a2);
	__atomic_store_n(&ended, 1, __ATOMIC_SEQ_CST);
}

static void prepare(void)
{
	memset(&mx, 0, sizeof mx);
	memset(&cv, 0, sizeof cv);
	memset(&rw, 0, sizeof rw);
	memset(&sem, 0, sizeof sem);
	memset(&oldsem, 0, sizeof oldsem);
	mx.owner = 99;
	rw.state = 0x80000000;
	word = 5;
	old = 99;
}

// sleeping says whether the sleeper sleeps in its call: umtx…, uwait, urdlck, uwrlck, usem.
static int sleeping(void) { return begun && asleep(tid, 'u'); }

static void let_go(void)
{
	mx.owner = 0;
	op(&mx, UMTX_OP_MUTEX_WAKE2, 0, NULL, NULL);
	if (op(&rw, UMTX_OP_RW_UNLOCK, 0, NULL, NULL) != 0)
		say(" (rw_unlock)");
	__atomic_fetch_add(&sem.count, 1, __ATOMIC_SEQ_CST);
	op(&sem, UMTX_OP_SEM2_WAKE, 0, NULL, NULL);
	oldsem.count++;
	op(&oldsem, UMTX_OP_SEM_WAKE, 0, NULL, NULL);
	op(&old, UMTX_OP_UNLOCK, 99, NULL, NULL);
}

static void interrupt(struct call *c, int flags)
{
	struct thread t;

	cur = c;
	prepare();
	handled = begun = ended = 0;
	catch(flags);
	spawn(&t, sleeper, NULL);
	while (!sleeping())
		sys_sched_yield();
	sys_thr_kill((i64)tid, SIGUSR1);
	while (!handled || (!ended && !sleeping()))
		sys_sched_yield();
	int again = !ended;
	if (again)
		let_go();
	join(&t);
	say(" %s %d", again ? "starts again:" : "ends:", result);
	if (again != (c->restarts == 2 || (c->restarts == 1 && flags)))
		say(" WRONG");
}

static struct call calls[] = {
	{"wait", &word, UMTX_OP_WAIT_UINT, 5, NULL, NULL, 0},
	{"wait, timed", &word, UMTX_OP_WAIT_UINT_PRIVATE, 5, (void *)sizeof hour, &hour, 0},
	{"lock", &mx, UMTX_OP_MUTEX_LOCK, 0, NULL, NULL, 2},
	{"lock, timed", &mx, UMTX_OP_MUTEX_LOCK, 0, (void *)sizeof hour, &hour, 0},
	{"mutex_wait", &mx, UMTX_OP_MUTEX_WAIT, 0, NULL, NULL, 1},
	{"mutex_wait, timed", &mx, UMTX_OP_MUTEX_WAIT, 0, (void *)sizeof hour, &hour, 0},
	{"cv_wait", &cv, UMTX_OP_CV_WAIT, 0, &mx, NULL, 0},
	{"cv_wait, timed", &cv, UMTX_OP_CV_WAIT, 0, &mx, &hour, 0},
	{"rdlock", &rw, UMTX_OP_RW_RDLOCK, 0, NULL, NULL, 0},
	{"wrlock, timed", &rw, UMTX_OP_RW_WRLOCK, 0, (void *)sizeof hour, &hour, 0},
	{"sem2_wait", &sem, UMTX_OP_SEM2_WAIT, 0, NULL, NULL, 1},
	{"sem2_wait, timed", &sem, UMTX_OP_SEM2_WAIT, 0, (void *)sizeof semhour, &semhour, 0},
	{"sem_wait", &oldsem, UMTX_OP_SEM_WAIT, 0, NULL, NULL, 1},
	{"sem_wait, timed", &oldsem, UMTX_OP_SEM_WAIT, 0, (void *)sizeof hour, &hour, 0},
	{"older lock", &old, UMTX_OP_LOCK, 7, NULL, NULL, 2},
};

// The storm.

static volatile i64 n;
static volatile u32 over, wrong, readers;
static struct thread fighters[THREADS];
static int rounds = 400;

static void fighter(void *arg)
{
	u32 me = self();
	struct umtx_time ut = {{0, 50000}, 0, 4};
	for (int i = 0; i < rounds; i++) {
		thr_lock(&mx, me);
		n++;
		thr_unlock(&mx);
		op(&mx, UMTX_OP_MUTEX_LOCK, 0, NULL, NULL);
		if ((mx.owner & ~CONTESTED) != me)
			wrong++;
		n++;
		if (i % 4 == 0) {
			op(&cv, UMTX_OP_CV_WAIT, 0, &mx, &ut);
			op(&mx, UMTX_OP_MUTEX_LOCK, 0, NULL, NULL);
		}
		if (op(&mx, UMTX_OP_MUTEX_UNLOCK, 0, NULL, NULL) != 0)
			wrong++;
		op(&cv, UMTX_OP_CV_SIGNAL, 0, NULL, NULL);
		if (i % 4 == 0) {
			while (op(&rw, UMTX_OP_RW_WRLOCK, 0, NULL, NULL) != 0)
				;
			if (readers)
				wrong++;
			if (i % 8 == 0)
				sys_sched_yield();
		} else {
			while (op(&rw, UMTX_OP_RW_RDLOCK, 0, (void *)sizeof ut, &ut) != 0)
				;
			__atomic_add_fetch(&readers, 1, __ATOMIC_SEQ_CST);
			__atomic_sub_fetch(&readers, 1, __ATOMIC_SEQ_CST);
		}
		if (op(&rw, UMTX_OP_RW_UNLOCK, 0, NULL, NULL) != 0)
			wrong++;
		for (;;) {
			u32 c = sem.count;
			if ((c & ~CONTESTED) == 0)
				op(&sem, UMTX_OP_SEM2_WAIT, 0, NULL, NULL);
			else if (cas(&sem.count, c, c - 1))
				break;
		}
		if (__atomic_fetch_add(&sem.count, 1, __ATOMIC_SEQ_CST) & CONTESTED)
			op(&sem, UMTX_OP_SEM2_WAKE, 0, NULL, NULL);
	}
}

static void pest(void *arg)
{
	u32 k = 0;
	while (!over) {
		i64 t = __atomic_load_n(&fighters[k++ % THREADS].tid, __ATOMIC_SEQ_CST);
		if (t)
			sys_thr_kill(t, SIGUSR1);
		if (k % 8 == 0)
			sys_sched_yield();
	}
}

void start(u64 *args)
{
	for (int k = 0; k < sizeof calls / sizeof calls[0]; k++) {
		say("%s:", calls[k].name);
		interrupt(&calls[k], 0);
		say(", SA_RESTART");
		interrupt(&calls[k], SA_RESTART);
		say("\n");
	}
	say("left of an hour: %d\n", (i64)(semhour.left.sec >= 3590 && semhour.left.sec < 3600));
	if (args[0] > 1)
		rounds = 20000;
	for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
		struct thread p;
		prepare();
		mx.owner = rw.state = 0;
		sem.count = 1;
		n = over = handled = 0;
		catch(flags);
		memset(fighters, 0, sizeof fighters);
		spawn(&p, pest, NULL);
		for (int i = 0; i < THREADS; i++)
			spawn(&fighters[i], fighter, NULL);
		for (int i = 0; i < THREADS; i++)
			join(&fighters[i]);
		over = 1;
		join(&p);
		say("storm: %d, %d wrong, signals %s; %x %d %x/%d/%d %x\n", n, (i64)wrong, handled ? "came" : "did not come",
		    (u64)mx.owner, (i64)cv.has_waiters, (u64)rw.state, (i64)rw.blocked_readers, (i64)rw.blocked_writers, (u64)sem.count & ~CONTESTED);
	}
	sys_exit(0L);
}

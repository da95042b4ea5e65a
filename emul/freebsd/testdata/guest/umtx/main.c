// The states and errors of locks, as kern_umtx.c has them, and whether threads
// that fight for them all get through.

#include "../freestanding.h"
#include "../umtx.h"

#define NOWHERE ((void *)0x10)

static u32 id;

// rel maps an owner word to something that does not depend on thread IDs.
static u64 rel(u32 w)
{
	return (w & ~CONTESTED) == id ? 0x7 | (w & CONTESTED) : w;
}

static void mutexes(void)
{
	static const u32 kinds[] = {0, SHARED, ROBUST, PRIO_INHERIT, PRIO_INHERIT | ROBUST, PRIO_PROTECT, PRIO_PROTECT | ROBUST, PRIO_INHERIT | PRIO_PROTECT};

	for (int k = 0; k < 8; k++) {
		struct umutex m;
		memset(&m, 0, sizeof m);
		u32 free = kinds[k] & PRIO_PROTECT ? CONTESTED : 0;
		m.flags = kinds[k];
		m.owner = free;
		m.ceilings[0] = 10;
		m.ceilings[1] = -1;
		say("mutex %x: lock %d", (u64)kinds[k], op(&m, UMTX_OP_MUTEX_LOCK, 0, NULL, NULL));
		say(" %x try %d", rel(m.owner), op(&m, UMTX_OP_MUTEX_TRYLOCK, 0, NULL, NULL));
		struct timespec ts = {0, 1000000};
		say(" timed %d", op(&m, UMTX_OP_MUTEX_LOCK, 0, NULL, &ts));
		say(" %x unlock %d", rel(m.owner), op(&m, UMTX_OP_MUTEX_UNLOCK, 0, NULL, NULL));
		say(" %x again %d", rel(m.owner), op(&m, UMTX_OP_MUTEX_UNLOCK, 0, NULL, NULL));
		say(" try %d", op(&m, UMTX_OP_MUTEX_TRYLOCK, 0, NULL, NULL));
		say(" %x", rel(m.owner));
		m.owner = 77;
		say(" other's: unlock %d try %d", op(&m, UMTX_OP_MUTEX_UNLOCK, 0, NULL, NULL), op(&m, UMTX_OP_MUTEX_TRYLOCK, 0, NULL, NULL));
		m.owner = CONTESTED;
		say(" contested: lock %d", op(&m, UMTX_OP_MUTEX_LOCK, 0, NULL, NULL));
		say(" %x unlock %d", rel(m.owner), op(&m, UMTX_OP_MUTEX_UNLOCK, 0, NULL, NULL));
		say(" %x", rel(m.owner));
		m.owner = OWNERDEAD;
		say(" dead: lock %d", op(&m, UMTX_OP_MUTEX_LOCK, 0, NULL, NULL));
		m.flags |= NONCONSISTENT;
		say(" %x unlock %d", rel(m.owner), op(&m, UMTX_OP_MUTEX_UNLOCK, 0, NULL, NULL));
		say(" %x lock %d", rel(m.owner), op(&m, UMTX_OP_MUTEX_LOCK, 0, NULL, NULL));
		say(" try %d", op(&m, UMTX_OP_MUTEX_TRYLOCK, 0, NULL, NULL));
		say(" wait %d", op(&m, UMTX_OP_MUTEX_WAIT, 0, NULL, NULL));
		say(" wake2 %d", op(&m, UMTX_OP_MUTEX_WAKE2, m.flags, NULL, NULL));
		say(" %x\n", rel(m.owner));
	}
	struct umutex m;
	memset(&m, 0, sizeof m);
	say("wait on a free mutex %d", op(&m, UMTX_OP_MUTEX_WAIT, 0, NULL, NULL));
	m.owner = CONTESTED;
	say(" contested %d wake %d", op(&m, UMTX_OP_MUTEX_WAIT, 0, NULL, NULL), op(&m, UMTX_OP_MUTEX_WAKE, 0, NULL, NULL));
	say(" %x", (u64)m.owner);
	m.owner = 55;
	struct umtx_time ut = {{0, 1000000}, 0, 4};
	say(" held, timed %d", op(&m, UMTX_OP_MUTEX_WAIT, 0, (void *)sizeof ut, &ut));
	say(" %x wake %d", (u64)m.owner, op(&m, UMTX_OP_MUTEX_WAKE, 0, NULL, NULL));
	say(" wake2 %d %x\n", op(&m, UMTX_OP_MUTEX_WAKE2, 0, NULL, NULL), (u64)m.owner);
}

static void ceilings(void)
{
	struct umutex m;
	u32 old = 1;

	memset(&m, 0, sizeof m);
	say("ceiling: no such protocol %d", op(&m, UMTX_OP_SET_CEILING, 5, &old, NULL));
	m.flags = PRIO_PROTECT;
	m.owner = CONTESTED;
	m.ceilings[0] = 20;
	say(" too high %d", op(&m, UMTX_OP_SET_CEILING, 32, &old, NULL));
	say(" free %d", op(&m, UMTX_OP_SET_CEILING, 5, &old, NULL));
	say(" %x was %d is %d", (u64)m.owner, (i64)old, (i64)m.ceilings[0]);
	m.owner = id | CONTESTED;
	say(" own %d", op(&m, UMTX_OP_SET_CEILING, 6, NULL, NULL));
	say(" %x is %d", rel(m.owner), (i64)m.ceilings[0]);
	m.ceilings[1] = 40;
	say(" unlock with a bad one %d", op(&m, UMTX_OP_MUTEX_UNLOCK, 0, NULL, NULL));
	m.owner = CONTESTED;
	m.ceilings[0] = 40;
	say(" lock %d", op(&m, UMTX_OP_MUTEX_LOCK, 0, NULL, NULL));
	m.owner = OWNERDEAD;
	say(" dead %d", op(&m, UMTX_OP_SET_CEILING, 6, NULL, NULL));
	m.owner = NOTRECOV;
	say(" lost %d\n", op(&m, UMTX_OP_SET_CEILING, 6, NULL, NULL));
}

static void conditions(void)
{
	struct ucond c;
	struct umutex m;
	struct timespec ts = {0, 1000000}, past = {1, 0}, bad = {0, 1000000000};

	memset(&c, 0, sizeof c);
	memset(&m, 0, sizeof m);
	say("cv: mutex not held %d", op(&c, UMTX_OP_CV_WAIT, 0, &m, NULL));
	say(" waiters %d", (i64)c.has_waiters);
	m.owner = id;
	say(" timed %d", op(&c, UMTX_OP_CV_WAIT, 0, &m, &ts));
	say(" waiters %d mutex %x", (i64)c.has_waiters, (u64)m.owner);
	m.owner = id | CONTESTED;
	say(" past %d", op(&c, UMTX_OP_CV_WAIT, CVWAIT_ABSTIME, &m, &past));
	say(" mutex %x", (u64)m.owner);
	c.clockid = 4;
	m.owner = id;
	say(" by clock %d", op(&c, UMTX_OP_CV_WAIT, CVWAIT_ABSTIME | CVWAIT_CLOCKID, &m, &past));
	c.clockid = 14;
	m.owner = id;
	say(" of the CPU %d", op(&c, UMTX_OP_CV_WAIT, CVWAIT_CLOCKID, &m, &ts));
	say(" also untimed %d", op(&c, UMTX_OP_CV_WAIT, CVWAIT_CLOCKID, &m, NULL));
	say(" bad time %d mutex %x", op(&c, UMTX_OP_CV_WAIT, 0, &m, &bad), rel(m.owner));
	c.has_waiters = 1;
	say(" signal %d", op(&c, UMTX_OP_CV_SIGNAL, 0, NULL, NULL));
	say(" waiters %d", (i64)c.has_waiters);
	c.has_waiters = 1;
	say(" broadcast %d", op(&c, UMTX_OP_CV_BROADCAST, 0, NULL, NULL));
	say(" waiters %d\n", (i64)c.has_waiters);
}

static void rwlocks(void)
{
	struct urwlock l;
	struct timespec ts = {0, 1000000};

	for (u32 prefer = 0; prefer <= PREFER_READER; prefer += PREFER_READER) {
		memset(&l, 0, sizeof l);
		l.flags = prefer;
		say("rw %d: unlock %d", (i64)prefer, op(&l, UMTX_OP_RW_UNLOCK, 0, NULL, NULL));
		say(" rd %d", op(&l, UMTX_OP_RW_RDLOCK, 0, NULL, NULL));
		say(" rd %d", op(&l, UMTX_OP_RW_RDLOCK, 0, NULL, NULL));
		say(" %x wr, timed %d", (u64)l.state, op(&l, UMTX_OP_RW_WRLOCK, 0, NULL, &ts));
		say(" %x/%d/%d", (u64)l.state, (i64)l.blocked_readers, (i64)l.blocked_writers);
		l.state |= 0x40000000;
		say(" behind a writer: rd, timed %d", op(&l, UMTX_OP_RW_RDLOCK, 0, NULL, &ts));
		say(" preferred %d", op(&l, UMTX_OP_RW_RDLOCK, PREFER_READER, NULL, &ts));
		say(" %x", (u64)l.state);
		l.state = 1;
		say(" unlock %d", op(&l, UMTX_OP_RW_UNLOCK, 0, NULL, NULL));
		say(" %x wr %d", (u64)l.state, op(&l, UMTX_OP_RW_WRLOCK, 0, NULL, NULL));
		say(" %x rd, timed %d", (u64)l.state, op(&l, UMTX_OP_RW_RDLOCK, 0, NULL, &ts));
		say(" %x/%d/%d unlock %d", (u64)l.state, (i64)l.blocked_readers, (i64)l.blocked_writers, op(&l, UMTX_OP_RW_UNLOCK, 0, NULL, NULL));
		say(" %x", (u64)l.state);
		l.state = 0x1fffffff;
		say(" too many %d\n", op(&l, UMTX_OP_RW_RDLOCK, 0, NULL, NULL));
	}
}

static void semaphores(void)
{
	struct usem2 s = {0, 0};
	struct usem o = {0, 0, 0};
	struct timespec ts = {0, 1000000};

	say("sem2: timed %d", op(&s, UMTX_OP_SEM2_WAIT, 0, NULL, &ts));
	say(" %x wake %d %x", (u64)s.count, op(&s, UMTX_OP_SEM2_WAKE, 0, NULL, NULL), (u64)s.count);
	s.count = CONTESTED | 3;
	say(" has some %d %x\n", op(&s, UMTX_OP_SEM2_WAIT, 0, NULL, NULL), (u64)s.count);
	say("sem: timed %d", op(&o, UMTX_OP_SEM_WAIT, 0, NULL, &ts));
	say(" %d/%d", (i64)o.has_waiters, (i64)o.count);
	o.has_waiters = 0;
	o.count = 2;
	say(" has some %d", op(&o, UMTX_OP_SEM_WAIT, 0, NULL, NULL));
	say(" %d/%d\n", (i64)o.has_waiters, (i64)o.count);
}

static void waits(void)
{
	u64 w = 5UL << 32 | 7;
	u32 u = 7;
	struct umtx_time ut = {{0, 1000000}, 0, 4};
	struct umtx_time at = {{1, 0}, 1, 0};
	struct timespec bad = {0, -1};

	say("wait: changed %d", op(&w, UMTX_OP_WAIT, 7, NULL, NULL));
	say(" uint changed %d", op(&u, UMTX_OP_WAIT_UINT, 8, NULL, NULL));
	say(" timed %d", op(&w, UMTX_OP_WAIT, w, (void *)sizeof ut, &ut));
	say(" past %d", op(&u, UMTX_OP_WAIT_UINT_PRIVATE, 7, (void *)sizeof at, &at));
	at.clock = 4;
	say(" %d", op(&u, UMTX_OP_WAIT_UINT_PRIVATE, 7, (void *)sizeof at, &at));
	at.clock = 9;
	say(" %d", op(&u, UMTX_OP_WAIT_UINT_PRIVATE, 7, (void *)sizeof at, &at));
	say(" bad time %d", op(&u, UMTX_OP_WAIT_UINT, 7, NULL, &bad));
	say(" wake %d\n", op(&u, UMTX_OP_WAKE, 1, NULL, NULL));
	void *list[3] = {&u, NOWHERE, &w};
	say("nwake %d wake nowhere %d privately %d\n", op(list, UMTX_OP_NWAKE_PRIVATE, 3, NULL, NULL),
	    op(NOWHERE, UMTX_OP_WAKE, 1, NULL, NULL), op(NOWHERE, UMTX_OP_WAKE_PRIVATE, 1, NULL, NULL));
	u64 old = 0;
	say("old: lock %d", op(&old, UMTX_OP_LOCK, 9, NULL, NULL));
	say(" %x unlock another's %d", old, op(&old, UMTX_OP_UNLOCK, 8, NULL, NULL));
	say(" timed %d", op(&old, UMTX_OP_LOCK, 8, NULL, &ut));
	say(" %x unlock %d", old, op(&old, UMTX_OP_UNLOCK, 9, NULL, NULL));
	say(" %x\n", old);
}

static void faults(void)
{
	static const char *names[] = {"lock", "unlock", "wait", "wait", "try", "lock", "unlock", "ceiling", "cv_wait", "cv_signal", "cv_broadcast",
	    "wait_uint", "rdlock", "wrlock", "rw_unlock", "wait_uint_private", "", "mutex_wait", "mutex_wake", "sem_wait", "sem_wake",
	    "nwake", "wake2", "sem2_wait", "sem2_wake"};
	struct umutex m;

	say("nowhere:");
	for (int i = 0; i <= 24; i++)
		if (i != 3 && i != 16)
			say(" %s %d", names[i], op(NOWHERE, i, 1, &m, NULL));
	say("\nfar out:");
	for (int i = 4; i < 16; i++)
		say(" %d", op((void *)0x8000000000000000, i, 1, &m, NULL));
	say("\nnowhere as time:");
	memset(&m, 0, sizeof m);
	m.owner = 99;
	say(" %d %d %d", op(&m, UMTX_OP_MUTEX_LOCK, 0, NULL, NOWHERE), op(&m, UMTX_OP_WAIT_UINT, 99, (void *)32, NOWHERE),
	    op(&m, UMTX_OP_WAIT_UINT, 99, NULL, NOWHERE));
	say("\nno such operation %d\n", op(&m, 29, 0, NULL, NULL));
	char *page = map(8192, 0);
	sys_mprotect(page + 4096, 4096L, 1L);
	struct ucond *c = (void *)(page + 4096);
	m.owner = id;
	say("read-only: lock %d cv_wait %d sem2 %d\n", op(c, UMTX_OP_MUTEX_LOCK, 0, NULL, NULL),
	    op(c, UMTX_OP_CV_WAIT, 0, &m, NULL), op(c, UMTX_OP_SEM2_WAIT, 0, NULL, NULL));
}

// Threads that fight.

#define THREADS 8
static int rounds = 1000;

static struct umutex mx;
static struct ucond cv;
static struct urwlock rw;
static struct usem2 s2;
static struct usem so;
static u64 old;
static volatile i64 n, turn;
static volatile u32 readers, wrong;

static void with_kernel(void *arg)
{
	for (int i = 0; i < rounds; i++) {
		op(&mx, UMTX_OP_MUTEX_LOCK, 0, NULL, NULL);
		n++;
		if (op(&mx, UMTX_OP_MUTEX_UNLOCK, 0, NULL, NULL) != 0)
			wrong++;
	}
}

static void as_libthr(void *arg)
{
	u32 me = self();
	for (int i = 0; i < rounds; i++) {
		thr_lock(&mx, me);
		n++;
		if (i % 16 == 0)
			sys_sched_yield();
		thr_unlock(&mx);
	}
}

static void timed(void *arg)
{
	struct umtx_time ut = {{0, 20000}, 0, 4};
	for (int i = 0; i < rounds / 4; i++) {
		while (op(&mx, UMTX_OP_MUTEX_LOCK, 0, (void *)sizeof ut, &ut) != 0)
			;
		n++;
		if (i % 4 == 0)
			sys_sched_yield();
		op(&mx, UMTX_OP_MUTEX_UNLOCK, 0, NULL, NULL);
	}
}

// in_turn passes a turn around under one mutex and one condition variable.
static void in_turn(void *arg)
{
	i64 me = (i64)arg;
	for (int i = 0; i < rounds / 8; i++) {
		op(&mx, UMTX_OP_MUTEX_LOCK, 0, NULL, NULL);
		while (turn != me) {
			op(&cv, UMTX_OP_CV_WAIT, 0, &mx, NULL);
			op(&mx, UMTX_OP_MUTEX_LOCK, 0, NULL, NULL);
		}
		turn = (me + 1) % THREADS;
		n++;
		op(&mx, UMTX_OP_MUTEX_UNLOCK, 0, NULL, NULL);
		if (cv.has_waiters)
			op(&cv, UMTX_OP_CV_BROADCAST, 0, NULL, NULL);
	}
}

// A queue of one place: producers and consumers signal each other singly.
static struct ucond full, empty;
static volatile i64 place;

static void produce(void *arg)
{
	for (int i = 0; i < rounds; i++) {
		op(&mx, UMTX_OP_MUTEX_LOCK, 0, NULL, NULL);
		while (place) {
			op(&empty, UMTX_OP_CV_WAIT, 0, &mx, NULL);
			op(&mx, UMTX_OP_MUTEX_LOCK, 0, NULL, NULL);
		}
		place = 1;
		if (i % 2 && full.has_waiters)
			op(&full, UMTX_OP_CV_SIGNAL, 0, NULL, NULL);
		op(&mx, UMTX_OP_MUTEX_UNLOCK, 0, NULL, NULL);
		if (!(i % 2) && full.has_waiters)
			op(&full, UMTX_OP_CV_SIGNAL, 0, NULL, NULL);
	}
}

static void consume(void *arg)
{
	for (int i = 0; i < rounds; i++) {
		op(&mx, UMTX_OP_MUTEX_LOCK, 0, NULL, NULL);
		while (!place) {
			op(&full, UMTX_OP_CV_WAIT, 0, &mx, NULL);
			op(&mx, UMTX_OP_MUTEX_LOCK, 0, NULL, NULL);
		}
		place = 0;
		n++;
		op(&mx, UMTX_OP_MUTEX_UNLOCK, 0, NULL, NULL);
		if (empty.has_waiters)
			op(&empty, UMTX_OP_CV_SIGNAL, 0, NULL, NULL);
	}
}

static void produce_or_consume(void *arg)
{
	if ((i64)arg & 1)
		produce(arg);
	else
		consume(arg);
}

static void read_write(void *arg)
{
	struct umtx_time ut = {{0, 30000}, 0, 4};
	i64 me = (i64)arg;
	for (int i = 0; i < rounds; i++) {
		struct umtx_time *t = i % 8 == 0 ? &ut : NULL;
		if (me % 4 == 0 || i % 8 == 1) {
			while (op(&rw, UMTX_OP_RW_WRLOCK, 0, (void *)sizeof ut, t) != 0)
				;
			if (readers)
				wrong++;
			n++;
		} else {
			while (op(&rw, UMTX_OP_RW_RDLOCK, 0, (void *)sizeof ut, t) != 0)
				;
			__atomic_add_fetch(&readers, 1, __ATOMIC_SEQ_CST);
			if (i % 32 == 0)
				sys_sched_yield();
			__atomic_sub_fetch(&readers, 1, __ATOMIC_SEQ_CST);
		}
		if (op(&rw, UMTX_OP_RW_UNLOCK, 0, NULL, NULL) != 0)
			wrong++;
	}
}

static void sem2_post(void)
{
	if (__atomic_fetch_add(&s2.count, 1, __ATOMIC_SEQ_CST) & CONTESTED)
		op(&s2, UMTX_OP_SEM2_WAKE, 0, NULL, NULL);
}

static void sem2_wait(void)
{
	for (;;) {
		u32 c = s2.count;
		if (c & ~CONTESTED) {
			if (cas(&s2.count, c, c - 1))
				return;
		} else
			op(&s2, UMTX_OP_SEM2_WAIT, 0, NULL, NULL);
	}
}

static void semaphore2(void *arg)
{
	for (int i = 0; i < rounds; i++) {
		sem2_wait();
		if (__atomic_add_fetch(&readers, 1, __ATOMIC_SEQ_CST) > 2)
			wrong++;
		if (i % 32 == 0)
			sys_sched_yield();
		__atomic_sub_fetch(&readers, 1, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&n, 1, __ATOMIC_SEQ_CST);
		sem2_post();
	}
}

static void semaphore(void *arg)
{
	for (int i = 0; i < rounds; i++) {
		for (;;) {
			u32 c = so.count;
			if (c == 0)
				op(&so, UMTX_OP_SEM_WAIT, 0, NULL, NULL);
			else if (cas(&so.count, c, c - 1))
				break;
		}
		if (__atomic_add_fetch(&readers, 1, __ATOMIC_SEQ_CST) > 2)
			wrong++;
		if (i % 32 == 0)
			sys_sched_yield();
		__atomic_sub_fetch(&readers, 1, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&n, 1, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&so.count, 1, __ATOMIC_SEQ_CST);
		if (so.has_waiters)
			op(&so, UMTX_OP_SEM_WAKE, 0, NULL, NULL);
	}
}

static void older(void *arg)
{
	i64 me = (i64)arg + 1;
	for (int i = 0; i < rounds; i++) {
		op(&old, UMTX_OP_LOCK, me, NULL, NULL);
		n++;
		if (i % 32 == 0)
			sys_sched_yield();
		if (op(&old, UMTX_OP_UNLOCK, me, NULL, NULL) != 0)
			wrong++;
	}
}

static void fight(const char *name, void (*f)(void *))
{
	struct thread t[THREADS];

	n = turn = 0;
	wrong = readers = 0;
	for (i64 i = 0; i < THREADS; i++)
		spawn(&t[i], f, (void *)i);
	for (int i = 0; i < THREADS; i++)
		join(&t[i]);
	say("%s: %d, %d wrong\n", name, n, (i64)wrong);
}

void start(u64 *args)
{
	id = self();
	for (int i = 0; i < 2; i++) {	// the second time by patched call sites
		mutexes();
		ceilings();
		conditions();
		rwlocks();
		semaphores();
		waits();
		faults();
	}
	if (args[0] > 1)
		rounds = 100000;
	fight("mutex", with_kernel);
	say(" %x\n", (u64)mx.owner);
	fight("as libthr", as_libthr);
	say(" %x\n", (u64)mx.owner);
	fight("timed", timed);
	say(" %x\n", (u64)mx.owner);
	fight("turns", in_turn);
	say(" %d\n", (i64)cv.has_waiters);
	fight("queue", produce_or_consume);
	say(" %d %d\n", (i64)full.has_waiters, (i64)empty.has_waiters);
	mx.flags = PRIO_INHERIT;
	fight("inherit", with_kernel);
	mx.flags = PRIO_PROTECT;
	mx.owner = CONTESTED;
	mx.ceilings[1] = -1;
	fight("protect", with_kernel);
	mx.flags = ROBUST;
	mx.owner = 0;
	fight("robust", with_kernel);
	fight("rwlock", read_write);
	say(" %x/%d/%d\n", (u64)rw.state, (i64)rw.blocked_readers, (i64)rw.blocked_writers);
	memset(&rw, 0, sizeof rw);
	rw.flags = PREFER_READER | SHARED;
	fight("rwlock, readers first", read_write);
	say(" %x/%d/%d\n", (u64)rw.state, (i64)rw.blocked_readers, (i64)rw.blocked_writers);
	s2.count = 2;
	fight("sem2", semaphore2);
	so.count = 2;
	fight("sem", semaphore);
	fight("older", older);
	say(" %x\n", old);
	sys_exit(0L);
}

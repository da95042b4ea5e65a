// The structures and operations of _umtx_op(2) (sys/_umtx.h, sys/umtx.h).

#define UMTX_OP_LOCK 0
#define UMTX_OP_UNLOCK 1
#define UMTX_OP_WAKE 3
#define UMTX_OP_MUTEX_TRYLOCK 4
#define UMTX_OP_MUTEX_LOCK 5
#define UMTX_OP_MUTEX_UNLOCK 6
#define UMTX_OP_SET_CEILING 7
#define UMTX_OP_CV_WAIT 8
#define UMTX_OP_CV_SIGNAL 9
#define UMTX_OP_CV_BROADCAST 10
#define UMTX_OP_WAIT_UINT 11
#define UMTX_OP_RW_RDLOCK 12
#define UMTX_OP_RW_WRLOCK 13
#define UMTX_OP_RW_UNLOCK 14
#define UMTX_OP_WAIT_UINT_PRIVATE 15
#define UMTX_OP_WAKE_PRIVATE 16
#define UMTX_OP_MUTEX_WAIT 17
#define UMTX_OP_MUTEX_WAKE 18
#define UMTX_OP_SEM_WAIT 19
#define UMTX_OP_SEM_WAKE 20
#define UMTX_OP_NWAKE_PRIVATE 21
#define UMTX_OP_MUTEX_WAKE2 22
#define UMTX_OP_SEM2_WAIT 23
#define UMTX_OP_SEM2_WAKE 24
#define UMTX_OP_SHM 25
#define UMTX_OP_ROBUST_LISTS 26
#define UMTX_OP_GET_MIN_TIMEOUT 27
#define UMTX_OP_SET_MIN_TIMEOUT 28

#define SHARED 1
#define PREFER_READER 2
#define PRIO_INHERIT 4
#define PRIO_PROTECT 8
#define ROBUST 0x10
#define NONCONSISTENT 0x20

#define CONTESTED 0x80000000u
#define OWNERDEAD 0x80000010u
#define NOTRECOV 0x80000011u

#define CVWAIT_ABSTIME 2
#define CVWAIT_CLOCKID 4

struct umutex {
	volatile u32 owner;
	u32 flags;
	u32 ceilings[2];
	u64 link;
	u32 spare[2];
};

struct ucond {
	volatile u32 has_waiters;
	u32 flags, clockid, spare[1];
};

struct urwlock {
	volatile u32 state;
	u32 flags, blocked_readers, blocked_writers, spare[4];
};

struct usem2 {
	volatile u32 count;
	u32 flags;
};

struct usem {
	volatile u32 has_waiters, count;
	u32 flags;
};

struct umtx_time {
	struct timespec ts;
	u32 flags, clock;
};

static i64 op(volatile void *obj, int o, u64 val, void *a1, void *a2)
{
	return sys_umtx(obj, o, val, a1, a2);
}

static int cas(volatile u32 *p, u32 old, u32 new)
{
	return __atomic_compare_exchange_n(p, &old, new, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

// As libthr locks and unlocks what has no protocol: the kernel is only asked to wait and wake.
static void thr_lock(struct umutex *m, u32 id)
{
	for (;;) {
		u32 o = m->owner;
		if ((o & ~CONTESTED) == 0) {
			if (cas(&m->owner, o, id | o))
				return;
			continue;
		}
		op(m, UMTX_OP_MUTEX_WAIT, 0, NULL, NULL);
	}
}

static void thr_unlock(struct umutex *m)
{
	if (__atomic_exchange_n(&m->owner, 0, __ATOMIC_SEQ_CST) & CONTESTED)
		op(m, UMTX_OP_MUTEX_WAKE2, m->flags, NULL, NULL);
}

// Processes that fight for locks in shared memory are killed at any moment:
// the others get on.

#include "../freestanding.h"
#include "../umtx.h"

#define SIGKILL 9
#define CHILDREN 4

struct robust_lists {
	u64 list, priv, inact;
};

static struct shared {
	struct umutex mx;
	volatile u32 n, recovered, lost;
} *sh;

static struct {
	struct umutex *list, *priv, *inact;
} held;

static void take(void)
{
	held.inact = &sh->mx;
	i64 r = op(&sh->mx, UMTX_OP_MUTEX_LOCK, 0, NULL, NULL);
	if (r == -EOWNERDEAD)
		sh->recovered++;
	else if (r != 0)
		sh->lost++;
	sh->mx.link = 0;
	held.list = &sh->mx;
	held.inact = NULL;
}

static void give(void)
{
	held.inact = &sh->mx;
	held.list = NULL;
	if (op(&sh->mx, UMTX_OP_MUTEX_UNLOCK, 0, NULL, NULL) != 0)
		sh->lost++;
	held.inact = NULL;
}

static i64 fighter(void)
{
	i64 pid = sys_fork();
	if (pid == 0)
		for (;;) {
			take();
			sh->n++;
			give();
		}
	return pid;
}

void start(u64 *args)
{
	i64 pid[CHILDREN];
	u32 seed = now(), kills = args[0] > 1 ? 3000 : 150;
	struct robust_lists rl = {(u64)&held.list, (u64)&held.priv, (u64)&held.inact};

	sh = map(4096, 1);
	memset(sh, 0, sizeof *sh);
	sh->mx.flags = SHARED | ROBUST;
	op(NULL, UMTX_OP_ROBUST_LISTS, sizeof rl, &rl, NULL);
	for (int i = 0; i < CHILDREN; i++)
		pid[i] = fighter();
	for (u32 k = 0; k < kills; k++) {
		seed = seed * 1103515245 + 12345;
		struct timespec ts = {0, seed >> 16 & 0x7ffff};
		sys_nanosleep(&ts, NULL);
		i64 *p = &pid[seed >> 8 & (CHILDREN - 1)];
		sys_kill(*p, SIGKILL);
		sys_wait4(*p, NULL, 0L, NULL);
		take();	// however it has left the mutex
		give();
		*p = fighter();
	}
	// whoever is left gets on as well
	for (int i = 0; i < CHILDREN; i++) {
		u32 n = sh->n;
		while (sh->n == n)
			sys_sched_yield();
		sys_kill(pid[i], SIGKILL);
		sys_wait4(pid[i], NULL, 0L, NULL);
	}
	say("counted %s, %d lost\n", sh->n ? "some" : "nothing", (i64)sh->lost);
	sys_exit(0L);
}

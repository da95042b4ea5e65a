// thr_new and its family.

#include "../freestanding.h"
#include "../umtx.h"

#define SIGUSR1 30
#define NOWHERE ((void *)16)

struct rtprio {
	unsigned short type, prio;
};

struct sigaction {
	void (*handler)(int);
	u32 flags;
	u32 mask[4];
};

static volatile i64 child_tid, parent_tid, seen_child, tid, state;
static volatile u64 tls_word[8], tls_seen;
static volatile u32 done, got, type;
static struct rtprio set;

static void child(void *arg)
{
	i64 id;
	sys_thr_self(&id);
	seen_child = child_tid;
	tid = id;
	__asm__ volatile("mov %%fs:0, %0" : "=r"(tls_seen));
	struct rtprio r;
	sys_rtprio_thread(0L, 0L, &r);
	type = r.type;
	say("argument %x stack aligned %d\n", arg, (i64)((((u64)__builtin_frame_address(0)) & 15) == 0));
	sys_thr_exit(&state);
}

static void handler(int sig) { got = sig; }

static volatile i64 suspended[4];

static void suspends(void *arg)
{
	struct timespec ms = {0, 1000000}, zero = {0, 0}, bad = {0, -1};
	suspended[0] = sys_thr_suspend(&ms);
	suspended[1] = sys_thr_suspend(&zero);
	suspended[2] = sys_thr_suspend(&bad);
	done = 1;
	suspended[3] = sys_thr_suspend(NULL);
}

// Two threads leave: the call returns to the one that is the last.
static void leave(void *arg)
{
	static i64 left[2];
	i64 *state = arg ? &left[0] : &left[1];
	i64 r = sys_thr_exit(state);
	say("the last: %d", r);
	say(" state %d\n", *state);
	sys_exit(3L);
}

void start(u64 *args)
{
	struct thr_param p;
	struct thread t;

	memset(&p, 0, sizeof p);
	say("size %d", sys_thr_new(&p, (int)sizeof p + 8));
	say(" %d nowhere %d", sys_thr_new(&p, -1), sys_thr_new(NOWHERE, (int)sizeof p));
	p.stack = map(STACK, 0);
	p.stack_size = STACK;
	p.start = child;
	p.arg = (void *)0x1234;
	p.tls = (char *)tls_word;
	tls_word[0] = 0x5678;
	p.rtp = NOWHERE;
	say(" rtp %d", sys_thr_new(&p, (int)sizeof p));
	set.type = 99;
	p.rtp = &set;
	say(" type %d", sys_thr_new(&p, (int)sizeof p));
	p.rtp = NULL;
	p.child_tid = NOWHERE;
	say(" child_tid %d\n", sys_thr_new(&p, (int)sizeof p));
	p.child_tid = (i64 *)&child_tid;
	p.parent_tid = (i64 *)&parent_tid;
	i64 r = sys_thr_new(&p, (int)sizeof p);
	while (!state)
		op(&state, UMTX_OP_WAIT, 0, NULL, NULL);
	say("new %d, IDs agree %d, above PIDs %d, tls %x, priority type %d\n", r,
	    (i64)(tid == child_tid && tid == parent_tid && seen_child == tid), (i64)(tid > 100000), tls_seen, (i64)type);
	set.type = 3;	// RTP_PRIO_NORMAL
	state = 0;
	p.rtp = &set;
	r = sys_thr_new(&p, (int)sizeof p);
	while (!state)
		op(&state, UMTX_OP_WAIT, 0, NULL, NULL);
	say("with a priority %d type %d\n", r, (i64)type);

	say("kill: nobody %d", sys_thr_kill(999999999L, SIGUSR1));
	say(" no signal %d", sys_thr_kill((i64)self(), 0));
	say(" bad signal %d of nobody %d", sys_thr_kill((i64)self(), 300), sys_thr_kill(1L, 300));
	say(" the others, none %d", sys_thr_kill((i64)-1, SIGUSR1));
	say(" kill2 %d\n", sys_thr_kill2(sys_getpid(), 1L, SIGUSR1));
	struct sigaction sa;
	memset(&sa, 0, sizeof sa);
	sa.handler = handler;
	sys_sigaction(SIGUSR1, &sa, NULL);
	r = sys_thr_kill2(sys_getpid(), (i64)self(), SIGUSR1);
	say("self %d handled %d\n", r, (i64)got);

	say("name: %d", sys_thr_set_name((i64)self(), "a thread with a name that is long"));
	say(" none %d nowhere %d nobody %d\n", sys_thr_set_name((i64)self(), NULL),
	    sys_thr_set_name((i64)self(), NOWHERE), sys_thr_set_name(5L, "x"));

	spawn(&t, suspends, NULL);
	while (!done)
		sys_sched_yield();
	say("suspend: timed %d", suspended[0]);
	say(" at once %d bad %d wake nobody %d", suspended[1], suspended[2], sys_thr_wake(5L));
	say(" wake %d", sys_thr_wake(t.tid));
	join(&t);
	say(" woken %d", suspended[3]);
	say(" self %d", sys_thr_wake((i64)self()));
	say(" %d\n", sys_thr_suspend(NULL));

	i64 pid = sys_fork();
	if (pid == 0) {
		p.start = leave;
		p.rtp = NULL;
		sys_thr_new(&p, (int)sizeof p);
		leave(NULL);
	}
	i32 status = 0;
	sys_wait4(pid, &status, 0L, NULL);
	say("status %x\n", (i64)status);
	sys_exit(0L);
}

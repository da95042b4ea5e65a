// A program's only kqueue, which waits for sockets without the supervisor, and
// all that may come between.

#include "../freestanding.h"
#include "../kinfo.h"

STUB(sys_socketpair, 135)
STUB(sys_kqueue, 362)
STUB(sys_kevent, 560)
STUB(sys_fcntl, 92)

#define READ -1
#define WRITE -2
#define TIMER -7
#define USER -11

#define ADD 1
#define DELETE 2
#define ENABLE 4
#define DISABLE 8
#define ONESHOT 0x10
#define CLEAR 0x20
#define TRIGGER 0x01000000

#define SIGUSR1 30
#define SIGURG 16
#define RESTART 2

struct kevent {
	u64 ident;
	short filter;
	unsigned short flags;
	u32 fflags;
	i64 data;
	u64 udata;
	u64 ext[4];
};

struct sigaction {
	void (*handler)(int);
	u32 flags;
	u32 mask[4];
	u32 pad;
};

static int kq, a, b; // a and b are the ends of a socket pair
static volatile int handled;

static void handler(int sig) { handled++; }

static void catch(int sig, void (*h)(int), u32 flags)
{
	struct sigaction sa = {h, flags};
	sys_sigaction((i64)sig, &sa, NULL);
}

static i64 change(u64 ident, int filter, u32 flags, u32 fflags, i64 data, u64 udata)
{
	struct kevent k = {ident, filter, flags, fflags, data, udata};
	return sys_kevent((i64)kq, &k, 1L, NULL, 0L, NULL);
}

static i64 wait_(struct kevent *k, int n, i64 ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};
	return sys_kevent((i64)kq, NULL, 0L, k, (i64)n, ms < 0 ? NULL : &t);
}

static const char *name(struct kevent *k)
{
	if (k->ident == a)
		return "a";
	return k->ident == b ? "b" : "-";
}

// show waits and prints. A socket that can be written to is told of again and
// again on Linux, whatever else happens to it; only with writes is that shown.
static void show_(i64 ms, int writes)
{
	struct kevent k[8];
	int shown = 0;

	memset(k, 0x55, sizeof k);
	i64 n = wait_(k, 8, ms);
	if (n < 0) {
		say(" %d", n);
		return;
	}
	for (int i = 0; i < n; i++) {
		if (k[i].filter == WRITE && !writes)
			continue;
		say(" [%s %d %x %x %d %x%s]", name(&k[i]), (i64)k[i].filter, (u64)k[i].flags, (u64)k[i].fflags,
		    k[i].filter == WRITE ? (i64)(k[i].data > 1000) : k[i].data, k[i].udata,
		    k[i].ext[0] || k[i].ext[1] || k[i].ext[2] || k[i].ext[3] ? " ext" : "");
		shown++;
	}
	if (shown == 0)
		say(" nothing");
}

static void show(i64 ms) { show_(ms, 0); }

static void drain(int fd)
{
	char buf[64];
	sys_fcntl((i64)fd, 4L, 4L); // O_NONBLOCK
	while (sys_read((i64)fd, buf, 64L) > 0)
		;
	sys_fcntl((i64)fd, 4L, 0L);
}

static void pair(void)
{
	i32 fds[2];
	sys_socketpair(1L, 1L, 0L, fds);
	a = fds[0];
	b = fds[1];
}

static void put(int fd, int n) { sys_write((i64)fd, "0123456789", (i64)n); }

static void simple(int round)
{
	say("simple:");
	change(a, READ, ADD | CLEAR, 0, 0, 0x100 + round);
	change(a, WRITE, ADD | CLEAR, 0, 0, 0x200 + round);
	show_(-1, 1);
	show(0);
	put(b, 3);
	show(-1);
	show(0);
	put(b, 4);
	show(-1);
	drain(a);
	change(a, READ, ADD | CLEAR, 0, 0, 0x300 + round);
	put(b, 1);
	show(1000);
	change(a, READ, DISABLE, 0, 0, 0);
	put(b, 1);
	show(0);
	change(a, READ, ENABLE, 0, 0, 0x400);
	show(0);
	drain(a);
	change(a, WRITE, DELETE, 0, 0, 0);
	put(b, 2);
	show(1000);
	say("\n");
}

static void others(void)
{
	struct kevent k[2];

	say("others:");
	drain(a);
	change(a, READ, ADD, 0, 0, 1); // it stays EV_CLEAR: that is set once
	change(a, READ, DELETE, 0, 0, 0);
	change(a, READ, ADD, 0, 0, 2);
	put(b, 5);
	show(-1);
	show(-1);
	drain(a);
	show(0);
	change(a, READ, DELETE, 0, 0, 0);
	change(a, READ, ADD | CLEAR | ONESHOT, 0, 0, 3);
	put(b, 1);
	show(-1);
	put(b, 1);
	show(0);
	drain(a);
	change(a, READ, ADD | CLEAR, 1, 4, 4); // NOTE_LOWAT
	put(b, 2);
	show(0);
	put(b, 2);
	show(0);
	drain(a);
	change(a, READ, DELETE, 0, 0, 0);
	change(a, READ, ADD | CLEAR, 0, 0, 5);
	change(a, WRITE, ADD | CLEAR, 0, 0, 6);
	put(b, 1);
	i64 n = wait_(k, 1, -1);
	i64 sum = k[0].filter;
	say(" one %d", n);
	n = wait_(k, 1, -1);
	say(" one %d, filters %d\n", n, sum + k[0].filter);
	say("wrong:");
	drain(a);
	put(b, 1);
	struct timespec never = {-1, 0}, odd = {0, 1000000000}, long_ = {1L << 40, 0};
	say(" times %d %d", sys_kevent((i64)kq, NULL, 0L, k, 2L, &never), sys_kevent((i64)kq, NULL, 0L, k, 2L, &odd));
	say(" %d", (i64)(sys_kevent((i64)kq, NULL, 0L, k, 2L, &long_) > 0));
	put(b, 1);
	say(" addresses %d", sys_kevent((i64)kq, NULL, 0L, (void *)8, 2L, NULL));
	put(b, 1);
	say(" %d\n", sys_kevent((i64)kq, NULL, 0L, k, 2L, (void *)8));
	drain(a);
}

static void ends(void)
{
	say("ends:");
	put(b, 2);
	sys_close((i64)b);
	show(-1);
	sys_close((i64)a);
	show(0);
	int old = a;
	pair();
	say(" same number %d", (i64)(old == a));
	put(b, 3);
	show(0);
	change(a, READ, ADD | CLEAR, 0, 0, 7);
	show(0);
	drain(a);
	say("\n");
}

// until_asleep waits until a thread waits for events: kqread.
static void until_asleep(i64 tid)
{
	while (!asleep(tid, 'k'))
		sys_sched_yield();
}

// trigger rouses the thread whose ID arg is.
static void trigger(void *arg)
{
	until_asleep((i64)arg);
	change(99, USER, 0, TRIGGER, 0, 8);
}

static void wakes(void)
{
	struct thread t;

	i64 me;
	sys_thr_self(&me);
	say("wakes:");
	change(99, USER, ADD | CLEAR, 0, 0, 8);
	for (int i = 0; i < 20; i++) {
		struct kevent k[4];
		spawn(&t, trigger, (void *)me);
		i64 n = wait_(k, 4, i & 1 ? -1 : 60000);
		if (n != 1 || k[0].filter != USER || k[0].udata != 8)
			say(" %d: %d %d", (i64)i, n, (i64)k[0].filter);
		join(&t);
	}
	change(99, USER, DELETE, 0, 0, 0);
	change(1, TIMER, ADD | ONESHOT, 0, 3, 9);
	show(-1);
	change(1, TIMER, ADD | ONESHOT, 0, 3, 9);
	show(60000);
	say(" time is up:");
	show(5);
	say("\n");
}

static volatile i64 victim;
static volatile int over;
static volatile int sig;

static void storm(void *arg)
{
	struct timespec t = {0, 500000};
	while (!over) {
		sys_thr_kill(victim, (i64)sig);
		sys_nanosleep(&t, NULL);
	}
}

static void signals(void)
{
	struct thread t;
	i64 id;

	sys_thr_self(&id);
	victim = id;
	say("signals:");
	catch(SIGUSR1, handler, RESTART);
	sig = SIGUSR1;
	over = 0;
	spawn(&t, storm, NULL);
	show(-1); // EINTR, although the handler would have calls restarted
	show(60000);
	over = 1;
	join(&t);
	sig = SIGURG; // ignored: it changes nothing, and the time goes on
	over = 0;
	spawn(&t, storm, NULL);
	show(50);
	over = 1;
	join(&t);
	say("\n");
}

#define ROUNDS 8000

static void echo(void *arg)
{
	char c;
	for (int i = 0; i < ROUNDS; i++)
		if (sys_read((i64)b, &c, 1L) != 1 || sys_write((i64)b, &c, 1L) != 1)
			return;
}

// pingpong waits for each answer. None may be lost, whatever signals and events
// of other kinds come between.
static void pingpong(int with_signals)
{
	struct thread e, s;
	struct kevent k[4];
	int got = 0;
	char c;

	sys_fcntl((i64)a, 4L, 4L); // O_NONBLOCK
	if (with_signals) {
		sig = SIGUSR1;
		over = 0;
		spawn(&s, storm, NULL);
		change(2, TIMER, ADD | CLEAR, 0, 1, 10);
	}
	spawn(&e, echo, NULL);
	put(a, 1);
	while (got < ROUNDS) {
		i64 n = wait_(k, 4, 10000);
		if (n == 0) {
			say("pingpong: lost after %d\n", (i64)got);
			sys_exit(1L);
		}
		for (int i = 0; i < n; i++) {
			if (k[i].filter != READ)
				continue;
			while (sys_read((i64)a, &c, 1L) == 1)
				if (++got < ROUNDS)
					put(a, 1);
		}
	}
	join(&e);
	if (with_signals) {
		over = 1;
		join(&s);
		change(2, TIMER, DELETE, 0, 0, 0);
	}
	sys_fcntl((i64)a, 4L, 0L);
	say("pingpong: %d\n", (i64)got);
}

static void sleeper(void *arg)
{
	struct kevent k[4];
	*(i64 *)arg = wait_(k, 4, -1);
}

static void together(void)
{
	struct thread t[4];
	i64 r[4];

	drain(a);
	for (int i = 0; i < 4; i++)
		spawn(&t[i], sleeper, &r[i]);
	for (int i = 0; i < 4; i++)
		until_asleep(t[i].tid);
	for (int awake = 0; awake < 4; awake++) {
		int ended;
		put(b, 1); // an edge for one of them
		do {
			sys_sched_yield();
			ended = 0;
			for (int i = 0; i < 4; i++)
				ended += __atomic_load_n(&t[i].state, __ATOMIC_ACQUIRE) != 0;
		} while (ended == awake);
	}
	i64 sum = r[0] + r[1] + r[2] + r[3];
	say("together: %d\n", sum);
	drain(a);
}

static void child(void)
{
	i32 status;
	i64 pid = sys_fork();
	if (pid == 0) {
		struct kevent k[4];
		say("child: %d", wait_(k, 4, 0));
		int parents = kq;
		kq = sys_kqueue();
		say(" number %d", (i64)(parents == kq));
		change(a, READ, ADD | CLEAR, 0, 0, 11);
		put(b, 6);
		show(-1);
		show(0);
		drain(a);
		say("\n");
		sys_exit(0L);
	}
	sys_wait4(pid, &status, 0L, NULL);
	put(b, 1);
	say("parent:");
	show(-1);
	drain(a);
	say("\n");
}

static void closed(void)
{
	struct thread t;
	i64 r;
	spawn(&t, sleeper, &r);
	until_asleep(t.tid);
	sys_close((i64)kq);
	join(&t);
	say("closed: %d", r);
	struct kevent k[4];
	say(" %d", wait_(k, 4, 0));
	kq = sys_kqueue();
	change(a, READ, ADD | CLEAR, 0, 0, 12);
	put(b, 7);
	show(-1);
	say("\n");
}

// leaderless goes on when the process's first thread has left.
static void leaderless(void *arg)
{
	struct thread t;
	i64 me;
	sys_thr_self(&me);
	while (sys_thr_kill((i64)arg, 0L) == 0)
		sys_sched_yield();
	say("leaderless:");
	drain(a);
	change(a, READ, ADD | CLEAR, 0, 0, 13);
	put(b, 8);
	show(-1);
	change(99, USER, ADD | CLEAR, 0, 0, 14);
	for (int i = 0; i < 5; i++) {
		spawn(&t, trigger, (void *)me);
		if (i == 4)
			show(-1);
		else
			wait_((struct kevent[2]){}, 2, -1);
		join(&t);
	}
	say("\n");
	sys_exit(0L);
}

void start(u64 *args)
{
	kq = sys_kqueue();
	pair();
	for (int round = 0; round < 3; round++)
		simple(round);
	change(a, READ, DELETE, 0, 0, 0);
	others();
	ends();
	wakes();
	signals();
	pingpong(0);
	pingpong(1);
	together();
	child();
	closed();

	static struct thread rest;
	i64 me;
	sys_thr_self(&me);
	spawn(&rest, leaderless, (void *)me);
	sys_thr_exit(NULL);
}

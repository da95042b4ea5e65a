// Random system calls, in children that are replaced when they die.
#include "lib.h"

#define WORKERS 3
#define ARENA (32 * PAGE)

static struct shared {
	volatile int stop;
	struct progress workers[WORKERS];
} *shared;

static u64 state;

static u64 next(void) {
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1dUL;
}

static int one_in(u64 n) { return next() % n == 0; }

static char *arena;
static long child; // the last one made

static const char *paths[] = {"a", "b", "d/a", "d", ".", "..", "/", "/guest", "", "nowhere/a", "/dev/null", "/tmp", "s"};
static const char *vector[] = {"guest", "exit", "7", 0};

static u64 number_like(void) {
	switch (next() % 10) {
	case 0: case 1: case 2:
		return next() % 24;
	case 3:
		return 1UL << next() % 32;
	case 4:
		return 1UL << next() % 32 | 1UL << next() % 32 | 1UL << next() % 8;
	case 5:
		return next() % 4096;
	case 6: {
		static const u64 edges[] = {-1UL, -2UL, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 1UL << 63, ~(1UL << 63), -100UL, 65535, 65536, 1UL << 40};
		return edges[next() % (sizeof edges / 8)];
	}
	case 7:
		return next();
	}
	return next() % 3;
}

static u64 pointer_like(void) {
	switch (next() % 16) {
	case 0:
		return 0;
	case 1: {
		static const u64 bad[] = {1, 0x8000, 1UL << 47, -1UL, -4096UL, CODE, ENGINE, ENGINE + 0x2000, SCRATCH, SCRATCH + 64, SCRATCH + SLOT - 4, 0x7ffffffff000 - 8};
		return bad[next() % (sizeof bad / 8)];
	}
	case 2: // so that the end is near
		return (u64)arena + ARENA - next() % 64;
	case 3:
		return (u64)paths[next() % (sizeof paths / 8)];
	case 4:
		return (u64)vector;
	}
	return (u64)arena + (next() % ARENA & -8UL);
}

static u64 argument(char kind) {
	if (one_in(24))
		return one_in(2) ? number_like() : pointer_like();
	switch (kind) {
	case 'f':
		return one_in(16) ? -100UL : next() % 16;
	case 's':
		return one_in(8) ? pointer_like() : (u64)paths[next() % (sizeof paths / 8)];
	case 'v':
		return one_in(4) ? pointer_like() : (u64)vector;
	case 'p':
		return pointer_like();
	case 'z':
		return one_in(12) ? number_like() : next() % 4096;
	}
	return number_like();
}

// stir changes a few words of what plausible pointers point to.
static void stir(void) {
	u64 *w = (u64 *)arena;
	for (int i = 0; i < 8; i++) {
		u64 at = next() % (ARENA / 8);
		switch (next() % 4) {
		case 0:
			w[at] = pointer_like();
			break;
		case 1:
			((u32 *)w)[2 * at + next() % 2] = number_like();
			break;
		case 2: // a socket address
			w[at] = 0x0100007f00000000UL | (next() & 0xffff) << 16 | (next() % 40) << 8 | 16;
			break;
		default:
			w[at] = number_like();
		}
	}
}

// harmful says that a call would end the test itself, not the program: signals
// to whom it pleases. Those get targets of their own.
static int sends(short nr) { return nr == SYS_kill || nr == 456 /* sigqueue */ || nr == 481 /* thr_kill2 */; }

static u64 target(void) {
	switch (next() % 4) {
	case 0:
		return 0;
	case 1:
		return child > 0 ? child : 99999;
	case 2:
		return 99999;
	}
	return SYS0(SYS_getpid).v;
}

static int makes_process(long nr) { return nr == SYS_fork || nr == 66 || nr == SYS_rfork || nr == 518; }

static const struct call *choose(void) {
	for (;;) {
		const struct call *c = &calls[next() % ncalls];
		switch (c->level) {
		case 0:
			if (!one_in(3000))
				continue;
			break;
		case 1:
			if (!one_in(40))
				continue;
			break;
		}
		switch (c->nr) {
		case SYS_exit: case 431: case 463: // exit, thr_exit, abort2
			if (!one_in(200))
				continue;
			break;
		case 417: case 422: case 423: // sigreturn, setcontext, swapcontext
			if (!one_in(100))
				continue;
			break;
		case SYS_fork: case 66: case SYS_rfork: case SYS_execve: case 492:
			if (!one_in(20))
				continue;
			break;
		case 341: case 429: case 345: case 346: case 442: // wait for signals or for good
		case 240: case 244: case 454: case 7: case 532: // sleep, wait
			if (!one_in(100))
				continue;
			break;
		case 93: case 209: case 522: case 545: case 363: case 560: // select, poll, kevent
		case 27: case 29: case 30: case 541: case 3: case 120: case 98: case 131: // read, receive, accept, lock
		case SYS_munmap: case SYS_mprotect: case SYS_mmap: case SYS_sigaction: case SYS_kill: case 456: case 433: case 481:
			if (!one_in(8))
				continue;
		}
		return c;
	}
}

// jump makes one of Linux's calls by LSF's own code, then traps.
static void jump(void) {
	long nr = next() % 460;
	if (nr == 62 || nr == 129 || nr == 200 || nr == 234 || nr == 297 || nr == 424)
		return; // signals to anybody
	register long r10 __asm__("r10") = argument('z');
	register long r8 __asm__("r8") = argument('z');
	register long r9 __asm__("r9") = argument('z');
	u64 entry = ENGINE + (one_in(2) ? 0 : next() % 0x200);
	__asm__ volatile("sub $0x88, %%rsp\n\tcall *%7\n\tadd $0x88, %%rsp"
	                 : "+a"(nr)
	                 : "D"(argument('p')), "S"(argument('p')), "d"(argument('p')), "r"(r10), "r"(r8), "r"(r9), "r"(entry)
	                 : "rcx", "r11", "r12", "r13", "memory", "cc");
}

// scribble writes where LSF keeps what its calls read and write.
static void scribble(void) {
	volatile u64 *w = (u64 *)SCRATCH;
	for (int i = 0; i < 64; i++)
		w[next() % (4 * SLOT / 8)] = one_in(2) ? number_like() : pointer_like();
}

static void work(struct progress *p, u64 limit);

static void thread(void *arg) {
	state ^= (u64)arg * 0x9e3779b97f4a7c15UL;
	if (one_in(4)) // keep at it while the others make calls
		for (int i = 0; i < 20000 && !shared->stop; i++)
			scribble();
	work(&shared->workers[0], 300);
	SYS1(431, 0);
	for (;;)
		;
}

static void new_thread(void) {
	struct {
		void (*start)(void *);
		void *arg;
		char *stack;
		u64 size;
		char *tls;
		u64 tls_size;
		long *child_tid, *parent_tid;
		int flags;
		void *rtp, *spare[3];
	} p = {.start = thread, .arg = (void *)next()};
	struct ret r = SYS6(SYS_mmap, 0, 16 * PAGE, PROT_RW, PRIVATE | ANON, -1, 0);
	if (r.e)
		return;
	p.stack = (char *)r.v, p.size = 16 * PAGE - 8;
	SYS2(SYS_thr_new, &p, sizeof p);
}

static void work(struct progress *p, u64 limit) {
	for (u64 n = 0; n < limit && !shared->stop; n++) {
		const struct call *c = choose();
		u64 a[6];
		for (int i = 0; i < 6; i++)
			a[i] = argument(i < c->nargs ? c->kinds[i] : 'i');
		long nr = c->nr;
		if (sends(nr))
			a[0] = target();
		if (nr == SYS_mmap && a[1] > 1 << 20 && !one_in(8))
			a[1] &= 0xfffff;
		if (one_in(64) && !sends(nr)) {
			// the same by way of syscall(2)
			for (int i = 5; i > 0; i--)
				a[i] = a[i - 1];
			a[0] = nr;
			nr = one_in(2) ? 0 : 198;
		}
		stir();
		__sync_fetch_and_add(&p->calls, 1);
		if (one_in(1000))
			new_thread();
		else if (one_in(100))
			scribble();
		else if (one_in(5000))
			jump();
		int shares = nr == 66 || nr == SYS_rfork;
		struct ret r = SYS6(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
		if (makes_process(c->nr) && !r.e && r.v == 0) {
			// a new process: it does a little, then goes
			state ^= SYS0(SYS_getpid).v * 0x9e3779b97f4a7c15UL;
			if (shares)
				SYS1(SYS_exit, 0);
			if (limit > 40)
				limit = n + 40;
		} else if (makes_process(c->nr) && !r.e) {
			child = r.v;
		}
	}
}

static void limits(void) {
	// Memory, file size, processes, descriptors, core files.
	static const u64 l[][2] = {{10, 1UL << 30}, {1, 1 << 20}, {7, 60}, {8, 64}, {4, 0}};
	for (int i = 0; i < 5; i++) {
		u64 v[2] = {l[i][1], l[i][1]};
		SYS2(SYS_setrlimit, l[i][0], v);
	}
}

static void start(int i, u64 seed) {
	SYS0(SYS_setsid); // out of reach of the others' signals
	limits();
	state = seed;
	for (int k = 0; k < 4; k++)
		next();
	arena = map(0, ARENA + PAGE, PROT_RW, PRIVATE | ANON);
	SYS2(SYS_munmap, arena + ARENA, PAGE);
	SYS2(SYS_mkdir, "d", 0700);
	for (int k = 0; k < 500; k++)
		stir();
	SYS3(SYS_open, "a", 0x202, 0600);
	SYS3(SYS_open, ".", 0, 0);
	int two[2];
	SYS4(SYS_socketpair, 1, 1, 0, two);
	SYS2(SYS_pipe2, two, 4);
	SYS3(SYS_socket, 2, 1, 0);
	SYS3(SYS_socket, 28, 2, 0);
	SYS0(SYS_kqueue);
	for (int k = 0; k < 3; k++) // what calls were told to print is of no interest
		SYS1(SYS_close, k);
	work(&shared->workers[i], 20000);
	SYS1(SYS_exit, 0);
}

static u64 now(void) {
	u64 ts[2];
	SYS2(SYS_clock_gettime, 4, ts);
	return ts[0] * 1000 + ts[1] / 1000000;
}

int fuzz(u64 seed, long seconds) {
	shared = (struct shared *)map(0, PAGE, PROT_RW, SHARED | ANON);
	long pids[WORKERS] = {};
	u64 last[WORKERS] = {}, since[WORKERS] = {}, born[WORKERS] = {};
	u64 begun = now(), made = 0, killed = 0;
	u64 causes[128] = {};
	for (;;) {
		u64 t = now();
		int over = t > begun + seconds * 1000, left = 0;
		shared->stop = over;
		for (int i = 0; i < WORKERS; i++) {
			if (pids[i] == 0 && !over) {
				// Which child gets which numbers depends on the order of deaths only.
				u64 s = (seed * 1000003 + i) * 1000003 + made++;
				struct ret r = SYS0(SYS_fork);
				if (r.e) { // what others have left behind fills the table for a while
					pause_ms(1);
					continue;
				}
				if (r.v == 0)
					start(i, s * 0x9e3779b97f4a7c15UL + 1);
				pids[i] = r.v;
				since[i] = born[i] = t;
			}
			if (pids[i] == 0)
				continue;
			left++;
			int status = 0;
			struct ret r = SYS4(SYS_wait4, pids[i], &status, 1, 0);
			if (r.e)
				die("wait4", r.e);
			if (r.v == pids[i]) {
				causes[status & 0x7f]++;
				pids[i] = 0;
				continue;
			}
			if (last[i] != shared->workers[i].calls)
				last[i] = shared->workers[i].calls, since[i] = t;
			if (t > since[i] + 10 || t > born[i] + 3000) {
				SYS2(SYS_kill, pids[i], 9);
				since[i] = t + 1000; // once will do
				killed++;
			}
			if (over && t > begun + seconds * 1000 + 20000)
				die("a killed child is still there", pids[i]);
		}
		// Children of children are not ours, but those that lost their parent may be.
		int status;
		if (over && left == 0)
			break;
		pause_ms(1);
		(void)status;
	}
	u64 calls = 0;
	for (int i = 0; i < WORKERS; i++)
		calls += shared->workers[i].calls;
	say("calls %d children %d killed %d", calls, made, killed);
	for (int s = 0; s < 128; s++)
		if (causes[s])
			say(" %s%d:%d", s ? "signal " : "exit ", (long)s, causes[s]);
	say("\n");
	return 0;
}

// What signals do, alternate stacks, and some calls of every start: as FreeBSD
// answers them, whether or not the call site has been patched meanwhile.

#include "../freestanding.h"

STUB(sys_open, 5)
STUB(sys_sigaltstack, 53)
STUB(sys_execve, 59)
STUB(sys_fcntl, 92)
STUB(sys_sysarch, 165)
STUB(sys_issetugid, 253)

// The child of vfork runs on its parent's stack, over the place of the return
// address: it is kept in a register, as libc's vfork.S has it.
__asm__(".text\n.globl sys_vfork\nsys_vfork:\n"
    "pop %rsi\nmov $66,%eax\nsyscall\njb 1f\njmp *%rsi\n1: neg %rax\njmp *%rsi\n");
i64 sys_vfork(void) __attribute__((returns_twice));

#define SIGKILL 9
#define SIGSTOP 17
#define SIGCHLD 20
#define SIGUSR1 30
#define SIGUSR2 31
#define SIGRT 65

#define ONSTACK 1
#define RESTART 2
#define RESETHAND 4
#define NOCLDSTOP 8
#define NODEFER 0x10
#define SIGINFO_ 0x40

struct sigaction {
	void (*handler)(int);
	u32 flags;
	u32 mask[4];
	u32 pad;
};

struct stack {
	void *sp;
	u64 size;
	u32 flags, pad;
};

static const u32 all[4] = {~0u, ~0u, ~0u, ~0u};
static char alt[3][16384];
static volatile int seen;
static void *bad = (void *)8;

static const char *where(void (*h)(int));

static i64 set(int sig, void (*h)(int), u32 flags)
{
	struct sigaction sa = {h, flags};
	return sys_sigaction(sig, &sa, NULL);
}

static void show(int sig)
{
	struct sigaction sa;
	memset(&sa, 0x55, sizeof sa);
	i64 r = sys_sigaction(sig, NULL, &sa);
	if (r != 0) {
		say(" [%d]", r);
		return;
	}
	say(" [%s %x %x %x]", where(sa.handler), (u64)sa.flags, (u64)sa.mask[0], (u64)sa.mask[3]);
}

static void handler(int sig) { seen = sig; }
static void other(int sig) { seen = -sig; }

static const char *where(void (*h)(int))
{
	if (h == (void *)0)
		return "default";
	if (h == (void *)1)
		return "ignored";
	return h == handler ? "handler" : h == other ? "other" : "?";
}

static void raise_(int sig)
{
	i64 id;
	seen = 0;
	sys_thr_self(&id);
	sys_thr_kill(id, (i64)sig);
	say(" %d", (i64)seen);
}

static void actions(int sig)
{
	struct sigaction sa = {handler, SIGINFO_ | ONSTACK | NOCLDSTOP}, old;

	say("first:");
	show(sig);
	memcpy(sa.mask, all, sizeof all);
	memset(&old, 0x55, sizeof old);
	say(" set %d, was %s %x", sys_sigaction(sig, &sa, &old), where(old.handler), (u64)old.flags);
	show(sig);
	raise_(sig);
	say("\nagain:");
	sa.handler = other;
	sa.flags = NODEFER;
	say(" set %d, was %s %x", sys_sigaction(sig, &sa, &sa), where(sa.handler), (u64)sa.flags);
	show(sig);
	raise_(sig);
	say("\nonce: %d", set(sig, handler, RESETHAND | RESTART));
	raise_(sig);
	show(sig);
	say("\nignored: %d", set(sig, (void *)1, 0));
	show(sig);
	raise_(sig);
	say(" default %d", set(sig, NULL, RESTART));
	show(sig);

	// The same struct for both, as the first thing that happens to a signal.
	sa.handler = handler;
	sa.flags = 0;
	say("\nin one: %d", sys_sigaction(sig + 1, &sa, &sa));
	say(" was %s %x", where(sa.handler), (u64)sa.flags);
	show(sig + 1);
	say("\n");
}

static void wrong(int sig)
{
	struct sigaction sa = {handler, 0x80};

	say("flags %d", sys_sigaction(sig, &sa, NULL));
	sa.handler = (void *)1;
	say(" %d", sys_sigaction(sig, &sa, NULL));
	show(sig);
	say(" numbers");
	show(0);
	show(-1);
	show(129);
	show(SIGKILL);
	say(" kill %d %d", set(SIGKILL, handler, 0), set(SIGKILL, NULL, 0));
	say(" stop %d %d", set(SIGSTOP, (void *)1, 0), set(SIGSTOP, NULL, 0));
	say("\naddresses %d %d", sys_sigaction(sig, bad, NULL), sys_sigaction(sig, NULL, bad));
	sa.handler = other;
	sa.flags = 0;
	say(" %d", sys_sigaction(sig, &sa, bad));
	show(sig);
	say("\n");
}

static int ended(i64 pid)
{
	i32 status = -1;
	sys_wait4(pid, &status, 0L, NULL);
	return status;
}

static _Noreturn void child_sets(int sig)
{
	set(sig, other, 0);
	set(sig + 1, other, 0);
	show(sig);
	raise_(sig + 1);
	for (;;)
		sys_exit(0L);
}

static void parent_keeps(int sig, i64 pid)
{
	ended(pid);
	say(" parent:");
	show(sig);
	show(sig + 1);
	raise_(sig);
	say("\n");
}

static void children(int sig)
{
	say("child of fork:");
	set(sig, handler, 0);
	i64 pid = sys_fork();
	if (pid == 0) {
		show(sig);
		child_sets(sig);
	}
	parent_keeps(sig, pid);
}

static void of_vfork(int sig)
{
	say("child of vfork:");
	set(sig, handler, 0);
	i64 pid = sys_vfork();
	if (pid == 0)
		child_sets(sig);
	parent_keeps(sig, pid);
}

static void killed(int sig)
{
	i64 pid = sys_fork();
	if (pid == 0) {
		set(sig, handler, RESETHAND);
		i64 id;
		sys_thr_self(&id);
		sys_thr_kill(id, (i64)sig);
		sys_thr_kill(id, (i64)sig);
		sys_exit(0L);
	}
	say("twice with RESETHAND: %d\n", (i64)ended(pid) & 0x7f);
}

static void on_stack(int sig)
{
	struct stack s, now = {alt[2], sizeof alt[2]};
	char *here = (char *)&s;
	sys_sigaltstack(NULL, &s);
	say(" handler: there %d, flags %x, size %d, another %d", (i64)(here > alt[0] && here < alt[0] + sizeof alt), (u64)s.flags, s.size,
	    sys_sigaltstack(&now, NULL));
}

static void stacks(int sig, int round)
{
	struct stack s = {alt[round & 1], sizeof alt[0]}, old;
	i64 r;

	say("stack:");
	memset(&old, 0x55, sizeof old);
	r = sys_sigaltstack(NULL, &old);
	say(" %d %x %d %d", r, (u64)old.flags, old.size, (i64)(old.sp == NULL));
	s.size = 2047;
	say(" small %d", sys_sigaltstack(&s, NULL));
	s.size = sizeof alt[0];
	s.flags = 2;
	say(" flags %d", sys_sigaltstack(&s, NULL));
	s.flags = 0;
	say(" addresses %d %d", sys_sigaltstack(bad, NULL), sys_sigaltstack(NULL, bad));
	r = sys_sigaltstack(&s, &old);
	say(" set %d, was %x", r, (u64)old.flags);
	memset(&old, 0x55, sizeof old);
	r = sys_sigaltstack(&s, &old);
	say(" again %d, was %x %d %d\n", r, (u64)old.flags, old.size, (i64)(old.sp == s.sp));
	set(sig, on_stack, ONSTACK);
	raise_(sig);
	i64 pid = sys_fork();
	if (pid == 0) {
		raise_(sig);
		sys_exit(0L);
	}
	ended(pid);
	pid = sys_vfork();
	if (pid == 0) {
		raise_(sig);
		s.flags = 4;
		sys_sigaltstack(&s, NULL);
		sys_sigaltstack(NULL, &old);
		say(" child: %x", (u64)old.flags);
		sys_exit(0L);
	}
	ended(pid);
	raise_(sig);
	s.flags = 4;
	r = sys_sigaltstack(&s, &old);
	say(" off %d, was %x %d", r, (u64)old.flags, old.size);
	sys_sigaltstack(NULL, &old);
	say(", is %x %d\n", (u64)old.flags, old.size);
}

static void devices(void)
{
	char b[4];
	const int creat = 0x200, trunc = 0x400;
	i64 fd = sys_open("/dev/null", 1L | creat | trunc, 0600L);
	say("null: %d", sys_write(fd, "x", 1L));
	say(" %d", sys_fcntl(fd, 1L, 0L));
	say(" %d", sys_fcntl(fd, 2L, 3L));
	say(" %d", sys_fcntl(fd, 1L, 0L));
	sys_close(fd);
	say(" closed %d %d", sys_fcntl(fd, 1L, 0L), sys_fcntl(fd, 2L, 1L));
	fd = sys_open("/dev/urandom", 0L, 0L);
	say(" random: %d", sys_read(fd, b, 4L));
	sys_close(fd);
	fd = sys_open("/dev/zero", 0L, 0L);
	b[0] = 1;
	say(" zero: %d %d", sys_read(fd, b, 4L), (i64)b[0]);
	sys_close(fd);
	say(" none: %d %d", sys_open("/dev/nulls", 0L, 0L), sys_open("/dev/zero/x", 0L, 0L));
	say(" %d", sys_open("/dev/null", (i64)0x20000, 0L));
	say(" tainted: %d\n", sys_issetugid());
}

static void memory(void)
{
	u64 fs = 0, was = 0;
	char *p = (char *)sys_mmap6(0, 3 * 4096L, 0, 0x2000, (i64)-1, (i64)0);
	say("guard: %d", (i64)((u64)p >> 47));
	say(" %d", sys_mprotect(p, 4096L, 3L));
	p[0] = 1;
	say(" odd address %d", sys_mprotect(p + 1, 4096L, 3L));
	say(" no such protection %d", sys_mprotect(p, 4096L, 8L));
	say(" for reading %d", sys_mprotect(p, 2 * 4096L, 1L));
	say(" guard with protection %d", sys_mmap6(0, 4096L, 1, 0x2000, (i64)-1, (i64)0));
	say(" of a file %d", sys_mmap6(0, 4096L, 0, 0x2000, (i64)1, (i64)0));
	say(" of nothing %d\n", sys_mmap6(0, 0L, 0, 0x2000, (i64)-1, (i64)0));
	sys_munmap(p, 3 * 4096L);

	sys_sysarch(128L, &was);
	fs = (u64)&fs;
	i64 r = sys_sysarch(129L, &fs);
	u64 self;
	__asm__ volatile("mov %%fs:0, %0" : "=r"(self));
	say("fs: %d %d", r, (i64)(self == fs));
	self = 0;
	sys_sysarch(128L, &self);
	say(" %d", (i64)(self == fs));
	fs = 1UL << 47;
	say(" %d", sys_sysarch(129L, &fs));
	say(" %d %d\n", sys_sysarch(129L, bad), sys_sysarch(999L, &fs));
	sys_sysarch(129L, &was);
}

static void thread(void *arg)
{
	struct stack s;
	sys_sigaltstack(NULL, &s);
	say("thread: stack %x,", (u64)s.flags);
	show(SIGRT + 60);
	set(SIGRT + 60, other, 0);
	s.sp = alt[2];
	s.size = sizeof alt[2];
	s.flags = 0;
	say(" set %d", sys_sigaltstack(&s, NULL));
}

static void threads(void)
{
	struct thread t;
	struct stack s;

	set(SIGRT + 60, handler, RESTART);
	for (int i = 0; i < 2; i++) {
		spawn(&t, thread, NULL);
		join(&t);
		show(SIGRT + 60);
		raise_(SIGRT + 60);
		sys_sigaltstack(NULL, &s);
		say(" stack %x\n", (u64)s.flags);
	}
}

// execed is what the program sees that the first one has executed.
static void execed(void)
{
	struct stack s;
	say("after exec:");
	show(SIGUSR1);
	show(SIGUSR2);
	show(SIGRT);
	show(SIGRT + 1);
	sys_sigaltstack(NULL, &s);
	say(" stack %x\n", (u64)s.flags);
	set(SIGUSR1, handler, 0);
	raise_(SIGUSR1);
	set(SIGUSR2, other, 0);
	raise_(SIGUSR2);
	show(SIGUSR2);
	say("\n");
	sys_exit(0L);
}

static void executes(char *self)
{
	char *argv[] = {self, "again", NULL}, *envv[] = {NULL};
	struct stack s = {alt[0], sizeof alt[0]};
	i64 pid = sys_fork();
	if (pid == 0) {
		struct sigaction sa = {handler, SIGINFO_, {0x10, 0, 0, 7}};
		sys_sigaction(SIGUSR1, &sa, NULL);
		set(SIGUSR2, (void *)1, 0);
		set(SIGRT + 1, NULL, ONSTACK);
		sys_sigaltstack(&s, NULL);
		say("exec: %d\n", sys_execve(self, argv, envv));
		sys_exit(1L);
	}
	ended(pid);
}

void start(u64 *args)
{
	char **argv = (char **)(args + 1);
	if (args[0] > 1)
		execed();
	executes(argv[0]);
	for (int round = 0; round < 3; round++) {
		actions(SIGRT + 10 * round);
		wrong(SIGRT + 10 * round + 2);
		children(SIGRT + 10 * round + 4);
		stacks(SIGRT + 10 * round + 6, round);
		killed(SIGRT + 10 * round + 8);
		memory();
		devices();
	}
	of_vfork(SIGRT + 50);
	actions(SIGRT + 40);
	threads();
	stacks(SIGRT + 52, 1);
	actions(SIGUSR1);
	sys_exit(0L);
}

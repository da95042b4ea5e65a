// sigfastblock(2): signals blocked by a word of the thread's own.

#include "../freestanding.h"

#define SIGSEGV 11
#define SIGUSR1 30
#define SIGUSR2 31
#define SIGRT 70

#define SETPTR 1L
#define UNBLOCK 2L
#define UNSETPTR 3L
#define PEND 1
#define INC 0x10

struct sigaction {
	void (*handler)(int);
	u32 flags;
	u32 mask[4];
};

static volatile u32 word, other;

static void handler(int sig) { say(" [%d, word %x]", (i64)sig, (u64)word); }

static void catch(int sig)
{
	struct sigaction sa;
	memset(&sa, 0, sizeof sa);
	sa.handler = handler;
	sys_sigaction(sig, &sa, NULL);
}

static i64 in_child(void (*f)(void))
{
	i32 status;
	i64 pid = sys_fork();
	if (pid == 0) {
		f();
		sys_exit(0L);
	}
	sys_wait4(pid, &status, 0L, NULL);
	return status & 0x7f;
}

static void faults(void)
{
	word = INC;
	catch(SIGSEGV);
	*(volatile int *)8 = 1;
}

static void inherits(void)
{
	say("in a child: %d", sys_sigfastblock(SETPTR, &other));
	word = INC;
	sys_kill(sys_getpid(), SIGUSR1);
	word -= INC;
	u64 w = word;
	i64 r = sys_sigfastblock(UNBLOCK, NULL);
	say(" word %x unblock %d\n", w, r);
}

static void unmapped(void)
{
	u32 *p = map(4096, 0);
	sys_sigfastblock(UNSETPTR, NULL);
	say("word gone: set %d", sys_sigfastblock(SETPTR, p));
	sys_munmap(p, 4096L);
	sys_kill(sys_getpid(), SIGUSR1);
	say(" unblock %d", sys_sigfastblock(UNBLOCK, NULL));
}

void start(u64 *args)
{
	i64 pid = sys_getpid();

	catch(SIGUSR1);
	catch(SIGUSR2);
	catch(SIGRT);
	say("without: unblock %d unset %d", sys_sigfastblock(UNBLOCK, NULL), sys_sigfastblock(UNSETPTR, NULL));
	say(" command %d\n", sys_sigfastblock(9L, &word));
	say("odd %d", sys_sigfastblock(SETPTR, (char *)&word + 1));
	say(" set %d", sys_sigfastblock(SETPTR, &word));
	say(" again %d", sys_sigfastblock(SETPTR, &other));
	say(" unblock with nothing %d\n", sys_sigfastblock(UNBLOCK, NULL));

	say("free:");
	sys_kill(pid, SIGUSR1);
	say("\nblocked:");
	word += INC;
	sys_kill(pid, SIGUSR1);
	sys_kill(pid, SIGUSR2);
	sys_kill(pid, SIGRT);
	say(" word %x unblock %d unset %d", (u64)word, sys_sigfastblock(UNBLOCK, NULL), sys_sigfastblock(UNSETPTR, NULL));
	word -= INC;
	u64 w = word;
	i64 r = sys_sigfastblock(UNBLOCK, NULL);
	say(" word %x unblock %d word %x\n", w, r, (u64)word);

	say("a fault while blocked: signal %d\n", in_child(faults));
	i64 s = in_child(inherits);
	if (s)
		say("signal %d\n", s);
	s = in_child(unmapped);
	say(" signal %d\n", s);
	say("unset %d", sys_sigfastblock(UNSETPTR, NULL));
	word = INC;
	sys_kill(pid, SIGUSR1);
	say("\nqueued twice each:");
	u32 all[4] = {~0u, ~0u, ~0u, ~0u}, old[4];
	sys_sigprocmask(1L, all, old);
	for (int i = 0; i < 2; i++) {
		sys_sigqueue(pid, SIGRT, 0L);
		sys_sigqueue(pid, SIGUSR1, 0L);
	}
	sys_sigprocmask(3L, old, NULL);
	say("\n");
	sys_exit(0L);
}

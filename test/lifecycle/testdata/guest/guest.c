// The FreeBSD program of these tests: the first argument says what it does.
#include "sys.h"

static char **environ;
static char *self;

static void ids(char **a)
{
	int fg = -1;
	sys(SYS_ioctl, 0, 0x40047477 /* TIOCGPGRP */, &fg);
	say("pid=", getpid(), " ppid=", getppid(), " pgrp=", sys(SYS_getpgrp), " sid=", sys(SYS_getsid, 0), " fg=", (long)fg);
}

static void do_exit(char **a) { quit(number(a[0])); }

// pause says that it is ready and waits for signals, with all of them at their defaults.
static void do_pause(char **a)
{
	put(1, "ready\n");
	block();
}

// catching is pause with handlers that tell.
static void told(int sig) { say("caught ", (long)sig); }
static void catching(char **a)
{
	for (; *a; a++)
		on(number(*a), told, SA_RESTART);
	do_pause(a);
}

// die-by sends itself a signal.
static void die_by(char **a)
{
	sys(SYS_kill, getpid(), number(a[0]));
	quit(77);
}

// fault dies by the processor's own means.
static void fault(char **a)
{
	if (same(a[0], "segv"))
		*(volatile int *)8 = 1;
	if (same(a[0], "fpe"))
		__asm__ volatile("xor %%eax, %%eax; cltd; idiv %%eax" ::: "eax", "edx");
	if (same(a[0], "ill"))
		__asm__ volatile("ud2");
	if (same(a[0], "trap"))
		__asm__ volatile("int3");
	if (same(a[0], "bus")) // a general protection fault is SIGBUS on FreeBSD
		*(volatile int *)0xdead000000000000 = 1;
	if (same(a[0], "sys"))
		sys(1234567);
	quit(77);
}

static int run(char **argv)
{
	sys(SYS_execve, argv[0], argv, environ);
	return 126;
}

static long start(char **argv)
{
	long pid = sys(SYS_fork);
	if (pid == 0)
		quit(run(argv));
	return pid;
}

// children makes three children and sees no others, by wait4 and by wait6.
static void children(char **a)
{
	int st;
	long r = sys(SYS_wait4, -1, &st, WNOHANG, 0);
	if (r != -ECHILD)
		die("childless wait4: ", r);
	for (int round = 0; round < 2; round++) {
		long pids[3], found = 0;
		for (long i = 0; i < 3; i++)
			if ((pids[i] = round ? sys(SYS_vfork) : sys(SYS_fork)) == 0)
				quit(10 + i);
		for (;;) {
			r = round ? sys(SYS_wait6, 7 /* P_ALL */, 0, &st, 16 /* WEXITED */, 0, 0) : wait_for(-1, &st);
			if (r == -ECHILD)
				break;
			if (r < 0)
				die("wait: ", r);
			long i = 0;
			while (i < 3 && pids[i] != r)
				i++;
			if (i == 3 || st != (10 + i) << 8)
				die("unexpected child ", r);
			found++;
		}
		say("children ", found);
	}
}

// stopping sees what its child's stops and continuations look like.
// killall kills everybody but itself, twice.
static void killall(char **a)
{
	int st;
	long pid[2];
	for (int i = 0; i < 2; i++)
		if ((pid[i] = sys(SYS_fork)) == 0)
			block();
	say("kill ", sys(SYS_kill, -1, SIGKILL));
	for (int i = 0; i < 2; i++) {
		wait_for(pid[i], &st);
		say("died ", (long)st);
	}
	say("kill ", sys(SYS_kill, -1, SIGKILL));
}

static void stopping(char **a)
{
	int st;
	long pid = sys(SYS_fork);
	if (pid == 0)
		block();
	for (int i = 0; i < 3; i++) {
		sys(SYS_kill, pid, SIGSTOP);
		long r = sys(SYS_wait4, pid, &st, WUNTRACED, 0);
		say(r == pid ? "stopped " : "wrong ", (long)st);
		sys(SYS_kill, pid, SIGCONT);
		r = sys(SYS_wait4, pid, &st, WCONTINUED, 0);
		say(r == pid ? "continued " : "wrong ", (long)st);
	}
	sys(SYS_kill, pid, SIGTERM);
	wait_for(pid, &st);
	say("died ", (long)st);
}

static void cat(char **a)
{
	static char buf[65536];
	for (;;) {
		long n = sys(SYS_read, 0, buf, sizeof buf);
		if (n == -EINTR)
			continue;
		if (n <= 0)
			quit(n < 0);
		for (char *p = buf; n > 0; ) {
			long w = sys(SYS_write, 1, p, n);
			if (w == -EINTR)
				continue;
			if (w < 0)
				quit(-w);
			p += w, n -= w;
		}
	}
}

static void yes(char **a)
{
	for (;;)
		put(1, "y\n");
}

// head copies so many lines, a byte at a time, and ends.
static void head(char **a)
{
	char c;
	for (long n = number(a[0]); n > 0 && sys(SYS_read, 0, &c, 1) == 1; n -= c == '\n')
		sys(SYS_write, 1, &c, 1);
}

// leave-behind exits while a child that has closed its descriptors lives on.
static void leave_behind(char **a)
{
	if (sys(SYS_fork) == 0) {
		sys(SYS_closefrom, 0);
		block();
	}
	put(1, "parent\n");
}

// closeall closes everything and waits.
static void closeall(char **a)
{
	sys(SYS_closefrom, 0);
	block();
}

// away leaves the directory it was started in, and execs if it is told to.
static void away(char **a)
{
	sys(SYS_chdir, "/");
	if (a[0])
		quit(run(a));
	do_pause(a);
}

// daemon: the first process exits, the second leads a session, the third serves:
// it tells who it is through the named pipe, and waits.
static void daemon(char **a)
{
	if (sys(SYS_fork))
		quit(0);
	sys(SYS_setsid);
	if (sys(SYS_fork))
		quit(0);
	long fd = sys(SYS_open, a[0], 1);
	sys(SYS_chdir, "/");
	sys(SYS_dup2, fd, 1);
	sys(SYS_close, 0), sys(SYS_close, 2);
	// The session's leader may still be about to end.
	for (struct timespec ms = { 0, 1000000 }; getppid() == sys(SYS_getsid, 0); )
		sys(SYS_nanosleep, &ms, 0);
	ids(a);
	sys(SYS_closefrom, 1);
	block();
}

// exec runs its arguments in its place, interp does so as a script's interpreter.
static void do_exec(char **a) { quit(run(a)); }
static void interp(char **a) { quit(run(a + 1)); }

// spawn runs its arguments as a child and passes the status on.
static void spawn(char **a)
{
	int st;
	long pid = start(a);
	if (pid < 0 || wait_for(pid, &st) != pid)
		die("spawn ", pid);
	say("child ", (long)st);
}

// chain execs itself so many times.
static void chain(char **a)
{
	char num[24], *argv[] = { self, "chain", 0, 0 };
	long n = number(a[0]);
	if (n == 0) {
		ids(a);
		return;
	}
	argv[2] = format(num + sizeof num, n - 1);
	quit(run(argv));
}

// tree makes a tree of processes and exits with their number.
static void tree(char **a)
{
	long depth = number(a[0]), width = number(a[1]), total = 1;
	while (depth > 0) {
		long pids[16];
		depth--;
		for (long i = 0; i < width; i++) {
			pids[i] = sys(SYS_fork);
			if (pids[i] < 0)
				quit(255);
			if (pids[i] == 0) {
				total = 1;
				goto next;
			}
		}
		for (long i = 0; i < width; i++) {
			int st;
			if (wait_for(pids[i], &st) != pids[i] || st & 0xff)
				quit(254);
			total += st >> 8;
		}
		break;
	next:;
	}
	quit(total);
}

// storm forks, execs and waits for ever, several processes wide.
static void storm(char **a)
{
	put(1, "ready\n"); // once: nobody reads more
	for (int i = 0; i < 2; i++)
		if (sys(SYS_fork) == 0)
			break;
	for (long n = 0; ; n++) {
		char *argv[] = { self, "exit", "0", 0 };
		int st;
		long pid = n % 3 == 2 ? sys(SYS_vfork) : sys(SYS_fork);
		if (pid == 0) {
			if (n % 3)
				run(argv);
			quit(0);
		}
		// One is waited for, others are left for later.
		if (n % 5)
			wait_for(-1, &st);
		else
			while (sys(SYS_wait4, -1, &st, WNOHANG, 0) > 0)
				;
	}
}

// forkbomb forks until it must not; then all wait for the end of the input.
static void forkbomb(char **a)
{
	char c;
	long n = 0, r;
	while ((r = sys(SYS_fork)) >= 0)
		n++;
	if (r != -EAGAIN)
		say("wrong errno ", -r);
	put(1, "EAGAIN\n");
	while (sys(SYS_read, 0, &c, 1) == -EINTR)
		;
	quit(0);
}

#include "signals.h"

static const struct { const char *name; void (*run)(char **); } commands[] = {
	{ "ids", ids }, { "exit", do_exit }, { "pause", do_pause }, { "catch", catching }, { "die-by", die_by },
	{ "fault", fault }, { "children", children }, { "stopping", stopping }, { "cat", cat }, { "yes", yes },
	{ "head", head }, { "leave-behind", leave_behind }, { "closeall", closeall }, { "away", away },
	{ "daemon", daemon }, { "exec", do_exec }, { "interp", interp }, { "spawn", spawn }, { "chain", chain },
	{ "tree", tree }, { "killall", killall }, { "storm", storm }, { "forkbomb", forkbomb }, { "restart", restart }, { "registers", registers },
	{ "siginfo", siginfo },
};

__attribute__((used)) static void start_c(long *p)
{
	long argc = p[0];
	char **argv = (char **)(p + 1);
	environ = argv + argc + 1;
	self = argv[0];
	for (u64 i = 0; argc > 1 && i < sizeof commands / sizeof commands[0]; i++)
		if (same(argv[1], commands[i].name)) {
			commands[i].run(argv + 2);
			quit(0);
		}
	put(2, "usage: guest COMMAND\n");
	quit(2);
}

__asm__(".globl _start; _start: xor %ebp, %ebp; and $-16, %rsp; call start_c; hlt");

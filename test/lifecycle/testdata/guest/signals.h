// What signals must leave alone.

static volatile long handled;
static void count(int sig) { handled++; }

// soon sets an alarm, once: a periodic one may leave no time for anything else.
static void soon(long usec)
{
	struct itimerval it = { { 0, 0 }, { 0, usec } };
	sys(SYS_setitimer, 0 /* ITIMER_REAL */, &it, 0);
}

// step says that the program got on; pester has noticed when it has.
static volatile u32 *steps;
static void step(void) { ++*steps; }

// pester sends its parent a signal again and again, but leaves it the time to get
// on in between: where signals come faster than they can be handled, nothing else
// would ever run.
static long pester(int sig)
{
	steps = (volatile u32 *)sys(SYS_mmap, 0, 4096, 3 /* PROT_READ | PROT_WRITE */, 0x1001 /* MAP_ANON | MAP_SHARED */, -1, 0);
	struct timespec ts = { 0, 50000 };
	long parent = getpid(), pid = sys(SYS_fork);
	if (pid)
		return pid;
	while (getppid() == parent) {
		u32 seen = *steps;
		sys(SYS_kill, parent, sig);
		for (int i = 0; i < 100 && (i == 0 || *steps == seen); i++) // it may wait for the next signal
			sys(SYS_nanosleep, &ts, 0);
	}
	quit(0);
}

static long answerer(int fd[2])
{
	int to[2], from[2];
	sys(SYS_pipe2, to, 0), sys(SYS_pipe2, from, 0);
	long pid = sys(SYS_fork);
	if (pid == 0) {
		u8 c;
		sys(SYS_close, to[1]);
		while (HOT(SYS_read, to[0], &c, 1) == 1 && (c += 7, HOT(SYS_write, from[1], &c, 1) == 1))
			;
		quit(0);
	}
	sys(SYS_close, to[0]), sys(SYS_close, from[1]);
	fd[0] = from[0], fd[1] = to[1];
	return pid;
}

// restart N MODE: N bytes go to another process and come back changed, while
// signals rain. With SA_RESTART no call may say EINTR; without, one that says so has done nothing.
static void restart(char **a)
{
	long n = number(a[0]), eintr = 0, r;
	int flags = same(a[1], "restart") ? SA_RESTART : 0, fd[2];
	long other = answerer(fd);
	on(SIGALRM, count, flags), on(SIGUSR1, count, flags);
	long sender = pester(SIGUSR1);
	for (long i = 0; i < n; i++) {
		u8 c = i, back = 0;
		step();
		if (i % 4 == 0)
			soon(1 + i % 300);
		while ((r = HOT(SYS_write, fd[1], &c, 1)) == -EINTR)
			eintr++;
		if (r != 1)
			die("write: ", r);
		while ((r = HOT(SYS_read, fd[0], &back, 1)) == -EINTR)
			eintr++;
		if (r != 1)
			die("read: ", r);
		if (back != (u8)(c + 7))
			die("lost or doubled byte at ", i);
	}
	if (flags && eintr)
		die("EINTR in spite of SA_RESTART: ", eintr);
	if (eintr > handled)
		die("more EINTR than signals: ", eintr - handled);
	// These end with EINTR whatever the flags.
	struct timespec hour = { 3600, 0 };
	if ((r = sys(SYS_nanosleep, &hour, 0)) != -EINTR)
		die("nanosleep: ", r);
	struct sigset none = {};
	if ((r = sys(SYS_sigsuspend, &none)) != -EINTR)
		die("sigsuspend: ", r);
	sys(SYS_kill, sender, SIGKILL), wait_for(sender, 0);
	sys(SYS_close, fd[1]), wait_for(other, 0);
	if (!handled)
		die("no signals: ", 0);
	put(1, "exact\n");
}

static u8 avx;

// A handler that starts with what FreeBSD gives it, and leaves nothing as it was.
static volatile int wrong_start;
__attribute__((target("avx"))) static void wreck(int sig)
{
	u32 mxcsr, other = 0x7f80 /* towards zero */;
	unsigned short fcw, ocw = 0x27f;
	__asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(mxcsr), "=m"(fcw));
	if (mxcsr != 0x1f80 || fcw != 0x37f)
		wrong_start = 1;
	handled++;
	__asm__ volatile("ldmxcsr %0; fldcw %1; fldz; fldz" :: "m"(other), "m"(ocw));
	if (avx)
		__asm__ volatile(
		    "vxorps %%ymm0,%%ymm0,%%ymm0; vxorps %%ymm1,%%ymm1,%%ymm1; vxorps %%ymm7,%%ymm7,%%ymm7;"
		    "vxorps %%ymm8,%%ymm8,%%ymm8; vxorps %%ymm15,%%ymm15,%%ymm15" ::: "memory");
	else
		__asm__ volatile("xorps %%xmm0,%%xmm0; xorps %%xmm1,%%xmm1; xorps %%xmm7,%%xmm7; xorps %%xmm8,%%xmm8;"
		    "xorps %%xmm15,%%xmm15" ::: "memory");
	__asm__ volatile("xor %%r8d,%%r8d; xor %%r9d,%%r9d; xor %%r10d,%%r10d; xor %%r11d,%%r11d; xor %%esi,%%esi; std; cld; stc"
	    ::: "r8", "r9", "r10", "r11", "rsi", "cc");
}

struct vectors { u8 v[5][32]; } __attribute__((aligned(32)));

static void load(struct vectors *v)
{
	if (avx)
		__asm__ volatile("vmovaps (%0),%%ymm0; vmovaps 32(%0),%%ymm1; vmovaps 64(%0),%%ymm7; vmovaps 96(%0),%%ymm8;"
		    "vmovaps 128(%0),%%ymm15" :: "r"(v));
	else
		__asm__ volatile("movaps (%0),%%xmm0; movaps 32(%0),%%xmm1; movaps 64(%0),%%xmm7; movaps 96(%0),%%xmm8;"
		    "movaps 128(%0),%%xmm15" :: "r"(v));
}

static void store(struct vectors *v)
{
	if (avx)
		__asm__ volatile("vmovaps %%ymm0,(%0); vmovaps %%ymm1,32(%0); vmovaps %%ymm7,64(%0); vmovaps %%ymm8,96(%0);"
		    "vmovaps %%ymm15,128(%0)" :: "r"(v) : "memory");
	else
		__asm__ volatile("movaps %%xmm0,(%0); movaps %%xmm1,32(%0); movaps %%xmm7,64(%0); movaps %%xmm8,96(%0);"
		    "movaps %%xmm15,128(%0)" :: "r"(v) : "memory");
}

// round does a system call (hot or not) or computes, with known values in all
// registers that this must leave alone, and returns a mask of those it did not.
long round_call(void), round_slow(void), round_spin(void);
#define ROUND(name, body) \
	__asm__(".text; " #name ": push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15;" \
	    "mov $0x1111111111111111,%rbx; mov $0x2222222222222222,%rbp; mov $0x3333333333333333,%r12;" \
	    "mov $0x4444444444444444,%r13; mov $0x5555555555555555,%r14; mov $0x6666666666666666,%r15;" \
	    "mov $0x7777777777777777,%rdi; mov $0x0888888888888888,%rsi; mov $0x0999999999999999,%rdx;" \
	    body \
	    "xor %eax,%eax;" \
	    "mov $0x1111111111111111,%rcx; cmp %rcx,%rbx; je 1f; or $1,%eax; 1:" \
	    "mov $0x2222222222222222,%rcx; cmp %rcx,%rbp; je 1f; or $2,%eax; 1:" \
	    "mov $0x3333333333333333,%rcx; cmp %rcx,%r12; je 1f; or $4,%eax; 1:" \
	    "mov $0x4444444444444444,%rcx; cmp %rcx,%r13; je 1f; or $8,%eax; 1:" \
	    "mov $0x5555555555555555,%rcx; cmp %rcx,%r14; je 1f; or $16,%eax; 1:" \
	    "mov $0x6666666666666666,%rcx; cmp %rcx,%r15; je 1f; or $32,%eax; 1:" \
	    "mov $0x7777777777777777,%rcx; cmp %rcx,%rdi; je 1f; or $64,%eax; 1:" \
	    "mov $0x0888888888888888,%rcx; cmp %rcx,%rsi; je 1f; or $128,%eax; 1:" \
	    "mov $0x0999999999999999,%rcx; cmp %rcx,%rdx; je 1f; or $256,%eax; 1:" \
	    "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret")
ROUND(round_call, "stc; mov $39,%eax; syscall; jnc 1f; ud2; 1:");
ROUND(round_slow, "stc; mov $39,%ecx; mov %ecx,%eax; syscall; jnc 1f; ud2; 1:");
ROUND(round_spin, "mov $2000,%ecx; 1: lea (%rcx,%rbx),%rax; sub %rbx,%rax; cmp %rcx,%rax; je 2f; ud2; 2: dec %ecx; jnz 1b;");

// registers N [avx]: N rounds with signals that wreck all they can.
static void registers(char **a)
{
	long n = number(a[0]), bad;
	avx = a[1] && same(a[1], "avx");
	struct vectors in, out;
	for (int i = 0; i < 5; i++)
		for (int j = 0; j < 32; j++)
			in.v[i][j] = i * 40 + j + 1;
	on(SIGALRM, wreck, SA_RESTART), on(SIGUSR1, wreck, SA_RESTART);
	long sender = pester(SIGUSR1);
	u32 mxcsr = 0x3f80 /* downwards */, now;
	unsigned short fcw = 0xb7f, cw;
	for (long i = 0; i < n; i++) {
		double st;
		step();
		__asm__ volatile("ldmxcsr %0; fninit; fldcw %1; fldpi" :: "m"(mxcsr), "m"(fcw));
		if (i % 4 == 0)
			soon(1 + i % 300);
		load(&in);
		bad = i % 3 == 0 ? round_call() : i % 3 == 1 ? round_slow() : round_spin();
		store(&out);
		__asm__ volatile("stmxcsr %0; fnstcw %1; fstpl %2" : "=m"(now), "=m"(cw), "=m"(st));
		if (bad)
			die("general registers changed: ", bad);
		if (now != mxcsr || cw != fcw || st < 3.14 || st > 3.15)
			die("floating point state changed: ", now);
		for (int k = 0; k < 5; k++)
			for (int j = 0; j < (avx ? 32 : 16); j++)
				if (in.v[k][j] != out.v[k][j])
					die("vector register changed: ", k);
	}
	// A round that meets no signal says nothing.
	for (; handled < 50; step())
		if ((bad = round_spin()))
			die("general registers changed: ", bad);
	if (wrong_start)
		die("a handler started with a used floating point state: ", 1);
	sys(SYS_kill, sender, SIGKILL), wait_for(sender, 0);
	put(1, "kept\n");
}

static char altstack[65536];
static volatile struct siginfo seen;
static volatile u64 seen_count;
static void *skip; // where to go on after a fault
static void note(int sig, struct siginfo *si, char *uc)
{
	for (u64 i = 0; i < sizeof seen; i++)
		((volatile char *)&seen)[i] = ((char *)si)[i];
	seen_count++;
	if (skip)
		*(void **)(uc + 16 + 20 * 8) = skip; // uc_mcontext.mc_rip
	skip = 0;
}

#define FAULT(what, insn) do { \
	__asm__ volatile("lea 1f(%%rip),%%rax; mov %%rax,%0; " insn "; 1:" : "=m"(skip) :: "rax", "rdx", "memory", "cc"); \
	say(what " signo=", (long)seen.signo, " code=", (long)seen.code, " addr=", (long)seen.addr); } while (0)

// siginfo prints what handlers are told.
static void siginfo(char **a)
{
	int st, sigs[] = { SIGUSR1, SIGUSR2, SIGALRM, SIGCHLD, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, 65, 126 };
	u64 alt[3] = { (u64)altstack, sizeof altstack, 0 };
	long me = getpid(), tid;
	sys(SYS_sigaltstack, alt, 0);
	for (u64 i = 0; i < sizeof sigs / sizeof sigs[0]; i++)
		on(sigs[i], note, SA_SIGINFO | SA_ONSTACK);
	sys(SYS_kill, me, SIGUSR1);
	say("kill signo=", (long)seen.signo, " code=", (long)seen.code, " me=", (long)(seen.pid == me));
	sys(SYS_sigqueue, me, SIGUSR2, 4711);
	say("sigqueue signo=", (long)seen.signo, " code=", (long)seen.code, " me=", (long)(seen.pid == me), " value=", (long)seen.value);
	sys(SYS_sigqueue, me, 65, 42);
	say("realtime signo=", (long)seen.signo, " code=", (long)seen.code, " value=", (long)seen.value);
	sys(SYS_sigqueue, me, 126, 43);
	say("realtime signo=", (long)seen.signo, " code=", (long)seen.code, " value=", (long)seen.value);
	sys(SYS_thr_self, &tid);
	sys(SYS_thr_kill, tid, SIGUSR1);
	say("thr_kill signo=", (long)seen.signo, " code=", (long)seen.code);
	struct itimerval it = { { 0, 0 }, { 0, 100 } };
	struct sigset blocked = { { 1 << (SIGALRM - 1) } }, old;
	sys(SYS_sigprocmask, 1, &blocked, &old);
	sys(SYS_setitimer, 0, &it, 0);
	sys(SYS_sigsuspend, &old);
	sys(SYS_sigprocmask, 3, &old, 0);
	say("timer signo=", (long)seen.signo, " code=", (long)seen.code);
	blocked.bits[0] = 1 << (SIGCHLD - 1);
	for (int i = 0; i < 3; i++) {
		sys(SYS_sigprocmask, 1, &blocked, &old);
		long pid = sys(SYS_fork);
		if (pid == 0) {
			on(SIGSEGV, 0, 0);
			if (i == 1)
				sys(SYS_kill, getpid(), SIGTERM);
			if (i == 2)
				sys(SYS_kill, getpid(), SIGSTOP);
			quit(5);
		}
		sys(SYS_sigsuspend, &old);
		say("child signo=", (long)seen.signo, " code=", (long)seen.code, " pid=", (long)(seen.pid == pid), " status=", (long)seen.status);
		if (i == 2)
			sys(SYS_kill, pid, SIGKILL);
		wait_for(pid, &st);
		sys(SYS_sigprocmask, 3, &old, 0);
	}
	FAULT("unmapped", "mov $64,%%eax; movl $1,(%%rax)");
	FAULT("readonly", "lea _start(%%rip),%%rax; movl $1,(%%rax); mov $0,%%eax");
	FAULT("noncanonical", "mov $0xdead000000000000,%%rax; movl $1,(%%rax)");
	FAULT("divide", "xor %%eax,%%eax; cltd; idiv %%eax");
	FAULT("undefined", "ud2");
	FAULT("breakpoint", "int3");
}

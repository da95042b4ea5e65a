// What the guest programs share: system calls without a libc, and their facts.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

// A row of LSF's table, as the test knows it (calls.h).
struct call {
	short nr;
	u8 level;       // 0: no such call, 1: not served, 2: passed, 3: handled
	u8 nargs;
	char kinds[9];  // per argument: f descriptor, p pointer, s string, v vector, z size, i other
};
extern const struct call calls[];
extern const int ncalls;

enum {
	SYS_exit = 1, SYS_fork = 2, SYS_read = 3, SYS_write = 4, SYS_open = 5, SYS_close = 6, SYS_wait4 = 7,
	SYS_getpid = 20, SYS_kill = 37, SYS_pipe2 = 542, SYS_execve = 59, SYS_munmap = 73, SYS_mprotect = 74,
	SYS_setitimer = 83, SYS_socket = 97, SYS_socketpair = 135, SYS_mkdir = 136, SYS_setsid = 147,
	SYS_setrlimit = 195, SYS_nanosleep = 240, SYS_rfork = 251, SYS_sigprocmask = 340, SYS_kqueue = 362,
	SYS_sigaction = 416, SYS_thr_new = 455, SYS_mmap = 477, SYS_fstat = 551, SYS_kevent = 560,
	SYS_clock_gettime = 232,
};

enum { EFAULT = 14, ENOMEM = 12, EINVAL = 22, ENOSYS = 78 };

// A result: v, or errno in e.
struct ret {
	long v;
	int e;
};

static inline struct ret sys6(long nr, long a, long b, long c, long d, long e, long f) {
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	u8 carry;
	long dx = c;
	// Calls with more than six arguments find the rest behind a return address.
	__asm__ volatile("sub $0x88, %%rsp\n\tsyscall\n\tlea 0x88(%%rsp), %%rsp\n\tsetc %1"
	                 : "+a"(nr), "=q"(carry), "+d"(dx), "+r"(r10), "+r"(r8), "+r"(r9)
	                 : "D"(a), "S"(b)
	                 : "rcx", "r11", "memory", "cc");
	struct ret r = {nr, carry ? (int)nr : 0};
	return r;
}

#define SYS0(nr) sys6(nr, 0, 0, 0, 0, 0, 0)
#define SYS1(nr, a) sys6(nr, (long)(a), 0, 0, 0, 0, 0)
#define SYS2(nr, a, b) sys6(nr, (long)(a), (long)(b), 0, 0, 0, 0)
#define SYS3(nr, a, b, c) sys6(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define SYS4(nr, a, b, c, d) sys6(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define SYS6(nr, a, b, c, d, e, f) sys6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

// Memory.
enum { PAGE = 4096, PROT_NONE = 0, PROT_R = 1, PROT_RW = 3, PROT_RX = 5, SHARED = 1, PRIVATE = 2, FIXED = 0x10, ANON = 0x1000 };
char *map(u64 at, u64 size, int prot, int flags); // ends the program on failure

// LSF's own memory in every guest is given by the test: CODE, CODE_END, the
// engine's page, SCRATCH and its SLOT size (emul/host/region.go).
#define ENGINE (CODE + PAGE)

// Output, to descriptor 1.
void say(const char *format, ...); // %s %d %x
void die(const char *why, long n);

void *memset(void *p, int c, u64 n);
int equal(const char *a, const char *b);
long number(const char *s);
void pause_ms(long ms);

// A child that has not come forward for so long is killed.
struct progress {
	volatile u64 calls; // made so far
	volatile long nr, arg, value; // what is being tried
};

// await waits for a child and returns its status. When p->calls does not
// change for ms, the child is killed: *stuck is set.
int await(long pid, struct progress *p, long ms, int *stuck);

int wild(int first, int last);
int efault(void);
int region(void);
int absurd(void);
int execs(char **names);
int fuzz(u64 seed, long seconds);
int sane(void);

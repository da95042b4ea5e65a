#include "textflag.h"

// System call numbers, and flags of Linux.
#define SYS_write 1
#define SYS_mmap 9
#define SYS_rt_sigaction 13
#define SYS_rt_sigprocmask 14
#define SYS_close 3
#define SYS_dup2 33
#define SYS_fcntl 72
#define SYS_memfd_create 319
#define F_DUPFD_CLOEXEC 1030
#define SYS_getpid 39
#define SYS_clone 56
#define SYS_close_range 436
#define SYS_wait4 61
#define SYS_prctl 157
#define SYS_exit_group 231
#define SYS_prlimit64 302
#define RLIMIT_NOFILE 7
#define PR_SET_DUMPABLE 4
#define PR_SET_PTRACER 0x59616d61
#define PR_SET_TIMERSLACK 29
#define WALL 0x40000000
#define EINTR 4

// _lsf_entry is the program's ELF entry point (linker flag -E). Nothing of Go
// is up: no stack checks, no calls. The stack is as Linux leaves it.
TEXT _lsf_entry(SB),NOSPLIT|NOFRAME,$0
	MOVQ SP, ·initialStack(SB)

	// The supervisor must be allowed to trace this process, also where the
	// binary is not readable or Yama is strict. It revokes the latter.
	MOVQ $SYS_prctl, AX
	MOVQ $PR_SET_DUMPABLE, DI
	MOVQ $1, SI
	SYSCALL
	MOVQ $SYS_prctl, AX
	MOVQ $PR_SET_PTRACER, DI
	MOVQ $-1, SI
	SYSCALL

	// Room for LSF's region. The supervisor fills it in.
	MOVQ $SYS_mmap, AX
	MOVQ ·codeBase(SB), DI
	MOVQ ·codeSize(SB), SI
	MOVQ ·codeProt(SB), DX
	MOVQ $0x104022, R10       // MAP_PRIVATE|ANONYMOUS|NORESERVE|FIXED_NOREPLACE
	MOVQ $-1, R8
	MOVQ $0, R9
	SYSCALL
	CMPQ AX, ·codeBase(SB)
	JNE  nomem
	MOVQ $SYS_mmap, AX
	MOVQ ·scratchBase(SB), DI
	MOVQ ·scratchSize(SB), SI
	MOVQ $3, DX               // PROT_READ|PROT_WRITE
	SYSCALL
	CMPQ AX, ·scratchBase(SB)
	JNE  nomem

	// Which signals are ignored, before Go installs handlers in the child.
	XORQ R13, R13
	MOVQ $1, R12
sig:
	MOVQ $SYS_rt_sigaction, AX
	MOVQ R12, DI
	MOVQ $0, SI
	LEAQ -64(SP), DX
	MOVQ $8, R10
	SYSCALL
	CMPQ AX, $0
	JNE  nextsig
	CMPQ -64(SP), $1          // SIG_IGN
	JNE  nextsig
	LEAQ -1(R12), CX
	MOVQ $1, AX
	SHLQ CX, AX
	ORQ  AX, R13
nextsig:
	INCQ R12
	CMPQ R12, $64
	JLE  sig
	MOVQ R13, ·ignoredSignals(SB)

	// The supervisor must know whom it serves, even if its parent dies at once.
	MOVQ $SYS_getpid, AX
	SYSCALL
	MOVQ AX, ·guestPID(SB)

	// Exit signal 0: no wait of the guest's ever sees the supervisor.
	MOVQ $SYS_clone, AX
	MOVQ $0, DI
	MOVQ $0, SI
	MOVQ $0, DX
	MOVQ $0, R10
	MOVQ $0, R8
	SYSCALL
	CMPQ AX, $0
	JEQ  supervisor
	JLT  nofork

	// The guest-to-be. It is seized and rewritten while it waits; wait4
	// returns only if the supervisor has ended before that.
	MOVQ AX, R12
wait:
	MOVQ $SYS_wait4, AX
	MOVQ R12, DI
	LEAQ -64(SP), SI
	MOVQ $WALL, DX
	MOVQ $0, R10
	SYSCALL
	CMPQ AX, $-EINTR
	JEQ  wait
	MOVL -64(SP), DI
	CMPQ AX, R12
	JNE  died
	TESTL $0x7f, DI
	JNE  died
	SHRL $8, DI
	ANDL $0xff, DI
	CMPL DI, $2               // Go's runtime has given up
	JEQ  died
	JMP  exit
died:
	LEAQ ·msgDied(SB), SI
	MOVQ $41, DX
	JMP  complain
nofork:
	LEAQ ·msgFork(SB), SI
	MOVQ $36, DX
	JMP  complain
nomem:
	LEAQ ·msgMem(SB), SI
	MOVQ $44, DX
complain:
	MOVQ $SYS_write, AX
	MOVQ $2, DI
	SYSCALL
	MOVQ $126, DI
exit:
	MOVQ $SYS_exit_group, AX
	SYSCALL
	INT  $3

	// The supervisor: all signals are blocked for good, and Go starts with no
	// arguments and an environment of our own, so that neither GODEBUG nor
	// GOMAXPROCS, which are the guest's, changes how it works: one thread serves
	// guests, which later a second may help. Only auxv is passed on.
supervisor:
	MOVQ $-1, -64(SP)
	MOVQ $SYS_rt_sigprocmask, AX
	MOVQ $2, DI               // SIG_SETMASK
	LEAQ -64(SP), SI
	MOVQ $0, DX
	MOVQ $8, R10
	SYSCALL

	// Nothing that was inherited stays open but what may have to be said to
	// standard output and error. Later it would be too late: Go's own
	// descriptors are among the rest then.
	MOVQ $SYS_close_range, AX
	MOVQ $3, DI
	MOVL $0xffffffff, SI
	MOVQ $0, DX
	SYSCALL
	CMPQ AX, $0
	JEQ  closed
	MOVQ $3, R12
each:                             // Linux before 5.9
	MOVQ $SYS_close, AX
	MOVQ R12, DI
	SYSCALL
	INCQ R12
	CMPQ R12, $65536
	JNE  each
closed:
	MOVQ $SYS_fcntl, AX
	MOVQ $1, DI
	MOVQ $F_DUPFD_CLOEXEC, SI
	MOVQ $3, DX
	SYSCALL
	MOVQ AX, ·stdout(SB)
	MOVQ $SYS_fcntl, AX
	MOVQ $2, DI
	MOVQ $F_DUPFD_CLOEXEC, SI
	MOVQ $3, DX
	SYSCALL
	MOVQ AX, ·stderr(SB)

	// 0, 1 and 2 become a file of nobody's. Go insists that there are such,
	// and what its runtime writes when it gives up hurts nobody there.
	MOVQ $SYS_memfd_create, AX
	LEAQ ·argv0(SB), DI
	MOVQ $1, SI               // MFD_CLOEXEC
	SYSCALL
	MOVQ AX, R13
	MOVQ $0, R12
	CMPQ R13, $0
	JLT  stack
std:
	MOVQ $SYS_dup2, AX
	MOVQ R13, DI
	MOVQ R12, SI
	SYSCALL
	INCQ R12
	CMPQ R12, $3
	JNE  std
	CMPQ R13, $3
	JLT  stack
	MOVQ $SYS_close, AX
	MOVQ R13, DI
	SYSCALL
stack:

	// Go's monitor thread is the first that it starts. It wakes every 20 µs to see
	// that nobody hogs a CPU, on that of the thread which starts the program, if the
	// kernel is not told that it does not matter. main tells it otherwise for others.
	MOVQ $SYS_prctl, AX
	MOVQ $PR_SET_TIMERSLACK, DI
	MOVQ $10000000, SI        // ns
	SYSCALL

	// No file can be opened until main allows it. All that Go's runtime wants is
	// to know the limits of its cgroup, which it would read from /proc, only to
	// find that GOMAXPROCS is set.
	MOVQ $SYS_prlimit64, AX
	MOVQ $0, DI
	MOVQ $RLIMIT_NOFILE, SI
	MOVQ $0, DX
	LEAQ -64(SP), R10
	SYSCALL
	CMPQ AX, $0
	JNE  unlimited
	MOVQ $0, -64(SP)
	MOVQ $SYS_prlimit64, AX
	LEAQ -64(SP), DX
	MOVQ $0, R10
	SYSCALL
unlimited:
	MOVQ ·initialStack(SB), SI
	MOVQ 0(SI), CX
	LEAQ 16(SI)(CX*8), SI     // behind argv's zero
env:
	MOVQ 0(SI), AX
	ADDQ $8, SI
	TESTQ AX, AX
	JNZ  env
	SUBQ $2048, SP
	ANDQ $~15, SP
	MOVQ $1, 0(SP)
	LEAQ ·argv0(SB), AX
	MOVQ AX, 8(SP)
	MOVQ $0, 16(SP)
	LEAQ ·maxprocs(SB), AX
	MOVQ AX, 24(SP)
	MOVQ $0, 32(SP)
	LEAQ 40(SP), DI
auxv:
	MOVQ 0(SI), AX
	MOVQ 8(SI), BX
	MOVQ AX, 0(DI)
	MOVQ BX, 8(DI)
	ADDQ $16, SI
	ADDQ $16, DI
	TESTQ AX, AX
	JNZ  auxv
	JMP  _rt0_amd64_linux(SB)

DATA ·msgDied+0(SB)/8, $"lsf: the"
DATA ·msgDied+8(SB)/8, $" supervi"
DATA ·msgDied+16(SB)/8, $"sor died"
DATA ·msgDied+24(SB)/8, $" during "
DATA ·msgDied+32(SB)/8, $"start-up"
DATA ·msgDied+40(SB)/1, $"\n"
GLOBL ·msgDied(SB), RODATA+NOPTR, $41
DATA ·msgFork+0(SB)/8, $"lsf: can"
DATA ·msgFork+8(SB)/8, $"not fork"
DATA ·msgFork+16(SB)/8, $" to make"
DATA ·msgFork+24(SB)/8, $" supervi"
DATA ·msgFork+32(SB)/4, $"sor\n"
GLOBL ·msgFork(SB), RODATA+NOPTR, $36
DATA ·msgMem+0(SB)/8, $"lsf: can"
DATA ·msgMem+8(SB)/8, $"not map "
DATA ·msgMem+16(SB)/8, $"memory f"
DATA ·msgMem+24(SB)/8, $"or the g"
DATA ·msgMem+32(SB)/8, $"uest's r"
DATA ·msgMem+40(SB)/4, $"oom\n"
GLOBL ·msgMem(SB), RODATA+NOPTR, $44
DATA ·argv0+0(SB)/4, $0x66736c
GLOBL ·argv0(SB), RODATA+NOPTR, $4
DATA ·maxprocs+0(SB)/8, $"GOMAXPRO"
DATA ·maxprocs+8(SB)/4, $"CS=1"
DATA ·maxprocs+12(SB)/1, $0
GLOBL ·maxprocs(SB), RODATA+NOPTR, $13

#include "go_asm.h"
#include "textflag.h"

// The locks of _umtx_op(2), as code that runs in the guest's own thread: it
// changes the guest's words atomically and sleeps in Linux's futexes on them,
// so that processes of any tree that share the memory share the lock, and a
// thread that is killed leaves nothing to tidy up. States, errors and their
// order are those of sys/kern/kern_umtx.c; umtx.go says which calls come here,
// emul/host/routine.go how the code is entered, interrupted and left.
//
// FreeBSD changes words and queues under a lock. Here whoever clears a mark
// that says "somebody sleeps" looks for sleepers afterwards and repairs it;
// who is about to sleep names the value that has the mark, so that Linux does
// not let it sleep once the mark is gone.
//
// Registers in the body: R15 frame, BX object, R13 FUTEX_PRIVATE_FLAG or 0,
// BP how the last sleep ended, R12 the thread's ID, R14 the operation's own.

#define TID_BASE	100000	// tidBase of thread.go

#define CONTESTED	0x80000000
#define OWNERDEAD	0x80000010
#define NOTRECOV	0x80000011
#define PRIO_INHERIT	0x04
#define PRIO_PROTECT	0x08
#define NONCONSISTENT	0x20
#define OWNER		0x7fffffff

#define WRITE_OWNER	0x80000000
#define WRITE_WAITERS	0x40000000
#define READ_WAITERS	0x20000000
#define READERS		0x1fffffff
#define PREFER_READER	0x02

#define HAS_WAITERS	0x80000000	// of a semaphore
#define COUNT		0x7fffffff

#define EPERM		1
#define EINTR		4
#define EDEADLK		11
#define EBUSY		16
#define EINVAL		22
#define EAGAIN		35
#define ETIMEDOUT	60
#define ENOTRECOVERABLE	95
#define EOWNERDEAD	96
#define RESTART		254	// emul.RoutineRestart
#define RESTART_IF	255	// emul.RoutineRestartIfAsked

#define SYS_FUTEX	202
#define SYS_GETTID	186
#define FUTEX_REQUEUE	3
#define FUTEX_WAIT_BITSET	9
#define FUTEX_WAKE_BITSET	10
#define FUTEX_CLOCK_REALTIME	256
#define FUTEX_PRIVATE	128
#define ALL		0x7fffffff
#define ANYBIT		0xffffffff
#define FOR_READERS	1	// bits of a rwlock's sleepers
#define FOR_WRITERS	2

// The frame, below the guest's red zone. emul/host/routine.go knows the first
// part of it.
#define FRAME		384
#define fOBJ	0(R15)
#define fOP	8(R15)
#define fVAL	16(R15)
#define fUADDR1	24(R15)
#define fUADDR2	32(R15)
#define fRET	40(R15)
#define fINTR	96(R15)		// a signal is waiting: do not sleep
#define fFROM	104(R15)	// -1: a patched call site
#define fWAITOP	112(R15)
#define fTIME	120(R15)	// struct timespec of Linux, or 0
#define fONINTR	128(R15)	// what an interrupted operation answers
#define fSEQ	136(R15)
#define fPRIV	144(R15)

#define MARK(n)	BYTE $0x0f; BYTE $0x1f; BYTE $0x84; BYTE $0x00; LONG $(0x46534c00+n)

#define CAS(new, at)	LOCK; CMPXCHGL new, at

// The only place that sleeps. It must come first.
// DI word, DX expected value, R9 bits. AX: 0 or -errno of Linux.
TEXT fwait<>(SB),NOSPLIT|NOFRAME,$0-0
	MOVL	fWAITOP, SI
	ORL	R13, SI
	MOVQ	fTIME, R10
	CMPL	fINTR, $0
	JNE	fintr
	MOVL	$SYS_FUTEX, AX
	SYSCALL
	RET
fintr:
	MOVQ	$-EINTR, AX
	RET

// fwake wakes DX sleepers on DI that have one of the bits in R9. AX: how many.
TEXT fwake<>(SB),NOSPLIT|NOFRAME,$0-0
	MOVL	$FUTEX_WAKE_BITSET, SI
	ORL	R13, SI
	MOVL	$SYS_FUTEX, AX
	SYSCALL
	RET

// fwakecount wakes DX of them and adds how many more there are, at most R10.
TEXT fwakecount<>(SB),NOSPLIT|NOFRAME,$0-0
	MOVL	$FUTEX_REQUEUE, SI
	ORL	R13, SI
	MOVQ	DI, R8
	MOVL	$SYS_FUTEX, AX
	SYSCALL
	RET

// fcount tells how many sleep on DI, at most R10: it moves them to where they are.
TEXT fcount<>(SB),NOSPLIT|NOFRAME,$0-0
	XORL	DX, DX
	JMP	fwakecount<>(SB)

// sleep is fwait with its end in BP: 0 if woken or not let to sleep.
TEXT sleep<>(SB),NOSPLIT|NOFRAME,$0-0
	CALL	fwait<>(SB)
	TESTQ	AX, AX
	JEQ	woken
	CMPQ	AX, $-11	// EAGAIN of Linux
	JNE	unwoken
	JMP	woken
unwoken:
	MOVL	$ETIMEDOUT, BP
	CMPQ	AX, $-110
	JEQ	slept
	MOVL	fONINTR, BP
	CMPQ	AX, $-EINTR
	JEQ	slept
	NEGQ	AX
	MOVL	AX, BP
slept:
	RET
woken:
	XORL	BP, BP
	RET

// self gets the thread's ID into R12.
TEXT self<>(SB),NOSPLIT|NOFRAME,$0-0
	MOVL	$SYS_GETTID, AX
	SYSCALL
	LEAL	TID_BASE(AX), R12
	RET

// private sets R13 for an object with the flags in AX. A robust mutex is never
// private: Linux wakes who waits for a dead thread's, and takes it for shared.
TEXT private<>(SB),NOSPLIT|NOFRAME,$0-0
	XORL	R13, R13
	TESTL	$0x11, AX	// USYNC_PROCESS_SHARED, UMUTEX_ROBUST
	JNE	2(PC)
	MOVL	$FUTEX_PRIVATE, R13
	RET

// wakeval is kern_umtx_wake: fewer than one means one.
TEXT wakeval<>(SB),NOSPLIT|NOFRAME,$0-0
	MOVQ	BX, DI
	MOVL	fVAL, DX
	MOVL	$ANYBIT, R9
	CMPL	DX, $1
	JGE	2(PC)
	MOVL	$1, DX
	JMP	fwake<>(SB)

// contend marks the mutex, whose owner is AX, as contested and sleeps.
TEXT contend<>(SB),NOSPLIT|NOFRAME,$0-0
	MOVL	AX, DX
	ORL	$CONTESTED, DX
	CAS(DX, 0(BX))
	JNE	contended	// it has changed: look again
	MOVQ	BX, DI
	MOVL	$ANYBIT, R9
	JMP	sleep<>(SB)
contended:
	RET

// repair is do_wake2_umutex: the mark CONTESTED is set again if there are
// sleepers left, and one is woken if the mutex is free. It changes no memory
// if nobody sleeps: the mutex may be gone. AX: 0.
TEXT repair<>(SB),NOSPLIT|NOFRAME,$0-0
	MOVL	0(BX), AX
	MOVQ	BX, DI
	MOVL	$2, R10
	CALL	fcount<>(SB)
	MOVL	AX, DX
	TESTL	DX, DX
	JLE	repaired
	MOVL	0(BX), AX
rpmark:
	TESTL	$CONTESTED, AX
	JNE	rpwake
	CMPL	DX, $1
	JGT	rpset
	TESTL	AX, AX
	JEQ	rpwake
rpset:
	MOVL	AX, CX
	ORL	$CONTESTED, CX
	CAS(CX, 0(BX))
	JNE	rpmark
rpwake:
	TESTL	$OWNER, AX
	JEQ	rpfree
	CMPL	AX, $OWNERDEAD
	JEQ	rpfree
	CMPL	AX, $NOTRECOV
	JNE	repaired
rpfree:
	MOVQ	BX, DI
	MOVL	$1, DX
	MOVL	$ANYBIT, R9
	CALL	fwake<>(SB)
repaired:
	XORL	AX, AX
	RET

// unlock is do_unlock_umutex on BX. AX: errno.
TEXT unlock<>(SB),NOSPLIT|NOFRAME,$0-0
	CALL	self<>(SB)
	MOVL	4(BX), AX
	CALL	private<>(SB)
	MOVL	$0, DX
	TESTL	$NONCONSISTENT, AX
	JEQ	2(PC)
	MOVL	$NOTRECOV, DX
	ANDL	$(PRIO_INHERIT|PRIO_PROTECT), AX
	CMPL	AX, $PRIO_PROTECT
	JEQ	unlockpp
	CMPL	AX, $(PRIO_INHERIT|PRIO_PROTECT)
	JEQ	uninval
unagain:
	MOVL	0(BX), AX
	MOVL	AX, CX
	ANDL	$OWNER, CX
	CMPL	CX, R12
	JNE	unperm
	MOVL	AX, CX
	CAS(DX, 0(BX))
	JNE	unagain
	XORL	AX, AX
	TESTL	$CONTESTED, CX
	JEQ	unlocked
	JMP	repair<>(SB)
unlocked:
	RET
unlockpp:
	MOVL	0(BX), AX
	ANDL	$OWNER, AX
	CMPL	AX, R12
	JNE	unperm
	MOVL	12(BX), AX
	CMPL	AX, $-1
	JEQ	3(PC)
	CMPL	AX, $31
	JHI	uninval
	ORL	$CONTESTED, DX
	XCHGL	DX, 0(BX)
	MOVQ	BX, DI
	MOVL	$1, DX
	MOVL	$ANYBIT, R9
	CALL	fwake<>(SB)
	XORL	AX, AX
	RET
unperm:
	MOVL	$EPERM, AX
	RET
uninval:
	MOVL	$EINVAL, AX
	RET

// cvall wakes all who sleep on the condition variable.
TEXT cvall<>(SB),NOSPLIT|NOFRAME,$0-0
	LOCK
	INCL	12(BX)
	LEAQ	12(BX), DI
	MOVL	$ALL, DX
	MOVL	$ANYBIT, R9
	JMP	fwake<>(SB)

// cvclear says that nobody sleeps. Who comes just now is sent away to try again.
TEXT cvclear<>(SB),NOSPLIT|NOFRAME,$0-0
	XORL	AX, AX
	XCHGL	AX, 0(BX)
	JMP	cvall<>(SB)

// rwwakeall wakes all of the class in R9.
TEXT rwwakeall<>(SB),NOSPLIT|NOFRAME,$0-0
	MOVL	$ALL, DX
	MOVQ	BX, DI
	JMP	fwake<>(SB)

// ruwriters and rureaders wake, after unlocking, who R12 says is waiting. Flags as
// for a count of those woken.
TEXT ruwriters<>(SB),NOSPLIT|NOFRAME,$0-0
	XORL	AX, AX
	TESTL	$WRITE_WAITERS, R12
	JEQ	ruwoken
	MOVL	$FOR_WRITERS, R9
	MOVL	$1, DX
	MOVQ	BX, DI
	CALL	fwake<>(SB)
ruwoken:
	TESTL	AX, AX
	RET

TEXT rureaders<>(SB),NOSPLIT|NOFRAME,$0-0
	XORL	AX, AX
	TESTL	$READ_WAITERS, R12
	JEQ	nonewoken
	MOVL	$FOR_READERS, R9
	CALL	rwwakeall<>(SB)
nonewoken:
	TESTL	AX, AX
	RET

TEXT umtxMain<>(SB),NOSPLIT|NOFRAME,$0-0
	MARK(1)
	// From the supervisor: AX futex operation for sleeping (the upper half is
	// not 0 if it must not sleep), R8 Linux's
	// timeout or 0, the rest as the guest has it, R9 where to return.
	JMP	prologue
	MARK(2)
	// From a patched call site: R8 as the guest has it.
	MOVL	$-1, AX
prologue:
	LEAQ	-FRAME(SP), SP
	MOVQ	DI, 0(SP)
	MOVQ	SI, 8(SP)
	MOVQ	DX, 16(SP)
	MOVQ	R10, 24(SP)
	MOVQ	R8, 32(SP)
	MOVQ	R9, 40(SP)
	MOVQ	BX, 48(SP)
	MOVQ	BP, 56(SP)
	MOVQ	R12, 64(SP)
	MOVQ	R13, 72(SP)
	MOVQ	R14, 80(SP)
	MOVQ	R15, 88(SP)
	MOVQ	AX, R11
	SHRQ	$32, R11
	MOVQ	R11, 96(SP)
	MOVQ	AX, 104(SP)
	MOVQ	AX, 112(SP)
	MOVQ	R8, 120(SP)
	MOVQ	SP, R15
	MARK(3)
	MOVQ	fOBJ, BX
	XORL	BP, BP
	XORL	R13, R13
	MOVQ	$EINTR, fONINTR
	MOVL	fOP, CX
	CMPL	fWAITOP, $-1
	JNE	dispatch
	MOVL	$FUTEX_WAIT_BITSET, fWAITOP
	MOVL	$const_umtxAwake, DI
	CMPL	(DI), $0
	JNE	slow
	TESTQ	R8, R8
	JEQ	dispatch
	// With a timeout, only the WAIT forms are known to fit Linux as they are.
	CMPL	CX, $2
	JEQ	timed
	CMPL	CX, $11
	JEQ	timed
	CMPL	CX, $15
	JNE	slow
timed:
	MOVL	$const_umtxTimeouts, DI
	CMPL	(DI), $0
	JNE	slow
	MOVL	$0, fWAITOP	// FUTEX_WAIT, relative
	CMPQ	R10, $16
	JLS	dispatch
	TESTL	$1, 16(R8)	// UMTX_ABSTIME
	JEQ	dispatch
	MOVL	$FUTEX_WAIT_BITSET, fWAITOP
	CMPL	20(R8), $4	// CLOCK_MONOTONIC
	JEQ	dispatch
	ORL	$FUTEX_CLOCK_REALTIME, fWAITOP
	CMPL	20(R8), $0	// CLOCK_REALTIME
	JNE	slow

dispatch:
	CMPL	CX, $15
	JEQ	waituint
	CMPL	CX, $16
	JEQ	wakeprivate
	CMPL	CX, $17
	JEQ	mutexwait
	CMPL	CX, $22
	JEQ	mutexwake2
	CMPL	CX, $8
	JEQ	cvwait
	CMPL	CX, $9
	JEQ	cvsignal
	CMPL	CX, $10
	JEQ	cvbroadcast
	CMPL	CX, $23
	JEQ	sem2wait
	CMPL	CX, $24
	JEQ	sem2wake
	CMPL	CX, $12
	JEQ	rdlock
	CMPL	CX, $13
	JEQ	wrlock
	CMPL	CX, $14
	JEQ	rwunlock
	CMPL	CX, $5
	JEQ	mutexlock
	CMPL	CX, $4
	JEQ	mutextry
	CMPL	CX, $6
	JEQ	mutexunlock
	CMPL	CX, $11
	JEQ	waituint
	CMPL	CX, $2
	JEQ	waitlong
	CMPL	CX, $3
	JEQ	wake
	CMPL	CX, $21
	JEQ	nwake
	CMPL	CX, $7
	JEQ	setceiling
	CMPL	CX, $18
	JEQ	mutexwake
	CMPL	CX, $19
	JEQ	semwait
	CMPL	CX, $20
	JEQ	semwake
	CMPL	CX, $0
	JEQ	umtxlock
	CMPL	CX, $1
	JEQ	umtxunlock
	JMP	slow





// Waiting for a value (do_wait, kern_umtx_wake). WAIT may be woken by
// WAKE_PRIVATE, so that these are never private in Linux's sense.

waitlong:
	MOVQ	fVAL, AX
	CMPQ	AX, 0(BX)
	JNE	ok
waituint:
	MOVQ	BX, DI
	MOVL	fVAL, DX
	MOVL	$ANYBIT, R9
	CALL	sleep<>(SB)
	MOVL	BP, AX
	JMP	exit

wakeprivate:
	CALL	wakeval<>(SB)
	CMPQ	AX, $-14	// EFAULT: a private key needs no memory
	JEQ	ok
	JMP	woken
wake:
	CALL	wakeval<>(SB)
woken:
	TESTQ	AX, AX
	JGE	ok
	NEGQ	AX
	JMP	exit


nwake:
	XORL	R14, R14
nwakenext:
	MOVL	fVAL, AX
	CMPL	R14, AX
	JGE	ok
	MOVQ	(BX)(R14*8), DI
	MOVL	$ALL, DX
	MOVL	$ANYBIT, R9
	CALL	fwake<>(SB)
	INCL	R14
	JMP	nwakenext

// Mutexes. R14: 0 lock, 1 try, 2 wait (do_lock_umutex).

mutexwait:
	MOVL	$2, R14
	MOVL	$RESTART_IF, fONINTR
	JMP	lock
mutextry:
	MOVL	$1, R14
	JMP	lockid
mutexlock:
	XORL	R14, R14
	MOVL	$RESTART, fONINTR
lockid:
	CALL	self<>(SB)
lock:
	CMPQ	fTIME, $0
	JEQ	2(PC)
	MOVL	$EINTR, fONINTR	// timed locking is not restarted
	MOVL	4(BX), AX
	CALL	private<>(SB)
	ANDL	$(PRIO_INHERIT|PRIO_PROTECT), AX
	JEQ	lknormal
	CMPL	R14, $2
	JNE	2(PC)
	CALL	self<>(SB)		// only MUTEX_WAIT has not asked yet
	MOVL	4(BX), AX
	ANDL	$(PRIO_INHERIT|PRIO_PROTECT), AX
	CMPL	AX, $PRIO_INHERIT
	JEQ	lkpi
	CMPL	AX, $PRIO_PROTECT
	JEQ	lkpp
	JMP	einval

lknormal:
	MOVL	0(BX), AX
	CMPL	R14, $2
	JEQ	lkwait
	CMPL	AX, $OWNERDEAD
	JEQ	lkdead
	CMPL	AX, $NOTRECOV
	JEQ	enotrecov
	MOVL	R12, CX
	TESTL	AX, AX
	JEQ	lktake
	CMPL	AX, $CONTESTED
	JNE	lkbusy
	ORL	$CONTESTED, CX
lktake:
	CAS(CX, 0(BX))
	JEQ	ok
	JMP	lknormal
lkdead:
	MOVL	R12, CX
	ORL	$CONTESTED, CX
	CAS(CX, 0(BX))
	JEQ	eownerdead
	JMP	lknormal
lkwait:
	TESTL	$OWNER, AX
	JEQ	ok
	CMPL	AX, $OWNERDEAD
	JEQ	ok
	CMPL	AX, $NOTRECOV
	JEQ	ok
lkbusy:
	CMPL	R14, $1
	JEQ	ebusy
	TESTL	BP, BP
	JNE	ebp
	CALL	contend<>(SB)
	JMP	lknormal


lkpi:
	XORL	AX, AX
	CAS(R12, 0(BX))
	JEQ	ok
	CMPL	AX, $NOTRECOV
	JEQ	enotrecov
	CMPL	AX, $CONTESTED
	JEQ	lkpifree
	CMPL	AX, $OWNERDEAD
	JNE	lkpibusy
lkpifree:
	MOVL	AX, DX
	MOVL	R12, CX
	ORL	$CONTESTED, CX
	CAS(CX, 0(BX))
	JNE	lkpi
	CMPL	DX, $OWNERDEAD
	JEQ	eownerdead
	JMP	ok
lkpibusy:
	MOVL	AX, CX
	ANDL	$OWNER, CX
	CMPL	CX, R12
	JEQ	edeadlk
	TESTL	R14, R14
	JNE	ebusy
	TESTL	BP, BP
	JNE	ebp
	CALL	contend<>(SB)
	JMP	lkpi

// A mutex with a ceiling is CONTESTED when free: who locks always comes here.
// The supervisor has compared the thread's own priority.
lkpp:
	CMPL	fFROM, $-1
	JEQ	slow
	MOVL	8(BX), AX
	CMPL	AX, $31		// RTP_PRIO_MAX
	JHI	einval
	MOVL	R12, CX
	ORL	$CONTESTED, CX
	MOVL	$CONTESTED, AX
	CAS(CX, 0(BX))
	JEQ	ok
	CMPL	AX, $OWNERDEAD
	JNE	lkpprec
	CAS(CX, 0(BX))
	JEQ	eownerdead
	JMP	lkpp
lkpprec:
	CMPL	AX, $NOTRECOV
	JNE	2(PC)
	MOVL	$ENOTRECOVERABLE, BP
	TESTL	R14, R14
	JNE	ebusy
	TESTL	BP, BP
	JNE	ebp
	MOVQ	BX, DI
	MOVL	AX, DX
	MOVL	$ANYBIT, R9
	CALL	sleep<>(SB)
	JMP	lkpp

mutexunlock:
	CALL	unlock<>(SB)
	JMP	exit



mutexwake2:
	MOVL	fVAL, AX
	CALL	private<>(SB)
	ANDL	$(PRIO_INHERIT|PRIO_PROTECT), AX
	CMPL	AX, $(PRIO_INHERIT|PRIO_PROTECT)
	JEQ	einval
	CALL	repair<>(SB)
	JMP	exit

mutexwake:
	MOVL	0(BX), AX
	CMPL	AX, $OWNERDEAD
	JEQ	mwrepair
	CMPL	AX, $NOTRECOV
	JEQ	mwrepair
	TESTL	$OWNER, AX
	JNE	ok
mwrepair:
	MOVL	4(BX), AX
	CALL	private<>(SB)
	MOVQ	BX, DI
	MOVL	$2, R10
	CALL	fcount<>(SB)
	CMPL	AX, $1
	JGT	mwwake
	MOVL	$CONTESTED, AX
	XORL	CX, CX
	CAS(CX, 0(BX))
mwwake:
	CALL	repair<>(SB)
	JMP	exit

setceiling:
	MOVL	4(BX), AX
	TESTL	$PRIO_PROTECT, AX
	JEQ	einval
	MOVL	fVAL, CX
	CMPL	CX, $31
	JHI	einval
	CALL	private<>(SB)
	CALL	self<>(SB)
	MOVL	$RESTART_IF, fONINTR
scagain:
	MOVL	8(BX), R14
	MOVL	R12, CX
	ORL	$CONTESTED, CX
	MOVL	$CONTESTED, AX
	CAS(CX, 0(BX))
	JNE	scheld
	MOVL	fVAL, CX
	MOVL	CX, 8(BX)
	MOVL	$CONTESTED, CX
	XCHGL	CX, 0(BX)
	JMP	scdone
scheld:
	MOVL	AX, CX
	ANDL	$OWNER, CX
	CMPL	CX, R12
	JNE	scother
	MOVL	fVAL, CX
	MOVL	CX, 8(BX)
scdone:
	MOVQ	BX, DI
	MOVL	$ALL, DX
	MOVL	$ANYBIT, R9
	CALL	fwake<>(SB)
	MOVQ	fUADDR1, CX
	TESTQ	CX, CX
	JEQ	ok
	MOVL	R14, 0(CX)
	JMP	ok
scother:
	CMPL	AX, $OWNERDEAD
	JEQ	eownerdead
	CMPL	AX, $NOTRECOV
	JEQ	enotrecov
	TESTL	BP, BP
	JNE	ebp
	MOVQ	BX, DI
	MOVL	AX, DX
	MOVL	$ANYBIT, R9
	CALL	sleep<>(SB)
	JMP	scagain

// Condition variables. c_has_waiters is 1 while somebody sleeps. The word
// behind c_clockid, which FreeBSD leaves spare, counts wake-ups: a waiter that
// has given up its mutex and does not sleep yet finds it changed.

cvwait:
	TESTL	$4, fVAL	// CVWAIT_CLOCKID
	JEQ	cvclock
	CMPL	8(BX), $14	// CLOCK_THREAD_CPUTIME_ID: no clock of hardware
	JCC	einval
cvclock:
	MOVL	4(BX), AX
	ANDL	$1, AX
	CALL	private<>(SB)
	MOVL	R13, fPRIV
cvenlist:
	MOVL	$1, AX
	XCHGL	AX, 0(BX)
	MOVL	12(BX), AX
	MOVL	AX, fSEQ
	CMPL	0(BX), $0	// somebody has cleared it meanwhile
	JEQ	cvenlist
	MOVQ	fUADDR1, BX
	CALL	unlock<>(SB)
	MOVQ	fOBJ, BX
	MOVL	fPRIV, R13
	MOVL	AX, BP
	TESTL	BP, BP
	JNE	cvleave
	LEAQ	12(BX), DI
	MOVL	fSEQ, DX
	MOVL	$ANYBIT, R9
	CALL	sleep<>(SB)
	TESTL	BP, BP
	JEQ	ok
cvleave:
	LEAQ	12(BX), DI
	MOVL	$1, R10
	CALL	fcount<>(SB)
	TESTL	AX, AX
	JNE	ebp
	CALL	cvclear<>(SB)
	JMP	ebp


cvsignal:
	MOVL	4(BX), AX
	ANDL	$1, AX
	CALL	private<>(SB)
	LOCK
	INCL	12(BX)
	LEAQ	12(BX), DI
	MOVL	$1, DX
	MOVL	$1, R10
	CALL	fwakecount<>(SB)
	CMPL	AX, $1
	JGT	ok
	CALL	cvclear<>(SB)
	JMP	ok

cvbroadcast:
	MOVL	4(BX), AX
	ANDL	$1, AX
	CALL	private<>(SB)
	CALL	cvall<>(SB)
	CALL	cvclear<>(SB)
	JMP	ok

// Read-write locks: rw_state, rw_flags, rw_blocked_readers, rw_blocked_writers.

rdlock:
	MOVL	4(BX), AX
	MOVL	$(WRITE_OWNER|WRITE_WAITERS), R14
	MOVL	AX, CX
	ORL	fVAL, CX
	TESTL	$PREFER_READER, CX
	JEQ	2(PC)
	MOVL	$WRITE_OWNER, R14
	ANDL	$1, AX
	CALL	private<>(SB)
rdagain:
	MOVL	0(BX), AX
rdtry:
	TESTL	R14, AX
	JNE	rdbusy
	MOVL	AX, CX
	ANDL	$READERS, CX
	CMPL	CX, $READERS
	JEQ	eagain
	LEAL	1(AX), CX
	CAS(CX, 0(BX))
	JEQ	ok
	JMP	rdtry
rdbusy:
	LOCK
	INCL	8(BX)
rdblocked:
	MOVL	0(BX), AX
	TESTL	R14, AX
	JEQ	rdleave
	MOVL	AX, DX
	ORL	$READ_WAITERS, DX
	CMPL	AX, DX
	JEQ	rdsleep
	CAS(DX, 0(BX))
	JNE	rdblocked
rdsleep:
	MOVQ	BX, DI
	MOVL	$FOR_READERS, R9
	CALL	sleep<>(SB)
	TESTL	BP, BP
	JEQ	rdblocked
rdleave:
	LOCK
	DECL	8(BX)
	JNE	rdleft
	LOCK
	ANDL	$0xdfffffff, 0(BX)
	CMPL	8(BX), $0
	JEQ	rdleft
	MOVL	$FOR_READERS, R9
	CALL	rwwakeall<>(SB)
rdleft:
	TESTL	BP, BP
	JNE	ebp
	JMP	rdagain


wrlock:
	MOVL	4(BX), AX
	ANDL	$1, AX
	CALL	private<>(SB)
	XORL	R14, R14
wragain:
	MOVL	0(BX), AX
wrtry:
	TESTL	$(WRITE_OWNER|READERS), AX
	JNE	wrbusy
	MOVL	AX, CX
	ORL	$WRITE_OWNER, CX
	CAS(CX, 0(BX))
	JEQ	ok
	JMP	wrtry
wrbusy:
	TESTL	BP, BP
	JEQ	wrblock
	// Readers that waited for this writer only need wait no longer.
	TESTL	$(WRITE_OWNER|WRITE_WAITERS), AX
	JNE	ebp
	TESTL	R14, R14
	JEQ	ebp
	MOVL	$FOR_READERS, R9
	CALL	rwwakeall<>(SB)
	JMP	ebp
wrblock:
	LOCK
	INCL	12(BX)
wrblocked:
	MOVL	0(BX), AX
	TESTL	$(WRITE_OWNER|READERS), AX
	JEQ	wrleave
	MOVL	AX, DX
	ORL	$WRITE_WAITERS, DX
	CMPL	AX, DX
	JEQ	wrsleep
	CAS(DX, 0(BX))
	JNE	wrblocked
wrsleep:
	MOVQ	BX, DI
	MOVL	$FOR_WRITERS, R9
	CALL	sleep<>(SB)
	TESTL	BP, BP
	JEQ	wrblocked
wrleave:
	XORL	R14, R14
	LOCK
	DECL	12(BX)
	JNE	wragain
	LOCK
	ANDL	$0xbfffffff, 0(BX)
	CMPL	12(BX), $0
	JEQ	wrleft
	MOVL	$FOR_WRITERS, R9
	CALL	rwwakeall<>(SB)
wrleft:
	MOVL	8(BX), R14
	JMP	wragain

rwunlock:
	MOVL	4(BX), AX
	MOVL	AX, R14
	ANDL	$1, AX
	CALL	private<>(SB)
	MOVL	0(BX), AX
	TESTL	$WRITE_OWNER, AX
	JEQ	ruread
ruwrite:
	MOVL	AX, CX
	ANDL	$0x7fffffff, CX
	CAS(CX, 0(BX))
	JEQ	rudone
	TESTL	$WRITE_OWNER, AX
	JNE	ruwrite
	JMP	eperm
ruread:
	TESTL	$READERS, AX
	JEQ	eperm
	LEAL	-1(AX), CX
	CAS(CX, 0(BX))
	JNE	ruread
rudone:
	// AX is the state before. Writers come first, or readers if preferred;
	// the others when a mark has proved to be stale.
	MOVL	AX, R12
	TESTL	$PREFER_READER, R14
	JNE	ruprefer
	CALL	ruwriters<>(SB)
	JGT	ok
	CALL	rureaders<>(SB)
	JMP	ok
ruprefer:
	CALL	rureaders<>(SB)
	JGT	ok
	CALL	ruwriters<>(SB)
	JMP	ok


// Semaphores: _count with the mark HAS_WAITERS, _flags.

sem2wait:
	MOVL	$RESTART_IF, fONINTR
	MOVL	4(BX), AX
	ANDL	$1, AX
	CALL	private<>(SB)
	MOVL	$HAS_WAITERS, DX
s2look:
	MOVL	0(BX), AX
	TESTL	$COUNT, AX
	JNE	ok
	CMPL	AX, DX
	JEQ	s2sleep
	CAS(DX, 0(BX))
	JNE	s2look
s2sleep:
	MOVQ	BX, DI
	MOVL	$ANYBIT, R9
	CALL	sleep<>(SB)
	CMPQ	AX, $-11	// EAGAIN of Linux: the count has changed
	JEQ	s2look
	JMP	ebp

sem2wake:
	MOVL	4(BX), AX
	ANDL	$1, AX
	CALL	private<>(SB)
	MOVQ	BX, DI
	MOVL	$2, R10
	CALL	fcount<>(SB)
	MOVL	AX, R14
	TESTL	AX, AX
	JLE	ok
	CMPL	AX, $1
	JGT	3(PC)
	LOCK
	ANDL	$COUNT, 0(BX)
	MOVQ	BX, DI
	MOVL	$1, DX
	MOVL	$ANYBIT, R9
	CALL	fwake<>(SB)
	CMPL	R14, $1
	JGT	ok
	// Somebody may have come to sleep before the mark was cleared.
	MOVQ	BX, DI
	MOVL	$1, R10
	CALL	fcount<>(SB)
	TESTL	AX, AX
	JLE	ok
	LOCK
	ORL	$HAS_WAITERS, 0(BX)
	TESTL	$COUNT, 0(BX)
	JEQ	ok
	JMP	semone

// The older ones: _has_waiters, _count, _flags. They sleep on _has_waiters.

semwait:
	MOVL	$RESTART_IF, fONINTR
	MOVL	8(BX), AX
	ANDL	$1, AX
	CALL	private<>(SB)
smlook:
	MOVL	$1, AX
	XCHGL	AX, 0(BX)
	CMPL	4(BX), $0
	JEQ	smsleep
	TESTL	AX, AX
	JNE	ok
	XCHGL	AX, 0(BX)
	MOVQ	BX, DI
	MOVL	$ALL, DX
	MOVL	$ANYBIT, R9
	CALL	fwake<>(SB)
	JMP	ok
smsleep:
	MOVQ	BX, DI
	MOVL	$1, DX
	MOVL	$ANYBIT, R9
	CALL	sleep<>(SB)
	CMPQ	AX, $-11
	JEQ	smlook
	JMP	ebp

semwake:
	MOVL	8(BX), AX
	ANDL	$1, AX
	CALL	private<>(SB)
	MOVQ	BX, DI
	MOVL	$2, R10
	CALL	fcount<>(SB)
	CMPL	AX, $1
	JGT	semone
	XORL	AX, AX
	XCHGL	AX, 0(BX)
	MOVQ	BX, DI
	MOVL	$1, DX
	MOVL	$ANYBIT, R9
	CALL	fwake<>(SB)
	MOVQ	BX, DI
	MOVL	$1, R10
	CALL	fcount<>(SB)
	TESTL	AX, AX
	JLE	ok
	MOVL	$1, AX
	XCHGL	AX, 0(BX)
	CMPL	4(BX), $0
	JEQ	ok
semone:
	MOVQ	BX, DI
	MOVL	$1, DX
	MOVL	$ANYBIT, R9
	CALL	fwake<>(SB)
	JMP	ok

// The mutex of FreeBSD 5 to 9: one long, the owner's ID as it says itself,
// with the mark in the highest bit (do_lock_umtx). Sleepers watch its low half.

umtxlock:
	MOVL	$RESTART, fONINTR
	CMPQ	fTIME, $0
	JEQ	2(PC)
	MOVL	$EINTR, fONINTR
ulagain:
	XORL	AX, AX
	MOVQ	fVAL, CX
	LOCK
	CMPXCHGQ	CX, 0(BX)
	JEQ	ok
	MOVQ	AX, DX
	BTSQ	$63, DX
	MOVQ	AX, CX
	BTRQ	$63, CX
	TESTQ	CX, CX
	JNE	ulheld
	MOVQ	fVAL, CX
	BTSQ	$63, CX
	LOCK
	CMPXCHGQ	CX, 0(BX)
	JEQ	ok
	JMP	ulagain
ulheld:
	TESTL	BP, BP
	JNE	ebp
	LOCK
	CMPXCHGQ	DX, 0(BX)
	JNE	ulagain
	MOVQ	BX, DI
	MOVL	$ANYBIT, R9
	CALL	sleep<>(SB)
	JMP	ulagain

umtxunlock:
	MOVQ	0(BX), AX
	MOVQ	AX, CX
	BTRQ	$63, CX
	CMPQ	CX, fVAL
	JNE	eperm
	XORL	CX, CX
	LOCK
	CMPXCHGQ	CX, 0(BX)
	JNE	umtxunlock
	TESTQ	AX, AX
	JGE	ok
	MOVQ	BX, DI
	MOVL	$2, R10
	CALL	fcount<>(SB)
	TESTL	AX, AX
	JLE	ok
	CMPL	AX, $1
	JEQ	uuone
	LOCK
	BTSQ	$63, 0(BX)
uuone:
	MOVQ	0(BX), AX
	BTRQ	$63, AX
	TESTQ	AX, AX
	JEQ	semone		// free: one may try
	LOCK
	BTSQ	$63, 0(BX)	// taken again: its owner must come here
	JMP	semone

ebp:
	MOVL	BP, AX
	JMP	exit
eperm:
	MOVL	$EPERM, AX
	JMP	exit
edeadlk:
	MOVL	$EDEADLK, AX
	JMP	exit
ebusy:
	MOVL	$EBUSY, AX
	JMP	exit
einval:
	MOVL	$EINVAL, AX
	JMP	exit
eagain:
	MOVL	$EAGAIN, AX
	JMP	exit
enotrecov:
	MOVL	$ENOTRECOVERABLE, AX
	JMP	exit
eownerdead:
	MOVL	$EOWNERDEAD, AX
	JMP	exit
ok:
	XORL	AX, AX
exit:
	MOVQ	R15, SP
	MARK(4)
	MOVQ	40(SP), CX	// not before: until here it may yet change
	MOVQ	0(SP), DI
	MOVQ	8(SP), SI
	MOVQ	16(SP), DX
	MOVQ	48(SP), BX
	MOVQ	56(SP), BP
	MOVQ	64(SP), R12
	MOVQ	72(SP), R13
	MOVQ	80(SP), R14
	MOVQ	88(SP), R15
	XORL	R8, R8
	XORL	R9, R9
	XORL	R10, R10
	CMPL	AX, $1
	CMC			// carry: an error
	LEAQ	FRAME(SP), SP
	JMP	CX
	MARK(5)
	// Left to the supervisor: the guest's own syscall instruction traps. If the
	// thread was stopped at a signal on the way here, that is not where the
	// frame says to return.
slow:
	CMPL	96(SP), $0
	JEQ	slowly
	MOVL	$RESTART, AX
	JMP	exit
slowly:
	MOVQ	0(SP), DI
	MOVQ	8(SP), SI
	MOVQ	16(SP), DX
	MOVQ	24(SP), R10
	MOVQ	32(SP), R8
	MOVQ	40(SP), CX
	MOVQ	48(SP), BX
	MOVQ	56(SP), BP
	MOVQ	64(SP), R12
	MOVQ	72(SP), R13
	MOVQ	80(SP), R14
	MOVQ	88(SP), R15
	MOVL	$454, AX
	LEAQ	-2(CX), CX
	LEAQ	FRAME(SP), SP
	JMP	CX
	MARK(6)

// Where the code begins; and the part that leads to all the rest, for the linker.
GLOBL ·umtxCode(SB),RODATA,$16
DATA ·umtxCode+0(SB)/8,$fwait<>(SB)
DATA ·umtxCode+8(SB)/8,$umtxMain<>(SB)

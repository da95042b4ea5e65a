// Calls that need another struct or other flags than Linux's, but no
// supervisor: patched call sites jump here (emul/host/local.go says how).
//
// This code is never run by LSF itself. It is copied into the guest's engine
// page, so it may refer to nothing but registers, constants and addresses in
// LSF's region, and each routine ends with a mark that is not executed.
//
// On entry AX is the guest's number and CX the address behind its syscall
// instruction; the arguments are where the guest has put them. R11 is free.

#include "textflag.h"
#include "go_asm.h"

#include "local_amd64.h"

// IFGUARD leaves calls that name files or depend on the caller's IDs to the
// supervisor where it has to translate paths, or the IDs of this thread may
// not be its process's.
#define IFGUARD \
	MOVL $const_localGuard, R11 \
	CMPL (R11), $0 \
	JNE  slow

// IFSHARED leaves what may end a mapping to the supervisor where some are shared.
#define IFSHARED \
	MOVL $const_localShared, R11 \
	CMPL (R11), $0 \
	JNE  slow

// IFDEVICE leaves paths that may be a device's to it. A path that cannot be
// read, or only its first three bytes, is found by the supervisor.
#define IFDEVICE(path) \
	CMPL (path), $const_localSlashDev \
	JEQ  slow

// IFKEPT does it for descriptors (DI) that the supervisor keeps something about.
#define IFKEPT \
	CMPL DI, $const_localKeptMax \
	JCC  slow \
	MOVL $const_localKept, R11 \
	BTL  DI, (R11) \
	JCS  slow

// STATX makes Linux's call and converts its struct statx (at R11) to struct stat
// (R9 points to it): xlat.Stat. A bad address there is found by the supervisor,
// which makes the call again.
#define STATX \
	MOVQ R11, R8 \
	MOVL $const_localStatxMask, R10 \
	MOVL $const_localSysStatx, AX \
	SYSCALL \
	RDGSBASEQ R11 \
	TESTQ AX, AX \
	JPL  convert \
finish: \
	FINISH \
	AGAIN \
convert: \
	MOVQ 8(R11), AX \
	ANDQ 56(R11), AX \
	TESTL $const_localStatxFlags, AX \
	JNZ  again \
	DEV(136, 140, 0) \
	DEV(128, 132, 40) \
	COPY(32, 8) \
	COPYL(16, 16) \
	MOVWLZX 28(R11), AX \
	MOVL AX, 24(R9) \
	ANDL $const_localStandIn, AX \
	CMPL AX, $const_localStandIn \
	JEQ  again \
	MOVL 20(R11), AX \
	MOVL AX, 28(R9) \
	COPYL(24, 32) \
	COPY(64, 48) \
	COPYL(72, 56) \
	COPY(112, 64) \
	COPYL(120, 72) \
	COPY(96, 80) \
	COPYL(104, 88) \
	MOVQ $-1, AX \
	XORL DX, DX \
	TESTL $const_localStatxBirth, (R11) \
	JEQ  birth \
	MOVQ 80(R11), AX \
	MOVL 88(R11), DX \
birth: \
	MOVQ AX, 96(R9) \
	MOVQ DX, 104(R9) \
	COPY(40, 112) \
	COPY(48, 120) \
	COPYL(4, 128) \
	XORL AX, AX \
	MOVQ AX, 136(R9) \
	MOVQ AX, 144(R9) \
	MOVQ AX, 152(R9) \
	MOVQ AX, 160(R9) \
	MOVQ AX, 168(R9) \
	MOVQ AX, 176(R9) \
	MOVQ AX, 184(R9) \
	MOVQ AX, 192(R9) \
	MOVQ AX, 200(R9) \
	MOVQ AX, 208(R9) \
	MOVQ AX, 216(R9) \
	JMP  finish

#define COPY(from, to) \
	MOVQ from(R11), AX \
	MOVQ AX, to(R9)

// COPYL copies 32 bits and puts 32 zeros behind them.
#define COPYL(from, to) \
	MOVL from(R11), AX \
	MOVQ AX, to(R9)

// DEV is xlat.Dev.
#define DEV(major, minor, to) \
	MOVL major(R11), AX \
	MOVL minor(R11), DX \
	MOVL AX, SI \
	ANDL $0xff, SI \
	SHLL $8, SI \
	ANDL $0xffffff00, AX \
	SHLQ $32, AX \
	ORQ  AX, SI \
	MOVL DX, AX \
	ANDL $0xff00, AX \
	SHLQ $24, AX \
	ORQ  AX, SI \
	ANDL $0xffff00ff, DX \
	ORQ  DX, SI \
	MOVQ SI, to(R9)

// int fstat(int fd, struct stat *sb)
TEXT ·localFstat(SB), NOSPLIT|NOFRAME, $0-0
	START
	IFKEPT
	ENTER
	MOVQ SI, R9
	MOVL $const_localEmpty, SI
	MOVL $const_localEmptyPath, DX
	STATX
	END

// int fstatat(int fd, const char *path, struct stat *sb, int flag)
TEXT ·localFstatat(SB), NOSPLIT|NOFRAME, $0-0
	START
	IFGUARD
	IFDEVICE(SI)
	TESTL $~const_localNofollow, R10
	JNE  slow
	ENTER
	MOVQ DX, R9
	MOVL R10, DX
	SHRL $1, DX // AT_SYMLINK_NOFOLLOW is half as much on Linux
	STATX
	END

// OPENFLAGS leaves flags that LSF has work with, or that make no sense, to the
// supervisor.
#define OPENFLAGS(flags) \
	TESTL $~const_localOpenFlags, flags \
	JNE  slow \
	MOVL flags, R11 \
	ANDL $const_localAccmode, R11 \
	CMPL R11, $const_localAccmode \
	JEQ  slow \
	MOVL flags, R11 \
	ANDL $const_localDirCreat, R11 \
	CMPL R11, $const_localDirCreat \
	JEQ  slow

// MOVE ors the bits of flags (AX) that are in mask to DX, shifted by op n.
#define MOVE(mask, op, n) \
	MOVL AX, R8 \
	ANDL $mask, R8 \
	op   $n, R8 \
	ORL  R8, DX

// OPENDEVICE leaves paths below /dev to the supervisor, but for devices that are
// opened as they are, if they are there. Those are not to be created.
#define OPENDEVICE(path, flags) \
	CMPL (path), $const_localSlashDev \
	JNE  plain \
	TESTL $const_localExcl, flags \
	JNE  slow \
	MOVL 4(path), R11 \
	CMPL R11, $const_localSlashNul \
	JEQ  plain \
	CMPL R11, $const_localSlashZer \
	JEQ  plain \
	CMPL R11, $const_localSlashRan \
	JEQ  plain \
	CMPL R11, $const_localSlashUra \
	JNE  slow \
plain:

// OPENAT opens SI with FreeBSD's flags in AX; xlat.OpenFlags. The supervisor looks
// elsewhere for a device that cannot be opened.
#define OPENAT \
	MOVQ $0, F_RET \
	CMPL (SI), $const_localSlashDev \
	JNE  flags \
	MOVQ $1, F_RET \
	ANDL $~const_localOpenBy3, AX \
flags: \
	MOVL AX, DX \
	ANDL $const_localAccmode, DX \
	MOVE(const_localOpenBy1, SHRL, 1) \
	MOVE(const_localOpenBy3, SHRL, 3) \
	MOVE(const_localOpenBy4, SHRL, 4) \
	MOVE(const_localOpenUp7, SHLL, 7) \
	MOVE(const_localOpenUp9, SHLL, 9) \
	ORL  $const_localNoctty, DX \
	ANDL $const_localOpenMode, R10 \
	MOVL $const_localSysOpenat, AX \
	SYSCALL \
	RDGSBASEQ R11 \
	CMPQ F_RET, $0 \
	JEQ  done \
	CMPQ AX, $-4095 \
	JCC  again \
done: \
	RESULT \
	FINISH \
	AGAIN

// int open(const char *path, int flags, mode_t mode)
TEXT ·localOpen(SB), NOSPLIT|NOFRAME, $0-0
	START
	IFGUARD
	OPENDEVICE(DI, SI)
	OPENFLAGS(SI)
	ENTER
	MOVL DX, R10
	MOVL SI, AX
	MOVQ DI, SI
	MOVQ $const_localCwd, DI
	OPENAT
	END

// int openat(int fd, const char *path, int flags, mode_t mode)
TEXT ·localOpenat(SB), NOSPLIT|NOFRAME, $0-0
	START
	IFGUARD
	OPENDEVICE(SI, DX)
	OPENFLAGS(DX)
	ENTER
	MOVL DX, AX
	OPENAT
	END

// int fcntl(int fd, int cmd, ...): F_GETFD, F_SETFD, and F_GETFL where nothing
// stands for a device; xlat.StatusFlags. All of them may be begun again.
TEXT ·localFcntl(SB), NOSPLIT|NOFRAME, $0-0
	START
	LEAL -const_localGetFD(SI), R11
	CMPL R11, $2
	JHI  slow
	ENTER
	ANDL $const_localCloexec, DX
	MOVL $const_localSysFcntl, AX
	SYSCALL
	RDGSBASEQ R11
	CMPL SI, $const_localGetFL
	JNE  done
	TESTQ AX, AX
	JMI  done
	TESTL $~const_localStatusKnown, AX
	JNE  again
	MOVL AX, DX
	ANDL $const_localAccmode, DX
	MOVL AX, R8
	ANDL $const_localStatusBy7, R8
	SHRL $7, R8
	ORL  R8, DX
	ANDL $const_localStatusBy9, AX
	SHRL $9, AX
	ORL  DX, AX
done:
	FINISH
	AGAIN
	END

// int close(int fd)
TEXT ·localClose(SB), NOSPLIT|NOFRAME, $0-0
	START
	IFKEPT
	ENTER
	MOVL $const_localSysClose, AX
	SYSCALL
	RESULT
	FINISH
	END

// RANGE leaves addresses that may touch LSF's region, or that are not those of
// pages, to the supervisor.
#define RANGE \
	CMPQ DI, $const_localCodeEnd \
	JCS  slow \
	LEAQ -1(DI)(SI*1), R11 \
	SHRQ $32, R11 \
	CMPL R11, $const_localScratchTop \
	JCS  clear \
	CMPL R11, $const_localAddrTop \
	JHI  slow \
	MOVQ DI, R11 \
	SHRQ $32, R11 \
	CMPL R11, $const_localScratchTop \
	JLS  slow \
clear:

#define SIZE \
	TESTL $0xfff, DI \
	JNE  slow \
	TESTQ SI, SI \
	JEQ  slow \
	MOVQ SI, R11 \
	SHRQ $46, R11 \
	JNE  slow

// void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t pos):
// private memory, anonymous or of files, and guards somewhere
TEXT ·localMmap(SB), NOSPLIT|NOFRAME, $0-0
	START
	CMPL R10, $const_localMapGuard
	JEQ  guard
	MOVL R10, R11
	ANDL $~const_localMapKnown, R11
	CMPL R11, $const_localMapPrivate
	JNE  slow
	CMPL DX, $7
	JHI  slow
	TESTL $const_localMapAnon, R10
	JEQ  file
	CMPL R8, $-1
	JNE  slow
	TESTQ R9, R9
	JNE  slow
file:
	TESTL $0xfff, R9
	JNE  slow
	SIZE
	TESTQ DI, DI
	JNE  there
	TESTL $const_localMapFixed, R10
	JNE  slow
	JMP  somewhere
there:
	IFSHARED
	RANGE
	JMP  somewhere
guard:
	TESTL DX, DX
	JNE  slow
	TESTQ DI, DI
	JNE  slow
	TESTQ R9, R9
	JNE  slow
	CMPL R8, $-1
	JNE  slow
	SIZE
somewhere:
	ENTER
	MOVL R10, AX
	CMPL AX, $const_localMapGuard
	JNE  memory
	MOVL $const_localMapAnon, AX
	MOVL AX, R10
memory:
	ANDL $const_localMapAnon, AX
	SHRL $const_localAnonBy, AX
	ANDL $const_localMapFixed, R10
	ORL  AX, R10
	ORL  $const_localHostPrivate, R10
	MOVL $const_localSysMmap, AX
	SYSCALL
	CMPQ AX, $-4095
	JCC  again
	RESULT
	FINISH
	AGAIN
	END

// int munmap(void *addr, size_t len)
TEXT ·localMunmap(SB), NOSPLIT|NOFRAME, $0-0
	START
	IFSHARED
	SIZE
	RANGE
	ENTER
	MOVL $const_localSysMunmap, AX
	SYSCALL
	RESULT
	FINISH
	END

// int mprotect(void *addr, size_t len, int prot)
TEXT ·localMprotect(SB), NOSPLIT|NOFRAME, $0-0
	START
	CMPL DX, $7
	JHI  slow
	SIZE
	RANGE
	ENTER
	MOVL DX, DX
	MOVL $const_localSysMprotect, AX
	SYSCALL
	RESULT
	FINISH
	END

// int issetugid(void)
TEXT ·localIssetugid(SB), NOSPLIT|NOFRAME, $0-0
	START
	MOVL $const_localTainted, R11
	CMPL (R11), $0
	JNE  slow
	ENTER
	XORL AX, AX
	FINISH
	END

// int clock_gettime(clockid_t clock, struct timespec *tp)
TEXT ·localClockGettime(SB), NOSPLIT|NOFRAME, $0-0
	START
	CMPL DI, $const_localClockMax
	JCC  slow
	MOVL DI, R11
	MOVBLZX const_localClocks(R11), R11
	CMPL R11, $0xff
	JEQ  slow
	ENTER
	MOVL DI, DI
	MOVBLZX const_localClocks(DI), DI
	MOVL $const_localSysClock, AX
	SYSCALL
	RESULT
	FINISH
	END

// int madvise(void *addr, size_t len, int behav): MADV_FREE, which allocators
// make. FreeBSD minds neither holes nor what does not apply.
TEXT ·localMadvise(SB), NOSPLIT|NOFRAME, $0-0
	START
	CMPL DX, $const_localAdviseFree
	JNE  slow
	SIZE
	RANGE
	ENTER
	MOVL $const_localHostFree, DX
	MOVL $const_localSysMadvise, AX
	SYSCALL
	RDGSBASEQ R11
	CMPQ AX, $-const_localENOMEM
	JEQ  fine
	CMPQ AX, $-const_localEINVAL
	JEQ  fine
	CMPQ AX, $-const_localEBADF
	JNE  finish
fine:
	XORL AX, AX
finish:
	FINISH
	END

// int nanosleep(const struct timespec *rqtp, struct timespec *rmtp)
TEXT ·localNanosleep(SB), NOSPLIT|NOFRAME, $0-0
	START
	TESTQ SI, SI // what remains is put right
	JNE  slow
	CMPQ (DI), $0 // is over at once; an error on Linux
	JLT  slow
	ENTER
	MOVL $const_localSysNanosleep, AX
	SYSCALL
	RESULT
	FINISH
	END

// int thr_self(long *id)
TEXT ·localThrSelf(SB), NOSPLIT|NOFRAME, $0-0
	START
	ENTER
	MOVL $const_localSysGettid, AX
	SYSCALL
	RDGSBASEQ R11
	ADDL $const_tidBase, AX
	MOVQ AX, (DI)
	XORL AX, AX
	FINISH
	END

// int sigaction(int sig, const struct sigaction *act, struct sigaction *oact):
// what a signal does that did nothing yet, or the first handler of one
// (sigact.go). Only a process with one thread comes this far.
TEXT ·localSigaction(SB), NOSPLIT|NOFRAME, $0-0
	START
	LEAL -1(DI), R11
	CMPL R11, $const_localSigMax
	JCC  slow
	MOVL $const_localActsOurs, R11
	BTL  DI, (R11)
	JCS  slow
	TESTQ SI, SI
	JEQ  enter
	CMPQ (SI), $const_localSigIgn
	JLS  slow
	TESTL $~const_localActFlags, 8(SI)
	JNE  slow
	CMPL DI, $const_localSigKill
	JEQ  slow
	CMPL DI, $const_localSigStop
	JEQ  slow
	MOVL $const_localActsSet, R11
	BTL  DI, (R11)
	JCS  slow
enter:
	ENTER
	MOVQ $0, F_RET
	MOVL $const_localActsSet, R10
	MOVL DI, R8
	SHLL $5, R8
	ADDL R10, R8 // its place in the table
	TESTQ SI, SI
	JEQ  old
	MOVQ (SI), AX
	MOVQ AX, (R8)
	MOVQ $~const_localActCant, AX
	ANDQ 8(SI), AX
	MOVQ AX, 8(R8)
	MOVQ 16(SI), AX
	MOVQ AX, 16(R8)
	MOVQ 24(SI), AX
	MOVQ AX, 24(R8)
old:
	TESTQ DX, DX
	JEQ  commit
	XORL AX, AX
	BTL  DI, (R10)
	JCS  known
	MOVQ AX, (DX)
	MOVQ $const_localActDefault, 8(DX)
	MOVQ AX, 16(DX)
	MOVQ AX, 24(DX)
	JMP  commit
known:
	MOVQ (R8), AX
	MOVQ AX, (DX)
	MOVQ 8(R8), AX
	MOVQ AX, 8(DX)
	MOVQ 16(R8), AX
	MOVQ AX, 16(DX)
	MOVQ 24(R8), AX
	MOVQ AX, 24(DX)
commit:
	TESTQ SI, SI
	JEQ  done
	BTSL DI, (R10)
	BYTE $0x0f; BYTE $0x1f; BYTE $0x40; BYTE $0x4d // RESULT
done:
	XORL AX, AX
	FINISH
	END

// int sigaltstack(const stack_t *ss, stack_t *oss): to ask, and for a thread that
// has none to have one (sigstack.go).
TEXT ·localSigaltstack(SB), NOSPLIT|NOFRAME, $0-0
	START
	ENTER
	MOVQ $0, F_RET
	CMPQ const_altOn(R11), $0
	JEQ  get
	MOVQ SP, AX
	SUBQ const_altSP(R11), AX
	CMPQ AX, const_altSize(R11)
	JCS  again // on it
	TESTQ DI, DI
	JNE  again // to have another, or none
get:
	XORL CX, CX // to be set
	TESTQ DI, DI
	JEQ  old
	MOVQ (DI), R9
	MOVQ 8(DI), R10
	MOVL 16(DI), AX
	CMPL AX, $const_localSSDisable
	JEQ  old
	TESTL AX, AX
	JNE  again
	CMPQ R10, $const_localMinStack
	JCS  again
	INCL CX
old:
	TESTQ SI, SI
	JEQ  set
	XORL AX, AX
	MOVL $const_localSSDisable, R8
	MOVQ AX, DX
	CMPQ const_altOn(R11), $0
	JEQ  store
	MOVQ const_altSP(R11), AX
	MOVQ const_altSize(R11), DX
	XORL R8, R8
store:
	MOVQ AX, (SI)
	MOVQ DX, 8(SI)
	MOVQ R8, 16(SI)
set:
	TESTL CX, CX
	JEQ  done
	MOVQ R9, const_altSP(R11)
	MOVQ R10, const_altSize(R11)
	MOVQ $1, const_altOn(R11)
	BYTE $0x0f; BYTE $0x1f; BYTE $0x40; BYTE $0x4d // RESULT
done:
	XORL AX, AX
	FINISH
	AGAIN
	END

// int sysarch(int op, void *parms): AMD64_SET_FSBASE
TEXT ·localSysarch(SB), NOSPLIT|NOFRAME, $0-0
	START
	CMPL DI, $const_amd64SetFSBase
	JNE  slow
	MOVQ (SI), R11
	SHRQ $32, R11
	CMPL R11, $const_localAddrTop
	JCC  slow
	ENTER
	MOVQ (SI), SI
	MOVL $const_localSetFS, DI
	MOVL $const_localSysPrctl, AX
	SYSCALL
	RESULT
	FINISH
	END

// Any call that passes as it stands, but for the guard.
TEXT ·localGuarded(SB), NOSPLIT|NOFRAME, $0-0
	START
	IFGUARD
	ENTER
	MOVWLZX const_localNumbers(AX)(AX*1), AX
	SYSCALL
	RESULT
	FINISH
	END

DATA ·atGuarded(SB)/8, $·localGuarded(SB)
GLOBL ·atGuarded(SB), NOPTR, $8
DATA ·atFstat(SB)/8, $·localFstat(SB)
GLOBL ·atFstat(SB), NOPTR, $8
DATA ·atFstatat(SB)/8, $·localFstatat(SB)
GLOBL ·atFstatat(SB), NOPTR, $8
DATA ·atOpen(SB)/8, $·localOpen(SB)
GLOBL ·atOpen(SB), NOPTR, $8
DATA ·atOpenat(SB)/8, $·localOpenat(SB)
GLOBL ·atOpenat(SB), NOPTR, $8
DATA ·atClose(SB)/8, $·localClose(SB)
GLOBL ·atClose(SB), NOPTR, $8
DATA ·atMmap(SB)/8, $·localMmap(SB)
GLOBL ·atMmap(SB), NOPTR, $8
DATA ·atMunmap(SB)/8, $·localMunmap(SB)
GLOBL ·atMunmap(SB), NOPTR, $8
DATA ·atClockGettime(SB)/8, $·localClockGettime(SB)
GLOBL ·atClockGettime(SB), NOPTR, $8
DATA ·atMadvise(SB)/8, $·localMadvise(SB)
GLOBL ·atMadvise(SB), NOPTR, $8
DATA ·atNanosleep(SB)/8, $·localNanosleep(SB)
GLOBL ·atNanosleep(SB), NOPTR, $8
DATA ·atThrSelf(SB)/8, $·localThrSelf(SB)
GLOBL ·atThrSelf(SB), NOPTR, $8
DATA ·atSigaction(SB)/8, $·localSigaction(SB)
GLOBL ·atSigaction(SB), NOPTR, $8
DATA ·atSigaltstack(SB)/8, $·localSigaltstack(SB)
GLOBL ·atSigaltstack(SB), NOPTR, $8
DATA ·atSysarch(SB)/8, $·localSysarch(SB)
GLOBL ·atSysarch(SB), NOPTR, $8
DATA ·atMprotect(SB)/8, $·localMprotect(SB)
GLOBL ·atMprotect(SB), NOPTR, $8
DATA ·atIssetugid(SB)/8, $·localIssetugid(SB)
GLOBL ·atIssetugid(SB), NOPTR, $8
DATA ·atFcntl(SB)/8, $·localFcntl(SB)
GLOBL ·atFcntl(SB), NOPTR, $8

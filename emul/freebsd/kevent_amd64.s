// kevent(2) that waits, for the kqueue that most programs have one of: patched call
// sites jump here. kqueue_local.go says what lies in the table and in the thread's
// data; local_amd64.s what all of these routines have in common.

#include "textflag.h"
#include "go_asm.h"
#include "local_amd64.h"

// NOW stores the time.
#define NOW(at) \
	MOVL $const_keventMonotonic, DI \
	LEAQ at(R11), SI \
	MOVL $const_localSysClock, AX \
	SYSCALL \
	RDGSBASEQ R11

// int kevent(int kq, NULL, 0, struct kevent *events, int n, const struct timespec *timeout)
TEXT ·localKevent(SB), NOSPLIT|NOFRAME, $0-0
	START
	TESTL DX, DX
	JNE  slow // changes
	CMPL R8, $2
	JLT  slow
	MOVQ $const_keventTable, R11
	CMPL const_keventState(R11), $const_keventIdle
	JNE  slow
	CMPL DI, const_keventFD(R11)
	JNE  slow
	ENTER
	MOVL $0, const_keventTaken(R11)
	XORL AX, AX
	MOVQ AX, const_keventDeadline(R11)
	MOVQ AX, (const_keventDeadline+8)(R11)
	MOVQ AX, const_keventLeft(R11)
	MOVQ AX, (const_keventLeft+8)(R11)
	INCL AX
	MOVL AX, const_keventForever(R11)
	TESTQ R9, R9
	JEQ  sleep
	MOVL $0, const_keventForever(R11)
	MOVQ (R9), SI
	MOVQ 8(R9), DX
	MOVQ SI, AX
	ORQ  DX, AX
	JEQ  sleep // not to sleep
	CMPQ SI, $0x7fffffff
	JHI  again // forever, or an error
	CMPQ DX, $999999999
	JHI  again
	MOVQ SI, const_keventLeft(R11)
	MOVQ DX, (const_keventLeft+8)(R11)
	NOW(const_keventDeadline)
	MOVQ const_keventLeft(R11), SI
	MOVQ (const_keventLeft+8)(R11), DX
	ADDQ const_keventDeadline(R11), SI
	ADDQ (const_keventDeadline+8)(R11), DX
	CMPQ DX, $1000000000
	JCS  set
	SUBQ $1000000000, DX
	INCQ SI
set:
	MOVQ SI, const_keventDeadline(R11)
	MOVQ DX, (const_keventDeadline+8)(R11)
	JMP  sleep

	// Its sleep has ended and nothing has come: what is left of the time?
	BYTE $0x0f; BYTE $0x1f; BYTE $0x40; BYTE $0x4f // SLEEP
	RDGSBASEQ R11
	NOW(const_keventLeft)
	MOVQ const_keventDeadline(R11), SI
	MOVQ (const_keventDeadline+8)(R11), DX
	SUBQ const_keventLeft(R11), SI
	SUBQ (const_keventLeft+8)(R11), DX
	JPL  borrowed
	ADDQ $1000000000, DX
	DECQ SI
borrowed:
	TESTQ SI, SI
	JPL  left
	XORL SI, SI
	XORL DX, DX
left:
	MOVQ SI, const_keventLeft(R11)
	MOVQ DX, (const_keventLeft+8)(R11)
sleep:
	// Whoever has something for us sets the state first, and then looks whether
	// we sleep.
	MOVL $1, const_keventSleeps(R11)
	MFENCE
	MOVQ $const_keventTable, AX
	CMPL const_keventState(AX), $const_keventIdle
	JNE  leave
	MOVL F_DI, DI
	LEAQ const_keventEvents(R11), SI
	MOVL F_R8, DX // half as many: each may be two of the guest's
	SHRL $1, DX
	CMPL DX, $const_keventMost
	JLS  room
	MOVL $const_keventMost, DX
room:
	XORL R10, R10
	CMPL const_keventForever(R11), $0
	JNE  wait
	LEAQ const_keventLeft(R11), R10
wait:
	XORL R8, R8
	XORL R9, R9
	MOVL $const_keventSysWait, AX
	SYSCALL
	RDGSBASEQ R11
	MOVL AX, const_keventTaken(R11)
	BYTE $0x0f; BYTE $0x1f; BYTE $0x40; BYTE $0x50 // TAKEN
	MOVL $0, const_keventSleeps(R11)
	MOVL $0, const_keventOut(R11)
	MOVL $0, const_keventNext(R11)
	TESTL AX, AX
	JPL  next
	// The supervisor finds out what is wrong.
leave:
	MOVL $0, const_keventTaken(R11)
	MOVL $0, const_keventSleeps(R11)
	JMP  again

next:
	MOVL const_keventNext(R11), AX
	CMPL AX, const_keventTaken(R11)
	JGE  done
	EVENT
	MOVL (R9), AX
	TESTL $~const_keventPlain, AX // hung up, an error
	JNE  again
	MOVL 4(R9), DI
	CMPL DI, $const_keventMaxFD
	JCC  again
	MOVL 8(R9), AX
	CMPL AX, const_keventEntryID(R8)
	JNE  again // of an earlier use of the number, or not plain
	TESTL $const_keventIn, (R9)
	JEQ  write
	TESTL $const_keventReads, const_keventEntryWhat(R8)
	JEQ  write
	MOVL $const_keventUnread, SI
	LEAQ const_keventAnswer(R11), DX
	MOVL $const_keventSysIoctl, AX
	SYSCALL
	RDGSBASEQ R11
	TESTQ AX, AX
	JMI  again
	MOVLQSX const_keventAnswer(R11), DX
	MOVWLZX const_keventEntryFlags(R8), AX
	SHLL $16, AX
	ORL  $(const_keventFilterRead&0xffff), AX
	MOVQ const_keventEntryUdata(R8), SI
	PUT
write:
	EVENT
	TESTL $const_keventOutBit, (R9)
	JEQ  served
	TESTL $const_keventWrites, const_keventEntryWhat(R8)
	JEQ  served
	MOVL 4(R9), DI
	MOVL $const_keventSolSocket, SI
	MOVL $const_keventSndbuf, DX
	LEAQ const_keventAnswer(R11), R10
	LEAQ const_keventLen(R11), R8
	MOVL $4, (R8)
	MOVL $const_keventSysGetsockopt, AX
	SYSCALL
	RDGSBASEQ R11
	TESTQ AX, AX
	JMI  again
	MOVL $const_keventUnsent, SI
	LEAQ const_keventLen(R11), DX
	MOVL $const_keventSysIoctl, AX
	SYSCALL
	RDGSBASEQ R11
	TESTQ AX, AX
	JMI  again
	EVENT
	MOVLQSX const_keventAnswer(R11), DX
	MOVLQSX const_keventLen(R11), AX
	SUBQ AX, DX
	JPL  space
	XORL DX, DX
space:
	MOVWLZX (const_keventEntryFlags+2)(R8), AX
	SHLL $16, AX
	ORL  $(const_keventFilterWrite&0xffff), AX
	MOVQ (const_keventEntryUdata+8)(R8), SI
	PUT
served:
	INCL const_keventNext(R11)
	JMP  next

done:
	MOVL const_keventOut(R11), AX
	MOVQ AX, F_RET
	TESTL AX, AX
	JNE  give
	CMPL const_keventTaken(R11), $0
	JNE  again // nothing that anybody waits for
give:
	MOVL $0, const_keventTaken(R11)
	BYTE $0x0f; BYTE $0x1f; BYTE $0x40; BYTE $0x4d // RESULT
	FINISH
	AGAIN
	END

DATA ·atKevent(SB)/8, $·localKevent(SB)
GLOBL ·atKevent(SB), NOPTR, $8

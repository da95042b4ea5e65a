// What local routines have in common.

#define F_DI  (const_localFrame+0)(R11)
#define F_SI  (const_localFrame+8)(R11)
#define F_DX  (const_localFrame+16)(R11)
#define F_R10 (const_localFrame+24)(R11)
#define F_R8  (const_localFrame+32)(R11)
#define F_R9  (const_localFrame+40)(R11)
#define F_CX  (const_localFrame+48)(R11)
#define F_AX  (const_localFrame+56)(R11)
#define F_RET (const_localFrame+64)(R11)

// START stands first. Jumping to slow, before ENTER, leaves the call to the
// supervisor. The no-op marks the entry.
#define START \
slow: \
	LEAQ -2(CX), R11 \
	JMP  R11 \
	BYTE $0x0f; BYTE $0x1f; BYTE $0x40; BYTE $0x4b

// ENTER finds this thread's scratch memory, which the GS base points to unless
// the guest uses that register itself, and keeps the guest's registers there.
// The no-op behind it marks the place from which the frame is valid.
#define ENTER \
	RDGSBASEQ R11 \
	SHRQ $32, R11 \
	CMPL R11, $const_localScratchTop \
	JNE  slow \
	RDGSBASEQ R11 \
	MOVQ DI, F_DI \
	MOVQ SI, F_SI \
	MOVQ DX, F_DX \
	MOVQ R10, F_R10 \
	MOVQ R8, F_R8 \
	MOVQ R9, F_R9 \
	MOVQ CX, F_CX \
	MOVQ AX, F_AX \
	BYTE $0x0f; BYTE $0x1f; BYTE $0x40; BYTE $0x4c

// RESULT keeps what Linux has answered: a stop behind the mark finds it there.
// A routine without RESULT is begun again whenever it is interrupted.
#define RESULT \
	RDGSBASEQ R11 \
	MOVQ AX, F_RET \
	BYTE $0x0f; BYTE $0x1f; BYTE $0x40; BYTE $0x4d

#define RESTORE \
	MOVQ F_DI, DI \
	MOVQ F_SI, SI \
	MOVQ F_DX, DX \
	MOVQ F_CX, CX \
	XORL R8, R8 \
	XORL R9, R9 \
	XORL R10, R10

// FINISH returns AX to the guest as FreeBSD's kernel does.
#define FINISH \
	RESTORE \
	CMPQ AX, $-4095 \
	JCC  failed \
	CLC \
	JMP  CX \
failed: \
	NEGL AX \
	MOVBLZX const_localErrnos(AX), AX \
	STC \
	JMP CX

// AGAIN undoes a call that has failed and leaves it to the supervisor.
#define AGAIN \
again: \
	BYTE $0x0f; BYTE $0x1f; BYTE $0x40; BYTE $0x4e \
	RDGSBASEQ R11 \
	RESTORE \
	MOVQ F_R10, R10 \
	MOVQ F_R8, R8 \
	MOVQ F_R9, R9 \
	MOVQ F_AX, AX \
	LEAQ -2(CX), R11 \
	JMP  R11

#define END \
	BYTE $0xcc; BYTE $0x4c; BYTE $0x53; BYTE $0x46; BYTE $0xcc; BYTE $0x45; BYTE $0x4e; BYTE $0x44

// EVENT has R9 point to the event that is next, and R8 to what the table says of
// its descriptor.
#define EVENT \
	MOVL const_keventNext(R11), AX \
	LEAQ (AX)(AX*2), AX \
	LEAQ const_keventEvents(R11)(AX*4), R9 \
	MOVL 4(R9), AX \
	ANDL $(const_keventMaxFD-1), AX \
	SHLL $5, AX \
	MOVQ $const_keventEntries, R8 \
	ADDQ AX, R8

// PUT gives the guest an event: of the descriptor DI, filter and flags AX, data DX,
// udata SI.
#define PUT \
	MOVL const_keventOut(R11), R9 \
	SHLQ $6, R9 \
	ADDQ F_R10, R9 \
	MOVL DI, DI \
	MOVQ DI, 0(R9) \
	MOVQ AX, 8(R9) \
	MOVQ DX, 16(R9) \
	MOVQ SI, 24(R9) \
	XORL AX, AX \
	MOVQ AX, 32(R9) \
	MOVQ AX, 40(R9) \
	MOVQ AX, 48(R9) \
	MOVQ AX, 56(R9) \
	INCL const_keventOut(R11)

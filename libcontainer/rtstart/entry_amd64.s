#include "textflag.h"

#define SYS_write 1
#define SYS_prctl 157
#define SYS_sched_setaffinity 203
#define SYS_sched_getaffinity 204
#define SYS_prlimit64 302
#define SYS_exit_group 231
#define SYS_getcpu 309
#define RLIMIT_NOFILE 7
#define PR_SET_TIMERSLACK 29
#define CPUS_SIZE 1024 // of rtstart.go's cpuSet
#define SYS_arch_prctl 158
#define ARCH_SET_FS 0x1002
#define STACK_SIZE 65536 // of bare.go
#define STACK_GUARD 928  // stackGuard of Go's runtime

DATA name<>+0(SB)/8, $"crun-go:"
DATA name<>+8(SB)/8, $"init\x00\x00\x00\x00"
GLOBL name<>(SB), RODATA|NOPTR, $16

DATA setting<>+0(SB)/8, $"GOMAXPRO"
DATA setting<>+8(SB)/8, $"CS=01\x00\x00\x00"
GLOBL setting<>(SB), RODATA|NOPTR, $16

// struct rlimit64, for no further descriptors than the standard streams, which
// Go opens if they are closed.
GLOBL lowered<>(SB), NOPTR, $16

// The processor that this runs on, by its number and as a set.
GLOBL cpu<>(SB), NOPTR, $8
GLOBL here<>(SB), NOPTR, $CPUS_SIZE

// The kernel's way into the program. The stack has argc, argv and its nil, the
// environment and its nil; nobody else needs registers. Goes on to rt0_go with
// argc in DI and argv in SI.
TEXT ·entry(SB),NOSPLIT|NOFRAME,$0
	CMPQ	0(SP), $2
	JNE	command
	// There are more than eight bytes behind any string: the program's name.
	MOVQ	8(SP), AX
	MOVQ	name<>+0(SB), CX
	CMPQ	CX, 0(AX)
	JNE	command
	MOVL	name<>+8(SB), CX
	CMPL	CX, 8(AX)
	JNE	command
	CMPB	12(AX), $0
	JNE	command
	MOVQ	16(SP), R12 // the argument
	// Compiled code finds g, whose stack bounds it looks at, below the thread pointer.
	MOVQ	$ARCH_SET_FS, DI
	LEAQ	·threadLocal+32(SB), SI
	MOVQ	$SYS_arch_prctl, AX
	SYSCALL
	LEAQ	·descriptor(SB), R14
	MOVQ	R14, ·threadLocal+24(SB)
	LEAQ	·stack(SB), AX
	MOVQ	AX, 0(R14) // stack.lo
	LEAQ	·stack+STACK_SIZE(SB), CX
	MOVQ	CX, 8(R14) // stack.hi
	ADDQ	$STACK_GUARD, AX
	MOVQ	AX, 16(R14) // stackguard0
	MOVQ	AX, 24(R14) // stackguard1
	LEAQ	-64(CX), SP
	XORPS	X15, X15
	MOVQ	R12, 0(SP)
	CALL	crungo·bare(SB)
	INT	$3 // it does not return
command:
	MOVB	$1, ·began(SB)
	MOVQ	$0, DI
	MOVQ	$RLIMIT_NOFILE, SI
	MOVQ	$0, DX
	LEAQ	·limit(SB), R10
	MOVQ	$SYS_prlimit64, AX
	SYSCALL
	TESTQ	AX, AX
	JNE	environment
	MOVQ	$3, lowered<>+0(SB)
	MOVQ	·limit+8(SB), AX
	MOVQ	AX, lowered<>+8(SB)
	CMPQ	AX, $3
	JB	environment
	MOVQ	$0, DI
	MOVQ	$RLIMIT_NOFILE, SI
	LEAQ	lowered<>(SB), DX
	MOVQ	$0, R10
	MOVQ	$SYS_prlimit64, AX
	SYSCALL
	TESTQ	AX, AX
	JNE	environment
	MOVB	$1, ·entered(SB)

environment:
	MOVQ	0(SP), R12
	LEAQ	8(SP), R13
	LEAQ	8(R13)(R12*8), R8
	MOVQ	setting<>+0(SB), R9
next:
	MOVQ	0(R8), AX
	ADDQ	$8, R8
	TESTQ	AX, AX
	JEQ	missing
	// There are more than eight bytes behind any string: the program's name.
	CMPQ	R9, 0(AX)
	JNE	next
	CMPB	8(AX), $'C'
	JNE	next
	CMPB	9(AX), $'S'
	JNE	next
	CMPB	10(AX), $'='
	JNE	next
	JMP	pin

missing:
	// argv moves down by one, onto argc, and leaves a place in front of the
	// environment.
	MOVQ	SP, DI
	LEAQ	8(SP), SI
	LEAQ	1(R12), CX
	CLD
	REP; MOVSQ
	LEAQ	setting<>(SB), AX
	MOVQ	AX, 0(DI)
	MOVQ	SP, R13
	MOVQ	$PR_SET_TIMERSLACK, DI
	MOVQ	$10000000, SI
	MOVQ	$SYS_prctl, AX
	SYSCALL
	MOVB	$1, ·relaxed(SB)
pin:
	MOVQ	$0, DI
	MOVQ	$CPUS_SIZE, SI
	LEAQ	·cpus(SB), DX
	MOVQ	$SYS_sched_getaffinity, AX
	SYSCALL
	TESTQ	AX, AX
	JLE	go
	MOVQ	AX, R14
	LEAQ	cpu<>(SB), DI
	MOVQ	$0, SI
	MOVQ	$0, DX
	MOVQ	$SYS_getcpu, AX
	SYSCALL
	TESTQ	AX, AX
	JNE	go
	MOVL	cpu<>(SB), CX
	CMPQ	CX, $(8*CPUS_SIZE)
	JCC	go
	LEAQ	here<>(SB), DX
	BTSQ	CX, (DX)
	MOVQ	$0, DI
	MOVQ	R14, SI
	MOVQ	$SYS_sched_setaffinity, AX
	SYSCALL
	TESTQ	AX, AX
	JNE	go
	MOVQ	R14, ·pinned(SB)
go:
	MOVQ	R12, DI
	MOVQ	R13, SI
	JMP	runtime·rt0_go(SB)

// func prlimit(set, old *[2]uint64) int
TEXT ·prlimit(SB),NOSPLIT,$0-24
	MOVQ	$0, DI
	MOVQ	$RLIMIT_NOFILE, SI
	MOVQ	set+0(FP), DX
	MOVQ	old+8(FP), R10
	MOVQ	$SYS_prlimit64, AX
	SYSCALL
	MOVQ	AX, ret+16(FP)
	RET

// func resetSlack()
TEXT ·resetSlack(SB),NOSPLIT,$0-0
	MOVQ	$PR_SET_TIMERSLACK, DI
	MOVQ	$0, SI
	MOVQ	$SYS_prctl, AX
	SYSCALL
	RET

// func setAffinity(size uintptr, set *cpuSet)
TEXT ·setAffinity(SB),NOSPLIT,$0-16
	MOVQ	$0, DI
	MOVQ	size+0(FP), SI
	MOVQ	set+8(FP), DX
	MOVQ	$SYS_sched_setaffinity, AX
	SYSCALL
	RET

// func getAffinity(size uintptr, set *cpuSet)
TEXT ·getAffinity(SB),NOSPLIT,$0-16
	MOVQ	$0, DI
	MOVQ	size+0(FP), SI
	MOVQ	set+8(FP), DX
	MOVQ	$SYS_sched_getaffinity, AX
	SYSCALL
	RET

// func rawWrite(fd uintptr, p unsafe.Pointer, n int32) int32
TEXT ·rawWrite(SB),NOSPLIT,$0-28
	MOVQ	fd+0(FP), DI
	MOVQ	p+8(FP), SI
	MOVLQSX	n+16(FP), DX
	MOVQ	$SYS_write, AX
	SYSCALL
	MOVL	AX, ret+24(FP)
	RET

// func exit(code int32)
TEXT ·exit(SB),NOSPLIT,$0-4
	MOVL	code+0(FP), DI
	MOVQ	$SYS_exit_group, AX
	SYSCALL
	RET

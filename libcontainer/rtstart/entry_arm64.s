#include "textflag.h"

#define SYS_write 64
#define SYS_exit_group 94
#define SYS_sched_setaffinity 122
#define SYS_sched_getaffinity 123
#define SYS_prctl 167
#define SYS_getcpu 168
#define SYS_prlimit64 261
#define RLIMIT_NOFILE 7
#define PR_SET_TIMERSLACK 29
#define CPUS_SIZE 1024 // of rtstart.go's cpuSet
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
// argc in R0 and argv in R1.
TEXT ·entry(SB),NOSPLIT|NOFRAME,$0
	MOVD	0(RSP), R0
	CMP	$2, R0
	BNE	command
	// There are more than eight bytes behind any string: the program's name.
	MOVD	8(RSP), R1
	MOVD	$name<>(SB), R2
	MOVD	0(R2), R3
	MOVD	0(R1), R4
	CMP	R3, R4
	BNE	command
	MOVWU	8(R2), R3
	MOVWU	8(R1), R4
	CMP	R3, R4
	BNE	command
	MOVBU	12(R1), R4
	CBNZ	R4, command
	MOVD	16(RSP), R5 // the argument
	// Compiled code looks at g's stack bounds.
	MOVD	$·descriptor(SB), g
	MOVD	$·stack(SB), R0
	MOVD	R0, 0(g) // stack.lo
	MOVD	$STACK_SIZE, R1
	ADD	R0, R1, R1
	MOVD	R1, 8(g) // stack.hi
	ADD	$STACK_GUARD, R0
	MOVD	R0, 16(g) // stackguard0
	MOVD	R0, 24(g) // stackguard1
	SUB	$64, R1
	MOVD	R1, RSP
	MOVD	R5, 8(RSP)
	MOVD	ZR, R29
	MOVD	ZR, R30
	CALL	crungo·bare(SB)
	BRK // it does not return
command:
	MOVD	$1, R4
	MOVB	R4, ·began(SB)
	MOVD	$0, R0
	MOVD	$RLIMIT_NOFILE, R1
	MOVD	$0, R2
	MOVD	$·limit(SB), R3
	MOVD	$SYS_prlimit64, R8
	SVC
	CBNZ	R0, environment
	MOVD	$lowered<>(SB), R2
	MOVD	$3, R4
	MOVD	R4, 0(R2)
	MOVD	·limit+8(SB), R5
	MOVD	R5, 8(R2)
	CMP	R4, R5
	BLO	environment
	MOVD	$0, R0
	MOVD	$RLIMIT_NOFILE, R1
	MOVD	$0, R3
	MOVD	$SYS_prlimit64, R8
	SVC
	CBNZ	R0, environment
	MOVD	$1, R4
	MOVB	R4, ·entered(SB)

environment:
	MOVD	0(RSP), R19
	MOVD	RSP, R20
	ADD	$8, R20
	ADD	R19<<3, R20, R4
	ADD	$8, R4
	MOVD	$setting<>(SB), R9
	MOVD	0(R9), R10
	MOVWU	8(R9), R11
	AND	$0xffffff, R11
next:
	MOVD.P	8(R4), R5
	CBZ	R5, missing
	// There are more than eight bytes behind any string: the program's name.
	MOVD	0(R5), R6
	CMP	R10, R6
	BNE	next
	MOVWU	8(R5), R6
	AND	$0xffffff, R6
	CMP	R11, R6
	BNE	next
	B	pin

missing:
	// argv moves down by one, onto argc, and leaves a place in front of the
	// environment.
	MOVD	RSP, R4
	ADD	$1, R19, R6
move:
	MOVD	8(R4), R7
	MOVD.P	R7, 8(R4)
	SUBS	$1, R6
	BNE	move
	MOVD	R9, 0(R4)
	MOVD	RSP, R20
	MOVD	$PR_SET_TIMERSLACK, R0
	MOVD	$10000000, R1
	MOVD	$SYS_prctl, R8
	SVC
	MOVD	$1, R4
	MOVB	R4, ·relaxed(SB)
pin:
	MOVD	$0, R0
	MOVD	$CPUS_SIZE, R1
	MOVD	$·cpus(SB), R2
	MOVD	$SYS_sched_getaffinity, R8
	SVC
	CMP	$0, R0
	BLE	go
	MOVD	R0, R21
	MOVD	$cpu<>(SB), R0
	MOVD	$0, R1
	MOVD	$0, R2
	MOVD	$SYS_getcpu, R8
	SVC
	CBNZ	R0, go
	MOVWU	cpu<>(SB), R4
	CMP	$(8*CPUS_SIZE), R4
	BHS	go
	MOVD	$here<>(SB), R2
	LSR	$6, R4, R5
	MOVD	$1, R6
	LSL	R4, R6, R6 // by its number modulo 64
	MOVD	R6, (R2)(R5<<3)
	MOVD	$0, R0
	MOVD	R21, R1
	MOVD	$SYS_sched_setaffinity, R8
	SVC
	CBNZ	R0, go
	MOVD	R21, ·pinned(SB)
go:
	MOVD	R19, R0
	MOVD	R20, R1
	B	runtime·rt0_go(SB)

// func prlimit(set, old *[2]uint64) int
TEXT ·prlimit(SB),NOSPLIT,$0-24
	MOVD	$0, R0
	MOVD	$RLIMIT_NOFILE, R1
	MOVD	set+0(FP), R2
	MOVD	old+8(FP), R3
	MOVD	$SYS_prlimit64, R8
	SVC
	MOVD	R0, ret+16(FP)
	RET

// func resetSlack()
TEXT ·resetSlack(SB),NOSPLIT,$0-0
	MOVD	$PR_SET_TIMERSLACK, R0
	MOVD	$0, R1
	MOVD	$SYS_prctl, R8
	SVC
	RET

// func setAffinity(size uintptr, set *cpuSet)
TEXT ·setAffinity(SB),NOSPLIT,$0-16
	MOVD	$0, R0
	MOVD	size+0(FP), R1
	MOVD	set+8(FP), R2
	MOVD	$SYS_sched_setaffinity, R8
	SVC
	RET

// func getAffinity(size uintptr, set *cpuSet)
TEXT ·getAffinity(SB),NOSPLIT,$0-16
	MOVD	$0, R0
	MOVD	size+0(FP), R1
	MOVD	set+8(FP), R2
	MOVD	$SYS_sched_getaffinity, R8
	SVC
	RET

// func rawWrite(fd uintptr, p unsafe.Pointer, n int32) int32
TEXT ·rawWrite(SB),NOSPLIT,$0-28
	MOVD	fd+0(FP), R0
	MOVD	p+8(FP), R1
	MOVW	n+16(FP), R2
	MOVD	$SYS_write, R8
	SVC
	MOVW	R0, ret+24(FP)
	RET

// func exit(code int32)
TEXT ·exit(SB),NOSPLIT,$0-4
	MOVW	code+0(FP), R0
	MOVD	$SYS_exit_group, R8
	SVC
	RET

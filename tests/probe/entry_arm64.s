#include "textflag.h"

#define SYS_rt_sigaction 134
#define SYS_rt_sigprocmask 135
#define SIG_IGN 1

// struct sigaction of one signal, which begins with the handler.
GLOBL action<>(SB), NOPTR, $32

// The kernel's way into the program, see signals.go: registers are free, the
// stack is Go's to read.
TEXT ·entry(SB),NOSPLIT|NOFRAME,$0
	MOVD	$1, R12
next:
	MOVD	R12, R0
	MOVD	$0, R1
	MOVD	$action<>(SB), R2
	MOVD	$8, R3
	MOVD	$SYS_rt_sigaction, R8
	SVC
	MOVD	action<>(SB), R4
	CMP	$SIG_IGN, R4
	BNE	handled
	SUB	$1, R12, R5
	MOVD	$1, R6
	LSL	R5, R6, R6
	MOVD	·ignored(SB), R7
	ORR	R6, R7, R7
	MOVD	R7, ·ignored(SB)
handled:
	ADD	$1, R12, R12
	CMP	$64, R12
	BLE	next
	MOVD	$0, R0
	MOVD	$0, R1
	MOVD	$·blocked(SB), R2
	MOVD	$8, R3
	MOVD	$SYS_rt_sigprocmask, R8
	SVC
	MOVD	$1, R4
	MOVB	R4, ·asked(SB)
	B	_rt0_arm64_linux(SB)

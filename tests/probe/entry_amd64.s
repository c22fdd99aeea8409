#include "textflag.h"

#define SYS_rt_sigaction 13
#define SYS_rt_sigprocmask 14
#define SIG_IGN 1

// struct sigaction of one signal, which begins with the handler.
GLOBL action<>(SB), NOPTR, $32

// The kernel's way into the program, see signals.go: registers are free, the
// stack is Go's to read.
TEXT ·entry(SB),NOSPLIT|NOFRAME,$0
	MOVQ	$1, R12
next:
	MOVQ	R12, DI
	MOVQ	$0, SI
	LEAQ	action<>(SB), DX
	MOVQ	$8, R10
	MOVQ	$SYS_rt_sigaction, AX
	SYSCALL
	MOVQ	action<>(SB), AX
	CMPQ	AX, $SIG_IGN
	JNE	handled
	LEAQ	-1(R12), CX
	MOVQ	$1, AX
	SHLQ	CX, AX
	ORQ	AX, ·ignored(SB)
handled:
	INCQ	R12
	CMPQ	R12, $64
	JLE	next
	MOVQ	$0, DI
	MOVQ	$0, SI
	LEAQ	·blocked(SB), DX
	MOVQ	$8, R10
	MOVQ	$SYS_rt_sigprocmask, AX
	SYSCALL
	MOVB	$1, ·asked(SB)
	JMP	_rt0_amd64_linux(SB)

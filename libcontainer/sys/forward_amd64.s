#include "textflag.h"

#define SYS_rt_sigreturn 15
#define SYS_pidfd_send_signal 424

// A signal handler, called by the kernel: handler(DI: signal). Every register
// is its to change, sigreturn puts them back.
TEXT ·forward(SB),NOSPLIT|NOFRAME,$0
	MOVL	DI, SI
	MOVL	·forwardTo(SB), DI
	XORL	DX, DX
	XORL	R10, R10
	MOVL	$SYS_pidfd_send_signal, AX
	SYSCALL
	RET

// Where the handler returns to.
TEXT ·forwarded(SB),NOSPLIT|NOFRAME,$0
	MOVL	$SYS_rt_sigreturn, AX
	SYSCALL
	INT	$3

// func handlers() (handler, restorer uintptr)
TEXT ·handlers(SB),NOSPLIT,$0-16
	MOVQ	$·forward(SB), AX
	MOVQ	AX, handler+0(FP)
	MOVQ	$·forwarded(SB), AX
	MOVQ	AX, restorer+8(FP)
	RET

#include "textflag.h"

#define SYS_rt_sigreturn 139
#define SYS_pidfd_send_signal 424

// A signal handler, called by the kernel: handler(R0: signal). Every register
// is its to change, sigreturn puts them back.
TEXT ·forward(SB),NOSPLIT|NOFRAME,$0
	MOVW	R0, R1
	MOVW	·forwardTo(SB), R0
	MOVD	$0, R2
	MOVD	$0, R3
	MOVD	$SYS_pidfd_send_signal, R8
	SVC
	RET

// Where the handler returns to.
TEXT ·forwarded(SB),NOSPLIT|NOFRAME,$0
	MOVD	$SYS_rt_sigreturn, R8
	SVC
	BRK

// func handlers() (handler, restorer uintptr)
TEXT ·handlers(SB),NOSPLIT,$0-16
	MOVD	$·forward(SB), R0
	MOVD	R0, handler+0(FP)
	MOVD	$·forwarded(SB), R0
	MOVD	R0, restorer+8(FP)
	RET

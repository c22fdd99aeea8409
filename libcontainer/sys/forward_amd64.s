#include "textflag.h"

#define SYS_write 1
#define SYS_rt_sigreturn 15
#define SYS_pidfd_send_signal 424
#define SIGKILL 9
#define SIGPIPE 13
#define SIGCONT 18

// A signal handler, called by the kernel: handler(DI: signal). Every register
// is its to change, sigreturn puts them back. XCHG orders the write before the
// reads. SIGCONT and SIGPIPE are no wish to end anything.
TEXT ·forward(SB),NOSPLIT|NOFRAME,$0
	MOVL	DI, SI
	CMPL	DI, $SIGCONT
	JEQ	passable
	CMPL	DI, $SIGPIPE
	JEQ	passable
	MOVL	DI, AX
	XCHGL	AX, ·caught(SB)
	MOVL	·catching(SB), CX
	TESTL	CX, CX
	JEQ	pass
	MOVL	$SIGKILL, SI
	JMP	pass
passable:
	MOVL	·catching(SB), CX
	TESTL	CX, CX
	JNE	caughtIt
pass:
	MOVL	·forwardTo(SB), DI
	XORL	DX, DX
	XORL	R10, R10
	MOVL	$SYS_pidfd_send_signal, AX
	SYSCALL
caughtIt:
	RET

DATA resizeNote<>+0(SB)/8, $1
GLOBL resizeNote<>(SB), RODATA|NOPTR, $8

// The other handler: write(resizeTo, &resizeNote, 8), and forward SIGCONT.
TEXT ·resized(SB),NOSPLIT|NOFRAME,$0
	MOVL	DI, BX
	MOVL	·resizeTo(SB), DI
	LEAQ	resizeNote<>(SB), SI
	MOVL	$8, DX
	MOVL	$SYS_write, AX
	SYSCALL
	MOVL	BX, DI
	CMPL	DI, $SIGCONT
	JNE	done
	JMP	·forward(SB)
done:
	RET

// Where the handlers return to.
TEXT ·forwarded(SB),NOSPLIT|NOFRAME,$0
	MOVL	$SYS_rt_sigreturn, AX
	SYSCALL
	INT	$3

// func handlers() (forward, resized, restorer uintptr)
TEXT ·handlers(SB),NOSPLIT,$0-24
	MOVQ	$·forward(SB), AX
	MOVQ	AX, forward+0(FP)
	MOVQ	$·resized(SB), AX
	MOVQ	AX, resized+8(FP)
	MOVQ	$·forwarded(SB), AX
	MOVQ	AX, restorer+16(FP)
	RET

#include "textflag.h"

#define SYS_write 64
#define SYS_rt_sigreturn 139
#define SYS_pidfd_send_signal 424
#define SIGKILL 9
#define SIGPIPE 13
#define SIGCONT 18

// A signal handler, called by the kernel: handler(R0: signal). Every register
// is its to change, sigreturn puts them back. The barrier orders the write before
// the reads. SIGCONT and SIGPIPE are no wish to end anything.
TEXT ·forward(SB),NOSPLIT|NOFRAME,$0
	MOVW	R0, R1
	CMPW	$SIGCONT, R0
	BEQ	passable
	CMPW	$SIGPIPE, R0
	BEQ	passable
	MOVW	R0, ·caught(SB)
	DMB	$0xb // ISH
	MOVW	·catching(SB), R2
	CBZW	R2, pass
	MOVW	$SIGKILL, R1
	JMP	pass
passable:
	MOVW	·catching(SB), R2
	CBNZW	R2, caughtIt
pass:
	MOVW	·forwardTo(SB), R0
	MOVD	$0, R2
	MOVD	$0, R3
	MOVD	$SYS_pidfd_send_signal, R8
	SVC
caughtIt:
	RET

DATA resizeNote<>+0(SB)/8, $1
GLOBL resizeNote<>(SB), RODATA|NOPTR, $8

// The other handler: write(resizeTo, &resizeNote, 8), and forward SIGCONT.
TEXT ·resized(SB),NOSPLIT|NOFRAME,$0
	MOVW	R0, R9
	MOVW	·resizeTo(SB), R0
	MOVD	$resizeNote<>(SB), R1
	MOVD	$8, R2
	MOVD	$SYS_write, R8
	SVC
	MOVW	R9, R0
	CMPW	$SIGCONT, R0
	BNE	done
	JMP	·forward(SB)
done:
	RET

// Where the handlers return to.
TEXT ·forwarded(SB),NOSPLIT|NOFRAME,$0
	MOVD	$SYS_rt_sigreturn, R8
	SVC
	BRK

// func handlers() (forward, resized, restorer uintptr)
TEXT ·handlers(SB),NOSPLIT,$0-24
	MOVD	$·forward(SB), R0
	MOVD	R0, forward+0(FP)
	MOVD	$·resized(SB), R0
	MOVD	R0, resized+8(FP)
	MOVD	$·forwarded(SB), R0
	MOVD	R0, restorer+16(FP)
	RET

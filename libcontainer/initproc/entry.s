//go:build amd64 || arm64

#include "textflag.h"

// The compiler makes a function callable from assembly if the assembly of its own
// package calls it. The program's entry, which does, is package rtstart's.
TEXT ·callable(SB),NOSPLIT,$0-0
	JMP	crungo·bare(SB)

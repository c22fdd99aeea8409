package seccomp

import "golang.org/x/sys/unix"

// code is a BPF program under construction, last instruction first. BPF jumps
// only forwards, so that the code that emits a jump knows where its targets are.
type code []unix.SockFilter

// label is an instruction's index in code.
type label int

// Offsets in struct seccomp_data of linux/seccomp.h.
const (
	dataNr   = 0
	dataArch = 4
	dataArgs = 16
)

const (
	opLoad = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	opAnd  = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
	opRet  = unix.BPF_RET | unix.BPF_K
	opJump = unix.BPF_JMP | unix.BPF_JA
	opJeq  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	opJgt  = unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K
	opJge  = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
)

// maxJump is the farthest that a conditional jump reaches: 8 bits.
const maxJump = 255

// stmt emits an instruction that goes on to the one emitted before it.
func (c *code) stmt(op uint16, k uint32) label {
	*c = append(*c, unix.SockFilter{Code: op, K: k})
	return label(len(*c) - 1)
}

// load emits a load of the word at an offset of seccomp_data, followed by next.
func (c *code) load(offset uint32, next label) label {
	c.goTo(next)
	return c.stmt(opLoad, offset)
}

// goTo makes next the instruction that follows what is emitted now.
func (c *code) goTo(next label) {
	if d := c.distance(next); d > 0 {
		c.stmt(opJump, uint32(d))
	}
}

// jump emits a comparison of the accumulator with k: on to t if it holds, to f
// otherwise. A target out of reach gets a stepping stone.
func (c *code) jump(op uint16, k uint32, t, f label) label {
	// The stone for one target moves the other away by one.
	if c.distance(t) >= maxJump {
		t = c.stmt(opJump, uint32(c.distance(t)))
	}
	if c.distance(f) > maxJump {
		f = c.stmt(opJump, uint32(c.distance(f)))
	}
	*c = append(*c, unix.SockFilter{
		Code: op,
		Jt:   uint8(c.distance(t)),
		Jf:   uint8(c.distance(f)),
		K:    k,
	})
	return label(len(*c) - 1)
}

// distance is how many instructions a jump emitted now skips to reach l.
func (c *code) distance(l label) int { return len(*c) - 1 - int(l) }

// condition emits the check of one argument: on to t if it holds, to f
// otherwise. On a 64-bit architecture it compares two words, as BPF has no
// longer ones.
func (c *code) condition(cd *cond, narrow, big bool, t, f label) label {
	jmp := uint16(opJeq)
	switch cd.op {
	case opNE:
		t, f = f, t
	case opGT:
		jmp = opJgt
	case opLE:
		jmp = opJgt
		t, f = f, t
	case opGE:
		jmp = opJge
	case opLT:
		jmp = opJge
		t, f = f, t
	}
	hi, lo := offsets(cd.arg, big)
	l := t
	if uint32(cd.mask) != 0 {
		l = c.jump(jmp, uint32(cd.value), t, f)
		l = c.masked(lo, uint32(cd.mask), l)
	}
	if narrow || cd.mask>>32 == 0 {
		return l
	}
	l = c.jump(opJeq, uint32(cd.value>>32), l, f)
	if jmp != opJeq {
		l = c.jump(opJgt, uint32(cd.value>>32), t, l)
	}
	return c.masked(hi, uint32(cd.mask>>32), l)
}

// masked emits a load of a word of seccomp_data and the mask, followed by next.
func (c *code) masked(offset, mask uint32, next label) label {
	c.goTo(next)
	if mask != ^uint32(0) {
		c.stmt(opAnd, mask)
	}
	return c.stmt(opLoad, offset)
}

// offsets are those of the high and the low word of an argument.
func offsets(arg uint8, big bool) (hi, lo uint32) {
	at := dataArgs + 8*uint32(arg)
	if big {
		return at, at + 4
	}
	return at + 4, at
}

package seccomp

// rule answers action if all its conditions hold.
type rule struct {
	action uint32
	conds  []cond
	entry  int // index in linux.seccomp.syscalls
}

// chain is the rules of one syscall. The first that matches gives the verdict;
// if none does, it is the default action.
//
// The order is libseccomp's: rules on higher arguments come first, then tests
// for equality before upper limits (LE, LT) before lower limits (GE, GT), then
// greater values first (upper limits: smaller first); what is equal in all
// that stays in the profile's order. It matters only if rules of one syscall
// have different actions.
type chain []rule

// insert adds r to the chain. It returns the rule that r contradicts, if any.
//
// A rule covers another if its conditions are the first ones of the other's.
// What is covered is dropped; but a rule that comes after one which it covers,
// and has another action, contradicts it, as in libseccomp, and so does one
// with the same conditions. (In the other order the general one comes first
// and wins.)
func (c chain) insert(r rule, narrow bool) (_ chain, contradicted *rule) {
	at := len(c)
	for i := len(c) - 1; i >= 0; i-- {
		have := &c[i]
		n := common(have.conds, r.conds)
		if n == len(r.conds) && have.action != r.action {
			return c, have
		}
		if n == len(have.conds) {
			return c, nil
		}
		if less(have.conds[n:], r.conds[n:], narrow) {
			at = i
		}
	}
	c = append(c, rule{})
	copy(c[at+1:], c[at:])
	c[at] = r
	return c, nil
}

// common counts the conditions with which both rules start.
func common(a, b []cond) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// less tells whether a rule that goes on with conditions a comes after one
// that goes on with b; a[0] != b[0].
func less(a, b []cond, narrow bool) bool {
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	x, y := &a[0], &b[0]
	if x.arg != y.arg {
		return x.arg < y.arg
	}
	if x.rank() != y.rank() {
		return x.rank() < y.rank()
	}
	// A 64-bit argument is compared word by word, the high one first. Words
	// that differ in more than the value have no order between them.
	if !narrow {
		if x.value>>32 != y.value>>32 {
			return (x.value < y.value) != x.upper()
		}
		if x.masked() != y.masked() || x.mask>>32 != y.mask>>32 {
			return false
		}
	}
	if uint32(x.value) != uint32(y.value) {
		return (uint32(x.value) < uint32(y.value)) != x.upper()
	}
	return false
}

func (c *cond) masked() bool { return c.op == opMaskedEQ }

// upper tells whether the condition is an upper limit.
func (c *cond) upper() bool { return c.op == opLE || c.op == opLT }

func (c *cond) rank() int {
	switch c.op {
	case opLE, opLT:
		return 2
	case opGE, opGT:
		return 1
	}
	return 3
}

// normalise appends to buf the conditions as the architecture compares them:
// without the high words if it has none, and without those that always hold.
func normalise(buf, conds []cond, narrow bool) []cond {
	for _, c := range conds {
		if narrow {
			c.mask &= 0xffffffff
			c.value &= 0xffffffff
		}
		if c.mask != 0 {
			buf = append(buf, c)
		}
	}
	return buf
}

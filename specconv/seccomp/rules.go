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
	for i := range c {
		have := &c[i]
		n := common(have.conds, r.conds)
		if n == len(r.conds) && have.action != r.action {
			return c, have
		}
		if n == len(have.conds) {
			return c, nil
		}
	}
	at := c.place(r, narrow)
	c = append(c, rule{})
	copy(c[at+1:], c[at:])
	c[at] = r
	return c, nil
}

// place finds where in the chain a new rule belongs. Rules that begin with the
// same tests of words stay together, as they do in libseccomp's tree.
func (c chain) place(r rule, narrow bool) int {
	first, end := 0, len(c)
next:
	for depth := 0; ; depth++ {
		w, ok := r.test(depth, narrow)
		if !ok {
			return end
		}
		for i := first; i < end; i++ {
			v, ok := c[i].test(depth, narrow)
			if !ok || v.less(w) {
				return i
			}
			if !v.same(w) {
				continue
			}
			first = i
			for i < end {
				if v, ok := c[i].test(depth, narrow); !ok || !v.same(w) {
					break
				}
				i++
			}
			end = i
			continue next
		}
		return end
	}
}

// wordTest is the part of a condition that looks at one word of an argument.
type wordTest struct {
	word        int // twice the argument, and one for its high word
	op          op  // as it is compared: opEQ, opGT, opGE or opMaskedEQ
	rank        int
	upper       bool // part of an upper limit
	value, mask uint32
}

// test gives a rule's test of a word, in the order of evaluation.
func (r *rule) test(depth int, narrow bool) (w wordTest, ok bool) {
	high := false
	if !narrow {
		high = depth%2 == 0
		depth /= 2
	}
	if depth >= len(r.conds) {
		return w, false
	}
	c := &r.conds[depth]
	w = wordTest{word: 2 * int(c.arg), rank: c.rank(), upper: c.op == opLE || c.op == opLT,
		value: uint32(c.value), mask: uint32(c.mask)}
	switch c.op {
	case opNE:
		w.op = opEQ
	case opGT, opLE:
		w.op = opGT
	case opGE, opLT:
		w.op = opGE
	default:
		w.op = c.op
	}
	if high {
		w.word++
		w.value, w.mask = uint32(c.value>>32), uint32(c.mask>>32)
		if w.op == opGE {
			w.op = opGT
		}
	}
	return w, true
}

func (w wordTest) same(v wordTest) bool {
	return w.word == v.word && w.op == v.op && w.value == v.value && w.mask == v.mask
}

// less reports whether w comes after v.
func (w wordTest) less(v wordTest) bool {
	switch {
	case w.same(v):
		return false
	case w.word != v.word:
		return w.word < v.word
	case w.rank != v.rank:
		return w.rank < v.rank
	case w.upper:
		return w.value > v.value
	}
	return w.value < v.value
}

// common counts the conditions with which both rules start.
func common(a, b []cond) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

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

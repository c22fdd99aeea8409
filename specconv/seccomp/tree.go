package seccomp

import (
	"errors"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/seccomp/internal/sysnr"
)

// compiler is one run of the compiler written here.
type compiler struct {
	*profile
	index    []int16            // sysnr index of every name in entries, or -1
	verdicts [sysnr.Max]verdict // by slot, of the architecture at hand
	answers  []answer
	chains   []syscallRules
	spans    []span
	code     code
	rules    int // in all chains
}

// verdict says what a syscall gets: 0 the default action, below chainVerdict
// the answer of that index, else the chain of that index above chainVerdict.
type verdict uint16

const chainVerdict verdict = 0x4000

// answer is an action, and where its latest return instruction is.
type answer struct {
	action uint32
	at     label // -1: not emitted
}

// syscallRules is the chain of one syscall, or of several.
type syscallRules struct {
	rules chain
	arch  *arch
	entry int   // the entry that all rules are from, or -1
	at    label // -1: not emitted
}

// span is a run of syscall numbers with the same verdict; it ends where the
// next begins.
type span struct {
	start   uint32
	verdict verdict
}

// compile makes a filter of a profile.
//
// It checks the architecture, then finds the syscall's verdict by binary
// search over the spans, and at the end evaluates rules on arguments, if any.
func compile(p *profile) (*Program, error) {
	c := &compiler{profile: p}
	c.answers = append(make([]answer, 0, 8), answer{p.action, -1})
	c.spans = make([]span, 0, 256)
	c.code = make(code, 0, 512)
	skipped := c.lookup()

	other := c.answer(retKillThread) // of every other architecture
	next := c.leaf(other)
	for i := len(p.archs) - 1; i >= 0; i-- {
		a := p.archs[i]
		c.spans = c.spans[:0]
		var err error
		switch {
		case a.audit != unix.AUDIT_ARCH_X86_64:
			err = c.span(a)
		case slices.ContainsFunc(p.archs[:i], func(b *arch) bool { return b.audit == a.audit }):
			continue // both are one section
		default:
			err = c.spanX86_64()
		}
		if err != nil {
			return nil, err
		}
		section := c.code.load(dataNr, c.tree(c.spans))
		next = c.code.jump(opJeq, a.audit, section, next)
	}
	c.code.load(dataArch, next)
	if len(c.code) > MaxInsns {
		return nil, field("linux.seccomp", errors.New("the filter has "+strconv.Itoa(len(c.code))+
			" instructions, the kernel takes at most "+strconv.Itoa(MaxInsns)))
	}
	slices.Reverse(c.code)
	return &Program{Filter: c.code, Flags: p.flags, Notify: p.notify, Skipped: skipped}, nil
}

// lookup finds the names' indexes, and returns the names that mean nothing on
// any of the architectures.
func (c *compiler) lookup() (skipped []string) {
	n := 0
	for i := range c.entries {
		n += len(c.entries[i].names)
	}
	c.index = make([]int16, 0, n)
	next := 0
	for i := range c.entries {
		for _, name := range c.entries[i].names {
			at := sysnr.Index(name, next)
			c.index = append(c.index, int16(at))
			next = at + 1
			if at < 0 || !c.meaningful(at) {
				skipped = append(skipped, name)
			}
		}
	}
	return skipped
}

func (c *compiler) meaningful(at int) bool {
	for _, a := range c.archs {
		if a.slots[at] != sysnr.None || a.multiplexed(at) {
			return true
		}
	}
	return false
}

// spanX86_64 appends the spans of x86_64 and x32, which differ by a bit of the
// syscall number only. Of the two, one that the profile doesn't list is like
// any other foreign architecture; but -1 is not an x32 syscall, it is what tracers
// write to skip one (seccomp(2)).
func (c *compiler) spanX86_64() error {
	var wide, x32 *arch
	for _, a := range c.archs {
		switch {
		case a.audit != unix.AUDIT_ARCH_X86_64:
		case a.base == x32Bit:
			x32 = a
		default:
			wide = a
		}
	}
	kill := c.answer(retKillThread)
	if wide == nil {
		c.add(0, kill)
	} else if err := c.span(wide); err != nil {
		return err
	}
	if x32 != nil {
		return c.span(x32)
	}
	c.add(x32Bit, kill)
	c.add(^uint32(0), 0)
	return nil
}

// span appends the spans of one architecture's syscalls.
func (c *compiler) span(a *arch) error {
	newest, err := c.judge(a)
	if err != nil {
		return err
	}
	end := sysnr.Private
	newer := verdict(0)
	if c.enosys && newest > 0 {
		newer = c.answer(retENOSYS)
		end = newest + 1
		if a.setupENOSYS() {
			c.verdicts[0] = newer
		}
	}
	if a.base != 0 && a.base != x32Bit {
		c.add(0, 0)
	}
	for slot, v := range c.verdicts[:end] {
		c.add(a.number(slot), v)
	}
	c.add(a.number(end-1)+1, newer)
	if a.audit == unix.AUDIT_ARCH_ARM {
		for slot := sysnr.Private; slot < sysnr.Max; slot++ {
			c.add(a.number(slot), c.verdicts[slot])
		}
	}
	return nil
}

// add appends a span, unless it only continues the last one.
func (c *compiler) add(start uint32, v verdict) {
	if n := len(c.spans); n == 0 || c.spans[n-1].verdict != v {
		c.spans = append(c.spans, span{start, v})
	}
}

// tree emits the search for the syscall number in the accumulator.
func (c *compiler) tree(s []span) label {
	if len(s) == 1 {
		return c.leaf(s[0].verdict)
	}
	if len(s) == 3 && s[0].verdict == s[2].verdict && s[2].start == s[1].start+1 {
		rest := c.leaf(s[0].verdict)
		return c.code.jump(opJeq, s[1].start, c.leaf(s[1].verdict), rest)
	}
	mid := len(s) / 2
	right := c.tree(s[mid:])
	left := c.tree(s[:mid])
	return c.code.jump(opJge, s[mid].start, right, left)
}

// leaf emits what decides a verdict, or finds it.
func (c *compiler) leaf(v verdict) label {
	if v >= chainVerdict {
		ch := &c.chains[v-chainVerdict]
		if ch.at < 0 {
			ch.at = c.chain(ch)
		}
		return ch.at
	}
	// A return instruction costs no more than a stepping stone to a far one.
	a := &c.answers[v]
	if a.at < 0 || c.code.distance(a.at) >= maxJump {
		a.at = c.code.stmt(opRet, a.action)
	}
	return a.at
}

// chain emits rules; where none matches, the default action.
func (c *compiler) chain(s *syscallRules) label {
	next := c.leaf(0)
	for i := len(s.rules) - 1; i >= 0; {
		// Rules that want one of several values of an argument share its loads.
		first := i
		for first > 0 && sameArg(s.rules[first-1].conds, s.rules[i].conds) {
			first--
		}
		if first < i {
			next = c.oneOf(s.rules[first:i+1], s.arch, next)
			i = first - 1
			continue
		}
		r := &s.rules[i]
		l := c.leaf(c.answer(r.action))
		for j := len(r.conds) - 1; j >= 0; j-- {
			l = c.code.condition(&r.conds[j], s.arch.narrow, s.arch.big, l, next)
		}
		next = l
		i--
	}
	return next
}

// sameArg reports whether both are a single test for equality of the same
// argument, with the same high word.
func sameArg(a, b []cond) bool {
	return len(a) == 1 && len(b) == 1 && a[0].op == opEQ && b[0].op == opEQ &&
		a[0].arg == b[0].arg && a[0].value>>32 == b[0].value>>32
}

// oneOf emits rules that are alike in the sense of sameArg.
func (c *compiler) oneOf(rules []rule, a *arch, next label) label {
	fail, l := next, next
	for i := len(rules) - 1; i >= 0; i-- {
		l = c.code.jump(opJeq, uint32(rules[i].conds[0].value), c.leaf(c.answer(rules[i].action)), l)
	}
	cd := &rules[0].conds[0]
	hi, lo := offsets(cd.arg, a.big)
	l = c.code.load(lo, l)
	if !a.narrow {
		l = c.code.jump(opJeq, uint32(cd.value>>32), l, fail)
		l = c.code.load(hi, l)
	}
	return l
}

// answer is the verdict for an action that doesn't depend on arguments.
func (c *compiler) answer(action uint32) verdict {
	for i := range c.answers {
		if c.answers[i].action == action {
			return verdict(i)
		}
	}
	c.answers = append(c.answers, answer{action, -1})
	return verdict(len(c.answers) - 1)
}

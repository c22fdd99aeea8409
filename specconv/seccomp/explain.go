package seccomp

import (
	"fmt"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/seccomp/internal/sysnr"
)

// Verdict is what the filter of a profile answers to one system call.
type Verdict struct {
	Call   string // its name
	Number uint32 // on the architecture in question
	Rules  []Rule // as the filter tries them; the last one has no conditions
}

// Rule is one answer of a filter, and why it is given.
type Rule struct {
	Action specs.LinuxSeccompAction
	// Data is the errno of SCMP_ACT_ERRNO, and what a tracer gets of SCMP_ACT_TRACE.
	Data  uint16
	Field string // of config.json, where the answer comes from
	// Newer: the call is newer than all that the profile names (see [Compile]).
	Newer bool

	conds  []cond
	narrow bool
}

// Conditions are those on the call's arguments that must all hold, in C's notation.
func (r *Rule) Conditions() []string {
	var texts []string
	for _, c := range r.conds {
		texts = append(texts, c.String())
	}
	return texts
}

// HasData reports whether the action has an errno, or a value for a tracer, beside it.
func (r *Rule) HasData() bool { return r.Action == specs.ActErrno || r.Action == specs.ActTrace }

// Unconditional is the rule as it is for a call whose arguments are known to meet the
// conditions.
func (r Rule) Unconditional() Rule {
	r.conds = nil
	return r
}

// Holds reports whether the conditions hold for a call with these arguments. Those
// that are not given are 0.
func (r *Rule) Holds(args ...uint64) bool {
	for _, c := range r.conds {
		var arg uint64
		if int(c.arg) < len(args) {
			arg = args[c.arg]
		}
		if !c.holds(arg, r.narrow) {
			return false
		}
	}
	return true
}

// Explain says what the filter that [Compile] makes of a profile answers to each
// system call of an architecture, in the order of their names. The architecture is one
// of [SupportedArchs] that this program's kernel may run, or "" for the native one.
func Explain(cfg *specs.LinuxSeccomp, architecture string) ([]Verdict, error) {
	a := native()
	if architecture != "" {
		if a = family(architecture); a == nil {
			return nil, unknown("", architecture, "SCMP_ARCH_", SupportedArchs(),
				fmt.Errorf("%q is not an architecture that this kernel runs, expected one such as %s", architecture, native().name))
		}
	}
	if Empty(cfg) {
		return a.all(Rule{Action: specs.ActAllow, Field: "linux.seccomp"}), nil
	}
	p, err := check(cfg, native(), family)
	if err != nil {
		return nil, err
	}
	return explain(p, a)
}

func explain(p *profile, a *arch) ([]Verdict, error) {
	if !p.lists(a) {
		return a.all(Rule{Action: specs.ActKillThread, Field: "linux.seccomp.architectures"}), nil
	}
	c := &compiler{profile: p, answers: []answer{{p.action, -1}}}
	c.lookup()
	newest, err := c.judge(a)
	if err != nil {
		return nil, err
	}
	newer := ruleOf(retENOSYS, "linux.seccomp.defaultAction")
	newer.Newer = true
	return a.each(func(slot int) []Rule {
		if c.enosys && newest > 0 && (slot > newest && slot < sysnr.Private || slot == 0 && a.setupENOSYS()) {
			return []Rule{newer}
		}
		return c.rulesOf(a, slot)
	}), nil
}

// each asks for the rules of each system call.
func (a *arch) each(rules func(slot int) []Rule) []Verdict {
	var verdicts []Verdict
	for at, slot := range a.slots {
		if slot != sysnr.None {
			verdicts = append(verdicts, Verdict{sysnr.Name(at), a.number(int(slot)), rules(int(slot))})
		}
	}
	return verdicts
}

// all is a rule for every system call.
func (a *arch) all(r Rule) []Verdict {
	return a.each(func(int) []Rule { return []Rule{r} })
}

// lists reports whether the profile's filter lets calls of an architecture through to
// its rules.
func (p *profile) lists(a *arch) bool {
	for _, have := range p.archs {
		if have == a {
			return true
		}
	}
	return false
}

// rulesOf gives the rules for a slot, whose verdict judge has found.
func (c *compiler) rulesOf(a *arch, slot int) []Rule {
	otherwise := ruleOf(c.action, "linux.seccomp.defaultAction")
	switch v := c.verdicts[slot]; {
	case v >= chainVerdict:
		var rules []Rule
		for _, r := range c.chains[v-chainVerdict].rules {
			rule := ruleOf(r.action, entryField(r.entry))
			rule.conds, rule.narrow = r.conds, a.narrow
			rules = append(rules, rule)
		}
		return append(rules, otherwise)
	case v != 0:
		return []Rule{ruleOf(c.answers[v].action, entryField(c.unconditional(a, slot)))}
	}
	return []Rule{otherwise}
}

// unconditional finds the entry that gives a slot a verdict without conditions: the
// first one that has none there.
func (c *compiler) unconditional(a *arch, slot int) int {
	index := c.index
	for i := range c.entries {
		e := &c.entries[i]
		for _, at := range index[:len(e.names)] {
			if at < 0 || int(a.slots[at]) != slot || e.action == c.action {
				continue
			}
			if _, all := c.split(i, e.conds, a); all {
				return i
			}
		}
		index = index[len(e.names):]
	}
	return -1 // not with a verdict of judge's
}

func entryField(entry int) string {
	return "linux.seccomp.syscalls[" + strconv.Itoa(entry) + "]"
}

// ruleOf puts a filter's return value in the words of config.json.
func ruleOf(ret uint32, field string) Rule {
	r := Rule{Field: field}
	switch ret & unix.SECCOMP_RET_ACTION_FULL {
	case unix.SECCOMP_RET_ALLOW:
		r.Action = specs.ActAllow
	case unix.SECCOMP_RET_LOG:
		r.Action = specs.ActLog
	case unix.SECCOMP_RET_ERRNO:
		r.Action, r.Data = specs.ActErrno, uint16(ret)
	case unix.SECCOMP_RET_TRACE:
		r.Action, r.Data = specs.ActTrace, uint16(ret)
	case unix.SECCOMP_RET_TRAP:
		r.Action = specs.ActTrap
	case unix.SECCOMP_RET_USER_NOTIF:
		r.Action = specs.ActNotify
	case unix.SECCOMP_RET_KILL_THREAD:
		r.Action = specs.ActKillThread
	default:
		r.Action = specs.ActKillProcess
	}
	return r
}

// holds reports whether a condition is true of an argument. Narrow: of its low word.
func (c *cond) holds(v uint64, narrow bool) bool {
	w, m := c.value, c.mask
	if narrow {
		v, w, m = v&0xffffffff, w&0xffffffff, m&0xffffffff
	}
	switch c.op {
	case opEQ:
		return v == w
	case opNE:
		return v != w
	case opGT:
		return v > w
	case opGE:
		return v >= w
	case opLT:
		return v < w
	case opLE:
		return v <= w
	}
	return v&m == w
}

func (c *cond) String() string {
	arg, value := "arg"+strconv.Itoa(int(c.arg)), number(c.value)
	if c.op == opMaskedEQ {
		return arg + " & " + number(c.mask) + " == " + value
	}
	return arg + [...]string{opEQ: " == ", opNE: " != ", opGT: " > ", opLE: " <= ", opGE: " >= ", opLT: " < "}[c.op] + value
}

// number writes a small one in decimal, as flags and constants beyond are known in
// hexadecimal.
func number(v uint64) string {
	if v < 1024 {
		return strconv.FormatUint(v, 10)
	}
	return "0x" + strconv.FormatUint(v, 16)
}

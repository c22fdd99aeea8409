package seccomp

import (
	"fmt"
	"strconv"

	"github.com/crun-go/crun-go/specconv/seccomp/internal/sysnr"
)

// judge fills in the verdicts of one architecture's syscalls. It returns the
// slot of the newest syscall that the profile names there.
func (c *compiler) judge(a *arch) (newest int, err error) {
	clear(c.verdicts[:])
	var buf [MaxArgs + 1]cond
	index := c.index
	for i := range c.entries {
		e := &c.entries[i]
		names := index[:len(e.names)]
		index = index[len(e.names):]
		j := judgement{c: c, a: a, entry: i, chain: -1, redundant: e.action == c.action}
		for k, at := range names {
			if at < 0 {
				continue
			}
			slot := int(a.slots[at])
			if a.multiplexed(int(at)) {
				if err := j.multiplexed(int(at), buf[:0]); err != nil {
					return 0, c.contradiction(i, k, err)
				}
			} else if slot < sysnr.Private {
				newest = max(newest, slot)
			}
			if slot != sysnr.None && !j.redundant {
				if err := j.direct(slot); err != nil {
					return 0, c.contradiction(i, k, err)
				}
			}
		}
	}
	return newest, nil
}

// multiplexed reports whether the syscall of an index is made through
// socketcall(2) or ipc(2), too.
func (a *arch) multiplexed(at int) bool {
	if a.socketcall == 0 {
		return false
	}
	call, ipc := sysnr.Call(at)
	return call|ipc != 0
}

// judgement applies one entry to one architecture's syscalls.
type judgement struct {
	c         *compiler
	a         *arch
	entry     int
	chain     int // index of the chain that holds just the entry's rules, or -1
	redundant bool
	all       bool // the entry has no condition on this architecture
	rules     []rule
}

// contradicted is the rule that a rule contradicts.
type contradicted struct{ entry int }

func (e *contradicted) Error() string {
	return "same conditions, but another action, as in linux.seccomp.syscalls[" + strconv.Itoa(e.entry) + "]"
}

func (c *compiler) contradiction(entry, name int, err error) error {
	return field("linux.seccomp.syscalls["+strconv.Itoa(entry)+"].names["+strconv.Itoa(name)+"]",
		fmt.Errorf("%q: %w", c.entries[entry].names[name], err))
}

// direct applies the entry to a syscall that is made by its own number.
func (j *judgement) direct(slot int) error {
	if j.rules == nil && !j.all {
		e := &j.c.entries[j.entry]
		j.rules, j.all = j.c.split(j.entry, e.conds, j.a)
	}
	v := &j.c.verdicts[slot]
	switch {
	case j.all:
		j.c.always(v, j.c.entries[j.entry].action)
		return nil
	case *v == 0:
		if j.chain < 0 {
			j.chain = len(j.c.chains)
			j.c.chains = append(j.c.chains, syscallRules{arch: j.a, entry: j.entry, at: -1})
			own := chainVerdict + verdict(j.chain)
			if err := j.c.insert(&own, j.a, j.rules); err != nil {
				return err
			}
		}
		*v = chainVerdict + verdict(j.chain)
		return nil
	}
	return j.c.insert(v, j.a, j.rules)
}

// multiplexed applies the entry to a call of socketcall(2) or ipc(2). The
// first argument is the call's number there, so what the entry wants of the
// syscall's first argument can't be checked.
func (j *judgement) multiplexed(at int, conds []cond) error {
	if j.redundant {
		return nil
	}
	call, ipc := sysnr.Call(at)
	slot := j.a.socketcall
	if call == 0 {
		slot = j.a.ipc
	}
	number := cond{op: opEQ, value: uint64(call | ipc), mask: ^uint64(0)}
	e := &j.c.entries[j.entry]
	v := &j.c.verdicts[slot]
	conds = append(conds, number)
	for _, cd := range e.conds {
		if cd.arg == 0 && !e.each {
			continue
		}
		if !e.each {
			conds = append(conds, cd)
			continue
		}
		one := append(make([]cond, 0, 2), number)
		if cd.arg != 0 {
			one = append(one, cd)
		}
		if err := j.add(v, one); err != nil {
			return err
		}
	}
	if e.each {
		return nil
	}
	return j.add(v, conds)
}

// add adds the entry's rule with the given conditions to a verdict.
func (j *judgement) add(v *verdict, conds []cond) error {
	r := rule{j.c.entries[j.entry].action, normalise(make([]cond, 0, len(conds)), conds, j.a.narrow), j.entry}
	if *v == 0 {
		*v = chainVerdict + verdict(len(j.c.chains))
		j.c.chains = append(j.c.chains, syscallRules{arch: j.a, entry: -1, at: -1})
	}
	return j.c.insert(v, j.a, []rule{r})
}

// split turns an entry into rules as the architecture compares them. all means
// that one of them has no condition left.
func (c *compiler) split(entry int, conds []cond, a *arch) (rules []rule, all bool) {
	e := &c.entries[entry]
	if len(conds) == 0 {
		return nil, true
	}
	own := normalise(make([]cond, 0, len(conds)), conds, a.narrow)
	if !e.each {
		return []rule{{e.action, own, entry}}, len(own) == 0
	}
	for i := range own {
		rules = append(rules, rule{e.action, own[i : i+1], entry})
	}
	return rules, len(own) < len(conds)
}

// always makes a verdict unconditional, unless it is already.
func (c *compiler) always(v *verdict, action uint32) {
	if *v == 0 || *v >= chainVerdict {
		*v = c.answer(action)
	}
}

// insert adds rules to a verdict's chain. A chain that other syscalls may have
// too is copied first.
func (c *compiler) insert(v *verdict, a *arch, rules []rule) error {
	if *v < chainVerdict {
		return nil // an unconditional verdict covers all rules
	}
	ch := &c.chains[*v-chainVerdict]
	if ch.entry >= 0 && len(ch.rules) > 0 {
		*v = chainVerdict + verdict(len(c.chains))
		c.chains = append(c.chains, syscallRules{
			rules: append(make(chain, 0, len(ch.rules)+len(rules)), ch.rules...),
			arch:  a, entry: -1, at: -1,
		})
		c.rules += len(ch.rules)
		ch = &c.chains[*v-chainVerdict]
	}
	for _, r := range rules {
		// One that covers nothing and is covered counts, too: it has been compared
		// with all others.
		if c.rules++; c.rules > maxRules {
			return tooMany(c.rules, "rules")
		}
		var have *rule
		if ch.rules, have = ch.rules.insert(r, a.narrow); have != nil {
			return &contradicted{have.entry}
		}
	}
	return nil
}

package seccomp

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// explained is what a profile says of each call, by architecture, the native one first.
type explained []table

// table has what a profile says of the calls of one architecture.
type table struct {
	*arch
	verdicts []Verdict
}

// verdict is about the call of a number; nil if it has no name.
func (t *table) verdict(number uint32) *Verdict {
	for i := range t.verdicts {
		if t.verdicts[i].Number == number {
			return &t.verdicts[i]
		}
	}
	return nil
}

// explainAll is for the architectures whose calls the profile's filter does not kill for. Without
// a profile that is all.
func explainAll(cfg *specs.LinuxSeccomp) (explained, error) {
	archs := []*arch{native()}
	if Empty(cfg) {
		for _, name := range SupportedArchs() {
			if a := family(name); a != nil && a != native() {
				archs = append(archs, a)
			}
		}
	} else {
		p, err := check(cfg, native(), family)
		if err != nil {
			return nil, err
		}
		archs = p.archs
	}
	var all explained
	for _, a := range archs {
		verdicts, err := Explain(cfg, a.name)
		if err != nil {
			return nil, err
		}
		all = append(all, table{a, verdicts})
	}
	return all, nil
}

// find finds the table of a call's architecture, or -1, and what the profile says of the call;
// nil if it has no name.
func (e explained) find(c *Call) (at int, v *Verdict) {
	for i := range e {
		t := &e[i]
		if t.audit == c.Arch && (t.audit != unix.AUDIT_ARCH_X86_64 || c.Number&x32Bit == t.base) {
			return i, t.verdict(c.Number)
		}
	}
	return -1, nil
}

// compared has the bits of each argument that the rules look at, on an architecture of which
// they may see no more than the low word.
func (v *Verdict) compared() (masks [MaxArgs]uint64) {
	for _, r := range v.Rules {
		for _, c := range r.conds {
			mask := c.mask
			if r.narrow {
				mask &= 0xffffffff
			}
			masks[c.arg] |= mask
		}
	}
	return masks
}

// Empty reports whether a profile asks for no filter.
func Empty(cfg *specs.LinuxSeccomp) bool {
	return cfg == nil || cfg.DefaultAction == "" && len(cfg.Syscalls) == 0
}

// callKey is what calls have in common that the rules of a profile can't tell apart.
type callKey struct {
	table  int
	number uint32
	args   [MaxArgs]uint64 // what of them is compared
}

func callKeyOf(c *Call, at int, v *Verdict) callKey {
	k := callKey{table: at, number: c.Number}
	if v == nil {
		return k
	}
	for i, mask := range v.compared() {
		k.args[i] = c.Args[i] & mask
	}
	return k
}

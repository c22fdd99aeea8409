package seccomp

import (
	"math/rand/v2"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/seccomp/internal/sysnr"
)

var (
	equalities = []specs.LinuxSeccompOperator{specs.OpEqualTo, specs.OpMaskedEqual}
	operators  = []specs.LinuxSeccompOperator{specs.OpEqualTo, specs.OpNotEqual, specs.OpGreaterThan, specs.OpGreaterEqual,
		specs.OpLessThan, specs.OpLessEqual, specs.OpMaskedEqual}
)

// randomProfile makes a profile of a few names, so that entries meet. Each
// name has one action, so that the order of rules doesn't matter. A tame
// profile has no rules that libseccomp can't take, see oracle_test.go.
func randomProfile(r *rand.Rand, family []*arch, names []string, tame bool) *specs.LinuxSeccomp {
	actions := []specs.LinuxSeccompAction{specs.ActAllow, specs.ActErrno, specs.ActKill, specs.ActKillProcess,
		specs.ActTrap, specs.ActTrace, specs.ActLog, specs.ActNotify}
	cfg := &specs.LinuxSeccomp{DefaultAction: actions[r.IntN(len(actions)-1)], ListenerPath: "/agent"}
	for _, a := range family {
		if r.IntN(3) > 0 {
			cfg.Architectures = append(cfg.Architectures, specs.Arch(a.name))
		}
	}
	if tame {
		always := specs.LinuxSyscall{Names: []string{"exit"}, Action: specs.ActTrap}
		if cfg.DefaultAction == specs.ActTrap {
			always.Action = specs.ActAllow
		}
		cfg.Syscalls = append(cfg.Syscalls, always)
	}
	kinds := map[string]int{} // action and what rules the name takes
	for _, name := range names {
		kinds[name] = r.IntN(2 * len(actions))
		if socketcall, ipc := sysnr.Call(sysnr.Index(name, 0)); socketcall|ipc != 0 {
			kinds[name] &^= 1 // they meet in socketcall(2) and ipc(2)
		}
	}
	used := map[string]bool{}
	for range 1 + r.IntN(40) {
		name := names[r.IntN(len(names))]
		if tame && kinds[name]%2 == 1 && used[name] {
			continue
		}
		used[name] = true
		call := specs.LinuxSyscall{Names: []string{name}, Action: actions[kinds[name]/2]}
		for range r.IntN(4) {
			if other := names[r.IntN(len(names))]; kinds[other] == kinds[name] && !(tame && used[other]) {
				used[other] = true
				call.Names = append(call.Names, other)
			}
		}
		ops, conds := operators, []int{0, 0, 1, 1, 2, 3}[r.IntN(6)]
		if tame && kinds[name]%2 == 0 {
			ops = equalities
		}
		if tame {
			conds = min(conds, 1+kinds[name]%2)
		}
		for i := range conds {
			call.Args = append(call.Args, randomArg(r, ops...))
			if tame {
				call.Args[i].Index = uint(i + r.IntN(2)*i) // one rule, not several
			}
		}
		cfg.Syscalls = append(cfg.Syscalls, call)
	}
	return cfg
}

func randomArg(r *rand.Rand, ops ...specs.LinuxSeccompOperator) specs.LinuxSeccompArg {
	values := []uint64{0, 1, 2, 7, 38, 40, 0x7e020000, 0xffffffff, 1 << 32, 1<<32 + 7, 7 << 32, ^uint64(0), 0xffffffff << 32}
	return specs.LinuxSeccompArg{
		Index:    uint([]int{0, 0, 0, 1, 1, 2, 5}[r.IntN(7)]),
		Value:    values[r.IntN(len(values))],
		ValueTwo: values[r.IntN(len(values))],
		Op:       ops[r.IntN(len(ops))],
	}
}

// foreign stands for all architectures that a filter doesn't know.
var foreign = &arch{name: "foreign", audit: 0xdead}

// numbers are the syscall numbers to try: all, and where something may change.
func numbers(a *arch) []uint32 {
	var all []uint32
	for n := uint32(0); n < sysnr.Max; n++ {
		all = append(all, a.base+n, n)
	}
	for n := uint32(0); n < 8; n++ {
		all = append(all, sysnr.PrivateBase+n)
	}
	all = append(all, 3999, 4999, 5999, 7000, x32Bit-1, x32Bit, x32Bit+1, x32Bit+700, 1<<31, ^uint32(1), ^uint32(0))
	slices.Sort(all)
	return slices.Compact(all)
}

func nameOf(a *arch, nr uint32) string {
	if a.slots == nil {
		return "?"
	}
	for i, slot := range a.slots {
		if slot != sysnr.None && a.number(int(slot)) == nr {
			return sysnr.Name(i)
		}
	}
	return "?"
}

// arguments are the argument vectors to try a syscall with: every combination
// of interesting values for the arguments that its rules look at.
func arguments(p *profile, a *arch, nr uint32) [][6]uint64 {
	var values [6][]uint64
	if a.slots == nil {
		return [][6]uint64{{}}
	}
	name := nameOf(a, nr)
	mux := a.socketcall != 0 && (nr == a.number(int(a.socketcall)) || nr == a.number(int(a.ipc)))
	for i := range p.entries {
		e := &p.entries[i]
		if !mux && !slices.Contains(e.names, name) {
			continue
		}
		for _, c := range e.conds {
			values[c.arg] = append(values[c.arg], 0, c.value-1, c.value, c.value+1,
				c.value^1<<32, c.value+1<<33, c.mask, c.value|^c.mask, ^uint64(0))
		}
	}
	if mux {
		for n := range uint64(25) {
			values[0] = append(values[0], n)
		}
	}
	product := 1
	for arg, vs := range values {
		slices.Sort(vs)
		values[arg] = slices.Compact(append(vs, 0))
		product *= len(values[arg])
	}
	// All combinations, or a sample if there are too many.
	r := rand.New(rand.NewPCG(uint64(nr), 1))
	vectors := make([][6]uint64, min(product, 500))
	for i := range vectors {
		pick := i
		for arg, vs := range values {
			if product > len(vectors) {
				pick = r.IntN(len(vs))
			}
			vectors[i][arg] = vs[pick%len(vs)]
			pick /= len(vs)
		}
	}
	return vectors
}

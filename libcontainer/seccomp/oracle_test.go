//go:build libseccomp

package seccomp

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	libseccomp "github.com/seccomp/libseccomp-golang"

	"github.com/crun-go/crun-go/libcontainer/seccomp/internal/sysnr"
)

// families are the architectures that one kernel runs, the native one first.
// libseccomp can't be asked about big-endian ones on a little-endian machine;
// their tables are those of the little-endian ones, but for s390's.
func families() [][]*arch {
	return [][]*arch{
		{&archX86_64, &archX86, &archX32},
		{&archX86, &archX86_64, &archX32},
		{&archAARCH64, &archARM},
		{&archARM, &archAARCH64},
		{&archMIPSEL64, &archMIPSEL, &archMIPSEL64N32},
		{&archPPC64LE},
		{&archRISCV64},
	}
}

func finder(family []*arch) func(string) *arch {
	return func(name string) *arch {
		for _, a := range family {
			if a.name == name {
				return a
			}
		}
		return nil
	}
}

// understood is the profile without the names that this libseccomp doesn't
// know on all of the architectures: the oracle has nothing to say about them.
func understood(cfg *specs.LinuxSeccomp, family []*arch) *specs.LinuxSeccomp {
	c := *cfg
	c.Syscalls = slices.Clone(cfg.Syscalls)
	for i := range c.Syscalls {
		call := &c.Syscalls[i]
		call.Names = slices.DeleteFunc(slices.Clone(call.Names), func(name string) bool {
			return !known(name, family)
		})
	}
	return &c
}

func known(name string, family []*arch) bool {
	at := sysnr.Index(name, 0)
	if at < 0 {
		return false
	}
	for _, a := range family {
		scmp, err := libseccomp.GetArchFromString(strings.TrimPrefix(a.name, "SCMP_ARCH_"))
		if err != nil {
			return false
		}
		nr, err := libseccomp.GetSyscallFromNameByArch(name, scmp)
		if err != nil || nr < 0 && a.slots[at] != sysnr.None && !a.multiplexed(at) {
			return false
		}
	}
	return true
}

// compare fails the test if the two compilers' filters differ on any syscall
// number, with any of the arguments that the profile's conditions turn on.
func compare(t *testing.T, cfg *specs.LinuxSeccomp, family []*arch) (checked int) {
	t.Helper()
	p, err := check(cfg, family[0], finder(family))
	if err != nil {
		t.Fatal(err)
	}
	theirs, theirErr := build(p)
	ours, ourErr := compile(p)
	if (theirErr != nil) != (ourErr != nil) {
		t.Fatalf("libseccomp: %v; we: %v", theirErr, ourErr)
	}
	if ourErr != nil {
		return 0
	}
	for _, a := range append(slices.Clone(family), foreign) {
		for _, nr := range numbers(a) {
			for _, args := range arguments(p, a, nr) {
				d := call{nr: nr, arch: a.audit, args: args, big: a.big}
				checked++
				if us, them := run(ours.Filter, &d), run(theirs.Filter, &d); us != them {
					t.Fatalf("%s syscall %d (%s), arguments %#x: we say %#x, libseccomp %#x", a.name, nr, nameOf(a, nr), args, us, them)
				}
			}
		}
	}
	return checked
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
	vectors := [][6]uint64{{}}
	for arg, vs := range values {
		slices.Sort(vs)
		vs = slices.Compact(vs)
		if len(vs) == 0 {
			continue
		}
		var more [][6]uint64
		for _, vec := range vectors {
			for _, v := range vs {
				vec[arg] = v
				more = append(more, vec)
			}
		}
		vectors = more
	}
	if len(vectors) > 3000 {
		rand.New(rand.NewPCG(uint64(nr), 1)).Shuffle(len(vectors), func(i, j int) { vectors[i], vectors[j] = vectors[j], vectors[i] })
		vectors = vectors[:3000]
	}
	return vectors
}

func TestOracleRealProfiles(t *testing.T) {
	all := profiles(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, family := range families() {
			t.Run(name+"/"+family[0].name, func(t *testing.T) {
				cfg := understood(all[name], family)
				cfg.Architectures = nil
				t.Log(compare(t, cfg, family), "calls, native architecture")
				for _, a := range family {
					cfg.Architectures = append(cfg.Architectures, specs.Arch(a.name))
				}
				t.Log(compare(t, cfg, family), "calls, all architectures")
			})
		}
	}
}

func TestOracleRandomProfiles(t *testing.T) {
	n := 400
	if testing.Short() {
		n = 40
	}
	for seed := range n {
		for _, family := range families() {
			t.Run(fmt.Sprintf("%d/%s", seed, family[0].name), func(t *testing.T) {
				compare(t, randomProfile(rand.New(rand.NewPCG(uint64(seed), 2)), family), family)
			})
		}
	}
}

// randomProfile makes a profile of a few names, so that entries meet.
func randomProfile(r *rand.Rand, family []*arch) *specs.LinuxSeccomp {
	actions := []specs.LinuxSeccompAction{specs.ActAllow, specs.ActErrno, specs.ActKill, specs.ActKillProcess,
		specs.ActTrap, specs.ActTrace, specs.ActLog, specs.ActNotify}
	cfg := &specs.LinuxSeccomp{DefaultAction: actions[r.IntN(len(actions)-1)], ListenerPath: "/agent"}
	for _, a := range family {
		if r.IntN(3) > 0 {
			cfg.Architectures = append(cfg.Architectures, specs.Arch(a.name))
		}
	}
	names := []string{"socket", "sendto", "semop", "shmat", "personality", "clone", "ioctl", "recvmmsg", "socketcall", "ipc"}
	for range 5 + r.IntN(60) {
		name := sysnr.Name(r.IntN(sysnr.Count))
		if known(name, family) && name != "write" {
			names = append(names, name)
		}
	}
	// libseccomp merges rules of one syscall with different actions in ways
	// that depend on more than the rules, so each name has one action.
	byAction := map[string]int{}
	for _, name := range names {
		byAction[name] = r.IntN(len(actions))
	}
	for range 1 + r.IntN(40) {
		name := names[r.IntN(len(names))]
		call := specs.LinuxSyscall{Names: []string{name}, Action: actions[byAction[name]]}
		for range r.IntN(4) {
			call.Names = append(call.Names, same(r, names, byAction, name))
		}
		for range []int{0, 0, 1, 1, 2, 3}[r.IntN(6)] {
			call.Args = append(call.Args, randomArg(r))
		}
		cfg.Syscalls = append(cfg.Syscalls, call)
	}
	return cfg
}

// same picks another name with the same action.
func same(r *rand.Rand, names []string, byAction map[string]int, name string) string {
	for range 20 {
		if other := names[r.IntN(len(names))]; byAction[other] == byAction[name] {
			return other
		}
	}
	return name
}

func randomArg(r *rand.Rand) specs.LinuxSeccompArg {
	ops := []specs.LinuxSeccompOperator{specs.OpEqualTo, specs.OpNotEqual, specs.OpGreaterThan, specs.OpGreaterEqual,
		specs.OpLessThan, specs.OpLessEqual, specs.OpMaskedEqual}
	values := []uint64{0, 1, 2, 7, 38, 40, 0x7e020000, 0xffffffff, 1 << 32, 1<<32 + 7, 7 << 32, ^uint64(0), 0xffffffff << 32}
	return specs.LinuxSeccompArg{
		Index:    uint([]int{0, 0, 0, 1, 1, 2, 5}[r.IntN(7)]),
		Value:    values[r.IntN(len(values))],
		ValueTwo: values[r.IntN(len(values))],
		Op:       ops[r.IntN(len(ops))],
	}
}

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

	"github.com/crun-go/crun-go/specconv/seccomp/internal/sysnr"
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

// understood is the profile without the names that this libseccomp doesn't
// know on all of the architectures: the oracle has nothing to say about them.
func understood(cfg *specs.LinuxSeccomp, family []*arch) *specs.LinuxSeccomp {
	c := *cfg
	c.Syscalls = slices.Clone(cfg.Syscalls)
	for i := range c.Syscalls {
		call := &c.Syscalls[i]
		call.Names = slices.DeleteFunc(slices.Clone(call.Names), func(name string) bool {
			return !hasName(name, family)
		})
	}
	return &c
}

// hasName reports whether libseccomp knows the name on all of the architectures that have it.
func hasName(name string, family []*arch) bool {
	at := sysnr.Index(name, 0)
	if nr, err := libseccomp.GetSyscallFromName(name); at < 0 || err != nil {
		return false
	} else if back, err := nr.GetName(); err != nil || back != name {
		return false // it would not find its way to another architecture
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
		t.Fatalf("libseccomp: %v; we: %v\nrules: %+v", theirErr, ourErr, cfg.Syscalls)
	}
	if ourErr != nil {
		return 0
	}
	for _, a := range append(slices.Clone(family), foreign) {
		for _, nr := range numbers(a) {
			if onlyTheirs(a, nr) {
				continue
			}
			for _, args := range arguments(p, a, nr) {
				d := call{nr: nr, arch: a.audit, args: args, big: a.big}
				checked++
				if us, them := run(ours.Filter, &d), run(theirs.Filter, &d); us != them {
					t.Fatalf("%s syscall %d (%s), arguments %#x: we say %#x, libseccomp %#x\nrules: %+v",
						a.name, nr, nameOf(a, nr), args, us, them, about(cfg, nameOf(a, nr)))
				}
			}
		}
	}
	return checked
}

// onlyTheirs reports whether libseccomp has a name for a number that the kernel
// has no system call at: libseccomp 2.6 knows uretprobe and map_shadow_stack of
// x32, where the kernel's table has them for 64-bit programs only.
func onlyTheirs(a *arch, nr uint32) bool {
	scmp, err := libseccomp.GetArchFromString(strings.TrimPrefix(a.name, "SCMP_ARCH_"))
	if err != nil || nameOf(a, nr) != "?" {
		return false
	}
	_, err = libseccomp.ScmpSyscall(int32(nr)).GetNameByArch(scmp)
	return err == nil
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

// TestOracleRandomProfiles leaves out what libseccomp 2.5 gets wrong, and
// TestMeaning covers:
//   - Several rules on one syscall of which some have more than one condition,
//     or an operator other than EQ and MASKED_EQ: it can drop rules, drop
//     conditions (when a rule comes twice), or link its tree into a ring and
//     never return. In what follows such a rule is its syscall's only one.
//   - Where an architecture other than x86_64 has only rules with conditions,
//     it compares the audit number in place of the syscall's.
func TestOracleRandomProfiles(t *testing.T) {
	n := 400
	if testing.Short() {
		n = 40
	}
	for seed := range n {
		for _, family := range families() {
			t.Run(fmt.Sprintf("%d/%s", seed, family[0].name), func(t *testing.T) {
				r := rand.New(rand.NewPCG(uint64(seed), 2))
				var names []string
				for range 5 + r.IntN(60) {
					if name := sysnr.Name(r.IntN(sysnr.Count)); hasName(name, family) && !handsOver(name) && name != "socketcall" && name != "ipc" {
						names = append(names, name)
					}
				}
				names = append(names, "socket", "sendto", "semop", "shmat", "recvmmsg", "clone")
				compare(t, randomProfile(r, family, names, true), family)
			})
		}
	}
}

// TestOraclePrecedence gives the rules of one syscall different actions.
func TestOraclePrecedence(t *testing.T) {
	actions := []specs.LinuxSeccompAction{specs.ActAllow, specs.ActKill, specs.ActLog}
	for seed := range 2000 {
		r := rand.New(rand.NewPCG(uint64(seed), 3))
		cfg := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno}
		for range 2 + r.IntN(3) {
			call := specs.LinuxSyscall{Names: []string{"clone"}, Action: actions[r.IntN(3)]}
			for arg := range 1 + r.IntN(2) {
				call.Args = append(call.Args, randomArg(r, specs.OpEqualTo, specs.OpMaskedEqual))
				call.Args[arg].Index = uint(2*arg + r.IntN(2)) // one rule, not several
			}
			cfg.Syscalls = append(cfg.Syscalls, call)
		}
		for _, family := range [][]*arch{{&archX86_64}, {&archARM}} {
			t.Run(fmt.Sprintf("%d/%s", seed, family[0].name), func(t *testing.T) { compare(t, cfg, family) })
		}
	}
}

// TestOracleRecordings asks libseccomp what it makes of what was recorded below engines' profiles.
// With random ones below, libseccomp might not return, see above.
func TestOracleRecordings(t *testing.T) {
	for name, cfg := range profiles(t) {
		for _, archs := range [][]*arch{{native()}, nativeFamily()} {
			t.Run(fmt.Sprint(name, "/", len(archs)), func(t *testing.T) {
				p, _ := recorded(t, understood(cfg, nativeFamily()), archs)
				t.Log(compare(t, understood(p, nativeFamily()), nativeFamily()), "calls")
			})
		}
	}
}

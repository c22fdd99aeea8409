package seccomp

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/seccomp/internal/sysnr"
)

// everyFamily is the architectures that one kernel runs, for all of ours, the
// native one first.
func everyFamily() [][]*arch {
	return [][]*arch{
		{&archX86_64, &archX86, &archX32},
		{&archX86, &archX32},
		{&archAARCH64, &archARM},
		{&archARM, &archAARCH64},
		{&archMIPS64, &archMIPS, &archMIPS64N32},
		{&archMIPSEL64, &archMIPSEL, &archMIPSEL64N32},
		{&archPPC64, &archPPC},
		{&archPPC64LE},
		{&archS390X, &archS390},
		{&archRISCV64},
		{&archLOONGARCH64},
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

// meaning evaluates a profile the slow and obvious way. Rules of one syscall
// must have one action.
func meaning(p *profile, d *call) uint32 {
	var a *arch
	for _, b := range p.archs {
		if b.audit == d.arch && (b.audit != archX86_64.audit || (d.nr >= x32Bit) == (b.base == x32Bit)) {
			a = b
		}
	}
	switch {
	case a == nil && d.arch == archX86_64.audit && d.nr == ^uint32(0) && slices.Contains(p.archs, &archX86_64):
		return p.action
	case a == nil:
		return retKillThread
	case p.enosys && newer(p, a, d.nr):
		return retENOSYS
	}
	for i := range p.entries {
		for _, name := range p.entries[i].names {
			at := sysnr.Index(name, 0)
			if at < 0 {
				continue
			}
			if slot := int(a.slots[at]); slot != sysnr.None && a.number(slot) == d.nr && holds(&p.entries[i], a, d, 0) {
				return p.entries[i].action
			}
			socketcall, ipc := sysnr.Call(at)
			if a.socketcall != 0 && socketcall != 0 && d.nr == a.number(int(a.socketcall)) && holds(&p.entries[i], a, d, socketcall) ||
				a.socketcall != 0 && ipc != 0 && d.nr == a.number(int(a.ipc)) && holds(&p.entries[i], a, d, ipc) {
				return p.entries[i].action
			}
		}
	}
	return p.action
}

// newer reports whether a number is above all that the profile names.
func newer(p *profile, a *arch, nr uint32) bool {
	last := 0
	for i := range p.entries {
		for _, name := range p.entries[i].names {
			at := sysnr.Index(name, 0)
			if at >= 0 && !a.multiplexed(at) && a.slots[at] < sysnr.Private {
				last = max(last, int(a.slots[at]))
			}
		}
	}
	if last == 0 || a == &archARM && nr >= sysnr.PrivateBase {
		return false
	}
	return nr > a.number(last) || nr == 0 && a.setupENOSYS()
}

// holds reports whether an entry's conditions hold; as number says, if not 0, for
// a call through socketcall(2) or ipc(2).
func holds(e *entry, a *arch, d *call, number uint8) bool {
	if number != 0 && uint32(d.args[0]) != uint32(number) || number != 0 && !a.narrow && d.args[0]>>32 != 0 {
		return false
	}
	if len(e.conds) == 0 {
		return true
	}
	for _, c := range e.conds {
		truth := number != 0 && c.arg == 0 || c.holds(d.args[c.arg], a.narrow)
		if truth == e.each {
			return truth
		}
	}
	return !e.each
}

// check the filter of a profile against its meaning.
func mean(t *testing.T, cfg *specs.LinuxSeccomp, family []*arch) {
	t.Helper()
	p, err := check(cfg, family[0], finder(family))
	if err != nil {
		t.Fatal(err)
	}
	prog, err := compile(p)
	if err != nil {
		t.Fatal(err)
	}
	verify(t, prog)
	explains(t, p, prog)
	for _, a := range append(slices.Clone(family), foreign) {
		for _, nr := range numbers(a) {
			for _, args := range arguments(p, a, nr) {
				d := call{nr: nr, arch: a.audit, args: args, big: a.big}
				if got, want := run(prog.Filter, &d), meaning(p, &d); got != want {
					t.Fatalf("%s syscall %#x (%s), arguments %#x: got %#x, want %#x\nrules: %+v",
						a.name, nr, nameOf(a, nr), args, got, want, about(cfg, nameOf(a, nr)))
				}
			}
		}
	}
}

// about is the part of a profile that is about a name.
func about(cfg *specs.LinuxSeccomp, name string) (calls []specs.LinuxSyscall) {
	for _, call := range cfg.Syscalls {
		if slices.Contains(call.Names, name) {
			calls = append(calls, call)
		}
	}
	return calls
}

// TestMeaning compares the filters of random profiles with a plain evaluation,
// for all operators and architectures.
func TestMeaning(t *testing.T) {
	n := 100
	if testing.Short() {
		n = 10
	}
	for seed := range n {
		for _, family := range everyFamily() {
			t.Run(fmt.Sprintf("%d/%s", seed, family[0].name), func(t *testing.T) {
				r := rand.New(rand.NewPCG(uint64(seed), 4))
				names := []string{"socket", "sendto", "semop", "shmat", "recvmmsg", "clone"}
				for range 5 + r.IntN(60) {
					if name := sysnr.Name(r.IntN(sysnr.Count)); !handsOver(name) && name != "socketcall" && name != "ipc" {
						names = append(names, name)
					}
				}
				mean(t, randomProfile(r, family, names, false), family)
			})
		}
	}
}

// TestMeaningOfRealProfiles does the same for what engines write.
func TestMeaningOfRealProfiles(t *testing.T) {
	for name, cfg := range profiles(t) {
		for _, family := range everyFamily() {
			t.Run(name+"/"+family[0].name, func(t *testing.T) {
				c := *cfg
				c.Architectures = nil
				for _, a := range family {
					c.Architectures = append(c.Architectures, specs.Arch(a.name))
				}
				mean(t, &c, family)
			})
		}
	}
}

// verify checks what the kernel checks of a filter (seccomp_check_filter and
// bpf_check_classic in the kernel).
func verify(t testing.TB, p *Program) {
	t.Helper()
	n := len(p.Filter)
	if n == 0 || n > MaxInsns {
		t.Fatalf("%d instructions", n)
	}
	for pc, i := range p.Filter {
		switch i.Code {
		case opRet, opAnd:
		case opLoad:
			if i.K%4 != 0 || i.K >= 64 {
				t.Fatalf("instruction %d loads from %d", pc, i.K)
			}
		case opJump:
			if pc+1+int(i.K) >= n {
				t.Fatalf("instruction %d jumps out", pc)
			}
		case opJeq, opJgt, opJge:
			if pc+1+int(max(i.Jt, i.Jf)) >= n {
				t.Fatalf("instruction %d jumps out", pc)
			}
		default:
			t.Fatalf("instruction %d has code %#x", pc, i.Code)
		}
	}
	if p.Filter[n-1].Code != opRet {
		t.Fatal("does not end in a return")
	}
}

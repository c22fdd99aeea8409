package seccomp

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/seccomp/internal/sysnr"
)

// Recording collects the calls that the filter of a profile has let through, for a profile
// that lets through no others. It stays of a bounded size, whatever calls are made.
//
// What the profile decides by arguments, the new one does, too: it lets a call through if the
// bits that were compared are as they were in a call that was made. So it allows nothing that
// the first one does not.
type Recording struct {
	cfg    *specs.LinuxSeccomp
	calls  explained
	seen   map[callKey]bool
	values map[callKey]int // how many of them a call has, by its key without arguments
	cut    map[string]bool
	// Unnamed are calls whose numbers have no name, by which alone a profile could allow them.
	Unnamed uint64
}

// maxValues is how many different values of compared arguments are recorded of a call.
const maxValues = 128

// A Need is a call that must be allowed whether it was made or not. Its first arguments may be
// known.
type Need struct {
	Name string
	Args []uint64
}

// ownNeeds are what the kernel has a program do, and what the vDSO does by itself on one machine
// and by a system call on another.
var ownNeeds = []string{
	"exit", "exit_group", "restart_syscall", "rt_sigreturn", "sigreturn",
	"clock_getres", "clock_getres_time64", "clock_gettime", "clock_gettime64", "getcpu", "gettimeofday", "time",
}

// NewRecording is for calls under a profile, which may be empty.
func NewRecording(cfg *specs.LinuxSeccomp) (*Recording, error) {
	calls, err := explainAll(cfg)
	if err != nil {
		return nil, err
	}
	return &Recording{cfg: cfg, calls: calls, seen: make(map[callKey]bool), values: make(map[callKey]int), cut: make(map[string]bool)}, nil
}

// Add records a call.
func (r *Recording) Add(c *Call) {
	at, v := r.calls.find(c)
	if v == nil {
		r.Unnamed++
		return
	}
	k := callKeyOf(c, at, v)
	if r.seen[k] {
		return
	}
	without := callKey{table: at, number: c.Number}
	if r.values[without] == maxValues {
		r.cut[v.Call] = true
		return
	}
	r.values[without]++
	r.seen[k] = true
}

// Cut names the calls of which not all values of compared arguments were recorded.
func (r *Recording) Cut() []string { return slices.Sorted(maps.Keys(r.cut)) }

// Profile is the recorded profile, with what must be allowed beside what was seen. What the
// profile that was in force refuses it does not allow for that either.
func (r *Recording) Profile(needs []Need) *specs.LinuxSeccomp {
	out := newAllowed()
	used := map[int]bool{0: true}
	for k := range r.seen {
		t := &r.calls[k.table]
		v := t.verdicts[k.number]
		used[k.table] = true
		out.add(v.Call, conditions(v.compared(), k.args, t.narrow))
	}
	p := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno}
	otherwise := uint16(unix.EPERM)
	if !Empty(r.cfg) {
		p.Flags = r.cfg.Flags
		if r.cfg.DefaultAction == specs.ActErrno && r.cfg.DefaultErrnoRet != nil {
			p.DefaultErrnoRet = r.cfg.DefaultErrnoRet
			otherwise = uint16(*r.cfg.DefaultErrnoRet)
		}
	}
	for _, name := range ownNeeds {
		needs = append(slices.Clip(needs), Need{Name: name})
	}
	refused := map[uint16][]string{}
	most := uint16(0) // of its keys
	for i, t := range r.calls {
		if !used[i] {
			continue
		}
		p.Architectures = append(p.Architectures, specs.Arch(t.name))
		for _, v := range t.verdicts {
			for _, n := range needs {
				if n.Name == v.Call && v.allows(n.Args) {
					out.add(n.Name, equalTo(n.Args))
				}
			}
			if rule := &v.Rules[0]; len(v.Rules) == 1 && rule.Action == specs.ActErrno && !rule.Newer && rule.Data != otherwise {
				refused[rule.Data] = append(refused[rule.Data], v.Call)
				most = max(most, rule.Data)
			}
		}
	}
	p.Syscalls = out.entries()
	if names := r.newest(out); names != nil {
		p.Syscalls = append(p.Syscalls, specs.LinuxSyscall{Names: names, Action: specs.ActErrno, ErrnoRet: p.DefaultErrnoRet})
	}
	for errno := range most + 1 {
		names := slices.DeleteFunc(refused[errno], out.has)
		slices.Sort(names)
		if names = slices.Compact(names); len(names) > 0 {
			ret := uint(errno)
			p.Syscalls = append(p.Syscalls, specs.LinuxSyscall{Names: names, Action: specs.ActErrno, ErrnoRet: &ret})
		}
	}
	return p
}

// newest names calls that have to be in the profile, with its default action, for those that were
// recorded to be no newer than it. What can be made through socketcall(2) and ipc(2) is not taken
// into account for that (see [Compile]).
func (r *Recording) newest(out allowed) (names []string) {
	for i, t := range r.calls {
		if t.socketcall == 0 {
			continue
		}
		multiplexed := func(number uint32) bool { return t.multiplexed(sysnr.Index(t.verdicts[number].Call, 0)) }
		var wanted, have uint32
		for k := range r.seen {
			if k.table == i && multiplexed(k.number) {
				wanted = max(wanted, k.number)
			}
		}
		next := ^uint32(0)
		for number, v := range t.verdicts {
			switch {
			case multiplexed(number):
			case out.has(v.Call):
				have = max(have, number)
			case number > wanted:
				next = min(next, number)
			}
		}
		if v := t.verdicts[next]; wanted > have && v != nil {
			names = append(names, v.Call)
		}
	}
	return names
}

// allows reports whether a call whose first arguments are known is let through, whatever the
// others are.
func (v *Verdict) allows(args []uint64) bool {
	for i, mask := range v.compared() {
		if mask != 0 && i >= len(args) {
			return false
		}
	}
	for _, r := range v.Rules {
		if r.Holds(args...) {
			return r.Action == specs.ActAllow || r.Action == specs.ActLog
		}
	}
	return false
}

// conditions ask for the values of the compared bits of arguments. Of a narrow architecture
// the high words are taken for 0: on another one the condition holds for no more.
func conditions(masks, values [MaxArgs]uint64, narrow bool) (conds []specs.LinuxSeccompArg) {
	for i, mask := range masks {
		if mask == 0 {
			continue
		}
		if narrow {
			mask |= 0xffffffff << 32
		}
		if mask == ^uint64(0) {
			conds = append(conds, specs.LinuxSeccompArg{Index: uint(i), Value: values[i], Op: specs.OpEqualTo})
		} else {
			conds = append(conds, specs.LinuxSeccompArg{Index: uint(i), Value: mask, ValueTwo: values[i], Op: specs.OpMaskedEqual})
		}
	}
	return conds
}

// equalTo is the conditions for arguments that are known.
func equalTo(args []uint64) (conds []specs.LinuxSeccompArg) {
	for i, value := range args {
		conds = append(conds, specs.LinuxSeccompArg{Index: uint(i), Value: value, Op: specs.OpEqualTo})
	}
	return conds
}

// allowed are calls with the conditions under which they are, sorted; of one that has none at
// all, the first are an empty list.
type allowed map[string][][]specs.LinuxSeccompArg

func newAllowed() allowed { return make(allowed) }

func (a allowed) add(name string, conds []specs.LinuxSeccompArg) {
	at, found := slices.BinarySearchFunc(a[name], conds, compareConditions)
	if !found {
		a[name] = slices.Insert(a[name], at, conds)
	}
}

func (a allowed) has(name string) bool { return a[name] != nil }

// entries are those of linux.seccomp.syscalls: the calls without conditions, and one for each
// condition of another. An entry without conditions covers them.
func (a allowed) entries() []specs.LinuxSyscall {
	always := specs.LinuxSyscall{Action: specs.ActAllow}
	var entries []specs.LinuxSyscall
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if len(a[name][0]) == 0 { // those without come first
			always.Names = append(always.Names, name)
			continue
		}
		for _, conds := range a[name] {
			entries = append(entries, specs.LinuxSyscall{Names: []string{name}, Action: specs.ActAllow, Args: conds})
		}
	}
	if always.Names != nil {
		entries = append([]specs.LinuxSyscall{always}, entries...)
	}
	return entries
}

func compareConditions(a, b []specs.LinuxSeccompArg) int {
	return slices.CompareFunc(a, b, func(x, y specs.LinuxSeccompArg) int {
		return cmp.Or(cmp.Compare(x.Index, y.Index), cmp.Compare(x.Value, y.Value), cmp.Compare(x.ValueTwo, y.ValueTwo), strings.Compare(string(x.Op), string(y.Op)))
	})
}

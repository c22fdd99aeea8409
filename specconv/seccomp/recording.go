package seccomp

import (
	"cmp"
	"slices"

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
	cfg   *specs.LinuxSeccomp
	calls explained
	seen  map[callKey]int // and how many of a call, whose table is inverted then
	cut   []string
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
	return &Recording{cfg: cfg, calls: calls, seen: make(map[callKey]int)}, nil
}

// Add records a call.
func (r *Recording) Add(c *Call) {
	at, v := r.calls.find(c)
	if v == nil {
		r.Unnamed++
		return
	}
	k := callKeyOf(c, at, v)
	if r.seen[k] > 0 {
		return
	}
	counter := callKey{table: ^at, number: c.Number}
	if r.seen[counter] == maxValues {
		if !slices.Contains(r.cut, v.Call) {
			r.cut = append(r.cut, v.Call)
		}
		return
	}
	r.seen[counter]++
	r.seen[k] = 1
}

// Cut names the calls of which not all values of compared arguments were recorded.
func (r *Recording) Cut() []string { return r.cut }

// Profile is the recorded profile, with what must be allowed beside what was seen. What the
// profile that was in force refuses it does not allow for that either.
func (r *Recording) Profile(needs []Need) *specs.LinuxSeccomp {
	p := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno}
	otherwise := uint16(unix.EPERM)
	if !Empty(r.cfg) {
		p.Flags = r.cfg.Flags
		if r.cfg.DefaultAction == specs.ActErrno && r.cfg.DefaultErrnoRet != nil {
			p.DefaultErrnoRet = r.cfg.DefaultErrnoRet
			otherwise = uint16(*r.cfg.DefaultErrnoRet)
		}
	}
	var out allowed
	used, _ := r.used()
	for k := range r.seen {
		if k.table >= 0 && used[k.table] {
			t := &r.calls[k.table]
			v := t.verdict(k.number)
			out.add(v.Call, conditions(t.bits(v), k.args))
		}
	}
	for _, name := range ownNeeds {
		needs = append(slices.Clip(needs), Need{Name: name})
	}
	var refused []specs.LinuxSyscall
	for i, t := range r.calls {
		if !used[i] {
			continue
		}
		p.Architectures = append(p.Architectures, specs.Arch(t.name))
		for j := range t.verdicts {
			v := &t.verdicts[j]
			for _, n := range needs {
				if n.Name == v.Call && r.everywhere(used, n.Name, known(n.Args), values(n.Args)) {
					out.add(n.Name, conditions(known(n.Args), values(n.Args)))
				}
			}
			if rule := &v.Rules[0]; len(v.Rules) == 1 && rule.Action == specs.ActErrno && !rule.Newer && rule.Data != otherwise && !out.has(v.Call) {
				refused = refuse(refused, v.Call, uint(rule.Data))
			}
		}
	}
	p.Syscalls = out.entries()
	if names := r.newest(out); names != nil {
		p.Syscalls = append(p.Syscalls, specs.LinuxSyscall{Names: names, Action: specs.ActErrno, ErrnoRet: p.DefaultErrnoRet})
	}
	p.Syscalls = append(p.Syscalls, refused...)
	return p
}

// refuse adds a call to the entry with its errno.
func refuse(entries []specs.LinuxSyscall, name string, errno uint) []specs.LinuxSyscall {
	for i := range entries {
		e := &entries[i]
		if *e.ErrnoRet == errno {
			if !slices.Contains(e.Names, name) {
				e.Names = append(e.Names, name)
			}
			return entries
		}
	}
	return append(entries, specs.LinuxSyscall{Names: []string{name}, Action: specs.ActErrno, ErrnoRet: &errno})
}

// newest names calls that have to be in the profile, with its default action, for those that were
// recorded to be no newer than it. What can be made through socketcall(2) and ipc(2) is not taken
// into account for that (see [Compile]).
func (r *Recording) newest(out allowed) (names []string) {
	for i, t := range r.calls {
		if t.socketcall == 0 {
			continue
		}
		multiplexed := func(v *Verdict) bool { return t.multiplexed(sysnr.Index(v.Call, 0)) }
		var wanted, have uint32
		for k := range r.seen {
			if k.table == i && multiplexed(t.verdict(k.number)) {
				wanted = max(wanted, k.number)
			}
		}
		var next *Verdict
		for j := range t.verdicts {
			v := &t.verdicts[j]
			switch {
			case multiplexed(v):
			case out.has(v.Call):
				have = max(have, v.Number)
			case v.Number > wanted && (next == nil || v.Number < next.Number):
				next = v
			}
		}
		if wanted > have && next != nil {
			names = append(names, next.Call)
		}
	}
	return names
}

// used reports of which architectures calls are in the profile, and names those of which they are
// left out. An entry of a profile is for all of its architectures, and not all see the same of an
// argument: what one of them was let through with could be refused on another. Then only the
// native one is left.
func (r *Recording) used() (used []bool, left []string) {
	used = make([]bool, len(r.calls))
	used[0] = true
	for k := range r.seen {
		if k.table >= 0 {
			used[k.table] = true
		}
	}
	for k := range r.seen {
		if k.table < 0 {
			continue
		}
		t := &r.calls[k.table]
		if v := t.verdict(k.number); r.everywhere(used, v.Call, t.bits(v), k.args) {
			continue
		}
		for i := 1; i < len(used); i++ {
			if used[i] {
				left = append(left, r.calls[i].name)
			}
		}
		clear(used[1:])
		break
	}
	return used, left
}

// Left names the architectures whose calls are not in the profile.
func (r *Recording) Left() []string {
	_, left := r.used()
	return left
}

// everywhere reports whether a call with these values of these bits of its arguments is let through
// on all of some architectures that have it, also by way of socketcall(2) and ipc(2).
func (r *Recording) everywhere(used []bool, name string, bits, args [MaxArgs]uint64) bool {
	at := sysnr.Index(name, 0)
	for i := range r.calls {
		t := &r.calls[i]
		if !used[i] {
			continue
		}
		if slot := t.slots[at]; slot != sysnr.None && !t.verdict(t.number(int(slot))).allows(bits, args) {
			return false
		}
		if t.multiplexed(at) && !t.multiplexer(at).allows(byNumber(at, bits, args)) {
			return false
		}
	}
	return true
}

// multiplexer is what the profile says of the call by which one of an index is made, too.
func (t *table) multiplexer(at int) *Verdict {
	if socketcall, _ := sysnr.Call(at); socketcall != 0 {
		return t.verdict(t.number(int(t.socketcall)))
	}
	return t.verdict(t.number(int(t.ipc)))
}

// byNumber are the arguments of the multiplexer: the first one is the number of the call.
func byNumber(at int, bits, args [MaxArgs]uint64) (_, _ [MaxArgs]uint64) {
	socketcall, ipc := sysnr.Call(at)
	bits[0], args[0] = ^uint64(0), uint64(socketcall|ipc)
	return bits, args
}

// allows reports whether a call with these values of these bits of its arguments is let through,
// whatever the others are.
func (v *Verdict) allows(bits, args [MaxArgs]uint64) bool {
	for i, mask := range v.compared() {
		if mask&^bits[i] != 0 {
			return false
		}
	}
	for _, r := range v.Rules {
		if r.Holds(args[:]...) {
			return r.Action == specs.ActAllow || r.Action == specs.ActLog
		}
	}
	return false
}

// bits are those of the arguments that a call is recorded with: those that are compared. Of a narrow
// architecture the high words are taken for 0: on another one the condition holds for no more.
func (t *table) bits(v *Verdict) [MaxArgs]uint64 {
	bits := v.compared()
	for i := range bits {
		if t.narrow && bits[i] != 0 {
			bits[i] |= 0xffffffff << 32
		}
	}
	return bits
}

// known are the bits of the first arguments.
func known(args []uint64) (bits [MaxArgs]uint64) {
	for i := range args {
		bits[i] = ^uint64(0)
	}
	return bits
}

// values are those of the first arguments.
func values(args []uint64) (all [MaxArgs]uint64) {
	copy(all[:], args)
	return all
}

// conditions ask for the values of bits of arguments.
func conditions(bits, values [MaxArgs]uint64) (conds []specs.LinuxSeccompArg) {
	for i, mask := range bits {
		switch mask {
		case 0:
		case ^uint64(0):
			conds = append(conds, specs.LinuxSeccompArg{Index: uint(i), Value: values[i], Op: specs.OpEqualTo})
		default:
			conds = append(conds, specs.LinuxSeccompArg{Index: uint(i), Value: mask, ValueTwo: values[i], Op: specs.OpMaskedEqual})
		}
	}
	return conds
}

// allowed are calls with the conditions under which they are, an entry for each, sorted. Of one
// that has none at all, the first has none.
type allowed []specs.LinuxSyscall

// place finds where the entry of a call and its conditions is, or belongs.
func (a allowed) place(name string, conds []specs.LinuxSeccompArg) (at int, found bool) {
	for i := range a {
		if n := cmp.Or(cmp.Compare(a[i].Names[0], name), compareConditions(a[i].Args, conds)); n >= 0 {
			return i, n == 0
		}
	}
	return len(a), false
}

func (a *allowed) add(name string, conds []specs.LinuxSeccompArg) {
	if at, found := a.place(name, conds); !found {
		*a = append(*a, specs.LinuxSyscall{})
		copy((*a)[at+1:], (*a)[at:])
		(*a)[at] = specs.LinuxSyscall{Names: []string{name}, Action: specs.ActAllow, Args: conds}
	}
}

func (a allowed) has(name string) bool {
	at, _ := a.place(name, nil)
	return at < len(a) && a[at].Names[0] == name
}

// entries are those of linux.seccomp.syscalls: one for all calls without conditions, and one for each
// condition of another. A call without conditions needs no others.
func (a allowed) entries() []specs.LinuxSyscall {
	always := specs.LinuxSyscall{Action: specs.ActAllow}
	var entries []specs.LinuxSyscall
	for i := range a {
		switch name := a[i].Names[0]; {
		case len(a[i].Args) == 0:
			always.Names = append(always.Names, name)
		case len(always.Names) == 0 || always.Names[len(always.Names)-1] != name:
			entries = append(entries, a[i])
		}
	}
	if always.Names != nil {
		entries = append([]specs.LinuxSyscall{always}, entries...)
	}
	return entries
}

func compareConditions(a, b []specs.LinuxSeccompArg) int {
	for i := range min(len(a), len(b)) {
		x, y := &a[i], &b[i]
		if n := cmp.Or(cmp.Compare(x.Index, y.Index), cmp.Compare(x.Value, y.Value), cmp.Compare(x.ValueTwo, y.ValueTwo), cmp.Compare(x.Op, y.Op)); n != 0 {
			return n
		}
	}
	return len(a) - len(b)
}

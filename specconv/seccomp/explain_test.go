package seccomp

import (
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// explains compares what is said of a filter with what the filter answers.
func explains(t *testing.T, p *profile, prog *Program) {
	t.Helper()
	for _, a := range p.archs {
		verdicts, err := explain(p, a)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range verdicts {
			if v.Rules[len(v.Rules)-1].Conditions() != nil {
				t.Fatalf("%s %s: the last rule has conditions", a.name, v.Call)
			}
			for _, args := range arguments(p, a, v.Number) {
				i := slices.IndexFunc(v.Rules, func(r Rule) bool { return r.Holds(args[:]...) })
				r := v.Rules[i]
				want := run(prog.Filter, &call{nr: v.Number, arch: a.audit, args: args, big: a.big})
				if said := ruleOf(want, r.Field); said.Action != r.Action || said.Data != r.Data {
					t.Fatalf("%s %s(%#x): said %s %d by %s, the filter answers %#x", a.name, v.Call, args, r.Action, r.Data, r.Field, want)
				}
				names(t, p, a, v.Call, r)
			}
		}
	}
}

// names checks that the entry which a rule comes from is about its call.
func names(t *testing.T, p *profile, a *arch, call string, r Rule) {
	t.Helper()
	for i, e := range p.entries {
		if r.Field != entryField(i) {
			continue
		}
		multiplexed := a.socketcall != 0 && (call == "socketcall" || call == "ipc")
		if !multiplexed && !slices.Contains(e.names, call) {
			t.Fatalf("%s is said to come from %s, which names %s", call, r.Field, strings.Join(e.names, " "))
		}
		if got := ruleOf(e.action, r.Field); got.Action != r.Action || got.Data != r.Data {
			t.Fatalf("%s: said %s %d by %s, which says %s %d", call, r.Action, r.Data, r.Field, got.Action, got.Data)
		}
		return
	}
	if r.Field != "linux.seccomp.defaultAction" {
		t.Fatalf("%s is said to come from %s", call, r.Field)
	}
}

func verdictOf(t *testing.T, cfg *specs.LinuxSeccomp, arch, call string) Verdict {
	t.Helper()
	verdicts, err := Explain(cfg, arch)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(verdicts, func(v Verdict) bool { return v.Call == call })
	if i < 0 {
		t.Fatalf("no verdict on %q", call)
	}
	return verdicts[i]
}

func TestExplain(t *testing.T) {
	cfg := parse(t, `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[
		{"names":["mkdir"],"action":"SCMP_ACT_ERRNO"},
		{"names":["mkdir","read"],"action":"SCMP_ACT_ALLOW","args":[{"index":1,"value":511,"op":"SCMP_CMP_LE"}]},
		{"names":["read"],"action":"SCMP_ACT_ALLOW"},
		{"names":["clone"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":2114060288,"valueTwo":0,"op":"SCMP_CMP_MASKED_EQ"}]}]}`)
	first := native().name
	mkdir := verdictOf(t, cfg, first, "mkdir")
	if len(mkdir.Rules) != 2 || mkdir.Rules[0].Field != "linux.seccomp.syscalls[1]" || mkdir.Rules[1].Data != uint16(unix.EPERM) {
		t.Errorf("mkdir: %+v", mkdir)
	}
	if got := mkdir.Rules[0].Conditions(); !slices.Equal(got, []string{"arg1 <= 511"}) {
		t.Errorf("mkdir: conditions %q", got)
	}
	if read := verdictOf(t, cfg, "", "read"); len(read.Rules) != 1 || read.Rules[0].Field != "linux.seccomp.syscalls[2]" {
		t.Errorf("read: %+v", read)
	}
	if got := verdictOf(t, cfg, "", "clone").Rules[0].Conditions(); !slices.Equal(got, []string{"arg0 & 0x7e020000 == 0"}) {
		t.Errorf("clone: conditions %q", got)
	}
	if r := verdictOf(t, cfg, "", "mseal").Rules[0]; !r.Newer || r.Data != uint16(unix.ENOSYS) {
		t.Errorf("mseal: %+v", r)
	}
}

func TestExplainWhatIsNotFiltered(t *testing.T) {
	for _, cfg := range []*specs.LinuxSeccomp{nil, {}} {
		if v, err := Explain(cfg, ""); err != nil || len(v) < 300 || v[0].Rules[0].Action != specs.ActAllow {
			t.Errorf("Explain(%+v) = %+v, %v", cfg, v, err)
		}
	}
	if _, err := Explain(nil, "SCMP_ARCH_VAX"); err == nil || !strings.Contains(err.Error(), native().name) {
		t.Errorf("unknown architecture: %v", err)
	}
	p, err := check(parse(t, `{"defaultAction":"SCMP_ACT_ALLOW"}`), &archX86_64, finder([]*arch{&archX86}))
	if err != nil {
		t.Fatal(err)
	}
	if v, err := explain(p, &archX86); err != nil || v[0].Rules[0].Action != specs.ActKillThread || v[0].Rules[0].Field != "linux.seccomp.architectures" {
		t.Errorf("architecture that is not listed: %+v, %v", v, err)
	}
}

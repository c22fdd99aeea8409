package specconv

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/specconv/ocijson"
	"github.com/crun-go/crun-go/specconv/plan"
)

// inside is Docker's default container, seen by exec.
var inside = Inside{
	ID: "golden", Bundle: "/bundle", PIDLast: true, Detach: true,
	Joins: []specs.LinuxNamespaceType{specs.CgroupNamespace, specs.IPCNamespace, specs.UTSNamespace, specs.NetworkNamespace, specs.MountNamespace},
}

func dockerSpec(t *testing.T) *specs.Spec {
	t.Helper()
	data, err := os.ReadFile("testdata/bundles/docker-run-v2.json")
	if err != nil {
		t.Fatal(err)
	}
	spec, err := ocijson.Spec("config.json", data)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// execPlan plans with the filter that the container got when it was made.
func execPlan(t *testing.T, spec *specs.Spec, process *specs.Process, in Inside) (*plan.Plan, []Warning, error) {
	t.Helper()
	if spec.Linux != nil {
		filter, err := Filter(spec.Linux.Seccomp)
		if err != nil {
			t.Fatal(err)
		}
		in.Filter = filter
	}
	return ExecPlan(spec, process, goldenHost, in)
}

// TestExecGolden compares the plans of the processes that real engines have
// handed to exec with those on record.
func TestExecGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/bundles/process-*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no processes: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			process, err := ocijson.Process(file, data)
			if err != nil {
				t.Fatal(err)
			}
			spec := dockerSpec(t)
			Inherit(process, spec.Process)
			in := inside
			in.ConsoleSocket = process.Terminal
			p, warnings, err := execPlan(t, spec, process, in)
			if err != nil {
				t.Fatal(err)
			}
			survives(t, p)
			onRecord(t, name, p, warnings)
		})
	}
}

// TestExecOrder: whoever may trace in the container's pid namespace sees only a
// process with nothing left to do, under the filter, without CAP_SYS_ADMIN.
func TestExecOrder(t *testing.T) {
	spec := dockerSpec(t)
	spec.Process.NoNewPrivileges = false
	p, _, err := execPlan(t, spec, spec.Process, inside)
	if err != nil {
		t.Fatal(err)
	}
	after := -1
	for i, item := range p.Init {
		switch item.Step.(type) {
		case *plan.CloneInside:
			after = i
		case *plan.SetRlimits, *plan.Execute:
			if after < 0 {
				t.Errorf("%q comes before the clone", item)
			}
		default:
			if after >= 0 {
				t.Errorf("%q comes after the clone", item)
			}
		}
	}
	if after < 0 || len(steps[*plan.DropAdmin](p)) != 1 || len(steps[*plan.LoadSeccomp](p)) != 1 {
		t.Error("nothing is cloned, or under what it should not be")
	}
	if last := p.Parent[len(p.Parent)-1]; len(steps[*plan.Release](p)) != 1 || last.String() != (&plan.Release{}).String() {
		t.Errorf("the runtime's last step is %q", last)
	}
}

func TestExecOutside(t *testing.T) {
	spec := dockerSpec(t)
	in := inside
	in.Outside = true
	p, _, err := execPlan(t, spec, spec.Process, in)
	if err != nil || len(steps[*plan.MoveInside](p)) != 1 {
		t.Errorf("not moved, %v", err)
	}
	in.NoCgroup = true
	p, _, err = execPlan(t, spec, spec.Process, in)
	if err != nil || len(steps[*plan.MoveInside](p)) != 0 {
		t.Errorf("moved to no cgroup, %v", err)
	}
}

func TestInherit(t *testing.T) {
	umask, other, adj := uint32(0o27), uint32(0o77), 300
	container := &specs.Process{
		User: specs.User{Umask: &umask}, Capabilities: &specs.LinuxCapabilities{Bounding: []string{"CAP_KILL"}},
		ApparmorProfile: "p", SelinuxLabel: "l", OOMScoreAdj: &adj, NoNewPrivileges: true,
		Env: []string{"A=1"}, Rlimits: []specs.POSIXRlimit{{Type: "RLIMIT_CORE"}},
		ExecCPUAffinity: &specs.CPUAffinity{Final: "1"},
	}
	var p specs.Process
	Inherit(&p, container)
	if p.User.Umask != &umask || p.Capabilities != container.Capabilities || p.ApparmorProfile != "p" || p.SelinuxLabel != "l" ||
		p.OOMScoreAdj != &adj || p.ExecCPUAffinity != container.ExecCPUAffinity {
		t.Errorf("not inherited: %+v", p)
	}
	if p.NoNewPrivileges || p.Env != nil || p.Rlimits != nil {
		t.Errorf("inherited: %+v", p)
	}
	none := &specs.LinuxCapabilities{}
	p = specs.Process{
		User: specs.User{Umask: &other}, Capabilities: none, ApparmorProfile: "q", SelinuxLabel: "m",
		ExecCPUAffinity: &specs.CPUAffinity{}, OOMScoreAdj: new(int),
	}
	affinity := p.ExecCPUAffinity
	Inherit(&p, container)
	if p.User.Umask != &other || p.Capabilities != none || p.ApparmorProfile != "q" || p.SelinuxLabel != "m" || p.ExecCPUAffinity != affinity {
		t.Errorf("overridden: %+v", p)
	}
	if p.OOMScoreAdj != &adj {
		t.Error("oom_score_adj is the container's, always")
	}
}

func TestParseList(t *testing.T) {
	for list, want := range map[string][]uint64{
		"0":         {1},
		"0-3,7":     {0x8f},
		"1, 2":      {6},
		"64":        {0, 1},
		"63-64":     {1 << 63, 1},
		"5-5":       {32},
		"0-63":      {^uint64(0)},
		"127,0-1,0": {3, 1 << 63},
	} {
		if got, err := parseList(list, maxCPUs); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q is %#x, %v", list, got, err)
		}
	}
	for _, list := range []string{"", ",", "1,", "-1", "1-", "3-1", "a", "0x1", "65536", "0-99999999999", "1-2-3", "+1"} {
		if got, err := parseList(list, maxCPUs); err == nil {
			t.Errorf("%q is %#x", list, got)
		}
	}
}

func TestExecAffinity(t *testing.T) {
	for _, c := range []struct {
		initial, final string
		want           string
	}{
		{"", "", ""},
		{"0-1", "", `start on CPUs "0-1"; `},
		{"", "3", `run on CPUs "3"; `},
		{"0", "3", `start on CPUs "0"; run on CPUs "3"; `},
	} {
		spec := dockerSpec(t)
		spec.Process.ExecCPUAffinity = &specs.CPUAffinity{Initial: c.initial, Final: c.final}
		p, _, err := execPlan(t, spec, spec.Process, inside)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, s := range steps[*plan.SetAffinity](p) {
			got += s.String() + "; "
		}
		if got != c.want {
			t.Errorf("%q and %q: %s", c.initial, c.final, got)
		}
	}
}

// TestExecFilter: a filter that denies what is still to be called is loaded by
// the clone; where that would have to be privileged it is refused.
func TestExecFilter(t *testing.T) {
	for _, c := range []struct {
		deny   string
		action specs.LinuxSeccompAction
		early  bool
		err    string
	}{
		{"mkdir", specs.ActErrno, true, ""},
		{"setsid", specs.ActErrno, true, ""},
		{"prlimit64", specs.ActErrno, true, ""},
		{"clone", specs.ActKillProcess, false, "does not allow clone: without process.noNewPrivileges"},
		{"capset", specs.ActErrno, false, "does not allow capset: without process.noNewPrivileges"},
		{"mkdir", specs.ActNotify, true, ""},
		{"read", specs.ActNotify, false, "does not allow read: with SCMP_ACT_NOTIFY"},
	} {
		spec := dockerSpec(t)
		spec.Process.NoNewPrivileges = false
		spec.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_CORE"}}
		spec.Linux.Seccomp = &specs.LinuxSeccomp{
			DefaultAction: specs.ActAllow, ListenerPath: "/agent",
			Syscalls: []specs.LinuxSyscall{{Names: []string{c.deny}, Action: c.action}},
		}
		p, _, err := execPlan(t, spec, spec.Process, inside)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s %s: %v", c.action, c.deny, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := step[*plan.CloneInside](t, p).Sessionless; got != (c.deny == "setsid") {
			t.Errorf("%s %s: no session of its own: %t", c.action, c.deny, got)
		}
		if got := typeNames(p.Init); strings.Contains(got, "SetRlimits LoadSeccomp") != (c.deny == "prlimit64") {
			t.Errorf("%s %s: %s", c.action, c.deny, got)
		}
		if got := len(steps[*plan.DropAdmin](p)) == 1; got != c.early {
			t.Errorf("%s %s: early is %t", c.action, c.deny, got)
		}
		if sent := len(steps[*plan.SendListener](p)) == 1; sent != (c.action == specs.ActNotify) {
			t.Errorf("%s %s: listener sent: %t", c.action, c.deny, sent)
		}
	}
}

// TestExecRdt: the process is in the container's class of service.
func TestExecRdt(t *testing.T) {
	spec := dockerSpec(t)
	for _, rdt := range []*specs.LinuxIntelRdt{nil, {ClosID: "gold"}} {
		spec.Linux.IntelRdt = rdt
		p, _, err := execPlan(t, spec, spec.Process, inside)
		if got := len(steps[*plan.EnterRdtGroup](p)); err != nil || (got == 1) != (rdt != nil) {
			t.Errorf("%+v: %d steps, %v", rdt, got, err)
		}
	}
}

// TestExecBrief: exec needs nothing of what is only for the making of a container, whatever engine has asked for it.
func TestExecBrief(t *testing.T) {
	files, err := filepath.Glob("testdata/bundles/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no bundles: %v", err)
	}
	shorter := 0
	for _, file := range files {
		if strings.HasPrefix(filepath.Base(file), "process-") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		spec, aside, _, err := ocijson.Config(file, data)
		if err != nil {
			t.Fatal(err)
		}
		text := (&state.Kept{Text: data, Aside: aside}).Brief()
		brief, err := ocijson.Spec(file, text)
		if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		if spec.Process == nil {
			continue // a part of one
		}
		if len(text) < len(data)/2 {
			shorter++
		}
		in := inside
		in.Detach, in.ConsoleSocket = spec.Process.Terminal, spec.Process.Terminal
		if in.Filter, err = Filter(spec.Linux.Seccomp); err != nil {
			t.Fatal(err)
		}
		if in.Filter != nil && in.Filter.Notify {
			continue // nothing is set aside: there is a listener in it
		}
		want, _, err := ExecPlan(spec, spec.Process, goldenHost, in)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		got, _, err := ExecPlan(brief, brief.Process, goldenHost, in)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: without what is set aside the plan is\n%+v, %v, want\n%+v", file, got, err, want)
		}
	}
	if shorter == 0 {
		t.Error("nothing is much shorter without what is set aside")
	}
}

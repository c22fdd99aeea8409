package specconv

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/plan"
)

// TestEnvironment: the last value of a variable wins and keeps its place; an
// empty HOME is none.
func TestEnvironment(t *testing.T) {
	for _, c := range []struct {
		in, out []string
		path    string
		home    bool
	}{
		{nil, nil, "", true},
		{[]string{"PATH=/a", "A=1", "PATH=/b"}, []string{"A=1", "PATH=/b"}, "/b", true},
		{[]string{"A=1", "B=2", "A=3", "A="}, []string{"B=2", "A="}, "", true},
		{[]string{"HOME=/h", "A=b=c"}, []string{"HOME=/h", "A=b=c"}, "", false},
		{[]string{"HOME=", "A=1"}, []string{"A=1"}, "", true},
		{[]string{"HOME=/h", "HOME="}, nil, "", true},
		{[]string{"HOME=", "HOME=/h"}, []string{"HOME=/h"}, "", false},
	} {
		p := planOf(t, `{"process": {"env": `+words(c.in)+`}}`)
		got := step[*plan.Execute](t, p)
		if !slices.Equal(got.Env, c.out) || got.Home != c.home || step[*plan.FindExecutable](t, p).Path != c.path {
			t.Errorf("%q: %q, home %v, path %q", c.in, got.Env, got.Home, step[*plan.FindExecutable](t, p).Path)
		}
	}
	p := planOn(t, `{"process": {"env": ["LISTEN_FDS=9", "A=1"]}}`, goldenHost, Options{ListenFDs: 2})
	if env := step[*plan.Execute](t, p).Env; !slices.Equal(env, []string{"A=1", "LISTEN_FDS=2", "LISTEN_PID=1"}) {
		t.Errorf("%q", env)
	}
	p = planOn(t, `{}`, goldenHost, Options{ListenFDs: 2, ListenFDNames: "a:b"})
	if env := step[*plan.Execute](t, p).Env; !slices.Equal(env[len(env)-3:], []string{"LISTEN_FDS=2", "LISTEN_PID=1", "LISTEN_FDNAMES=a:b"}) {
		t.Errorf("socket activation: %q", env)
	}
	for namespaces, want := range map[string]bool{`{"type": "pid"}, {"type": "mount"}`: false, `{"type": "mount"}`: true,
		`{"type": "pid", "path": "/proc/9/ns/pid"}, {"type": "mount"}`: true} {
		p := planOn(t, `{"linux": {"namespaces": [`+namespaces+`]}}`, goldenHost, Options{ListenFDs: 1})
		if got := step[*plan.Execute](t, p).ListenPID; got != want {
			t.Errorf("%s: init's own pid: %t", namespaces, got)
		}
	}
}

// TestIdentity: users, groups, umask.
func TestIdentity(t *testing.T) {
	for _, c := range []struct {
		fragment string
		want     plan.SetIdentity
	}{
		{`{}`, plan.SetIdentity{Umask: 0o022}},
		{`{"process": {"user": {"uid": 1, "gid": 2, "umask": 0, "additionalGids": [3, 4]}}}`,
			plan.SetIdentity{UID: 1, GID: 2, Groups: []uint32{3, 4}}},
		{`{"process": {"user": {"umask": 63}}}`, plan.SetIdentity{Umask: 0o077}},
		{`{"annotations": {"run.oci.keep_original_groups": "1"}}`, plan.SetIdentity{Umask: 0o022, KeepGroups: true}},
		{`{"annotations": {"run.oci.keep_original_groups": "0"}}`, plan.SetIdentity{Umask: 0o022}},
	} {
		if got := step[*plan.SetIdentity](t, planOf(t, c.fragment)); !reflect.DeepEqual(*got, c.want) {
			t.Errorf("%s: %+v", c.fragment, got)
		}
	}
	kept := `{"annotations": {"run.oci.keep_original_groups": "1"}, "linux": {` + userns + `}}`
	if spawn := step[*plan.Spawn](t, planOf(t, kept)); !spawn.KeepGroups {
		t.Error("the groups are lost on the way into a user namespace")
	}
	unprivileged := goldenHost
	unprivileged.EUID = 1000
	p := planOn(t, `{"linux": {"namespaces": [{"type": "mount"}, {"type": "user"}],
		"uidMappings": [{"hostID": 1000, "size": 1}], "gidMappings": [{"hostID": 1000, "size": 1}]}}`, unprivileged, testOptions)
	if !step[*plan.SetIdentity](t, p).KeepGroups {
		t.Error("setgroups would be refused with a single gid")
	}
}

// TestChdir: once for root's sake, and again for the user's.
func TestChdir(t *testing.T) {
	for user, want := range map[string][]string{
		`{"uid": 0, "gid": 5}`: {"Chdir", "SetIdentity", "SetCapabilities", "FindExecutable"},
		`{"uid": 5}`:           {"Chdir", "SetIdentity", "SetCapabilities", "Chdir", "FindExecutable"},
	} {
		p := planOf(t, `{"process": {"cwd": "/w", "user": `+user+`}}`)
		var got []string
		for _, item := range p.Init[position(p.Init, &plan.Chdir{}):] {
			got = append(got, reflect.TypeOf(item.Step).Elem().Name())
		}
		if !slices.Equal(got[:len(want)], want) {
			t.Errorf("%s: %q", user, got)
		}
		if dir := step[*plan.MakeDir](t, p); dir.Path != "/w" {
			t.Errorf("made %q", dir.Path)
		}
	}
	if dirs := steps[*plan.MakeDir](planOf(t, `{}`)); len(dirs) != 0 {
		t.Error("/ need not be made")
	}
}

// TestCapabilities: bits by number; ambient only what is permitted and
// inheritable; CAP_SYS_ADMIN stays as long as loading a filter takes it.
func TestCapabilities(t *testing.T) {
	if names := Capabilities(); len(names) != unix.CAP_LAST_CAP+1 || names[0] != "CAP_CHOWN" || names[40] != "CAP_CHECKPOINT_RESTORE" {
		t.Errorf("%q", names)
	}
	p := planOf(t, `{"process": {"capabilities": {
		"bounding": ["CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_CHECKPOINT_RESTORE"],
		"permitted": ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID"], "effective": ["CAP_CHOWN"],
		"inheritable": ["CAP_CHOWN", "CAP_KILL"], "ambient": ["CAP_CHOWN", "CAP_SETUID", "CAP_SETGID"]}}}`)
	want := plan.SetCapabilities{
		Bounding:    1<<unix.CAP_CHOWN | 1<<unix.CAP_SYS_ADMIN | 1<<unix.CAP_CHECKPOINT_RESTORE,
		Permitted:   1<<unix.CAP_CHOWN | 1<<unix.CAP_KILL | 1<<unix.CAP_SETUID,
		Effective:   1 << unix.CAP_CHOWN,
		Inheritable: 1<<unix.CAP_CHOWN | 1<<unix.CAP_KILL,
		Ambient:     1 << unix.CAP_CHOWN,
		Last:        goldenHost.LastCap,
	}
	if got := step[*plan.SetCapabilities](t, p); *got != want {
		t.Errorf("%s, want %s", got, &want)
	}
	const filter = `"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}}`
	for fragment, keep := range map[string]bool{
		`{}`:                         false,
		`{` + filter + `}`:           true,
		`{"linux": {"seccomp": {}}}`: false,
		`{"process": {"noNewPrivileges": true}, ` + filter + `}`: false,
	} {
		p := planOf(t, fragment)
		if got := step[*plan.SetCapabilities](t, p); *got != (plan.SetCapabilities{Last: goldenHost.LastCap, KeepAdmin: keep}) {
			t.Errorf("%s: %+v", fragment, got)
		}
		if got := len(steps[*plan.DropAdmin](p)) == 1; got != keep {
			t.Errorf("%s: CAP_SYS_ADMIN is given up: %t", fragment, got)
		}
	}
}

// TestEarlyFilter: the filter is loaded, and what that takes given up, before init is
// ready, but if it denies what is left to do; in run nobody minds.
func TestEarlyFilter(t *testing.T) {
	const early, late = "LoadSeccomp Sync WaitStart", "Sync WaitStart LoadSeccomp"
	for _, c := range []struct {
		nnp, hooks string
		deny       string
		run        bool
		want       string
	}{
		{"true", "", "mkdir", false, "SetRlimits " + early + " Execute"},
		{"false", "", "mkdir", false, "SetRlimits LoadSeccomp DropAdmin Sync WaitStart Execute"},
		{"true", "", "prlimit64", false, "SetRlimits " + early + " Execute"},
		{"true", "", "prctl", false, "SetRlimits " + late + " Execute"},
		{"true", "", "execve", false, "SetRlimits " + early + " Execute"},
		{"true", "", "read", true, "SetRlimits LoadSeccomp Sync Execute"},
		{"false", "", "write", true, "SetRlimits Sync LoadSeccomp Execute"},
		{"true", `"startContainer": [{"path": "/h"}]`, "mkdir", false, early + " Hooks SetRlimits Execute"},
		{"true", `"startContainer": [{"path": "/h"}]`, "wait4", false, "Sync WaitStart Hooks SetRlimits LoadSeccomp Execute"},
		{"true", `"startContainer": [{"path": "/h"}]`, "prlimit64", false, "Sync WaitStart Hooks SetRlimits LoadSeccomp Execute"},
	} {
		opts := testOptions
		opts.Run = c.run
		p := planOn(t, `{"process": {"noNewPrivileges": `+c.nnp+`, "rlimits": [{"type": "RLIMIT_CORE"}]}, "hooks": {`+c.hooks+`},
			"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["`+c.deny+`"], "action": "SCMP_ACT_ERRNO"}]}}}`, goldenHost, opts)
		before := "FindExecutable "
		if !c.run {
			before += "CloseOthers "
		}
		if got := typeNames(p.Init); !strings.HasSuffix(got, before+c.want) {
			t.Errorf("%+v: %s", c, got)
		}
		late := strings.Index(c.want, "LoadSeccomp") > strings.Index(c.want, "Sync")
		if wait := steps[*plan.WaitStart](p); len(wait) == 1 && strings.Contains(wait[0].String(), "which denies "+c.deny) != late {
			t.Errorf("%+v: %s", c, wait[0])
		}
	}
}

// TestRlimits: names become numbers.
func TestRlimits(t *testing.T) {
	var all []specs.POSIXRlimit
	numbers := map[int]bool{}
	for _, name := range []string{"AS", "CORE", "CPU", "DATA", "FSIZE", "LOCKS", "MEMLOCK", "MSGQUEUE", "NICE",
		"NOFILE", "NPROC", "RSS", "RTPRIO", "RTTIME", "SIGPENDING", "STACK"} {
		all = append(all, specs.POSIXRlimit{Type: "RLIMIT_" + name, Soft: 1, Hard: 2})
		numbers[rlimitNumber("RLIMIT_"+name)] = true
	}
	if len(numbers) != 16 || numbers[-1] {
		t.Errorf("numbers %v", numbers)
	}
	spec := decode(t, `{}`)
	spec.Process.Rlimits = all
	p, _, err := Plan(spec, goldenHost, testOptions)
	if err != nil {
		t.Fatal(err)
	}
	limits := step[*plan.SetRlimits](t, p).Limits
	if len(limits) != 16 || limits[9] != (plan.Rlimit{Type: "RLIMIT_NOFILE", Resource: unix.RLIMIT_NOFILE, Soft: 1, Hard: 2}) {
		t.Errorf("%+v", limits)
	}
}

// TestScheduling: words become the kernel's numbers.
func TestScheduling(t *testing.T) {
	p := planOf(t, `{"process": {
		"scheduler": {"policy": "SCHED_DEADLINE", "flags": ["SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_UTIL_CLAMP_MAX"], "runtime": 1, "deadline": 2, "period": 3},
		"ioPriority": {"class": "IOPRIO_CLASS_IDLE", "priority": 7}},
		"linux": {"personality": {"domain": "LINUX32"}}}`)
	if got := step[*plan.SetScheduler](t, p); *got != (plan.SetScheduler{Name: "SCHED_DEADLINE", Policy: 6, Flags: 0x41, Runtime: 1, Deadline: 2, Period: 3}) {
		t.Errorf("%+v", got)
	}
	if got := step[*plan.SetIOPriority](t, p); *got != (plan.SetIOPriority{Class: 3, Priority: 7}) {
		t.Errorf("%+v", got)
	}
	if got := step[*plan.SetPersonality](t, p); got.Persona != 8 {
		t.Errorf("%+v", got)
	}
	for policy, number := range map[string]uint32{"SCHED_OTHER": 0, "SCHED_FIFO": 1, "SCHED_RR": 2, "SCHED_BATCH": 3, "SCHED_ISO": 4, "SCHED_IDLE": 5} {
		priority := "0"
		if number == 1 || number == 2 {
			priority = "50"
		}
		p := planOf(t, `{"process": {"scheduler": {"policy": "`+policy+`", "priority": `+priority+`, "nice": -5}}}`)
		if got := step[*plan.SetScheduler](t, p); got.Policy != number || got.Nice != -5 {
			t.Errorf("%s: %+v", policy, got)
		}
	}
}

// TestMemoryPolicy: modes, flags and nodes become the kernel's numbers.
func TestMemoryPolicy(t *testing.T) {
	for policy, want := range map[string]plan.SetMemoryPolicy{
		`{"mode": "MPOL_DEFAULT"}`:                                                             {Name: "MPOL_DEFAULT"},
		`{"mode": "MPOL_PREFERRED"}`:                                                           {Name: "MPOL_PREFERRED", Mode: 1},
		`{"mode": "MPOL_LOCAL", "flags": ["MPOL_F_NUMA_BALANCING"]}`:                           {Name: "MPOL_LOCAL", Mode: 0x2004},
		`{"mode": "MPOL_BIND", "nodes": "0-3, 7", "flags": ["MPOL_F_STATIC_NODES"]}`:           {Name: "MPOL_BIND", Mode: 0x8002, Nodes: []uint64{0x8f}},
		`{"mode": "MPOL_PREFERRED_MANY", "nodes": "1,64", "flags": ["MPOL_F_RELATIVE_NODES"]}`: {Name: "MPOL_PREFERRED_MANY", Mode: 0x4005, Nodes: []uint64{2, 1}},
		`{"mode": "MPOL_WEIGHTED_INTERLEAVE", "nodes": "1023"}`: {Name: "MPOL_WEIGHTED_INTERLEAVE", Mode: 6,
			Nodes: append(make([]uint64, 15), 1<<63)},
	} {
		p := planOf(t, `{"linux": {"memoryPolicy": `+policy+`}}`)
		if got := step[*plan.SetMemoryPolicy](t, p); !reflect.DeepEqual(*got, want) {
			t.Errorf("%s: %+v", policy, got)
		}
	}
}

// TestTerminal: its size and owner; without one the streams change hands.
func TestTerminal(t *testing.T) {
	p := planOf(t, `{"process": {"terminal": true, "consoleSize": {"width": 80, "height": 25}, "user": {"uid": 5}}}`)
	if got := step[*plan.Console](t, p); *got != (plan.Console{Width: 80, Height: 25, UID: 5, Mount: true, PlainLines: true}) {
		t.Errorf("%+v", got)
	}
	if len(steps[*plan.OwnStdio](p)) != 0 {
		t.Error("the caller's streams are not the container's")
	}
	if got := step[*plan.OwnStdio](t, planOf(t, `{"process": {"user": {"uid": 5}}}`)); *got != (plan.OwnStdio{UID: 5}) {
		t.Errorf("%+v", got)
	}
	for _, detach := range []bool{false, true} {
		p := planOn(t, `{"process": {"user": {"uid": 5}}}`, goldenHost, Options{Run: true, Detach: detach})
		if got := step[*plan.OwnStdio](t, p); *got != (plan.OwnStdio{UID: 5, PipesOnly: !detach}) {
			t.Errorf("run, detach %t: %+v", detach, got)
		}
	}
	if got := step[*plan.OwnStdio](t, planOf(t, `{"linux": {`+userns+`}}`)); got.UID != 0 {
		t.Errorf("%+v", got)
	}
	if got := steps[*plan.OwnStdio](planOf(t, `{}`)); len(got) != 0 {
		t.Error("root needs no ownership")
	}
}

// TestLabels: what the host's security modules can take.
func TestLabels(t *testing.T) {
	host := goldenHost
	host.AppArmor, host.SELinux = true, true
	p := planOn(t, `{"process": {"apparmorProfile": "p", "selinuxLabel": "l"}}`, host, testOptions)
	if got := step[*plan.JoinKeyring](t, p); got.Label != "l" {
		t.Errorf("%+v", got)
	}
	if got := step[*plan.SetLabels](t, p); *got != (plan.SetLabels{AppArmor: "p", SELinux: "l"}) {
		t.Errorf("%+v", got)
	}
	host.StackProfiles = true
	p = planOn(t, `{"process": {"apparmorProfile": "p"}}`, host, testOptions)
	if got := step[*plan.SetLabels](t, p); *got != (plan.SetLabels{AppArmor: "p", Stack: true}) {
		t.Errorf("%+v", got)
	}
	if got := steps[*plan.SetLabels](planOf(t, `{"process": {"apparmorProfile": "unconfined"}}`)); len(got) != 0 {
		t.Error("unconfined is what all are without AppArmor")
	}
}

package specconv

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/plan"
)

// TestOrder: the order of steps is the security of the container.
func TestOrder(t *testing.T) {
	const h = `[{"path": "/h"}]`
	fragment := `{"hostname": "h", "domainname": "d", "root": {"readonly": true},
		"process": {"terminal": true, "user": {"uid": 1}, "cwd": "/w", "noNewPrivileges": true, "apparmorProfile": "p", "oomScoreAdj": 1,
			"rlimits": [{"type": "RLIMIT_CORE"}], "scheduler": {"policy": "SCHED_OTHER"}, "ioPriority": {"class": "IOPRIO_CLASS_BE"}},
		"mounts": [{"destination": "/t", "type": "tmpfs", "options": ["ro"]}, {"destination": "/b", "source": "/s", "options": ["bind"]}],
		"hooks": {"prestart": ` + h + `, "createRuntime": ` + h + `, "createContainer": ` + h + `, "startContainer": ` + h + `,
			"poststart": ` + h + `, "poststop": ` + h + `},
		"linux": {"namespaces": [{"type": "mount"}, {"type": "uts"}, {"type": "network"}, {"type": "cgroup"}],
			"sysctl": {"net.a": "1"}, "personality": {"domain": "LINUX"}, "maskedPaths": ["/m"], "readonlyPaths": ["/r"],
			"resources": {"memory": {"limit": 67108864}, "pids": {"limit": 1}},
			"seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}}}`
	host := goldenHost
	host.AppArmor = true
	p := planOn(t, fragment, host, testOptions)
	parent := "CreateCgroup OpenTree OpenTree RaiseRlimits Spawn SetResources SetPids SetDevices SetOOMScoreAdj " +
		"Await RunHooks RunHooks Continue Await"
	init := "UnshareCgroup LoopbackUp SetPropagation AttachRoot JoinKeyring MountFS Bind " +
		strings.Repeat("MakeDevice ", 6) + strings.Repeat("MakeSymlink ", 6) + "MakeDir ReadonlyPath MaskPath Sync " +
		"Hooks Sysctl PivotRoot Console Remount SetRoot SetHostname SetDomainname " +
		"SetPersonality SetScheduler SetIOPriority SetLabels " +
		"Chdir SetIdentity SetCapabilities Chdir SetNoNewPrivs FindExecutable CloseOthers LoadSeccomp Sync WaitStart Hooks SetRlimits Execute"
	if got := typeNames(p.Parent); got != parent {
		t.Errorf("parent:\n got %s\nwant %s", got, parent)
	}
	if got := typeNames(p.Init); got != init {
		t.Errorf("init:\n got %s\nwant %s", got, init)
	}
	if len(p.Poststart) != 1 || len(p.Poststop) != 1 {
		t.Error("hooks after the plan are lost")
	}

	// What nobody asks for is not done.
	p = planOn(t, `{}`, host, Options{Run: true, NoNewKeyring: true, NoPivot: true})
	if got := typeNames(p.Parent); got != "CreateCgroup OpenTree Spawn SetDevices Continue Await" {
		t.Errorf("parent: %s", got)
	}
	init = "LoopbackUp SetPropagation AttachRoot " + strings.Repeat("MakeDevice ", 6) + strings.Repeat("MakeSymlink ", 6) +
		"Sync MoveRoot ReopenNull Chdir SetIdentity SetCapabilities FindExecutable Sync Execute"
	if got := typeNames(p.Init); got != init {
		t.Errorf("init: %s", got)
	}
}

// TestLittleMemory: init is born outside, and is inside before it has a cgroup
// namespace.
func TestLittleMemory(t *testing.T) {
	for _, test := range []struct {
		resources string
		want      bool
	}{
		{`{}`, false},
		{`{"memory": {"limit": 4194303}}`, true},
		{`{"memory": {"limit": 4194304}}`, false},
		{`{"memory": {"limit": -1}}`, false},
		{`{"memory": {"limit": 0, "reservation": 5}}`, false},
		{`{"unified": {"memory.high": "1048576\n"}}`, true},
		{`{"unified": {"memory.max": "max"}}`, false},
		{`{"memory": {"limit": 8388608}, "unified": {"memory.max": "1048576"}}`, true},
	} {
		fragment := `{"linux": {"namespaces": [{"type": "mount"}, {"type": "cgroup"}], "resources": ` + test.resources + `}}`
		p := planOn(t, fragment, goldenHost, testOptions)
		outside := strings.HasPrefix(typeNames(p.Init), "Sync UnshareCgroup") && strings.Contains(typeNames(p.Parent), "Spawn Await MoveInside Continue")
		if moved := len(steps[*plan.MoveInside](p)) > 0; outside != test.want || moved != test.want {
			t.Errorf("%s: born outside: %v, moved: %v, want %v", test.resources, outside, moved, test.want)
		}
		other := testOptions
		other.Rootless = true
		if p := planOn(t, fragment, goldenHost, other); len(steps[*plan.MoveInside](p)) > 0 {
			t.Errorf("%s: moved by who may not", test.resources)
		}
	}
}

func typeNames(items []plan.Item) string {
	var names []string
	for _, item := range items {
		names = append(names, reflect.TypeOf(item.Step).Elem().Name())
	}
	return strings.Join(names, " ")
}

// TestNamespaces: new ones, joined ones, and the two that clone3 can't make.
func TestNamespaces(t *testing.T) {
	if names := Namespaces(); !slices.IsSorted(names) || len(names) != 8 {
		t.Errorf("%q", names)
	}
	p := planOf(t, `{"linux": {"namespaces": [{"type": "user"}, {"type": "pid", "path": "/p"}, {"type": "time"}, {"type": "cgroup"}, {"type": "mount"},
		{"type": "network", "path": "/n"}, {"type": "ipc"}, {"type": "uts"}],
		"uidMappings": [{"hostID": 1, "size": 2}], "gidMappings": [{"hostID": 3, "size": 4}],
		"timeOffsets": {"boottime": {"secs": -1}}}}`)
	got := step[*plan.Spawn](t, p)
	want := &plan.Spawn{
		New: []specs.LinuxNamespaceType{"user", "mount", "ipc", "uts"},
		Join: []plan.Namespace{
			{Type: "network", Path: "/n", Field: "linux.namespaces[5].path"},
			{Type: "pid", Path: "/p", Field: "linux.namespaces[1].path", Last: true},
		},
		UIDMaps: []specs.LinuxIDMapping{{HostID: 1, Size: 2}}, GIDMaps: []specs.LinuxIDMapping{{HostID: 3, Size: 4}},
		NewTime: true, TimeOffsets: map[string]specs.LinuxTimeOffset{"boottime": {Secs: -1}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
	if len(steps[*plan.LoopbackUp](p)) != 0 || len(steps[*plan.UnshareCgroup](p)) != 1 {
		t.Error("a joined network namespace has its lo, a new cgroup namespace is init's work")
	}

	// With a user namespace that is joined, mappings only describe it.
	p = planOf(t, `{"linux": {"namespaces": [{"type": "mount"}, {"type": "user", "path": "/u"}],
		"uidMappings": [{"hostID": 1, "size": 2}], "gidMappings": [{"hostID": 3, "size": 4}]}}`)
	if got := step[*plan.Spawn](t, p); got.UIDMaps != nil || got.GIDMaps != nil {
		t.Errorf("%+v", got)
	}
}

// TestPIDLast: init clones the process that stays where nothing of the host's is left, and
// what that would not inherit is set afterwards.
func TestPIDLast(t *testing.T) {
	const fragment = `{"process": {"terminal": true, "scheduler": {"policy": "SCHED_FIFO", "priority": 5}},
		"mounts": [{"destination": "/proc", "type": "proc"}],
		"linux": {"namespaces": [{"type": "mount"}, {"type": "pid", "path": "/p"}, {"type": "uts", "path": "/u"}],
			"resources": {"pids": {"limit": 1}}}}`
	p := planOf(t, fragment)
	if got, want := typeNames(p.Parent), "CreateCgroup OpenPID OpenTree MakeTree Spawn SetDevices Continue ReceivePidfd SetPids SetScheduler Continue Await"; got != want {
		t.Errorf("parent:\n got %s\nwant %s", got, want)
	}
	const last = " JoinPID Chdir SetIdentity SetCapabilities FindExecutable CloseOthers CloneInside Sync WaitStart Execute"
	if got := typeNames(p.Init); !strings.HasSuffix(got, last) {
		t.Errorf("init:\n got %s\nwant %s", got, last)
	}
	if !step[*plan.Console](t, p).Uncontrolled || !step[*plan.CloneInside](t, p).Terminal || !step[*plan.MakeTree](t, p).JoinedPID {
		t.Error("the terminal, or the procfs, is not that of the process that is cloned")
	}
	host := goldenHost
	host.PIDLast = false
	p = planOn(t, fragment, host, testOptions)
	if got, want := typeNames(p.Parent), "CreateCgroup OpenTree Spawn SetPids SetDevices Continue Await"; got != want {
		t.Errorf("where it can't be done:\n got %s\nwant %s", got, want)
	}
}

// TestCgroupPath: below the hierarchy, whatever the configuration says.
func TestCgroupPath(t *testing.T) {
	for _, c := range []struct{ parent, path, want string }{
		{"/", "", "/test"},
		{"", "", "/test"},
		{"/user/1000", "", "/user/1000/test"},
		{"/p", "/abs/x", "/abs/x"},
		{"/p", "rel/x", "/p/rel/x"},
		{"/p", "/../../x/", "/x"},
		{"/p", "../../x", "/p/x"},
		{"/p", "system.slice:crun:x", "/p/system.slice:crun:x"},
	} {
		host := goldenHost
		host.CgroupParent = c.parent
		p := planOn(t, `{"linux": {"cgroupsPath": "`+c.path+`"}}`, host, testOptions)
		if got := step[*plan.CreateCgroup](t, p).Path; got != c.want {
			t.Errorf("%q below %q: %q, want %q", c.path, c.parent, got, c.want)
		}
	}
}

// TestCgroupTolerated: a cgroup that can't be made is an error to whoever
// asked for it, and to root.
func TestCgroupTolerated(t *testing.T) {
	for _, c := range []struct {
		fragment string
		rootless bool
		want     bool
	}{
		{`{}`, false, false},
		{`{}`, true, true},
		{`{"linux": {"cgroupsPath": "/x"}}`, true, false},
		{`{"linux": {"resources": {"memory": {"limit": 0}, "cpu": {"shares": 0}, "blockIO": {"weight": 0}}}}`, true, true},
		{`{"linux": {"resources": {"pids": {"limit": 0}}}}`, true, false},
		{`{"linux": {"resources": {"memory": {"limit": 1}}}}`, true, false},
		{`{"linux": {"resources": {"pids": {"limit": 1}}}}`, true, false},
		{`{"linux": {"resources": {"memory": {"limit": -1, "swap": -1}, "pids": {"limit": -1}}}}`, true, true},
		{`{"linux": {"resources": {"memory": {"limit": -1, "swap": 1}}}}`, true, false},
	} {
		p := planOn(t, c.fragment, goldenHost, Options{ID: "x", Rootless: c.rootless})
		if got := step[*plan.CreateCgroup](t, p).Tolerated; got != c.want {
			t.Errorf("%s: %v", c.fragment, got)
		}
		nowhere := goldenHost
		nowhere.CgroupRoot = ""
		p, _, err := Plan(decode(t, c.fragment), nowhere, Options{ID: "x", Rootless: c.rootless})
		if (err == nil) != c.want || err == nil && len(steps[*plan.CreateCgroup](p)) > 0 {
			t.Errorf("%s, without a hierarchy: %v", c.fragment, err)
		}
	}
}

// TestNoCgroup: whoever disables cgroups gets no step that needs one, and no
// limits without a word.
func TestNoCgroup(t *testing.T) {
	opts := Options{ID: "x", NoCgroup: true, SystemdCgroup: true}
	const mount = `"mounts": [{"destination": "/sys/fs/cgroup", "type": "cgroup"}]`
	p, warnings, err := Plan(decode(t, `{"linux": {"cgroupsPath": "/x", "resources": {"memory": {"limit": 5}, "pids": {"limit": 5}, "devices": [{"allow": false}]}}, `+
		mount+`, "annotations": {"run.oci.delegate-cgroup": "below"}}`), goldenHost, opts)
	if err != nil || len(warnings) != 1 || warnings[0].Field != "linux.resources" {
		t.Errorf("%v, warnings %v", err, warnings)
	}
	for _, item := range p.Parent {
		switch item.Step.(type) {
		case *plan.CreateCgroup, *plan.StartUnit, *plan.SetResources, *plan.SetPids, *plan.SetDevices, *plan.EnterSubcgroup:
			t.Errorf("%s", item)
		}
	}
	if len(steps[*plan.MountFS](p)) == 0 {
		t.Error("no cgroup mount")
	}
	if _, warnings, err := Plan(decode(t, `{"linux": {"resources": {"pids": {"limit": -1}}}}`), goldenHost, opts); err != nil || len(warnings) != 0 {
		t.Errorf("no limits: %v, warnings %v", err, warnings)
	}
}

// TestLimits: zero is unset; what cgroup v2 does not have is no limit.
func TestLimits(t *testing.T) {
	for resources, want := range map[string]bool{
		`{}`: false,
		`{"memory": {"limit": 0, "swap": 0, "reservation": 0, "kernel": 5, "swappiness": 0, "disableOOMKiller": true}}`: false,
		`{"cpu": {"shares": 0, "quota": 0, "period": 0, "burst": 0, "idle": 0, "realtimePeriod": 0}}`:                   false,
		`{"blockIO": {"weight": 0, "leafWeight": 0}, "network": {"classID": 0}, "pids": {"limit": 5}}`:                  false,
		`{"memory": {"limit": -1}}`:                                true,
		`{"memory": {"reservation": 1}}`:                           true,
		`{"memory": {"swap": 1}}`:                                  true,
		`{"cpu": {"shares": 2}}`:                                   true,
		`{"cpu": {"quota": 1}}`:                                    true,
		`{"cpu": {"period": 1}}`:                                   true,
		`{"cpu": {"burst": 1}}`:                                    true,
		`{"cpu": {"idle": 1}}`:                                     true,
		`{"cpu": {"cpus": "0"}}`:                                   true,
		`{"cpu": {"mems": "0"}}`:                                   true,
		`{"blockIO": {"weight": 10}}`:                              true,
		`{"blockIO": {"weightDevice": [{"major": 1}]}}`:            true,
		`{"blockIO": {"throttleReadBpsDevice": [{"major": 1}]}}`:   true,
		`{"blockIO": {"throttleWriteBpsDevice": [{"major": 1}]}}`:  true,
		`{"blockIO": {"throttleReadIOPSDevice": [{"major": 1}]}}`:  true,
		`{"blockIO": {"throttleWriteIOPSDevice": [{"major": 1}]}}`: true,
		`{"hugepageLimits": [{"pageSize": "2MB"}]}`:                true,
		`{"rdma": {"mlx": {}}}`:                                    true,
		`{"unified": {"memory.high": "1"}}`:                        true,
	} {
		p := planOf(t, `{"linux": {"resources": `+resources+`}}`)
		if got := len(steps[*plan.SetResources](p)) == 1; got != want {
			t.Errorf("%s: limits %v", resources, got)
		}
	}
	for resources, want := range map[string]int64{
		`{"pids": {"limit": -1}}`:                                -1,
		`{"pids": {"limit": 0}}`:                                 1,
		`{"unified": {"pids.max": "7\n"}}`:                       7,
		`{"pids": {"limit": 5}, "unified": {"pids.max": "max"}}`: -1,
	} {
		if got := step[*plan.SetPids](t, planOf(t, `{"linux": {"resources": `+resources+`}}`)); got.Limit != want {
			t.Errorf("%s: %+v", resources, got)
		}
	}
	refused(t, decode(t, `{"linux": {"resources": {"unified": {"pids.max": "0"}}}}`), goldenHost, testOptions,
		"linux.resources.unified", "expected max or a number of at least 1")
}

// TestDelegation: runtime-spec's rules on the ownership of cgroups.
func TestDelegation(t *testing.T) {
	const (
		ns         = `"namespaces": [{"type": "mount"}, {"type": "cgroup"}]`
		writable   = `"mounts": [{"destination": "/sys/fs/cgroup", "type": "cgroup"}]`
		readonly   = `"mounts": [{"destination": "/sys/fs/cgroup", "type": "cgroup", "options": ["ro"]}]`
		rewritable = `"mounts": [{"destination": "sys/fs/cgroup/", "type": "cgroup", "options": ["ro", "rw"]}]`
		user       = `"process": {"user": {"uid": 5, "gid": 6}}`
		mapped     = `"namespaces": [{"type": "mount"}, {"type": "cgroup"}, {"type": "user"}],
			"uidMappings": [{"hostID": 1000, "size": 10}], "gidMappings": [{"hostID": 1000, "size": 10}]`
	)
	for _, c := range []struct {
		fragment string
		uid, gid int
		delegate bool
	}{
		{`{` + user + `, ` + writable + `, "linux": {` + ns + `}}`, 5, 6, true},
		{`{` + user + `, ` + readonly + `, "linux": {` + ns + `}}`, 0, 0, false},
		{`{` + user + `, ` + rewritable + `, "linux": {` + ns + `}}`, 5, 6, true},
		{`{` + user + `, ` + writable + `}`, 0, 0, false},
		{`{` + user + `, "linux": {` + ns + `}}`, 0, 0, false},
		{`{` + writable + `, "linux": {` + ns + `}}`, 0, 0, false}, // root's already
		{`{` + writable + `, "linux": {` + mapped + `}}`, 1000, 1000, true},
		{`{` + user + `, ` + writable + `, "linux": {` + mapped + `}}`, 1005, 1006, true},
	} {
		got := step[*plan.CreateCgroup](t, planOf(t, c.fragment))
		if got.OwnerUID != c.uid || got.OwnerGID != c.gid || got.Delegate != c.delegate {
			t.Errorf("%s: %+v", c.fragment, got)
		}
	}
}

// TestDeviceRules: deny first, the configuration, then what every container
// may use. Nothing is filtered where all is allowed, or nothing can be.
func TestDeviceRules(t *testing.T) {
	p := planOf(t, `{"linux": {"resources": {"devices": [{"allow": true, "type": "b", "major": 8}]}}}`)
	rules := step[*plan.SetDevices](t, p).Rules
	if first := rules[0]; first.Allow || first.Type != "a" || first.Access != "rwm" || first.Major != nil {
		t.Errorf("first rule %+v", first)
	}
	if own := rules[1]; !own.Allow || own.Type != "b" || *own.Major != 8 || own.Minor != nil || own.Access != "rwm" {
		t.Errorf("own rule %+v", own)
	}
	var numbers []string
	for _, r := range rules[2:] {
		number := r.Type
		for _, n := range []*int64{r.Major, r.Minor} {
			if n == nil {
				number += " *"
			} else {
				number += " " + itoa(*n)
			}
		}
		numbers = append(numbers, number+" "+r.Access)
	}
	want := []string{"c * * m", "b * * m", "c 1 3 rwm", "c 1 5 rwm", "c 1 7 rwm", "c 1 8 rwm", "c 1 9 rwm", "c 5 0 rwm",
		"c 136 * rwm", "c 5 2 rwm", "c 10 200 rwm"}
	if !slices.Equal(numbers, want) {
		t.Errorf("default rules %q", numbers)
	}
	// Other runtimes take the letter a, too, and it grants nothing.
	p = planOf(t, `{"linux": {"resources": {"devices": [{"allow": true, "type": "c", "access": "rwa"}]}}}`)
	if own := step[*plan.SetDevices](t, p).Rules[1]; own.Access != "rw" {
		t.Errorf("rwa is %+v", own)
	}
	for rules, filtered := range map[string]bool{
		`[{"allow": true, "access": "rwm"}]`:                                                 false,
		`[{"allow": false}, {"allow": true, "type": "a", "major": -1, "minor": -1}]`:         false,
		`[{"allow": true}, {"allow": false, "type": "c", "major": 1, "minor": 3}]`:           true,
		`[{"allow": true, "access": "rw"}]`:                                                  true,
		`[{"allow": true}, {"allow": false, "access": "rwm"}]`:                               true,
		`[{"allow": true}, {"allow": false, "type": "c"}, {"allow": true, "access": "mwr"}]`: false,
	} {
		p := planOf(t, `{"linux": {"resources": {"devices": `+rules+`}}}`)
		if got := len(steps[*plan.SetDevices](p)) == 1; got != filtered {
			t.Errorf("%s: filtered %v", rules, got)
		}
	}
	host := goldenHost
	host.UserNS = true
	if got := steps[*plan.SetDevices](planOn(t, `{}`, host, testOptions)); len(got) != 0 {
		t.Error("a filter from inside a user namespace")
	}
}

func itoa(n int64) string { return strings.TrimSuffix(index("", int(n))[1:], "]") }

// TestDevices: nodes, where they come from in a user namespace, and what is
// left alone.
func TestDevices(t *testing.T) {
	const own = `"devices": [{"path": "/dev/x", "type": "b", "major": 8, "minor": 1, "fileMode": 24992, "uid": 1, "gid": 2},
		{"path": "/dev/p", "type": "p"}, {"path": "/dev/ptmx", "type": "c"}, {"path": "/dev/tty", "type": "c", "major": 5}]`
	p := planOf(t, `{"linux": {`+own+`}}`)
	devices := steps[*plan.MakeDevice](p)
	var paths []string
	for _, d := range devices {
		paths = append(paths, d.Path)
	}
	if want := []string{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/x", "/dev/p", "/dev/tty"}; !slices.Equal(paths, want) {
		t.Errorf("%q", paths)
	}
	if want := (plan.MakeDevice{Node: plan.Node{Path: "/dev/x", Type: "b", Major: 8, Minor: 1, Mode: 0o640, UID: 1, GID: 2, Slot: -1}}); *devices[5] != want {
		t.Errorf("%+v", devices[5])
	}
	if want := (plan.MakeDevice{Node: plan.Node{Path: "/dev/null", Type: "c", Major: 1, Minor: 3, Mode: 0o666, Slot: -1}}); *devices[0] != want {
		t.Errorf("%+v", devices[0])
	}

	trees := func(p *plan.Plan) map[int]*plan.OpenTree {
		bySlot := map[int]*plan.OpenTree{}
		for _, tree := range steps[*plan.OpenTree](p) {
			bySlot[tree.Slot] = tree
		}
		return bySlot
	}
	p = planOf(t, `{"linux": {`+own+`, `+userns+`}}`)
	for _, d := range steps[*plan.MakeDevice](p) {
		tree := trees(p)[d.Slot]
		if (d.Type == "p") != (d.Slot == -1) || d.Slot >= 0 && (tree == nil || tree.Path != d.Path || tree.Optional) {
			t.Errorf("%+v from %+v", d, tree)
		}
	}

	p = planOf(t, `{"mounts": [{"destination": "/dev/null", "source": "/x", "options": ["bind"]}]}`)
	if len(steps[*plan.MakeDevice](p)) != 5 {
		t.Error("a bound device is made again")
	}
	p = planOf(t, `{"mounts": [{"destination": "/dev/", "source": "/dev", "options": ["rbind"]}], "linux": {`+own+`}}`)
	if len(steps[*plan.MakeDevice](p))+len(steps[*plan.MakeSymlink](p)) != 0 {
		t.Error("the host's /dev is written to")
	}
	host := goldenHost
	host.Kcore = false
	for _, link := range steps[*plan.MakeSymlink](planOn(t, `{}`, host, testOptions)) {
		if link.Path == "/dev/core" {
			t.Error("/dev/core leads nowhere")
		}
	}
}

// TestSysctls: sorted, in dotted form.
func TestSysctls(t *testing.T) {
	p := planOf(t, `{"linux": {"sysctl": {"net.b": "2", "net/ipv4/conf/eth0.1/forwarding": "1", "kernel.shm_rmid_forced": "1",
		"kernel.domainname": "d", "fs.mqueue.msg_max": "5"}}}`)
	var got []string
	for _, s := range steps[*plan.Sysctl](p) {
		got = append(got, s.Key+"="+s.Value)
		if s.Key == "net.ipv4.conf.eth0/1.forwarding" && s.Path != "sys/net/ipv4/conf/eth0.1/forwarding" {
			t.Errorf("%q is written to %q", s.Key, s.Path)
		}
	}
	want := []string{"fs.mqueue.msg_max=5", "kernel.domainname=d", "kernel.shm_rmid_forced=1", "net.b=2", "net.ipv4.conf.eth0/1.forwarding=1"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestHooks: where they run, with which status, directory and environment.
func TestHooks(t *testing.T) {
	const h = `[{"path": "/h", "timeout": 3}, {"path": "/e", "env": []}]`
	p := planOf(t, `{"hooks": {"createRuntime": `+h+`, "createContainer": `+h+`, "startContainer": `+h+`}}`)
	outside := step[*plan.RunHooks](t, p)
	if outside.Kind != "createRuntime" || outside.Status != specs.StateCreating || outside.Hooks[0].Env != nil {
		t.Errorf("%+v", outside)
	}
	inside := steps[*plan.Hooks](p)
	if h := inside[0]; h.Kind != "createContainer" || !strings.Contains(h.Before, `"creating"`) || h.Dir != "/bundle/rootfs" ||
		h.Hooks[0].ProcessEnv || h.Hooks[0].Args[0] != "/h" || h.Hooks[0].Timeout != 3 {
		t.Errorf("%+v", h)
	}
	if h := inside[1]; h.Kind != "startContainer" || !strings.Contains(h.Before, `"created"`) || h.Dir != "" || !h.Confined ||
		!h.Hooks[0].ProcessEnv || h.Hooks[1].ProcessEnv {
		t.Errorf("%+v", h)
	}
}

// TestOOM: absent means the caller's; the rootless may fail to lower it.
func TestOOM(t *testing.T) {
	if got := steps[*plan.SetOOMScoreAdj](planOf(t, `{}`)); len(got) != 0 {
		t.Errorf("%+v", got[0])
	}
	p := planOn(t, `{"process": {"oomScoreAdj": -1000}}`, goldenHost, Options{Rootless: true})
	if got := step[*plan.SetOOMScoreAdj](t, p); *got != (plan.SetOOMScoreAdj{Value: -1000, BestEffort: true}) {
		t.Errorf("%+v", got)
	}
}

// An empty seccomp object asks for nothing.
func TestEmptySeccomp(t *testing.T) {
	p := planOn(t, `{"linux": {"seccomp": {}}}`, goldenHost, testOptions)
	if strings.Contains(typeNames(p.Init), "LoadSeccomp") {
		t.Error("a filter nobody asked for")
	}
}

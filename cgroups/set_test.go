package cgroups

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

const allControllers = "cpuset cpu io memory hugetlb pids rdma misc\n"

func resources(t *testing.T, text string) *specs.LinuxResources {
	t.Helper()
	var r specs.LinuxResources
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	return &r
}

// Each row is resources, the files of the cgroup (those without content empty),
// and what the files hold afterwards or the error.
func TestSet(t *testing.T) {
	const (
		mem = "memory.max memory.low memory.swap.max memory.current=5000 memory.swap.current=100"
		cpu = "cpu.weight cpu.max cpu.max.burst cpu.idle cpuset.cpus cpuset.mems"
	)
	for _, test := range []struct{ resources, files, want string }{
		// Zero and absent leave everything alone: docker's defaults.
		{`{"memory":{"limit":0,"reservation":0,"swap":0},"cpu":{"shares":0,"quota":0,"period":0},"blockIO":{"weight":0},"pids":{"limit":0}}`, "", ""},
		{`{"memory":{"kernel":5,"kernelTCP":5,"swappiness":7,"disableOOMKiller":true,"useHierarchy":true},"cpu":{"realtimeRuntime":1,"realtimePeriod":2},"blockIO":{"leafWeight":9},"network":{"classID":1,"priorities":[{"name":"eth0","priority":5}]}}`, "", ""},

		{`{"memory":{"limit":1048576}}`, mem, "memory.max=1048576"},
		{`{"memory":{"limit":1048576,"reservation":4096}}`, mem, "memory.max=1048576; memory.low=4096"},
		{`{"memory":{"reservation":-1}}`, mem, "memory.low=max"},
		{`{"memory":{"limit":1000,"swap":3000}}`, mem, "memory.max=1000; memory.swap.max=2000"},
		{`{"memory":{"limit":1000,"swap":1000}}`, mem, "memory.max=1000; memory.swap.max=0"},
		{`{"memory":{"limit":1000,"swap":-1}}`, mem, "memory.max=1000; memory.swap.max=max"},
		{`{"memory":{"limit":-1}}`, mem, "memory.max=max; memory.swap.max=max"},
		{`{"memory":{"limit":-1,"swap":-1}}`, mem, "memory.max=max; memory.swap.max=max"},
		{`{"memory":{"swap":3000}}`, "memory.max=1000 memory.swap.max", "memory.max=1000; memory.swap.max=2000"},
		{`{"memory":{"swap":3000}}`, "memory.max=max memory.swap.max", "memory.swap: 3000 needs memory.limit: it is the sum of memory and swap"},
		{`{"memory":{"limit":-1,"swap":3000}}`, mem, "memory.swap: 3000 needs memory.limit: it is the sum of memory and swap"},
		{`{"memory":{"limit":1000,"swap":999}}`, mem, "memory.swap: 999 is less than memory.limit 1000, but is the sum of memory and swap: set both"},
		{`{"memory":{"limit":-2}}`, mem, "memory.limit: -2 is neither a limit nor -1"},
		{`{"memory":{"limit":1000,"swap":-5}}`, mem, "memory.swap: -5 is neither a limit nor -1"},
		// No swap accounting: fine unless a limit needs it.
		{`{"memory":{"limit":1000,"swap":1000}}`, "memory.max", "memory.max=1000"},
		{`{"memory":{"limit":1000,"swap":-1}}`, "memory.max", "memory.max=1000"},
		{`{"memory":{"limit":1000,"swap":1500}}`, "memory.max", `memory.swap: write "500" to "DIR/memory.swap.max": this kernel has no such file`},
		{`{"memory":{"limit":4999,"checkBeforeUpdate":true}}`, mem, "memory.limit: 4999 is less than the 5000 bytes in use"},
		{`{"memory":{"limit":5000,"checkBeforeUpdate":true}}`, mem, "memory.max=5000; memory.current=5000; memory.swap.current=100"},
		{`{"memory":{"limit":5000,"swap":5099,"checkBeforeUpdate":true}}`, mem, "memory.swap: 5099 is less than the 5100 bytes in use"},
		{`{"memory":{"limit":-1,"checkBeforeUpdate":true}}`, "memory.max memory.swap.max", "memory.max=max; memory.swap.max=max"},

		{`{"cpu":{"shares":1024}}`, cpu, "cpu.weight=100"},
		{`{"cpu":{"shares":1024,"idle":0}}`, cpu, "cpu.weight=100; cpu.idle=0"},
		{`{"cpu":{"shares":1024,"idle":1}}`, cpu, "cpu.idle=1"},
		{`{"cpu":{"idle":0}}`, "", ""},
		{`{"cpu":{"idle":1}}`, "", `cpu.idle: write "1" to "DIR/cpu.idle": this kernel has no such file`},
		{`{"cpu":{"quota":50000}}`, cpu, "cpu.max=50000"},
		{`{"cpu":{"quota":50000,"period":20000}}`, cpu, "cpu.max=50000 20000"},
		{`{"cpu":{"quota":-1,"period":20000}}`, cpu, "cpu.max=max 20000"},
		{`{"cpu":{"quota":-1}}`, cpu, "cpu.max=max"},
		{`{"cpu":{"period":20000}}`, "cpu.max=30000,90000", "cpu.max=30000 20000"},
		{`{"cpu":{"quota":-7}}`, cpu, "cpu.quota: -7 is neither a quota nor -1"},
		{`{"cpu":{"quota":50000,"burst":10000}}`, cpu, "cpu.max=50000; cpu.max.burst=10000"},
		{`{"cpu":{"burst":10000}}`, cpu, "cpu.max.burst=10000"},
		{`{"cpu":{"cpus":"0-3","mems":"0"}}`, cpu, "cpuset.cpus=0-3; cpuset.mems=0"},

		{`{"blockIO":{"weight":100}}`, "io.bfq.weight io.weight", "io.bfq.weight=100"},
		{`{"blockIO":{"weight":10}}`, "io.weight", "io.weight=1"},
		{`{"blockIO":{"weight":1000}}`, "io.weight", "io.weight=10000"},
		{`{"blockIO":{"weight":500}}`, "io.weight", "io.weight=4950"},
		{`{"blockIO":{"weight":9}}`, "io.weight", "blockIO.weight: weight 9 is not in 10 to 1000"},
		{`{"blockIO":{"weight":500}}`, "", `blockIO.weight: write "4950" to "DIR/io.weight": this kernel has no such file`},
		{`{"blockIO":{"weightDevice":[{"major":8,"minor":0},{"major":8,"minor":16,"weight":200,"leafWeight":3}]}}`, "io.bfq.weight", "io.bfq.weight=8:16 200"},
		{`{"blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":1024}]}}`, "io.max", "io.max=8:0 rbps=1024"},
		{`{"blockIO":{"throttleWriteBpsDevice":[{"major":8,"minor":0,"rate":1024}]}}`, "io.max", "io.max=8:0 wbps=1024"},
		{`{"blockIO":{"throttleReadIOPSDevice":[{"major":8,"minor":0,"rate":18446744073709551615}]}}`, "io.max", "io.max=8:0 riops=18446744073709551615"},
		{`{"blockIO":{"throttleWriteIOPSDevice":[{"major":8,"minor":1,"rate":0}]}}`, "io.max", "io.max=8:1 wiops=max"},

		{`{"hugepageLimits":[{"pageSize":"2MB","limit":4194304}]}`, "hugetlb.2MB.max hugetlb.2MB.rsvd.max", "hugetlb.2MB.max=4194304; hugetlb.2MB.rsvd.max=4194304"},
		{`{"hugepageLimits":[{"pageSize":"2MB","limit":4194304}]}`, "hugetlb.2MB.max", "hugetlb.2MB.max=4194304"},
		{`{"hugepageLimits":[{"pageSize":"2MB","limit":0},{"pageSize":"1GB","limit":0}]}`, "hugetlb.2MB.max", "hugetlb.2MB.max=0"},
		{`{"hugepageLimits":[{"pageSize":"3MB","limit":5}]}`, "", `hugepageLimits[0].limit: write "5" to "DIR/hugetlb.3MB.max": this kernel has no such file`},
		{`{"hugepageLimits":[{"pageSize":"../2MB","limit":5}]}`, "", `hugepageLimits[0].pageSize: "../2MB" is not a page size such as 2MB`},
		{`{"hugepageLimits":[{"pageSize":"2","limit":5}]}`, "", `hugepageLimits[0].pageSize: "2" is not a page size such as 2MB`},

		{`{"rdma":{"mlx5_1":{"hcaHandles":3,"hcaObjects":10000}}}`, "rdma.max", "rdma.max=mlx5_1 hca_handle=3 hca_object=10000"},
		{`{"rdma":{"mlx5_1":{"hcaObjects":0}}}`, "rdma.max", "rdma.max=mlx5_1 hca_object=0"},
		{`{"rdma":{"mlx5_1":{}}}`, "", ""},
		{`{"rdma":{"a b":{"hcaHandles":3}}}`, "rdma.max", `rdma["a b"]: not the name of an adapter`},

		{`{"unified":{"memory.high":"5000","memory.oom.group":"1\n"}}`, "memory.high memory.oom.group", "memory.high=5000; memory.oom.group=1"},
		{`{"memory":{"limit":1000},"unified":{"memory.max":"2000"}}`, "memory.max", "memory.max=2000"},
		{`{"unified":{"io.max":"8:0 rbps=1\n8:1 rbps=2"}}`, "io.max", "io.max=8:1 rbps=2"},
		{`{"unified":{"pids.max":"5"}}`, "pids.max", ""},
		{`{"unified":{"cgroup.max.depth":"5"}}`, "cgroup.max.depth", "cgroup.max.depth=5"},
		{`{"unified":{"cpuset.cpus.partition":"isolated"}}`, "cpuset.cpus.partition", "cpuset.cpus.partition=isolated"},
		// A kernel that takes the word, and then does not.
		{`{"unified":{"cpuset.cpus.partition":"root invalid (no)"}}`, "cpuset.cpus.partition",
			`unified.cpuset.cpus.partition: write "root invalid (no)" to "DIR/cpuset.cpus.partition": the kernel makes no partition of it: root invalid (no)`},
		{`{"unified":{"memory.nope":"5"}}`, "", `unified.memory.nope: write "5" to "DIR/memory.nope": this kernel has no such file`},
		{`{"unified":{"../memory.max":"5"}}`, "", "unified.../memory.max: not the name of a cgroup v2 file"},
		{`{"unified":{"tasks":"5"}}`, "", "unified.tasks: not the name of a cgroup v2 file"},
		{`{"unified":{"cgroup.procs":"1"}}`, "", "unified.cgroup.procs: acts on processes, so it cannot be set as a resource"},
		{`{"unified":{"cgroup.freeze":"1"}}`, "", "unified.cgroup.freeze: acts on processes, so it cannot be set as a resource"},
	} {
		files := strings.Fields(test.files)
		for i := range files {
			if !strings.Contains(files[i], "=") {
				files[i] += "="
			}
			files[i] = strings.ReplaceAll(files[i], ",", " ")
		}
		c := fake(t, allControllers, files...)
		var got string
		if err := c.Set(resources(t, test.resources)); err != nil {
			got = strings.ReplaceAll(err.Error(), c.Dir(), "DIR")
			if strings.Contains(got, "no such file or directory") {
				t.Errorf("%s: engines take this for a missing command: %s", test.resources, got)
			}
		} else {
			got = content(t, c, files...)
		}
		want := test.want
		if !strings.Contains(test.resources, "heckBefore") {
			want = strings.TrimSpace(want)
			got = strings.TrimSuffix(strings.TrimSuffix(got, "; memory.current=5000; memory.swap.current=100"), "memory.current=5000; memory.swap.current=100")
		}
		if got != want {
			t.Errorf("%s\n got  %s\n want %s", test.resources, got, want)
		}
	}
}

func TestSetNil(t *testing.T) {
	c := fake(t, "")
	if err := errors.Join(c.Set(nil), c.SetPids(nil), c.Set(&specs.LinuxResources{})); err != nil {
		t.Error(err)
	}
}

func TestSetPids(t *testing.T) {
	for _, test := range []struct{ resources, want string }{
		{`{}`, ""},
		{`{"pids":{}}`, ""},
		{`{"pids":{"limit":0}}`, ""},
		{`{"pids":{"limit":1}}`, "pids.max=1"},
		{`{"pids":{"limit":-1}}`, "pids.max=max"},
		{`{"unified":{"pids.max":"12\n"}}`, "pids.max=12"},
		{`{"pids":{"limit":-3}}`, "pids.limit: -3 is neither a limit nor -1"},
	} {
		c := fake(t, allControllers, "pids.max=")
		var got string
		if err := c.SetPids(resources(t, test.resources)); err != nil {
			got = err.Error()
		} else {
			got = content(t, c, "pids.max")
		}
		if got != test.want {
			t.Errorf("%s: got %q, want %q", test.resources, got, test.want)
		}
	}
}

// Both ends, both defaults, and points of the curve between.
func TestWeightOfShares(t *testing.T) {
	for _, test := range []struct{ shares, weight uint64 }{
		{0, 1}, {1, 1}, {2, 1}, {10, 4}, {100, 17}, {256, 35}, {512, 59}, {1000, 99}, {1024, 100},
		{2048, 174}, {10000, 627}, {100000, 4340}, {262143, 10000}, {262144, 10000}, {1 << 60, 10000},
	} {
		if got := WeightOfShares(test.shares); got != test.weight {
			t.Errorf("WeightOfShares(%d) = %d, want %d", test.shares, got, test.weight)
		}
	}
	for s := uint64(2); s < 262144; s += 61 {
		if WeightOfShares(s) > WeightOfShares(s+61) {
			t.Fatalf("not monotonic at %d", s)
		}
	}
}

// A limit whose controller the cgroup lacks says why, as a type and in words.
func TestUnavailableController(t *testing.T) {
	limit := &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(1000))}}
	for _, test := range []struct {
		name      string
		root, own string // controllers
		refused   []refusal
		want      string
	}{
		{"not offered", "nosuch", "", nil, `memory controller not available in "/c": `},
		{"not delegated", "memory", "", nil, `memory controller not available in "/c": not delegated`},
		{"internal process", "memory", "", []refusal{{"memory", "/", unix.EBUSY}},
			`memory controller not available in "/c": "/" has processes of its own, so it cannot enable controllers for its children`},
		{"not permitted", "memory", "", []refusal{{"memory", "/", unix.EACCES}},
			`memory controller not available in "/c": not delegated: enable it in "ROOT/": permission denied`},
	} {
		c := fake(t, test.own)
		put(t, c.h.Path, "cgroup.controllers="+test.root)
		c.refused = test.refused
		err := c.Set(limit)
		var e *Error
		var missing *MissingError
		if !errors.As(err, &e) {
			t.Fatalf("%s: %v", test.name, err)
		}
		if e.Field != "memory.limit" || e.File != c.Dir()+"/memory.max" || e.Value != "1000" || e.Op != "write" || !errors.As(err, &missing) {
			t.Errorf("%s: %+v", test.name, e)
		}
		if got := strings.ReplaceAll(e.Err.Error(), c.h.Path, "ROOT"); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
		if !errors.Is(err, ErrNotSupported) {
			t.Errorf("%s: not ErrNotSupported", test.name)
		}
		// No limit needs no controller.
		if err := c.Set(resources(t, `{"memory":{"limit":-1,"swap":-1,"reservation":-1},"cpu":{"quota":-1,"idle":0,"burst":0}}`)); err != nil {
			t.Errorf("%s: no limit: %v", test.name, err)
		}
	}
}

func TestSetInRemovedCgroup(t *testing.T) {
	c := fake(t, allControllers)
	if err := os.RemoveAll(c.Dir()); err != nil {
		t.Fatal(err)
	}
	err := c.Set(resources(t, `{"memory":{"limit":5}}`))
	if !errors.Is(err, ErrNotExist) || errors.Is(err, ErrNotSupported) {
		t.Errorf("error %v, want ErrNotExist", err)
	}
}

// Only the running system can tell.
func TestOwnedByV1(t *testing.T) {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Skip(err)
	}
	if want := strings.Contains(string(b), ":memory:"); ownedByV1("memory") != want {
		t.Errorf("ownedByV1(memory) = %v, want %v", !want, want)
	}
	if ownedByV1("nosuch") {
		t.Error("ownedByV1(nosuch)")
	}
}

package systemd

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func TestProperties(t *testing.T) {
	const infinity = "18446744073709551615"
	for _, c := range []struct{ resources, want string }{
		{`{}`, ""},
		{`{"memory":{"limit":0,"reservation":0,"swap":0},"cpu":{"shares":0,"quota":0,"period":0},"blockIO":{"weight":0}}`, ""},
		{`{"memory":{"limit":100,"reservation":50,"swap":150}}`, "MemoryMax=100 MemoryLow=50 MemorySwapMax=50"},
		{`{"memory":{"limit":100,"swap":100}}`, "MemoryMax=100 MemorySwapMax=0"},
		{`{"memory":{"limit":-1}}`, "MemoryMax=" + infinity + " MemorySwapMax=" + infinity},
		{`{"memory":{"limit":100,"swap":-1}}`, "MemoryMax=100 MemorySwapMax=" + infinity},
		{`{"memory":{"limit":100,"swap":50}}`, "MemoryMax=100"}, // the kernel's files say what is wrong
		{`{"cpu":{"shares":1024}}`, "CPUWeight=100"},
		{`{"cpu":{"shares":1024,"idle":1}}`, "CPUWeight=0"},
		{`{"cpu":{"quota":25000,"period":50000}}`, "CPUQuotaPeriodUSec=50000 CPUQuotaPerSecUSec=500000"},
		{`{"cpu":{"quota":33333}}`, "CPUQuotaPerSecUSec=340000"},
		{`{"cpu":{"quota":1}}`, "CPUQuotaPerSecUSec=10000"},
		{`{"cpu":{"quota":-1,"period":100000}}`, "CPUQuotaPeriodUSec=100000 CPUQuotaPerSecUSec=" + infinity},
		{`{"cpu":{"quota":9223372036854775807,"period":1}}`, "CPUQuotaPeriodUSec=1"},
		{`{"cpu":{"cpus":"0-3, 9","mems":"1\n"}}`, "AllowedCPUs=[15 2] AllowedMemoryNodes=[2]"},
		{`{"cpu":{"cpus":"all"}}`, `error: cpu.cpus: "all" is not a list such as 0-3,7`},
		{`{"cpu":{"cpus":"0-4000000000"}}`, `error: cpu.cpus: "0-4000000000" is not a list such as 0-3,7`},
		{`{"cpu":{"mems":"3-1"}}`, `error: cpu.mems: "3-1" is not a list such as 0-3,7`},
		{`{"blockIO":{"weight":500,"weightDevice":[{"major":8,"minor":1,"weight":10}],
			"throttleReadBpsDevice":[{"major":8,"rate":5}],"throttleWriteIOPSDevice":[{"major":8,"rate":0}]}}`,
			"IOWeight=4950 IODeviceWeight=[{/dev/block/8:1 1}] IOReadBandwidthMax=[{/dev/block/8:0 5}] IOWriteIOPSMax=[{/dev/block/8:0 " + infinity + "}]"},
		{`{"memory":{"limit":100},"unified":{"memory.max":"max","memory.high":"70\n","hugetlb.2MB.max":"5","pids.max":"5"}}`,
			"MemoryMax=" + infinity + " MemoryHigh=70"},
		{`{"unified":{"cpu.max":"max 50000","cpu.weight":"7","io.weight":"default 30","cpuset.cpus":"1"}}`,
			"CPUWeight=7 CPUQuotaPeriodUSec=50000 CPUQuotaPerSecUSec=" + infinity + " IOWeight=30 AllowedCPUs=[2]"},
		{`{"unified":{"cpu.max":"5000"}}`, "CPUQuotaPerSecUSec=50000"},
		{`{"unified":{"cpu.max":"lots","memory.max":"5G"}}`, ""},
		{`{"cpu":{"period":50000},"unified":{"cpu.max":"5000"}}`, "CPUQuotaPeriodUSec=50000 CPUQuotaPerSecUSec=100000"},
		{`{"cpu":{"shares":1024},"unified":{"cpu.idle":"1"}}`, "CPUWeight=0"},
		{`{"cpu":{"shares":1024},"unified":{"cpu.idle":"0"}}`, "CPUWeight=100"},
		{`{"unified":{"cpu.weight":"5","cpu.weight.nice":"-20"}}`, "CPUWeight=8668"},
		{`{"unified":{"cpu.weight.nice":"19"}}`, "CPUWeight=1"},
		{`{"unified":{"cpu.weight.nice":"20"}}`, ""},
		{`{"unified":{"memory.oom.group":"1","memory.zswap.writeback":"0\n"}}`, "MemoryZSwapWriteback=false OOMPolicy=kill"},
		{`{"unified":{"memory.oom.group":"0","memory.zswap.writeback":"2"}}`, "OOMPolicy=continue"},
		{`{"blockIO":{"throttleReadBpsDevice":[{"major":8,"rate":5},{"major":9,"rate":6}]},"unified":{"io.max":"8:0 rbps=7 wiops=max odd=1\n8:16 riops=9\nx"}}`,
			"IOReadBandwidthMax=[{/dev/block/8:0 7} {/dev/block/9:0 6}] IOWriteIOPSMax=[{/dev/block/8:0 " + infinity + "}] IOReadIOPSMax=[{/dev/block/8:16 9}]"},
		{`{"blockIO":{"weight":10},"unified":{"io.weight":"40\n8:0 50","io.bfq.weight":"8:16 200"}}`,
			"IOWeight=40 IODeviceWeight=[{/dev/block/8:0 50} {/dev/block/8:16 1200}]"},
	} {
		var r specs.LinuxResources
		if err := json.Unmarshal([]byte(c.resources), &r); err != nil {
			t.Fatal(err)
		}
		list, err := Properties(&r, false)
		got := printed(list)
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.resources, got, c.want)
		}
	}
	if got := printed(Tasks(-1)) + " " + printed(Tasks(7)) + printed(Tasks(0)); got != "TasksMax="+infinity+" TasksMax=7" {
		t.Error(got)
	}
}

// With BFQ, what systemd makes of IOWeight has to be what was asked for:
//
//	w                          up to 100
//	100 + (w-100) * 900/9900   beyond (BFQ_WEIGHT in systemd's sources)
func TestWeightsForBFQ(t *testing.T) {
	for w := uint16(10); w <= 1000; w++ {
		list, err := Properties(&specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{Weight: &w}}, true)
		if err != nil || len(list) != 1 || list[0].Name != "IOWeight" {
			t.Fatalf("%v, %v", list, err)
		}
		got := list[0].Value.(uint64)
		if got > 100 {
			got = 100 + (got-100)*900/9900
		}
		if got != uint64(w) {
			t.Errorf("%d becomes %d", w, got)
		}
	}
}

func TestTasksIn(t *testing.T) {
	five := int64(5)
	for _, c := range []struct {
		r    specs.LinuxResources
		want string
	}{
		{specs.LinuxResources{}, ""},
		{specs.LinuxResources{Pids: &specs.LinuxPids{}}, ""},
		{specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &five}}, "TasksMax=5"},
		{specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &five}, Unified: map[string]string{"pids.max": "9"}}, "TasksMax=9"},
	} {
		if got := printed(TasksIn(&c.r)); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func printed(list []Property) string {
	var b strings.Builder
	for _, p := range list {
		fmt.Fprintf(&b, " %s=%v", p.Name, p.Value)
	}
	return strings.TrimPrefix(b.String(), " ")
}

func TestPlaces(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want string
	}{
		{nil, "[{/run/user/7/systemd/private false} {/run/user/7/bus true}]"},
		{map[string]string{"XDG_RUNTIME_DIR": "/x"}, "[{/x/systemd/private false} {/x/bus true}]"},
		{map[string]string{"XDG_RUNTIME_DIR": "/x", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/x/bus"}, "[{/x/systemd/private false} {/x/bus true}]"},
		{map[string]string{"DBUS_SESSION_BUS_ADDRESS": "tcp:host=h;unix:guid=5,abstract=a%20b"},
			"[{/run/user/7/systemd/private false} {@a b true} {/run/user/7/bus true}]"},
		{map[string]string{"DBUS_SESSION_BUS_ADDRESS": "autolaunch:"}, "[{/run/user/7/systemd/private false} {/run/user/7/bus true}]"},
	} {
		if got := fmt.Sprint(userPlaces(func(key string) string { return c.env[key] }, 7)); got != c.want {
			t.Errorf("%v\n got %s\nwant %s", c.env, got, c.want)
		}
	}
	got := fmt.Sprint(systemPlaces(func(string) string { return "unix:path=/b%zz%4" }))
	if want := "[{/run/systemd/private false} {/b%zz%4 true}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestUnitPath(t *testing.T) {
	if got, want := unitPath("1a-b.scope"), "/org/freedesktop/systemd1/unit/_31a_2db_2escope"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

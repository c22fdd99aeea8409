package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/resctrl"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
	"github.com/crun-go/crun-go/specconv/jsontext"
)

// event is what readers of runc's events decode lines into.
type event struct {
	Type string     `json:"type"`
	ID   string     `json:"id"`
	Data *eventData `json:"data,omitempty"`
}

type eventData struct {
	CPU struct {
		Usage struct {
			Total        uint64   `json:"total"`
			Percpu       []uint64 `json:"percpu"`
			PercpuKernel []uint64 `json:"percpu_kernel"`
			PercpuUser   []uint64 `json:"percpu_user"`
			Kernel       uint64   `json:"kernel"`
			User         uint64   `json:"user"`
		} `json:"usage"`
		Throttling struct {
			Periods          uint64 `json:"periods"`
			ThrottledPeriods uint64 `json:"throttledPeriods"`
			ThrottledTime    uint64 `json:"throttledTime"`
		} `json:"throttling"`
		PSI *eventPSI `json:"psi"`
	} `json:"cpu"`
	CPUSet struct {
		CPUs                  []uint16 `json:"cpus"`
		CPUExclusive          uint64   `json:"cpu_exclusive"`
		Mems                  []uint16 `json:"mems"`
		MemHardwall           uint64   `json:"mem_hardwall"`
		MemExclusive          uint64   `json:"mem_exclusive"`
		MemoryMigrate         uint64   `json:"memory_migrate"`
		MemorySpreadPage      uint64   `json:"memory_spread_page"`
		MemorySpreadSlab      uint64   `json:"memory_spread_slab"`
		MemoryPressure        uint64   `json:"memory_pressure"`
		SchedLoadBalance      uint64   `json:"sched_load_balance"`
		SchedRelaxDomainLevel int64    `json:"sched_relax_domain_level"`
	} `json:"cpuset"`
	Memory struct {
		Cache      uint64            `json:"cache"`
		Usage      eventMemory       `json:"usage"`
		Swap       eventMemory       `json:"swap"`
		Kernel     eventMemory       `json:"kernel"`
		KernelTCP  eventMemory       `json:"kernelTCP"`
		Raw        map[string]uint64 `json:"raw"`
		PSI        *eventPSI         `json:"psi"`
		EventCount map[string]uint64 `json:"event_count"` // runc 1.3
	} `json:"memory"`
	Pids struct {
		Current uint64 `json:"current"`
		Limit   uint64 `json:"limit"`
		Peak    uint64 `json:"peak"`    // ours
		Failcnt uint64 `json:"failcnt"` // ours
	} `json:"pids"`
	Blkio struct {
		IoServiceBytesRecursive []eventIO `json:"ioServiceBytesRecursive"`
		IoServicedRecursive     []eventIO `json:"ioServicedRecursive"`
		IoQueuedRecursive       []eventIO `json:"ioQueueRecursive"`
		IoServiceTimeRecursive  []eventIO `json:"ioServiceTimeRecursive"`
		IoWaitTimeRecursive     []eventIO `json:"ioWaitTimeRecursive"`
		IoMergedRecursive       []eventIO `json:"ioMergedRecursive"`
		IoTimeRecursive         []eventIO `json:"ioTimeRecursive"`
		SectorsRecursive        []eventIO `json:"sectorsRecursive"`
		PSI                     *eventPSI `json:"psi"`
	} `json:"blkio"`
	Hugetlb map[string]struct {
		Usage   uint64 `json:"usage"`
		Max     uint64 `json:"max"`
		Failcnt uint64 `json:"failcnt"`
	} `json:"hugetlb"`
	IntelRdt struct {
		L3CacheInfo *struct {
			CbmMask    string `json:"cbm_mask"`
			MinCbmBits uint64 `json:"min_cbm_bits"`
			NumClosids uint64 `json:"num_closids"`
		} `json:"l3_cache_info"`
		L3CacheSchemaRoot string         `json:"l3_cache_schema_root"`
		L3CacheSchema     string         `json:"l3_cache_schema"`
		MemBwInfo         map[string]any `json:"mem_bw_info"`
		MemBwSchemaRoot   string         `json:"mem_bw_schema_root"`
		MemBwSchema       string         `json:"mem_bw_schema"`
		Schemata          []string       `json:"schemata"`
		MBMStats          []struct {
			Total uint64 `json:"mbm_total_bytes"`
			Local uint64 `json:"mbm_local_bytes"`
		} `json:"mbm_stats"`
		CMTStats []struct {
			Occupancy uint64 `json:"llc_occupancy"`
		} `json:"cmt_stats"`
	} `json:"intel_rdt"`
	NetworkInterfaces []*struct {
		Name                                    string
		RxBytes, RxPackets, RxErrors, RxDropped uint64
		TxBytes, TxPackets, TxErrors, TxDropped uint64
	} `json:"network_interfaces"`
	Rdma map[string]map[string]uint64 `json:"rdma"` // ours
	Misc map[string]map[string]uint64 `json:"misc"` // ours
	// Data of events that are ours.
	Max     uint64 `json:"max"`
	OOMKill uint64 `json:"oom_kill"`
	OOM     uint64 `json:"oom"`
	Trigger string `json:"trigger"`
}

type eventMemory struct {
	Limit   uint64 `json:"limit"`
	Usage   uint64 `json:"usage"`
	Max     uint64 `json:"max"`
	Failcnt uint64 `json:"failcnt"`
}

type eventPSI struct {
	Some, Full struct {
		Avg10  float64 `json:"avg10"`
		Avg60  float64 `json:"avg60"`
		Avg300 float64 `json:"avg300"`
		Total  uint64  `json:"total"`
	}
}

type eventIO struct {
	Major uint64 `json:"major"`
	Minor uint64 `json:"minor"`
	Op    string `json:"op"`
	Value uint64 `json:"value"`
}

// encodeEvent writes an event, and decodes it as its readers do: a key that they do not know would be a mistake.
func encodeEvent(t *testing.T, e *libcontainer.Event) (string, event) {
	t.Helper()
	w := jsontext.NewWriter("")
	writeEvent(w, e, "web")
	decoder := json.NewDecoder(bytes.NewReader(w.Bytes()))
	decoder.DisallowUnknownFields()
	var decoded event
	if err := decoder.Decode(&decoded); err != nil {
		t.Fatalf("%v in %s", err, w.Bytes())
	}
	return string(w.Bytes()), decoded
}

// statsOf reads the statistics of a directory with these files.
func statsOf(t *testing.T, files map[string]string) cgroups.Stats {
	t.Helper()
	root := t.TempDir()
	systest.MustDo(t, os.Mkdir(root+"/c", 0o755))
	for name, text := range files {
		systest.MustDo(t, os.WriteFile(root+"/c/"+name, []byte(text), 0o600))
	}
	group, err := cgroups.Hierarchy{Path: root}.Open("c")
	systest.MustDo(t, err)
	defer group.Close()
	stats, err := group.Stats()
	systest.MustDo(t, err)
	return stats
}

const noPressure = "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"

// The golden file is what runc 1.5.1 printed where cgroup v2 has no controller but hugetlb.
func TestStatsAsRunc(t *testing.T) {
	s := &libcontainer.Stats{Stats: statsOf(t, map[string]string{
		"cgroup.controllers": "hugetlb\n",
		"cpu.stat":           "usage_usec 34121\nuser_usec 14631\nsystem_usec 19489\nnice_usec 0\ncore_sched.force_idle_usec 0\n",
		"cpu.pressure":       strings.Replace(strings.Replace(noPressure, "total=0", "total=4386", 1), "total=0", "total=1864", 1),
		"memory.pressure":    noPressure,
		"io.pressure":        noPressure,
		"hugetlb.2MB.max":    "max\n", "hugetlb.2MB.current": "0\n", "hugetlb.2MB.events": "max 0\n",
		"hugetlb.1GB.max": "max\n", "hugetlb.1GB.current": "0\n", "hugetlb.1GB.events": "max 0\n",
	})}
	s.Pids = &cgroups.PidsStats{Current: 1, Limit: cgroups.Max} // counted, for want of the controller
	got, _ := encodeEvent(t, &libcontainer.Event{Type: libcontainer.EventStats, Stats: s})
	if want := strings.TrimSpace(golden(t, "events-stats.json")); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestStatsOfAllControllers(t *testing.T) {
	s := &libcontainer.Stats{Stats: statsOf(t, map[string]string{
		"cgroup.controllers": "cpuset cpu io memory hugetlb pids rdma misc\n",
		"cpu.stat":           "usage_usec 700\nuser_usec 500\nsystem_usec 200\nnr_periods 9\nnr_throttled 3\nthrottled_usec 40\n",
		"cpu.pressure":       "some avg10=1.50 avg60=0.20 avg300=0.03 total=123\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=45\n",
		"cpuset.cpus":        "\n", "cpuset.cpus.effective": "0-2,5\n", "cpuset.mems.effective": "0\n",
		"memory.current": "4096\n", "memory.peak": "8192\n", "memory.max": "1048576\n",
		"memory.swap.current": "7\n", "memory.swap.max": "9\n",
		"memory.stat":   "anon 100\nfile 200\nkernel 300\n",
		"memory.events": "low 0\nhigh 2\nmax 3\noom 1\noom_kill 1\noom_group_kill 0\n",
		"pids.current":  "3\n", "pids.peak": "5\n", "pids.max": "100\n", "pids.events": "max 8\n",
		"io.stat":         "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=0\n",
		"hugetlb.2MB.max": "20\n", "hugetlb.2MB.current": "10\n", "hugetlb.2MB.events": "max 4\n",
		"rdma.current": "mlx4_0 hca_handle=2 hca_object=20\n", "rdma.max": "mlx4_0 hca_handle=max hca_object=30\n",
		"misc.current": "sev 5\n", "misc.max": "sev 6\n", "misc.events": "sev.max 2\n",
	})}
	s.Interfaces = []libcontainer.Interface{{Name: "eth0", RxBytes: 1, RxPackets: 2, RxErrors: 3, RxDropped: 4, TxBytes: 5, TxPackets: 6, TxErrors: 7, TxDropped: 8}}
	text, got := encodeEvent(t, &libcontainer.Event{Type: libcontainer.EventStats, Stats: s})
	d := got.Data
	for what, pair := range map[string][2]any{
		"envelope":     {got.Type + " " + got.ID, "stats web"},
		"cpu total":    {d.CPU.Usage.Total, uint64(700_000)},
		"cpu kernel":   {d.CPU.Usage.Kernel, uint64(200_000)},
		"cpu user":     {d.CPU.Usage.User, uint64(500_000)},
		"periods":      {d.CPU.Throttling.Periods, uint64(9)},
		"throttled":    {d.CPU.Throttling.ThrottledPeriods, uint64(3)},
		"throttled ns": {d.CPU.Throttling.ThrottledTime, uint64(40_000)},
		"cpu psi":      {d.CPU.PSI.Some.Avg10, 1.5},
		"cpu psi full": {d.CPU.PSI.Full.Total, uint64(45)},
		"cpus":         {d.CPUSet.CPUs, []uint16{0, 1, 2, 5}},
		"mems":         {d.CPUSet.Mems, []uint16{0}},
		"cache":        {d.Memory.Cache, uint64(200)},
		"memory":       {d.Memory.Usage, eventMemory{Limit: 1 << 20, Usage: 4096, Max: 8192, Failcnt: 3}},
		"swap":         {d.Memory.Swap, eventMemory{Limit: 1<<20 + 9, Usage: 4096 + 7}},
		"raw":          {d.Memory.Raw, map[string]uint64{"anon": 100, "file": 200, "kernel": 300}},
		"event_count":  {d.Memory.EventCount, map[string]uint64{"high": 2, "max": 3, "oom": 1, "oom_kill": 1}},
		"pids":         {d.Pids.Current, uint64(3)},
		"pids limit":   {d.Pids.Limit, uint64(100)},
		"pids peak":    {d.Pids.Peak, uint64(5)},
		"pids failcnt": {d.Pids.Failcnt, uint64(8)},
		"io bytes":     {d.Blkio.IoServiceBytesRecursive, []eventIO{{8, 0, "Read", 1}, {8, 0, "Write", 2}, {8, 0, "Discard", 5}}},
		"io ops":       {d.Blkio.IoServicedRecursive, []eventIO{{8, 0, "Read", 3}, {8, 0, "Write", 4}, {8, 0, "Discard", 0}}},
		"hugetlb":      {d.Hugetlb["2MB"].Usage*100 + d.Hugetlb["2MB"].Failcnt, uint64(1004)},
		"rdma":         {d.Rdma["mlx4_0"], map[string]uint64{"hca_handle": 2, "hca_object": 20, "hca_object_max": 30}},
		"misc":         {d.Misc["sev"], map[string]uint64{"usage": 5, "limit": 6, "failcnt": 2}},
		"network":      {d.NetworkInterfaces[0].Name, "eth0"},
		"tx dropped":   {d.NetworkInterfaces[0].TxDropped, uint64(8)},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s is %v, want %v", what, pair[0], pair[1])
		}
	}
	for _, key := range []string{`"network_interfaces":[{"Name":"eth0","RxBytes":1,`, `"intel_rdt":{}`} {
		if !strings.Contains(text, key) {
			t.Errorf("no %s in %s", key, text)
		}
	}
}

func TestRdtStats(t *testing.T) {
	s := &libcontainer.Stats{Stats: cgroups.Stats{Pids: &cgroups.PidsStats{}}, Rdt: &resctrl.Stats{
		L3: &resctrl.CacheInfo{Mask: "7ff", MinBits: 2, NumClosids: 16}, MB: &resctrl.BandwidthInfo{Granularity: 10, DelayLinear: 1, Min: 20, NumClosids: 8},
		Default: []string{"MB:0=100", "L3:0=7ff"}, Schemata: []string{"MB:0=50", "L3:0=f", "L2:0=1"},
		Monitors: []resctrl.Monitor{{Occupancy: 1, TotalBytes: 2, LocalBytes: 3}, {Occupancy: 4}},
	}}
	text, got := encodeEvent(t, &libcontainer.Event{Type: libcontainer.EventStats, Stats: s})
	want := `"intel_rdt":{"l3_cache_info":{"cbm_mask":"7ff","min_cbm_bits":2,"num_closids":16},` +
		`"l3_cache_schema_root":"L3:0=7ff","l3_cache_schema":"L3:0=f",` +
		`"mem_bw_info":{"bandwidth_gran":10,"delay_linear":1,"min_bandwidth":20,"num_closids":8},` +
		`"mem_bw_schema_root":"MB:0=100","mem_bw_schema":"MB:0=50","schemata":["MB:0=50","L3:0=f","L2:0=1"],` +
		`"mbm_stats":[{"mbm_total_bytes":2,"mbm_local_bytes":3},{}],"cmt_stats":[{"llc_occupancy":1},{"llc_occupancy":4}]}`
	if r := got.Data.IntelRdt; !strings.Contains(text, want) || r.MBMStats[0].Local != 3 || r.CMTStats[1].Occupancy != 4 || len(r.Schemata) != 3 {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

// The sum of two limits is none if one of them is none.
func TestSumLimits(t *testing.T) {
	for _, c := range [][3]uint64{{1, 2, 3}, {cgroups.Max, 2, cgroups.Max}, {1, cgroups.Max, cgroups.Max}, {1 << 63, 1 << 63, cgroups.Max}} {
		if got := sumLimits(c[0], c[1]); got != c[2] {
			t.Errorf("%d and %d: %d, want %d", c[0], c[1], got, c[2])
		}
	}
}

func TestEvents(t *testing.T) {
	trigger := cgroups.PressureTrigger{Resource: "io", Full: true, Stall: 150 * time.Millisecond, Window: 2 * time.Second}
	for _, c := range []struct {
		event libcontainer.Event
		want  string
	}{
		{libcontainer.Event{Type: libcontainer.EventOOM}, `{"type":"oom","id":"web"}`},
		{libcontainer.Event{Type: libcontainer.EventMemory, Memory: &cgroups.MemoryEvents{OOM: 2, OOMKill: 1}}, `{"type":"memory","id":"web","data":{"oom":2,"oom_kill":1}}`},
		{libcontainer.Event{Type: libcontainer.EventPids, Pids: &cgroups.PidsEvents{Max: 4}}, `{"type":"pids","id":"web","data":{"max":4}}`},
		{libcontainer.Event{Type: libcontainer.EventPressure, Trigger: &trigger}, `{"type":"pressure","id":"web","data":{"trigger":"io:full:150ms/2s"}}`},
		{libcontainer.Event{Type: libcontainer.EventExit}, `{"type":"exit","id":"web"}`},
	} {
		if got, _ := encodeEvent(t, &c.event); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
	if got := triggerText(trigger); got != "io:full:150ms/2s" || trigger.String() != "full 150000 2000000" {
		t.Errorf("%s, %s", got, trigger)
	}
}

func TestEventsArguments(t *testing.T) {
	root := t.TempDir()
	container(t, root, "gone", false, nil)
	container(t, root, "bare", true, nil)
	for args, want := range map[string]string{
		"events":                                `"events" requires exactly 1 argument(s)`,
		"events none":                           "container does not exist",
		"events gone":                           "container with id gone is not running",
		"events --stats gone":                   "container with id gone is not running",
		"events --interval=0s gone":             "duration interval must be greater than 0",
		"events --interval -1s bare":            "duration interval must be greater than 0",
		"events --interval 5 bare":              `invalid value "5" for flag -interval: parse error`,
		"events --stats bare":                   "container has no cgroup of its own",
		"events --pressure memory bare":         "expected RESOURCE:some|full:STALL/WINDOW, such as memory:some:150ms/2s, with cpu, memory or io",
		"events --pressure=cpu:some:1s/2s bare": "container has no cgroup of its own",
	} {
		if got := crun("--root " + root + " " + args); got.code != 1 || !strings.Contains(strings.ReplaceAll(got.errout, `\"`, `"`), want) {
			t.Errorf("%s: %+v, want %s", args, got, want)
		}
	}
}

func TestParseTrigger(t *testing.T) {
	for _, good := range []string{"memory:some:150ms/2s", "cpu:full:1s/10s", "io:some:1µs/500ms"} {
		if got, err := parseTrigger(good); err != nil || triggerText(got) != good {
			t.Errorf("%s: %v, %v", good, got, err)
		}
	}
	for _, bad := range []string{"", "memory", "memory:some", "memory:some:1s", "memory:all:1s/2s", "irq:full:1s/2s", "memory:some:2s/1s", "memory:some:0s/1s", "memory:some:1/2", "memory:some:1s/2s/3s"} {
		if got, err := parseTrigger(bad); err == nil {
			t.Errorf("%q was accepted: %v", bad, got)
		}
	}
}

// A reader that has gone is no failure, and no signal.
func TestEmitToNobody(t *testing.T) {
	r, w, err := os.Pipe()
	systest.MustDo(t, err)
	defer w.Close()
	r.Close()
	inv := &invocation{stdout: w}
	if err := inv.emit(&libcontainer.Event{Type: libcontainer.EventExit}, "web"); !errors.Is(err, unix.EPIPE) {
		t.Errorf("%v, want EPIPE", err)
	}
}

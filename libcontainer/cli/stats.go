package cli

import (
	"slices"
	"strings"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/resctrl"
	"github.com/crun-go/crun-go/specconv/jsontext"
)

// object writes an object whose members may be left out: absent is what is not measured, and runc, whose readers these
// documents have, leaves out most zeros, too.
type object struct{ *jsontext.Writer }

func (o object) nonzero(key string, n uint64) {
	if n != 0 {
		o.Key(key).Uint(n)
	}
}

// writeStats writes the data of a stats event with the keys of runc. Those of our own are pids.peak and pids.failcnt, rdma
// and misc.
func writeStats(w *jsontext.Writer, s *libcontainer.Stats) {
	o := object{w}
	w.Object()
	o.cpu(s.CPU)
	o.cpuset(s.Cpuset)
	o.memory(s.Memory, s.MemoryPSI)
	o.pids(s.Pids)
	o.blockIO(s.IO, s.IOPSI)
	o.hugetlb(s.Hugetlb)
	o.rdt(s.Rdt)
	o.interfaces(s.Interfaces)
	o.rdma(s.Rdma)
	o.misc(s.Misc)
	w.End()
}

// cpu writes times in nanoseconds, the kernel has microseconds.
func (o object) cpu(s *cgroups.CPUStats) {
	if s == nil {
		s = new(cgroups.CPUStats)
	}
	o.Key("cpu").Object()
	o.Key("usage").Object()
	o.nonzero("total", s.Usage*1000)
	o.Key("kernel").Uint(s.System * 1000)
	o.Key("user").Uint(s.User * 1000)
	o.End()
	if s.Periods|s.Throttled|s.ThrottledTime != 0 {
		o.Key("throttling").Object()
		o.nonzero("periods", s.Periods)
		o.nonzero("throttledPeriods", s.Throttled)
		o.nonzero("throttledTime", s.ThrottledTime*1000)
		o.End()
	}
	o.pressure(s.PSI)
	o.End()
}

// cpuset writes what is granted. The rest are switches of cgroup v1.
func (o object) cpuset(s *cgroups.CpusetStats) {
	if s == nil {
		s = new(cgroups.CpusetStats)
	}
	o.Key("cpuset").Object()
	o.numbers("cpus", s.EffectiveCPUs)
	o.Key("cpu_exclusive").Uint(0)
	o.numbers("mems", s.EffectiveMems)
	for _, key := range [...]string{
		"mem_hardwall", "mem_exclusive", "memory_migrate", "memory_spread_page", "memory_spread_slab", "memory_pressure",
		"sched_load_balance", "sched_relax_domain_level",
	} {
		o.Key(key).Uint(0)
	}
	o.End()
}

// numbers writes a list such as "0-3,7" in full.
func (o object) numbers(key, list string) {
	numbers, err := cgroups.Numbers(list)
	if err != nil { // an empty one
		return
	}
	o.Key(key).Array()
	for _, n := range numbers {
		o.Uint(n)
	}
	o.End()
}

func (o object) memory(s *cgroups.MemoryStats, psi *cgroups.PSI) {
	o.Key("memory").Object()
	defer o.End()
	defer o.pressure(psi)
	if s == nil {
		return
	}
	file := slices.IndexFunc(s.Stat, func(kv cgroups.KeyValue) bool { return kv.Key == "file" })
	if file >= 0 {
		o.nonzero("cache", s.Stat[file].Value)
	}
	o.memoryEntry("usage", s.Limit, s.Usage, s.Peak, s.Events.Max)
	if s.Swap != nil {
		// As in cgroup v1: memory and swap together. Both peaks need not have been at the same time, so there is none.
		o.memoryEntry("swap", sumLimits(s.Limit, s.Swap.Limit), s.Usage+s.Swap.Usage, 0, 0)
	}
	if len(s.Stat) > 0 {
		o.Key("raw").Object()
		for _, kv := range s.Stat {
			o.Key(kv.Key).Uint(kv.Value)
		}
		o.End()
	}
	o.Key("event_count")
	o.memoryEvents(&s.Events)
}

func sumLimits(a, b uint64) uint64 {
	if a == cgroups.Max || b == cgroups.Max || a > cgroups.Max-b {
		return cgroups.Max
	}
	return a + b
}

func (o object) memoryEntry(key string, limit, usage, most, failures uint64) {
	o.Key(key).Object()
	o.Key("limit").Uint(limit)
	o.nonzero("usage", usage)
	o.nonzero("max", most)
	o.Key("failcnt").Uint(failures)
	o.End()
}

// memoryEvents writes the counters of memory.events with the kernel's names.
func (o object) memoryEvents(e *cgroups.MemoryEvents) {
	o.Object()
	o.nonzero("low", e.Low)
	o.nonzero("high", e.High)
	o.nonzero("max", e.Max)
	o.nonzero("oom", e.OOM)
	o.nonzero("oom_kill", e.OOMKill)
	o.nonzero("oom_group_kill", e.OOMGroupKill)
	o.End()
}

func (o object) pids(s *cgroups.PidsStats) {
	o.Key("pids").Object()
	o.nonzero("current", s.Current)
	if s.Limit != cgroups.Max {
		o.nonzero("limit", s.Limit)
	}
	o.nonzero("peak", s.Peak)
	o.nonzero("failcnt", s.Refused)
	o.End()
}

// blockIO writes bytes and operations, each by device and kind.
func (o object) blockIO(devices []cgroups.IOStats, psi *cgroups.PSI) {
	o.Key("blkio").Object()
	if len(devices) > 0 {
		o.Key("ioServiceBytesRecursive").Array()
		for _, d := range devices {
			o.blockIOEntries(&d, d.ReadBytes, d.WriteBytes, d.DiscardBytes)
		}
		o.End()
		o.Key("ioServicedRecursive").Array()
		for _, d := range devices {
			o.blockIOEntries(&d, d.ReadOps, d.WriteOps, d.DiscardOps)
		}
		o.End()
	}
	o.pressure(psi)
	o.End()
}

func (o object) blockIOEntries(d *cgroups.IOStats, read, write, discard uint64) {
	for _, entry := range [...]struct {
		op    string
		value uint64
	}{{"Read", read}, {"Write", write}, {"Discard", discard}} {
		o.Object()
		o.nonzero("major", d.Major)
		o.nonzero("minor", d.Minor)
		o.Key("op").Text(entry.op)
		o.nonzero("value", entry.value)
		o.End()
	}
}

func (o object) hugetlb(sizes []cgroups.HugetlbStats) {
	slices.SortFunc(sizes, func(a, b cgroups.HugetlbStats) int { return strings.Compare(a.PageSize, b.PageSize) })
	o.Key("hugetlb").Object()
	for _, s := range sizes {
		o.Key(s.PageSize).Object()
		o.nonzero("usage", s.Usage)
		o.Key("failcnt").Uint(s.Failures)
		o.End()
	}
	o.End()
}

// interfaces writes null for none, as runc does.
func (o object) interfaces(list []libcontainer.Interface) {
	o.Key("network_interfaces")
	if list == nil {
		o.Null()
		return
	}
	o.Array()
	for _, i := range list {
		o.Object()
		o.Key("Name").Text(i.Name)
		o.Key("RxBytes").Uint(i.RxBytes)
		o.Key("RxPackets").Uint(i.RxPackets)
		o.Key("RxErrors").Uint(i.RxErrors)
		o.Key("RxDropped").Uint(i.RxDropped)
		o.Key("TxBytes").Uint(i.TxBytes)
		o.Key("TxPackets").Uint(i.TxPackets)
		o.Key("TxErrors").Uint(i.TxErrors)
		o.Key("TxDropped").Uint(i.TxDropped)
		o.End()
	}
	o.End()
}

// rdma writes use and limits of each adapter; without a limit there is no key.
func (o object) rdma(adapters []cgroups.RdmaStats) {
	if len(adapters) == 0 {
		return
	}
	o.Key("rdma").Object()
	for _, s := range adapters {
		o.Key(s.Device).Object()
		o.nonzero("hca_handle", s.Handles)
		o.nonzero("hca_object", s.Objects)
		o.limit("hca_handle_max", s.HandlesMax)
		o.limit("hca_object_max", s.ObjectsMax)
		o.End()
	}
	o.End()
}

func (o object) misc(resources []cgroups.MiscStats) {
	if len(resources) == 0 {
		return
	}
	o.Key("misc").Object()
	for _, s := range resources {
		o.Key(s.Name).Object()
		o.nonzero("usage", s.Current)
		o.limit("limit", s.Limit)
		o.Key("failcnt").Uint(s.Hits)
		o.End()
	}
	o.End()
}

func (o object) limit(key string, n uint64) {
	if n != cgroups.Max {
		o.Key(key).Uint(n)
	}
}

// pressure writes stall information, if the kernel has any.
func (o object) pressure(psi *cgroups.PSI) {
	if psi == nil {
		return
	}
	o.Key("psi").Object()
	o.pressureLine("some", psi.Some)
	o.pressureLine("full", psi.Full)
	o.End()
}

func (o object) pressureLine(key string, l cgroups.PSILine) {
	o.Key(key).Object()
	o.Key("avg10").Float(l.Avg10)
	o.Key("avg60").Float(l.Avg60)
	o.Key("avg300").Float(l.Avg300)
	o.Key("total").Uint(l.Total)
	o.End()
}

// rdt writes the use of shared hardware. Of schemata, caches and bandwidth have keys of their own.
func (o object) rdt(s *resctrl.Stats) {
	o.Key("intel_rdt").Object()
	defer o.End()
	if s == nil {
		return
	}
	if i := s.L3; i != nil {
		o.Key("l3_cache_info").Object()
		o.text("cbm_mask", i.Mask)
		o.nonzero("min_cbm_bits", i.MinBits)
		o.nonzero("num_closids", i.NumClosids)
		o.End()
	}
	o.text("l3_cache_schema_root", schemaOf(s.Default, "L3"))
	o.text("l3_cache_schema", schemaOf(s.Schemata, "L3"))
	if i := s.MB; i != nil {
		o.Key("mem_bw_info").Object()
		o.nonzero("bandwidth_gran", i.Granularity)
		o.nonzero("delay_linear", i.DelayLinear)
		o.nonzero("min_bandwidth", i.Min)
		o.nonzero("num_closids", i.NumClosids)
		o.End()
	}
	o.text("mem_bw_schema_root", schemaOf(s.Default, "MB"))
	o.text("mem_bw_schema", schemaOf(s.Schemata, "MB"))
	if len(s.Schemata) > 0 {
		o.Key("schemata").Texts(s.Schemata)
	}
	o.rdtMonitors(s.Monitors)
}

func (o object) rdtMonitors(list []resctrl.Monitor) {
	if len(list) == 0 {
		return
	}
	o.Key("mbm_stats").Array()
	for _, m := range list {
		o.Object()
		o.nonzero("mbm_total_bytes", m.TotalBytes)
		o.nonzero("mbm_local_bytes", m.LocalBytes)
		o.End()
	}
	o.End()
	o.Key("cmt_stats").Array()
	for _, m := range list {
		o.Object()
		o.nonzero("llc_occupancy", m.Occupancy)
		o.End()
	}
	o.End()
}

func (o object) text(key, s string) {
	if s != "" {
		o.Key(key).Text(s)
	}
}

// schemaOf finds the line of a resource. With code and data apart there are two, of L3CODE and L3DATA, and runc shows none.
func schemaOf(lines []string, resource string) string {
	for _, line := range lines {
		if name, _, _ := strings.Cut(line, ":"); name == resource {
			return line
		}
	}
	return ""
}

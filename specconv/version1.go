package specconv

import (
	"math"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// CheckResources refuses limits that only cgroup v1 has. Zero and -1 are no limit:
// engines write them for what they have no value for. The error is a
// *plan.FieldError.
func CheckResources(r *specs.LinuxResources) error {
	const field = "linux.resources."
	refuse := func(name, hint string, value any) error {
		return invalid(field+name, "remove it"+hint, "%v, but cgroup v2 has no such limit", value)
	}
	if c := r.CPU; c != nil {
		const hint = ", or set a real-time policy by process.scheduler"
		if isLimit(c.RealtimePeriod) {
			return refuse("cpu.realtimePeriod", hint, *c.RealtimePeriod)
		}
		if isLimit(c.RealtimeRuntime) {
			return refuse("cpu.realtimeRuntime", hint, *c.RealtimeRuntime)
		}
	}
	if m := r.Memory; m != nil && isLimit(m.Swappiness) {
		return refuse("memory.swappiness", ", or limit swap by memory.swap", *m.Swappiness)
	}
	if n := r.Network; n != nil {
		const hint = ": packets are marked or given priorities by the network's own filters"
		if n.ClassID != nil && *n.ClassID != 0 && *n.ClassID != math.MaxUint32 {
			return refuse("network.classID", hint, *n.ClassID)
		}
		for i, p := range n.Priorities {
			if p.Priority != 0 {
				return refuse(index("network.priorities", i)+".priority", hint, p.Priority)
			}
		}
	}
	if b := r.BlockIO; b != nil {
		const hint = ", or set weight"
		if nonzero(b.LeafWeight) {
			return refuse("blockIO.leafWeight", hint, *b.LeafWeight)
		}
		for i := range b.WeightDevice {
			if d := &b.WeightDevice[i]; nonzero(d.LeafWeight) {
				return refuse(index("blockIO.weightDevice", i)+".leafWeight", hint, *d.LeafWeight)
			}
		}
	}
	return nil
}

// IgnoredResources warns about what only cgroup v1 has and is ignored: limits of
// memory that memory.limit counts too, which old engines set beside it, and
// disableOOMKiller, which they set for all.
func IgnoredResources(r *specs.LinuxResources) []Warning {
	m := r.Memory
	if m == nil {
		return nil
	}
	var found []Warning
	for _, ignored := range [...]struct {
		name, text string
		is         bool
	}{
		{"kernel", "no effect: cgroup v2 counts the kernel's memory to memory.limit", isLimit(m.Kernel)},
		{"kernelTCP", "no effect: cgroup v2 counts the memory of sockets to memory.limit", isLimit(m.KernelTCP)},
		{"disableOOMKiller", "no effect: cgroup v2 cannot disable the OOM killer", m.DisableOOMKiller != nil && *m.DisableOOMKiller},
	} {
		if ignored.is {
			found = append(found, Warning{Field: "linux.resources.memory." + ignored.name, Text: ignored.text})
		}
	}
	return found
}

// isLimit reports whether a number is neither absent nor 0 nor -1, which unsigned
// numbers have for the largest.
func isLimit[T int64 | uint64](n *T) bool { return n != nil && *n != 0 && *n+1 != 0 }

package libcontainer

import (
	"maps"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// overlay lays limits over others and returns the sum of both, without the
// device rules and without what cgroup v2 does not have. Zero is not a value where
// the kernel does not use it: engines send zeros for what they do not mean
// to change.
func overlay(old, given *specs.LinuxResources) *specs.LinuxResources {
	sum := &specs.LinuxResources{
		Memory:  overlayMemory(old.Memory, given.Memory),
		CPU:     overlayCPU(old.CPU, given.CPU),
		BlockIO: overlayBlockIO(old.BlockIO, given.BlockIO),
		HugepageLimits: overlayList(old.HugepageLimits, given.HugepageLimits,
			func(l specs.LinuxHugepageLimit) string { return l.Pagesize }),
		Rdma:    overlayMap(old.Rdma, given.Rdma),
		Unified: overlayMap(old.Unified, given.Unified),
	}
	if limit := mergeNewer(pids(old), pids(given)); limit != nil {
		sum.Pids = &specs.LinuxPids{Limit: limit}
	}
	return sum
}

func pids(r *specs.LinuxResources) *int64 {
	if r.Pids == nil {
		return nil
	}
	return r.Pids.Limit
}

// mergeNewer returns the value that was given, else the old one; nil if both are nothing.
func mergeNewer[T comparable](old, given *T) *T {
	if isSet(given) {
		return given
	}
	if isSet(old) {
		return old
	}
	return nil
}

func isSet[T comparable](p *T) bool {
	var zero T
	return p != nil && *p != zero
}

// mergeGiven is mergeNewer for values of which zero is one.
func mergeGiven[T any](old, given *T) *T {
	if given != nil {
		return given
	}
	return old
}

func overlayMemory(old, given *specs.LinuxMemory) *specs.LinuxMemory {
	a, b := orEmpty(old), orEmpty(given)
	sum := specs.LinuxMemory{
		Limit:       mergeNewer(a.Limit, b.Limit),
		Reservation: mergeNewer(a.Reservation, b.Reservation),
		Swap:        mergeNewer(a.Swap, b.Swap),
	}
	if is(b.Limit, -1) && !isSet(b.Swap) && sum.Swap != nil {
		sum.Swap = b.Limit // the sum of memory and swap can't be less than one of them
	}
	return orNil(sum)
}

func overlayCPU(old, given *specs.LinuxCPU) *specs.LinuxCPU {
	a, b := orEmpty(old), orEmpty(given)
	sum := specs.LinuxCPU{
		Shares: mergeNewer(a.Shares, b.Shares),
		Quota:  mergeNewer(a.Quota, b.Quota),
		Period: mergeNewer(a.Period, b.Period),
		Burst:  mergeGiven(a.Burst, b.Burst),
		Idle:   mergeGiven(a.Idle, b.Idle),
		Cpus:   a.Cpus,
		Mems:   a.Mems,
	}
	if b.Cpus != "" {
		sum.Cpus = b.Cpus
	}
	if b.Mems != "" {
		sum.Mems = b.Mems
	}
	return orNil(sum)
}

func overlayBlockIO(old, given *specs.LinuxBlockIO) *specs.LinuxBlockIO {
	a, b := orEmpty(old), orEmpty(given)
	rates := func(old, given []specs.LinuxThrottleDevice) []specs.LinuxThrottleDevice {
		return overlayList(old, given, func(d specs.LinuxThrottleDevice) specs.LinuxBlockIODevice { return d.LinuxBlockIODevice })
	}
	sum := &specs.LinuxBlockIO{
		Weight: mergeNewer(a.Weight, b.Weight),
		WeightDevice: overlayList(a.WeightDevice, b.WeightDevice,
			func(d specs.LinuxWeightDevice) specs.LinuxBlockIODevice { return d.LinuxBlockIODevice }),
		ThrottleReadBpsDevice:   rates(a.ThrottleReadBpsDevice, b.ThrottleReadBpsDevice),
		ThrottleWriteBpsDevice:  rates(a.ThrottleWriteBpsDevice, b.ThrottleWriteBpsDevice),
		ThrottleReadIOPSDevice:  rates(a.ThrottleReadIOPSDevice, b.ThrottleReadIOPSDevice),
		ThrottleWriteIOPSDevice: rates(a.ThrottleWriteIOPSDevice, b.ThrottleWriteIOPSDevice),
	}
	if sum.Weight == nil && len(sum.WeightDevice)+len(sum.ThrottleReadBpsDevice)+len(sum.ThrottleWriteBpsDevice)+
		len(sum.ThrottleReadIOPSDevice)+len(sum.ThrottleWriteIOPSDevice) == 0 {
		return nil
	}
	return sum
}

// overlayList puts each element that was given in the place of the old one with
// the same key, or behind the old ones.
func overlayList[T any, K comparable](old, given []T, key func(T) K) []T {
	sum := slices.Clone(old)
	for _, item := range given {
		i := slices.IndexFunc(sum, func(have T) bool { return key(have) == key(item) })
		if i < 0 {
			sum = append(sum, item)
		} else {
			sum[i] = item
		}
	}
	return sum
}

func overlayMap[T any](old, given map[string]T) map[string]T {
	sum := maps.Clone(old)
	if sum == nil && len(given) > 0 {
		sum = make(map[string]T, len(given))
	}
	maps.Copy(sum, given)
	return sum
}

func is[T comparable](p *T, want T) bool { return p != nil && *p == want }

func orEmpty[T any](p *T) T {
	if p == nil {
		var empty T
		return empty
	}
	return *p
}

func orNil[T comparable](v T) *T {
	var empty T
	if v == empty {
		return nil
	}
	return &v
}

// addImplied adds to what was given what it takes along, of all that holds then:
//
//   - memory.swap limits memory and swap together, cgroup v2 swap alone: what is
//     left for swap changes with memory.limit
//   - a cgroup that was idle comes back with the default weight
//   - one that is idle has none; shares wait until it is not
func addImplied(given, sum *specs.LinuxResources) *specs.LinuxResources {
	full := *given
	if m := given.Memory; m != nil && isSet(m.Limit) && !is(m.Limit, -1) && !isSet(m.Swap) {
		memory := *m
		memory.Swap = sum.Memory.Swap
		full.Memory = &memory
	}
	if c := given.CPU; c != nil {
		cpu := *c
		switch {
		case is(c.Idle, 0):
			cpu.Shares = sum.CPU.Shares
		case isSet(c.Shares):
			cpu.Idle = sum.CPU.Idle
		}
		full.CPU = &cpu
	}
	return &full
}

// addImpliedForUnit adds what systemd has to know together, but the kernel keeps by
// itself: a quota is a share of its period, and swap what a limit leaves of a sum.
func addImpliedForUnit(given, sum *specs.LinuxResources) *specs.LinuxResources {
	full := *addImplied(given, sum)
	if m := full.Memory; m != nil && isSet(m.Swap) && !isSet(m.Limit) {
		memory := *m
		memory.Limit = sum.Memory.Limit
		full.Memory = &memory
	}
	if c := full.CPU; c != nil && (isSet(c.Quota) || isSet(c.Period)) {
		cpu := *c
		cpu.Quota, cpu.Period = sum.CPU.Quota, sum.CPU.Period
		full.CPU = &cpu
	}
	return &full
}

package systemd

import (
	"fmt"
	"math/bits"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/cgroups"
)

// Properties says limits in systemd's words: those that it has properties for.
// As in cgroups, absent and zero mean "leave as it is", and -1 means no limit;
// values of unified win. Mistakes that only the kernel can find are left to the
// kernel. Devices and the number of processes are not among
// them: see the package's comment and [Tasks].
//
// bfq reports whether the unit's cgroup has io.bfq.weight, for which systemd
// converts IOWeight to the scheduler's own scale.
func Properties(r *specs.LinuxResources, bfq bool) ([]Property, error) {
	if r == nil {
		return nil, nil
	}
	var list properties
	if m := r.Memory; m != nil {
		list.memory(m)
	}
	if c := r.CPU; c != nil {
		if err := list.cpu(c); err != nil {
			return nil, err
		}
	}
	if io := r.BlockIO; io != nil {
		list.io(io, bfq)
	}
	return list, list.unified(r.Unified)
}

// Tasks is the limit on processes as a property; 0 is not a limit.
func Tasks(limit int64) []Property {
	switch {
	case limit == 0:
		return nil
	case limit < 0:
		return []Property{{"TasksMax", uint64(Infinity)}}
	}
	return []Property{{"TasksMax", uint64(limit)}}
}

// TasksIn is the limit on processes among resources.
func TasksIn(r *specs.LinuxResources) []Property {
	if n, ok := limitText(r.Unified["pids.max"]); ok {
		return []Property{{"TasksMax", n}}
	}
	if r.Pids == nil || r.Pids.Limit == nil {
		return nil
	}
	return Tasks(*r.Pids.Limit)
}

type properties []Property

// add sets a property, for good: what was added before under the name goes.
func (p *properties) add(name string, value any) {
	for i := range *p {
		if (*p)[i].Name == name {
			(*p)[i].Value = value
			return
		}
	}
	*p = append(*p, Property{name, value})
}

// limit adds one in OCI's encoding.
func (p *properties) limit(name string, limit *int64) {
	switch {
	case limit == nil || *limit == 0:
	case *limit < 0:
		p.add(name, uint64(Infinity))
	default:
		p.add(name, uint64(*limit))
	}
}

func (p *properties) memory(m *specs.LinuxMemory) {
	p.limit("MemoryMax", m.Limit)
	p.limit("MemoryLow", m.Reservation)
	// OCI's swap is the sum of memory and swap.
	switch limit, swap := value(m.Limit), value(m.Swap); {
	case swap < 0, swap == 0 && limit == -1:
		p.add("MemorySwapMax", uint64(Infinity))
	case swap > 0 && limit > 0 && swap >= limit:
		p.add("MemorySwapMax", uint64(swap-limit))
	}
}

func (p *properties) cpu(c *specs.LinuxCPU) error {
	if value(c.Idle) != 0 {
		p.add("CPUWeight", uint64(0)) // idle, since systemd 252
	} else if shares := value(c.Shares); shares != 0 {
		p.add("CPUWeight", cgroups.WeightOfShares(shares))
	}
	p.bandwidth(value(c.Quota), value(c.Period))
	if err := p.set("AllowedCPUs", "cpu.cpus", c.Cpus); err != nil {
		return err
	}
	return p.set("AllowedMemoryNodes", "cpu.mems", c.Mems)
}

// bandwidth adds a quota as systemd has it: for each second, in hundredths.
// Rounded up, so that a cgroup below that was promised the quota can have it.
func (p *properties) bandwidth(quota int64, period uint64) {
	if period != 0 {
		p.add("CPUQuotaPeriodUSec", period)
	} else {
		period = p.period()
	}
	switch {
	case quota < 0:
		p.add("CPUQuotaPerSecUSec", uint64(Infinity))
	case quota > 0:
		const hundredth = 10000
		high, low := bits.Mul64(uint64(quota), 1000000)
		if high >= period {
			return // more than there is time: no kernel takes it
		}
		perSecond, rest := bits.Div64(high, low, period)
		if rest != 0 {
			perSecond++
		}
		if over := perSecond % hundredth; over != 0 {
			perSecond += hundredth - over
		}
		p.add("CPUQuotaPerSecUSec", perSecond)
	}
}

// period is that of a quota that comes without one.
func (p *properties) period() uint64 {
	for _, have := range *p {
		if have.Name == "CPUQuotaPeriodUSec" {
			return have.Value.(uint64)
		}
	}
	return 100000 // the kernel's default
}

// set adds a list of CPUs or nodes, "0-3,7", as the bits it stands for.
func (p *properties) set(name, field, list string) error {
	if list == "" {
		return nil
	}
	numbers, err := cgroups.Numbers(list)
	if err != nil {
		return &cgroups.Error{Field: field, Err: err}
	}
	var mask []byte
	for _, n := range numbers {
		for uint64(len(mask)) <= n/8 {
			mask = append(mask, 0)
		}
		mask[n/8] |= 1 << (n % 8)
	}
	p.add(name, mask)
	return nil
}

func (p *properties) io(io *specs.LinuxBlockIO, bfq bool) {
	weight := func(w uint16) uint64 {
		if bfq {
			return weightForBFQ(uint64(w))
		}
		return uint64(cgroups.IOWeight(w))
	}
	if w := value(io.Weight); w >= 10 && w <= 1000 {
		p.add("IOWeight", weight(w))
	}
	for _, d := range io.WeightDevice {
		if w := value(d.Weight); w >= 10 && w <= 1000 {
			p.device("IODeviceWeight", blockDevice(d.Major, d.Minor), weight(w))
		}
	}
	p.throttle("IOReadBandwidthMax", io.ThrottleReadBpsDevice)
	p.throttle("IOWriteBandwidthMax", io.ThrottleWriteBpsDevice)
	p.throttle("IOReadIOPSMax", io.ThrottleReadIOPSDevice)
	p.throttle("IOWriteIOPSMax", io.ThrottleWriteIOPSDevice)
}

// weightForBFQ is the IOWeight, of 1 to 10000, that systemd converts to a weight
// of BFQ's, of 1 to 1000. Both have 100 as their default, and a line on each side.
func weightForBFQ(w uint64) uint64 {
	if w <= 100 {
		return w
	}
	return 100 + (w-100)*11
}

func (p *properties) throttle(name string, devices []specs.LinuxThrottleDevice) {
	for _, d := range devices {
		rate := d.Rate
		if rate == 0 {
			rate = Infinity
		}
		p.device(name, blockDevice(d.Major, d.Minor), rate)
	}
}

// device sets what a property says of one device.
func (p *properties) device(name, path string, value uint64) {
	for i := range *p {
		if (*p)[i].Name != name {
			continue
		}
		pairs := (*p)[i].Value.([]Pair)
		for k := range pairs {
			if pairs[k].Path == path {
				pairs[k].Value = value
				return
			}
		}
		(*p)[i].Value = append(pairs, Pair{path, value})
		return
	}
	*p = append(*p, Property{name, []Pair{{path, value}}})
}

// blockDevice is a path by which systemd finds a device of that number.
func blockDevice(major, minor int64) string { return fmt.Sprintf("/dev/block/%d:%d", major, minor) }

// value is *p, or zero: absent and zero mean the same here.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

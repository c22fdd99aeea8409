package cgroups

import (
	"fmt"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func (l *limits) setCpuset(r *specs.LinuxCPU) error {
	if r.Cpus != "" {
		if err := l.set("cpu.cpus", "cpuset.cpus", r.Cpus); err != nil {
			return err
		}
	}
	if r.Mems != "" {
		return l.set("cpu.mems", "cpuset.mems", r.Mems)
	}
	return nil
}

// CpusetStats are lists such as "0-3,7".
type CpusetStats struct {
	CPUs, Mems                   string // as asked for; empty for all
	EffectiveCPUs, EffectiveMems string // as granted
}

func (r *reader) cpusetStats() (*CpusetStats, error) {
	if !r.has("cpuset.cpus.effective") {
		return nil, r.err
	}
	line := func(file string) string { return strings.TrimSpace(string(r.text(file))) }
	s := &CpusetStats{
		CPUs:          line("cpuset.cpus"),
		Mems:          line("cpuset.mems"),
		EffectiveCPUs: line("cpuset.cpus.effective"),
		EffectiveMems: line("cpuset.mems.effective"),
	}
	return s, r.err
}

// Numbers returns the numbers in a list of CPUs or nodes, "0-3,7", in the format of
// cpuset(7).
func Numbers(list string) ([]uint64, error) {
	const most = 1 << 13 // CPUs that Linux can be built for
	var all []uint64
	for part := range strings.SplitSeq(list, ",") {
		low, high, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			high = low
		}
		first, err1 := strconv.ParseUint(low, 10, 32)
		last, err2 := strconv.ParseUint(high, 10, 32)
		if err1 != nil || err2 != nil || last < first || last >= most {
			return nil, fmt.Errorf("%q is not a list such as 0-3,7", list)
		}
		for n := first; n <= last; n++ {
			all = append(all, n)
		}
	}
	return all, nil
}

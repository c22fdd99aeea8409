package specconv

import (
	"errors"
	"strconv"
	"strings"

	"github.com/crun-go/crun-go/specconv/plan"
)

// maxCPU bounds the numbers in a list: above what any kernel is built for
// (CONFIG_NR_CPUS is 8192 at most).
const maxCPU = 1 << 16

// affinity resolves process.execCPUAffinity: where the runtime starts exec's
// init, and where the process runs. Without a final list that is wherever the
// container's cgroup lets it: init sees to that.
func (b *builder) affinity() (first, then *plan.SetAffinity, err error) {
	a := b.process.ExecCPUAffinity
	if a == nil {
		return nil, nil, nil
	}
	const field = "process.execCPUAffinity."
	if a.Initial != "" {
		mask, err := parseCPUs(a.Initial)
		if err != nil {
			return nil, nil, invalid(field+"initial", "", "%q: %w, expected a list such as 0-3,7", a.Initial, err)
		}
		first = &plan.SetAffinity{CPUs: a.Initial, Mask: mask, Myself: true}
	}
	if a.Final != "" {
		mask, err := parseCPUs(a.Final)
		if err != nil {
			return nil, nil, invalid(field+"final", "", "%q: %w, expected a list such as 0-3,7", a.Final, err)
		}
		then = &plan.SetAffinity{CPUs: a.Final, Mask: mask}
	}
	return first, then, nil
}

// parseCPUs reads the list format of cpuset(7) into a mask.
func parseCPUs(list string) ([]uint64, error) {
	var mask []uint64
	for part := range strings.SplitSeq(list, ",") {
		low, high, isRange := strings.Cut(strings.TrimSpace(part), "-")
		first, err := parseCPU(low)
		if err != nil {
			return nil, err
		}
		last := first
		if isRange {
			if last, err = parseCPU(high); err != nil {
				return nil, err
			}
		}
		if last < first {
			return nil, errors.New("a range ends before it begins")
		}
		for cpu := first; cpu <= last; cpu++ {
			for len(mask) <= cpu/64 {
				mask = append(mask, 0)
			}
			mask[cpu/64] |= 1 << (cpu % 64)
		}
	}
	return mask, nil
}

func parseCPU(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, errors.New("not a number of a CPU: " + strconv.Quote(text))
	}
	if n >= maxCPU {
		return 0, errors.New("no CPU has the number " + text)
	}
	return int(n), nil
}

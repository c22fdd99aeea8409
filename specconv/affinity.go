package specconv

import "github.com/crun-go/crun-go/specconv/plan"

// maxCPUs is above what any kernel is built for (CONFIG_NR_CPUS is 8192 at most).
const maxCPUs = 1 << 16

// affinity resolves process.execCPUAffinity: where the runtime starts exec's
// init, and where the process runs. Without a final list that is wherever the
// container's cgroup lets it: init sees to that.
func (b *schedulingBuilder) affinity() (first, then *plan.SetAffinity, err error) {
	a := b.process.ExecCPUAffinity
	if a == nil {
		return nil, nil, nil
	}
	const field = "process.execCPUAffinity."
	if a.Initial != "" {
		mask, err := parseList(a.Initial, maxCPUs)
		if err != nil {
			return nil, nil, invalid(field+"initial", "", "%q: %w, expected a list such as 0-3,7", a.Initial, err)
		}
		first = &plan.SetAffinity{CPUs: a.Initial, Mask: mask, Myself: true}
	}
	if a.Final != "" {
		mask, err := parseList(a.Final, maxCPUs)
		if err != nil {
			return nil, nil, invalid(field+"final", "", "%q: %w, expected a list such as 0-3,7", a.Final, err)
		}
		then = &plan.SetAffinity{CPUs: a.Final, Mask: mask}
	}
	return first, then, nil
}

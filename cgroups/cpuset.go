package cgroups

import (
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func (c *Cgroup) setCpuset(r *specs.LinuxCPU) error {
	if r.Cpus != "" {
		if err := c.set("cpu.cpus", "cpuset.cpus", r.Cpus); err != nil {
			return err
		}
	}
	if r.Mems != "" {
		return c.set("cpu.mems", "cpuset.mems", r.Mems)
	}
	return nil
}

// CpusetStats are lists such as "0-3,7".
type CpusetStats struct {
	CPUs, Mems                   string // as asked for; empty for all
	EffectiveCPUs, EffectiveMems string // as granted
}

func (c *Cgroup) cpusetStats() (*CpusetStats, error) {
	r := reader{c: c}
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

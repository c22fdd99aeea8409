package cgroups

import (
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// SetPids limits the number of processes and threads, which pids.limit and the
// "pids.max" of unified do. It is apart from [Cgroup.Set] because to make a
// container's process may take another one that the limit need not leave room for:
// the kernel enforces a limit at fork only.
//
// Absent and zero leave the limit alone, -1 is none.
func (c *Cgroup) SetPids(r *specs.LinuxResources) error {
	return (&limits{dir: &c.dir}).setPids(r)
}

func (l *limits) setPids(r *specs.LinuxResources) error {
	if r == nil {
		return nil
	}
	if r.Pids != nil {
		if err := l.setLimit("pids.limit", "pids.max", r.Pids.Limit); err != nil {
			return err
		}
	}
	if text, ok := r.Unified["pids.max"]; ok {
		return l.set("unified.pids.max", "pids.max", strings.TrimSpace(text))
	}
	return nil
}

// PidsStats counts processes and threads.
type PidsStats struct {
	Current uint64
	Peak    uint64 // 0 before Linux 6.1
	Limit   uint64 // Max for none
	Refused uint64 // forks that hit a limit
}

func (r *reader) pidsStats() (*PidsStats, error) {
	if !r.has("pids.current") {
		return nil, r.err
	}
	s := &PidsStats{
		Current: r.number("pids.current"),
		Peak:    r.number("pids.peak"),
		Limit:   r.number("pids.max"),
	}
	s.Refused, _ = flatKey(r.text("pids.events"), "max")
	return s, r.err
}

package cgroups

import (
	"errors"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Set writes the resources, all but the devices and the number of processes,
// which [Cgroup.SetDevices] and [Cgroup.SetPids] do. Values of unified come
// last and so win.
//
// Absent and zero both mean "leave as it is", because engines send zeros for
// what was not asked for; -1 means no limit. Fields that only cgroup v1 has
// (kernel memory, swappiness, real time, leaf weights, network) are the caller's
// to refuse, and left out. A
// value that cannot be had is an [*Error], except one that asks for no limit
// or for the kernel's default: without the controller that is what there is.
//
// The first error ends it; what was written before stays.
func (c *Cgroup) Set(r *specs.LinuxResources) error {
	return (&limits{dir: &c.dir}).setAll(r)
}

// limits writes limits into the files of a cgroup.
type limits struct {
	*dir
	log *changes // what takes back the writes of an Update; nil: not needed
}

func (l *limits) setAll(r *specs.LinuxResources) error {
	if r == nil {
		return nil
	}
	if r.Memory != nil {
		if err := l.setMemory(r.Memory); err != nil {
			return err
		}
	}
	if r.CPU != nil {
		if err := l.setCPU(r.CPU); err != nil {
			return err
		}
		if err := l.setCpuset(r.CPU); err != nil {
			return err
		}
	}
	if r.BlockIO != nil {
		if err := l.setIO(r.BlockIO); err != nil {
			return err
		}
	}
	if err := l.setHugetlb(r.HugepageLimits); err != nil {
		return err
	}
	if err := l.setRdma(r.Rdma); err != nil {
		return err
	}
	return l.setUnified(r.Unified)
}

// setLimit writes a limit in OCI's encoding: nil and 0 leave the file alone,
// -1 is no limit.
func (l *limits) setLimit(field, file string, limit *int64) error {
	switch n := value(limit); {
	case n == 0:
		return nil
	case n == -1:
		return tolerate(l.set(field, file, "max"))
	case n < -1:
		return invalid(field, "%d is neither a limit nor -1", n)
	default:
		return l.set(field, file, strconv.FormatInt(n, 10))
	}
}

// value is *p, or zero: absent and zero mean the same here.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// tolerate forgives that a file is missing to which only its default was to
// be written.
func tolerate(err error) error {
	if errors.Is(err, ErrNotSupported) {
		return nil
	}
	return err
}

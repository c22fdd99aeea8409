package builder

import (
	"errors"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/resource"
	"github.com/crun-go/crun-go/specconv/plan"
)

// unlimited names the limit for which an ordinary user's container needs a cgroup.
func (b *Builder) unlimited(s *plan.CreateCgroup, err error) error {
	if !resource.Denied(err) || errors.Is(err, unix.EROFS) || b.Host.EUID == 0 && !b.Host.UserNS || b.Spec.Linux.CgroupsPath != "" {
		return err
	}
	limit := firstLimit(b.Spec.Linux.Resources)
	if limit == "" {
		return err
	}
	return &plan.StepError{Item: plan.Item{Field: "linux.resources." + limit, Step: s}, Err: err}
}

// firstLimit names the first of the resources that only a cgroup can limit; ""
// if there is none.
func firstLimit(r *specs.LinuxResources) string {
	switch {
	case r == nil:
		return ""
	case r.Memory != nil && *r.Memory != specs.LinuxMemory{}:
		return "memory"
	case r.CPU != nil && *r.CPU != specs.LinuxCPU{}:
		return "cpu"
	case r.Pids != nil && r.Pids.Limit != nil && *r.Pids.Limit > 0:
		return "pids.limit"
	case r.BlockIO != nil:
		return "blockIO"
	case len(r.HugepageLimits) > 0:
		return "hugepageLimits"
	case len(r.Rdma) > 0:
		return "rdma"
	case len(r.Unified) > 0:
		return "unified"
	}
	return ""
}

// StartUnit has systemd start the unit with process pid in it, and opens what could not be
// opened before the unit's cgroup was there.
func (b *Builder) StartUnit(pid int) error {
	if err := b.Owned.Unit.Start(pid); err != nil {
		return err
	}
	return b.Sources.OpenCgroup(b.Cgroup().Dir())
}

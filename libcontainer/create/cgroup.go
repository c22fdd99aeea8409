package create

import (
	"errors"
	"path/filepath"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv/plan"
)

// NameCgroup writes the cgroup into the journal before it is made, with the
// parents that are missing. One that is there may be somebody else's, with what
// lives in it: it is ours, for delete to kill and remove, only once it has been
// taken.
func (c *Builder) NameCgroup() {
	for _, item := range c.Plan.Parent {
		if s, ok := item.Step.(*plan.StartUnit); ok {
			c.Journal.Cgroup = state.Cgroup{Systemd: true, Unit: s.Name, User: s.User}
			return
		}
		s, ok := item.Step.(*plan.CreateCgroup)
		if !ok {
			continue
		}
		dir := filepath.Join(c.Hierarchy.Path, s.Path)
		if sys.Exists(dir) {
			return
		}
		c.Journal.Cgroup.Dir = dir
		for ; len(dir) > len(c.Hierarchy.Path) && !sys.Exists(dir); dir = filepath.Dir(dir) {
			c.Journal.Cgroup.Made = append(c.Journal.Cgroup.Made, dir)
		}
		slices.Reverse(c.Journal.Cgroup.Made) // outermost first
	}
}

// createCgroup makes the cgroup, and journals the parents that had to be made
// for it.
func (c *Builder) createCgroup(s *plan.CreateCgroup) error {
	group, err := c.Hierarchy.Create(s.Path)
	if err != nil {
		// Not made, or there before and not ours to remove.
		c.Journal.Cgroup.Dir, c.Journal.Cgroup.Made = "", nil
		if s.Tolerated && denied(err) {
			return nil
		}
		return c.unlimited(s, err)
	}
	c.Group = group
	if c.Journal.Cgroup.ID, err = group.ID(); err != nil {
		return err
	}
	if s.Delegate {
		if err := group.Delegate(s.OwnerUID, s.OwnerGID); err != nil {
			return err
		}
	}
	// The container's own cgroup is always removed with it, also an empty one
	// that was there: somebody's leftover.
	if len(group.Created) == 0 {
		group.Created = []string{group.Path()}
	}
	made := make([]string, len(group.Created))
	for i, path := range group.Created {
		made[i] = filepath.Join(c.Hierarchy.Path, path)
	}
	if slices.Equal(made, c.Journal.Cgroup.Made) {
		return nil
	}
	c.Journal.Cgroup.Dir, c.Journal.Cgroup.Made = group.Dir(), made
	return c.Dir.Save(&c.Journal)
}

func (c *Builder) setResources(s *plan.SetResources) error {
	if c.Group == nil {
		return nil
	}
	return libcontainer.ResourceError(c.Group.Set(s.Resources))
}

func (c *Builder) setDevices(s *plan.SetDevices) error {
	if c.Group == nil {
		return nil
	}
	err := c.Group.SetDevices(s.Rules)
	if err != nil && c.Rootless {
		return nil // rootless, the kernel lets nobody attach a filter: nodes can't be made either
	}
	return libcontainer.ResourceError(err)
}

// enterSubcgroup: init has made its cgroup namespace by now, whose root stays the
// container's cgroup.
func (c *Builder) enterSubcgroup(s *plan.EnterSubcgroup) error {
	if c.Group == nil {
		return nil
	}
	below, err := c.Hierarchy.Create(c.Group.Path() + "/" + s.Name)
	if err != nil {
		return err
	}
	err = below.Add(c.Init.Pid)
	below.Close()
	if err != nil {
		return err
	}
	// Only now is the cgroup above without processes, and may hand controllers
	// down.
	if below, err = c.Hierarchy.Adopt(below.Path()); err != nil {
		return err
	}
	defer below.Close()
	if s.Delegate {
		return below.Delegate(s.OwnerUID, s.OwnerGID)
	}
	return nil
}

func (c *Builder) setPids(s *plan.SetPids) error {
	if c.Group == nil {
		return nil
	}
	if err := c.Group.SetPids(&specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &s.Limit}}); err != nil {
		return libcontainer.ResourceError(err)
	}
	return c.limitTasks(s.Limit)
}

// denied tells whether the kernel refused for want of privileges.
func denied(err error) bool {
	return errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EROFS)
}

// unlimited names the limit for which an ordinary user's container needs a cgroup.
func (c *Builder) unlimited(s *plan.CreateCgroup, err error) error {
	if !denied(err) || errors.Is(err, unix.EROFS) || c.Host.EUID == 0 && !c.Host.UserNS || c.Spec.Linux.CgroupsPath != "" {
		return err
	}
	limit := firstLimit(c.Spec.Linux.Resources)
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

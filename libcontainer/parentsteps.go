package libcontainer

import (
	"errors"
	"path/filepath"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv/plan"
)

// nameCgroup writes the cgroup into the journal before it is made, with the
// parents that are missing. One that is there may be somebody else's, with what
// lives in it: it is ours, for delete to kill and remove, only once it has been
// taken.
func (c *creation) nameCgroup() {
	for _, item := range c.plan.Parent {
		if s, ok := item.Step.(*plan.StartUnit); ok {
			c.journal.Cgroup = state.Cgroup{Systemd: true, Unit: s.Name, User: s.User}
			return
		}
		s, ok := item.Step.(*plan.CreateCgroup)
		if !ok {
			continue
		}
		dir := filepath.Join(c.hierarchy.Path, s.Path)
		if sys.Exists(dir) {
			return
		}
		c.journal.Cgroup.Dir = dir
		for ; len(dir) > len(c.hierarchy.Path) && !sys.Exists(dir); dir = filepath.Dir(dir) {
			c.journal.Cgroup.Made = append(c.journal.Cgroup.Made, dir)
		}
		slices.Reverse(c.journal.Cgroup.Made) // outermost first
	}
}

// createCgroup makes the cgroup, and journals the parents that had to be made
// for it.
func (c *creation) createCgroup(s *plan.CreateCgroup) error {
	group, err := c.hierarchy.Create(s.Path)
	if err != nil {
		// Not made, or there before and not ours to remove.
		c.journal.Cgroup.Dir, c.journal.Cgroup.Made = "", nil
		if s.Tolerated && denied(err) {
			return nil
		}
		return c.unlimited(s, err)
	}
	c.cgroup = group
	if c.journal.Cgroup.ID, err = group.ID(); err != nil {
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
		made[i] = filepath.Join(c.hierarchy.Path, path)
	}
	if slices.Equal(made, c.journal.Cgroup.Made) {
		return nil
	}
	c.journal.Cgroup.Dir, c.journal.Cgroup.Made = group.Dir(), made
	return c.dir.Save(&c.journal)
}

func (c *creation) setResources(s *plan.SetResources) error {
	if c.cgroup == nil {
		return nil
	}
	return resourceError(c.cgroup.Set(s.Resources))
}

func (c *creation) setDevices(s *plan.SetDevices) error {
	if c.cgroup == nil {
		return nil
	}
	err := c.cgroup.SetDevices(s.Rules)
	if err != nil && c.rootless {
		return nil // rootless, the kernel lets nobody attach a filter: nodes can't be made either
	}
	return resourceError(err)
}

// enterSubcgroup: init has made its cgroup namespace by now, whose root stays the
// container's cgroup.
func (c *creation) enterSubcgroup(s *plan.EnterSubcgroup) error {
	if c.cgroup == nil {
		return nil
	}
	below, err := c.hierarchy.Create(c.cgroup.Path() + "/" + s.Name)
	if err != nil {
		return err
	}
	err = below.Add(c.init.Pid)
	below.Close()
	if err != nil {
		return err
	}
	// Only now is the cgroup above without processes, and may hand controllers
	// down.
	if below, err = c.hierarchy.Adopt(below.Path()); err != nil {
		return err
	}
	defer below.Close()
	if s.Delegate {
		return below.Delegate(s.OwnerUID, s.OwnerGID)
	}
	return nil
}

func (c *creation) setPids(s *plan.SetPids) error {
	if c.cgroup == nil {
		return nil
	}
	if err := c.cgroup.SetPids(&specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &s.Limit}}); err != nil {
		return resourceError(err)
	}
	return c.limitTasks(s.Limit)
}

// denied tells whether the kernel refused for want of privileges.
func denied(err error) bool {
	return errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EROFS)
}

// unlimited names the limit for which an ordinary user's container needs a cgroup.
func (c *creation) unlimited(s *plan.CreateCgroup, err error) error {
	if !denied(err) || errors.Is(err, unix.EROFS) || c.host.EUID == 0 && !c.host.UserNS || c.spec.Linux.CgroupsPath != "" {
		return err
	}
	limit := firstLimit(c.spec.Linux.Resources)
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

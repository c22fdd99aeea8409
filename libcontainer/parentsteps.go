package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
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
		if exists(dir) {
			return
		}
		c.journal.Cgroup.Dir = dir
		for ; len(dir) > len(c.hierarchy.Path) && !exists(dir); dir = filepath.Dir(dir) {
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

// resourceError gives a cgroup's error its full field name.
func resourceError(err error) error {
	var e *cgroups.Error
	if errors.As(err, &e) && e.Field != "" {
		return fieldError("linux.resources."+e.Field, resourceCause{err, e.Field + ": "})
	}
	return err
}

// resourceCause is a cgroup's error without the short field name.
type resourceCause struct {
	of    error
	field string
}

func (c resourceCause) Error() string { return strings.TrimPrefix(c.of.Error(), c.field) }
func (c resourceCause) Unwrap() error { return c.of }

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

// setOOMScoreAdj writes it from outside: a container's init may not lower it.
// reworded is an error in other words than the kernel's: engines take some of those for what execve(2) answers.
type reworded struct {
	text string
	error
}

func (e *reworded) Error() string { return e.text }
func (e *reworded) Unwrap() error { return e.error }

func setOOMScoreAdj(pid int, s *plan.SetOOMScoreAdj) error {
	proc, err := sys.HostProc()
	if err != nil {
		return err
	}
	defer proc.Close()
	err = proc.Write(strconv.Itoa(pid)+"/oom_score_adj", strconv.Itoa(s.Value))
	if !errors.Is(err, unix.EACCES) && !errors.Is(err, unix.EPERM) {
		return err
	}
	if s.BestEffort {
		return nil
	}
	// "permission denied" is for engines what execve answers (exit code 126).
	return &reworded{"lowering it takes CAP_SYS_RESOURCE, which the runtime does not have", err}
}

// raise raises the hard limits that init will need to set its own: only the
// runtime may have the privilege. Nothing is lowered yet. Init inherits them: while
// it starts, Go sets limits that it has read before, and would take back what is
// raised meanwhile from outside.
func (r *raisedLimits) raise(s *plan.RaiseRlimits) error {
	for _, l := range s.Limits {
		var old unix.Rlimit
		if err := unix.Prlimit(0, l.Resource, nil, &old); err != nil {
			return os.NewSyscallError("prlimit", err)
		}
		if old.Max >= l.Hard {
			continue
		}
		if err := sys.SetRlimit(l.Resource, unix.Rlimit{Cur: old.Cur, Max: l.Hard}); err != nil {
			return fmt.Errorf("error setting rlimit %s: raise the hard limit to %d: %w", l.Type, l.Hard, err)
		}
		*r = append(*r, raisedLimit{l.Resource, old})
	}
	return nil
}

// raisedLimit is a limit of the runtime's as it was.
type raisedLimit struct {
	resource int
	old      unix.Rlimit
}

// raisedLimits are the runtime's own limits that are raised until init is made.
type raisedLimits []raisedLimit

// takeBack: hooks have the caller's limits. Lowering takes no privilege.
func (r *raisedLimits) takeBack() {
	for _, l := range *r {
		sys.SetRlimit(l.resource, l.old)
	}
	*r = nil
}

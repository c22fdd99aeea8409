package create

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/cgroups/systemd"
	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/sources"
	"github.com/crun-go/crun-go/specconv/plan"
)

// unit is the unit of systemd's that is the container's cgroup.
type unit struct {
	*plan.StartUnit
	systemd.Unit
	conn  *systemd.Conn
	tried bool // it may be there
}

// fewTasks is a limit on processes that may leave no room for those that make init: it
// is set when init is there. Above, systemd gets it with the unit, which is one call less.
const fewTasks = 32

// prepareUnit connects to systemd: whatever is wrong with that shows before
// there is a process. A slice is started here; a scope needs one, see startUnit.
func (c *Builder) prepareUnit(s *plan.StartUnit) error {
	properties, err := systemd.Properties(s.Resources, false)
	if err != nil {
		return libcontainer.ResourceError(err)
	}
	for _, item := range c.Plan.Parent {
		if limit, ok := item.Step.(*plan.SetPids); ok && (limit.Limit < 0 || limit.Limit > fewTasks) {
			properties = append(properties, systemd.Tasks(limit.Limit)...)
		}
	}
	for _, p := range s.Properties {
		properties = append(properties, systemd.Property{Name: p.Name, Value: systemd.Typed{Type: p.Type, Values: p.Values}})
	}
	conn, err := systemd.Dial(s.User)
	if err != nil {
		return plan.InField("linux.cgroupsPath", err)
	}
	c.Unit = &unit{StartUnit: s, conn: conn, Unit: systemd.Unit{
		Name: s.Name, Slice: s.Slice, Properties: properties, Description: libcontainer.UnitDescription(&c.Journal),
	}}
	if systemd.IsSlice(s.Name) {
		return c.StartUnit(0)
	}
	return nil
}

// StartUnit has systemd start the unit, with process pid in it, and takes the
// unit's cgroup for the container's.
func (c *Builder) StartUnit(pid int) error {
	u := c.Unit
	u.tried = true
	if err := u.conn.Start(&u.Unit, pid); err != nil {
		return plan.InField("linux.cgroupsPath", err)
	}
	if err := c.takeUnit(pid); err != nil {
		return plan.InField("linux.cgroupsPath", err)
	}
	if err := c.weighUnit(); err != nil {
		return err
	}
	if pid == 0 {
		return nil // a slice: all is still to be opened
	}
	return c.openUnitTrees()
}

// weighUnit tells systemd the weights for disks again where they are those of BFQ,
// which is not known before there is a cgroup.
func (c *Builder) weighUnit() error {
	r := c.Unit.Resources
	if r == nil || r.BlockIO == nil || r.BlockIO.Weight == nil && len(r.BlockIO.WeightDevice) == 0 || !c.Group.HasBFQ() {
		return nil
	}
	io := specs.LinuxBlockIO{Weight: r.BlockIO.Weight, WeightDevice: r.BlockIO.WeightDevice}
	properties, err := systemd.Properties(&specs.LinuxResources{BlockIO: &io}, true)
	if err != nil {
		return libcontainer.ResourceError(err)
	}
	return c.Unit.conn.Set(c.Unit.Unit.Name, properties)
}

func (c *Builder) takeUnit(pid int) error {
	u := c.Unit
	var path string
	var err error
	if pid == 0 {
		path, err = u.conn.ControlGroup(u.Unit.Name)
	} else {
		path, err = cgroups.Own(pid)
	}
	if err != nil {
		return err
	}
	if !strings.HasSuffix(path, "/"+u.Unit.Name) {
		return fmt.Errorf("unit %q was started, but its process is in cgroup %q", u.Unit.Name, path)
	}
	made := []string{path}
	if u.Subgroup != "" {
		if err := c.enterSubgroup(path, u.Subgroup, pid); err != nil {
			return err
		}
		path += "/" + u.Subgroup
		made = append(made, path)
	}
	take := c.Hierarchy.Open
	if u.Subgroup != "" || beyondSystemd(u.Resources) {
		take = c.Hierarchy.Adopt
	}
	if c.Group, err = take(path); err != nil {
		return err
	}
	if err := c.Group.Runs(); err != nil {
		return err
	}
	c.Group.Created = made
	c.Journal.Cgroup.Dir = c.Group.Dir()
	if c.Journal.Cgroup.ID, err = c.Group.ID(); err != nil {
		return err
	}
	for _, path := range made {
		c.Journal.Cgroup.Made = append(c.Journal.Cgroup.Made, filepath.Join(c.Hierarchy.Path, path))
	}
	if u.Delegate {
		return c.Group.Delegate(u.OwnerUID, u.OwnerGID)
	}
	return nil
}

// enterSubgroup makes a cgroup below the unit's and moves the process there: a
// cgroup can enable controllers for those below it only while it is empty.
func (c *Builder) enterSubgroup(path, name string, pid int) error {
	group, err := c.Hierarchy.Adopt(path)
	if err != nil {
		return err
	}
	defer group.Close()
	sub, err := group.Sub(name)
	if err != nil || pid == 0 {
		return err
	}
	defer sub.Close()
	return sub.Add(pid)
}

// beyondSystemd tells whether limits are of controllers that systemd does not
// know, and so does not enable.
func beyondSystemd(r *specs.LinuxResources) bool {
	return r != nil && len(r.HugepageLimits)+len(r.Rdma)+len(r.Unified) > 0
}

// openUnitTrees opens what could not be opened before the unit was there.
func (c *Builder) openUnitTrees() error {
	for _, item := range c.Plan.Parent {
		if _, ok := item.Step.(*plan.Spawn); ok {
			return nil // what is opened later finds the cgroup
		}
		if s, ok := item.Step.(*plan.OpenTree); ok && s.Path == "" {
			if err := c.openSource(s); err != nil {
				return err
			}
			locks := func(i plan.Item) bool { _, ok := i.Step.(*plan.LockTrees); return ok }
			if !slices.ContainsFunc(c.Plan.Parent, locks) {
				continue
			}
			if err := sources.LockFlags([]*plan.Tree{&c.Sources.Trees[s.Slot]}); err != nil {
				return err
			}
		}
	}
	return nil
}

// limitTasks tells systemd a limit on processes that it could not be told with
// the unit.
func (c *Builder) limitTasks(limit int64) error {
	if c.Unit == nil || limit < 0 || limit > fewTasks {
		return nil
	}
	return c.Unit.conn.Set(c.Unit.Unit.Name, systemd.Tasks(limit))
}

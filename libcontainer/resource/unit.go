package resource

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/cgroups/systemd"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/specconv/plan"
)

// Unit is the unit of systemd's that has the container's cgroup, if it is one's.
type Unit struct {
	*Record
	cgroup *Cgroup
	step   *plan.StartUnit
	unit   systemd.Unit
	conn   *systemd.Conn // nil: none is to be started
}

// fewTasks is a limit on processes that may leave no room for those that make init: it
// is set when init is there. Above, systemd gets it with the unit, which is one call less.
const fewTasks = 32

// Prepare connects to systemd: whatever is wrong with that shows before there is a
// process. A slice is started here; a scope needs one, see Start. parent is where the
// limit on processes is set later.
func (u *Unit) Prepare(s *plan.StartUnit, parent []plan.Item) error {
	properties, err := systemd.Properties(s.Resources, false)
	if err != nil {
		return LimitError(err)
	}
	for _, item := range parent {
		if limit, ok := item.Step.(*plan.SetPids); ok && (limit.Limit < 0 || limit.Limit > fewTasks) {
			properties = append(properties, systemd.Tasks(limit.Limit)...)
		}
	}
	for _, p := range s.Properties {
		properties = append(properties, systemd.Property{Name: p.Name, Value: systemd.Typed{Type: p.Type, Values: p.Values}})
	}
	if u.conn, err = systemd.Dial(s.User); err != nil {
		return plan.InField("linux.cgroupsPath", err)
	}
	u.step, u.unit = s, systemd.Unit{Name: s.Name, Slice: s.Slice, Properties: properties, Description: u.description()}
	if systemd.IsSlice(s.Name) {
		return u.Start(0)
	}
	return nil
}

// Waits reports whether the unit is to be started with a process in it.
func (u *Unit) Waits() bool { return u.conn != nil && u.cgroup.Group == nil }

// Start has systemd start the unit, with process pid in it, and takes the unit's cgroup
// for the container's.
func (u *Unit) Start(pid int) error {
	u.cgroup.unmade = false
	if err := u.conn.Start(&u.unit, pid); err != nil {
		return plan.InField("linux.cgroupsPath", err)
	}
	if err := u.takeCgroup(pid); err != nil {
		return plan.InField("linux.cgroupsPath", err)
	}
	return u.weigh()
}

// weigh sets the weights for disks again where they are those of BFQ, which is not known
// before there is a cgroup.
func (u *Unit) weigh() error {
	r := u.step.Resources
	if r == nil || r.BlockIO == nil || r.BlockIO.Weight == nil && len(r.BlockIO.WeightDevice) == 0 || !u.cgroup.Group.HasBFQ() {
		return nil
	}
	io := specs.LinuxBlockIO{Weight: r.BlockIO.Weight, WeightDevice: r.BlockIO.WeightDevice}
	properties, err := systemd.Properties(&specs.LinuxResources{BlockIO: &io}, true)
	if err != nil {
		return LimitError(err)
	}
	return u.conn.Set(u.unit.Name, properties)
}

func (u *Unit) takeCgroup(pid int) error {
	var path string
	var err error
	if pid == 0 {
		path, err = u.conn.ControlGroup(u.unit.Name)
	} else {
		path, err = cgroups.Own(pid)
	}
	if err != nil {
		return err
	}
	if !strings.HasSuffix(path, "/"+u.unit.Name) {
		return fmt.Errorf("unit %q was started, but its process is in cgroup %q", u.unit.Name, path)
	}
	c := u.cgroup
	made := []string{path}
	if u.step.Subgroup != "" {
		if err := c.enterBelowUnit(path, u.step.Subgroup, pid); err != nil {
			return err
		}
		path += "/" + u.step.Subgroup
		made = append(made, path)
	}
	take := c.hierarchy.Open
	if u.step.Subgroup != "" || beyondSystemd(u.step.Resources) {
		take = c.hierarchy.Adopt
	}
	if c.Group, err = take(path); err != nil {
		return err
	}
	if err := c.Group.Runs(); err != nil {
		return err
	}
	c.Group.Created = made
	entry := &u.Journal.Cgroup
	entry.Dir = c.Group.Dir()
	if entry.ID, err = c.Group.ID(); err != nil {
		return err
	}
	for _, path := range made {
		entry.Made = append(entry.Made, filepath.Join(c.hierarchy.Path, path))
	}
	if u.step.Delegate {
		return c.Group.Delegate(u.step.OwnerUID, u.step.OwnerGID)
	}
	return nil
}

// enterBelowUnit makes a cgroup below the unit's and moves the process there: a cgroup
// can enable controllers for those below it only while it is empty.
func (c *Cgroup) enterBelowUnit(path, name string, pid int) error {
	group, err := c.hierarchy.Adopt(path)
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

// beyondSystemd reports whether limits are of controllers that systemd does not
// know, and so does not enable.
func beyondSystemd(r *specs.LinuxResources) bool {
	return r != nil && len(r.HugepageLimits)+len(r.Rdma)+len(r.Unified) > 0
}

// LimitPids sets the limit on processes, in systemd as well if the unit was started
// without it.
func (u *Unit) LimitPids(limit int64) error {
	if u.cgroup.Group == nil {
		return nil
	}
	if err := u.cgroup.Group.SetPids(&specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &limit}}); err != nil {
		return LimitError(err)
	}
	if u.conn == nil || limit < 0 || limit > fewTasks {
		return nil
	}
	return u.conn.Set(u.unit.Name, systemd.Tasks(limit))
}

// Limit gives new limits to systemd, which would write the old ones again.
func (u *Unit) Limit(group *cgroups.Cgroup, r *specs.LinuxResources) error {
	of := &u.Journal.Cgroup
	if of.Unit == "" {
		return nil
	}
	properties, err := systemd.Properties(r, group.HasBFQ())
	if err != nil {
		return LimitError(err)
	}
	properties = append(properties, systemd.TasksIn(r)...)
	if len(properties) == 0 {
		return nil
	}
	conn, err := systemd.Dial(of.User)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Set(of.Unit, properties)
}

// AllowDevices has systemd's own device filter, if the unit has one, allow the devices that
// were added to the container, and those of known no more that are not among them.
func (u *Unit) AllowDevices(known, devices []state.Device) error {
	of := &u.Journal.Cgroup
	if of.Unit == "" {
		return nil
	}
	conn, err := systemd.Dial(of.User)
	if err != nil {
		return err
	}
	defer conn.Close()
	is, filters, err := conn.Devices(of.Unit)
	if err != nil || !filters {
		return err
	}
	var asked []systemd.Allowed
	for i := range known {
		d := &known[i]
		if entry, ok := systemd.Allow(d.Type, d.Major, d.Minor, d.Access); ok {
			is = slices.DeleteFunc(is, func(have systemd.Allowed) bool { return have == entry })
		}
	}
	for i := range devices {
		d := &devices[i]
		if d.Stage == state.DeviceRemoving {
			continue
		}
		entry, ok := systemd.Allow(d.Type, d.Major, d.Minor, d.Access)
		if !ok {
			return fmt.Errorf("unit %q has a DevicePolicy, and its DeviceAllow cannot say %q", of.Unit, d.DeviceRule.String())
		}
		asked = append(asked, entry)
	}
	return conn.SetDevices(of.Unit, append(is, asked...))
}

// description identifies the container. By it a unit that a killed runtime has started is
// distinguished from another one of the same name.
func (u *Unit) description() string {
	return fmt.Sprintf("crun-go container %s, created %s", u.Journal.Container.ID, u.Journal.Created.UTC().Format(time.RFC3339Nano))
}

// Remove ends what is left in the container's cgroup and removes it, and the unit with it,
// if it is a unit's. If the runtime was killed while systemd made the unit, the cgroup is
// not known.
//
// The unit may belong to another container by now: systemd drops one that has ended, and another
// container may have the same name: its description shows that. Where systemd can't be
// asked, it will notice the end of the cgroup by itself.
func (u *Unit) Remove() error {
	of := &u.Journal.Cgroup
	if of.Unit == "" || u.cgroup.unmade {
		return u.cgroup.Remove()
	}
	conn, err := systemd.Dial(of.User)
	if errors.Is(err, systemd.ErrNoSystemd) {
		return u.cgroup.Remove()
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	text, err := conn.Description(of.Unit)
	switch {
	case err != nil:
		return err
	case text == of.Unit: // there is no such unit
		return u.cgroup.Remove()
	case text != u.description():
		return nil
	}
	if err := u.cgroup.Remove(); err != nil {
		return err
	}
	return conn.Stop(of.Unit)
}

func (u *Unit) close() {
	if u.conn != nil {
		u.conn.Close()
	}
}

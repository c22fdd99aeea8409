package create

import (
	"fmt"

	"github.com/crun-go/crun-go/libcontainer/resctrl"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/specconv/plan"
)

// makeRdtGroup makes the container's class of service, journaled before it is
// there. A class that was there and that others share must fit, and stays as it
// is (runtime-spec, config-linux.md, "IntelRdt").
func (c *Builder) makeRdtGroup(root resctrl.Root, s *plan.MakeRdtGroup) error {
	group := root.Group(s.Class)
	exists := group.Exists()
	if !exists && s.MustExist {
		return fmt.Errorf("there is no class of service at %q, and no schemata to make one", group.Dir)
	}
	rdt := &c.Journal.Rdt
	*rdt = state.Rdt{Dir: group.Dir, Made: !exists && s.Own}
	monitor := group.Monitor(c.Plan.Container.ID)
	if s.Monitor && !monitor.Exists() {
		rdt.Monitor = monitor.Dir
	}
	if err := c.Dir.Save(&c.Journal); err != nil {
		return err
	}
	if err := c.fillRdtGroup(root, group, s); err != nil || !s.Monitor {
		return err
	}
	return root.Make(monitor)
}

func (c *Builder) fillRdtGroup(root resctrl.Root, group resctrl.Group, s *plan.MakeRdtGroup) error {
	if group.Exists() {
		if !s.Own {
			return group.Check(s.Schemata)
		}
		return group.Set(s.Schemata)
	}
	rdt := &c.Journal.Rdt
	if err := root.Make(group); err != nil {
		rdt.Made = false
		return err
	}
	// A failed create takes it back, though others may use its name.
	rdt.Made, c.leftClass = true, !s.Own
	return group.Set(s.Schemata)
}

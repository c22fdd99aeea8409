package libcontainer

import (
	"errors"
	"fmt"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/libcontainer/resctrl"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/specconv/plan"
)

// makeRdtGroup makes the container's class of service, journaled before it is
// there. A class that was there and that others share must fit, and stays as it
// is (runtime-spec, config-linux.md, "IntelRdt").
func (c *creation) makeRdtGroup(root resctrl.Root, s *plan.MakeRdtGroup) error {
	group := root.Group(s.Class)
	exists := group.Exists()
	if !exists && s.MustExist {
		return fmt.Errorf("there is no class of service at %q, and no schemata to make one", group.Dir)
	}
	rdt := &c.journal.Rdt
	*rdt = state.Rdt{Dir: group.Dir, Made: !exists && s.Own}
	monitor := group.Monitor(c.plan.Container.ID)
	if s.Monitor && !monitor.Exists() {
		rdt.Monitor = monitor.Dir
	}
	if err := c.dir.Save(&c.journal); err != nil {
		return err
	}
	if err := c.fillRdtGroup(root, group, s); err != nil || !s.Monitor {
		return err
	}
	return root.Make(monitor)
}

func (c *creation) fillRdtGroup(root resctrl.Root, group resctrl.Group, s *plan.MakeRdtGroup) error {
	if group.Exists() {
		if !s.Own {
			return group.Check(s.Schemata)
		}
		return group.Set(s.Schemata)
	}
	rdt := &c.journal.Rdt
	if err := root.Make(group); err != nil {
		rdt.Made = false
		return err
	}
	// A failed create takes it back, though others may use its name.
	rdt.Made, c.leftClass = true, !s.Own
	return group.Set(s.Schemata)
}

// enterRdt puts a process of the container into its class and its monitoring
// group; nothing happens if it has none.
func enterRdt(rdt *state.Rdt, pid int) error {
	if rdt.Dir == "" {
		return nil
	}
	root, err := resctrl.Find()
	if err != nil {
		return err
	}
	return enterGroups(root, rdt, pid)
}

func enterGroups(root resctrl.Root, rdt *state.Rdt, pid int) error {
	if err := root.Open(rdt.Dir).Enter(pid); err != nil || rdt.Monitor == "" {
		return err
	}
	return root.Open(rdt.Monitor).Enter(pid)
}

// leaveRdt removes what was made for the container alone, or for one that failed.
func leaveRdt(rdt *state.Rdt) error {
	var errs []error
	if rdt.Monitor != "" {
		errs = append(errs, resctrl.Root{}.Open(rdt.Monitor).Remove())
	}
	if rdt.Made {
		errs = append(errs, resctrl.Root{}.Open(rdt.Dir).Remove())
	}
	return errors.Join(errs...)
}

// SetRdt changes the schemata of a container's class of service: L3 caches,
// memory bandwidth, or both; "" leaves one as it is.
func (c *Container) SetRdt(l3Cache, memoryBandwidth string) error {
	if c.journal.Rdt.Dir == "" {
		return errors.New("the container has no class of service: its config.json had no linux.intelRdt")
	}
	if status, _, err := c.Status(); err != nil || status == specs.StateStopped {
		return errors.Join(err, ErrNotRunning)
	}
	root, err := resctrl.Find()
	if err != nil {
		return err
	}
	return setSchemata(root.Open(c.journal.Rdt.Dir), l3Cache, memoryBandwidth)
}

func setSchemata(group resctrl.Group, l3Cache, memoryBandwidth string) error {
	var lines []string
	for _, s := range [...]struct{ prefix, line string }{{"L3", l3Cache}, {"MB:", memoryBandwidth}} {
		if s.line == "" {
			continue
		}
		if !strings.HasPrefix(s.line, s.prefix) || strings.Contains(s.line, "\n") {
			return fmt.Errorf("%q is no schema, expected one line that begins with %s", s.line, s.prefix)
		}
		lines = append(lines, s.line)
	}
	return group.Set(lines)
}

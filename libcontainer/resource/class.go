package resource

import (
	"errors"
	"fmt"
	"strings"

	"github.com/crun-go/crun-go/libcontainer/resctrl"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/specconv/plan"
)

// Class is the container's class of service, with its monitoring group.
type Class struct {
	*Record
	// Outlives: it was made for this container and has a name that others may use. Only a
	// create that fails takes it back.
	Outlives bool
	root     resctrl.Root // once it is found
}

// find finds the filesystem.
func (c *Class) find() (err error) {
	if c.root.Path == "" {
		c.root, err = resctrl.Find()
	}
	return err
}

// Make makes the container's class of service, recorded before it exists. A class that
// was there and that others share must fit, and stays as it is (runtime-spec,
// config-linux.md, "IntelRdt").
func (c *Class) Make(s *plan.MakeRdtGroup) error {
	if err := c.find(); err != nil {
		return err
	}
	group := c.root.Group(s.Class)
	exists := group.Exists()
	if !exists && s.MustExist {
		return fmt.Errorf("no such class of service %q, and no schemata given to create it", group.Dir)
	}
	entry := &c.Journal.Rdt
	*entry = state.Rdt{Dir: group.Dir, Made: !exists && s.Own}
	monitor := group.Monitor(c.Journal.Container.ID)
	if s.Monitor && !monitor.Exists() {
		entry.Monitor = monitor.Dir
	}
	if err := c.Save(); err != nil {
		return err
	}
	if err := c.fill(group, s); err != nil || !s.Monitor {
		return err
	}
	return c.root.Make(monitor)
}

func (c *Class) fill(group resctrl.Group, s *plan.MakeRdtGroup) error {
	if group.Exists() {
		if !s.Own {
			return group.Check(s.Schemata)
		}
		return group.Set(s.Schemata)
	}
	entry := &c.Journal.Rdt
	if err := c.root.Make(group); err != nil {
		entry.Made = false
		return err
	}
	entry.Made, c.Outlives = true, !s.Own
	return group.Set(s.Schemata)
}

// Enter puts a process of the container into its class and its monitoring group; nothing
// happens if it has none.
func (c *Class) Enter(pid int) error {
	entry := &c.Journal.Rdt
	if entry.Dir == "" {
		return nil
	}
	if err := c.find(); err != nil {
		return err
	}
	if err := c.root.GroupAt(entry.Dir).Enter(pid); err != nil || entry.Monitor == "" {
		return err
	}
	return c.root.GroupAt(entry.Monitor).Enter(pid)
}

// Set changes the schemata: L3 caches, memory bandwidth, or both; "" leaves one as it is.
func (c *Class) Set(l3Cache, memoryBandwidth string) error {
	if c.Journal.Rdt.Dir == "" {
		return errors.New("the container has no class of service: its config.json had no linux.intelRdt")
	}
	var lines []string
	for _, s := range [...]struct{ prefix, line string }{{"L3", l3Cache}, {"MB:", memoryBandwidth}} {
		if s.line == "" {
			continue
		}
		if !strings.HasPrefix(s.line, s.prefix) || strings.Contains(s.line, "\n") {
			return fmt.Errorf("%q is not a schema, expected one line that begins with %s", s.line, s.prefix)
		}
		lines = append(lines, s.line)
	}
	if err := c.find(); err != nil {
		return err
	}
	return c.root.GroupAt(c.Journal.Rdt.Dir).Set(lines)
}

// Remove removes what was made for the container alone, or for one that failed.
func (c *Class) Remove() error {
	var errs []error
	if monitor := c.Journal.Rdt.Monitor; monitor != "" {
		errs = append(errs, resctrl.Root{}.GroupAt(monitor).Remove())
	}
	if c.Journal.Rdt.Made {
		errs = append(errs, resctrl.Root{}.GroupAt(c.Journal.Rdt.Dir).Remove())
	}
	return errors.Join(errs...)
}

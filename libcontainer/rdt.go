package libcontainer

import (
	"errors"
	"fmt"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/libcontainer/resctrl"
	"github.com/crun-go/crun-go/libcontainer/state"
)

// EnterRdt puts a process of the container into its class and its monitoring
// group; nothing happens if it has none.
func EnterRdt(rdt *state.Rdt, pid int) error {
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

// LeaveRdt removes what was made for the container alone, or for one that failed.
func LeaveRdt(rdt *state.Rdt) error {
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
	if c.Journal.Rdt.Dir == "" {
		return errors.New("the container has no class of service: its config.json had no linux.intelRdt")
	}
	if status, _, err := c.Status(); err != nil || status == specs.StateStopped {
		return errors.Join(err, ErrNotRunning)
	}
	root, err := resctrl.Find()
	if err != nil {
		return err
	}
	return setSchemata(root.Open(c.Journal.Rdt.Dir), l3Cache, memoryBandwidth)
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

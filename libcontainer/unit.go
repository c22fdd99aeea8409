package libcontainer

import (
	"errors"
	"fmt"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/cgroups/systemd"
	"github.com/crun-go/crun-go/libcontainer/state"
)

// UnitDescription says whose unit it is. It is what tells a unit that a killed
// runtime has started from somebody else's of the same name.
func UnitDescription(s *state.State) string {
	return fmt.Sprintf("crun-go container %s, created %s", s.Container.ID, s.Created.UTC().Format(time.RFC3339Nano))
}

// limitUnit gives new limits to systemd, which would write the old ones again.
func limitUnit(of *state.Cgroup, group *cgroups.Cgroup, r *specs.LinuxResources) error {
	if of.Unit == "" {
		return nil
	}
	properties, err := systemd.Properties(r, group.HasBFQ())
	if err != nil {
		return ResourceError(err)
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

// removeUnit ends what is left in the container's cgroup and removes it, and the
// unit with it. If the runtime was killed while systemd made the unit, the cgroup
// is not known.
//
// The unit may be somebody else's by now: systemd drops one that has ended, and
// another container may have the same name. Its description tells. Where systemd
// can't be asked, it will notice the end of the cgroup by itself.
func (c *Container) removeUnit() error {
	of := &c.Journal.Cgroup
	conn, err := systemd.Dial(of.User)
	if errors.Is(err, systemd.ErrNoSystemd) {
		return c.removeCgroup()
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	text, err := conn.Description(of.Unit)
	switch ours := UnitDescription(c.Journal); {
	case err != nil:
		return err
	case text == of.Unit: // there is no such unit
		return c.removeCgroup()
	case text != ours:
		return nil
	}
	if err := c.removeCgroup(); err != nil {
		return err
	}
	return conn.Stop(of.Unit)
}

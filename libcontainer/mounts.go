package libcontainer

import (
	"errors"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/libcontainer/plan"
	"github.com/crun-go/crun-go/specconv"
)

// planner is specconv.AddMounts or specconv.RemoveMounts.
type planner func(*specs.Spec, []specs.Mount, specconv.Host, specconv.Live) (*plan.Plan, []specconv.Warning, error)

// AddMounts adds mounts to the container, all or none. Sources are those of the
// host; mount points that are missing are made. The error is ErrNotRunning if
// the container has stopped. warn may be nil.
func (c *Container) AddMounts(mounts []specs.Mount, warn func(specconv.Warning)) error {
	return c.changeMounts(specconv.AddMounts, mounts, warn)
}

// RemoveMounts detaches the topmost mounts at the destinations of mounts; if
// there is none at one of them, nothing is done.
func (c *Container) RemoveMounts(mounts []specs.Mount, warn func(specconv.Warning)) error {
	return c.changeMounts(specconv.RemoveMounts, mounts, warn)
}

func (c *Container) changeMounts(make planner, mounts []specs.Mount, warn func(specconv.Warning)) error {
	// What the caller has leaked is no business of a visitor.
	if err := fencePreserved(0); err != nil {
		return err
	}
	if err := c.dir.Lock(); err != nil {
		return err
	}
	status, _, err := c.Status()
	switch {
	case err != nil:
		return err
	case status == specs.StateStopped:
		return ErrNotRunning
	case status == specs.StateCreating:
		return errors.New("the container is still being created")
	}
	v, err := c.visit()
	if err != nil {
		return err
	}
	defer v.close()
	spec, err := readSpec(c.journal.Config)
	if err != nil {
		return err
	}
	h, live, err := v.facts(spec)
	if err != nil {
		return err
	}
	p, warnings, err := make(spec, mounts, h, live)
	if warn != nil {
		for _, w := range warnings {
			warn(w)
		}
	}
	if err != nil {
		return err
	}
	return v.carryOut(p)
}

package libcontainer

import (
	"errors"
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/specconv/ocijson"
)

// Update changes the resource limits of a container that has not ended. What is
// nil or zero stays as it is; device rules are not touched. Either all of it is
// done, and remembered for the next time, or the error says what was refused
// and nothing has changed. The error is ErrNotRunning for a container that has
// ended or is being created.
func (c *Container) Update(given *specs.LinuxResources) error {
	status, _, err := c.Status()
	if err != nil {
		return err
	}
	if status == specs.StateStopped || status == specs.StateCreating {
		return ErrNotRunning
	}
	// Not the container's lock: a hook that updates its container runs while
	// start holds that.
	unlock, err := c.dir.LockLimits()
	if err != nil {
		return err
	}
	defer unlock()
	old, err := c.limits()
	if err != nil {
		return err
	}
	sum := overlay(old, given)
	group, err := c.openCgroup()
	switch {
	case err != nil:
		return err
	case group == nil && c.journal.Cgroup.Dir == "":
		if nothing(given) {
			return nil // Docker updates when a restart policy changes
		}
		return errNoCgroup
	case group == nil:
		return ErrNotRunning
	}
	defer group.Close()
	undo, err := group.Update(completed(given, sum))
	if err != nil {
		return resourceError(err)
	}
	if err := c.dir.SaveLimits(ocijson.EncodeLimits(sum)); err != nil {
		return errors.Join(err, undo())
	}
	return nil
}

// nothing tells whether resources ask for no limit.
func nothing(r *specs.LinuxResources) bool {
	return string(ocijson.EncodeLimits(overlay(new(specs.LinuxResources), r))) == "{}"
}

// limits returns those that hold: what the last update left, else what
// config.json asks for. A config.json that is gone by now is as good as one
// without: only a few limits depend on others, and those can be given again.
func (c *Container) limits() (*specs.LinuxResources, error) {
	text, err := c.dir.Limits()
	if err == nil {
		saved, err := ocijson.Resources("limits.json", text)
		if err != nil {
			return nil, fmt.Errorf("read limits of container %s: %w", c.dir.ID(), err)
		}
		return saved, nil
	}
	if !errors.Is(err, state.ErrNotExist) {
		return nil, err
	}
	none := new(specs.LinuxResources)
	spec, err := readSpec(c.journal.Config)
	if err != nil || spec.Linux == nil || spec.Linux.Resources == nil {
		return none, nil
	}
	return overlay(none, spec.Linux.Resources), nil
}

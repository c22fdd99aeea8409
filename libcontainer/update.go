package libcontainer

import (
	"errors"
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/libcontainer/resource"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/ocijson"
)

// Update is what may change of a container that has not ended. What is nil, zero
// or empty stays as it is.
type Update struct {
	Resources     *specs.LinuxResources // without device rules: those stay, too
	L3CacheSchema string                // of the container's class of service, see linux.intelRdt
	MemBwSchema   string
}

// Update changes resource limits. Either all of it is done, and the limits are
// remembered for the next time, or the error says what was refused and nothing
// has changed. The error is ErrNotRunning for a container that has ended or is
// being created.
func (c *Container) Update(u Update) error {
	status, _, err := c.Status()
	if err != nil {
		return err
	}
	if status == specs.StateStopped || status == specs.StateCreating {
		return ErrNotRunning
	}
	// Not the container's lock: a hook that updates its container runs while
	// start holds that.
	unlock, err := c.Dir.LockLimits()
	if err != nil {
		return err
	}
	defer unlock()
	return c.UpdateLimits(u.Resources, func() error {
		if u.L3CacheSchema+u.MemBwSchema == "" {
			return nil
		}
		return c.Owned.Class.Set(u.L3CacheSchema, u.MemBwSchema)
	})
}

// UpdateLimits changes the limits of the cgroup, does the rest, and remembers
// the limits; if one fails, what was done before is taken back.
func (c *Container) UpdateLimits(given *specs.LinuxResources, rest func() error) error {
	if given == nil {
		given = new(specs.LinuxResources)
	}
	if err := specconv.CheckResources(given); err != nil {
		return err
	}
	old, err := c.limits()
	if err != nil {
		return err
	}
	group, err := c.OpenCgroup()
	switch {
	case err != nil:
		return err
	case group == nil && c.Journal.Cgroup.Dir != "":
		return c.CgroupGone(ErrNotRunning)
	case group == nil && nothing(given): // Docker updates when a restart policy changes
		return rest()
	case group == nil:
		return noCgroup()
	}
	defer group.Close()
	sum := overlay(old, given)
	undo, err := group.Update(addImplied(given, sum))
	if err != nil {
		return resource.LimitError(err)
	}
	if err = rest(); err == nil {
		err = c.Owned.Unit.Limit(group, addImpliedForUnit(given, sum))
	}
	if err == nil {
		err = c.Dir.SaveLimits(ocijson.EncodeLimits(sum))
	}
	if err != nil {
		return errors.Join(err, undo())
	}
	return nil
}

// nothing reports whether resources ask for no limit.
func nothing(r *specs.LinuxResources) bool {
	return string(ocijson.EncodeLimits(overlay(new(specs.LinuxResources), r))) == "{}"
}

// limits returns those that hold: what the last update left, else what
// the container was made with. Where nothing was kept of that, config.json can be
// gone: that is as good as one without limits, of which only a few depend on
// others, and those can be given again.
func (c *Container) limits() (*specs.LinuxResources, error) {
	text, err := c.Dir.Limits()
	if err == nil {
		saved, err := ocijson.Resources("limits.json", text)
		if err != nil {
			return nil, fmt.Errorf("read limits of container %s: %w", c.Dir.ID(), err)
		}
		return saved, nil
	}
	if !errors.Is(err, state.ErrNotExist) {
		return nil, err
	}
	none := new(specs.LinuxResources)
	spec, err := c.Config()
	if err != nil && c.Journal.Kept {
		return nil, err
	}
	if err != nil || spec.Linux == nil || spec.Linux.Resources == nil {
		return none, nil
	}
	return overlay(none, spec.Linux.Resources), nil
}

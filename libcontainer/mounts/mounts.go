package mounts

import (
	"errors"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/initlink"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/plan"
)

// planner is specconv.AddMounts or specconv.RemoveMounts.
type planner func(*specs.Spec, []specs.Mount, specconv.Host, specconv.Live) (*plan.Plan, []specconv.Warning, error)

// Add adds mounts to the container, all or none. Sources are those of the
// host; mount points that are missing are made. The error is ErrNotRunning if
// the container has stopped. step and warn may be nil.
func Add(c *libcontainer.Container, mounts []specs.Mount, step initlink.Listener, warn func(specconv.Warning)) error {
	more := func(added, changed []uint64) []uint64 { return append(added, changed...) }
	return changeMounts(c, specconv.AddMounts, more, mounts, step, warn)
}

// Remove detaches the topmost mounts at the destinations of mounts, all of
// which AddMounts must have added; if there is none at one of them, nothing is done.
func Remove(c *libcontainer.Container, mounts []specs.Mount, step initlink.Listener, warn func(specconv.Warning)) error {
	gone := func(added, changed []uint64) []uint64 {
		return slices.DeleteFunc(added, func(id uint64) bool { return slices.Contains(changed, id) })
	}
	return changeMounts(c, specconv.RemoveMounts, gone, mounts, step, warn)
}

// lockLiving locks a container that has been created and lives.
func lockLiving(c *libcontainer.Container) error {
	// The helper must not have descriptors that the caller has leaked.
	if err := sys.FenceFrom(3); err != nil {
		return err
	}
	if err := c.Dir.Lock(); err != nil {
		return err
	}
	status, _, err := c.Status()
	switch {
	case err != nil:
		return err
	case status == specs.StateStopped:
		return libcontainer.ErrNotRunning
	case status == specs.StateCreating:
		return errors.New("the container is still being created")
	}
	return nil
}

// changeMounts changes mounts by a plan. then says which mounts have been added, all
// in all, by those before and those that the plan has changed.
func changeMounts(c *libcontainer.Container, make planner, then func(added, changed []uint64) []uint64, mounts []specs.Mount, step initlink.Listener, warn func(specconv.Warning)) error {
	if err := lockLiving(c); err != nil {
		return err
	}
	v, err := newHelper(c)
	if err != nil {
		return err
	}
	defer v.close()
	v.init.Trace = initlink.NewTrace(&initlink.TraceFiles{Step: step}, "mounts", c.Journal.Container.ID)
	spec, err := c.Config()
	if err != nil {
		return err
	}
	h, live, err := v.facts(spec)
	if err != nil {
		return err
	}
	if live.Added, err = c.Dir.AddedMounts(); err != nil {
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
	v.save = func(changed []uint64) error { return c.Dir.SaveAddedMounts(then(live.Added, changed)) }
	return v.carryOut(p)
}

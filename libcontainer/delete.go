package libcontainer

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/resource"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/specconv"
)

// DeathWait bounds the wait for a killed init: only one that is stuck in the
// kernel takes longer.
const DeathWait = 10 * time.Second

// ErrNotStopped means that a container lives that would have to be dead. Its text
// is part of what Delete says.
var ErrNotStopped = errors.New("not stopped")

// Delete removes a container. A running one is an error without force; with
// it, whatever is left of the container goes: also one that was never
// finished, whose state file cannot be read, or that does not exist.
func Delete(root, id string, force bool, warn func(specconv.Warning)) error {
	if warn == nil {
		warn = func(specconv.Warning) {}
	}
	err := remove(root, id, force, warn)
	if force && errors.Is(err, state.ErrNotExist) {
		return nil
	}
	return err
}

func remove(root, id string, force bool, warn func(specconv.Warning)) error {
	dir, err := state.Open(root, id)
	if err != nil {
		return err
	}
	c := Of(resource.Of(dir, nil))
	defer c.Close()
	lock := dir.Lock
	if force {
		lock = func() error { return lockByForce(dir) }
	}
	if err := lock(); err != nil {
		return err
	}
	c.Journal, err = dir.Load()
	switch {
	case errors.Is(err, state.ErrNotExist):
		// Half made or half removed: nothing but the directory is left.
		return errors.Join(err, dir.Remove())
	case errors.Is(err, state.ErrBroken) && force:
		warn(specconv.Warning{Text: err.Error()})
		if c.Journal, err = salvage(dir, warn); err != nil {
			return err
		}
		return c.Destroy(warn)
	case err != nil:
		return err
	}
	status, _, err := c.Status()
	if err != nil && !force {
		return err
	}
	switch {
	case force, status == specs.StateStopped, status == specs.StateCreated:
		return c.Destroy(warn)
	}
	return fmt.Errorf("cannot delete container %s that is %w: %s", id, ErrNotStopped, status)
}

// salvage is what a broken journal still names.
func salvage(dir *state.Dir, warn func(specconv.Warning)) (*state.State, error) {
	s, err := dir.Salvage()
	if err != nil || s.Cgroup.Dir != "" {
		return s, err
	}
	alive, err := s.Init.Alive()
	if err != nil {
		return s, err
	}
	if !alive {
		warn(specconv.Warning{Text: "the container's cgroup, and processes in it, may be left: what can be read of the state does not name it"})
		return s, nil
	}
	s.Cgroup, err = salvageCgroup(s, warn)
	return s, err
}

// salvageCgroup takes init's cgroup for the container's if it is called after it.
// Another may be everybody's.
func salvageCgroup(s *state.State, warn func(specconv.Warning)) (state.Cgroup, error) {
	h, err := cgroups.Find(cgroups.Root)
	if errors.Is(err, cgroups.ErrNotSupported) {
		return state.Cgroup{}, nil
	}
	if err != nil {
		return state.Cgroup{}, err
	}
	own, err := cgroups.Own(s.Init.PID)
	if err != nil {
		return state.Cgroup{}, err
	}
	dir := filepath.Join(h.Path, own)
	if !strings.Contains(filepath.Base(own), s.Container.ID) {
		warn(specconv.Warning{Text: fmt.Sprintf("process %d of the container is killed; others may be left in cgroup %q", s.Init.PID, dir)})
		return state.Cgroup{}, nil
	}
	return state.Cgroup{Dir: dir, Made: []string{dir}}, nil
}

// Destroy ends all processes and removes what the container owns.
func (c *Container) Destroy(warn func(specconv.Warning)) error {
	return c.Remove(members{c.Journal}.end, warn)
}

// Remove removes what the container owns on the host, when end has ended its processes. The
// hooks follow that (runtime-spec, lifecycle step 13).
func (c *Container) Remove(end func() error, warn func(specconv.Warning)) error {
	if warn == nil {
		warn = func(specconv.Warning) {}
	}
	if err := c.Owned.Remove(end, warn); err != nil {
		return err
	}
	st := c.Journal.Container.HookState(specs.StateStopped, 0)
	runPoststop(c.Journal.Poststop, &st, warn)
	return nil
}

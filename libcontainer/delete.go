package libcontainer

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

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
// finished, whose journal can't be read, or that is not there at all.
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
		return c.salvage(warn)
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

// salvage removes a container whose journal is broken, with what that still names.
func (c *Container) salvage(warn func(specconv.Warning)) error {
	var err error
	if c.Journal, err = c.Dir.Salvage(); err != nil {
		return err
	}
	alive, err := c.Journal.Init.Alive()
	if err != nil {
		return err
	}
	if alive && c.Journal.Cgroup.Dir == "" {
		if err := c.salvageCgroup(warn); err != nil {
			return err
		}
	}
	return c.Destroy(warn)
}

// salvageCgroup takes init's cgroup for the container's if it is called after it.
// Another may be everybody's.
func (c *Container) salvageCgroup(warn func(specconv.Warning)) error {
	h, err := cgroups.Find(cgroups.Root)
	if errors.Is(err, cgroups.ErrNotSupported) {
		return nil
	}
	if err != nil {
		return err
	}
	own, err := cgroups.Own(c.Journal.Init.PID)
	if err != nil {
		return err
	}
	dir := filepath.Join(h.Path, own)
	if !strings.Contains(filepath.Base(own), c.Dir.ID()) {
		warn(specconv.Warning{Text: fmt.Sprintf("process %d of the container is killed; others may be left in cgroup %q", c.Journal.Init.PID, dir)})
		return nil
	}
	c.Journal.Cgroup = state.Cgroup{Dir: dir, Made: []string{dir}}
	return nil
}

// Destroy ends all processes and removes what the container owns.
func (c *Container) Destroy(warn func(specconv.Warning)) error {
	return c.Remove(c.end, warn)
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

// end kills init and waits until it is dead.
func (c *Container) end() error {
	// Of one that is gone there is no descriptor to be had, nor needed.
	if alive, err := c.Journal.Init.Alive(); err != nil || !alive {
		return err
	}
	init, err := c.Journal.Init.Pidfd()
	if errors.Is(err, ErrNotRunning) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(init)
	listed := c.ownsPids()
	if !listed {
		if listed, err = c.hasCgroup(); err != nil {
			return err
		}
	}
	if !listed {
		// They would go on without init, and nothing would tell whose they are.
		_, err = c.signalSharing(unix.SIGKILL)
	} else {
		err = Signal(init, c.Journal.Init.PID, unix.SIGKILL)
	}
	if err != nil {
		return err
	}
	return awaitDeath(init, "container init still running")
}

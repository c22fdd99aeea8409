package libcontainer

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv"
)

// deathWait bounds the wait for a killed init: only one that is stuck in the
// kernel takes longer.
const deathWait = 10 * time.Second

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
	c := &Container{dir: dir}
	defer c.Close()
	lock := dir.Lock
	if force {
		lock = func() error { return lockByForce(dir) }
	}
	if err := lock(); err != nil {
		return err
	}
	c.journal, err = dir.Load()
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
		return c.destroy(warn)
	}
	return fmt.Errorf("cannot delete container %s that is %w: %s", id, ErrNotStopped, status)
}

// salvage removes a container whose journal is broken, with what that still names.
func (c *Container) salvage(warn func(specconv.Warning)) error {
	var err error
	if c.journal, err = c.dir.Salvage(); err != nil {
		return err
	}
	alive, err := c.alive()
	if err != nil {
		return err
	}
	if alive && c.journal.Cgroup.Dir == "" {
		if err := c.salvageCgroup(warn); err != nil {
			return err
		}
	}
	return c.destroy(warn)
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
	own, err := cgroups.Own(c.journal.Init.PID)
	if err != nil {
		return err
	}
	dir := filepath.Join(h.Path, own)
	if !strings.Contains(filepath.Base(own), c.dir.ID()) {
		warn(specconv.Warning{Text: fmt.Sprintf("process %d of the container is killed; others may be left in cgroup %q", c.journal.Init.PID, dir)})
		return nil
	}
	c.journal.Cgroup = state.Cgroup{Dir: dir, Made: []string{dir}}
	return nil
}

// destroy ends all processes and removes what the container owns.
func (c *Container) destroy(warn func(specconv.Warning)) error { return c.remove(c.end, warn) }

// remove removes what the container owns on the host, which is all in its journal, when
// end has ended its processes. The state directory goes last, so that a removal that is
// cut off can be done again; the hooks follow it (runtime-spec, lifecycle step 13).
func (c *Container) remove(end func() error, warn func(specconv.Warning)) error {
	if warn == nil {
		warn = func(specconv.Warning) {}
	}
	c.returnNetDevices(warn)
	if err := end(); err != nil {
		return err
	}
	if err := errors.Join(c.removePlace(), leaveRdt(&c.journal.Rdt)); err != nil {
		return fmt.Errorf("unable to destroy container: %w", err)
	}
	if err := c.dir.Remove(); err != nil {
		return err
	}
	st := c.journal.Container.HookState(specs.StateStopped, 0)
	runPoststop(c.journal.Poststop, &st, warn)
	return nil
}

// end kills init and waits until it is dead.
func (c *Container) end() error {
	// Of one that is gone there is no descriptor to be had, nor needed.
	if alive, err := c.alive(); err != nil || !alive {
		return err
	}
	init, err := c.pidfd()
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
		err = signal(init, c.journal.Init.PID, unix.SIGKILL)
	}
	if err != nil {
		return err
	}
	return awaitDeath(init, "container init still running")
}

// removePlace removes the cgroup, and the unit if it is systemd's.
func (c *Container) removePlace() error {
	if c.journal.Cgroup.Unit != "" {
		return c.removeUnit()
	}
	return c.removeCgroup()
}

// removeCgroup kills what is left in the cgroup and removes it, with the
// parents that were made for it.
func (c *Container) removeCgroup() error {
	group, err := c.openCgroup()
	if err != nil {
		return err
	}
	if group == nil {
		if sys.Exists(c.journal.Cgroup.Dir) {
			return nil // another was made there
		}
		// It is gone, but a removal that was cut off may have left parents.
		for _, dir := range slices.Backward(c.journal.Cgroup.Made) {
			unix.Rmdir(dir) // fails if others use it, or it is gone, too
		}
		h, err := cgroups.Find(cgroups.Root)
		if below, ok := strings.CutPrefix(c.journal.Cgroup.Dir, h.Path); err == nil && ok {
			h.DeleteParents(below)
		}
		return nil
	}
	if c.group == nil {
		defer group.Close()
	}
	populated, err := group.Populated()
	if err != nil && !errors.Is(err, cgroups.ErrNotExist) { // systemd may have been faster
		return err
	}
	if populated {
		if err := group.Kill(); err != nil {
			return err
		}
	}
	root := strings.TrimSuffix(group.Dir(), group.Path())
	made := make([]string, len(c.journal.Cgroup.Made))
	for i, dir := range c.journal.Cgroup.Made {
		made[i] = strings.TrimPrefix(dir, root)
	}
	return group.Delete(made)
}

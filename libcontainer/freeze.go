package libcontainer

import (
	"errors"
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/specconv/plan"
)

// ErrNotPaused means that there is nothing to resume. Engines match the text.
var ErrNotPaused = errors.New("container not paused")

// noCgroup is the answer to what only a cgroup can do, and wraps ErrNoCgroup.
func noCgroup() error {
	return plan.InField("linux.cgroupsPath", fmt.Errorf("the %w", ErrNoCgroup))
}

// CgroupGone is the answer where the container's cgroup is not there any more: an
// error that says so if init lives on in another one. Another
// program has moved it there, and the container's limits and device filter need not hold
// there: nothing is done to that cgroup, and nothing is cloned into it. The error is
// ended if init is gone, too.
func (c *Container) CgroupGone(ended error) error {
	alive, err := c.Journal.Init.Alive()
	if err != nil {
		return err
	}
	if !alive {
		return ended
	}
	own, err := cgroups.Own(c.Journal.Init.PID)
	if err != nil {
		return err
	}
	return plan.InField("linux.cgroupsPath", &MovedError{From: c.Journal.Cgroup.Dir, To: own})
}

// MovedError means that another program has moved init out of the container's cgroup, which
// is gone.
type MovedError struct{ From, To string }

func (e *MovedError) Error() string {
	return fmt.Sprintf("the container's cgroup %q is gone, with its limits and its device filter, and init is in %q", e.From, e.To)
}

// Pause stops all processes of a created or running container, and returns
// when they have stopped. The error is ErrNotRunning in any other state, also
// if it is paused.
//
// It takes no lock: hooks, which run while create or start holds it, may pause
// their container, and the kernel orders concurrent calls.
func (c *Container) Pause() error {
	status, _, err := c.Status()
	if err != nil {
		return err
	}
	if status != specs.StateRunning && status != specs.StateCreated {
		return ErrNotRunning
	}
	return c.inCgroup((*cgroups.Cgroup).Freeze, ErrNotRunning)
}

// Resume lets the processes of a paused container run again. The error is
// ErrNotPaused if it is not paused.
func (c *Container) Resume() error {
	status, _, err := c.Status()
	if err != nil {
		return err
	}
	if status != StatePaused {
		return ErrNotPaused
	}
	return c.inCgroup((*cgroups.Cgroup).Thaw, ErrNotPaused)
}

// inCgroup calls act with the container's cgroup; gone is the error if that
// ends meanwhile.
func (c *Container) inCgroup(act func(*cgroups.Cgroup) error, gone error) error {
	if c.Journal.Cgroup.Dir == "" {
		return noCgroup()
	}
	group, err := c.OpenCgroup()
	if err != nil {
		return err
	}
	if group == nil {
		return c.CgroupGone(gone)
	}
	defer group.Close()
	if err := act(group); !errors.Is(err, cgroups.ErrNotExist) {
		return err
	}
	return gone
}

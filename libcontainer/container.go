package libcontainer

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/initproc"
	"github.com/crun-go/crun-go/libcontainer/resource"
	"github.com/crun-go/crun-go/libcontainer/state"
)

// StatePaused is the status of a frozen container. It is not one of the
// runtime-spec's; engines know it.
const StatePaused specs.ContainerState = "paused"

// ErrNotRunning means that there is no process to act on.
var ErrNotRunning = state.ErrNotRunning

// Container is an existing container.
type Container struct {
	*resource.Record
	Owned *resource.Set // on the host, beside its processes
}

// Of is the container that owns a set.
func Of(owned *resource.Set) *Container { return &Container{owned.Record, owned} }

// Open opens a container of a root. The error is state.ErrNotExist if there is
// none.
func Open(root, id string) (*Container, error) {
	dir, err := state.Open(root, id)
	if err != nil {
		return nil, err
	}
	journal, err := dir.Load()
	if err != nil {
		dir.Close()
		return nil, err
	}
	return Of(resource.Of(dir, journal)), nil
}

// Close releases what Open holds.
func (c *Container) Close() error { return c.Dir.Close() }

// Status returns the container's current status, and init's pid: 0 if it has exited.
func (c *Container) Status() (specs.ContainerState, int, error) {
	if c.Journal.Init.PID == 0 && c.Journal.Status == specs.StateCreating {
		// Init does not exist yet, or never will: the creating process holds the lock.
		if busy, err := c.Dir.Busy(); err != nil || busy {
			return specs.StateCreating, 0, err
		}
		// Or had it a moment ago.
		journal, err := c.Dir.Load()
		if err != nil {
			return "", 0, err
		}
		c.Journal = journal
	}
	// The fifo before init, which is first to say that it is ready.
	fifo, err := c.Dir.Fifo()
	if err != nil {
		return "", 0, err
	}
	st, alive, err := c.Journal.Init.Stat()
	pid := c.Journal.Init.PID
	switch {
	case err != nil:
		return "", 0, err
	case !alive:
		return specs.StateStopped, 0, nil
	}
	if paused, err := c.Owned.Cgroup.Frozen(); err != nil || paused {
		return StatePaused, pid, err
	}
	if c.Journal.Status == specs.StateCreating {
		return specs.StateCreating, pid, nil
	}
	switch {
	case fifo == state.NextFifo:
		return specs.StateCreating, pid, nil
	// The fifo may be left of a start that was killed: init's name shows whether it waits.
	// The init of an older version, which kept nothing, does not; there start began with
	// the removal of the fifo.
	case fifo == state.ReadyFifo && (st.Name == initproc.Created || !c.Journal.Kept):
		return specs.StateCreated, pid, nil
	}
	return specs.StateRunning, pid, nil
}

// OpenCgroup opens the container's cgroup: nil if it has none, or none any more.
func (c *Container) OpenCgroup() (*cgroups.Cgroup, error) {
	return resource.OpenCgroup(&c.Journal.Cgroup)
}

// List returns the ids of a root's containers, half-made ones included.
func List(root string) ([]string, error) { return state.List(root) }

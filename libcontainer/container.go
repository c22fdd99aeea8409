package libcontainer

import (
	"errors"
	"fmt"
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/initproc"
	"github.com/crun-go/crun-go/libcontainer/resource"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
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

// State returns the journal.
func (c *Container) State() *state.State { return c.Journal }

// Owner returns the user id that made the container.
func (c *Container) Owner() (int, error) { return c.Dir.Owner() }

// Status tells what is true of the container now, and init's pid: 0 if there
// is no such process any more.
func (c *Container) Status() (specs.ContainerState, int, error) {
	if c.Journal.Init.PID == 0 && c.Journal.Status == specs.StateCreating {
		// Init is not there yet, or never will be: who makes it has the lock.
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
	if paused, err := c.frozen(); err != nil || paused {
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

// frozen reads cgroup.freeze: a container that is about to freeze counts. A cgroup
// that is gone is not frozen. What is at its path is found out where it matters.
func (c *Container) frozen() (bool, error) {
	if c.Journal.Cgroup.Dir == "" {
		return false, nil
	}
	name := c.Journal.Cgroup.Dir + "/cgroup.freeze"
	fd, err := retry.Open(name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err == unix.ENOENT {
		return false, nil
	}
	if err != nil {
		return false, &os.PathError{Op: "open", Path: name, Err: err}
	}
	defer unix.Close(fd)
	var b [1]byte
	n, err := retry.Read(fd, b[:])
	if err != nil && err != unix.ENODEV {
		return false, &os.PathError{Op: "read", Path: name, Err: err}
	}
	if n != 1 || b[0] != '1' {
		return false, nil
	}
	return c.hasCgroup()
}

// OpenCgroup opens the container's cgroup: nil if it has none, or none any more.
func (c *Container) OpenCgroup() (*cgroups.Cgroup, error) {
	return resource.OpenCgroup(&c.Journal.Cgroup)
}

// hasCgroup reports whether the container's cgroup is there.
func (c *Container) hasCgroup() (bool, error) {
	group, err := c.OpenCgroup()
	if group != nil {
		group.Close()
	}
	return group != nil, err
}

// ownsPids reports whether the container has a pid namespace that ends with its
// init. Without one its processes outlive init.
func (c *Container) ownsPids() bool {
	for _, ns := range c.Journal.Namespaces {
		if ns.Type == specs.PIDNamespace {
			return ns.Path == ""
		}
	}
	return false
}

// Kill sends a signal to init, or to all processes of the container. Without a
// pid namespace of its own, SIGKILL always goes to all. The error is
// ErrNotRunning if nobody is there; with all that is none.
func (c *Container) Kill(sig unix.Signal, all bool) error {
	if all || sig == unix.SIGKILL && !c.ownsPids() {
		reached, err := c.killAll(sig)
		if err != nil || reached || all {
			return err
		}
		return ErrNotRunning
	}
	fd, err := c.Journal.Init.Pidfd()
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	err = sys.SignalProcess(fd, c.Journal.Init.PID, sig)
	if err == unix.ESRCH {
		return ErrNotRunning
	}
	if err != nil {
		return fmt.Errorf("unable to signal init: %w", err)
	}
	return nil
}

// killAll signals every process in the container's cgroup or, if there is none,
// in a namespace of its own. reached reports whether there was any.
func (c *Container) killAll(sig unix.Signal) (reached bool, err error) {
	group, err := c.OpenCgroup()
	if err != nil {
		return false, err
	}
	if group == nil {
		return c.signalSharing(sig)
	}
	defer group.Close()
	pids, err := group.Procs()
	if errors.Is(err, cgroups.ErrNotExist) {
		return false, nil // systemd removes the cgroup with its last process
	}
	if err != nil || len(pids) == 0 {
		return false, err
	}
	if sig == unix.SIGKILL {
		return true, group.Kill()
	}
	for _, pid := range pids {
		if err := SignalMember(group, pid, sig); err != nil {
			return true, err
		}
	}
	return true, nil
}

// SignalMember signals a process of a cgroup. The pid was read a moment ago;
// once a pidfd is held it can't change hands, and if the process is still
// listed then, it is the right one.
func SignalMember(group *cgroups.Cgroup, pid int, sig unix.Signal) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if err == unix.ESRCH {
		return nil // gone meanwhile
	}
	if err != nil {
		return os.NewSyscallError("pidfd_open", err)
	}
	defer unix.Close(fd)
	has, err := group.Has(pid)
	if err != nil && !state.Gone(err) {
		return err
	}
	if err != nil || !has {
		return nil
	}
	err = sys.SignalProcess(fd, pid, sig)
	if err == unix.ESRCH {
		return nil
	}
	return os.NewSyscallError("pidfd_send_signal", err)
}

// List returns the ids of a root's containers, half-made ones included.
func List(root string) ([]string, error) { return state.List(root) }

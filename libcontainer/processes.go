package libcontainer

import (
	"errors"
	"os"
	"strconv"

	"github.com/crun-go/crun-go/cgroups"
)

// Processes lists the container's processes: those in its cgroup and below. Of
// a container without a cgroup, they are those in its pid namespace; if that is
// not its own either, init is all that can be told. It is no snapshot, and
// empty if nothing is left.
func (c *Container) Processes() ([]int, error) {
	group, err := c.openCgroup()
	if err != nil {
		return nil, err
	}
	if group != nil {
		defer group.Close()
		pids, err := group.Procs()
		if errors.Is(err, cgroups.ErrNotExist) {
			return nil, nil
		}
		return pids, err
	}
	alive, err := c.alive()
	if err != nil || !alive {
		return nil, err
	}
	if c.journal.Cgroup.Dir != "" || !c.ownsPids() {
		return []int{c.journal.Init.PID}, nil
	}
	return sharePidNamespace(c.journal.Init.PID)
}

// sharePidNamespace lists the processes in a process's pid namespace, as far as
// the caller may look at them.
func sharePidNamespace(pid int) ([]int, error) {
	namespace := func(pid string) (string, error) { return os.Readlink("/proc/" + pid + "/ns/pid") }
	own, err := namespace(strconv.Itoa(pid))
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, entry := range entries {
		n, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if other, err := namespace(entry.Name()); err == nil && other == own {
			pids = append(pids, n)
		}
	}
	return pids, nil
}

package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// Processes lists the container's processes: those in its cgroup and below. Of
// a container without a cgroup, they are those in its pid namespace or, if that
// is not its own, in its mount namespace. It is no snapshot, and empty if nothing
// is left.
func (c *Container) Processes() ([]int, error) {
	group, err := c.OpenCgroup()
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
	if c.Journal.Cgroup.Dir != "" {
		return nil, c.CgroupGone(nil)
	}
	alive, err := c.Journal.Init.Alive()
	if err != nil || !alive {
		return nil, err
	}
	kind := c.identifyingNamespace()
	if kind == "" {
		return []int{c.Journal.Init.PID}, nil
	}
	shared, err := namespaceOf(c.Journal.Init.PID, kind)
	if err != nil {
		return nil, err
	}
	return sharing(kind, shared)
}

// identifyingNamespace returns the kind of namespace, as /proc names it, that
// tells the processes of a container without a cgroup from others: one of its own
// that processes hardly ever leave. It is "" if there is none.
func (c *Container) identifyingNamespace() string {
	if c.ownsPids() {
		return "pid"
	}
	for _, ns := range c.Journal.Namespaces {
		if ns.Type == specs.MountNamespace && ns.Path == "" {
			return "mnt"
		}
	}
	return ""
}

// OwnsMounts reports whether the container has a mount namespace that is not its
// creator's.
func (c *Container) OwnsMounts() bool {
	return slices.ContainsFunc(c.Journal.Namespaces, func(ns specs.LinuxNamespace) bool { return ns.Type == specs.MountNamespace })
}

// namespaceOf names a namespace of a process.
func namespaceOf(pid int, kind string) (string, error) {
	return os.Readlink("/proc/" + strconv.Itoa(pid) + "/ns/" + kind)
}

// sharing lists the processes that are in a namespace, as far as the caller may
// look at them. Those that have ended are in none.
func sharing(kind, namespace string) ([]int, error) {
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
		if other, err := namespaceOf(n, kind); err == nil && other == namespace {
			pids = append(pids, n)
		}
	}
	return pids, nil
}

// signalSharing signals the processes of a container without a cgroup. SIGKILL
// is not over before all are gone that can be seen.
func (c *Container) signalSharing(sig unix.Signal) (reached bool, err error) {
	init, err := c.Journal.Init.Pidfd()
	if errors.Is(err, ErrNotRunning) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer unix.Close(init)
	kind := c.identifyingNamespace()
	if kind == "" || kind == "pid" && sig == unix.SIGKILL { // the namespace ends with its init
		return true, Signal(init, c.Journal.Init.PID, sig)
	}
	shared, err := namespaceOf(c.Journal.Init.PID, kind)
	if err != nil {
		return false, err
	}
	for end := time.Now().Add(DeathWait); ; {
		pids, err := sharing(kind, shared)
		if err != nil {
			return true, err
		}
		for _, pid := range pids {
			if err := signalSharer(pid, kind, shared, sig); err != nil {
				return true, err
			}
		}
		switch {
		case sig != unix.SIGKILL || len(pids) == 0:
			return true, nil
		case time.Now().After(end):
			return true, fmt.Errorf("processes %v of the container do not end", pids)
		}
		retry.Sleep(time.Millisecond)
	}
}

// signalSharer signals a process, if it is the one that was seen: once a pidfd
// is held its pid can't change hands.
func signalSharer(pid int, kind, namespace string, sig unix.Signal) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if err == unix.ESRCH {
		return nil // gone meanwhile
	}
	if err != nil {
		return os.NewSyscallError("pidfd_open", err)
	}
	defer unix.Close(fd)
	if now, err := namespaceOf(pid, kind); err != nil || now != namespace {
		return nil
	}
	return Signal(fd, pid, sig)
}

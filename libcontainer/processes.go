package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/resource"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// Processes lists the container's processes: those in its cgroup and below. Of
// a container without a cgroup, they are those in its pid namespace or, if that
// is not its own, in its mount namespace. It is not a snapshot, and empty if nothing
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
	return members{c.Journal}.inNamespace()
}

// Kill sends a signal to init, or to all processes of the container. Without a
// pid namespace of its own, SIGKILL always goes to all. The error is
// ErrNotRunning if no process is left; with all that is not an error.
func (c *Container) Kill(sig unix.Signal, all bool) error { return members{c.Journal}.kill(sig, all) }

// members are the processes of a container, found by its journal: init, and what is in
// the container's cgroup or, if there is none, in a namespace of its own.
type members struct{ journal *state.State }

// inNamespace lists those of a container without a cgroup.
func (m members) inNamespace() ([]int, error) {
	init := m.journal.Init
	alive, err := init.Alive()
	if err != nil || !alive {
		return nil, err
	}
	kind := m.identifyingNamespace()
	if kind == "" {
		return []int{init.PID}, nil
	}
	shared, err := namespaceOf(init.PID, kind)
	if err != nil {
		return nil, err
	}
	return sharing(kind, shared)
}

// identifyingNamespace returns the kind of namespace, as /proc names it, that
// identifies the processes of a container without a cgroup: one of its own that processes
// hardly ever leave. It is "" if there is none.
func (m members) identifyingNamespace() string {
	if m.ownsPids() {
		return "pid"
	}
	for _, ns := range m.journal.Namespaces {
		if ns.Type == specs.MountNamespace && ns.Path == "" {
			return "mnt"
		}
	}
	return ""
}

// ownsPids reports whether the container has a pid namespace that ends with its
// init. Without one its processes outlive init.
func (m members) ownsPids() bool {
	for _, ns := range m.journal.Namespaces {
		if ns.Type == specs.PIDNamespace {
			return ns.Path == ""
		}
	}
	return false
}

// kill signals init or all, see [Container.Kill].
func (m members) kill(sig unix.Signal, all bool) error {
	if all || sig == unix.SIGKILL && !m.ownsPids() {
		reached, err := m.killAll(sig)
		if err != nil || reached || all {
			return err
		}
		return ErrNotRunning
	}
	fd, err := m.journal.Init.Pidfd()
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	err = sys.SignalProcess(fd, m.journal.Init.PID, sig)
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
func (m members) killAll(sig unix.Signal) (reached bool, err error) {
	group, err := resource.OpenCgroup(&m.journal.Cgroup)
	if err != nil {
		return false, err
	}
	if group == nil {
		return m.signalSharing(sig)
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

// end kills init and waits until it is dead.
func (m members) end() error {
	// One that is gone needs no descriptor.
	if alive, err := m.journal.Init.Alive(); err != nil || !alive {
		return err
	}
	init, err := m.journal.Init.Pidfd()
	if errors.Is(err, ErrNotRunning) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(init)
	listed := m.ownsPids()
	if !listed {
		group, err := resource.OpenCgroup(&m.journal.Cgroup)
		if err != nil {
			return err
		}
		if listed = group != nil; listed {
			group.Close()
		}
	}
	if !listed {
		// They would go on without init, and nothing would tell whose they are.
		_, err = m.signalSharing(unix.SIGKILL)
	} else {
		err = Signal(init, m.journal.Init.PID, unix.SIGKILL)
	}
	if err != nil {
		return err
	}
	return awaitDeath(init, "container init still running")
}

// signalSharing signals the processes of a container without a cgroup. SIGKILL
// is not over before all are gone that can be seen.
func (m members) signalSharing(sig unix.Signal) (reached bool, err error) {
	init, err := m.journal.Init.Pidfd()
	if errors.Is(err, ErrNotRunning) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer unix.Close(init)
	kind := m.identifyingNamespace()
	if kind == "" || kind == "pid" && sig == unix.SIGKILL { // the namespace ends with its init
		return true, Signal(init, m.journal.Init.PID, sig)
	}
	shared, err := namespaceOf(m.journal.Init.PID, kind)
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

// signalSharer signals a process, if it is the one that was seen in a namespace.
func signalSharer(pid int, kind, namespace string, sig unix.Signal) error {
	return signalIf(pid, sig, func() (bool, error) {
		now, err := namespaceOf(pid, kind)
		return err == nil && now == namespace, nil
	})
}

// SignalMember signals a process, if it is the one that was seen in a cgroup.
func SignalMember(group *cgroups.Cgroup, pid int, sig unix.Signal) error {
	return signalIf(pid, sig, func() (bool, error) {
		has, err := group.Has(pid)
		if err != nil && state.Gone(err) {
			return false, nil
		}
		return has, err
	})
}

// signalIf signals a process whose pid was read a moment ago: once a pidfd is held it can't
// change hands, and if the process still is what was looked for then, it is the right one.
func signalIf(pid int, sig unix.Signal, still func() (bool, error)) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if err == unix.ESRCH {
		return nil // gone meanwhile
	}
	if err != nil {
		return os.NewSyscallError("pidfd_open", err)
	}
	defer unix.Close(fd)
	if is, err := still(); err != nil || !is {
		return err
	}
	return Signal(fd, pid, sig)
}

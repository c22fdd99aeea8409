package create

import (
	"fmt"
	"os"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/resource"
	"github.com/crun-go/crun-go/libcontainer/spawn"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv/plan"
)

// spawn makes init, journals it, and gives it its half of the plan.
func (c *creator) spawn(s *plan.Spawn) error {
	defer c.raised.TakeBack()
	config, err := c.spawnConfig(s)
	defer func() {
		for _, join := range config.Joins {
			unix.Close(join.FD)
		}
	}()
	if err != nil {
		return err
	}
	// Init starts in the root filesystem's directory: in its own mount
	// namespace it then needs no path, and no permission, to find it.
	if err := unix.Fchdir(c.Sources.Rootfs); err != nil {
		return os.NewSyscallError("fchdir", err)
	}
	err = c.Caller.WithPipes(func() error {
		err := c.Init.Start(config, s)
		if !resource.NotEntered(c.Cgroup(), err) {
			return err
		}
		if err := resource.EnterByUnit(config, c.Cgroup().Path(), &state.Cgroup{}, err); err != nil {
			return err
		}
		return c.Init.Start(config, s)
	})
	if backErr := unix.Chdir(c.Options.Bundle); err == nil && backErr != nil {
		err = os.NewSyscallError("chdir", backErr)
	}
	if err != nil {
		return err
	}
	if c.Owned.Journal.Init, err = state.Identify(c.Init.Pid); err != nil {
		return err
	}
	if c.Cgroup() != nil && !s.Outside {
		if err := c.Owned.Cgroup.Alone(c.Init.Pid); err != nil {
			return err
		}
	}
	// While init starts: it costs the container no time.
	if err := c.Owned.Keep(c.Kept()); err != nil {
		return err
	}
	if !c.runsHooks() && len(c.Spec.Linux.NetDevices) == 0 && !c.Owned.Class.Outlives {
		// No hook runs before "created", and readers wait for the lock: one write
		// is enough for both.
		c.Owned.Journal.Status = specs.StateCreated
	}
	if err := c.Owned.Save(); err != nil {
		return err
	}
	return c.sendPlan()
}

// moveInside moves init into the container's cgroup.
func (c *creator) moveInside() error {
	if err := c.Cgroup().Add(c.Init.Pid); err != nil {
		return err
	}
	return c.Owned.Cgroup.Alone(c.Init.Pid)
}

// runsHooks reports whether hooks will run before the container is created.
func (c *creator) runsHooks() bool {
	h := c.Spec.Hooks
	return h != nil && len(h.Prestart)+len(h.CreateRuntime)+len(h.CreateContainer) > 0 //nolint:staticcheck // deprecated, but engines use it
}

// openJoin opens a namespace to join.
func openJoin(ns *plan.Namespace) (int, error) {
	fd, err := sys.OpenNamespace(ns.Path)
	if err != nil {
		return -1, plan.InField(ns.Field, err)
	}
	if err := checkJoin(ns, fd); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// checkJoin refuses a namespace of the runtime's own that the container would
// change.
func checkJoin(ns *plan.Namespace, fd int) error {
	if ns.Type != specs.MountNamespace && ns.Changes == "" {
		return nil
	}
	own, err := sys.DescriptorIsOf(fd, "/proc/self/ns/"+proc.NamespaceOf(ns.Type).File)
	switch {
	case err != nil:
		return plan.InField(ns.Field, err)
	case !own:
		return nil
	case ns.Type == specs.MountNamespace:
		return plan.InField(ns.Field, &OwnNamespaceError{*ns})
	}
	return plan.InField(ns.Changes, &OwnNamespaceError{*ns})
}

// OwnNamespaceError means that a namespace to join is the runtime's own.
type OwnNamespaceError struct{ plan.Namespace }

func (e *OwnNamespaceError) Error() string {
	if e.Type == specs.MountNamespace {
		return fmt.Sprintf("%q is the runtime's own mount namespace: the container's root would become the host's", e.Path)
	}
	return fmt.Sprintf("not in a separate kernel namespace: %q is the runtime's own %s namespace", e.Path, e.Type)
}

// spawnConfig opens what spawning needs: the sealed program, which init keeps (see
// [initlink.Init.Executed]), and the namespaces to join, for the caller to close.
func (c *creator) spawnConfig(s *plan.Spawn) (*spawn.Config, error) {
	config := &spawn.Config{Cgroup: -1, NewTime: s.NewTime, TimeOffsets: offsets(s.TimeOffsets), KeepGroups: s.KeepGroups}
	if err := c.Init.Seal(c.Owned.Dir.FD(), spawn.Audience{UIDs: s.UIDMaps, Exposed: exposed(s)}); err != nil {
		return config, err
	}
	if group := c.Cgroup(); group != nil && !s.Outside {
		config.Cgroup = group.FD()
	} else if c.Owned.Unit.Waits() {
		config.Place = c.StartUnit
	}
	for _, ns := range s.New {
		config.New |= proc.NamespaceOf(ns).Flag
	}
	for _, ns := range s.Join {
		if ns.Last {
			continue
		}
		fd, err := openJoin(&ns)
		if err != nil {
			return config, err
		}
		config.Joins = append(config.Joins, spawn.Join{FD: fd, Type: proc.NamespaceOf(ns.Type).Flag})
	}
	if config.New&unix.CLONE_NEWUSER != 0 {
		maps := spawn.IDMaps{UIDs: s.UIDMaps, GIDs: s.GIDMaps}
		config.MapIDs = maps.Write
		config.UID, config.GID = spawn.Root(s.UIDMaps), spawn.Root(s.GIDMaps)
		config.SetGroups = maps.SetGroups()
	}
	return config, nil
}

// offsets writes the text that timens_offsets takes, see time_namespaces(7).
func offsets(m map[string]specs.LinuxTimeOffset) []byte {
	var b []byte
	for _, clock := range [...]string{"monotonic", "boottime"} {
		if o, ok := m[clock]; ok {
			b = fmt.Appendf(b, "%s %d %d\n", clock, o.Secs, o.Nanosecs)
		}
	}
	return b
}

func (c *creator) sendPlan() error {
	opening := wire.Opening{Trees: c.Sources.Trees, PreserveFDs: c.Options.ListenFDs + c.Options.PreserveFDs, Holes: c.Options.Holes}
	var after []int
	if mount := c.Init.Mount(); mount >= 0 && plan.Has[*plan.PivotRoot](c.Plan.Init) { // init leaves the old root behind
		opening.Own, after = true, append(after, mount)
	}
	if !c.waits {
		return c.sendFirst(opening, after...)
	}
	start, answer, err := c.Owned.Dir.InitFifos()
	if err != nil {
		return err
	}
	defer unix.Close(start)
	defer unix.Close(answer)
	opening.Fifos = true
	return c.sendFirst(opening, append(after, start, answer)...)
}

// sendFirst sends the plan with the first trees. To make room for others they are
// init's alone then; else the parent, which lives longer, keeps them: the
// process that closes a tree last waits for the lock on all mounts.
func (c *creator) sendFirst(opening wire.Opening, after ...int) error {
	err := c.Init.SendPlan(opening, after...)
	if plan.Has[*plan.SendTrees](c.Plan.Parent) {
		c.Sources.Drop()
	}
	return err
}

// exposed reports whether init executes in a user namespace with other processes that
// could see it: a pid namespace of its own, or one that is joined last, hides it from them.
func exposed(s *plan.Spawn) bool {
	user := slices.ContainsFunc(s.Join, func(ns plan.Namespace) bool { return ns.Type == specs.UserNamespace })
	last := slices.ContainsFunc(s.Join, func(ns plan.Namespace) bool { return ns.Last })
	return user && !last && !slices.Contains(s.New, specs.PIDNamespace)
}

package mounts

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/bundle"
	"github.com/crun-go/crun-go/libcontainer/initlink"
	"github.com/crun-go/crun-go/libcontainer/sources"
	"github.com/crun-go/crun-go/libcontainer/spawn"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/plan"
)

// helper is an init that enters a container to change its mounts and devices.
type helper struct {
	container *libcontainer.Container
	target    libcontainer.Target
	mount     int // the mount namespace
	sources   sources.Set
	init      initlink.Init
	changed   []uint64 // ids of mounts that were added or removed, and of files that were made
	save      func(changed []uint64) error
}

var errNoMounts = errors.New("the container has no mount namespace of its own: its mounts would be the host's")

func newHelper(c *libcontainer.Container) (*helper, error) {
	v := &helper{
		container: c, target: libcontainer.NoTarget, mount: -1, sources: sources.New(c.Journal.Container.Rootfs, false),
	}
	v.init.Owner, v.init.Patience = v, initlink.AnswerTime
	if !c.Journal.HasNamespace(specs.MountNamespace) {
		v.close()
		return nil, errNoMounts
	}
	err := v.target.Open(c, append(specconv.LiveNamespaces(), specs.MountNamespace))
	if err == nil {
		v.mount = v.target.Take(specs.MountNamespace)
		if v.mount < 0 {
			err = errNoMounts
		}
	}
	if err != nil {
		v.close()
		return nil, err
	}
	return v, nil
}

// facts gathers what the plan needs to know.
func (v *helper) facts(spec *specs.Spec) (specconv.Host, specconv.Live, error) {
	s := v.container.Journal
	live := specconv.Live{ID: s.Container.ID, Bundle: s.Container.Bundle, Joins: v.target.Types()}
	h, err := bundle.HostFacts(spec)
	if err != nil || s.Cgroup.Dir == "" {
		return h, live, err
	}
	hierarchy, err := cgroups.Find(cgroups.Root)
	if err != nil {
		return h, live, err
	}
	h.CgroupRoot = hierarchy.Path
	live.Cgroup = strings.TrimPrefix(s.Cgroup.Dir, hierarchy.Path)
	return h, live, nil
}

// carryOut carries out the parent's half of the plan.
func (v *helper) carryOut(p *plan.Plan) error {
	v.init.Plan, v.sources.Plan = p, p
	if err := v.init.Run(v.do); err != nil {
		v.awaitUndone()
		return err
	}
	// It has said what is done, whatever can be learnt of its end.
	status, err := v.init.Wait()
	v.init.Process.Close()
	v.init.Process = nil
	if err == nil && status.ExitStatus() != 0 {
		return fmt.Errorf("the helper that changes the mounts ended with exit code %d", status.ExitStatus())
	}
	return nil
}

func (v *helper) do(item *plan.Item) error {
	switch s := item.Step.(type) {
	case *plan.SpawnHelper:
		return v.enter()
	case *plan.Await:
		var err error
		v.changed, err = v.init.Await(s.Phase)
		return err
	case *plan.SaveMounts, *plan.SaveDevices:
		return v.save(v.changed)
	case *plan.Continue:
		return v.init.Continue()
	case *plan.OpenTree:
		return v.sources.Open(s, "")
	case *plan.MakeTree:
		return v.sources.Make(s)
	case *plan.LockTrees:
		return v.sources.Lock()
	case *plan.MapTree:
		return v.sources.MapLent(s, &v.init)
	}
	return fmt.Errorf("no such step: %s", item.Step)
}

// awaitUndone lets the helper take back what it has added, and waits for its end.
func (v *helper) awaitUndone() {
	if v.init.Process != nil {
		v.init.Conn.Finish()
		retry.Readable(v.init.PidFD, libcontainer.DeathWait)
	}
}

// exposed reports whether those in the user namespace that the helper joins may see it:
// they do not if the container has a pid namespace of its own.
func (v *helper) exposed() bool {
	return slices.Contains(v.target.Names, specs.UserNamespace) &&
		!slices.Contains(v.container.Journal.Namespaces, specs.LinuxNamespace{Type: specs.PIDNamespace})
}

// enter spawns the helper and sends it the trees, the mount namespace, and its
// directory in /proc.
func (v *helper) enter() error {
	if err := v.init.Seal(v.container.Dir.FD(), spawn.Audience{UIDs: v.target.UIDs, Exposed: v.exposed()}); err != nil {
		return err
	}
	t := &v.target
	config := &spawn.Config{Cgroup: -1, Joins: t.Joins, Stay: true, UID: t.UID, GID: t.GID}
	if slices.ContainsFunc(v.sources.Trees, func(t plan.Tree) bool { return t.Path != "" }) {
		// For the right to clone mounts of the host's, which an ordinary
		// user has in a copy of them.
		config.New, config.Stay = unix.CLONE_NEWNS, false
	}
	if err := v.init.Start(config, nil); err != nil {
		return err
	}
	own, err := sys.HostProcess(v.init.Pid)
	if err != nil {
		return v.init.Lost(err)
	}
	trees := append(v.sources.Trees, plan.Tree{FD: v.mount}, plan.Tree{FD: own.FD()})
	v.sources.Trees, v.mount = trees, -1
	return v.init.SendPlan(wire.Opening{Trees: trees})
}

// close releases descriptors, and ends an init that has not ended by itself.
func (v *helper) close() {
	v.sources.Close()
	v.target.Close()
	if v.mount >= 0 {
		unix.Close(v.mount)
	}
	v.init.Kill()
	v.init.Close()
}

// Cgroup is nil: init stays in the runtime's.
func (v *helper) Cgroup() *cgroups.Cgroup { return nil }

// TakeTerminal refuses what comes as one.
func (v *helper) TakeTerminal(master int) error {
	unix.Close(master)
	return errors.New("unexpected terminal from init")
}

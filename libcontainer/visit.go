package libcontainer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/initproc"
	"github.com/crun-go/crun-go/libcontainer/spawn"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/plan"
)

// visit is a process that enters a container for a moment, in the making. It is
// made as an init is, so that what a creation does with one serves.
type visit struct {
	creation
	container *Container
	target    target
	mount     int      // the mount namespace
	changed   []uint64 // ids of mounts that were added or removed
	save      func(changed []uint64) error
}

var errNoMounts = errors.New("the container has no mount namespace of its own: its mounts would be the host's")

func (c *Container) visit() (*visit, error) {
	v := &visit{
		creation:  creation{blueprint: new(blueprint), opts: new(Options), rootfs: -1, self: spawn.Unsealed, netns: -1, pidns: -1},
		container: c, target: noTarget, mount: -1,
	}
	v.journal.Container = c.journal.Container
	if !c.ownsMounts() {
		v.close()
		return nil, errNoMounts
	}
	err := v.target.open(c, append(specconv.LiveNamespaces(), specs.MountNamespace))
	if err == nil {
		v.mount = v.target.take(specs.MountNamespace)
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
func (v *visit) facts(spec *specs.Spec) (specconv.Host, specconv.Live, error) {
	s := v.container.journal
	live := specconv.Live{ID: s.Container.ID, Bundle: s.Container.Bundle, Joins: v.target.types()}
	h, err := host(spec)
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
func (v *visit) carryOut(p *plan.Plan) error {
	v.plan = p
	for i := range p.Parent {
		item := &p.Parent[i]
		if err := v.do(item); err != nil {
			err = v.explain(item, err)
			v.awaitUndone()
			return err
		}
	}
	// It has said what is done, whatever can be learnt of its end.
	status, err := v.init.Wait()
	v.init.Close()
	v.init = nil
	if err == nil && status.ExitStatus() != 0 {
		return fmt.Errorf("the visitor of the container ended with exit code %d", status.ExitStatus())
	}
	return nil
}

func (v *visit) do(item *plan.Item) error {
	switch s := item.Step.(type) {
	case *plan.Visit:
		return v.enter()
	case *plan.Await:
		var err error
		v.changed, err = v.awaitMounts(s.Phase)
		return err
	case *plan.SaveMounts:
		return v.save(v.changed)
	}
	return v.creation.do(item)
}

// awaitUndone lets the visitor take back what it has added, and waits for its end.
func (v *visit) awaitUndone() {
	if v.init != nil {
		v.init.Conn.Finish()
		retry.Readable(v.init.PidFD, deathWait)
	}
}

// exposed reports whether those in the user namespace that the visitor joins may see it:
// they do not if the container has a pid namespace of its own.
func (v *visit) exposed() bool {
	return slices.Contains(v.target.names, specs.UserNamespace) &&
		!slices.Contains(v.container.journal.Namespaces, specs.LinuxNamespace{Type: specs.PIDNamespace})
}

// enter spawns the visitor and sends it the trees, the mount namespace, and its
// directory in /proc.
func (v *visit) enter() error {
	var err error
	if v.self, err = spawn.SealedSelf(v.container.dir.FD(), spawn.Audience{UIDs: v.target.uids, Exposed: v.exposed()}); err != nil {
		return fmt.Errorf("seal the runtime's binary: %w", err)
	}
	t := &v.target
	config := &spawn.Config{
		Exe: v.self.FD, Args: []string{initproc.Name}, Cgroup: -1, Joins: t.joins, Stay: true, UID: t.uid, GID: t.gid,
	}
	if slices.ContainsFunc(v.trees, func(t plan.Tree) bool { return t.Path != "" }) {
		// For the right to clone mounts of the host's, which an ordinary
		// user has in a copy of them.
		config.New, config.Stay = unix.CLONE_NEWNS, false
	}
	v.spawned = config
	if v.init, err = spawn.Start(config); err != nil {
		return err
	}
	if err := v.init.Conn.Bound(answerTime); err != nil {
		return err
	}
	own, err := sys.HostProcess(v.init.Pid)
	if err != nil {
		return v.lost(err)
	}
	v.trees = append(v.trees, plan.Tree{FD: v.mount}, plan.Tree{FD: own.FD()})
	v.mount = -1
	return v.send(wire.Opening{Trees: v.trees})
}

// close releases descriptors, and ends a visitor that has not ended by itself.
func (v *visit) close() {
	for _, t := range v.trees {
		if t.FD >= 0 {
			unix.Close(t.FD)
		}
	}
	v.target.close()
	for _, fd := range []int{v.mount, v.rootfs} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	v.self.Close()
	v.mapping.close()
	v.endProgress()
	if v.init != nil {
		v.init.Kill()
	}
}

package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/initproc"
	"github.com/crun-go/crun-go/libcontainer/plan"
	"github.com/crun-go/crun-go/libcontainer/spawn"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv"
)

// visit is a process that enters a container for a moment, in the making. It is
// made as an init is, so that what a creation does with one serves.
type visit struct {
	creation
	container *Container
	mount     int // the mount namespace
	// Other namespaces that are not the runtime's, in order.
	types []specs.LinuxNamespaceType
	joins []spawn.Join
}

// visit opens the container's namespaces. They are those of its init, which is
// looked at once they are open: until then its id might be used again.
func (c *Container) visit() (*visit, error) {
	init, err := c.pidfd()
	if err != nil {
		return nil, err
	}
	defer unix.Close(init)
	v := &visit{creation: creation{blueprint: new(blueprint), opts: new(Options), rootfs: -1, self: -1, netns: -1}, container: c, mount: -1}
	err = v.openNamespaces()
	if err == nil && ended(init) {
		err = ErrNotRunning
	}
	if err != nil {
		v.close()
		return nil, err
	}
	return v, nil
}

func (v *visit) openNamespaces() error {
	proc, err := sys.HostProc()
	if err != nil {
		return err
	}
	defer proc.Close()
	dir, err := proc.Open(strconv.Itoa(v.container.journal.Init.PID)+"/ns", unix.O_PATH|unix.O_DIRECTORY)
	if errors.Is(err, unix.ENOENT) {
		return ErrNotRunning
	}
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	if v.mount, err = foreignNamespace(dir, specs.MountNamespace); err != nil {
		return err
	}
	if v.mount < 0 {
		return errors.New("the container has no mount namespace of its own: its mounts would be the host's")
	}
	for _, kind := range specconv.LiveNamespaces() {
		fd, err := foreignNamespace(dir, kind)
		if err != nil {
			return err
		}
		if fd >= 0 {
			v.types = append(v.types, kind)
			v.joins = append(v.joins, spawn.Join{FD: fd, Type: cloneFlag(kind)})
		}
	}
	return nil
}

// foreignNamespace opens a process's namespace, below its directory in /proc;
// -1 if it is also this process's own.
func foreignNamespace(dir int, kind specs.LinuxNamespaceType) (int, error) {
	name := state.ProcName(kind)
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT {
		return -1, nil // a kernel without it
	}
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: "ns/" + name, Err: err}
	}
	var theirs, own unix.Stat_t
	err = errors.Join(unix.Fstat(fd, &theirs), unix.Stat("/proc/self/ns/"+name, &own))
	if err != nil || theirs.Ino == own.Ino && theirs.Dev == own.Dev {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// facts gathers what the plan needs to know.
func (v *visit) facts(spec *specs.Spec) (specconv.Host, specconv.Live, error) {
	s := v.container.journal
	live := specconv.Live{ID: s.Container.ID, Bundle: s.Container.Bundle, Joins: v.types}
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
			return v.explain(item, err)
		}
	}
	status, err := v.init.Wait()
	v.init.Close()
	v.init = nil
	if err == nil && status.ExitStatus() != 0 {
		err = fmt.Errorf("the visitor of the container ended with exit code %d", status.ExitStatus())
	}
	return err
}

func (v *visit) do(item *plan.Item) error {
	if s, ok := item.Step.(*plan.Visit); ok {
		return v.enter(s)
	}
	return v.creation.do(item)
}

// enter spawns the visitor and sends it the trees, the mount namespace, and its
// directory in /proc.
func (v *visit) enter(s *plan.Visit) error {
	var err error
	if v.self, err = spawn.SealedSelf(v.container.dir.FD()); err != nil {
		return fmt.Errorf("seal the runtime's binary: %w", err)
	}
	config := &spawn.Config{Exe: v.self, Args: []string{initproc.Name}, Cgroup: -1, Joins: v.joins, UID: s.UID, GID: s.GID}
	if slices.ContainsFunc(v.trees, func(t plan.Tree) bool { return t.Path != "" }) {
		// For the right to clone mounts of the host's, which an ordinary
		// user has in a copy of them.
		config.New = unix.CLONE_NEWNS
	}
	v.spawned = config
	if v.init, err = spawn.Start(config); err != nil {
		return err
	}
	proc, err := sys.HostProc()
	if err != nil {
		return err
	}
	defer proc.Close()
	own, err := proc.Open(strconv.Itoa(v.init.Pid), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return v.lost(err)
	}
	v.trees = append(v.trees, plan.Tree{FD: v.mount}, plan.Tree{FD: own})
	v.mount = -1
	opening := wire.Opening{Trees: v.trees}
	var fds []int
	for _, t := range v.trees {
		if t.FD >= 0 {
			fds = append(fds, t.FD)
		}
	}
	payload, err := v.plan.AppendInit(opening.Append(nil))
	if err != nil {
		return err
	}
	if err := v.init.Conn.Send(wire.Plan, payload, fds...); err != nil {
		return v.lost(err)
	}
	return nil
}

// close releases descriptors, and ends a visitor that has not ended by itself.
func (v *visit) close() {
	for _, t := range v.trees {
		if t.FD >= 0 {
			unix.Close(t.FD)
		}
	}
	for _, join := range v.joins {
		unix.Close(join.FD)
	}
	for _, fd := range []int{v.mount, v.self} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	v.mapping.close()
	if v.init != nil {
		v.init.Kill()
	}
}

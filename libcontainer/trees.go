package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/spawn"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv/plan"
	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// openTree opens a mount tree for init. The root filesystem must be a real
// directory: a link there would be resolved with the host's root.
func (c *creation) openTree(s *plan.OpenTree) error {
	path := s.Path
	if path == "" {
		if c.cgroup == nil {
			return nil // see openUnitTrees
		}
		path = c.cgroup.Dir()
	}
	if s.Rootfs {
		if err := c.openRootfs(s.Path); err != nil {
			return err
		}
	}
	if s.Bare {
		fd, err := unix.FcntlInt(uintptr(c.rootfs), unix.F_DUPFD_CLOEXEC, 3)
		c.keepTree(s.Slot, plan.Tree{FD: fd})
		return os.NewSyscallError("fcntl", err)
	}
	t, err := c.cloneTree(s, path)
	switch {
	case err == nil:
	case errors.Is(err, unix.EPERM) && s.IDMap == nil && t.Path != "":
		// No mounts may be made here: an ordinary user's runtime. Init may, in
		// its own namespaces, with that user's view of the same paths.
		t.Recursive = s.Recursive
	case s.Optional:
		t.Path = ""
	default:
		return err // the step says "open" and the path
	}
	c.keepTree(s.Slot, t)
	if s.Device && t.FD >= 0 {
		return c.protectNode(t.FD)
	}
	if s.IDMap == nil || t.FD < 0 {
		return nil
	}
	return c.mapTree(t.FD, s.IDMap)
}

// cloneTree clones a tree. Where that fails it returns the path that it has, of which no
// component is a symbolic link.
func (c *creation) cloneTree(s *plan.OpenTree, path string) (plan.Tree, error) {
	t := plan.Tree{FD: -1}
	source := c.rootfs
	if !s.Rootfs {
		fd, _, err := c.openHost(unix.AT_FDCWD, path, s.NoFollow)
		if err != nil {
			return t, err
		}
		defer unix.Close(fd)
		source = fd
	}
	flags := uint(0)
	if s.Recursive {
		flags |= unix.AT_RECURSIVE
	}
	fd, err := sys.CloneTree(source, "", flags)
	switch {
	case err == nil:
		t.FD = fd
		return t, nil
	case s.Rootfs:
		t.Path = "." // where init starts
	default:
		t.Path = pathOf(source)
	}
	return t, errors.Unwrap(err)
}

// protectNode makes the mount of a node read-only whose owner the container's user
// namespace maps: its root could change the mode for the whole host. Devices are
// written to also then.
func (c *creation) protectNode(tree int) error {
	var st unix.Stat_t
	if err := unix.Fstat(tree, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	const overflow = 65534 // who is not mapped in this process's own user namespace
	if c.host.UserNS && st.Uid == overflow {
		return nil
	}
	if s := c.spawnStep(); s != nil && len(s.UIDMaps) > 0 &&
		!slices.ContainsFunc(s.UIDMaps, func(m specs.LinuxIDMapping) bool { return st.Uid >= m.HostID && st.Uid-m.HostID < m.Size }) {
		return nil
	}
	return sys.RestrictMount(tree, unix.MOUNT_ATTR_RDONLY, 0, false)
}

func (c *creation) openRootfs(path string) error {
	fd, err := retry.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return fieldError("root.path", fmt.Errorf("invalid rootfs: %w", &os.PathError{Op: "stat", Path: path, Err: err}))
	}
	c.rootfs = fd
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	if kind := st.Mode & unix.S_IFMT; kind != unix.S_IFDIR {
		return fieldError("root.path", fmt.Errorf("invalid rootfs: %q is a %s, expected a directory", path, sys.FileType(st.Mode)))
	}
	return nil
}

// makeTree makes a filesystem for init.
func (c *creation) makeTree(s *plan.MakeTree) error {
	var fd int
	var err error
	if s.JoinedPID {
		fd, err = sys.ProcOf(c.pidns, s.Source, s.Params)
	} else {
		fd, err = sys.NewFilesystem(s.Type, s.Source, s.Params, 0)
	}
	if err != nil {
		return err
	}
	c.keepTree(s.Slot, plan.Tree{FD: fd})
	if s.IDMap == nil {
		return nil
	}
	return c.mapTree(fd, s.IDMap)
}

func (c *creation) keepTree(slot int, t plan.Tree) {
	for len(c.trees) <= slot {
		c.trees = append(c.trees, plan.Tree{FD: -1})
	}
	c.trees[slot] = t
}

// sendTrees sends the trees that init has asked for, which are its own then.
func (c *creation) sendTrees(s *plan.SendTrees) error {
	trees := c.trees[s.First:s.End]
	payload := codec.Encode(func(to *codec.Coder) { wire.CodeTrees(to, &trees) })
	if err := c.init.Conn.Send(wire.Trees, payload, wire.FDs(trees)...); err != nil {
		return c.lost(err)
	}
	c.dropTrees()
	return nil
}

// mapLent maps the ids of a mount that init lends.
func (c *creation) mapLent(s *plan.MapTree) error {
	m, err := c.next(wire.Lent)
	if err != nil {
		return err
	}
	defer m.Close()
	if len(m.FDs) != 1 {
		return errors.New("malformed message from init: no mount")
	}
	if err := c.mapTree(m.FDs[0], &s.IDMap); err != nil {
		return err
	}
	return c.letGo()
}

// dropTrees closes the trees that are open. The files of OpenLog stay.
func (c *creation) dropTrees() {
	for _, item := range c.plan.Parent {
		switch s := item.Step.(type) {
		case *plan.OpenTree:
			c.dropTree(s.Slot)
		case *plan.MakeTree:
			c.dropTree(s.Slot)
		case *plan.OpenPID:
			c.dropTree(s.Slot)
		}
	}
}

func (c *creation) dropTree(slot int) {
	if slot < len(c.trees) && c.trees[slot].FD >= 0 {
		unix.Close(c.trees[slot].FD)
		c.trees[slot].FD = -1
	}
}

// mapping is a user namespace that maps the ids of mounts. Most id-mapped mounts
// of a container have the same maps, so the last one is kept for the next.
type mapping struct {
	maps   spawn.IDMaps
	userns int
}

func (m *mapping) close() {
	if m != nil {
		unix.Close(m.userns)
	}
}

// mapTree maps a mount's ids: by a user namespace made for it, or by the
// container's own if that is joined.
func (c *creation) mapTree(fd int, m *plan.IDMap) error {
	maps := spawn.IDMaps{UIDs: m.UIDs, GIDs: m.GIDs}
	if last := c.mapping; last == nil || !slices.Equal(maps.UIDs, last.maps.UIDs) || !slices.Equal(maps.GIDs, last.maps.GIDs) {
		userns, err := c.mappingNamespace(maps)
		if err != nil {
			return fmt.Errorf("make a user namespace for the mount's ids: %w", err)
		}
		last.close()
		c.mapping = &mapping{maps, userns}
	}
	if err := sys.SetMountIDMap(fd, c.mapping.userns, m.Recursive); err != nil {
		return fmt.Errorf("map ids (does the filesystem support it?): %w", err)
	}
	return nil
}

func (c *creation) mappingNamespace(maps spawn.IDMaps) (int, error) {
	if len(maps.UIDs) > 0 {
		return spawn.UserNamespace(maps)
	}
	s := c.spawnStep()
	if s == nil {
		return -1, errors.New("the mappings of a joined user namespace are not known here, expected them in the mount")
	}
	i := slices.IndexFunc(s.Join, func(ns plan.Namespace) bool { return ns.Type == specs.UserNamespace })
	if i < 0 {
		return -1, errors.New("the container has none")
	}
	return sys.OpenNamespace(s.Join[i].Path)
}

package sources

import (
	"errors"
	"fmt"
	"os"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/initlink"
	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/spawn"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv/plan"
	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// Set are the mount trees, and what else of the host, that a plan's parent half opens
// for init.
type Set struct {
	Plan    *plan.Plan
	root    string // the root filesystem's path
	userNS  bool   // the runtime itself is in a user namespace
	Trees   []plan.Tree
	mapping *mapping // of the last id-mapped tree; nil: none
	Rootfs  int      // the root filesystem's directory, where init starts; or -1
	PIDNS   int      // the pid namespace that is joined last; or -1
}

// New is empty: root is the path of the root filesystem, userNS whether the runtime is in
// a user namespace.
func New(root string, userNS bool) Set {
	return Set{root: root, userNS: userNS, Rootfs: -1, PIDNS: -1}
}

// Open opens a mount tree for init. The root filesystem must be a real
// directory: a link there would be resolved with the host's root.
// cgroup is the directory of the container's cgroup, "" if there is none yet.
func (src *Set) Open(s *plan.OpenTree, cgroup string) error {
	path := s.Path
	if path == "" {
		if cgroup == "" {
			return nil // opened later, when systemd has made it
		}
		path = cgroup
	}
	if s.Rootfs {
		if err := src.openRootfs(s.Path); err != nil {
			return err
		}
	}
	if s.Bare {
		fd, err := unix.FcntlInt(uintptr(src.Rootfs), unix.F_DUPFD_CLOEXEC, 3)
		src.Keep(s.Slot, plan.Tree{FD: fd})
		return os.NewSyscallError("fcntl", err)
	}
	t, err := src.cloneTree(s, path)
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
	src.Keep(s.Slot, t)
	if s.Device && t.FD >= 0 {
		return src.protectNode(t.FD, s.Owners)
	}
	if s.IDMap == nil || t.FD < 0 {
		return nil
	}
	return src.MapIDs(t.FD, s.IDMap)
}

// OpenCgroup opens the trees of the container's cgroup, at dir, that were to be opened
// before it was there.
func (src *Set) OpenCgroup(dir string) error {
	locks := plan.Has[*plan.LockTrees](src.Plan.Parent)
	for _, item := range src.Plan.Parent {
		if _, ok := item.Step.(*plan.Spawn); ok {
			return nil // what is opened later finds the cgroup
		}
		s, ok := item.Step.(*plan.OpenTree)
		if !ok || s.Path != "" {
			continue
		}
		if err := src.Open(s, dir); err != nil {
			return err
		}
		if !locks {
			continue
		}
		if err := LockFlags([]*plan.Tree{&src.Trees[s.Slot]}); err != nil {
			return err
		}
	}
	return nil
}

// cloneTree clones a tree. Where that fails it returns the path that it has, of which no
// component is a symbolic link.
func (src *Set) cloneTree(s *plan.OpenTree, path string) (plan.Tree, error) {
	t := plan.Tree{FD: -1}
	source := src.Rootfs
	if !s.Rootfs {
		fd, _, err := src.openHost(unix.AT_FDCWD, path, s.NoFollow)
		if err != nil {
			return t, err
		}
		defer unix.Close(fd)
		source = fd
	}
	var fd int
	var err error
	if s.Namespace {
		fd, err = sys.TreeNamespace(source)
	} else {
		flags := uint(0)
		if s.Recursive {
			flags |= unix.AT_RECURSIVE
		}
		fd, err = sys.CloneTree(source, "", flags)
	}
	switch {
	case err == nil:
		t.FD = fd
		return t, nil
	case src.enters(): // init sees no path of the host
	case s.Rootfs:
		t.Path = "." // where init starts
	default:
		t.Path = pathOf(source)
	}
	return t, errors.Unwrap(err)
}

// enters reports whether init enters a mount namespace without the host's mounts.
func (src *Set) enters() bool {
	return plan.Has[*plan.EnterRootfs](src.Plan.Init)
}

// protectNode makes the mount of a node read-only whose owner the container's user
// namespace maps: its root could change the mode for the whole host. Devices are
// written to also then.
func (src *Set) protectNode(tree int, owners []specs.LinuxIDMapping) error {
	var st unix.Stat_t
	if err := unix.Fstat(tree, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	const overflow = 65534 // the id of users that this process's user namespace does not map
	if src.userNS && st.Uid == overflow {
		return nil
	}
	if len(owners) > 0 && !proc.HasHostID(owners, st.Uid) {
		return nil
	}
	return sys.RestrictMount(tree, unix.MOUNT_ATTR_RDONLY, 0, false)
}

func (src *Set) openRootfs(path string) error {
	fd, err := retry.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return plan.InField("root.path", fmt.Errorf("invalid rootfs: %w", &os.PathError{Op: "stat", Path: path, Err: err}))
	}
	src.Rootfs = fd
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	if kind := st.Mode & unix.S_IFMT; kind != unix.S_IFDIR {
		return plan.InField("root.path", fmt.Errorf("invalid rootfs: %q is a %s, expected a directory", path, sys.FileType(st.Mode)))
	}
	return nil
}

// Make makes a filesystem for init.
func (src *Set) Make(s *plan.MakeTree) error {
	var fd int
	var err error
	if s.JoinedPID {
		fd, err = sys.ProcOf(src.PIDNS, s.Source, s.Params)
	} else {
		params := s.Params
		if s.Type == "overlay" {
			if params, err = src.layers(params); err != nil {
				return err
			}
		}
		fd, err = sys.NewFilesystemWith(s.Type, s.Source, params, "", 0)
	}
	if err != nil {
		return err
	}
	src.Keep(s.Slot, plan.Tree{FD: fd})
	if s.IDMap == nil {
		return nil
	}
	return src.MapIDs(fd, s.IDMap)
}

// OpenPID opens the pid namespace that is joined last.
func (src *Set) OpenPID(s *plan.OpenPID) error {
	fd, err := sys.OpenNamespace(s.Path)
	if err != nil {
		return err
	}
	src.Keep(s.Slot, plan.Tree{FD: fd})
	src.PIDNS, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	return os.NewSyscallError("fcntl", err)
}

// Keep puts a tree into a slot.
func (src *Set) Keep(slot int, t plan.Tree) {
	for len(src.Trees) <= slot {
		src.Trees = append(src.Trees, plan.Tree{FD: -1})
	}
	src.Trees[slot] = t
}

// Send sends init the trees that it has asked for, which are its own then.
func (src *Set) Send(s *plan.SendTrees, init *initlink.Init) error {
	trees := src.Trees[s.First:s.End]
	payload := codec.Encode(func(to *codec.Coder) { wire.CodeTrees(to, &trees) })
	if err := init.Send(wire.Trees, payload, wire.FDs(trees)...); err != nil {
		return err
	}
	src.Drop()
	return nil
}

// MapLent maps the ids of a mount that init lends.
func (src *Set) MapLent(s *plan.MapTree, init *initlink.Init) error {
	mount, err := init.Receive(wire.Lent, "mount")
	if err != nil {
		return err
	}
	defer unix.Close(mount)
	if err := src.MapIDs(mount, &s.IDMap); err != nil {
		return err
	}
	return init.Continue()
}

// Drop closes the trees that are open. The files of OpenLog stay.
func (src *Set) Drop() {
	for _, item := range src.Plan.Parent {
		switch s := item.Step.(type) {
		case *plan.OpenTree:
			src.DropSlot(s.Slot)
		case *plan.MakeTree:
			src.DropSlot(s.Slot)
		case *plan.OpenPID:
			src.DropSlot(s.Slot)
		}
	}
}

// Close closes all.
func (src *Set) Close() {
	for slot := range src.Trees {
		src.DropSlot(slot)
	}
	src.Unmap()
	for _, fd := range [...]*int{&src.Rootfs, &src.PIDNS} {
		if *fd >= 0 {
			unix.Close(*fd)
			*fd = -1
		}
	}
}

// Unmap closes the user namespace that maps ids.
func (src *Set) Unmap() {
	src.mapping.close()
	src.mapping = nil
}

// DropSlot closes the tree in a slot.
func (src *Set) DropSlot(slot int) {
	if slot < len(src.Trees) && src.Trees[slot].FD >= 0 {
		unix.Close(src.Trees[slot].FD)
		src.Trees[slot].FD = -1
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

// MapIDs maps a mount's ids: by a user namespace made for it, or by the
// container's own if that is joined.
func (src *Set) MapIDs(fd int, m *plan.IDMap) error {
	maps := spawn.IDMaps{UIDs: m.UIDs, GIDs: m.GIDs}
	if last := src.mapping; last == nil || !slices.Equal(maps.UIDs, last.maps.UIDs) || !slices.Equal(maps.GIDs, last.maps.GIDs) {
		userns, err := mappingNamespace(maps, m.UserNS)
		if err != nil {
			return fmt.Errorf("make a user namespace for the mount's ids: %w", err)
		}
		last.close()
		src.mapping = &mapping{maps, userns}
	}
	if err := sys.SetMountIDMap(fd, src.mapping.userns, m.Recursive); err != nil {
		return fmt.Errorf("map ids (does the filesystem support it?): %w", err)
	}
	return nil
}

// mappingNamespace makes a user namespace with the maps or, without any, opens
// the one that is joined.
func mappingNamespace(maps spawn.IDMaps, joined string) (int, error) {
	switch {
	case len(maps.UIDs) > 0:
		return spawn.UserNamespace(maps)
	case joined == "":
		return -1, errors.New("the mappings of a joined user namespace are not known here, expected them in the mount")
	}
	return sys.OpenNamespace(joined)
}

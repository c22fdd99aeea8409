package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/initlink"
	"github.com/crun-go/crun-go/libcontainer/spawn"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv/plan"
	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// sources are the mount trees, and what else of the host, that a plan's parent half opens
// for init.
type sources struct {
	plan    *plan.Plan
	root    string // the root filesystem's path
	userNS  bool   // the runtime itself is in a user namespace
	trees   []plan.Tree
	mapping *mapping // of the last id-mapped tree; nil: none
	rootfs  int      // the root filesystem's directory, where init starts; or -1
	pidns   int      // the pid namespace that is joined last; or -1
}

func newSources(root string, userNS bool) sources {
	return sources{root: root, userNS: userNS, rootfs: -1, pidns: -1}
}

// open opens a mount tree for init. The root filesystem must be a real
// directory: a link there would be resolved with the host's root.
// cgroup is the directory of the container's cgroup, "" if there is none yet.
func (src *sources) open(s *plan.OpenTree, cgroup string) error {
	path := s.Path
	if path == "" {
		if cgroup == "" {
			return nil // see openUnitTrees
		}
		path = cgroup
	}
	if s.Rootfs {
		if err := src.openRootfs(s.Path); err != nil {
			return err
		}
	}
	if s.Bare {
		fd, err := unix.FcntlInt(uintptr(src.rootfs), unix.F_DUPFD_CLOEXEC, 3)
		src.keep(s.Slot, plan.Tree{FD: fd})
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
	src.keep(s.Slot, t)
	if s.Device && t.FD >= 0 {
		return src.protectNode(t.FD, s.Owners)
	}
	if s.IDMap == nil || t.FD < 0 {
		return nil
	}
	return src.mapIDs(t.FD, s.IDMap)
}

// cloneTree clones a tree. Where that fails it returns the path that it has, of which no
// component is a symbolic link.
func (src *sources) cloneTree(s *plan.OpenTree, path string) (plan.Tree, error) {
	t := plan.Tree{FD: -1}
	source := src.rootfs
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
func (src *sources) enters() bool {
	return slices.ContainsFunc(src.plan.Init, func(i plan.Item) bool { _, ok := i.Step.(*plan.EnterRootfs); return ok })
}

// protectNode makes the mount of a node read-only whose owner the container's user
// namespace maps: its root could change the mode for the whole host. Devices are
// written to also then.
func (src *sources) protectNode(tree int, owners []specs.LinuxIDMapping) error {
	var st unix.Stat_t
	if err := unix.Fstat(tree, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	const overflow = 65534 // who is not mapped in this process's own user namespace
	if src.userNS && st.Uid == overflow {
		return nil
	}
	if len(owners) > 0 && !slices.ContainsFunc(owners, func(m specs.LinuxIDMapping) bool { return st.Uid >= m.HostID && st.Uid-m.HostID < m.Size }) {
		return nil
	}
	return sys.RestrictMount(tree, unix.MOUNT_ATTR_RDONLY, 0, false)
}

func (src *sources) openRootfs(path string) error {
	fd, err := retry.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return plan.InField("root.path", fmt.Errorf("invalid rootfs: %w", &os.PathError{Op: "stat", Path: path, Err: err}))
	}
	src.rootfs = fd
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	if kind := st.Mode & unix.S_IFMT; kind != unix.S_IFDIR {
		return plan.InField("root.path", fmt.Errorf("invalid rootfs: %q is a %s, expected a directory", path, sys.FileType(st.Mode)))
	}
	return nil
}

// make makes a filesystem for init.
func (src *sources) make(s *plan.MakeTree) error {
	var fd int
	var err error
	if s.JoinedPID {
		fd, err = sys.ProcOf(src.pidns, s.Source, s.Params)
	} else {
		fd, err = sys.NewFilesystem(s.Type, s.Source, s.Params, 0)
	}
	if err != nil {
		return err
	}
	src.keep(s.Slot, plan.Tree{FD: fd})
	if s.IDMap == nil {
		return nil
	}
	return src.mapIDs(fd, s.IDMap)
}

// openPID opens the pid namespace that is joined last.
func (src *sources) openPID(s *plan.OpenPID) error {
	fd, err := sys.OpenNamespace(s.Path)
	if err != nil {
		return err
	}
	src.keep(s.Slot, plan.Tree{FD: fd})
	src.pidns, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	return os.NewSyscallError("fcntl", err)
}

func (src *sources) keep(slot int, t plan.Tree) {
	for len(src.trees) <= slot {
		src.trees = append(src.trees, plan.Tree{FD: -1})
	}
	src.trees[slot] = t
}

// send sends init the trees that it has asked for, which are its own then.
func (src *sources) send(s *plan.SendTrees, init *initlink.Init) error {
	trees := src.trees[s.First:s.End]
	payload := codec.Encode(func(to *codec.Coder) { wire.CodeTrees(to, &trees) })
	if err := init.Send(wire.Trees, payload, wire.FDs(trees)...); err != nil {
		return err
	}
	src.drop()
	return nil
}

// mapLent maps the ids of a mount that init lends.
func (src *sources) mapLent(s *plan.MapTree, init *initlink.Init) error {
	mount, err := init.Receive(wire.Lent, "mount")
	if err != nil {
		return err
	}
	defer unix.Close(mount)
	if err := src.mapIDs(mount, &s.IDMap); err != nil {
		return err
	}
	return init.Continue()
}

// drop closes the trees that are open. The files of OpenLog stay.
func (src *sources) drop() {
	for _, item := range src.plan.Parent {
		switch s := item.Step.(type) {
		case *plan.OpenTree:
			src.dropTree(s.Slot)
		case *plan.MakeTree:
			src.dropTree(s.Slot)
		case *plan.OpenPID:
			src.dropTree(s.Slot)
		}
	}
}

// close closes all.
func (src *sources) close() {
	for slot := range src.trees {
		src.dropTree(slot)
	}
	src.unmap()
	for _, fd := range [...]*int{&src.rootfs, &src.pidns} {
		if *fd >= 0 {
			unix.Close(*fd)
			*fd = -1
		}
	}
}

func (src *sources) unmap() {
	src.mapping.close()
	src.mapping = nil
}

func (src *sources) dropTree(slot int) {
	if slot < len(src.trees) && src.trees[slot].FD >= 0 {
		unix.Close(src.trees[slot].FD)
		src.trees[slot].FD = -1
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

// mapIDs maps a mount's ids: by a user namespace made for it, or by the
// container's own if that is joined.
func (src *sources) mapIDs(fd int, m *plan.IDMap) error {
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

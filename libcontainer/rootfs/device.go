package rootfs

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/specconv/plan"
)

// parent opens the directory that path is in, making it if needed.
func (r *rootdir) parent(path string) (dir int, name string, err error) {
	above, name := sys.SplitPath(path)
	if name == "" {
		return -1, "", fault.New(0, "%q names no file").Str(path)
	}
	dir, err = sys.MkdirAllInRoot(r.root, above, dirMode)
	return dir, name, err
}

// MakeDevice makes a device node, relative to its directory's descriptor and
// following no link (CVE-2026-41579, CVE-2026-47766).
func (b *Builder) MakeDevice(s *plan.MakeDevice) error {
	kind, err := deviceKind(s.Type)
	if err != nil {
		return err
	}
	if s.Slot >= 0 {
		tree, err := b.tree(s.Slot)
		if err != nil {
			return err
		}
		return b.bindDevice(&s.Node, kind, tree, 0)
	}
	dir, name, err := b.parent(s.Path)
	if err != nil {
		return err
	}
	bind, err := makeDevice(dir, name, kind, s)
	raw.Close(dir)
	if err != nil || !bind {
		return err
	}
	tree, err := sys.CloneTree(unix.AT_FDCWD, s.Path, unix.AT_SYMLINK_NOFOLLOW)
	if err != nil {
		return fault.Call("mknod", unix.EPERM)
	}
	// Its mode is not the container's to change, see package sources.
	return b.bindDevice(&s.Node, kind, tree, unix.MOUNT_ATTR_RDONLY)
}

// makeDevice makes a node in its directory. Where that is not allowed, the host's node must
// be bound.
func makeDevice(dir int, name string, kind uint32, s *plan.MakeDevice) (bind bool, err error) {
	number := unix.Mkdev(uint32(s.Major), uint32(s.Minor))
	switch errno := raw.Mknod(dir, name, kind|s.Mode&0o7777, number); errno {
	case 0:
	case unix.EEXIST:
		return false, checkDevice(dir, name, kind, s)
	case unix.EPERM:
		if s.NodeOnly {
			return false, fault.Call("mknod", errno)
		}
		return true, nil
	default:
		return false, fault.Call("mknod", errno)
	}
	if s.UID == 0 && s.GID == 0 {
		return false, nil
	}
	return false, fault.Call("chown", raw.Chown(dir, name, int(s.UID), int(s.GID)))
}

func deviceKind(word string) (uint32, error) {
	switch word {
	case "c", "u":
		return unix.S_IFCHR, nil
	case "b":
		return unix.S_IFBLK, nil
	case "p":
		return unix.S_IFIFO, nil
	}
	return 0, fault.New(0, "invalid device type %q").Str(word)
}

// checkDevice accepts an inode that is there already only if it is the device
// that is asked for.
func checkDevice(dir int, name string, kind uint32, s *plan.MakeDevice) error {
	fd, errno := raw.Open(dir, name, unix.O_PATH|unix.O_NOFOLLOW, 0)
	if errno != 0 {
		return fault.Path("open", s.Path, errno)
	}
	err := sys.CheckDevice(fd, kind, uint32(s.Major), uint32(s.Minor))
	raw.Close(fd)
	if err != nil {
		return fault.Of(err).In("%q is there already").Str(s.Path).Mark(fault.Occupied)
	}
	return nil
}

// bindDevice attaches the host's node.
func (b *Builder) bindDevice(n *plan.Node, kind uint32, tree int, attr uint64) error {
	err := hostNode(tree, n, kind, attr)
	if err == nil {
		var target int
		if target, _, err = b.target(n.Path, false, false); err == nil {
			err = sys.AttachMount(tree, target)
			raw.Close(target)
		}
	}
	raw.Close(tree)
	return err
}

// hostNode makes the mount of the host's node ready to be attached, as a slave: the clone of
// a shared mount is in the peer group of the host's /dev, where all that the container mounts
// on the node would appear.
func hostNode(tree int, n *plan.Node, kind uint32, attr uint64) error {
	if err := sys.CheckDevice(tree, kind, uint32(n.Major), uint32(n.Minor)); err != nil {
		return err
	}
	return sys.RestrictMount(tree, attr, unix.MS_SLAVE, false)
}

// MakeSymlink makes a symbolic link unless something has its name.
func (r *rootdir) MakeSymlink(s *plan.MakeSymlink) error {
	dir, name, err := r.parent(s.Path)
	if err != nil {
		return err
	}
	errno := raw.Symlink(s.Target, dir, name)
	raw.Close(dir)
	if errno == unix.EEXIST {
		return nil
	}
	return fault.Call("symlink", errno)
}

// MakeDir makes a directory. On a read-only filesystem what is missing stays
// missing: the step that needs the directory reports it.
func (r *rootdir) MakeDir(s *plan.MakeDir) error {
	fd, err := sys.MkdirAllInRoot(r.root, s.Path, dirMode)
	if fault.Is(err, unix.EROFS) {
		return nil
	}
	if err == nil {
		raw.Close(fd)
	}
	return err
}

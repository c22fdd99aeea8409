package rootfs

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/plan"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// parent opens the directory that path is in, making it if needed.
func (b *Builder) parent(path string) (dir int, name string, err error) {
	above, name := sys.SplitPath(path)
	if name == "" {
		return -1, "", fmt.Errorf("%q names no file", path)
	}
	dir, err = sys.MkdirAllInRoot(b.root, above, dirMode)
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
		return b.bindDevice(s, kind, tree, 0)
	}
	dir, name, err := b.parent(s.Path)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	number := unix.Mkdev(uint32(s.Major), uint32(s.Minor))
	switch err := unix.Mknodat(dir, name, kind|s.Mode&0o7777, int(number)); err {
	case nil:
	case unix.EEXIST:
		return checkDevice(dir, name, kind, s)
	case unix.EPERM:
		if s.NodeOnly {
			return os.NewSyscallError("mknod", err)
		}
		tree, cloneErr := sys.CloneTree(unix.AT_FDCWD, s.Path, unix.AT_SYMLINK_NOFOLLOW)
		if cloneErr != nil {
			return os.NewSyscallError("mknod", err)
		}
		// Its mode is not the container's to change, see creation.protectNode.
		return b.bindDevice(s, kind, tree, unix.MOUNT_ATTR_RDONLY)
	default:
		return os.NewSyscallError("mknod", err)
	}
	if s.UID == 0 && s.GID == 0 {
		return nil
	}
	return os.NewSyscallError("chown", unix.Fchownat(dir, name, int(s.UID), int(s.GID), unix.AT_SYMLINK_NOFOLLOW))
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
	return 0, fmt.Errorf("invalid device type %q", word)
}

// checkDevice accepts an inode that is there already only if it is the device
// that is asked for.
func checkDevice(dir int, name string, kind uint32, s *plan.MakeDevice) error {
	fd, err := retry.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: s.Path, Err: err}
	}
	defer unix.Close(fd)
	if err := sys.CheckDevice(fd, kind, uint32(s.Major), uint32(s.Minor)); err != nil {
		return fmt.Errorf("%q is there already: %w", s.Path, err)
	}
	return nil
}

// bindDevice attaches the host's node, as a slave: the clone of a shared mount
// is in the peer group of the host's /dev, where all that the container mounts
// on the node would appear.
func (b *Builder) bindDevice(s *plan.MakeDevice, kind uint32, tree int, attr uint64) error {
	defer unix.Close(tree)
	if err := sys.CheckDevice(tree, kind, uint32(s.Major), uint32(s.Minor)); err != nil {
		return err
	}
	if err := sys.RestrictMount(tree, attr, unix.MS_SLAVE, false); err != nil {
		return err
	}
	target, _, err := b.target(s.Path, false, false)
	if err != nil {
		return err
	}
	defer unix.Close(target)
	return sys.AttachMount(tree, target)
}

// MakeSymlink makes a symbolic link unless something has its name.
func (b *Builder) MakeSymlink(s *plan.MakeSymlink) error {
	dir, name, err := b.parent(s.Path)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	err = unix.Symlinkat(s.Target, dir, name)
	if err == unix.EEXIST {
		return nil
	}
	return os.NewSyscallError("symlink", err)
}

// MakeDir makes a directory. On a read-only filesystem what is missing stays
// missing: the step that needs the directory tells.
func (b *Builder) MakeDir(s *plan.MakeDir) error {
	fd, err := sys.MkdirAllInRoot(b.root, s.Path, dirMode)
	if errors.Is(err, unix.EROFS) {
		return nil
	}
	if err != nil {
		return err
	}
	unix.Close(fd)
	return nil
}

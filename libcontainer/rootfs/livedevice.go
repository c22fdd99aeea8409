package rootfs

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/specconv/plan"
)

// file is one that was made in a container that exists: a device node, or what the host's
// is mounted on.
type file struct {
	dir      int32 // the directory it is in
	name     string
	dev, ino uint64
}

// same reports whether the name still is that file's.
func (f *file) same() bool {
	fd, errno := raw.Open(int(f.dir), f.name, unix.O_PATH|unix.O_NOFOLLOW, 0)
	if errno != 0 {
		return false
	}
	dev, ino, errno := identity(fd)
	raw.Close(fd)
	return errno == 0 && dev == f.dev && ino == f.ino
}

// files are those that were made, in order.
type files struct {
	list  [plan.MaxDevices]file
	count int
}

// undo removes them.
func (f *files) undo() (failed unix.Errno) {
	for ; f.count > 0; f.count-- {
		last := &f.list[f.count-1]
		if last.same() {
			if errno := raw.Unlink(int(last.dir), last.name); errno != unix.ENOENT && failed == 0 {
				failed = errno
			}
		}
		raw.Close(int(last.dir))
	}
	return failed
}

// identity is what identifies a file.
func identity(fd int) (dev, ino uint64, errno unix.Errno) {
	var st unix.Statx_t
	errno = raw.Stat(fd, unix.STATX_INO, &st)
	return unix.Mkdev(st.Dev_major, st.Dev_minor), st.Ino, errno
}

// AddDevice makes a node in a container that exists, where nothing is yet, and remembers
// it as long as it may have to be taken back.
func (b *Builder) AddDevice(s *plan.AddDevice) error {
	made := &b.live.made
	if made.count == len(made.list) {
		return fault.New(unix.E2BIG, "more than %d devices at once").Num(plan.MaxDevices)
	}
	kind, err := deviceKind(s.Type)
	if err != nil {
		return err
	}
	dir, name, err := b.plainParent(s.Path)
	if err != nil {
		return err
	}
	if err := suitable(dir, s); err != nil {
		raw.Close(dir)
		return err
	}
	fd, err := makeFile(dir, name, kind, s)
	if err != nil {
		raw.Close(dir)
		return err
	}
	if s.Slot < 0 {
		err = sys.CheckDevice(fd, kind, uint32(s.Major), uint32(s.Minor))
	} else {
		err = sys.CheckDevice(fd, unix.S_IFREG, 0, 0)
	}
	if err != nil { // exchanged meanwhile
		raw.Close(fd)
		raw.Close(dir)
		return err
	}
	f := &made.list[made.count]
	f.dir, f.name = int32(dir), name
	var errno unix.Errno
	if f.dev, f.ino, errno = identity(fd); errno != 0 {
		raw.Close(fd)
		raw.Close(dir)
		return fault.Call("statx", errno)
	}
	made.count++
	if s.Slot < 0 {
		if s.UID != 0 || s.GID != 0 {
			err = fault.Call("chown", raw.Chown(fd, "", int(s.UID), int(s.GID)))
		}
	} else {
		err = b.mountNode(fd, kind, s)
	}
	raw.Close(fd)
	return err
}

// plainParent opens the directory that a path is in, making it if needed. A symbolic link
// is followed nowhere: it could lead to a volume, of the host's.
func (r *rootdir) plainParent(path string) (dir int, name string, err error) {
	above, name := sys.SplitPath(path)
	if name == "" {
		return -1, "", fault.New(0, "%q names no file").Str(path)
	}
	dir, err = sys.OpenPlain(r.root, above, unix.O_PATH|unix.O_DIRECTORY)
	if fault.Is(err, unix.ENOENT) {
		if dir, err = sys.MkdirAllInRoot(r.root, above, dirMode); err == nil {
			raw.Close(dir)
			dir, err = sys.OpenPlain(r.root, above, unix.O_PATH|unix.O_DIRECTORY)
		}
	}
	if fault.Is(err, unix.ELOOP) {
		fault.Of(err).Text = "%s %s: %e: a symbolic link is on the way: name the place itself"
	}
	return dir, name, err
}

// suitable refuses a directory in which the node would be the host's, or of no use.
func suitable(dir int, s *plan.AddDevice) error {
	dev, _, errno := identity(dir)
	if errno != 0 {
		return fault.Call("statx", errno)
	}
	if dev == s.HostDev {
		return fault.New(0, "the directory is the host's, on which the device is there already")
	}
	const nodev = 0x4 // ST_NODEV
	var st unix.Statfs_t
	if errno := raw.Filesystem(dir, &st); errno != 0 {
		return fault.Call("statfs", errno)
	}
	if s.Slot < 0 && st.Flags&nodev != 0 {
		return fault.New(0, "the directory is mounted with nodev, which forbids the use of devices there")
	}
	return nil
}

// makeFile makes the node, or an empty file for a mount, and opens it (O_PATH).
func makeFile(dir int, name string, kind uint32, s *plan.AddDevice) (int, error) {
	mode, number := kind|s.Mode&0o7777, unix.Mkdev(uint32(s.Major), uint32(s.Minor))
	if s.Slot >= 0 {
		mode, number = unix.S_IFREG|0o644, 0
	}
	errno := raw.Mknod(dir, name, mode, number)
	if errno == unix.EEXIST {
		return -1, fault.New(0, "%q is there already").Str(s.Path)
	}
	if errno != 0 {
		return -1, fault.Call("mknod", errno)
	}
	fd, errno := raw.Open(dir, name, unix.O_PATH|unix.O_NOFOLLOW, 0)
	if errno != 0 {
		return -1, fault.Path("open", s.Path, errno)
	}
	return fd, nil
}

// mountNode mounts the host's node on the file.
func (b *Builder) mountNode(fd int, kind uint32, s *plan.AddDevice) error {
	tree, err := b.tree(s.Slot)
	if err != nil {
		return err
	}
	if err = hostNode(tree, &s.Node, kind, 0); err == nil {
		err = b.attach(tree, fd, s.Path)
	}
	raw.Close(tree)
	return err
}

// RemoveDevice removes what AddDevice has made. What the container has put in its place is
// its own, and stays.
func (b *Builder) RemoveDevice(s *plan.RemoveDevice) error {
	kind, err := deviceKind(s.Type)
	if err != nil {
		return err
	}
	above, name := sys.SplitPath(s.Path)
	dir, err := sys.OpenPlain(b.root, above, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		if fault.Is(err, unix.ENOENT) || fault.Is(err, unix.ENOTDIR) || fault.Is(err, unix.ELOOP) {
			return nil
		}
		return err
	}
	if s.Bound {
		err = b.live.detachNode(dir, name, kind, s)
	}
	if err == nil {
		err = unlinkNode(dir, name, kind, s)
	}
	raw.Close(dir)
	return err
}

// detachNode takes away the mount of the host's node.
func (l *live) detachNode(dir int, name string, kind uint32, s *plan.RemoveDevice) error {
	fd, errno := raw.Open(dir, name, unix.O_PATH|unix.O_NOFOLLOW, 0)
	if errno == unix.ENOENT {
		return nil
	}
	if errno != 0 {
		return fault.Path("open", s.Path, errno)
	}
	id, err := mountID(fd)
	ours := err == nil && id == s.Mount
	if s.Mount == 0 {
		ours = err == nil && checkMount(fd) == nil && sys.CheckDevice(fd, kind, uint32(s.Major), uint32(s.Minor)) == nil
	}
	if ours {
		err = fault.Call("umount", l.detach(fd))
	}
	raw.Close(fd)
	return err
}

// unlinkNode removes the file.
func unlinkNode(dir int, name string, kind uint32, s *plan.RemoveDevice) error {
	fd, errno := raw.Open(dir, name, unix.O_PATH|unix.O_NOFOLLOW, 0)
	if errno == unix.ENOENT {
		return nil
	}
	if errno != 0 {
		return fault.Path("open", s.Path, errno)
	}
	dev, ino, errno := identity(fd)
	// The inode may be that of a later file.
	ours := isLeft(fd, kind, s) && (s.Ino == 0 || errno == 0 && dev == s.Dev && ino == s.Ino)
	raw.Close(fd)
	if !ours {
		return nil
	}
	if errno = raw.Unlink(dir, name); errno == unix.ENOENT {
		errno = 0
	}
	return fault.Call("unlink", errno)
}

// isLeft reports whether a file is what an AddDevice may have made: the node, or an empty
// file under the mount.
func isLeft(fd int, kind uint32, s *plan.RemoveDevice) bool {
	if !s.Bound {
		return sys.CheckDevice(fd, kind, uint32(s.Major), uint32(s.Minor)) == nil
	}
	var st unix.Statx_t
	errno := raw.Stat(fd, unix.STATX_TYPE|unix.STATX_SIZE, &st)
	return errno == 0 && st.Mode&unix.S_IFMT == unix.S_IFREG && st.Size == 0
}

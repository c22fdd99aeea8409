package rootfs

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/specconv/plan"
)

// masks are what paths are hidden by.
type masks struct {
	null         int // a mount of the host's /dev/null
	nullAttached bool
	mask         int // an empty read-only tmpfs that is attached somewhere
}

// openExisting opens a path if it is there: -1 and no error if not. That it can't be
// looked for is an error, EACCES too: others than init may find it. So is a link to
// the root itself: what is mounted on that is never seen.
func (r *rootdir) openExisting(path string) (fd int, mode uint16, err error) {
	fd, err = r.openBelow(path, unix.O_PATH)
	if fault.Is(err, unix.ENOENT) || fault.Is(err, unix.ENOTDIR) {
		return -1, 0, nil
	}
	if err != nil {
		return -1, 0, err
	}
	mode, err = r.belowRoot(fd, path)
	if err != nil {
		raw.Close(fd)
		return -1, 0, err
	}
	return fd, mode, nil
}

// belowRoot refuses a link to the root itself, and returns the mode of what is not. A
// mount on the root is visible only to a process that enters the mount namespace later,
// and is its root.
func (r *rootdir) belowRoot(fd int, path string) (mode uint16, err error) {
	var st unix.Statx_t
	err = statMount(fd, &st)
	if err == nil && r.top.Ino == 0 {
		err = statMount(r.root, &r.top)
	}
	if err == nil && sameMount(&st, &r.top) {
		err = fault.New(0, "%q leads to the root filesystem itself").Str(path)
	}
	return st.Mode, err
}

// MaskPath hides a path.
func (b *Builder) MaskPath(s *plan.MaskPath) error {
	target, mode, err := b.openExisting(s.Path)
	if err != nil || target < 0 {
		return err
	}
	if mode&unix.S_IFMT == unix.S_IFDIR {
		err = b.maskDir(target, s.Path)
	} else {
		err = b.maskFile(target)
	}
	raw.Close(target)
	return err
}

// cloneNull clones the mount of the host's /dev/null: init still has the host's root, so
// no image can have swapped it, and it is verified all the same
// (CVE-2025-31133).
func cloneNull() (int, error) {
	null, err := sys.OpenNull()
	if err != nil {
		return -1, err
	}
	mount, err := sys.CloneTree(null, "", 0)
	raw.Close(null)
	return mount, err
}

// maskFile attaches the host's /dev/null. The first such mount is what further ones are
// cloned of.
func (m *masks) maskFile(target int) error {
	mount, err := m.null, error(nil)
	switch {
	case m.nullAttached:
		mount, err = sys.CloneTree(m.null, "", 0)
	case m.null < 0:
		mount, err = cloneNull()
	}
	if err != nil {
		return err
	}
	err = sys.RestrictMount(mount, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC, unix.MS_PRIVATE, false)
	if err == nil {
		err = sys.AttachMount(mount, target)
	}
	if err == nil && !m.nullAttached {
		m.null, m.nullAttached = mount, true
		return nil
	}
	raw.Close(mount)
	return err
}

// emptyDir makes an empty read-only tmpfs.
func emptyDir() (int, error) {
	params := [...]string{"ro", "size=4k", "nr_inodes=1", "mode=755"}
	return sys.NewFilesystem("tmpfs", "tmpfs", params[:],
		unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
}

// maskDir attaches an empty directory, one for all. Kernels before 6.15 clone only
// mounts that are attached, so the first is kept for cloning.
func (b *Builder) maskDir(target int, path string) error {
	if b.mask < 0 {
		mount, err := emptyDir()
		if err != nil {
			return err
		}
		b.mask = mount
		return b.attach(mount, target, path)
	}
	mount, err := sys.CloneTree(b.mask, "", 0)
	if err != nil {
		return err
	}
	err = b.attach(mount, target, path)
	raw.Close(mount)
	return err
}

// ReadonlyPath covers a path by a read-only mount of itself.
func (b *Builder) ReadonlyPath(s *plan.ReadonlyPath) error {
	target, _, err := b.openExisting(s.Path)
	if err != nil || target < 0 {
		return err
	}
	mount, err := sys.CloneTree(target, "", unix.AT_RECURSIVE)
	if err == nil {
		if err = sys.RestrictMount(mount, unix.MOUNT_ATTR_RDONLY, 0, true); err == nil {
			err = b.attach(mount, target, s.Path)
		}
		raw.Close(mount)
	}
	raw.Close(target)
	return err
}

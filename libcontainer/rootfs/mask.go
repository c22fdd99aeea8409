package rootfs

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/plan"
	"github.com/crun-go/crun-go/libcontainer/sys"
)

// openExisting opens a path if it is there: -1 and no error if not. That it can't be
// looked for is an error, EACCES too: others than init may find it. So is a link to
// the root itself: what is mounted on that is never seen.
func (b *Builder) openExisting(path string) (fd int, mode uint16, err error) {
	fd, err = b.openBelow(path, unix.O_PATH)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return -1, 0, nil
	}
	if err != nil {
		return -1, 0, err
	}
	var st unix.Statx_t
	err = statMount(fd, &st)
	if err == nil && b.top.Ino == 0 {
		err = statMount(b.root, &b.top)
	}
	if err == nil && sameMount(&st, &b.top) {
		err = fmt.Errorf("%q leads to the root filesystem itself", path)
	}
	if err != nil {
		unix.Close(fd)
		return -1, 0, err
	}
	return fd, st.Mode, nil
}

// MaskPath hides a path.
func (b *Builder) MaskPath(s *plan.MaskPath) error {
	target, mode, err := b.openExisting(s.Path)
	if err != nil || target < 0 {
		return err
	}
	defer unix.Close(target)
	if mode&unix.S_IFMT == unix.S_IFDIR {
		return b.maskDir(target, s.Path)
	}
	return maskFile(target)
}

// maskFile attaches the host's /dev/null: init still has the host's root, so
// no image can have swapped it, and it is verified all the same
// (CVE-2025-31133).
func maskFile(target int) error {
	null, err := sys.OpenNull()
	if err != nil {
		return err
	}
	defer unix.Close(null)
	mount, err := sys.CloneTree(null, "", 0)
	if err != nil {
		return err
	}
	defer unix.Close(mount)
	if err := sys.RestrictMount(mount, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC, unix.MS_PRIVATE, false); err != nil {
		return err
	}
	return sys.AttachMount(mount, target)
}

// maskDir attaches an empty read-only tmpfs, one for all directories. Kernels
// before 6.15 clone only mounts that are attached, so the first is kept for
// cloning.
func (b *Builder) maskDir(target int, path string) error {
	var mount int
	var err error
	if b.mask < 0 {
		mount, err = sys.NewFilesystem("tmpfs", "tmpfs", []string{"ro", "size=4k", "nr_inodes=1", "mode=755"},
			unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
		b.mask = mount
	} else if mount, err = sys.CloneTree(b.mask, "", 0); err == nil {
		defer unix.Close(mount)
	}
	if err != nil {
		return err
	}
	return b.attach(mount, target, path)
}

// ReadonlyPath covers a path by a read-only mount of itself.
func (b *Builder) ReadonlyPath(s *plan.ReadonlyPath) error {
	target, _, err := b.openExisting(s.Path)
	if err != nil || target < 0 {
		return err
	}
	defer unix.Close(target)
	mount, err := sys.CloneTree(target, "", unix.AT_RECURSIVE)
	if err != nil {
		return err
	}
	defer unix.Close(mount)
	if err := sys.RestrictMount(mount, unix.MOUNT_ATTR_RDONLY, 0, true); err != nil {
		return err
	}
	return b.attach(mount, target, s.Path)
}

package rootfs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/plan"
	"github.com/crun-go/crun-go/libcontainer/sys"
)

// openExisting opens a path if it is there: -1 and no error if not. A path
// that this user may not even see is as good as not there.
func (b *Builder) openExisting(path string) (int, error) {
	fd, err := sys.OpenInRoot(b.root, path, unix.O_PATH)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.EACCES) {
		return -1, nil
	}
	return fd, err
}

// MaskPath hides a path.
func (b *Builder) MaskPath(s *plan.MaskPath) error {
	target, err := b.openExisting(s.Path)
	if err != nil || target < 0 {
		return err
	}
	defer unix.Close(target)
	var st unix.Stat_t
	if err := unix.Fstat(target, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return b.maskDir(target)
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
func (b *Builder) maskDir(target int) error {
	if b.mask >= 0 {
		mount, err := sys.CloneTree(b.mask, "", 0)
		if err != nil {
			return err
		}
		defer unix.Close(mount)
		return b.attach(mount, target)
	}
	mount, err := sys.NewFilesystem("tmpfs", "tmpfs", []string{"ro", "size=4k", "nr_inodes=1", "mode=755"},
		unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
	if err != nil {
		return err
	}
	b.mask = mount
	return b.attach(mount, target)
}

// ReadonlyPath covers a path by a read-only mount of itself.
func (b *Builder) ReadonlyPath(s *plan.ReadonlyPath) error {
	target, err := b.openExisting(s.Path)
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
	return sys.AttachMount(mount, target)
}

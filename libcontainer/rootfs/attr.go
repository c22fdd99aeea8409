package rootfs

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/plan"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// Attributes are taken away from mounts in this file only. It may be done: a
// container in the runtime's own user namespace has them because its
// configuration asks for it. In one of another user namespace those that the host
// has set came locked (see plan.LockTrees), so the kernel refuses to clear them.

// setAttr gives a mount of something that is mounted already its own
// attributes. What nobody has asked for stays without a word if it is locked.
func setAttr(mount int, o *plan.MountOptions) error {
	if o.Attr == (plan.Attr{}) && o.Others == 0 {
		return nil
	}
	err := sys.ChangeMountAttr(mount, o.Attr.Set, o.Attr.Clear|o.Others, false)
	if errors.Is(err, unix.EPERM) && o.Others != 0 {
		err = sys.ChangeMountAttr(mount, o.Attr.Set, o.Attr.Clear, false)
	}
	return lockedError(mount, o.Attr, "", err)
}

// apply sets what a mount asks for beyond its own attributes.
func apply(mount int, o *plan.MountOptions) error {
	if all := o.Recursive; all != (plan.Attr{}) {
		if err := sys.ChangeMountAttr(mount, all.Set, all.Clear, true); err != nil {
			return lockedError(mount, all, "r", err)
		}
	}
	for _, p := range o.Propagation {
		if err := setPropagation(mount, p); err != nil {
			return err
		}
	}
	return nil
}

// setOwnAttr sets attributes of a filesystem that was made for this container,
// which the host has set nothing of.
func setOwnAttr(mount int, attr plan.Attr) error {
	if attr == (plan.Attr{}) {
		return nil
	}
	return sys.ChangeMountAttr(mount, attr.Set, attr.Clear, false)
}

func setPropagation(mount int, flags uint64) error {
	return sys.RestrictMount(mount, 0, flags&^unix.MS_REC, flags&unix.MS_REC != 0)
}

// lockedError says which of the options that were asked for change what is locked: take
// it away, or of access times anything. Of a tree it is not known where.
func lockedError(mount int, attr plan.Attr, prefix string, err error) error {
	if !errors.Is(err, unix.EPERM) || attr.Clear == 0 && attr.Set&unix.MOUNT_ATTR_NODIRATIME == 0 {
		return err
	}
	asked := attr
	var st unix.Statfs_t
	if statErr := retry.Fstatfs(mount, &st); statErr != nil {
		return os.NewSyscallError("fstatfs", statErr)
	}
	if prefix == "" {
		// These are the same bits, see statfs(2).
		const flags = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
		asked.Clear &= uint64(st.Flags)&flags | unix.MOUNT_ATTR__ATIME | unix.MOUNT_ATTR_NODIRATIME
	}
	words := asked.ClearWords(prefix)
	if len(words) == 0 {
		words = attr.ClearWords(prefix)
	}
	return fmt.Errorf("%s: a flag to change is locked by the user namespace: %w", strings.Join(words, ","), err)
}

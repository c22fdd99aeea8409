package rootfs

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/specconv/plan"
)

// Attributes are taken away from mounts in this file only. It may be done: a
// container in the runtime's own user namespace has them because its
// configuration asks for it. In one of another user namespace those that the host
// has set came locked (see plan.LockTrees), so the kernel refuses to clear them.

// setAttr gives a mount of something that is mounted already its own
// attributes. An attribute that was not asked for stays, without an error, if it is
// locked.
func setAttr(mount int, o *plan.MountOptions) error {
	if isNone(&o.Attr) && o.Others == 0 {
		return nil
	}
	err := sys.ChangeMountAttr(mount, o.Attr.Set, o.Attr.Clear|o.Others, false)
	if fault.Is(err, unix.EPERM) && o.Others != 0 {
		err = sys.ChangeMountAttr(mount, o.Attr.Set, o.Attr.Clear, false)
	}
	return lockedError(mount, o.Attr, "", err)
}

// apply sets what a mount asks for beyond its own attributes.
func apply(mount int, o *plan.MountOptions) error {
	if all := o.Recursive; !isNone(&all) {
		if err := sys.ChangeMountAttr(mount, all.Set, all.Clear, true); err != nil {
			return lockedError(mount, all, "r", err)
		}
	}
	return propagate(mount, o.Propagation)
}

// propagate sets propagations one after the other.
func propagate(mount int, flags []uint64) error {
	for i := range flags {
		if err := setPropagation(mount, flags[i]); err != nil {
			return err
		}
	}
	return nil
}

// setOwnAttr sets attributes of a filesystem that was made for this container,
// which the host has set nothing of.
func setOwnAttr(mount int, attr plan.Attr) error {
	if isNone(&attr) {
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
	if !fault.Is(err, unix.EPERM) || attr.Clear == 0 && attr.Set&unix.MOUNT_ATTR_NODIRATIME == 0 {
		return err
	}
	asked := attr
	if prefix == "" {
		var st unix.Statfs_t
		if errno := raw.Filesystem(mount, &st); errno != 0 {
			return fault.Call("fstatfs", errno)
		}
		// These are the same bits, see statfs(2).
		const flags = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
		asked.Clear &= uint64(st.Flags)&flags | unix.MOUNT_ATTR__ATIME | unix.MOUNT_ATTR_NODIRATIME
	}
	locked := fault.New(unix.EPERM, "%s: a flag to change is locked by the user namespace: mount_setattr").Str("")
	if !addClearWords(locked, asked, prefix) {
		addClearWords(locked, attr, prefix)
	}
	return locked
}

// addClearWords appends the options that say what is cleared, and reports whether there
// are any.
func addClearWords(f *fault.Fault, attr plan.Attr, prefix string) (some bool) {
	for i := range plan.AttrWords {
		word := attr.ClearWord(i)
		if word == "" {
			continue
		}
		if some {
			f.More(",")
		}
		f.More(prefix).More(word)
		some = true
	}
	return some
}

func isNone(attr *plan.Attr) bool { return attr.Set|attr.Clear == 0 }

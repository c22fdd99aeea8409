package rootfs

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/specconv/plan"
)

// PivotRoot makes the container's root this process's and detaches the old
// one. With "." for both, pivot_root(2) stacks the old root on the new one and
// needs no directory for it. Detached mounts, if they are not -1, go with the old
// root: they can still be used, but are attached nowhere.
func (r *rootdir) PivotRoot(detached ...int) error {
	old, err := openDir("/")
	if err != nil {
		return err
	}
	err = r.pivot(old, detached)
	raw.Close(old)
	return err
}

func (r *rootdir) pivot(old int, detached []int) error {
	if errno := raw.Fchdir(r.root); errno != 0 {
		return fault.Call("fchdir", errno)
	}
	attached := 0
	if r.apart {
		attached = attach(detached)
	}
	if errno := raw.PivotRoot(); errno != 0 {
		for range attached { // others may be in this mount namespace
			raw.Unmount(hostProc, unix.MNT_DETACH)
		}
		return fault.Call("pivot_root", errno)
	}
	// The working directory is the old root's only if we go there: "." would
	// name the new one.
	if errno := raw.Fchdir(old); errno != 0 {
		return fault.Call("fchdir", errno)
	}
	if errno := raw.Unmount(".", unix.MNT_DETACH); errno != 0 {
		return fault.Call("umount2", errno)
	}
	return fault.Call("chdir", raw.Chdir("/"))
}

// hostProc is a directory that every host has.
const hostProc = "/proc"

// attach attaches mounts to the old root, over hostProc, and returns how many. A
// kernel that refuses loses nothing but time.
func attach(mounts []int) (attached int) {
	place, errno := raw.Open(unix.AT_FDCWD, hostProc, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if errno != 0 {
		return 0
	}
	for _, mount := range mounts {
		if mount >= 0 && raw.MoveMount(mount, place) == 0 {
			attached++
		}
	}
	raw.Close(place)
	return attached
}

// MoveRoot moves the container's root over the old one and changes into it.
// The old root stays mounted underneath, so the host's procfs and sysfs
// instances, full views of the host, are taken off first.
func (r *rootdir) MoveRoot() error {
	if err := hideHostViews(r.root); err != nil {
		return err
	}
	top, err := openDir("/")
	if err != nil {
		return err
	}
	err = sys.AttachMount(r.root, top)
	raw.Close(top)
	if err != nil {
		return err
	}
	if err := r.Chroot(); err != nil {
		return err
	}
	return fault.Call("chdir", raw.Chdir("/"))
}

// Chroot changes this process's root, and no mount.
func (r *rootdir) Chroot() error {
	if errno := raw.Fchdir(r.root); errno != 0 {
		return fault.Call("fchdir", errno)
	}
	return fault.Call("chroot", raw.Chroot())
}

// hideHostViews unmounts every procfs and sysfs outside the container's root,
// or covers it where the kernel has it locked. What is mounted later goes first.
func hideHostViews(root int) error {
	var v views
	if errno := v.outside(root); errno != 0 {
		return fault.Call("readlink", errno)
	}
	mountinfo, errno := raw.Open(unix.AT_FDCWD, "/proc/self/mountinfo", unix.O_RDONLY, 0)
	if errno != 0 {
		return fault.Path("open", "/proc/self/mountinfo", errno)
	}
	err := v.hide(mountinfo)
	raw.Close(mountinfo)
	return err
}

// hide hides one after the other, and each time looks at what is left.
func (v *views) hide(mountinfo int) error {
	for {
		if err := v.look(mountinfo); err != nil || v.found == 0 {
			return err
		}
		point := v.point.String()
		errno := raw.Unmount(point, unix.MNT_DETACH)
		if errno == 0 {
			continue
		}
		if errno == unix.EINVAL || errno == unix.EPERM {
			errno = cover(point)
		}
		if errno != 0 && errno != unix.ENOENT {
			return fault.Path("hide", point, errno)
		}
		if v.count == len(v.done) {
			return fault.New(unix.E2BIG, "more than %d mounts of the host can't be unmounted").Num(int64(len(v.done)))
		}
		v.done[v.count] = int32(v.found)
		v.count++
	}
}

// cover attaches an empty directory at a path of the host.
func cover(path string) unix.Errno {
	mount, err := emptyDir()
	if err != nil {
		return fault.Errno(err)
	}
	place, errno := raw.Open(unix.AT_FDCWD, path, unix.O_PATH, 0)
	if errno == 0 {
		errno = raw.MoveMount(mount, place)
		raw.Close(place)
	}
	raw.Close(mount)
	return errno
}

// SetRoot finishes the root's mount.
func (r *rootdir) SetRoot(s *plan.SetRoot) error {
	if s.Readonly {
		if err := sys.RestrictMount(r.root, unix.MOUNT_ATTR_RDONLY, 0, false); err != nil {
			return err
		}
	}
	if s.Propagation != 0 {
		return setPropagation(r.root, s.Propagation)
	}
	return nil
}

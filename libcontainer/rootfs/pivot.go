package rootfs

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/plan"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// PivotRoot makes the container's root this process's and detaches the old
// one. With "." for both, pivot_root(2) stacks the old root on the new one and
// needs no directory for it. Detached mounts, if they are not -1, go with the old
// root: they can still be used, but are attached nowhere.
func (b *Builder) PivotRoot(detached ...int) error {
	old, err := retry.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: "/", Err: err}
	}
	defer unix.Close(old)
	if err := unix.Fchdir(b.root); err != nil {
		return os.NewSyscallError("fchdir", err)
	}
	attached := 0
	if b.apart {
		attached = attach(detached)
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		for range attached { // others may be in this mount namespace
			unix.Unmount(hostProc, unix.MNT_DETACH)
		}
		return os.NewSyscallError("pivot_root", err)
	}
	// The working directory is the old root's only if we go there: "." would
	// name the new one.
	if err := unix.Fchdir(old); err != nil {
		return os.NewSyscallError("fchdir", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return os.NewSyscallError("umount2", err)
	}
	return os.NewSyscallError("chdir", unix.Chdir("/"))
}

// hostProc is a directory that every host has.
const hostProc = "/proc"

// attach attaches mounts to the old root, over hostProc, and returns how many. A
// kernel that refuses loses nothing but time.
func attach(mounts []int) (attached int) {
	place, err := retry.Open(hostProc, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	defer unix.Close(place)
	for _, mount := range mounts {
		if mount >= 0 && sys.AttachMount(mount, place) == nil {
			attached++
		}
	}
	return attached
}

// MoveRoot moves the container's root over the old one and changes into it.
// The old root stays mounted underneath, so the host's procfs and sysfs
// instances, full views of the host, are taken off first.
func (b *Builder) MoveRoot() error {
	if err := hideHostViews(b.root); err != nil {
		return err
	}
	top, err := retry.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: "/", Err: err}
	}
	defer unix.Close(top)
	if err := sys.AttachMount(b.root, top); err != nil {
		return err
	}
	if err := unix.Fchdir(b.root); err != nil {
		return os.NewSyscallError("fchdir", err)
	}
	if err := unix.Chroot("."); err != nil {
		return os.NewSyscallError("chroot", err)
	}
	return os.NewSyscallError("chdir", unix.Chdir("/"))
}

// Chroot changes this process's root, and no mount.
func (b *Builder) Chroot() error {
	if err := unix.Fchdir(b.root); err != nil {
		return os.NewSyscallError("fchdir", err)
	}
	return os.NewSyscallError("chroot", unix.Chroot("."))
}

// hideHostViews unmounts every procfs and sysfs outside the container's root,
// or covers it where the kernel has it locked.
func hideHostViews(root int) error {
	own, err := pathOf(root)
	if err != nil {
		return err
	}
	fd, err := retry.Open("/proc/self/mountinfo", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: "/proc/self/mountinfo", Err: err}
	}
	data, err := sys.ReadAll(fd, 16<<20)
	unix.Close(fd)
	if err != nil {
		return err
	}
	points := viewMounts(data, own)
	slices.Reverse(points) // what is mounted later first
	for _, point := range points {
		err := unix.Unmount(point, unix.MNT_DETACH)
		if err == unix.EINVAL || err == unix.EPERM {
			err = unix.Mount("tmpfs", point, "tmpfs", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "size=4k")
		}
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return &os.PathError{Op: "hide", Path: point, Err: err}
		}
	}
	return nil
}

func pathOf(fd int) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlink("/proc/self/fd/"+strconv.Itoa(fd), buf)
	if err != nil {
		return "", os.NewSyscallError("readlink", err)
	}
	return string(buf[:n]), nil
}

// viewMounts lists the mount points of procfs and sysfs outside root, from
// mountinfo, see proc_pid_mountinfo(5).
func viewMounts(mountinfo []byte, root string) []string {
	var points []string
	for line := range bytes.Lines(mountinfo) {
		before, after, ok := strings.Cut(string(line), " - ")
		fields, kind := strings.Fields(before), strings.Fields(after)
		if !ok || len(fields) < 5 || len(kind) == 0 || kind[0] != "proc" && kind[0] != "sysfs" {
			continue
		}
		point := unescape(fields[4])
		if point == root || strings.HasPrefix(point, root+"/") {
			continue
		}
		points = append(points, point)
	}
	return points
}

// unescape undoes mountinfo's octal escapes of space, tab, newline, # and
// backslash.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\043`, "#", `\134`, `\`).Replace(s)
}

// SetRoot finishes the root's mount.
func (b *Builder) SetRoot(s *plan.SetRoot) error {
	if s.Readonly {
		if err := sys.RestrictMount(b.root, unix.MOUNT_ATTR_RDONLY, 0, false); err != nil {
			return err
		}
	}
	if s.Propagation != 0 {
		return setPropagation(b.root, s.Propagation)
	}
	return nil
}

package rootfs

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/plan"
	"github.com/crun-go/crun-go/libcontainer/sys"
)

// live is what changing the mounts of a container that exists takes: its
// processes run meanwhile, and may exchange any name at any time. So whatever
// is attached or detached is named by descriptor.
type live struct {
	proc     int           // this process's directory in /proc
	missing  map[int]error // why trees could not be opened, by slot
	attached []int         // mounts, in order
	found    []int         // mounts to detach, in order
}

// EnterContainer joins a container's mount namespace. Until then this process
// has the view of the runtime, and opens what is to be opened there.
func (b *Builder) EnterContainer(s *plan.EnterContainer) error {
	mount, err := b.tree(s.Mount)
	if err != nil {
		return err
	}
	defer unix.Close(mount)
	proc, err := b.tree(s.Proc)
	if err != nil {
		return err
	}
	b.live = &live{proc: proc, missing: b.openTrees()}
	// A process whose threads share their root can't change it.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return os.NewSyscallError("unshare", err)
	}
	if err := unix.Setns(mount, unix.CLONE_NEWNS); err != nil {
		return os.NewSyscallError("setns", err)
	}
	return b.Enter()
}

// openTrees opens the trees that are paths so far: afterwards such a path would
// be one of the container. What could not be opened is for the step that needs
// it.
func (b *Builder) openTrees() (missing map[int]error) {
	for slot, t := range b.trees {
		if t.FD >= 0 || t.Path == "" {
			continue
		}
		fd, err := b.tree(slot)
		if err != nil {
			if missing == nil {
				missing = make(map[int]error)
			}
			missing[slot] = err
			continue
		}
		b.trees[slot].FD = fd
	}
	return missing
}

// attach attaches a mount, and remembers it as long as it may have to be taken
// back.
func (b *Builder) attach(mount, target int) error {
	if b.live == nil {
		return sys.AttachMount(mount, target)
	}
	kept, err := unix.FcntlInt(uintptr(mount), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("fcntl F_DUPFD_CLOEXEC", err)
	}
	if err := sys.AttachMount(mount, target); err != nil {
		unix.Close(kept)
		return err
	}
	b.live.attached = append(b.live.attached, kept)
	return nil
}

// Undo takes back what has been attached to a container that exists.
func (b *Builder) Undo() error {
	if b.live == nil {
		return nil
	}
	var errs []error
	for _, mount := range slices.Backward(b.live.attached) {
		errs = append(errs, b.live.detach(mount))
		unix.Close(mount)
	}
	b.live.attached = nil
	return errors.Join(errs...)
}

// detach takes a mount away, whatever its name is by now: that in /proc is the
// kernel's.
func (l *live) detach(mount int) error {
	if err := unix.Fchdir(l.proc); err != nil {
		return os.NewSyscallError("fchdir", err)
	}
	return os.NewSyscallError("umount", unix.Unmount("fd/"+strconv.Itoa(mount), unix.MNT_DETACH))
}

// FindMount finds the topmost mount at a path. Nothing but the place that is
// named is meant: with the help of links and renamed directories the container
// could otherwise have its own masks taken away.
func (b *Builder) FindMount(s *plan.FindMount) error {
	fd, err := b.openMount(s.Target)
	if err != nil {
		return err
	}
	b.live.found = append(b.live.found, fd)
	return nil
}

func (b *Builder) openMount(path string) (int, error) {
	above, name := sys.SplitPath(path)
	if name == "" {
		return -1, fmt.Errorf("%q names no mount", path)
	}
	parent, err := sys.OpenPlain(b.root, above, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return -1, plainError(err)
	}
	defer unix.Close(parent)
	if err := ownedBySystem(parent); err != nil && !slices.Contains(plan.ProcFiles[:], path) {
		return -1, fmt.Errorf("%q is inside %w: what is mounted there protects it", path, err)
	}
	fd, err := sys.OpenPlain(parent, name, unix.O_PATH)
	if err == nil {
		err = checkMount(fd)
		if err == nil {
			return fd, nil
		}
		unix.Close(fd)
	}
	return -1, plainError(err)
}

func plainError(err error) error {
	if errors.Is(err, unix.ELOOP) {
		return fmt.Errorf("%w: a symbolic link is on the way: name the place itself", err)
	}
	return err
}

// errSystem is a filesystem of the kernel, whose files masks hide.
type errSystem string

func (e errSystem) Error() string { return string(e) }

// ownedBySystem tells whether a directory is on one of the filesystems that
// show the kernel.
func ownedBySystem(dir int) error {
	var st unix.Statfs_t
	if err := unix.Fstatfs(dir, &st); err != nil {
		return os.NewSyscallError("fstatfs", err)
	}
	switch st.Type {
	case unix.PROC_SUPER_MAGIC:
		return errSystem("a procfs")
	case unix.SYSFS_MAGIC:
		return errSystem("a sysfs")
	}
	return nil
}

// checkMount refuses what is no mount, and the device that files are masked
// with.
func checkMount(fd int) error {
	var st unix.Statx_t
	if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS, &st); err != nil {
		return os.NewSyscallError("statx", err)
	}
	if st.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0 && st.Attributes&unix.STATX_ATTR_MOUNT_ROOT == 0 {
		return errors.New("not a mount point")
	}
	const nullMajor, nullMinor = 1, 3
	if st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev_major == nullMajor && st.Rdev_minor == nullMinor {
		return errors.New("/dev/null is mounted there, which hides what is below it")
	}
	return nil
}

// DetachMounts takes away what has been found.
func (b *Builder) DetachMounts() error {
	for _, mount := range b.live.found {
		if err := b.live.detach(mount); err != nil {
			return err
		}
		unix.Close(mount)
	}
	b.live.found = nil
	return nil
}

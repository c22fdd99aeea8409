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
	changed  []uint64      // ids of mounts that are detached
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

// attach attaches a mount to what is at a path of the container, and remembers it:
// in a container that exists as long as it may have to be taken back, else if it is
// one of systemMounts, or the root from now on.
func (b *Builder) attach(mount, target int, path string) error {
	if b.live == nil {
		if err := sys.AttachMount(mount, target); err != nil {
			return err
		}
		if path == "/" {
			return b.replaceRoot(mount)
		}
		return b.keepSystem(path, mount)
	}
	kept, err := sys.Duplicate(mount)
	if err != nil {
		return err
	}
	if err := sys.AttachMount(mount, target); err != nil {
		unix.Close(kept)
		return err
	}
	b.live.attached = append(b.live.attached, kept)
	return nil
}

// replaceRoot makes a mount that covers the container's root its root: what is under it
// goes with the host's mounts.
func (b *Builder) replaceRoot(mount int) error {
	root, err := sys.Duplicate(mount)
	if err != nil {
		return err
	}
	unix.Close(b.root)
	b.root, b.top = root, unix.Statx_t{}
	b.releaseSystem()
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

// statxMountIDUnique asks statx(2) for an id that no other mount will ever have
// (Linux 6.8). Kernels that don't know it give one that may come again, but not while
// the container's first mounts are there: they are older.
const statxMountIDUnique = 0x4000

func mountID(mount int) (uint64, error) {
	var st unix.Statx_t
	err := unix.Statx(mount, "", unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW, unix.STATX_MNT_ID|statxMountIDUnique, &st)
	return st.Mnt_id, os.NewSyscallError("statx", err)
}

// Changed lists the ids of the mounts that were added to a container that exists,
// or taken away.
func (b *Builder) Changed() ([]uint64, error) {
	if b.live == nil {
		return nil, nil
	}
	ids := b.live.changed
	for _, mount := range b.live.attached {
		id, err := mountID(mount)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// detach takes a mount away, whatever its name is by now: that in /proc is the
// kernel's.
func (l *live) detach(mount int) error {
	if err := unix.Fchdir(l.proc); err != nil {
		return os.NewSyscallError("fchdir", err)
	}
	return os.NewSyscallError("umount", unix.Unmount("fd/"+strconv.Itoa(mount), unix.MNT_DETACH))
}

// FindMount finds the topmost mount at a path, which must be one that was added.
// By links and renamed directories the container could otherwise have its own masks
// taken away.
func (b *Builder) FindMount(s *plan.FindMount) error {
	fd, err := b.openMount(s.Target)
	if err != nil {
		return err
	}
	id, err := mountID(fd)
	if err == nil && !slices.Contains(s.Added, id) {
		err = errors.New("it was not added to the container, but is its own: it may protect something")
	}
	if err != nil {
		unix.Close(fd)
		return err
	}
	b.live.changed = append(b.live.changed, id)
	b.live.found = append(b.live.found, fd)
	return nil
}

func (b *Builder) openMount(path string) (int, error) {
	if _, name := sys.SplitPath(path); name == "" {
		return -1, fmt.Errorf("%q names no mount", path)
	}
	fd, err := sys.OpenPlain(b.root, path, unix.O_PATH)
	if err != nil {
		return -1, plainError(err)
	}
	if err := checkMount(fd); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func plainError(err error) error {
	if errors.Is(err, unix.ELOOP) {
		return fmt.Errorf("%w: a symbolic link is on the way: name the place itself", err)
	}
	return err
}

// checkMount refuses what is no mount.
func checkMount(fd int) error {
	var st unix.Statx_t
	if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW, 0, &st); err != nil {
		return os.NewSyscallError("statx", err)
	}
	if st.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0 && st.Attributes&unix.STATX_ATTR_MOUNT_ROOT == 0 {
		return errors.New("not a mount point")
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

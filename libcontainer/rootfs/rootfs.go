package rootfs

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/plan"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// dirMode is the mode of directories made for mount points.
const dirMode = 0o755

// Builder is a root filesystem under construction.
type Builder struct {
	trees  []plan.Tree    // by slot
	inside int            // what OpenInRoot has opened for the next Bind, or -1
	root   int            // the container's root, once attached
	apart  bool           // nothing that is mounted here shows on the host
	mask   int            // an empty read-only tmpfs that is attached somewhere, or -1
	kept   map[string]int // mounts to be remounted, by target
	top    unix.Statx_t   // of root, once it is needed
	system map[string]int // what was mounted on systemMounts, by path
	live   *live          // nil while the container is being made
}

// New takes over the descriptors of the parent's mount trees.
func New(trees []plan.Tree) *Builder { return &Builder{trees: trees, inside: -1, root: -1, mask: -1} }

// Take takes over more of them, for the slots that follow.
func (b *Builder) Take(trees []plan.Tree) { b.trees = append(b.trees, trees...) }

// Enter takes the root of this process, which has joined the container's mount
// namespace.
func (b *Builder) Enter() error {
	root, err := retry.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: "/", Err: err}
	}
	b.root = root
	return nil
}

// TakeRoot takes a directory for the container's root.
func (b *Builder) TakeRoot(s *plan.TakeRoot) error {
	fd, err := b.tree(s.Slot)
	if err == nil {
		b.root = fd
	}
	return err
}

// Root returns the descriptor of the container's root, -1 before it is there.
func (b *Builder) Root() int { return b.root }

// Inside returns the mount that OpenInRoot has opened.
func (b *Builder) Inside() int { return b.inside }

// OpenInRoot opens a mount tree in the container, whose links lead nowhere else.
func (b *Builder) OpenInRoot(s *plan.OpenInRoot) error {
	flags := unix.O_PATH
	if s.NoFollow {
		flags |= unix.O_NOFOLLOW
	}
	place, err := b.openBelow(s.Path, flags)
	if err != nil {
		return errors.Unwrap(err) // the step says "open" and the path
	}
	defer unix.Close(place)
	var clone uint
	if s.Recursive {
		clone = unix.AT_RECURSIVE
	}
	b.inside, err = sys.CloneTree(place, "", clone)
	return err
}

// tree hands out a slot's mount, that of OpenInRoot for slot -1. Each is used once. A path is opened with
// the host's root, which this process still has.
func (b *Builder) tree(slot int) (int, error) {
	if slot == -1 && b.inside >= 0 {
		fd := b.inside
		b.inside = -1
		return fd, nil
	}
	if b.live != nil && b.live.missing[slot] != nil {
		return -1, b.live.missing[slot]
	}
	if slot < 0 || slot >= len(b.trees) || b.trees[slot].FD < 0 && b.trees[slot].Path == "" {
		return -1, fmt.Errorf("no mount in slot %d", slot)
	}
	t := b.trees[slot]
	b.trees[slot] = plan.Tree{FD: -1}
	if t.FD >= 0 {
		return t.FD, nil
	}
	var flags uint
	if t.Recursive {
		flags = unix.AT_RECURSIVE
	}
	if t.NoFollow {
		flags |= unix.AT_SYMLINK_NOFOLLOW
	}
	fd, err := sys.CloneTree(unix.AT_FDCWD, t.Path, flags)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: t.Path, Err: errors.Unwrap(err)}
	}
	return fd, nil
}

// SetPropagation cuts this mount namespace off from the host's.
func (b *Builder) SetPropagation(s *plan.SetPropagation) error {
	root, err := retry.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: "/", Err: err}
	}
	defer unix.Close(root)
	err = setPropagation(root, s.Flags)
	b.apart = err == nil
	return err
}

// AttachRoot attaches the root filesystem over the working directory, which is
// its own path: hooks that look for it there find it.
func (b *Builder) AttachRoot(s *plan.AttachRoot) error {
	tree, err := b.tree(s.Slot)
	if err != nil {
		return err
	}
	cwd, err := retry.Open(".", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: ".", Err: err}
	}
	defer unix.Close(cwd)
	// The clone of a shared mount is shared, and pivot_root(2) refuses that.
	if err := setPropagation(tree, s.Propagation); err != nil {
		return err
	}
	if s.Private {
		if err := setPropagation(tree, unix.MS_PRIVATE); err != nil {
			return err
		}
	}
	if err := sys.AttachMount(tree, cwd); err != nil {
		return err
	}
	b.root = tree
	return nil
}

// target opens the place where a mount goes, making a directory or a file if
// nothing is there. existed tells whether something was. With noFollow a
// symbolic link at the path's end is itself the place.
func (b *Builder) target(path string, dir, noFollow bool) (fd int, existed bool, err error) {
	fd, err = b.openTarget(path, noFollow)
	if err == nil {
		return fd, true, b.checkTarget(fd, path)
	}
	if !errors.Is(err, unix.ENOENT) {
		return -1, false, err
	}
	if dir {
		fd, err = sys.MkdirAllInRoot(b.root, path, dirMode)
	} else {
		fd, err = sys.CreateFileInRoot(b.root, path, dirMode, 0o644)
	}
	if err == nil && (noFollow || isSystemMount(path)) {
		// Somebody may have put a link there before we could.
		unix.Close(fd)
		fd, err = b.openTarget(path, noFollow)
	}
	if err != nil {
		return -1, false, err
	}
	return fd, false, b.checkTarget(fd, path)
}

func isSystemMount(path string) bool {
	return slices.Contains(systemMounts[:], strings.TrimRight(path, "/"))
}

// openTarget opens what is at path. At /proc and /sys that must be a real
// directory: a link would redirect what is mounted there, and every later write
// to it (CVE-2019-19921, CVE-2023-27561). It is the opened directory that is
// looked at, so swapping the name does not help. What has been mounted there is
// found by its descriptor.
func (b *Builder) openTarget(path string, noFollow bool) (int, error) {
	if _, kept := b.system[strings.TrimRight(path, "/")]; kept || !isSystemMount(path) {
		flags := unix.O_PATH
		if noFollow {
			flags |= unix.O_NOFOLLOW
		}
		return b.openBelow(path, flags)
	}
	fd, err := sys.OpenInRoot(b.root, path, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return -1, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return -1, os.NewSyscallError("fstat", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		unix.Close(fd)
		return -1, fmt.Errorf("%s in the root filesystem is a %s: it must be a real directory", path, sys.FileType(st.Mode))
	}
	return fd, nil
}

// checkTarget refuses to mount over parts of a procfs, whatever name led
// there: what the runtime writes to procfs must not land in a file of the
// container's choice (CVE-2019-16884).
func (b *Builder) checkTarget(fd int, path string) error {
	if sys.IsProc(fd) != nil {
		return nil
	}
	path = strings.TrimRight(path, "/")
	if path == "/proc" || slices.Contains(plan.ProcFiles[:], path) {
		return nil
	}
	unix.Close(fd)
	return fmt.Errorf("%q is inside a procfs, where nothing may be mounted but on %s",
		path, strings.Join(plan.ProcFiles[:], " "))
}

package rootfs

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/specconv/plan"
)

// dirMode is the mode of directories made for mount points.
const dirMode = 0o755

// Builder is a root filesystem under construction. A descriptor that is not there is -1.
type Builder struct {
	slots
	rootdir
	masks
	kept [maxKept]int // mounts to be remounted, by the number that the plan gives them, less 1
	live
}

// slots are the mount trees that the parent has sent.
type slots struct {
	trees  []plan.Tree // by slot
	first  int         // slot of the first of them
	inside int         // what OpenInRoot has opened for the next Bind
}

// rootdir is the container's root: where its paths lead, and how it becomes this process's.
type rootdir struct {
	root   int          // the container's root, once attached
	top    unix.Statx_t // of root, once it is needed
	apart  bool         // nothing that is mounted here shows on the host
	system systemKept
}

// maxKept is how many mounts can be kept to be remounted.
const maxKept = 256

// Init takes over the descriptors of the parent's mount trees.
func (b *Builder) Init(trees []plan.Tree) {
	b.trees, b.inside, b.root, b.null, b.mask = trees, -1, -1, -1, -1
	for i := range b.kept {
		b.kept[i] = -1
	}
	for i := range b.system {
		b.system[i] = -1
	}
}

// Take takes over the trees of the slots that follow. Those that it had are used.
func (s *slots) Take(trees []plan.Tree) {
	s.first += len(s.trees)
	s.trees = trees
}

// openDir opens a directory to be found by its descriptor.
func openDir(path string) (int, error) {
	fd, errno := raw.Open(unix.AT_FDCWD, path, unix.O_PATH|unix.O_DIRECTORY, 0)
	if errno != 0 {
		return -1, fault.Path("open", path, errno)
	}
	return fd, nil
}

// Enter takes the root of this process, which has joined the container's mount
// namespace.
func (r *rootdir) Enter() error {
	root, err := openDir("/")
	if err == nil {
		r.root = root
	}
	return err
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
func (r *rootdir) Root() int { return r.root }

// Inside returns the mount that OpenInRoot has opened.
func (s *slots) Inside() int { return s.inside }

// OpenInRoot opens a mount tree in the container, whose links lead nowhere else.
func (b *Builder) OpenInRoot(s *plan.OpenInRoot) error {
	flags := unix.O_PATH
	if s.NoFollow {
		flags |= unix.O_NOFOLLOW
	}
	place, errno := b.openSource(s.Path, flags)
	if errno != 0 {
		return fault.Call("%e", errno) // the step says "open" and the path
	}
	var clone uint
	if s.Recursive {
		clone = unix.AT_RECURSIVE
	}
	var err error
	b.inside, err = sys.CloneTree(place, "", clone)
	raw.Close(place)
	return err
}

// tree hands out a slot's mount, that of OpenInRoot for slot -1. Each is used once. A path is opened with
// the host's root, which this process still has.
func (s *slots) tree(slot int) (int, error) {
	if slot == -1 && s.inside >= 0 {
		fd := s.inside
		s.inside = -1
		return fd, nil
	}
	at := slot - s.first
	if at < 0 || at >= len(s.trees) || s.trees[at].FD < 0 && s.trees[at].Path == "" {
		return -1, fault.New(0, "no mount in slot %d").Num(int64(slot))
	}
	t := &s.trees[at]
	openTree(t)
	fd, path, errno := t.FD, t.Path, t.Errno
	t.FD, t.Path = -1, ""
	if errno != 0 {
		return -1, fault.Path("open", path, errno)
	}
	return fd, nil
}

// openTree opens a tree that is a path so far, or notes why it can't be. The parent has
// found the path, and no symbolic link on it: one that is there by now may be an image's.
func openTree(t *plan.Tree) {
	if t.FD >= 0 || t.Path == "" || t.Errno != 0 {
		return
	}
	place, errno := raw.Open2(unix.AT_FDCWD, t.Path, unix.O_PATH|unix.O_NOFOLLOW, unix.RESOLVE_NO_SYMLINKS)
	if errno != 0 {
		t.Errno = errno
		return
	}
	var flags uint = unix.OPEN_TREE_CLONE | unix.AT_EMPTY_PATH
	if t.Recursive {
		flags |= unix.AT_RECURSIVE
	}
	t.FD, t.Errno = raw.OpenTree(place, "", flags)
	raw.Close(place)
}

// SetPropagation cuts this mount namespace off from the host's.
func (r *rootdir) SetPropagation(s *plan.SetPropagation) error {
	root, err := openDir("/")
	if err != nil {
		return err
	}
	err = setPropagation(root, s.Flags)
	raw.Close(root)
	r.apart = err == nil
	return err
}

// AttachRoot attaches the root filesystem over the working directory, which is
// its own path: hooks that look for it there find it.
func (b *Builder) AttachRoot(s *plan.AttachRoot) error {
	tree, err := b.tree(s.Slot)
	if err != nil {
		return err
	}
	// pivot_root(2) refuses a shared mount.
	if err := rootPropagation(tree, s.Propagation, s.Private); err != nil {
		return err
	}
	cwd, err := openDir(".")
	if err != nil {
		return err
	}
	err = sys.AttachMount(tree, cwd)
	raw.Close(cwd)
	if err == nil {
		b.root = tree
	}
	return err
}

// EnterRootfs enters the mount namespace that holds only the root filesystem.
func (b *Builder) EnterRootfs(s *plan.EnterRootfs) error {
	ns, err := b.tree(s.Slot)
	if err != nil {
		return err
	}
	if s.Masks {
		if b.null, err = cloneNull(); err != nil {
			return err
		}
	}
	errno := raw.Setns(ns, unix.CLONE_NEWNS)
	raw.Close(ns)
	if errno != 0 {
		return fault.Call("setns", errno)
	}
	if err := b.Enter(); err != nil {
		return err
	}
	return rootPropagation(b.root, s.Propagation, s.Private)
}

// rootPropagation sets the propagation of the root filesystem's tree, whose mounts are
// peers of the host's.
func rootPropagation(tree int, flags uint64, private bool) error {
	err := setPropagation(tree, flags)
	if err == nil && private {
		err = setPropagation(tree, unix.MS_PRIVATE)
	}
	return err
}

// target opens the place where a mount goes, making a directory or a file if
// nothing is there. existed reports whether something was. With noFollow a
// symbolic link at the path's end is itself the place.
func (r *rootdir) target(path string, dir, noFollow bool) (fd int, existed bool, err error) {
	fd, err = r.openTarget(path, noFollow)
	if err == nil {
		if err := r.checkTarget(fd, path); err != nil || path == "/" {
			return fd, true, err
		}
		if _, err := r.belowRoot(fd, path); err != nil {
			raw.Close(fd)
			return -1, true, err
		}
		return fd, true, nil
	}
	if !fault.Is(err, unix.ENOENT) {
		return -1, false, err
	}
	if dir {
		fd, err = sys.MkdirAllInRoot(r.root, path, dirMode)
	} else {
		fd, err = sys.CreateFileInRoot(r.root, path, dirMode, 0o644)
	}
	if err == nil && (noFollow || systemMount(path) >= 0) {
		// Somebody may have put a link there before we could.
		raw.Close(fd)
		fd, err = r.openTarget(path, noFollow)
	}
	if err != nil {
		return -1, false, err
	}
	return fd, false, r.checkTarget(fd, path)
}

// openTarget opens what is at path. At /proc and /sys that must be a real
// directory: a link would redirect what is mounted there, and every later write
// to it (CVE-2019-19921, CVE-2023-27561). It is the opened directory that is
// looked at, so swapping the name does not help. What has been mounted there is
// found by its descriptor.
func (r *rootdir) openTarget(path string, noFollow bool) (int, error) {
	if i := systemMount(path); i < 0 || r.system[i] >= 0 {
		flags := unix.O_PATH
		if noFollow {
			flags |= unix.O_NOFOLLOW
		}
		return r.openBelow(path, flags)
	}
	fd, err := sys.OpenInRoot(r.root, path, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return -1, err
	}
	mode, err := modeOf(fd)
	if err == nil && mode&unix.S_IFMT != unix.S_IFDIR {
		err = fault.New(0, "%s in the root filesystem is a %s: it must be a real directory").Str(path).Str(sys.FileType(mode))
	}
	if err != nil {
		raw.Close(fd)
		return -1, err
	}
	return fd, nil
}

// checkTarget refuses to mount over parts of a procfs, whatever name led
// there: what the runtime writes to procfs must not land in a file of the
// container's choice (CVE-2019-16884).
func (r *rootdir) checkTarget(fd int, path string) error {
	if !sys.OnProc(fd) {
		return nil
	}
	path = sys.TrimSlashes(path)
	if path == "/proc" || slices.Contains(plan.ProcFiles[:], path) {
		return nil
	}
	raw.Close(fd)
	inside := fault.New(0, "%q is inside a procfs, where nothing may be mounted but on %s").Str(path).Str(plan.ProcFiles[0])
	for i := 1; i < len(plan.ProcFiles); i++ {
		inside.More(" ").More(plan.ProcFiles[i])
	}
	return inside
}

// modeOf returns a file's type and mode.
func modeOf(fd int) (uint32, error) {
	var st unix.Statx_t
	errno := raw.Stat(fd, unix.STATX_TYPE|unix.STATX_MODE, &st)
	return uint32(st.Mode), fault.Call("fstat", errno)
}

package sources

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/spawn"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/specconv/plan"
)

// Lock replaces the trees that the OpenTree steps have opened by copies
// whose flags cannot be cleared.
func (src *Set) Lock() error {
	var trees []*plan.Tree
	for _, item := range src.Plan.Parent {
		if s, ok := item.Step.(*plan.OpenTree); ok && s.Slot < len(src.Trees) {
			trees = append(trees, &src.Trees[s.Slot])
		}
	}
	return LockFlags(trees)
}

// LockFlags replaces mounts of the host by copies whose flags are locked. The
// kernel locks ro, nosuid, nodev, noexec and the access time mode of what a mount
// namespace of another user namespace is made of (mount_namespaces(7)), for its
// root as for everybody. But a detached mount is in none. So a thread attaches
// them in a mount namespace of its own, has that copied for a user namespace, and
// detaches the copies from there. Unlike clones made in the container's mount
// namespace these can be of any mount, with or without those below it.
func LockFlags(trees []*plan.Tree) error {
	var detached []*plan.Tree
	for _, t := range trees {
		if t.FD >= 0 {
			detached = append(detached, t)
		}
	}
	if len(detached) == 0 {
		return nil // an ordinary user's: init opens them in its own namespace
	}
	return OnThread(func() error {
		if err := Separate(); err != nil {
			return err
		}
		proc, err := sys.HostProc()
		if err != nil {
			return err
		}
		defer proc.Close()
		if err := attachToRoot(detached); err != nil {
			return err
		}
		ns, err := spawn.ForeignMounts(proc)
		if err != nil {
			return err
		}
		defer unix.Close(ns)
		if err := unix.Setns(ns, unix.CLONE_NEWNS); err != nil {
			return os.NewSyscallError("setns", err)
		}
		for i, t := range detached {
			fd, err := sys.CloneTree(unix.AT_FDCWD, "/"+strconv.Itoa(i), unix.AT_RECURSIVE|unix.AT_SYMLINK_NOFOLLOW)
			if err != nil {
				return err
			}
			unix.Close(t.FD)
			t.FD = fd
		}
		return nil
	})
}

// attachToRoot attaches trees, by number, in a tmpfs that becomes this thread's
// root: a process whose root differs from its mount namespace's cannot make a user namespace.
func attachToRoot(trees []*plan.Tree) error {
	top, err := retry.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: "/", Err: err}
	}
	defer unix.Close(top)
	dir, err := sys.NewFilesystem("tmpfs", "crun-go", nil, 0)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	if err := sys.AttachMount(dir, top); err != nil {
		return err
	}
	for i, t := range trees {
		if err := AttachAt(dir, strconv.Itoa(i), t.FD); err != nil {
			return err
		}
	}
	if err := unix.Fchdir(dir); err != nil {
		return os.NewSyscallError("fchdir", err)
	}
	return os.NewSyscallError("chroot", unix.Chroot("."))
}

// AttachAt attaches a tree to a new mount point in a directory of ours.
func AttachAt(dir int, name string, tree int) error {
	var st unix.Stat_t
	if err := unix.Fstat(tree, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	var err error
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		err = unix.Mkdirat(dir, name, 0o700)
	} else {
		err = unix.Mknodat(dir, name, unix.S_IFREG|0o600, 0)
	}
	if err != nil {
		return &os.PathError{Op: "make", Path: name, Err: err}
	}
	target, err := sys.OpenPlain(dir, name, unix.O_PATH)
	if err != nil {
		return err
	}
	defer unix.Close(target)
	return sys.AttachMount(tree, target)
}

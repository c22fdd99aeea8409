package checkpoint

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/criu"
	"github.com/crun-go/crun-go/libcontainer/sources"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv/plan"
)

// stagedMount is a mount that CRIU finds ready: of the right source, with the
// restrictions that config.json asks for, before there is a container that
// could do anything with it.
type stagedMount struct {
	plan.ImageMount
	field  string
	attr   uint64 // MOUNT_ATTR_* that it must keep
	device string // of the filesystem, as mountinfo has it
	root   string // what of it is mounted
}

// stage is what CRIU finds mounted, in a mount namespace of its own.
type stage struct {
	sources *sources.Set
	thread  *sources.Thread // in the mount namespace; nil: there is none yet
	dir     int             // for what is mounted; -1: none
	top     string          // its path
	mounts  []stagedMount
}

// close ends the mount namespace, but for CRIU.
func (st *stage) close() {
	if st.dir >= 0 {
		unix.Close(st.dir)
	}
	if st.thread != nil {
		st.thread.End()
	}
}

func (st *stage) tree(slot int) (int, error) {
	if slot < 0 || slot >= len(st.sources.Trees) || st.sources.Trees[slot].FD < 0 {
		return -1, fmt.Errorf("open the source, which requires root: %w", unix.EPERM)
	}
	return st.sources.Trees[slot].FD, nil
}

// root stages the root filesystem, and returns its path.
func (st *stage) root(s *plan.StageRoot) (string, error) {
	tree, err := st.tree(s.Slot)
	if err != nil {
		return "", err
	}
	return st.top + "/root", sources.AttachAt(st.dir, "root", tree)
}

func (st *stage) openInTree(s *plan.OpenInTree) error {
	tree, err := st.tree(s.Tree)
	if err != nil {
		return err
	}
	flags := unix.O_PATH
	if s.NoFollow {
		flags |= unix.O_NOFOLLOW
	}
	fd, err := sys.OpenInRoot(tree, s.Rest, flags)
	if err == nil {
		st.sources.Keep(s.Slot, plan.Tree{FD: fd})
	}
	return err
}

// makeMountPoint makes a mount point. Links are followed inside the tree, as they
// were when the container was first started.
func (st *stage) makeMountPoint(s *plan.MakeMountPoint) error {
	tree, err := st.tree(s.Tree)
	if err != nil {
		return err
	}
	isDir := s.Like < 0
	if !isDir {
		like, err := st.tree(s.Like)
		if err != nil {
			return err
		}
		var file unix.Stat_t
		if err := unix.Fstat(like, &file); err != nil {
			return os.NewSyscallError("fstat", err)
		}
		isDir = file.Mode&unix.S_IFMT == unix.S_IFDIR
	}
	var fd int
	switch {
	case s.Readonly:
		fd, err = sys.OpenInRoot(tree, s.Rest, unix.O_PATH)
		if errors.Is(err, unix.ENOENT) {
			err = &os.PathError{Op: "make", Path: s.Path, Err: unix.EROFS}
		}
	case isDir:
		fd, err = sys.MkdirAllInRoot(tree, s.Rest, 0o755)
	default:
		fd, err = sys.CreateFileInRoot(tree, s.Rest, 0o755, 0o644)
	}
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// mount mounts what an external mount of the image is of. It is restricted before it is
// anywhere to be seen.
func (st *stage) mount(field string, s *plan.StageMount) (criu.Mount, error) {
	tree, err := st.takeSource(s)
	if err != nil {
		return criu.Mount{}, err
	}
	defer unix.Close(tree)
	if err := restrict(tree, &s.Options); err != nil {
		return criu.Mount{}, err
	}
	name := strconv.Itoa(len(st.mounts))
	if err := sources.AttachAt(st.dir, name, tree); err != nil {
		return criu.Mount{}, err
	}
	st.mounts = append(st.mounts, stagedMount{ImageMount: s.ImageMount, field: field, attr: s.Options.Attr.Set | s.Options.Recursive.Set})
	return criu.Mount{Key: s.ID, Value: st.top + "/" + name}, nil
}

// takeSource returns the tree of an external mount, for the caller to close.
func (st *stage) takeSource(s *plan.StageMount) (int, error) {
	if s.Slot < 0 {
		null, err := sys.OpenNull()
		if err != nil {
			return -1, err
		}
		defer unix.Close(null)
		return sys.CloneTree(null, "", 0)
	}
	tree, err := st.tree(s.Slot)
	if err != nil || !s.InTree {
		if err == nil {
			st.sources.Trees[s.Slot].FD = -1
		}
		return tree, err
	}
	flags := uint(0)
	if s.Recursive {
		flags = unix.AT_RECURSIVE
	}
	clone, err := sys.CloneTree(tree, "", flags)
	if err == nil && s.IDMap != nil {
		if err = st.sources.MapIDs(clone, s.IDMap); err != nil {
			unix.Close(clone)
		}
	}
	return clone, err
}

// restrict sets a tree's attributes. It clears what init would: what the host has set is locked for a container of another
// user namespace (see sources.LockFlags).
func restrict(tree int, o *plan.MountOptions) error {
	if attr := o.Attr; attr != (plan.Attr{}) {
		if err := sys.ChangeMountAttr(tree, attr.Set, attr.Clear, false); err != nil {
			return err
		}
	}
	if all := o.Recursive; all != (plan.Attr{}) {
		return sys.ChangeMountAttr(tree, all.Set, all.Clear, true)
	}
	return nil
}

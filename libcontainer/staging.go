package libcontainer

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/criu"
	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/specconv/plan"
)

// stagedMount is a mount that CRIU finds ready: of the right source, with the
// restrictions that config.json asks for, before there is a container that
// could do anything with it.
type stagedMount struct {
	externalMount
	field  string
	attr   uint64 // MOUNT_ATTR_* that it must keep
	device string // of the filesystem, as mountinfo has it
	root   string // what of it is mounted
}

// stage mounts the root filesystem and what external mounts are of, on top of
// the container's state directory.
func (c *restoration) stage() error {
	tmpfs, top, err := stageTop(c.dir, c.opts.Root)
	if err != nil {
		return err
	}
	c.top = top
	defer unix.Close(tmpfs)
	if c.request.CgroupYard, err = stageYard(tmpfs, top, c.hierarchy.Path); err != nil {
		return err
	}
	root, err := c.rootTree()
	if err != nil {
		return err
	}
	if err := attachAt(tmpfs, "root", root); err != nil {
		return fieldError("root.path", err)
	}
	c.request.Root = top + "/root"
	defer func() { closeAll(slices.Collect(maps.Values(c.opened))) }()
	if err := c.makeMountPoints(root); err != nil {
		return err
	}
	steps := externals(c.plan)
	for i, m := range c.mounts {
		s, err := c.stageMount(tmpfs, strconv.Itoa(i), m, steps)
		if err != nil {
			return err
		}
		c.staged = append(c.staged, s)
		c.request.Mounts = append(c.request.Mounts, criu.Mount{Key: m.ID, Value: top + "/" + strconv.Itoa(i)})
	}
	return nil
}

// rootTree is the tree of the root filesystem.
func (c *restoration) rootTree() (int, error) {
	for _, item := range c.plan.Parent {
		if s, ok := item.Step.(*plan.OpenTree); ok && s.Rootfs {
			return c.tree(s.Slot)
		}
	}
	return -1, errors.New("the plan opens no root filesystem")
}

func (c *restoration) tree(slot int) (int, error) {
	if slot < 0 || slot >= len(c.sources.trees) || c.sources.trees[slot].FD < 0 {
		return -1, errors.New("the source could not be opened: to mount takes root's privileges")
	}
	return c.sources.trees[slot].FD, nil
}

// attachAt attaches a tree to a new mount point in a directory of ours.
func attachAt(dir int, name string, tree int) error {
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

// stageMount mounts what an external mount of the image is of, by the step of
// config.json that has the same target.
func (c *restoration) stageMount(dir int, name string, m externalMount, steps []external) (stagedMount, error) {
	for i := range steps {
		e := &steps[i]
		if e.kind != m.Kind || e.target != m.Target {
			continue
		}
		s := stagedMount{externalMount: m, field: e.field, attr: e.attr.Attr.Set | e.attr.Recursive.Set}
		if err := c.attachStaged(dir, name, e); err != nil {
			return s, fieldError(e.field, err)
		}
		return s, nil
	}
	return stagedMount{}, fmt.Errorf("the image has a %s mount at %q, and config.json has none there", m.Kind, m.Target)
}

func (c *restoration) attachStaged(dir int, name string, e *external) error {
	if e.slot >= 0 {
		tree, err := c.tree(e.slot)
		if err != nil {
			return err
		}
		if err := restrict(tree, e); err != nil {
			return err
		}
		return attachAt(dir, name, tree)
	}
	tree, err := c.cloneSource(e)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	if err := restrict(tree, e); err != nil {
		return err
	}
	return attachAt(dir, name, tree)
}

// cloneSource makes the tree of an external mount that the parent's steps have not
// opened: what it is in is staged by now.
func (c *restoration) cloneSource(e *external) (int, error) {
	if e.inside == nil {
		return c.cloneHost(e.kind)
	}
	flags := uint(0)
	if e.inside.Recursive {
		flags = unix.AT_RECURSIVE
	}
	return sys.CloneTree(c.opened[e.inside], "", flags)
}

// cloneHost makes the tree of an external mount that is none of config.json's.
func (c *restoration) cloneHost(kind string) (int, error) {
	if kind == externalCgroup {
		return sys.CloneTree(unix.AT_FDCWD, c.hierarchy.Path, 0)
	}
	null, err := sys.OpenNull()
	if err != nil {
		return -1, err
	}
	defer unix.Close(null)
	return sys.CloneTree(null, "", 0)
}

// restrict sets a tree's attributes before it is anywhere to be seen. It takes
// away what init would: what the host has set is locked for a container of another
// user namespace (see lockFlags).
func restrict(tree int, e *external) error {
	attr := e.attr.Attr
	if attr != (plan.Attr{}) {
		if err := sys.ChangeMountAttr(tree, attr.Set, attr.Clear, false); err != nil {
			return err
		}
	}
	if all := e.attr.Recursive; all != (plan.Attr{}) {
		return sys.ChangeMountAttr(tree, all.Set, all.Clear, true)
	}
	return nil
}

// handOver lets the root of the container's user namespace come through to the
// files of the image, as whom CRIU reads them there. Nobody else may: they hold
// the memory of processes, and are open to all who get that far.
func (c *restoration) handOver(image int) error {
	s := spawnStep(c.plan)
	if s == nil || len(s.UIDMaps) == 0 || os.Geteuid() != 0 {
		return nil
	}
	// The group too: while it has not become that root yet, CRIU has its powers
	// over what has both ids in the namespace.
	uid, gid := proc.HostID(s.UIDMaps, 0), proc.HostID(s.GIDMaps, 0)
	if uid < 0 || gid < 0 {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(image, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	return handOverChain(image, st.Uid, uid, gid)
}

// handOverChain gives an image to a user, and those that it stands on, if they
// belong to the caller or, like the image itself, to owner.
func handOverChain(image int, owner uint32, uid, gid int) error {
	dir := image
	defer func() {
		if dir != image {
			unix.Close(dir)
		}
	}()
	for range maxParents {
		parent, err := handOverOne(dir, owner, uid, gid)
		if err != nil || parent < 0 {
			return err
		}
		if dir != image {
			unix.Close(dir)
		}
		dir = parent
	}
	return fmt.Errorf("the image stands on more than %d others", maxParents)
}

// handOverOne gives one image to a user and opens the one that it stands on; -1
// if there is none.
func handOverOne(dir int, owner uint32, uid, gid int) (parent int, err error) {
	// An image from elsewhere may call anything its parent.
	var st unix.Stat_t
	if err := unix.Fstatat(dir, descriptorsName, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return -1, errors.New("what the image has as its parent is no image that this runtime has made")
	}
	if err := unix.Fstat(dir, &st); err != nil {
		return -1, os.NewSyscallError("fstat", err)
	}
	if st.Uid != owner && int(st.Uid) != os.Geteuid() {
		return -1, fmt.Errorf("what the image has as its parent belongs to user %d, expected the caller or the owner of the image", st.Uid)
	}
	if err := unix.Fchown(dir, uid, gid); err != nil {
		return -1, os.NewSyscallError("fchown", err)
	}
	return openParent(dir)
}

// openParent opens the image that an image stands on; -1 if there is none.
// CRIU makes a link to it, as --parent-path has it: relative, and, as is insisted
// here, without further links on its way.
func openParent(dir int) (int, error) {
	target := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, "parent", target)
	if err == unix.ENOENT {
		return -1, nil
	}
	if err == nil && target[0] == '/' {
		err = errors.New("expected a relative link")
	}
	fd := -1
	if err == nil {
		fd, err = retry.Openat2(dir, string(target[:n]), &unix.OpenHow{
			Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC,
			Resolve: unix.RESOLVE_NO_SYMLINKS,
		})
	}
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: "parent", Err: err}
	}
	return fd, nil
}

// maxParents bounds the images that an image stands on.
const maxParents = 1000

package libcontainer

import (
	"errors"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv/plan"
)

// place is a mount of a container that is to be restored: mount points of others,
// and their sources, can be in it.
type place struct {
	target   string
	tree     int // -1: a filesystem of the container's own, which CRIU fills
	readonly bool
}

// places are the mounts so far, in their order. The first is the root filesystem.
type places []place

// find finds the mount that a path is in, and the path in there. Mounts are taken by
// their names: where links of the image lead is not known before it is mounted.
func (p places) find(path string) (in place, rest string) {
	for _, in := range slices.Backward(p) {
		rest, ok := strings.CutPrefix(path, strings.TrimSuffix(in.target, "/"))
		if ok && (rest == "" || rest[0] == '/') {
			return in, rest
		}
	}
	return place{tree: -1}, path
}

// open opens a source that is in the container.
func (p places) open(s *plan.OpenInRoot) (int, error) {
	in, rest := p.find(s.Path)
	if in.tree < 0 {
		return -1, errors.New("it is in a filesystem of the container's own, which has no files before CRIU restores them")
	}
	flags := unix.O_PATH
	if s.NoFollow {
		flags |= unix.O_NOFOLLOW
	}
	return sys.OpenInRoot(in.tree, "/"+rest, flags)
}

// makePoint makes a mount point that is missing. In what is mounted read-only the
// first start could have made none either.
func (p places) makePoint(target string, isDir bool) error {
	in, rest := p.find(target)
	if in.tree < 0 || rest == "" {
		return nil
	}
	var fd int
	var err error
	switch {
	case in.readonly:
		fd, err = sys.OpenInRoot(in.tree, rest, unix.O_PATH)
		if errors.Is(err, unix.ENOENT) {
			err = &os.PathError{Op: "make", Path: target, Err: unix.EROFS}
		}
	case isDir:
		fd, err = sys.MkdirAllInRoot(in.tree, rest, 0o755)
	default:
		fd, err = sys.CreateFileInRoot(in.tree, rest, 0o755, 0o644)
	}
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// makeMountPoints makes what the container's first start has made in the root
// filesystem and in the sources of bind mounts, which may be others by now. Links are
// followed inside of them, as they were then.
func (c *restoration) makeMountPoints(root int) error {
	c.places, c.opened = places{{target: "/", tree: root}}, make(map[*plan.OpenInRoot]int)
	var inside *plan.OpenInRoot
	for _, item := range c.plan.Init {
		var err error
		switch s := item.Step.(type) {
		case *plan.MountFS:
			err = c.places.makePoint(s.Target, true)
			c.places = append(c.places, place{target: s.Target, tree: -1})
		case *plan.OpenInRoot:
			inside = s
		case *plan.Bind:
			err = c.placeBind(s, inside)
		}
		if err != nil {
			return c.init.Explain(&item, err)
		}
	}
	return nil
}

// placeBind makes the mount point of a bind mount.
func (c *restoration) placeBind(s *plan.Bind, inside *plan.OpenInRoot) error {
	var tree int
	var err error
	if s.Slot >= 0 {
		tree, err = c.tree(s.Slot)
	} else if tree, err = c.places.open(inside); err == nil {
		c.opened[inside] = tree
	}
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(tree, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	if err := c.places.makePoint(s.Target, st.Mode&unix.S_IFMT == unix.S_IFDIR); err != nil {
		return err
	}
	readonly := (s.Options.Attr.Set|s.Options.Recursive.Set)&unix.MOUNT_ATTR_RDONLY != 0
	c.places = append(c.places, place{target: s.Target, tree: tree, readonly: readonly})
	return nil
}

package checkpoint

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/plan"
)

// mountsOf reads the mounts of a process's mount namespace.
func mountsOf(process sys.Proc) ([]proc.Mount, error) {
	text, err := process.Read("mountinfo")
	if err != nil {
		return nil, err
	}
	return proc.ParseMounts(text)
}

// findExternals finds the external mounts of a running container: where each of
// them is now, by what is there and not by its name. root is the container's
// root directory.
//
// What the paths of config.json lead to is up to the container's symbolic
// links. So each mount that is found must be the one that is meant: of the
// same file as the source, with the restrictions it was given, and no other
// step's.
func findExternals(externals []specconv.External, root int, mounts []proc.Mount) ([]plan.ImageMount, error) {
	var found []plan.ImageMount
	taken := make(map[int]string)
	for i := range externals {
		e := &externals[i]
		m, err := findExternal(e, root, mounts)
		if err == nil && m != nil {
			err = checkExternal(e, root, m)
		}
		if err != nil {
			return nil, plan.InField(e.Field, err)
		}
		if m == nil {
			continue
		}
		if other, ok := taken[m.ID]; ok {
			return nil, plan.InField(e.Field, fmt.Errorf("%q leads to the mount of %s, at %q: CRIU cannot distinguish two mounts of which one is reached by a symbolic link, or hides the other",
				e.Target, other, m.Point))
		}
		taken[m.ID] = e.Field
		if strings.Contains(m.Point, "]:") {
			return nil, plan.InField(e.Field, fmt.Errorf("the mount point %q contains \"]:\", by which CRIU would take it for another", m.Point))
		}
		found = append(found, plan.ImageMount{ID: mountPrefix + strconv.Itoa(len(found)), Kind: e.Kind, Target: e.Target, Point: m.Point})
	}
	return found, nil
}

// findExternal finds the mount that is on top at the target; nil if there is none
// that init could have made.
func findExternal(e *specconv.External, root int, mounts []proc.Mount) (*proc.Mount, error) {
	fd, err := sys.OpenInRoot(root, e.Target, openFlags(e))
	if errors.Is(err, unix.ENOENT) && e.Kind != plan.ExternalBind {
		return nil, nil // masked only if it is there; a node that was removed
	}
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var st unix.Statx_t
	if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID|unix.STATX_TYPE, &st); err != nil {
		return nil, os.NewSyscallError("statx", err)
	}
	switch isRoot := st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0; {
	case e.Kind == plan.ExternalMask && (!isRoot || sys.CheckDevice(fd, unix.S_IFCHR, 1, 3) != nil):
		return nil, nil // a directory, which has a tmpfs of its own
	case e.Kind == plan.ExternalDevice && !isRoot:
		return nil, nil // a node of the container's own
	case e.Kind == plan.ExternalBind && !isRoot && st.Mode&unix.S_IFMT == unix.S_IFLNK:
		return nil, nil // a copied link
	case e.Kind == plan.ExternalCgroup && !isRoot:
		return nil, nil
	case !isRoot:
		return nil, fmt.Errorf("there is nothing mounted at %q any more", e.Target)
	}
	for i := range mounts {
		if uint64(mounts[i].ID) == st.Mnt_id {
			return &mounts[i], nil
		}
	}
	return nil, fmt.Errorf("the mount at %q is not among the container's", e.Target)
}

func openFlags(e *specconv.External) int {
	if e.Options.NoFollow {
		return unix.O_PATH | unix.O_NOFOLLOW
	}
	return unix.O_PATH
}

// checkExternal makes sure that a mount is the one that is meant.
func checkExternal(e *specconv.External, root int, m *proc.Mount) error {
	if lacks := m.Lacks(e.Options.Attr.Set | e.Options.Recursive.Set); lacks != "" {
		return fmt.Errorf("the mount at %q is not %s, as config.json has it", m.Point, lacks)
	}
	if e.Source == nil || strings.HasSuffix(m.Root, "//deleted") {
		return nil // the mount is of a file that has no name any more
	}
	inside, err := sys.OpenInRoot(root, e.Target, openFlags(e))
	if err != nil {
		return err
	}
	defer unix.Close(inside)
	outside, err := openSource(e.Source)
	if err != nil {
		return err
	}
	defer unix.Close(outside)
	same, err := sys.SameDescriptors(inside, outside)
	if err == nil && !same {
		err = fmt.Errorf("the mount at %q is not of %q", m.Point, e.Source.Path)
	}
	return err
}

func openSource(s *plan.OpenTree) (int, error) {
	flags := unix.O_PATH | unix.O_CLOEXEC
	if s.NoFollow {
		flags |= unix.O_NOFOLLOW
	}
	fd, err := retry.Open(s.Path, flags, 0)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: s.Path, Err: err}
	}
	return fd, nil
}

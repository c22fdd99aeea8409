package libcontainer

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
	"github.com/crun-go/crun-go/specconv/plan"
)

// Kinds of external mounts, by the steps that make them.
const (
	externalBind   = "bind"   // of config.json's mounts
	externalMask   = "mask"   // /dev/null over a file
	externalDevice = "device" // the host's node, where none could be made
	externalCgroup = "cgroup" // all of the host's cgroups, without a cgroup namespace
)

// external is a step of a plan that mounts what is the host's.
type external struct {
	kind   string
	target string // in the container, as config.json has it
	field  string
	slot   int // of the tree; -1: /dev/null, the cgroup filesystem, or what is in the container
	attr   plan.MountOptions
	inside *plan.OpenInRoot // what in the container; nil: nothing
}

// externals lists the steps of a plan that mount, or may have mounted, what is
// the host's.
//
// The cgroup filesystem is one of them where there is no cgroup namespace: CRIU
// would mount it without the options it has on the host, which hold for all its
// mounts.
func externals(p *plan.Plan) []external {
	var list []external
	private := false
	var inside *plan.OpenInRoot
	for _, item := range p.Init {
		switch s := item.Step.(type) {
		case *plan.OpenInRoot:
			inside = s
		case *plan.Bind:
			e := external{kind: externalBind, target: s.Target, field: item.Field, slot: s.Slot, attr: s.Options}
			if s.Slot < 0 {
				e.inside = inside
			}
			list = append(list, e)
		case *plan.UnshareCgroup:
			private = true
		case *plan.MountFS:
			if (s.Type == "cgroup" || s.Type == "cgroup2") && !private {
				list = append(list, external{kind: externalCgroup, target: s.Target, field: item.Field, slot: -1, attr: s.Options})
			}
		case *plan.MaskPath:
			list = append(list, external{kind: externalMask, target: s.Path, field: item.Field, slot: -1, attr: plan.MountOptions{Attr: plan.Attr{Set: maskAttr}}})
		case *plan.MakeDevice:
			if s.Slot >= 0 {
				list = append(list, external{kind: externalDevice, target: s.Path, field: item.Field, slot: s.Slot})
			}
		}
	}
	return list
}

// maskAttr is what /dev/null over a masked file is mounted with.
const maskAttr = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NOEXEC

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
func findExternals(p *plan.Plan, root int, mounts []proc.Mount) ([]externalMount, error) {
	if err := checkRoot(p); err != nil {
		return nil, err
	}
	var found []externalMount
	taken := make(map[int]string)
	for _, e := range externals(p) {
		m, err := e.find(root, mounts)
		if err == nil && m != nil {
			err = e.check(p, root, m)
		}
		if err != nil {
			return nil, fieldError(e.field, err)
		}
		if m == nil {
			continue
		}
		if other, ok := taken[m.ID]; ok {
			return nil, fieldError(e.field, fmt.Errorf("%q leads to the mount of %s, at %q: CRIU can't tell two mounts apart of which a symbolic link makes one, or one hides the other",
				e.target, other, m.Point))
		}
		taken[m.ID] = e.field
		if strings.Contains(m.Point, "]:") {
			return nil, fieldError(e.field, fmt.Errorf("the mount point %q contains \"]:\", by which CRIU would take it for another", m.Point))
		}
		found = append(found, externalMount{ID: mountPrefix + strconv.Itoa(len(found)), Kind: e.kind, Target: e.target, Point: m.Point})
	}
	return found, nil
}

// checkRoot refuses a container whose root is one of its mounts: to CRIU it is root.path.
func checkRoot(p *plan.Plan) error {
	for _, item := range p.Init {
		fs, _ := item.Step.(*plan.MountFS)
		bind, _ := item.Step.(*plan.Bind)
		if fs != nil && fs.Target == "/" || bind != nil && bind.Target == "/" {
			return fieldError(item.Field+".destination", errors.New("a container with a mount on \"/\" can't be checkpointed: use root.path"))
		}
	}
	return nil
}

// find finds the mount that is on top at the target; nil if there is none that
// the step could have made.
func (e *external) find(root int, mounts []proc.Mount) (*proc.Mount, error) {
	fd, err := sys.OpenInRoot(root, e.target, e.openFlags())
	if errors.Is(err, unix.ENOENT) && e.kind != externalBind {
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
	case e.kind == externalMask && (!isRoot || sys.CheckDevice(fd, unix.S_IFCHR, 1, 3) != nil):
		return nil, nil // a directory, which has a tmpfs of its own
	case e.kind == externalDevice && !isRoot:
		return nil, nil // a node of the container's own
	case e.kind == externalBind && !isRoot && st.Mode&unix.S_IFMT == unix.S_IFLNK:
		return nil, nil // a copied link
	case e.kind == externalCgroup && !isRoot:
		return nil, nil
	case !isRoot:
		return nil, fmt.Errorf("there is nothing mounted at %q any more", e.target)
	}
	for i := range mounts {
		if uint64(mounts[i].ID) == st.Mnt_id {
			return &mounts[i], nil
		}
	}
	return nil, fmt.Errorf("the mount at %q is not among the container's", e.target)
}

func (e *external) openFlags() int {
	if e.attr.NoFollow {
		return unix.O_PATH | unix.O_NOFOLLOW
	}
	return unix.O_PATH
}

// check makes sure that a mount is the step's.
func (e *external) check(p *plan.Plan, root int, m *proc.Mount) error {
	if lacks := m.Lacks(e.attr.Attr.Set | e.attr.Recursive.Set); lacks != "" {
		return fmt.Errorf("the mount at %q is not %s, as config.json has it", m.Point, lacks)
	}
	source := e.source(p)
	if source == nil || strings.HasSuffix(m.Root, "//deleted") {
		return nil // the mount is of a file that has no name any more
	}
	inside, err := sys.OpenInRoot(root, e.target, e.openFlags())
	if err != nil {
		return err
	}
	defer unix.Close(inside)
	outside, err := openSource(source)
	if err != nil {
		return err
	}
	defer unix.Close(outside)
	same, err := sys.SameDescriptors(inside, outside)
	if err == nil && !same {
		err = fmt.Errorf("the mount at %q is not of %q", m.Point, source.Path)
	}
	return err
}

// source is the step that opens the tree; nil for /dev/null, and for what is in the
// container, which may have changed it.
func (e *external) source(p *plan.Plan) *plan.OpenTree {
	for _, item := range p.Parent {
		if s, ok := item.Step.(*plan.OpenTree); ok && s.Slot == e.slot {
			return s
		}
	}
	return nil
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

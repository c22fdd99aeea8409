package resource

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/specconv/plan"
)

// Cgroup is the container's cgroup.
type Cgroup struct {
	*Record
	Group     *cgroups.Cgroup   // as it was made; nil: it was not, or there is none
	hierarchy cgroups.Hierarchy // to make it in
	unmade    bool              // what the state file names is not the container's yet
	shared    bool              // with another container, which was cloned into it meanwhile
}

// name writes the cgroup into the state file before it is made, with the parents that are
// missing. One that exists may belong to another program, with its processes: it is ours,
// for delete to kill and remove, only once it has been adopted.
func (c *Cgroup) name(s *plan.CreateCgroup) {
	dir := filepath.Join(c.hierarchy.Path, s.Path)
	if sys.Exists(dir) {
		return
	}
	entry := &c.Journal.Cgroup
	entry.Dir = dir
	for ; len(dir) > len(c.hierarchy.Path) && !sys.Exists(dir); dir = filepath.Dir(dir) {
		entry.Made = append(entry.Made, dir)
	}
	slices.Reverse(entry.Made) // outermost first
}

// Create makes the cgroup, and records the parents that had to be made for it.
func (c *Cgroup) Create(s *plan.CreateCgroup) error {
	entry := &c.Journal.Cgroup
	group, err := c.hierarchy.Create(s.Path)
	if err != nil {
		// Not made, or there before and not ours to remove.
		entry.Dir, entry.Made = "", nil
		if s.Tolerated && Denied(err) {
			return nil
		}
		return err
	}
	c.Group, c.unmade = group, false
	if entry.ID, err = group.ID(); err != nil {
		return err
	}
	if s.Delegate {
		if err := group.Delegate(s.OwnerUID, s.OwnerGID); err != nil {
			return err
		}
	}
	// The container's own cgroup is always removed with it, also an empty one
	// that existed: a leftover.
	if len(group.Created) == 0 {
		group.Created = []string{group.Path()}
	}
	made := make([]string, len(group.Created))
	for i, path := range group.Created {
		made[i] = filepath.Join(c.hierarchy.Path, path)
	}
	if slices.Equal(made, entry.Made) {
		return nil
	}
	entry.Dir, entry.Made = group.Dir(), made
	return c.Save()
}

// Denied reports whether the kernel refused for want of privileges.
func Denied(err error) bool {
	return errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EROFS)
}

// Limit sets limits.
func (c *Cgroup) Limit(r *specs.LinuxResources) error {
	if c.Group == nil {
		return nil
	}
	return LimitError(c.Group.Set(r))
}

// SetDevices sets the device filter. Without root the kernel does not allow one: nodes
// can't be made either.
func (c *Cgroup) SetDevices(s *plan.SetDevices) error {
	if c.Group == nil {
		return nil
	}
	err := c.Group.SetDevices(s.Rules)
	if err != nil && c.Journal.Rootless {
		return nil
	}
	return LimitError(err)
}

// EnterSub moves init into a cgroup below. It has made its cgroup namespace by now, whose
// root stays the container's cgroup.
func (c *Cgroup) EnterSub(s *plan.EnterSubcgroup, pid int) error {
	if c.Group == nil {
		return nil
	}
	below, err := c.hierarchy.Create(c.Group.Path() + "/" + s.Name)
	if err != nil {
		return err
	}
	err = below.Add(pid)
	below.Close()
	if err != nil {
		return err
	}
	// Only now is the cgroup above without processes, and may hand controllers
	// down.
	if below, err = c.hierarchy.Adopt(below.Path()); err != nil {
		return err
	}
	defer below.Close()
	if s.Delegate {
		return below.Delegate(s.OwnerUID, s.OwnerGID)
	}
	return nil
}

// Alone refuses a cgroup into which another container was cloned since it was found to be
// empty. The second one sees the first; both may see each other.
func (c *Cgroup) Alone(pid int) error {
	if c.Journal.Cgroup.Unit != "" {
		return nil // named by systemd, for this container alone
	}
	err := c.Group.Alone(pid)
	c.shared = errors.Is(err, cgroups.ErrNotEmpty)
	return err
}

// OpenCgroup opens the cgroup of a state file: nil if it has none, or none any more. What
// another program has made at its path is not the container's.
func OpenCgroup(entry *state.Cgroup) (*cgroups.Cgroup, error) {
	if entry.Dir == "" {
		return nil, nil
	}
	h, err := cgroups.Find(cgroups.Root)
	if err != nil {
		return nil, err
	}
	path, ok := strings.CutPrefix(entry.Dir, h.Path)
	if !ok {
		return nil, fmt.Errorf("cgroup %q is not below the cgroup v2 hierarchy at %q", entry.Dir, h.Path)
	}
	group, err := h.Open(path)
	if errors.Is(err, cgroups.ErrNotExist) {
		return nil, nil
	}
	if err != nil || entry.ID == 0 {
		return group, err
	}
	id, err := group.ID()
	if err == nil && id == entry.ID {
		return group, nil
	}
	group.Close()
	return nil, err
}

// Frozen reads cgroup.freeze: a container that is about to freeze counts. A cgroup
// that is gone is not frozen. What is at its path is found out where it matters.
func (c *Cgroup) Frozen() (bool, error) {
	if c.Journal.Cgroup.Dir == "" {
		return false, nil
	}
	name := c.Journal.Cgroup.Dir + "/cgroup.freeze"
	fd, err := retry.Open(name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err == unix.ENOENT {
		return false, nil
	}
	if err != nil {
		return false, &os.PathError{Op: "open", Path: name, Err: err}
	}
	defer unix.Close(fd)
	var b [1]byte
	n, err := retry.Read(fd, b[:])
	if err != nil && err != unix.ENODEV {
		return false, &os.PathError{Op: "read", Path: name, Err: err}
	}
	if n != 1 || b[0] != '1' {
		return false, nil
	}
	group, err := OpenCgroup(&c.Journal.Cgroup)
	if group != nil {
		group.Close()
	}
	return group != nil, err
}

// Remove kills what is left in the cgroup and removes it, with the parents that were made
// for it. One that is open and that the state file does not name belongs to another program.
func (c *Cgroup) Remove() error {
	entry := &c.Journal.Cgroup
	switch {
	case c.unmade:
		return nil
	case c.shared:
		c.Group.Abandon()
		return nil
	}
	group, err := c.Group, error(nil)
	if group == nil || entry.Dir == "" {
		if group, err = OpenCgroup(entry); err != nil {
			return err
		}
		if group == nil {
			removeParents(entry)
			return nil
		}
		defer group.Close()
	}
	populated, err := group.Populated()
	if err != nil && !errors.Is(err, cgroups.ErrNotExist) { // systemd may have been faster
		return err
	}
	if populated {
		if err := group.Kill(); err != nil {
			return err
		}
	}
	root := strings.TrimSuffix(group.Dir(), group.Path())
	made := make([]string, len(entry.Made))
	for i, dir := range entry.Made {
		made[i] = strings.TrimPrefix(dir, root)
	}
	return group.Delete(made)
}

// removeParents is for a cgroup that is gone: a removal that was cut off may have left its
// parents.
func removeParents(entry *state.Cgroup) {
	if sys.Exists(entry.Dir) {
		return // another was made there
	}
	for _, dir := range slices.Backward(entry.Made) {
		unix.Rmdir(dir) // fails if others use it, or it is gone, too
	}
	h, err := cgroups.Find(cgroups.Root)
	if below, ok := strings.CutPrefix(entry.Dir, h.Path); err == nil && ok && strings.HasPrefix(below, "/") {
		h.DeleteParents(below)
	}
}

// LimitError gives a cgroup's error its full field name.
func LimitError(err error) error {
	var e *cgroups.Error
	if errors.As(err, &e) && e.Field != "" {
		return plan.InField("linux.resources."+e.Field, limitCause{err, e.Field + ": "})
	}
	return err
}

// limitCause is a cgroup's error without the short field name.
type limitCause struct {
	of    error
	field string
}

func (c limitCause) Error() string { return strings.TrimPrefix(c.of.Error(), c.field) }

func (c limitCause) Unwrap() error { return c.of }

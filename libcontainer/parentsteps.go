package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/plan"
	"github.com/crun-go/crun-go/libcontainer/spawn"
	"github.com/crun-go/crun-go/libcontainer/sys"
)

// nameCgroup writes the cgroup into the journal before it is made, with the
// parents that are missing. One that is there may be somebody else's, with what
// lives in it: it is ours, for delete to kill and remove, only once it has been
// taken.
func (c *creation) nameCgroup() {
	for _, item := range c.plan.Parent {
		s, ok := item.Step.(*plan.CreateCgroup)
		if !ok {
			continue
		}
		dir := filepath.Join(c.hierarchy.Path, s.Path)
		if exists(dir) {
			return
		}
		c.journal.Cgroup.Dir = dir
		for ; len(dir) > len(c.hierarchy.Path) && !exists(dir); dir = filepath.Dir(dir) {
			c.journal.Cgroup.Made = append(c.journal.Cgroup.Made, dir)
		}
		slices.Reverse(c.journal.Cgroup.Made) // outermost first
	}
}

// createCgroup makes the cgroup, and journals the parents that had to be made
// for it.
func (c *creation) createCgroup(s *plan.CreateCgroup) error {
	group, err := c.hierarchy.Create(s.Path)
	if err != nil {
		if s.Tolerated && (errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EROFS)) {
			c.journal.Cgroup.Dir, c.journal.Cgroup.Made = "", nil
			return nil
		}
		// It was there before: not ours to remove.
		c.journal.Cgroup.Dir, c.journal.Cgroup.Made = "", nil
		return err
	}
	c.cgroup = group
	if s.Delegate {
		if err := group.Delegate(s.OwnerUID, s.OwnerGID); err != nil {
			return err
		}
	}
	// The container's own cgroup is always removed with it, also an empty one
	// that was there: somebody's leftover.
	if len(group.Created) == 0 {
		group.Created = []string{group.Path()}
	}
	made := make([]string, len(group.Created))
	for i, path := range group.Created {
		made[i] = filepath.Join(c.hierarchy.Path, path)
	}
	if slices.Equal(made, c.journal.Cgroup.Made) {
		return nil
	}
	c.journal.Cgroup.Dir, c.journal.Cgroup.Made = group.Dir(), made
	return c.dir.Save(&c.journal)
}

// resourceError gives a cgroup's error its full field name.
func resourceError(err error) error {
	var e *cgroups.Error
	if errors.As(err, &e) && e.Field != "" {
		return fieldError("linux.resources."+e.Field, resourceCause{e}, e.Hint)
	}
	return err
}

// resourceCause is a cgroup's error without the short field name.
type resourceCause struct{ of *cgroups.Error }

func (c resourceCause) Error() string { return strings.TrimPrefix(c.of.Error(), c.of.Field+": ") }
func (c resourceCause) Unwrap() error { return c.of }

func (c *creation) setResources(s *plan.SetResources) error {
	if c.cgroup == nil {
		return nil
	}
	return resourceError(c.cgroup.Set(s.Resources))
}

func (c *creation) setDevices(s *plan.SetDevices) error {
	if c.cgroup == nil {
		return nil
	}
	err := c.cgroup.SetDevices(s.Rules)
	if err != nil && c.rootless {
		return nil // rootless, the kernel lets nobody attach a filter: nodes can't be made either
	}
	return resourceError(err)
}

func (c *creation) setPids(s *plan.SetPids) error {
	if c.cgroup == nil {
		return nil
	}
	return resourceError(c.cgroup.SetPids(&specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &s.Limit}}))
}

// openTree opens a mount tree for init. The root filesystem must be a real
// directory: a link there would be resolved with the host's root.
func (c *creation) openTree(s *plan.OpenTree) error {
	flags := uint(0)
	if s.Recursive {
		flags |= unix.AT_RECURSIVE
	}
	if s.NoFollow || s.Rootfs {
		flags |= unix.AT_SYMLINK_NOFOLLOW
	}
	dir, path := unix.AT_FDCWD, s.Path
	if s.Rootfs {
		if err := c.openRootfs(s.Path); err != nil {
			return err
		}
		dir, path = c.rootfs, ""
	}
	t := plan.Tree{FD: -1}
	fd, err := sys.CloneTree(dir, path, flags)
	switch {
	case err == nil:
		t.FD = fd
	case errors.Is(err, unix.EPERM) && s.IDMap == nil:
		// No mounts may be made here: an ordinary user's runtime. Init may, in
		// its own namespaces, with that user's view of the same paths.
		t.Path, t.Recursive, t.NoFollow = s.Path, s.Recursive, s.NoFollow
		if s.Rootfs {
			t.Path = "." // where init starts
		}
	case !s.Optional:
		return &os.PathError{Op: "open", Path: s.Path, Err: errors.Unwrap(err)}
	}
	for len(c.trees) <= s.Slot {
		c.trees = append(c.trees, plan.Tree{FD: -1})
	}
	c.trees[s.Slot] = t
	if s.IDMap == nil || t.FD < 0 {
		return nil
	}
	return c.mapTree(t.FD, s.IDMap)
}

func (c *creation) openRootfs(path string) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return fieldError("root.path", fmt.Errorf("invalid rootfs: %w", &os.PathError{Op: "stat", Path: path, Err: err}), "")
	}
	c.rootfs = fd
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	if kind := st.Mode & unix.S_IFMT; kind != unix.S_IFDIR {
		return fieldError("root.path", fmt.Errorf("invalid rootfs: %q is a %s, expected a directory", path, sys.FileType(st.Mode)),
			"name the directory itself")
	}
	return nil
}

// mapTree maps a mount's ids by a user namespace of its own, or by one with the
// container's maps.
func (c *creation) mapTree(fd int, m *plan.IDMap) error {
	maps := spawn.IDMaps{UIDs: m.UIDs, GIDs: m.GIDs}
	if len(maps.UIDs) == 0 {
		if s := c.spawnStep(); s != nil {
			maps = spawn.IDMaps{UIDs: s.UIDMaps, GIDs: s.GIDMaps}
		}
	}
	userns, err := spawn.UserNamespace(maps)
	if err != nil {
		return fmt.Errorf("make a user namespace for the mount's ids: %w", err)
	}
	defer unix.Close(userns)
	if err := sys.SetMountIDMap(fd, userns, m.Recursive); err != nil {
		return fmt.Errorf("map ids (does the filesystem support it?): %w", err)
	}
	return nil
}

// setOOMScoreAdj writes it from outside: a container's init may not lower it.
func setOOMScoreAdj(pid int, s *plan.SetOOMScoreAdj) error {
	proc, err := sys.HostProc()
	if err != nil {
		return err
	}
	defer proc.Close()
	err = proc.Write(strconv.Itoa(pid)+"/oom_score_adj", strconv.Itoa(s.Value))
	if s.BestEffort && (errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM)) {
		return nil
	}
	return err
}

// raiseRlimits gives init the hard limits that it will need to set its own: only
// the runtime may have the privilege. Nothing is lowered yet.
func (c *creation) raiseRlimits(s *plan.RaiseRlimits) error {
	for _, l := range s.Limits {
		var old unix.Rlimit
		if err := unix.Prlimit(c.init.Pid, l.Resource, nil, &old); err != nil {
			return os.NewSyscallError("prlimit", err)
		}
		if old.Max >= l.Hard {
			continue
		}
		old.Max = l.Hard
		if err := unix.Prlimit(c.init.Pid, l.Resource, &old, nil); err != nil {
			return fmt.Errorf("error setting rlimit %s: raise the hard limit to %d: %w", l.Type, l.Hard, err)
		}
	}
	return nil
}

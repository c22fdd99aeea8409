package cgroups

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// Root is where systemd and the FHS mount cgroups.
const Root = "/sys/fs/cgroup"

// Hierarchy is the mount of the unified hierarchy.
type Hierarchy struct {
	Path string // absolute mount point
}

// Find locates the unified hierarchy: root itself (normally [Root]), its
// subdirectory "unified" on a hybrid host, or else the first cgroup2 mount of
// this process. It costs one or two statfs(2) calls in the usual layouts. The
// error is ErrNotSupported if no cgroup2 is mounted.
func Find(root string) (Hierarchy, error) {
	if isCgroup2(root) {
		return Hierarchy{Path: root}, nil
	}
	if unified := root + "/unified"; isCgroup2(unified) {
		return Hierarchy{Path: unified}, nil
	}
	var h Hierarchy
	mounts, err := proc.OwnMounts()
	if err == nil {
		h, err = findMount(mounts)
	}
	if err != nil {
		return Hierarchy{}, fmt.Errorf("find cgroup v2 hierarchy: %w", err)
	}
	return h, nil
}

func isCgroup2(path string) bool {
	var st unix.Statfs_t
	return retry.Statfs(path, &st) == nil && int64(st.Type) == unix.CGROUP2_SUPER_MAGIC
}

// findMount returns the first mount of type cgroup2. The error is ErrNotSupported if
// there is none.
func findMount(mounts []proc.Mount) (Hierarchy, error) {
	i := slices.IndexFunc(mounts, func(m proc.Mount) bool { return m.Type == "cgroup2" })
	if i < 0 {
		return Hierarchy{}, &reason{"no cgroup2 file system is mounted", ErrNotSupported}
	}
	return Hierarchy{Path: mounts[i].Point}, nil
}

// Available lists the controllers that the hierarchy offers at its root.
func (h Hierarchy) Available() ([]string, error) {
	b, err := retry.ReadFile(h.Path + "/cgroup.controllers")
	if err != nil {
		return nil, err
	}
	return strings.Fields(string(b)), nil
}

// Own returns the path, in the unified hierarchy, of the cgroup that process
// pid is in; pid 0 is the calling process. Seen from inside a cgroup namespace
// a path outside of it starts with "/..", which [Hierarchy.Open] refuses. The
// error is ErrNotExist if that cgroup was removed, which a process that has
// ended does not prevent.
func Own(pid int) (string, error) {
	name := "/proc/self/cgroup"
	if pid != 0 {
		name = "/proc/" + strconv.Itoa(pid) + "/cgroup"
	}
	f, err := retry.OpenFile(name, unix.O_RDONLY, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	path, err := OwnPath(f)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	if before, ok := strings.CutSuffix(path, removed); ok && pid != 0 && !named(path) {
		return "", fmt.Errorf("read %s: cgroup %q was removed: %w", name, before, ErrNotExist)
	}
	return path, nil
}

// removed is what the kernel appends to the path of a removed cgroup. A name may end
// so, too: a container that manages its cgroup chooses those below.
const removed = " (deleted)"

// named reports whether there is a cgroup of this path.
func named(path string) bool {
	h, err := Find(Root)
	if err != nil {
		return false
	}
	fd, err := h.openDir(path)
	if err != nil {
		return false
	}
	unix.Close(fd)
	return true
}

// Has reports whether process pid is in the cgroup or in one below.
func (c *Cgroup) Has(pid int) (bool, error) {
	f, err := retry.OpenFile("/proc/"+strconv.Itoa(pid)+"/cgroup", unix.O_RDONLY, 0)
	if err != nil {
		return false, err
	}
	defer f.Close()
	// With or without what the kernel adds: of c itself that would mean that no
	// process is in it.
	own, err := OwnPath(f)
	return err == nil && strings.HasPrefix(own+"/", strings.TrimSuffix(c.path, "/")+"/"), err
}

// OwnPath reads the text of /proc/PID/cgroup (cgroups(7)) and returns the path
// on its "0::" line, with " (deleted)" at its end if that cgroup was removed. The
// error is ErrNotSupported if there is no unified hierarchy.
func OwnPath(r io.Reader) (string, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(b)) {
		path, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::")
		if !ok {
			continue
		}
		if !strings.HasPrefix(path, "/") {
			return "", fmt.Errorf("unexpected line %q", line)
		}
		return path, nil
	}
	return "", &reason{"not in a cgroup v2 hierarchy", ErrNotSupported}
}

// split cuts a path in the hierarchy into its names. ".." is refused rather
// than resolved: it is not meant, and would leave the place the path was
// checked for.
func split(path string) ([]string, error) {
	var names []string
	for name := range strings.SplitSeq(path, "/") {
		switch {
		case name == "" || name == ".":
		case name == "..":
			return nil, fmt.Errorf("cgroup path %q: \"..\" is not allowed", path)
		case strings.ContainsAny(name, "\x00\n"):
			return nil, fmt.Errorf("cgroup path %q: control characters are not allowed", path)
		default:
			names = append(names, name)
		}
	}
	if path == "" {
		return nil, errors.New("cgroup path is empty")
	}
	return names, nil
}

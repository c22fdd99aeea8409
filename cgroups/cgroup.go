package cgroups

import (
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// Cgroup is one directory of the unified hierarchy, held open. It is not safe
// for concurrent use. The owner calls Close.
type Cgroup struct {
	processes

	// Created are the paths in the hierarchy of the directories that
	// [Hierarchy.Create] made, outermost first; the caller records them for
	// [Cgroup.Delete]. It is nil after [Hierarchy.Open].
	Created []string
}

// dir is a cgroup's directory: its files, and what they say when they fail.
type dir struct {
	h       Hierarchy
	path    string // "/" or "/a/b"
	fd      int
	refused []refusal // why controllers are absent, for explain
}

func newCgroup(h Hierarchy, path string, fd int) *Cgroup {
	return &Cgroup{processes: processes{dir{h: h, path: path, fd: fd}}}
}

// Open returns the existing cgroup at path, which is relative to the root of
// the hierarchy with or without a leading slash. The error is ErrNotExist if
// there is none, but not if the hierarchy itself is not there.
func (h Hierarchy) Open(path string) (*Cgroup, error) {
	names, err := split(path)
	if err != nil {
		return nil, fmt.Errorf("open %w", err)
	}
	clean := "/" + strings.Join(names, "/")
	root, err := openRoot(h.Path)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: h.Path, Err: err}
	}
	if clean == "/" {
		return newCgroup(h, clean, root), nil
	}
	defer unix.Close(root)
	fd, err := openBelow(root, clean[1:])
	if err != nil {
		if err == unix.ENOENT || err == unix.ENODEV {
			err = ErrNotExist
		}
		return nil, &fs.PathError{Op: "open", Path: h.Path + clean, Err: err}
	}
	return newCgroup(h, clean, fd), nil
}

// openDir returns a descriptor for a clean path; the error is the bare errno.
func (h Hierarchy) openDir(clean string) (int, error) {
	root, err := openRoot(h.Path)
	if err != nil || clean == "/" {
		return root, err
	}
	defer unix.Close(root)
	return openBelow(root, clean[1:])
}

func openRoot(path string) (int, error) {
	return retry.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
}

// openBelow opens a directory without following a link or crossing a mount:
// what is mounted or linked inside the hierarchy is not part of it.
func openBelow(dirfd int, rel string) (int, error) {
	how := unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV,
	}
	return retry.Openat2(dirfd, rel, &how)
}

// Below opens an existing cgroup below this one. The error is ErrNotExist if
// there is none.
func (c *Cgroup) Below(path string) (*Cgroup, error) {
	names, err := split(path)
	if err != nil {
		return nil, fmt.Errorf("open %w", err)
	}
	return c.h.Open(strings.TrimSuffix(c.path, "/") + "/" + strings.Join(names, "/"))
}

// FD is the cgroup's directory, opened O_PATH and close-on-exec, as
// CLONE_INTO_CGROUP takes it (clone(2)). It belongs to d and is gone after
// Close.
func (d *dir) FD() int { return d.fd }

// Path is the cgroup's path in the hierarchy, such as "/pods/a".
func (d *dir) Path() string { return d.path }

// Dir is the cgroup's absolute path on the host.
func (d *dir) Dir() string { return d.h.Path + strings.TrimSuffix(d.path, "/") }

// ID returns the number of the cgroup, which no other will have as long as the machine
// runs, also not one that is made at the same path. It is that of the directory's inode.
func (d *dir) ID() (uint64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(d.fd, &st); err != nil {
		return 0, &fs.PathError{Op: "stat", Path: d.Dir(), Err: err}
	}
	return st.Ino, nil
}

// Close releases the descriptor. The cgroup itself stays.
func (d *dir) Close() error {
	fd := d.fd
	d.fd = -1
	return unix.Close(fd)
}

// Add moves process pid into the cgroup (all of its threads). Migration takes
// a lock that every fork and exit takes, and costs milliseconds: prefer to
// clone with [Cgroup.FD].
func (c *Cgroup) Add(pid int) error {
	err := writeAt(c.fd, "cgroup.procs", itoa(pid))
	if err == unix.EOPNOTSUPP {
		if threaded, _ := c.MakeThreaded(); threaded {
			err = writeAt(c.fd, "cgroup.procs", itoa(pid))
		}
	}
	if err != nil {
		return c.pathError("write", "cgroup.procs", err)
	}
	return nil
}

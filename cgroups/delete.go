package cgroups

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// deleteTimeout bounds how long Delete waits for killed processes to leave: a
// process in an uninterruptible sleep may never.
const deleteTimeout = 2 * time.Second

// Delete removes every cgroup below c, then those of the paths in created,
// innermost first: c itself and the parents that were made for it. created is
// what Create left in Created; where that was lost, the caller may say
// []string{c.Path()}. A directory that is not listed stays, and so does a
// parent that others use by now: it goes with the last of them, as does one that
// was made for another. What is gone already is not an error.
//
// Processes that were just killed are waited for, for a bounded time; then the
// error is a [*NotEmptyError]. c stays open and is of no more use.
func (c *Cgroup) Delete(created []string) error {
	root, err := openRoot(c.h.Path)
	if err != nil {
		return &fs.PathError{Op: "open", Path: c.h.Path, Err: err}
	}
	defer unix.Close(root)
	own := slices.Contains(created, c.path)
	deadline := time.Now().Add(deleteTimeout)
	for pause := 500 * time.Microsecond; ; pause = min(2*pause, 50*time.Millisecond) {
		err := c.removeTree(root, own)
		if err == nil || err == unix.ENOENT || err == unix.ENODEV {
			break
		}
		if err != unix.EBUSY {
			return &fs.PathError{Op: "rmdir", Path: c.Dir(), Err: err}
		}
		if !time.Now().Before(deadline) {
			return c.stillBusy()
		}
		// A process leaves the list shortly before the kernel releases the
		// directory, so an empty list is no guarantee: pause as well.
		err = c.waitEvent("populated", 0, deadline)
		if err != nil && !errors.Is(err, errTimeout) && !errors.Is(err, ErrNotExist) {
			return err
		}
		retry.Sleep(pause)
	}
	rest := make([]string, 0, len(created))
	for _, path := range created {
		if isAbove(path, c.path) {
			rest = append(rest, path)
		}
	}
	removeEmpty(root, rest)
	c.h.removeMarked(root, c.path)
	return nil
}

// DeleteParents removes what was made on the way to a cgroup that is gone, as far as
// it is unused.
func (h Hierarchy) DeleteParents(path string) {
	if root, err := openRoot(h.Path); err == nil {
		h.removeMarked(root, path)
		unix.Close(root)
	}
}

// removeMarked removes the empty cgroups above path that were made on the way to one. In
// one that another container is about to use Create starts over.
func (h Hierarchy) removeMarked(root int, below string) {
	for dir := path.Dir(below); len(dir) > 1; dir = path.Dir(dir) {
		_, err := unix.Lgetxattr(h.Path+dir, madeMark, nil)
		if err == nil {
			err = unix.Unlinkat(root, dir[1:], unix.AT_REMOVEDIR)
		}
		if err != nil && err != unix.ENOENT {
			return
		}
	}
}

// Abandon removes what [Hierarchy.Create] has made for c, as far as it is unused,
// and waits a moment for a process that was just killed.
func (c *Cgroup) Abandon() {
	const tries, pause = 20, 2 * time.Millisecond
	root, err := openRoot(c.h.Path)
	if err != nil {
		return
	}
	defer unix.Close(root)
	for range tries {
		removeEmpty(root, c.Created)
		c.h.removeMarked(root, c.path)
		if unix.Faccessat(c.fd, "cgroup.procs", unix.F_OK, 0) != nil {
			return
		}
		retry.Sleep(pause)
	}
}

// removeTree removes what is below c and, if own, c. The error is an errno.
func (c *Cgroup) removeTree(root int, own bool) error {
	if own {
		// Most cgroups have none below them: one call does.
		err := unix.Unlinkat(root, c.path[1:], unix.AT_REMOVEDIR)
		if err != unix.EBUSY && err != unix.ENOTEMPTY {
			return err
		}
	}
	err := walk(c.fd, func(parent int, name string) error {
		err := unix.Unlinkat(parent, name, unix.AT_REMOVEDIR)
		if err == unix.ENOENT {
			return nil
		}
		return err
	})
	if err != nil || !own {
		return err
	}
	return unix.Unlinkat(root, c.path[1:], unix.AT_REMOVEDIR)
}

func (c *Cgroup) stillBusy() error {
	procs, err := c.Procs()
	if errors.Is(err, ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(procs) == 0 {
		return &fs.PathError{Op: "rmdir", Path: c.Dir(), Err: unix.EBUSY}
	}
	return &fs.PathError{Op: "rmdir", Path: c.Dir(), Err: &NotEmptyError{c.path, len(procs)}}
}

// removeEmpty removes directories, innermost first, up to the first that is
// still in use.
func removeEmpty(root int, outermostFirst []string) {
	for _, path := range slices.Backward(outermostFirst) {
		err := unix.Unlinkat(root, strings.TrimPrefix(path, "/"), unix.AT_REMOVEDIR)
		if err != nil && err != unix.ENOENT {
			return
		}
	}
}

// isAbove reports whether the cgroup dir contains the cgroup path.
func isAbove(dir, path string) bool {
	return len(dir) > 1 && strings.HasPrefix(path, dir+"/")
}

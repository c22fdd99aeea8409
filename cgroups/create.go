package cgroups

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// refusal is a controller that a cgroup above would not enable.
type refusal struct {
	controller string
	dir        string // whose cgroup.subtree_control it was, in the hierarchy
	err        error
}

// createTries bounds how often Create starts over when another process removes a
// directory on the way: the end of one container takes the parent that it made
// along, while another is being made below it.
const createTries = 10

// Create makes the cgroup at path and everything missing above it, and enables
// every controller that can be enabled on the way down. A controller that a
// parent refuses is not an error until a limit asks for it.
//
// A cgroup that exists is taken only if nothing lives in it: else the error is
// a [*NotEmptyError], or ErrFrozen if it or one above it is frozen. After an
// error nothing that Create made is left; after success Created lists it.
func (h Hierarchy) Create(path string) (*Cgroup, error) {
	names, err := split(path)
	if err != nil {
		return nil, fmt.Errorf("create %w", err)
	}
	if len(names) == 0 {
		return nil, errors.New("create cgroup: the root of the hierarchy cannot be a container's cgroup")
	}
	for try := 1; ; try++ {
		d := descent{newCgroup(h, "", -1)}
		err := d.descend(names)
		if err == nil {
			if err = d.unused(); err == nil {
				return d.Cgroup, nil
			}
		}
		d.undo()
		raced := errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) || errors.Is(err, ErrNotExist)
		if !raced || try == createTries {
			return nil, err
		}
	}
}

// Adopt opens a cgroup that another program has made, and used, and enables on the
// way down every controller that can be enabled, as [Hierarchy.Create] does.
func (h Hierarchy) Adopt(path string) (*Cgroup, error) {
	names, err := split(path)
	if err != nil {
		return nil, fmt.Errorf("open %w", err)
	}
	d := descent{newCgroup(h, "", -1)}
	err = d.descend(names)
	if err == nil && len(d.Created) > 0 {
		err = &fs.PathError{Op: "open", Path: d.Dir(), Err: ErrNotExist}
	}
	if err != nil {
		d.undo()
		return nil, err
	}
	return d.Cgroup, nil
}

// Sub makes a cgroup below c, or opens the one that is there.
func (c *Cgroup) Sub(name string) (*Cgroup, error) {
	if names, err := split(name); err != nil || len(names) != 1 || names[0] != name {
		return nil, fmt.Errorf("create cgroup: %q is not a name", name)
	}
	fd, err := openBelow(c.fd, ".")
	if err != nil {
		return nil, c.pathError("open", "", err)
	}
	sub := descent{newCgroup(c.h, c.path, fd)}
	if _, err := sub.enter(name); err != nil {
		sub.Close()
		return nil, err
	}
	return sub.Cgroup, nil
}

// descent is a cgroup that is being made: it is the one above until what is below is
// there.
type descent struct{ *Cgroup }

// descend walks d from the root to names, making what is missing.
func (d descent) descend(names []string) error {
	fd, err := openRoot(d.h.Path)
	if err != nil {
		return &fs.PathError{Op: "open", Path: d.h.Path, Err: err}
	}
	d.fd, d.path = fd, "/"
	// What a child can have is what its parent enables, so one read at the top
	// is enough for all levels.
	have, err := readAt(fd, "cgroup.controllers")
	if err != nil {
		return &fs.PathError{Op: "read", Path: d.h.Path + "/cgroup.controllers", Err: err}
	}
	controllers, fresh := string(have), false
	for _, name := range names {
		if fresh {
			d.mark()
		}
		if controllers, err = d.enable(controllers, fresh); err != nil {
			return err
		}
		if fresh, err = d.enter(name); err != nil {
			return err
		}
	}
	return nil
}

// madeMark is the extended attribute of a cgroup that was made on the way to another: it
// is removed with the last one below, whichever container made it.
const madeMark = "user.crun-go.made"

// mark sets it. Where the kernel does not, the cgroup goes with the one it was made for,
// or stays.
func (d descent) mark() { unix.Lsetxattr(d.Dir(), madeMark, []byte("1"), 0) }

// enter makes the directory name below d, if it is missing, and moves d there.
func (d descent) enter(name string) (fresh bool, err error) {
	path := strings.TrimSuffix(d.path, "/") + "/" + name
	switch err := unix.Mkdirat(d.fd, name, 0o755); err {
	case nil:
		fresh = true
		d.Created = append(d.Created, path)
	case unix.EEXIST:
	case unix.EAGAIN:
		return false, &fs.PathError{Op: "mkdir", Path: d.h.Path + path, Err: d.full()}
	default:
		return false, &fs.PathError{Op: "mkdir", Path: d.h.Path + path, Err: err}
	}
	fd, err := openBelow(d.fd, name)
	if err != nil {
		return false, &fs.PathError{Op: "open", Path: d.h.Path + path, Err: err}
	}
	unix.Close(d.fd)
	d.fd, d.path = fd, path
	return fresh, nil
}

// enable hands every controller in the list down to the children of d, and
// returns those that they have then. A refusal is noted, not an error: it
// matters only to a limit.
func (d descent) enable(controllers string, fresh bool) (string, error) {
	const file = "cgroup.subtree_control"
	var have string
	if !fresh && strings.TrimSpace(controllers) != "" {
		b, err := readAt(d.fd, file)
		if err != nil {
			return "", &fs.PathError{Op: "read", Path: d.Dir() + "/" + file, Err: err}
		}
		have = string(b)
	}
	var missing []string
	for name := range strings.FieldsSeq(controllers) {
		if !hasWord(have, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return controllers, nil
	}
	if !fresh && d.wouldThread(have, missing) {
		d.refuse(missing, unix.EBUSY)
		return have, nil
	}
	switch err := writeAt(d.fd, file, "+"+strings.Join(missing, " +")); err {
	case nil:
		return controllers, nil
	case unix.EBUSY, unix.EOPNOTSUPP, unix.EACCES, unix.EPERM, unix.EROFS:
		d.refuse(missing, err) // whatever the controller
		return have, nil
	}
	// The write is all or nothing: find out which one is to blame. Domain
	// controllers go first, because they are stopped by a process that
	// wouldThread did not see yet.
	slices.SortStableFunc(missing, func(a, b string) int { return isThreaded(a) - isThreaded(b) })
	for i, name := range missing {
		err := writeAt(d.fd, file, "+"+name)
		if err == unix.EBUSY {
			d.refuse(missing[i:], err)
			break
		}
		if err != nil {
			d.refuse(missing[i:i+1], err)
			continue
		}
		have += " " + name
	}
	return have, nil
}

// refuse notes that d does not enable the controllers for its children.
func (d descent) refuse(controllers []string, err error) {
	for _, name := range controllers {
		d.refused = append(d.refused, refusal{name, d.path, err})
	}
}

// wouldThread reports whether enabling the missing controllers would turn d into
// the root of a threaded subtree, below which no process can start. The kernel
// does that without an error if c has processes and only controllers that can
// count threads are enabled; a domain controller among them is refused instead
// (cgroup-v2.rst, "Threads"). The real root is exempt, and has no cgroup.type.
func (d descent) wouldThread(have string, missing []string) bool {
	for name := range strings.FieldsSeq(have) {
		if isThreaded(name) == 0 {
			return false // so there are no processes
		}
	}
	for _, name := range missing {
		if isThreaded(name) == 0 {
			return false // so the kernel looks
		}
	}
	if unix.Faccessat(d.fd, "cgroup.type", unix.F_OK, 0) != nil {
		return false
	}
	procs, err := readAt(d.fd, "cgroup.procs")
	return err == nil && len(procs) > 0
}

// isThreaded is 1 for threaded controllers, else 0.
func isThreaded(controller string) int {
	switch controller {
	case "cpu", "cpuset", "perf_event", "pids":
		return 1
	}
	return 0
}

// unused refuses a cgroup in which a container could not start. A directory
// just made is looked at too: below a frozen cgroup it starts frozen.
func (d descent) unused() error {
	events, err := d.read("cgroup.events")
	if err != nil {
		return err
	}
	if populated, _ := flatKey(events, "populated"); populated != 0 {
		procs, err := d.Procs()
		if err != nil {
			return err
		}
		return &NotEmptyError{d.path, len(procs)}
	}
	if frozen, _ := flatKey(events, "frozen"); frozen != 0 {
		return fmt.Errorf("create %q: %w", d.Dir(), ErrFrozen)
	}
	return nil
}

// undo removes what descend made. Somebody may use it by now; then it stays.
func (d descent) undo() {
	if d.fd >= 0 {
		d.Close()
	}
	root, err := openRoot(d.h.Path)
	if err != nil {
		return
	}
	defer unix.Close(root)
	removeEmpty(root, d.Created)
}

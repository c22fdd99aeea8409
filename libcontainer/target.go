package libcontainer

import (
	"bytes"
	"fmt"
	"os"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/spawn"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// Target is the container's init, as a process that enters the container finds it: its
// namespaces, held open.
type Target struct {
	PidFD   int // -1: none
	Joins   []spawn.Join
	Names   []specs.LinuxNamespaceType // of joins
	PIDLast int                        // its pid namespace, if that is to be joined last; or -1
	Root    int                        // its root, if that is one of chroot(2); or -1

	UID, GID        int // of the user namespace's root
	UIDs            []specs.LinuxIDMapping
	SetgroupsDenied bool
}

// NoTarget has nothing open.
var NoTarget = Target{PidFD: -1, PIDLast: -1, Root: -1}

// Enterable lists the kinds of namespaces that exec joins, in that order.
var Enterable = [...]specs.LinuxNamespaceType{
	specs.CgroupNamespace, specs.IPCNamespace, specs.UTSNamespace, specs.NetworkNamespace,
	specs.TimeNamespace, specs.MountNamespace, specs.PIDNamespace, specs.UserNamespace,
}

// NamespacesError means that a container's namespaces can't be opened.
type NamespacesError struct{ Err error }

func (e *NamespacesError) Error() string { return "the container's namespaces: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *NamespacesError) Unwrap() error { return e.Err }

// Open opens init's namespaces of some kinds, but those that are the runtime's
// own, too. All is done through one descriptor of /proc/PID.
func (t *Target) Open(c *Container, kinds []specs.LinuxNamespaceType) error {
	var err error
	if t.PidFD, err = c.Journal.Init.UncheckedPidfd(); err != nil {
		return err
	}
	init, err := c.Journal.Init.Open()
	if err != nil {
		return err
	}
	defer init.Close()
	namespaces, err := init.Open("ns", unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(namespaces)
	if !c.Journal.HasNamespace(specs.MountNamespace) {
		if t.Root, err = init.OpenRoot(); err != nil {
			return err
		}
	}
	user := -1
	for _, kind := range kinds {
		fd, err := foreignNamespace(namespaces, kind)
		if err != nil {
			return &NamespacesError{err}
		}
		switch {
		case fd < 0:
			continue
		case kind == specs.PIDNamespace:
			t.PIDLast = fd
			continue
		case kind == specs.UserNamespace:
			user = fd
		}
		t.add(kind, fd)
	}
	if user < 0 {
		return nil
	}
	if t.PIDLast >= 0 && !sys.Owns(user, t.PIDLast) {
		// Once the user namespace is joined, the pid namespace is out of reach.
		// Its owner is above, so that the container's root can't trace what was
		// executed from a file it can't read (spawn.SealedSelf).
		t.add(specs.PIDNamespace, t.PIDLast)
		t.PIDLast = -1
	}
	return t.readIDs(init)
}

func (t *Target) add(kind specs.LinuxNamespaceType, fd int) {
	t.Joins = append(t.Joins, spawn.Join{FD: fd, Type: proc.NamespaceOf(kind).Flag})
	t.Names = append(t.Names, kind)
}

// Take hands out a namespace that is not to be joined with the others; -1 if it
// is the runtime's own.
func (t *Target) Take(kind specs.LinuxNamespaceType) int {
	i := slices.Index(t.Names, kind)
	if i < 0 {
		return -1
	}
	fd := t.Joins[i].FD
	t.Joins, t.Names = slices.Delete(t.Joins, i, i+1), slices.Delete(t.Names, i, i+1)
	return fd
}

// Types lists what init joins before it is executed.
func (t *Target) Types() []specs.LinuxNamespaceType { return t.Names }

// Stays reports whether the process that joins is the one to execute.
func (t *Target) Stays() bool {
	for _, j := range t.Joins {
		if j.Type == unix.CLONE_NEWPID {
			return false
		}
	}
	return true
}

// Close closes what is open.
func (t *Target) Close() {
	for _, j := range t.Joins {
		unix.Close(j.FD)
	}
	for _, fd := range [...]int{t.PIDLast, t.PidFD, t.Root} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	*t = NoTarget
}

// foreignNamespace opens a process's namespace, below its directory in /proc;
// -1 if it is also this process's own.
func foreignNamespace(dir int, kind specs.LinuxNamespaceType) (int, error) {
	name := proc.NamespaceOf(kind).File
	fd, err := retry.Openat(dir, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT && unix.Access("/proc/self/ns/"+name, unix.F_OK) == unix.ENOENT {
		return -1, nil // a kernel without it
	}
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: "ns/" + name, Err: err}
	}
	same, err := sys.DescriptorIsOf(fd, "/proc/self/ns/"+name)
	if err != nil || same {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// readIDs finds the user to become in the user namespace: its root or, if it
// has none, the first id it has.
func (t *Target) readIDs(init sys.Proc) error {
	var gids []specs.LinuxIDMapping
	for _, m := range [...]struct {
		file string
		maps *[]specs.LinuxIDMapping
		id   *int
	}{{"uid_map", &t.UIDs, &t.UID}, {"gid_map", &gids, &t.GID}} {
		data, err := init.Read(m.file)
		if err == nil {
			*m.maps, err = proc.ParseIDMap(data)
		}
		if err != nil {
			return fmt.Errorf("read %s of the container: %w", m.file, err)
		}
		*m.id = spawn.Root(*m.maps)
	}
	data, err := init.Read("setgroups")
	t.SetgroupsDenied = err == nil && bytes.HasPrefix(data, []byte("deny"))
	return nil
}

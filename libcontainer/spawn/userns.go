package spawn

import (
	"bytes"
	"errors"
	"os"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// IDMaps are the mappings of a user namespace, see user_namespaces(7).
type IDMaps struct{ UIDs, GIDs []specs.LinuxIDMapping }

// Write writes the maps for a process in a new user namespace. With the
// privileges it takes the kernel's files are written directly; else a single
// id that is the caller's own maps itself, and more need the set-uid helpers
// newuidmap and newgidmap. The error is a *MapError.
func (m *IDMaps) Write(pid int) error {
	if err := uids.write(pid, m.UIDs); err != nil {
		return err
	}
	return gids.write(pid, m.GIDs)
}

// SetGroups reports whether setgroups(2) works in a namespace with these maps.
func (m *IDMaps) SetGroups() bool {
	if os.Geteuid() == 0 {
		setgroups, err := sys.ReadFile("/proc/self/setgroups", 64)
		return err != nil || !bytes.HasPrefix(setgroups, []byte("deny"))
	}
	return !single(m.GIDs, os.Getegid())
}

// idKind is what differs between the map of users and that of groups.
type idKind struct {
	helper string // the set-uid program
	file   string // of /proc/PID
	ranges string // where the administrator gives users ranges of ids, see subuid(5)
	own    func() int
}

var (
	uids = idKind{"newuidmap", "uid_map", "/etc/subuid", os.Geteuid}
	gids = idKind{"newgidmap", "gid_map", "/etc/subgid", os.Getegid}
)

func (k *idKind) write(pid int, maps []specs.LinuxIDMapping) error {
	root := os.Geteuid() == 0
	if !root && !single(maps, k.own()) {
		return k.help(pid, maps)
	}
	proc, err := sys.HostProc()
	if err != nil {
		return err
	}
	defer proc.Close()
	dir := strconv.Itoa(pid) + "/"
	if !root && k == &gids {
		// An unprivileged gid map is only allowed without setgroups(2): groups
		// could be dropped that deny access (CVE-2014-8989).
		if err := proc.Write(dir+"setgroups", "deny"); err != nil {
			return err
		}
	}
	if err := proc.Write(dir+k.file, mapText(maps)); err != nil {
		return k.refused(maps, err)
	}
	return nil
}

func single(maps []specs.LinuxIDMapping, id int) bool {
	return len(maps) == 1 && maps[0].Size == 1 && int(maps[0].HostID) == id
}

// Root returns the container id that its root has: 0, or the first that is
// mapped.
func Root(maps []specs.LinuxIDMapping) int {
	for _, m := range maps {
		if m.ContainerID == 0 {
			return 0
		}
	}
	if len(maps) == 0 {
		return 0
	}
	return int(maps[0].ContainerID)
}

func mapText(maps []specs.LinuxIDMapping) string {
	var b []byte
	for _, m := range maps {
		b = strconv.AppendUint(b, uint64(m.ContainerID), 10)
		b = append(b, ' ')
		b = strconv.AppendUint(b, uint64(m.HostID), 10)
		b = append(b, ' ')
		b = strconv.AppendUint(b, uint64(m.Size), 10)
		b = append(b, '\n')
	}
	return string(b)
}

// errGotNamespace stops the spawn of a process that was only wanted for its
// namespaces.
var errGotNamespace = errors.New("got the namespace")

// UserNamespace makes a user namespace with these maps and returns a
// descriptor of it. No process is left in it.
func UserNamespace(maps IDMaps) (int, error) {
	proc, err := sys.HostProc()
	if err != nil {
		return -1, err
	}
	defer proc.Close()
	return newNamespace(proc, unix.CLONE_NEWUSER, "user", maps.Write)
}

// ForeignMounts copies this thread's mount namespace for a user namespace of its
// own, and returns a descriptor of the copy. No process is left in it. proc is the
// host's procfs.
func ForeignMounts(proc sys.Proc) (int, error) {
	return newNamespace(proc, unix.CLONE_NEWUSER|unix.CLONE_NEWNS, "mnt", func(int) error { return nil })
}

// newNamespace makes namespaces, a user namespace among them, and returns a
// descriptor of the one with a name. prepare is given a process that is in them.
func newNamespace(proc sys.Proc, flags int, name string, prepare func(pid int) error) (int, error) {
	ns := -1
	_, err := Start(&Config{Cgroup: -1, Exe: -1, New: flags, MapIDs: func(pid int) error {
		if err := prepare(pid); err != nil {
			return err
		}
		path := strconv.Itoa(pid) + "/ns/" + name // a magic link of the kernel's
		fd, err := retry.Openat(proc.FD(), path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return &os.PathError{Op: "open", Path: "/proc/" + path, Err: err}
		}
		ns = fd
		return errGotNamespace
	}})
	if ns < 0 {
		return -1, err
	}
	return ns, nil
}

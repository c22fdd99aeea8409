package advice

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups/systemd"
	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/resource"
)

// userCgroup is how an ordinary user gets a cgroup.
const userCgroup = "use --systemd-cgroup, so that the user's systemd makes the cgroup, or start from a scope of " +
	"its own: systemd-run --user --scope -p Delegate=yes ..."

// cgroup is for cgroups that a container does not have or can't get.
func cgroup(err error) string {
	var moved *libcontainer.MovedError
	var apart *resource.EnterError
	var unit *systemd.UnitExistsError
	var failed *fs.PathError
	switch {
	case errors.Is(err, libcontainer.ErrNoCgroup):
		return "recreate the container: " + userCgroup
	case errors.As(err, &moved):
		return "init was moved: recreate the container"
	case errors.As(err, &apart):
		return enterHint(apart)
	case errors.As(err, &unit):
		return fmt.Sprintf("another container's, or none of a container: see \"systemctl status %s\", with --user if it is the user's", unit.Unit)
	case errors.Is(err, systemd.ErrNoSystemd):
		return "--systemd-cgroup requires systemd: the machine's init or, for an ordinary user, that of a login session (or of \"loginctl enable-linger\"); " +
			"without one use --cgroup-manager cgroupfs"
	case errors.As(err, &failed) && failed.Op == "make threaded":
		return "choose a place outside of the threaded subtree that it is in"
	}
	return ""
}

// cgroupHint is for a cgroup that could not be made for a field.
func cgroupHint(field string, err error) string {
	switch {
	case errors.Is(err, unix.EROFS):
		return "cgroups are read-only here, as in most containers: give the outer one a cgroup namespace and /sys/fs/cgroup read-write; " +
			"with --rootless=true, containers without limits do without a cgroup"
	case !errors.Is(err, unix.EACCES) && !errors.Is(err, unix.EPERM):
		return ""
	case strings.HasPrefix(field, "linux.resources"):
		return "this user cannot make cgroups there: " + userCgroup + "; or leave out the limits"
	}
	return "this user cannot make cgroups there: have one delegated and name it in linux.cgroupsPath, " + userCgroup +
		"; or leave out linux.cgroupsPath and all limits"
}

// enterHint names a place from which a process may be put into the cgroup.
func enterHint(e *resource.EnterError) string {
	if strings.Contains(e.To, "/user@") {
		return "start from inside of the user's systemd: systemd-run --user --scope ..."
	}
	return fmt.Sprintf("start from a process in %q, or have cgroup.procs of %q given to the user", path.Dir(e.To), common(e.From, e.To))
}

// common is the innermost cgroup that two are in.
func common(a, b string) string {
	for !strings.HasPrefix(b+"/", strings.TrimSuffix(a, "/")+"/") {
		a = path.Dir(a)
	}
	return a
}

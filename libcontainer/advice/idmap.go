package advice

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/spawn"
)

// userNamespaceSysctls are distributions' ways to keep user namespaces from users.
const userNamespaceSysctls = "see the sysctls kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns"

// idMap is for maps of ids that could not be written.
func idMap(err error) string {
	var e *spawn.MapError
	if !errors.As(err, &e) {
		return ""
	}
	kind, own := "uid", os.Geteuid()
	if e.Groups {
		kind, own = "gid", os.Getegid()
	}
	switch e.Why {
	case spawn.NoHelper:
		return fmt.Sprintf("install newuidmap and newgidmap (package uidmap), or map one id: {\"containerID\": 0, \"hostID\": %d, \"size\": 1}", own)
	case spawn.NotGiven:
		uid := os.Geteuid()
		return fmt.Sprintf("add a line %s:%d:%d to /etc/sub%s, or map ids that the user has there",
			cmp.Or(proc.UserName(uid), strconv.Itoa(uid)), e.Mapping.HostID, e.Mapping.Size, kind)
	case spawn.HelperFails:
		if bound, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); err == nil && bound == 1 {
			return "no_new_privs is set: new" + kind + "map gets no privileges from there"
		}
		return "new" + kind + "map needs to be set-uid root, or have the file capability to set ids, on a filesystem mounted without nosuid"
	case spawn.NotOwned:
		return "map ids that /proc/self/" + kind + "_map has in its first column"
	case spawn.Unprivileged:
		return userNamespaceSysctls
	}
	return ""
}

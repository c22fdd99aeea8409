package cgroups

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// Delegate gives the cgroup to a user, which may then make cgroups in it and move
// its own processes between them, and cannot change its limits: the directory
// and the files that the kernel lists in /sys/kernel/cgroup/delegate change
// owner (cgroup-v2.rst, "Model of Delegation"). -1 keeps the user or group.
//
// For a container this is safe only in a cgroup namespace of its own.
func (c *Cgroup) Delegate(uid, gid int) error {
	list, err := retry.ReadFile("/sys/kernel/cgroup/delegate")
	if err != nil { // sysfs is not mounted, or Linux before 4.15
		list = []byte("cgroup.procs cgroup.threads cgroup.subtree_control")
	}
	if err := unix.Fchownat(c.fd, "", uid, gid, unix.AT_EMPTY_PATH); err != nil {
		return c.pathError("chown", "", err)
	}
	for file := range strings.FieldsSeq(string(list)) {
		err := unix.Fchownat(c.fd, file, uid, gid, unix.AT_SYMLINK_NOFOLLOW)
		// The list names files of all controllers, also of those that are
		// not enabled here.
		if err != nil && err != unix.ENOENT {
			return c.pathError("chown", file, err)
		}
	}
	return nil
}
